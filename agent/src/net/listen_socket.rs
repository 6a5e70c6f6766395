//! Hears adverts on an interface without taking part: for observe mode, where nothing may be sent.
//!
//! A raw IP socket would have to join the group, and joining sends IGMP or MLD reports. This one is below IP: it opens the
//! interface's own filter for the group's MAC and reads what arrives. It cannot send.

use std::{
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd},
    time::Duration,
};

use regent_common::{Family, ethernet};
use socket2::Socket;

use super::{failure::attempted, filter, packet_socket, reception::Reception};

/// Bytes that the kernel may hold for us, by its own accounting (some hundred adverts).
const RECEIVE_BUFFER: usize = 256 * 1024;

/// Destination of IPv6 adverts: the group ff02::12 (RFC 2464 §7).
const VRRP_IPV6: [u8; 6] = [0x33, 0x33, 0x00, 0x00, 0x00, 0x12];

/// A listener for the adverts of one family on one interface. Never blocks.
#[derive(Debug)]
pub struct ListenSocket {
    socket: Socket,
    reception: Reception,
}

impl ListenSocket {
    /// Listens on interface `ifindex`, as the interface's own (untagged) receiver; a VLAN is heard on its VLAN device. What
    /// this host sends is not heard, nor is a packet with IPv6 extension headers. `name` is for messages.
    ///
    /// # Errors
    /// `PermissionDenied` without CAP_NET_RAW; otherwise when the interface is gone.
    pub fn open(ifindex: u32, name: &str, family: Family) -> io::Result<Self> {
        Self::listening(ifindex, family).map_err(|error| {
            attempted(
                error,
                format_args!("listen for VRRP on {name}, index {ifindex} (packet socket)"),
                "check that the interface still exists",
            )
        })
    }

    fn listening(ifindex: u32, family: Family) -> io::Result<Self> {
        let (ether_type, filter, group) = match family {
            Family::Ipv4 => (ethernet::IPV4, filter::received_vrrp(ifindex), ethernet::VRRP_IPV4),
            Family::Ipv6 => (ethernet::IPV6, filter::received_vrrp_ipv6(ifindex), VRRP_IPV6),
        };
        let socket = packet_socket::listening(ifindex, ether_type, &filter, RECEIVE_BUFFER)?;
        packet_socket::accept_multicast(&socket, ifindex, group)?;
        let reception = Reception::of(&socket)?;
        Ok(Self { socket, reception })
    }

    /// The next packet: how many bytes of `buffer` it fills, from its IP header on (cut off when the buffer is too small;
    /// padding of short frames may follow the packet), and how long ago the kernel received it (at most 10 s; 0 when
    /// the wall clock jumped). `None` when nothing waits.
    ///
    /// # Errors
    /// Those of the socket itself; a later call may succeed.
    pub fn receive(&self, buffer: &mut [u8]) -> io::Result<Option<(usize, Duration)>> {
        self.reception.receive(&self.socket, buffer)
    }

    /// How many packets the kernel dropped because this socket's queue was full, as of the newest one read; wraps.
    pub fn dropped(&self) -> u32 {
        self.reception.dropped()
    }
}

impl AsFd for ListenSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl AsRawFd for ListenSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}
