//! Words about SNMP and D-Bus.

use crate::config::{
    keyword::{DbusTerm, GlobalTerm, SnmpTerm},
    model::{Reader, reader::Entry},
    plan::{DbusPlan, SnmpPlan},
};

const FIVE: &str = "5 seconds are meant";

pub(super) fn snmp(
    reader: &mut Reader<'_>,
    entry: &Entry<'_, GlobalTerm>,
    term: SnmpTerm,
    snmp: &mut SnmpPlan,
) {
    match term {
        SnmpTerm::Socket => snmp.socket = reader.filled(entry),
        SnmpTerm::Traps => snmp.traps = true,
        SnmpTerm::Vrrp => snmp.vrrp = true,
        SnmpTerm::Checker => snmp.checker = true,
        SnmpTerm::Rfc => (snmp.rfc_v2, snmp.rfc_v3) = (true, true),
        SnmpTerm::RfcV2 => snmp.rfc_v2 = true,
        SnmpTerm::RfcV3 => snmp.rfc_v3 = true,
        SnmpTerm::VirtualServerInterval => snmp.virtual_server_interval = reader.duration(entry, FIVE),
        SnmpTerm::RealServerInterval => snmp.real_server_interval = reader.duration(entry, FIVE),
    }
}

pub(super) fn dbus(
    reader: &mut Reader<'_>,
    entry: &Entry<'_, GlobalTerm>,
    term: DbusTerm,
    dbus: &mut DbusPlan,
) {
    match term {
        DbusTerm::Enable => dbus.enabled = true,
        DbusTerm::ServiceName => dbus.service = reader.filled(entry),
        DbusTerm::NoInterfaceName => dbus.no_interface = reader.filled(entry),
    }
}
