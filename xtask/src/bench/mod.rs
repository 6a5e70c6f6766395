//! `cargo xtask bench`: the figures, side by side with keepalived's of the same run.
//!
//! Owns the choice of what is measured and the order; each kind of figure has its file. Nothing is asserted here: the
//! scenarios hold the bounds; the bench shows how tight they are kept, and says of each figure whether its goal is
//! reached.

mod answers;
pub mod bare_loop;
mod bystanders;
mod gap;
mod handover;
mod load;
mod machine;
mod packet;
mod pair;
mod reading;
mod reload;
pub mod scale;
mod script;
mod steadiness;
mod swaps;
mod table;
mod takeover;
mod witness;

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use clap::Args;
use lab::{
    agent::{self, Rung},
    clock::Moment,
    keepalived,
    lab::sweep_stale,
    skip,
    speaker::Make,
};

use self::{
    load::Shape,
    machine::Machine,
    scale::{Layout, Scale},
    table::Table,
};
use crate::build_ebpf;

/// Options of the bench.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Five runs in place of twenty, short loads, and no thousand instances unless asked for: some four minutes
    #[arg(long)]
    quick: bool,
    /// Five times a minute on a busy host, and loads five times over, as the project's figures are defined
    #[arg(long, conflicts_with = "quick")]
    long: bool,
    /// Only this; may be given several times
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Figure>,
    /// Of the takeovers of many addresses, only those of so many; may be given several times
    #[arg(long, value_delimiter = ',')]
    addresses: Vec<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Figure {
    /// How late a takeover is
    Takeover,
    /// How late all of up to 10,000 virtual addresses answer after a takeover
    Scale,
    /// The longest gap between adverts of other groups while 10,000 virtual addresses come and go
    Bystanders,
    /// The longest gap between adverts of other groups while a config of a thousand instances or 5,000 addresses is reloaded
    Reload,
    /// How long a graceful hand-over takes past the skew
    HandOver,
    /// How long it takes from the failure of a tracked script to the other router
    Script,
    /// False takeovers, and how late adverts are, on a busy host
    Steadiness,
    /// Nanoseconds for each packet in the XDP program
    Packet,
    /// ARP replies in a second on one processor
    Answers,
    /// ARP requests lost while the program is exchanged, and while an agent hands over to the next
    Swaps,
    /// How long it takes to read and check up to 20,000 instances, and how much memory
    Reading,
    /// Processor time, memory and longest gap at 255 instances
    Load,
    /// The same at 1,000 instances over four interfaces
    Thousand,
}

/// How much is measured.
#[derive(Clone, Debug)]
pub struct Effort {
    /// Takeovers of each kind.
    pub takeovers: u32,
    /// Takeovers of many addresses, for each number, layout and question.
    pub mass_takeovers: u32,
    /// How many addresses, where many are taken over; empty: the usual numbers.
    addresses: Vec<u32>,
    /// How many that do not lie one after the other.
    scattered: &'static [u32],
    /// Times that the most addresses move.
    pub moves: u32,
    /// Reloads of each kind.
    pub reloads: u32,
    /// Graceful hand-overs.
    pub hand_overs: u32,
    /// Failures of scripts.
    pub failures: u32,
    /// Runs on a busy host.
    pub busy_runs: u32,
    /// Their length.
    pub busy_run: Duration,
    /// Floods of ARP requests for each number of stations.
    pub floods: u32,
    /// How long each is at least.
    pub flood: Duration,
    /// Exchanges of the program, and of the agent, under a flood.
    pub swaps: u32,
    /// Times that each config is read.
    pub readings: u32,
    /// Runs of each load.
    pub loads: u32,
    /// How long each is watched.
    pub watch: Duration,
}

impl Effort {
    fn of(arguments: &Arguments) -> Self {
        let (runs, mass, busy_runs, busy_run, floods, loads, watch) = match (arguments.quick, arguments.long)
        {
            (true, _) => (5, 3, 1, 10, 5, 1, 5),
            (false, false) => (20, 10, 2, 20, 9, 3, 10),
            (false, true) => (20, 20, 5, 60, 31, 5, 20),
        };
        Self {
            takeovers: runs,
            mass_takeovers: mass,
            addresses: arguments.addresses.clone(),
            scattered: if arguments.quick { &[2_000] } else { &[2_000, 10_000] },
            moves: if arguments.quick { 1 } else { mass },
            reloads: if arguments.quick { 1 } else { 3 },
            hand_overs: runs,
            failures: runs,
            busy_runs,
            busy_run: Duration::from_secs(busy_run),
            floods,
            flood: Duration::from_millis(400),
            swaps: if arguments.quick { 10 } else { 60 },
            readings: runs,
            loads,
            watch: Duration::from_secs(watch),
        }
    }
}

impl Effort {
    /// The takeovers of many addresses. Layouts differ only where there are many.
    fn scales(&self) -> impl Iterator<Item = Scale> {
        let contiguous = [1, 200, 2_000, 10_000].map(|addresses| (addresses, Layout::Contiguous));
        let scattered = self.scattered.iter().map(|&addresses| (addresses, Layout::Scattered));
        let wanted = |addresses| self.addresses.is_empty() || self.addresses.contains(&addresses);
        let all = contiguous.into_iter().chain(scattered).filter(move |(addresses, _)| wanted(*addresses));
        let runs = |addresses| if addresses < 10_000 { self.mass_takeovers } else { self.moves };
        all.map(move |(addresses, layout)| Scale { addresses, layout, runs: runs(addresses) })
    }

    /// The most addresses that are taken over.
    fn most(&self) -> Scale {
        let addresses = self.addresses.iter().max().copied().unwrap_or(10_000);
        Scale { addresses, layout: Layout::Contiguous, runs: self.moves }
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
    let machine = Machine::watch()?;
    // What was measured before and after a failure is worth having.
    let mut failures = 0;
    let mut began = Moment::now();
    let mut note = |measured: Result<()>| {
        if let Err(error) = measured {
            eprintln!("bench: FAILED: {error:#}");
            failures += 1;
        }
        eprintln!("bench: that took {} s", began.elapsed().as_secs());
        began = Moment::now();
    };
    if wanted(Figure::Takeover) {
        note(takeover::measure(&contestants, &effort, &mut table));
    }
    if wanted(Figure::Scale) {
        note(scale::measure(&contestants, &effort, &mut table));
    }
    if wanted(Figure::Bystanders) {
        note(bystanders::measure(&contestants, &effort, &mut table));
    }
    if wanted(Figure::Reload) {
        note(reload::measure(&contestants, &effort, &mut table));
    }
    if wanted(Figure::HandOver) {
        note(handover::measure(&contestants, &effort, &mut table));
    }
    if wanted(Figure::Script) {
        note(script::measure(&contestants, &effort, &mut table));
    }
    if wanted(Figure::Steadiness) {
        note(steadiness::measure(&contestants, &effort, &mut table));
    }
    if wanted(Figure::Packet) {
        note(packet::measure(&mut table));
    }
    if wanted(Figure::Answers) {
        note(answers::measure(&effort, &mut table));
    }
    if wanted(Figure::Swaps) {
        note(swaps::measure(&effort, &mut table));
    }
    if wanted(Figure::Reading) {
        note(reading::measure(&contestants, &effort, &mut table));
    }
    let mut shapes = Vec::new();
    if wanted(Figure::Load) {
        shapes.extend([Shape::SECOND, Shape::TENTH]);
    }
    // The longest of all.
    if wanted(Figure::Thousand) && (!arguments.quick || arguments.only.contains(&Figure::Thousand)) {
        shapes.push(Shape::THOUSAND);
    }
    if !shapes.is_empty() {
        note(load::measure(&contestants, &effort, &shapes, &mut table));
    }
    println!("{table}");
    println!("{}", machine.report()?);
    ensure!(failures == 0, "{failures} figures could not be measured; the reasons are above the table");
    Ok(())
}
