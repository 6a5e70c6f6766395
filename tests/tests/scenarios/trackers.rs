//! Scripts and interfaces that an instance depends on: weighted ones move the priority, others give it up.

use std::{fs, path::PathBuf, time::Duration};

use anyhow::{Context, Result, ensure};
use lab::{
    agent::Rung,
    clock::{Moment, Span},
    frame::Frame,
    group::Group,
    node::Node,
    speaker::{Make, Speaker},
};
use libtest_mimic::Trial;

use super::{
    rig::{Rig, START, TENTH},
    trial::{Need, Reasons},
};

/// The classic pair of weighted set-ups.
const FIRST: u8 = 100;
const SECOND: u8 = 90;
/// How often the script runs, and so how late its verdict may be.
const PERIOD: Duration = Duration::from_secs(1);

/// All of them.
pub fn trials(reasons: &Reasons) -> Vec<Trial> {
    let both: &[Need] = &[Need::Agent, Need::Keepalived];
    let agent: &[Need] = &[Need::Agent];
    vec![
        reasons.trial("trackers::a_weighted_script_moves_the_address_to_keepalived_and_back", both, || {
            a_weighted_script_moves_the_address(Make::Keepalived)
        }),
        reasons.trial("trackers::a_weighted_script_moves_the_address_to_an_agent_and_back", agent, || {
            a_weighted_script_moves_the_address(Make::Agent(Rung::Auto))
        }),
        reasons.trial(
            "trackers::a_failing_script_without_weight_gives_it_up",
            agent,
            a_failing_script_gives_it_up,
        ),
        reasons.trial(
            "trackers::a_tracked_interface_that_is_down_gives_it_up",
            agent,
            a_tracked_interface_down,
        ),
        reasons.trial("trackers::notify_programs_are_told_each_state", agent, notify_programs_are_told),
    ]
}

/// A group that depends on a file being there.
fn depending(node: &Node, priority: u8, weight: &str) -> Result<(Group, PathBuf)> {
    let good = node.write("good", "")?;
    let script = format!(
        "vrrp_script good {{\n    script \"/usr/bin/test -e {}\"\n    interval 1\n    timeout 1\n    {weight}\n    \
         rise 1\n    fall 1\n    user root\n}}",
        good.display()
    );
    let group = Group::fast(priority, TENTH).after(&script).with("track_script {\n        good\n    }");
    Ok((group, good))
}

fn a_weighted_script_moves_the_address(other: Make) -> Result<()> {
    let rig = Rig::new()?;
    let (group, good) = depending(&rig.a, FIRST, "weight -11")?;
    let weak = Group::fast(SECOND, TENTH);
    let timing = weak.timing();
    let agent = rig.master(&rig.a, &group, Rung::Auto)?;
    let _other = Speaker::start(other, &rig.b, &weak)?;
    std::thread::sleep(timing.down_bound(SECOND));

    fs::remove_file(&good).context("make the script fail")?;
    let failed = Moment::now();
    let vrid = group.wire_vrid();
    let first = rig.advert(failed, &rig.b, &weak, PERIOD * 2 + timing.down_bound(SECOND) + START)?;
    let lowered = rig.capture.wait_after(failed, "the lowered priority", START, |frame| {
        frame.is_advert_of(vrid, rig.a.address(), FIRST - 11)
    })?;
    let bound = PERIOD * 2 + timing.interval;
    ensure!(lowered.at.since(failed) <= bound, "lowered after {}", Span(lowered.at.since(failed)));
    // Adverts of the lowered priority restart no timer: the other's runs from the last good one.
    let full = rig.capture.last_before(lowered.at, |frame| frame.is_advert_of(vrid, rig.a.address(), FIRST));
    let silence = first.at.since(full.context("no advert of the full priority")?.at);
    // The bound is ours to keep: keepalived 2.2.7 was seen to take up to twice as long here.
    let bound = match other {
        Make::Agent(_) => timing.down_bound(SECOND),
        Make::Keepalived | Make::Frr => timing.down(SECOND) * 2,
    };
    ensure!(
        silence >= timing.down(SECOND) && silence <= bound,
        "took over {} after the last good advert; the formula says {}, at most one interval more",
        Span(silence),
        Span(timing.down(SECOND))
    );
    let status = agent.wait_status("to be BACKUP", START, |status| status.state("VI_1") == "BACKUP")?;
    ensure!(
        status.number("VI_1", "/priority_effective") == u64::from(FIRST - 11),
        "{}",
        status.instance("VI_1")
    );
    rig.wait_address(&rig.b, group.address(), true, START)?;
    rig.wait_address(&rig.a, group.address(), false, START)?;

    fs::write(&good, "").context("make the script succeed")?;
    let mended = Moment::now();
    rig.advert(mended, &rig.a, &group, PERIOD * 2 + timing.down_bound(FIRST) + START)?;
    rig.wait_address(&rig.a, group.address(), true, START)?;
    rig.wait_address(&rig.b, group.address(), false, START)
}

fn a_failing_script_gives_it_up() -> Result<()> {
    let rig = Rig::new()?;
    let (group, good) = depending(&rig.a, FIRST, "")?;
    let weak = Group::fast(SECOND, TENTH);
    let agent = rig.master(&rig.a, &group, Rung::Auto)?;
    let _other = rig.backup(&rig.b, &weak, Rung::Auto)?;
    fs::remove_file(&good).context("make the script fail")?;
    let failed = Moment::now();
    let resigned = rig.capture.wait_after(failed, "priority 0", PERIOD * 2 + START, |frame| {
        frame.is_advert_of(group.wire_vrid(), rig.a.address(), 0)
    })?;
    after_the_skew(&rig, &resigned, &weak)?;
    agent.wait_status("to be in FAULT", START, |status| status.state("VI_1") == "FAULT")?;
    rig.wait_address(&rig.a, group.address(), false, START)?;

    fs::write(&good, "").context("make the script succeed")?;
    rig.advert(Moment::now(), &rig.a, &group, PERIOD + group.timing().down_bound(FIRST) + START).map(drop)
}

/// The other takes over its skew after priority 0, at most one interval later.
fn after_the_skew(rig: &Rig, resigned: &Frame, weak: &Group) -> Result<()> {
    let timing = weak.timing();
    let first = rig.advert(resigned.at, &rig.b, weak, timing.skew_bound(SECOND) + START)?;
    let wait = first.at.since(resigned.at);
    ensure!(wait <= timing.skew_bound(SECOND), "took over {} after priority 0", Span(wait));
    Ok(())
}

fn a_tracked_interface_down() -> Result<()> {
    let rig = Rig::new()?;
    rig.a.make_spare("uplink")?;
    let group = Group::fast(FIRST, TENTH).with("track_interface {\n        uplink\n    }");
    let weak = Group::fast(SECOND, TENTH);
    let agent = rig.master(&rig.a, &group, Rung::Auto)?;
    let _other = rig.backup(&rig.b, &weak, Rung::Auto)?;
    let down = Moment::now();
    rig.a.ip(&["link", "set", "uplink", "down"])?;
    let resigned = rig.capture.wait_after(down, "priority 0", START, |frame| {
        frame.is_advert_of(group.wire_vrid(), rig.a.address(), 0)
    })?;
    after_the_skew(&rig, &resigned, &weak)?;
    agent.wait_status("to be in FAULT", START, |status| status.state("VI_1") == "FAULT")?;
    rig.a.ip(&["link", "set", "uplink", "up"])?;
    rig.advert(Moment::now(), &rig.a, &group, group.timing().down_bound(FIRST) + START).map(drop)
}

/// keepalived's arguments: `INSTANCE NAME STATE PRIORITY`, in the order of the states.
fn notify_programs_are_told() -> Result<()> {
    let rig = Rig::new()?;
    let told = rig.a.directory().join("told");
    let script = rig.a.write("notify.sh", &format!("#!/bin/sh\necho \"$@\" >> {}\n", told.display()))?;
    rig.a.run("chmod", &["755", &script.display().to_string()])?;
    let group = Group::fast(FIRST, TENTH).with(&format!("notify {}", script.display()));
    let mut agent = rig.master(&rig.a, &group, Rung::Auto)?;
    std::thread::sleep(Duration::from_millis(300));
    agent.stop()?;
    std::thread::sleep(Duration::from_millis(300));
    let told = fs::read_to_string(&told).context("read what the notify program was told")?;
    let lines: Vec<&str> = told.lines().collect();
    ensure!(
        lines == ["INSTANCE VI_1 BACKUP 100", "INSTANCE VI_1 MASTER 100", "INSTANCE VI_1 STOP 100"],
        "it was told {lines:?}"
    );
    Ok(())
}
