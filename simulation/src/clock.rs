//! A host's own clock: it began at another moment than the LAN's, runs a little faster or slower, and may stand still.

use std::time::Duration;

use regent_vrrp::Instant;

const MILLION: i64 = 1_000_000;

/// The monotonic clock of one host.
#[derive(Clone, Debug)]
pub struct Clock {
    /// At that time of the LAN ...
    began: Instant,
    /// ... it read this.
    read: Instant,
    /// Parts of a million that it gains.
    drift: i64,
}

impl Clock {
    /// A clock that reads `reads` at `now` and gains `drift` millionths, far less than a million.
    pub const fn new(now: Instant, reads: Instant, drift: i64) -> Self {
        Self { began: now, read: reads, drift }
    }

    /// What it reads at `now`, which is not before it began.
    pub fn reads(&self, now: Instant) -> Instant {
        let elapsed = now.since(self.began).as_nanos() * self.rate() / u128::from(MILLION.unsigned_abs());
        self.read + nanoseconds(elapsed)
    }

    /// The first moment of the LAN at which it reads `reading`, or the beginning if it already did then.
    pub fn when(&self, reading: Instant) -> Instant {
        let elapsed =
            (reading.since(self.read).as_nanos() * u128::from(MILLION.unsigned_abs())).div_ceil(self.rate());
        self.began + nanoseconds(elapsed)
    }

    /// It stood still from then until `now`.
    pub fn stood_still(&mut self, since: Instant, now: Instant) {
        self.read = self.reads(since);
        self.began = now;
    }

    fn rate(&self) -> u128 {
        u128::from((MILLION + self.drift).unsigned_abs())
    }
}

fn nanoseconds(number: u128) -> Duration {
    Duration::from_nanos(u64::try_from(number).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(nanoseconds: u64) -> Instant {
        Instant::from_nanoseconds(nanoseconds)
    }

    #[test]
    fn a_clock_that_gains_a_percent_is_ten_milliseconds_ahead_after_a_second() {
        let clock = Clock::new(at(5), at(1_000_000_000), 10_000);
        assert_eq!(clock.reads(at(5)), at(1_000_000_000));
        assert_eq!(clock.reads(at(1_000_000_005)), at(2_010_000_000));
    }

    #[test]
    fn a_reading_is_reached_when_the_clock_says_so_and_not_before() {
        for drift in [-10_000, -37, 0, 1, 9_999] {
            let clock = Clock::new(at(77), at(3), drift);
            for reading in [3, 4, 1_000, 1_000_003, 999_999_999] {
                let when = clock.when(at(reading));
                assert!(clock.reads(when) >= at(reading));
                assert!(when == at(77) || clock.reads(at(when.nanoseconds() - 1)) < at(reading));
            }
        }
    }

    #[test]
    fn a_clock_that_stood_still_goes_on_where_it_stopped() {
        let mut clock = Clock::new(at(0), at(100), 0);
        clock.stood_still(at(10), at(1_000));
        assert_eq!(clock.reads(at(1_000)), at(110));
        assert_eq!(clock.reads(at(1_005)), at(115));
        assert_eq!(clock.when(at(120)), at(1_010));
    }
}
