//! What is balanced to what: virtual servers, their groups and their real servers. How a real server is checked is
//! [`super::checker`].
//!
//! All of it is resolved: what a real server or a check does not say has come from the virtual server. Nothing balances
//! by it yet.

use std::{
    net::IpAddr,
    num::{NonZeroU16, NonZeroU32},
    time::Duration,
};

use regent_common::Family;
use serde::Serialize;

use super::{CheckerPlan, Command, json};

/// A `virtual_server`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VirtualServerPlan {
    /// What it serves. No two virtual servers share any of it for one protocol.
    pub service: ServicePlan,
    /// Family of the service; real servers that are not tunnelled have it too.
    #[serde(serialize_with = "json::family")]
    pub family: Family,
    /// `protocol`; `None`: a fwmark stands for packets of any protocol.
    pub protocol: Option<Protocol>,
    /// `lb_algo`.
    pub scheduler: Scheduler,
    /// `flag-1`, `flag-2`, `flag-3` and their names per scheduler.
    pub scheduler_flags: SchedulerFlags,
    /// `ops`: each UDP packet is scheduled by itself.
    pub one_packet: bool,
    /// `persistence_*`: clients stay with their real server.
    pub persistence: Option<Persistence>,
    /// `quorum`: weight of live real servers; at most the weight of all.
    pub quorum: u32,
    /// `hysteresis`: up at quorum plus this, down below quorum minus this; less than the quorum.
    pub hysteresis: u32,
    /// `quorum_up`.
    pub quorum_up: Option<Box<Command>>,
    /// `quorum_down`.
    pub quorum_down: Option<Box<Command>>,
    /// `sorry_server`: serves while the quorum is missed.
    pub sorry_server: Option<SorryServerPlan>,
    /// `ha_suspend`: checks run only while the address is on this host.
    pub ha_suspend: bool,
    /// `omega`: commands for down are run at the stop.
    pub omega: bool,
    /// `smtp_alert`: mail when the quorum is gained or lost.
    pub smtp_alert: bool,
    /// `snmp_name`.
    pub snmp_name: Option<String>,
    /// At least one, each once, in the order of the config.
    pub real_servers: Vec<RealServerPlan>,
}

/// What a virtual server serves.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ServicePlan {
    /// An address and a port.
    Endpoint(Endpoint),
    /// Packets with this firewall mark.
    Fwmark(u32),
    /// All of the [`ServerGroupPlan`] of that name, which exists.
    Group(String),
}

/// An address and a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Endpoint {
    /// The address.
    pub address: IpAddr,
    /// The port; `None`: all of a service, and on a real server that of the service.
    pub port: Option<NonZeroU16>,
}

/// A `virtual_server_group` that a virtual server names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServerGroupPlan {
    /// Its name.
    pub name: String,
    /// At least one, in the order of the config.
    pub entries: Vec<GroupEntry>,
}

/// A line of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupEntry {
    /// Addresses, each with that port.
    Addresses {
        /// The first.
        first: IpAddr,
        /// The last, of the same family and not lower.
        last: IpAddr,
        /// The port; `None`: all.
        port: Option<NonZeroU16>,
    },
    /// Packets with a firewall mark.
    Fwmark {
        /// The mark.
        mark: u32,
        /// Of that family; `None`: of the virtual server's.
        #[serde(serialize_with = "json::maybe_family")]
        family: Option<Family>,
    },
}

/// What is balanced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

/// How a real server is chosen: IPVS's, by IPVS's names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scheduler {
    /// Round robin.
    Rr,
    /// Weighted round robin.
    Wrr,
    /// Least connections.
    Lc,
    /// Weighted least connections.
    #[default]
    Wlc,
    /// Locality-based least connections.
    Lblc,
    /// The same with replication.
    Lblcr,
    /// Hash of the source.
    Sh,
    /// Maglev hash of the source.
    Mh,
    /// Hash of the destination.
    Dh,
    /// Weighted failover: the heaviest.
    Fo,
    /// Weighted overflow: the heaviest until it is full.
    Ovf,
    /// Shortest expected delay.
    Sed,
    /// Never queue.
    Nq,
    /// Power of two choices.
    Twos,
}

/// Flags whose meaning is the scheduler's. `sh-port` and `mh-port` are the second, `sh-fallback` and `mh-fallback` the
/// first, as in IPVS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SchedulerFlags {
    /// The first: with sh and mh, go on to the next real server when one has weight 0.
    pub first: bool,
    /// The second: with sh and mh, hash the port too.
    pub second: bool,
    /// The third.
    pub third: bool,
}

/// How clients stay with their real server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Persistence {
    /// How long after the last connection, in whole seconds.
    #[serde(rename = "timeout_us", serialize_with = "json::us")]
    pub timeout: Duration,
    /// Clients with so many bits in common stay together: 32 or 128 means each by itself.
    pub prefix_length: u8,
    /// `persistence_engine sip`: clients are told apart by their Call-ID.
    pub sip: bool,
}

/// How packets reach a real server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Forwarding {
    /// The destination is rewritten, and the answer comes back through this host.
    #[default]
    Nat,
    /// The destination MAC alone: the real server bears the address too.
    Dr,
    /// In a tunnel.
    Tun(ServerTunnel),
}

/// A tunnel to a real server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ServerTunnel {
    /// IP in IP.
    Ipip,
    /// Generic UDP encapsulation.
    Gue {
        /// UDP port of the far end.
        port: NonZeroU16,
        /// Of the outer header.
        checksum: TunnelChecksum,
    },
    /// Generic routing encapsulation.
    Gre {
        /// Of the outer header; never remote.
        checksum: TunnelChecksum,
    },
}

/// The checksum of an outer header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TunnelChecksum {
    /// `nocsum`.
    #[default]
    None,
    /// `csum`.
    Full,
    /// `remcsum`: the inner checksum is offloaded to the far end.
    Remote,
}

/// A `sorry_server`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SorryServerPlan {
    /// Where it is.
    pub endpoint: Endpoint,
    /// `sorry_server_lvs_method`.
    pub forwarding: Forwarding,
    /// `sorry_server_inhibit`: it stays in the table with weight 0 while it is not needed.
    pub inhibits: bool,
}

/// A `real_server`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RealServerPlan {
    /// Where it is.
    pub endpoint: Endpoint,
    /// `weight`: 0 takes no new connections.
    pub weight: u32,
    /// `lvs_method`.
    pub forwarding: Forwarding,
    /// `uthreshold`: no new connections from so many on.
    pub upper_threshold: Option<NonZeroU32>,
    /// `lthreshold`: new ones again below so many.
    pub lower_threshold: Option<NonZeroU32>,
    /// `inhibit_on_failure`: weight 0 instead of removal while it is down.
    pub inhibits: bool,
    /// `notify_up`.
    pub notify_up: Option<Box<Command>>,
    /// `notify_down`.
    pub notify_down: Option<Box<Command>>,
    /// `smtp_alert`: mail when it goes up or down.
    pub smtp_alert: bool,
    /// `snmp_name`.
    pub snmp_name: Option<String>,
    /// It is up while all of them succeed; none: always.
    pub checkers: Vec<CheckerPlan>,
}
