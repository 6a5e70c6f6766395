//! ARP replies in a second on one processor: the XDP program, and the kernel's own stack, which answers where keepalived
//! runs. See the example `flood` of the tests.

use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{
    Effort,
    table::{Cell, Goal, Table, Unit},
};
use crate::process;

/// How many times the kernel's rate is asked for, in hundredths.
const TIMES: u64 = 350;

/// Measures both and adds a row for each number of stations that ask.
///
/// # Errors
/// When the measuring program cannot be built or fails, which it does when a request is not answered.
pub fn measure(effort: &Effort, table: &mut Table) -> Result<()> {
    eprintln!("bench: {} runs of ARP replies on one processor", effort.floods);
    let mut command = process::cargo();
    command.args(["run", "--quiet", "--release", "--package", "regent-tests", "--example", "flood"]);
    command.args(["--", "rate", &effort.floods.to_string(), &effort.flood.as_millis().to_string()]);
    let output = command.stderr(Stdio::inherit()).output().context("start flood")?;
    ensure!(output.status.success(), "flood: {}", output.status);
    let mut rows: Vec<(u64, Vec<Cell>)> = Vec::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let row: Value = serde_json::from_str(line).with_context(|| format!("read {line:?}"))?;
        let stations = row["stations"].as_u64().unwrap_or(0);
        let rates = row["rates"].as_array().map_or(&[][..], Vec::as_slice);
        let cell = Cell::rates(rates.iter().filter_map(Value::as_u64));
        match rows.last_mut().filter(|(of, _)| *of == stations) {
            Some((_, cells)) => cells.push(cell),
            None => rows.push((stations, vec![cell])),
        }
    }
    for (stations, cells) in rows {
        let asked =
            if stations == 1 { "1 station asks".to_owned() } else { format!("{stations} stations ask") };
        let figure = format!("ARP replies a second on one core, XDP beside the kernel: {asked}");
        table.row(figure, effort.floods, Unit::Rate, Goal::TimesPeer(TIMES), cells);
    }
    Ok(())
}
