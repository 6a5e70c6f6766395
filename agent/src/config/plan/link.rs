//! Interfaces that an instance asks for beside the one that it is on.

use std::{fmt, net::IpAddr};

use serde::{Serialize, Serializer};

use super::json;

/// What an instance asks of interfaces.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LinkPlan {
    /// `use_vmac`, `use_ipvlan`: an interface of its own. Boxed: most instances have none.
    pub own: Option<Box<OwnInterface>>,
    /// `use_vmac_addr`: one more on each interface that an address names.
    pub own_for_addresses: bool,
    /// `vmac_xmit_base`: adverts do not use the interface of its own; always so with unicast.
    pub adverts_below: bool,
    /// `vrf`: the VRF of an instance that names no interface.
    pub vrf: Option<String>,
    /// `promote_secondaries`: an address that goes does not take others of its network along.
    pub promotes_secondaries: bool,
    /// `linkbeat_use_polling`: the driver is asked for the link again and again.
    pub polls: bool,
    /// `lvs_sync_daemon_interface`: connections of the balancer are synchronised here.
    pub sync_interface: Option<String>,
}

/// An interface that an instance makes for itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OwnInterface {
    /// `use_vmac`.
    Vmac(Vmac),
    /// `use_ipvlan`.
    Ipvlan(Ipvlan),
}

/// `use_vmac`: a macvlan with the MAC of the virtual router.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Vmac {
    /// Its name; `None`: `vrrp.` and the VRID.
    pub name: Option<String>,
    /// Its MAC; `None`: that of the VRID (RFC 9568 §7.3).
    pub mac: Option<Mac>,
    /// `netlink_notify_msg`: others on the host are told of the interface below as well.
    pub notifies: bool,
    /// `group`: its group, by number; `None`: that of the interface below.
    pub group: Option<u32>,
}

/// `use_ipvlan`: an ipvlan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Ipvlan {
    /// Its name; `None`: `vrrp.` and the VRID.
    pub name: Option<String>,
    /// The address that adverts come from.
    pub address: Option<IpAddr>,
    /// How those of one interface reach each other.
    pub mode: IpvlanMode,
    /// `group`: its group, by number; `None`: that of the interface below.
    pub group: Option<u32>,
}

/// How ipvlans of one interface reach each other: the same for all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum IpvlanMode {
    /// Directly.
    #[default]
    Bridge,
    /// Not at all.
    Private,
    /// Through the switch.
    Vepa,
}

/// A MAC address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mac(pub [u8; 6]);

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl Serialize for Mac {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        json::text(self, to)
    }
}
