//! What the new agent is given at its start, before it has anything: the way to the old one, and second handles to what
//! belongs to the run directory.

use std::{
    collections::BTreeMap,
    io,
    os::fd::{AsFd, OwnedFd},
    time::Duration,
};

use super::{
    channel::{Channel, ChannelError},
    letter::{Letter, PROTOCOL},
};

/// How long the old agent may take to give it.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the old agent gave.
#[derive(Debug)]
pub struct Given {
    /// The way to it.
    pub channel: Channel,
    /// Its process.
    pub pid: u32,
    /// The lock of the run directory.
    pub lock: OwnedFd,
    /// The listener of the control socket.
    pub control: OwnedFd,
    /// The listener for metrics.
    pub metrics: Option<OwnedFd>,
    /// The lock of the pins.
    pub pins: Option<OwnedFd>,
    /// Groups that no other agent on this host speaks for, by name.
    pub claims: BTreeMap<String, OwnedFd>,
}

/// Why there is nothing to succeed to.
#[derive(Debug, thiserror::Error)]
pub enum GivenError {
    /// Nobody handed anything over.
    #[error("--succeed is for an agent that another one starts ({0}): use `agent handover`")]
    NoPredecessor(ChannelError),
    /// It speaks another language.
    #[error(
        "the running agent hands over by protocol {0}, and this one takes over by {PROTOCOL}: stop it and start this one"
    )]
    Foreign(u32),
    /// The system refused.
    #[error("cannot take what the running agent hands over: {0}")]
    System(#[from] io::Error),
}

impl Given {
    /// Takes the way from stdin, and what comes by it.
    ///
    /// # Errors
    /// When nobody is there.
    pub fn from_stdin() -> Result<Self, GivenError> {
        let channel = Channel::of(io::stdin().as_fd().try_clone_to_owned()?);
        // Whoever reads from it now finds nothing.
        let nothing = std::fs::File::open("/dev/null")?;
        rustix::stdio::dup2_stdin(&nothing).map_err(io::Error::from)?;
        let (mut belongings, mut claims) = (None, BTreeMap::new());
        loop {
            match channel.receive(PATIENCE).map_err(GivenError::NoPredecessor)? {
                (Letter::Belongings { protocol, pid, metrics, pins, claims }, descriptors) => {
                    if protocol != PROTOCOL {
                        return Err(GivenError::Foreign(protocol));
                    }
                    belongings = Some(((pid, metrics, pins), claims, descriptors));
                }
                (Letter::Claims { names }, descriptors) => claims.extend(names.into_iter().zip(descriptors)),
                (
                    Letter::Ready { .. }
                    | Letter::Failed { .. }
                    | Letter::Will
                    | Letter::Accepted
                    | Letter::Farewell
                    | Letter::Abandoned { .. }
                    | Letter::Unknown,
                    _,
                ) => {}
            }
            if let Some(((pid, metrics, pins), _, descriptors)) =
                belongings.take_if(|(_, expected, _)| *expected <= claims.len())
            {
                let mut descriptors = descriptors.into_iter();
                let (Some(lock), Some(control)) = (descriptors.next(), descriptors.next()) else {
                    return Err(io::Error::other("a descriptor is missing").into());
                };
                let metrics = if metrics { descriptors.next() } else { None };
                let pins = if pins { descriptors.next() } else { None };
                return Ok(Self { channel, pid, lock, control, metrics, pins, claims });
            }
        }
    }
}
