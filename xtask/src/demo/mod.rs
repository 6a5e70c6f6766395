//! `cargo xtask demo`: a failover to watch, in network namespaces of its own.
//!
//! Owns the stage and its clean-up; the play is in [`act`]. Nothing is told that a capture on the client's interface
//! did not see: a step that is not seen on the wire ends the show with an error.

mod act;
mod narrator;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use lab::{
    agent::Rung,
    group::Group,
    lab::{Lab, remove_kept, sweep_stale},
    node::Node,
    speaker::Make,
};

use self::{act::Act, narrator::Narrator};
use crate::build_ebpf;

/// Options of the demo.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Leave everything running at the end, and print how to look inside.
    #[arg(long)]
    keep: bool,
    /// Remove what `--keep` left, and end.
    #[arg(long, conflicts_with = "keep")]
    clean: bool,
    /// What runs on host b: the agent, or the keepalived of this machine.
    #[arg(long, value_enum, default_value_t = Router::Agent)]
    peer: Router,
    /// What runs on host a.
    #[arg(long, value_enum, default_value_t = Router::Agent, hide = true)]
    first: Router,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Router {
    Agent,
    Keepalived,
}

impl Router {
    const fn make(self) -> Make {
        match self {
            Self::Agent => Make::Agent(Rung::Auto),
            Self::Keepalived => Make::Keepalived,
        }
    }
}

/// The stage: two routers and a client. Hosts go before the lab.
pub struct Stage {
    /// The router of priority 150.
    pub a: Node,
    /// The router of priority 100.
    pub b: Node,
    /// Who uses the virtual address.
    pub client: Node,
    lab: Lab,
}

/// Runs the demo.
///
/// # Errors
/// When a step is not seen on the wire, or the stage cannot be built. Everything is removed before it returns.
pub fn run(arguments: &Arguments) -> Result<()> {
    ensure!(
        lab::skip::is_root(),
        "the demo makes network namespaces, which needs root: run `sudo env PATH=\"$PATH\" cargo xtask demo`"
    );
    if let Some(reason) = lab::bpf_probe::reason() {
        bail!("{reason}");
    }
    if arguments.clean {
        remove_kept()?;
        println!("Removed what `--keep` left.");
        return Ok(());
    }
    prepare()?;
    let interrupted = Arc::new(AtomicBool::new(false));
    ctrlc::set_handler({
        let interrupted = Arc::clone(&interrupted);
        move || interrupted.store(true, Ordering::Relaxed)
    })
    .context("listen for Ctrl-C")?;
    sweep_stale()?;

    let narrator = Narrator::new(interrupted);
    let stage = Stage::build(arguments.keep)?;
    let makes = (arguments.first.make(), arguments.peer.make());
    narrator.opening(&stage, arguments.first == Router::Agent, arguments.peer == Router::Agent);

    let first = Act { stage: &stage, narrator: &narrator, group: classic };
    narrator.act("With preemption: the better router takes the address back");
    let cast = first.takeover(makes)?;
    first.preempted(&cast)?;
    first.curtain(cast)?;

    let second =
        Act { stage: &stage, narrator: &narrator, group: |priority| classic(priority).without_preemption() };
    narrator.act("With `nopreempt` on both: who comes back does not");
    let cast = second.takeover(makes)?;
    second.not_preempted(&cast)?;
    if arguments.keep {
        stage.lab.keep();
        // Its processes live on: nothing may wait for them.
        drop(cast);
        narrator.how_to_look_inside(&stage);
        return Ok(());
    }
    second.curtain(cast)?;
    stage.strike()?;
    narrator.closing();
    Ok(())
}

/// Builds the agent, with the XDP program if its tools can be had. Without them the show goes on by the socket.
fn prepare() -> Result<()> {
    let whole = build_ebpf::Arguments { route: None, object_only: false };
    if let Err(error) = build_ebpf::run(&whole) {
        eprintln!("note: no XDP program: {error:#}");
        eprintln!("note: the agents use the socket instead, which does the whole job too");
        build_ebpf::agent_only()?;
    }
    Ok(())
}

fn classic(priority: u8) -> Group {
    Group::classic(priority)
}

impl Stage {
    fn build(keep: bool) -> Result<Self> {
        let lab = if keep { Lab::lasting() } else { Lab::new() }?;
        Ok(Self { a: lab.host("a", 1)?, b: lab.host("b", 2)?, client: lab.host("client", 9)?, lab })
    }

    /// Takes everything down and looks whether it is gone.
    fn strike(self) -> Result<()> {
        let name = self.lab.name().to_owned();
        let directory = self.lab.directory().to_owned();
        drop(self);
        let left = std::fs::read_dir(lab::namespace::DIRECTORY)
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|entry| entry.starts_with(&name))
            .collect::<Vec<_>>();
        if !left.is_empty() {
            bail!("namespaces are left: {}", left.join(", "));
        }
        ensure!(!directory.exists(), "{} is left", directory.display());
        Ok(())
    }

    /// The namespace of the switch.
    pub fn switch_name(&self) -> &str {
        self.lab.switch().namespace().name()
    }

    /// Which host has that MAC.
    pub fn owner(&self, mac: [u8; 6]) -> Option<&Node> {
        [&self.a, &self.b, &self.client].into_iter().find(|node| node.mac() == mac)
    }
}

/// How long one look at the wire lasts before Ctrl-C is heeded.
const GLANCE: Duration = Duration::from_millis(100);
