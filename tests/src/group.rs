//! A virtual router as a config: one text that the agent and keepalived both read.

use std::{fmt::Write, net::Ipv4Addr};

use regent_common::Version;

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
    /// Virtual addresses.
    pub addresses: Vec<Ipv4Addr>,
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
            addresses: vec![Ipv4Addr::new(10, 0, 0, 3)],
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

    /// The first virtual address.
    pub fn address(&self) -> Ipv4Addr {
        self.addresses.first().copied().unwrap_or(Ipv4Addr::UNSPECIFIED)
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
