//! Where log lines go: text or JSON on stderr, or the journal with its fields when stderr is the journal.

pub mod front;

use std::{
    io::{self, IsTerminal},
    os::fd::AsFd,
    path::PathBuf,
};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::{
    EnvFilter, Registry,
    filter::ParseError,
    fmt,
    layer::SubscriberExt,
    registry::LookupSpan,
    util::{SubscriberInitExt, TryInitError},
};

/// How lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people. Under systemd, the journal gets the fields beside the text.
    #[default]
    Text,
    /// One JSON object for each line.
    Json,
}

/// What is logged, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogOptions {
    /// How.
    pub format: LogFormat,
    /// What: a level, or directives as in RUST_LOG. `None`: RUST_LOG, else `info`.
    pub level: Option<String>,
}

/// Logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The level is none.
    #[error("cannot log at {given:?} (from {origin}): {source}; use error, warn, info, debug or trace")]
    Level {
        /// What was asked for.
        given: String,
        /// `--log-level` or RUST_LOG.
        origin: &'static str,
        /// What is wrong with it.
        source: ParseError,
    },
    /// The log file cannot be opened.
    #[error("cannot open log file {}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Somebody else set it up before.
    #[error("cannot set up the log: {0}")]
    Taken(#[from] TryInitError),
}

/// Talkative at `info` and `debug` about things that are ours to log.
const QUIET: [&str; 6] =
    ["netlink_packet_core", "netlink_packet_route", "netlink_proto", "netlink_sys", "hyper", "h2"];

/// Sets the process's log up.
///
/// # Errors
/// The level cannot be read, or a log was set up before.
pub fn set_up(options: &LogOptions) -> Result<(), LogError> {
    let filter = filter(options.level.as_deref(), std::env::var("RUST_LOG").ok().as_deref())?;
    let journal = match options.format {
        LogFormat::Text if stderr_is_journal() => tracing_journald::layer().ok(),
        LogFormat::Text | LogFormat::Json => None,
    };
    let base = Registry::default().with(filter);
    match (journal, options.format) {
        (Some(journal), _) => {
            let journal = journal.with_field_prefix(None).with_syslog_identifier("regent".to_owned());
            base.with(journal).try_init()?;
        }
        (None, LogFormat::Text) => base.with(text(io::stderr, colour())).try_init()?,
        (None, LogFormat::Json) => base.with(json(io::stderr)).try_init()?,
    }
    Ok(())
}

fn text<S, W>(writer: W, colour: bool) -> impl tracing_subscriber::Layer<S>
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
    W: for<'w> fmt::MakeWriter<'w> + 'static,
{
    fmt::layer().with_writer(writer).with_ansi(colour).with_target(false)
}

fn json<S, W>(writer: W) -> impl tracing_subscriber::Layer<S>
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
    W: for<'w> fmt::MakeWriter<'w> + 'static,
{
    fmt::layer().json().flatten_event(true).with_current_span(false).with_span_list(false).with_writer(writer)
}

/// `--log-level` before RUST_LOG before `info`. The netlink crates stay quiet unless they are named.
fn filter(level: Option<&str>, environment: Option<&str>) -> Result<EnvFilter, LogError> {
    let (given, origin) = match (level, environment) {
        (Some(level), _) => (level, "--log-level"),
        (None, Some(environment)) if !environment.is_empty() => (environment, "RUST_LOG"),
        (None, Some(_) | None) => ("info", "the default"),
    };
    let refused = |source| LogError::Level { given: given.to_owned(), origin, source };
    let mut directives = String::new();
    for target in QUIET.iter().filter(|target| !given.contains(**target)) {
        directives.push_str(target);
        directives.push_str("=error,");
    }
    directives.push_str(given);
    EnvFilter::builder().with_default_directive(LevelFilter::INFO.into()).parse(directives).map_err(refused)
}

/// JOURNAL_STREAM holds "device:inode" of the journal's socket; a shell below may have inherited the variable and
/// redirected stderr, so both are compared.
pub fn stderr_is_journal() -> bool {
    let Some(stream) = std::env::var("JOURNAL_STREAM").ok() else { return false };
    rustix::fs::fstat(io::stderr().as_fd())
        .is_ok_and(|stat| stream == format!("{}:{}", stat.st_dev, stat.st_ino))
}

/// Colours for a person only: a terminal, and no NO_COLOR.
fn colour() -> bool {
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn the_flag_wins_over_the_environment() {
        assert!(filter(Some("debug"), Some("error")).unwrap().to_string().contains("debug"));
        assert!(filter(None, Some("error")).unwrap().to_string().ends_with("error"));
        assert!(filter(None, None).unwrap().to_string().contains("info"));
        assert!(filter(None, Some("")).unwrap().to_string().contains("info"));
    }

    #[test]
    fn netlink_is_quiet_unless_it_is_named() {
        assert!(filter(None, None).unwrap().to_string().contains("netlink_packet_route=error"));
        let named = filter(Some("info,netlink_packet_route=debug"), None).unwrap().to_string();
        assert!(
            named.contains("netlink_packet_route=debug") && !named.contains("netlink_packet_route=error"),
            "{named}"
        );
    }

    /// What `layer` writes for one line with fields.
    fn written<L>(layer: impl FnOnce(Captured) -> L) -> String
    where
        L: tracing_subscriber::Layer<Registry> + Send + Sync,
    {
        let captured = Captured::default();
        let subscriber = Registry::default().with(layer(captured.clone()));
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(instance = "VI_1", vrid = 50, "(VI_1) Entering MASTER STATE: no master heard");
        });
        let bytes = captured.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[derive(Clone, Default)]
    struct Captured(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl fmt::MakeWriter<'_> for Captured {
        type Writer = Self;

        fn make_writer(&self) -> Self {
            self.clone()
        }
    }

    #[test]
    fn json_is_one_object_for_each_line_with_the_fields_at_its_top() {
        let line = written(json);
        assert_eq!(line.lines().count(), 1);
        let object: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(object["message"], "(VI_1) Entering MASTER STATE: no master heard");
        assert_eq!((object["instance"].as_str(), object["vrid"].as_u64()), (Some("VI_1"), Some(50)));
        assert!(object["timestamp"].as_str().unwrap().ends_with('Z'), "{line}");
    }

    #[test]
    fn text_keeps_the_sentence_whole() {
        let line = written(|writer| text(writer, false));
        assert!(
            line.contains(" INFO (VI_1) Entering MASTER STATE: no master heard instance=\"VI_1\" vrid=50\n"),
            "{line}"
        );
    }

    #[test]
    fn a_level_that_is_none_is_refused_with_its_origin() {
        let text = filter(Some("regent=loud"), None).unwrap_err().to_string();
        assert!(text.starts_with("cannot log at \"regent=loud\" (from --log-level): "), "{text}");
    }
}
