//! The cases that VPP's own suite holds a VRRP router to, over IPv4 and IPv6: one agent, and a forger that plays every
//! other router. What a case needs of the agent beyond plain adverts is named with it.

use std::{net::IpAddr, time::Duration};

use anyhow::{Context, Result, ensure};
use lab::{
    agent::{Agent, Options, Rung},
    client::Pinger,
    clock::{Moment, Span},
    frame::{Content, Frame},
    group::Group,
    inject::{Flood, Forger, send_once},
    question,
};
use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use regent_common::{Family, advert::note};

use super::{
    rig::{Rig, START, STRONG, TENTH, WEAK},
    trial::{Ability, Need, Reasons},
};

/// Priority that the forger claims below ours.
const WEAKEST: u8 = 50;

type Case = (&'static str, &'static [Need], fn(Group) -> Result<()>);

const CASES: &[Case] = &[
    ("a_master_advertises_once_an_interval", &[], master_advertises),
    ("a_changed_priority_and_list_are_advertised_at_once", &[Need::Able(Ability::Reload)], update),
    ("a_backup_is_silent", &[], backup_is_silent),
    ("a_master_answers_for_its_addresses", &[], master_answers),
    ("a_backup_does_not_answer_for_the_addresses", &[], backup_does_not_answer),
    ("who_is_left_alone_is_elected", &[], election),
    ("a_better_backup_preempts", &[], backup_preempts),
    ("a_master_is_preempted", &[], master_is_preempted),
    ("packets_to_the_addresses_are_accepted", &[], |group| acceptance(group, true)),
    ("packets_to_the_addresses_are_refused_with_no_accept", &[], |group| {
        acceptance(group.with("no_accept"), false)
    }),
    ("a_tracked_interface_moves_the_priority", &[], tracked_interface),
    ("a_contest_right_after_it_became_master_is_announced_soon", &[], contest_announced),
    ("a_list_that_fits_no_advert_is_cut_and_said", &[], oversized_list),
    ("a_master_advertises_to_its_unicast_peers", &[], unicast_master),
    ("a_backup_hears_its_unicast_peers", &[], unicast_backup),
];

/// Each case over each family.
pub fn trials(reasons: &Reasons) -> Vec<Trial> {
    let mut trials = Vec::new();
    for (word, of) in
        [("ipv4", Group::fast as fn(u8, u32) -> Group), ("ipv6", Group::ipv6 as fn(u8, u32) -> Group)]
    {
        for &(name, needs, case) in CASES {
            let mut needs = needs.to_vec();
            needs.push(Need::Agent);
            trials.push(
                reasons.trial(format!("conformance::{word}::{name}"), &needs, move || case(of(WEAK, TENTH))),
            );
        }
    }
    trials
}

/// RFC 9568 §5.1, §5.2: where it goes and what it says, and that it goes on.
fn master_advertises(group: Group) -> Result<()> {
    let rig = Rig::of(&group)?;
    let timing = group.timing();
    let began = Moment::now();
    let _agent = rig.master(&rig.a, &group, Rung::Auto)?;
    std::thread::sleep(timing.interval * 10);
    let frames = rig.capture.frames();
    let adverts: Vec<&Frame> = frames.iter().filter(|frame| frame.advert().is_some()).collect();
    let first = adverts.first().context("no advert")?;
    ensure!(first.at.since(began) >= timing.down(WEAK), "spoke before it had listened");
    for pair in adverts.windows(2) {
        let pause = pair[1].at.since(pair[0].at);
        ensure!(pause <= timing.interval * 2, "paused for {}", Span(pause));
    }
    let elapsed = Moment::now().since(first.at);
    let most = elapsed.as_nanos() / timing.interval.as_nanos() + 2;
    ensure!(adverts.len() as u128 <= most, "{} adverts in {}", adverts.len(), Span(elapsed));
    let (mac, destination, odd) = match group.family() {
        Family::Ipv4 => ([0x01, 0, 0x5e, 0, 0, 0x12], "224.0.0.18", note::CHECKSUM_PSEUDO_HEADER),
        Family::Ipv6 => ([0x33, 0x33, 0, 0, 0, 0x12], "ff02::12", 0),
    };
    for frame in adverts {
        let advert = frame.advert().context("no advert")?;
        ensure!(advert.fault.is_none(), "a bad advert: {advert:?}");
        ensure!(
            frame.to == mac && advert.destination.to_string() == destination && advert.ttl == 255,
            "to the wrong place: {frame:?}"
        );
        ensure!(advert.source == rig.a.source(group.family()), "from the wrong address: {advert:?}");
        let said = (advert.version, advert.vrid, advert.priority, usize::from(advert.addresses));
        ensure!(said == (3, group.wire_vrid(), WEAK, group.addresses.len()), "{advert:?}");
        // Neither a global address first nor the other checksum.
        ensure!(advert.notes == odd, "odd: {advert:?}");
    }
    Ok(())
}

/// The wire knows within an interval, and the addresses are there.
fn update(group: Group) -> Result<()> {
    let rig = Rig::of(&group)?;
    let timing = group.timing();
    let mut agent = rig.master(&rig.a, &group, Rung::Auto)?;
    let mut changed = Group { priority: STRONG, ..group.clone() };
    let more = match group.family() {
        Family::Ipv4 => "10.0.0.4",
        Family::Ipv6 => "2001:db8::51",
    };
    changed.addresses.push(more.parse()?);
    rig.a.write("regent.conf", &changed.text())?;
    let asked = Moment::now();
    agent.process.signal(Signal::SIGHUP)?;
    let first = rig.advert(asked, &rig.a, &changed, START)?;
    let before = rig.last_advert(first.at, &rig.a, &group)?;
    ensure!(first.at.since(before) <= timing.interval * 2, "a pause of {}", Span(first.at.since(before)));
    let advert = first.advert().context("no advert")?;
    ensure!(usize::from(advert.addresses) == changed.addresses.len(), "{advert:?}");
    for address in &changed.addresses {
        rig.wait_address(&rig.a, *address, true, timing.interval)?;
    }
    // Taken away again, with the priority of before.
    rig.a.write("regent.conf", &group.text())?;
    let asked = Moment::now();
    agent.process.signal(Signal::SIGHUP)?;
    rig.advert(asked, &rig.a, &group, START)?;
    let more: IpAddr = more.parse()?;
    rig.wait_address(&rig.a, more, false, timing.interval)?;
    rig.wait_address(&rig.a, group.address(), true, timing.interval)?;
    ensure!(agent.status()?.number("VI_1", "/became_master") == 1, "it gave up meanwhile");
    Ok(())
}

/// An agent that hears a better router, which is forged, for as long as the flood lives.
fn under_a_better_one(group: &Group) -> Result<(Rig, Agent, Flood)> {
    let rig = Rig::of(group)?;
    let better = speak(&rig, group, STRONG)?;
    let agent = rig.backup(&rig.a, group, Rung::Auto)?;
    Ok((rig, agent, better))
}

/// A forged router on b.
fn speak(rig: &Rig, group: &Group, priority: u8) -> Result<Flood> {
    let forger = Forger::new(group, &rig.b, rig.b.source(group.family()), priority);
    Flood::start(&rig.b, vec![forger.good()?], group.timing().interval)
}

fn backup_is_silent(group: Group) -> Result<()> {
    let began = Moment::now();
    let (rig, agent, _better) = under_a_better_one(&group)?;
    std::thread::sleep(group.timing().down_bound(WEAK) * 2);
    ensure!(rig.spoke(began, &rig.a, &group) == 0, "it spoke");
    ensure!(!rig.a.has_address(group.address())?, "it has the address");
    let status = agent.status()?;
    ensure!(status.state("VI_1") == "BACKUP", "state {}", status.state("VI_1"));
    Ok(())
}

/// RFC 9568 §6.4.3 (610), (615): exactly one answer for each address. By the interface's own MAC, since no virtual one
/// was asked for.
fn master_answers(group: Group) -> Result<()> {
    let rig = Rig::of(&group)?;
    let _agent = rig.master(&rig.a, &group, Rung::Auto)?;
    for address in &group.addresses {
        rig.wait_address(&rig.a, *address, true, START)?;
        let asked = Moment::now();
        question::ask(&rig.client, *address)?;
        let answer = rig.capture.wait_after(asked, &format!("an answer for {address}"), START, |frame| {
            frame.is_reply_for(*address)
        })?;
        std::thread::sleep(group.timing().interval);
        let answers = rig.capture.count_after(asked, |frame| frame.is_reply_for(*address));
        ensure!(answers == 1, "{answers} answers for {address}");
        let named = match answer.content {
            Content::Arp(arp) => Some(arp.sender_mac),
            Content::Neighbor(neighbor) => neighbor.mac,
            Content::Advert(_) | Content::Echo(_) | Content::Ip { .. } | Content::Other => None,
        };
        ensure!(answer.mac == rig.a.mac() && named == Some(rig.a.mac()), "a wrong MAC: {answer:?}");
    }
    Ok(())
}

/// RFC 9568 §6.4.2 (305), (310), (315): not for one of them.
fn backup_does_not_answer(group: Group) -> Result<()> {
    let (rig, _agent, _better) = under_a_better_one(&group)?;
    no_answer(&rig, &group)
}

fn no_answer(rig: &Rig, group: &Group) -> Result<()> {
    let asked = Moment::now();
    for address in &group.addresses {
        question::ask(&rig.client, *address)?;
    }
    std::thread::sleep(group.timing().interval * 2);
    for address in &group.addresses {
        let answers = rig.capture.count_after(asked, |frame| frame.is_reply_for(*address));
        ensure!(answers == 0, "{answers} answers for {address}");
    }
    Ok(())
}

/// RFC 9568 §6.4.2 (320): the better one falls silent.
fn election(group: Group) -> Result<()> {
    let (rig, _agent, better) = under_a_better_one(&group)?;
    let timing = group.timing();
    std::thread::sleep(timing.interval * 2);
    better.finish();
    let first = rig.advert(Moment::now(), &rig.a, &group, timing.down_bound(WEAK) + START)?;
    let last =
        rig.capture.last_before(first.at, |frame| frame.mac == rig.b.mac() && frame.advert().is_some());
    let silence = first.at.since(last.context("the forger was not seen")?.at);
    ensure!(
        silence >= timing.down(WEAK) && silence <= timing.down_bound(WEAK),
        "elected after {}; the formula says {}, at most one interval more",
        Span(silence),
        Span(timing.down(WEAK))
    );
    rig.wait_address(&rig.a, group.address(), true, timing.interval)
}

/// RFC 9568 §6.4.2 (355): a worse one's adverts do not hold the timer back.
fn backup_preempts(group: Group) -> Result<()> {
    let rig = Rig::of(&group)?;
    let timing = group.timing();
    let _worse = speak(&rig, &group, WEAKEST)?;
    let began = Moment::now();
    let agent = rig.backup(&rig.a, &group, Rung::Auto)?;
    let ready = Moment::now();
    let first = rig.advert(began, &rig.a, &group, timing.down_bound(WEAK) + START)?;
    ensure!(first.at.since(began) >= timing.down(WEAK), "too early: {}", Span(first.at.since(began)));
    ensure!(
        first.at <= ready.plus(timing.down_bound(WEAK)),
        "preempted {} after it was ready",
        Span(first.at.since(ready))
    );
    agent.wait_status("to stay MASTER", START, |status| status.state("VI_1") == "MASTER")?;
    Ok(())
}

/// RFC 9568 §6.4.3 (655)-(690): silent from the better one's advert on, and the addresses are gone.
fn master_is_preempted(group: Group) -> Result<()> {
    let rig = Rig::of(&group)?;
    let timing = group.timing();
    let agent = rig.master(&rig.a, &group, Rung::Auto)?;
    let _better = speak(&rig, &group, STRONG)?;
    let better = rig
        .capture
        .wait_for("the better router", START, |frame| frame.mac == rig.b.mac() && frame.advert().is_some())?;
    for address in &group.addresses {
        rig.wait_address(&rig.a, *address, false, START)?;
    }
    std::thread::sleep(timing.down_bound(WEAK));
    // One that settles the matter may follow at once.
    let late = rig.spoke(better.at.plus(timing.interval / 2), &rig.a, &group);
    ensure!(late == 0, "{late} adverts after it had lost");
    ensure!(agent.status()?.state("VI_1") == "BACKUP", "state {}", agent.status()?.state("VI_1"));
    no_answer(&rig, &group)
}

/// Caches may have followed the other one (RFC 9568 §6.4.3 has the winner only advertise): told again within a second,
/// however short ago it was told on becoming master.
fn contest_announced(group: Group) -> Result<()> {
    const SOON: Duration = Duration::from_secs(1);
    let rig = Rig::of(&group)?;
    let _agent = rig.master(&rig.a, &group, Rung::Auto)?;
    std::thread::sleep(group.timing().interval * 2);
    let worse = Forger::new(&group, &rig.b, rig.b.source(group.family()), WEAKEST);
    let contested = Moment::now();
    send_once(&rig.b, &worse.good()?)?;
    let bound = SOON + group.timing().interval;
    rig.capture
        .wait_after(contested, "an announcement", bound, |frame| {
            frame.mac == rig.a.mac() && frame.is_announcement(group.address())
        })
        .map(drop)
}

/// RFC 9568 §6.1, Accept_Mode: false refuses packets, but never the question who has the address.
fn acceptance(group: Group, accepted: bool) -> Result<()> {
    let rig = Rig::of(&group)?;
    let _agent = rig.master(&rig.a, &group, Rung::Auto)?;
    rig.wait_address(&rig.a, group.address(), true, START)?;
    let began = Moment::now();
    let pinger = Pinger::start(&rig.client, group.address(), Duration::from_millis(10))?;
    if accepted {
        pinger.wait_answer(began, START)?;
    } else {
        std::thread::sleep(group.timing().interval * 5);
        ensure!(pinger.newest().is_none(), "a ping was answered");
        let pings = rig.capture.count_after(began, |frame| frame.is_ping_of(group.address()));
        ensure!(pings > 10, "only {pings} pings were sent");
    }
    let asked = Moment::now();
    question::ask(&rig.client, group.address())?;
    rig.capture
        .wait_after(asked, "an answer to the question", START, |frame| frame.is_reply_for(group.address()))?;
    // The host's own address is nobody's business.
    let own: IpAddr = match group.family() {
        Family::Ipv4 => rig.a.address().into(),
        Family::Ipv6 => rig.a.address_ipv6().into(),
    };
    let pinger = Pinger::start(&rig.client, own, Duration::from_millis(10))?;
    pinger.wait_answer(Moment::now(), START).map(drop)
}

/// The priority in the adverts follows within an interval, both ways.
fn tracked_interface(group: Group) -> Result<()> {
    const WEIGHT: u8 = 60;
    let rig = Rig::of(&group)?;
    rig.a.make_spare("uplink")?;
    let tracking =
        group.clone().with(&format!("track_interface {{\n        uplink weight -{WEIGHT}\n    }}"));
    let lowered = Group { priority: WEAK - WEIGHT, ..group.clone() };
    let _agent = rig.master(&rig.a, &tracking, Rung::Auto)?;
    let bound = group.timing().interval * 2;
    let down = Moment::now();
    rig.a.ip(&["link", "set", "uplink", "down"])?;
    rig.advert(down, &rig.a, &lowered, bound)?;
    let up = Moment::now();
    rig.a.ip(&["link", "set", "uplink", "up"])?;
    rig.advert(up, &rig.a, &group, bound).map(drop)
}

fn unicast_of(group: Group, rig: &Rig) -> Group {
    let family = group.family();
    group.unicast(rig.a.source(family), rig.b.source(family))
}

/// To the peer alone, by its own MAC; nothing to the group.
fn unicast_master(group: Group) -> Result<()> {
    let rig = Rig::of(&group)?;
    let group = unicast_of(group, &rig);
    let family = group.family();
    let seen = rig.b.capture()?;
    let _agent = Agent::start(&rig.a, &Options::config(group.text()))?;
    let is_ours = |frame: &Frame| frame.is_advert_of(group.wire_vrid(), rig.a.source(family), WEAK);
    let first = seen.wait_for("an advert to the peer", group.timing().down_bound(WEAK) + START, is_ours)?;
    std::thread::sleep(group.timing().interval * 5);
    let advert = first.advert().context("no advert")?;
    ensure!(advert.destination == rig.b.source(family), "to {}", advert.destination);
    ensure!(first.to == rig.b.mac() && advert.ttl == 255, "{first:?}");
    let adverts = seen.count_after(first.at, is_ours);
    ensure!((3..=7).contains(&adverts), "{adverts} adverts in five intervals");
    let others = rig.capture.frames().iter().filter(|frame| frame.advert().is_some()).count();
    ensure!(others == 0, "{others} adverts reached a host that is no peer");
    Ok(())
}

/// What the peer sends to us alone holds us back; the same to the group does not.
fn unicast_backup(group: Group) -> Result<()> {
    let rig = Rig::of(&group)?;
    let group = unicast_of(group, &rig);
    let forger = Forger::new(&group, &rig.b, rig.b.source(group.family()), STRONG);
    let timing = group.timing();
    let seen = rig.b.capture()?;
    let better = Flood::start(&rig.b, vec![forger.good_to(&rig.a)?], timing.interval)?;
    let agent = rig.backup(&rig.a, &group, Rung::Auto)?;
    std::thread::sleep(timing.down_bound(WEAK) * 2);
    ensure!(agent.status()?.state("VI_1") == "BACKUP", "state {}", agent.status()?.state("VI_1"));
    better.finish();
    let silent = Moment::now();
    let _deaf = Flood::start(&rig.b, vec![forger.good()?], timing.interval)?;
    let source = rig.a.source(group.family());
    let first = seen.wait_after(silent, "an advert to the peer", timing.down_bound(WEAK) * 2, |frame| {
        frame.is_advert_of(group.wire_vrid(), source, WEAK)
    })?;
    ensure!(first.at.since(silent) <= timing.down_bound(WEAK), "after {}", Span(first.at.since(silent)));
    Ok(())
}

/// More than the count byte can say, or than a packet can carry: said, the rest is there and not named in adverts.
fn oversized_list(group: Group) -> Result<()> {
    let (addresses, fit): (Vec<IpAddr>, usize) = match group.family() {
        Family::Ipv4 => ((0..=255).map(|last| [10, 0, 1, last].into()).collect(), 255),
        // 1500 bytes, less 40 for IPv6 and 8 for VRRP.
        Family::Ipv6 => {
            let link_local = std::iter::once("fe80::50:1".parse());
            let others = (1..=90).map(|at| format!("2001:db8::1:{at}").parse());
            (link_local.chain(others).collect::<Result<_, _>>()?, 90)
        }
    };
    let group = Group { addresses, ..group };
    let rig = Rig::of(&group)?;
    let mut agent = rig.master(&rig.a, &group, Rung::Auto)?;
    let advert = rig.advert(Moment::now(), &rig.a, &group, START)?;
    let named = advert.advert().context("no advert")?.addresses;
    ensure!(usize::from(named) == fit, "an advert names {named} addresses and not {fit}");
    let said = format!("an advert has room for {fit}");
    agent.process.wait_for_log(&said, 1, START)?;
    for address in [group.address(), *group.addresses.last().context("no address")?] {
        rig.wait_address(&rig.a, address, true, START)?;
    }
    Ok(())
}
