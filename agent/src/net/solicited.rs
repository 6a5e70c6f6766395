//! Solicited-node groups of addresses that the kernel does not have yet.
//!
//! Whoever looks for an IPv6 address asks the group that its last 24 bits name (RFC 4861 §2.3). The kernel joins that group
//! when it is given the address, and duplicate address detection apart that is soon enough; a program that answers before
//! then must have the group's frames come in: the card's filter must take them, and switches that listen to MLD must be
//! told. Joining takes the kernel's one lock for interfaces (RTNL), as does leaving: not for the VRRP thread.

use std::{collections::BTreeSet, io, net::Ipv6Addr};

use regent_common::ipv6;
use socket2::{Domain, Socket, Type};

use super::{failure::attempted, packet_socket};

/// Groups that are joined one by one. A membership takes 56 bytes of `net.core.optmem_max` of its socket, whose smallest
/// usual value, 20,480, has room for 365 (measured: 2,340 in 131,072); each also costs a report to the switches and a
/// place in the card's filter, which has some dozens before it takes every group anyway.
const FEW: usize = 256;

/// How the frames come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Each group is joined: the card and the switches know.
    Joined,
    /// The card takes the frames of every group, since there are too many to join. Switches that listen to MLD learn of
    /// them only as the kernel is given the addresses.
    EveryGroup,
}

/// Memberships of one interface, given back when this is dropped. Not to be dropped as soon as the kernel has acknowledged
/// the addresses: it joins their groups a little later, on a worker of its own. They are lost without a word when the
/// interface's MTU falls below 1280.
#[derive(Debug)]
pub struct SolicitedGroups {
    /// The memberships live as long as this.
    _socket: Socket,
    form: Form,
    groups: usize,
}

impl SolicitedGroups {
    /// Joins the groups of these addresses on interface `ifindex`; addresses that end alike share one.
    ///
    /// # Errors
    /// When the interface is gone, or its MTU too small for IPv6 (1280); `PermissionDenied` without CAP_NET_RAW where there
    /// are too many to join.
    pub fn join(ifindex: u32, addresses: &[Ipv6Addr]) -> io::Result<Self> {
        let groups: BTreeSet<Ipv6Addr> =
            addresses.iter().map(|address| ipv6::solicited_node(address.octets()).into()).collect();
        let joined = if groups.len() > FEW { Ok(None) } else { each(ifindex, &groups) };
        let (socket, form) = match joined.map_err(|error| failed(error, ifindex))? {
            Some(socket) => (socket, Form::Joined),
            None => (every(ifindex).map_err(|error| failed(error, ifindex))?, Form::EveryGroup),
        };
        Ok(Self { _socket: socket, form, groups: groups.len() })
    }

    /// How the frames come in.
    pub const fn form(&self) -> Form {
        self.form
    }

    /// How many groups the addresses have.
    pub const fn groups(&self) -> usize {
        self.groups
    }
}

/// A socket that has joined each group; `None` when it has no room for so many.
fn each(ifindex: u32, groups: &BTreeSet<Ipv6Addr>) -> io::Result<Option<Socket>> {
    // Bound to no port: it never receives anything.
    let socket = Socket::new(Domain::IPV6, Type::DGRAM.cloexec(), None)?;
    for group in groups {
        match socket.join_multicast_v6(group, ifindex) {
            Ok(()) => {}
            Err(error) if matches!(error.raw_os_error(), Some(libc::ENOMEM | libc::ENOBUFS)) => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(Some(socket))
}

/// A socket for which the card takes the frames of every group.
fn every(ifindex: u32) -> io::Result<Socket> {
    // Protocol 0: it is never handed a packet.
    let socket = Socket::new(Domain::PACKET, Type::DGRAM.cloexec(), None)?;
    packet_socket::accept_every_multicast(&socket, ifindex)?;
    Ok(socket)
}

fn failed(error: io::Error, ifindex: u32) -> io::Error {
    attempted(
        error,
        format_args!(
            "join the solicited-node groups of virtual addresses on the interface with index {ifindex}"
        ),
        "check that it still exists and that its MTU is 1280 or more",
    )
}
