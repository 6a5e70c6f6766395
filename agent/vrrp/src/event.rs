//! What happens to a router.

use regent_common::{AdvertInterval, LocalPriority, Priority};

use crate::{Instant, Parameters};

/// An advert that passed every receive check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Advert {
    /// When it arrived. Timers run from here, so that our own late wake-up does not lengthen or shorten them. Never later
    /// than the `now` it is handled with; taken as `now` if it claims to be.
    pub arrived: Instant,
    /// The sender; IPv4 in the first four bytes, compared as unsigned in network order (RFC 9568 §6.4.3).
    pub source: [u8; 16],
    /// What it claims.
    pub priority: Priority,
    /// What it advertises. Version 2 checks have made sure that it is ours.
    pub interval: AdvertInterval,
}

/// Why a router cannot take part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaultCause {
    /// The instance's interface is absent, down or without carrier.
    Interface,
    /// The interface has no address of the family to send from.
    NoSourceAddress,
    /// A tracked interface without weight is down.
    TrackedInterface,
    /// A tracked script without weight failed, or has not run yet.
    TrackedScript,
    /// The config of this instance cannot be carried out; the log says why.
    Config,
}

/// What happens to a router.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// Take part (RFC 9568 §6.4.1 "Startup").
    Startup,
    /// Give up and stop (RFC 9568 §6.4.2, §6.4.3 "Shutdown").
    Shutdown,
    /// A valid advert.
    Advert(Advert),
    /// The time that [`crate::Router::deadline`] named has come. Early or stale calls do nothing.
    Deadline,
    /// Cannot take part any more.
    Fault(FaultCause),
    /// Nothing stands in the way any more: take part as after a start.
    FaultCleared,
    /// The effective priority changed (trackers). An owner stays one, and nobody becomes one.
    Priority(LocalPriority),
    /// The primary address changed: the tie-break uses it.
    Source([u8; 16]),
    /// Adverts may have been missed for a reason of our own (carrier lost and found): a Backup waits one whole
    /// Active_Down_Interval from now before it believes in silence.
    Deaf,
    /// Parameters were reloaded; states and running timers are kept where they still mean the same. What trackers added
    /// to the priority is carried over until the next [`Event::Priority`].
    Reload(Parameters),
    /// The virtual addresses are reached in another way (another MAC, another host): an Active advertises and announces all of
    /// them at once.
    AddressesChanged,
    /// Adverts say something else by a reload, beyond the parameters (the addresses that they name, what trackers weigh): an
    /// Active says it at once. Addresses that are new are announced by whoever knows which those are.
    AdvertChanged,
}
