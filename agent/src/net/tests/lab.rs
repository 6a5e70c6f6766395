//! Throwaway network namespaces: they have no names, belong to one thread, and vanish with it, also after a panic.

use std::{
    fs::File,
    future::Future,
    os::fd::{AsFd, AsRawFd},
    panic,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use nix::sched::{CloneFlags, setns, unshare};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::net::{
    inventory::{Inventory, inventory},
    link::Link,
};

/// How long anything may take that takes no time on a quiet machine. The kernel notices carriers and takes namespaces
/// down one after the other, for all tests that run at the same time.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Runs `test` on a thread of its own in a fresh network namespace; skips it, by name, where that is not permitted.
pub fn alone(test: impl FnOnce() + Send + 'static) {
    let name = thread::current().name().unwrap_or("test").to_owned();
    if let Some(reason) = lab::bpf_probe::reason() {
        eprintln!("skipped {name}: {reason}");
        return;
    }
    let thread = thread::spawn(move || match unshare(CloneFlags::CLONE_NEWNET) {
        Ok(()) => test(),
        Err(error) => eprintln!("skipped {name}: needs root for a network namespace ({error})"),
    });
    if let Err(panic) = thread.join() {
        panic::resume_unwind(panic);
    }
}

/// Two namespaces with a veth pair between them: `port0` here and `port1` there, both up.
pub struct Pair {
    here: File,
    there: File,
}

/// As [`alone`], with a neighbour. The test begins here.
pub fn joined(test: impl FnOnce(&Pair) + Send + 'static) {
    alone(move || {
        let here = own_namespace();
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        let there = own_namespace();
        setns(&here, CloneFlags::CLONE_NEWNET).unwrap();
        let pair = Pair { here, there };
        ip(&format!("link add port0 type veth peer name port1 netns {}", pair.path_there()));
        silence("port0");
        pair.there(|| silence("port1"));
        wait_until("the ports are up", || link("port0").up && pair.there(|| link("port1").up));
        test(&pair);
    });
}

/// As [`joined`], with IPv6: `port0` has fe80::1 and fd00::1/64, `port1` fe80::2 and fd00::2/64, usable at once, and neither
/// sends anything that has nothing to do with them but reports of joined groups.
pub fn joined_ipv6(test: impl FnOnce(&Pair) + Send + 'static) {
    joined(move |pair| {
        speak_ipv6("port0", 1);
        pair.there(|| speak_ipv6("port1", 2));
        test(pair);
    });
}

impl Pair {
    /// The neighbour's namespace, for programs that ask for one.
    pub fn path_there(&self) -> String {
        format!("/proc/{}/fd/{}", std::process::id(), self.there.as_raw_fd())
    }

    /// Does something in the neighbour's namespace. What is opened there stays there.
    pub fn there<T>(&self, work: impl FnOnce() -> T) -> T {
        setns(&self.there, CloneFlags::CLONE_NEWNET).unwrap();
        let result = work();
        setns(&self.here, CloneFlags::CLONE_NEWNET).unwrap();
        result
    }
}

/// Switches `port` on. Without IPv6, so that it sends no frame that the test did not ask for.
fn silence(port: &str) {
    command("sysctl", &format!("-qw net.ipv6.conf.{port}.disable_ipv6=1"));
    ip(&format!("link set {port} up"));
}

/// Gives `port` two IPv6 addresses that end with `last`, without detection of duplicates or solicitation of routers.
pub fn speak_ipv6(port: &str, last: u8) {
    let all = format!("net.ipv6.conf.{port}");
    // Link-local addresses are made by nobody but us.
    command("sysctl", &format!("-qw {all}.addr_gen_mode=1 {all}.accept_ra=0 {all}.router_solicitations=0"));
    command("sysctl", &format!("-qw {all}.disable_ipv6=0"));
    ip(&format!("address add fe80::{last}/64 dev {port} nodad"));
    ip(&format!("address add fd00::{last}/64 dev {port} nodad"));
}

fn own_namespace() -> File {
    File::open("/proc/thread-self/ns/net").unwrap()
}

/// Runs `ip` with these words in the thread's namespace.
pub fn ip(words: &str) -> String {
    command("ip", words)
}

/// Runs a program with these words in the thread's namespace; it must succeed.
pub fn command(program: &str, words: &str) -> String {
    let output = Command::new(program).args(words.split_whitespace()).output().unwrap();
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{program} {words}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// Runs a future on this thread, so that it sees the thread's namespace.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// Makes an interface of a kind that not every kernel has; says so, and `false`, where it has not.
pub fn make(words: &str) -> bool {
    let output = Command::new("ip").args(["link", "add"]).args(words.split_whitespace()).output().unwrap();
    if !output.status.success() {
        eprintln!("skipped from here on: the kernel cannot make {words}");
    }
    output.status.success()
}

/// What there is now in the thread's namespace.
pub fn listing() -> Inventory {
    block_on(inventory()).unwrap()
}

/// The interface of that name.
pub fn link(name: &str) -> Link {
    listing().link_named(name).unwrap_or_else(|| panic!("no interface {name}")).clone()
}

/// Looks every millisecond.
#[track_caller]
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    wait_for(what, || condition().then_some(()));
}

/// Whether something waits to be read.
pub fn readable(source: &impl AsFd) -> bool {
    let mut watched = [PollFd::new(source, PollFlags::IN)];
    poll(&mut watched, Some(&Timespec::default())).unwrap() > 0
}

/// Looks every millisecond until there is something.
#[track_caller]
#[expect(clippy::disallowed_methods, reason = "the patience of a test, not the agent's time")]
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "waited in vain until {what}");
        thread::sleep(Duration::from_millis(1));
    }
}
