//! How long other groups of a router are silent at most while it reads another config: a thousand instances that change,
//! come and go, thousands of virtual addresses that come and go.
//!
//! What is watched is the same in every config, so that nothing but the reload can delay it. Interfaces beside the first
//! lead nowhere: there only the number of routers counts.

use std::{net::Ipv4Addr, time::Duration};

use anyhow::{Context, Result, ensure};
use lab::{
    agent::{Agent, Options},
    clock::Moment,
    ear::Ear,
    group::Group,
    keepalived::Keepalived,
    lab::Lab,
    node::{INTERFACE, Node},
    speaker::{Make, Speaker},
};
use nix::sys::signal::Signal;

use super::{
    Contestant, Effort, gap,
    scale::{STRONG, until_addresses},
    table::{Cell, Goal, Table, Unit},
};

/// How many groups are watched.
const OTHERS: u8 = 4;
/// The first one's VRID.
const FIRST: u8 = 251;
/// Their interval, in centiseconds.
const CENTISECONDS: u32 = 10;
/// Up to how long they may be silent, in nanoseconds: 1.2 intervals.
const BOUND: u64 = 120_000_000;
/// Instances of a large config.
const INSTANCES: u16 = 996;
/// Instances of a small one.
const FEW: u16 = 6;
/// Instances on each interface.
const EACH: u16 = 249;
/// Interfaces beside the first.
const SPARES: [&str; 3] = ["ens34", "ens35", "ens36"];
/// Addresses of a large config.
const ADDRESSES: u16 = 5_000;
/// How many are in the adverts of one instance.
const ADVERTISED: u16 = 200;
/// What a daemon may take to speak for all of them.
const START: Duration = Duration::from_secs(60);
/// New instances have waited for their down timer by then, and announcements are over.
const SETTLE: Duration = Duration::from_secs(7);

/// A config, and what a host has when it is in effect.
struct Target {
    what: &'static str,
    text: String,
    addresses: u32,
}

/// Measures all contestants.
///
/// # Errors
/// When a group is not heard at all, or a config does not come into effect.
pub fn measure(contestants: &[Contestant], effort: &Effort, table: &mut Table) -> Result<()> {
    let instances = |count: u16, priority: u8| text((0..count).map(|number| instance(number, priority)));
    let target = |what, text, addresses: u16| Target { what, text, addresses: u32::from(addresses) };
    let few = || target("994 instances go", instances(FEW, STRONG), FEW);
    let of_instances = [
        few(),
        target("994 instances come", instances(INSTANCES, STRONG), INSTANCES),
        target("994 instances get another priority", instances(INSTANCES, STRONG + 1), INSTANCES),
        few(),
    ];
    let addresses = |what, count| target(what, text([with_addresses(count)]), count);
    let of_addresses = [
        addresses("4,995 addresses go", 5),
        addresses("4,995 addresses come", ADDRESSES),
        addresses("4,995 addresses go", 5),
    ];
    for targets in [&of_instances[..], &of_addresses] {
        let mut all: Vec<Vec<Vec<Duration>>> = Vec::new();
        for &(name, make) in contestants {
            eprintln!("bench: reloads until {}, {name}", targets.last().map_or("", |target| target.what));
            let mut gaps = vec![Vec::new(); targets.len().saturating_sub(1)];
            for _ in 0..effort.reloads {
                for (gaps, gap) in gaps.iter_mut().zip(silences(make, targets)?) {
                    gaps.push(gap);
                }
            }
            all.push(gaps);
        }
        for (at, target) in targets.iter().skip(1).enumerate() {
            let figure = format!(
                "longest gap of {OTHERS} other groups at {} ms while {} by a reload",
                CENTISECONDS * 10,
                target.what
            );
            let cells =
                all.iter().map(|gaps| Cell::times(gaps.get(at).map_or(&[][..], Vec::as_slice))).collect();
            table.row(figure, effort.reloads, Unit::Time, Goal::Worst(BOUND), cells);
        }
    }
    Ok(())
}

/// Starts with the first config, and goes on to each of the others: the longest silence of the watched meanwhile.
fn silences(make: Make, targets: &[Target]) -> Result<Vec<Duration>> {
    let lab = Lab::new()?;
    let (a, client) = (lab.host("a", 1)?, lab.host("client", 9)?);
    for (spare, number) in SPARES.into_iter().zip(1_u8..) {
        a.make_spare(spare)?;
        a.ip(&["address", "add", &format!("10.7.{number}.1/24"), "dev", spare])?;
    }
    let ear = Ear::open(&client)?;
    let (first, others) = targets.split_first().context("no config")?;
    let mut speaker = start(make, &a, &first.text)?;
    for vrid in (FIRST..).take(OTHERS.into()) {
        ear.wait("the groups that are watched", START, |heard| heard.vrid == vrid)?;
    }
    settled(&a, first)?;
    let mut silences = Vec::new();
    for target in others {
        ear.heard()?;
        // The first silence in the window has a beginning, too.
        std::thread::sleep(Duration::from_millis(300));
        let from = Moment::now();
        a.write(file(make), &target.text)?;
        speaker.process().signal(Signal::SIGHUP)?;
        settled(&a, target).with_context(|| speaker.log_tail())?;
        let (until, heard) = (Moment::now(), ear.heard()?);
        let adverts = heard.iter().filter(|heard| heard.source == a.address() && heard.vrid >= FIRST);
        let gaps = gap::longest(adverts.map(|heard| (heard.at, heard.vrid)), from, until);
        ensure!(gaps.len() == usize::from(OTHERS), "only {} of {OTHERS} groups were heard", gaps.len());
        silences.push(gaps.into_values().max().context("no group")?);
    }
    Ok(silences)
}

/// Until a host has what a config says, and a little longer. Of many instances each interface has its own.
fn settled(host: &Node, target: &Target) -> Result<()> {
    let began = Moment::now();
    let on_first = if target.addresses == u32::from(INSTANCES) { u32::from(EACH) } else { target.addresses };
    until_addresses(host, on_first + u32::from(OTHERS))?;
    std::thread::sleep(SETTLE.saturating_sub(began.elapsed()));
    Ok(())
}

fn start(make: Make, node: &Node, text: &str) -> Result<Speaker> {
    match make {
        Make::Agent(rung) => {
            let options = Options { interfaces: Vec::new(), ..Options::config(text).on(rung) };
            Agent::start(node, &options).map(Speaker::Agent)
        }
        Make::Keepalived => Keepalived::start(node, text).map(Speaker::Keepalived),
        Make::Frr => anyhow::bail!("FRR is not measured: it does not read keepalived's language"),
    }
}

const fn file(make: Make) -> &'static str {
    match make {
        Make::Agent(_) => "regent.conf",
        Make::Keepalived | Make::Frr => "keepalived.conf",
    }
}

fn text(groups: impl IntoIterator<Item = Group>) -> String {
    let watched = (FIRST..).take(OTHERS.into()).map(|vrid| Group {
        name: format!("watched_{vrid}"),
        vrid: vrid.into(),
        addresses: vec![Ipv4Addr::new(10, 2, 0, vrid).into()],
        ..Group::fast(STRONG, CENTISECONDS)
    });
    watched.chain(groups).map(|group| group.text()).collect()
}

fn instance(number: u16, priority: u8) -> Group {
    let [_, link] = (number / EACH).to_be_bytes();
    let [_, vrid] = (number % EACH + 1).to_be_bytes();
    let spare = link.checked_sub(1).and_then(|at| SPARES.get(usize::from(at)));
    Group {
        name: format!("VI_{number}"),
        vrid: vrid.into(),
        addresses: vec![Ipv4Addr::new(10, 1, link, vrid).into()],
        interface: (*spare.unwrap_or(&INTERFACE)).to_owned(),
        ..Group::fast(priority, 100)
    }
}

/// One instance with so many addresses.
fn with_addresses(count: u16) -> Group {
    let address = |number: u16| {
        let [high, low] = number.to_be_bytes();
        Ipv4Addr::new(10, 3, high, low)
    };
    let group = Group {
        vrid: 1,
        addresses: (1..=count.min(ADVERTISED)).map(|number| address(number).into()).collect(),
        ..Group::fast(STRONG, 100).with("garp_master_delay 1")
    };
    let excluded: String =
        (ADVERTISED + 1..=count).map(|number| format!("    {}\n", address(number))).collect();
    if excluded.is_empty() {
        group
    } else {
        group.with(&format!("virtual_ipaddress_excluded {{\n{excluded}}}"))
    }
}
