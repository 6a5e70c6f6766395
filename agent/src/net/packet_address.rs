//! Addresses of packet sockets (AF_PACKET), which no safe interface builds.

#![expect(unsafe_code, reason = "sockaddr_ll has no safe constructor")]

use std::mem::size_of;

use socket2::{SockAddr, SockAddrStorage};

/// Packets of `ether_type` on interface `ifindex`.
pub(super) fn packet_address(ifindex: u32, ether_type: u16) -> SockAddr {
    let mut storage = SockAddrStorage::zeroed();
    // SAFETY: sockaddr_ll is a plain structure of the kind of address that its family says, smaller than the storage, and
    // all zeroes is a value of it.
    let address = unsafe { storage.view_as::<libc::sockaddr_ll>() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = ether_type.to_be();
    address.sll_ifindex = i32::from_ne_bytes(ifindex.to_ne_bytes());
    // SAFETY: the storage holds a sockaddr_ll, and that is the length of one.
    unsafe { SockAddr::new(storage, size_of::<libc::sockaddr_ll>() as libc::socklen_t) }
}
