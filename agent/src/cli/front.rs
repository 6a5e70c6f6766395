//! The program under the name `keepalived`: its options, its exit codes, its files and its signals, so that what starts
//! keepalived today (a unit, a container, a playbook) starts the agent instead.
//!
//! Owns the order of such a start. Options that have no meaning here are taken without effect (`options`).

mod background;
mod options;
mod pid;
mod test;

use std::{
    ffi::{OsStr, OsString},
    io,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;

use self::{
    background::{Side, Starter},
    options::{Options, Request},
    pid::PidFiles,
};
use super::{
    daemon::{self, NotPermitted, Start},
    options::{BPF_DIRECTORY, DaemonOptions, RUN_DIRECTORY, Work},
    print,
};
use crate::{
    config::{self, plan::Plan},
    net::{clock, namespace, scheduling},
    observe::log::{self, LogOptions, front::FrontLog},
    runtime::{Ended, Front, Given, Ready, Source},
};

/// The name.
const NAME: &str = "keepalived";
/// Where the system log listens.
const SYSTEM_LOG: &str = "/dev/log";

/// keepalived's exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    /// As asked. Also: it runs already.
    Good,
    /// It failed.
    Failed,
    /// The config is not one to run.
    BadConfig,
    /// `-t`: it would not start. Else: it may not.
    Unable,
    /// `-t`: there are errors.
    Errors,
    /// `-t`: others could change what is run. Else: there is no config.
    NoConfig,
}

impl Exit {
    const fn code(self) -> u8 {
        match self {
            Self::Good => 0,
            Self::Failed => 1,
            Self::BadConfig => 2,
            Self::Unable => 4,
            Self::Errors => 5,
            Self::NoConfig => 6,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Whether the program was called by that name.
pub fn is_called(program: Option<&OsString>) -> bool {
    program.is_some_and(|program| Path::new(program).file_name() == Some(OsStr::new(NAME)))
}

/// Runs the program with these words, the first of which is its name.
pub fn main(words: Vec<OsString>) -> ExitCode {
    match options::parse(&words) {
        Request::Print { text, to_stdout, code } => {
            let stream: &mut dyn io::Write = if to_stdout { &mut io::stdout() } else { &mut io::stderr() };
            print(stream, &text);
            ExitCode::from(code)
        }
        Request::Run(options) => {
            options.complaints.iter().for_each(|line| print(&mut io::stderr(), &format!("{line}\n")));
            if let Some(umask) = options.umask {
                rustix::process::umask(rustix::fs::Mode::from_raw_mode(umask));
            }
            match &options.test {
                Some(log) => test::run(&options, log.as_deref()).into(),
                None => run(*options, words),
            }
        }
    }
}

/// Runs the daemon.
fn run(options: Options, words: Vec<OsString>) -> ExitCode {
    scheduling::map_large_blocks_apart();
    if let Err(error) = set_up_log(&options) {
        print(&mut io::stderr(), &format!("{error:#}\n"));
        return Exit::Failed.into();
    }
    tracing::info!("Starting Keepalived {} ({})", options::VERSION, options::ourselves());
    for remark in &options.remarks {
        tracing::info!("{remark}");
    }
    let code = match started(options, words) {
        Ok(exit) => exit.code(),
        Err(Stop::Waited(code)) => return ExitCode::from(code),
        Err(Stop::Failed(error)) => {
            tracing::error!("{error:#}");
            let exit = if error.is::<NotPermitted>() { Exit::Unable } else { Exit::Failed };
            exit.code()
        }
    };
    tracing::info!("Stopped Keepalived {}", options::VERSION);
    ExitCode::from(code)
}

/// Why it does not run.
enum Stop {
    /// This process only waited until another had started, or had not, with that exit code.
    Waited(u8),
    /// An error.
    Failed(anyhow::Error),
}

impl<E: Into<anyhow::Error>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

fn started(options: Options, mut words: Vec<OsString>) -> Result<Exit, Stop> {
    if let Some(name) = &options.namespace {
        namespace::enter(name)?;
    }
    let given = if options.succeeds { Some(Given::from_stdin()?) } else { None };
    if options.core_dump {
        raise_core_limit();
    }
    let plan = match read(&options) {
        Ok(plan) => plan,
        Err(exit) => return Ok(exit),
    };
    match &options.namespace {
        // What the command line says counts, as with keepalived.
        Some(_) => {}
        None => daemon::enter_namespace(&plan)?,
    }
    scheduling::return_free_memory();
    let config = std::path::absolute(&options.config)?;
    // A successor may be started from another directory.
    words.extend(["-f".into(), config.clone().into()]);
    let files = PidFiles::new(&options, &plan.globals.place);
    let foreground = options.foreground || options.succeeds;
    if !options.succeeds
        && let Some(pid) = files.running()
    {
        tracing::warn!("daemon is already running (pid {pid}, {})", files.main().display());
        return Ok(Exit::Good);
    }
    let starter = if foreground { None } else { in_background()? };
    let result = served(options, plan, &config, words, given, &files, starter.as_ref());
    let code = match &result {
        Ok(exit) => *exit,
        Err(error) if error.is::<NotPermitted>() => Exit::Unable,
        Err(_) => Exit::Failed,
    };
    // Whoever still waits was not told that it has started.
    if let Some(starter) = starter {
        starter.tell(code.code());
    }
    Ok(result?)
}

/// From here on this is another process, whose start the first one waits for.
fn in_background() -> Result<Option<Starter>, Stop> {
    match background::go().context("cannot go into the background; use --dont-fork")? {
        Side::Waiter(code) => Err(Stop::Waited(code)),
        Side::Daemon(starter) => Ok(Some(starter)),
    }
}

fn served(
    options: Options,
    plan: Plan,
    config: &Path,
    command_line: Vec<OsString>,
    given: Option<Given>,
    files: &PidFiles,
    starter: Option<&Starter>,
) -> anyhow::Result<Exit> {
    let starter = starter.map(Starter::again).transpose()?;
    let writing = files.clone();
    let ready = move || {
        if let Err(error) = writing.write() {
            tracing::warn!("{error:#}");
        }
        if let Some(starter) = starter {
            starter.tell(Exit::Good.code());
        }
    };
    let namespace = options.namespace.as_ref().or(plan.globals.place.net_namespace.as_ref()).cloned();
    let front = Front { namespace, dumps_at_start: options.dumps, ready: Ready(Box::new(ready)) };
    let start = Start {
        started: clock::now(),
        observing: false,
        config: Some(config.display().to_string()),
        source: source(&options, config),
        options: daemon_options(&options, files),
        plan,
        command_line,
        given,
        front: Some(front),
    };
    let ended = daemon::start(start);
    match ended {
        Ok(Ended::Succeeded) => {}
        Ok(Ended::Told) | Err(_) => files.remove(),
    }
    ended.map(|_| Exit::Good)
}

/// Where the config is, to be read again.
fn source(options: &Options, config: &Path) -> Source {
    if !options.vrrp {
        return Source::Nowhere("VRRP is switched off by an option: nothing of the config acts");
    }
    Source::File {
        path: config.to_owned(),
        given: given(options),
        logs_lines: true,
        interfaces: Vec::new(),
        is_xdp_fixed: false,
    }
}

fn given(options: &Options) -> config::Given {
    config::Given { config_id: options.config_id.clone(), ..config::Given::default() }
}

fn daemon_options(options: &Options, files: &PidFiles) -> DaemonOptions {
    DaemonOptions {
        interfaces: Vec::new(),
        work: Work::Config(options.config.clone()),
        run_directory: run_directory(files.main()),
        bpf_directory: BPF_DIRECTORY.into(),
        xdp: None,
        metrics: None,
        log: LogOptions::default(),
        succeeds: options.succeeds,
    }
}

/// The agent's own, unless several of keepalived's name are to run side by side: then beside the pid file.
fn run_directory(pid_file: &Path) -> PathBuf {
    if pid_file == Path::new(pid::MAIN) { RUN_DIRECTORY.into() } else { pid_file.with_extension("regent") }
}

/// The plan of the config; all that is wrong with it is logged. What can be run is run: who starts keepalived with a file
/// of ten instances does not expect that all ten are gone for one that is at fault.
fn read(options: &Options) -> Result<Plan, Exit> {
    let mut loaded = match config::load_with(&options.config, &given(options)) {
        Ok(loaded) => loaded,
        Err(error) => {
            tracing::error!("{error}");
            return Err(Exit::NoConfig);
        }
    };
    for line in test::lines(&loaded) {
        tracing::warn!("{line}");
    }
    if test::lacks_what_it_includes(&loaded) {
        tracing::error!("not started: a file is not there that the config says must be");
        return Err(Exit::NoConfig);
    }
    if !options.vrrp {
        loaded.plan.instances.clear();
        loaded.left_out.clear();
    }
    if !loaded.left_out.is_empty() {
        let names = loaded.left_out.join(", ");
        if loaded.plan.instances.is_empty() {
            tracing::error!("not started: {names} cannot be run as configured; correct the errors above");
            return Err(Exit::BadConfig);
        }
        tracing::error!(
            "started without {names}, which cannot be run as configured; correct the errors above"
        );
    }
    if loaded.plan.instances.is_empty() {
        tracing::warn!(
            "Warning - {} asks for no vrrp_instance: there is nothing to do",
            options.config.display()
        );
    }
    Ok(loaded.plan)
}

fn set_up_log(options: &Options) -> anyhow::Result<()> {
    // Where nobody takes what is logged, a person or a container runtime may read it.
    let nobody = options.facility.is_some() && options.foreground && !Path::new(SYSTEM_LOG).exists();
    let log = FrontLog {
        console: options.console || (nobody && options.log_file.is_none()),
        details: options.details,
        syslog: options.facility,
        file: options.log_file.clone(),
        unix_ms: clock::unix_milliseconds,
    };
    Ok(log::front::set_up(log)?)
}

fn raise_core_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Core);
    if let Err(error) = setrlimit(Resource::Core, Rlimit { current: limit.maximum, ..limit }) {
        tracing::warn!("cannot raise the limit of core files: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_decides() {
        let called = |name: &str| is_called(Some(&OsString::from(name)));
        assert!(called("keepalived") && called("/usr/sbin/keepalived") && called("./keepalived"));
        assert!(!called("agent") && !called("keepalived-agent") && !called("/keepalived/agent"));
        assert!(!is_called(None));
    }

    #[test]
    fn daemons_side_by_side_have_directories_of_their_own() {
        assert_eq!(run_directory(Path::new("/run/keepalived.pid")), Path::new("/run/regent"));
        assert_eq!(run_directory(Path::new("/run/other.pid")), Path::new("/run/other.regent"));
    }
}
