//! How long other groups of a router are silent at most while it takes over thousands of virtual addresses of one group,
//! and while it gives them up again.

use std::{net::Ipv4Addr, time::Duration};

use anyhow::{Context, Result, ensure};
use lab::{
    clock::Moment,
    ear::{Ear, Heard},
    group::Group,
    lab::Lab,
    node::Node,
    speaker::{Make, Speaker},
};

use super::{
    Contestant, Effort, gap,
    scale::{SETTLE, STRONG, Scale, WEAK, until_addresses},
    table::{Cell, Goal, Table, Unit},
};

/// How many other groups.
const OTHERS: u8 = 20;
/// The first one's VRID.
const FIRST: u8 = 101;
/// Their interval, in centiseconds.
const CENTISECONDS: u32 = 10;
/// Up to how long they may be silent, in nanoseconds: 1.2 intervals.
const BOUND: u64 = 120_000_000;
/// What a daemon may take to speak for all of them.
const START: Duration = Duration::from_secs(60);

/// The longest silence of each run.
#[derive(Default)]
struct Silence {
    taking: Vec<Duration>,
    giving: Vec<Duration>,
}

/// Measures all contestants.
///
/// # Errors
/// When a group is not heard at all.
pub fn measure(contestants: &[Contestant], effort: &Effort, table: &mut Table) -> Result<()> {
    let scale = effort.most();
    let mut all = Vec::new();
    for &(name, make) in contestants {
        let addresses = scale.addresses;
        eprintln!("bench: {} moves of {addresses} addresses beside {OTHERS} groups, {name}", scale.runs);
        all.push(silence(make, scale).with_context(|| format!("{addresses} addresses move, {name}"))?);
    }
    let mut row = |what: &str, values: fn(&Silence) -> &[Duration]| {
        let figure = format!(
            "longest gap of {OTHERS} other groups at {} ms while {} addresses {what}",
            CENTISECONDS * 10,
            scale.addresses
        );
        let cells = all.iter().map(|silence| Cell::times(values(silence))).collect();
        table.row(figure, scale.runs, Unit::Time, Goal::Worst(BOUND), cells);
    };
    row("come", |silence| &silence.taking);
    row("go", |silence| &silence.giving);
    Ok(())
}

fn silence(make: Make, scale: Scale) -> Result<Silence> {
    let lab = Lab::new()?;
    let (a, b, client) = (lab.host("a", 1)?, lab.host("b", 2)?, lab.host("client", 9)?);
    let ear = Ear::open(&client)?;
    // What moves is the first one's by priority, the others are always the second one's.
    let began = Moment::now();
    let _weak = Speaker::start_text(make, &b, &text(scale, WEAK, STRONG))?;
    let _strong = Speaker::start_text(make, &a, &text(scale, STRONG, WEAK))?;
    for vrid in (FIRST..).take(OTHERS.into()) {
        ear.wait("the other groups", START, |heard| heard.source == b.address() && heard.vrid == vrid)?;
    }
    until_addresses(&a, scale.addresses)?;
    std::thread::sleep(SETTLE.saturating_sub(began.elapsed()));
    let mut silence = Silence::default();
    for _ in 0..scale.runs {
        until_addresses(&b, OTHERS.into())?;
        let taking = gap_until(&ear, &b, scale.addresses + u32::from(OTHERS), || a.cut_silently())?;
        silence.taking.push(taking);
        silence.giving.push(gap_until(&ear, &b, OTHERS.into(), || a.restore_silently())?);
    }
    Ok(silence)
}

/// The longest silence from `begin` until the host has that many virtual addresses, and a little longer.
fn gap_until(ear: &Ear, host: &Node, addresses: u32, begin: impl FnOnce() -> Result<()>) -> Result<Duration> {
    let interval = Duration::from_millis(u64::from(CENTISECONDS) * 10);
    ear.heard()?;
    // The first silence in the window has a beginning, too.
    std::thread::sleep(interval * 2);
    let from = Moment::now();
    begin()?;
    until_addresses(host, addresses)?;
    std::thread::sleep(interval * 2);
    let (until, heard) = (Moment::now(), ear.heard()?);
    let is_other = |heard: &&Heard| heard.source == host.address() && heard.vrid >= FIRST;
    let adverts = heard.iter().filter(is_other).map(|heard| (heard.at, heard.vrid));
    let gaps = gap::longest(adverts, from, until);
    ensure!(gaps.len() == usize::from(OTHERS), "only {} of {OTHERS} other groups were heard", gaps.len());
    gaps.into_values().max().context("no other group")
}

/// A config with the group that moves at one priority, and the others at another.
fn text(scale: Scale, priority: u8, of_others: u8) -> String {
    let mut text = scale.group(priority).text();
    for vrid in (FIRST..).take(OTHERS.into()) {
        let group = Group {
            name: format!("VI_{vrid}"),
            vrid: vrid.into(),
            addresses: vec![Ipv4Addr::new(10, 2, 0, vrid).into()],
            ..Group::fast(of_others, CENTISECONDS)
        };
        text.push_str(&group.text());
    }
    text
}
