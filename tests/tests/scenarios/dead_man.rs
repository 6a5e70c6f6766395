//! An agent that is killed or frozen takes its host's voice with it: nothing leaves in the name of its addresses, which
//! are still there, so that clients find the one that took over and stay with it.

use std::{collections::BTreeSet, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use lab::{
    agent::{Agent, Options, Rung},
    answers,
    bpffs::Bpffs,
    cache_watch::CacheWatch,
    capture::Capture,
    client::Pinger,
    clock::{Moment, Span},
    frame::Frame,
    group::Group,
    keepalived::Keepalived,
    node::{INTERFACE, Node},
    question,
    speaker::{Make, Speaker},
    voice,
};
use libtest_mimic::Trial;
use nix::sys::signal::Signal;

use super::{
    responder::{in_use, trusted},
    rig::{Rig, START, STRONG, TENTH, WEAK},
    trial::{Need, Reasons},
};

/// From the moment at which a gate shuts to the last packet that was on its way, on a busy machine.
const ON_ITS_WAY: Duration = Duration::from_millis(20);
/// How often everything is tried that could make the host speak.
const PACE: Duration = Duration::from_millis(20);
/// How long it is tried after another took over.
const PERSISTENCE: Duration = Duration::from_millis(1_500);
/// How long a thawed host is asked: until it has given up.
const THAWED: Duration = Duration::from_millis(200);

type Of = fn(u8, u32) -> Group;

/// How an agent ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// kill -9.
    Killed,
    /// SIGSTOP.
    Frozen,
}

impl End {
    const fn word(self) -> &'static str {
        match self {
            Self::Killed => "killed",
            Self::Frozen => "frozen",
        }
    }

    fn befall(self, agent: &mut Agent) -> Result<()> {
        match self {
            Self::Killed => agent.process.kill(),
            Self::Frozen => agent.process.signal_all(Signal::SIGSTOP),
        }
    }
}

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
    trials
}

/// A master whose host is about to lose its agent, with a client that uses it.
struct Victim {
    at_port: Capture,
    watch: CacheWatch,
    gate: Duration,
    /// Of the client, and of the agent's probes.
    _pingers: (Pinger, Pinger),
    agent: Agent,
}

impl Victim {
    /// Starts it, waits until it is known to be served by XDP, and sees that what will be tried later does work now.
    fn start(rig: &Rig, group: &Group, options: &Options) -> Result<Self> {
        let agent = rig.master_by(&rig.a, group, options)?;
        for &address in &group.addresses {
            rig.wait_address(&rig.a, address, true, START)?;
        }
        let of_host = in_use(&rig.client, &rig.a, group)?;
        let status = trusted(&agent)?;
        let gate = Duration::from_millis(status.number(&group.name, "/gate_ms"));
        let watch = CacheWatch::start(&rig.client)?;
        let of_client = Pinger::start(&rig.client, group.address(), PACE)?;
        of_client.wait_answer(Moment::ORIGIN, START)?;
        let at_port = rig.a.capture_at_port()?;
        let began = Moment::now();
        voice::ask_from(&rig.a, group.address())?;
        voice::announce(&rig.a, group.address())?;
        for (what, wanted) in [("a question", true), ("an announcement", false)] {
            at_port.wait_after(began, &format!("{what} in the name of the address"), START, |frame| {
                speaks(frame, &rig.a, group) && frame.is_announcement(group.address()) != wanted
            })?;
        }
        Ok(Self { at_port, watch, gate, _pingers: (of_host, of_client), agent })
    }

    /// Tries everything that makes a host speak until `until` says that it was enough.
    fn provoke(rig: &Rig, group: &Group, until: impl Fn() -> bool) -> Result<()> {
        let began = Moment::now();
        let bound = group.timing().down_bound(WEAK) + START + PERSISTENCE;
        while !until() {
            ensure!(began.elapsed() < bound, "nobody took over within {bound:?}");
            for &address in &group.addresses {
                question::ask(&rig.client, address)?;
                answers::probe(&rig.client, address)?;
                voice::announce(&rig.a, address)?;
            }
            voice::ask_from(&rig.a, group.address())?;
            std::thread::sleep(PACE);
        }
        Ok(())
    }

    /// Nothing left host a in the name of the group's addresses since its gate had to be shut.
    fn was_silent(&self, rig: &Rig, group: &Group) -> Result<()> {
        let now = Moment::now();
        let last = rig.last_advert(now, &rig.a, group)?;
        let shut = last.plus(self.gate).plus(ON_ITS_WAY);
        ensure!(shut < now, "the gate is not shut yet");
        let frames = self.at_port.frames();
        let after = frames.iter().filter(|frame| frame.at > shut && speaks(frame, &rig.a, group));
        let after: Vec<_> = after.map(|frame| (Span(frame.at.since(last)), frame)).collect();
        ensure!(
            after.is_empty(),
            "{} frames left in the name of the addresses later than the gate of {} after the last advert, the first: {:?}",
            after.len(),
            Span(self.gate),
            after.first()
        );
        Ok(())
    }
}

/// Whether the host says with this frame that it has an address of the group.
fn speaks(frame: &Frame, node: &Node, group: &Group) -> bool {
    frame.mac == node.mac() && group.addresses.iter().any(|&address| frame.speaker_for(address).is_some())
}

/// Every address of the group is answered for by these hosts, as a third host sees it.
fn answer(rig: &Rig, group: &Group, hosts: &[&Node]) -> Result<()> {
    let wanted: BTreeSet<[u8; 6]> = hosts.iter().map(|node| node.mac()).collect();
    for &address in &group.addresses {
        let macs = answers::who_has(&rig.client, &rig.capture, address)?;
        ensure!(macs == wanted, "{macs:02x?} answer for {address}");
    }
    Ok(())
}

/// The client's cache went to the heir once and stayed there.
fn never_flips_back(watch: &CacheWatch, group: &Group, heir: &Node) -> Result<()> {
    let macs = watch.macs(group.address());
    let Some(moved) = macs.iter().position(|(_, mac)| *mac == heir.mac()) else {
        bail!("the cache never went to {}: {macs:02x?}", heir.role());
    };
    ensure!(moved + 1 == macs.len(), "the cache flipped back: {macs:02x?}");
    Ok(())
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
