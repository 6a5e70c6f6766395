//! The words of `global_defs` about SNMP and D-Bus.

use super::GlobalTerm;
use crate::config::keyword::{Kind, Word, words::word};

/// About SNMP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum SnmpTerm {
    Socket,
    Traps,
    Vrrp,
    Checker,
    Rfc,
    RfcV2,
    RfcV3,
    VirtualServerInterval,
    RealServerInterval,
}

/// About D-Bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum DbusTerm {
    Enable,
    ServiceName,
    NoInterfaceName,
}

const UPDATE: Kind = Kind::Seconds { least_us: 1_000, most_us: 30_000_000 };

const NO_SNMP: &str =
    "SNMP is not answered and no trap is sent; `--metrics` shows the same counters and states";
const NO_DBUS: &str = "nobody answers on D-Bus; `agent status -o json` shows the states";

const fn snmp(
    name: &'static str,
    kind: Kind,
    help: &'static str,
    example: &'static str,
    term: SnmpTerm,
) -> Word<GlobalTerm> {
    word(name, kind, help, example, GlobalTerm::Snmp(term)).not_yet(NO_SNMP)
}

const fn dbus(
    name: &'static str,
    kind: Kind,
    help: &'static str,
    example: &'static str,
    term: DbusTerm,
) -> Word<GlobalTerm> {
    word(name, kind, help, example, GlobalTerm::Dbus(term)).rare().not_yet(NO_DBUS)
}

pub(super) const WORDS: &[Word<GlobalTerm>] = &[
    snmp(
        "snmp_socket",
        Kind::MaybeText,
        "where the SNMP agent of the host listens",
        "snmp_socket udp:192.0.2.1:705",
        SnmpTerm::Socket,
    )
    .default("unix:/var/agentx/master"),
    snmp("enable_traps", Kind::Flag, "changes of state are sent as traps", "enable_traps", SnmpTerm::Traps),
    snmp(
        "enable_snmp_vrrp",
        Kind::Flag,
        "instances are shown by KEEPALIVED-MIB",
        "enable_snmp_vrrp",
        SnmpTerm::Vrrp,
    ),
    snmp(
        "enable_snmp_keepalived",
        Kind::Flag,
        "the old name of `enable_snmp_vrrp`",
        "enable_snmp_keepalived",
        SnmpTerm::Vrrp,
    )
    .same_as("enable_snmp_vrrp"),
    snmp(
        "enable_snmp_rfc",
        Kind::Flag,
        "instances are shown by the MIBs of RFC 2787 and RFC 6527",
        "enable_snmp_rfc",
        SnmpTerm::Rfc,
    ),
    snmp(
        "enable_snmp_rfcv2",
        Kind::Flag,
        "instances are shown by the MIB of RFC 2787",
        "enable_snmp_rfcv2",
        SnmpTerm::RfcV2,
    ),
    snmp(
        "enable_snmp_rfcv3",
        Kind::Flag,
        "instances are shown by the MIB of RFC 6527",
        "enable_snmp_rfcv3",
        SnmpTerm::RfcV3,
    ),
    snmp(
        "enable_snmp_checker",
        Kind::Flag,
        "virtual and real servers are shown by KEEPALIVED-MIB",
        "enable_snmp_checker",
        SnmpTerm::Checker,
    ),
    snmp(
        "snmp_vs_stats_update_interval",
        UPDATE,
        "the counters of virtual servers are at most this old",
        "snmp_vs_stats_update_interval 5",
        SnmpTerm::VirtualServerInterval,
    )
    .default("5")
    .rare()
    .since("2.3"),
    snmp(
        "snmp_rs_stats_update_interval",
        UPDATE,
        "the counters of real servers are at most this old",
        "snmp_rs_stats_update_interval 5",
        SnmpTerm::RealServerInterval,
    )
    .default("5")
    .rare()
    .since("2.3"),
    dbus("enable_dbus", Kind::Flag, "instances are shown on D-Bus", "enable_dbus", DbusTerm::Enable),
    dbus(
        "dbus_service_name",
        Kind::Text,
        "name of the service",
        "dbus_service_name org.keepalived.Vrrp1",
        DbusTerm::ServiceName,
    )
    .default("org.keepalived.Vrrp1"),
    dbus(
        "dbus_no_interface_name",
        Kind::Text,
        "stands for the interface of an instance that has none",
        "dbus_no_interface_name none",
        DbusTerm::NoInterfaceName,
    )
    .default("none")
    .since("2.3"),
];
