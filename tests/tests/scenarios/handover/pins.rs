//! What is pinned: it goes from agent to agent, outlives a dead one, and is found by the next one or by `agent detach`.

use std::{fs, time::Duration};

use anyhow::{Context, Result, ensure};
use lab::{
    agent::{Agent, Options, Rung},
    bpffs::Bpffs,
    clock::{Moment, Span},
    group::Group,
    node::INTERFACE,
};

use super::{Watch, answered_by_the_program, group, noted, notified};
use crate::scenarios::{
    leftovers::nothing_is_left,
    rig::{Rig, START, STRONG, TENTH, WEAK},
};

/// Names in the one directory of pins.
fn names(pins: &Bpffs) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(pins.path().join("regent"))? {
        let entry = entry?;
        // The file system has files of its own.
        if !entry.file_type()?.is_dir() {
            continue;
        }
        for file in fs::read_dir(entry.path())? {
            names.push(file?.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

pub(super) fn a_start_within_the_gate_goes_on() -> Result<()> {
    let (rig, pins) = (Rig::new()?, Bpffs::mount()?);
    let before = rig.a.addresses()?;
    let (strong, weak) = (noted(group(STRONG, 100), &rig.a), group(WEAK, 100));
    let options = Options::config(strong.text()).pinned(&pins);
    let began = Moment::now();
    let mut dead = Agent::start(&rig.a, &options)?;
    rig.advert(began, &rig.a, &strong, strong.timing().down_bound(STRONG) + START)?;
    let _other = rig.backup(&rig.b, &weak, Rung::Auto)?;
    rig.wait_address(&rig.a, strong.address(), true, START)?;
    std::thread::sleep(strong.timing().interval * 2);
    let words = notified(&rig.a);
    let watch = Watch::begin(&rig, None, &strong)?;
    let killed = Moment::now();
    dead.process.kill()?;
    let mut agent = Agent::start(&rig.a, &options)?;
    let next = rig.advert(killed, &rig.a, &strong, START).with_context(|| agent.process.log_tail())?;
    std::thread::sleep(strong.timing().down_bound(WEAK));
    let spoke = rig.spoke(killed, &rig.b, &strong);
    ensure!(spoke == 0, "the peer spoke {spoke} times{}", agent.process.log_tail());
    let resigned =
        rig.capture.count_after(killed, |frame| frame.is_advert_of(strong.wire_vrid(), rig.a.address(), 0));
    ensure!(resigned == 0, "priority 0 was sent");
    watch.end(&rig, &strong, true).with_context(|| agent.process.log_tail())?;
    eprintln!("spoke again {} after the kill", Span(next.at.since(killed)));
    ensure!(notified(&rig.a) == words, "notify programs ran: {:?} after {words:?}", notified(&rig.a));
    let status = agent.wait_status("to have its programs", START, |status| {
        status.carrier(INTERFACE) == "native" && status.state("VI_1") == "MASTER"
    })?;
    ensure!(status.assigned("VI_1", strong.address()), "the address does not count as assigned");
    ensure!(agent.stop()?.success(), "it did not end well{}", agent.process.log_tail());
    ensure!(names(&pins)?.is_empty(), "pins are left: {:?}", names(&pins)?);
    nothing_is_left(&rig.a, &before)
}

pub(super) fn a_start_after_the_gate_gives_up() -> Result<()> {
    let (rig, pins) = (Rig::new()?, Bpffs::mount()?);
    let before = rig.a.addresses()?;
    let strong = Group::fast(STRONG, TENTH);
    let options = Options::config(strong.clone().without_preemption().text()).pinned(&pins);
    let began = Moment::now();
    let mut dead = Agent::start(&rig.a, &options)?;
    rig.advert(began, &rig.a, &strong, strong.timing().down_bound(STRONG) + START)?;
    let weak = Group::fast(WEAK, TENTH);
    let _other = rig.backup(&rig.b, &weak, Rung::Auto)?;
    rig.wait_address(&rig.a, strong.address(), true, START)?;
    dead.process.kill()?;
    rig.advert(Moment::now(), &rig.b, &weak, START)?;
    ensure!(rig.a.has_address(strong.address())?, "nobody can have removed the address");
    let started = Moment::now();
    let mut agent = Agent::start(&rig.a, &options)?;
    rig.wait_address(&rig.a, strong.address(), false, Duration::from_secs(1))?;
    agent.wait_status("to be BACKUP", START, |status| status.state("VI_1") == "BACKUP")?;
    std::thread::sleep(strong.timing().down_bound(STRONG));
    let spoke = rig.spoke(started, &rig.a, &strong);
    ensure!(spoke == 0, "it spoke {spoke} times{}", agent.process.log_tail());
    ensure!(agent.stop()?.success(), "it did not end well{}", agent.process.log_tail());
    ensure!(names(&pins)?.is_empty(), "pins are left: {:?}", names(&pins)?);
    nothing_is_left(&rig.a, &before)
}

pub(super) fn pins_go_from_hand_to_hand() -> Result<()> {
    let (rig, pins) = (Rig::new()?, Bpffs::mount()?);
    let before = rig.a.addresses()?;
    let strong = Group::fast(STRONG, TENTH);
    let began = Moment::now();
    let mut agent = Agent::start(&rig.a, &Options::config(strong.text()).pinned(&pins))?;
    rig.advert(began, &rig.a, &strong, strong.timing().down_bound(STRONG) + START)?;
    rig.wait_address(&rig.a, strong.address(), true, START)?;
    answered_by_the_program(&rig, &agent)?;
    let first = names(&pins)?;
    ensure!(first.iter().any(|name| name.starts_with("xdp-native-")), "pinned are {first:?}");
    let watch = Watch::begin(&rig, Some(&agent), &strong)?;
    for _ in 0..3 {
        agent.hand_over(&[])?;
        std::thread::sleep(Duration::from_millis(300));
        ensure!(names(&pins)? == first, "pinned were {first:?} and are {:?}", names(&pins)?);
    }
    watch.end(&rig, &strong, true).with_context(|| agent.process.log_tail())?;
    // The last one answers by its own program: with it the gate would have shut long ago.
    std::thread::sleep(Duration::from_millis(1500));
    let answered = || Ok::<_, anyhow::Error>(agent.status()?.number("VI_1", "/counters/arp_answered"));
    let before_asking = answered()?;
    let watch = Watch::begin(&rig, Some(&agent), &strong)?;
    std::thread::sleep(Duration::from_millis(500));
    watch.end(&rig, &strong, true).with_context(|| agent.process.log_tail())?;
    ensure!(answered()? >= before_asking + 20, "{before_asking} then {} answers of the program", answered()?);
    ensure!(agent.stop()?.success(), "it did not end well{}", agent.process.log_tail());
    ensure!(names(&pins)?.is_empty(), "pins are left: {:?}", names(&pins)?);
    nothing_is_left(&rig.a, &before)
}

pub(super) fn detach_clears_away() -> Result<()> {
    let (rig, pins) = (Rig::new()?, Bpffs::mount()?);
    let before = rig.a.addresses()?;
    let strong = Group::fast(STRONG, TENTH).with("virtual_mac");
    let began = Moment::now();
    let mut agent = Agent::start(&rig.a, &Options::config(strong.text()).pinned(&pins))?;
    rig.capture.wait_after(began, "an advert", strong.timing().down_bound(STRONG) + START, |frame| {
        frame.is_advert(strong.wire_vrid(), rig.a.address())
    })?;
    rig.wait_address(&rig.a, strong.address(), true, START)?;
    let run = agent.run_directory().to_owned();
    let detach = || {
        let mut command = rig.a.command(lab::agent::program()?);
        command.args(["detach", "--run-dir"]).arg(&run).arg("--bpffs").arg(pins.path().join("regent"));
        lab::namespace::finish(&mut command)
    };
    let refused = detach()?;
    let sentence = String::from_utf8_lossy(&refused.stderr).into_owned();
    ensure!(refused.status.code() == Some(1) && sentence.contains("in use by another agent"), "{sentence}");
    ensure!(rig.a.has_address(strong.address())?, "it took an address from a living agent");

    agent.process.kill()?;
    let filter = || rig.a.run("bridge", &["fdb", "show", "dev", INTERFACE]);
    ensure!(filter()?.contains("00:00:5e:00:01:32"), "no virtual MAC in the filter: {}", filter()?);
    let done = detach()?;
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    ensure!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    for removed in ["virtual MAC", "address 10.0.0.3/32", "native XDP", "tcx egress"] {
        ensure!(said.contains(&format!("removed {removed}")), "no word of {removed} in {said:?}");
    }
    ensure!(!filter()?.contains("00:00:5e:00:01:32"), "the virtual MAC is left: {}", filter()?);
    nothing_is_left(&rig.a, &before)?;
    let again = detach()?;
    ensure!(
        again.status.success() && String::from_utf8_lossy(&again.stdout).contains("nothing was left"),
        "{again:?}"
    );
    ensure!(names(&pins)?.is_empty(), "pins are left: {:?}", names(&pins)?);
    Ok(())
}
