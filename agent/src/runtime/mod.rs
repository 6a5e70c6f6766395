//! The agent at work: the VRRP thread and everything around it.
//!
//! Two threads of control that share nothing but queues:
//!
//! - the **VRRP thread** (`turn`): its own OS thread with a current-thread runtime, real-time scheduling when permitted,
//!   memory locked. It owns the machines, the sockets, the program (`engine`) and never waits for anybody.
//! - the **control runtime** (`life`): netlink dumps, scripts, notify programs, the log, status, metrics, signals.

mod addressing;
mod announce;
mod announcing;
mod build;
mod carry;
mod deadlines;
mod disagreement;
mod doorbells;
mod engine;
mod gathered;
mod hearing;
mod housekeeping;
mod inbox;
mod instance;
mod journal;
mod ladder;
mod leftovers;
mod life;
mod links;
mod port;
mod status;
mod strangers;
mod surroundings;
mod tell;
mod trackers;
mod turn;
mod wire;

pub use engine::{Settings, XdpChoice};
pub use journal::{RunDir, RunDirError};
pub use life::{Life, run};
