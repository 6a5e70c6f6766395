//! What the two agents say to each other, and the order of it.
//!
//! 1. Old: [`Letter::Belongings`], [`Letter::Claims`]. What they carry are second handles: nothing is lost by a successor
//!    that fails.
//! 2. New, when it has read its config, loaded its program, opened its sockets, and waits: [`Letter::Ready`]. Or
//!    [`Letter::Failed`], at any time.
//! 3. Old: stops where it stands, and sends [`Letter::Will`].
//! 4. New: [`Letter::Accepted`], and does nothing yet.
//! 5. Old: [`Letter::Farewell`]. From here on it is the new one's. An old agent that hears nothing in time says
//!    [`Letter::Abandoned`] instead and goes on; the new one ends.
//!
//! One that is cut off after step 4 by the death of the other goes on: nobody else is left to.

use std::{collections::BTreeMap, net::IpAddr};

use serde::{Deserialize, Serialize};

use super::memory::{Gate, HeardSource, Machine, Parameters};

/// Counts what an older or newer agent would not understand; fields that are new, or not known, are no reason to.
pub const PROTOCOL: u32 = 1;

/// A letter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Letter {
    /// What belongs to the run directory. Descriptors: its lock, the control socket and, if `metrics`, the listener for
    /// metrics; if `pins`, the lock of the pins.
    Belongings {
        /// What the sender speaks, as counted above.
        protocol: u32,
        /// Who sends it.
        pid: u32,
        /// There is a listener for metrics.
        metrics: bool,
        /// There are pins.
        #[serde(default)]
        pins: bool,
        /// How many groups will come by [`Letter::Claims`].
        claims: usize,
    },
    /// Groups that are ours alone on this host, by name. Descriptors: each.
    Claims {
        /// See [`crate::net::vrid_claim`].
        names: Vec<String>,
    },
    /// It could take over now.
    Ready {
        /// Which groups it will speak for. The old one gives up the others.
        groups: Vec<Group>,
    },
    /// It cannot, and ends.
    Failed {
        /// Why.
        sentence: String,
    },
    /// All that the old one knows. Descriptors: a file with the will, and the links in the order of their list.
    Will,
    /// It knows all that now.
    Accepted,
    /// The old one speaks no more.
    Farewell,
    /// The old one goes on.
    Abandoned {
        /// Why.
        sentence: String,
    },
    /// One that this version does not know.
    #[serde(other)]
    Unknown,
}

/// What names an instance, whatever its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Group {
    /// Interface.
    pub interface: String,
    /// 4 or 6.
    pub family: u8,
    /// VRID.
    pub vrid: u8,
}

/// All that an agent knows at one moment. Nothing in it depends on how maps are laid out or on what order instances have.
/// Times are nanoseconds of CLOCK_MONOTONIC, which all processes share.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Will {
    /// When that was.
    pub frozen: u64,
    /// When instances take part, if they do not yet.
    #[serde(default)]
    pub start_at: Option<u64>,
    /// The ports.
    #[serde(default)]
    pub ports: Vec<Port>,
    /// The links between programs and ports, in the order of the descriptors.
    #[serde(default)]
    pub links: Vec<Link>,
    /// The instances.
    pub instances: Vec<Instance>,
}

/// A port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Port {
    /// Its name.
    pub name: String,
    /// Why it does not stand on a better rung.
    #[serde(default)]
    pub reason: String,
    /// How often a carrier was lost.
    #[serde(default)]
    pub losses: u64,
    /// How answers leave it; one of [`regent_common::map::way`].
    #[serde(default)]
    pub way: u32,
    /// Virtual MACs that its card takes frames for.
    #[serde(default)]
    pub virtual_macs: Vec<[u8; 6]>,
    /// One of them made the card take every frame.
    #[serde(default)]
    pub promiscuous: bool,
}

/// A link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Where it hooks; see [`crate::net::xdp::Hook::word`].
    pub hook: String,
    /// The port.
    pub ifindex: u32,
}

/// An instance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Instance {
    /// Which.
    pub group: Group,
    /// It was told to take part.
    pub started: bool,
    /// The machine; absent before it was started.
    pub machine: Option<Machine>,
    /// The parameters that the machine had.
    pub parameters: Parameters,
    /// Addresses that it holds.
    #[serde(default)]
    pub addresses: Vec<Address>,
    /// Announcements under way: how often each address is to be announced yet.
    #[serde(default)]
    pub announcing: u8,
    /// Why the state was entered.
    #[serde(default)]
    pub why: String,
    /// When.
    #[serde(default)]
    pub since: u64,
    /// The same by the wall clock.
    #[serde(default)]
    pub since_unix_ms: u64,
    /// When to ask whether anybody else has its addresses.
    #[serde(default)]
    pub probe_at: Option<u64>,
    /// The gate.
    #[serde(default)]
    pub gate: Option<Gate>,
    /// What it counted, by name.
    #[serde(default)]
    pub statistics: BTreeMap<String, u64>,
    /// What its carriers counted, by name.
    #[serde(default)]
    pub counters: BTreeMap<String, u64>,
    /// Who was heard.
    #[serde(default)]
    pub sources: Vec<HeardSource>,
    /// What it depends on, as last told.
    #[serde(default)]
    pub trackers: Vec<Tracker>,
}

/// An address that is on the host because of us.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// Interface.
    pub device: String,
    /// The address.
    pub address: IpAddr,
    /// Its prefix length.
    pub prefix_length: u8,
}

/// The last verdict of a tracker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tracker {
    /// script or interface.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The verdict.
    pub good: bool,
    /// What was said with it.
    #[serde(default)]
    pub detail: Option<String>,
}
