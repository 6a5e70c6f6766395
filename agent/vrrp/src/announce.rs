//! When an Active Router announces its virtual addresses (gratuitous ARP, unsolicited NA).
//!
//! Owns the schedule only: a batch at once and a second one later (on becoming Active, and after another Active Router
//! was heard), and a refresh. Who sends the frames, and how fast, is not known here. Batches that fall together become
//! one.

use core::time::Duration;

use regent_common::AdvertInterval;

use crate::{Announcements, Instant, departures, snapshot::ScheduleSnapshot, timers};

/// What is still to be announced.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Schedule {
    /// The last batch of any kind.
    last: Option<Instant>,
    /// Second batch after becoming Active.
    second: Option<Instant>,
    /// First batch after a contest, put off because another batch had just gone.
    contest: Option<Instant>,
    /// Second batch after a contest.
    contest_second: Option<Instant>,
    /// Next refresh.
    refresh: Option<Instant>,
}

impl Schedule {
    /// On becoming Active; and how often each address is announced now.
    pub(crate) fn begin(now: Instant, plan: &Announcements) -> (Self, Option<u8>) {
        let mut schedule = Self {
            last: None,
            second: None,
            contest: None,
            contest_second: None,
            refresh: later(now, plan.refresh),
        };
        let repeat = schedule.again(now, plan);
        (schedule, repeat)
    }

    /// A batch as on becoming Active.
    pub(crate) fn again(&mut self, now: Instant, plan: &Announcements) -> Option<u8> {
        self.second = later(now, plan.delay);
        self.batch(now, plan.repeat)
    }

    /// Another Active Router was heard and loses. See [`departures::Departure::ContestsAreAnnounced`].
    ///
    /// While it goes on it is announced at most once in [`departures::CONTEST_SPACING`]. Its end is told by silence: one
    /// more batch follows the loser's last advert, for caches that followed it until then.
    pub(crate) fn contest(
        &mut self,
        now: Instant,
        plan: &Announcements,
        interval: AdvertInterval,
    ) -> Option<u8> {
        if departures::spaced(self.last, departures::CONTEST_SPACING, now) {
            self.contest = None;
            return self.contested(now, plan);
        }
        if let Some(last) = self.last {
            let over = now + timers::silence_after_a_contest(interval);
            let earliest = last + departures::CONTEST_SPACING / 4;
            let latest = last + departures::CONTEST_SPACING;
            self.contest = Some(over.max(earliest).min(latest));
        }
        None
    }

    /// The batches that are due, as one.
    pub(crate) fn fire(&mut self, now: Instant, plan: &Announcements) -> Option<u8> {
        let mut repeat = 0;
        if take_due(&mut self.second, now) {
            repeat = repeat.max(plan.repeat);
        }
        if take_due(&mut self.contest_second, now) {
            repeat = repeat.max(plan.lower_priority_repeat);
        }
        if take_due(&mut self.contest, now) {
            repeat = repeat.max(self.contested(now, plan).unwrap_or(0));
        }
        if let Some(refresh) = self.refresh
            && refresh <= now
        {
            repeat = repeat.max(plan.refresh_repeat);
            self.refresh = Some(timers::next_firing(refresh, plan.refresh, now));
        }
        self.batch(now, repeat)
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        [self.second, self.contest, self.contest_second, self.refresh].into_iter().flatten().min()
    }

    /// Batches that are pending stay so; only the refresh has a period that can change under it.
    pub(crate) fn reloaded(&mut self, now: Instant, old: &Announcements, new: &Announcements) {
        if old.refresh != new.refresh {
            self.refresh = later(now, new.refresh);
        }
    }

    pub(crate) const fn snapshot(&self) -> ScheduleSnapshot {
        let Self { last, second, contest, contest_second, refresh } = self;
        ScheduleSnapshot {
            last: *last,
            second: *second,
            contest: *contest,
            contest_second: *contest_second,
            refresh: *refresh,
        }
    }

    pub(crate) const fn resume(snapshot: &ScheduleSnapshot) -> Self {
        let ScheduleSnapshot { last, second, contest, contest_second, refresh } = snapshot;
        Self {
            last: *last,
            second: *second,
            contest: *contest,
            contest_second: *contest_second,
            refresh: *refresh,
        }
    }

    /// See [`crate::Router::set_back`].
    pub(crate) fn set_back(&mut self, by: Duration) {
        let Self { last, second, contest, contest_second, refresh } = self;
        for time in [last, second, contest, contest_second, refresh].into_iter().flatten() {
            *time = *time - by;
        }
    }

    fn contested(&mut self, now: Instant, plan: &Announcements) -> Option<u8> {
        // The second batch of the takeover, while it is still to come, serves the contest too.
        if self.second.is_none() && self.contest_second.is_none() {
            self.contest_second = later(now, plan.lower_priority_delay);
        }
        self.batch(now, plan.lower_priority_repeat)
    }

    fn batch(&mut self, now: Instant, repeat: u8) -> Option<u8> {
        if repeat == 0 {
            return None;
        }
        self.last = Some(now);
        Some(repeat)
    }
}

/// That much later; a delay of zero says never.
fn later(now: Instant, delay: Duration) -> Option<Instant> {
    if delay.is_zero() { None } else { Some(now + delay) }
}

/// Whether `timer` is due; if so it has fired.
fn take_due(timer: &mut Option<Instant>, now: Instant) -> bool {
    timer.take_if(|deadline| *deadline <= now).is_some()
}
