//! Frames, made byte by byte: what tests put on a wire or before a judge.
//!
//! Holds no opinion on what is right: every field can be wrong.

use regent_common::{advert::Advert, ethernet, ipv4, ipv6};

/// Source MAC of frames made here.
pub const STATION: [u8; 6] = [0x02, 0, 0, 0, 0, 0x01];

/// A frame around `packet`, with these VLAN identifiers, outermost first.
pub fn frame(vlans: &[u16], ether_type: u16, packet: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(ethernet::HEADER_LENGTH + 4 * vlans.len() + packet.len());
    frame.extend_from_slice(&ethernet::VRRP_IPV4);
    frame.extend_from_slice(&STATION);
    for vlan in vlans {
        frame.extend_from_slice(&0x8100u16.to_be_bytes());
        frame.extend_from_slice(&vlan.to_be_bytes());
    }
    frame.extend_from_slice(&ether_type.to_be_bytes());
    frame.extend_from_slice(packet);
    frame
}

/// A frame around an IP packet of whichever family its first nibble says.
pub fn ip_frame(vlans: &[u16], packet: &[u8]) -> Vec<u8> {
    let ether_type = match packet.first().map(|first| first >> 4) {
        Some(6) => ethernet::IPV6,
        Some(_) | None => ethernet::IPV4,
    };
    frame(vlans, ether_type, packet)
}

/// An IPv4 packet of protocol 112 around a message.
pub fn ipv4_packet(source: [u8; 4], destination: [u8; 4], ttl: u8, message: &[u8]) -> Vec<u8> {
    let length = u16::try_from(message.len()).unwrap_or(u16::MAX - ipv4::HEADER_LENGTH as u16);
    let mut packet = ipv4::header(source, destination, ttl, 1, length).to_vec();
    packet.extend_from_slice(message);
    packet
}

/// An IPv6 packet of next header 112 around a message.
pub fn ipv6_packet(source: [u8; 16], destination: [u8; 16], hop_limit: u8, message: &[u8]) -> Vec<u8> {
    let mut packet = vec![0; ipv6::HEADER_LENGTH];
    packet[0] = 0x6c;
    packet[4..6].copy_from_slice(&u16::try_from(message.len()).unwrap_or(u16::MAX).to_be_bytes());
    packet[6] = regent_common::PROTOCOL;
    packet[7] = hop_limit;
    packet[8..24].copy_from_slice(&source);
    packet[24..40].copy_from_slice(&destination);
    packet.extend_from_slice(message);
    packet
}

/// The message of an advert; empty when it has no form on the wire.
pub fn message(advert: &Advert<'_>) -> Vec<u8> {
    let mut buffer = vec![0; advert.length()];
    let length = advert.encode(&mut buffer).unwrap_or(0);
    buffer.truncate(length);
    buffer
}

/// A TCP segment's worth of somebody else's traffic.
pub fn tcp_packet() -> Vec<u8> {
    let mut packet = ipv4_packet([192, 0, 2, 1], [192, 0, 2, 2], 64, &[0; 20]);
    packet[9] = 6;
    packet
}
