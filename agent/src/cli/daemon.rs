//! The daemon: from options to a running agent.

use anyhow::bail;

use super::{exit::Status, options::DaemonOptions};

/// Runs until a signal ends it.
///
/// # Errors
/// What was attempted, on what, and what to do.
pub fn run(options: DaemonOptions) -> anyhow::Result<Status> {
    let settled = options.work.clone().settle();
    bail!("the daemon is not wired up yet; it would run {settled:?}")
}
