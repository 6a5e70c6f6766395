//! The daemon: from options to a running agent. Everything that can be wrong is found before the network is touched: one
//! sentence each, and the exit status.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    io::IsTerminal,
    os::fd::OwnedFd,
    path::Path,
    thread,
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
    net::{
        clock, other_vrrp, scheduling,
        vrid_claim::{ClaimError, VridClaim},
    },
    observe::{log, server::Listeners},
    runtime::{self, Ended, Front, Given, Letter, Life, RunDir, Settings},
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
    let (plan, config) = match settled {
        Settled::Config(path) => (read_apart(&path)?, Some(path.display().to_string())),
        Settled::Instance(flags) => (Plan { instances: vec![flags.plan()], ..Plan::default() }, None),
        Settled::Observe => (Plan::default(), None),
    };
    scheduling::return_free_memory();
    interfaces_exist(&options.interfaces)?;
    let plan = limited_to(plan, &options.interfaces);
    if plan.instances.is_empty() && !observing {
        let wanted = if options.interfaces.is_empty() {
            String::new()
        } else {
            format!(" on {}", options.interfaces.join(", "))
        };
        let config = config.as_deref().unwrap_or("the flags");
        bail!(BadConfig(format!("{config}: no vrrp_instance to run{wanted}")));
    }
    start(Start { options, plan, config, observing, started, command_line, given, front: None }).map(drop)
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
    let Start { options, plan, config, observing, started, command_line, given, front } = start;
    permitted(observing)?;
    let control = control_runtime()?;
    let _entered = control.enter();
    let (predecessor, run_dir, inherited, listeners, pins) = match given {
        None => {
            let run_dir = RunDir::take(&options.run_directory)?;
            let listeners = Listeners::bind(run_dir.path(), options.metrics)?;
            (None, run_dir, BTreeMap::new(), listeners, None)
        }
        Some(Given { channel, pid, lock, control, metrics, pins, claims }) => {
            let run_dir = RunDir::inherit(&options.run_directory, lock)?;
            let metrics = metrics.filter(|_| options.metrics.is_some());
            let listeners = Listeners::inherit(run_dir.path(), control, metrics)?;
            (Some((channel, pid)), run_dir, claims, listeners, pins)
        }
    };
    if !observing {
        nobody_else(&plan, predecessor.as_ref().map(|(_, pid)| *pid))?;
    }
    all_files_permitted();
    let claims = claimed(&plan, inherited)?;
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
        front,
    };
    control.block_on(runtime::run(life))
}

fn control_runtime() -> anyhow::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(CONTROL_THREADS)
        .thread_name("control")
        .enable_all()
        .build()
        .context("cannot start the control threads")
}

/// Reads a config on a thread of its own and copies the plan out: what lasts then does not lie scattered among what
/// reading took, and all of that can be given back.
fn read_apart(path: &Path) -> Result<Plan, BadConfig> {
    // The words of the language outlast the reading, so they are not to lie there.
    config::keyword::keywords();
    let plan = thread::scope(|scope| scope.spawn(|| read(path)).join());
    match plan {
        Ok(Ok(plan)) => Ok(Plan::clone(&plan)),
        Ok(Err(error)) => Err(error),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// Reads a config and says everything that is wrong with it. An error when that leaves an instance out: half of a config is
/// not what anybody asked for.
fn read(path: &Path) -> Result<Plan, BadConfig> {
    let loaded = config::load(path).map_err(|error| BadConfig(error.to_string()))?;
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    if log::stderr_is_journal() {
        loaded.lines().for_each(|line| tracing::warn!("{line}"));
    } else {
        eprint!("{}", loaded.render(colour));
    }
    if loaded.left_out.is_empty() {
        return Ok(loaded.plan);
    }
    Err(BadConfig(format!(
        "{}: not started, since {} cannot be run as configured: {}; correct the errors above",
        path.display(),
        if loaded.left_out.len() == 1 { "an instance" } else { "some instances" },
        loaded.left_out.join(", ")
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

/// `--iface` limits the agent to those interfaces.
fn limited_to(mut plan: Plan, interfaces: &[String]) -> Plan {
    if interfaces.is_empty() {
        return plan;
    }
    plan.instances.retain(|instance| {
        let kept = interfaces.contains(&instance.interface);
        if !kept {
            tracing::info!(
                "vrrp_instance {} is left out: it is on {}, and --iface limits the agent to {}",
                instance.name,
                instance.interface,
                interfaces.join(", ")
            );
        }
        kept
    });
    plan
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

/// Every group of the plan, for this agent alone: by what the agent before it handed over, or anew.
fn claimed(plan: &Plan, mut inherited: BTreeMap<String, OwnedFd>) -> anyhow::Result<Vec<VridClaim>> {
    let mut claims = Vec::new();
    for instance in &plan.instances {
        let (vrid, interface) = (instance.vrid, &instance.interface);
        let name = VridClaim::name_of(interface, instance.family, vrid);
        if let Some(listener) = inherited.remove(&name) {
            claims.push(VridClaim::inherit(name, listener));
            continue;
        }
        match VridClaim::take(interface, instance.family, vrid) {
            Ok(claim) => claims.push(claim),
            Err(ClaimError::Held(pid)) => {
                let who = pid.map_or_else(String::new, |pid| format!(" (pid {pid})"));
                bail!(
                    "VRID {vrid} on {interface} is held by another agent on this host{who}: stop that one first"
                );
            }
            Err(ClaimError::System(error)) => {
                tracing::warn!(
                    "cannot make sure that no other agent holds VRID {vrid} on {interface}: {error}"
                );
            }
        }
    }
    Ok(claims)
}

/// Two daemons that speak for one group on one host contend with each other.
fn nobody_else(plan: &Plan, predecessor: Option<u32>) -> anyhow::Result<()> {
    let mut others = other_vrrp::other_vrrp_speakers();
    // It may go by that name, and ends.
    others.retain(|other| Some(other.pid) != predecessor);
    for other in &others {
        // Its children have the same config.
        if others.iter().any(|parent| parent.pid == other.parent) {
            continue;
        }
        let Ok(theirs) = config::load(&other.configuration_here()) else {
            tracing::warn!(
                "keepalived (pid {}) runs on this host with {}, which cannot be read: make sure that it holds none of our \
                 VRIDs",
                other.pid,
                other.configuration.display()
            );
            continue;
        };
        for ours in &plan.instances {
            let held = theirs.plan.instances.iter().find(|held| {
                held.interface == ours.interface && held.vrid == ours.vrid && held.family == ours.family
            });
            if let Some(held) = held {
                bail!(
                    "VRID {} on {} is held by keepalived on this host (pid {}, vrrp_instance {} in {}): stop it first, for \
                     example with `systemctl stop keepalived`",
                    ours.vrid,
                    ours.interface,
                    other.pid,
                    held.name,
                    other.configuration.display()
                );
            }
        }
    }
    Ok(())
}
