//! Bugs to plant: each is a router with a wrapper that spoils what goes in or comes out. An invariant that no planted
//! bug can break would prove nothing.

use core::time::Duration;

use regent_common::{LocalPriority, Priority};
use regent_vrrp::{Action, Actions, Advert, Event, Instant, Parameters, Preemption, Router, StateName};

/// What is wrong with every router of a LAN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mutation {
    /// Nothing.
    None,
    /// Among equals nobody gives way.
    TieBreakDropped,
    /// A Backup hears nothing.
    DeafBackup,
    /// A Backup never takes over.
    SleepyBackup,
    /// An Active advertises once and never again.
    MuteActive,
    /// An Active advertises twice as often.
    ChattyActive,
    /// An Active that loses does not give way.
    StubbornActive,
    /// `nopreempt` is not heeded.
    EagerPreemption,
    /// Nobody preempts.
    ShyPreemption,
    /// A discarded advert moves the down timer all the same.
    DiscardedCounts,
    /// The interval is not learned.
    OwnInterval,
    /// A Backup takes a rejected packet for a sign of life.
    RejectedCounts,
    /// Neither of two Active Routers gives way, and each answers every word of the other.
    Quarrel,
    /// An Active that hears another one announces its addresses each time.
    Panic,
    /// An Active that stood still goes on as if it had not.
    Sleepwalker,
    /// A Backup that stood still takes over as if it had not.
    HastyBackup,
    /// A reload is not heeded until the next start.
    ForgetfulReload,
}

/// A router with a bug.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Planted {
    router: Router,
    mutation: Mutation,
}

impl Planted {
    /// A router that was not started yet.
    pub fn new(parameters: Parameters, mutation: Mutation) -> Self {
        Self { router: Router::new(spoilt_parameters(parameters, mutation)), mutation }
    }

    /// The machine inside.
    pub const fn router(&self) -> &Router {
        &self.router
    }

    /// As [`Router::handle`], but for the bug.
    pub fn handle(&mut self, now: Instant, event: Event) -> Actions {
        let event = match event {
            Event::Reload(_) if self.mutation == Mutation::ForgetfulReload => return Actions::new(),
            Event::Reload(parameters) => Event::Reload(spoilt_parameters(parameters, self.mutation)),
            Event::Advert(advert) => match self.spoilt_advert(advert) {
                Some(advert) => Event::Advert(advert),
                None => return self.answer(),
            },
            Event::Deadline if self.mutation == Mutation::SleepyBackup && self.is(StateName::Backup) => {
                return self.oversleep(now);
            }
            Event::Startup
            | Event::Shutdown
            | Event::Deadline
            | Event::Fault(_)
            | Event::FaultCleared
            | Event::Priority(_)
            | Event::Source(_)
            | Event::Deaf
            | Event::AddressesChanged
            | Event::AdvertChanged => event,
        };
        let mut actions = self.catch_up(now, event);
        actions.extend(self.router.handle(now, event));
        self.spoil_actions(event, &mut actions);
        actions
    }

    /// A packet was rejected: nothing, but for the bug.
    pub fn reject(&mut self, now: Instant) {
        if self.mutation == Mutation::RejectedCounts {
            let _nothing = self.router.handle(now, Event::Deaf);
        }
    }

    /// As [`Router::set_back`].
    #[must_use = "the router itself stays as it is"]
    pub fn set_back(&self, by: Duration) -> Self {
        Self { router: self.router.set_back(by), mutation: self.mutation }
    }

    fn is(&self, state: StateName) -> bool {
        self.router.state() == state
    }

    /// The timer must move, or the simulation would never get past it.
    fn oversleep(&mut self, now: Instant) -> Actions {
        self.router.handle(now, Event::Deaf)
    }

    /// Who does not know that it stood still fires each deadline as if it came in time.
    fn catch_up(&mut self, now: Instant, event: Event) -> Actions {
        let mut spoken = Actions::new();
        let sleepwalks = match (self.mutation, self.router.state(), event) {
            (Mutation::Sleepwalker, StateName::Active, _)
            | (Mutation::HastyBackup, StateName::Backup, Event::Deadline) => true,
            (_, _, _) => false,
        };
        while sleepwalks
            && let Some(deadline) = self.router.deadline()
            && deadline < now
        {
            let actions = self.router.handle(deadline, Event::Deadline);
            if self.mutation == Mutation::HastyBackup {
                return actions;
            }
            // One advert says all.
            spoken = actions.into_iter().filter(|action| matches!(action, Action::SendAdvert(_))).collect();
        }
        spoken
    }

    fn spoil_actions(&self, event: Event, actions: &mut Actions) {
        let active = self.is(StateName::Active);
        match (self.mutation, event) {
            (Mutation::ChattyActive, Event::Deadline) => {
                if let Some(first @ Action::SendAdvert(_)) = actions.first().copied() {
                    actions.insert(0, first);
                }
            }
            (Mutation::MuteActive, Event::Deadline) if active => {
                actions.retain(|action| !matches!(action, Action::SendAdvert(_)));
            }
            (Mutation::Panic, Event::Advert(_)) if active => {
                actions.push(Action::Announce { repeat: 5 });
            }
            (_, _) => {}
        }
    }

    /// What a router says to an advert that it is kept from hearing.
    fn answer(&self) -> Actions {
        let mut actions = Actions::new();
        if self.mutation == Mutation::Quarrel {
            actions.push(Action::SendAdvert(self.router.effective_priority().into()));
        }
        actions
    }

    /// What the router hears instead; `None`: nothing.
    fn spoilt_advert(&self, advert: Advert) -> Option<Advert> {
        let local = Priority::from(self.router.effective_priority());
        let state = self.router.state();
        match self.mutation {
            Mutation::TieBreakDropped => {
                (state != StateName::Active || advert.priority != local).then_some(advert)
            }
            Mutation::DeafBackup => (state != StateName::Backup).then_some(advert),
            Mutation::StubbornActive => {
                (state != StateName::Active || advert.priority < local).then_some(advert)
            }
            Mutation::Quarrel => (state != StateName::Active).then_some(advert),
            Mutation::DiscardedCounts => {
                let lower = state == StateName::Backup
                    && advert.priority != Priority::Resigning
                    && advert.priority < local;
                Some(Advert { priority: if lower { local } else { advert.priority }, ..advert })
            }
            Mutation::OwnInterval => Some(Advert { interval: self.router.parameters().interval, ..advert }),
            Mutation::None
            | Mutation::SleepyBackup
            | Mutation::MuteActive
            | Mutation::ChattyActive
            | Mutation::EagerPreemption
            | Mutation::ShyPreemption
            | Mutation::RejectedCounts
            | Mutation::Panic
            | Mutation::Sleepwalker
            | Mutation::HastyBackup
            | Mutation::ForgetfulReload => Some(advert),
        }
    }
}

fn spoilt_parameters(parameters: Parameters, mutation: Mutation) -> Parameters {
    let preemption = match (mutation, parameters.priority) {
        (Mutation::EagerPreemption, _) => Preemption::After(Duration::ZERO),
        (Mutation::ShyPreemption, LocalPriority::Backup(_)) => Preemption::Never,
        (_, _) => parameters.preemption,
    };
    Parameters { preemption, ..parameters }
}
