//! The daemon: from options to a running agent. Everything that can be wrong is found before the network is touched: one
//! sentence each, and the exit status.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    path::Path,
};

use anyhow::{Context, bail};
use network_interface::{NetworkInterface, NetworkInterfaceConfig};
use regent_vrrp::Instant;
use tokio::runtime::Runtime;

use super::{
    exit::Status,
    options::{DaemonOptions, Settled},
};
use crate::{
    config::{self, plan::Plan},
    net::{clock, namespace, scheduling},
    observe::{log, server::Listeners},
    runtime::{self, Ended, Front, Given, Letter, Life, RunDir, Settings, Source},
};

/// Threads of the control runtime: it mostly sleeps.
const CONTROL_THREADS: usize = 2;

/// The config is not one to run.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct BadConfig(String);

/// Rights are missing without which nothing works.
#[derive(Debug, thiserror::Error)]
#[error("missing {0}: run as root, or grant them (systemd: AmbientCapabilities=)")]
pub struct NotPermitted(String);

/// Runs until a signal ends it, or another agent that was started with the same words has taken over.
///
/// # Errors
/// What was attempted, on what, and what to do.
pub fn run(options: DaemonOptions, command_line: Vec<OsString>) -> anyhow::Result<Status> {
    scheduling::map_large_blocks_apart();
    log::set_up(&options.log)?;
    let given = if options.succeeds { Some(Given::from_stdin()?) } else { None };
    let way = given.as_ref().map(|given| given.channel.again()).transpose()?;
    let result = work(options, command_line, given);
    if let (Some(way), Err(error)) = (way, &result) {
        // Whoever waits for this agent says why it does not come. Later nobody hears it.
        drop(way.send(&Letter::Failed { sentence: format!("{error:#}") }, &[]));
    }
    match result {
        Err(error) if error.is::<BadConfig>() => {
            tracing::error!("{error}");
            Ok(Status::Config)
        }
        result => result.map(|()| Status::Good),
    }
}

fn work(options: DaemonOptions, command_line: Vec<OsString>, given: Option<Given>) -> anyhow::Result<()> {
    let started = clock::now();
    let settled = options.work.clone().settle();
    let observing = settled == Settled::Observe;
    let source = source(&settled, &options);
    let (plan, config) = match settled {
        Settled::Config(path) => (read(&path)?, Some(path.display().to_string())),
        Settled::Instance(flags) => (Plan { instances: vec![flags.plan()], ..Plan::default() }, None),
        Settled::Observe => (Plan::default(), None),
    };
    scheduling::return_free_memory();
    enter_namespace(&plan)?;
    interfaces_exist(&options.interfaces)?;
    let plan = runtime::limited_to(plan, &options.interfaces);
    if plan.instances.is_empty() && !observing {
        let wanted = if options.interfaces.is_empty() {
            String::new()
        } else {
            format!(" on {}", options.interfaces.join(", "))
        };
        let config = config.as_deref().unwrap_or("the flags");
        bail!(BadConfig(format!("{config}: no vrrp_instance to run{wanted}")));
    }
    start(Start { options, plan, config, source, observing, started, command_line, given, front: None })
        .map(drop)
}

/// Goes where the config says: before any thread is started that works in the network.
///
/// # Errors
/// There is no such network namespace, or it may not be entered.
pub fn enter_namespace(plan: &Plan) -> Result<(), namespace::Error> {
    let Some(name) = &plan.globals.place.net_namespace else { return Ok(()) };
    namespace::enter(name)?;
    tracing::info!("works in the network namespace {name}");
    Ok(())
}

/// A daemon whose config was read.
#[derive(Debug)]
pub struct Start {
    /// How it is to run.
    pub options: DaemonOptions,
    /// What it is to run.
    pub plan: Plan,
    /// The config file.
    pub config: Option<String>,
    /// Where the config is, to be read again.
    pub source: Source,
    /// Nothing is sent, assigned or dropped.
    pub observing: bool,
    /// When it was started.
    pub started: Instant,
    /// How it was started, and its successor will be.
    pub command_line: Vec<OsString>,
    /// What the agent gave that it succeeds.
    pub given: Option<Given>,
    /// How it stands in for keepalived, if it does.
    pub front: Option<Front>,
}

/// Runs it to its end.
///
/// # Errors
/// What was attempted, on what, and what to do; [`NotPermitted`] when rights are missing.
pub fn start(start: Start) -> anyhow::Result<Ended> {
    let Start { options, plan, config, source, observing, started, command_line, given, front } = start;
    permitted(observing)?;
    let control = control_runtime()?;
    let _entered = control.enter();
    let entered = front.as_ref().and_then(|front| front.namespace.as_ref());
    let entered = entered.or(plan.globals.place.net_namespace.as_ref()).cloned();
    let (predecessor, run_dir, mut inherited, listeners, pins) = match given {
        None => {
            let run_dir = RunDir::take(&options.run_directory)?.working_in(entered);
            let listeners = Listeners::bind(run_dir.path(), options.metrics)?;
            (None, run_dir, BTreeMap::new(), listeners, None)
        }
        Some(Given { channel, pid, lock, control, metrics, pins, claims }) => {
            let run_dir = RunDir::inherit(&options.run_directory, lock)?.working_in(entered);
            let metrics = metrics.filter(|_| options.metrics.is_some());
            let listeners = Listeners::inherit(run_dir.path(), control, metrics)?;
            (Some((channel, pid)), run_dir, claims, listeners, pins)
        }
    };
    if !observing {
        let predecessor = predecessor.as_ref().map(|(_, pid)| *pid);
        runtime::nobody_else(&plan.instances.iter().collect::<Vec<_>>(), predecessor)?;
    }
    all_files_permitted();
    let claims = runtime::claimed(&plan.instances, &mut inherited)?;
    let life = Life {
        settings: Settings {
            observing,
            xdp: options.rungs(&plan),
            router_id: plan.router_id.clone(),
            config,
            started,
        },
        plan,
        observed: options.interfaces,
        run_dir,
        bpffs: options.bpf_directory,
        listeners,
        claims,
        command_line,
        predecessor,
        pins,
        source,
        front,
    };
    control.block_on(runtime::run(life))
}

/// Where the config is, to be read again.
fn source(settled: &Settled, options: &DaemonOptions) -> Source {
    match settled {
        Settled::Config(path) => Source::File {
            path: path.clone(),
            given: config::Given::default(),
            logs_lines: false,
            interfaces: options.interfaces.clone(),
            is_xdp_fixed: options.xdp.is_some(),
        },
        Settled::Instance(_) => {
            Source::Nowhere("the agent was started by flags: there is no config to read again")
        }
        Settled::Observe => Source::Nowhere(
            "the agent was started with no config and observes: what it opened then can only listen; end it, and start it \
             with --config",
        ),
    }
}

fn control_runtime() -> anyhow::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(CONTROL_THREADS)
        .thread_name("control")
        .enable_all()
        .build()
        .context("cannot start the control threads")
}

/// Reads a config and says everything that is wrong with it. An error when that leaves an instance out: half of a config is
/// not what anybody asked for.
fn read(path: &Path) -> Result<Plan, BadConfig> {
    let read =
        runtime::read_apart(path, &config::Given::default()).map_err(|error| BadConfig(error.to_string()))?;
    read.tell(false);
    if read.left_out.is_empty() {
        return Ok(read.plan);
    }
    Err(BadConfig(format!(
        "{}: not started, since {}; correct the errors above",
        path.display(),
        read.who_cannot_run()
    )))
}

fn interfaces_exist(wanted: &[String]) -> anyhow::Result<()> {
    if wanted.is_empty() {
        return Ok(());
    }
    let there: BTreeSet<String> = NetworkInterface::show()
        .context("cannot list the interfaces of this host")?
        .into_iter()
        .map(|interface| interface.name)
        .collect();
    for name in wanted {
        if !there.contains(name) {
            let there: Vec<&str> = there.iter().map(String::as_str).collect();
            bail!("--iface {name}: no such interface on this host; there are {}", there.join(", "));
        }
    }
    Ok(())
}

/// The capabilities without which nothing works. What is missing beyond them only takes away its own feature.
fn permitted(observing: bool) -> anyhow::Result<()> {
    use rustix::thread::CapabilitySet;
    let held =
        rustix::thread::capabilities(None).context("cannot read this process's capabilities")?.effective;
    let mut missing = Vec::new();
    if !held.contains(CapabilitySet::NET_RAW) {
        missing.push("CAP_NET_RAW (to send and receive adverts)");
    }
    if !observing && !held.contains(CapabilitySet::NET_ADMIN) {
        missing.push("CAP_NET_ADMIN (to assign addresses)");
    }
    if missing.is_empty() {
        return Ok(());
    }
    bail!(NotPermitted(missing.join(" and ")))
}

/// A descriptor for each group goes beyond the customary soft limit of 1024; the hard limit is what counts.
fn all_files_permitted() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        tracing::debug!("the limit of open files stays at {:?}: {error}", limit.current);
    }
}
