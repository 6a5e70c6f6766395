//! Ethernet II and up to two VLAN tags.

use zerocopy::transmute_mut;

use crate::{bytes::Bytes, ipv6};

/// Bytes of the header without tags.
pub const HEADER_LENGTH: usize = 14;
/// Where the sender stands.
pub const SOURCE_OFFSET: usize = 6;
/// EtherType of IPv4.
pub const IPV4: u16 = 0x0800;
/// EtherType of ARP.
pub const ARP: u16 = 0x0806;
/// EtherType of IPv6.
pub const IPV6: u16 = 0x86dd;
/// The broadcast address.
pub const BROADCAST: [u8; 6] = [0xff; 6];
/// Destination of IPv4 adverts: the group 224.0.0.18.
pub const VRRP_IPV4: [u8; 6] = [0x01, 0x00, 0x5e, 0x00, 0x00, 0x12];
/// Destination of IPv6 adverts: the group ff02::12 (RFC 2464 §7).
pub const VRRP_IPV6: [u8; 6] = ipv6::multicast_mac(ipv6::VRRP_GROUP);

const VLAN: u16 = 0x8100;
const QINQ: u16 = 0x88a8;

/// What stands before the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ethernet {
    /// Sender.
    pub source: [u8; 6],
    /// EtherType of the payload.
    pub ether_type: u16,
    /// VLAN identifier of the outermost tag, 0 without one. With two tags the outer one names the network port's view;
    /// the inner goes to [`Self::inner_vlan`].
    pub vlan: u16,
    /// VLAN identifier of the second tag, 0 without one.
    pub inner_vlan: u16,
    /// Where the payload begins.
    pub payload: usize,
}

impl Ethernet {
    /// Reads the header; `None` when it is cut off or carries more than two tags.
    #[inline(always)]
    pub fn read<B: Bytes>(bytes: &B) -> Option<Self> {
        let source = bytes.array(SOURCE_OFFSET)?;
        let mut ether_type = bytes.be16(12)?;
        let mut payload = HEADER_LENGTH;
        let (mut vlan, mut inner_vlan) = (0, 0);
        if is_tag(ether_type) {
            vlan = bytes.be16(payload)? & 0x0fff;
            ether_type = bytes.be16(payload + 2)?;
            payload += 4;
            if is_tag(ether_type) {
                inner_vlan = bytes.be16(payload)? & 0x0fff;
                ether_type = bytes.be16(payload + 2)?;
                payload += 4;
                if is_tag(ether_type) {
                    return None;
                }
            }
        }
        Some(Self { source, ether_type, vlan, inner_vlan, payload })
    }

    /// The tags as they stand in a map key: outer in the low, inner in the high twelve bits of 24.
    #[inline(always)]
    pub const fn vlans(&self) -> u32 {
        self.vlan as u32 | (self.inner_vlan as u32) << 12
    }

    /// Whether the packet carries as many tags as are read.
    #[inline(always)]
    pub const fn has_two_tags(&self) -> bool {
        self.payload == HEADER_LENGTH + 8
    }
}

#[inline(always)]
const fn is_tag(ether_type: u16) -> bool {
    ether_type == VLAN || ether_type == QINQ
}

/// Whether a station with `own` MAC takes a frame for `destination`: its own, or any group's. The stack and so the socket
/// carrier drop others; a bridge may have turned a group's address into the station's own.
#[inline(always)]
pub const fn is_for(destination: [u8; 6], own: [u8; 6]) -> bool {
    destination[0] & 1 == 1 || number(destination) == number(own)
}

/// A MAC as one number: compared and moved at once, where the BPF backend would go byte by byte.
#[inline(always)]
pub const fn number([a, b, c, d, e, f]: [u8; 6]) -> u64 {
    u64::from_ne_bytes([a, b, c, d, e, f, 0, 0])
}

/// Bytes before the tags: who it is for and who sent it.
pub const ADDRESSES_LENGTH: usize = 12;

/// Writes who a frame is for and who sends it.
#[inline(always)]
pub fn write_addresses(destination: [u8; 6], source: [u8; 6], header: &mut [u8; ADDRESSES_LENGTH]) {
    let header: &mut [[u8; 6]; 2] = transmute_mut!(header);
    *header = [destination, source];
}

/// An untagged header, ready to send.
pub fn header(destination: [u8; 6], source: [u8; 6], ether_type: u16) -> [u8; HEADER_LENGTH] {
    let mut header = [0; HEADER_LENGTH];
    header[..6].copy_from_slice(&destination);
    header[6..12].copy_from_slice(&source);
    header[12..].copy_from_slice(&ether_type.to_be_bytes());
    header
}
