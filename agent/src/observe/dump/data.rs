//! `keepalived.data`: the config and the state, as ` key = value` lines.

use std::{
    collections::BTreeMap,
    fmt::{self, Write},
    net::IpAddr,
    time::Duration,
};

use super::{Command, Dump, Globals, Instance, Link, PaceGroup, Script, Tracked, Transport, time};

/// The text of `keepalived.data`.
///
/// # Errors
/// None that depends on the dump: writing to a string cannot fail.
pub fn data(dump: &Dump) -> Result<String, fmt::Error> {
    let mut text = String::new();
    write(&mut text, dump)?;
    Ok(text)
}

fn write(text: &mut String, dump: &Dump) -> fmt::Result {
    globals(text, &dump.globals)?;
    if !dump.pace_groups.is_empty() {
        writeln!(text, "------< Gratuitous ARP delays >------")?;
        for (group, number) in dump.pace_groups.iter().zip(1..) {
            pace_group(text, group, number)?;
        }
    }
    if !dump.instances.is_empty() {
        writeln!(text, "------< VRRP Topology >------")?;
        for one in &dump.instances {
            instance(text, one, dump.unix_ms)?;
        }
        writeln!(text, "------< VRRP Sockpool >------")?;
        sockets(text, &dump.instances)?;
    }
    if !dump.scripts.is_empty() {
        writeln!(text, "------< VRRP Scripts >------")?;
        for one in &dump.scripts {
            script(text, one)?;
        }
    }
    writeln!(text, "------< Interfaces >------")?;
    for one in &dump.links {
        link(text, one)?;
    }
    Ok(())
}

/// Words that the agent has, and the others as they are without a config.
fn globals(text: &mut String, globals: &Globals) -> fmt::Result {
    let namespace = globals.namespace.as_deref().unwrap_or("(default)");
    writeln!(text, "------< Global definitions >------")?;
    writeln!(text, " Network namespace = {namespace}")?;
    writeln!(text, " Network namespace ipvs = (main namespace)")?;
    writeln!(text, " Router ID = {}", globals.router_id)?;
    text.push_str(IDLE_BEFORE_PACES);
    writeln!(text, " Gratuitous ARP interval = {}", six_places(globals.arp_pace))?;
    writeln!(text, " Gratuitous NA interval = {}", six_places(globals.neighbor_pace))?;
    text.push_str(IDLE_AFTER_PACES);
    if !globals.startup_delay.is_zero() {
        writeln!(text, " vrrp_startup_delay = {}", plain(globals.startup_delay))?;
    }
    Ok(())
}

// Lines begin with a blank, which a continued string would lose.
const IDLE_BEFORE_PACES: &str = " Default smtp_alert = unset
 Default smtp_alert_vrrp = unset
 Default smtp_alert_checker = unset
 Checkers log all failures = false
 No test config before reload
 Dynamic interfaces = false
 Default interface = eth0
 Disable local IGMP = no
 LVS flush = false
 LVS flush on stop = disabled
 FIFO write vrrp states on reload = false
 VRRP notify priority changes = false
 VRRP IPv4 mcast group = 224.0.0.18
 VRRP IPv6 mcast group = ff02::12
 Gratuitous ARP delay = 5
 Gratuitous ARP repeat = 5
 Gratuitous ARP refresh timer = 0
 Gratuitous ARP refresh repeat = 1
 Gratuitous ARP lower priority delay = 5
 Gratuitous ARP lower priority repeat = 5
 Num adverts before down = 3
 Gratuitous ARP for each secondary VMAC = 0s
 Send advert after receive lower priority advert = true
 Send advert after receive higher priority advert = false
";

const IDLE_AFTER_PACES: &str = " VRRP default protocol version = 2
 nftables without counters
 VRRP check unicast_src = false
 VRRP skip check advert addresses = false
 VRRP strict mode = false
 Max auto priority = 0
 Min auto priority delay = 1000000 usecs
 VRRP process priority = 0
 VRRP don't swap = false
 VRRP realtime priority = 0
 VRRP realtime limit = 10000
 Checker process priority = 0
 Checker don't swap = false
 Checker realtime priority = 0
 Checker realtime limit = 10000
 BFD process priority = 0
 BFD don't swap = false
 BFD realtime priority = 0
 BFD realtime limit = 10000
 SNMP vrrp disabled
 SNMP checker disabled
 SNMP RFCv2 disabled
 SNMP RFCv3 disabled
 SNMP traps disabled
 SNMP socket = default (unix:/var/agentx/master)
 DBus disabled
 DBus service name =\x20
 Script security enabled
 Default script uid:gid 0:0
 vrrp_netlink_cmd_rcv_bufs = 0
 vrrp_netlink_cmd_rcv_bufs_force = 0
 vrrp_netlink_monitor_rcv_bufs = 0
 vrrp_netlink_monitor_rcv_bufs_force = 0
 process_monitor_rcv_bufs = 0
 process_monitor_rcv_bufs_force = 0
 lvs_netlink_cmd_rcv_bufs = 0
 lvs_netlink_cmd_rcv_bufs_force = 0
 lvs_netlink_monitor_rcv_bufs = 0
 lvs_netlink_monitor_rcv_bufs_force = 0
 rs_init_notifies = 0
 no_checker_emails = 0
 rx_bufs_multiples = 3
 umask = 0177
";

fn pace_group(text: &mut String, group: &PaceGroup, number: usize) -> fmt::Result {
    let never = "0.000000 (Thu Jan  1 00:00:00.000000)";
    writeln!(text, "------< GARP delay group {number} >------")?;
    writeln!(text, " GARP interval = {}", plain(group.arp))?;
    writeln!(text, " GARP next time {never}")?;
    writeln!(text, " GNA interval = {}", plain(group.neighbor))?;
    writeln!(text, " GNA next time {never}")?;
    writeln!(text, " Interfaces")?;
    for interface in &group.interfaces {
        writeln!(text, "  {interface}")?;
    }
    Ok(())
}

fn instance(text: &mut String, one: &Instance, now_ms: u64) -> fmt::Result {
    let status = &one.status;
    writeln!(text, " VRRP Instance = {}", status.name)?;
    writeln!(text, "   VRRP Version = {}", status.version)?;
    if status.family == 6 {
        writeln!(text, "   Using Native IPv6")?;
    }
    writeln!(text, "   State = {}", status.state)?;
    if let Some((source, priority)) = one.heard_master() {
        writeln!(text, "   Master router = {source}")?;
        writeln!(text, "   Master priority = {priority}")?;
    }
    flags(text, one)?;
    writeln!(text, "   Wantstate = {}", status.state)?;
    faults(text, one)?;
    writeln!(text, "   Last transition = {}", time::moment(status.since_unix_ms.saturating_mul(1000)))?;
    match one.deadline {
        Some(deadline) => {
            let at = now_ms.saturating_mul(1000).saturating_add(microseconds(deadline));
            writeln!(text, "   Read timeout = {}", time::moment(at))?;
        }
        None => writeln!(text, "   Read timeout = DISABLED")?,
    }
    writeln!(text, "   Master down timer = {} usecs", microseconds(one.down))?;
    writeln!(text, "   Interface = {}", status.interface)?;
    if !one.tracks_interface {
        writeln!(text, "   VRRP interface tracking disabled")?;
    }
    source(text, one)?;
    announcements(text, one)?;
    election(text, one)?;
    addresses(text, one)?;
    peers(text, one)?;
    writeln!(text, "   fd_in -1, fd_out -1")?;
    tracked(text, "interfaces", &one.interfaces)?;
    tracked(text, "scripts", &one.scripts)?;
    notify(text, one)
}

fn flags(text: &mut String, one: &Instance) -> fmt::Result {
    let unicast = matches!(one.transport, Transport::Unicast { .. });
    if unicast || one.status.version == 3 || !one.preempts || !one.asserts || !one.tracks_interface {
        writeln!(text, "   Flags:")?;
    } else {
        writeln!(text, "   Flags: none")?;
    }
    if unicast { writeln!(text, "     Using unicast") } else { Ok(()) }
}

fn faults(text: &mut String, one: &Instance) -> fmt::Result {
    let status = &one.status;
    let forbidding = status.trackers.iter().filter(|tracker| tracker.weight == 0);
    let bad = forbidding.clone().filter(|tracker| tracker.good == Some(false)).count();
    let unknown = forbidding.filter(|tracker| tracker.kind == "script" && tracker.good.is_none()).count();
    let interface = usize::from(one.is_down) + usize::from(status.source.is_none());
    writeln!(text, "   Number of config faults = 0")?;
    writeln!(text, "   Number of interface and track script faults = {}", bad + interface)?;
    writeln!(text, "   Number of track scripts init = {unknown}")
}

fn source(text: &mut String, one: &Instance) -> fmt::Result {
    let given = if one.source_given { " (from configuration)" } else { "" };
    match one.status.source {
        Some(source) => writeln!(text, "   Using src_ip = {source}{given}")?,
        None => writeln!(text, "   Using src_ip = (none)")?,
    }
    match one.transport {
        Transport::Multicast(group @ IpAddr::V4(_)) => writeln!(text, "   Multicast address {group}"),
        Transport::Multicast(group @ IpAddr::V6(_)) => {
            writeln!(text, "   Multicast address {group}, ifindex {}", one.ifindex)
        }
        Transport::Unicast { .. } => Ok(()),
    }
}

fn announcements(text: &mut String, one: &Instance) -> fmt::Result {
    let garp = &one.garp;
    writeln!(text, "   Gratuitous ARP delay = {}", garp.delay)?;
    writeln!(text, "   Gratuitous ARP repeat = {}", garp.repeat)?;
    writeln!(text, "   Gratuitous ARP refresh = {}", garp.refresh)?;
    writeln!(text, "   Gratuitous ARP refresh repeat = {}", garp.refresh_repeat)?;
    writeln!(text, "   Gratuitous ARP lower priority delay = {}", garp.lower_delay)?;
    writeln!(text, "   Gratuitous ARP lower priority repeat = {}", garp.lower_repeat)
}

fn election(text: &mut String, one: &Instance) -> fmt::Result {
    let status = &one.status;
    writeln!(text, "   Down timer adverts = {}", one.down_timer_adverts)?;
    writeln!(text, "   Send advert after receive lower priority advert = {}", one.asserts)?;
    writeln!(text, "   Send advert after receive higher priority advert = {}", one.concedes)?;
    writeln!(text, "   Virtual Router ID = {}", status.vrid)?;
    writeln!(text, "   Priority = {}", status.priority_base)?;
    writeln!(text, "   Effective priority = {}", status.priority_effective)?;
    writeln!(text, "   Total priority = {}", status.priority_effective)?;
    if status.version == 2 {
        writeln!(text, "   Advert interval = {} sec", one.interval.as_secs())?;
    } else {
        writeln!(text, "   Advert interval = {} milli-sec", one.interval.as_millis())?;
    }
    writeln!(text, "   Accept = {}", enabled(one.accepts))?;
    writeln!(text, "   Preempt = {}", enabled(one.preempts))?;
    if !one.preempt_delay.is_zero() {
        writeln!(text, "   Preempt delay = {} secs", plain(one.preempt_delay))?;
    }
    writeln!(text, "   Promote_secondaries = disabled")?;
    match &one.password {
        Some(password) => {
            writeln!(text, "   Authentication type = SIMPLE_PASSWORD")?;
            writeln!(text, "   Password = {password}")
        }
        None if status.version == 2 => writeln!(text, "   Authentication type = none"),
        None => Ok(()),
    }
}

fn addresses(text: &mut String, one: &Instance) -> fmt::Result {
    if !one.addresses.is_empty() {
        writeln!(text, "   Virtual IP ({}):", one.addresses.len())?;
    }
    for address in &one.addresses {
        writeln!(text, "     {address}")?;
    }
    if !one.excluded.is_empty() {
        writeln!(text, "   Virtual IP Excluded :")?;
    }
    for address in &one.excluded {
        writeln!(text, "     {address}")?;
    }
    Ok(())
}

fn peers(text: &mut String, one: &Instance) -> fmt::Result {
    let Transport::Unicast { ttl, checks_source, peers } = &one.transport else { return Ok(()) };
    if one.status.family == 4 {
        writeln!(text, "   Unicast TTL = {ttl}")?;
    }
    writeln!(text, "   Check unicast src : {}", yes(*checks_source))?;
    writeln!(text, "   Unicast Peer :")?;
    for (address, ttl_min, ttl_max) in peers {
        writeln!(text, "     {address} min_ttl {ttl_min} max_ttl {ttl_max}")?;
    }
    writeln!(text, "   Unicast checksum compatibility = no")
}

fn tracked(text: &mut String, what: &str, tracked: &[Tracked]) -> fmt::Result {
    if !tracked.is_empty() {
        writeln!(text, "   Tracked {what} :")?;
    }
    for Tracked { name, weight, reverse } in tracked {
        writeln!(text, "     {name} weight {weight}{}", reversed(*reverse))?;
    }
    Ok(())
}

fn notify(text: &mut String, one: &Instance) -> fmt::Result {
    writeln!(text, "   Using smtp notification = no")?;
    writeln!(text, "   Notify deleted = Fault")?;
    let notify = &one.notify;
    for (what, command) in [
        ("Backup", &notify.backup),
        ("Master", &notify.master),
        ("Fault", &notify.fault),
        ("Stop", &notify.stop),
        ("Generic", &notify.any),
    ] {
        if let Some(command) = command {
            let Command { ids: (user, group), .. } = command;
            let quoted = command.quoted();
            writeln!(text, "   {what} state transition script = {quoted}, uid:gid {user}:{group}")?;
        }
    }
    writeln!(text, "   Notify priority changes = false")
}

/// What adverts of one socket have in common.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Socket<'a> {
    interface: &'a str,
    family: u8,
    unicast: Option<IpAddr>,
}

fn sockets(text: &mut String, instances: &[Instance]) -> fmt::Result {
    let mut sockets: Vec<(Socket<'_>, Vec<&Instance>)> = Vec::new();
    let mut known: BTreeMap<Socket<'_>, usize> = BTreeMap::new();
    let socket = |one: &'_ Instance| {
        let unicast = match one.transport {
            Transport::Multicast(_) => None,
            Transport::Unicast { .. } => one.status.source,
        };
        (one.status.family, unicast)
    };
    for one in instances {
        let (family, unicast) = socket(one);
        let name = || Socket { interface: &one.status.interface, family, unicast };
        let at = *known.entry(name()).or_insert_with(|| {
            sockets.push((name(), Vec::new()));
            sockets.len() - 1
        });
        if let Some((_, users)) = sockets.get_mut(at) {
            users.push(one);
        }
    }
    for (socket, users) in &sockets {
        writeln!(text, " fd_in -1 fd_out = -1")?;
        writeln!(text, "   Interface = {}", socket.interface)?;
        writeln!(text, "   Family = IPv{}", socket.family)?;
        writeln!(text, "   Protocol = VRRP")?;
        let unicast = users.iter().any(|one| matches!(one.transport, Transport::Unicast { .. }));
        writeln!(text, "   Type = {}", if unicast { "Unicast" } else { "Multicast" })?;
        if let Some(address) = socket.unicast {
            writeln!(text, "   Address = {address}")?;
        }
        writeln!(text, "   Rx buf size = 0")?;
        writeln!(text, "   VRRP instances")?;
        for one in users {
            writeln!(text, "     {} vrid {}", one.status.name, one.status.vrid)?;
        }
    }
    Ok(())
}

fn script(text: &mut String, one: &Script) -> fmt::Result {
    let (user, group) = one.command.ids;
    // keepalived counts in one number: below `rise` is bad, the most is good beyond doubt.
    let result = if one.good == Some(true) { one.rise.saturating_add(one.fall).saturating_sub(1) } else { 0 };
    writeln!(text, " VRRP Script = {}", one.name)?;
    writeln!(text, "   Command = {}", one.command.quoted())?;
    writeln!(text, "   Interval = {} sec", plain(one.interval))?;
    writeln!(text, "   Timeout = {} sec", plain(one.timeout))?;
    writeln!(text, "   Weight = {}{}", one.weight.weight, reversed(one.weight.reverse))?;
    writeln!(text, "   Rise = {}", one.rise)?;
    writeln!(text, "   Fall = {}", one.fall)?;
    writeln!(text, "   Result = {result}")?;
    writeln!(text, "   Insecure = no")?;
    writeln!(text, "   Init state = {}", if one.good.is_none() { "INIT" } else { "unknown" })?;
    writeln!(text, "   Status = {}", if one.good == Some(true) { "GOOD" } else { "BAD" })?;
    writeln!(text, "   Script uid:gid = {user}:{group}")?;
    writeln!(text, "   VRRP instances :")?;
    writeln!(text, "   Tracking instances :")?;
    users(text, &one.instances)?;
    writeln!(text, "   State = {}", if one.running { "running" } else { "idle" })
}

fn link(text: &mut String, one: &Link) -> fmt::Result {
    let address = |address: Option<IpAddr>| address.map_or("(none)".to_owned(), |some| some.to_string());
    writeln!(text, " Name = {}", one.name)?;
    writeln!(text, "   index = {}", one.index)?;
    writeln!(text, "   IPv4 address = {}", address(one.ipv4))?;
    writeln!(text, "   IPv6 address = {}", address(one.ipv6))?;
    if one.mac != [0; 6] {
        let [a, b, c, d, e, f] = one.mac;
        writeln!(text, "   MAC = {a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}")?;
        writeln!(text, "   MAC broadcast = ff:ff:ff:ff:ff:ff")?;
    }
    let not = |it: bool| if it { "" } else { "not " };
    write!(text, "   State = {}UP, {}RUNNING", not(one.up), not(one.running))?;
    if one.loopback {
        write!(text, ", no broadcast, loopback")?;
    }
    writeln!(text, "{}", if one.multicast { "" } else { ", no multicast" })?;
    writeln!(text, "   Seen up = {}", u8::from(one.running))?;
    writeln!(text, "   Delayed state change running = false")?;
    writeln!(text, "   Up debounce timer = 0us")?;
    writeln!(text, "   Down debounce timer = 0us")?;
    writeln!(text, "   MTU = {}", one.mtu)?;
    let kind = if one.loopback { "LOOPBACK" } else { "ETHERNET" };
    writeln!(text, "   HW Type = {kind}")?;
    writeln!(text, "   NIC netlink status update")?;
    writeln!(text, "   Reset ARP config counter 0")?;
    writeln!(text, "   Original arp_ignore 0")?;
    writeln!(text, "   Original arp_filter 0")?;
    writeln!(text, "   Original promote_secondaries 0")?;
    writeln!(text, "   Reset promote_secondaries counter 0")?;
    if one.instances.is_empty() {
        return Ok(());
    }
    writeln!(text, "   Tracking VRRP instances :")?;
    users(text, &one.instances)
}

fn users(text: &mut String, instances: &[Tracked]) -> fmt::Result {
    for Tracked { name, weight, reverse } in instances {
        writeln!(text, "     {name}, weight {weight}{}", reversed(*reverse))?;
    }
    Ok(())
}

const fn enabled(it: bool) -> &'static str {
    if it { "enabled" } else { "disabled" }
}

const fn yes(it: bool) -> &'static str {
    if it { "yes" } else { "no" }
}

const fn reversed(it: bool) -> &'static str {
    if it { " reverse" } else { "" }
}

fn microseconds(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn six_places(time: Duration) -> String {
    format!("{}.{:06}", time.as_secs(), time.subsec_micros())
}

/// Seconds without needless zeros.
fn plain(time: Duration) -> String {
    let text = six_places(time);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests;
