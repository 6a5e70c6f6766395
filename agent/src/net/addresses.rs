//! Assigns and removes addresses.
//!
//! The kernel carries a request out inside the sending call, and waits there for its one lock for interfaces (RTNL), which
//! others may hold for hundreds of milliseconds: not for the VRRP thread. The answer waits in the socket when the call
//! returns. What should be assigned, and when, is decided elsewhere.

use std::{
    io,
    net::{IpAddr, Ipv4Addr},
};

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    address::{AddressAttribute, AddressFlags, AddressMessage, AddressProtocol, CacheInfo},
};

use super::request_pipe::RequestPipe;

/// IFA_PROTO of every address that an agent assigns: the protocol number of VRRP. `ip -d address` shows it as `proto 112`.
/// Kernels before 5.18 ignore the attribute.
pub const VRRP_ADDRESS_PROTOCOL: u8 = regent_common::PROTOCOL;

/// What to do with an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Assign it; an error (`AlreadyExists`) when the interface has it.
    Add,
    /// Remove it; an error (`AddrNotAvailable`) when the interface does not have it.
    Remove,
}

/// One change of an interface's addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressRequest<'a> {
    /// What to do.
    pub operation: Operation,
    /// Interface index.
    pub ifindex: u32,
    /// The address.
    pub address: IpAddr,
    /// Prefix length; with 32 (IPv4) or 128 (IPv6) the address brings no route to a network.
    pub prefix_length: u8,
    /// Broadcast address, IPv4 only.
    pub broadcast: Option<Ipv4Addr>,
    /// Scope as rtnetlink's number; 0 is global. IPv4 only: the kernel derives it for IPv6.
    pub scope: u8,
    /// Label, IPv4 only, at most 15 bytes.
    pub label: Option<&'a str>,
    /// IPv6: duplicate address detection runs, and the address is not usable until it is through (about a second).
    pub detects_duplicates: bool,
    /// Seconds for which connections may begin from the address, `u32::MAX` for ever; at 0 it is deprecated from the
    /// beginning. `None`: for ever, but 0 for an IPv6 address alone in its prefix.
    pub preferred_lifetime: Option<u32>,
    /// The address brings no route to its network; one alone in its prefix never does.
    pub no_prefix_route: bool,
}

/// A netlink socket for addresses. A request may wait for the kernel's lock; nothing else does.
#[derive(Debug)]
pub struct AddressSocket {
    pipe: RequestPipe,
}

impl AddressSocket {
    /// Opens the socket. Without CAP_NET_ADMIN it opens, but every request is answered with `PermissionDenied`.
    ///
    /// # Errors
    /// When no netlink socket can be had.
    pub fn open() -> io::Result<Self> {
        Ok(Self { pipe: RequestPipe::open("addresses")? })
    }

    /// Sends all requests, in order, however many, and returns what became of each; `InvalidInput` for one that makes no
    /// sense.
    ///
    /// Waits for the kernel, whose work grows with the number of addresses that the interface has: a few hundred cost a
    /// millisecond or two, thousands should be handed in by parts.
    pub fn carry_out(&mut self, requests: &[AddressRequest<'_>]) -> Vec<io::Result<()>> {
        self.pipe.carry_out(requests, message)
    }
}

fn message(request: &AddressRequest<'_>) -> io::Result<NetlinkMessage<RouteNetlinkMessage>> {
    let mut message = AddressMessage::default();
    message.header.prefix_len = request.prefix_length;
    message.header.index = request.ifindex;
    message.attributes.reserve(7);
    message.attributes.push(AddressAttribute::Local(request.address));
    message.attributes.push(AddressAttribute::Address(request.address));
    let host = match request.address {
        IpAddr::V4(_) => {
            message.header.family = AddressFamily::Inet;
            32
        }
        IpAddr::V6(_) => {
            message.header.family = AddressFamily::Inet6;
            128
        }
    };
    if request.prefix_length > host {
        return Err(invalid("the prefix is longer than the address"));
    }
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | NLM_F_ACK;
    let message = match request.operation {
        Operation::Add => {
            header.flags |= NLM_F_CREATE | NLM_F_EXCL;
            describe(&mut message, request, request.prefix_length == host)?;
            RouteNetlinkMessage::NewAddress(message)
        }
        Operation::Remove => RouteNetlinkMessage::DelAddress(message),
    };
    Ok(NetlinkMessage::new(header, NetlinkPayload::from(message)))
}

/// What a new address is, besides its value. `alone`: its prefix is the address itself.
fn describe(message: &mut AddressMessage, request: &AddressRequest<'_>, alone: bool) -> io::Result<()> {
    let mut flags = AddressFlags::empty();
    // A prefix of one address needs no route besides the local one.
    if alone || request.no_prefix_route {
        flags |= AddressFlags::Noprefixroute;
    }
    let mut preferred = request.preferred_lifetime;
    match request.address {
        IpAddr::V4(_) => {
            message.header.scope = request.scope.into();
            message.attributes.extend(request.broadcast.map(AddressAttribute::Broadcast));
            if let Some(label) = request.label {
                if label.is_empty() || label.len() > 15 || label.contains('\0') {
                    return Err(invalid("an address label has 1 to 15 bytes"));
                }
                message.attributes.push(AddressAttribute::Label(label.to_owned()));
            }
        }
        IpAddr::V6(_) => {
            if request.broadcast.is_some() || request.label.is_some() {
                return Err(invalid("IPv6 addresses have neither broadcast nor label"));
            }
            // The group has just one Active Router: detection would only leave the address unusable for a second. Where
            // another host has the address by mistake, the announcements show it.
            if !request.detects_duplicates {
                flags |= AddressFlags::Nodad;
            }
            if alone {
                // Deprecated: never chosen as the source of connections from this host, which would break at a takeover.
                preferred = preferred.or(Some(0));
            }
        }
    }
    if let Some(seconds) = preferred {
        let mut lifetimes = CacheInfo::default();
        lifetimes.ifa_preferred = seconds;
        lifetimes.ifa_valid = u32::MAX;
        message.attributes.push(AddressAttribute::CacheInfo(lifetimes));
    }
    message.attributes.push(AddressAttribute::Flags(flags));
    message.attributes.push(AddressAttribute::Protocol(AddressProtocol::Other(VRRP_ADDRESS_PROTOCOL)));
    Ok(())
}

fn invalid(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}
