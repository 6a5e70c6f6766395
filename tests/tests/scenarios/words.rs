//! Words of the config that change what is on the wire, one scenario or two for each: the wire and `status` say whether
//! the word does what it says, and where keepalived has the word, both are in one group with it and have to follow each
//! other.

mod paces;
mod routes;
mod tracks;

use std::net::Ipv4Addr;

use anyhow::{Context, Result, anyhow, ensure};
use lab::{
    agent::{Agent, Options},
    capture::Capture,
    clock::Moment,
    frame::Frame,
    frames,
    group::Group,
    node::Node,
    speaker::{Make, Speaker},
};
use libtest_mimic::Trial;
use regent_common::{
    AdvertInterval, Priority, Vrid,
    advert::{Addresses, Advert, Authentication, ChecksumForm},
    ethernet, ipv4,
};

use super::{
    rig::{Rig, START, STRONG, WEAK},
    trial::{Need, Reasons},
};

/// Priority that is below both.
const WEAKEST: u8 = 50;

type Scenario = (&'static str, bool, fn() -> Result<()>);

/// One trial for each row of each topic; `true` in a row: with keepalived.
pub fn trials(reasons: &Reasons) -> Vec<Trial> {
    let rows = [routes::SCENARIOS, paces::SCENARIOS, tracks::SCENARIOS].concat();
    let trial = |(name, with_peer, scenario): Scenario| {
        let needs: &[Need] = if with_peer { &[Need::Agent, Need::Keepalived] } else { &[Need::Agent] };
        reasons.trial(format!("words::{name}"), needs, scenario)
    };
    rows.into_iter().map(trial).collect()
}

/// The agent on a and keepalived on b: each in turn is Backup of the other and stays silent, and all that either says is
/// as `fits` wants it.
fn each_follows_the_other(
    rig: &Rig,
    ours: &Group,
    theirs: &Group,
    fits: impl Fn(&Frame) -> bool,
) -> Result<()> {
    let seen = rig.b.capture()?;
    let mut peer = keepalived(rig, theirs, STRONG)?;
    let followed = follow(rig, &seen, ours, &mut peer);
    let agent = followed.map_err(|error| anyhow!("{error:#}{}", peer.log_tail()))?;
    drop(peer);
    let mut peer = keepalived(rig, theirs, WEAKEST)?;
    let led = lead(&seen, ours, &rig.b, &mut peer);
    led.map_err(|error| anyhow!("{error:#}{}{}", peer.log_tail(), agent.process.log_tail()))?;
    let frames = seen.frames();
    let odd = frames.iter().find(|frame| frame.advert().is_some() && !fits(frame));
    ensure!(odd.is_none(), "an odd advert: {odd:?}");
    Ok(())
}

fn keepalived(rig: &Rig, group: &Group, priority: u8) -> Result<Speaker> {
    let peer = Speaker::start_text(Make::Keepalived, &rig.b, &group.clone().of(priority).text())?;
    peer.make_punctual();
    Ok(peer)
}

/// keepalived leads, the agent follows and takes over when it ends.
fn follow(rig: &Rig, seen: &Capture, ours: &Group, peer: &mut Speaker) -> Result<Agent> {
    let patience = ours.timing().down_bound(WEAK) + START;
    seen.wait_for("keepalived's advert", patience, |frame| is_from(frame, &rig.b, STRONG))?;
    let agent = Agent::start(&rig.a, &Options::config(ours.clone().of(WEAK).text()))?;
    agent.wait_status("to follow keepalived", START, |status| {
        status.state(&ours.name) == "BACKUP" && status.instance(&ours.name)["active"]["priority"] == STRONG
    })?;
    std::thread::sleep(ours.timing().down_bound(WEAK));
    silent(seen, &rig.a)?;
    let status = agent.status()?;
    ensure!(
        rejected(&status.root) == 0,
        "adverts were rejected: {}",
        status.instance(&ours.name)["rejected"]
    );
    let ended = Moment::now();
    peer.stop()?;
    seen.wait_after(ended, "the agent's advert", patience, |frame| is_from(frame, &rig.a, WEAK))?;
    Ok(agent)
}

/// The agent leads, and a new keepalived follows.
fn lead(seen: &Capture, ours: &Group, node: &Node, peer: &mut Speaker) -> Result<()> {
    let began = Moment::now();
    peer.wait_entering("BACKUP", 1, START)?;
    std::thread::sleep(ours.timing().down_bound(WEAKEST) * 2);
    let spoke = seen.count_after(began, |frame| frame.mac == node.mac() && frame.advert().is_some());
    ensure!(spoke == 0 && peer.entered("MASTER") == 0, "keepalived does not follow: it spoke {spoke} times");
    Ok(())
}

/// How many adverts of any instance were rejected.
fn rejected(root: &serde_json::Value) -> u64 {
    let instances = root["instances"].as_array().into_iter().flatten();
    let counts = instances.filter_map(|instance| instance["rejected"].as_object()).flatten();
    counts.filter_map(|(_, count)| count.as_u64()).sum()
}

/// An advert of that host with that priority, whatever address it came from.
fn is_from(frame: &Frame, node: &Node, priority: u8) -> bool {
    frame.mac == node.mac() && frame.advert().is_some_and(|advert| advert.priority == priority)
}

/// The same, and good for everybody: to a group, from this network, with a checksum that all know.
fn is_by(frame: &Frame, node: &Node, priority: u8) -> bool {
    is_from(frame, node, priority) && is_good(frame)
}

fn is_good(frame: &Frame) -> bool {
    frame.advert().is_some_and(|advert| advert.fault.is_none())
}

/// Not one advert of that host was seen.
fn silent(seen: &Capture, node: &Node) -> Result<()> {
    let frames = seen.frames();
    let spoke = frames.iter().filter(|frame| frame.mac == node.mac() && frame.advert().is_some()).count();
    ensure!(spoke == 0, "{} sent {spoke} adverts", node.role());
    Ok(())
}

/// An advert over IPv4 as no lab's router sends it: what a scenario varies.
#[derive(Clone, Copy, Debug)]
struct Forged {
    source: Ipv4Addr,
    destination: Ipv4Addr,
    mac: [u8; 6],
    ttl: u8,
    priority: u8,
    form: ChecksumForm,
}

impl Forged {
    /// To the group, from `source`.
    fn to_group(source: Ipv4Addr, priority: u8) -> Self {
        let destination = Ipv4Addr::from(ipv4::VRRP_GROUP);
        let form = ChecksumForm::PseudoHeader;
        Self { source, destination, mac: ethernet::VRRP_IPV4, ttl: 255, priority, form }
    }

    /// To that host alone, from `source`.
    fn to_host(target: &Node, source: Ipv4Addr, priority: u8) -> Self {
        Self { destination: target.address(), mac: target.mac(), ..Self::to_group(source, priority) }
    }

    /// The frame, out of `node`.
    fn frame(self, group: &Group, node: &Node) -> Result<Vec<u8>> {
        let list: Vec<[u8; 4]> = group
            .addresses
            .iter()
            .filter_map(|address| match address {
                std::net::IpAddr::V4(address) => Some(address.octets()),
                std::net::IpAddr::V6(_) => None,
            })
            .collect();
        let interval = u16::try_from(group.centiseconds).ok().and_then(AdvertInterval::from_centiseconds);
        let message = frames::message(&Advert {
            version: group.version,
            vrid: Vrid::new(group.wire_vrid()).context("a VRID")?,
            priority: Priority::from_wire(self.priority),
            interval: interval.context("an interval")?,
            authentication: Authentication::None,
            checksum: self.form,
            source: ipv4::widened(self.source.octets()),
            destination: ipv4::widened(self.destination.octets()),
            addresses: Addresses::Ipv4(&list),
        });
        let mut frame = ethernet::header(self.mac, node.mac(), ethernet::IPV4).to_vec();
        let (source, destination) = (self.source.octets(), self.destination.octets());
        frame.extend(frames::ipv4_packet(source, destination, self.ttl, &message));
        Ok(frame)
    }
}
