//! After a kill: whoever is started on that host speaks there again, and nothing of the dead agent stays in its way.

use std::fs;

use anyhow::{Result, ensure};
use lab::{
    agent::{Agent, Options, Rung},
    bpffs::Bpffs,
    clock::Moment,
    group::Group,
    keepalived::Keepalived,
    node::INTERFACE,
    question,
};
use libtest_mimic::Trial;

use super::{
    leftovers::nothing_is_left,
    responder::trusted,
    rig::{Rig, START, STRONG, TENTH, WEAK},
    trial::{Need, Reasons},
    victim::{End, ON_ITS_WAY, PACE, PERSISTENCE, Victim, answer},
};

type Of = fn(u8, u32) -> Group;

/// All of them.
pub fn trials(reasons: &Reasons) -> Vec<Trial> {
    let agent: &[Need] = &[Need::Agent, Need::Object];
    let both: &[Need] = &[Need::Agent, Need::Object, Need::Keepalived];
    let mut trials = Vec::new();
    for (family, of) in [("ipv4", Group::fast as Of), ("ipv6", Group::ipv6)] {
        let mut add = |name: &str, needs: &[Need], scenario: fn(Of) -> Result<()>| {
            let name = format!("detach::{family}::{name}");
            trials.push(reasons.trial(name, needs, move || scenario(of)));
        };
        add("keepalived_started_after_a_kill_is_heard", both, keepalived_is_heard);
        add("a_new_agent_after_a_kill_goes_on", agent, |of| a_new_agent_goes_on(of, false));
        add("a_new_agent_with_another_run_directory_goes_on", agent, |of| a_new_agent_goes_on(of, true));
        add("a_new_agent_as_backup_is_silent", agent, |of| a_new_agent_as_backup(of, false));
        add("a_new_agent_with_another_run_directory_as_backup_is_silent", agent, |of| {
            a_new_agent_as_backup(of, true)
        });
    }
    trials
}

/// An agent that was killed, whose host is silent by now.
fn silent(rig: &Rig, group: &Group, bpffs: &Bpffs) -> Result<Victim> {
    let mut victim = Victim::start(rig, group, &Options::config(group.text()).pinned(bpffs))?;
    End::Killed.befall(&mut victim.agent)?;
    std::thread::sleep(victim.gate + ON_ITS_WAY);
    answer(rig, group, &[])?;
    Ok(victim)
}

/// Nobody told the programs of the dead agent that keepalived speaks for the group now: its advert does.
fn keepalived_is_heard(of: Of) -> Result<()> {
    let (bpffs, strong, weak) = (Bpffs::mount()?, of(STRONG, TENTH), of(WEAK, TENTH));
    let rig = Rig::of(&strong)?;
    let victim = silent(&rig, &strong, &bpffs)?;
    let _other = rig.master(&rig.b, &weak, Rung::Auto)?;
    answer(&rig, &strong, &[&rig.b])?;
    let began = Moment::now();
    let _keepalived = Keepalived::start(&rig.a, &strong.text())?;
    rig.advert(began, &rig.a, &strong, strong.timing().down_bound(STRONG) + START)?;
    for &address in &strong.addresses {
        victim.at_port.wait_after(began, "keepalived's announcement", START, |frame| {
            frame.is_announcement(address) && frame.mac == rig.a.mac()
        })?;
    }
    rig.wait_address(&rig.b, strong.address(), false, START)?;
    answer(&rig, &strong, &[&rig.a])
}

fn a_new_agent_goes_on(of: Of, elsewhere: bool) -> Result<()> {
    let (bpffs, group) = (Bpffs::mount()?, of(STRONG, TENTH));
    let rig = Rig::of(&group)?;
    let before = rig.a.addresses_of(group.family())?;
    let victim = silent(&rig, &group, &bpffs)?;
    let mut options = Options::config(group.text()).pinned(&bpffs);
    if elsewhere {
        options = options.run_in(rig.a.directory().join("another-run"));
    }
    let began = Moment::now();
    let mut agent = rig.master_by(&rig.a, &group, &options)?;
    for &address in &group.addresses {
        victim.at_port.wait_after(began, "the announcement", START, |frame| {
            frame.is_announcement(address) && frame.mac == rig.a.mac()
        })?;
        rig.wait_address(&rig.a, address, true, START)?;
    }
    let status = trusted(&agent)?;
    ensure!(status.carrier(INTERFACE) == "native", "carrier {}", status.carrier(INTERFACE));
    ensure!(status.dead_man(INTERFACE) == "on", "dead-man: {}", status.port(INTERFACE)["dead_man"]);
    answer(&rig, &group, &[&rig.a])?;

    ensure!(agent.stop()?.success(), "it did not end well{}", agent.process.log_tail());
    if elsewhere {
        // What the dead one noted of its addresses stays with its run directory.
        return programs_are_gone(&rig, &bpffs);
    }
    ensure!(rig.a.addresses_of(group.family())? == before, "addresses are left");
    nothing_is_left(&rig.a, &rig.a.addresses()?)?;
    programs_are_gone(&rig, &bpffs)
}

/// Another router is master by now. The dead agent's addresses must not be answered for, whoever finds them.
fn a_new_agent_as_backup(of: Of, elsewhere: bool) -> Result<()> {
    let (bpffs, strong, weak) = (Bpffs::mount()?, of(STRONG, TENTH).without_preemption(), of(WEAK, TENTH));
    let rig = Rig::of(&strong)?;
    let victim = silent(&rig, &strong, &bpffs)?;
    let _other = rig.master(&rig.b, &weak, Rung::Auto)?;
    let mut options = Options::config(strong.text()).pinned(&bpffs);
    if elsewhere {
        options = options.run_in(rig.a.directory().join("another-run"));
    }
    let began = Moment::now();
    let agent = Agent::start(&rig.a, &options)?;
    while began.elapsed() < PERSISTENCE {
        for &address in &strong.addresses {
            question::ask(&rig.client, address)?;
        }
        std::thread::sleep(PACE);
    }
    agent.wait_status("to be BACKUP", START, |status| status.state(&strong.name) == "BACKUP")?;
    victim.was_silent(&rig, &strong)?;
    answer(&rig, &strong, &[&rig.b])
}

/// No program is on the port and no pin in the file system.
fn programs_are_gone(rig: &Rig, bpffs: &Bpffs) -> Result<()> {
    let link = rig.a.ip(&["-d", "link", "show", "dev", INTERFACE])?;
    ensure!(!link.contains("xdp"), "an XDP program is left: {link}");
    let root = bpffs.path().join("regent");
    let pins: Vec<_> = fs::read_dir(&root)?.collect::<Result<_, _>>()?;
    ensure!(pins.is_empty(), "pins are left: {pins:?}");
    Ok(())
}
