//! Faults at given times, and who entered which state because of them, in order.
//!
//! The same script can be played in network namespaces with real agents, and must give the same: so each fault here is
//! something that can be done there to the letter, and [`Script::seeded`] leaves between two of them as long as any LAN
//! may take to settle, and keeps priorities far enough apart that no race decides.

use std::{fmt, time::Duration};

use regent_common::{AdvertInterval, BackupPriority, LocalPriority, Version};
use regent_vrrp::{Announcements, Event, FaultCause, Parameters, Preemption, StateName};

use crate::{
    host::Freeze,
    invariant::{self, Intervals},
    lan::{Lan, Weather, What},
    mutation::Mutation,
    random::Random,
};

/// Time on the wire: as long as nothing else is.
const DELAY: Duration = Duration::from_micros(100);
/// Priorities whose skews are more than a third of an interval apart.
const PRIORITIES: [i32; 3] = [250, 150, 50];
/// What the priority of a router is lowered to, below all others.
const LOWERED: i32 = 10;

/// Something is done to a router, known by its index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Its agent is started, or started again.
    Start(usize),
    /// Its agent is told to stop, and does so in good order.
    Stop(usize),
    /// Its agent is killed.
    Kill(usize),
    /// Its agent is stopped for that long, and goes on.
    Freeze(usize, Duration),
    /// It hears nobody and nobody hears it, while its link stays up: the switch drops.
    Isolate(usize),
    /// It hears nobody.
    Deafen(usize),
    /// Nobody hears it.
    Mute(usize),
    /// What [`Self::Isolate`], [`Self::Deafen`] and [`Self::Mute`] did to it is undone.
    Restore(usize),
    /// Its link loses its carrier.
    LinkDown(usize),
    /// Its link has a carrier again.
    LinkUp(usize),
    /// It is reloaded with another priority.
    Priority(usize, LocalPriority),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start(router) => write!(f, "start #{router}"),
            Self::Stop(router) => write!(f, "stop #{router}"),
            Self::Kill(router) => write!(f, "kill #{router}"),
            Self::Freeze(router, duration) => write!(f, "freeze #{router} for {duration:?}"),
            Self::Isolate(router) => write!(f, "isolate #{router}"),
            Self::Deafen(router) => write!(f, "deafen #{router}"),
            Self::Mute(router) => write!(f, "mute #{router}"),
            Self::Restore(router) => write!(f, "restore #{router}"),
            Self::LinkDown(router) => write!(f, "link of #{router} down"),
            Self::LinkUp(router) => write!(f, "link of #{router} up"),
            Self::Priority(router, priority) => write!(f, "priority of #{router} is {}", priority.get()),
        }
    }
}

/// A fault and its time since the beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// When.
    pub at: Duration,
    /// What.
    pub fault: Fault,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.at, self.fault)
    }
}

/// A router entered a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entered {
    /// When, since the beginning.
    pub at: Duration,
    /// Which router.
    pub router: usize,
    /// The state.
    pub state: StateName,
}

impl fmt::Display for Entered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: #{} is {:?}", self.at, self.router, self.state)
    }
}

/// Routers, and what is done to them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// The routers, all stopped.
    pub routers: Vec<Parameters>,
    /// What is done, by time.
    pub steps: Vec<Step>,
    /// When it ends.
    pub length: Duration,
}

impl Script {
    /// Starts two or three routers of version 3 and that interval, does `faults` things to them, and undoes each before
    /// the next.
    pub fn seeded(seed: u64, interval: AdvertInterval, faults: u32) -> Self {
        let mut random = Random::new(seed);
        let count = 2 + random.index(2);
        let preemption =
            if random.percent(70) { Preemption::After(Duration::ZERO) } else { Preemption::Never };
        let routers: Vec<Parameters> =
            (0..count).map(|number| router(number, interval, preemption)).collect();
        let rest = settles_within(interval);
        let mut script = Self { routers, steps: Vec::new(), length: Duration::ZERO };
        for number in 0..count {
            script.then(rest / 8, Fault::Start(number));
        }
        for _ in 0..faults {
            let router = random.index(count);
            let (done, undone) = script.fault(router, interval, &mut random);
            script.then(rest, done);
            if let Some(undone) = undone {
                script.then(rest, undone);
            }
        }
        script.length += rest;
        script
    }

    /// A fault, and what undoes it.
    fn fault(&self, router: usize, interval: AdvertInterval, random: &mut Random) -> (Fault, Option<Fault>) {
        // Longer than any Backup waits, and shorter than the rest.
        let frozen = interval.duration() * 6;
        let configured = self.routers[router].priority;
        match random.below(8) {
            0 => (Fault::Kill(router), Some(Fault::Start(router))),
            1 => (Fault::Stop(router), Some(Fault::Start(router))),
            2 => (Fault::Freeze(router, frozen), None),
            3 => (Fault::Isolate(router), Some(Fault::Restore(router))),
            4 => (Fault::Deafen(router), Some(Fault::Restore(router))),
            5 => (Fault::Mute(router), Some(Fault::Restore(router))),
            6 => (Fault::LinkDown(router), Some(Fault::LinkUp(router))),
            _ => (Fault::Priority(router, backup(LOWERED)), Some(Fault::Priority(router, configured))),
        }
    }

    fn then(&mut self, pause: Duration, fault: Fault) {
        self.length += pause;
        self.steps.push(Step { at: self.length, fault });
    }

    /// Plays it, and returns who entered which state, by time.
    pub fn play(&self) -> Vec<Entered> {
        let hosts: Vec<(Parameters, i64)> = self.routers.iter().map(|router| (*router, 0)).collect();
        let weather = Weather { delay: DELAY, ..Weather::FAIR };
        let mut lan = Lan::new(&hosts, weather, 0, Mutation::None);
        let began = lan.now;
        let mut entered = Vec::new();
        for step in &self.steps {
            while !lan.step(began + step.at) {}
            apply(&mut lan, step.fault);
        }
        while !lan.step(began + self.length) {}
        for sight in lan.take_sights() {
            match sight.what {
                What::Entered { to, .. } => {
                    entered.push(Entered { at: sight.at.since(began), router: sight.host, state: to });
                }
                What::Spoke { .. } | What::Rejected { .. } => {}
            }
        }
        entered
    }

    /// What each router went through, by router: where two act at once, their order among each other says nothing.
    pub fn by_router(&self, entered: &[Entered]) -> Vec<Vec<StateName>> {
        let of = |router| entered.iter().filter(move |entered| entered.router == router);
        (0..self.routers.len()).map(|router| of(router).map(|entered| entered.state).collect()).collect()
    }
}

/// How long to wait after a fault until its consequences are over.
pub fn settles_within(interval: AdvertInterval) -> Duration {
    let hosts = [(router(0, interval, Preemption::Never), 0)];
    let lan = Lan::new(&hosts, Weather { delay: DELAY, ..Weather::FAIR }, 0, Mutation::None);
    let interval = interval.duration();
    invariant::bound(&lan, Intervals { shortest: interval, longest: interval })
}

fn router(number: usize, interval: AdvertInterval, preemption: Preemption) -> Parameters {
    let mut source = [0; 16];
    source[..4].copy_from_slice(&[10, 0, 0, u8::try_from(number + 1).unwrap_or(u8::MAX)]);
    Parameters {
        version: Version::V3,
        priority: backup(PRIORITIES[number % PRIORITIES.len()]),
        interval,
        preemption,
        source,
        announcements: Announcements::default(),
        down_timer_adverts: 3,
        asserts: true,
        concedes: true,
    }
}

const fn backup(priority: i32) -> LocalPriority {
    LocalPriority::Backup(BackupPriority::clamped(priority))
}

fn apply(lan: &mut Lan, fault: Fault) {
    match fault {
        Fault::Start(router) => lan.start(router),
        Fault::Stop(router) => {
            lan.give(router, Event::Shutdown);
            lan.crash(router);
        }
        Fault::Kill(router) => lan.crash(router),
        Fault::Freeze(router, duration) => lan.freeze(router, Freeze::Process, duration),
        Fault::Isolate(router) => isolate(lan, router),
        Fault::Deafen(router) => lan.hosts[router].deaf_to = u32::MAX,
        Fault::Mute(router) => {
            for host in &mut lan.hosts {
                host.deaf_to |= 1 << router;
            }
        }
        Fault::Restore(router) => restore(lan, router),
        Fault::LinkDown(router) => {
            isolate(lan, router);
            lan.give(router, Event::Fault(FaultCause::Interface));
        }
        Fault::LinkUp(router) => {
            restore(lan, router);
            lan.give(router, Event::FaultCleared);
        }
        Fault::Priority(router, priority) => {
            let parameters = Parameters { priority, ..lan.hosts[router].parameters };
            lan.reload(router, parameters);
        }
    }
}

fn isolate(lan: &mut Lan, router: usize) {
    lan.hosts[router].segment = u8::try_from(router + 1).unwrap_or(u8::MAX);
}

fn restore(lan: &mut Lan, router: usize) {
    lan.hosts[router].segment = 0;
    lan.hosts[router].deaf_to = 0;
    for host in &mut lan.hosts {
        host.deaf_to &= !(1 << router);
    }
}
