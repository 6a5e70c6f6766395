//! Being on time on a busy machine: threads and daemons that must not wait for a processor, and a watch that knows when
//! the machine itself stood still.
//!
//! What a scenario measures is the protocol, and not who else runs here. The agent sees to its own priority; peers and
//! the lab's own clocks are helped by `chrt`. Without the right to it, or without the program, all is as it was.

use std::{
    process::Command,
    sync::{Mutex, OnceLock, PoisonError},
    time::Duration,
};

use crate::{clock::Moment, namespace::finish, usage};

/// Lowest of the real-time priorities that matter here: the agent's is above.
const PRIORITY: &str = "1";
/// How often the watch looks at the clock.
const BEAT: Duration = Duration::from_millis(5);
/// What is no stall: a beat that is late by less.
const TOLERANCE: Duration = Duration::from_millis(20);
/// Stalls kept.
const CAPACITY: usize = 10_000;

/// From now on this thread runs before all that is not real-time.
pub fn this_thread() {
    let thread = rustix::thread::gettid().as_raw_nonzero().to_string();
    finish(Command::new("chrt").args(["--rr", "--pid", PRIORITY, &thread])).ok();
}

/// The same for a process and its descendants, with all their threads.
pub fn process(pid: u32) {
    for pid in usage::tree(pid).unwrap_or_default() {
        finish(Command::new("chrt").args(["--all-tasks", "--rr", "--pid", PRIORITY, &pid.to_string()])).ok();
    }
}

static STALLS: OnceLock<Mutex<Vec<(Moment, Duration)>>> = OnceLock::new();

fn stalls() -> &'static Mutex<Vec<(Moment, Duration)>> {
    STALLS.get_or_init(|| {
        // Whoever cannot start it sees no stalls.
        std::thread::Builder::new().name("stalls".to_owned()).spawn(watch).ok();
        Mutex::default()
    })
}

/// Begins to watch; [`longest_stall`] knows what happened since.
pub fn watch_stalls() {
    stalls();
}

/// The longest time since `since` for which not even a real-time thread ran here.
pub fn longest_stall(since: Moment) -> Option<Duration> {
    let stalls = stalls().lock().unwrap_or_else(PoisonError::into_inner);
    stalls.iter().filter(|(at, _)| *at >= since).map(|(_, time)| *time).max()
}

fn watch() {
    this_thread();
    let mut next = Moment::now().plus(BEAT);
    loop {
        std::thread::sleep(next.since(Moment::now()));
        let now = Moment::now();
        let late = now.since(next);
        if late > TOLERANCE {
            let mut stalls = stalls().lock().unwrap_or_else(PoisonError::into_inner);
            if stalls.len() < CAPACITY {
                stalls.push((now, late));
            }
        }
        next = now.plus(BEAT);
    }
}
