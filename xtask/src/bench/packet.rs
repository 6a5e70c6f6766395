//! Nanoseconds for each packet in the XDP program, by the kernel's own test run: see the example `xdp_cost` of the tests.

use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::table::{Cell, Goal, Table, Unit};
use crate::process;

/// What each kind of packet may cost over an empty program.
const BOUNDS: [(&str, u64); 5] = [
    ("foreign_tcp", 5),
    ("accepted_without_ring", 90),
    ("accepted_with_ring", 125),
    ("arp_answered", 95),
    ("neighbor_solicitation_answered", 115),
];
/// How many instructions the kernel's verifier may walk through, all programs together.
const VERIFIED: u64 = 20_000;

/// Measures and adds a row for each kind of packet.
///
/// # Errors
/// When the measuring program cannot be built or fails.
pub fn measure(table: &mut Table) -> Result<()> {
    eprintln!("bench: nanoseconds for each packet");
    let mut command = process::cargo();
    command.args(["run", "--quiet", "--release", "--package", "regent-tests", "--example", "xdp_cost"]);
    let output = command.stderr(Stdio::inherit()).output().context("start xdp_cost")?;
    ensure!(output.status.success(), "xdp_cost: {}", output.status);
    for line in String::from_utf8_lossy(&output.stdout).lines().filter(|line| line.starts_with('{')) {
        let row: Value = serde_json::from_str(line).with_context(|| format!("read {line:?}"))?;
        if let Some(walked) = row["verified_instructions"].as_u64() {
            let figure = "instructions that the verifier walks in all programs".to_owned();
            table.row(figure, 1, Unit::Count, Goal::Worst(VERIFIED), vec![Cell::of([walked])]);
            continue;
        }
        let name = row["figure"].as_str().unwrap_or("?");
        let runs = row["runs"].as_u64().and_then(|runs| u32::try_from(runs).ok()).unwrap_or(1);
        let bound = BOUNDS.iter().find(|(figure, _)| *figure == name);
        let goal = bound.map_or(Goal::Shown, |(_, bound)| Goal::Median(*bound));
        let cell = Cell { median: row["median"].as_u64(), worst: row["worst"].as_u64() };
        let empty = row["empty"].as_u64().unwrap_or(0);
        let figure = format!("XDP packet over an empty program ({empty} ns): {name}");
        table.row(figure, runs, Unit::Nanoseconds, goal, vec![cell]);
    }
    Ok(())
}
