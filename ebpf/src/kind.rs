//! What a packet is, from as few bytes as tell: most are the host's own traffic and are let go after two reads.

use regent_common::{
    Family, PROTOCOL,
    bytes::Bytes,
    ethernet::{self, Ethernet},
    ipv4, ipv6, ndp,
};

/// What concerns a virtual router.
pub enum Kind {
    /// Not VRRP, not ARP, not a solicitation or advertisement of Neighbor Discovery.
    Foreign,
    /// By its protocol number.
    Vrrp(Family),
    /// By its EtherType.
    Arp,
    /// By the type of its message.
    Neighbor,
}

impl Kind {
    /// Of the packet behind that header.
    #[inline(always)]
    pub fn of<B: Bytes>(bytes: &B, ethernet: &Ethernet) -> Self {
        let payload = ethernet.payload;
        match ethernet.ether_type {
            // The protocol byte first.
            ethernet::IPV4 => match bytes.u8(payload + ipv4::PROTOCOL_OFFSET) {
                Some(PROTOCOL) => Self::Vrrp(Family::Ipv4),
                Some(_) | None => Self::Foreign,
            },
            ethernet::IPV6 => match bytes.u8(payload + ipv6::NEXT_HEADER_OFFSET) {
                Some(PROTOCOL) => Self::Vrrp(Family::Ipv6),
                Some(ipv6::ICMPV6) => match bytes.u8(payload + ipv6::HEADER_LENGTH) {
                    Some(ndp::SOLICITATION | ndp::ADVERTISEMENT) => Self::Neighbor,
                    Some(_) | None => Self::Foreign,
                },
                Some(_) | None => Self::Foreign,
            },
            ethernet::ARP => Self::Arp,
            _ => Self::Foreign,
        }
    }
}
