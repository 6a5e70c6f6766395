//! Classic BPF: which packets a socket takes at all. The rest costs userspace nothing.
//!
//! Programs are attached in one step: the kernel swaps the pointer, so every packet is judged by the old or by the new
//! program, and none falls between.

use regent_common::{PROTOCOL, ipv6};
use socket2::SockFilter;

const LOAD_BYTE: u16 = (libc::BPF_LD | libc::BPF_B | libc::BPF_ABS) as u16;
const LOAD_HALF: u16 = (libc::BPF_LD | libc::BPF_H | libc::BPF_ABS) as u16;
const LOAD_WORD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
const IF_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
const IF_GREATER: u16 = (libc::BPF_JMP | libc::BPF_JGT | libc::BPF_K) as u16;
const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;

/// Offsets in an IPv4 header.
const TOTAL_LENGTH: u32 = 2;
const NEXT_PROTOCOL: u32 = 9;

/// Offsets in an IPv6 header.
const PAYLOAD_LENGTH: u32 = 4;
const NEXT_HEADER: u32 = 6;

/// ICMPv6 type (RFC 4861 §4.4).
const NEIGHBOR_ADVERTISEMENT: u8 = 136;

/// Where a raw IPv6 socket's filter finds the IPv6 header: its data begins behind the headers, at the payload.
const NETWORK: u32 = libc::SKF_NET_OFF as u32;

/// Facts about the packet that are not in its bytes.
const PACKET_TYPE: u32 = (libc::SKF_AD_OFF + libc::SKF_AD_PKTTYPE) as u32;
const INTERFACE: u32 = (libc::SKF_AD_OFF + libc::SKF_AD_IFINDEX) as u32;

pub(super) const ACCEPT: SockFilter = SockFilter::new(RETURN, 0, 0, u32::MAX);
pub(super) const REJECT: SockFilter = SockFilter::new(RETURN, 0, 0, 0);

pub(super) const fn load_byte(at: u32) -> SockFilter {
    SockFilter::new(LOAD_BYTE, 0, 0, at)
}

pub(super) const fn load_half(at: u32) -> SockFilter {
    SockFilter::new(LOAD_HALF, 0, 0, at)
}

const fn load_word(at: u32) -> SockFilter {
    SockFilter::new(LOAD_WORD, 0, 0, at)
}

/// Jumps over `otherwise` instructions unless the loaded value is `value`.
pub(super) const fn if_equal(value: u32, otherwise: u8) -> SockFilter {
    SockFilter::new(IF_EQUAL, 0, otherwise, value)
}

/// IPv4 packets of protocol 112, of any length.
pub(super) const VRRP: [SockFilter; 4] =
    [load_byte(NEXT_PROTOCOL), if_equal(PROTOCOL as u32, 1), ACCEPT, REJECT];

/// IPv4 packets of protocol 112 that are longer than `mtu`.
pub(super) const fn vrrp_longer_than(mtu: u32) -> [SockFilter; 6] {
    [
        load_byte(NEXT_PROTOCOL),
        if_equal(PROTOCOL as u32, 3),
        load_half(TOTAL_LENGTH),
        SockFilter::new(IF_GREATER, 0, 1, mtu),
        ACCEPT,
        REJECT,
    ]
}

/// For a raw IPv6 socket of protocol 112: packets that have extension headers or are longer than `mtu`. One that was put
/// together from fragments shows the header it would have had as a whole.
pub(super) const fn ipv6_extended_or_longer_than(mtu: u32) -> [SockFilter; 6] {
    [
        load_byte(NETWORK + NEXT_HEADER),
        if_equal(PROTOCOL as u32, 2),
        load_half(NETWORK + PAYLOAD_LENGTH),
        SockFilter::new(IF_GREATER, 0, 1, mtu.saturating_sub(ipv6::HEADER_LENGTH as u32)),
        ACCEPT,
        REJECT,
    ]
}

/// For a packet socket without link-layer headers: what the interface itself received for this host. Goes on behind
/// these instructions, or rejects by jumping `rest` further.
///
/// A socket that is bound to a port also sees what the port handed up to a VLAN device, a bridge or a bond: the
/// interface that a packet belongs to is the one that the kernel says now. Tagged packets whose VLAN has no device here
/// are marked as meant for another host, what this host sent as outgoing or looped back; those types are all higher.
const fn received_on(ifindex: u32, rest: u8) -> [SockFilter; 4] {
    [
        load_word(PACKET_TYPE),
        SockFilter::new(IF_GREATER, rest + 2, 0, libc::PACKET_MULTICAST as u32),
        load_word(INTERFACE),
        if_equal(ifindex, rest),
    ]
}

/// For a packet socket: received ARP.
pub(super) const fn received_arp(ifindex: u32) -> [SockFilter; 6] {
    let [a, b, c, d] = received_on(ifindex, 1);
    [a, b, c, d, ACCEPT, REJECT]
}

/// For a packet socket: received IPv4 packets of protocol 112.
pub(super) const fn received_vrrp(ifindex: u32) -> [SockFilter; 8] {
    let [a, b, c, d] = received_on(ifindex, 3);
    let [e, f, g, h] = VRRP;
    [a, b, c, d, e, f, g, h]
}

/// For a packet socket: received IPv6 packets of protocol 112 without extension headers.
pub(super) const fn received_vrrp_ipv6(ifindex: u32) -> [SockFilter; 8] {
    let [a, b, c, d] = received_on(ifindex, 3);
    [a, b, c, d, load_byte(NEXT_HEADER), if_equal(PROTOCOL as u32, 1), ACCEPT, REJECT]
}

/// For a packet socket: received neighbour advertisements without extension headers.
pub(super) const fn received_neighbor_advertisements(ifindex: u32) -> [SockFilter; 10] {
    const TYPE: u32 = ipv6::HEADER_LENGTH as u32;
    let [a, b, c, d] = received_on(ifindex, 5);
    let [e, f] = [load_byte(NEXT_HEADER), if_equal(libc::IPPROTO_ICMPV6 as u32, 3)];
    let [g, h] = [load_byte(TYPE), if_equal(NEIGHBOR_ADVERTISEMENT as u32, 1)];
    [a, b, c, d, e, f, g, h, ACCEPT, REJECT]
}
