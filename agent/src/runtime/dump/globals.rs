//! What holds for all, from the plan.

use std::{
    net::{Ipv4Addr, Ipv6Addr},
    path::Path,
};

use super::{command, garp, host_name, ids};
use crate::{
    config::plan::{
        self, BufferPlan, FifoPlan, FlushOnStop, IpvsNamespace, MailPlan, Plan, ProcessPlan, ReceivePolicy,
        RunAs,
    },
    observe::dump::{Fifo, Globals, Mail, Process},
};

/// keepalived's; the agent adds no mode bits to what its umask leaves.
const UMASK: u16 = 0o177;
/// Buffers of adverts have room for so many of them.
const RECEIVE_MULTIPLIER: u32 = 3;
/// Adverts that are missing when a master counts as gone.
const DOWN_TIMER_ADVERTS: u8 = 3;

pub(super) fn globals(plan: &Plan, namespace: Option<String>) -> Globals {
    let said = &plan.globals;
    let (place, defaults, files) = (&said.place, &said.defaults, &said.files);
    let (processes, buffers) = (&said.processes, &said.processes.buffers);
    let firewall = &said.firewall;
    Globals {
        router_id: plan.router_id.clone().unwrap_or_else(host_name),
        namespace,
        ipvs_namespace: place.ipvs_namespace.as_ref().map(|namespace| match namespace {
            IpvsNamespace::Default => "(default)".to_owned(),
            IpvsNamespace::Named(name) => name.clone(),
        }),
        instance: place.instance.clone(),
        config_save_directory: files.config_save_directory.clone(),
        temporary_directory: files.temporary_directory.clone(),
        data_use_instance: files.data_use_instance,
        mail: mail(&said.mail),
        alerts: [said.mail.alert, said.mail.alert_vrrp, said.mail.alert_checker],
        no_fault_mails: said.mail.no_faults,
        no_checker_mails: said.mail.no_checkers,
        logs_all_failures: said.ipvs.logs_all_failures,
        checks_before_reload: said.reload.check,
        dynamic_interfaces: defaults.dynamic_interfaces,
        interface: defaults.interface.clone(),
        disables_local_igmp: said.disables_local_igmp,
        ipvs_timeouts: {
            let timeouts = &said.ipvs.timeouts;
            [timeouts.tcp_seconds, timeouts.tcpfin_seconds, timeouts.udp_seconds]
        },
        sync_daemon: said.ipvs.sync_daemon.as_ref().map(|daemon| {
            let of = plan.instances.iter().find(|one| Some(&one.name) == daemon.instance.as_ref());
            let vrid = of.map_or(0, |instance| instance.vrid.get());
            (daemon.interface.clone(), daemon.id.unwrap_or(vrid))
        }),
        ipvs_flush: said.ipvs.flush,
        ipvs_flush_on_stop: match said.ipvs.flush_on_stop {
            None => "disabled",
            Some(FlushOnStop::Everything) => "full",
            Some(FlushOnStop::VirtualServers) => "VS",
        },
        fifos: [("Global", &said.fifos.all), ("VRRP", &said.fifos.vrrp), ("LVS", &said.fifos.ipvs)]
            .into_iter()
            .filter_map(|(of, said)| fifo(of, said))
            .collect(),
        states_on_reload: said.fifos.states_on_reload,
        priority_changes: said.fifos.priority_changes,
        multicast_group4: defaults
            .multicast_group4
            .unwrap_or(Ipv4Addr::from(regent_common::ipv4::VRRP_GROUP)),
        multicast_group6: defaults
            .multicast_group6
            .unwrap_or(Ipv6Addr::from(regent_common::ipv6::VRRP_GROUP)),
        garp: garp(&defaults.announcements),
        down_timer_adverts: defaults.down_timer_adverts.unwrap_or(DOWN_TIMER_ADVERTS),
        extra_announcements: said.extra_announcements.map(|extra| (extra.interval, extra.all)),
        asserts: defaults.asserts.unwrap_or(true),
        concedes: defaults.concedes.unwrap_or(true),
        arp_pace: plan.pace.arp,
        neighbor_pace: plan.pace.neighbor,
        version: defaults.version.unwrap_or(2),
        nftables: firewall.nftables.as_ref().map(|nftables| {
            let table = nftables.table.clone().unwrap_or_else(|| "keepalived".to_owned());
            (table, firewall.priority.unwrap_or(-1), firewall.ifindex)
        }),
        counters: firewall.counters,
        checks_source: defaults.checks_source.unwrap_or(false),
        skips_address_check: defaults.skips_address_check.unwrap_or(false),
        strict: defaults.strict.unwrap_or(false),
        max_auto_priority: processes.max_auto_priority,
        min_auto_priority_delay_us: processes.min_auto_priority_delay_us,
        processes: [&processes.vrrp, &processes.checker, &processes.bfd].map(process),
        snmp: {
            let snmp = &said.snmp;
            [snmp.vrrp, snmp.checker, snmp.rfc_v2, snmp.rfc_v3, snmp.traps]
        },
        snmp_socket: said.snmp.socket.clone(),
        dbus: said.dbus.enabled,
        dbus_service: said.dbus.service.clone(),
        script_security: said.programs.security,
        script_ids: script_ids(said.programs.user.as_ref()),
        buffers: [
            ("vrrp_netlink_cmd_rcv_bufs", &buffers.vrrp_command),
            ("vrrp_netlink_monitor_rcv_bufs", &buffers.vrrp_monitor),
            ("process_monitor_rcv_bufs", &buffers.processes),
            ("lvs_netlink_cmd_rcv_bufs", &buffers.ipvs_command),
            ("lvs_netlink_monitor_rcv_bufs", &buffers.ipvs_monitor),
        ]
        .map(|(name, BufferPlan { bytes, force })| (name, bytes.unwrap_or_default(), *force)),
        notifies_initially: said.ipvs.notifies_initially,
        receive_policy: buffers.adverts.map(|policy| match policy {
            ReceivePolicy::Mtu => "rx_bufs_policy = MTU".to_owned(),
            ReceivePolicy::Advert => "rx_bufs_policy = ADVERT".to_owned(),
            ReceivePolicy::Bytes(bytes) => format!("rx_bufs_size = {bytes}"),
        }),
        receive_multiplier: buffers.multiplier.unwrap_or(RECEIVE_MULTIPLIER),
        umask: files.umask.unwrap_or(UMASK),
        startup_delay: plan.startup_delay,
        logs_unknown_groups: said.logs_unknown_groups,
        vmac_prefixes: [said.vmac.prefix.clone(), said.vmac.address_prefix.clone()],
    }
}

/// Without a server and without recipients nothing is said of mail.
fn mail(said: &MailPlan) -> Option<Mail> {
    let unsaid = MailPlan::default();
    if said.recipients.is_empty() && said.server == unsaid.server {
        return None;
    }
    Some(Mail {
        server: said.server.host.clone(),
        port: said.server.port,
        helo: said.helo.clone().unwrap_or_else(host_name),
        connect_seconds: said.connect_seconds,
        sender: said.sender.clone().unwrap_or_else(|| format!("root@{}", host_name())),
        recipients: said.recipients.clone(),
    })
}

fn fifo(of: &'static str, said: &FifoPlan) -> Option<Fifo> {
    Some(Fifo {
        of,
        path: said.path.clone()?,
        ids: said.owner.as_ref().map_or((0, 0), ids),
        script: said.script.as_ref().map(command),
    })
}

fn process(said: &ProcessPlan) -> Process {
    Process {
        nice: said.nice.unwrap_or_default(),
        no_swap: said.no_swap,
        real_time: said.real_time.unwrap_or_default(),
        time_limit_us: said.time_limit_us,
    }
}

fn script_ids(user: Option<&RunAs>) -> (u32, u32) {
    user.map_or((0, 0), ids)
}

/// Where a dump goes: a file of the usual name in `directory`, unless the config names another; `tag` stands before the
/// ending.
pub(super) fn file(
    directory: &Path,
    said: Option<&Path>,
    usual: &str,
    tag: Option<&str>,
) -> std::path::PathBuf {
    let usual = Path::new(usual);
    let said = said.map(|said| directory.join(said));
    let path = match said {
        Some(path) if path.as_os_str().as_encoded_bytes().ends_with(b"/") => path.join(usual),
        Some(path) => path,
        None => directory.join(usual),
    };
    let Some(tag) = tag else { return path };
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let name = match path.extension() {
        Some(ending) => format!("{stem}.{tag}.{}", ending.to_string_lossy()),
        None => format!("{stem}.{tag}"),
    };
    path.with_file_name(name)
}

/// The name that stands in names of dumps.
pub(super) fn tag(plan: &plan::GlobalPlan) -> Option<&str> {
    plan.place.instance.as_deref().filter(|_| plan.files.data_use_instance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dump_goes_where_the_config_says() {
        let at = |said: Option<&str>, tag: Option<&str>| {
            file(Path::new("/tmp"), said.map(Path::new), "keepalived.data", tag).display().to_string()
        };
        assert_eq!(at(None, None), "/tmp/keepalived.data");
        assert_eq!(at(None, Some("blue")), "/tmp/keepalived.blue.data");
        assert_eq!(at(Some("/run/x"), None), "/run/x");
        assert_eq!(at(Some("/run/x"), Some("blue")), "/run/x.blue");
        assert_eq!(at(Some("/run/x/"), Some("blue")), "/run/x/keepalived.blue.data");
        assert_eq!(at(Some("x.txt"), None), "/tmp/x.txt");
    }
}
