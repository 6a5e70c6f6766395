//! The states of a small LAN, and what each step makes of them.
//!
//! Time is cut into ticks of a quarter of an interval. A tick passes only when nothing is due any more; what is due, what
//! is on the wire and what breaks may come in any order before it. Everything is told relative to now ([`NOW`] never
//! changes, the past is moved back), so that the same situation at two times is one state, and there are finitely many.

use std::time::Duration;

use regent_common::{AdvertInterval, BackupPriority, LocalPriority, Priority, Version};
use regent_simulation::mutation::Planted;
use regent_vrrp::{
    Action, Advert, Announcements, Cause, Event, Instant, Parameters, Preemption, Router, StateName,
};

use crate::model::Small;

const TICK: Duration = Duration::from_millis(10);
const TICKS_PER_INTERVAL: u8 = 4;
/// Active_Down_Interval without the skew, in intervals.
const ADVERTS: u8 = 2;
/// Further back than any timer runs, with what is tolerated of lateness: there the past ends.
pub const NOW: Instant = Instant::from_nanoseconds(17 * 10_000_000);
/// No Backup takes over within as many ticks after an advert.
const SAFE: u8 = ADVERTS * TICKS_PER_INTERVAL;
/// An advert arrives in the tick in which it was sent or in the next one.
pub const LONGEST_DELAY: u8 = 1;
/// As long as a host stands still at most: long enough that another one takes over.
pub const LONGEST_FREEZE: u8 = 12;
/// `(2n + 4) * I + 4D`, as in [`regent_simulation::invariant::bound`].
pub const BOUND: u8 = (2 * ADVERTS + 4) * TICKS_PER_INTERVAL + 4 * LONGEST_DELAY;

/// An advert on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Flight {
    pub to: usize,
    pub from: usize,
    pub priority: u8,
    pub age: u8,
}

/// A host that stands still.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Frozen {
    pub since: u8,
    /// What arrived meanwhile; none: it is lost.
    pub inbox: Option<Vec<Advert>>,
}

/// One host.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Host {
    /// None: crashed or stopped.
    pub router: Option<Planted>,
    pub frozen: Option<Frozen>,
    /// Without preemption: ticks since an advert that did not resign arrived, or since it began; counted up to [`SAFE`].
    pub silent: u8,
    /// Active: ticks since it advertised; counted up to one more than [`SAFE`].
    pub spoke: u8,
    /// Active: an advert that did not resign arrived when others could have taken over.
    pub succeeded: bool,
}

/// What must not be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Broken {
    /// A router with `nopreempt` took over from one that it heard.
    LeftAlone,
    /// An Active that had stood still spoke before it asked.
    Asked,
}

/// A state of the LAN.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Lan {
    pub hosts: Vec<Host>,
    pub wire: Vec<Flight>,
    pub faults_left: u8,
    /// Ticks since anything broke or was mended, counted up to [`BOUND`].
    pub calm: u8,
    pub broken: Option<Broken>,
    /// An Active found out that it had been succeeded.
    pub overslept: bool,
}

impl Lan {
    pub fn active(&self) -> impl Iterator<Item = usize> {
        let is_active = |host: &Host| host.router().is_some_and(|router| router.state() == StateName::Active);
        self.hosts.iter().enumerate().filter(move |(_, host)| is_active(host)).map(|(number, _)| number)
    }

    pub fn is_settled(&self) -> bool {
        self.calm == BOUND
    }

    pub fn is_due(&self, host: usize) -> bool {
        let Host { router, frozen, .. } = &self.hosts[host];
        let deadline = router.as_ref().and_then(|planted| planted.router().deadline());
        frozen.is_none() && deadline.is_some_and(|deadline| deadline <= NOW)
    }

    pub fn tick(&mut self) {
        for host in &mut self.hosts {
            host.router = host.router.take().map(|planted| planted.set_back(TICK));
            host.silent = (host.silent + 1).min(SAFE);
            host.spoke = (host.spoke + 1).min(SAFE + 1);
            if let Some(frozen) = &mut host.frozen {
                frozen.since += 1;
                for advert in frozen.inbox.iter_mut().flatten() {
                    advert.arrived = advert.arrived - TICK;
                }
            }
        }
        for flight in &mut self.wire {
            flight.age += 1;
        }
        let standing = self.hosts.iter().any(|host| host.frozen.is_some());
        self.calm = if standing { 0 } else { (self.calm + 1).min(BOUND) };
    }

    pub fn break_something(&mut self) {
        self.faults_left -= 1;
        self.calm = 0;
    }

    pub fn handle(&mut self, model: &Small, number: usize, event: Event) {
        let Host { silent, succeeded, .. } = self.hosts[number];
        let Some(planted) = &mut self.hosts[number].router else { return };
        let from = planted.router().state();
        let actions = planted.handle(NOW, event);
        for action in actions {
            match action {
                Action::SendAdvert(priority) => {
                    self.send(number, priority.to_wire());
                    self.hosts[number].spoke = 0;
                    self.hosts[number].succeeded = false;
                    if from == StateName::Active && succeeded && priority != Priority::Resigning {
                        self.broken = Some(Broken::Asked);
                    }
                }
                Action::Transition(transition) => match (transition.from, transition.cause) {
                    (_, Cause::Overslept { .. }) => self.overslept = true,
                    (StateName::Backup, Cause::DownTimer | Cause::LowerPriority { .. })
                        if !model.preempts && silent < SAFE =>
                    {
                        self.broken = Some(Broken::LeftAlone);
                    }
                    (_, _) => {}
                },
                Action::AddAddresses
                | Action::RemoveAddresses
                | Action::Announce { .. }
                | Action::CancelAnnouncements
                | Action::ActiveSource(_) => {}
            }
        }
    }

    fn send(&mut self, from: usize, priority: u8) {
        for to in (0..self.hosts.len()).filter(|to| *to != from) {
            self.wire.push(Flight { to, from, priority, age: 0 });
        }
    }

    pub fn arrive(&mut self, model: &Small, flight: Flight) {
        let host = &mut self.hosts[flight.to];
        if host.router.is_none() {
            return;
        }
        let advert = Advert {
            arrived: NOW,
            source: source(flight.from),
            priority: Priority::from_wire(flight.priority),
            interval: interval(),
        };
        match &mut host.frozen {
            Some(Frozen { inbox: None, .. }) => {}
            Some(Frozen { inbox: Some(inbox), .. }) => {
                inbox.push(advert);
                host.hear(advert.priority);
            }
            None => {
                host.hear(advert.priority);
                self.handle(model, flight.to, Event::Advert(advert));
            }
        }
    }

    pub fn start(&mut self, model: &Small, number: usize) {
        let parameters = parameters(model, number);
        let router = Some(Planted::new(parameters, model.mutation));
        self.hosts[number] = Host { router, frozen: None, silent: 0, spoke: 0, succeeded: false };
        self.handle(model, number, Event::Startup);
    }

    pub fn thaw(&mut self, model: &Small, number: usize) {
        let Some(frozen) = self.hosts[number].frozen.take() else { return };
        for advert in frozen.inbox.into_iter().flatten() {
            self.handle(model, number, Event::Advert(advert));
        }
        self.handle(model, number, Event::Deadline);
    }
}

impl Host {
    pub fn router(&self) -> Option<&Router> {
        self.router.as_ref().map(Planted::router)
    }

    /// What is read only once it is awake counts from its arrival: it is read before anything is said.
    fn hear(&mut self, priority: Priority) {
        if priority != Priority::Resigning {
            self.silent = 0;
            self.succeeded |= self.spoke > SAFE;
        }
    }

    /// What does not matter for what it is: so that no two states differ in it.
    pub fn forget(&mut self, model: &Small) {
        let state = self.router().map_or(StateName::Initialize, Router::state);
        if state != StateName::Active {
            (self.spoke, self.succeeded) = (0, false);
        }
        if model.preempts {
            self.silent = 0;
        }
    }
}

fn parameters(model: &Small, number: usize) -> Parameters {
    let silent = Announcements {
        repeat: 0,
        delay: Duration::ZERO,
        refresh: Duration::ZERO,
        refresh_repeat: 0,
        lower_priority_repeat: 0,
        lower_priority_delay: Duration::ZERO,
    };
    Parameters {
        version: Version::V3,
        priority: LocalPriority::Backup(BackupPriority::clamped(model.priorities[number])),
        interval: interval(),
        preemption: if model.preempts { Preemption::After(Duration::ZERO) } else { Preemption::Never },
        source: source(number),
        announcements: silent,
        down_timer_adverts: ADVERTS,
        asserts: true,
        concedes: true,
    }
}

fn interval() -> AdvertInterval {
    AdvertInterval::from_centiseconds(u16::from(TICKS_PER_INTERVAL)).unwrap_or(AdvertInterval::DEFAULT)
}

fn source(number: usize) -> [u8; 16] {
    let mut source = [0; 16];
    source[..4].copy_from_slice(&[10, 0, 0, u8::try_from(number + 1).unwrap_or(u8::MAX)]);
    source
}
