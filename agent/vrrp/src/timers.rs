//! RFC 9568 §6.1 and RFC 3768 §6.1: the lengths of the timers.
//!
//! Owns every computation of a length of time in this crate: a unit is named here or nowhere. (What a field on the
//! wire means in time is [`AdvertInterval`]'s business.) Whole nanoseconds throughout; each formula divides last, so
//! that the skew of 1 cs and priority 254 is 78.125 us and not nothing. Refuses floats, and remainders smaller than a
//! nanosecond: those are cut off.

use core::time::Duration;

use regent_common::{AdvertInterval, LocalPriority, Version};

use crate::Instant;

const NANOSECONDS_PER_SECOND: u64 = 1_000_000_000;
/// Priorities are 256ths of the skew's unit.
const PRIORITIES: u64 = 256;

/// How long after everybody's timer a Backup of this priority waits: the higher, the shorter.
///
/// Version 3: ((256 - priority) * Active_Adver_Interval) / 256 (RFC 9568 §6.1). Version 2: (256 - priority) / 256 s,
/// whatever the interval (RFC 3768 §6.1).
pub const fn skew_time(
    version: Version,
    priority: LocalPriority,
    active_interval: AdvertInterval,
) -> Duration {
    let unit = match version {
        Version::V2 => NANOSECONDS_PER_SECOND,
        Version::V3 => active_interval.nanoseconds(),
    };
    Duration::from_nanos((PRIORITIES - priority.get() as u64) * unit / PRIORITIES)
}

/// How long a Backup waits before it takes silence for death: Active_Down_Interval, in version 2 Master_Down_Interval.
///
/// `adverts` * Active_Adver_Interval + Skew_Time, where both RFCs have 3 `adverts`.
pub const fn active_down_interval(
    version: Version,
    priority: LocalPriority,
    active_interval: AdvertInterval,
    adverts: u8,
) -> Duration {
    let silence = Duration::from_nanos(adverts as u64 * active_interval.nanoseconds());
    silence.saturating_add(skew_time(version, priority, active_interval))
}

/// How long after an advert no Backup can take silence for death, whatever its priority: Active_Down_Interval without
/// Skew_Time.
///
/// At least two intervals, also when Backups wait for one only: an Adver_Timer that fires a little late must not look
/// like a host that stood still.
pub fn earliest_takeover(interval: AdvertInterval, adverts: u8) -> Duration {
    interval.duration() * u32::from(adverts.max(2))
}

/// How long to listen for another Active Router: it speaks once an interval, and half of one is left for delay.
pub(crate) fn listening(interval: AdvertInterval) -> Duration {
    interval.duration() + interval.duration() / 2
}

/// The firing after `deadline` of a timer that repeats every `period`, set at `now`.
///
/// It keeps its beat while it can. Firings that were slept through are not made up for: then the beat starts anew from
/// `now`.
pub(crate) fn next_firing(deadline: Instant, period: Duration, now: Instant) -> Instant {
    let next = deadline + period;
    if next > now { next } else { now + period }
}

/// Shortest time between two adverts that answer others, see [`crate::departures`].
pub(crate) fn answer_spacing(interval: AdvertInterval) -> Duration {
    interval.duration() / 2
}

/// A router that contends speaks once an interval: after this much silence it has given in, or is not heard any more.
pub(crate) fn silence_after_a_contest(interval: AdvertInterval) -> Duration {
    interval.duration() * 3 / 2
}
