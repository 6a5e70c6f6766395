//! The log of a daemon that stands in for keepalived: lines as keepalived writes them, on the console, in the system log,
//! in a file. People and their alerts search for `(VI_1) Entering MASTER STATE`.

use std::{
    fmt,
    fs::{File, OpenOptions},
    io::{self, Write},
    os::unix::net::UnixDatagram,
    path::PathBuf,
    str::FromStr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::{Timestamp, tz::TimeZone};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    Layer, Registry,
    layer::{Context, SubscriberExt},
    util::SubscriberInitExt,
};

use super::{LogError, filter};

/// Where the system log listens (syslog(3)).
const SYSTEM_LOG: &str = "/dev/log";
/// How long a system log that does not read may hold up a line; what it does not take is lost.
const PATIENCE: Duration = Duration::from_millis(100);
/// What the VRRP process calls itself, and with it all that matters.
const IDENTITY: &str = "Keepalived_vrrp";
/// What is logged from here is of the process around it.
const FRONT: &str = "cli::front";
/// What that one calls itself.
const FRONT_IDENTITY: &str = "Keepalived";

/// Where lines go.
#[derive(Clone, Debug)]
pub struct FrontLog {
    /// Stderr.
    pub console: bool,
    /// `-D`: more lines.
    pub details: bool,
    /// The system log, by this facility.
    pub syslog: Option<Facility>,
    /// A file, to its end.
    pub file: Option<PathBuf>,
    /// The wall clock.
    pub unix_ms: fn() -> u64,
}

/// A facility of the system log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facility(u8);

impl Facility {
    /// LOG_DAEMON.
    pub const DAEMON: Self = Self(3);
    const USER: Self = Self(1);
    /// LOG_LOCAL0.
    const LOCAL0: u8 = 16;
}

impl FromStr for Facility {
    type Err = ();

    /// `0` to `7`, `local0` to `local7`, `user`, `daemon`.
    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "daemon" => Ok(Self::DAEMON),
            "user" => Ok(Self::USER),
            local => match local.strip_prefix("local").unwrap_or(local).parse::<u8>() {
                Ok(number @ 0..=7) => Ok(Self(Self::LOCAL0 + number)),
                Ok(_) | Err(_) => Err(()),
            },
        }
    }
}

/// Sets the process's log up.
///
/// # Errors
/// RUST_LOG cannot be read, the file cannot be opened, or a log was set up before.
pub fn set_up(log: FrontLog) -> Result<(), LogError> {
    let filter = filter(None, std::env::var("RUST_LOG").ok().as_deref())?;
    let file = log.file.as_ref().map(|path| {
        let opened = OpenOptions::new().create(true).append(true).open(path);
        opened.map_err(|source| LogError::File { path: path.clone(), source })
    });
    let lines = Lines {
        console: log.console,
        details: log.details,
        file: file.transpose()?,
        syslog: log.syslog.map(|facility| Syslog { facility, socket: Mutex::new(None) }),
        unix_ms: log.unix_ms,
    };
    Registry::default().with(filter).with(lines).try_init()?;
    Ok(())
}

/// The layer that writes lines.
struct Lines {
    console: bool,
    details: bool,
    file: Option<File>,
    syslog: Option<Syslog>,
    unix_ms: fn() -> u64,
}

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let mut said = Said::default();
        event.record(&mut said);
        let metadata = event.metadata();
        let identity = if metadata.target().contains(FRONT) { FRONT_IDENTITY } else { IDENTITY };
        if self.details && said.cause == "down_timer" {
            let line = format!("({}) Receive advertisement timeout", said.instance);
            self.write(&line, *metadata.level(), identity);
        }
        for line in said.message.lines() {
            self.write(line, *metadata.level(), identity);
        }
    }
}

impl Lines {
    fn write(&self, line: &str, level: Level, identity: &str) {
        let now = now(self.unix_ms);
        let dated = || format!("{}: {line}\n", now.strftime("%a %b %e %H:%M:%S %Y"));
        // A log that cannot be written cannot be complained about.
        if self.console {
            drop(io::stderr().lock().write_all(dated().as_bytes()));
        }
        if let Some(mut file) = self.file.as_ref() {
            drop(file.write_all(dated().as_bytes()));
        }
        if let Some(syslog) = &self.syslog {
            syslog.write(&now.strftime("%b %e %H:%M:%S").to_string(), line, level, identity);
        }
    }
}

fn now(unix_ms: fn() -> u64) -> jiff::Zoned {
    let now = i64::try_from(unix_ms()).ok().and_then(|now| Timestamp::from_millisecond(now).ok());
    now.unwrap_or_default().to_zoned(TimeZone::system())
}

/// The system log.
struct Syslog {
    facility: Facility,
    socket: Mutex<Option<UnixDatagram>>,
}

impl Syslog {
    fn write(&self, time: &str, line: &str, level: Level, identity: &str) {
        let priority = self.facility.0 * 8 + severity(level);
        let text = format!("<{priority}>{time} {identity}[{}]: {line}", std::process::id());
        let mut socket = self.socket.lock().unwrap_or_else(PoisonError::into_inner);
        let sent = |socket: &UnixDatagram| socket.send(text.as_bytes()).is_ok();
        if !socket.as_ref().is_some_and(sent) {
            // It was started anew, or is reached for the first time.
            *socket = connected().ok().filter(sent);
        }
    }
}

fn connected() -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    socket.set_write_timeout(Some(PATIENCE))?;
    socket.connect(SYSTEM_LOG)?;
    Ok(socket)
}

/// As syslog(3) numbers them.
const fn severity(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        Level::DEBUG | Level::TRACE => 7,
    }
}

/// What of an event is written.
#[derive(Default)]
struct Said {
    message: String,
    instance: String,
    cause: String,
}

impl Visit for Said {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => self.message = value.to_owned(),
            "instance" => self.instance = value.to_owned(),
            "cause" => self.cause = value.to_owned(),
            _ => {}
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facilities_are_said_by_number_or_by_name() {
        assert_eq!("0".parse(), Ok(Facility(16)));
        assert_eq!("local7".parse(), Ok(Facility(23)));
        assert_eq!("daemon".parse(), Ok(Facility(3)));
        assert_eq!("user".parse(), Ok(Facility(1)));
        for none in ["8", "local8", "", "local", "mail", "-1"] {
            assert_eq!(none.parse::<Facility>(), Err(()), "{none}");
        }
    }

    #[test]
    fn lines_go_to_the_file_as_keepalived_writes_them() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let lines = Lines {
            console: false,
            details: true,
            file: Some(File::create(&path).unwrap()),
            syslog: None,
            unix_ms: || 1_795_279_689_319,
        };
        tracing::subscriber::with_default(Registry::default().with(lines), || {
            tracing::info!(
                instance = "VI_1",
                cause = "down_timer",
                "(VI_1) Entering MASTER STATE: no master heard"
            );
            tracing::warn!("one\ntwo");
        });
        let text = std::fs::read_to_string(&path).unwrap();
        let said: Vec<&str> =
            text.lines().filter_map(|line| line.split_once(" 2026: ")).map(|(_, said)| said).collect();
        assert_eq!(
            said,
            [
                "(VI_1) Receive advertisement timeout",
                "(VI_1) Entering MASTER STATE: no master heard",
                "one",
                "two"
            ]
        );
    }
}
