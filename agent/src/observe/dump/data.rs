//! `keepalived.data`: the config and the state, as ` key = value` lines.

use std::{
    collections::BTreeMap,
    fmt::{self, Write},
    net::IpAddr,
    time::Duration,
};

use super::{
    Command, Dump, Fixed, Instance, Link, Notify, PaceGroup, Script, SyncGroup, TrackFile, TrackProcess,
    Tracked, Transport, globals, time,
};

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
    globals::write(text, &dump.globals)?;
    if !dump.pace_groups.is_empty() {
        writeln!(text, "------< Gratuitous ARP delays >------")?;
        for group in &dump.pace_groups {
            pace_group(text, group)?;
        }
    }
    fixed(text, &dump.fixed)?;
    if !dump.instances.is_empty() {
        writeln!(text, "------< VRRP Topology >------")?;
        for one in &dump.instances {
            instance(text, one, dump.unix_ms)?;
        }
        writeln!(text, "------< VRRP Sockpool >------")?;
        sockets(text, &dump.instances)?;
    }
    if !dump.sync_groups.is_empty() {
        writeln!(text, "------< VRRP Sync groups >------")?;
        for one in &dump.sync_groups {
            sync_group(text, one)?;
        }
    }
    if !dump.scripts.is_empty() {
        writeln!(text, "------< VRRP Scripts >------")?;
        for one in &dump.scripts {
            script(text, one)?;
        }
    }
    if !dump.track_files.is_empty() {
        writeln!(text, "------< VRRP Track files >------")?;
        for one in &dump.track_files {
            track_file(text, one)?;
        }
    }
    if !dump.track_processes.is_empty() {
        writeln!(text, "------< VRRP Track processes >------")?;
        for one in &dump.track_processes {
            track_process(text, one)?;
        }
    }
    writeln!(text, "------< Interfaces >------")?;
    for one in &dump.links {
        link(text, one)?;
    }
    Ok(())
}

fn pace_group(text: &mut String, group: &PaceGroup) -> fmt::Result {
    let never = "0.000000 (Thu Jan  1 00:00:00.000000)";
    writeln!(text, "------< GARP delay group {} >------", group.number)?;
    for (what, pace) in [("GARP", group.arp), ("GNA", group.neighbor)] {
        if !pace.is_zero() {
            writeln!(text, " {what} interval = {}", plain(pace))?;
            writeln!(text, " {what} next time {never}")?;
        }
    }
    writeln!(text, " Interfaces")?;
    for interface in &group.interfaces {
        writeln!(text, "  {interface}")?;
    }
    Ok(())
}

/// What no instance moves.
fn fixed(text: &mut String, fixed: &Fixed) -> fmt::Result {
    for (what, lines) in [("Addresses", &fixed.addresses), ("Routes", &fixed.routes), ("Rules", &fixed.rules)]
    {
        if !lines.is_empty() {
            writeln!(text, "------< Static {what} >------")?;
            lines.iter().try_for_each(|line| writeln!(text, "     {line}"))?;
        }
    }
    if !fixed.groups.is_empty() {
        writeln!(text, "------< Static Track groups >------")?;
    }
    for (name, instances) in &fixed.groups {
        writeln!(text, " Static Track Group = {name}")?;
        writeln!(text, "   VRRP member instances :")?;
        instances.iter().try_for_each(|instance| writeln!(text, "     {instance}"))?;
    }
    Ok(())
}

fn sync_group(text: &mut String, one: &SyncGroup) -> fmt::Result {
    writeln!(text, " VRRP Sync Group = {}, {}", one.name, one.state)?;
    writeln!(text, "   Num member fault {}, num member init {}", one.faults, one.initial)?;
    writeln!(text, "   VRRP member instances :")?;
    one.members.iter().try_for_each(|member| writeln!(text, "     {member}"))?;
    writeln!(text, "   Using smtp notification = {}", yes(one.mails))?;
    tracked(text, "interfaces", &one.interfaces)?;
    tracked(text, "scripts", &one.scripts)?;
    commands(text, &one.notify)
}

fn track_file(text: &mut String, one: &TrackFile) -> fmt::Result {
    writeln!(text, " Track file = {}", one.name)?;
    writeln!(text, "   File = {}", one.path.display())?;
    writeln!(text, "   Status = {}", one.value.unwrap_or_default())?;
    writeln!(text, "   Weight = {}{}", one.weight, reversed(one.reverse))?;
    writeln!(text, "   Tracking instances :")?;
    users(text, &one.instances)
}

fn track_process(text: &mut String, one: &TrackProcess) -> fmt::Result {
    writeln!(text, " VRRP Track process = {}", one.name)?;
    writeln!(text, "   Process = {}", one.program)?;
    if !one.parameters.is_empty() {
        writeln!(text, "   Parameters = {}", one.parameters)?;
    }
    writeln!(text, "   Min processes = {}", one.quorum)?;
    if let Some(most) = one.quorum_max {
        writeln!(text, "   Max processes = {most}")?;
    }
    writeln!(text, "   Current processes = {}", one.count.unwrap_or_default())?;
    writeln!(text, "   Have quorum = {}", one.good == Some(true))?;
    writeln!(text, "   Weight = {}{}", one.weight, reversed(one.reverse))?;
    writeln!(text, "   Terminate delay = {}s", six_places(one.terminate_delay))?;
    writeln!(text, "   Fork delay = {}s", six_places(one.fork_delay))?;
    writeln!(text, "   Fork delay timer not running")?;
    writeln!(text, "   Terminate delay timer not running")?;
    writeln!(text, "   Full command = {}", one.full_command)?;
    if one.instances.is_empty() {
        return Ok(());
    }
    writeln!(text, "   Tracking instances :")?;
    users(text, &one.instances)
}

fn instance(text: &mut String, one: &Instance, now_ms: u64) -> fmt::Result {
    let status = &one.status;
    writeln!(text, " VRRP Instance = {}", status.name)?;
    writeln!(text, "   VRRP Version = {}", status.version)?;
    if status.family == 6 {
        writeln!(text, "   Using Native IPv6")?;
    }
    if let Some(group) = &one.sync_group {
        writeln!(text, "   Sync group = {group}")?;
    }
    writeln!(text, "   State = {}", status.state)?;
    if let Some((source, priority)) = one.heard_master() {
        writeln!(text, "   Master router = {source}")?;
        writeln!(text, "   Master priority = {priority}")?;
        if status.version == 3 {
            let centiseconds = one.active_interval.as_millis().div_euclid(10);
            let (seconds, rest) = (centiseconds.div_euclid(100), centiseconds.rem_euclid(100));
            writeln!(text, "   Master advert int = {seconds}.{rest:02} sec")?;
        }
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
    if one.skips_address_check {
        writeln!(text, "   Skip checking advert IP addresses")?;
    }
    if one.strict {
        writeln!(text, "   Enforcing strict VRRP compliance")?;
    }
    source(text, one)?;
    announcements(text, one)?;
    election(text, one)?;
    addresses(text, one)?;
    peers(text, one)?;
    writeln!(text, "   fd_in -1, fd_out -1")?;
    for (what, lines) in [("Routes", &one.routes), ("Rules", &one.rules)] {
        if !lines.is_empty() {
            writeln!(text, "   Virtual {what} :")?;
            lines.iter().try_for_each(|line| writeln!(text, "     {line}"))?;
        }
    }
    tracked(text, "interfaces", &one.interfaces)?;
    tracked(text, "scripts", &one.scripts)?;
    for (what, list) in [("files", &one.files), ("processes", &one.processes)] {
        if !list.is_empty() {
            writeln!(text, "   Tracked {what} :")?;
            users(text, list)?;
        }
    }
    notify(text, one)
}

fn flags(text: &mut String, one: &Instance) -> fmt::Result {
    let unicast = matches!(one.transport, Transport::Unicast { .. });
    let differs = !one.preempts || !one.asserts || !one.tracks_interface;
    if unicast || one.status.version == 3 || differs || one.skips_address_check || one.strict {
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
        if one.heard_master().is_some() {
            writeln!(text, "   Master advert interval = {} milli-sec", one.active_interval.as_millis())?;
        }
    }
    writeln!(text, "   Accept = {}", enabled(one.accepts))?;
    writeln!(text, "   Preempt = {}", enabled(one.preempts))?;
    if !one.preempt_delay.is_zero() {
        writeln!(text, "   Preempt delay = {} secs", plain(one.preempt_delay))?;
    }
    writeln!(text, "   Promote_secondaries = {}", enabled(one.promotes_secondaries))?;
    match &one.password {
        Some(password) => {
            writeln!(text, "   Authentication type = SIMPLE_PASSWORD")?;
            writeln!(text, "   Password = {password}")?;
        }
        None if status.version == 2 => writeln!(text, "   Authentication type = none")?,
        None => {}
    }
    if let Some(bytes) = one.receive_buffer {
        writeln!(text, "   Kernel rx buffer size = {bytes}")?;
    }
    match one.debug {
        Some(level @ 1..) => writeln!(text, "   Debug level = {level}"),
        Some(0) | None => Ok(()),
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
    writeln!(text, "   Using smtp notification = {}", yes(one.mails))?;
    writeln!(text, "   Notify deleted = {}", if one.says_deleted { "Deleted" } else { "Fault" })?;
    commands(text, &one.notify)?;
    writeln!(text, "   Notify priority changes = {}", one.says_priorities)
}

fn commands(text: &mut String, notify: &Notify) -> fmt::Result {
    for (what, command) in [
        ("Backup", &notify.backup),
        ("Master", &notify.master),
        ("Fault", &notify.fault),
        ("Stop", &notify.stop),
        ("Generic", &notify.any),
        ("Master rx lower pri", &notify.lower_priority),
    ] {
        if let Some(command) = command {
            let Command { ids: (user, group), .. } = command;
            let quoted = command.quoted();
            writeln!(text, "   {what} state transition script = {quoted}, uid:gid {user}:{group}")?;
        }
    }
    Ok(())
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
        let size = users.iter().filter_map(|one| one.receive_buffer).max().unwrap_or_default();
        writeln!(text, "   Rx buf size = {size}")?;
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
    for (what, pace) in [("ARP", one.arp_pace), ("NA", one.neighbor_pace)] {
        if !pace.is_zero() {
            writeln!(text, "   Gratuitous {what} interval {}ms", pace.as_millis())?;
        }
    }
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

pub(super) fn six_places(time: Duration) -> String {
    format!("{}.{:06}", time.as_secs(), time.subsec_micros())
}

/// Seconds without needless zeros.
pub(super) fn plain(time: Duration) -> String {
    let text = six_places(time);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests;
