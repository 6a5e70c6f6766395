//! What stays behind: nothing after SIGTERM, and after a crash only until the next start.

use std::{fs, time::Duration};

use anyhow::{Result, ensure};
use lab::{
    agent::{Agent, Options, Rung},
    bpf_link,
    group::Group,
    node::{INTERFACE, Node},
};
use libtest_mimic::Trial;

use super::{
    rig::{Rig, START, STRONG, TENTH, WEAK},
    trial::{Need, Reasons},
};

/// An address that an operator gave the host: nobody's business.
const BY_HAND: &str = "10.0.0.77";

/// All of them.
pub fn trials(reasons: &Reasons) -> Vec<Trial> {
    let agent: &[Need] = &[Need::Agent];
    let mut trials = Vec::new();
    for rung in [Rung::Native, Rung::Generic, Rung::Off] {
        let needs = if rung == Rung::Off { agent } else { &[Need::Agent, Need::Object] };
        trials.push(reasons.trial(
            format!("leftovers::{}::sigterm_leaves_no_address_no_program_and_no_file", rung.word()),
            needs,
            move || sigterm_leaves_nothing(rung),
        ));
    }
    trials.push(reasons.trial("leftovers::sigint_is_sigterm", agent, sigint_is_sigterm));
    trials.push(reasons.trial(
        "leftovers::a_start_after_a_crash_removes_what_was_ours_and_nothing_else",
        agent,
        a_start_after_a_crash_removes_what_was_ours,
    ));
    trials.push(reasons.trial(
        "leftovers::a_start_after_a_crash_becomes_master_again",
        agent,
        a_start_after_a_crash_becomes_master_again,
    ));
    trials
}

fn sigterm_leaves_nothing(rung: Rung) -> Result<()> {
    let rig = Rig::new()?;
    let group = Group::fast(STRONG, TENTH);
    let before = rig.a.addresses()?;
    let mut agent = rig.master(&rig.a, &group, rung)?;
    rig.wait_address(&rig.a, group.address(), true, START)?;
    let attached = bpf_link::xdp_links(agent.process.pid())?.len();
    ensure!((attached > 0) == (rung != Rung::Off), "{attached} XDP links on rung {}", rung.word());
    let status = agent.stop()?;
    ensure!(status.success(), "it ended with {status}{}", agent.process.log_tail());
    nothing_is_left(&rig.a, &before)
}

fn sigint_is_sigterm() -> Result<()> {
    let rig = Rig::new()?;
    let group = Group::fast(STRONG, TENTH);
    let before = rig.a.addresses()?;
    let mut agent = rig.master(&rig.a, &group, Rung::Auto)?;
    agent.process.signal(nix::sys::signal::Signal::SIGINT)?;
    let status = agent.process.wait_exit(START)?;
    ensure!(status.success(), "it ended with {status}{}", agent.process.log_tail());
    nothing_is_left(&rig.a, &before)
}

/// The host is as it was before the agent came.
pub fn nothing_is_left(node: &Node, before: &[String]) -> Result<()> {
    let after = node.addresses()?;
    ensure!(after == before, "addresses were {before:?} and are {after:?}");
    let link = node.ip(&["-d", "link", "show", "dev", INTERFACE])?;
    ensure!(!link.contains("xdp"), "an XDP program is left: {link}");
    let routes = node.ip(&["route", "show", "table", "all", "proto", "112"])?;
    ensure!(routes.trim().is_empty(), "routes are left: {routes}");
    let groups = node.ip(&["maddr", "show", "dev", INTERFACE])?;
    ensure!(!groups.contains("224.0.0.18"), "the multicast group is still joined: {groups}");
    let directory = node.directory().join("run");
    if directory.exists() {
        let files = fs::read_dir(&directory)?.collect::<Result<Vec<_>, _>>()?;
        ensure!(files.is_empty(), "files are left: {files:?}");
    }
    Ok(())
}

/// kill -9 leaves the address; a start that finds itself Backup has to take it away, and nobody else's.
fn a_start_after_a_crash_removes_what_was_ours() -> Result<()> {
    let rig = Rig::new()?;
    let (strong, weak) = (Group::fast(STRONG, TENTH), Group::fast(WEAK, TENTH).without_preemption());
    let mut crashed = rig.master(&rig.a, &strong, Rung::Auto)?;
    rig.wait_address(&rig.a, strong.address(), true, START)?;
    rig.a.ip(&["addr", "add", &format!("{BY_HAND}/32"), "dev", INTERFACE])?;
    crashed.process.kill()?;
    ensure!(rig.a.has_address(strong.address())?, "a killed agent cannot have removed the address");
    let _other = rig.master(&rig.b, &weak, Rung::Auto)?;

    let returned = Agent::start(&rig.a, &Options::config(strong.clone().without_preemption().text()))?;
    rig.wait_address(&rig.a, strong.address(), false, Duration::from_secs(1))?;
    returned.wait_status("to be BACKUP", START, |status| status.state("VI_1") == "BACKUP")?;
    let left = rig.a.addresses()?;
    ensure!(left == ["10.0.0.1/24", &format!("{BY_HAND}/32")], "left are {left:?}");
    Ok(())
}

fn a_start_after_a_crash_becomes_master_again() -> Result<()> {
    let rig = Rig::new()?;
    let group = Group::fast(STRONG, TENTH);
    let before = rig.a.addresses()?;
    let mut crashed = rig.master(&rig.a, &group, Rung::Auto)?;
    rig.wait_address(&rig.a, group.address(), true, START)?;
    crashed.process.kill()?;
    let mut returned = rig.master(&rig.a, &group, Rung::Auto)?;
    rig.wait_address(&rig.a, group.address(), true, START)?;
    ensure!(returned.stop()?.success(), "it did not end well");
    nothing_is_left(&rig.a, &before)
}
