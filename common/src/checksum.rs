//! The Internet checksum (RFC 1071) and VRRP's pseudo-header.
//!
//! Sums are taken over native-order words: the one's complement sum is the same whatever the byte order of the
//! machine (RFC 1071 §2(B)), so only the finished checksum is ever stored, as it stands in memory.

use crate::{PROTOCOL, bytes::Bytes};

/// A running one's complement sum. Wide enough that it cannot overflow over any IP packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum(u64);

impl Sum {
    /// Adds four bytes.
    #[inline(always)]
    pub const fn word(self, bytes: [u8; 4]) -> Self {
        Self(self.0 + u32::from_ne_bytes(bytes) as u64)
    }

    /// Adds another sum that was begun at an even offset.
    #[inline(always)]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }

    /// Adds sixteen bytes of an address.
    #[inline(always)]
    pub const fn address(self, a: &[u8; 16]) -> Self {
        self.word([a[0], a[1], a[2], a[3]])
            .word([a[4], a[5], a[6], a[7]])
            .word([a[8], a[9], a[10], a[11]])
            .word([a[12], a[13], a[14], a[15]])
    }

    /// Adds the pseudo-header: both addresses, the length of the VRRP message, protocol 112 (RFC 8200 §8.1, and the
    /// form that RFC 5798 left open for IPv4 and that keepalived, FRR and VPP send). An IPv4 address is its four bytes followed by zeros, which
    /// add nothing.
    #[inline(always)]
    pub const fn pseudo_header(self, source: &[u8; 16], destination: &[u8; 16], length: u16) -> Self {
        let [high, low] = length.to_be_bytes();
        self.address(source).address(destination).word([high, low, 0, PROTOCOL])
    }

    /// Folded to sixteen bits, in memory order.
    #[inline(always)]
    pub const fn folded(self) -> u16 {
        let mut sum = (self.0 >> 32) + (self.0 & 0xffff_ffff);
        sum = (sum >> 16) + (sum & 0xffff);
        sum = (sum >> 16) + (sum & 0xffff);
        sum = (sum >> 16) + (sum & 0xffff);
        sum as u16
    }

    /// Whether a message that includes its checksum adds up.
    #[inline(always)]
    pub const fn holds(self) -> bool {
        self.folded() == 0xffff
    }

    /// The checksum to store, as two bytes ready for the wire.
    #[inline(always)]
    pub const fn checksum(self) -> [u8; 2] {
        (!self.folded()).to_ne_bytes()
    }

    /// A short fingerprint of what was added, independent of order.
    #[inline(always)]
    pub const fn fingerprint(self) -> u32 {
        ((self.0 >> 32) as u32).wrapping_add(self.0 as u32)
    }
}

/// Most words that one sum reads: 384 × 4 bytes, what fits an Ethernet frame. The loop's bound is constant so that
/// the verifier can follow it.
pub const MAX_WORDS: usize = 384;

/// The sum over `words` × 4 bytes from `at`; `None` past the end or beyond [`MAX_WORDS`].
#[inline(always)]
pub fn sum<B: Bytes>(bytes: &B, at: usize, words: usize) -> Option<Sum> {
    if words > MAX_WORDS {
        return None;
    }
    let mut sum = Sum::default();
    let mut word = 0;
    while word < words {
        sum = sum.word(bytes.array(at + word * 4)?);
        word += 1;
    }
    Some(sum)
}
