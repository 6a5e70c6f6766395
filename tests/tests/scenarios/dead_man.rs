//! An agent that is killed or frozen takes its host's voice with it: nothing leaves in the name of its addresses, which
//! are still there, so that clients find the one that took over and stay with it.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lab::{
    agent::{Options, Rung},
    answers,
    bpffs::Bpffs,
    clock::{Moment, Span},
    group::Group,
    keepalived::Keepalived,
    node::INTERFACE,
    question,
    speaker::{Make, Speaker},
    voice,
};
use libtest_mimic::Trial;
use nix::sys::signal::Signal;

use super::{
    rig::{Rig, START, STRONG, TENTH, WEAK},
    trial::{Need, Reasons},
    victim::{End, ON_ITS_WAY, PACE, PERSISTENCE, Victim, answer, never_flips_back},
};

/// How long a thawed host is asked: until it has given up.
const THAWED: Duration = Duration::from_millis(200);

type Of = fn(u8, u32) -> Group;

/// All of them.
pub fn trials(reasons: &Reasons) -> Vec<Trial> {
    let agent: &[Need] = &[Need::Agent, Need::Object];
    let both: &[Need] = &[Need::Agent, Need::Object, Need::Keepalived];
    let mut trials = Vec::new();
    for (family, of) in [("ipv4", Group::fast as Of), ("ipv6", Group::ipv6)] {
        for (end, heir) in [
            (End::Killed, Make::Agent(Rung::Auto)),
            (End::Killed, Make::Keepalived),
            (End::Frozen, Make::Agent(Rung::Auto)),
            (End::Frozen, Make::Keepalived),
        ] {
            let needs = if heir == Make::Keepalived { both } else { agent };
            let word = end.word();
            trials.push(reasons.trial(
                format!("dead_man::{family}::{heir}::a_{word}_masters_host_falls_silent_for_its_addresses"),
                needs,
                move || falls_silent(end, heir, of),
            ));
        }
        let mut add = |name: &str, needs: &[Need], scenario: fn(Of) -> Result<()>| {
            let name = format!("dead_man::{family}::{name}");
            trials.push(reasons.trial(name, needs, move || scenario(of)));
        };
        add("a_thawed_master_hears_before_it_speaks", agent, a_thawed_master_hears_before_it_speaks);
        add("with_keepalived_both_hosts_go_on_answering", both, keepalived_goes_on_answering);
        add("gate_off_lets_a_killed_single_node_go_on", agent, gate_off_goes_on);
        add("unpinned_only_a_frozen_masters_host_falls_silent", agent, unpinned);
    }
    trials.push(reasons.trial(
        format!(
            "dead_man::classic::{}::a_killed_masters_host_falls_silent_for_its_addresses",
            Make::Keepalived
        ),
        both,
        || falls_silent(End::Killed, Make::Keepalived, |priority, _| Group::classic(priority)),
    ));
    trials
}

fn falls_silent(end: End, heir: Make, of: Of) -> Result<()> {
    let bpffs = Bpffs::mount()?;
    let (strong, weak) = (of(STRONG, TENTH), of(WEAK, TENTH));
    let rig = Rig::of(&strong)?;
    let mut victim = Victim::start(&rig, &strong, &Options::config(strong.text()).pinned(&bpffs))?;
    let status = victim.agent.status()?;
    ensure!(status.dead_man(INTERFACE) == "on", "dead-man: {}", status.port(INTERFACE)["dead_man"]);
    let mut backup = Speaker::start(heir, &rig.b, &weak)?;
    backup.wait_entering("BACKUP", 1, START)?;
    backup.make_punctual();
    std::thread::sleep(strong.timing().interval * 2);

    let ended = Moment::now();
    end.befall(&mut victim.agent)?;
    let first = || rig.capture.last_before(Moment::now(), |frame| heir.is_advert(frame, &rig.b, &weak));
    Victim::provoke(&rig, &strong, || first().is_some_and(|frame| frame.at > ended))?;
    let taken_over = Moment::now();
    Victim::provoke(&rig, &strong, || taken_over.elapsed() > PERSISTENCE)?;

    ensure!(rig.a.has_address(strong.address())?, "the dead host's address is gone: nothing was tried");
    answer(&rig, &strong, &[&rig.b])?;
    victim.was_silent(&rig, &strong)?;
    never_flips_back(&victim.watch, &strong, &rig.b)?;
    if end == End::Frozen {
        victim.agent.process.signal_all(Signal::SIGCONT)?;
    }
    Ok(())
}

/// It was better, and is one that has just come: it must not preempt here, so it is Backup for good, and not one packet
/// says otherwise.
fn a_thawed_master_hears_before_it_speaks(of: Of) -> Result<()> {
    let bpffs = Bpffs::mount()?;
    let strong = of(STRONG, TENTH).without_preemption();
    let weak = of(WEAK, TENTH);
    let rig = Rig::of(&strong)?;
    let mut victim = Victim::start(&rig, &strong, &Options::config(strong.text()).pinned(&bpffs))?;
    let _backup = rig.backup(&rig.b, &weak, Rung::Auto)?;
    let frozen = Moment::now();
    End::Frozen.befall(&mut victim.agent)?;
    let first = rig.advert(frozen, &rig.b, &weak, weak.timing().down_bound(WEAK) + START)?;
    Victim::provoke(&rig, &strong, || first.at.elapsed() > PERSISTENCE)?;

    let thawed = Moment::now();
    victim.agent.process.signal_all(Signal::SIGCONT)?;
    while thawed.elapsed() < THAWED {
        for &address in &strong.addresses {
            question::ask(&rig.client, address)?;
            answers::probe(&rig.client, address)?;
        }
        std::thread::sleep(PACE / 10);
    }
    victim.agent.wait_status("to be BACKUP", START, |status| status.state(&strong.name) == "BACKUP")?;
    std::thread::sleep(PERSISTENCE);

    let spoken = victim.at_port.frames();
    let spoken = spoken.iter().filter(|frame| frame.at > thawed && frame.mac == rig.a.mac());
    let claims: Vec<_> =
        spoken.filter(|frame| frame.advert().is_some_and(|advert| advert.priority > 0)).collect();
    ensure!(claims.is_empty(), "it claimed to be Active: {claims:?}");
    for &address in &strong.addresses {
        rig.wait_address(&rig.a, address, false, START)?;
    }
    victim.was_silent(&rig, &strong)?;
    answer(&rig, &strong, &[&rig.b])?;
    never_flips_back(&victim.watch, &strong, &rig.b)
}

/// What the scenarios above would see without a gate.
fn keepalived_goes_on_answering(of: Of) -> Result<()> {
    let (strong, weak) = (of(STRONG, TENTH), of(WEAK, TENTH));
    let rig = Rig::of(&strong)?;
    let began = Moment::now();
    let mut master = Keepalived::start(&rig.a, &strong.text())?;
    rig.advert(began, &rig.a, &strong, strong.timing().down_bound(STRONG) + START)?;
    let _backup = rig.backup(&rig.b, &weak, Rung::Auto)?;
    rig.wait_address(&rig.a, strong.address(), true, START)?;
    let killed = Moment::now();
    master.process.kill()?;
    rig.advert(killed, &rig.b, &weak, weak.timing().down_bound(WEAK) + START)?;
    rig.wait_address(&rig.b, strong.address(), true, START)?;
    std::thread::sleep(PERSISTENCE);
    answer(&rig, &strong, &[&rig.a, &rig.b])
}

/// A node that has nobody to take over from it serves on, as its config wants: by the program that nobody feeds.
fn gate_off_goes_on(of: Of) -> Result<()> {
    let bpffs = Bpffs::mount()?;
    let group = of(STRONG, TENTH).with("gate off");
    let rig = Rig::of(&group)?;
    let mut victim = Victim::start(&rig, &group, &Options::config(group.text()).pinned(&bpffs))?;
    ensure!(victim.gate.is_zero(), "a gate of {}", Span(victim.gate));
    let kernel = rig.a.capture()?;
    let killed = Moment::now();
    End::Killed.befall(&mut victim.agent)?;
    std::thread::sleep(group.timing().down_bound(WEAK) + PERSISTENCE);
    answer(&rig, &group, &[&rig.a])?;
    let seen = kernel.count_after(killed, |frame| {
        frame.mac == rig.client.mac()
            && frame.to != rig.a.mac()
            && group.addresses.iter().any(|&address| frame.is_question_for(address))
    });
    ensure!(seen == 0, "the kernel saw {seen} questions: the program went with its agent");
    let before = Moment::now();
    voice::announce(&rig.a, group.address())?;
    victim
        .at_port
        .wait_after(before, "an announcement", START, |frame| frame.is_announcement(group.address()))
        .map(drop)
}

/// Without a BPF file system: said so, with the reason; a frozen agent's host is silent all the same.
fn unpinned(of: Of) -> Result<()> {
    let group = of(STRONG, TENTH);
    let rig = Rig::of(&group)?;
    let mut victim = Victim::start(&rig, &group, &Options::config(group.text()))?;
    let status = victim.agent.status()?;
    ensure!(status.dead_man(INTERFACE) == "stuck", "dead-man: {}", status.port(INTERFACE)["dead_man"]);
    let why = status.port(INTERFACE)["dead_man"]["reason"].as_str().context("no reason")?;
    ensure!(why.contains("BPF file system"), "it says: {why}");
    let table = victim.agent.status_table()?;
    ensure!(table.contains("BPF file system"), "the table does not say why:\n{table}");

    let frozen = Moment::now();
    End::Frozen.befall(&mut victim.agent)?;
    Victim::provoke(&rig, &group, || frozen.elapsed() > victim.gate + PERSISTENCE)?;
    answer(&rig, &group, &[])?;
    victim.was_silent(&rig, &group)?;
    victim.agent.process.signal_all(Signal::SIGCONT)?;
    // Nobody took over, so it goes on.
    rig.advert(Moment::now(), &rig.a, &group, START)?;
    answer(&rig, &group, &[&rig.a])?;

    End::Killed.befall(&mut victim.agent)?;
    std::thread::sleep(victim.gate + ON_ITS_WAY);
    answer(&rig, &group, &[&rig.a])
}
