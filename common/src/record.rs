//! What the kernel side hands over: the slot (the newest advert of a source) and the ring record (the doorbell).

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{advert::Heard, arrival::Arrivals};

/// The newest accepted advert of one source.
///
/// Written under a sequence: odd while it is being written, and both ends equal once it is whole. A reader that finds
/// it odd or unequal reads again; a writer that finds it odd leaves, since the other CPU's advert is as new.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Slot {
    /// 0: free; odd: being written.
    pub sequence: u32,
    /// What it said, and who.
    pub heard: Heard,
    /// CLOCK_MONOTONIC of its arrival, in nanoseconds.
    pub arrived: u64,
    /// CLOCK_MONOTONIC of the arrival of this source's advert before, in nanoseconds; 0 for its first. That one may not
    /// have rung and cannot be read any more, but timers ran from it.
    pub before: u64,
    /// All adverts of this source. Its `last` is `arrived`, but for a resignation.
    pub arrivals: Arrivals,
    /// Zero.
    pub padding: u32,
    /// Equal to `sequence` when the slot is whole.
    pub sequence_end: u32,
}

impl Slot {
    /// Whether a source holds it and nobody is writing it.
    pub const fn is_whole(&self) -> bool {
        self.sequence != 0 && self.sequence.is_multiple_of(2) && self.sequence == self.sequence_end
    }
}

/// An accepted advert in the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct AdvertRecord {
    /// CLOCK_MONOTONIC of its arrival, in nanoseconds.
    pub arrived: u64,
    /// As [`Slot::before`].
    pub before: u64,
    /// Row of the instance.
    pub instance: u32,
    /// Which use of that row.
    pub generation: u32,
    /// What it said, and who.
    pub heard: Heard,
    /// Zero.
    pub padding: u32,
}
