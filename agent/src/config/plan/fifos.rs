//! Pipes that events are written to, line by line.

use std::path::PathBuf;

use serde::Serialize;

use super::{Command, RunAs};

/// The pipes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FifosPlan {
    /// `notify_fifo`: all events.
    pub all: FifoPlan,
    /// `vrrp_notify_fifo`: events of instances and sync groups.
    pub vrrp: FifoPlan,
    /// `lvs_notify_fifo`: events of virtual and real servers.
    pub ipvs: FifoPlan,
    /// `vrrp_notify_priority_changes`: of instances and groups that do not say theirs.
    pub priority_changes: bool,
    /// `fifo_write_vrrp_states_on_reload`.
    pub states_on_reload: bool,
}

/// One pipe.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FifoPlan {
    /// The pipe; `None`: nothing is written.
    pub path: Option<PathBuf>,
    /// Who owns it; `None`: the agent.
    pub owner: Option<RunAs>,
    /// Run with the path as its last argument.
    pub script: Option<Command>,
}
