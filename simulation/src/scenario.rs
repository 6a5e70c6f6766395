//! What happens to a LAN, made up from a seed: rounds of storm and calm.

use std::time::Duration;

use regent_common::{AdvertInterval, LocalPriority};
use regent_vrrp::{Cause, Event, FaultCause, Instant, Parameters, StateName};

use crate::{
    host::{Freeze, Record},
    invariant::{self, Intervals, Invariant, Violation},
    lan::{Lan, Weather, What},
    mutation::Mutation,
    population::{self, Kind, Population},
    random::Random,
};

const ROUNDS: u32 = 3;
/// Length of a storm, in the longest intervals.
const STORM: u32 = 15;
/// How long calm is watched once it must have settled, in the longest intervals.
const WATCH: u32 = 5;
/// The longest that a host stands still, in the longest intervals.
const STANDSTILL: u32 = 9;
/// How far clocks differ from the LAN's, in millionths.
const DRIFT: u64 = 9_000;

/// What a run saw: so that a test can tell that there was something to see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sights {
    /// A Backup became Active.
    pub takeovers: u64,
    /// An Active lost against another one.
    pub defeats: u64,
    /// An Active had stood still, and somebody else had taken over.
    pub overslept: u64,
    /// A router could not take part.
    pub faults: u64,
    /// Packets rejected.
    pub rejections: u64,
    /// A number that any difference between two runs changes.
    pub digest: u64,
}

impl Sights {
    /// Adds those of another run.
    pub fn add(&mut self, other: &Self) {
        self.takeovers += other.takeovers;
        self.defeats += other.defeats;
        self.overslept += other.overslept;
        self.faults += other.faults;
        self.rejections += other.rejections;
        self.digest ^= other.digest;
    }

    fn count(&mut self, what: What) {
        match what {
            What::Entered { cause: Cause::Overslept { .. }, .. } => self.overslept += 1,
            What::Entered { from: StateName::Backup, to: StateName::Active, .. } => self.takeovers += 1,
            What::Entered { from: StateName::Active, to: StateName::Backup, .. } => self.defeats += 1,
            What::Entered { to: StateName::Fault, .. } => self.faults += 1,
            What::Rejected { .. } => self.rejections += 1,
            What::Entered { .. } | What::Spoke { .. } => {}
        }
    }
}

/// Runs the scenario of `seed`.
///
/// # Errors
/// The first invariant that was broken.
pub fn run(kind: Kind, seed: u64, mutation: Mutation) -> Result<Sights, Violation> {
    Scenario::new(kind, seed, mutation).run()
}

/// As [`run`], with calm that is judged before the bound is over: that many percent too early.
///
/// # Errors
/// The first invariant that was broken.
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
    population: Population,
    sights: Sights,
    intervals: Intervals,
    /// What everybody is configured with in the end, in a LAN that agrees on it.
    interval: Option<AdvertInterval>,
    /// Since when it is counted how often they speak, and what they had said by then.
    counted: (Instant, Vec<Record>),
    /// By how many percent the bound is cut short.
    haste: u32,
}

impl Scenario {
    fn new(kind: Kind, seed: u64, mutation: Mutation) -> Self {
        let mut random = Random::new(seed);
        let mut population = Population::new(kind, &mut random);
        let routers = population.routers(&mut random);
        let interval =
            routers.first().map(|router| router.interval).filter(|_| population.agrees_on_interval());
        let hosts: Vec<(Parameters, i64)> =
            routers.into_iter().map(|router| (router, drift(&mut random))).collect();
        let intervals = Intervals { shortest: population.shortest(), longest: population.longest() };
        let weather = calm(&mut random, intervals.shortest);
        let lan = Lan::new(&hosts, weather, seed, mutation);
        let counted = (lan.now, vec![Record::default(); hosts.len()]);
        let sights = Sights::default();
        Self { lan, random, population, sights, intervals, interval, counted, haste: 0 }
    }

    fn run(mut self) -> Result<Sights, Violation> {
        self.run_in_place()?;
        self.sights.digest = self.lan.digest;
        Ok(self.sights)
    }

    fn run_in_place(&mut self) -> Result<(), Violation> {
        for host in 0..self.lan.hosts.len() {
            if self.random.percent(80) {
                self.lan.start(host);
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
        let Intervals { shortest, longest } = self.intervals;
        self.lan.weather = Weather {
            loss: self.random.pick(&[0, 5, 30, 80]),
            duplication: self.random.pick(&[0, 10]),
            noise: self.random.pick(&[0, 20]),
            delay: shortest * u32::try_from(self.random.below(4)).unwrap_or(0),
            lateness: shortest / 10,
        };
        self.count_from_here();
        let end = self.lan.now + longest * STORM;
        while self.lan.now < end {
            let pause = self.random.within(1, 2 * nanoseconds(longest));
            self.pass(end.min(self.lan.now + Duration::from_nanos(pause)))?;
            self.disturb(end);
        }
        self.last_blow();
        Ok(())
    }

    /// What takes longest to settle: nobody is Active, and somebody has only just begun to listen. And what no bound
    /// could be given for is mended.
    fn last_blow(&mut self) {
        if self.random.percent(50) {
            for host in 0..self.lan.hosts.len() {
                if self.lan.hosts[host].state() == StateName::Active {
                    self.lan.crash(host);
                }
            }
            let host = self.random.index(self.lan.hosts.len());
            self.lan.remark(|| format!("-- all Active crash, #{host} starts"));
            self.lan.start(host);
        }
        for host in 0..self.lan.hosts.len() {
            self.lan.hosts[host].deaf_to = 0;
            let parameters = self.lan.hosts[host].parameters;
            if let Some(interval) = self.interval
                && parameters.interval != interval
            {
                self.lan.reload(host, Parameters { interval, ..parameters });
            }
        }
    }

    /// Something happens to somebody. A host that stands still does so until `end` at most.
    fn disturb(&mut self, end: Instant) {
        let host = self.random.index(self.lan.hosts.len());
        let what = self.random.below(23);
        self.lan.remark(|| format!("-- disturbance {what} at #{host}"));
        match what {
            0 => {
                for host in &mut self.lan.hosts {
                    host.segment = u8::try_from(self.random.below(3)).unwrap_or(0);
                }
            }
            1 | 2 => {
                for host in &mut self.lan.hosts {
                    host.segment = 0;
                }
            }
            3 | 4 => self.lan.hosts[host].deaf_to = u32::try_from(self.random.below(32)).unwrap_or(0),
            5 => self.lan.hosts[host].deaf_to = 0,
            6 => self.lan.crash(host),
            7 | 8 => self.lan.start(host),
            9 => self.lan.give(host, Event::Shutdown),
            10 => self.lan.give(host, Event::Fault(FaultCause::TrackedScript)),
            11 => self.lan.give(host, Event::FaultCleared),
            12 => {
                let priority = population::priority(&mut self.random);
                self.lan.give(host, Event::Priority(priority));
            }
            13 => self.lan.give(host, Event::Deaf),
            14 if host.is_multiple_of(2) => self.lan.give(host, Event::AddressesChanged),
            14 => self.lan.give(host, Event::AdvertChanged),
            15..=18 => self.reload(host),
            _ => {
                let most = end.since(self.lan.now).min(self.intervals.longest * STANDSTILL);
                let duration = Duration::from_nanos(self.random.below(nanoseconds(most)));
                let how = self.random.pick(&[
                    Freeze::Process,
                    Freeze::Process,
                    Freeze::Machine,
                    Freeze::MachineAndClock,
                ]);
                self.lan.freeze(host, how, duration);
            }
        }
    }

    /// Somebody is configured otherwise; in a LAN that agrees on its interval a new one comes to all in the end.
    fn reload(&mut self, host: usize) {
        let mut parameters = self.lan.hosts[host].parameters;
        match self.random.below(4) {
            0 => {
                if parameters.priority != LocalPriority::Owner {
                    parameters.priority = population::priority(&mut self.random);
                }
            }
            1 => {
                parameters.interval = self.population.interval(&mut self.random);
                self.interval = self.interval.map(|_| parameters.interval);
            }
            2 => parameters.source = self.population.address(),
            _ => {
                parameters.preemption = self.population.preemption(&mut self.random);
                parameters.asserts = self.random.percent(80);
                parameters.concedes = self.random.percent(80);
            }
        }
        let reloaded = &mut self.lan.hosts[host];
        if reloaded.parameters.preemption != parameters.preemption {
            // What was discarded until then has left its timer running; and it hears of the change once it is awake.
            let heeded = reloaded.clock.reads(self.lan.now + self.intervals.longest * STANDSTILL);
            reloaded.record.preemption_since = heeded;
        }
        self.lan.reload(host, parameters);
    }

    /// Nothing breaks any more, and the bound passes.
    fn settle(&mut self) -> Result<(), Violation> {
        // What the storm still has on the wire arrives within its longest delay, and loops wake by its end.
        let aftermath = self.lan.weather.delay + self.lan.weather.lateness;
        self.lan.weather = calm(&mut self.random, self.intervals.shortest);
        self.lan.remark(|| "-- calm".into());
        let bound = invariant::bound(&self.lan, self.intervals) * (100 - self.haste) / 100;
        self.pass(self.lan.now + aftermath + bound)?;
        self.lan.remark(|| "-- settled".into());
        invariant::settled(&self.lan)
    }

    /// It stays as it is.
    fn watch(&mut self) -> Result<(), Violation> {
        let sent: Vec<u64> = self.lan.hosts.iter().map(|host| host.record.sent).collect();
        let length = self.intervals.longest * WATCH;
        let end = self.lan.now + length;
        let quiet = |text| Err(Violation { invariant: Invariant::Quiet, text });
        while !self.lan.step(end) {
            for sight in self.lan.take_sights() {
                self.sights.count(sight.what);
                invariant::seen(&self.lan, &sight, self.intervals)?;
                if let What::Entered { .. } = sight.what {
                    return quiet(format!("{sight:?} with nothing wrong"));
                }
            }
        }
        for (number, host) in self.lan.hosts.iter().enumerate() {
            // Its clock may be a hundredth too fast.
            let most =
                (length + length / 100).as_nanos() / host.parameters.interval.duration().as_nanos() + 1;
            let adverts = host.record.sent - sent[number];
            if u128::from(adverts) > most {
                return quiet(format!("#{number} sent {adverts} adverts in {length:?}"));
            }
        }
        invariant::settled(&self.lan)
    }

    /// Time passes until `end`.
    fn pass(&mut self, end: Instant) -> Result<(), Violation> {
        loop {
            let reached = self.lan.step(end);
            for sight in self.lan.take_sights() {
                self.sights.count(sight.what);
                invariant::seen(&self.lan, &sight, self.intervals)?;
                let (since, records) = &self.counted;
                let (before, now) = (&records[sight.host], &self.lan.hosts[sight.host].record);
                let elapsed = self.lan.now.since(*since);
                invariant::bounded(sight.host, before, now, elapsed, self.intervals)?;
            }
            if reached {
                return Ok(());
            }
        }
    }

    fn count_from_here(&mut self) {
        let records = self.lan.hosts.iter().map(|host| host.record.clone()).collect();
        self.counted = (self.lan.now, records);
    }
}

/// The wire at its best: it still delays a little, loops are still a little late, and there is noise.
fn calm(random: &mut Random, shortest: Duration) -> Weather {
    Weather {
        loss: 0,
        duplication: random.pick(&[0, 20]),
        noise: random.pick(&[0, 50]),
        delay: shortest / u32::try_from(random.within(5, 1000)).unwrap_or(5),
        lateness: shortest / 20,
    }
}

fn drift(random: &mut Random) -> i64 {
    let drift = random.within(0, 2 * DRIFT);
    i64::try_from(drift).unwrap_or(0) - i64::try_from(DRIFT).unwrap_or(0)
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
