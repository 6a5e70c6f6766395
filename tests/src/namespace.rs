//! A network namespace of our own: made, entered, and removed with whatever still runs inside it.
//!
//! Processes enter by `setns`, not by `ip netns exec`: that would give them a private mount of /sys, where no pinned
//! BPF object lasts. The namespace has a name, so that a person can look inside with `ip netns exec`.
#![expect(unsafe_code, reason = "a child enters its namespace between fork and exec")]

use std::{
    fs::File,
    io,
    os::{fd::AsFd, unix::process::CommandExt},
    path::Path,
    process::{Command, Output, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::{Context, Result, anyhow, bail};
use nix::{
    sched::{CloneFlags, setns},
    sys::signal::{Signal, kill},
    unistd::Pid,
};

/// Where named namespaces are mounted.
pub const DIRECTORY: &str = "/run/netns";

/// How long a lab and all in it live.
#[derive(Clone, Debug, Default)]
pub struct Lifetime {
    lasting: bool,
    kept: Arc<AtomicBool>,
}

impl Lifetime {
    /// As long as its owner.
    pub fn of_owner() -> Self {
        Self::default()
    }

    /// As long as its owner, unless it is told to stay: what runs in it does not depend on the owner.
    pub fn lasting() -> Self {
        Self { lasting: true, kept: Arc::default() }
    }

    /// Whether it could stay.
    pub const fn is_lasting(&self) -> bool {
        self.lasting
    }

    /// From now on nothing goes on drop.
    pub fn keep(&self) {
        self.kept.store(self.lasting, Ordering::Relaxed);
    }

    /// Whether it stays.
    pub fn is_kept(&self) -> bool {
        self.kept.load(Ordering::Relaxed)
    }
}

/// A network namespace, removed on drop unless it is to be kept.
#[derive(Debug)]
pub struct Namespace {
    name: String,
    handle: Arc<File>,
    lifetime: Lifetime,
}

impl Namespace {
    /// Makes a namespace of that name, with the loopback up and IPv6 off: the kernel's own neighbor discovery would
    /// otherwise be in every capture.
    ///
    /// # Errors
    /// When it exists already, or without CAP_SYS_ADMIN.
    pub fn make(name: String, lifetime: Lifetime) -> Result<Self> {
        succeed(Command::new("ip").args(["netns", "add", &name]))?;
        let path = Path::new(DIRECTORY).join(&name);
        let opened = File::open(&path).with_context(|| format!("open {}", path.display()));
        let handle = match opened {
            Ok(file) => Arc::new(file),
            Err(error) => {
                remove(&name)?;
                return Err(error);
            }
        };
        let namespace = Self { name, handle, lifetime };
        namespace.ip(&["link", "set", "lo", "up"])?;
        for scope in ["all", "default"] {
            namespace.set("ipv6", scope, "disable_ipv6", "1")?;
        }
        Ok(namespace)
    }

    /// Turns IPv6 on for what is there and what will be: link-local addresses from the MAC and usable at once, no heed
    /// to router advertisements (FRR sends them).
    ///
    /// # Errors
    /// On a kernel without IPv6.
    pub fn enable_ipv6(&self) -> Result<()> {
        for scope in ["all", "default"] {
            for (name, value) in [
                ("accept_ra", "0"),
                ("router_solicitations", "0"),
                ("accept_dad", "0"),
                ("dad_transmits", "0"),
                ("disable_ipv6", "0"),
            ] {
                self.set("ipv6", scope, name, value)?;
            }
        }
        if Path::new("/proc/sys/net/ipv6").exists() {
            Ok(())
        } else {
            Err(anyhow!("this kernel has no IPv6"))
        }
    }

    /// Sets `net.FAMILY.conf.SCOPE.NAME`; nothing when the kernel has no such switch.
    ///
    /// # Errors
    /// When the kernel refuses the value.
    pub fn set(&self, family: &str, scope: &str, name: &str, value: &str) -> Result<()> {
        let path = format!("/proc/sys/net/{family}/conf/{scope}/{name}");
        self.enter(|| match std::fs::write(&path, value) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            written => written.with_context(|| format!("write {value} to {path}")),
        })
    }

    /// Its name, as `ip netns` has it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs `work` inside, on a thread of its own, and waits for it.
    ///
    /// # Errors
    /// When the namespace cannot be entered, or `work` fails.
    pub fn enter<T: Send>(&self, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        std::thread::scope(|scope| {
            scope
                .spawn(|| {
                    setns(self.handle.as_fd(), CloneFlags::CLONE_NEWNET)
                        .with_context(|| format!("enter namespace {}", self.name))?;
                    work()
                })
                .join()
                .map_err(|_| anyhow!("a thread in namespace {} panicked", self.name))?
        })
    }

    /// Its lifetime.
    pub const fn lifetime(&self) -> &Lifetime {
        &self.lifetime
    }

    /// A command that will run inside. Unless the namespace is lasting, it dies with the thread that starts it, so
    /// that a killed test run leaves no daemon behind.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        let handle = Arc::clone(&self.handle);
        let lasting = self.lifetime.is_lasting();
        // Its own process group: Ctrl-C at the terminal is for us, and we stop what we started, in order.
        command.process_group(0);
        // SAFETY: between fork and exec only async-signal-safe calls are made: setns and prctl, both plain system
        // calls that neither allocate nor take locks.
        unsafe {
            command.pre_exec(move || {
                setns(handle.as_fd(), CloneFlags::CLONE_NEWNET).map_err(io::Error::from)?;
                if !lasting {
                    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
                }
                Ok(())
            });
        }
        command
    }

    /// Runs `ip` on this namespace and returns what it printed.
    ///
    /// # Errors
    /// When it fails, with its own words.
    pub fn ip(&self, arguments: &[&str]) -> Result<String> {
        succeed(Command::new("ip").args(["-n", &self.name]).args(arguments))
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        if self.lifetime.is_kept() {
            return;
        }
        if let Err(error) = remove(&self.name) {
            eprintln!("lab: {error:#}");
        }
    }
}

/// Ends every process inside the namespace and removes it.
///
/// # Errors
/// When it is not there or cannot be removed.
pub fn remove(name: &str) -> Result<()> {
    let inside = succeed(Command::new("ip").args(["netns", "pids", name])).unwrap_or_default();
    let own = std::process::id().to_string();
    for pid in inside.split_whitespace().filter(|pid| *pid != own) {
        if let Ok(pid) = pid.parse() {
            // It may have ended meanwhile, which is what is wanted.
            kill(Pid::from_raw(pid), Signal::SIGKILL).ok();
        }
    }
    succeed(Command::new("ip").args(["netns", "del", name])).map(drop)
}

/// Runs a command to its end and returns what it printed.
///
/// # Errors
/// When it cannot be started or fails, with its command line and its own words.
pub fn succeed(command: &mut Command) -> Result<String> {
    let output = finish(command)?;
    if !output.status.success() {
        bail!("{command:?}: {}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs a command to its end, whatever that is.
///
/// # Errors
/// When it cannot be started.
pub fn finish(command: &mut Command) -> Result<Output> {
    command.stdin(Stdio::null()).output().with_context(|| format!("start {command:?}"))
}
