//! The usual stage: two router hosts and a client, and what is asked of it again and again.

use std::{net::IpAddr, time::Duration};

use anyhow::{Context, Result, ensure};
use lab::{
    agent::{Agent, Options, Rung},
    capture::Capture,
    clock::{Moment, Span},
    frame::Frame,
    group::Group,
    lab::Lab,
    node::Node,
};
use regent_common::Family;

/// Priority of the router that should be Active.
pub const STRONG: u8 = 150;
/// Priority of the other.
pub const WEAK: u8 = 100;
/// The interval of most scenarios, in centiseconds: version 3, a tenth of a second.
pub const TENTH: u32 = 10;

/// Hosts a, b and client on a switch; the capture is the client's.
pub struct Rig {
    /// What the client sees.
    pub capture: Capture,
    /// A router's host.
    pub a: Node,
    /// Another's.
    pub b: Node,
    /// The client.
    pub client: Node,
    lab: Lab,
}

impl Rig {
    /// Makes it, with IPv4 alone.
    pub fn new() -> Result<Self> {
        Self::on(Lab::new()?)
    }

    /// Makes it with what `group` needs.
    pub fn of(group: &Group) -> Result<Self> {
        let mut lab = Lab::new()?;
        match group.family() {
            Family::Ipv4 => {}
            Family::Ipv6 => lab.enable_ipv6(),
        }
        Self::on(lab)
    }

    fn on(lab: Lab) -> Result<Self> {
        let (a, b, client) = (lab.host("a", 1)?, lab.host("b", 2)?, lab.host("client", 9)?);
        let capture = client.capture()?;
        Ok(Self { capture, a, b, client, lab })
    }

    /// One more host.
    pub fn another(&self, role: &str, number: u8) -> Result<Node> {
        self.lab.host(role, number)
    }

    /// Waits for an advert later than `after`.
    pub fn advert(&self, after: Moment, node: &Node, group: &Group, bound: Duration) -> Result<Frame> {
        let what = format!("an advert of {}, priority {}", node.role(), group.priority);
        self.capture.wait_after(after, &what, bound, |frame| {
            is_of(frame, node, group)
                && frame.advert().is_some_and(|advert| advert.priority == group.priority)
        })
    }

    /// Starts an agent that has nobody to wait for, and waits until it is Active.
    pub fn master(&self, node: &Node, group: &Group, rung: Rung) -> Result<Agent> {
        self.master_by(node, group, &Options::config(group.text()).on(rung))
    }

    /// As [`Self::master`], started in that way.
    pub fn master_by(&self, node: &Node, group: &Group, options: &Options) -> Result<Agent> {
        let began = Moment::now();
        let agent = Agent::start(node, options)?;
        let bound = group.timing().down_bound(group.priority) + START;
        self.advert(began, node, group, bound).with_context(|| agent.process.log_tail())?;
        Ok(agent)
    }

    /// Starts an agent that hears a better one, and waits until it says that it is Backup.
    pub fn backup(&self, node: &Node, group: &Group, rung: Rung) -> Result<Agent> {
        let agent = Agent::start(node, &Options::config(group.text()).on(rung))?;
        agent.wait_status("to be BACKUP", START, |status| status.state(&group.name) == "BACKUP")?;
        Ok(agent)
    }

    /// The moment of the newest good advert of `node` before `before`.
    pub fn last_advert(&self, before: Moment, node: &Node, group: &Group) -> Result<Moment> {
        self.capture
            .last_before(before, |frame| is_of(frame, node, group))
            .map(|frame| frame.at)
            .with_context(|| format!("no advert of {} was seen", node.role()))
    }

    /// Cuts `old` off and sees `new` take over within the formula, plus one interval.
    pub fn takeover(&self, old: &Node, new: &Node, group: &Group) -> Result<Frame> {
        let timing = group.timing();
        old.cut_cable()?;
        let cut = Moment::now();
        // Waited for with patience; judged by what the wire says.
        let first = self.advert(cut, new, group, timing.down_bound(group.priority) + START)?;
        let silence = first.at.since(self.last_advert(first.at, old, group)?);
        ensure!(
            silence >= timing.down(group.priority) && silence <= timing.down_bound(group.priority),
            "took over {} after the last advert; the formula says {}, at most one interval more",
            Span(silence),
            Span(timing.down(group.priority)),
        );
        Ok(first)
    }

    /// How many adverts `node` sent after `after`.
    pub fn spoke(&self, after: Moment, node: &Node, group: &Group) -> usize {
        self.capture.count_after(after, |frame| is_of(frame, node, group))
    }

    /// Waits until `node` has the address, or has it no more.
    pub fn wait_address(
        &self,
        node: &Node,
        address: impl Into<IpAddr>,
        wanted: bool,
        bound: Duration,
    ) -> Result<()> {
        let (address, start) = (address.into(), Moment::now());
        while node.has_address(address)? != wanted {
            let word = if wanted { "has no" } else { "still has" };
            ensure!(start.elapsed() < bound, "{} {word} {address} after {bound:?}", node.role());
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }
}

/// A good advert that the host itself sent: the address alone may be a forger's.
fn is_of(frame: &Frame, node: &Node, group: &Group) -> bool {
    frame.mac == node.mac() && frame.is_advert(group.wire_vrid(), node.source(group.family()))
}

/// What a daemon may take from its start until it listens.
pub const START: Duration = Duration::from_secs(3);
