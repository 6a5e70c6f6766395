//! The life of the daemon: start, run, end. Everything here happens on the control runtime, never on the VRRP thread.
//!
//! Order of the start, so that nothing is half done when something is in the way: run directory and lock (taken by the
//! caller), leftovers of a crash, the journal of what may become ours, the VRRP thread, scripts and the control socket. Who
//! succeeds another agent touches nothing but the journal until the VRRP thread says that it has.
//! Order of the end: the VRRP thread gives everything up, the observer drains, notify programs get their last word, the run
//! directory is cleared. Who is succeeded by another agent leaves all that as it is.

mod alive;
mod beginning;
mod clearing;
mod handing;
mod reading;
mod signals;
mod thread;

use std::{ffi::OsString, os::fd::OwnedFd, path::PathBuf};

use self::signals::Signals;
use super::{engine::Settings, front::Front, journal::RunDir, reload::Source, succession::Channel};
use crate::{config::plan::Plan, net::vrid_claim::VridClaim, observe::server::Listeners};

pub use clearing::clear_leftovers;

/// What the daemon is started with. Everything that can fail before the network is touched has been tried by then.
#[derive(Debug)]
pub struct Life {
    /// The instances.
    pub plan: Plan,
    /// Ports to listen on in observe mode; empty means all that are up.
    pub observed: Vec<String>,
    /// What does not change.
    pub settings: Settings,
    /// The run directory, locked.
    pub run_dir: RunDir,
    /// Where pinned maps and links live.
    pub bpffs: PathBuf,
    /// The control socket and, when asked for, the listener for metrics.
    pub listeners: Listeners,
    /// The groups, for this agent alone.
    pub claims: Vec<VridClaim>,
    /// How this agent was started, and its successor will be.
    pub command_line: Vec<OsString>,
    /// The way to the agent that this one succeeds, and its process.
    pub predecessor: Option<(Channel, u32)>,
    /// The lock of its pins.
    pub pins: Option<OwnedFd>,
    /// Where the config is, to be read again.
    pub source: Source,
    /// How it stands in for keepalived, if it does.
    pub front: Option<Front>,
}

/// Why the daemon has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It was told to.
    Told,
    /// Another one goes on in its place.
    Succeeded,
}

/// Runs the daemon until it is told to stop, or another one has succeeded it.
///
/// # Errors
/// When it cannot start, or the VRRP thread fails; addresses are removed in any case. When the agent that it was to succeed
/// goes on: nothing was touched then.
pub async fn run(life: Life) -> anyhow::Result<Ended> {
    // From here on a signal is an order, not an end without clean-up.
    let mut signals = Signals::new()?;
    let (mut alive, orders) = beginning::begin(life, &mut signals).await?;
    let result = alive.attend(&mut signals, orders).await;
    alive.end(result).await
}
