//! Assigns and removes addresses.
//!
//! The kernel carries a request out inside the sending call, and waits there for its one lock for interfaces (RTNL), which
//! others may hold for hundreds of milliseconds: not for the VRRP thread. The answer waits in the socket when the call
//! returns; nothing here waits for it. What should be assigned, and when, is decided elsewhere.

use std::{
    io,
    net::{IpAddr, Ipv4Addr},
    os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd},
};

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    address::{AddressAttribute, AddressFlags, AddressMessage, AddressProtocol, CacheInfo},
};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};
use nix::sys::socket::{setsockopt, sockopt};

use super::{answer::split_answer, failure::attempted};

/// IFA_PROTO of every address that an agent assigns: the protocol number of VRRP. `ip -d address` shows it as `proto 112`.
/// Kernels before 5.18 ignore the attribute.
pub const VRRP_ADDRESS_PROTOCOL: u8 = regent_common::PROTOCOL;

/// Bytes of answers that the kernel may hold for us, by its own accounting.
const RECEIVE_BUFFER: usize = 4 * 1024 * 1024;
/// What one answer costs in that accounting; measured at 768 to 1280 on current kernels.
const ANSWER_COST: usize = 2048;
/// Messages are sent together up to this many bytes; below the smallest default send buffer.
const BATCH: usize = 64 * 1024;

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
    socket: Socket,
    sequence: u32,
    outstanding: usize,
    limit: usize,
    outgoing: Vec<u8>,
}

impl AddressSocket {
    /// Opens the socket. Without CAP_NET_ADMIN it opens, but every request is answered with `PermissionDenied`.
    ///
    /// # Errors
    /// When no netlink socket can be had.
    pub fn open() -> io::Result<Self> {
        Self::connected().map_err(|error| {
            attempted(error, "open a netlink socket for addresses", "raise the limit of open files or memory")
        })
    }

    fn connected() -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.set_non_blocking(true)?;
        // The answer to a failed request would carry the whole request back.
        socket.set_cap_ack(true)?;
        if setsockopt(&socket, sockopt::RcvBufForce, &RECEIVE_BUFFER).is_err() {
            socket.set_rx_buf_sz(RECEIVE_BUFFER as libc::c_int)?;
        }
        let limit = socket.get_rx_buf_sz()? / ANSWER_COST;
        socket.bind_auto()?;
        socket.connect(&SocketAddr::new(0, 0))?;
        Ok(Self { socket, sequence: 0, outstanding: 0, limit, outgoing: Vec::with_capacity(BATCH) })
    }

    /// Sends one request and returns its sequence number, which is never 0. The kernel has carried it out, or refused
    /// it, when this returns; which of both, [`Self::acknowledgements`] tells.
    ///
    /// # Errors
    /// `WouldBlock` when so many answers wait that one more might be lost: take them first. `InvalidInput` when the request
    /// cannot be written down (a broadcast or a label of IPv6, a prefix or label that is too long). Nothing was sent then.
    pub fn request(&mut self, request: &AddressRequest<'_>) -> io::Result<u32> {
        let mut sequence = 0;
        self.requests(std::slice::from_ref(request), |_, number| sequence = number)?;
        Ok(sequence)
    }

    /// Sends many requests with few system calls, in order. `sent` is told the position and the sequence number of each
    /// request that went out, also when a later one fails.
    ///
    /// The kernel's work grows with the number of addresses that the interface has: a few hundred cost a millisecond or two,
    /// thousands should be handed in by parts, between which answers are taken.
    ///
    /// # Errors
    /// As [`Self::request`], of the first request that was not sent.
    pub fn requests(
        &mut self,
        requests: &[AddressRequest<'_>],
        mut sent: impl FnMut(usize, u32),
    ) -> io::Result<()> {
        let mut pending = 0..0;
        let mut failure = None;
        self.outgoing.clear();
        for (position, request) in requests.iter().enumerate() {
            let appended = if self.outstanding + pending.len() < self.limit {
                self.append(request)
            } else {
                Err(io::Error::new(io::ErrorKind::WouldBlock, "too many address requests are unanswered"))
            };
            if let Err(error) = appended {
                failure = Some(error);
                break;
            }
            pending.end = position + 1;
            if self.outgoing.len() >= BATCH {
                self.flush(&mut pending, &mut sent)?;
            }
        }
        self.flush(&mut pending, &mut sent)?;
        failure.map_or(Ok(()), Err)
    }

    /// Writes a request behind those that are to be sent.
    fn append(&mut self, request: &AddressRequest<'_>) -> io::Result<()> {
        let mut message = message(request)?;
        self.sequence = self.sequence.checked_add(1).unwrap_or(1);
        message.header.sequence_number = self.sequence;
        message.finalize();
        let start = self.outgoing.len();
        self.outgoing.resize(start + message.buffer_len().next_multiple_of(4), 0);
        if let Some(space) = self.outgoing.get_mut(start..) {
            message.serialize(space);
        }
        Ok(())
    }

    /// Sends what was written: the requests at the positions `pending`, whose sequence numbers end with the newest.
    fn flush(
        &mut self,
        pending: &mut std::ops::Range<usize>,
        sent: &mut impl FnMut(usize, u32),
    ) -> io::Result<()> {
        if pending.start == pending.end {
            return Ok(());
        }
        loop {
            match self.socket.send(&self.outgoing, libc::MSG_DONTWAIT) {
                Ok(_whole) => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(attempted(error, "send address requests (netlink)", "try again")),
            }
        }
        self.outgoing.clear();
        self.outstanding += pending.len();
        for (position, behind) in pending.clone().zip((0..pending.len() as u32).rev()) {
            sent(position, sequence_before(self.sequence, behind));
        }
        pending.start = pending.end;
        Ok(())
    }

    /// Hands out the answers that wait, oldest first: the sequence number of a request and what became of it. Never waits.
    ///
    /// # Errors
    /// When answers were lost (`OutOfMemory`): what became of requests without an answer is only seen by listing the
    /// addresses.
    pub fn acknowledgements(&mut self, mut each: impl FnMut(u32, io::Result<()>)) -> io::Result<()> {
        let mut buffer = [0; 8192];
        loop {
            let mut space = &mut buffer[..];
            match self.socket.recv(&mut space, libc::MSG_DONTWAIT) {
                Ok(length) => {
                    let mut rest = buffer.get(..length).unwrap_or_default();
                    while let Some((sequence, result)) = split_answer(&mut rest) {
                        self.outstanding = self.outstanding.saturating_sub(1);
                        each(sequence, result);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => {
                    self.outstanding = 0;
                    return Err(io::Error::new(
                        io::ErrorKind::OutOfMemory,
                        "the kernel had no room for answers to address requests; list the addresses",
                    ));
                }
                Err(error) => {
                    return Err(attempted(error, "read answers to address requests", "list the addresses"));
                }
            }
        }
    }

    /// Requests that have no answer yet.
    pub fn outstanding(&self) -> usize {
        self.outstanding
    }
}

impl AsFd for AddressSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl AsRawFd for AddressSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

/// The number that was given `behind` requests earlier; 0 is never given.
fn sequence_before(newest: u32, behind: u32) -> u32 {
    newest.checked_sub(behind).filter(|number| *number != 0).unwrap_or_else(|| {
        // Numbers went past the end: u32::MAX came before 1.
        newest.wrapping_sub(behind).wrapping_sub(1)
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequence_numbers_are_counted_back_past_the_end_of_numbers_without_the_zero() {
        assert_eq!([0, 1, 2].map(|behind| sequence_before(9, behind)), [9, 8, 7]);
        assert_eq!([0, 1, 2, 3].map(|behind| sequence_before(2, behind)), [2, 1, u32::MAX, u32::MAX - 1]);
    }
}
