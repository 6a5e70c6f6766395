//! The agent at work: the VRRP thread and everything around it.
//!
//! Threads of control that share nothing but queues:
//!
//! - the **VRRP thread** (`turn`): its own OS thread with a current-thread runtime, real-time scheduling when permitted,
//!   memory locked. It owns the machines, the sockets, the program (`engine`) and never waits for anybody.
//! - two threads that wait in its place for the kernel's one lock for interfaces (RTNL), which other namespaces that come
//!   and go hold for tens or hundreds of milliseconds: one changes addresses (`assigner`), one asks whether XDP links are
//!   still on their ports and closes them (`checker`).
//! - the **control runtime** (`life`): netlink dumps, scripts, notify programs, the log, status, metrics, signals.
//!
//! What still takes that lock on the VRRP thread is rare, and happens when a port changes: opening its sockets and joining
//! its groups when its link is new, when its MTU changed, or each second while that fails; attaching the program then and
//! ten seconds after it was lost; taking it off when the link is gone or renamed. So it does when a reload brings an
//! interface, a family or a group of one, or a virtual MAC, or leaves one: one port in a turn.

mod addressing;
mod announce;
mod announcing;
mod answering;
mod assigner;
mod build;
mod carry;
mod checker;
mod contenders;
mod cover;
mod covering;
mod deadlines;
mod disagreement;
mod doorbells;
mod dump;
mod engine;
mod faults;
mod front;
mod gate;
mod gathered;
mod hearing;
mod housekeeping;
mod inbox;
mod instance;
mod journal;
mod ladder;
mod laying;
mod leftovers;
mod life;
mod links;
mod opening;
mod port;
mod probing;
mod receiving;
mod reload;
mod silence;
mod status;
mod strangers;
mod succession;
mod surroundings;
mod tell;
mod trackers;
mod turn;
mod wire;

pub use contenders::{claimed, nobody_else};
pub use engine::{Settings, XdpChoice};
pub use front::{Front, Ready, Wanted};
pub use journal::{RunDir, RunDirError};
pub use life::{Ended, Life, clear_leftovers, run};
pub use reload::{Read, Source, limited_to, read_apart};
pub use succession::{Given, Letter};
