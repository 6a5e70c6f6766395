//! Programs that are run for the operator: check scripts and notify programs.
//!
//! Owns how a program is started (no shell, own process group, nothing inherited but PATH), how its output is kept
//! (the last line) and how it is ended (the whole group, politely first). Refuses to know what a program is for.
//! Never used on the VRRP thread: a fork is no business of a thread with deadlines.

use std::{
    fmt, future,
    future::Future,
    io,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    pin::pin,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, killpg},
    unistd::{Group, Pid, User},
};
use tokio::{
    io::{AsyncReadExt, Interest, unix::AsyncFd},
    net::unix::pipe,
    process::Command,
    time::sleep,
};

/// How long a program that was told to end has before it is killed.
pub const GRACE: Duration = Duration::from_secs(2);
/// How long a killed program may take to vanish before nobody waits for it any more.
const REAP_LIMIT: Duration = Duration::from_secs(1);
/// The search path of programs when the agent has none itself.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Bytes kept of a line of output.
const LINE_LIMIT: usize = 256;

/// A program with its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// A path, or a name that PATH finds.
    pub path: PathBuf,
    /// Arguments, passed as they are.
    pub arguments: Vec<String>,
    /// Who runs it; `None`: as the agent does.
    pub user: Option<RunAs>,
}

/// A user and maybe a group, by name or number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunAs {
    /// User.
    pub user: String,
    /// Group; the user's own when absent.
    pub group: Option<String>,
}

/// A user and group as the kernel knows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credentials {
    user: u32,
    group: u32,
}

/// A program could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The user does not exist.
    #[error("cannot run {program} as user {user}: there is no such user")]
    NoUser {
        /// The program.
        program: String,
        /// The user.
        user: String,
    },
    /// The group does not exist.
    #[error("cannot run {program} as group {group}: there is no such group")]
    NoGroup {
        /// The program.
        program: String,
        /// The group.
        group: String,
    },
    /// Users or groups could not be looked up.
    #[error("cannot run {program}: looking up its user or group failed: {source}")]
    Lookup {
        /// The program.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// The system refused.
    #[error("cannot run {program}: {source}{}", advice(.source))]
    Start {
        /// The program.
        program: String,
        /// What the system said.
        source: io::Error,
    },
}

/// What to do about a refusal, where it is not plain.
fn advice(error: &io::Error) -> &'static str {
    match error.raw_os_error() {
        Some(libc::EACCES) => "; is it executable for the user that runs it?",
        Some(libc::ENOEXEC) => "; a script must begin with a line such as #!/bin/sh",
        Some(libc::ENOENT) => "; does it exist, and the interpreter in its first line?",
        Some(libc::EPERM) => "; the agent may not change to that user",
        Some(_) | None => "",
    }
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// By itself, with this status.
    Exited(i32),
    /// By this signal, which was not ours.
    Signalled(i32),
    /// It was given up: told to end, and killed if that did not help.
    GivenUp,
}

impl Outcome {
    /// It exited with status 0.
    pub const fn is_success(self) -> bool {
        matches!(self, Self::Exited(0))
    }

    fn from_status(status: ExitStatus) -> Self {
        use std::os::unix::process::ExitStatusExt;
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Exited(code),
            (None, Some(signal)) => Self::Signalled(signal),
            (None, None) => Self::Signalled(0),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(code) => write!(f, "exit status {code}"),
            Self::Signalled(number) => match Signal::try_from(*number) {
                Ok(signal) => write!(f, "killed by {}", signal.as_str()),
                Err(_) => write!(f, "killed by signal {number}"),
            },
            Self::GivenUp => f.write_str("given up and terminated"),
        }
    }
}

/// A program that ended.
#[derive(Debug)]
pub struct Finished {
    /// How.
    pub outcome: Outcome,
    /// The last line that it printed, made safe to log and cut at 256 bytes.
    pub last_line: Option<String>,
    /// Its output, when something that it left behind still holds it open. Dropping it makes that something fail when
    /// it prints, so a caller that wants it to live on calls [`Output::discard`].
    pub leftover: Option<Output>,
}

impl Program {
    /// The program as a person reads it.
    pub fn name(&self) -> String {
        printable(self.path.to_string_lossy().as_bytes())
    }

    /// Looks its user up; `None` when it runs as the agent does. This may take as long as the system's directory
    /// service likes, so whoever runs a program often keeps the answer.
    ///
    /// # Errors
    /// The user or group does not exist, or cannot be looked up.
    pub async fn credentials(&self) -> Result<Option<Credentials>, StartError> {
        let Some(run_as) = self.user.clone() else { return Ok(None) };
        let program = self.name();
        let lookup = move || run_as.look_up(program);
        match tokio::task::spawn_blocking(lookup).await {
            Ok(found) => found.map(Some),
            Err(error) => Err(StartError::Lookup { program: self.name(), source: io::Error::other(error) }),
        }
    }

    /// Starts it. Must be called inside a tokio runtime that has its IO and time switched on.
    ///
    /// # Errors
    /// The system refused: no such file, not executable, out of processes, not allowed to change the user.
    pub fn start(&self, credentials: Option<Credentials>) -> Result<Running, StartError> {
        self.spawn(credentials).map_err(|source| StartError::Start { program: self.name(), source })
    }

    fn spawn(&self, credentials: Option<Credentials>) -> io::Result<Running> {
        let (reader, writer) = io::pipe()?;
        let mut command = Command::new(&self.path);
        command
            .args(&self.arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_else(|| DEFAULT_PATH.into()))
            .current_dir(Path::new("/"))
            .stdin(Stdio::null())
            .stdout(writer.try_clone()?)
            .stderr(writer)
            .process_group(0)
            .kill_on_drop(true);
        if let Some(Credentials { user, group }) = credentials {
            // The standard library sets the group, empties the supplementary groups (as root) and sets the user, in
            // this order.
            command.gid(group).uid(user);
        }
        let child = command.spawn()?;
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        // The command holds our copy of the writing end: without this the output would never end.
        drop(command);
        let process =
            id.and_then(rustix::process::Pid::from_raw).ok_or_else(|| io::Error::other("no process id"))?;
        let mut running =
            Running { child, group: Some(Pid::from_raw(process.as_raw_pid())), exit: None, output: None };
        running.output = Some(Output::new(reader.into())?);
        running.exit = Some(exit_of(process)?);
        Ok(running)
    }
}

/// Something that becomes readable once `process` has ended, whether or not anybody has waited for it.
#[expect(unsafe_code, reason = "tokio cannot know that a descriptor stays open; its owner's type shows it")]
fn exit_of(process: rustix::process::Pid) -> io::Result<AsyncFd<OwnedFd>> {
    let exit = rustix::process::pidfd_open(process, rustix::process::PidfdFlags::NONBLOCK)?;
    // SAFETY: `exit` is moved in and owns its descriptor, which so stays open and the same until the AsyncFd is dropped;
    // nothing here calls `get_mut`.
    let registered = unsafe { AsyncFd::register_with_interest(exit, Interest::READABLE) };
    Ok(registered?)
}

impl RunAs {
    fn look_up(&self, program: String) -> Result<Credentials, StartError> {
        let failed =
            |error: nix::Error| StartError::Lookup { program: program.clone(), source: error.into() };
        let by_name = User::from_name(&self.user).map_err(failed)?;
        let user = match (by_name, self.user.parse::<u32>()) {
            (Some(user), _) => user,
            (None, Ok(number)) => match User::from_uid(number.into()).map_err(failed)? {
                Some(user) => user,
                None => return Err(StartError::NoUser { program, user: self.user.clone() }),
            },
            (None, Err(_)) => return Err(StartError::NoUser { program, user: self.user.clone() }),
        };
        let Some(name) = &self.group else {
            return Ok(Credentials { user: user.uid.as_raw(), group: user.gid.as_raw() });
        };
        let group = match (Group::from_name(name).map_err(failed)?, name.parse::<u32>()) {
            (Some(group), _) => group.gid.as_raw(),
            (None, Ok(number)) => number,
            (None, Err(_)) => return Err(StartError::NoGroup { program, group: name.clone() }),
        };
        Ok(Credentials { user: user.uid.as_raw(), group })
    }
}

/// A program that runs. Dropping it kills its whole group.
#[derive(Debug)]
pub struct Running {
    child: tokio::process::Child,
    /// The group while its leader has not been waited for, so that the number cannot belong to anybody else.
    group: Option<Pid>,
    /// Readable once the leader has ended; unlike `wait`, that leaves its number taken.
    exit: Option<AsyncFd<OwnedFd>>,
    output: Option<Output>,
}

impl Running {
    /// Waits for its end. When `give_up` is ready first, the group is told to end (SIGTERM) and killed 2 s later, or
    /// at once when the leader has ended by then.
    pub async fn finish(mut self, give_up: impl Future<Output = ()>) -> Finished {
        let mut output = self.output.take();
        let given_up = tokio::select! {
            () = ended(self.exit.as_ref(), output.as_mut()) => false,
            () = pin!(give_up) => true,
        };
        if given_up {
            self.signal(Signal::SIGTERM);
            tokio::select! {
                () = ended(self.exit.as_ref(), output.as_mut()) => {}
                () = sleep(GRACE) => {}
            }
            // Also when the leader went in time: what it started may not have.
            self.signal(Signal::SIGKILL);
        }
        self.group = None;
        let outcome = tokio::select! {
            status = self.child.wait() => status.map_or(Outcome::Signalled(0), Outcome::from_status),
            // Stuck in the kernel. The runtime reaps it whenever it comes out.
            () = sleep(REAP_LIMIT) => Outcome::GivenUp,
        };
        let outcome = if given_up { Outcome::GivenUp } else { outcome };
        let open = output.as_mut().is_some_and(Output::read_what_is_there);
        let last_line = output.as_ref().and_then(|output| output.line.last());
        Finished { outcome, last_line, leftover: output.filter(|_| open) }
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.group {
            // ESRCH: everybody has gone already, which is what we want.
            let _gone = killpg(group, signal);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.signal(Signal::SIGKILL);
    }
}

/// Ready once the leader has ended; keeps reading its output until then, so that it never blocks on a full pipe.
async fn ended(exit: Option<&AsyncFd<OwnedFd>>, output: Option<&mut Output>) {
    let exited = async {
        match exit {
            Some(descriptor) => drop(descriptor.readable().await),
            None => future::pending().await,
        }
    };
    let reading = async {
        if let Some(output) = output {
            output.read_to_end().await;
        }
        future::pending::<()>().await;
    };
    tokio::select! {
        () = exited => {}
        () = reading => {}
    }
}

/// The reading end of a program's output.
#[derive(Debug)]
pub struct Output {
    pipe: pipe::Receiver,
    line: LastLine,
}

impl Output {
    fn new(reader: OwnedFd) -> io::Result<Self> {
        Ok(Self { pipe: pipe::Receiver::from_owned_fd(reader)?, line: LastLine::default() })
    }

    /// Reads and throws away until nobody holds the other end.
    pub async fn discard(mut self) {
        self.read_to_end().await;
    }

    async fn read_to_end(&mut self) {
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = self.pipe.read(&mut buffer).await {
            self.line.push(buffer.get(..length).unwrap_or_default());
        }
    }

    /// Reads what has arrived, at most a pipe full; true while somebody holds the other end.
    fn read_what_is_there(&mut self) -> bool {
        let mut buffer = [0; 4096];
        for _ in 0..64 {
            match self.pipe.try_read(&mut buffer) {
                Ok(0) => return false,
                Ok(length) => self.line.push(buffer.get(..length).unwrap_or_default()),
                Err(error) => return error.kind() == io::ErrorKind::WouldBlock,
            }
        }
        true
    }
}

/// The last line of a stream that says something, in bounded memory.
#[derive(Debug, Default)]
struct LastLine {
    current: Vec<u8>,
    whole: Vec<u8>,
}

impl LastLine {
    fn push(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match byte {
                b'\n' => {
                    if self.current.iter().any(|byte| !byte.is_ascii_whitespace()) {
                        std::mem::swap(&mut self.whole, &mut self.current);
                    }
                    self.current.clear();
                }
                _ if self.current.len() < LINE_LIMIT => self.current.push(*byte),
                _ => {}
            }
        }
    }

    fn last(&self) -> Option<String> {
        [&self.current, &self.whole]
            .into_iter()
            .map(|line| printable(line).trim().to_owned())
            .find(|line| !line.is_empty())
    }
}

/// Text that cannot start a new line in a log or talk to a terminal.
fn printable(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests;
