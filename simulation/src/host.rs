//! One host: a router, or none, with a loop that may stand still, a clock of its own, and a record for those who judge.

use std::{collections::VecDeque, time::Duration};

use regent_common::AdvertInterval;
use regent_vrrp::{Advert, Event, Instant, Parameters, Router, StateName};

use crate::{clock::Clock, mutation::Planted};

/// How a host stands still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freeze {
    /// The process is stopped: what arrives waits in its queue.
    Process,
    /// The machine is paused and its clock runs on: what arrives is lost.
    Machine,
    /// The machine is paused with its clock: it will never know.
    MachineAndClock,
}

/// While a host stands still.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frozen {
    pub how: Freeze,
    pub since: Instant,
    pub until: Instant,
}

/// What is known of a host from outside. Times are its own clock's.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// When it last entered Backup by a start or a repair.
    pub listening_since: Instant,
    /// The newest advert that reached it.
    pub heard: Option<Advert>,
    /// When it last advertised, and what interval that said.
    pub spoke: Option<(Instant, AdvertInterval)>,
    /// Its parameters changed since.
    pub reloaded_since: bool,
    /// When its preemption was last another one.
    pub preemption_since: Instant,
    /// Awake since then, after it had stood still for so long.
    pub awake_since: Instant,
    /// How long it had stood still before.
    pub slept: Duration,
    /// When it had woken the time before.
    pub awoke_before: Instant,
    /// Adverts sent.
    pub sent: u64,
    /// Batches of announcements.
    pub announced: u64,
    /// Times it woke, changed its state or was told something new: what may make it speak out of turn.
    pub occasions: u64,
    /// Packets rejected.
    pub rejected: u64,
}

/// One host.
pub struct Host {
    /// What it is configured with, whatever bug is planted.
    pub parameters: Parameters,
    /// Hosts of one segment hear each other.
    pub segment: u8,
    /// Hosts that it does not hear although they hear it, one bit each.
    pub deaf_to: u32,
    /// What is known of it.
    pub record: Record,
    /// Its clock.
    pub clock: Clock,
    /// None: crashed or not yet started.
    pub(crate) router: Option<Planted>,
    pub(crate) frozen: Option<Frozen>,
    /// Adverts that arrived while it stood still.
    pub(crate) inbox: VecDeque<Advert>,
    /// What it was told while it stood still.
    pub(crate) orders: VecDeque<Event>,
    /// The wake-up that is queued.
    pub(crate) alarm: Option<Instant>,
}

impl Host {
    /// A host on which nothing runs yet.
    pub fn new(parameters: Parameters, clock: Clock) -> Self {
        Self {
            parameters,
            segment: 0,
            deaf_to: 0,
            record: Record::default(),
            clock,
            router: None,
            frozen: None,
            inbox: VecDeque::new(),
            orders: VecDeque::new(),
            alarm: None,
        }
    }

    /// The machine, while it runs.
    pub fn router(&self) -> Option<&Router> {
        self.router.as_ref().map(Planted::router)
    }

    /// The state that others could observe; a host without a router has none but Initialize.
    pub fn state(&self) -> StateName {
        self.router().map_or(StateName::Initialize, Router::state)
    }

    /// The priority after trackers.
    pub fn effective_priority(&self) -> u8 {
        self.router().map_or(self.parameters.priority, Router::effective_priority).get()
    }

    /// Whether its loop stands still.
    pub const fn is_frozen(&self) -> bool {
        self.frozen.is_some()
    }
}
