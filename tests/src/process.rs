//! A daemon under test: started, listened to, stopped; never left behind.

use std::{
    collections::VecDeque,
    io::{BufRead, BufReader, Read},
    os::unix::process::ExitStatusExt,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
    time::Duration,
};

use anyhow::{Context, Result, anyhow, bail};
use nix::{
    sys::{
        signal::{Signal, kill, killpg},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::Pid,
};

use crate::{clock::Moment, namespace::Lifetime, node::Node};

/// Lines of log kept of each daemon; the oldest go first.
const LOG_LINES: usize = 4_000;
/// How often an exit is looked for.
const POLL: Duration = Duration::from_millis(5);

/// A running daemon. On drop it is asked to stop, then killed.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    status: Option<ExitStatus>,
    log: Arc<Log>,
    readers: Vec<JoinHandle<()>>,
    grace: Duration,
    lifetime: Lifetime,
    /// Who goes on in its place, in its group and with its output.
    successor: Option<Pid>,
}

#[derive(Debug, Default)]
struct Log {
    lines: Mutex<Lines>,
    arrived: Condvar,
}

#[derive(Debug, Default)]
struct Lines {
    kept: VecDeque<(Moment, String)>,
    dropped: u64,
}

impl Log {
    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Process {
    /// Starts it on `node`; `grace` is how long it has to stop on drop before it is killed.
    ///
    /// On a host that may outlive us its output goes to `log` in the host's directory, since nobody would read
    /// a pipe.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn spawn(name: &str, node: &Node, command: &mut Command, grace: Duration) -> Result<Self> {
        let lifetime = node.namespace().lifetime().clone();
        let name = format!("{name} on {}", node.role());
        command.stdin(Stdio::null());
        if lifetime.is_lasting() {
            let path = node.directory().join("log");
            let file = std::fs::File::create(&path).with_context(|| format!("make {}", path.display()))?;
            command.stdout(file.try_clone()?).stderr(file);
        } else {
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
        }
        let mut child = command.spawn().with_context(|| format!("start {name}: {command:?}"))?;
        let log = Arc::new(Log::default());
        let mut readers = Vec::new();
        if let Some(output) = child.stdout.take() {
            readers.push(listen(output, Arc::clone(&log)));
        }
        if let Some(output) = child.stderr.take() {
            readers.push(listen(output, Arc::clone(&log)));
        }
        Ok(Self { name, child, status: None, log, readers, grace, lifetime, successor: None })
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.successor.map_or_else(|| self.child.id(), |pid| pid.as_raw().unsigned_abs())
    }

    /// Makes this test the parent of what daemons leave behind, so that it hears how that ends. To be called before the
    /// daemon hands over; see [`Self::succeeded_by`].
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn adopt_orphans() -> Result<()> {
        nix::sys::prctl::set_child_subreaper(true).context("become a subreaper")
    }

    /// Another process, which this one started, goes on in its place: from now on that is meant. Waits for the end of this
    /// one and returns how it ended.
    ///
    /// # Errors
    /// When it does not end within `timeout`.
    pub fn succeeded_by(&mut self, pid: u32, timeout: Duration) -> Result<ExitStatus> {
        let deadline = Moment::now().plus(timeout);
        let status = loop {
            if let Some(status) = self.exited()? {
                break status;
            }
            if Moment::now() >= deadline {
                bail!("{} still runs {timeout:?} after it handed over{}", self.name, self.log_tail());
            }
            std::thread::sleep(POLL);
        };
        self.status = None;
        self.successor = Some(Pid::from_raw(i32::try_from(pid).context("process number")?));
        Ok(status)
    }

    /// Everything it said so far, stdout and stderr as they came.
    pub fn log(&self) -> Vec<String> {
        self.log.lines().kept.iter().map(|(_, line)| line.clone()).collect()
    }

    /// As [`Self::log`], each line with the moment at which it came.
    pub fn timed_log(&self) -> Vec<(Moment, String)> {
        self.log.lines().kept.iter().cloned().collect()
    }

    /// The end of what it said, for an error message.
    pub fn log_tail(&self) -> String {
        let lines = self.log.lines();
        let mut text = format!("\n  the end of what {} said:", self.name);
        if lines.dropped > 0 {
            text.push_str(&format!(" ({} lines before are gone)", lines.dropped));
        }
        for (_, line) in lines.kept.iter().skip(lines.kept.len().saturating_sub(25)) {
            text.push_str("\n    ");
            text.push_str(line);
        }
        text
    }

    /// How many lines contain `text`.
    pub fn count(&self, text: &str) -> usize {
        self.log.lines().kept.iter().filter(|(_, line)| line.contains(text)).count()
    }

    /// Waits until it has said `text` at least `times` times.
    ///
    /// # Errors
    /// When it has not within `timeout`, or it ended before; with the end of its log.
    pub fn wait_for_log(&mut self, text: &str, times: usize, timeout: Duration) -> Result<()> {
        let deadline = Moment::now().plus(timeout);
        loop {
            {
                let lines = self.log.lines();
                if lines.kept.iter().filter(|(_, line)| line.contains(text)).count() >= times {
                    return Ok(());
                }
                let left = deadline.since(Moment::now());
                if left.is_zero() {
                    break;
                }
                drop(self.log.arrived.wait_timeout(lines, left.min(Duration::from_millis(50))));
            }
            if let Some(status) = self.exited()? {
                bail!("{} ended ({status}) before it said {text:?}{}", self.name, self.log_tail());
            }
        }
        bail!("{} did not say {text:?} within {timeout:?}{}", self.name, self.log_tail())
    }

    /// Its status if it has ended.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub fn exited(&mut self) -> Result<Option<ExitStatus>> {
        if self.status.is_none() {
            self.status = match self.successor {
                Some(pid) => ended(pid),
                None => self.child.try_wait(),
            }
            .with_context(|| format!("look after {}", self.name))?;
        }
        Ok(self.status)
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// When it still runs after `timeout`.
    pub fn wait_exit(&mut self, timeout: Duration) -> Result<ExitStatus> {
        let deadline = Moment::now().plus(timeout);
        loop {
            if let Some(status) = self.exited()? {
                // Its last words may still be in the pipe, but a child of its own may hold the pipe open: bounded.
                let patience = Moment::now();
                while self.readers.iter().any(|reader| !reader.is_finished())
                    && patience.elapsed() < Duration::from_millis(300)
                {
                    std::thread::sleep(POLL);
                }
                return Ok(status);
            }
            if Moment::now() >= deadline {
                return Err(anyhow!("{} still runs after {timeout:?}{}", self.name, self.log_tail()));
            }
            std::thread::sleep(POLL);
        }
    }

    /// Sends a signal.
    ///
    /// # Errors
    /// When it has ended.
    pub fn signal(&mut self, signal: Signal) -> Result<()> {
        if let Some(status) = self.exited()? {
            bail!("{} has ended already ({status}){}", self.name, self.log_tail());
        }
        let pid = i32::try_from(self.pid()).context("process number")?;
        kill(Pid::from_raw(pid), signal).with_context(|| format!("send {signal} to {}", self.name))
    }

    /// Sends a signal to it and to all its descendants that stayed in its group.
    ///
    /// # Errors
    /// When it has ended.
    pub fn signal_all(&mut self, signal: Signal) -> Result<()> {
        if let Some(status) = self.exited()? {
            bail!("{} has ended already ({status}){}", self.name, self.log_tail());
        }
        let group = i32::try_from(self.child.id()).context("process number")?;
        killpg(Pid::from_raw(group), signal).with_context(|| format!("send {signal} to all of {}", self.name))
    }

    /// SIGTERM, and waits for the end.
    ///
    /// # Errors
    /// When it has ended before, or still runs after `timeout`.
    pub fn stop(&mut self, timeout: Duration) -> Result<ExitStatus> {
        self.signal(Signal::SIGTERM)?;
        self.wait_exit(timeout)
    }

    /// SIGKILL to it and its descendants, and waits for its end: none of them is to say a last word.
    ///
    /// # Errors
    /// When it has ended before.
    pub fn kill(&mut self) -> Result<()> {
        self.signal_all(Signal::SIGKILL)?;
        self.wait_exit(Duration::from_secs(5)).map(drop)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.lifetime.is_kept() || matches!(self.exited(), Ok(Some(_))) {
            return;
        }
        if !self.grace.is_zero() && self.stop(self.grace).is_ok() {
            return;
        }
        self.kill().ok();
    }
}

/// How a process ended that was adopted, if it has.
fn ended(pid: Pid) -> std::io::Result<Option<ExitStatus>> {
    match waitpid(pid, Some(WaitPidFlag::WNOHANG))? {
        WaitStatus::Exited(_, code) => Ok(Some(ExitStatus::from_raw(code << 8))),
        WaitStatus::Signaled(_, signal, _) => Ok(Some(ExitStatus::from_raw(signal as i32))),
        WaitStatus::Stopped(..)
        | WaitStatus::PtraceEvent(..)
        | WaitStatus::PtraceSyscall(_)
        | WaitStatus::Continued(_)
        | WaitStatus::StillAlive => Ok(None),
    }
}

/// A sentence about how a process ended.
pub fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => status.to_string(),
    }
}

fn listen(output: impl Read + Send + 'static, log: Arc<Log>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut output = BufReader::new(output);
        let mut line = Vec::new();
        while matches!(output.read_until(b'\n', &mut line), Ok(1..)) {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            line.clear();
            let mut lines = log.lines();
            if lines.kept.len() == LOG_LINES {
                lines.kept.pop_front();
                lines.dropped += 1;
            }
            lines.kept.push_back((Moment::now(), text));
            drop(lines);
            log.arrived.notify_all();
        }
    })
}
