//! A healthy master at 10 ms on a host whose every core has two busy loops: false takeovers, and how late its adverts are,
//! beside a bare loop that keeps the same beat at the same time.

use std::{process::Command, time::Duration};

use anyhow::{Context, Result, bail};
use lab::{
    beat::Lateness,
    clock::{Moment, Span},
    group::Group,
    lab::Lab,
    node::Node,
    process::Process,
    speaker::{Make, Speaker},
};

use super::{
    Contestant, Effort,
    bare_loop::{self, Late},
    table::{Cell, Goal, Table, Unit},
};

const STRONG: u8 = 150;
const WEAK: u8 = 100;
const CENTISECONDS: u32 = 1;
const LOOPS_PER_CORE: usize = 2;
/// What a daemon may take to start.
const START: Duration = Duration::from_secs(5);
/// How late 99 of 100 adverts may be, in nanoseconds.
const BOUND: u64 = 1_000_000;
/// Up to how many hundredths of the bare loop's the rest may be.
const TIMES: u64 = 200;

/// What one run showed.
struct Run {
    false_takeovers: u64,
    /// Of the master's adverts, as its own host sent them.
    adverts: Late,
    bare: Late,
}

/// What is shown of how late adverts were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quantile {
    P50,
    P99,
    P999,
    Worst,
}

impl Quantile {
    const ALL: [Self; 4] = [Self::P50, Self::P99, Self::P999, Self::Worst];

    const fn name(self) -> &'static str {
        match self {
            Self::P50 => "p50",
            Self::P99 => "p99",
            Self::P999 => "p99.9",
            Self::Worst => "worst",
        }
    }

    const fn of(self, late: Late) -> u64 {
        match self {
            Self::P50 => late.p50,
            Self::P99 => late.p99,
            Self::P999 => late.p999,
            Self::Worst => late.worst,
        }
    }
}

/// Measures all contestants.
///
/// # Errors
/// When the pair does not come up.
pub fn measure(contestants: &[Contestant], effort: &Effort, table: &mut Table) -> Result<()> {
    let mut all = Vec::new();
    for &(name, make) in contestants {
        let mut runs = Vec::new();
        for run in 1..=effort.busy_runs {
            eprintln!(
                "bench: busy run {run} of {} at 10 ms, {}, {name}",
                effort.busy_runs,
                Span(effort.busy_run)
            );
            runs.push(one(make, effort.busy_run).with_context(|| format!("busy run, {name}"))?);
        }
        all.push((make, runs));
    }
    let seconds = effort.busy_run.as_secs();
    let count = effort.busy_runs;
    let figure = format!("false takeovers at 10 ms in {seconds} s, {LOOPS_PER_CORE} busy loops per core");
    let cells = all.iter().map(|(_, runs)| Cell::of(runs.iter().map(|run| run.false_takeovers)));
    table.row(figure, count, Unit::Count, Goal::Worst(0), cells.collect());
    let mut row = |figure: String, unit: Unit, goal: Goal, value: &dyn Fn(&Run) -> u64| {
        // keepalived counts each interval from when it woke, so there is no grid to be late by.
        let on_grid = all.iter().filter(|(make, _)| matches!(make, Make::Agent(_)));
        table.row(
            figure,
            count,
            unit,
            goal,
            on_grid.map(|(_, runs)| Cell::of(runs.iter().map(value))).collect(),
        );
    };
    let title = |of: &str| format!("advert lateness at 10 ms in {seconds} s, busy: {of}");
    for quantile in Quantile::ALL {
        let name = quantile.name();
        let bound = if quantile == Quantile::P99 { Goal::Median(BOUND) } else { Goal::Shown };
        row(title(name), Unit::Time, bound, &|run| quantile.of(run.adverts));
        let bare = title(&format!("{name} of a bare loop meanwhile"));
        row(bare, Unit::Time, Goal::Shown, &|run| quantile.of(run.bare));
        if matches!(quantile, Quantile::P999 | Quantile::Worst) {
            let times = title(&format!("{name}, times the bare loop's"));
            row(times, Unit::Ratio, Goal::Median(TIMES), &|run| {
                quantile.of(run.adverts) * 100 / quantile.of(run.bare).max(1)
            });
        }
    }
    Ok(())
}

fn one(make: Make, time: Duration) -> Result<Run> {
    let lab = Lab::new()?;
    let (a, b, client) = (lab.host("a", 1)?, lab.host("b", 2)?, lab.host("client", 9)?);
    let (capture, sent) = (client.capture()?, a.capture()?);
    let (strong, weak) = (Group::fast(STRONG, CENTISECONDS), Group::fast(WEAK, CENTISECONDS));
    let began = Moment::now();
    let _strong = Speaker::start(make, &a, &strong)?;
    let _weak = Speaker::start(make, &b, &weak)?;
    capture.wait_after(began, "the strong router", strong.timing().down_bound(STRONG) + START, |frame| {
        frame.is_advert_of(strong.wire_vrid(), a.address(), STRONG)
    })?;
    std::thread::sleep(Duration::from_millis(500));
    let cores = std::thread::available_parallelism()?.get();
    let loops = (0..cores * LOOPS_PER_CORE).map(|_| busy_loop(&client)).collect::<Result<Vec<_>>>()?;
    let loaded = Moment::now();
    let bare = bare_loop::measure(strong.timing().interval, time)?;
    let ended = Moment::now();
    drop(loops);
    // An episode is a stretch of the weak router's adverts with less than three intervals between them.
    let mut false_takeovers = 0;
    let mut newest: Option<Moment> = None;
    for frame in capture.frames() {
        if frame.at > loaded && frame.is_advert_of(weak.wire_vrid(), b.address(), WEAK) {
            if newest.is_none_or(|newest| frame.at.since(newest) > weak.timing().interval * 3) {
                false_takeovers += 1;
            }
            newest = Some(frame.at);
        }
    }
    let is_ours = |at: Moment| at > loaded && at < ended;
    let frames = sent.frames();
    let adverts = frames.iter().filter(|frame| is_ours(frame.at) && frame.outgoing);
    let beats = adverts.filter(|frame| frame.is_advert(strong.wire_vrid(), a.address()));
    let beats: Vec<Moment> = beats.map(|frame| frame.at).collect();
    let lateness = Lateness::of(&beats, strong.timing().interval);
    if sent.dropped() > 0 {
        bail!("the capture lost {} frames", sent.dropped());
    }
    Ok(Run { false_takeovers, adverts: Late::of(&lateness)?, bare })
}

fn busy_loop(node: &Node) -> Result<Process> {
    let mut command: Command = node.command("sh");
    command.args(["-c", "while :; do :; done"]);
    Process::spawn("busy loop", node, &mut command, Duration::ZERO)
}
