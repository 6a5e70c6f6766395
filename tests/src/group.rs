//! A virtual router as a config: one text that the agent and keepalived both read.

use std::{
    fmt::Write,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use regent_common::{Family, Version};

use crate::{node::INTERFACE, timer::Timing};

/// One `vrrp_instance`, with what a scenario wants to vary.
#[derive(Clone, Debug)]
pub struct Group {
    /// Name of the block.
    pub name: String,
    /// Protocol version.
    pub version: Version,
    /// VRID, written as it is, so that a wrong one can be.
    pub vrid: u32,
    /// Priority.
    pub priority: u8,
    /// Interval in centiseconds.
    pub centiseconds: u32,
    /// Version 2 password.
    pub password: Option<String>,
    /// Virtual addresses, of one family; of IPv6 the link-local one first (RFC 9568 §5.2.9).
    pub addresses: Vec<IpAddr>,
    /// Adverts go from the first of these to each of the others, and not to the group.
    pub unicast: Vec<IpAddr>,
    /// Without `nopreempt`.
    pub preempts: bool,
    /// Interface.
    pub interface: String,
    /// More lines inside the block.
    pub more: String,
    /// Blocks before it.
    pub before: String,
}

impl Group {
    /// The classic: version 2, VRID 50, one second, password 1111, VIP 10.0.0.3.
    pub fn classic(priority: u8) -> Self {
        Self {
            name: "VI_1".to_owned(),
            version: Version::V2,
            vrid: 50,
            priority,
            centiseconds: 100,
            password: Some("1111".to_owned()),
            addresses: vec![Ipv4Addr::new(10, 0, 0, 3).into()],
            unicast: Vec::new(),
            preempts: true,
            interface: INTERFACE.to_owned(),
            more: String::new(),
            before: String::new(),
        }
    }

    /// The same in version 3 at `centiseconds`.
    pub fn fast(priority: u8, centiseconds: u32) -> Self {
        Self { version: Version::V3, centiseconds, password: None, ..Self::classic(priority) }
    }

    /// Version 3 over IPv6 at `centiseconds`: VIPs fe80::50:1 and 2001:db8::50.
    pub fn ipv6(priority: u8, centiseconds: u32) -> Self {
        let link_local = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0x50, 1);
        let routable = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x50);
        Self { addresses: vec![link_local.into(), routable.into()], ..Self::fast(priority, centiseconds) }
    }

    /// With that priority.
    #[must_use]
    pub fn of(self, priority: u8) -> Self {
        Self { priority, ..self }
    }

    /// Its adverts go from `own` to `peer` alone.
    #[must_use]
    pub fn unicast(self, own: impl Into<IpAddr>, peer: impl Into<IpAddr>) -> Self {
        Self { unicast: vec![own.into(), peer.into()], ..self }
    }

    /// With `nopreempt`.
    #[must_use]
    pub fn without_preemption(self) -> Self {
        Self { preempts: false, ..self }
    }

    /// With `lines` inside the block.
    #[must_use]
    pub fn with(mut self, lines: &str) -> Self {
        self.more.push_str(lines);
        self.more.push('\n');
        self
    }

    /// With `blocks` before it.
    #[must_use]
    pub fn after(mut self, blocks: &str) -> Self {
        self.before.push_str(blocks);
        self.before.push('\n');
        self
    }

    /// The virtual address that clients use: the first that is not link-local.
    pub fn address(&self) -> IpAddr {
        let is_routable = |address: &&IpAddr| match address {
            IpAddr::V4(_) => true,
            IpAddr::V6(address) => !address.is_unicast_link_local(),
        };
        let first = self.addresses.first();
        self.addresses.iter().find(is_routable).or(first).copied().unwrap_or(Ipv4Addr::UNSPECIFIED.into())
    }

    /// The family of its addresses.
    pub fn family(&self) -> Family {
        if self.address().is_ipv4() { Family::Ipv4 } else { Family::Ipv6 }
    }

    /// The MAC that the RFC gives it (§7.3); FRR uses it, keepalived and the agent do not unless told to.
    pub fn virtual_mac(&self) -> [u8; 6] {
        let family = match self.family() {
            Family::Ipv4 => 1,
            Family::Ipv6 => 2,
        };
        [0, 0, 0x5e, 0, family, self.wire_vrid()]
    }

    /// Its timing.
    pub fn timing(&self) -> Timing {
        let milliseconds = u64::from(self.centiseconds) * 10;
        Timing { version: self.version, interval: std::time::Duration::from_millis(milliseconds) }
    }

    /// The VRID as it stands on the wire.
    pub fn wire_vrid(&self) -> u8 {
        u8::try_from(self.vrid).unwrap_or(0)
    }

    /// The config.
    pub fn text(&self) -> String {
        let mut text = format!("{}vrrp_instance {} {{\n    state BACKUP\n", self.before, self.name);
        let mut line = |line: String| {
            text.push_str("    ");
            text.push_str(&line);
            text.push('\n');
        };
        line(format!("interface {}", self.interface));
        line(format!("virtual_router_id {}", self.vrid));
        line(format!("priority {}", self.priority));
        line(format!("version {}", self.version));
        line(format!("advert_int {}.{:02}", self.centiseconds / 100, self.centiseconds % 100));
        if let Some(password) = &self.password {
            line(format!("authentication {{\n        auth_type PASS\n        auth_pass {password}\n    }}"));
        }
        if !self.preempts {
            line("nopreempt".to_owned());
        }
        if let [own, peers @ ..] = &self.unicast[..] {
            line(format!("unicast_src_ip {own}"));
            let mut block = String::new();
            for peer in peers {
                writeln!(block, "        {peer}").ok();
            }
            line(format!("unicast_peer {{\n{block}    }}"));
        }
        for more in self.more.lines() {
            line(more.to_owned());
        }
        let mut addresses = String::new();
        for address in &self.addresses {
            // Writing to a string cannot fail.
            writeln!(addresses, "        {address}").ok();
        }
        line(format!("virtual_ipaddress {{\n{addresses}    }}"));
        text.push_str("}\n");
        text
    }
}
