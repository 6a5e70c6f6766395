//! RFC 9568 §6.4.3, RFC 3768 §6.4.3: Active. Owns Adver_Timer and the schedule of announcements.

use crate::{
    Action, Actions, Advert, Cause, Instant, Parameters,
    announce::Schedule,
    departures,
    local::{Contest, Local},
    timers,
};

/// The Active state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Active {
    /// What arrived before that belongs to the silence that made us Active.
    since: Instant,
    /// When Adver_Timer fires.
    next_advert: Instant,
    /// When an advert of somebody else was last answered with one of ours.
    answered: Option<Instant>,
    announcements: Schedule,
}

/// What an advert means to an Active Router.
pub(crate) enum Verdict {
    /// It goes on.
    Stays(Actions),
    /// It lost.
    Yields(Cause),
}

impl Active {
    /// RFC 9568 §6.4.1 and §6.4.2, on becoming Active: what to do, around the transition itself.
    ///
    /// The advert is first: whoever was Active before must let go before caches move to us.
    pub(crate) fn begin(local: &Local, now: Instant, transition: Action) -> (Self, Actions) {
        let (announcements, repeat) = Schedule::begin(now, &local.parameters().announcements);
        let mut actions = Actions::new();
        actions.push(Action::SendAdvert(local.priority()));
        actions.push(transition);
        actions.push(Action::AddAddresses);
        actions.push(Action::ActiveSource(None));
        announce(&mut actions, repeat);
        let next_advert = now + local.parameters().interval.duration();
        (Self { since: now, next_advert, answered: None, announcements }, actions)
    }

    pub(crate) fn deadline(&self) -> Instant {
        match self.announcements.deadline() {
            Some(announcement) => announcement.min(self.next_advert),
            None => self.next_advert,
        }
    }

    /// What is due at `now`. However many intervals were slept through, one advert says all.
    pub(crate) fn fire(&mut self, local: &Local, now: Instant) -> Actions {
        let mut actions = Actions::new();
        if self.next_advert <= now {
            actions.push(Action::SendAdvert(local.priority()));
            let interval = local.parameters().interval.duration();
            self.next_advert = timers::next_firing(self.next_advert, interval, now);
        }
        announce(&mut actions, self.announcements.fire(now, &local.parameters().announcements));
        actions
    }

    /// RFC 9568 §6.4.3, "If an ADVERTISEMENT is received".
    pub(crate) fn hear(&mut self, local: &Local, now: Instant, advert: &Advert) -> Verdict {
        if advert.arrived < self.since {
            return Verdict::Stays(Actions::new());
        }
        if advert.priority == regent_common::Priority::Resigning {
            return Verdict::Stays(self.outlive(local, now));
        }
        let source = advert.source;
        match local.contest(advert) {
            Contest::LostByPriority => {
                Verdict::Yields(Cause::HigherPriority { source, priority: advert.priority })
            }
            Contest::LostByAddress => Verdict::Yields(Cause::HigherAddress { source }),
            Contest::Won => Verdict::Stays(self.assert(local, now)),
            Contest::Undecided => Verdict::Stays(Actions::new()),
        }
    }

    /// Another Active resigned: "Send an ADVERTISEMENT", "Reset the Adver_Timer to Advertisement_Interval".
    fn outlive(&mut self, local: &Local, now: Instant) -> Actions {
        let mut actions = Actions::new();
        if self.may_answer(local, now) {
            actions.push(Action::SendAdvert(local.priority()));
            self.next_advert = now + local.parameters().interval.duration();
        }
        actions
    }

    /// Another Active lost against us: "Send an ADVERTISEMENT immediately to assert the Active state", unless the config
    /// says no. Adver_Timer runs on. Caches may have followed the other one, so the addresses are announced again.
    fn assert(&mut self, local: &Local, now: Instant) -> Actions {
        let mut actions = Actions::new();
        if local.parameters().asserts && self.may_answer(local, now) {
            actions.push(Action::SendAdvert(local.priority()));
        }
        announce(&mut actions, self.announcements.contest(now, &local.parameters().announcements));
        actions
    }

    /// One answer reaches everybody; see [`departures::Departure::AnswersAreSpaced`].
    fn may_answer(&mut self, local: &Local, now: Instant) -> bool {
        let spacing = timers::answer_spacing(local.parameters().interval);
        let may = departures::spaced(self.answered, spacing, now);
        if may {
            self.answered = Some(now);
        }
        may
    }

    /// The addresses themselves changed: everybody hears of them at once.
    pub(crate) fn addresses_changed(&mut self, local: &Local, now: Instant) -> Actions {
        let mut actions = Actions::new();
        actions.push(Action::SendAdvert(local.priority()));
        actions.push(Action::AddAddresses);
        announce(&mut actions, self.announcements.again(now, &local.parameters().announcements));
        self.next_advert = now + local.parameters().interval.duration();
        actions
    }

    /// The parameters were `old` until now. What others can see of the change they are told at once.
    pub(crate) fn reloaded(&mut self, local: &Local, old: &Parameters, now: Instant) -> Actions {
        let new = local.parameters();
        self.announcements.reloaded(now, &old.announcements, &new.announcements);
        let mut actions = Actions::new();
        if (old.version, old.priority, old.interval, old.source)
            != (new.version, new.priority, new.interval, new.source)
        {
            actions.push(Action::SendAdvert(local.priority()));
            self.next_advert = now + new.interval.duration();
        }
        actions
    }
}

fn announce(actions: &mut Actions, repeat: Option<u8>) {
    if let Some(repeat) = repeat {
        actions.push(Action::Announce { repeat });
    }
}
