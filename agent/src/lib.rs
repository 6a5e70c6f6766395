//! Regent's agent: VRRP with an XDP packet path.
//!
//! The tour, in the order of a packet: `net` (XDP program, sockets, netlink) hands adverts to `runtime` (the loop on its
//! own thread, which owns the pure machines of `regent_vrrp`), whose observations feed `observe` (log, status,
//! metrics), `notify` and the journal. `config` turns keepalived.conf into the immutable `Plan` that runtime is
//! built from; `track` watches what priorities depend on. `config`, `net`, `track`, `notify` and `observe` never import
//! each other: `runtime` imports all of them, then `cli`, then `main`.

pub mod child;
pub mod cli;
pub mod config;
pub mod crash;
pub mod departures;
pub mod net;
pub mod notify;
pub mod observe;
pub mod permissions;
pub mod runtime;
pub mod track;
pub mod words;
