//! `cargo xtask bench`: the figures, side by side with keepalived's of the same run.
//!
//! Owns the choice of what is measured and the order; each kind of figure has its file. Nothing is asserted here: the
//! scenarios hold the bounds, the bench shows how tight they are kept.

mod load;
mod packet;
mod steadiness;
mod table;
mod takeover;

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use clap::Args;
use lab::{
    agent::{self, Rung},
    keepalived,
    lab::sweep_stale,
    skip,
    speaker::Make,
};

use self::table::Table;
use crate::build_ebpf;

/// Options of the bench.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Five runs in place of twenty, and short loads
    #[arg(long)]
    quick: bool,
    /// Loads of five times a minute, as long as the project's figures are defined
    #[arg(long, conflicts_with = "quick")]
    long: bool,
    /// Only this; may be given several times
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Figure>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Figure {
    /// How late a takeover is
    Takeover,
    /// False takeovers on a busy host
    Steadiness,
    /// Nanoseconds for each packet in the XDP program
    Packet,
    /// Processor time and memory at 255 instances
    Load,
}

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Takeovers of each kind.
    pub takeovers: u32,
    /// Runs under load.
    pub busy_runs: u32,
    /// Their length.
    pub busy_run: Duration,
    /// How long processor time is watched.
    pub watch: Duration,
}

impl Effort {
    const fn of(arguments: &Arguments) -> Self {
        let (takeovers, busy_runs, busy_run, watch) = match (arguments.quick, arguments.long) {
            (true, _) => (5, 1, 10, 5),
            (false, false) => (20, 2, 20, 10),
            (false, true) => (20, 5, 60, 10),
        };
        Self {
            takeovers,
            busy_runs,
            busy_run: Duration::from_secs(busy_run),
            watch: Duration::from_secs(watch),
        }
    }
}

/// Who is measured, with the word for its column.
pub type Contestant = (&'static str, Make);

/// Measures and prints the table.
///
/// # Errors
/// When something cannot be built or measured.
pub fn run(arguments: &Arguments) -> Result<()> {
    ensure!(skip::is_root(), "the bench makes network namespaces, which needs root");
    if let Some(reason) = lab::bpf_probe::reason() {
        bail!("{reason}");
    }
    build_ebpf::run(&build_ebpf::Arguments { route: None, object_only: false })?;
    sweep_stale()?;
    let effort = Effort::of(arguments);
    let mut contestants = vec![("regent", Make::Agent(Rung::Auto))];
    match keepalived::program() {
        Some(_) => contestants.push(("keepalived", Make::Keepalived)),
        None => eprintln!("note: keepalived is not installed, so there is nothing to compare with"),
    }
    let names: Vec<&str> = contestants.iter().map(|(name, _)| *name).collect();
    let mut table = Table::new(&names);
    let wanted = |figure| arguments.only.is_empty() || arguments.only.contains(&figure);
    eprintln!("bench: {}", agent::program()?.display());
    if wanted(Figure::Takeover) {
        takeover::measure(&contestants, effort, &mut table)?;
    }
    if wanted(Figure::Steadiness) {
        steadiness::measure(&contestants, effort, &mut table)?;
    }
    if wanted(Figure::Packet) {
        packet::measure(&mut table)?;
    }
    if wanted(Figure::Load) {
        load::measure(&contestants, effort, &mut table)?;
    }
    println!("{table}");
    Ok(())
}
