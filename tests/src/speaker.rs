//! A VRRP daemon of either make, for scenarios that must hold whoever is on which side.

use std::{fmt, process::ExitStatus, time::Duration};

use anyhow::Result;

use crate::{
    agent::{Agent, Options, Rung},
    group::Group,
    keepalived::Keepalived,
    node::Node,
    process::Process,
};

/// Which make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Make {
    /// The agent, on a rung.
    Agent(Rung),
    /// keepalived.
    Keepalived,
}

impl fmt::Display for Make {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Agent(rung) => write!(f, "agent_{}", rung.word()),
            Self::Keepalived => f.write_str("keepalived"),
        }
    }
}

/// A running daemon.
#[derive(Debug)]
pub enum Speaker {
    /// The agent.
    Agent(Agent),
    /// keepalived.
    Keepalived(Keepalived),
}

impl Speaker {
    /// Starts one of that make on `node`.
    ///
    /// # Errors
    /// When it is not there or does not come up.
    pub fn start(make: Make, node: &Node, group: &Group) -> Result<Self> {
        Self::start_text(make, node, &group.text())
    }

    /// As [`Self::start`], with the text of a whole config.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_text(make: Make, node: &Node, text: &str) -> Result<Self> {
        match make {
            Make::Agent(rung) => Agent::start(node, &Options::config(text).on(rung)).map(Self::Agent),
            Make::Keepalived => Keepalived::start(node, text).map(Self::Keepalived),
        }
    }

    /// Its process.
    pub const fn process(&mut self) -> &mut Process {
        match self {
            Self::Agent(agent) => &mut agent.process,
            Self::Keepalived(keepalived) => &mut keepalived.process,
        }
    }

    /// Waits until its log has said so many times that it entered `state`.
    ///
    /// # Errors
    /// When it does not within `timeout`.
    pub fn wait_entering(&mut self, state: &str, times: usize, timeout: Duration) -> Result<()> {
        self.process().wait_for_log(&format!("Entering {state} STATE"), times, timeout)
    }

    /// How often its log said that it entered `state`.
    pub fn entered(&mut self, state: &str) -> usize {
        self.process().count(&format!("Entering {state} STATE"))
    }

    /// SIGTERM; returns how it ended.
    ///
    /// # Errors
    /// When it does not end.
    pub fn stop(&mut self) -> Result<ExitStatus> {
        match self {
            Self::Agent(agent) => agent.stop(),
            Self::Keepalived(keepalived) => keepalived.stop(),
        }
    }

    /// SIGKILL.
    ///
    /// # Errors
    /// When it has ended before.
    pub fn kill(&mut self) -> Result<()> {
        self.process().kill()
    }
}
