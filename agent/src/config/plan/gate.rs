//! How long the data plane goes on answering for an instance whose adverts have stopped.
//!
//! Owns the reckoning of that time. Who writes it where, and what it does there, is `runtime`'s and the programs' business.

use std::{num::NonZero, time::Duration};

use regent_common::AdvertInterval;
use serde::Serialize;

/// Parts of an interval by which the gate shuts early.
const EARLY: u32 = 16;
/// Parts of an interval that a gate of one interval has beyond it: RFC 9568 §6.1 gives a router of priority 255 so much
/// skew, and every backup twice as much or more.
const LEAST_SKEW: u32 = 256;

/// `gate`: when a master that no longer attempts adverts falls silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Gate {
    /// Never: the kernel goes on answering with no agent there.
    Off,
    /// After so many advertisement intervals.
    Intervals(NonZero<u8>),
}

impl Default for Gate {
    fn default() -> Self {
        const THREE: NonZero<u8> = NonZero::new(3).unwrap();
        Self::Intervals(THREE)
    }
}

impl Gate {
    /// How old the newest attempted advert may be before the gate shuts; zero: it never does.
    ///
    /// The first backup takes over `down_timer_adverts` intervals and its skew after the last advert (RFC 9568 §6.1:
    /// Active_Down_Interval and Skew_Time, which is 1/128 of an interval for priority 254 and more for all others). The
    /// gate must be shut by then, or two hosts answer: it counts no more intervals than the backups do, and a sixteenth
    /// less, for what an advert needs from the attempt to the backup and for the grain of the clocks.
    ///
    /// One interval less a sixteenth would shut between two punctual adverts, so a gate of one interval has half the
    /// least skew of a backup more instead.
    pub fn patience(&self, interval: AdvertInterval, down_timer_adverts: u8) -> Duration {
        let Self::Intervals(intervals) = self else { return Duration::ZERO };
        let interval = interval.duration();
        match intervals.get().min(down_timer_adverts) {
            0 | 1 => interval + interval / LEAST_SKEW,
            counted => interval * u32::from(counted) - interval / EARLY,
        }
    }
}

#[cfg(test)]
mod tests {
    use regent_common::BackupPriority;

    use super::*;

    fn gate(intervals: u8) -> Gate {
        Gate::Intervals(NonZero::new(intervals).unwrap())
    }

    fn interval(centiseconds: u16) -> AdvertInterval {
        AdvertInterval::from_centiseconds(centiseconds).unwrap()
    }

    #[test]
    fn a_gate_shuts_after_its_intervals_less_a_sixteenth() {
        for (intervals, centiseconds, microseconds) in [
            (3, 100, 2_937_500),
            (2, 100, 1_937_500),
            (3, 1, 29_375),
            (3, 10, 293_750),
            (3, 4095, 120_290_625),
            (3, 25_500, 749_062_500),
        ] {
            let patience = gate(intervals).patience(interval(centiseconds), 3);
            assert_eq!(patience, Duration::from_micros(microseconds), "{intervals} of {centiseconds} cs");
        }
        assert_eq!(Gate::default(), gate(3));
    }

    #[test]
    fn a_gate_counts_no_more_intervals_than_the_backups_do() {
        assert_eq!(gate(10).patience(interval(100), 3), gate(3).patience(interval(100), 3));
        assert_eq!(gate(3).patience(interval(100), 2), gate(2).patience(interval(100), 2));
        assert_eq!(gate(3).patience(interval(100), 10), Duration::from_micros(2_937_500));
    }

    #[test]
    fn a_gate_that_is_off_never_shuts() {
        assert_eq!(Gate::Off.patience(interval(100), 3), Duration::ZERO);
    }

    #[test]
    fn a_gate_of_one_interval_stays_open_from_one_punctual_advert_to_the_next() {
        assert_eq!(gate(1).patience(interval(100), 3), Duration::from_nanos(1_003_906_250));
        assert_eq!(gate(3).patience(interval(1), 1), Duration::from_nanos(10_039_062));
    }

    #[test]
    fn every_gate_shuts_after_the_next_advert_and_before_the_first_takeover() {
        let keenest = BackupPriority::new(254).unwrap();
        for centiseconds in [1, 2, 10, 99, 100, 4095, 25_500] {
            let interval = interval(centiseconds);
            // RFC 9568 §6.1, with the least skew that a backup can have.
            let skew = interval.duration() * (256 - u32::from(keenest.get())) / 256;
            for down_timer_adverts in [1, 2, 3, 100] {
                for intervals in [1, 2, 3, 100] {
                    let patience = gate(intervals).patience(interval, down_timer_adverts);
                    let takeover = interval.duration() * u32::from(down_timer_adverts) + skew;
                    assert!(
                        patience > interval.duration(),
                        "{intervals}, {down_timer_adverts}: {patience:?}"
                    );
                    assert!(patience < takeover, "{intervals}, {down_timer_adverts}: {patience:?}");
                }
            }
        }
    }
}
