//! The VRRP election (RFC 9568 §6, RFC 3768 §6) as a pure machine.
//!
//! Events go in with the time, an ordered list of actions comes out; [`Router::deadline`] says when to call next.
//! The machine reads no clock, opens no socket, logs nothing, counts nothing and does not allocate: `no_std` makes
//! that a compiler error. Times are integers of nanoseconds ([`Instant`], [`core::time::Duration`]).
//!
//! A packet reaches this crate only after the checks of `regent_common::check` accepted it, so nothing that was
//! rejected can touch a timer.

#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

pub mod departures;

mod action;
mod active;
mod announce;
mod backup;
mod effective;
mod event;
mod instant;
mod local;
mod office;
mod parameters;
mod router;
mod snapshot;
mod state;
mod timers;

pub use action::{Action, Actions, Cause, Transition};
pub use effective::{Tracker, effective};
pub use event::{Advert, Event, FaultCause};
pub use instant::Instant;
pub use parameters::{Announcements, Parameters, Preemption};
pub use router::Router;
pub use snapshot::{
    ActiveSnapshot, BackupSnapshot, Memory, OfficeSnapshot, PeerSnapshot, ScheduleSnapshot, Snapshot,
};
pub use state::StateName;
pub use timers::{active_down_interval, earliest_takeover, skew_time};
