//! SNMP and D-Bus.

use std::time::Duration;

use serde::Serialize;

use super::json;

/// SNMP.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SnmpPlan {
    /// `snmp_socket`; absent: `unix:/var/agentx/master`.
    pub socket: Option<String>,
    /// `enable_traps`.
    pub traps: bool,
    /// `enable_snmp_vrrp`.
    pub vrrp: bool,
    /// `enable_snmp_checker`.
    pub checker: bool,
    /// `enable_snmp_rfc` or `enable_snmp_rfcv2`: RFC 2787.
    pub rfc_v2: bool,
    /// `enable_snmp_rfc` or `enable_snmp_rfcv3`: RFC 6527.
    pub rfc_v3: bool,
    /// `snmp_vs_stats_update_interval`: 1 ms to 30 s; absent: 5 s.
    #[serde(rename = "virtual_server_interval_us", serialize_with = "json::maybe_us")]
    pub virtual_server_interval: Option<Duration>,
    /// `snmp_rs_stats_update_interval`: 1 ms to 30 s; absent: 5 s.
    #[serde(rename = "real_server_interval_us", serialize_with = "json::maybe_us")]
    pub real_server_interval: Option<Duration>,
}

/// D-Bus.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DbusPlan {
    /// `enable_dbus`.
    pub enabled: bool,
    /// `dbus_service_name`; absent: `org.keepalived.Vrrp1`.
    pub service: Option<String>,
    /// `dbus_no_interface_name`; absent: `none`.
    pub no_interface: Option<String>,
}
