//! RFC 9568 §6.4.3, RFC 3768 §6.4.3: Active. Owns Adver_Timer and the schedule of announcements.

use core::time::Duration;

use regent_common::Priority;

use crate::{
    Action, Actions, Advert, Cause, Instant, Parameters,
    announce::Schedule,
    departures,
    local::{Contest, Local},
    office::{Office, Standing},
    snapshot::ActiveSnapshot,
    timers,
};

/// The Active state.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Active {
    /// What arrived before that belongs to the silence that made us Active.
    since: Instant,
    /// When Adver_Timer fires.
    next_advert: Instant,
    office: Office,
    /// When an advert of somebody else was last answered with one of ours.
    answered: Option<Instant>,
    announcements: Schedule,
}

/// What an advert means to an Active Router.
#[allow(
    clippy::large_enum_variant,
    reason = "nothing is boxed where nothing is allocated; it is taken apart at once"
)]
pub(crate) enum Verdict {
    /// It goes on.
    Stays(Actions),
    /// It lost.
    Yields(Cause),
    /// It lost, and so long ago that nobody takes it for Active any more.
    Overslept(Cause),
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
        let office = Office::spoken(local, now);
        (Self { since: now, next_advert, office, answered: None, announcements }, actions)
    }

    pub(crate) fn deadline(&self) -> Instant {
        if let Some(until) = self.office.listens_until() {
            return until;
        }
        match self.announcements.deadline() {
            Some(announcement) => announcement.min(self.next_advert),
            None => self.next_advert,
        }
    }

    /// Whether others may have taken over, see [`departures::Departure::DoubtAfterSilence`].
    pub(crate) fn is_in_doubt(&self, local: &Local, now: Instant) -> bool {
        self.office.is_doubtful(local, now)
    }

    /// What is due at `now`. However many intervals were slept through, one advert says all; and however few, none is
    /// sent while in doubt.
    pub(crate) fn fire(&mut self, local: &Local, now: Instant) -> Actions {
        let mut actions = Actions::new();
        let plan = &local.parameters().announcements;
        let repeat = match self.office.stand(local, now) {
            Standing::Listens => return actions,
            Standing::Undoubted => self.announcements.fire(now, plan),
            Standing::Resumes => {
                // Caches may have followed somebody who is gone again.
                let (announcements, repeat) = Schedule::begin(now, plan);
                self.announcements = announcements;
                repeat
            }
        };
        if self.next_advert <= now {
            self.advertise(local, now, &mut actions);
            let interval = local.parameters().interval.duration();
            self.next_advert = timers::next_firing(self.next_advert, interval, now);
        }
        announce(&mut actions, repeat);
        actions
    }

    fn advertise(&mut self, local: &Local, now: Instant, actions: &mut Actions) {
        actions.push(Action::SendAdvert(local.priority()));
        self.office = Office::spoken(local, now);
    }

    /// RFC 9568 §6.4.3, "If an ADVERTISEMENT is received".
    pub(crate) fn hear(&mut self, local: &Local, now: Instant, advert: &Advert) -> Verdict {
        if advert.arrived < self.since {
            return Verdict::Stays(Actions::new());
        }
        if self.is_in_doubt(local, now) {
            return self.hear_in_doubt(local, now, advert);
        }
        if advert.priority == Priority::Resigning {
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

    /// Nobody is answered. Whoever was heard when others could already have taken over did so, be its priority lower than
    /// ours: it is the Active Router, and we are one that has just come (RFC 9568 §6.4.2). One that resigned leaves the
    /// office to whoever speaks next, which may be us.
    fn hear_in_doubt(&self, local: &Local, now: Instant, advert: &Advert) -> Verdict {
        let (source, priority) = (advert.source, advert.priority);
        if priority == Priority::Resigning {
            return Verdict::Stays(Actions::new());
        }
        match (local.contest(advert), self.office.may_be_lost_at(advert.arrived)) {
            (Contest::Won | Contest::LostByPriority | Contest::LostByAddress, true) => {
                let silence = self.office.silence(now);
                Verdict::Overslept(Cause::Overslept { source, priority, silence })
            }
            (Contest::LostByPriority, false) => {
                Verdict::Overslept(Cause::HigherPriority { source, priority })
            }
            (Contest::LostByAddress, false) => Verdict::Overslept(Cause::HigherAddress { source }),
            (Contest::Won, false) | (Contest::Undecided, _) => Verdict::Stays(Actions::new()),
        }
    }

    /// Another Active resigned: "Send an ADVERTISEMENT", "Reset the Adver_Timer to Advertisement_Interval".
    fn outlive(&mut self, local: &Local, now: Instant) -> Actions {
        let mut actions = Actions::new();
        if self.may_answer(local, now) {
            self.advertise(local, now, &mut actions);
            self.next_advert = now + local.parameters().interval.duration();
        }
        actions
    }

    /// Another Active lost against us: "Send an ADVERTISEMENT immediately to assert the Active state", unless the config
    /// says no. Adver_Timer runs on. Caches may have followed the other one, so the addresses are announced again.
    fn assert(&mut self, local: &Local, now: Instant) -> Actions {
        let mut actions = Actions::new();
        if local.parameters().asserts && self.may_answer(local, now) {
            self.advertise(local, now, &mut actions);
        }
        let (plan, interval) = (&local.parameters().announcements, local.parameters().interval);
        announce(&mut actions, self.announcements.contest(now, plan, interval));
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

    pub(crate) const fn snapshot(&self) -> ActiveSnapshot {
        let Self { since, next_advert, office, answered, announcements } = self;
        ActiveSnapshot {
            since: *since,
            next_advert: *next_advert,
            office: office.snapshot(),
            answered: *answered,
            announcements: announcements.snapshot(),
        }
    }

    pub(crate) const fn resume(snapshot: &ActiveSnapshot) -> Self {
        let ActiveSnapshot { since, next_advert, office, answered, announcements } = snapshot;
        Self {
            since: *since,
            next_advert: *next_advert,
            office: Office::resume(office),
            answered: *answered,
            announcements: Schedule::resume(announcements),
        }
    }

    /// See [`crate::Router::set_back`].
    pub(crate) fn set_back(&mut self, by: Duration) {
        for time in [&mut self.since, &mut self.next_advert].into_iter().chain(&mut self.answered) {
            *time = *time - by;
        }
        self.office.set_back(by);
        self.announcements.set_back(by);
    }

    /// Adverts say something else: everybody hears it at once, or with the first advert when there is no doubt any more.
    pub(crate) fn restate(&mut self, local: &Local, now: Instant) -> Actions {
        let mut actions = Actions::new();
        if !self.is_in_doubt(local, now) {
            self.advertise(local, now, &mut actions);
            self.next_advert = now + local.parameters().interval.duration();
        }
        actions
    }

    /// The addresses themselves changed: everybody hears of them at once, or as soon as there is no doubt.
    pub(crate) fn addresses_changed(&mut self, local: &Local, now: Instant) -> Actions {
        let mut actions = Actions::new();
        if self.is_in_doubt(local, now) {
            actions.push(Action::AddAddresses);
            return actions;
        }
        self.advertise(local, now, &mut actions);
        actions.push(Action::AddAddresses);
        announce(&mut actions, self.announcements.again(now, &local.parameters().announcements));
        self.next_advert = now + local.parameters().interval.duration();
        actions
    }

    /// The parameters were `old` until now. What others can see of the change they are told at once, or as soon as there
    /// is no doubt.
    pub(crate) fn reloaded(&mut self, local: &Local, old: &Parameters, now: Instant) -> Actions {
        let new = local.parameters();
        self.announcements.reloaded(now, &old.announcements, &new.announcements);
        let mut actions = Actions::new();
        if (old.version, old.priority, old.interval, old.source)
            != (new.version, new.priority, new.interval, new.source)
            && !self.is_in_doubt(local, now)
        {
            self.advertise(local, now, &mut actions);
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
