//! A route to set: where to, through what, and how it is used.

use std::{fmt, net::IpAddr, time::Duration};

use regent_common::Family;
use serde::{Serialize, Serializer};

use super::json;

/// Addresses that begin alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix {
    /// The network; bits past the length are zero.
    pub address: IpAddr,
    /// Bits that count: up to 32, or 128.
    pub length: u8,
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

impl Serialize for Prefix {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        json::text(self, to)
    }
}

/// A route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RoutePlan {
    /// Of its destination.
    #[serde(serialize_with = "json::family")]
    pub family: Family,
    /// What becomes of packets that take it.
    pub kind: RouteKind,
    /// Packets to these addresses take it.
    pub destination: Prefix,
    /// Packets from these addresses alone; IPv6 only.
    pub from: Option<Prefix>,
    /// `src`: the address that this host's own packets come from.
    pub source: Option<IpAddr>,
    /// The table that it stands in.
    pub table: RouteTable,
    /// `scope` as rtnetlink's number; `None`: what follows from the rest, as `ip route` has it.
    pub scope: Option<u8>,
    /// `protocol`: who set it, as rtnetlink's number; `None`: the agent's own.
    pub protocol: Option<u8>,
    /// `tos`: packets of this type of service alone; 0: all.
    pub tos: u8,
    /// `metric`: of two routes to one destination the lower one is taken; `None`: the kernel's default.
    pub metric: Option<u32>,
    /// Where packets go next. None: kinds that send nothing. Several: packets are shared out by weight.
    pub hops: Vec<NextHop>,
    /// What is known of the way.
    #[serde(skip_serializing_if = "RouteMetrics::is_empty")]
    pub metrics: RouteMetrics,
    /// `realms` of the whole route.
    pub realms: Option<Realms>,
    /// `pref`: IPv6 only.
    pub preference: Option<RouterPreference>,
    /// `expires`: the kernel forgets it after so long; IPv6 only.
    #[serde(rename = "expires_us", serialize_with = "json::maybe_us")]
    pub expires: Option<Duration>,
    /// `ttl-propagate`: whether MPLS takes the TTL over.
    pub propagates_ttl: Option<bool>,
    /// Where it goes among routes to the same destination.
    pub placement: Placement,
    /// Somebody who removes it is noticed; `no_track` says no.
    pub tracks: bool,
}

/// What becomes of packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RouteKind {
    /// They go to the next hop.
    #[default]
    Unicast,
    /// They are for this host.
    Local,
    /// They are for all hosts of a link.
    Broadcast,
    /// They are for this host, as one of several.
    Anycast,
    /// They are for a group.
    Multicast,
    /// They are dropped.
    Blackhole,
    /// They are dropped, and the sender is told that the host is unreachable.
    Unreachable,
    /// They are dropped, and the sender is told that this is forbidden.
    Prohibit,
    /// The search goes on in the next table.
    Throw,
}

impl RouteKind {
    /// Packets that take it go nowhere: it has no next hop.
    pub const fn is_dead_end(self) -> bool {
        match self {
            Self::Blackhole | Self::Unreachable | Self::Prohibit | Self::Throw => true,
            Self::Unicast | Self::Local | Self::Broadcast | Self::Anycast | Self::Multicast => false,
        }
    }
}

/// A table of routes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RouteTable {
    /// By number: 253 default, 254 main, 255 local.
    Number(u32),
    /// That of a VRF, by the name of its interface.
    Vrf(String),
}

/// Linux: RT_TABLE_MAIN.
pub(in crate::config) const MAIN_TABLE: u32 = 254;

impl Default for RouteTable {
    fn default() -> Self {
        Self::Number(MAIN_TABLE)
    }
}

/// Where packets go next.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct NextHop {
    /// `via`: the router; `None`: the destination is on the link.
    pub via: Option<IpAddr>,
    /// `dev`; `None`: the interface that leads to the router.
    pub device: Option<String>,
    /// `weight`: its share of the packets, 1..=256, among several next hops. `None`: 1.
    pub weight: Option<u16>,
    /// `onlink`: the router is on the link although no address says so.
    pub on_link: bool,
    /// `realms` of this hop.
    pub realms: Option<Realms>,
    /// `encap`: what packets are wrapped in.
    pub encapsulation: Option<Box<Encapsulation>>,
}

/// Numbers by which traffic is sorted, of senders and receivers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Realms {
    /// Of the sender; 0: not said.
    pub from: u8,
    /// Of the receiver.
    pub to: u8,
}

/// RFC 4191 §2.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RouterPreference {
    /// Below others.
    Low,
    /// As others.
    Medium,
    /// Above others.
    High,
}

/// Where a route goes among routes to the same destination.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Placement {
    /// Before them: `prepend`, and when nothing is said, as keepalived has it.
    #[default]
    First,
    /// After them: `append`.
    Last,
    /// Only when there is none: `add`.
    Alone,
}

/// A number that the kernel keeps of a route, and whether it may learn another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct RouteMetric {
    /// The number.
    pub value: u32,
    /// `lock`: the kernel does not change it.
    pub locked: bool,
}

/// A time that the kernel keeps of a route, and whether it may learn another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct RouteTime {
    /// The time.
    #[serde(rename = "value_us", serialize_with = "json::us")]
    pub value: Duration,
    /// `lock`: the kernel does not change it.
    pub locked: bool,
}

/// What is known of the way; what is not said is the kernel's to learn.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RouteMetrics {
    /// Bytes of a packet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mtu: Option<RouteMetric>,
    /// `hoplimit`; 0: that of the interface.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hop_limit: Option<u32>,
    /// `advmss`: bytes of a TCP segment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advertised_mss: Option<RouteMetric>,
    /// `rtt`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub round_trip: Option<RouteTime>,
    /// `rttvar`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub round_trip_variance: Option<RouteTime>,
    /// `rto_min`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub least_timeout: Option<RouteTime>,
    /// Segments that may arrive out of order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reordering: Option<RouteMetric>,
    /// Bytes of the largest TCP window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<u32>,
    /// Segments of the congestion window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub congestion_window: Option<RouteMetric>,
    /// `initcwnd`: segments of the first congestion window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_congestion_window: Option<u32>,
    /// `initrwnd`: segments of the first receive window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_receive_window: Option<u32>,
    /// `ssthresh`: segments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slow_start_threshold: Option<RouteMetric>,
    /// `quickack`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quick_ack: Option<bool>,
    /// `fastopen_no_cookie`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fast_open_without_cookie: Option<bool>,
    /// `congctl`: the name of a congestion control.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub congestion_control: Option<CongestionControl>,
    /// `features ecn`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub congestion_notification: bool,
}

impl RouteMetrics {
    /// Nothing is known.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// `congctl`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CongestionControl {
    /// The kernel's name of it.
    pub name: String,
    /// `lock`: a socket cannot choose another.
    pub locked: bool,
}

/// What packets are wrapped in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Encapsulation {
    /// MPLS labels, the outermost first; at least one.
    Mpls {
        /// 0..=1048575 each.
        labels: Vec<u32>,
    },
    /// A tunnel over IPv4 or IPv6.
    Tunnel(Tunnel),
    /// Identifier-locator addressing.
    Ila {
        /// The upper half of the address.
        locator: u64,
    },
}

/// A tunnel of `encap ip` or `encap ip6`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tunnel {
    /// Of its ends.
    #[serde(serialize_with = "json::family")]
    pub family: Family,
    /// `id`.
    pub id: Option<u64>,
    /// `dst`: the far end.
    pub destination: Option<IpAddr>,
    /// `src`: the near end.
    pub source: Option<IpAddr>,
    /// `tos`, or `tc`.
    pub tos: Option<u8>,
    /// `ttl`, or `hoplimit`.
    pub ttl: Option<u8>,
    /// `flags`, as rtnetlink's bits.
    pub flags: Option<u16>,
}
