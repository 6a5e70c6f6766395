//! The words of `global_defs` about programs that are run.

use super::GlobalTerm;
use crate::config::keyword::{
    Kind, Word,
    words::{PATIENCE, word},
};

/// About programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum RunTerm {
    User,
    Security,
    SymlinkPaths,
    SupplementaryGroups,
    Startup,
    StartupTimeout,
    Shutdown,
    ShutdownTimeout,
}

const AT_STARTUP: &str = "it is not run; `ExecStartPre=` in the unit file does the same";
const AT_SHUTDOWN: &str = "it is not run; `ExecStopPost=` in the unit file does the same";

pub(super) const WORDS: &[Word<GlobalTerm>] = &[
    word(
        "script_user",
        Kind::User,
        "who runs scripts that do not say their user",
        "script_user keepalived_script",
        GlobalTerm::Run(RunTerm::User),
    )
    .default("the agent's own")
    .everyday(),
    word(
        "enable_script_security",
        Kind::Flag,
        "root runs no script that another user could change",
        "enable_script_security",
        GlobalTerm::Run(RunTerm::Security),
    )
    .everyday()
    .not_yet("scripts run as their user says, also those that another user could change"),
    word(
        "use_symlink_paths",
        Kind::Switch,
        "symbolic links in paths of scripts are not resolved",
        "use_symlink_paths",
        GlobalTerm::Run(RunTerm::SymlinkPaths),
    )
    .default("off")
    .rare()
    .since("2.3")
    .without_effect("paths of scripts are used as they are written"),
    word(
        "set_supplementary_groups",
        Kind::Flag,
        "scripts run with all groups of their user",
        "set_supplementary_groups",
        GlobalTerm::Run(RunTerm::SupplementaryGroups),
    )
    .rare()
    .since("2.3")
    .not_yet("scripts run with one group alone"),
    word(
        "startup_script",
        Kind::Command,
        "run once before anything else",
        "startup_script /etc/regent/up.sh",
        GlobalTerm::Run(RunTerm::Startup),
    )
    .not_yet(AT_STARTUP),
    word(
        "startup_script_timeout",
        PATIENCE,
        "seconds that it may take",
        "startup_script_timeout 10",
        GlobalTerm::Run(RunTerm::StartupTimeout),
    )
    .default("10")
    .not_yet(AT_STARTUP),
    word(
        "shutdown_script",
        Kind::Command,
        "run once after everything else",
        "shutdown_script /etc/regent/down.sh",
        GlobalTerm::Run(RunTerm::Shutdown),
    )
    .not_yet(AT_SHUTDOWN),
    word(
        "shutdown_script_timeout",
        PATIENCE,
        "seconds that it may take",
        "shutdown_script_timeout 10",
        GlobalTerm::Run(RunTerm::ShutdownTimeout),
    )
    .default("10")
    .not_yet(AT_SHUTDOWN),
];
