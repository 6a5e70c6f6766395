//! The command line: words to typed options, or a refusal that says what is missing.

use std::{
    ffi::OsString,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

use super::{
    check::{CheckArguments, CheckOptions},
    completion::CompletionOptions,
    convert::{ConvertArguments, ConvertOptions},
    exit::Status,
    explain::ExplainOptions,
    instance::{InstanceArguments, InstanceFlags},
    man::ManOptions,
};
use crate::{
    config::plan::{self, Plan},
    observe::log::{LogFormat, LogOptions},
};

/// Where the control socket and the journal live.
pub const RUN_DIRECTORY: &str = "/run/regent";
/// Where pinned maps and links live.
pub const BPF_DIRECTORY: &str = "/sys/fs/bpf/regent";
/// The configs that are looked for when none is named, in order.
pub const DEFAULT_CONFIGS: [&str; 2] = ["/etc/regent/regent.conf", "/etc/keepalived/keepalived.conf"];

/// What the command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Run the daemon in the foreground.
    Daemon(Box<DaemonOptions>),
    /// Say what is wrong with a config.
    Check(CheckOptions),
    /// Write the plan of a config.
    Convert(ConvertOptions),
    /// Show the state of a running one.
    Status(StatusOptions),
    /// Let another one take over from it.
    Handover(HandoverOptions),
    /// Let it read its config again.
    Reload(ReloadOptions),
    /// Clear away what a dead one left.
    Detach(DetachOptions),
    /// Tell what a word of the config or a code is about.
    Explain(ExplainOptions),
    /// Print what a shell completes the command line by.
    Completion(CompletionOptions),
    /// Print a manual page.
    Man(ManOptions),
}

/// How the daemon runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DaemonOptions {
    /// The only interfaces to use; empty: those that the config names, or in observe mode all that are up but loopback.
    pub interfaces: Vec<String>,
    /// What to do.
    pub work: Work,
    /// Where the control socket and the journal live.
    pub run_directory: PathBuf,
    /// Where pinned maps and links live.
    pub bpf_directory: PathBuf,
    /// Where adverts come from; `None`: where the config says.
    pub xdp: Option<XdpChoice>,
    /// Where metrics are served by TCP.
    pub metrics: Option<SocketAddr>,
    /// The log.
    pub log: LogOptions,
    /// Another agent has started this one, to hand over by stdin.
    pub succeeds: bool,
}

impl DaemonOptions {
    /// Where adverts may come from: what was typed counts before what was written.
    pub fn rungs(&self, plan: &Plan) -> plan::XdpChoice {
        self.xdp.map_or(plan.xdp, |choice| match choice {
            XdpChoice::Auto => plan::XdpChoice::Auto,
            XdpChoice::Native => plan::XdpChoice::Native,
            XdpChoice::Generic => plan::XdpChoice::Generic,
            XdpChoice::Off => plan::XdpChoice::Off,
        })
    }
}

/// What the daemon is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    /// What this config says; it was named, so it must exist.
    Config(PathBuf),
    /// What the default config says, or observe when there is none: see [`Work::settle`].
    Default,
    /// One instance, given by flags.
    Instance(Box<InstanceFlags>),
}

/// [`Work`] after a look at the file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// What this config says.
    Config(PathBuf),
    /// One instance, given by flags.
    Instance(Box<InstanceFlags>),
    /// Nothing is configured: listen, count and show.
    Observe,
}

impl Work {
    /// Looks for the default configs; the first that [`is_present`] is taken.
    pub fn settle(self) -> Settled {
        self.settle_with(is_present)
    }

    fn settle_with(self, exists: impl Fn(&Path) -> bool) -> Settled {
        match self {
            Self::Config(path) => Settled::Config(path),
            Self::Instance(flags) => Settled::Instance(flags),
            Self::Default => match DEFAULT_CONFIGS.iter().map(Path::new).find(|path| exists(path)) {
                Some(path) => Settled::Config(path.to_owned()),
                None => Settled::Observe,
            },
        }
    }
}

/// Whether something stands there, readable or not: a config that cannot be read is an error to report, not a reason
/// to do without one.
pub fn is_present(path: &Path) -> bool {
    match path.symlink_metadata() {
        Ok(_) => true,
        Err(error) => error.kind() != std::io::ErrorKind::NotFound,
    }
}

/// Where adverts may come from: `--xdp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum XdpChoice {
    /// Native XDP, else generic XDP, else the socket
    Auto,
    /// Native XDP, else the socket
    Native,
    /// Generic XDP, else the socket
    Generic,
    /// The socket
    Off,
}

/// What `status` shows, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusOptions {
    /// Where the agent's control socket lives.
    pub run_directory: PathBuf,
    /// How.
    pub output: OutputFormat,
    /// Only the groups that are heard on the wire.
    pub heard: bool,
}

/// Who takes over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandoverOptions {
    /// Where the agent's control socket lives.
    pub run_directory: PathBuf,
    /// The program; `None`: the one that asks.
    pub binary: Option<PathBuf>,
    /// How long it may take until it could.
    pub patience: Duration,
}

/// What is read again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReloadOptions {
    /// Where the agent's control socket lives.
    pub run_directory: PathBuf,
    /// Only say what would change.
    pub dry_run: bool,
    /// How.
    pub output: OutputFormat,
}

/// What is cleared away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DetachOptions {
    /// Where the control socket and the journal lived.
    pub run_directory: PathBuf,
    /// Where pinned maps and links live.
    pub bpf_directory: PathBuf,
}

/// How a verb prints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// For people
    #[default]
    Table,
    /// For programs
    Json,
}

/// The command line is no request: help, the version, or a mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What to print: on stdout when `status` is good, else on stderr.
    pub text: String,
    /// What to exit with.
    pub status: Status,
}

impl Refusal {
    /// A mistake in the command line.
    pub fn usage(text: &str) -> Self {
        Self {
            text: format!("error: {text}\n\nFor more information, try '--help'.\n"),
            status: Status::Usage,
        }
    }
}

#[derive(Debug, Parser)]
#[command(
    name = "agent",
    version,
    about = "A high-availability agent for Linux: VRRP with an XDP packet path",
    long_about = "A high-availability agent for Linux: keepalived-compatible VRRP with an XDP packet path.\n\n\
        Without a verb it runs as a daemon in the foreground: by --config FILE; or by flags for one instance (--vrid, \
        --vip, ...); or by /etc/regent/regent.conf or /etc/keepalived/keepalived.conf, whichever exists. With none of \
        these it observes: nothing is sent, assigned or dropped; what is heard is shown.",
    after_help = "Exit status: 0 good, 1 failed, 2 usage, 3 no agent answers, 4 errors in the config, 5 warnings with \
        check --strict.",
    args_conflicts_with_subcommands = true
)]
struct Line {
    #[command(flatten)]
    daemon: DaemonArguments,
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, Args)]
struct DaemonArguments {
    /// Use only this interface; may be given several times
    #[arg(long = "iface", value_name = "INTERFACE")]
    interfaces: Vec<String>,
    /// The config, in keepalived's language
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where the control socket and the journal live
    #[arg(long, value_name = "DIR", default_value = RUN_DIRECTORY)]
    run_dir: PathBuf,
    /// Where pinned maps and links will live: nothing is pinned yet
    #[arg(long, value_name = "DIR", default_value = BPF_DIRECTORY, hide = true)]
    bpffs: PathBuf,
    /// Where adverts come from [default: the config's `xdp`, else auto]
    #[arg(long, value_name = "MODE", value_enum)]
    xdp: Option<XdpChoice>,
    /// Serve Prometheus metrics at http://ADDRESS:PORT/metrics
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = metrics_address)]
    metrics: Option<SocketAddr>,
    /// What to log: error, warn, info, debug, trace, or directives as in RUST_LOG [default: RUST_LOG, else info]
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
    /// How to log, on stderr
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "text")]
    log_format: LogFormatArgument,
    /// Take over from the agent at the other end of stdin
    #[arg(long, hide = true)]
    succeed: bool,
    // Last: its help heading would go on over what follows.
    #[command(flatten)]
    instance: InstanceArguments,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogFormatArgument {
    /// For people; with fields when it goes to the journal
    Text,
    /// One object for each line
    Json,
}

/// What `agent reload -o json` prints.
const RELOAD_JSON: &str = "With -o json one object is printed, also when nothing has changed: outcome (applied, \
    unchanged, would_apply, bad_config, refused), config (the file), problem (why nothing has changed, or null), \
    diagnostics (what is wrong with the config, as agent check says it), changes (a line for each subject: + is new, - goes, \
    ~ is changed), unchanged (how many instances go on as they are), notes (what routers elsewhere must know, and what counts \
    later), took_us (microseconds from the order to the last change).\n\n\
    Exit status: 0 applied, unchanged or would_apply, 1 refused, 3 no agent answers, 4 bad_config.";

#[derive(Debug, Subcommand)]
enum Verb {
    /// Say everything that is wrong with a config, without root and on any host; or with both configs of a pair
    Check(CheckArguments),
    /// Write what a config means: the plan, with every default filled in
    Convert(ConvertArguments),
    /// Show what a running agent does: state, why, since when, addresses, peers, counters
    Status(StatusArguments),
    /// Let another process take over from a running agent, without giving anything up: for an upgrade, or a new config
    Handover(HandoverArguments),
    /// Let a running agent read its config again: what is not different is not touched, and an error changes nothing
    Reload(ReloadArguments),
    /// Clear away what dead agents left: programs on interfaces, addresses, routes. For when no agent is to run here again
    Detach(DetachArguments),
    /// Tell what a word of the config does, or what the code of a diagnostic is about
    Explain(ExplainOptions),
    /// Print a script by which a shell completes the command line
    Completion(CompletionOptions),
    /// Print a manual page: agent(8), of a verb, or regent.conf(5) with every word of the config
    Man(ManOptions),
}

#[derive(Debug, Args)]
#[command(after_long_help = RELOAD_JSON)]
struct ReloadArguments {
    /// Where the agent's control socket lives
    #[arg(long, value_name = "DIR", default_value = RUN_DIRECTORY)]
    run_dir: PathBuf,
    /// Show what would change, and what is wrong with the config; change nothing
    #[arg(long)]
    dry_run: bool,
    /// How to show it
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    output: OutputFormat,
}

#[derive(Debug, Args)]
struct DetachArguments {
    /// Where the control socket and the journal lived
    #[arg(long, value_name = "DIR", default_value = RUN_DIRECTORY)]
    run_dir: PathBuf,
    /// Where pinned maps and links live
    #[arg(long, value_name = "DIR", default_value = BPF_DIRECTORY)]
    bpffs: PathBuf,
}

#[derive(Debug, Args)]
struct HandoverArguments {
    /// Where the agent's control socket lives
    #[arg(long, value_name = "DIR", default_value = RUN_DIRECTORY)]
    run_dir: PathBuf,
    /// The program that is to take over, with the command line of the running one [default: this one]
    #[arg(long, value_name = "PATH")]
    binary: Option<PathBuf>,
    /// How long it may take until it could; the running one goes on meanwhile
    #[arg(long, value_name = "SECONDS", default_value_t = 15, value_parser = clap::value_parser!(u16).range(1..))]
    timeout: u16,
}

#[derive(Debug, Args)]
struct StatusArguments {
    /// Where the agent's control socket lives
    #[arg(long, value_name = "DIR", default_value = RUN_DIRECTORY)]
    run_dir: PathBuf,
    /// How to show it
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    output: OutputFormat,
    /// Show the groups heard on the wire that are not configured here
    #[arg(long)]
    heard: bool,
}

/// An address to listen on.
fn metrics_address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "expected ADDRESS:PORT, such as 127.0.0.1:9165 or [::]:9165".to_owned())
}

/// The command line as clap has it: for completion and manual pages.
pub fn command() -> clap::Command {
    Line::command()
}

/// Reads a command line; the first word is the program's name.
///
/// # Errors
/// Help or the version was asked for, or the line makes no sense.
pub fn parse<I, W>(words: I) -> Result<Request, Refusal>
where
    I: IntoIterator<Item = W>,
    W: Into<OsString> + Clone,
{
    let line = Line::try_parse_from(words).map_err(|error| Refusal {
        status: if error.use_stderr() { Status::Usage } else { Status::Good },
        text: error.render().to_string(),
    })?;
    match line.verb {
        Some(Verb::Check(arguments)) => arguments.request(),
        Some(Verb::Convert(arguments)) => Ok(Request::Convert(arguments.options())),
        Some(Verb::Status(arguments)) => Ok(Request::Status(StatusOptions {
            run_directory: arguments.run_dir,
            output: arguments.output,
            heard: arguments.heard,
        })),
        Some(Verb::Handover(arguments)) => Ok(Request::Handover(HandoverOptions {
            run_directory: arguments.run_dir,
            binary: arguments.binary,
            patience: Duration::from_secs(arguments.timeout.into()),
        })),
        Some(Verb::Reload(arguments)) => Ok(Request::Reload(ReloadOptions {
            run_directory: arguments.run_dir,
            dry_run: arguments.dry_run,
            output: arguments.output,
        })),
        Some(Verb::Detach(arguments)) => Ok(Request::Detach(DetachOptions {
            run_directory: arguments.run_dir,
            bpf_directory: arguments.bpffs,
        })),
        Some(Verb::Explain(options)) => Ok(Request::Explain(options)),
        Some(Verb::Completion(options)) => Ok(Request::Completion(options)),
        Some(Verb::Man(options)) => Ok(Request::Man(options)),
        None => line.daemon.request().map(|options| Request::Daemon(Box::new(options))),
    }
}

impl DaemonArguments {
    fn request(self) -> Result<DaemonOptions, Refusal> {
        let flags = self.instance.check(&self.interfaces).map_err(|text| Refusal::usage(&text))?;
        let work = match (self.config, flags) {
            (Some(_), Some(_)) => {
                return Err(Refusal::usage(
                    "--config and flags for an instance (--vrid, --vip, ...) exclude each other: \
                     put the instance into the config, or leave --config out",
                ));
            }
            (Some(config), None) => Work::Config(config),
            (None, Some(flags)) => Work::Instance(Box::new(flags)),
            (None, None) => Work::Default,
        };
        let format = match self.log_format {
            LogFormatArgument::Text => LogFormat::Text,
            LogFormatArgument::Json => LogFormat::Json,
        };
        Ok(DaemonOptions {
            interfaces: unique(self.interfaces),
            work,
            run_directory: self.run_dir,
            bpf_directory: self.bpffs,
            xdp: self.xdp,
            metrics: self.metrics,
            log: LogOptions { format, level: self.log_level },
            succeeds: self.succeed,
        })
    }
}

/// Each once, in the order given.
fn unique(names: Vec<String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::with_capacity(names.len());
    for name in names {
        if !kept.contains(&name) {
            kept.push(name);
        }
    }
    kept
}

#[cfg(test)]
mod tests;
