//! Who is on a LAN: two to five routers, made up from a seed.

use std::time::Duration;

use regent_common::{AdvertInterval, BackupPriority, LocalPriority, Version};
use regent_vrrp::{Announcements, Parameters, Preemption};

use crate::random::Random;

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

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Preempting, Self::NotPreempting, Self::Delayed, Self::Mixed];
}

/// How the routers of one LAN are made up.
#[derive(Clone, Copy, Debug)]
pub struct Population {
    kind: Kind,
    version: Version,
    /// The interval of everybody, or in a mixed LAN what theirs are made of, in centiseconds.
    base: u16,
    /// Addresses given so far.
    addresses: u8,
}

impl Population {
    /// That of a kind and a seed.
    pub fn new(kind: Kind, random: &mut Random) -> Self {
        let version = random.pick(&[Version::V2, Version::V3]);
        let version = if kind == Kind::Mixed { Version::V3 } else { version };
        let base = match version {
            Version::V2 => random.pick(&[100, 200, 1000]),
            Version::V3 => random.pick(&[1, 10, 100, 300]),
        };
        Self { kind, version, base, addresses: 0 }
    }

    /// Its routers.
    pub fn routers(&mut self, random: &mut Random) -> Vec<Parameters> {
        let count = random.within(2, 5);
        (0..count).map(|_| self.router(random)).collect()
    }

    /// The longest interval that any of its routers may ever have.
    pub fn longest(&self) -> Duration {
        centiseconds(self.base * self.factors().iter().copied().max().unwrap_or(1)).duration()
    }

    /// The shortest one.
    pub fn shortest(&self) -> Duration {
        centiseconds(self.base).duration()
    }

    /// Whether all have the same interval, but for the time that it takes to change it.
    pub fn agrees_on_interval(&self) -> bool {
        self.kind != Kind::Mixed
    }

    /// An interval that a reload may bring.
    pub fn interval(&self, random: &mut Random) -> AdvertInterval {
        centiseconds(self.base * random.pick(self.factors()))
    }

    /// A preemption that a reload may bring.
    pub fn preemption(&self, random: &mut Random) -> Preemption {
        let delay = self.shortest() * u32::try_from(random.within(1, 8)).unwrap_or(1);
        match self.kind {
            Kind::Preempting => Preemption::After(Duration::ZERO),
            Kind::NotPreempting => Preemption::Never,
            Kind::Delayed => Preemption::After(delay),
            Kind::Mixed => {
                random.pick(&[Preemption::Never, Preemption::After(Duration::ZERO), Preemption::After(delay)])
            }
        }
    }

    /// An address that nobody has had, in an order that is not that of creation.
    pub fn address(&mut self) -> [u8; 16] {
        self.addresses += 1;
        let last = if self.addresses.is_multiple_of(2) { 200 - self.addresses } else { self.addresses };
        let mut source = [0; 16];
        source[..4].copy_from_slice(&[10, 0, 0, last]);
        source
    }

    fn factors(&self) -> &'static [u16] {
        match (self.kind, self.version) {
            (Kind::Mixed, _) => &[1, 2, 5],
            (Kind::Preempting | Kind::NotPreempting | Kind::Delayed, Version::V2 | Version::V3) => &[1, 2],
        }
    }

    fn router(&mut self, random: &mut Random) -> Parameters {
        let interval =
            if self.agrees_on_interval() { centiseconds(self.base) } else { self.interval(random) };
        Parameters {
            version: self.version,
            priority: if random.percent(5) { LocalPriority::Owner } else { priority(random) },
            interval,
            preemption: self.preemption(random),
            source: self.address(),
            announcements: Announcements::default(),
            down_timer_adverts: if self.kind == Kind::Mixed { random.pick(&[2, 3, 3, 5]) } else { 3 },
            asserts: random.percent(80),
            concedes: random.percent(80),
        }
    }
}

/// A priority other than the owner's; they meet often.
pub fn priority(random: &mut Random) -> LocalPriority {
    let value = random.pick(&[1, 50, 100, 100, 150, 200, 254]);
    LocalPriority::Backup(BackupPriority::clamped(value))
}

fn centiseconds(centiseconds: u16) -> AdvertInterval {
    AdvertInterval::from_centiseconds(centiseconds).unwrap_or(AdvertInterval::DEFAULT)
}
