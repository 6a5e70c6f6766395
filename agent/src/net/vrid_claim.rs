//! One agent for each group of a host: whoever speaks for a group in this network namespace says so by a name that only
//! one process can have.
//!
//! The name is an abstract Unix socket: the kernel keeps it for each network namespace apart, gives it to one process at
//! a time and takes it back when that process ends, however it ends. Nothing lies in a file system.

use std::{
    io,
    os::{
        fd::{AsFd, OwnedFd},
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixListener, UnixStream},
    },
};

use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use regent_common::{Family, Vrid};

/// Connections that may wait: whoever asks who holds a group connects and hangs up.
const BACKLOG: i32 = 128;

/// A group that is ours for as long as this lives.
#[derive(Debug)]
pub struct VridClaim {
    name: String,
    listener: UnixListener,
}

/// Why a group is not ours.
#[derive(Debug)]
pub enum ClaimError {
    /// Another agent in this network namespace has it: its process id, where that can be told.
    Held(Option<i32>),
    /// The name could not be had for another reason.
    System(io::Error),
}

impl VridClaim {
    /// Claims the group of that VRID and family on the interface of that name.
    ///
    /// # Errors
    /// When another agent has it, or no socket can be had.
    pub fn take(interface: &str, family: Family, vrid: Vrid) -> Result<Self, ClaimError> {
        let name = Self::name_of(interface, family, vrid);
        let address = SocketAddr::from_abstract_name(&name).map_err(ClaimError::System)?;
        match UnixListener::bind_addr(&address) {
            Ok(listener) => Ok(Self { name, listener }),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(ClaimError::Held(holder(&address))),
            Err(error) => Err(ClaimError::System(error)),
        }
    }

    /// What a group is called.
    pub fn name_of(interface: &str, family: Family, vrid: Vrid) -> String {
        format!("regent/vrrp/{interface}/{}/{vrid}", family as u8)
    }

    /// What the group is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A claim that another agent hands over. Both have it until one of them drops it.
    pub fn inherit(name: String, listener: OwnedFd) -> Self {
        Self { name, listener: listener.into() }
    }

    /// Another handle, for a successor, with its name.
    ///
    /// # Errors
    /// When no descriptor is left.
    pub fn again(&self) -> io::Result<(String, OwnedFd)> {
        Ok((self.name.clone(), self.listener.as_fd().try_clone_to_owned()?))
    }

    /// The claim is this process's now, for whoever asks who holds it.
    pub fn sign(&self) {
        // The kernel notes who listens. It cannot fail on a socket that listens already.
        rustix::net::listen(&self.listener, BACKLOG).ok();
    }
}

fn holder(address: &SocketAddr) -> Option<i32> {
    let stream = UnixStream::connect_addr(address).ok()?;
    getsockopt(&stream, PeerCredentials).ok().map(|credentials| credentials.pid())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::tests::lab::wait_until;

    #[test]
    fn a_group_has_one_agent_until_that_agent_ends() {
        let vrid = Vrid::new(50).unwrap();
        let interface = format!("t{}", std::process::id());
        let first = VridClaim::take(&interface, Family::Ipv4, vrid).unwrap();
        let held = VridClaim::take(&interface, Family::Ipv4, vrid).unwrap_err();
        assert!(matches!(held, ClaimError::Held(Some(pid)) if pid == std::process::id() as i32), "{held:?}");
        assert!(VridClaim::take(&interface, Family::Ipv6, vrid).is_ok(), "another family is another group");
        drop(first);
        // A process that another test starts holds a copy of the socket for a moment.
        wait_until("it is free", || VridClaim::take(&interface, Family::Ipv4, vrid).is_ok());
    }
}
