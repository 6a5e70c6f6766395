//! Programs that are run for the agent as a whole, and as whom programs run.

use serde::Serialize;

use super::{Command, RunAs};

/// About programs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ProgramsPlan {
    /// `script_user`: resolved already in every command that does not say its user; `None`: the agent's own.
    pub user: Option<RunAs>,
    /// `enable_script_security`: root runs no program that another user could change.
    pub security: bool,
    /// `use_symlink_paths`: links in paths are not resolved.
    pub symlink_paths: bool,
    /// `set_supplementary_groups`: with all groups of the user.
    pub supplementary_groups: bool,
    /// `startup_script`.
    pub startup: Option<ProgramOnce>,
    /// `shutdown_script`.
    pub shutdown: Option<ProgramOnce>,
}

/// A program that is run once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProgramOnce {
    /// The program.
    pub command: Command,
    /// When it is given up, in seconds: 1 to 1000.
    pub timeout_seconds: u16,
}
