//! A cable from one host to another that goes past the switch: where floods are sent, which nobody else is to notice.

use std::{net::Ipv4Addr, time::Duration};

use anyhow::Result;

use crate::{
    flood::{Flood, Request},
    lab::Lab,
    node::Node,
};

/// The end that asks.
pub const NEAR: &str = "near";
/// The end that answers.
pub const FAR: &str = "far";

/// Two hosts and the cable. Hosts go before the lab.
#[derive(Debug)]
pub struct Cable {
    /// Who asks.
    pub asker: Node,
    /// Who answers.
    pub host: Node,
    /// The lab of both.
    pub lab: Lab,
}

impl Cable {
    /// Who asks.
    pub const ASKER: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 1);
    /// What is asked for. Nobody has it yet.
    pub const VIP: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 253);
    /// The answering host's own address.
    pub const HOST: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 254);
    /// The MAC of the end that answers.
    pub const FAR_MAC: [u8; 6] = [0x02, 0x52, 0x47, 9, 0, 254];
    const NEAR_MAC: [u8; 6] = [0x02, 0x52, 0x47, 9, 0, 1];

    /// Lays it; both ends are up and have an address of 10.9.0.0/24. XDP programs may be put on either.
    ///
    /// # Errors
    /// Without the right to make namespaces.
    pub fn lay() -> Result<Self> {
        let lab = Lab::new()?;
        let (asker, host) = (lab.host("asker", 9)?, lab.host("host", 2)?);
        let text = |mac: [u8; 6]| mac.map(|byte| format!("{byte:02x}")).join(":");
        let (near, far) = (text(Self::NEAR_MAC), text(Self::FAR_MAC));
        let peer = ["peer", "name", FAR, "address", &far, "netns", host.namespace().name()];
        asker.ip(&[&["link", "add", NEAR, "address", &near, "type", "veth"][..], &peer].concat())?;
        for (node, interface, address) in [(&asker, NEAR, Self::ASKER), (&host, FAR, Self::HOST)] {
            node.ip(&["addr", "add", &format!("{address}/24"), "dev", interface])?;
            node.ip(&["link", "set", interface, "up"])?;
        }
        Ok(Self { asker, host, lab })
    }

    /// A flood of requests for the one address, from so many stations.
    ///
    /// # Errors
    /// As [`Flood::prepare`].
    pub fn flood(&self, stations: u32, gap: Duration) -> Result<Flood<'_>> {
        let (mac, sender, target) = (Self::NEAR_MAC, Self::ASKER, Self::VIP);
        let request = Request { mac, sender, stations, target, targets: 1, gap };
        Flood::prepare(self.asker.namespace(), NEAR, &request)
    }
}
