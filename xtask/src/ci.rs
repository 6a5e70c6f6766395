//! `cargo xtask ci`: what every change must pass, by the one list of it, `.ci/run`.

use std::{path::Path, process::Command};

use anyhow::{Context, Result, ensure};

/// Runs the list.
///
/// # Errors
/// When a step failed; all of them were run.
pub fn run() -> Result<()> {
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.ci/run");
    let status = Command::new(&list).status().with_context(|| format!("start {}", list.display()))?;
    ensure!(status.success(), "not every step passed: see above");
    Ok(())
}
