//! Until when an Active Router may believe that nobody else has taken its place.
//!
//! Owns the moment of its last advert and what follows from it. A host that stood still (a stopped process, a paused
//! machine) finds out here, before it says a word. See [`crate::departures::Departure::DoubtAfterSilence`].

use core::time::Duration;

use crate::{Instant, local::Local, snapshot::OfficeSnapshot, timers};

/// The office of the Active Router.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Office {
    /// When we last tried to advertise.
    spoke: Instant,
    /// No Backup takes over before, by RFC 9568 §6.1; fixed by what that advert told the others, not by what a reload
    /// made of our parameters since.
    safe_until: Instant,
    /// Silent beyond that, we listen until then.
    listens_until: Option<Instant>,
}

/// What an Active Router may do when a deadline has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It is Active, and everybody knows.
    Undoubted,
    /// Others may have taken over: not a word before it has listened.
    Listens,
    /// Others may have taken over, but it does not matter or they did not: it goes on, and tells everybody.
    Resumes,
}

impl Office {
    /// An advert is sent now.
    pub(crate) fn spoken(local: &Local, now: Instant) -> Self {
        let parameters = local.parameters();
        let safe = timers::earliest_takeover(parameters.interval, parameters.down_timer_adverts);
        Self { spoke: now, safe_until: now + safe, listens_until: None }
    }

    /// Whether others may have taken over. Never for the owner, who takes his addresses back in any case (RFC 9568 §6.1).
    pub(crate) fn is_doubtful(&self, local: &Local, now: Instant) -> bool {
        !local.is_owner() && now > self.safe_until
    }

    /// Whether what arrived then can come from somebody who took over.
    pub(crate) fn may_be_lost_at(&self, arrived: Instant) -> bool {
        arrived > self.safe_until
    }

    /// How long nothing was said.
    pub(crate) const fn silence(&self, now: Instant) -> Duration {
        now.since(self.spoke)
    }

    pub(crate) const fn snapshot(&self) -> OfficeSnapshot {
        let Self { spoke, safe_until, listens_until } = self;
        OfficeSnapshot { spoke: *spoke, safe_until: *safe_until, listens_until: *listens_until }
    }

    pub(crate) const fn resume(snapshot: &OfficeSnapshot) -> Self {
        let OfficeSnapshot { spoke, safe_until, listens_until } = snapshot;
        Self { spoke: *spoke, safe_until: *safe_until, listens_until: *listens_until }
    }

    /// See [`crate::Router::set_back`].
    pub(crate) fn set_back(&mut self, by: Duration) {
        for time in [&mut self.spoke, &mut self.safe_until].into_iter().chain(&mut self.listens_until) {
            *time = *time - by;
        }
    }

    /// Until when it listens, while it does.
    pub(crate) const fn listens_until(&self) -> Option<Instant> {
        self.listens_until
    }

    /// A deadline has come, and all that arrived until now was heard.
    pub(crate) fn stand(&mut self, local: &Local, now: Instant) -> Standing {
        if now <= self.safe_until {
            return Standing::Undoubted;
        }
        let interval = local.parameters().interval;
        let heard_out = match self.listens_until {
            // Stood still again, maybe all the while: that was no listening.
            Some(until) => until <= now && now <= until + interval.duration(),
            None => false,
        };
        if heard_out || local.is_owner() {
            return Standing::Resumes;
        }
        if self.listens_until.is_none_or(|until| until <= now) {
            self.listens_until = Some(now + timers::listening(interval));
        }
        Standing::Listens
    }
}
