//! The Internet checksum (RFC 1071) and the pseudo-headers of VRRP and ICMPv6.
//!
//! Sums are taken over native-order words: the one's complement sum is the same whatever the byte order of the
//! machine (RFC 1071 §2(B)), so only the finished checksum is ever stored, as it stands in memory.

use zerocopy::transmute_ref;

use crate::{PROTOCOL, bytes::Bytes, ipv6};

const LOW_HALF: u64 = 0xffff_ffff;

/// A running one's complement sum. Wide enough that it cannot overflow over any IP packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum(u64);

impl Sum {
    /// Of nothing.
    pub const ZERO: Self = Self(0);

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

    /// Adds eight bytes, as a number in the machine's order.
    #[inline(always)]
    pub const fn pair(self, pair: u64) -> Self {
        Self(self.0 + (pair & LOW_HALF) + (pair >> 32))
    }

    /// Takes back what [`Self::and`] added: exact, since nothing was folded yet.
    #[inline(always)]
    pub const fn without(self, part: Self) -> Self {
        Self(self.0.wrapping_sub(part.0))
    }

    /// Adds sixteen bytes of an address.
    #[inline(always)]
    pub const fn address(self, address: &[u8; 16]) -> Self {
        let bits = u128::from_ne_bytes(*address);
        self.pair(bits as u64).pair((bits >> 64) as u64)
    }

    /// Adds the pseudo-header: both addresses, the length of the VRRP message, protocol 112 (RFC 8200 §8.1, and the
    /// form that RFC 5798 left open for IPv4 and that keepalived, FRR and VPP send). An IPv4 address is its four bytes followed by zeros, which
    /// add nothing.
    #[inline(always)]
    pub const fn pseudo_header(self, source: &[u8; 16], destination: &[u8; 16], length: u16) -> Self {
        self.with_pseudo_header(source, destination, length, PROTOCOL)
    }

    /// Adds the pseudo-header of an ICMPv6 message (RFC 8200 §8.1).
    #[inline(always)]
    pub const fn icmpv6_pseudo_header(self, source: &[u8; 16], destination: &[u8; 16], length: u16) -> Self {
        self.with_pseudo_header(source, destination, length, ipv6::ICMPV6)
    }

    #[inline(always)]
    const fn with_pseudo_header(
        self,
        source: &[u8; 16],
        destination: &[u8; 16],
        length: u16,
        protocol: u8,
    ) -> Self {
        let [high, low] = length.to_be_bytes();
        self.address(source).address(destination).word([high, low, 0, protocol])
    }

    /// Folded to sixteen bits, in memory order.
    #[inline(always)]
    pub const fn folded(self) -> u16 {
        let mut sum = (self.0 >> 32) + (self.0 & LOW_HALF);
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

/// The checksum of a message in which eight bytes, begun at an even offset, were replaced: "HC' = ~(~HC + ~m + m')"
/// (RFC 1624 §3). One that did not hold does not hold afterwards.
#[inline(always)]
pub const fn replaced([high, low]: [u8; 2], before: [u8; 8], after: [u8; 8]) -> [u8; 2] {
    let (before, after) = (u64::from_ne_bytes(before), u64::from_ne_bytes(after));
    Sum::ZERO.word([!high, !low, 0, 0]).pair(!before).pair(after).checksum()
}

/// Most words that one sum reads: 384 × 4 bytes, what fits an Ethernet frame. The loop's bound is constant so that
/// the verifier can follow it.
pub const MAX_WORDS: usize = 384;

/// Words of a block, which are read under one bound check.
const BLOCK: usize = 32;

/// The sum over `words` × 4 bytes from `at`; `None` past the end or beyond [`MAX_WORDS`].
#[inline(always)]
pub fn sum<B: Bytes>(bytes: &B, at: usize, words: usize) -> Option<Sum> {
    if words > MAX_WORDS {
        return None;
    }
    let mut sum = Sum::ZERO;
    // Blocks are counted apart from what is left: the verifier of 6.1 loses sight of the bound above.
    let (mut at, mut left, mut blocks) = (at, bytes.opaque(words), 0);
    while left >= BLOCK {
        if blocks == MAX_WORDS / BLOCK {
            return None;
        }
        blocks += 1;
        sum = bytes.look(at, |block| thirty_two(bytes, sum, block))?;
        at += 4 * BLOCK;
        left -= BLOCK;
    }
    // Whatever number of blocks was read, the rest is the same to the verifier.
    Some(sum.and(short_sum(bytes, bytes.opaque(at), bytes.opaque(left))?))
}

/// The sum over `words` × 4 bytes from `at`, fewer than 32 words; `None` past the end or of more.
///
/// One bit of the number after the other, each forgotten before the next: else the verifier would walk each part once
/// for every way through those before it.
#[inline(always)]
pub fn short_sum<B: Bytes>(bytes: &B, at: usize, words: usize) -> Option<Sum> {
    let (mut at, mut left, mut sum) = (at, words, Sum::ZERO);
    if left & 1 != 0 {
        sum = sum.word(bytes.array(at)?);
        at += 4;
    }
    (at, left) = (bytes.opaque(at), bytes.opaque(left >> 1));
    if left & 1 != 0 {
        sum = bytes.look(at, |block| two(bytes, sum, block))?;
        at += 8;
    }
    (at, left) = (bytes.opaque(at), bytes.opaque(left >> 1));
    if left & 1 != 0 {
        sum = bytes.look(at, |block| four(bytes, sum, block))?;
        at += 16;
    }
    (at, left) = (bytes.opaque(at), bytes.opaque(left >> 1));
    if left & 1 != 0 {
        sum = bytes.look(at, |block| eight(bytes, sum, block))?;
        at += 32;
    }
    (at, left) = (bytes.opaque(at), bytes.opaque(left >> 1));
    if left & 1 != 0 {
        sum = bytes.look(at, |block| sixteen(bytes, sum, block))?;
    }
    left = bytes.opaque(left >> 1);
    if left == 0 { Some(sum) } else { None }
}

// Blocks of words are added to a sum word by word, written out: the compiler would make a loop of it, which the
// verifier walks as often as it turns.

#[inline(always)]
fn two<B: Bytes>(bytes: &B, sum: Sum, block: &[u8; 8]) -> Sum {
    let [one, other]: &[[u8; 4]; 2] = transmute_ref!(block);
    let sum = Sum(bytes.settled(sum.word(*one).0));
    Sum(bytes.settled(sum.word(*other).0))
}

#[inline(always)]
fn four<B: Bytes>(bytes: &B, sum: Sum, block: &[u8; 16]) -> Sum {
    let [one, other]: &[[u8; 8]; 2] = transmute_ref!(block);
    two(bytes, two(bytes, sum, one), other)
}

#[inline(always)]
fn eight<B: Bytes>(bytes: &B, sum: Sum, block: &[u8; 32]) -> Sum {
    let [one, other]: &[[u8; 16]; 2] = transmute_ref!(block);
    four(bytes, four(bytes, sum, one), other)
}

#[inline(always)]
fn sixteen<B: Bytes>(bytes: &B, sum: Sum, block: &[u8; 64]) -> Sum {
    let [one, other]: &[[u8; 32]; 2] = transmute_ref!(block);
    eight(bytes, eight(bytes, sum, one), other)
}

#[inline(always)]
fn thirty_two<B: Bytes>(bytes: &B, sum: Sum, block: &[u8; 128]) -> Sum {
    let [one, other]: &[[u8; 64]; 2] = transmute_ref!(block);
    sixteen(bytes, sixteen(bytes, sum, one), other)
}
