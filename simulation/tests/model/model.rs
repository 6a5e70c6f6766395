//! The LAN as a model: what may happen next, in any order, and what must hold whatever does.

use regent_simulation::mutation::{Mutation, Planted};
use regent_vrrp::Event;
use stateright::{Model, Property};

use crate::lan::{Broken, Frozen, Host, LONGEST_DELAY, LONGEST_FREEZE, Lan, NOW};

/// What must always hold.
pub const EXACTLY_ONE: &str = "once calm, exactly one is Active";
/// Likewise.
pub const HIGHEST: &str = "once calm, nobody who preempts is above the Active";
/// Likewise.
pub const LEFT_ALONE: &str = "nopreempt leaves a live Active alone";
/// Likewise.
pub const REJECTED: &str = "a rejected packet moves nothing";
/// Likewise.
pub const ACTIVE_ASKS: &str = "who stood still does not speak beside a successor that it heard";
/// Likewise.
pub const WIRE_BOUNDED: &str = "what is on the wire does not grow";

/// What the LAN is made of.
#[derive(Clone, Debug)]
pub struct Small {
    /// One router for each.
    pub priorities: Vec<i32>,
    pub preempts: bool,
    /// How often something may break.
    pub faults: u8,
    pub mutation: Mutation,
}

/// What may happen next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Tick,
    /// A deadline that is due fires.
    Fire(usize),
    /// An advert arrives.
    Arrive(usize),
    /// An advert is lost.
    Lose(usize),
    /// A process is gone.
    Crash(usize),
    /// A process ends in good order.
    Stop(usize),
    /// A process is started again.
    Start(usize),
    /// A process is stopped.
    Freeze(usize),
    /// A machine is paused.
    Pause(usize),
    /// It goes on.
    Thaw(usize),
}

impl Model for Small {
    type State = Lan;
    type Action = Step;

    fn init_states(&self) -> Vec<Lan> {
        let nobody = Host { router: None, frozen: None, silent: 0, spoke: 0, succeeded: false };
        let mut lan = Lan {
            hosts: vec![nobody; self.priorities.len()],
            wire: Vec::new(),
            faults_left: self.faults,
            calm: 0,
            broken: None,
            overslept: false,
        };
        for host in 0..self.priorities.len() {
            lan.start(self, host);
        }
        vec![lan]
    }

    fn actions(&self, lan: &Lan, steps: &mut Vec<Step>) {
        let hosts = 0..lan.hosts.len();
        steps.extend(hosts.clone().filter(|host| lan.is_due(*host)).map(Step::Fire));
        let waits = |host: &Host| host.frozen.as_ref().is_some_and(|frozen| frozen.since == LONGEST_FREEZE);
        let late = lan.wire.iter().any(|flight| flight.age == LONGEST_DELAY);
        if steps.is_empty() && !late && !lan.hosts.iter().any(waits) {
            steps.push(Step::Tick);
        }
        for (number, flight) in lan.wire.iter().enumerate() {
            // Of two that are alike it does not matter which one comes.
            if number == 0 || lan.wire[number - 1] != *flight {
                steps.push(Step::Arrive(number));
                if lan.faults_left > 0 {
                    steps.push(Step::Lose(number));
                }
            }
        }
        for (number, host) in lan.hosts.iter().enumerate() {
            match (&host.router, &host.frozen) {
                (None, _) => steps.push(Step::Start(number)),
                (Some(_), Some(_)) => steps.push(Step::Thaw(number)),
                (Some(_), None) => {
                    if lan.faults_left > 0 {
                        let broken = [Step::Crash, Step::Stop, Step::Freeze, Step::Pause];
                        steps.extend(broken.map(|broken| broken(number)));
                    }
                }
            }
        }
    }

    fn next_state(&self, lan: &Lan, step: Step) -> Option<Lan> {
        let mut next = lan.clone();
        match step {
            Step::Tick => next.tick(),
            Step::Fire(host) => next.handle(self, host, Event::Deadline),
            Step::Arrive(number) => {
                let flight = next.wire.remove(number);
                next.arrive(self, flight);
            }
            Step::Lose(number) => {
                next.break_something();
                next.wire.remove(number);
            }
            Step::Crash(host) => {
                next.break_something();
                next.hosts[host].router = None;
            }
            Step::Stop(host) => {
                next.break_something();
                next.handle(self, host, Event::Shutdown);
                next.hosts[host].router = None;
            }
            Step::Start(host) => {
                next.calm = 0;
                next.start(self, host);
            }
            Step::Freeze(host) => {
                next.break_something();
                next.hosts[host].frozen = Some(Frozen { since: 0, inbox: Some(Vec::new()) });
            }
            Step::Pause(host) => {
                next.break_something();
                next.hosts[host].frozen = Some(Frozen { since: 0, inbox: None });
            }
            Step::Thaw(host) => {
                next.calm = 0;
                next.thaw(self, host);
            }
        }
        next.wire.sort_unstable();
        next.hosts.iter_mut().for_each(|host| host.forget(self));
        (next != *lan).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(EXACTLY_ONE, |_, lan: &Lan| {
                let running = lan.hosts.iter().any(|host| host.router.is_some());
                !lan.is_settled() || lan.active().count() == usize::from(running)
            }),
            Property::always(HIGHEST, |model, lan: &Lan| {
                let running =
                    lan.hosts.iter().zip(&model.priorities).filter(|(host, _)| host.router.is_some());
                let highest = running.map(|(_, priority)| *priority).max();
                let is_highest = |active: usize| Some(model.priorities[active]) == highest;
                !model.preempts || !lan.is_settled() || lan.active().all(is_highest)
            }),
            Property::always(LEFT_ALONE, |_, lan: &Lan| lan.broken != Some(Broken::LeftAlone)),
            Property::always(REJECTED, |_, lan: &Lan| {
                let rejects = |planted: &Planted| {
                    let mut rejecting = planted.clone();
                    rejecting.reject(NOW);
                    rejecting == *planted
                };
                lan.hosts.iter().all(|host| host.router.as_ref().is_none_or(rejects))
            }),
            Property::always(ACTIVE_ASKS, |_, lan: &Lan| lan.broken != Some(Broken::Asked)),
            Property::always(WIRE_BOUNDED, |_, lan: &Lan| {
                // Of each pair: a regular advert, an answer and a last word, of this tick and of the one before.
                lan.wire.len() <= 6 * lan.hosts.len() * (lan.hosts.len() - 1)
            }),
            Property::sometimes("it settles", |_, lan: &Lan| lan.is_settled()),
            Property::sometimes("two are Active at once", |model, lan: &Lan| {
                lan.active().count() == 2 || model.faults == 0
            }),
            Property::sometimes("an Active oversleeps", |model, lan: &Lan| {
                lan.overslept || model.faults == 0
            }),
        ]
    }
}
