//! The lab's one clock: CLOCK_MONOTONIC in nanoseconds, the clock that captures and daemons are measured by.

use std::{fmt, time::Duration};

use rustix::time::{ClockId, Timespec, clock_gettime};

/// A point on CLOCK_MONOTONIC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(u64);

impl Moment {
    /// The clock's beginning: everything is later.
    pub const ORIGIN: Self = Self(0);

    /// Now.
    pub fn now() -> Self {
        Self(nanoseconds(clock_gettime(ClockId::Monotonic)))
    }

    /// The moment of a CLOCK_REALTIME stamp that the kernel put on a packet a short while ago.
    ///
    /// The two clocks are read side by side for each stamp, so that a step of the wall clock before it does no harm; and
    /// again if we had to wait in between, which would date the packet back.
    pub(crate) fn of_realtime(stamp: Duration) -> Self {
        let (monotonic, realtime) = both();
        let age = u128::from(realtime).saturating_sub(stamp.as_nanos());
        Self(monotonic.0.saturating_sub(u64::try_from(age).unwrap_or(0)))
    }

    /// Nanoseconds since the clock's beginning.
    pub const fn nanoseconds(self) -> u64 {
        self.0
    }

    /// Time since `earlier`; zero when it is not earlier.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// Time since this moment.
    pub fn elapsed(self) -> Duration {
        Self::now().since(self)
    }

    /// This moment, `earlier` before; the clock's beginning at most.
    pub fn minus(self, earlier: Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(earlier.as_nanos()).unwrap_or(u64::MAX)))
    }

    /// This moment, `later` afterwards.
    pub fn plus(self, later: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(later.as_nanos()).unwrap_or(u64::MAX)))
    }
}

/// Both clocks at one moment, or the closest to it in a few attempts.
fn both() -> (Moment, u64) {
    const ATTEMPTS: usize = 8;
    const TOGETHER: Duration = Duration::from_micros(20);
    let mut closest: Option<(Duration, Moment, u64)> = None;
    for _ in 0..ATTEMPTS {
        let before = Moment::now();
        let realtime = nanoseconds(clock_gettime(ClockId::Realtime));
        let apart = before.elapsed();
        if closest.is_none_or(|(least, ..)| apart < least) {
            closest = Some((apart, before.plus(apart / 2), realtime));
        }
        if apart <= TOGETHER {
            break;
        }
    }
    closest.map_or((Moment::ORIGIN, 0), |(_, monotonic, realtime)| (monotonic, realtime))
}

fn nanoseconds(time: Timespec) -> u64 {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanoseconds = u64::try_from(time.tv_nsec).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds)
}

/// A time span for people: `3.609 s`, `12.4 ms`, `78 us`; integers only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let microseconds = self.0.as_micros();
        let text = if microseconds >= 1_000_000 {
            format!("{}.{:03} s", microseconds / 1_000_000, microseconds / 1_000 % 1_000)
        } else if microseconds >= 1_000 {
            format!("{}.{} ms", microseconds / 1_000, microseconds / 100 % 10)
        } else {
            format!("{microseconds} us")
        };
        f.pad(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_as_a_person_writes_them() {
        let text = |nanoseconds| Span(Duration::from_nanos(nanoseconds)).to_string();
        assert_eq!(text(3_609_375_000), "3.609 s");
        assert_eq!(text(12_450_000), "12.4 ms");
        assert_eq!(text(78_125), "78 us");
    }

    #[test]
    fn a_realtime_stamp_of_now_is_now() {
        let stamp = Duration::from_nanos(nanoseconds(clock_gettime(ClockId::Realtime)));
        let before = Moment::now();
        let moment = Moment::of_realtime(stamp);
        assert!(
            before.since(moment) < Duration::from_millis(50)
                && moment.since(before) < Duration::from_millis(50)
        );
    }
}
