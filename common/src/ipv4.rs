//! The IPv4 header, as much of it as VRRP needs (RFC 791, RFC 9568 §5.1.1).

use crate::{PROTOCOL, bytes::Bytes, checksum};

/// Bytes of a header without options.
pub const HEADER_LENGTH: usize = 20;
/// The group of adverts, 224.0.0.18 (RFC 9568 §5.1.1.2).
pub const VRRP_GROUP: [u8; 4] = [224, 0, 0, 18];
/// Traffic class CS6, internetwork control: what keepalived and FRR send. Receivers do not check it.
pub const TRAFFIC_CLASS: u8 = 0xc0;

/// What the checks need of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv4 {
    /// Bytes of the header with its options, 20..=60.
    pub header_length: usize,
    /// Bytes of header and payload, as the header says.
    pub total_length: u16,
    /// Time to live.
    pub ttl: u8,
    /// Protocol of the payload.
    pub protocol: u8,
    /// Part of a fragmented packet.
    pub fragment: bool,
    /// Sender.
    pub source: [u8; 4],
    /// Receiver.
    pub destination: [u8; 4],
}

impl Ipv4 {
    /// Reads the header at `at`; `None` when it is cut off or is none of IPv4.
    #[inline(always)]
    pub fn read<B: Bytes>(bytes: &B, at: usize) -> Option<Self> {
        let [first, _, l1, l2, _, _, f1, f2, ttl, protocol, _, _, s1, s2, s3, s4, d1, d2, d3, d4] =
            bytes.array::<HEADER_LENGTH>(at)?;
        let header_length = ((first & 0x0f) as usize) * 4;
        if first >> 4 != 4 || header_length < HEADER_LENGTH {
            return None;
        }
        Some(Self {
            header_length,
            total_length: u16::from_be_bytes([l1, l2]),
            ttl,
            protocol,
            // More Fragments, or an offset: 0x4000 is Don't Fragment.
            fragment: u16::from_be_bytes([f1, f2]) & 0x3fff != 0,
            source: [s1, s2, s3, s4],
            destination: [d1, d2, d3, d4],
        })
    }
}

/// A header without options for a VRRP message of `length` bytes; its checksum is filled in.
pub fn header(
    source: [u8; 4],
    destination: [u8; 4],
    ttl: u8,
    identification: u16,
    length: u16,
) -> [u8; HEADER_LENGTH] {
    let mut header = [0; HEADER_LENGTH];
    header[0] = 0x45;
    header[1] = TRAFFIC_CLASS;
    header[2..4].copy_from_slice(&(HEADER_LENGTH as u16 + length).to_be_bytes());
    header[4..6].copy_from_slice(&identification.to_be_bytes());
    header[8] = ttl;
    header[9] = PROTOCOL;
    header[12..16].copy_from_slice(&source);
    header[16..20].copy_from_slice(&destination);
    if let Some(sum) = checksum::sum(&&header[..], 0, HEADER_LENGTH / 4) {
        header[10..12].copy_from_slice(&sum.checksum());
    }
    header
}
