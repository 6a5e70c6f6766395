//! What this router is, whatever its state: its parameters and its effective priority, and the timers that follow from them.

use core::time::Duration;

use regent_common::{AdvertInterval, BackupPriority, LocalPriority, Priority, Version};

use crate::{Advert, Parameters, Preemption, timers};

/// Parameters and effective priority.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Local {
    parameters: Parameters,
    effective: LocalPriority,
}

impl Local {
    pub(crate) const fn new(parameters: Parameters) -> Self {
        Self { effective: parameters.priority, parameters }
    }

    pub(crate) const fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    pub(crate) const fn effective(&self) -> LocalPriority {
        self.effective
    }

    pub(crate) fn priority(&self) -> Priority {
        self.effective.into()
    }

    pub(crate) const fn is_owner(&self) -> bool {
        matches!(self.effective, LocalPriority::Owner)
    }

    /// Trackers say `priority`. Ownership is a matter of the config alone: an owner stays one, and nobody becomes one
    /// by weight.
    pub(crate) const fn set_effective(&mut self, priority: LocalPriority) {
        self.effective = match (self.parameters.priority, priority) {
            (LocalPriority::Owner, LocalPriority::Backup(_) | LocalPriority::Owner) => LocalPriority::Owner,
            (LocalPriority::Backup(_), LocalPriority::Backup(_)) => priority,
            (LocalPriority::Backup(_), LocalPriority::Owner) => {
                LocalPriority::Backup(BackupPriority::clamped(u8::MAX as i32))
            }
        };
    }

    /// Takes new parameters and returns the old ones. What trackers add to the priority stays added until they say
    /// otherwise.
    pub(crate) fn reload(&mut self, parameters: Parameters) -> Parameters {
        let added = i32::from(self.effective.get()) - i32::from(self.parameters.priority.get());
        let old = core::mem::replace(&mut self.parameters, parameters);
        let carried = BackupPriority::clamped(i32::from(parameters.priority.get()) + added);
        self.set_effective(LocalPriority::Backup(carried));
        old
    }

    /// Active_Adver_Interval, when an advert said `learned`.
    ///
    /// RFC 9568 §6.1: the interval is learned from the Active Router; RFC 3768 knows no such thing, all routers
    /// have the same.
    pub(crate) fn active_interval(&self, learned: Option<AdvertInterval>) -> AdvertInterval {
        match self.parameters.version {
            Version::V2 => self.parameters.interval,
            Version::V3 => learned.unwrap_or(self.parameters.interval),
        }
    }

    pub(crate) fn skew_time(&self, learned: Option<AdvertInterval>) -> Duration {
        timers::skew_time(self.parameters.version, self.effective, self.active_interval(learned))
    }

    pub(crate) fn active_down_interval(&self, learned: Option<AdvertInterval>) -> Duration {
        timers::active_down_interval(
            self.parameters.version,
            self.effective,
            self.active_interval(learned),
            self.parameters.down_timer_adverts,
        )
    }

    /// How long a lower Active is left alone once it was heard; `None`: for ever.
    ///
    /// RFC 9568 §6.1, Preempt_Mode: the owner "always preempts, independent of" it, and waits for nobody.
    pub(crate) const fn patience(&self) -> Option<Duration> {
        if self.is_owner() {
            return Some(Duration::ZERO);
        }
        match self.parameters.preemption {
            Preemption::After(delay) => Some(delay),
            Preemption::Never => None,
        }
    }

    /// Who of two Active Routers goes on.
    ///
    /// RFC 9568 §6.4.3: the higher priority; among equals the higher primary address, "based on an unsigned integer
    /// comparison of the IPvX addresses in network byte order". Equal in both: an echo of ourselves or a
    /// twin, so that nothing can be decided.
    pub(crate) fn contest(&self, advert: &Advert) -> Contest {
        use core::cmp::Ordering::{Equal, Greater, Less};
        match advert.priority.cmp(&self.priority()) {
            Greater => Contest::LostByPriority,
            Less => Contest::Won,
            Equal => match advert.source.cmp(&self.parameters.source) {
                Greater => Contest::LostByAddress,
                Less => Contest::Won,
                Equal => Contest::Undecided,
            },
        }
    }
}

/// How a contest of two Active Routers ended for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contest {
    Won,
    LostByPriority,
    LostByAddress,
    Undecided,
}
