//! The state of the agent at one moment: what `status` shows and metrics export. The VRRP thread fills it on request.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{
    data_plane::{DeadMan, Hook, Mode, Responder},
    observation::Carrier,
    reload::ReloadStatus,
    tally::Tally,
};

/// The whole agent. `schema` changes when a field changes its meaning or goes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Snapshot {
    /// "v1".
    pub schema: String,
    /// Version of the agent.
    pub version: String,
    /// Process.
    pub pid: u32,
    /// `router_id`.
    pub router_id: Option<String>,
    /// True when nothing is sent, assigned or dropped.
    pub observing: bool,
    /// The config file; absent when flags said everything.
    pub config: Option<String>,
    /// Milliseconds since the start.
    pub uptime_ms: u64,
    /// When this was taken: Unix time in milliseconds.
    #[serde(default)]
    pub taken_unix_ms: u64,
    /// Interfaces in use.
    pub ports: Vec<PortStatus>,
    /// Virtual routers, in the order of the config.
    pub instances: Vec<InstanceStatus>,
    /// Groups on the wire that are not configured here.
    pub heard: Vec<HeardStatus>,
    /// The loop itself.
    pub turn: TurnStatus,
    /// What the kernel can, as found at the start.
    #[serde(default)]
    pub kernel: Vec<FeatureStatus>,
    /// What became of reloads.
    #[serde(default)]
    pub reload: ReloadStatus,
}

/// Something that the kernel can do, or cannot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeatureStatus {
    /// What.
    pub name: String,
    /// Whether, or how.
    pub state: String,
    /// What that takes away; empty when nothing.
    pub consequence: String,
}

/// One interface.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PortStatus {
    /// Name.
    pub name: String,
    /// Kernel index; 0 while absent.
    pub ifindex: u32,
    /// Up, with carrier.
    pub up: bool,
    /// Where adverts come from.
    pub carrier: Carrier,
    /// Why it is not a better one; empty for native XDP.
    pub carrier_reason: String,
    /// Address adverts are sent from.
    pub source: Option<IpAddr>,
    /// How often the carrier was lost while running.
    pub carrier_losses: u64,
    /// Who answers ARP and neighbour solicitations for virtual addresses.
    #[serde(default)]
    pub responder: Responder,
    /// What happens when the agent stops without a word.
    #[serde(default)]
    pub dead_man: DeadMan,
    /// The tc program that keeps what leaves in the name of silent addresses.
    #[serde(default)]
    pub tc_egress: Hook,
    /// The tc program that hands over frames to virtual MACs.
    #[serde(default)]
    pub tc_ingress: Hook,
    /// Virtual MACs in the card's filter by the agent.
    #[serde(default)]
    pub virtual_macs: Vec<String>,
    /// One of them made the card take every frame.
    #[serde(default)]
    pub promiscuous: bool,
}

/// One virtual router.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InstanceStatus {
    /// Name of the block.
    pub name: String,
    /// Interface.
    pub interface: String,
    /// VRID.
    pub vrid: u8,
    /// 4 or 6.
    pub family: u8,
    /// 2 or 3.
    pub version: u8,
    /// What its adverts are sent from, while there is an address for it.
    #[serde(default)]
    pub source: Option<IpAddr>,
    /// Where they are sent to: the group, or the unicast peers.
    #[serde(default)]
    pub destinations: Vec<IpAddr>,
    /// INIT, BACKUP, MASTER or FAULT.
    pub state: String,
    /// Why, as a sentence.
    pub why: String,
    /// Since when: Unix time in milliseconds.
    pub since_unix_ms: u64,
    /// For how long, in milliseconds.
    pub since_ms: u64,
    /// Priority of the config.
    pub priority_base: u8,
    /// Priority after trackers.
    pub priority_effective: u8,
    /// Our interval, in milliseconds.
    pub interval_ms: u64,
    /// `garp_master_delay`: from becoming Active to the second batch of announcements, in milliseconds.
    pub announce_delay_ms: u64,
    /// Who is Active: the peer, or nobody known, or ourselves.
    pub active: Option<ActiveStatus>,
    /// The virtual addresses.
    pub addresses: Vec<AddressStatus>,
    /// Adverts sent, with those of priority 0.
    pub adverts_sent: u64,
    /// Adverts sent with priority 0.
    pub priority_zero_sent: u64,
    /// Addresses that somebody else removed and that were put back.
    #[serde(default)]
    pub addresses_restored: u64,
    /// Gratuitous ARP and unsolicited neighbour advertisements sent.
    #[serde(default)]
    pub announcements_sent: u64,
    /// Accepted adverts probably lost, of all sources.
    pub adverts_lost: u64,
    /// Counters by label: see `regent_common::Counter`; rejections are apart.
    pub counters: Tally,
    /// Rejected adverts by reason; every reason is there.
    pub rejected: Tally,
    /// Times it became Active.
    pub became_master: u64,
    /// Times it ceased to be Active.
    pub released_master: u64,
    /// Transitions by state entered.
    pub transitions: Tally,
    /// Who was heard.
    pub sources: Vec<SourceStatus>,
    /// What it depends on.
    pub trackers: Vec<TrackerStatus>,
    /// What is wrong and what to do about it, as sentences.
    pub troubles: Vec<String>,
    /// Whether the data plane speaks for it; absent without an XDP program.
    #[serde(default)]
    pub mode: Option<Mode>,
    /// The data plane falls silent when its newest advert is older, in milliseconds; 0: never.
    #[serde(default)]
    pub gate_ms: u64,
    /// The MAC that answers and announcements for its addresses carry, while its interface exists.
    #[serde(default)]
    pub mac: Option<String>,
}

/// Who is Active.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ActiveStatus {
    /// Address adverts come from.
    pub source: IpAddr,
    /// Priority advertised.
    pub priority: u8,
    /// We are it.
    pub local: bool,
}

/// A virtual address.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AddressStatus {
    /// `ADDRESS/LENGTH`.
    pub address: String,
    /// Interface it belongs on.
    pub device: String,
    /// It is there, by us.
    pub assigned: bool,
    /// It is there, but not by us.
    pub foreign: bool,
    /// Not named in adverts.
    pub excluded: bool,
    /// ARP requests and neighbour solicitations for it that the XDP program saw.
    #[serde(default)]
    pub requests: u64,
    /// Of those, answered by the XDP program.
    #[serde(default)]
    pub replies: u64,
}

/// A source of adverts.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SourceStatus {
    /// Its address.
    pub source: IpAddr,
    /// Priority of its newest advert.
    pub priority: u8,
    /// Interval of its newest advert, in milliseconds.
    pub interval_ms: u64,
    /// Version 3 over IPv4: the form of its checksum: `rfc5798`, `rfc9568` or `old_unicast`.
    #[serde(default)]
    pub checksum: Option<String>,
    /// Adverts accepted.
    pub received: u64,
    /// Adverts probably lost.
    pub lost: u64,
    /// Silences of more than three and a half intervals.
    pub silences: u64,
    /// Milliseconds since the newest.
    pub age_ms: u64,
}

/// A tracker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TrackerStatus {
    /// "script" or "interface".
    pub kind: String,
    /// Name.
    pub name: String,
    /// Good; absent until known.
    pub good: Option<bool>,
    /// A script runs at this moment.
    pub running: bool,
    /// 0: Fault while bad.
    pub weight: i32,
}

/// A group on the wire that is not configured here.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HeardStatus {
    /// Interface.
    pub interface: String,
    /// VLAN, 0 for none.
    pub vlan: u16,
    /// 4 or 6.
    pub family: u8,
    /// 0 when it could not be read.
    pub vrid: u8,
    /// The sender.
    pub source: IpAddr,
    /// Version on the wire.
    pub version: u8,
    /// Priority of the newest.
    pub priority: u8,
    /// Interval of the newest, in milliseconds; 0 before a good one.
    pub interval_ms: u64,
    /// Number of addresses.
    pub addresses: u8,
    /// Good adverts.
    pub received: u64,
    /// Adverts probably lost.
    pub lost: u64,
    /// Bad ones by reason; only those that occurred.
    pub rejected: Tally,
    /// Milliseconds since the newest.
    pub age_ms: u64,
}

/// The loop.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct TurnStatus {
    /// Turns taken.
    pub turns: u64,
    /// The latest that a deadline was fired, in nanoseconds.
    pub worst_lateness_ns: u64,
    /// Observations that nobody took in time.
    pub observations_dropped: u64,
    /// Real-time scheduling was granted.
    pub realtime: bool,
    /// Memory is locked.
    pub memory_locked: bool,
}
