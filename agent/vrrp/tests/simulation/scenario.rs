//! What happens to a LAN, made up from a seed: rounds of storm and calm.

use std::time::Duration;

use regent_common::{AdvertInterval, BackupPriority, LocalPriority, Version};
use regent_vrrp::{Announcements, Event, FaultCause, Instant, Parameters, Preemption, StateName};

use crate::{
    invariant::{self, Invariant, Violation},
    lan::{Lan, Weather},
    mutation::Mutation,
    random::Random,
};

const ROUNDS: u32 = 3;
/// Length of a storm, in the longest intervals.
const STORM: u32 = 15;
/// How long calm is watched once it must have settled, in the longest intervals.
const WATCH: u32 = 5;

/// What kind of LANs are made up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Everybody preempts at once.
    Preempting,
    /// Nobody preempts, owners aside.
    NotPreempting,
    /// Everybody preempts after a while.
    Delayed,
    /// Anything beside anything, version 3 with intervals of their own.
    Mixed,
}

/// What a run saw: so that a test can tell that there was something to see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sights {
    pub takeovers: u64,
    pub defeats: u64,
    pub faults: u64,
    pub digest: u64,
}

/// Runs the scenario of `seed`.
///
/// # Errors
/// The first invariant that was broken.
pub fn run(kind: Kind, seed: u64, mutation: Mutation) -> Result<Sights, Violation> {
    Scenario::new(kind, seed, mutation).run()
}

/// As [`run`], with calm that is judged before the bound is over: that many percent too early.
pub fn run_in_haste(kind: Kind, seed: u64, haste: u32) -> Result<Sights, Violation> {
    let mut scenario = Scenario::new(kind, seed, Mutation::None);
    scenario.haste = haste;
    scenario.run()
}

/// Runs the scenario of `seed` again and returns everything that happened in it.
pub fn trace(kind: Kind, seed: u64, mutation: Mutation) -> Vec<String> {
    let mut scenario = Scenario::new(kind, seed, mutation);
    scenario.lan.trace = Some(Vec::new());
    if let Err(violation) = scenario.run_in_place() {
        scenario.lan.remark(|| violation.to_string());
    }
    scenario.lan.trace.take().unwrap_or_default()
}

struct Scenario {
    lan: Lan,
    random: Random,
    sights: Sights,
    /// The shortest and the longest interval of the LAN.
    intervals: (Duration, Duration),
    /// By how many percent the bound is cut short.
    haste: u32,
}

impl Scenario {
    fn new(kind: Kind, seed: u64, mutation: Mutation) -> Self {
        let mut random = Random::new(seed);
        let nodes = nodes(kind, &mut random);
        let of = |node: &Parameters| node.interval.duration();
        let shortest = nodes.iter().map(of).min().unwrap_or_default();
        let longest = nodes.iter().map(of).max().unwrap_or_default();
        let weather = calm(&mut random, shortest);
        let lan = Lan::new(nodes, weather, seed, mutation);
        Self { lan, random, sights: Sights::default(), intervals: (shortest, longest), haste: 0 }
    }

    fn run(mut self) -> Result<Sights, Violation> {
        self.run_in_place()?;
        self.sights.digest = self.lan.digest;
        Ok(self.sights)
    }

    fn run_in_place(&mut self) -> Result<(), Violation> {
        for node in 0..self.lan.nodes.len() {
            if self.random.percent(80) {
                self.lan.start(node);
            }
        }
        for _ in 0..ROUNDS {
            self.storm()?;
            self.settle()?;
            self.watch()?;
        }
        Ok(())
    }

    /// Things break for a while.
    fn storm(&mut self) -> Result<(), Violation> {
        let (shortest, longest) = self.intervals;
        self.lan.weather = Weather {
            loss: self.random.pick(&[0, 5, 30, 80]),
            duplication: self.random.pick(&[0, 10]),
            delay: shortest * u32::try_from(self.random.below(4)).unwrap_or(0),
            lateness: shortest / 10,
        };
        let end = self.lan.now + longest * STORM;
        while self.lan.now < end {
            let pause = self.random.within(1, 2 * u64::try_from(longest.as_nanos()).unwrap_or(1));
            self.pass(end.min(self.lan.now + Duration::from_nanos(pause)))?;
            self.disturb(end);
        }
        self.last_blow();
        Ok(())
    }

    /// What takes longest to settle: nobody is Active, and somebody has only just begun to listen.
    fn last_blow(&mut self) {
        if self.random.percent(50) {
            return;
        }
        for node in 0..self.lan.nodes.len() {
            if self.lan.state(node) == StateName::Active {
                self.lan.crash(node);
            }
        }
        let node = self.random.index(self.lan.nodes.len());
        self.lan.remark(|| format!("-- all Active crash, #{node} starts"));
        self.lan.start(node);
    }

    /// Something happens to somebody. A loop that stands still does so until `end` at most.
    fn disturb(&mut self, end: Instant) {
        let node = self.random.index(self.lan.nodes.len());
        let what = self.random.below(12);
        self.lan.remark(|| format!("-- disturbance {what} at #{node}"));
        match what {
            0 => {
                for node in 0..self.lan.nodes.len() {
                    self.lan.nodes[node].segment = u8::try_from(self.random.below(3)).unwrap_or(0);
                }
            }
            1 | 2 => {
                for node in &mut self.lan.nodes {
                    node.segment = 0;
                }
            }
            3 => self.lan.crash(node),
            4 | 5 => self.lan.start(node),
            6 => self.lan.give(node, Event::Shutdown),
            7 => self.lan.give(node, Event::Fault(FaultCause::TrackedScript)),
            8 => self.lan.give(node, Event::FaultCleared),
            9 => {
                let priority = some_priority(&mut self.random);
                self.lan.give(node, Event::Priority(priority));
            }
            10 => {
                let parameters = Parameters {
                    priority: some_priority(&mut self.random),
                    ..self.lan.nodes[node].parameters
                };
                if self.lan.nodes[node].parameters.priority != LocalPriority::Owner {
                    self.lan.nodes[node].parameters = parameters;
                    self.lan.give(node, Event::Reload(parameters));
                }
            }
            _ => {
                let most = end.since(self.lan.now).min(self.intervals.1 * 6);
                let duration = self.random.below(u64::try_from(most.as_nanos()).unwrap_or(0));
                self.lan.stall(node, Duration::from_nanos(duration));
            }
        }
    }

    /// Nothing breaks any more, and the bound passes.
    fn settle(&mut self) -> Result<(), Violation> {
        // What the storm still has on the wire arrives within its longest delay, and loops wake by its end.
        let aftermath = self.lan.weather.delay + self.lan.weather.lateness;
        self.lan.weather = calm(&mut self.random, self.intervals.0);
        self.lan.remark(|| "-- calm".into());
        let bound = invariant::bound(&self.lan) * (100 - self.haste) / 100;
        self.pass(self.lan.now + aftermath + bound)?;
        self.lan.remark(|| "-- settled".into());
        invariant::settled(&self.lan)
    }

    /// It stays as it is.
    fn watch(&mut self) -> Result<(), Violation> {
        let sent: Vec<u64> = self.lan.nodes.iter().map(|node| node.sent).collect();
        let length = self.intervals.1 * WATCH;
        let end = self.lan.now + length;
        while !self.lan.step(end) {
            if let Some(seen) = self.lan.take_seen().first() {
                let text = format!("{seen:?} with nothing wrong");
                return Err(Violation { invariant: Invariant::Quiet, text });
            }
        }
        for (number, node) in self.lan.nodes.iter().enumerate() {
            let most = length.as_nanos() / node.parameters.interval.duration().as_nanos() + 1;
            let adverts = node.sent - sent[number];
            if u128::from(adverts) > most {
                let text = format!("#{number} sent {adverts} adverts in {length:?}");
                return Err(Violation { invariant: Invariant::Quiet, text });
            }
        }
        invariant::settled(&self.lan)
    }

    /// Time passes until `end`.
    fn pass(&mut self, end: Instant) -> Result<(), Violation> {
        loop {
            let reached = self.lan.step(end);
            for seen in self.lan.take_seen() {
                match (seen.from, seen.to) {
                    (StateName::Backup, StateName::Active) => self.sights.takeovers += 1,
                    (StateName::Active, StateName::Backup) => self.sights.defeats += 1,
                    (_, StateName::Fault) => self.sights.faults += 1,
                    (_, StateName::Initialize | StateName::Backup | StateName::Active) => {}
                }
                invariant::left_alone(&self.lan, &seen)?;
            }
            if reached {
                return Ok(());
            }
        }
    }
}

/// The wire at its best: it still delays a little, and loops are still a little late.
fn calm(random: &mut Random, shortest: Duration) -> Weather {
    Weather {
        loss: 0,
        duplication: random.pick(&[0, 20]),
        delay: shortest / u32::try_from(random.within(5, 1000)).unwrap_or(5),
        lateness: shortest / 20,
    }
}

/// Two to five routers with addresses of their own; priorities meet often.
fn nodes(kind: Kind, random: &mut Random) -> Vec<Parameters> {
    let version = random.pick(&[Version::V2, Version::V3]);
    let version = if kind == Kind::Mixed { Version::V3 } else { version };
    let base = match version {
        Version::V2 => random.pick(&[100, 200, 1000]),
        Version::V3 => random.pick(&[1, 10, 100, 300]),
    };
    let count = random.within(2, 5);
    (1..=count)
        .map(|host| {
            let centiseconds = if kind == Kind::Mixed { base * random.pick(&[1, 2, 5]) } else { base };
            let interval = AdvertInterval::from_centiseconds(centiseconds).unwrap_or(AdvertInterval::DEFAULT);
            let mut source = [0; 16];
            // Unsigned order and the order of creation differ.
            source[..4].copy_from_slice(&[
                10,
                0,
                0,
                if host % 2 == 0 { 200 - host as u8 } else { host as u8 },
            ]);
            Parameters {
                version,
                priority: if random.percent(5) { LocalPriority::Owner } else { some_priority(random) },
                interval,
                preemption: preemption(kind, interval, random),
                source,
                announcements: Announcements::default(),
                down_timer_adverts: 3,
                asserts: random.percent(80),
                concedes: random.percent(80),
            }
        })
        .collect()
}

fn preemption(kind: Kind, interval: AdvertInterval, random: &mut Random) -> Preemption {
    let delay = interval.duration() * u32::try_from(random.within(1, 8)).unwrap_or(1);
    match kind {
        Kind::Preempting => Preemption::After(Duration::ZERO),
        Kind::NotPreempting => Preemption::Never,
        Kind::Delayed => Preemption::After(delay),
        Kind::Mixed => {
            random.pick(&[Preemption::Never, Preemption::After(Duration::ZERO), Preemption::After(delay)])
        }
    }
}

fn some_priority(random: &mut Random) -> LocalPriority {
    let value = random.pick(&[1, 50, 100, 100, 150, 200, 254]);
    LocalPriority::Backup(BackupPriority::clamped(value))
}
