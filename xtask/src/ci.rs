//! `cargo xtask ci`: what every change must pass, by the one list of it, `.ci/run`.

use std::process::Command;

use anyhow::Result;

use crate::process::{run as finish, workspace};

/// Runs the list.
///
/// # Errors
/// When a step failed; all of them were run.
pub fn run() -> Result<()> {
    finish(&mut Command::new(workspace().join(".ci/run")))
}
