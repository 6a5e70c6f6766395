//! What the flood of ARP requests and its loader agree on: for measuring, never on the wire of an agent.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{arp, ethernet};

/// Words of a request: an ARP packet and what fills the last word.
pub const WORDS: usize = arp::FRAME_LENGTH.div_ceil(8);
/// Bytes of a request.
pub const BYTES: usize = WORDS * 8;
/// Bytes of an answer at least.
pub const BYTES_OF_ANSWER: usize = arp::FRAME_LENGTH;
/// Nanoseconds by which a request may be late and the next one still comes at its own time.
pub const LATE: u64 = 50_000;

/// Place of the EtherType in a frame.
pub const ETHER_TYPE: usize = 12;
/// Place of the operation.
pub const OPERATION: usize = ethernet::HEADER_LENGTH + 6;
/// Place of the last byte of the source MAC.
pub const SOURCE_MAC: usize = 11;
/// Place of the last byte of the sender's MAC.
pub const SENDER_MAC: usize = ethernet::HEADER_LENGTH + 13;
/// Place of the last byte of the sender's address.
pub const SENDER: usize = ethernet::HEADER_LENGTH + 17;
/// Place of the last two bytes of the target's address.
pub const TARGET: usize = ethernet::HEADER_LENGTH + 26;
/// EtherType and operation of a reply.
pub const REPLY: (u16, u16) = (ethernet::ARP, 2);

/// Counts of one CPU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Tally {
    /// Requests built.
    pub sent: u64,
    /// Replies that came back.
    pub answers: u64,
    /// CLOCK_MONOTONIC before which no request is built, in nanoseconds.
    pub next: u64,
}

/// As aya's plain old data.
#[cfg(feature = "user")]
#[expect(unsafe_code, reason = "aya::Pod is an unsafe trait; zerocopy's derives prove what it asks for")]
mod user {
    // SAFETY: it derives FromBytes and IntoBytes, which refuse padding, references and invalid bit patterns.
    unsafe impl aya::Pod for super::Tally {}
}
