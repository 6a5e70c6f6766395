//! Instances that are changed, renamed, added and removed.

use std::{net::IpAddr, time::Duration};

use anyhow::{Context, Result, ensure};
use lab::{
    agent::{Agent, Options, Rung},
    clock::{Moment, Span},
    group::Group,
    speaker::{Make, Speaker},
};
use nix::sys::signal::Signal;

use super::{
    address, announced, longest_gap, masters, named, quiet, reload, said, texts, transitions, write,
};
use crate::scenarios::{
    leftovers::nothing_is_left,
    rig::{Rig, START, STRONG, TENTH, WEAK},
};

pub(super) fn a_changed_priority() -> Result<()> {
    let rig = Rig::new()?;
    let middle = Group::fast(STRONG, TENTH);
    let agent = masters(&rig, &[&middle])?;
    let mut peer = Speaker::start(Make::Keepalived, &rig.b, &Group::fast(WEAK, TENTH))?;
    peer.make_punctual();
    peer.wait_entering("BACKUP", 1, START)?;
    for priority in [200, 120] {
        let changed = Group { priority, ..middle.clone() };
        write(&rig.a, &changed.text())?;
        let asked = Moment::now();
        let output = agent.reload(&[])?;
        let applied = Moment::now();
        ensure!(output.status.success(), "{}", said(&output));
        let first = rig.advert(asked, &rig.a, &changed, START)?;
        let before = rig.last_advert(first.at, &rig.a, &middle)?;
        // Not with the next regular one: it has left when the reload is over.
        ensure!(first.at <= applied, "only {} after it", Span(first.at.since(applied)));
        ensure!(first.at.since(before) <= middle.timing().interval * 6 / 5, "a gap");
    }
    // Below the peer's: it takes over by its timer, and never were there two or none for longer.
    let lowered = Group { priority: 50, ..middle.clone() };
    let asked = Moment::now();
    reload(&agent, &rig.a, &lowered.text())?;
    peer.wait_entering("MASTER", 1, middle.timing().down_bound(WEAK) + START)?;
    agent.wait_status("to be BACKUP", START, |status| status.state("VI_1") == "BACKUP")?;
    rig.wait_address(&rig.a, middle.address(), false, START)?;
    let raised = Moment::now();
    ensure!(raised.since(asked) < START + middle.timing().down_bound(WEAK), "too late");
    // And back.
    reload(&agent, &rig.a, &middle.text())?;
    rig.advert(raised, &rig.a, &middle, middle.timing().down_bound(STRONG) + START).map(drop)
}

pub(super) fn a_changed_password() -> Result<()> {
    let rig = Rig::new()?;
    let with =
        |priority: u8, word: &str| Group { password: Some(word.to_owned()), ..Group::classic(priority) };
    let agent = masters(&rig, &[&with(STRONG, "first")])?;
    let mut peer = Speaker::start(Make::Keepalived, &rig.b, &with(WEAK, "first"))?;
    peer.make_punctual();
    peer.wait_entering("BACKUP", 1, START)?;
    std::thread::sleep(Duration::from_secs(2));
    let began = Moment::now();
    let text = reload(&agent, &rig.a, &with(STRONG, "second").text())?;
    ensure!(text.contains("authentication") && !text.contains("second"), "{text}");
    rig.b.write("keepalived.conf", &with(WEAK, "second").text())?;
    peer.process().signal(Signal::SIGHUP)?;
    std::thread::sleep(Duration::from_secs(6));
    let theirs = rig.spoke(began, &rig.b, &with(WEAK, "second"));
    ensure!(theirs == 0, "the peer spoke {theirs} times");
    ensure!(transitions(&agent, "VI_1")? == (1, 0), "a transition{}", agent.process.log_tail());
    Ok(())
}

pub(super) fn a_renamed_instance() -> Result<()> {
    let rig = Rig::new()?;
    let group = quiet(named("VI_1", 50, &[3]));
    let agent = masters(&rig, &[&group])?;
    let began = Moment::now();
    let renamed = Group { name: "web".into(), ..group.clone() };
    let text = reload(&agent, &rig.a, &renamed.text())?;
    ensure!(text.contains("name VI_1 -> web"), "{text}");
    std::thread::sleep(group.timing().interval * 3);
    let status = agent.status()?;
    ensure!(status.state("web") == "MASTER" && status.state("VI_1").is_empty(), "{:?}", status.root);
    ensure!(status.number("web", "/became_master") == 1, "it became master again");
    ensure!(announced(&rig, began, 3) == 0, "it announced");
    let longest = longest_gap(&rig, &rig.a, &group, began)?;
    ensure!(longest <= group.timing().interval * 6 / 5, "a gap of {}", Span(longest));
    Ok(())
}

pub(super) fn a_removed_instance() -> Result<()> {
    let rig = Rig::new()?;
    let (kept, gone) = (quiet(named("VI_1", 50, &[3])), quiet(named("VI_2", 51, &[4, 5])));
    let mut agent = masters(&rig, &[&kept, &gone])?;
    let weak = Group { priority: WEAK, ..gone.clone() };
    let mut peer = Speaker::start(Make::Keepalived, &rig.b, &weak)?;
    peer.make_punctual();
    peer.wait_entering("BACKUP", 1, START)?;
    std::thread::sleep(gone.timing().interval * 3);
    let began = Moment::now();
    reload(&agent, &rig.a, &texts(&[&kept]))?;
    let resigned = rig
        .capture
        .wait_after(began, "priority 0", START, |frame| frame.is_advert_of(51, rig.a.address(), 0))?;
    let theirs = rig.advert(resigned.at, &rig.b, &weak, START)?;
    let took = theirs.at.since(resigned.at);
    ensure!(took <= gone.timing().skew_bound(WEAK), "the peer took over {} later", Span(took));
    for last in [4, 5] {
        rig.wait_address(&rig.a, address(last), false, START)?;
    }
    std::thread::sleep(gone.timing().interval * 5);
    let zeros = rig.capture.count_after(began, |frame| frame.is_advert_of(51, rig.a.address(), 0));
    let after = rig.spoke(resigned.at, &rig.a, &gone);
    ensure!((zeros, after) == (1, 0), "{zeros} resignations, {after} adverts after them");
    let status = agent.status()?;
    ensure!(status.state("VI_2").is_empty() && status.state("VI_1") == "MASTER", "{:?}", status.root);
    // It comes back as a backup that preempts.
    reload(&agent, &rig.a, &texts(&[&kept, &gone]))?;
    rig.advert(resigned.at.plus(took), &rig.a, &gone, gone.timing().down_bound(STRONG) + START)
        .with_context(|| agent.process.log_tail())?;
    rig.wait_address(&rig.a, address(4), true, START)?;
    ensure!(agent.stop()?.success(), "it did not end well{}", agent.process.log_tail());
    nothing_is_left(&rig.a, &["10.0.0.1/24".to_owned()])
}

pub(super) fn an_added_instance() -> Result<()> {
    let rig = Rig::new()?;
    let (one, two) = (named("VI_1", 50, &[3]), named("VI_2", 51, &[4]));
    let agent = masters(&rig, &[&one])?;
    let before = rig.spoke(Moment::now().minus(Duration::from_secs(1)), &rig.a, &two);
    ensure!(before == 0, "it speaks for a group that it does not have");
    let asked = Moment::now();
    reload(&agent, &rig.a, &texts(&[&two, &one]))?;
    let first = rig.advert(asked, &rig.a, &two, two.timing().down_bound(STRONG) + START)?;
    ensure!(first.at.since(asked) >= two.timing().down(STRONG), "it did not listen first");
    rig.wait_address(&rig.a, address(4), true, START)?;
    let status = agent.status()?;
    let names: Vec<&str> = status.root["instances"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|instance| instance["name"].as_str())
        .collect();
    ensure!(names == ["VI_2", "VI_1"], "shown in another order: {names:?}");
    ensure!(status.number("VI_1", "/became_master") == 1, "it gave up");
    // It is heard, by whatever carrier: a better one is followed.
    let better = Group { priority: 200, ..two.clone() };
    let _other = rig.master(&rig.b, &better, Rung::Auto)?;
    agent.wait_status("to follow a better one", START, |status| status.state("VI_2") == "BACKUP").map(drop)
}

/// Multicast and unicast: the old one resigns, the new one listens first.
pub(super) fn another_way() -> Result<()> {
    let rig = Rig::new()?;
    let group = quiet(named("VI_1", 50, &[3]));
    let agent = masters(&rig, &[&group])?;
    let unicast = group.clone().unicast(rig.a.address(), rig.b.address());
    let seen = rig.b.capture()?;
    let asked = Moment::now();
    reload(&agent, &rig.a, &unicast.text())?;
    rig.capture.wait_after(asked, "priority 0 to the group", START, |frame| {
        frame.is_advert_of(50, rig.a.address(), 0)
    })?;
    let first = seen.wait_after(
        asked,
        "an advert to the peer",
        unicast.timing().down_bound(STRONG) + START,
        |frame| {
            frame.is_advert_of(50, rig.a.address(), STRONG)
                && frame.advert().is_some_and(|advert| advert.destination == IpAddr::from(rig.b.address()))
        },
    )?;
    ensure!(first.at.since(asked) >= unicast.timing().down(STRONG), "it did not listen first");
    rig.wait_address(&rig.a, address(3), true, START)?;
    let status = agent.status()?;
    ensure!(status.number("VI_1", "/became_master") == 1, "its counts are those of the old one");
    // Peers may change without that.
    let peers = Group { unicast: vec![rig.a.address().into(), rig.client.address().into()], ..unicast };
    reload(&agent, &rig.a, &peers.text())?;
    ensure!(transitions(&agent, "VI_1")? == (1, 0), "it gave up for another peer");
    rig.capture.wait_after(asked, "an advert to the new peer", START, |frame| {
        frame.advert().is_some_and(|advert| advert.destination == IpAddr::from(rig.client.address()))
    })?;
    Ok(())
}

pub(super) fn another_interface() -> Result<()> {
    let rig = Rig::new()?;
    rig.a.make_spare("spare0")?;
    rig.a.ip(&["link", "set", "spare0", "up"])?;
    rig.a.ip(&["address", "add", "10.7.0.1/24", "dev", "spare0"])?;
    let (one, two) = (named("VI_1", 50, &[3]), named("VI_2", 51, &[4]));
    let two = Group { interface: "spare0".into(), ..two };
    let options = Options { interfaces: Vec::new(), ..Options::config(one.text()) };
    let began = Moment::now();
    let mut agent = Agent::start(&rig.a, &options)?;
    rig.advert(began, &rig.a, &one, one.timing().down_bound(STRONG) + START)?;
    let began = Moment::now();
    reload(&agent, &rig.a, &texts(&[&one, &two]))?;
    let status = agent.wait_status("to lead on the new interface", START, |status| {
        status.state("VI_2") == "MASTER" && status.assigned("VI_2", address(4))
    })?;
    ensure!(status.instance("VI_2")["source"] == "10.7.0.1", "{}", status.instance("VI_2")["source"]);
    ensure!(
        !status.carrier("spare0").is_empty() && status.carrier("spare0") != "none",
        "{}",
        status.root["ports"]
    );
    let longest = longest_gap(&rig, &rig.a, &one, began)?;
    ensure!(longest <= one.timing().interval * 2, "a gap of {}", Span(longest));
    // An address of the first one there.
    let abroad = one.clone().with("virtual_ipaddress_excluded {\n 10.7.0.9 dev spare0\n}");
    reload(&agent, &rig.a, &texts(&[&abroad]))?;
    let began = Moment::now();
    while !rig.a.ip(&["address", "show", "dev", "spare0"])?.contains("10.7.0.9/32") {
        ensure!(began.elapsed() < START, "the address is not there{}", agent.process.log_tail());
        std::thread::sleep(Duration::from_millis(20));
    }
    reload(&agent, &rig.a, &texts(&[&one]))?;
    let status = agent.status()?;
    ensure!(status.port("spare0").is_null(), "the interface is shown yet: {}", status.root["ports"]);
    // Taken off by the thread that may wait.
    let began = Moment::now();
    while rig.a.ip(&["-d", "link", "show", "spare0"])?.contains("xdp") {
        ensure!(began.elapsed() < START, "a program is left{}", agent.process.log_tail());
        std::thread::sleep(Duration::from_millis(20));
    }
    let addresses = rig.a.ip(&["address", "show", "dev", "spare0"])?;
    ensure!(!addresses.contains("10.7.0.9") && !addresses.contains("10.0.0.4"), "{addresses}");
    ensure!(transitions(&agent, "VI_1")? == (1, 0), "it gave up{}", agent.process.log_tail());
    // And once more.
    reload(&agent, &rig.a, &texts(&[&one, &two]))?;
    agent.wait_status("to lead there again", START, |status| status.state("VI_2") == "MASTER")?;
    ensure!(agent.stop()?.success(), "it did not end well{}", agent.process.log_tail());
    Ok(())
}
