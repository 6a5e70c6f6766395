//! What `global_defs` says about balancing.

use std::net::IpAddr;

use serde::Serialize;

/// About balancing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct IpvsPlan {
    /// `lvs_sync_daemon`.
    pub sync_daemon: Option<SyncDaemonPlan>,
    /// `lvs_timeouts`.
    pub timeouts: IpvsTimeouts,
    /// `lvs_flush`.
    pub flush: bool,
    /// `lvs_flush_on_stop`.
    pub flush_on_stop: Option<FlushOnStop>,
    /// `checker_log_all_failures`.
    pub logs_all_failures: bool,
    /// `rs_init_notifies`.
    pub notifies_initially: bool,
}

/// Connections are told to the other balancers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SyncDaemonPlan {
    /// By this interface.
    pub interface: String,
    /// Whoever is master of this instance tells, the others listen; absent: this host does both.
    pub instance: Option<String>,
    /// `id`; absent: the VRID of the instance, or 0.
    pub id: Option<u8>,
    /// `maxlen`: 1 to 65507 bytes.
    pub longest: Option<u16>,
    /// `port`; absent: 8848.
    pub port: Option<u16>,
    /// `ttl`: 1 to 255.
    pub ttl: Option<u8>,
    /// `group`: multicast; absent: 224.0.0.81.
    pub group: Option<IpAddr>,
}

/// How long idle connections are remembered, in seconds: 0 to 2678400; absent: as the kernel has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct IpvsTimeouts {
    /// `tcp`.
    pub tcp_seconds: Option<u32>,
    /// `tcpfin`.
    pub tcpfin_seconds: Option<u32>,
    /// `udp`.
    pub udp_seconds: Option<u32>,
}

/// How balancing ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FlushOnStop {
    /// All at once.
    Everything,
    /// Virtual server by virtual server.
    VirtualServers,
}
