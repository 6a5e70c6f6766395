//! The first part of `keepalived.data`: what holds for all. What the config says stands there also where the agent does
//! without it.

use std::{
    fmt::{self, Write},
    net::{Ipv4Addr, Ipv6Addr},
    path::PathBuf,
    time::Duration,
};

use super::{
    Command, Garp,
    data::{plain, six_places},
};

/// What holds for all instances.
#[derive(Clone, Debug)]
pub struct Globals {
    /// `router_id`.
    pub router_id: String,
    /// Network namespace of `-s` or `net_namespace`.
    pub namespace: Option<String>,
    /// `net_namespace_ipvs`.
    pub ipvs_namespace: Option<String>,
    /// `instance`.
    pub instance: Option<String>,
    /// `config_save_dir`.
    pub config_save_directory: Option<PathBuf>,
    /// `tmp_config_directory`.
    pub temporary_directory: Option<PathBuf>,
    /// `data_use_instance`.
    pub data_use_instance: bool,
    /// Mail; `None`: nothing is said of it.
    pub mail: Option<Mail>,
    /// `smtp_alert`, `smtp_alert_vrrp`, `smtp_alert_checker`.
    pub alerts: [Option<bool>; 3],
    /// `no_email_faults`.
    pub no_fault_mails: bool,
    /// `no_checker_emails`.
    pub no_checker_mails: bool,
    /// `checker_log_all_failures`.
    pub logs_all_failures: bool,
    /// `reload_check_config`.
    pub checks_before_reload: bool,
    /// `dynamic_interfaces`, and whether they may change in kind.
    pub dynamic_interfaces: Option<bool>,
    /// `default_interface`.
    pub interface: Option<String>,
    /// `disable_local_igmp`.
    pub disables_local_igmp: bool,
    /// `lvs_timeouts`: TCP, TCP FIN, UDP.
    pub ipvs_timeouts: [Option<u32>; 3],
    /// `lvs_sync_daemon`: by which interface, and as whom.
    pub sync_daemon: Option<(String, u8)>,
    /// `lvs_flush`.
    pub ipvs_flush: bool,
    /// `lvs_flush_on_stop`, as it is written.
    pub ipvs_flush_on_stop: &'static str,
    /// Pipes: what they are called, and what of them is said.
    pub fifos: Vec<Fifo>,
    /// `fifo_write_vrrp_states_on_reload`.
    pub states_on_reload: bool,
    /// `vrrp_notify_priority_changes`.
    pub priority_changes: bool,
    /// `vrrp_mcast_group4`.
    pub multicast_group4: Ipv4Addr,
    /// `vrrp_mcast_group6`.
    pub multicast_group6: Ipv6Addr,
    /// `vrrp_garp_*`.
    pub garp: Garp,
    /// `vrrp_down_timer_adverts`.
    pub down_timer_adverts: u8,
    /// `vrrp_garp_extra_if`, and whether on all of them.
    pub extra_announcements: Option<(Duration, bool)>,
    /// Not `vrrp_lower_prio_no_advert`.
    pub asserts: bool,
    /// `vrrp_higher_prio_send_advert`.
    pub concedes: bool,
    /// Shortest time between two gratuitous ARPs on an interface.
    pub arp_pace: Duration,
    /// Shortest time between two unsolicited neighbour advertisements.
    pub neighbor_pace: Duration,
    /// `vrrp_version`.
    pub version: u8,
    /// `nftables`: table, priority, by index.
    pub nftables: Option<(String, i32, bool)>,
    /// `nftables_counters`.
    pub counters: bool,
    /// `vrrp_check_unicast_src`.
    pub checks_source: bool,
    /// `vrrp_skip_check_adv_addr`.
    pub skips_address_check: bool,
    /// `vrrp_strict`.
    pub strict: bool,
    /// `max_auto_priority`.
    pub max_auto_priority: i8,
    /// `min_auto_priority_delay`.
    pub min_auto_priority_delay_us: u32,
    /// The VRRP process, the checkers' and BFD's.
    pub processes: [Process; 3],
    /// `enable_snmp_vrrp`, `enable_snmp_checker`, `enable_snmp_rfcv2`, `enable_snmp_rfcv3`, `enable_traps`.
    pub snmp: [bool; 5],
    /// `snmp_socket`.
    pub snmp_socket: Option<String>,
    /// `enable_dbus`.
    pub dbus: bool,
    /// `dbus_service_name`.
    pub dbus_service: Option<String>,
    /// `enable_script_security`.
    pub script_security: bool,
    /// `script_user`: user and group.
    pub script_ids: (u32, u32),
    /// Buffers between kernel and daemon: name, bytes, beyond the limit.
    pub buffers: [(&'static str, u32, bool); 5],
    /// `rs_init_notifies`.
    pub notifies_initially: bool,
    /// `vrrp_rx_bufs_policy`, as a line.
    pub receive_policy: Option<String>,
    /// `vrrp_rx_bufs_multiplier`.
    pub receive_multiplier: u32,
    /// `umask`.
    pub umask: u16,
    /// Every instance waits that long after the start; zero: none.
    pub startup_delay: Duration,
    /// `log_unknown_vrids`.
    pub logs_unknown_groups: bool,
    /// `vmac_prefix` and `vmac_addr_prefix`.
    pub vmac_prefixes: [Option<String>; 2],
}

/// Mail.
#[derive(Clone, Debug)]
pub struct Mail {
    /// The server.
    pub server: String,
    /// Its port.
    pub port: u16,
    /// How this host greets it.
    pub helo: String,
    /// Until it is given up.
    pub connect_seconds: u16,
    /// From whom.
    pub sender: String,
    /// To whom.
    pub recipients: Vec<String>,
}

/// A pipe.
#[derive(Clone, Debug)]
pub struct Fifo {
    /// `Global`, `VRRP` or `LVS`.
    pub of: &'static str,
    /// Where.
    pub path: PathBuf,
    /// Whose: user and group.
    pub ids: (u32, u32),
    /// Who reads it.
    pub script: Option<Command>,
}

/// What is said of one process.
#[derive(Clone, Copy, Debug, Default)]
pub struct Process {
    /// Its priority among processes.
    pub nice: i8,
    /// It is not swapped.
    pub no_swap: bool,
    /// Its real-time priority; 0: none.
    pub real_time: u8,
    /// How long it may run without a rest, in microseconds.
    pub time_limit_us: Option<u32>,
}

/// keepalived's: microseconds that a process of real-time priority may run without a rest.
const TIME_LIMIT_US: u32 = 10_000;

pub(super) fn write(text: &mut String, globals: &Globals) -> fmt::Result {
    writeln!(text, "------< Global definitions >------")?;
    place(text, globals)?;
    mail(text, globals)?;
    balancing(text, globals)?;
    fifos(text, globals)?;
    instances(text, globals)?;
    firewall(text, globals)?;
    election(text, globals)?;
    for (name, process) in ["VRRP", "Checker", "BFD"].into_iter().zip(globals.processes) {
        writeln!(text, " {name} process priority = {}", process.nice)?;
        writeln!(text, " {name} don't swap = {}", process.no_swap)?;
        writeln!(text, " {name} realtime priority = {}", process.real_time)?;
        writeln!(text, " {name} realtime limit = {}", process.time_limit_us.unwrap_or(TIME_LIMIT_US))?;
    }
    remote(text, globals)?;
    rest(text, globals)
}

fn place(text: &mut String, globals: &Globals) -> fmt::Result {
    let named = |name: &Option<String>, other: &'static str| name.clone().unwrap_or(other.to_owned());
    if let Some(directory) = &globals.config_save_directory {
        writeln!(text, " Config save dir = {}", directory.display())?;
    }
    writeln!(text, " Network namespace = {}", named(&globals.namespace, "(default)"))?;
    writeln!(text, " Network namespace ipvs = {}", named(&globals.ipvs_namespace, "(main namespace)"))?;
    if let Some(name) = &globals.instance {
        writeln!(text, " Instance name = {name}")?;
    }
    writeln!(text, " Router ID = {}", globals.router_id)
}

fn mail(text: &mut String, globals: &Globals) -> fmt::Result {
    if let Some(mail) = &globals.mail {
        writeln!(text, " Smtp server = {}", mail.server)?;
        writeln!(text, " Smtp server port = {}", mail.port)?;
        writeln!(text, " Smtp HELO name = {}", mail.helo)?;
        writeln!(text, " Smtp server connection timeout = {}", mail.connect_seconds)?;
        writeln!(text, " Email notification from = {}", mail.sender)?;
        writeln!(text, " Email notification to:")?;
        for recipient in &mail.recipients {
            writeln!(text, "   {recipient}")?;
        }
    }
    let names = ["smtp_alert", "smtp_alert_vrrp", "smtp_alert_checker"];
    for (name, said) in names.into_iter().zip(globals.alerts) {
        let said = match said {
            None => "unset",
            Some(true) => "on",
            Some(false) => "off",
        };
        writeln!(text, " Default {name} = {said}")?;
    }
    if globals.no_fault_mails {
        writeln!(text, " Send emails for fault transitions = off")?;
    }
    writeln!(text, " Checkers log all failures = {}", globals.logs_all_failures)
}

fn balancing(text: &mut String, globals: &Globals) -> fmt::Result {
    if globals.checks_before_reload {
        writeln!(text, " Test config before reload")?;
    } else {
        writeln!(text, " No test config before reload")?;
    }
    if let Some(directory) = &globals.temporary_directory {
        writeln!(text, " config save directory = {}", directory.display())?;
    }
    if globals.data_use_instance {
        writeln!(text, " Use instance name in data dumps")?;
    }
    writeln!(text, " Dynamic interfaces = {}", globals.dynamic_interfaces.is_some())?;
    if let Some(change) = globals.dynamic_interfaces {
        writeln!(text, " Allow interface changes = {change}")?;
    }
    for (what, seconds) in ["TCP", "TCPFIN", "UDP"].into_iter().zip(globals.ipvs_timeouts) {
        if let Some(seconds) = seconds {
            writeln!(text, " LVS {what} timeout = {seconds}")?;
        }
    }
    writeln!(text, " Default interface = {}", globals.interface.as_deref().unwrap_or("eth0"))?;
    let igmp = if globals.disables_local_igmp { "yes" } else { "no" };
    writeln!(text, " Disable local IGMP = {igmp}")?;
    if let Some((interface, id)) = &globals.sync_daemon {
        writeln!(text, " LVS syncd interface = {interface}")?;
        writeln!(text, " LVS syncd syncid = {id}")?;
    }
    writeln!(text, " LVS flush = {}", globals.ipvs_flush)?;
    writeln!(text, " LVS flush on stop = {}", globals.ipvs_flush_on_stop)
}

fn fifos(text: &mut String, globals: &Globals) -> fmt::Result {
    for fifo in &globals.fifos {
        let (of, path, (user, group)) = (fifo.of, fifo.path.display(), fifo.ids);
        writeln!(text, " {of} notify fifo = {path}, uid:gid {user}:{group}")?;
        if let Some(Command { ids: (user, group), .. }) = fifo.script {
            let script = fifo.script.as_ref().map(Command::quoted).unwrap_or_default();
            writeln!(text, " {of} notify fifo script = {script} '{path}', uid:gid {user}:{group}")?;
        }
    }
    writeln!(text, " FIFO write vrrp states on reload = {}", globals.states_on_reload)?;
    writeln!(text, " VRRP notify priority changes = {}", globals.priority_changes)
}

fn instances(text: &mut String, globals: &Globals) -> fmt::Result {
    let garp = &globals.garp;
    writeln!(text, " VRRP IPv4 mcast group = {}", globals.multicast_group4)?;
    writeln!(text, " VRRP IPv6 mcast group = {}", globals.multicast_group6)?;
    writeln!(text, " Gratuitous ARP delay = {}", garp.delay)?;
    writeln!(text, " Gratuitous ARP repeat = {}", garp.repeat)?;
    writeln!(text, " Gratuitous ARP refresh timer = {}", garp.refresh)?;
    writeln!(text, " Gratuitous ARP refresh repeat = {}", garp.refresh_repeat)?;
    writeln!(text, " Gratuitous ARP lower priority delay = {}", garp.lower_delay)?;
    writeln!(text, " Gratuitous ARP lower priority repeat = {}", garp.lower_repeat)?;
    writeln!(text, " Num adverts before down = {}", globals.down_timer_adverts)?;
    let (interval, all) = globals.extra_announcements.unwrap_or_default();
    let of = if all { "i/f" } else { "VMAC" };
    writeln!(text, " Gratuitous ARP for each secondary {of} = {}s", plain(interval))?;
    writeln!(text, " Send advert after receive lower priority advert = {}", globals.asserts)?;
    writeln!(text, " Send advert after receive higher priority advert = {}", globals.concedes)?;
    writeln!(text, " Gratuitous ARP interval = {}", six_places(globals.arp_pace))?;
    writeln!(text, " Gratuitous NA interval = {}", six_places(globals.neighbor_pace))?;
    writeln!(text, " VRRP default protocol version = {}", globals.version)
}

fn firewall(text: &mut String, globals: &Globals) -> fmt::Result {
    if let Some((table, priority, by_index)) = &globals.nftables {
        let force = if *by_index { "force" } else { "don't force" };
        writeln!(text, " nftables table name = {table}")?;
        writeln!(text, " nftables base chain priority = {priority}")?;
        writeln!(text, " nftables {force} use ifindex for link local IPv6")?;
    }
    writeln!(text, " nftables with{} counters", if globals.counters { "" } else { "out" })
}

fn election(text: &mut String, globals: &Globals) -> fmt::Result {
    writeln!(text, " VRRP check unicast_src = {}", globals.checks_source)?;
    writeln!(text, " VRRP skip check advert addresses = {}", globals.skips_address_check)?;
    writeln!(text, " VRRP strict mode = {}", globals.strict)?;
    match globals.max_auto_priority {
        ..0 => writeln!(text, " Max auto priority = Disabled")?,
        priority => writeln!(text, " Max auto priority = {priority}")?,
    }
    writeln!(text, " Min auto priority delay = {} usecs", globals.min_auto_priority_delay_us)
}

fn remote(text: &mut String, globals: &Globals) -> fmt::Result {
    let enabled = |it: bool| if it { "enabled" } else { "disabled" };
    for (what, it) in ["vrrp", "checker", "RFCv2", "RFCv3", "traps"].into_iter().zip(globals.snmp) {
        writeln!(text, " SNMP {what} {}", enabled(it))?;
    }
    let socket = globals.snmp_socket.as_deref().unwrap_or("default (unix:/var/agentx/master)");
    writeln!(text, " SNMP socket = {socket}")?;
    writeln!(text, " DBus {}", enabled(globals.dbus))?;
    writeln!(text, " DBus service name = {}", globals.dbus_service.as_deref().unwrap_or_default())?;
    writeln!(text, " Script security {}", enabled(globals.script_security))?;
    let (user, group) = globals.script_ids;
    writeln!(text, " Default script uid:gid {user}:{group}")
}

fn rest(text: &mut String, globals: &Globals) -> fmt::Result {
    for (name, bytes, force) in globals.buffers {
        writeln!(text, " {name} = {bytes}")?;
        writeln!(text, " {name}_force = {}", u8::from(force))?;
    }
    writeln!(text, " rs_init_notifies = {}", u8::from(globals.notifies_initially))?;
    writeln!(text, " no_checker_emails = {}", u8::from(globals.no_checker_mails))?;
    if let Some(policy) = &globals.receive_policy {
        writeln!(text, " {policy}")?;
    }
    writeln!(text, " rx_bufs_multiples = {}", globals.receive_multiplier)?;
    writeln!(text, " umask = 0{:o}", globals.umask)?;
    if !globals.startup_delay.is_zero() {
        writeln!(text, " vrrp_startup_delay = {}", plain(globals.startup_delay))?;
    }
    if globals.logs_unknown_groups {
        writeln!(text, " log_unknown_vrids")?;
    }
    for (what, prefix) in ["", "address "].into_iter().zip(&globals.vmac_prefixes) {
        if let Some(prefix) = prefix {
            writeln!(text, " VMAC {what}prefix = {prefix}")?;
        }
    }
    Ok(())
}
