//! Local routes of ours: the kernel delivers packets for a whole prefix to this host's sockets, before the addresses in it
//! are assigned.
//!
//! They stand in the table `local`, tagged with the protocol number of VRRP, which `ip route show table local` shows as
//! `proto 112`, and with a metric of ours: beside them the kernel keeps its own route for each address as soon as that is
//! assigned, which has metric 0 and is preferred. A removal names tag, metric and interface, so that it takes nothing of
//! anybody else's. Which prefixes, and when, is decided elsewhere.
//!
//! The kernel's own route for an IPv4 address is there when the address is acknowledged; for an IPv6 address it follows
//! later, from a queue of its own, and [`RouteSocket::assigned`] tells whether it has.

use std::{
    collections::HashSet,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_APPEND, NLM_F_CREATE, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NetlinkHeader,
    NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    route::{RouteAddress, RouteAttribute, RouteMessage, RouteProtocol, RouteScope, RouteType},
};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};
use regent_common::Family;

use super::{failure::attempted, request_pipe::RequestPipe};

/// The protocol (`rtm_protocol`) of every route of ours: the protocol number of VRRP.
pub const VRRP_ROUTE_PROTOCOL: u8 = regent_common::PROTOCOL;
/// The metric of every route of ours. The kernel's own are at 0 and win.
const METRIC: u32 = 112;
/// The protocol of the kernel's own routes.
const KERNEL: u8 = libc::RTPROT_KERNEL;
/// The table `local`, which the kernel asks first.
const LOCAL: u8 = libc::RT_TABLE_LOCAL;

/// How often a listing that was changed while it was read is read again before it is taken as it is.
const ATTEMPTS: usize = 5;
/// The kernel sends a listing in parts of at most this many bytes.
const LISTING_BUFFER: usize = 64 * 1024;

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

/// A route as it is listed.
struct Listed {
    route: LocalRoute,
    metric: u32,
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

    /// The routes of ours that there are, in order. Waits for the kernel. Needs no privilege.
    ///
    /// # Errors
    /// When the kernel does not list them.
    pub fn ours(&self) -> io::Result<Vec<LocalRoute>> {
        let mut found = Vec::new();
        for family in Family::ALL {
            for route in list(family, VRRP_ROUTE_PROTOCOL)? {
                found.extend((route.metric == METRIC).then_some(route.route));
            }
        }
        found.sort_unstable();
        Ok(found)
    }

    /// The addresses that the kernel delivers packets for because they are assigned, with the indexes of their interfaces.
    /// Waits for the kernel. Needs no privilege.
    ///
    /// # Errors
    /// When the kernel does not list them.
    pub fn assigned(&self, family: Family) -> io::Result<HashSet<(u32, IpAddr)>> {
        let routes = list(family, KERNEL)?.into_iter();
        let whole = match family {
            Family::Ipv4 => 32,
            Family::Ipv6 => 128,
        };
        let alone = routes.filter(|route| route.route.prefix.length == whole);
        Ok(alone.map(|route| (route.route.ifindex, route.route.prefix.address)).collect())
    }
}

/// Whether a failed removal left no route behind: it was gone, or its interface is.
pub fn is_gone(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ESRCH | libc::ENODEV))
}

fn message(operation: Operation, route: &LocalRoute) -> NetlinkMessage<RouteNetlinkMessage> {
    let mut message = described(family(route.prefix.address), VRRP_ROUTE_PROTOCOL);
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
            // Not exclusively: the same address may be delivered on another interface. The same route is refused even so.
            header.flags |= NLM_F_CREATE | NLM_F_APPEND;
            RouteNetlinkMessage::NewRoute(message)
        }
        Operation::Remove => RouteNetlinkMessage::DelRoute(message),
    };
    NetlinkMessage::new(header, NetlinkPayload::from(message))
}

/// What all local routes of that family and protocol have in common.
fn described(family: Family, protocol: u8) -> RouteMessage {
    let mut message = RouteMessage::default();
    message.header.table = LOCAL;
    message.header.protocol = RouteProtocol::from(protocol);
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

/// Lists the routes of the table `local` that have that protocol.
fn list(family: Family, protocol: u8) -> io::Result<Vec<Listed>> {
    let failed =
        |error| attempted(error, "list local routes (netlink)", "raise the limit of open files or memory");
    for _ in 1..ATTEMPTS {
        if let (found, Consistency::Consistent) = list_once(family, protocol).map_err(failed)? {
            return Ok(found);
        }
    }
    list_once(family, protocol).map(|(found, _)| found).map_err(failed)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Consistency {
    Consistent,
    /// Routes changed between two parts of the answer: one may be missing or twice.
    Interrupted,
}

fn list_once(family: Family, protocol: u8) -> io::Result<(Vec<Listed>, Consistency)> {
    let mut socket = Socket::new(NETLINK_ROUTE)?;
    // Otherwise the kernel lists every route of the host, which may be a million; one before 4.20 does in any case.
    drop(socket.set_netlink_get_strict_chk(true));
    socket.bind_auto()?;
    socket.connect(&SocketAddr::new(0, 0))?;
    let mut question = described(family, protocol);
    // A question may not ask for a scope.
    question.header.scope = RouteScope::Universe;
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | NLM_F_DUMP;
    let payload = NetlinkPayload::from(RouteNetlinkMessage::GetRoute(question));
    let mut message = NetlinkMessage::new(header, payload);
    message.finalize();
    let mut buffer = vec![0; message.buffer_len()];
    message.serialize(&mut buffer);
    socket.send(&buffer, 0)?;

    let (mut found, mut consistency) = (Vec::new(), Consistency::Consistent);
    let mut buffer = vec![0; LISTING_BUFFER];
    // The kernel fills in the next part when one is read: none of these waits for anything but the kernel itself.
    loop {
        let length = match socket.recv(&mut &mut buffer[..], 0) {
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let mut rest = buffer.get(..length).unwrap_or_default();
        while !rest.is_empty() {
            let message =
                NetlinkMessage::<RouteNetlinkMessage>::deserialize(rest).map_err(io::Error::other)?;
            let length = usize::try_from(message.header.length).unwrap_or(usize::MAX);
            rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
            if message.header.flags & NLM_F_DUMP_INTR != 0 {
                consistency = Consistency::Interrupted;
            }
            if let NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewRoute(route)) = message.payload {
                found.extend(read(&route, family, protocol));
            } else if let NetlinkPayload::Done(_) = message.payload {
                return Ok((found, consistency));
            } else if let NetlinkPayload::Error(error) = message.payload {
                return match error.to_io() {
                    // The table has never held anything.
                    error if error.raw_os_error() == Some(libc::ENOENT) => Ok((Vec::new(), consistency)),
                    error => Err(error),
                };
            }
        }
    }
}

/// Reads one of the routes in a listing; `None` for one that was not asked for.
fn read(message: &RouteMessage, family: Family, protocol: u8) -> Option<Listed> {
    let asked = described(family, protocol).header;
    let header = &message.header;
    let is_asked_for = header.table == asked.table
        && header.protocol == asked.protocol
        && header.kind == asked.kind
        && header.address_family == asked.address_family;
    let mut address = match family {
        Family::Ipv4 => Ipv4Addr::UNSPECIFIED.into(),
        Family::Ipv6 => Ipv6Addr::UNSPECIFIED.into(),
    };
    let (mut ifindex, mut metric) = (None, 0);
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
    let route = LocalRoute { ifindex: ifindex?, prefix };
    is_asked_for.then_some(Listed { route, metric })
}

const fn family(address: IpAddr) -> Family {
    match address {
        IpAddr::V4(_) => Family::Ipv4,
        IpAddr::V6(_) => Family::Ipv6,
    }
}
