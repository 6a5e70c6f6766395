//! How late what should happen at a steady beat does happen; and a bare loop that does nothing but keep one, to know what
//! the machine gives to anybody at that time.

use std::time::Duration;

use anyhow::{Context, Result};
use rustix::{
    mm::{MlockAllFlags, mlockall},
    time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec},
};

use crate::{clock::Moment, punctual};

/// How late each beat was, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lateness(Vec<Duration>);

impl Lateness {
    /// By the grid of that interval which the beats themselves show: the most punctual hundredth lies on it. A beat that is
    /// left out is nobody's lateness.
    pub fn of(beats: &[Moment], interval: Duration) -> Self {
        let interval = i64::try_from(interval.as_nanos()).unwrap_or(i64::MAX).max(1);
        let Some(first) = beats.first() else { return Self::default() };
        let since = |beat: &Moment| i64::try_from(beat.since(*first).as_nanos()).unwrap_or(i64::MAX);
        let times: Vec<i64> = beats.iter().map(since).collect();
        let mut sorted = late_on(crowded(&times, interval), &times, interval);
        sorted.sort_unstable();
        let grid = sorted.get(sorted.len() / 100).copied().unwrap_or(0);
        Self(
            sorted
                .into_iter()
                .map(|late| Duration::from_nanos((late - grid).max(0).unsigned_abs()))
                .collect(),
        )
    }

    /// What so many in a thousand were not later than; `None` of no beats.
    pub fn permille(&self, permille: usize) -> Option<Duration> {
        let rank = (self.0.len() * permille).div_ceil(1_000);
        self.0.get(rank.saturating_sub(1)).copied()
    }

    /// The latest.
    pub fn worst(&self) -> Option<Duration> {
        self.0.last().copied()
    }

    /// How many beats.
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

/// The place in the interval where most beats lie: the beginning of the shortest stretch with half of them.
fn crowded(times: &[i64], interval: i64) -> i64 {
    let mut places: Vec<i64> = times.iter().map(|time| time % interval).collect();
    places.sort_unstable();
    let (count, half) = (places.len(), places.len().div_ceil(2));
    // Round the end of the interval to its beginning.
    places.extend_from_within(..);
    for place in &mut places[count..] {
        *place += interval;
    }
    let stretches = places.iter().zip(&places[half - 1..]).take(count);
    stretches.min_by_key(|(from, to)| *to - *from).map_or(0, |(from, _)| *from)
}

/// How late each beat is on the grid through `place`; a tenth of an interval before its time is early still.
fn late_on(place: i64, times: &[i64], interval: i64) -> Vec<i64> {
    let early = interval / 10;
    let mut numbers: Vec<i64> =
        times.iter().map(|time| (time - place + early).div_euclid(interval)).collect();
    // No two beats have one number: the former was so late that it looks like an early next one.
    for at in (1..numbers.len()).rev() {
        if numbers[at - 1] >= numbers[at] {
            numbers[at - 1] = numbers[at] - 1;
        }
    }
    times.iter().zip(numbers).map(|(time, number)| time - place - number * interval).collect()
}

/// Keeps a beat for `time` on this thread, which becomes real-time at `priority`, with its memory locked, and says
/// when it woke each time.
///
/// # Errors
/// Without a timer.
pub fn keep(interval: Duration, time: Duration, priority: u8) -> Result<Vec<Moment>> {
    punctual::this_thread_at(priority);
    mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE).ok();
    let timer = rustix::time::timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC);
    let timer = timer.context("make a timer")?;
    let spec =
        Timespec { tv_sec: i64::try_from(interval.as_secs())?, tv_nsec: i64::from(interval.subsec_nanos()) };
    let spec = Itimerspec { it_interval: spec, it_value: spec };
    rustix::time::timerfd_settime(&timer, TimerfdTimerFlags::empty(), &spec).context("set a timer")?;
    let count = usize::try_from(time.as_nanos() / interval.as_nanos().max(1))?;
    let mut beats = Vec::with_capacity(count);
    let until = Moment::now().plus(time);
    while Moment::now() < until {
        rustix::io::read(&timer, &mut [0; 8]).context("wait for a timer")?;
        beats.push(Moment::now());
    }
    Ok(beats)
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_millis(10);

    fn lateness(microseconds: &[u64]) -> Lateness {
        let begin = Moment::ORIGIN.plus(Duration::from_secs(1));
        let at = |&microseconds: &u64| begin.plus(Duration::from_micros(microseconds));
        Lateness::of(&microseconds.iter().map(at).collect::<Vec<_>>(), INTERVAL)
    }

    #[test]
    fn most_beats_show_the_grid_and_the_others_are_late_on_it() {
        // The first was late by 300 us, one was left out, the last was late by 2 ms.
        let late = lateness(&[300, 10_000, 20_050, 40_000, 52_000]);
        let expected = [0, 0, 50, 300, 2_000].map(Duration::from_micros);
        assert_eq!(late.0, expected);
        assert_eq!(late.worst(), Some(Duration::from_micros(2_000)));
        assert_eq!(late.permille(500), Some(Duration::from_micros(50)));
        assert_eq!(late.permille(990), Some(Duration::from_micros(2_000)));
    }

    #[test]
    fn a_beat_that_is_late_by_nearly_an_interval_is_not_taken_for_an_early_one() {
        let late = lateness(&[0, 10_010, 29_800, 30_000, 40_020, 50_000, 60_000]);
        assert_eq!(late.worst(), Some(Duration::from_micros(9_800)));
        assert_eq!(late.permille(500), Some(Duration::ZERO));
    }

    #[test]
    fn of_no_beats_nothing_is_said() {
        assert_eq!((lateness(&[]).permille(500), lateness(&[]).worst()), (None, None));
        assert_eq!(lateness(&[7]).worst(), Some(Duration::ZERO));
    }

    #[test]
    fn a_bare_loop_keeps_the_beat() {
        let beats = keep(Duration::from_millis(2), Duration::from_millis(50), 1).unwrap();
        assert!((10..=30).contains(&beats.len()), "{}", beats.len());
    }
}
