//! Local routes of ours: the kernel delivers packets for a whole prefix to this host's sockets, before the addresses in it
//! are assigned.
//!
//! They stand in the table `local`, tagged with the protocol number of VRRP, which `ip route show table local` shows as
//! `proto 112`, and with a metric of ours: beside them the kernel keeps its own route for each address as soon as that is
//! assigned, which has metric 0 and is preferred. A removal names tag, metric and interface, so that it takes nothing of
//! anybody else's. Which prefixes, and when, is decided elsewhere.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    route::{RouteAddress, RouteAttribute, RouteMessage, RouteProtocol, RouteScope, RouteType},
};
use regent_common::Family;

use super::request_pipe::RequestPipe;

/// The protocol (`rtm_protocol`) of every route of ours: the protocol number of VRRP.
pub const VRRP_ROUTE_PROTOCOL: u8 = regent_common::PROTOCOL;
/// The metric of every route of ours. The kernel's own are at 0 and win.
const METRIC: u32 = 112;
/// The table `local`, which the kernel asks first.
const LOCAL: u8 = libc::RT_TABLE_LOCAL;

/// A block of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix {
    /// Its first address.
    pub address: IpAddr,
    /// Leading bits that all of them share: 0 to 32 (IPv4) or 128 (IPv6).
    pub length: u8,
}

/// A route of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocalRoute {
    /// Index of the interface.
    pub ifindex: u32,
    /// What is delivered.
    pub prefix: Prefix,
}

/// What to do with a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Add it; an error (`AlreadyExists`) when it is there.
    Add,
    /// Remove it; an error (ESRCH) when it is not there.
    Remove,
}

/// A netlink socket for local routes. A request may wait for the kernel's lock; nothing else does.
#[derive(Debug)]
pub struct RouteSocket {
    pipe: RequestPipe,
}

impl RouteSocket {
    /// Opens the socket. Without CAP_NET_ADMIN it opens, but every request is answered with `PermissionDenied`.
    ///
    /// # Errors
    /// When no netlink socket can be had.
    pub fn open() -> io::Result<Self> {
        Ok(Self { pipe: RequestPipe::open("routes")? })
    }

    /// Adds or removes all of `routes`, in order, and returns what became of each. Waits for the kernel.
    pub fn carry_out(&mut self, operation: Operation, routes: &[LocalRoute]) -> Vec<io::Result<()>> {
        self.pipe.carry_out(routes, |route| Ok(message(operation, route)))
    }
}

/// Whether a failed removal left no route behind: it was gone, or its interface is.
pub fn is_gone(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ESRCH | libc::ENODEV))
}

fn message(operation: Operation, route: &LocalRoute) -> NetlinkMessage<RouteNetlinkMessage> {
    let mut message = described(family(route.prefix.address));
    message.header.destination_prefix_length = route.prefix.length;
    message.attributes = vec![
        RouteAttribute::Destination(match route.prefix.address {
            IpAddr::V4(address) => RouteAddress::Inet(address),
            IpAddr::V6(address) => RouteAddress::Inet6(address),
        }),
        RouteAttribute::Oif(route.ifindex),
        RouteAttribute::Priority(METRIC),
    ];
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | NLM_F_ACK;
    let message = match operation {
        Operation::Add => {
            header.flags |= NLM_F_CREATE | NLM_F_EXCL;
            RouteNetlinkMessage::NewRoute(message)
        }
        Operation::Remove => RouteNetlinkMessage::DelRoute(message),
    };
    NetlinkMessage::new(header, NetlinkPayload::from(message))
}

/// What all routes of ours in that family have in common.
fn described(family: Family) -> RouteMessage {
    let mut message = RouteMessage::default();
    message.header.table = LOCAL;
    message.header.protocol = RouteProtocol::Other(VRRP_ROUTE_PROTOCOL);
    message.header.kind = RouteType::Local;
    match family {
        Family::Ipv4 => {
            message.header.address_family = AddressFamily::Inet;
            message.header.scope = RouteScope::Host;
        }
        Family::Ipv6 => message.header.address_family = AddressFamily::Inet6,
    }
    message
}

/// The question for the routes of ours of one family: a kernel since 4.20 that was told to be strict answers with nothing
/// else; an older one answers with every route.
pub(super) fn question(family: Family) -> RouteNetlinkMessage {
    let mut message = described(family);
    // A dump may not ask for a scope.
    message.header.scope = RouteScope::Universe;
    RouteNetlinkMessage::GetRoute(message)
}

/// Reads one of the routes in the answer; `None` for one that is not ours.
pub(super) fn read(message: &RouteMessage) -> Option<LocalRoute> {
    let header = &message.header;
    let nothing: IpAddr = match header.address_family {
        AddressFamily::Inet => Ipv4Addr::UNSPECIFIED.into(),
        AddressFamily::Inet6 => Ipv6Addr::UNSPECIFIED.into(),
        _ => return None,
    };
    let is_ours = header.table == LOCAL
        && u8::from(header.protocol) == VRRP_ROUTE_PROTOCOL
        && header.kind == RouteType::Local;
    let (mut ifindex, mut address, mut metric) = (None, nothing, 0);
    for attribute in &message.attributes {
        if let RouteAttribute::Oif(index) = attribute {
            ifindex = Some(*index);
        } else if let RouteAttribute::Priority(number) = attribute {
            metric = *number;
        } else if let RouteAttribute::Destination(RouteAddress::Inet(destination)) = attribute {
            address = (*destination).into();
        } else if let RouteAttribute::Destination(RouteAddress::Inet6(destination)) = attribute {
            address = (*destination).into();
        }
    }
    let prefix = Prefix { address, length: header.destination_prefix_length };
    (is_ours && metric == METRIC).then_some(LocalRoute { ifindex: ifindex?, prefix })
}

const fn family(address: IpAddr) -> Family {
    match address {
        IpAddr::V4(_) => Family::Ipv4,
        IpAddr::V6(_) => Family::Ipv6,
    }
}
