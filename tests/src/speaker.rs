//! A VRRP daemon of any make, for scenarios that must hold whoever is on which side.

use std::{fmt, process::ExitStatus, time::Duration};

use anyhow::{Result, bail};
use regent_common::Family;

use crate::{
    agent::{Agent, Options, Rung},
    frame::Frame,
    frr::{self, Frr},
    group::Group,
    keepalived::Keepalived,
    node::Node,
    process::Process,
    punctual,
};

/// Which make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Make {
    /// The agent, on a rung.
    Agent(Rung),
    /// keepalived.
    Keepalived,
    /// FRR.
    Frr,
}

impl Make {
    /// Whether `frame` is a good advert of `group` that a daemon of this make sent from `node`. By its MAC too: the
    /// address alone may be a forger's, and FRR's routers all send from the same IPv6 address, the virtual one.
    pub fn is_advert(self, frame: &Frame, node: &Node, group: &Group) -> bool {
        let (mac, sources) = match self {
            Self::Agent(_) | Self::Keepalived => (node.mac(), vec![node.source(group.family())]),
            Self::Frr => match group.family() {
                Family::Ipv4 => (group.virtual_mac(), vec![node.source(Family::Ipv4)]),
                Family::Ipv6 => (group.virtual_mac(), group.addresses.clone()),
            },
        };
        frame.mac == mac && sources.iter().any(|&source| frame.is_advert(group.wire_vrid(), source))
    }

    /// Whether a daemon of this make has the group's address up on `node`. FRR's is always there: what counts is whether
    /// its macvlan is held down.
    ///
    /// # Errors
    /// When the host cannot be asked.
    pub fn holds(self, node: &Node, group: &Group) -> Result<bool> {
        match self {
            Self::Agent(_) | Self::Keepalived => node.has_address(group.address()),
            Self::Frr => frr::is_up(node, group),
        }
    }

    /// Whether a client whose frames to the virtual address go to `mac` is served by a daemon of this make on `node`.
    pub fn serves_with(self, mac: [u8; 6], node: &Node, group: &Group) -> bool {
        match self {
            Self::Agent(_) | Self::Keepalived => mac == node.mac(),
            Self::Frr => mac == group.virtual_mac(),
        }
    }
}

impl fmt::Display for Make {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Agent(rung) => write!(f, "agent_{}", rung.word()),
            Self::Keepalived => f.write_str("keepalived"),
            Self::Frr => f.write_str("frr"),
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
    /// FRR.
    Frr(Frr),
}

impl Speaker {
    /// Starts one of that make on `node`.
    ///
    /// # Errors
    /// When it is not there or does not come up.
    pub fn start(make: Make, node: &Node, group: &Group) -> Result<Self> {
        match make {
            Make::Agent(_) | Make::Keepalived => Self::start_text(make, node, &group.text()),
            Make::Frr => Frr::start(node, group).map(Self::Frr),
        }
    }

    /// As [`Self::start`], with the text of a whole config in keepalived's language.
    ///
    /// # Errors
    /// As [`Self::start`]; FRR has another language.
    pub fn start_text(make: Make, node: &Node, text: &str) -> Result<Self> {
        match make {
            Make::Agent(rung) => Agent::start(node, &Options::config(text).on(rung)).map(Self::Agent),
            Make::Keepalived => Keepalived::start(node, text).map(Self::Keepalived),
            Make::Frr => bail!("FRR does not read keepalived's language"),
        }
    }

    /// Its process, the one that speaks VRRP.
    pub const fn process(&mut self) -> &mut Process {
        match self {
            Self::Agent(agent) => &mut agent.process,
            Self::Keepalived(keepalived) => &mut keepalived.process,
            Self::Frr(frr) => &mut frr.vrrpd,
        }
    }

    /// A peer no longer waits for a processor; the agent sees to that itself.
    pub fn make_punctual(&self) {
        match self {
            Self::Agent(_) => {}
            Self::Keepalived(keepalived) => punctual::process(keepalived.process.pid()),
            Self::Frr(frr) => frr.make_punctual(),
        }
    }

    /// The end of what it said, for an error message.
    pub fn log_tail(&self) -> String {
        match self {
            Self::Agent(agent) => agent.process.log_tail(),
            Self::Keepalived(keepalived) => keepalived.process.log_tail(),
            Self::Frr(frr) => frr.log_tail(),
        }
    }

    /// Waits until its log has said so many times that it entered `state`: BACKUP or MASTER.
    ///
    /// # Errors
    /// When it does not within `timeout`.
    pub fn wait_entering(&mut self, state: &str, times: usize, timeout: Duration) -> Result<()> {
        match self {
            Self::Agent(_) | Self::Keepalived(_) => {
                self.process().wait_for_log(&format!("Entering {state} STATE"), times, timeout)
            }
            Self::Frr(frr) => frr.wait_entering(state, times, timeout),
        }
    }

    /// How often its log said that it entered `state`.
    pub fn entered(&mut self, state: &str) -> usize {
        match self {
            Self::Agent(_) | Self::Keepalived(_) => self.process().count(&format!("Entering {state} STATE")),
            Self::Frr(frr) => frr.entered(state),
        }
    }

    /// SIGTERM; returns how it ended.
    ///
    /// # Errors
    /// When it does not end.
    pub fn stop(&mut self) -> Result<ExitStatus> {
        match self {
            Self::Agent(agent) => agent.stop(),
            Self::Keepalived(keepalived) => keepalived.stop(),
            Self::Frr(frr) => frr.stop(),
        }
    }

    /// SIGKILL. The address stays where it is.
    ///
    /// # Errors
    /// When it has ended before.
    pub fn kill(&mut self) -> Result<()> {
        match self {
            Self::Agent(agent) => agent.process.kill(),
            Self::Keepalived(keepalived) => keepalived.process.kill(),
            Self::Frr(frr) => frr.kill(),
        }
    }
}
