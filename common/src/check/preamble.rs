//! What of a packet is read before it is judged: the IP header, and as much of the message as names the group.

use crate::{
    AdvertInterval, Family, PROTOCOL, Version, advert,
    bytes::Bytes,
    checksum::{self, Sum},
    ipv4::{self, Ipv4},
    ipv6::{self, Ipv6},
};

/// Why a packet is not judged here: it is left to whoever it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotJudged {
    /// Not VRRP.
    Foreign,
    /// A part of a fragmented packet, or longer than this reader reads: the kernel reassembles, the socket judges.
    ForSocket,
}

/// What the IP header says, one shape for both families.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Sender; IPv4 in the first four bytes.
    pub source: [u8; 16],
    /// Receiver; IPv4 in the first four bytes.
    pub destination: [u8; 16],
    /// Where the VRRP message begins.
    pub message: usize,
    /// Its length.
    pub length: u16,
    /// TTL or hop limit.
    pub ttl: u8,
    /// Family.
    pub family: Family,
}

impl Header {
    /// Reads an IPv4 header at `at`.
    ///
    /// # Errors
    /// When what follows is no whole VRRP message.
    #[inline(always)]
    pub fn ipv4<B: Bytes>(bytes: &B, at: usize) -> Result<Self, NotJudged> {
        let header = Ipv4::read(bytes, at).ok_or(NotJudged::Foreign)?;
        if header.protocol != PROTOCOL {
            return Err(NotJudged::Foreign);
        }
        let length = header.total_length.saturating_sub(header.header_length as u16);
        if header.fragment || length as usize > checksum::MAX_WORDS * 4 {
            return Err(NotJudged::ForSocket);
        }
        Ok(Self {
            source: ipv4::widened(header.source),
            destination: ipv4::widened(header.destination),
            message: at + header.header_length,
            length,
            ttl: header.ttl,
            family: Family::Ipv4,
        })
    }

    /// Reads an IPv6 header at `at`.
    ///
    /// # Errors
    /// When VRRP does not follow directly, or the packet is longer than this reader reads.
    #[inline(always)]
    pub fn ipv6<B: Bytes>(bytes: &B, at: usize) -> Result<Self, NotJudged> {
        let header = Ipv6::read(bytes, at).ok_or(NotJudged::Foreign)?;
        if header.next_header != PROTOCOL {
            return Err(NotJudged::Foreign);
        }
        if header.payload_length as usize > checksum::MAX_WORDS * 4 {
            return Err(NotJudged::ForSocket);
        }
        Ok(Self {
            source: header.source,
            destination: header.destination,
            message: at + ipv6::HEADER_LENGTH,
            length: header.payload_length,
            ttl: header.hop_limit,
            family: Family::Ipv6,
        })
    }
}

/// What stands before the addresses: enough to find the group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preamble {
    /// Sender; IPv4 in the first four bytes.
    pub source: [u8; 16],
    /// Receiver; IPv4 in the first four bytes.
    pub destination: [u8; 16],
    /// Where the VRRP message begins.
    pub message: usize,
    /// Its length by the IP header.
    pub length: u16,
    /// TTL or hop limit.
    pub ttl: u8,
    /// Family.
    pub family: Family,
    /// The message itself.
    pub(super) content: Message,
}

/// What is read of the message at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Message {
    /// The eight bytes before the addresses, the first one lowest: one register in BPF, where an array would be eight.
    /// Zeros when there are fewer, so that the VRID reads 0, which no group has.
    pub(super) fixed: u64,
    /// Sum over the whole words behind them; `None` when the frame ends before the IP header says so.
    pub(super) rest: Option<Sum>,
}

impl Message {
    #[inline(always)]
    fn read<B: Bytes>(bytes: &B, at: usize, length: u16) -> Self {
        let Some(rest) = (length as usize).checked_sub(advert::FIXED_LENGTH) else {
            return Self { fixed: 0, rest: None };
        };
        match bytes.array(at) {
            Some(fixed) => Self {
                fixed: u64::from_le_bytes(fixed),
                rest: checksum::sum(bytes, at + advert::FIXED_LENGTH, rest / 4),
            },
            None => Self { fixed: 0, rest: None },
        }
    }

    #[inline(always)]
    const fn byte(&self, at: u32) -> u8 {
        (self.fixed >> (8 * at)) as u8
    }
}

impl Preamble {
    /// Reads from an IPv4 header at `at`.
    ///
    /// # Errors
    /// When this is no whole VRRP packet over IPv4.
    #[inline(always)]
    pub fn ipv4<B: Bytes>(bytes: &B, at: usize) -> Result<Self, NotJudged> {
        Header::ipv4(bytes, at).map(|header| Self::read(bytes, header))
    }

    /// Reads from an IPv6 header at `at`.
    ///
    /// # Errors
    /// When VRRP does not follow directly, or the packet is longer than this reader reads.
    #[inline(always)]
    pub fn ipv6<B: Bytes>(bytes: &B, at: usize) -> Result<Self, NotJudged> {
        Header::ipv6(bytes, at).map(|header| Self::read(bytes, header))
    }

    /// Reads the message behind a header.
    #[inline(always)]
    pub fn read<B: Bytes>(bytes: &B, header: Header) -> Self {
        let Header { source, destination, message, length, ttl, family } = header;
        let content = Message::read(bytes, message, length);
        Self { source, destination, message, length, ttl, family, content }
    }

    /// Version and type nibbles.
    #[inline(always)]
    pub(super) const fn version_type(&self) -> u8 {
        self.content.byte(0)
    }

    /// The version nibble.
    #[inline(always)]
    pub const fn version(&self) -> u8 {
        self.version_type() >> 4
    }

    /// The VRID on the wire; 0 when it could not be read.
    #[inline(always)]
    pub const fn vrid(&self) -> u8 {
        self.content.byte(1)
    }

    /// The priority byte.
    #[inline(always)]
    pub const fn priority(&self) -> u8 {
        self.content.byte(2)
    }

    /// The address count byte.
    #[inline(always)]
    pub(super) const fn count(&self) -> u8 {
        self.content.byte(3)
    }

    /// Version 2 over IPv4: where the authentication data begins, given that the length fits. Counted from the front: the
    /// verifier would not believe that the length is not below eight.
    #[inline(always)]
    pub(super) const fn authentication(&self, count: u8) -> usize {
        self.message + advert::FIXED_LENGTH + count as usize * self.family.address_length()
    }

    /// Version 2: the authentication type.
    #[inline(always)]
    pub(super) const fn auth_type(&self) -> u8 {
        self.content.byte(4)
    }

    /// The advertised interval; `None` for 0.
    #[inline(always)]
    pub(super) const fn interval(&self, version: Version) -> Option<AdvertInterval> {
        match version {
            Version::V2 => AdvertInterval::from_v2_wire(self.content.byte(5)),
            Version::V3 => {
                AdvertInterval::from_v3_wire(u16::from_be_bytes([self.content.byte(4), self.content.byte(5)]))
            }
        }
    }
}
