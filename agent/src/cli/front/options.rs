//! keepalived's command line, as 2.2.7 and the later ones take it: one table for the reader and the help.

use std::{
    ffi::{OsStr, OsString},
    path::PathBuf,
};

use lexopt::{Arg, Parser};

use super::super::options::DEFAULT_CONFIGS;
use crate::{observe::log::front::Facility, runtime::Wanted};

/// The keepalived whose words, files and signals these are.
pub const VERSION: &str = "v2.2.7";

/// What the line asks for.
#[derive(Debug)]
pub enum Request {
    /// To run, or to test the config.
    Run(Box<Options>),
    /// To say something and end.
    Print {
        /// What.
        text: String,
        /// There, or to stderr.
        to_stdout: bool,
        /// And end with that.
        code: u8,
    },
}

/// How to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// `-f`.
    pub config: PathBuf,
    /// Instances are run: not with `-C` alone.
    pub vrrp: bool,
    /// `-n`.
    pub foreground: bool,
    /// `-l`.
    pub console: bool,
    /// `-D`.
    pub details: bool,
    /// `-S`; `None`: nothing goes to the system log (`-G`).
    pub facility: Option<Facility>,
    /// `-g`.
    pub log_file: Option<PathBuf>,
    /// `-d`.
    pub dumps: bool,
    /// `-p`.
    pub pid: Option<PathBuf>,
    /// `-r`.
    pub vrrp_pid: Option<PathBuf>,
    /// `-s`.
    pub namespace: Option<String>,
    /// `-i`.
    pub config_id: Option<String>,
    /// `-u`.
    pub umask: Option<u32>,
    /// `-m`.
    pub core_dump: bool,
    /// `-t`, and where its words go instead of stderr.
    pub test: Option<Option<PathBuf>>,
    /// An agent hands over to this one.
    pub succeeds: bool,
    /// What is wrong with the line, though it is carried out.
    pub complaints: Vec<String>,
    /// What of it has no effect, for the log.
    pub remarks: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            config: DEFAULT_CONFIGS[1].into(),
            vrrp: true,
            foreground: false,
            console: false,
            details: false,
            facility: Some(Facility::DAEMON),
            log_file: None,
            dumps: false,
            pid: None,
            vrrp_pid: None,
            namespace: None,
            config_id: None,
            umask: None,
            core_dump: false,
            test: None,
            succeeds: false,
            complaints: Vec::new(),
            remarks: Vec::new(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    UseFile,
    Vrrp,
    Check,
    LogConsole,
    LogDetail,
    LogFacility,
    LogFile,
    NoSyslog,
    Umask,
    DontFork,
    DumpConf,
    Pid,
    VrrpPid,
    Namespace,
    CoreDump,
    ConfigId,
    Signum,
    ConfigTest,
    Version,
    Help,
    Genhash,
    Succeed,
    /// Nothing is missing without it.
    Nothing,
    /// Something is; what.
    Without(&'static str),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Takes {
    None,
    Value(&'static str),
    /// Only where it is glued on.
    Maybe(&'static str),
}

struct Row {
    letter: Option<char>,
    name: &'static str,
    takes: Takes,
    meaning: Meaning,
    help: &'static str,
}

const fn row(
    letter: Option<char>,
    name: &'static str,
    takes: Takes,
    meaning: Meaning,
    help: &'static str,
) -> Row {
    Row { letter, name, takes, meaning, help }
}

const FILE: Takes = Takes::Value("FILE");
const UNUSED: &str = "without effect: there is no such process";

const ROWS: &[Row] = &[
    row(
        Some('f'),
        "use-file",
        FILE,
        Meaning::UseFile,
        "read this config instead of /etc/keepalived/keepalived.conf",
    ),
    row(Some('P'), "vrrp", Takes::None, Meaning::Vrrp, "run VRRP alone"),
    row(Some('C'), "check", Takes::None, Meaning::Check, "run health checks alone: no instance is run"),
    row(Some('B'), "no_bfd", Takes::None, Meaning::Nothing, "run no BFD"),
    row(None, "all", Takes::None, Meaning::Nothing, "without effect: there is one process for all"),
    row(Some('l'), "log-console", Takes::None, Meaning::LogConsole, "log to stderr too"),
    row(Some('D'), "log-detail", Takes::None, Meaning::LogDetail, "log more"),
    row(
        Some('S'),
        "log-facility",
        Takes::Value("0-7|local0-7|user|daemon"),
        Meaning::LogFacility,
        "facility of the system log [daemon]",
    ),
    row(Some('g'), "log-file", FILE, Meaning::LogFile, "log to this file too"),
    row(
        None,
        "flush-log-file",
        Takes::None,
        Meaning::Nothing,
        "without effect: each line is written at once",
    ),
    row(Some('G'), "no-syslog", Takes::None, Meaning::NoSyslog, "log nothing to the system log"),
    row(Some('u'), "umask", Takes::Value("MASK"), Meaning::Umask, "mode bits that new files never have"),
    row(
        Some('X'),
        "release-vips",
        Takes::None,
        Meaning::Nothing,
        "without effect: addresses are always given up in an orderly way",
    ),
    row(
        Some('V'),
        "dont-release-vrrp",
        Takes::None,
        Meaning::Without(
            "addresses and routes are removed at a stop all the same; `agent handover` keeps them over an upgrade",
        ),
        "without effect: addresses are removed at a stop",
    ),
    row(
        Some('I'),
        "dont-release-ipvs",
        Takes::None,
        Meaning::Nothing,
        "without effect: there is no IPVS table",
    ),
    row(Some('R'), "dont-respawn", Takes::None, Meaning::Nothing, UNUSED),
    row(Some('n'), "dont-fork", Takes::None, Meaning::DontFork, "stay in the foreground"),
    row(Some('d'), "dump-conf", Takes::None, Meaning::DumpConf, "log the config after the start"),
    row(Some('p'), "pid", FILE, Meaning::Pid, "where the process number is written [/run/keepalived.pid]"),
    row(
        Some('r'),
        "vrrp_pid",
        FILE,
        Meaning::VrrpPid,
        "and once more, as that of the VRRP process [/run/vrrp.pid]",
    ),
    row(Some('T'), "genhash", Takes::None, Meaning::Genhash, "not there"),
    row(Some('c'), "checkers_pid", FILE, Meaning::Nothing, UNUSED),
    row(
        Some('a'),
        "address-monitoring",
        Takes::None,
        Meaning::Nothing,
        "without effect: what matters of addresses is always logged",
    ),
    row(Some('b'), "bfd_pid", FILE, Meaning::Nothing, UNUSED),
    row(
        Some('x'),
        "snmp",
        Takes::None,
        Meaning::Without("there is no SNMP agent; `agent status` and the metrics say the same"),
        "without effect: there is no SNMP",
    ),
    row(Some('A'), "snmp-agent-socket", FILE, Meaning::Nothing, "without effect: there is no SNMP"),
    row(Some('s'), "namespace", Takes::Value("NAME"), Meaning::Namespace, "run in this network namespace"),
    row(Some('m'), "core-dump", Takes::None, Meaning::CoreDump, "leave a core file when it crashes"),
    row(
        Some('M'),
        "core-dump-pattern",
        Takes::Maybe("PATTERN"),
        Meaning::CoreDump,
        "the same; the kernel's pattern stays",
    ),
    row(
        Some('e'),
        "all-config",
        Takes::None,
        Meaning::Nothing,
        "without effect: a missing config is always an error",
    ),
    row(
        Some('i'),
        "config-id",
        Takes::Value("ID"),
        Meaning::ConfigId,
        "read the lines `@ID` [this host's name]",
    ),
    row(
        None,
        "signum",
        Takes::Value("SIGFUNC"),
        Meaning::Signum,
        "print the number of a signal: STOP, RELOAD, DATA, STATS, STATS_CLEAR, JSON",
    ),
    row(
        Some('t'),
        "config-test",
        Takes::Maybe("FILE"),
        Meaning::ConfigTest,
        "check the config; complaints go to stderr, or there",
    ),
    row(None, "perf", Takes::Maybe("WHEN"), Meaning::Nothing, "without effect"),
    row(None, "debug", Takes::Maybe("OPTIONS"), Meaning::Nothing, "without effect: say RUST_LOG=debug"),
    row(
        None,
        "ignore-sigint",
        Takes::None,
        Meaning::Without("SIGINT ends the agent in an orderly way, like SIGTERM"),
        "without effect: SIGINT ends it",
    ),
    row(None, "no-mem-check", Takes::None, Meaning::Nothing, "without effect"),
    row(Some('v'), "version", Takes::None, Meaning::Version, "print the version"),
    row(Some('h'), "help", Takes::None, Meaning::Help, "print this"),
];

/// Not for people: an agent says it to the one that succeeds it.
const SUCCEED: Row = row(None, "succeed", Takes::None, Meaning::Succeed, "");

/// What the agent calls itself.
pub fn ourselves() -> String {
    format!("Regent {}", env!("CARGO_PKG_VERSION"))
}

/// Reads the line; its first word is the program's name.
pub fn parse(words: &[OsString]) -> Request {
    match read(words) {
        Ok(options) => Request::Run(Box::new(options)),
        Err(request) => request,
    }
}

fn failed(text: String) -> Request {
    Request::Print { text: text + "\n", to_stdout: false, code: 1 }
}

fn read(words: &[OsString]) -> Result<Options, Request> {
    let mut options = Options::default();
    let (mut only_vrrp, mut only_check) = (false, false);
    let mut parser = Parser::from_args(words.iter().skip(1));
    while let Some((row, said)) = next(&mut parser, &mut options)? {
        let value = match row.takes {
            Takes::None => OsString::new(),
            Takes::Value(_) => {
                parser.value().map_err(|_| failed(format!("Missing parameter for option {said}")))?
            }
            Takes::Maybe(_) => parser.optional_value().unwrap_or_default(),
        };
        let text = || value.to_string_lossy().into_owned();
        match row.meaning {
            Meaning::UseFile => options.config = value.into(),
            Meaning::Vrrp => only_vrrp = true,
            Meaning::Check => only_check = true,
            Meaning::LogConsole => options.console = true,
            Meaning::LogDetail => options.details = true,
            Meaning::LogFacility => match text().parse() {
                Ok(facility) => options.facility = options.facility.map(|_| facility),
                Err(()) => options.complaints.push(format!("Invalid log facility '{}'", text())),
            },
            Meaning::LogFile => options.log_file = Some(value.into()),
            Meaning::NoSyslog => options.facility = None,
            Meaning::Umask => match umask(&value) {
                Some(mask) => options.umask = Some(mask),
                None => options.complaints.push(format!("Invalid --umask option {}", text())),
            },
            Meaning::DontFork => options.foreground = true,
            Meaning::DumpConf => options.dumps = true,
            Meaning::Pid => options.pid = Some(value.into()),
            Meaning::VrrpPid => options.vrrp_pid = Some(value.into()),
            Meaning::Namespace => options.namespace = Some(text()),
            Meaning::CoreDump => options.core_dump = true,
            Meaning::ConfigId => options.config_id = Some(text()),
            Meaning::Signum => return Err(signum(&text())),
            Meaning::ConfigTest => {
                options.test = Some((!value.is_empty()).then(|| PathBuf::from(&value)));
            }
            Meaning::Version => return Err(Request::Print { text: version(), to_stdout: false, code: 0 }),
            Meaning::Help => return Err(Request::Print { text: help(), to_stdout: false, code: 0 }),
            Meaning::Genhash => {
                return Err(failed("genhash is not part of this program; use the one of keepalived".into()));
            }
            Meaning::Succeed => options.succeeds = true,
            Meaning::Nothing => {}
            Meaning::Without(because) => options.remarks.push(format!("{said} has no effect: {because}")),
        }
    }
    options.vrrp = only_vrrp || !only_check;
    Ok(options)
}

/// The next option's row, and how it was said. Words that are none are complained about.
fn next(parser: &mut Parser, options: &mut Options) -> Result<Option<(&'static Row, String)>, Request> {
    loop {
        let next = parser.next().map_err(|error| match error {
            lexopt::Error::UnexpectedValue { option, .. } => {
                failed(format!("Option {option} takes no parameter"))
            }
            error @ (lexopt::Error::MissingValue { .. }
            | lexopt::Error::UnexpectedOption(_)
            | lexopt::Error::UnexpectedArgument(_)
            | lexopt::Error::ParsingFailed { .. }
            | lexopt::Error::NonUnicodeValue(_)
            | lexopt::Error::Custom(_)) => failed(error.to_string()),
        })?;
        let (row, said) = match next {
            None => return Ok(None),
            Some(Arg::Value(word)) => {
                options.complaints.push(format!("Unexpected argument(s): {}", word.to_string_lossy()));
                continue;
            }
            Some(Arg::Short(letter)) => {
                (ROWS.iter().find(|row| row.letter == Some(letter)), format!("-{letter}"))
            }
            Some(Arg::Long(name)) => (named(name), format!("--{name}")),
        };
        return match row {
            Some(row) => Ok(Some((row, said))),
            None => Err(failed(format!("Unknown option {said}"))),
        };
    }
}

/// The option of that name, or the only one whose name begins so.
fn named(name: &str) -> Option<&'static Row> {
    if name == SUCCEED.name {
        return Some(&SUCCEED);
    }
    let exact = ROWS.iter().find(|row| row.name == name);
    exact.or_else(|| {
        let mut begun = ROWS.iter().filter(|row| row.name.starts_with(name));
        begun.next().filter(|_| begun.next().is_none())
    })
}

/// In C's notation: 022, 18, 0x12.
fn umask(value: &OsStr) -> Option<u32> {
    let text = value.to_str()?;
    let number = match (text.strip_prefix("0x"), text.strip_prefix('0')) {
        (Some(digits), _) => u32::from_str_radix(digits, 16),
        (None, Some(digits)) if !digits.is_empty() => u32::from_str_radix(digits, 8),
        (None, Some(_) | None) => text.parse(),
    };
    number.ok().filter(|mask| *mask <= 0o777)
}

fn signum(name: &str) -> Request {
    let number = match name {
        "STOP" => libc::SIGTERM,
        "RELOAD" => libc::SIGHUP,
        "DATA" => Wanted::Data.signal(),
        "STATS" => Wanted::Stats.signal(),
        "STATS_CLEAR" => Wanted::StatsAndClear.signal(),
        "JSON" => Wanted::Json.signal(),
        other => return failed(format!("Unknown sigfunc {other}")),
    };
    Request::Print { text: format!("{number}\n"), to_stdout: true, code: 0 }
}

/// The first line as exporters take it apart, and the word by which they know that there is JSON.
fn version() -> String {
    format!(
        "Keepalived {VERSION} ({ourselves})\n\n\
         {ourselves} under the name of keepalived: it takes the options, configs and signals of keepalived {VERSION}.\n\n\
         configure options: --enable-json\n",
        ourselves = ourselves()
    )
}

fn help() -> String {
    let mut text = String::from("Usage: keepalived [OPTION...]\n");
    for row in ROWS {
        let letter = row.letter.map_or("    ".to_owned(), |letter| format!("-{letter}, "));
        let value = match row.takes {
            Takes::None => String::new(),
            Takes::Value(value) => format!("={value}"),
            Takes::Maybe(value) => format!("[={value}]"),
        };
        let option = format!("{}{value}", row.name);
        text.push_str(&format!("  {letter}--{option:<28} {}\n", row.help));
    }
    text
}

#[cfg(test)]
mod tests;
