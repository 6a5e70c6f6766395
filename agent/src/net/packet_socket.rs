//! Packet sockets (AF_PACKET) as the listeners here use them: bound to one interface, without link-layer headers, silent.

#![expect(unsafe_code, reason = "sockaddr_ll and packet memberships have no safe interface")]

use std::{io, mem::size_of, os::fd::AsRawFd};

use socket2::{Domain, SockAddr, SockAddrStorage, SockFilter, Socket, Type};

use super::advert_socket::set_receive_buffer;

/// A socket that hears packets of `ether_type` on interface `ifindex` as far as `filter` accepts them, from their network
/// header on. Never blocks, never sends.
pub(super) fn listening(
    ifindex: u32,
    ether_type: u16,
    filter: &[SockFilter],
    receive_buffer: usize,
) -> io::Result<Socket> {
    // Protocol 0: until it is bound the socket hears nothing, so filter and buffer are in place before the first packet.
    let socket = Socket::new(Domain::PACKET, Type::DGRAM.nonblocking().cloexec(), None)?;
    socket.attach_filter(filter)?;
    set_receive_buffer(&socket, receive_buffer)?;
    socket.bind(&packet_address(ifindex, ether_type))?;
    Ok(socket)
}

/// Packets of `ether_type` on interface `ifindex`.
pub(super) fn packet_address(ifindex: u32, ether_type: u16) -> SockAddr {
    let mut storage = SockAddrStorage::zeroed();
    // SAFETY: sockaddr_ll is the plain structure of the address family that is filled in below, it is smaller than the
    // storage, and all zeroes is a value of it.
    let address = unsafe { storage.view_as::<libc::sockaddr_ll>() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = ether_type.to_be();
    address.sll_ifindex = index(ifindex);
    // SAFETY: the storage holds a sockaddr_ll, and that is the length of one.
    unsafe { SockAddr::new(storage, size_of::<libc::sockaddr_ll>() as libc::socklen_t) }
}

/// Opens the interface's filter for a multicast MAC, for as long as `socket` lives. Unlike joining the group at the IP
/// layer this tells nobody: no IGMP report goes out.
pub(super) fn accept_multicast(socket: &Socket, ifindex: u32, mac: [u8; 6]) -> io::Result<()> {
    let [a, b, c, d, e, f] = mac;
    add_membership(
        socket,
        libc::packet_mreq {
            mr_ifindex: index(ifindex),
            mr_type: libc::PACKET_MR_MULTICAST as u16,
            mr_alen: 6,
            mr_address: [a, b, c, d, e, f, 0, 0],
        },
    )
}

/// Opens the interface's filter for every group, for as long as `socket` lives.
pub(super) fn accept_every_multicast(socket: &Socket, ifindex: u32) -> io::Result<()> {
    add_membership(
        socket,
        libc::packet_mreq {
            mr_ifindex: index(ifindex),
            mr_type: libc::PACKET_MR_ALLMULTI as u16,
            mr_alen: 0,
            mr_address: [0; 8],
        },
    )
}

fn add_membership(socket: &Socket, membership: libc::packet_mreq) -> io::Result<()> {
    // SAFETY: the structure is the one that this option asks for, is given with its length, and is only read.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_ADD_MEMBERSHIP,
            (&raw const membership).cast(),
            size_of::<libc::packet_mreq>() as libc::socklen_t,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The kernel's interfaces say `int`; indices are positive.
const fn index(ifindex: u32) -> i32 {
    i32::from_ne_bytes(ifindex.to_ne_bytes())
}
