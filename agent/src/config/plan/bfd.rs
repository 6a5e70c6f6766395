//! Sessions of Bidirectional Forwarding Detection (RFC 5880). Nothing runs them yet.

use std::{net::IpAddr, time::Duration};

use serde::Serialize;

use super::json;

/// A `bfd_instance`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BfdPlan {
    /// Name of the block: at most 31 bytes.
    pub name: String,
    /// `neighbor_ip`. No two sessions have the same neighbour and source.
    pub neighbor: IpAddr,
    /// `source_ip`: of the same family.
    pub source: Option<IpAddr>,
    /// `min_rx`: Required Min RX Interval (RFC 5880 §4.1).
    #[serde(rename = "min_rx_us", serialize_with = "json::us")]
    pub min_rx: Duration,
    /// `min_tx`: Desired Min TX Interval while the session is up.
    #[serde(rename = "min_tx_us", serialize_with = "json::us")]
    pub min_tx: Duration,
    /// `idle_tx`: Desired Min TX Interval while it is not; one second at least (RFC 5880 §6.8.3).
    #[serde(rename = "idle_tx_us", serialize_with = "json::us")]
    pub idle_tx: Duration,
    /// `multiplier`: Detect Mult, not zero.
    pub multiplier: u8,
    /// `passive`: nothing is sent until the neighbour is heard.
    pub passive: bool,
    /// `ttl` or `hoplimit` of what is sent: not zero.
    pub ttl: u8,
    /// `max_hops`: how much lower than `ttl` that of what is received may be; `None`: it is not looked at.
    pub max_hops: Option<u8>,
    /// `multihop`: port 4784 (RFC 5883) instead of 3784 (RFC 5881).
    pub multihop: bool,
    /// `weight`: added to the priority of an instance that tracks it and does not say its own; 0: down means Fault.
    pub weight: i16,
    /// `reverse`: the sign applies to the other case.
    pub reverse: bool,
    /// Instances may track it.
    pub for_vrrp: bool,
    /// `BFD_CHECK` may name it.
    pub for_checkers: bool,
}
