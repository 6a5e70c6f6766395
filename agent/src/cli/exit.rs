//! The exit status of our own verbs. One list for the code, the help and the tests.

use std::process::ExitCode;

/// How a verb ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// As asked.
    Good,
    /// It failed.
    Failed,
    /// The command line makes no sense.
    Usage,
    /// No agent answers.
    NotReached,
    /// The config has errors.
    Config,
    /// The config has warnings, and they count.
    Warnings,
}

impl Status {
    /// The number.
    pub const fn number(self) -> u8 {
        match self {
            Self::Good => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NotReached => 3,
            Self::Config => 4,
            Self::Warnings => 5,
        }
    }
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        Self::from(status.number())
    }
}
