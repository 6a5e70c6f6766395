//! The IPv6 header, as much of it as VRRP needs (RFC 8200, RFC 9568 §5.1.2). Extension headers are not followed: such
//! a packet is for the socket.

use crate::{PROTOCOL, bytes::Bytes};

/// Bytes of the fixed header.
pub const HEADER_LENGTH: usize = 40;
/// Where the header says what follows it.
pub const NEXT_HEADER_OFFSET: usize = 6;
/// The group of adverts, ff02::12 (RFC 9568 §5.1.2.2).
pub const VRRP_GROUP: [u8; 16] = [0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x12];

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
            source: bytes.array(at + 8)?,
            destination,
        })
    }
}

/// A header for a VRRP message of `length` bytes.
pub fn header(source: [u8; 16], destination: [u8; 16], hop_limit: u8, length: u16) -> [u8; HEADER_LENGTH] {
    let mut header = [0; HEADER_LENGTH];
    header[..4].copy_from_slice(&(6 << 28 | u32::from(TRAFFIC_CLASS) << 20).to_be_bytes());
    header[4..6].copy_from_slice(&length.to_be_bytes());
    header[NEXT_HEADER_OFFSET] = PROTOCOL;
    header[7] = hop_limit;
    header[8..24].copy_from_slice(&source);
    header[24..].copy_from_slice(&destination);
    header
}

/// Whether the address is link-local, fe80::/10.
pub const fn is_link_local(address: &[u8; 16]) -> bool {
    address[0] == 0xfe && address[1] & 0xc0 == 0x80
}
