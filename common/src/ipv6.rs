//! The IPv6 header and addresses, as much of them as VRRP and Neighbor Discovery need (RFC 8200, RFC 4291,
//! RFC 9568 §5.1.2). Extension headers are not followed: such a packet is for the socket.

use crate::{PROTOCOL, bytes::Bytes};

/// Bytes of the fixed header.
pub const HEADER_LENGTH: usize = 40;
/// Where the header says what follows it.
pub const NEXT_HEADER_OFFSET: usize = 6;
/// Where the header says who sent it.
pub const SOURCE_OFFSET: usize = 8;
/// The group of adverts, ff02::12 (RFC 9568 §5.1.2.2).
pub const VRRP_GROUP: [u8; 16] = [0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x12];

/// All nodes of the link, ff02::1 (RFC 4291 §2.7.1).
pub const ALL_NODES: [u8; 16] = [0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x01];
/// Next header of ICMPv6.
pub const ICMPV6: u8 = 58;
/// Traffic class CS6, internetwork control: what keepalived and FRR send. Receivers do not check it.
pub const TRAFFIC_CLASS: u8 = 0xc0;

/// What the checks need of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv6 {
    /// Bytes after the header.
    pub payload_length: u16,
    /// Protocol of what follows.
    pub next_header: u8,
    /// Hop limit.
    pub hop_limit: u8,
    /// Sender.
    pub source: [u8; 16],
    /// Receiver.
    pub destination: [u8; 16],
}

impl Ipv6 {
    /// Reads the header at `at`; `None` when it is cut off or is none of IPv6.
    #[inline(always)]
    pub fn read<B: Bytes>(bytes: &B, at: usize) -> Option<Self> {
        let destination = bytes.array(at + 24)?;
        if bytes.u8(at)? >> 4 != 6 {
            return None;
        }
        Some(Self {
            payload_length: bytes.be16(at + 4)?,
            next_header: bytes.u8(at + NEXT_HEADER_OFFSET)?,
            hop_limit: bytes.u8(at + 7)?,
            source: bytes.array(at + SOURCE_OFFSET)?,
            destination,
        })
    }
}

/// A header for a VRRP message of `length` bytes.
pub fn header(source: [u8; 16], destination: [u8; 16], hop_limit: u8, length: u16) -> [u8; HEADER_LENGTH] {
    fixed_header(source, destination, TRAFFIC_CLASS, PROTOCOL, hop_limit, length)
}

/// A header for a message of Neighbor Discovery of `length` bytes: hop limit 255 (RFC 4861 §4.3, §4.4).
pub fn icmpv6_header(source: [u8; 16], destination: [u8; 16], length: u16) -> [u8; HEADER_LENGTH] {
    fixed_header(source, destination, 0, ICMPV6, 255, length)
}

fn fixed_header(
    source: [u8; 16],
    destination: [u8; 16],
    traffic_class: u8,
    next_header: u8,
    hop_limit: u8,
    length: u16,
) -> [u8; HEADER_LENGTH] {
    let mut header = [0; HEADER_LENGTH];
    header[..4].copy_from_slice(&(6 << 28 | u32::from(traffic_class) << 20).to_be_bytes());
    header[4..6].copy_from_slice(&length.to_be_bytes());
    header[NEXT_HEADER_OFFSET] = next_header;
    header[7] = hop_limit;
    header[8..24].copy_from_slice(&source);
    header[24..].copy_from_slice(&destination);
    header
}

/// Whether the address is link-local, fe80::/10.
pub const fn is_link_local(address: &[u8; 16]) -> bool {
    address[0] == 0xfe && address[1] & 0xc0 == 0x80
}

/// Whether the address is multicast, ff00::/8.
#[inline(always)]
pub const fn is_multicast(address: &[u8; 16]) -> bool {
    address[0] == 0xff
}

/// Whether it is the unspecified address, `::`.
#[inline(always)]
pub const fn is_unspecified(address: &[u8; 16]) -> bool {
    u128::from_ne_bytes(*address) == 0
}

/// The solicited-node group of an address, ff02::1:ff00:0/104 with its last 24 bits (RFC 4291 §2.7.1): where it is
/// asked for.
pub const fn solicited_node(address: [u8; 16]) -> [u8; 16] {
    let [.., a, b, c] = address;
    [0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, a, b, c]
}

/// Whether it is the solicited-node group of some address.
#[inline(always)]
pub const fn is_solicited_node(address: &[u8; 16]) -> bool {
    const HOST_BITS: u32 = 24;
    let prefix = u128::from_be_bytes(solicited_node([0; 16])) >> HOST_BITS;
    u128::from_be_bytes(*address) >> HOST_BITS == prefix
}

/// The Ethernet address of a multicast group: 33:33 and its last four bytes (RFC 2464 §7).
pub const fn multicast_mac(group: [u8; 16]) -> [u8; 6] {
    let [.., a, b, c, d] = group;
    [0x33, 0x33, a, b, c, d]
}
