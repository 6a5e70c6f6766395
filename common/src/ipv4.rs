//! The IPv4 header, as much of it as VRRP needs (RFC 791, RFC 9568 §5.1.1).

use crate::{PROTOCOL, bytes::Bytes, checksum};

/// Bytes of a header without options.
pub const HEADER_LENGTH: usize = 20;
/// Where the header says what follows it.
pub const PROTOCOL_OFFSET: usize = 9;
/// The group of adverts, 224.0.0.18 (RFC 9568 §5.1.1.2).
pub const VRRP_GROUP: [u8; 4] = [224, 0, 0, 18];
/// Traffic class CS6, internetwork control: what keepalived and FRR send. Receivers do not check it.
pub const TRAFFIC_CLASS: u8 = 0xc0;

/// As the sixteen bytes that keys and records hold: the address, then zeros. One integer all the way, so that the BPF
/// backend needs two registers for it and not sixteen.
#[inline(always)]
pub const fn widened(address: [u8; 4]) -> [u8; 16] {
    (u32::from_le_bytes(address) as u128).to_le_bytes()
}

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
    ///
    /// Field by field, in the widths they have: the BPF backend keeps them in registers then, not byte by byte on its
    /// small stack.
    #[inline(always)]
    pub fn read<B: Bytes>(bytes: &B, at: usize) -> Option<Self> {
        let destination = bytes.array(at + 16)?;
        let first = bytes.u8(at)?;
        let header_length = ((first & 0x0f) as usize) * 4;
        if first >> 4 != 4 || header_length < HEADER_LENGTH {
            return None;
        }
        Some(Self {
            header_length,
            total_length: bytes.be16(at + 2)?,
            // More Fragments, or an offset: 0x4000 is Don't Fragment.
            fragment: bytes.be16(at + 6)? & 0x3fff != 0,
            ttl: bytes.u8(at + 8)?,
            protocol: bytes.u8(at + PROTOCOL_OFFSET)?,
            source: bytes.array(at + 12)?,
            destination,
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
