//! What a router wants done, in this order.

use core::time::Duration;

use arrayvec::ArrayVec;
use regent_common::Priority;

use crate::{FaultCause, StateName};

/// Why a state was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Started.
    Startup,
    /// Started, and owns the addresses.
    StartupAsOwner,
    /// Nothing was heard of an Active Router for Active_Down_Interval.
    DownTimer,
    /// The Active Router resigned (priority 0), and Skew_Time passed.
    Resigned,
    /// A router of lower priority is Active, and we waited for Active_Down_Interval since we last obeyed one.
    LowerPriority {
        /// Its address.
        source: [u8; 16],
        /// Its priority.
        priority: Priority,
    },
    /// A router of higher priority is Active.
    HigherPriority {
        /// Its address.
        source: [u8; 16],
        /// Its priority.
        priority: Priority,
    },
    /// A router of our priority and a higher address is Active (RFC 9568 §6.4.3).
    HigherAddress {
        /// Its address.
        source: [u8; 16],
    },
    /// We said nothing for so long that another router took over, as Backups must; now we know of it.
    Overslept {
        /// Its address.
        source: [u8; 16],
        /// Its priority, which need not be above ours.
        priority: Priority,
        /// How long nothing of ours was heard until its advert was read.
        silence: Duration,
    },
    /// Cannot take part.
    Fault(FaultCause),
    /// Can take part again.
    FaultCleared,
    /// Told to stop.
    Shutdown,
}

/// A change of state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// Left.
    pub from: StateName,
    /// Entered.
    pub to: StateName,
    /// Why.
    pub cause: Cause,
}

/// One thing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send an advert with this priority now.
    SendAdvert(Priority),
    /// The state changed. Comes before the actions that carry it out, but after an advert that must go first.
    Transition(Transition),
    /// Make every virtual address deliverable here.
    AddAddresses,
    /// Remove every virtual address.
    RemoveAddresses,
    /// Announce every virtual address (gratuitous ARP, unsolicited NA), this often.
    Announce {
        /// Announcements of each address, back to back.
        repeat: u8,
    },
    /// Drop announcements that are still queued.
    CancelAnnouncements,
    /// The source that is Active now, or nobody: its slot in the kernel is kept.
    ActiveSource(Option<[u8; 16]>),
}

/// Actions of one event, in order.
pub type Actions = ArrayVec<Action, 8>;
