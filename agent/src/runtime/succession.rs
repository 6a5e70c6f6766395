//! One agent succeeds another on the same host while both live, and nobody on the network notices.
//!
//! The old one starts the new one and goes on. The new one reads its config, loads its own program with maps of its own,
//! opens its own sockets, and says that it is ready: until then nothing has changed, and whatever fails in it concerns
//! nobody. Then the old one stops where it stands and hands over what it knows, by name and never by position, so that
//! another version with other maps reads it too. The new one goes on from there: the next advert leaves when it would have
//! left. From stop to going on nothing waits for the kernel or for a disk; it takes about a millisecond.
//!
//! Addresses stay where they are, and so does the old one's program on its ports, which answers for a moment longer
//! ([`GRACE`]): the new one exchanges it under way, in one step, and hears by its sockets until then.
//!
//! An agent that dies before it has handed over leaves the other one to go on, whichever that is: see [`letter`]. One that
//! dies with nobody beside it leaves its program and its addresses, and whoever starts soon enough goes on with those: see
//! [`estate`].

mod adoption;
mod bequest;
mod channel;
mod estate;
mod given;
mod heir;
mod letter;
mod memory;
mod predecessor;
mod service;
mod tally;

use std::time::Duration;

pub use adoption::Inheritance;
pub use bequest::{HandOver, Outcome};
pub use channel::Channel;
pub use estate::Estate;
pub use given::Given;
pub use heir::{Belongings, Cancelled, Heir};
pub use letter::{Group, Letter};
pub use memory::Meaningless;
pub use predecessor::{Predecessor, SuccessionError};
pub use service::tell_service_manager;

/// How long the old agent stands still at most until it goes on by itself.
pub const STANDSTILL: Duration = Duration::from_secs(2);
/// How long the old program answers on its own after its agent said farewell, while the new one takes its place.
pub const GRACE: Duration = Duration::from_secs(1);
