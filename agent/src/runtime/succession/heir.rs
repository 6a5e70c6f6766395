//! The old agent's side on the control runtime: to start the new one, to give it what belongs to the run directory, and to
//! end it if it fails.

use std::{
    ffi::{OsStr, OsString},
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::{
    channel::{Channel, ChannelError, DESCRIPTORS},
    letter::{Group, Letter, PROTOCOL},
};
use crate::{net::clock, words};

/// The option that makes an agent a successor.
pub const OPTION: &str = "--succeed";
/// How long one that ends by itself may take to.
const END: Duration = Duration::from_secs(2);

/// How often it is looked whether the wait is in vain.
const LOOK: Duration = Duration::from_millis(50);

/// Whether nobody wants it any more. Cheap to clone; all clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Cancelled(Arc<AtomicBool>);

impl Cancelled {
    /// Nobody does.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What belongs to the run directory and to this agent alone, in second handles.
#[derive(Debug)]
pub struct Belongings {
    /// The lock.
    pub lock: OwnedFd,
    /// The listener of the control socket.
    pub control: OwnedFd,
    /// The listener for metrics.
    pub metrics: Option<OwnedFd>,
    /// The lock of the pins.
    pub pins: Option<OwnedFd>,
    /// Groups that are this agent's alone, by name.
    pub claims: Vec<(String, OwnedFd)>,
}

/// The successor: a process that ends with this, unless it was let go.
#[derive(Debug)]
pub struct Heir {
    child: Option<Child>,
    binary: PathBuf,
    channel: Channel,
}

impl Heir {
    /// Starts the program with this agent's own command line and gives it the belongings.
    ///
    /// # Errors
    /// When it cannot be started; as a sentence.
    pub fn start(binary: &Path, command_line: &[OsString], belongings: &Belongings) -> Result<Self, String> {
        let failed = |error: &dyn std::fmt::Display| format!("cannot start {}: {error}", binary.display());
        if !binary.is_absolute() {
            return Err(failed(&"its path does not begin with a slash"));
        }
        let (channel, theirs) = Channel::pair().map_err(|error| failed(&error))?;
        let child = start(binary, command_line, theirs).map_err(|error| failed(&error))?;
        let heir = Self { child: Some(child), binary: binary.to_owned(), channel };
        match heir.give(belongings) {
            // One that has hung up already says why, or how it ended, when it is waited for.
            Ok(()) | Err(ChannelError::Closed) => Ok(heir),
            Err(error) => Err(heir_failed(&heir.binary, &error)),
        }
    }

    fn give(&self, belongings: &Belongings) -> Result<(), ChannelError> {
        let Belongings { lock, control, metrics, pins, claims } = belongings;
        let letter = Letter::Belongings {
            protocol: PROTOCOL,
            pid: std::process::id(),
            metrics: metrics.is_some(),
            pins: pins.is_some(),
            claims: claims.len(),
        };
        let also = [metrics, pins].into_iter().flatten().map(AsFd::as_fd);
        let descriptors: Vec<BorrowedFd<'_>> =
            [lock.as_fd(), control.as_fd()].into_iter().chain(also).collect();
        self.channel.send(&letter, &descriptors)?;
        for some in claims.chunks(DESCRIPTORS) {
            let names = some.iter().map(|(name, _)| name.clone()).collect();
            let descriptors: Vec<BorrowedFd<'_>> = some.iter().map(|(_, claim)| claim.as_fd()).collect();
            self.channel.send(&Letter::Claims { names }, &descriptors)?;
        }
        Ok(())
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().map_or(0, Child::id)
    }

    /// Another handle to the way to it.
    ///
    /// # Errors
    /// When no descriptor is left.
    pub fn channel(&self) -> io::Result<Channel> {
        self.channel.again()
    }

    /// Waits until it is ready, and returns which groups it will speak for. Blocks.
    ///
    /// # Errors
    /// When it fails, ends, or takes too long; as a sentence, its own if it said one.
    pub fn wait_ready(&mut self, patience: Duration, cancelled: &Cancelled) -> Result<Vec<Group>, String> {
        let deadline = clock::now() + patience;
        loop {
            if cancelled.is_set() {
                return Err("the agent is ending".into());
            }
            match self.channel.receive(LOOK) {
                Ok((Letter::Ready { groups }, _)) => return Ok(groups),
                Ok((Letter::Failed { sentence }, _)) => return Err(sentence),
                Ok((
                    Letter::Belongings { .. }
                    | Letter::Claims { .. }
                    | Letter::Will
                    | Letter::Accepted
                    | Letter::Farewell
                    | Letter::Abandoned { .. }
                    | Letter::Unknown,
                    _,
                )) => {}
                Err(ChannelError::Late(_)) if clock::now() < deadline => {}
                Err(ChannelError::Late(_)) => {
                    return Err(format!(
                        "{} was not ready within {}",
                        self.binary.display(),
                        words::lapse(patience)
                    ));
                }
                Err(error) => return Err(self.ended(&error)),
            }
        }
    }

    /// What to say of one that hung up.
    fn ended(&mut self, error: &ChannelError) -> String {
        let deadline = clock::now() + END;
        while clock::now() < deadline {
            let Some(child) = self.child.as_mut() else { break };
            if let Ok(Some(status)) = child.try_wait() {
                return format!(
                    "{} ended ({}) before it was ready; the log of the running agent has what it said",
                    self.binary.display(),
                    how(status)
                );
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        heir_failed(&self.binary, error)
    }

    /// It is on its own now.
    pub fn let_go(mut self) {
        self.child = None;
    }
}

impl Drop for Heir {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended already.
            drop(child.kill());
            drop(child.wait());
        }
    }
}

fn heir_failed(binary: &Path, error: &ChannelError) -> String {
    format!("{} did not get ready: {error}", binary.display())
}

fn how(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => status.to_string(),
    }
}

fn start(binary: &Path, command_line: &[OsString], stdin: OwnedFd) -> io::Result<Child> {
    use std::os::unix::process::CommandExt;
    let mut words = command_line.iter();
    let mut command = Command::new(binary);
    if let Some(name) = words.next() {
        // As `agent` or as `keepalived`.
        command.arg0(name);
    }
    command.args(words.filter(|word| *word != OsStr::new(OPTION))).arg(OPTION).stdin(Stdio::from(stdin));
    // With the command goes the last handle of ours to its end of the way.
    command.spawn()
}
