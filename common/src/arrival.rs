//! When a source was heard, how regularly, and how many of its adverts were probably lost.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Buckets of the inter-arrival histogram.
pub const BUCKETS: usize = 7;
/// Upper edges of the buckets but the last, in tenths of the advertised interval.
pub const EDGES_TENTHS: [u64; BUCKETS - 1] = [5, 9, 11, 15, 25, 35];

/// Longer gaps than this, eighteen years, are taken for this.
const LONGEST_GAP: u64 = 1 << 59;

/// Arrivals of one source's accepted adverts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Arrivals {
    /// CLOCK_MONOTONIC of the newest, in nanoseconds; 0 before the first and after a resignation.
    pub last: u64,
    /// How many were received.
    pub received: u64,
    /// How many were probably lost: gaps near two and three intervals count one and two; a longer gap counts three and
    /// one silence, since the sender may have stopped on purpose.
    pub lost: u64,
    /// Gaps longer than three and a half intervals.
    pub silences: u32,
    /// Gaps between arrivals, by [`EDGES_TENTHS`].
    pub histogram: [u32; BUCKETS],
}

impl Arrivals {
    /// Notes an advert that arrived at `now` (nanoseconds) and says `interval` (nanoseconds). A resignation ends the
    /// series: the silence after it is no loss.
    #[inline(always)]
    pub fn note(&mut self, now: u64, interval: u64, resigning: bool) {
        self.received = self.received.wrapping_add(1);
        let last = self.last;
        self.last = if resigning { 0 } else { now };
        if last == 0 || resigning {
            return;
        }
        // Bounded before it is multiplied: a saturating product would need 128 bits, which BPF does not have.
        let tenths = now.saturating_sub(last).min(LONGEST_GAP) * 10;
        let bucket = if tenths < interval * EDGES_TENTHS[0] {
            0
        } else if tenths < interval * EDGES_TENTHS[1] {
            1
        } else if tenths < interval * EDGES_TENTHS[2] {
            2
        } else if tenths < interval * EDGES_TENTHS[3] {
            3
        } else if tenths < interval * EDGES_TENTHS[4] {
            self.lost = self.lost.wrapping_add(1);
            4
        } else if tenths < interval * EDGES_TENTHS[5] {
            self.lost = self.lost.wrapping_add(2);
            5
        } else {
            self.lost = self.lost.wrapping_add(3);
            self.silences = self.silences.wrapping_add(1);
            6
        };
        self.histogram[bucket] = self.histogram[bucket].wrapping_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn heard_at(seconds: &[u64]) -> Arrivals {
        let mut arrivals = Arrivals::default();
        for second in seconds {
            arrivals.note(second * SECOND, SECOND, false);
        }
        arrivals
    }

    #[test]
    fn a_steady_sender_loses_nothing() {
        let arrivals = heard_at(&[1, 2, 3, 4]);
        assert_eq!((arrivals.received, arrivals.lost, arrivals.silences), (4, 0, 0));
        assert_eq!(arrivals.histogram, [0, 0, 3, 0, 0, 0, 0]);
    }

    #[test]
    fn one_and_two_missing_adverts_are_counted() {
        assert_eq!(heard_at(&[1, 3]).lost, 1);
        assert_eq!(heard_at(&[1, 4]).lost, 2);
    }

    #[test]
    fn a_long_silence_is_not_counted_by_its_length() {
        let arrivals = heard_at(&[1, 3601]);
        assert_eq!((arrivals.lost, arrivals.silences), (3, 1));
    }

    #[test]
    fn silence_after_a_resignation_is_no_loss() {
        let mut arrivals = heard_at(&[1, 2]);
        arrivals.note(3 * SECOND, SECOND, true);
        arrivals.note(100 * SECOND, SECOND, false);
        assert_eq!((arrivals.received, arrivals.lost), (4, 0));
    }
}
