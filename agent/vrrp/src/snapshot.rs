//! What a router remembers, as plain values: one process takes them down, its successor goes on from them.
//!
//! Owns the shape and nothing else; who carries the values from one to the other, and how, is not known here. Times are
//! of the clock that the router was told. Parameters are not part of it: they are configured, not remembered.

use regent_common::{AdvertInterval, LocalPriority, Priority};

use crate::{FaultCause, Instant, Parameters, timers};

/// A router without its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The priority after trackers. An owner is one by its parameters alone, whatever this says.
    pub effective: LocalPriority,
    /// The state and what is known only in it.
    pub memory: Memory,
}

/// A state and what is known only in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Memory {
    /// Active.
    Active(ActiveSnapshot),
    /// Backup.
    Backup(BackupSnapshot),
    /// Fault, and why.
    Fault(FaultCause),
}

/// The Active state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActiveSnapshot {
    /// What arrived before belongs to the silence that made it Active.
    pub since: Instant,
    /// When Adver_Timer fires.
    pub next_advert: Instant,
    /// What it may believe of its office.
    pub office: OfficeSnapshot,
    /// When an advert of somebody else was last answered.
    pub answered: Option<Instant>,
    /// What is still to be announced.
    pub announcements: ScheduleSnapshot,
}

/// Until when an Active may believe that nobody has taken its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfficeSnapshot {
    /// The last attempt to advertise.
    pub spoke: Instant,
    /// No Backup takes over before.
    pub safe_until: Instant,
    /// Silent beyond that, it listens until then.
    pub listens_until: Option<Instant>,
}

/// When an Active announces its addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScheduleSnapshot {
    /// The last batch of any kind.
    pub last: Option<Instant>,
    /// Second batch after becoming Active.
    pub second: Option<Instant>,
    /// First batch after a contest, put off.
    pub contest: Option<Instant>,
    /// Second batch after a contest.
    pub contest_second: Option<Instant>,
    /// Next refresh.
    pub refresh: Option<Instant>,
}

/// The Backup state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupSnapshot {
    /// The newest arrival that counted, or the beginning of the state.
    pub newest: Instant,
    /// Active_Down_Timer runs since then.
    pub since: Instant,
    /// It runs for Skew_Time, since the Active has resigned; else for Active_Down_Interval.
    pub resigned: bool,
    /// It had run out long before that was noticed, and runs once more.
    pub hesitates: bool,
    /// The interval of the newest accepted advert.
    pub learned: Option<AdvertInterval>,
    /// The Active Router, while there is one.
    pub followed: Option<PeerSnapshot>,
    /// When a lower Active was heard first since a higher one was heard.
    pub lower_since: Option<Instant>,
    /// The newest lower advert that was discarded since the last accepted one.
    pub discarded: Option<PeerSnapshot>,
}

/// Another router of the group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerSnapshot {
    /// Where its adverts come from; IPv4 in the first four bytes.
    pub source: [u8; 16],
    /// What it says of itself.
    pub priority: Priority,
}

impl Snapshot {
    /// An Active of which nothing is known but when it last spoke: it died without a word, and nobody has noticed yet.
    /// It speaks at once, unless others may have taken over since (see
    /// [`crate::departures::Departure::DoubtAfterSilence`]), and announces its addresses as after becoming Active.
    pub fn of_active(parameters: &Parameters, spoke: Instant, now: Instant) -> Self {
        let safe = timers::earliest_takeover(parameters.interval, parameters.down_timer_adverts);
        let plan = &parameters.announcements;
        let later = |delay: core::time::Duration| (!delay.is_zero()).then(|| now + delay);
        Self {
            effective: parameters.priority,
            memory: Memory::Active(ActiveSnapshot {
                since: spoke,
                next_advert: now,
                office: OfficeSnapshot { spoke, safe_until: spoke + safe, listens_until: None },
                answered: None,
                announcements: ScheduleSnapshot {
                    second: later(plan.delay),
                    refresh: later(plan.refresh),
                    ..ScheduleSnapshot::default()
                },
            }),
        }
    }
}
