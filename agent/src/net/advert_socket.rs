//! The raw socket of adverts on one interface and family: it sends, it keeps groups joined, and it is the carrier of last
//! resort.
//!
//! It stays open whatever the XDP program does: joined, so that switches and the NIC's filter let adverts through; bound to
//! protocol 112, so that the kernel answers no unicast advert with an ICMP error. Its filter decides what it takes.
//! It does not look into packets: the checks of `regent_common` do.
//!
//! Both families look alike from outside: whole packets go in and come out, from their IP header on.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV6},
    num::NonZeroU32,
    os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd},
    time::Duration,
};

use nix::sys::socket::{setsockopt, sockopt};
use regent_common::{Family, PROTOCOL};
use socket2::{Domain, InterfaceIndexOrAddress, Protocol, Socket, Type};

use super::{failure::attempted, filter, reception::Reception};

/// Bytes that the kernel may hold for us, by its own accounting (some hundred adverts). Small, so that a flood costs
/// bounded memory: of adverts only the newest of each source counts, and the loop reads at every turn.
const RECEIVE_BUFFER: usize = 256 * 1024;
/// More packets than fit the queue of a new socket, and an end to emptying it under a flood.
const UNBOUND_PACKETS: usize = 4096;
/// TC_PRIO_INTERACTIVE: the first band of the default queue, before bulk traffic and our own gratuitous ARP.
const PRIORITY: u32 = 6;

/// What the socket takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// Every packet of protocol 112: the socket is the carrier.
    Everything,
    /// Only what the XDP program cannot have judged: packets longer than the MTU, and over IPv6 also those with extension
    /// headers. What is longer came in fragments, which XDP passes by (the later ones show no protocol header to judge),
    /// and the kernel put them together before this socket. IPv4 options are no obstacle to XDP.
    ///
    /// A sender that fragments below our MTU is not covered: a packet that came whole looks the same here, and taking both
    /// would bring every advert twice and every flood once.
    NotCarriedByXdp {
        /// MTU of the interface, bytes of IP packet.
        mtu: u32,
    },
}

/// A raw socket of protocol 112 on one interface. Never blocks.
#[derive(Debug)]
pub struct AdvertSocket {
    socket: Socket,
    reception: Reception,
    name: String,
    ifindex: u32,
    family: Family,
}

impl AdvertSocket {
    /// Opens the socket on interface `ifindex`, in no group, and takes [`Filter::Everything`]. `name` is for messages. The
    /// interface may be down; after it was deleted and made again, open anew.
    ///
    /// # Errors
    /// `PermissionDenied` without CAP_NET_RAW; otherwise when the interface is gone, or the host does not do the family.
    pub fn open(ifindex: u32, name: &str, family: Family) -> io::Result<Self> {
        let attempt = |step: &'static str| {
            move |error| {
                attempted(
                    error,
                    format_args!("{step} ({} socket for VRRP on {name}, index {ifindex})", called(family)),
                    "check that the interface still exists",
                )
            }
        };
        let index = NonZeroU32::new(ifindex)
            .ok_or_else(|| attempt("bind")(io::Error::from(io::ErrorKind::InvalidInput)))?;
        let kind = Type::RAW.nonblocking().cloexec();
        let domain = match family {
            Family::Ipv4 => Domain::IPV4,
            Family::Ipv6 => Domain::IPV6,
        };
        let socket = Socket::new(domain, kind, Some(Protocol::from(i32::from(PROTOCOL))))
            .map_err(attempt("open a raw socket"))?;
        match family {
            Family::Ipv4 => socket.bind_device_by_index_v4(Some(index)),
            Family::Ipv6 => socket.bind_device_by_index_v6(Some(index)),
        }
        .map_err(attempt("bind to the interface"))?;
        set_receive_buffer(&socket, RECEIVE_BUFFER).map_err(attempt("set the receive buffer"))?;
        let reception = Reception::of(&socket).map_err(attempt("switch time stamps on"))?;
        // Before it was bound the socket heard every interface: what stands first in the queue is thrown away.
        for _ in 0..UNBOUND_PACKETS {
            if reception.receive(&socket, &mut []).map_err(attempt("empty the queue"))?.is_none() {
                break;
            }
        }
        match family {
            Family::Ipv4 => send_as_asked_ipv4(&socket, ifindex),
            Family::Ipv6 => send_as_asked_ipv6(&socket, ifindex),
        }
        .map_err(attempt("say how to send"))?;
        if let Family::Ipv6 = family {
            reception.describe_ipv6(&socket).map_err(attempt("ask for hop limits"))?;
        }
        let socket = Self { socket, reception, name: name.to_owned(), ifindex, family };
        socket.set_filter(Filter::Everything)?;
        Ok(socket)
    }

    /// Joins a group on the interface, which tells switches (IGMP, MLD) and the interface's own filter. Again: no change.
    ///
    /// A group stays joined while the interface is down. It is lost without a word when the interface's MTU falls below what
    /// the family needs (1280 for IPv6, 68 for IPv4): leave it and join anew.
    ///
    /// # Errors
    /// When the group is none or of the other family, the interface is gone, or the host's memberships are exhausted.
    pub fn join(&self, group: IpAddr) -> io::Result<()> {
        join(&self.socket, &self.name, self.ifindex, self.family, group)
    }

    /// Leaves a group; no change when it is not joined.
    pub fn leave(&self, group: IpAddr) {
        // It fails only when there is nothing to leave: not joined, or no interface any more.
        drop(set_membership(&self.socket, self.ifindex, self.family, group, false));
    }

    /// Another handle to its memberships, for a thread that may wait.
    ///
    /// # Errors
    /// When no descriptor is left.
    pub fn memberships(&self) -> io::Result<Memberships> {
        let (name, ifindex, family) = (self.name.clone(), self.ifindex, self.family);
        Ok(Memberships { socket: self.socket.try_clone()?, name, ifindex, family })
    }

    /// Changes what the socket takes, in one step: no packet falls between two filters, and what is queued stays queued.
    ///
    /// To hand over to XDP: attach the program first, then narrow the filter; an advert in between comes twice, which
    /// does no harm. To take over from XDP: widen the filter first.
    ///
    /// For a change of carrier, never in a loop: the kernel translates the filter to machine code under a lock of the whole
    /// host and frees the old one later, and thousands of exchanges in a row can block that lock for good (seen on 6.18).
    ///
    /// # Errors
    /// When the kernel has no memory for the filter; the old one stays.
    pub fn set_filter(&self, filter: Filter) -> io::Result<()> {
        match (filter, self.family) {
            (Filter::Everything, Family::Ipv4) => self.socket.attach_filter(&filter::VRRP),
            // The kernel hands it nothing but protocol 112, also behind extension headers.
            (Filter::Everything, Family::Ipv6) => self.socket.attach_filter(&[filter::ACCEPT]),
            (Filter::NotCarriedByXdp { mtu }, Family::Ipv4) => {
                self.socket.attach_filter(&filter::vrrp_longer_than(mtu))
            }
            (Filter::NotCarriedByXdp { mtu }, Family::Ipv6) => {
                self.socket.attach_filter(&filter::ipv6_extended_or_longer_than(mtu))
            }
        }
        .map_err(|error| {
            attempted(
                error,
                format_args!("change the filter of the VRRP socket on {}", self.name),
                "try again",
            )
        })
    }

    /// Sends a whole IP packet, header first. IPv4: the kernel fills in the header's checksum and length, and the
    /// identification and the source when they are 0. IPv6: the packet goes out as it is.
    ///
    /// # Errors
    /// `WouldBlock` when the send buffer is full; EMSGSIZE above the MTU: nothing is fragmented; `NetworkDown`, `AddrNotAvailable` (IPv6: the interface has no usable address
    /// yet) and the like as the interface is. The source address in the packet is not checked.
    pub fn send(&self, packet: &[u8], destination: IpAddr) -> io::Result<()> {
        let destination = match destination {
            IpAddr::V4(address) => SocketAddr::from((address, 0)),
            // The kernel looks at the scope only where the address is one of a link.
            IpAddr::V6(address) => SocketAddrV6::new(address, 0, 0, self.ifindex).into(),
        }
        .into();
        loop {
            match self.socket.send_to(packet, &destination) {
                Ok(_whole) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The next packet: how many bytes of `buffer` it fills, from its IP header on (cut off when the buffer is too small),
    /// and how long ago the kernel received it (at most 10 s; 0 when the wall clock jumped). `None` when nothing waits.
    ///
    /// IPv6: the header is written anew from what the kernel tells of it, without traffic class and flow label, and as if
    /// the packet had come without extension headers.
    ///
    /// # Errors
    /// Those of the socket itself; a later call may succeed. IPv6: `InvalidInput` when the buffer has no room for a header.
    pub fn receive(&self, buffer: &mut [u8]) -> io::Result<Option<(usize, Duration)>> {
        match self.family {
            Family::Ipv4 => self.reception.receive(&self.socket, buffer),
            Family::Ipv6 => self.reception.receive_with_ipv6_header(&self.socket, buffer, PROTOCOL),
        }
    }

    /// How many packets the kernel dropped because this socket's queue was full, as of the newest one read; wraps.
    pub fn dropped(&self) -> u32 {
        self.reception.dropped()
    }
}

/// The groups of a socket that stays another thread's. Joining and leaving wait for the kernel's lock for interfaces.
#[derive(Debug)]
pub struct Memberships {
    socket: Socket,
    name: String,
    ifindex: u32,
    family: Family,
}

impl Memberships {
    /// As [`AdvertSocket::join`].
    ///
    /// # Errors
    /// As there.
    pub fn join(&self, group: IpAddr) -> io::Result<()> {
        join(&self.socket, &self.name, self.ifindex, self.family, group)
    }

    /// As [`AdvertSocket::leave`].
    pub fn leave(&self, group: IpAddr) {
        drop(set_membership(&self.socket, self.ifindex, self.family, group, false));
    }
}

fn join(socket: &Socket, name: &str, ifindex: u32, family: Family, group: IpAddr) -> io::Result<()> {
    match set_membership(socket, ifindex, family, group, true) {
        // Joined already.
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Ok(()),
        Err(error) => Err(attempted(
            error,
            format_args!("join {group} on {name}, index {ifindex}"),
            "check that it is a multicast group and that net.ipv4.igmp_max_memberships is not reached",
        )),
        Ok(()) => Ok(()),
    }
}

fn set_membership(
    socket: &Socket,
    ifindex: u32,
    family: Family,
    group: IpAddr,
    member: bool,
) -> io::Result<()> {
    let interface = InterfaceIndexOrAddress::Index(ifindex);
    match (group, family, member) {
        (IpAddr::V4(group), Family::Ipv4, true) => socket.join_multicast_v4_n(&group, &interface),
        (IpAddr::V4(group), Family::Ipv4, false) => socket.leave_multicast_v4_n(&group, &interface),
        (IpAddr::V6(group), Family::Ipv6, true) => socket.join_multicast_v6(&group, ifindex),
        (IpAddr::V6(group), Family::Ipv6, false) => socket.leave_multicast_v6(&group, ifindex),
        (IpAddr::V4(_), Family::Ipv6, _) | (IpAddr::V6(_), Family::Ipv4, _) => {
            Err(io::Error::new(io::ErrorKind::InvalidInput, "the group is of the other family"))
        }
    }
}

impl AsFd for AdvertSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl AsRawFd for AdvertSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

/// Whole packets, on this interface, not to ourselves.
fn send_as_asked_ipv4(socket: &Socket, ifindex: u32) -> io::Result<()> {
    socket.set_priority(PRIORITY)?;
    socket.set_header_included_v4(true)?;
    socket.set_multicast_loop_v4(false)?;
    // Otherwise this socket hears every group that any process on this host joined.
    socket.set_multicast_all_v4(false)?;
    let any = Ipv4Addr::UNSPECIFIED;
    rustix::net::sockopt::set_ip_multicast_if_with_ifindex(socket, &any, &any, ifindex)?;
    Ok(())
}

/// Likewise. The groups that others joined on the interface are heard whatever IPV6_MULTICAST_ALL says: it does not bear
/// upon raw sockets. XDP hears them too; the checks judge the destination.
fn send_as_asked_ipv6(socket: &Socket, ifindex: u32) -> io::Result<()> {
    socket.set_priority(PRIORITY)?;
    socket.set_header_included_v6(true)?;
    socket.set_multicast_loop_v6(false)?;
    socket.set_multicast_if_v6(ifindex)
}

const fn called(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "IPv4",
        Family::Ipv6 => "IPv6",
    }
}

/// The size asked for, or as much of it as an unprivileged process gets.
pub(super) fn set_receive_buffer(socket: &Socket, bytes: usize) -> io::Result<()> {
    match setsockopt(socket, sockopt::RcvBufForce, &bytes) {
        Ok(()) => Ok(()),
        Err(_not_permitted) => socket.set_recv_buffer_size(bytes),
    }
}
