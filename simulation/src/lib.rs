//! LANs of routers in virtual time: the election is simulated before it meets a namespace.
//!
//! Hosts run the very machine that the agent runs ([`regent_vrrp::Router`]) and the very receive checks, on bytes. The
//! wire between them loses, delays, duplicates, reorders and cuts, hosts crash, stand still and drift. Nothing here
//! waits, and nothing depends on anything but a seed or a script, so that each run can be had again.
//!
//! - [`lan`] carries, wakes and writes down; [`host`], [`clock`] and [`wire`] are its parts. It knows nothing of who
//!   should win.
//! - [`scenario`] makes up, from a seed, storms and the calm after them; [`population`] the routers.
//! - [`invariant`] says what must hold, judged from outside; [`mutation`] plants the bugs that show that it can fail.
//! - [`script`] plays faults at given times and returns who entered which state, in order: the same script can be
//!   played in namespaces, and must give the same.
//!
//! `tests/model` goes through every order of everything that can happen on a small LAN (stateright), with the same bugs
//! planted.
//!
//! For tests only. Refuses clocks, threads and chance of its own.

#![forbid(unsafe_code)]

pub mod clock;
pub mod host;
pub mod invariant;
pub mod lan;
pub mod mutation;
pub mod population;
pub mod random;
pub mod scenario;
pub mod script;
pub mod wire;
