//! A host: a namespace with one interface `ens33` on the switch, and a directory for its daemons' files.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::Arc,
};

use anyhow::{Context, Result, bail};
use regent_common::Family;

use crate::{
    capture::Capture,
    namespace::{Namespace, finish, succeed},
    switch::{Loss, Switch},
};

/// The name of every host's interface.
pub const INTERFACE: &str = "ens33";
/// Length of the prefix that hosts' own addresses have.
pub const PREFIX_LENGTH: u8 = 24;
/// The same of IPv6.
pub const PREFIX_LENGTH_IPV6: u8 = 64;

/// What a host's interface is like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cable {
    /// Its MTU.
    pub mtu: u16,
    /// IPv6 beside IPv4.
    pub ipv6: bool,
}

/// A host on the switch.
#[derive(Debug)]
pub struct Node {
    role: String,
    number: u8,
    namespace: Namespace,
    switch: Arc<Switch>,
    directory: PathBuf,
    cable: Cable,
}

impl Node {
    /// Makes host number `number`, 1..=254: 10.0.0.NUMBER/24 on `ens33`, plugged in and up.
    pub(crate) fn make(
        role: &str,
        number: u8,
        namespace: Namespace,
        switch: Arc<Switch>,
        directory: PathBuf,
        cable: Cable,
    ) -> Result<Self> {
        std::fs::create_dir_all(&directory).with_context(|| format!("make {}", directory.display()))?;
        let node = Self { role: role.to_owned(), number, namespace, switch, directory, cable };
        node.make_interface()?;
        Ok(node)
    }

    /// What it is called in the lab.
    pub fn role(&self) -> &str {
        &self.role
    }

    /// Its address on `ens33`.
    pub const fn address(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 0, 0, self.number)
    }

    /// Its own IPv6 address on `ens33`, of a lab with IPv6.
    pub const fn address_ipv6(&self) -> Ipv6Addr {
        Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, self.number as u16)
    }

    /// The link-local address of `ens33`, of a lab with IPv6: the kernel makes it from the MAC (RFC 4291, appendix A).
    pub const fn link_local(&self) -> Ipv6Addr {
        let [a, b, c, d, e, f] = self.mac();
        let octets = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, a ^ 0x02, b, c, 0xff, 0xfe, d, e, f];
        Ipv6Addr::from_bits(u128::from_be_bytes(octets))
    }

    /// What its adverts come from (RFC 9568 §5.1.1.1, §5.1.2.1): the primary address, or the link-local one.
    pub const fn source(&self, family: Family) -> IpAddr {
        match family {
            Family::Ipv4 => IpAddr::V4(self.address()),
            Family::Ipv6 => IpAddr::V6(self.link_local()),
        }
    }

    /// The MAC of `ens33`.
    pub const fn mac(&self) -> [u8; 6] {
        [0x02, 0x52, 0x47, 0, 0, self.number]
    }

    /// Its namespace.
    pub const fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// Where its daemons keep their files.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The far end of its cable.
    pub fn port(&self) -> String {
        format!("p{}", self.number)
    }

    /// A command that will run on this host.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = self.namespace.command(program);
        command.current_dir(&self.directory);
        command
    }

    /// Runs a command on this host and returns what it printed.
    ///
    /// # Errors
    /// When it fails, with its own words.
    pub fn run(&self, program: &str, arguments: &[&str]) -> Result<String> {
        succeed(self.command(program).args(arguments))
    }

    /// Runs a command on this host to its end, whatever that is.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn output(&self, command: &mut Command) -> Result<Output> {
        finish(command)
    }

    /// Runs `ip` on this host.
    ///
    /// # Errors
    /// When it fails, with its own words.
    pub fn ip(&self, arguments: &[&str]) -> Result<String> {
        self.namespace.ip(arguments)
    }

    /// Writes a file into the host's directory and returns its path.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.directory.join(name);
        std::fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
        Ok(path)
    }

    /// IPv4 addresses on `ens33`, as `ADDRESS/LENGTH`.
    ///
    /// # Errors
    /// When the interface is not there.
    pub fn addresses(&self) -> Result<Vec<String>> {
        self.addresses_of(Family::Ipv4)
    }

    /// As [`Self::addresses`], of one family.
    ///
    /// # Errors
    /// When the interface is not there.
    pub fn addresses_of(&self, family: Family) -> Result<Vec<String>> {
        let family = match family {
            Family::Ipv4 => "-4",
            Family::Ipv6 => "-6",
        };
        let text = self.ip(&["-o", family, "addr", "show", "dev", INTERFACE])?;
        Ok(text.lines().filter_map(|line| line.split_whitespace().nth(3)).map(str::to_owned).collect())
    }

    /// Whether `ens33` has the address, of whatever length.
    ///
    /// # Errors
    /// When the interface is not there.
    pub fn has_address(&self, address: impl Into<IpAddr>) -> Result<bool> {
        let address = address.into();
        let family = if address.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 };
        let wanted = format!("{address}/");
        Ok(self.addresses_of(family)?.iter().any(|have| have.starts_with(&wanted)))
    }

    /// Captures on the switch's end of the cable: everything that this host sends, whether or not it gets through.
    ///
    /// # Errors
    /// Without CAP_NET_RAW.
    pub fn capture_at_port(&self) -> Result<Capture> {
        Capture::start(self.switch.namespace(), &self.port())
    }

    /// Captures on `ens33`: what this host sees and sends.
    ///
    /// # Errors
    /// Without CAP_NET_RAW, or without the interface.
    pub fn capture(&self) -> Result<Capture> {
        Capture::start(&self.namespace, INTERFACE)
    }

    /// Pulls the cable: the host loses its carrier.
    ///
    /// # Errors
    /// When the interface is not there.
    pub fn cut_cable(&self) -> Result<()> {
        self.switch.set_carrier(&self.port(), false)
    }

    /// Plugs the cable in again.
    ///
    /// # Errors
    /// When the interface is not there.
    pub fn restore_cable(&self) -> Result<()> {
        self.switch.set_carrier(&self.port(), true)
    }

    /// Cuts the host off behind the switch: its carrier stays, so it does not notice.
    ///
    /// # Errors
    /// When the interface is not there.
    pub fn cut_silently(&self) -> Result<()> {
        self.switch.detach(&self.port())
    }

    /// Ends [`Self::cut_silently`].
    ///
    /// # Errors
    /// When the interface is not there.
    pub fn restore_silently(&self) -> Result<()> {
        self.switch.attach(&self.port())
    }

    /// Whether the far end of the cable takes what an XDP program on `ens33` sends back. It does from the start.
    ///
    /// # Errors
    /// Without the port.
    pub fn set_far_end_takes(&self, takes: bool) -> Result<()> {
        self.switch.set_receive_offload(&self.port(), takes)
    }

    /// Loses adverts from this host to another, and not the other way.
    ///
    /// # Errors
    /// Without nft.
    pub fn lose_adverts_to(&self, other: &Self, loss: Loss) -> Result<()> {
        self.switch.lose(&self.port(), &other.port(), loss)
    }

    /// Ends every loss on the switch.
    ///
    /// # Errors
    /// When nothing is lost.
    pub fn heal(&self) -> Result<()> {
        self.switch.heal()
    }

    /// One more interface, up, that leads nowhere: the far end is on this host too.
    ///
    /// # Errors
    /// When the name is taken.
    pub fn make_spare(&self, name: &str) -> Result<()> {
        let far = format!("{name}-far");
        self.ip(&["link", "add", name, "type", "veth", "peer", "name", &far])?;
        for name in [name, &far] {
            self.ip(&["link", "set", name, "up"])?;
        }
        Ok(())
    }

    /// Sets `ens33` up or down, as an operator on the host would. The kernel takes IPv6 addresses away from what is
    /// down: the host's own is given back.
    ///
    /// # Errors
    /// When the interface is not there.
    pub fn set_interface(&self, up: bool) -> Result<()> {
        self.ip(&["link", "set", INTERFACE, if up { "up" } else { "down" }])?;
        if up && self.cable.ipv6 {
            let address = format!("{}/{PREFIX_LENGTH_IPV6}", self.address_ipv6());
            self.ip(&["addr", "replace", &address, "dev", INTERFACE, "nodad"])?;
        }
        Ok(())
    }

    /// Deletes `ens33`.
    ///
    /// # Errors
    /// When it is not there.
    pub fn delete_interface(&self) -> Result<()> {
        self.ip(&["link", "del", INTERFACE]).map(drop)
    }

    /// Makes `ens33` (again), with its addresses, up.
    ///
    /// # Errors
    /// When it is there.
    pub fn make_interface(&self) -> Result<()> {
        let [a, b, c, d, e, f] = self.mac();
        let mac = format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}");
        self.switch.connect(&self.port(), &self.namespace, INTERFACE, &mac, self.cable.mtu)?;
        let address = format!("{}/{PREFIX_LENGTH}", self.address());
        self.ip(&["addr", "add", &address, "dev", INTERFACE])?;
        self.set_interface(true)
    }

    /// The MAC that this host has cached for `address`.
    ///
    /// # Errors
    /// When the neighbour table cannot be read.
    pub fn neighbour(&self, address: impl Into<IpAddr>) -> Result<Option<[u8; 6]>> {
        let text = self.ip(&["neigh", "show", &address.into().to_string(), "dev", INTERFACE])?;
        let mut words = text.split_whitespace().skip_while(|word| *word != "lladdr");
        match (words.next(), words.next()) {
            (Some(_), Some(mac)) => parse_mac(mac).map(Some),
            (_, None) | (None, _) => Ok(None),
        }
    }
}

pub(crate) fn parse_mac(text: &str) -> Result<[u8; 6]> {
    let mut mac = [0; 6];
    let mut parts = text.split(':');
    for byte in &mut mac {
        let part = parts.next().unwrap_or_default();
        *byte = u8::from_str_radix(part, 16).with_context(|| format!("read MAC {text:?}"))?;
    }
    if parts.next().is_some() {
        bail!("read MAC {text:?}: too long");
    }
    Ok(mac)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mac_is_six_bytes() {
        assert_eq!(parse_mac("02:52:47:00:00:0a").unwrap(), [2, 0x52, 0x47, 0, 0, 10]);
        assert!(parse_mac("02:52:47:00:00").is_err());
        assert!(parse_mac("02:52:47:00:00:0a:0b").is_err());
    }
}
