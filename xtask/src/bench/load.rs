//! Processor time and memory: one instance and 255, as master and as Backup, a second and a tenth of one.

use std::{collections::BTreeSet, net::Ipv4Addr, time::Duration};

use anyhow::{Context, Result, bail};
use lab::{
    capture::Capture,
    clock::Moment,
    group::Group,
    lab::Lab,
    node::Node,
    speaker::{Make, Speaker},
    usage::{self, Usage},
};

use super::{
    Contestant, Effort,
    table::{Cell, Table},
};

const STRONG: u8 = 150;
const WEAK: u8 = 100;
/// As many as there are VRIDs.
const MANY: u32 = 255;
/// Intervals, in centiseconds.
const INTERVALS: [u32; 2] = [100, 10];
/// Second announcements are over by then, and memory has settled.
const SETTLE: Duration = Duration::from_secs(7);
/// What all of them may take to become master.
const START: Duration = Duration::from_secs(20);

/// What a pair costs.
struct Cost {
    master: Share,
    backup: Share,
}

#[derive(Clone, Copy)]
struct Share {
    /// Processor time in a million of one core's.
    parts_per_million: u128,
    usage: Usage,
}

/// Measures all contestants.
///
/// # Errors
/// When a pair does not come up.
pub fn measure(contestants: &[Contestant], effort: Effort, table: &mut Table) -> Result<()> {
    let mut one = Vec::new();
    for &(name, make) in contestants {
        eprintln!("bench: memory at 1 instance, {name}");
        one.push(cost(make, 1, 100, effort.watch).with_context(|| format!("1 instance, {name}"))?);
    }
    let mut memory = Vec::new();
    for centiseconds in INTERVALS {
        let mut many = Vec::new();
        for &(name, make) in contestants {
            eprintln!("bench: {MANY} instances at {} ms, {name}", centiseconds * 10);
            let cost = cost(make, MANY, centiseconds, effort.watch);
            many.push(cost.with_context(|| format!("{MANY} instances, {name}"))?);
        }
        let figure = |role: &str| format!("processor, {MANY} instances at {} ms, {role}", centiseconds * 10);
        table.row(figure("master"), 1, many.iter().map(|cost| percent(cost.master)).collect());
        table.row(figure("backup"), 1, many.iter().map(|cost| percent(cost.backup)).collect());
        memory = many;
    }
    table.row(
        "memory, 1 instance, master",
        1,
        one.iter().map(|cost| kilobytes(cost.master.usage.resident)).collect(),
    );
    let all = memory.iter().map(|cost| kilobytes(cost.master.usage.resident)).collect();
    table.row(format!("memory, {MANY} instances, master"), 1, all);
    let growth = one.iter().zip(&memory).map(|(one, many)| {
        let grown = many.master.usage.anonymous.saturating_sub(one.master.usage.anonymous);
        kilobytes(grown / u64::from(MANY - 1))
    });
    table.row("memory without pages of files, growth for each instance", 1, growth.collect());
    Ok(())
}

fn percent(share: Share) -> Cell {
    let hundredths = share.parts_per_million / 100;
    Cell::one(format!("{}.{:02} %", hundredths / 100, hundredths % 100))
}

fn kilobytes(bytes: u64) -> Cell {
    let tenths = bytes * 10 / 1024;
    Cell::one(format!("{}.{} KiB", tenths / 10, tenths % 10))
}

fn cost(make: Make, instances: u32, centiseconds: u32, watch: Duration) -> Result<Cost> {
    let lab = Lab::new()?;
    let (a, b, client) = (lab.host("a", 1)?, lab.host("b", 2)?, lab.host("client", 9)?);
    let capture = client.capture()?;
    let mut strong = start(make, &a, STRONG, instances, centiseconds)?;
    let mut weak = start(make, &b, WEAK, instances, centiseconds)?;
    until_all_speak(&capture, &a, instances)?;
    drop(capture);
    std::thread::sleep(SETTLE);
    let pids = (strong.process().pid(), weak.process().pid());
    let (began, before) = (Moment::now(), (usage::of_tree(pids.0)?, usage::of_tree(pids.1)?));
    std::thread::sleep(watch);
    let (after, elapsed) = ((usage::of_tree(pids.0)?, usage::of_tree(pids.1)?), began.elapsed());
    Ok(Cost { master: share(before.0, after.0, elapsed), backup: share(before.1, after.1, elapsed) })
}

fn share(before: Usage, after: Usage, elapsed: Duration) -> Share {
    let spent = after.processor.saturating_sub(before.processor);
    Share { parts_per_million: spent.as_nanos() * 1_000_000 / elapsed.as_nanos().max(1), usage: after }
}

/// One daemon with that many groups: VRID and virtual address 10.0.1.N count up.
fn start(make: Make, node: &Node, priority: u8, instances: u32, centiseconds: u32) -> Result<Speaker> {
    let mut text = String::new();
    for vrid in 1..=instances {
        let last = u8::try_from(vrid).context("too many instances")?;
        let group = Group {
            name: format!("VI_{vrid}"),
            vrid,
            addresses: vec![Ipv4Addr::new(10, 0, 1, last).into()],
            ..Group::fast(priority, centiseconds)
        };
        text.push_str(&group.text());
    }
    Speaker::start_text(make, node, &text)
}

/// Until an advert of every group was seen from that host.
fn until_all_speak(capture: &Capture, node: &Node, instances: u32) -> Result<()> {
    let start = Moment::now();
    loop {
        let seen: BTreeSet<u8> = capture
            .frames()
            .iter()
            .filter_map(|frame| frame.advert().filter(|advert| advert.source == node.address()))
            .map(|advert| advert.vrid)
            .collect();
        if seen.len() >= usize::try_from(instances)? {
            return Ok(());
        }
        if start.elapsed() > START {
            bail!("only {} of {instances} groups had a master after {START:?}", seen.len());
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}
