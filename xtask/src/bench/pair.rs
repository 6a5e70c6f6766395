//! Two hosts with one link between them or several, a switch for each: where loads are put.
//!
//! A link is a LAN of its own, so that each has room for all VRIDs. The first is the lab's; the others are made here.

use std::net::Ipv4Addr;

use anyhow::{Context, Result, bail};
use lab::{
    agent::{Agent, Options},
    capture::Capture,
    keepalived::Keepalived,
    lab::Lab,
    namespace::{Lifetime, Namespace},
    node::{INTERFACE, Node, PREFIX_LENGTH},
    speaker::{Make, Speaker},
    switch::Switch,
};

const MTU: u16 = 1500;
/// The number in the name of the first interface, which the others count up from.
const FIRST_NUMBER: u8 = 33;

/// Hosts `a` and `b`, on every link. Fields go in this order: hosts with all that runs on them, then switches.
pub struct Pair {
    /// The one to be master.
    pub a: Node,
    /// The one to be Backup.
    pub b: Node,
    switches: Vec<Switch>,
    _lab: Lab,
    links: u8,
}

impl Pair {
    /// Makes them, with that many links.
    ///
    /// # Errors
    /// Without the right to make namespaces.
    pub fn new(links: u8) -> Result<Self> {
        let lab = Lab::new()?;
        let (a, b) = (lab.host("a", 1)?, lab.host("b", 2)?);
        let mut switches = Vec::new();
        for link in 1..links {
            let namespace = Namespace::make(format!("{}-switch{link}", lab.name()), Lifetime::of_owner())?;
            let switch = Switch::make(namespace)?;
            for node in [&a, &b] {
                plug(&switch, node, link).with_context(|| format!("link {link}"))?;
            }
            switches.push(switch);
        }
        Ok(Self { a, b, switches, _lab: lab, links })
    }

    /// Name of a link's interface, the same on both hosts.
    pub fn interface(link: u8) -> String {
        if link == 0 { INTERFACE.to_owned() } else { format!("ens{}", FIRST_NUMBER + link) }
    }

    /// A host's address on a link.
    pub const fn address(node: &Node, link: u8) -> Ipv4Addr {
        let [a, b, c, number] = node.address().octets();
        Ipv4Addr::new(a, b, c + link, number)
    }

    /// Captures what `a` sends on a link and what is sent to it, at the switch.
    ///
    /// # Errors
    /// Without CAP_NET_RAW.
    pub fn capture(&self, link: u8) -> Result<Capture> {
        match link.checked_sub(1).and_then(|at| self.switches.get(usize::from(at))) {
            Some(switch) => Capture::start(switch.namespace(), &self.a.port()),
            None => self.a.capture_at_port(),
        }
    }

    /// Starts a daemon on a host, for all links.
    ///
    /// # Errors
    /// When it is not there or does not come up.
    pub fn start(&self, make: Make, node: &Node, text: &str) -> Result<Speaker> {
        match make {
            Make::Agent(rung) => {
                let interfaces = (0..self.links).map(Self::interface).collect();
                let options = Options { interfaces, ..Options::config(text).on(rung) };
                Agent::start(node, &options).map(Speaker::Agent)
            }
            Make::Keepalived => Keepalived::start(node, text).map(Speaker::Keepalived),
            Make::Frr => bail!("FRR is not measured: it does not read keepalived's language"),
        }
    }
}

fn plug(switch: &Switch, node: &Node, link: u8) -> Result<()> {
    let [a, b, c, _, d, e] = node.mac();
    let mac = format!("{a:02x}:{b:02x}:{c:02x}:{link:02x}:{d:02x}:{e:02x}");
    let interface = Pair::interface(link);
    switch.connect(&node.port(), node.namespace(), &interface, &mac, MTU)?;
    let address = format!("{}/{PREFIX_LENGTH}", Pair::address(node, link));
    node.ip(&["addr", "add", &address, "dev", &interface])?;
    node.ip(&["link", "set", &interface, "up"]).map(drop)
}
