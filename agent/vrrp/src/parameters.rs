//! RFC 9568 §6.1: parameters of one virtual router.

use core::time::Duration;

use regent_common::{AdvertInterval, LocalPriority, Version};

/// Whether a Backup of higher priority takes over from a live Active of lower priority (Preempt_Mode).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Preemption {
    /// It does, this long after it first heard the lower one (keepalived's `preempt_delay`; zero: RFC 9568).
    After(Duration),
    /// It does not. The owner of the addresses preempts all the same (RFC 9568 §6.1).
    Never,
}

/// When virtual addresses are announced. Defaults are keepalived's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Announcements {
    /// In each batch, per address.
    pub repeat: u8,
    /// Second batch, this long after becoming Active; zero: none.
    pub delay: Duration,
    /// Announced again this often while Active; zero: never.
    pub refresh: Duration,
    /// In each refresh, per address.
    pub refresh_repeat: u8,
    /// After a losing advert was heard as Active, per address.
    pub lower_priority_repeat: u8,
    /// Second batch after a losing advert; zero: none.
    pub lower_priority_delay: Duration,
}

impl Default for Announcements {
    fn default() -> Self {
        Self {
            repeat: 5,
            delay: Duration::from_secs(5),
            refresh: Duration::ZERO,
            refresh_repeat: 1,
            lower_priority_repeat: 5,
            lower_priority_delay: Duration::from_secs(5),
        }
    }
}

/// Parameters of one virtual router (RFC 9568 §6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Parameters {
    /// Version spoken.
    pub version: Version,
    /// Priority, before trackers.
    pub priority: LocalPriority,
    /// Advertisement_Interval.
    pub interval: AdvertInterval,
    /// Preempt_Mode.
    pub preemption: Preemption,
    /// The address adverts are sent from; IPv4 in the first four bytes. The tie-break compares it.
    pub source: [u8; 16],
    /// When addresses are announced.
    pub announcements: Announcements,
    /// Intervals in Active_Down_Interval, 3 by the RFC.
    pub down_timer_adverts: u8,
    /// As Active, an advert that loses against us is answered with one of ours at once (RFC 9568 §6.4.3); false is
    /// keepalived's `lower_prio_no_advert`. See [`crate::departures::Departure::AssertionIsOptional`].
    pub asserts: bool,
    /// As Active that loses, one more advert is sent before stepping down; false is keepalived's
    /// `higher_prio_send_advert no`. See [`crate::departures::Departure::Concession`].
    pub concedes: bool,
}
