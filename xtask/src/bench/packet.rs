//! Nanoseconds for each packet in the XDP program, by the kernel's own test run: see the example `xdp_cost` of the tests.

use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::table::{Cell, Table};
use crate::process;

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
        let figure = row["figure"].as_str().unwrap_or("?");
        let runs = row["runs"].as_u64().and_then(|runs| u32::try_from(runs).ok()).unwrap_or(1);
        let cell = Cell { median: written(&row["median"]), worst: written(&row["worst"]) };
        table.row(
            format!("XDP, ns per packet over an empty program ({} ns): {figure}", written(&row["empty"])),
            runs,
            vec![cell],
        );
    }
    Ok(())
}

fn written(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}
