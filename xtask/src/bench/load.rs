//! Processor time, memory and the longest gap between adverts: 255 instances on an interface, 1,000 over four.
//!
//! The pair is left alone for a while and watched: what it takes of the processors by the kernel's own clocks, what it
//! sends by a capture at the switch. Both contestants do so in turn, run by run, so that a busy minute of this machine
//! is nobody's own.

use std::{collections::BTreeSet, net::Ipv4Addr, time::Duration};

use anyhow::{Context, Result, bail};
use lab::{
    capture::Capture,
    clock::Moment,
    group::Group,
    speaker::{Make, Speaker},
    usage::{self, Usage},
};

use super::{
    Contestant, Effort, gap,
    pair::Pair,
    table::{Cell, Goal, Table, Unit},
};

const STRONG: u8 = 150;
const WEAK: u8 = 100;
/// The second announcements come a second after the first, and not after five, so that they are over sooner.
const ANNOUNCE_AGAIN: &str = "garp_master_delay 1";
/// Second announcements are over by then, and memory has settled.
const SETTLE: Duration = Duration::from_secs(4);
/// What all of them may take to become master.
const START: Duration = Duration::from_secs(20);
/// Resident memory that the agent may take.
const MEMORY_BOUND: u64 = 40 << 20;
/// How often status is asked for, to see what that leaves behind.
const QUESTIONS: u32 = 10;

/// How many instances, how spread, how fast.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    name: &'static str,
    links: u8,
    vrids: u8,
    centiseconds: u32,
    /// Only memory is of interest.
    memory_alone: bool,
}

impl Shape {
    const ONE: Self = Self { name: "1 instance", links: 1, vrids: 1, centiseconds: 100, memory_alone: true };
    /// Every VRID of an interface, at a second.
    pub const SECOND: Self =
        Self { name: "255 at 1 s", links: 1, vrids: 255, centiseconds: 100, memory_alone: false };
    /// Every VRID of an interface, at a tenth of a second.
    pub const TENTH: Self =
        Self { name: "255 at 100 ms", links: 1, vrids: 255, centiseconds: 10, memory_alone: false };
    /// A thousand.
    pub const THOUSAND: Self = Self {
        name: "1,000 over 4 interfaces at 1 s",
        links: 4,
        vrids: 250,
        centiseconds: 100,
        memory_alone: false,
    };

    const fn instances(self) -> u64 {
        self.links as u64 * self.vrids as u64
    }
}

/// What a pair costs, and how well it keeps its time.
#[derive(Clone, Copy)]
struct Cost {
    master: Share,
    backup: Share,
    gap: Duration,
    strays: u64,
    /// What only the agent can say; keepalived has nothing of the kind.
    word: Option<Word>,
}

#[derive(Clone, Copy)]
struct Word {
    /// The latest that its loop ever woke, in nanoseconds.
    lateness: u64,
    /// Bytes of memory that answering status added.
    answering: u64,
}

#[derive(Clone, Copy)]
struct Share {
    /// Processor time in a million of one core's.
    parts_per_million: u64,
    usage: Usage,
}

/// Every run of a shape, for each contestant.
type Costs = Vec<Vec<Cost>>;

/// Measures all contestants in those shapes.
///
/// # Errors
/// When a pair does not come up.
pub fn measure(
    contestants: &[Contestant],
    effort: &Effort,
    shapes: &[Shape],
    table: &mut Table,
) -> Result<()> {
    let one = costs(contestants, effort, Shape::ONE)?;
    memory(Shape::ONE, effort, &one, &one, table);
    let mut seen = 1;
    for &shape in shapes {
        let costs = costs(contestants, effort, shape)?;
        let name = shape.name;
        let mut row = |what: &str, unit: Unit, goal: Goal, value: fn(&Cost) -> Option<u64>| {
            let cells = costs.iter().map(|costs| Cell::of(costs.iter().filter_map(value))).collect();
            table.row(format!("{name}: {what}"), effort.loads, unit, goal, cells);
        };
        row("processor, master", Unit::Share, Goal::NotAbovePeer, |cost| Some(cost.master.parts_per_million));
        row("processor, backup", Unit::Share, Goal::NotAbovePeer, |cost| Some(cost.backup.parts_per_million));
        row("longest gap between adverts of a VRID", Unit::Time, Goal::NotAbovePeer, |cost| {
            u64::try_from(cost.gap.as_nanos()).ok()
        });
        row("latest that the loop ever woke", Unit::Time, Goal::Shown, |cost| Some(cost.word?.lateness));
        row("adverts of the backup", Unit::Count, Goal::Worst(0), |cost| Some(cost.strays));
        if shape.instances() != seen {
            seen = shape.instances();
            memory(shape, effort, &one, &costs, table);
        }
    }
    Ok(())
}

/// Contestants take turns, run by run.
fn costs(contestants: &[Contestant], effort: &Effort, shape: Shape) -> Result<Costs> {
    let mut costs: Costs = vec![Vec::new(); contestants.len()];
    for run in 1..=effort.loads {
        for (&(name, make), costs) in contestants.iter().zip(&mut costs) {
            eprintln!("bench: {}, run {run} of {}, {name}", shape.name, effort.loads);
            let cost = cost(make, shape, effort.watch);
            costs.push(cost.with_context(|| format!("{}, {name}", shape.name))?);
        }
    }
    Ok(costs)
}

/// The rows about memory.
fn memory(shape: Shape, effort: &Effort, one: &Costs, many: &Costs, table: &mut Table) {
    let runs = effort.loads;
    let name = shape.name;
    let cells = |value: fn(&Cost) -> Option<u64>| {
        many.iter().map(|costs| Cell::of(costs.iter().filter_map(value))).collect::<Vec<Cell>>()
    };
    let resident = cells(|cost| Some(cost.master.usage.resident));
    table.row(format!("{name}: memory, master"), runs, Unit::Memory, Goal::Worst(MEMORY_BOUND), resident);
    let anonymous = cells(|cost| Some(cost.master.usage.anonymous));
    table.row(format!("{name}: of that, no page of a file"), runs, Unit::Memory, Goal::Shown, anonymous);
    let more = shape.instances() - 1;
    if more > 0 {
        let growth = one.iter().zip(many).map(|(one, many)| {
            Cell::of(one.iter().zip(many).map(|(one, many)| {
                many.master.usage.anonymous.saturating_sub(one.master.usage.anonymous) / more
            }))
        });
        let figure = format!("{name}: growth of that for each instance");
        table.row(figure, runs, Unit::Memory, Goal::NotAbovePeer, growth.collect());
    }
    let figure = format!("{name}: what {QUESTIONS} answers of status add");
    table.row(figure, runs, Unit::Memory, Goal::Shown, cells(|cost| Some(cost.word?.answering)));
}

fn cost(make: Make, shape: Shape, watch: Duration) -> Result<Cost> {
    let pair = Pair::new(shape.links)?;
    let captures = captures(&pair, shape)?;
    let mut strong = pair.start(make, &pair.a, &text(STRONG, shape)?)?;
    let mut weak = pair.start(make, &pair.b, &text(WEAK, shape)?)?;
    until_all_speak(&pair, &captures, shape)?;
    drop(captures);
    std::thread::sleep(SETTLE);
    let pids = (strong.process().pid(), weak.process().pid());
    let captures = self::captures(&pair, shape)?;
    let (began, before) = (Moment::now(), (usage::of_tree(pids.0)?, usage::of_tree(pids.1)?));
    if !shape.memory_alone {
        std::thread::sleep(watch);
    }
    let (after, ended) = ((usage::of_tree(pids.0)?, usage::of_tree(pids.1)?), Moment::now());
    let elapsed = ended.since(began);
    let (gap, strays) =
        if shape.memory_alone { (Duration::ZERO, 0) } else { heard(&pair, &captures, shape, began, ended)? };
    drop(captures);
    let word = word(&strong, after.0)?;
    Ok(Cost {
        master: share(before.0, after.0, elapsed),
        backup: share(before.1, after.1, elapsed),
        gap,
        strays,
        word,
    })
}

fn captures(pair: &Pair, shape: Shape) -> Result<Vec<Capture>> {
    (0..shape.links).map(|link| pair.capture(link)).collect()
}

fn share(before: Usage, after: Usage, elapsed: Duration) -> Share {
    let spent = after.processor.saturating_sub(before.processor);
    let parts = spent.as_nanos() * 1_000_000 / elapsed.as_nanos().max(1);
    Share { parts_per_million: u64::try_from(parts).unwrap_or(u64::MAX), usage: after }
}

/// The longest gap of all groups, and how many adverts the Backup sent.
fn heard(
    pair: &Pair,
    captures: &[Capture],
    shape: Shape,
    from: Moment,
    until: Moment,
) -> Result<(Duration, u64)> {
    let (mut longest, mut strays) = (Duration::ZERO, 0);
    for (link, capture) in (0..shape.links).zip(captures) {
        let frames = capture.frames();
        let strong = Pair::address(&pair.a, link);
        let adverts = frames.iter().filter_map(|frame| Some((frame.at, frame.advert()?)));
        let ours =
            adverts.filter(|(_, advert)| advert.source == strong).map(|(at, advert)| (at, advert.vrid));
        let gaps = gap::longest(ours, from, until);
        if gaps.len() < usize::from(shape.vrids) {
            bail!("only {} of {} groups were heard in {:?}", gaps.len(), shape.vrids, until.since(from));
        }
        longest = gaps.into_values().fold(longest, Duration::max);
        let weak = Pair::address(&pair.b, link);
        strays +=
            frames.iter().filter(|frame| frame.advert().is_some_and(|advert| advert.source == weak)).count();
    }
    Ok((longest, u64::try_from(strays)?))
}

fn word(speaker: &Speaker, before: Usage) -> Result<Option<Word>> {
    match speaker {
        Speaker::Keepalived(_) | Speaker::Frr(_) => Ok(None),
        Speaker::Agent(agent) => {
            let status = agent.status()?;
            let lateness = status.root["turn"]["worst_lateness_ns"].as_u64().unwrap_or(0);
            for _ in 1..QUESTIONS {
                agent.status()?;
            }
            let after = usage::of_tree(agent.process.pid())?;
            Ok(Some(Word { lateness, answering: after.anonymous.saturating_sub(before.anonymous) }))
        }
    }
}

/// One config with all groups: virtual address 10.1.LINK.VRID.
fn text(priority: u8, shape: Shape) -> Result<String> {
    let mut text = String::new();
    for link in 0..shape.links {
        for vrid in 1..=shape.vrids {
            let group = Group {
                name: format!("VI_{link}_{vrid}"),
                vrid: vrid.into(),
                addresses: vec![Ipv4Addr::new(10, 1, link, vrid).into()],
                interface: Pair::interface(link),
                ..Group::fast(priority, shape.centiseconds).with(ANNOUNCE_AGAIN)
            };
            text.push_str(&group.text());
        }
    }
    Ok(text)
}

/// Until an advert of every group was seen from the strong host.
fn until_all_speak(pair: &Pair, captures: &[Capture], shape: Shape) -> Result<()> {
    let start = Moment::now();
    loop {
        let mut seen = BTreeSet::new();
        for (link, capture) in (0..shape.links).zip(captures) {
            let strong = Pair::address(&pair.a, link);
            let frames = capture.frames();
            let adverts = frames.iter().filter_map(|frame| frame.advert());
            seen.extend(adverts.filter(|advert| advert.source == strong).map(|advert| (link, advert.vrid)));
        }
        if u64::try_from(seen.len())? >= shape.instances() {
            return Ok(());
        }
        if start.elapsed() > START {
            bail!("only {} of {} groups had a master after {START:?}", seen.len(), shape.instances());
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}
