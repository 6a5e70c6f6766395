//! The memory of a machine in the form in which it is written down, and back.
//!
//! The election itself knows no format; a number that makes no sense is refused here, so that a letter of a broken agent
//! starts nothing.

use std::time::Duration;

use regent_common::{AdvertInterval, LocalPriority, Priority, Version, advert::Heard, arrival::Arrivals};
use regent_vrrp::{
    ActiveSnapshot, Announcements, BackupSnapshot, FaultCause, Instant, Memory, OfficeSnapshot, PeerSnapshot,
    Preemption, ScheduleSnapshot, Snapshot,
};
use serde::{Deserialize, Serialize};

use crate::runtime::hearing::Source;

/// A machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// The priority after trackers.
    pub effective: u8,
    /// The state.
    pub state: State,
}

/// A state with all that is known only in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Active; see [`ActiveSnapshot`].
    Active {
        since: u64,
        next_advert: u64,
        spoke: u64,
        safe_until: u64,
        #[serde(default)]
        listens_until: Option<u64>,
        #[serde(default)]
        answered: Option<u64>,
        #[serde(default)]
        announced: Option<u64>,
        #[serde(default)]
        announce_second: Option<u64>,
        #[serde(default)]
        announce_contest: Option<u64>,
        #[serde(default)]
        announce_contest_second: Option<u64>,
        #[serde(default)]
        announce_refresh: Option<u64>,
    },
    /// Backup; see [`BackupSnapshot`].
    Backup {
        newest: u64,
        since: u64,
        resigned: bool,
        #[serde(default)]
        hesitates: bool,
        #[serde(default)]
        learned_centiseconds: Option<u16>,
        #[serde(default)]
        followed: Option<Peer>,
        #[serde(default)]
        lower_since: Option<u64>,
        #[serde(default)]
        discarded: Option<Peer>,
    },
    /// Fault, and why.
    Fault { cause: String },
}

/// Another router.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// Where its adverts come from.
    pub source: [u8; 16],
    /// What it says of itself.
    pub priority: u8,
}

/// The parameters that a machine had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameters {
    pub version: u8,
    pub priority: u8,
    pub interval_centiseconds: u16,
    /// Absent: never.
    pub preempts_after: Option<u64>,
    pub source: [u8; 16],
    pub repeat: u8,
    pub delay: u64,
    pub refresh: u64,
    pub refresh_repeat: u8,
    pub lower_priority_repeat: u8,
    pub lower_priority_delay: u64,
    pub down_timer_adverts: u8,
    pub asserts: bool,
    pub concedes: bool,
}

/// A gate; see [`regent_common::map::Gate`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gate {
    pub attempted: u64,
    pub patience: u64,
    pub mode: u32,
    pub flags: u32,
}

/// A source that was heard, by whatever carrier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeardSource {
    pub source: [u8; 16],
    pub arrived: u64,
    pub addresses: u32,
    pub interval: u16,
    pub notes: u16,
    pub priority: u8,
    pub version: u8,
    pub count: u8,
    pub family: u8,
    #[serde(default)]
    pub last: u64,
    #[serde(default)]
    pub received: u64,
    #[serde(default)]
    pub lost: u64,
    #[serde(default)]
    pub silences: u32,
    #[serde(default)]
    pub histogram: Vec<u32>,
}

/// A number that means nothing.
#[derive(Debug, thiserror::Error)]
#[error("{what} {value} means nothing to this agent")]
pub struct Meaningless {
    what: &'static str,
    value: String,
}

fn meant<T>(what: &'static str, value: impl ToString, meaning: Option<T>) -> Result<T, Meaningless> {
    meaning.ok_or_else(|| Meaningless { what, value: value.to_string() })
}

const fn at(nanoseconds: u64) -> Instant {
    Instant::from_nanoseconds(nanoseconds)
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl Machine {
    /// Writes a snapshot down.
    pub fn of(snapshot: &Snapshot) -> Self {
        let peer = |peer: PeerSnapshot| Peer { source: peer.source, priority: peer.priority.to_wire() };
        let state = match &snapshot.memory {
            Memory::Active(ActiveSnapshot { since, next_advert, office, answered, announcements }) => {
                let OfficeSnapshot { spoke, safe_until, listens_until } = office;
                let ScheduleSnapshot { last, second, contest, contest_second, refresh } = announcements;
                State::Active {
                    since: since.nanoseconds(),
                    next_advert: next_advert.nanoseconds(),
                    spoke: spoke.nanoseconds(),
                    safe_until: safe_until.nanoseconds(),
                    listens_until: listens_until.map(Instant::nanoseconds),
                    answered: answered.map(Instant::nanoseconds),
                    announced: last.map(Instant::nanoseconds),
                    announce_second: second.map(Instant::nanoseconds),
                    announce_contest: contest.map(Instant::nanoseconds),
                    announce_contest_second: contest_second.map(Instant::nanoseconds),
                    announce_refresh: refresh.map(Instant::nanoseconds),
                }
            }
            Memory::Backup(backup) => State::Backup {
                newest: backup.newest.nanoseconds(),
                since: backup.since.nanoseconds(),
                resigned: backup.resigned,
                hesitates: backup.hesitates,
                learned_centiseconds: backup.learned.map(AdvertInterval::centiseconds),
                followed: backup.followed.map(peer),
                lower_since: backup.lower_since.map(Instant::nanoseconds),
                discarded: backup.discarded.map(peer),
            },
            Memory::Fault(cause) => State::Fault { cause: fault_word(*cause).to_owned() },
        };
        Self { effective: snapshot.effective.get(), state }
    }

    /// Reads it again.
    ///
    /// # Errors
    /// When a number or word means nothing.
    pub fn snapshot(&self) -> Result<Snapshot, Meaningless> {
        let peer =
            |peer: Peer| PeerSnapshot { source: peer.source, priority: Priority::from_wire(peer.priority) };
        let memory = match &self.state {
            State::Active {
                since,
                next_advert,
                spoke,
                safe_until,
                listens_until,
                answered,
                announced,
                announce_second,
                announce_contest,
                announce_contest_second,
                announce_refresh,
            } => Memory::Active(ActiveSnapshot {
                since: at(*since),
                next_advert: at(*next_advert),
                office: OfficeSnapshot {
                    spoke: at(*spoke),
                    safe_until: at(*safe_until),
                    listens_until: listens_until.map(at),
                },
                answered: answered.map(at),
                announcements: ScheduleSnapshot {
                    last: announced.map(at),
                    second: announce_second.map(at),
                    contest: announce_contest.map(at),
                    contest_second: announce_contest_second.map(at),
                    refresh: announce_refresh.map(at),
                },
            }),
            State::Backup {
                newest,
                since,
                resigned,
                hesitates,
                learned_centiseconds,
                followed,
                lower_since,
                discarded,
            } => Memory::Backup(BackupSnapshot {
                newest: at(*newest),
                since: at(*since),
                resigned: *resigned,
                hesitates: *hesitates,
                learned: learned_centiseconds.map(interval).transpose()?,
                followed: followed.map(peer),
                lower_since: lower_since.map(at),
                discarded: discarded.map(peer),
            }),
            State::Fault { cause } => Memory::Fault(meant("the fault", cause, fault(cause))?),
        };
        let effective = meant("the priority", self.effective, LocalPriority::new(self.effective))?;
        Ok(Snapshot { effective, memory })
    }
}

impl Parameters {
    /// Writes parameters down.
    pub fn of(parameters: &regent_vrrp::Parameters) -> Self {
        let announcements = &parameters.announcements;
        Self {
            version: parameters.version as u8,
            priority: parameters.priority.get(),
            interval_centiseconds: parameters.interval.centiseconds(),
            preempts_after: match parameters.preemption {
                Preemption::After(delay) => Some(nanoseconds(delay)),
                Preemption::Never => None,
            },
            source: parameters.source,
            repeat: announcements.repeat,
            delay: nanoseconds(announcements.delay),
            refresh: nanoseconds(announcements.refresh),
            refresh_repeat: announcements.refresh_repeat,
            lower_priority_repeat: announcements.lower_priority_repeat,
            lower_priority_delay: nanoseconds(announcements.lower_priority_delay),
            down_timer_adverts: parameters.down_timer_adverts,
            asserts: parameters.asserts,
            concedes: parameters.concedes,
        }
    }

    /// Reads them again.
    ///
    /// # Errors
    /// When a number means nothing.
    pub fn parameters(&self) -> Result<regent_vrrp::Parameters, Meaningless> {
        Ok(regent_vrrp::Parameters {
            version: meant("the version", self.version, Version::from_wire(self.version))?,
            priority: meant("the priority", self.priority, LocalPriority::new(self.priority))?,
            interval: interval(self.interval_centiseconds)?,
            preemption: match self.preempts_after {
                Some(delay) => Preemption::After(Duration::from_nanos(delay)),
                None => Preemption::Never,
            },
            source: self.source,
            announcements: Announcements {
                repeat: self.repeat,
                delay: Duration::from_nanos(self.delay),
                refresh: Duration::from_nanos(self.refresh),
                refresh_repeat: self.refresh_repeat,
                lower_priority_repeat: self.lower_priority_repeat,
                lower_priority_delay: Duration::from_nanos(self.lower_priority_delay),
            },
            down_timer_adverts: self.down_timer_adverts,
            asserts: self.asserts,
            concedes: self.concedes,
        })
    }
}

impl HeardSource {
    /// Writes a source down.
    pub fn of(source: &Source) -> Self {
        let Source { heard, arrived, arrivals } = source;
        Self {
            source: heard.source,
            arrived: arrived.nanoseconds(),
            addresses: heard.addresses,
            interval: heard.interval,
            notes: heard.notes,
            priority: heard.priority,
            version: heard.version,
            count: heard.count,
            family: heard.family,
            last: arrivals.last,
            received: arrivals.received,
            lost: arrivals.lost,
            silences: arrivals.silences,
            histogram: arrivals.histogram.to_vec(),
        }
    }

    /// Reads it again.
    pub fn source(&self) -> Source {
        let mut arrivals = Arrivals {
            last: self.last,
            received: self.received,
            lost: self.lost,
            silences: self.silences,
            ..Arrivals::default()
        };
        for (bucket, count) in arrivals.histogram.iter_mut().zip(&self.histogram) {
            *bucket = *count;
        }
        Source {
            heard: Heard {
                source: self.source,
                addresses: self.addresses,
                interval: self.interval,
                notes: self.notes,
                priority: self.priority,
                version: self.version,
                count: self.count,
                family: self.family,
            },
            arrived: at(self.arrived),
            arrivals,
        }
    }
}

fn interval(centiseconds: u16) -> Result<AdvertInterval, Meaningless> {
    meant("the interval", centiseconds, AdvertInterval::from_centiseconds(centiseconds))
}

const FAULTS: [FaultCause; 5] = [
    FaultCause::Config,
    FaultCause::Interface,
    FaultCause::NoSourceAddress,
    FaultCause::TrackedInterface,
    FaultCause::TrackedScript,
];

const fn fault_word(cause: FaultCause) -> &'static str {
    match cause {
        FaultCause::Config => "config",
        FaultCause::Interface => "interface",
        FaultCause::NoSourceAddress => "no_source_address",
        FaultCause::TrackedInterface => "tracked_interface",
        FaultCause::TrackedScript => "tracked_script",
    }
}

fn fault(word: &str) -> Option<FaultCause> {
    FAULTS.into_iter().find(|cause| fault_word(*cause) == word)
}

#[cfg(test)]
mod tests {
    use regent_vrrp::{Event, Router};

    use super::*;

    fn parameters() -> regent_vrrp::Parameters {
        regent_vrrp::Parameters {
            version: Version::V3,
            priority: LocalPriority::new(150).unwrap(),
            interval: AdvertInterval::from_centiseconds(10).unwrap(),
            preemption: Preemption::After(Duration::from_millis(1_500)),
            source: [10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            announcements: Announcements { refresh: Duration::from_secs(60), ..Announcements::default() },
            down_timer_adverts: 4,
            asserts: false,
            concedes: true,
        }
    }

    /// Written down as text and read again.
    fn again<T: Serialize + serde::de::DeserializeOwned>(value: &T) -> T {
        serde_json::from_str(&serde_json::to_string(value).unwrap()).unwrap()
    }

    #[test]
    fn every_state_is_read_as_it_was_written() {
        let mut router = Router::new(parameters());
        let mut seen = Vec::new();
        let mut step = |router: &mut Router, now: u64, event| {
            let _done = router.handle(at(now), event);
            let snapshot = router.snapshot().unwrap();
            assert_eq!(again(&Machine::of(&snapshot)).snapshot().unwrap(), snapshot);
            seen.push(router.state());
        };
        let advert = |priority: u8, arrived: u64| {
            Event::Advert(regent_vrrp::Advert {
                arrived: at(arrived),
                source: [10, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
                priority: Priority::from_wire(priority),
                interval: AdvertInterval::from_centiseconds(20).unwrap(),
            })
        };
        const SECOND: u64 = 1_000_000_000;
        step(&mut router, 100 * SECOND, Event::Startup);
        // Followed although lower, by the delay; discarded after it; resigned.
        step(&mut router, 101 * SECOND, advert(100, 101 * SECOND));
        step(&mut router, 103 * SECOND, advert(90, 103 * SECOND));
        step(&mut router, 103 * SECOND, advert(0, 103 * SECOND));
        step(&mut router, 110 * SECOND, Event::Deadline);
        step(&mut router, 120 * SECOND, Event::Deadline);
        step(&mut router, 120 * SECOND, advert(90, 120 * SECOND));
        // So long asleep that it listens.
        step(&mut router, 130 * SECOND, Event::Deadline);
        step(&mut router, 130 * SECOND, Event::Fault(FaultCause::TrackedScript));
        use regent_vrrp::StateName::{Active, Backup, Fault};
        assert!([Active, Backup, Fault].iter().all(|state| seen.contains(state)), "{seen:?}");
    }

    #[test]
    fn parameters_are_read_as_they_were_written() {
        for preemption in [Preemption::Never, Preemption::After(Duration::ZERO)] {
            let parameters = regent_vrrp::Parameters { preemption, ..parameters() };
            assert_eq!(again(&Parameters::of(&parameters)).parameters().unwrap(), parameters);
        }
    }

    #[test]
    fn every_fault_has_a_word_of_its_own() {
        for cause in FAULTS {
            assert_eq!(fault(fault_word(cause)), Some(cause));
        }
        assert_eq!(fault("boredom"), None);
    }

    #[test]
    fn what_means_nothing_is_refused_by_name() {
        let machine = Machine { effective: 0, state: State::Fault { cause: "interface".into() } };
        assert_eq!(machine.snapshot().unwrap_err().to_string(), "the priority 0 means nothing to this agent");
        let machine = Machine { effective: 1, state: State::Fault { cause: "boredom".into() } };
        assert!(machine.snapshot().unwrap_err().to_string().contains("boredom"));
        let parameters = Parameters { interval_centiseconds: 0, ..Parameters::of(&parameters()) };
        assert!(parameters.parameters().is_err());
    }
}
