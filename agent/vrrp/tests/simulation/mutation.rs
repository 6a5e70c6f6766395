//! Bugs to plant: each is a router with a wrapper that spoils what goes in or comes out. An invariant that no planted
//! bug can break would prove nothing.

use regent_common::{LocalPriority, Priority};
use regent_vrrp::{Action, Actions, Advert, Event, Instant, Parameters, Preemption, Router, StateName};

/// What is wrong with every router of a LAN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
}

/// A router with a bug.
pub struct Planted {
    router: Router,
    mutation: Mutation,
}

impl Planted {
    pub fn new(parameters: Parameters, mutation: Mutation) -> Self {
        Self { router: Router::new(spoilt_parameters(parameters, mutation)), mutation }
    }

    pub fn router(&self) -> &Router {
        &self.router
    }

    pub fn handle(&mut self, now: Instant, event: Event) -> Actions {
        let event = match event {
            Event::Reload(parameters) => Event::Reload(spoilt_parameters(parameters, self.mutation)),
            Event::Advert(advert) => match self.spoilt_advert(advert) {
                Some(advert) => Event::Advert(advert),
                None => return Actions::new(),
            },
            Event::Deadline if self.sleeps() => {
                self.oversleep(now);
                return Actions::new();
            }
            Event::Startup
            | Event::Shutdown
            | Event::Deadline
            | Event::Fault(_)
            | Event::FaultCleared
            | Event::Priority(_)
            | Event::Source(_)
            | Event::Deaf
            | Event::AddressesChanged => event,
        };
        let mut actions = self.router.handle(now, event);
        if let (Mutation::ChattyActive, Event::Deadline, Some(first @ Action::SendAdvert(_))) =
            (self.mutation, event, actions.first().copied())
        {
            actions.insert(0, first);
        }
        if self.mutation == Mutation::MuteActive && self.router.state() == StateName::Active {
            actions.retain(|action| !matches!(action, Action::SendAdvert(_)) || event != Event::Deadline);
        }
        actions
    }

    fn sleeps(&self) -> bool {
        self.mutation == Mutation::SleepyBackup && self.router.state() == StateName::Backup
    }

    /// The timer must move, or the simulation would never get past it.
    fn oversleep(&mut self, now: Instant) {
        let _nothing = self.router.handle(now, Event::Deaf);
    }

    /// What the router hears instead; `None`: nothing.
    fn spoilt_advert(&self, advert: Advert) -> Option<Advert> {
        let local = Priority::from(self.router.effective_priority());
        let state = self.router.state();
        match self.mutation {
            Mutation::None
            | Mutation::SleepyBackup
            | Mutation::MuteActive
            | Mutation::ChattyActive
            | Mutation::EagerPreemption
            | Mutation::ShyPreemption => Some(advert),
            Mutation::TieBreakDropped => {
                (state != StateName::Active || advert.priority != local).then_some(advert)
            }
            Mutation::DeafBackup => (state != StateName::Backup).then_some(advert),
            Mutation::StubbornActive => {
                (state != StateName::Active || advert.priority < local).then_some(advert)
            }
            Mutation::DiscardedCounts => {
                let lower = state == StateName::Backup
                    && advert.priority != Priority::Resigning
                    && advert.priority < local;
                Some(Advert { priority: if lower { local } else { advert.priority }, ..advert })
            }
            Mutation::OwnInterval => Some(Advert { interval: self.router.parameters().interval, ..advert }),
        }
    }
}

fn spoilt_parameters(parameters: Parameters, mutation: Mutation) -> Parameters {
    let preemption = match (mutation, parameters.priority) {
        (Mutation::EagerPreemption, _) => Preemption::After(core::time::Duration::ZERO),
        (Mutation::ShyPreemption, LocalPriority::Backup(_)) => Preemption::Never,
        (Mutation::ShyPreemption, LocalPriority::Owner)
        | (
            Mutation::None
            | Mutation::TieBreakDropped
            | Mutation::DeafBackup
            | Mutation::SleepyBackup
            | Mutation::MuteActive
            | Mutation::ChattyActive
            | Mutation::StubbornActive
            | Mutation::DiscardedCounts
            | Mutation::OwnInterval,
            _,
        ) => parameters.preemption,
    };
    Parameters { preemption, ..parameters }
}
