//! Thousands of virtual addresses: all of them there in the end and nothing else, also after a crash at any step.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    os::unix::process::ExitStatusExt,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use lab::{
    agent::{self, Agent, Options},
    clock::Moment,
    group::Group,
    node::{INTERFACE, Node},
    process::Process,
};
use libtest_mimic::Trial;
use regent_agent::crash::Point;
use regent_common::Family;

use super::{
    leftovers::nothing_is_left,
    rig::{Rig, START, STRONG, TENTH, WEAK},
    trial::{Need, Reasons},
};

/// Enough for routes to go ahead, in more than one batch.
const SOME: u16 = 300;
/// What the kernel takes long for.
const MANY: u16 = 2_000;
/// What that may take here, beside other scenarios.
const PATIENCE: Duration = Duration::from_secs(30);

/// All of them.
pub fn trials(reasons: &Reasons) -> Vec<Trial> {
    let agent: &[Need] = &[Need::Agent];
    let mut trials = vec![
        reasons.trial("scale::two_thousand_addresses_come_and_go_and_leave_nothing", agent, || {
            come_and_go(&group(STRONG, contiguous(MANY)))
        }),
        reasons.trial("scale::scattered_addresses_come_and_go_and_leave_nothing", agent, || {
            come_and_go(&group(STRONG, scattered(MANY)))
        }),
        reasons.trial("scale::addresses_of_ipv6_come_and_go_and_leave_nothing", agent, || {
            come_and_go(&group_ipv6(STRONG, 100))
        }),
        reasons.trial("scale::a_mind_that_changes_in_the_middle_ends_as_it_should", agent, a_mind_changes),
    ];
    let mut crashing = |name: String, scenario: Box<dyn Fn() -> Result<()> + Send>| {
        trials.push(reasons.trial(name, &[Need::MortalAgent], scenario));
    };
    for point in Point::ALL.into_iter().filter(|point| !point.is_of_succession()) {
        let name = format!("scale::a_start_after_a_crash_at_{}_ends_as_planned", point.name());
        crashing(name, Box::new(move || crash_at(point)));
    }
    for (what, of) in [("contiguous", contiguous as fn(u16) -> Vec<IpAddr>), ("scattered", scattered)] {
        let name = format!("scale::routes_deliver_for_{what}_addresses_and_for_no_neighbour");
        crashing(name, Box::new(move || routes_are_exact(of(MANY))));
    }
    trials
}

/// From 10.9.0.0 on, in a row.
fn contiguous(count: u16) -> Vec<IpAddr> {
    every(1, count)
}

/// Every other one.
fn scattered(count: u16) -> Vec<IpAddr> {
    every(2, count)
}

fn every(step: u16, count: u16) -> Vec<IpAddr> {
    let address = |number: u16| {
        let [high, low] = (number * step).to_be_bytes();
        Ipv4Addr::new(10, 9, high, low).into()
    };
    (0..count).map(address).collect()
}

/// A router with one address in its adverts, and all of these beside it.
fn group(priority: u8, addresses: Vec<IpAddr>) -> Group {
    Group::fast(priority, TENTH).with(&excluded(&addresses))
}

fn group_ipv6(priority: u8, count: u16) -> Group {
    let address = |last: u16| Ipv6Addr::new(0x2001, 0xdb8, 0, 9, 0, 0, 0, last).into();
    let addresses: Vec<IpAddr> = (0..count).map(address).collect();
    Group::ipv6(priority, TENTH).with(&excluded(&addresses))
}

fn excluded(addresses: &[IpAddr]) -> String {
    let lines: Vec<String> = addresses.iter().map(|address| format!("    {address}")).collect();
    format!("virtual_ipaddress_excluded {{\n{}\n}}", lines.join("\n"))
}

/// What `ip` shows when the plan is carried out: the host's own, and each of the group's.
fn planned(own: &[String], group: &Group) -> BTreeSet<String> {
    let length = match group.family() {
        Family::Ipv4 => 32,
        Family::Ipv6 => 128,
    };
    let inside = group.more.lines().filter_map(|line| line.trim().parse::<IpAddr>().ok());
    let all = inside.chain(group.addresses.iter().copied());
    all.map(|address| format!("{address}/{length}")).chain(own.iter().cloned()).collect()
}

fn addresses(node: &Node, family: Family) -> Result<BTreeSet<String>> {
    Ok(node.addresses_of(family)?.into_iter().collect())
}

fn routes(node: &Node) -> Result<String> {
    let of = |family| node.ip(&[family, "route", "show", "table", "local", "proto", "112"]);
    Ok(of("-4")? + &of("-6").unwrap_or_default())
}

/// Waits until `node` has just those addresses, and no route of ours.
fn wait_state(node: &Node, family: Family, wanted: &BTreeSet<String>) -> Result<()> {
    let start = Moment::now();
    loop {
        let (have, left) = (addresses(node, family)?, routes(node)?);
        if have == *wanted && left.is_empty() {
            return Ok(());
        }
        ensure!(
            start.elapsed() < PATIENCE,
            "{} addresses of {} are there, {} of them unwanted; routes: {left:?}",
            have.len(),
            wanted.len(),
            have.difference(wanted).count(),
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn come_and_go(group: &Group) -> Result<()> {
    let rig = Rig::of(group)?;
    let (family, own) = (group.family(), rig.a.addresses_of(group.family())?);
    let mut agent = rig.master(&rig.a, group, agent::Rung::Auto)?;
    wait_state(&rig.a, family, &planned(&own, group)).with_context(|| agent.process.log_tail())?;
    let status = agent.stop()?;
    ensure!(status.success(), "it ended with {status}{}", agent.process.log_tail());
    ensure!(rig.a.addresses_of(family)? == own, "addresses are left: {:?}", rig.a.addresses_of(family)?);
    ensure!(routes(&rig.a)?.is_empty(), "routes are left: {}", routes(&rig.a)?);
    if family == Family::Ipv4 { nothing_is_left(&rig.a, &own) } else { Ok(()) }
}

/// Dies when the routes are there: they deliver for each address of the plan, and for no neighbour's.
fn routes_are_exact(addresses: Vec<IpAddr>) -> Result<()> {
    let rig = Rig::new()?;
    let group = group(STRONG, addresses);
    crash(&rig, &group, Point::RoutesThere, &BTreeSet::new())?;
    let mut covered = BTreeSet::new();
    for line in routes(&rig.a)?.lines() {
        let prefix = line.split_whitespace().nth(1).with_context(|| format!("read {line:?}"))?;
        let (first, length) = prefix.split_once('/').unwrap_or((prefix, "32"));
        let first = first.parse::<Ipv4Addr>()?.to_bits();
        let count = 1_u32 << (32 - length.parse::<u32>()?);
        covered.extend((first..first + count).map(|bits| format!("{}/32", Ipv4Addr::from_bits(bits))));
    }
    let wanted = planned(&[], &group);
    ensure!(
        covered == wanted,
        "not covered: {:?}; covered though not ours: {:?}",
        wanted.difference(&covered).collect::<Vec<_>>(),
        covered.difference(&wanted).collect::<Vec<_>>(),
    );
    Ok(())
}

/// A better router appears, and disappears, while the addresses are on their way.
fn a_mind_changes() -> Result<()> {
    let rig = Rig::new()?;
    let many = group(WEAK, contiguous(MANY));
    let own = rig.a.addresses()?;
    let wanted = planned(&own, &many);
    let agent = Agent::start(&rig.a, &Options::config(many.text()))?;
    let began = Moment::now();
    rig.advert(began, &rig.a, &many, many.timing().down_bound(WEAK) + START)?;
    let strong = Group::fast(STRONG, TENTH);
    let mut better = Agent::start(&rig.b, &Options::config(strong.text()))?;
    rig.advert(began, &rig.b, &strong, strong.timing().down_bound(STRONG) + START)?;
    wait_state(&rig.a, Family::Ipv4, &own.iter().cloned().collect())
        .with_context(|| agent.process.log_tail())?;
    better.stop()?;
    wait_state(&rig.a, Family::Ipv4, &wanted).with_context(|| agent.process.log_tail())
}

/// Whether a router comes by the point when it takes over, or when it gives up.
const fn is_of_takeover(point: Point) -> bool {
    match point {
        Point::AdvertSent
        | Point::GateOpen
        | Point::RoutesAsked
        | Point::RoutesThere
        | Point::AddressesBegun
        | Point::RoutesDone
        | Point::RoutesGone => true,
        Point::Muted
        | Point::Resigned
        | Point::RemovalBegun
        | Point::RemovalUnderWay
        | Point::RemovalDone
        | Point::Released
        | Point::SuccessorReady
        | Point::SuccessorTold
        | Point::SuccessorAccepted
        | Point::PredecessorTold
        | Point::PredecessorHeard => false,
    }
}

/// Dies there, and is started again as master, and after another crash as Backup.
fn crash_at(point: Point) -> Result<()> {
    let rig = Rig::new()?;
    let strong = group(STRONG, contiguous(SOME));
    let own = rig.a.addresses()?;
    let wanted = planned(&own, &strong);
    crash(&rig, &strong, point, &wanted)?;

    let mut again = rig.master(&rig.a, &strong, agent::Rung::Auto)?;
    wait_state(&rig.a, Family::Ipv4, &wanted).with_context(|| again.process.log_tail())?;
    ensure!(again.stop()?.success(), "it did not end well{}", again.process.log_tail());
    nothing_is_left(&rig.a, &own)?;

    crash(&rig, &strong, point, &wanted)?;
    let weak = Group::fast(WEAK, TENTH).without_preemption();
    let _other = rig.master(&rig.b, &weak, agent::Rung::Auto)?;
    let backup = rig.backup(&rig.a, &strong.without_preemption(), agent::Rung::Auto)?;
    wait_state(&rig.a, Family::Ipv4, &own.iter().cloned().collect())
        .with_context(|| backup.process.log_tail())
}

fn crash(rig: &Rig, group: &Group, point: Point, wanted: &BTreeSet<String>) -> Result<()> {
    let mut command = agent::command(&rig.a, &Options::config(group.text()).dying_at(point.name()))?;
    let mut process = Process::spawn("agent", &rig.a, &mut command, Duration::ZERO)?;
    if !is_of_takeover(point) {
        wait_state(&rig.a, Family::Ipv4, wanted).with_context(|| process.log_tail())?;
        process.signal(nix::sys::signal::Signal::SIGTERM)?;
    }
    let status = process.wait_exit(PATIENCE)?;
    ensure!(status.signal() == Some(9), "it ended with {status}{}", process.log_tail());
    let found = rig.a.ip(&["addr", "show", "dev", INTERFACE])?;
    ensure!(found.contains("10.0.0.1/24"), "the host's own address is gone: {found}");
    Ok(())
}
