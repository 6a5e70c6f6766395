//! A master whose host is about to lose its agent: everything that could make the host speak is tried again and again, and
//! the far end of its cable tells whether it did.

use std::{collections::BTreeSet, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use lab::{
    agent::{Agent, Options},
    answers,
    cache_watch::CacheWatch,
    capture::Capture,
    client::Pinger,
    clock::{Moment, Span},
    frame::Frame,
    group::Group,
    node::Node,
    question, voice,
};
use nix::sys::signal::Signal;

use super::{
    responder::{in_use, trusted},
    rig::{Rig, START, WEAK},
};

/// From the moment at which a gate shuts to the last packet that was on its way, on a busy machine.
pub const ON_ITS_WAY: Duration = Duration::from_millis(20);
/// How often everything is tried that could make the host speak.
pub const PACE: Duration = Duration::from_millis(20);
/// How long it is tried after another took over.
pub const PERSISTENCE: Duration = Duration::from_millis(1_500);

/// How an agent ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// kill -9.
    Killed,
    /// SIGSTOP.
    Frozen,
}

impl End {
    /// One word, for names.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Killed => "killed",
            Self::Frozen => "frozen",
        }
    }

    /// Lets it happen.
    pub fn befall(self, agent: &mut Agent) -> Result<()> {
        match self {
            Self::Killed => agent.process.kill(),
            Self::Frozen => agent.process.signal_all(Signal::SIGSTOP),
        }
    }
}

/// A master whose host is about to lose its agent, with a client that uses it.
pub struct Victim {
    /// What really leaves its host, a.
    pub at_port: Capture,
    /// What the client believes.
    pub watch: CacheWatch,
    /// How long after its newest advert the host may speak; zero: for ever.
    pub gate: Duration,
    pinger: Pinger,
    /// Of the host's own address: the agent has a neighbour to ask.
    _in_use: Pinger,
    /// The agent.
    pub agent: Agent,
}

impl Victim {
    /// Starts it, waits until its program answers, and sees that what will be tried later does work now.
    pub fn start(rig: &Rig, group: &Group, options: &Options) -> Result<Self> {
        let victim = Self::start_on_any_rung(rig, group, options)?;
        trusted(&victim.agent)?;
        Ok(victim)
    }

    /// As [`Self::start`], where the program may not be able to answer.
    pub fn start_on_any_rung(rig: &Rig, group: &Group, options: &Options) -> Result<Self> {
        let at_port = rig.a.capture_at_port()?;
        let agent = Agent::start(&rig.a, options)?;
        let of_host = in_use(&rig.client, &rig.a, group)?;
        for &address in &group.addresses {
            rig.wait_address(&rig.a, address, true, group.timing().down_bound(group.priority) + START)?;
        }
        let status = agent.status()?;
        let gate = Duration::from_millis(status.number(&group.name, "/gate_ms"));
        let watch = CacheWatch::start(&rig.client)?;
        let of_client = Pinger::start(&rig.client, group.address(), PACE)?;
        of_client.wait_answer(Moment::ORIGIN, START)?;
        let began = Moment::now();
        voice::ask_from(&rig.a, group.address())?;
        voice::announce(&rig.a, group.address())?;
        let address = group.address();
        at_port.wait_after(began, "an announcement of the address", START, |frame| {
            !frame.outgoing && frame.is_announcement(address)
        })?;
        at_port.wait_after(began, "a question in the name of the address", START, |frame| {
            speaks(frame, group) && !frame.is_announcement(address) && !frame.is_reply_for(address)
        })?;
        Ok(Self { at_port, watch, gate, pinger: of_client, _in_use: of_host, agent })
    }

    /// When the client's newest ping of the address was answered.
    pub fn newest_answer(&self) -> Option<Moment> {
        self.pinger.newest()
    }

    /// Tries everything that makes a host speak until `until` says that it was enough.
    pub fn provoke(rig: &Rig, group: &Group, until: impl Fn() -> bool) -> Result<()> {
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

    fn last_advert(&self, rig: &Rig, group: &Group) -> Result<Moment> {
        let source = rig.a.source(group.family());
        let is_its = |frame: &Frame| !frame.outgoing && frame.is_advert(group.wire_vrid(), source);
        let last = self.at_port.last_before(Moment::now(), is_its);
        last.map(|frame| frame.at).context("its adverts were not captured")
    }

    /// Nothing left host a in the name of the group's addresses since its gate had to be shut.
    pub fn was_silent(&self, rig: &Rig, group: &Group) -> Result<()> {
        let now = Moment::now();
        let last = self.last_advert(rig, group)?;
        let shut = last.plus(self.gate).plus(ON_ITS_WAY);
        ensure!(shut < now, "the gate is not shut yet");
        let frames = self.at_port.frames();
        let after = frames.iter().filter(|frame| frame.at > shut && speaks(frame, group));
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

/// Whether the host, at whose port this was captured, says with it that it has an address of the group, by whatever MAC.
fn speaks(frame: &Frame, group: &Group) -> bool {
    !frame.outgoing && group.addresses.iter().any(|&address| frame.speaker_for(address).is_some())
}

/// Every address of the group is answered for by these hosts, as a third host sees it.
pub fn answer(rig: &Rig, group: &Group, hosts: &[&Node]) -> Result<()> {
    let wanted: BTreeSet<[u8; 6]> = hosts.iter().map(|node| node.mac()).collect();
    for &address in &group.addresses {
        let macs = answers::who_has(&rig.client, &rig.capture, address)?;
        ensure!(macs == wanted, "{macs:02x?} answer for {address}");
    }
    Ok(())
}

/// The client's cache went to the heir once and stayed there.
pub fn never_flips_back(watch: &CacheWatch, group: &Group, heir: &Node) -> Result<()> {
    let macs = watch.macs(group.address());
    let Some(moved) = macs.iter().position(|(_, mac)| *mac == heir.mac()) else {
        bail!("the cache never went to {}: {macs:02x?}", heir.role());
    };
    ensure!(moved + 1 == macs.len(), "the cache flipped back: {macs:02x?}");
    Ok(())
}
