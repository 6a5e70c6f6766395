//! Programs of others on a port stay, and are spoken of; what the agent does beside them goes on as well as it can.

use std::{net::Ipv4Addr, os::fd::AsFd};

use anyhow::{Context, Result, ensure};
use lab::{
    agent::{Options, Rung},
    bpf_program,
    bpffs::Bpffs,
    clock::Moment,
    group::Group,
    node::{INTERFACE, Node},
};
use libtest_mimic::Trial;
use nix::net::if_::if_nametoindex;
use regent_agent::net::xdp::{Hook, Link, Mode};

use super::{
    rig::{Rig, START, STRONG, TENTH, WEAK},
    trial::{Need, Reasons},
    victim::{End, PERSISTENCE, Victim, answer, never_flips_back},
};

/// Ends: the packet goes on past every other program.
const PAST_ALL: i32 = 0;
/// XDP_PASS.
const PASS: u32 = 2;

/// All of them.
pub fn trials(reasons: &Reasons) -> Vec<Trial> {
    let needs: &[Need] = &[Need::Agent, Need::Object];
    vec![
        reasons.trial(
            "ports::somebody_elses_xdp_program_stays_and_the_dead_man_gate_works_without_ours",
            needs,
            somebody_elses_xdp_program_stays,
        ),
        reasons.trial(
            "ports::somebody_elses_tc_programs_stay_and_hide_nothing_from_ours",
            needs,
            somebody_elses_tc_programs_stay,
        ),
        reasons.trial(
            "ports::two_agents_share_a_port_and_the_death_of_one_silences_its_own_addresses_alone",
            needs,
            two_agents_share_a_port,
        ),
        reasons.trial("ports::without_xdp_by_choice_no_gate_is_promised", needs, without_xdp_by_choice),
    ]
}

/// A program on `ens33` of a host, with what holds it there and nothing else.
struct Foreign {
    link: Link,
    ifindex: u32,
}

impl Foreign {
    fn put(node: &Node, hook: Hook) -> Result<Self> {
        node.namespace().enter(|| {
            let program = match hook {
                Hook::Xdp(_) => bpf_program::xdp(PASS),
                Hook::Ingress | Hook::Egress => bpf_program::tc(PAST_ALL),
            };
            let ifindex = if_nametoindex(INTERFACE)?;
            let program = program.context("load a program")?;
            let link = Link::create(program.as_fd(), ifindex, hook).context("put it on the port")?;
            Ok(Self { link, ifindex })
        })
    }

    fn is_there(&self) -> Result<()> {
        let there = self.link.attachment().context("ask after somebody else's program")?.ifindex;
        ensure!(there == Some(self.ifindex), "somebody else's program was taken off the port");
        Ok(())
    }
}

/// The host of a killed agent falls silent and its heir is the only one who answers.
fn falls_silent(rig: &Rig, group: &Group, victim: &mut Victim) -> Result<()> {
    let weak = group.clone().of(WEAK);
    let _backup = rig.backup(&rig.b, &weak, Rung::Auto)?;
    let killed = Moment::now();
    End::Killed.befall(&mut victim.agent)?;
    let first = rig.advert(killed, &rig.b, &weak, weak.timing().down_bound(WEAK) + START)?;
    Victim::provoke(rig, group, || first.at.elapsed() > PERSISTENCE)?;
    answer(rig, group, &[&rig.b])?;
    victim.was_silent(rig, group)?;
    never_flips_back(&victim.watch, group, &rig.b)
}

/// Native, so that neither of our XDP rungs is left.
fn somebody_elses_xdp_program_stays() -> Result<()> {
    let (bpffs, group) = (Bpffs::mount()?, Group::fast(STRONG, TENTH));
    let rig = Rig::of(&group)?;
    let foreign = Foreign::put(&rig.a, Hook::Xdp(Mode::Native))?;
    let options = Options::config(group.text()).pinned(&bpffs);
    let mut agent = rig.master_by(&rig.a, &group, &options)?;
    let status = agent.status()?;
    let why = status.port(INTERFACE)["carrier_reason"].as_str().unwrap_or_default();
    ensure!(
        status.carrier(INTERFACE) == "socket" && why.contains("another XDP program"),
        "carrier {}: {why}",
        status.carrier(INTERFACE)
    );
    ensure!(status.responder(INTERFACE) == "kernel", "{} answers", status.responder(INTERFACE));
    ensure!(status.dead_man(INTERFACE) == "on", "dead-man: {}", status.port(INTERFACE)["dead_man"]);
    rig.wait_address(&rig.a, group.address(), true, START)?;
    answer(&rig, &group, &[&rig.a])?;
    ensure!(agent.stop()?.success(), "it did not end well");
    foreign.is_there()?;

    let mut victim = Victim::start_on_any_rung(&rig, &group, &options)?;
    falls_silent(&rig, &group, &mut victim)?;
    foreign.is_there()
}

/// They were there before, and end the line for every packet.
fn somebody_elses_tc_programs_stay() -> Result<()> {
    let (bpffs, group) = (Bpffs::mount()?, Group::fast(STRONG, TENTH));
    let rig = Rig::of(&group)?;
    let foreign = [Foreign::put(&rig.a, Hook::Egress)?, Foreign::put(&rig.a, Hook::Ingress)?];
    let options = Options::config(group.text()).pinned(&bpffs);
    let mut victim = Victim::start(&rig, &group, &options)?;
    let status = victim.agent.status()?;
    for hook in ["tc_egress", "tc_ingress"] {
        let state = &status.port(INTERFACE)[hook];
        ensure!(state["state"] == "attached", "{hook}: {state}");
    }
    falls_silent(&rig, &group, &mut victim)?;
    foreign.iter().try_for_each(Foreign::is_there)?;

    let mut successor = rig.master_by(&rig.a, &group, &options)?;
    ensure!(successor.stop()?.success(), "it did not end well");
    foreign.iter().try_for_each(Foreign::is_there)
}

/// No program at all: said so, and the kernel answers on.
fn without_xdp_by_choice() -> Result<()> {
    let (bpffs, group) = (Bpffs::mount()?, Group::fast(STRONG, TENTH));
    let rig = Rig::of(&group)?;
    let options = Options::config(group.text()).on(Rung::Off).pinned(&bpffs);
    let mut agent = rig.master_by(&rig.a, &group, &options)?;
    rig.wait_address(&rig.a, group.address(), true, START)?;
    let status = agent.status()?;
    let dead_man = &status.port(INTERFACE)["dead_man"];
    ensure!(
        status.dead_man(INTERFACE) == "off"
            && dead_man["reason"].as_str().is_some_and(|why| why.contains("by choice")),
        "dead-man: {dead_man}"
    );
    ensure!(status.instance("VI_1")["mode"].is_null(), "a mode without a program");
    End::Killed.befall(&mut agent)?;
    std::thread::sleep(group.timing().down_bound(WEAK));
    answer(&rig, &group, &[&rig.a])
}

/// The first has the port's XDP hook; the second does without, and neither touches what is the other's.
fn two_agents_share_a_port() -> Result<()> {
    let bpffs = Bpffs::mount()?;
    let ours = Group::fast(STRONG, TENTH);
    let theirs = Group {
        name: "VI_2".to_owned(),
        vrid: 51,
        addresses: vec![Ipv4Addr::new(10, 0, 0, 4).into()],
        ..Group::fast(STRONG, TENTH)
    };
    let rig = Rig::of(&ours)?;
    let mut victim = Victim::start(&rig, &ours, &Options::config(ours.text()).pinned(&bpffs))?;
    let options = Options::config(theirs.text()).pinned(&bpffs);
    let options = options.run_in(rig.a.directory().join("another-run"));
    let mut other = rig.master_by(&rig.a, &theirs, &options)?;
    rig.wait_address(&rig.a, theirs.address(), true, START)?;
    let status = other.status()?;
    ensure!(status.carrier(INTERFACE) == "socket", "carrier {}", status.carrier(INTERFACE));
    ensure!(status.dead_man(INTERFACE) == "on", "dead-man: {}", status.port(INTERFACE)["dead_man"]);
    answer(&rig, &ours, &[&rig.a])?;
    answer(&rig, &theirs, &[&rig.a])?;

    let killed = Moment::now();
    End::Killed.befall(&mut victim.agent)?;
    Victim::provoke(&rig, &ours, || killed.elapsed() > victim.gate + PERSISTENCE)?;
    victim.was_silent(&rig, &ours)?;
    answer(&rig, &ours, &[])?;
    answer(&rig, &theirs, &[&rig.a])?;
    ensure!(rig.spoke(killed.plus(victim.gate), &rig.a, &theirs) > 5, "the other fell silent");

    ensure!(other.stop()?.success(), "it did not end well");
    rig.wait_address(&rig.a, theirs.address(), false, START)?;
    answer(&rig, &ours, &[])
}
