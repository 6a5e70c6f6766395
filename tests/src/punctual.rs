//! Being on time on a busy machine: threads and daemons that must not wait for a processor, and a watch that knows when
//! the machine itself stood still.
//!
//! What a scenario measures is the protocol, and not who else runs here. The agent sees to its own priority; peers and
//! the lab's own clocks are helped by `chrt`. Without the right to it, or without the program, all is as it was.

use std::{
    fmt,
    net::Ipv4Addr,
    process::Command,
    sync::{Mutex, OnceLock, PoisonError},
    time::Duration,
};

use nix::sched::{CloneFlags, unshare};
use socket2::{Domain, InterfaceIndexOrAddress, Socket, Type};

use crate::{
    clock::{Moment, Span},
    namespace::finish,
    usage,
};

/// Lowest of the real-time priorities that matter here: the agent's is above.
const PRIORITY: u8 = 1;
/// How often the watch looks at the clock.
const BEAT: Duration = Duration::from_millis(5);
/// What is no stall: a beat that is late by less.
const TOLERANCE: Duration = Duration::from_millis(20);
/// Stalls kept.
const CAPACITY: usize = 10_000;

/// From now on this thread runs before all that is not real-time.
pub fn this_thread() {
    this_thread_at(PRIORITY);
}

/// The same, with that priority among what is real-time.
pub fn this_thread_at(priority: u8) {
    let thread = rustix::thread::gettid().as_raw_nonzero().to_string();
    finish(Command::new("chrt").args(["--rr", "--pid", &priority.to_string(), &thread])).ok();
}

/// The same for a process and its descendants, with all their threads.
pub fn process(pid: u32) {
    for pid in usage::tree(pid).unwrap_or_default() {
        let (priority, pid) = (PRIORITY.to_string(), pid.to_string());
        finish(Command::new("chrt").args(["--all-tasks", "--rr", "--pid", &priority, &pid])).ok();
    }
}

/// What kept everybody waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stall {
    /// Not even a real-time thread ran.
    Processor(Duration),
    /// The kernel's one lock for all changes of interfaces and addresses was held, in whatever namespace.
    Interfaces(Duration),
}

impl Stall {
    /// How long.
    pub const fn time(self) -> Duration {
        match self {
            Self::Processor(time) | Self::Interfaces(time) => time,
        }
    }
}

impl fmt::Display for Stall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Processor(time) => write!(f, "no processor for {}", Span(*time)),
            Self::Interfaces(time) => write!(f, "the kernel's interface lock was held for {}", Span(*time)),
        }
    }
}

static STALLS: OnceLock<Mutex<Vec<(Moment, Stall)>>> = OnceLock::new();

/// Begins to watch; [`longest_stall`] knows what happened since. Without the rights for it there are no stalls.
pub fn watch_stalls() {
    STALLS.get_or_init(|| {
        for (name, watch) in [("processor", processor as fn()), ("interfaces", interfaces)] {
            std::thread::Builder::new().name(format!("watch-{name}")).spawn(watch).ok();
        }
        Mutex::default()
    });
}

/// The longest stall since `since`.
pub fn longest_stall(since: Moment) -> Option<Stall> {
    let stalls = STALLS.get()?.lock().unwrap_or_else(PoisonError::into_inner);
    stalls.iter().filter(|(at, _)| *at >= since).map(|(_, stall)| *stall).max_by_key(|stall| stall.time())
}

fn note(stall: Stall) {
    if stall.time() > TOLERANCE
        && let Some(stalls) = STALLS.get()
    {
        let mut stalls = stalls.lock().unwrap_or_else(PoisonError::into_inner);
        if stalls.len() < CAPACITY {
            stalls.push((Moment::now(), stall));
        }
    }
}

/// Looks at the clock, beat by beat.
fn processor() {
    this_thread();
    loop {
        let due = Moment::now().plus(BEAT);
        std::thread::sleep(BEAT);
        note(Stall::Processor(Moment::now().since(due)));
    }
}

/// Takes the lock, beat by beat, by joining a group and leaving it, in a namespace of its own.
fn interfaces() {
    this_thread();
    let join = || -> anyhow::Result<()> {
        unshare(CloneFlags::CLONE_NEWNET)?;
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, None)?;
        let (group, loopback) = (Ipv4Addr::new(224, 0, 0, 251), InterfaceIndexOrAddress::Index(1));
        loop {
            let began = Moment::now();
            socket.join_multicast_v4_n(&group, &loopback)?;
            note(Stall::Interfaces(began.elapsed()));
            socket.leave_multicast_v4_n(&group, &loopback)?;
            std::thread::sleep(BEAT);
        }
    };
    // Not root: there are no scenarios either.
    join().ok();
}
