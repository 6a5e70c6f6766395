//! The switch: a bridge in a namespace of its own. A host's cable is a veth pair whose far end is a port here, so a
//! cable is cut from outside, as in life.

use std::{fs, io, process::Command};

use anyhow::{Context, Result};

use crate::{
    namespace::{Namespace, succeed},
    offload,
};

const BRIDGE: &str = "br0";
/// The table of what is lost on purpose.
const TABLE: &str = "loss";

/// How many adverts are lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// All.
    All,
    /// Every second one, by chance.
    Half,
}

/// A bridge with its ports.
#[derive(Debug)]
pub struct Switch {
    namespace: Namespace,
}

impl Switch {
    /// Makes the bridge: no spanning tree, no forwarding delay, no multicast snooping (224.0.0.18 is flooded, as by a
    /// switch that has no querier).
    ///
    /// # Errors
    /// Without CAP_NET_ADMIN.
    pub fn make(namespace: Namespace) -> Result<Self> {
        namespace.ip(&[
            "link",
            "add",
            BRIDGE,
            "type",
            "bridge",
            "stp_state",
            "0",
            "forward_delay",
            "0",
            "mcast_snooping",
            "0",
        ])?;
        namespace.ip(&["link", "set", BRIDGE, "up"])?;
        pass_firewall_by(&namespace)?;
        Ok(Self { namespace })
    }

    /// The namespace of the bridge.
    pub const fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// Lays a cable: interface `interface` in `host` with that MAC, its far end is `port` here. The interface is left
    /// down; the port is up and attached.
    ///
    /// # Errors
    /// When either name is taken.
    pub fn connect(&self, port: &str, host: &Namespace, interface: &str, mac: &str, mtu: u16) -> Result<()> {
        let mtu = mtu.to_string();
        self.namespace.ip(&[
            "link",
            "add",
            port,
            "mtu",
            &mtu,
            "type",
            "veth",
            "peer",
            "name",
            interface,
            "mtu",
            &mtu,
            "address",
            mac,
            "netns",
            host.name(),
        ])?;
        self.set_receive_offload(port, true)?;
        self.attach(port)?;
        self.namespace.ip(&["link", "set", port, "up"]).map(drop)
    }

    /// GRO on the port gives the veth a NAPI there, without which a frame that an XDP program in the host sends back
    /// is lost silently.
    ///
    /// # Errors
    /// Without the port.
    pub fn set_receive_offload(&self, port: &str, on: bool) -> Result<()> {
        offload::set(&self.namespace, port, on)
    }

    /// Puts the port on the bridge.
    ///
    /// # Errors
    /// When it is not there.
    pub fn attach(&self, port: &str) -> Result<()> {
        self.namespace.ip(&["link", "set", port, "master", BRIDGE]).map(drop)
    }

    /// Whatever is for that MAC goes out of `port` from now on, and not back when it came in there.
    ///
    /// # Errors
    /// When the port is not on the bridge.
    pub fn place(&self, mac: &str, port: &str) -> Result<()> {
        let arguments = ["-n", self.namespace.name(), "fdb", "replace", mac, "dev", port, "master", "static"];
        succeed(Command::new("bridge").args(arguments)).map(drop)
    }

    /// Takes the port off the bridge: the host's carrier stays, nothing goes through.
    ///
    /// # Errors
    /// When it is not there.
    pub fn detach(&self, port: &str) -> Result<()> {
        self.namespace.ip(&["link", "set", port, "nomaster"]).map(drop)
    }

    /// Loses adverts on their way from one port to another; nothing else, and not on the way back.
    ///
    /// # Errors
    /// Without nft.
    pub fn lose(&self, from: &str, to: &str, loss: Loss) -> Result<()> {
        let share = match loss {
            Loss::All => "",
            Loss::Half => "numgen random mod 2 == 0 ",
        };
        let hook = "{ type filter hook forward priority 0; policy accept; }";
        let mut script = format!("add table bridge {TABLE}\nadd chain bridge {TABLE} cut {hook}\n");
        for advert in ["ip protocol vrrp", "ip6 nexthdr vrrp"] {
            script.push_str(&format!(
                "add rule bridge {TABLE} cut iifname {from} oifname {to} {advert} {share}drop\n"
            ));
        }
        succeed(self.namespace.command("nft").arg(script)).map(drop)
    }

    /// Ends every [`Self::lose`].
    ///
    /// # Errors
    /// When nothing is lost.
    pub fn heal(&self) -> Result<()> {
        succeed(self.namespace.command("nft").arg(format!("delete table bridge {TABLE}"))).map(drop)
    }

    /// Sets the port up or down: the host's carrier follows.
    ///
    /// # Errors
    /// When it is not there.
    pub fn set_carrier(&self, port: &str, up: bool) -> Result<()> {
        self.namespace.ip(&["link", "set", port, if up { "up" } else { "down" }]).map(drop)
    }
}

/// Where the kernel has it, each frame would be led through the firewall of IP as well, which doubles what a frame costs.
fn pass_firewall_by(namespace: &Namespace) -> Result<()> {
    for family in ["iptables", "ip6tables", "arptables"] {
        let path = format!("/proc/sys/net/bridge/bridge-nf-call-{family}");
        namespace.enter(|| match fs::write(&path, "0") {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            written => written.with_context(|| format!("write 0 to {path}")),
        })?;
    }
    Ok(())
}
