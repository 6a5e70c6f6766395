//! False takeovers: a healthy master at 10 ms on a host whose every core has two busy loops.

use std::{process::Command, time::Duration};

use anyhow::{Context, Result};
use lab::{
    clock::{Moment, Span},
    group::Group,
    lab::Lab,
    node::Node,
    process::Process,
    speaker::{Make, Speaker},
};

use super::{
    Contestant, Effort,
    table::{Cell, Goal, Table, Unit},
};

const STRONG: u8 = 150;
const WEAK: u8 = 100;
const CENTISECONDS: u32 = 1;
const LOOPS_PER_CORE: usize = 2;
/// What a daemon may take to start.
const START: Duration = Duration::from_secs(5);

/// Measures all contestants.
///
/// # Errors
/// When the pair does not come up.
pub fn measure(contestants: &[Contestant], effort: &Effort, table: &mut Table) -> Result<()> {
    let mut cells = Vec::new();
    for &(name, make) in contestants {
        let mut counts = Vec::new();
        for run in 1..=effort.busy_runs {
            eprintln!(
                "bench: busy run {run} of {} at 10 ms, {}, {name}",
                effort.busy_runs,
                Span(effort.busy_run)
            );
            counts.push(false_takeovers(make, effort.busy_run).with_context(|| format!("busy run, {name}"))?);
        }
        cells.push(Cell::of(counts));
    }
    let seconds = effort.busy_run.as_secs();
    let figure = format!("false takeovers at 10 ms in {seconds} s, {LOOPS_PER_CORE} busy loops per core");
    table.row(figure, effort.busy_runs, Unit::Count, Goal::Worst(0), cells);
    Ok(())
}

fn false_takeovers(make: Make, run: Duration) -> Result<u64> {
    let lab = Lab::new()?;
    let (a, b, client) = (lab.host("a", 1)?, lab.host("b", 2)?, lab.host("client", 9)?);
    let capture = client.capture()?;
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
    std::thread::sleep(run);
    drop(loops);
    // An episode is a stretch of the weak router's adverts with less than three intervals between them.
    let mut episodes = 0;
    let mut newest: Option<Moment> = None;
    for frame in capture.frames() {
        if frame.at > loaded && frame.is_advert_of(weak.wire_vrid(), b.address(), WEAK) {
            if newest.is_none_or(|newest| frame.at.since(newest) > weak.timing().interval * 3) {
                episodes += 1;
            }
            newest = Some(frame.at);
        }
    }
    Ok(episodes)
}

fn busy_loop(node: &Node) -> Result<Process> {
    let mut command: Command = node.command("sh");
    command.args(["-c", "while :; do :; done"]);
    Process::spawn("busy loop", node, &mut command, Duration::ZERO)
}
