//! The one clock reader of the agent.
//!
//! Everything else gets the time as an argument, so that tests and replays can hand in any time they like.

use std::time::Duration;

use regent_vrrp::Instant;
use rustix::time::{ClockId, Timespec, clock_gettime};

/// CLOCK_MONOTONIC: the clock of deadlines, of timerfd and of the XDP program's stamps. It never jumps; it stands still
/// while the machine is suspended.
pub fn now() -> Instant {
    Instant::from_nanoseconds(nanoseconds(clock_gettime(ClockId::Monotonic)))
}

/// Milliseconds since 1970 by the wall clock, for people and journals only: it may jump, so nothing is measured by it.
pub fn unix_milliseconds() -> u64 {
    nanoseconds(clock_gettime(ClockId::Realtime)) / 1_000_000
}

/// How long the host has been up, suspensions included: for delays after boot only.
pub fn since_boot() -> Duration {
    Duration::from_nanos(nanoseconds(clock_gettime(ClockId::Boottime)))
}

/// Both clocks at (nearly) one moment: what turns the kernel's wall-clock stamp of a packet into its age.
pub(super) fn both() -> (Instant, Duration) {
    let wall = nanoseconds(clock_gettime(ClockId::Realtime));
    (now(), Duration::from_nanos(wall))
}

/// Zero before the clock's beginning; nanoseconds fit until the year 2554.
fn nanoseconds(time: Timespec) -> u64 {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let rest = u64::try_from(time.tv_nsec).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_monotonic_clock_never_goes_back() {
        let first = now();
        assert!(now() >= first && first > Instant::from_nanoseconds(0));
    }

    #[test]
    fn wall_time_is_in_milliseconds_since_1970() {
        // Between 2020 and 2200: a wrong unit would miss that by a factor of a thousand.
        assert!((1_577_836_800_000..7_258_118_400_000).contains(&unix_milliseconds()));
    }
}
