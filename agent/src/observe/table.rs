//! A snapshot for people: `agent status`. Readable at 100 columns, and every row begins with the name it is about, so
//! that it can be searched.

use std::{net::IpAddr, time::Duration};

use comfy_table::{Cell, CellAlignment, Color, ContentArrangement, Table, presets};

use super::{
    data_plane::{DeadMan, Hook},
    snapshot::{
        AddressStatus, FeatureStatus, HeardStatus, InstanceStatus, PortStatus, Snapshot, TrackerStatus,
        TurnStatus,
    },
    tally::Tally,
};
use crate::words;

/// Addresses shown for one instance; the rest is counted. The JSON has all of them.
const ADDRESSES_SHOWN: usize = 16;

/// How it is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Columns.
    pub width: u16,
    /// States in colour.
    pub colour: bool,
}

impl Look {
    /// Without a terminal.
    pub const PLAIN: Self = Self { width: 100, colour: false };

    /// As wide as the terminal that stdout is; plain when it is none, or when NO_COLOR asks for it.
    pub fn of_stdout() -> Self {
        let table = Table::new();
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        match table.width() {
            Some(width) if table.is_tty() => Self { width: width.max(40), colour: !no_colour },
            Some(_) | None => Self::PLAIN,
        }
    }
}

/// What `heard` groups a status shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// How many there are.
    Counted,
    /// All of them.
    Shown,
}

/// The whole status.
pub fn status(snapshot: &Snapshot, heard: Heard, look: Look) -> String {
    let mut parts = vec![headline(snapshot)];
    if !snapshot.instances.is_empty() {
        parts.push(instances(&snapshot.instances, look));
        parts.push(adverts(snapshot, look));
        parts.push(details(&snapshot.instances, look));
    }
    parts.push(troubles(snapshot));
    parts.push(match (heard, snapshot.observing, snapshot.heard.len()) {
        (Heard::Shown, _, _) | (Heard::Counted, true, _) => groups(&snapshot.heard, look),
        (Heard::Counted, false, 0) => String::new(),
        (Heard::Counted, false, count) => {
            format!("Heard beside these: {count} (status --heard shows them)\n")
        }
    });
    parts.push(ports(&snapshot.ports, look));
    parts.push(data_plane(snapshot, look));
    parts.push(kernel(&snapshot.kernel, look));
    parts.push(turn(&snapshot.turn));
    parts.retain(|part| !part.is_empty());
    parts.join("\n")
}

/// The groups on the wire that are not configured here.
pub fn groups(heard: &[HeardStatus], look: Look) -> String {
    if heard.is_empty() {
        return "No VRRP group is heard that is not configured here.\n".to_owned();
    }
    let mut table = table(
        look,
        &["HEARD", "SOURCE", "VERSION", "PRIORITY", "INTERVAL", ">RECEIVED", ">LOST", "REJECTED", "LAST"],
    );
    for one in heard {
        let reasons = reasons(&one.rejected);
        table.add_row(vec![
            Cell::new(group_name(one)),
            Cell::new(one.source),
            Cell::new(one.version),
            Cell::new(one.priority),
            Cell::new(if one.interval_ms == 0 { "-".to_owned() } else { words::interval(one.interval_ms) }),
            number(one.received),
            number(one.lost),
            Cell::new(if reasons.is_empty() { "0".to_owned() } else { reasons }),
            Cell::new(words::age(one.age_ms)),
        ]);
    }
    drawn(&table)
}

/// `ens33 VRID 51`, with the VLAN if there is one.
pub(super) fn group_name(heard: &HeardStatus) -> String {
    let vrid = if heard.vrid == 0 { "?".to_owned() } else { heard.vrid.to_string() };
    match heard.vlan {
        0 => format!("{} VRID {vrid}", heard.interface),
        vlan => format!("{} VLAN {vlan} VRID {vrid}", heard.interface),
    }
}

/// `checksum 4, ttl 1`: the reasons that occurred.
pub(super) fn reasons(rejected: &Tally) -> String {
    let occurred = rejected.iter().filter(|(_, count)| *count > 0);
    occurred.map(|(reason, count)| format!("{reason} {count}")).collect::<Vec<_>>().join(", ")
}

fn headline(snapshot: &Snapshot) -> String {
    let does = match (snapshot.observing, &snapshot.config) {
        (true, _) => "observing: nothing is sent, assigned or dropped".to_owned(),
        (false, Some(config)) => format!("config {config}"),
        (false, None) => "configured by flags".to_owned(),
    };
    let router = snapshot.router_id.as_ref().map_or(String::new(), |router| format!(", router_id {router}"));
    let up = words::age(snapshot.uptime_ms);
    let headline = format!("Regent {}, pid {}, up {up}, {does}{router}", snapshot.version, snapshot.pid);
    plain(&headline) + "\n" + &last_reload(snapshot)
}

fn last_reload(snapshot: &Snapshot) -> String {
    let reload = &snapshot.reload;
    let Some(outcome) = reload.last_outcome else { return String::new() };
    // Only one that changed something says how long that took.
    let took = (reload.last_took_us > 0)
        .then(|| format!(" in {}", words::lapse(Duration::from_micros(reload.last_took_us))));
    let age = words::age(snapshot.taken_unix_ms.saturating_sub(reload.last_unix_ms));
    format!("Last reload {age} ago: {}{}\n", outcome.phrase(), took.unwrap_or_default())
}

fn instances(instances: &[InstanceStatus], look: Look) -> String {
    let mut table =
        table(look, &["INSTANCE", "INTERFACE", "VRID", "STATE", "SINCE", "PRIORITY", "MASTER", "WHY"]);
    for one in instances {
        let priority = if one.priority_base == one.priority_effective {
            one.priority_base.to_string()
        } else {
            format!("{} (of {})", one.priority_effective, one.priority_base)
        };
        let master = match &one.active {
            Some(active) if active.local => "this host".to_owned(),
            Some(active) => format!("{} ({})", active.source, active.priority),
            None => "-".to_owned(),
        };
        table.add_row(vec![
            text(&one.name),
            text(&one.interface),
            Cell::new(one.vrid),
            Cell::new(plain(&one.state)).fg(colour(&one.state)),
            Cell::new(words::age(one.since_ms)),
            Cell::new(priority),
            Cell::new(master),
            text(&one.why),
        ]);
    }
    drawn(&table)
}

fn colour(state: &str) -> Color {
    match state {
        "MASTER" => Color::Green,
        "FAULT" => Color::Red,
        _ => Color::Reset,
    }
}

fn adverts(snapshot: &Snapshot, look: Look) -> String {
    let mut table = table(
        look,
        &["ADVERTS", "VERSION", "INTERVAL", "CARRIER", ">SENT", ">RECEIVED", ">LOST", ">REJECTED"],
    );
    for one in &snapshot.instances {
        let port = snapshot.ports.iter().find(|port| port.name == one.interface);
        let rejected: u64 = one.rejected.sum();
        table.add_row(vec![
            text(&one.name),
            Cell::new(one.version),
            Cell::new(words::interval(one.interval_ms)),
            Cell::new(port.map_or("-", |port| port.carrier.word())),
            number(one.adverts_sent),
            number(one.counters.get("accepted").unwrap_or_default()),
            number(one.adverts_lost),
            number(rejected),
        ]);
    }
    drawn(&table)
}

/// What is not a number: addresses, the responder, reasons, sources, trackers.
fn details(instances: &[InstanceStatus], look: Look) -> String {
    let mut table = table(look, &["DETAIL", "", ""]);
    for one in instances {
        let mut row = |what: &str, content: String| {
            if !content.is_empty() {
                table.add_row(vec![text(&one.name), Cell::new(what), text(&content)]);
            }
        };
        row("addresses", addresses(one));
        row("responder", responder(one));
        row("adverts", way(one));
        row("rejected", reasons(&one.rejected));
        let sources = one.sources.iter().map(|source| {
            let age = words::age(source.age_ms);
            let form = source.checksum.as_deref().map_or(String::new(), |form| format!(", checksum {form}"));
            format!(
                "{} (priority {}, {} received, {} lost, last {age} ago{form})",
                source.source, source.priority, source.received, source.lost
            )
        });
        row("heard", sources.collect::<Vec<_>>().join("; "));
        row("tracked", one.trackers.iter().map(tracker).collect::<Vec<_>>().join("; "));
    }
    if table.row_count() == 0 { String::new() } else { drawn(&table) }
}

/// Whether the data plane speaks for an instance, from which MAC and for how long, and what it was asked.
fn responder(instance: &InstanceStatus) -> String {
    let Some(mode) = instance.mode else { return String::new() };
    let mac = instance.mac.as_ref().map_or_else(String::new, |mac| format!(", MAC {mac}"));
    let gate = gate(instance);
    let (requests, replies) = instance
        .addresses
        .iter()
        .fold((0, 0), |(requests, replies), one| (requests + one.requests, replies + one.replies));
    let counts = if requests == 0 {
        String::new()
    } else {
        format!("; {requests} requests seen, {replies} of them answered by XDP")
    };
    format!("{}, {gate}{mac}{counts}", mode.word())
}

fn gate(instance: &InstanceStatus) -> String {
    match instance.gate_ms {
        0 => "gate off".to_owned(),
        gate => format!("gate {}", words::interval(gate)),
    }
}

/// From where to where adverts go.
fn way(instance: &InstanceStatus) -> String {
    let to = instance.destinations.iter().map(IpAddr::to_string).collect::<Vec<_>>().join(", ");
    match (instance.source, to.is_empty()) {
        (_, true) => String::new(),
        (Some(source), false) => format!("from {source} to {to}"),
        (None, false) => format!("to {to}; no address to send from"),
    }
}

fn addresses(instance: &InstanceStatus) -> String {
    let master = instance.state == "MASTER";
    let mut shown: Vec<String> = instance
        .addresses
        .iter()
        .take(ADDRESSES_SHOWN)
        .map(|one| address(one, &instance.interface, master))
        .collect();
    let rest = instance.addresses.len().saturating_sub(ADDRESSES_SHOWN);
    if rest > 0 {
        let missing = instance.addresses.iter().skip(ADDRESSES_SHOWN).filter(|one| !one.assigned).count();
        let missing =
            if master && missing > 0 { format!(", {missing} of them missing") } else { String::new() };
        shown.push(format!("and {rest} more{missing} (-o json shows all)"));
    }
    shown.join("; ")
}

fn address(address: &AddressStatus, interface: &str, master: bool) -> String {
    let device = if address.device == interface { String::new() } else { format!(" dev {}", address.device) };
    let here = match (address.assigned, address.foreign, master) {
        (true, _, _) => " here",
        (false, true, _) => " here, but not by the agent",
        (false, false, true) => " MISSING",
        (false, false, false) => "",
    };
    let excluded = if address.excluded { " (not in adverts)" } else { "" };
    format!("{}{device}{here}{excluded}", address.address)
}

fn tracker(tracker: &TrackerStatus) -> String {
    let state = match tracker.good {
        Some(true) => "good",
        Some(false) => "BAD",
        None => "not known yet",
    };
    let weight = match tracker.weight {
        0 => String::new(),
        weight => format!(", weight {weight}"),
    };
    format!("{} {} {state}{weight}", tracker.kind, tracker.name)
}

fn troubles(snapshot: &Snapshot) -> String {
    let of_instances = snapshot.instances.iter().flat_map(|instance| {
        instance.troubles.iter().map(move |trouble| format!("! {}: {trouble}", instance.name))
    });
    let dropped = snapshot.turn.observations_dropped;
    let of_agent =
        (dropped > 0).then(|| format!("! {dropped} log lines and events were lost: the log is too slow"));
    let of_config = snapshot.reload.problem.iter().map(|problem| {
        format!("! the config of before is in effect, since the new one could not be applied: {problem}")
    });
    of_config.chain(of_instances).chain(of_agent).map(|line| plain(&line) + "\n").collect()
}

fn ports(ports: &[PortStatus], look: Look) -> String {
    if ports.is_empty() {
        return String::new();
    }
    let mut table = table(look, &["PORT", "LINK", "ADDRESS", "CARRIER", ">LOSSES", "WHY NOT NATIVE"]);
    for port in ports {
        table.add_row(vec![
            text(&port.name),
            Cell::new(match (port.ifindex, port.up) {
                (0, _) => "absent",
                (_, true) => "up",
                (_, false) => "down",
            }),
            Cell::new(port.source.map_or("-".to_owned(), |source| source.to_string())),
            Cell::new(port.carrier.word()),
            number(port.carrier_losses),
            text(&port.carrier_reason),
        ]);
    }
    drawn(&table)
}

/// What the programs do on each port that bears an instance.
fn data_plane(snapshot: &Snapshot, look: Look) -> String {
    let mut table = table(look, &["DATA PLANE", "", ""]);
    for port in snapshot.ports.iter().filter(|port| port.ifindex != 0) {
        let borne: Vec<&InstanceStatus> =
            snapshot.instances.iter().filter(|one| one.interface == port.name).collect();
        if borne.is_empty() {
            continue;
        }
        let mut row = |what: &str, content: String| {
            if !content.is_empty() {
                table.add_row(vec![text(&port.name), Cell::new(what), text(&content)]);
            }
        };
        row("responder", port.responder.to_string());
        row("dead man", dead_man(port, &borne));
        row("tc", hooks(port));
        row("virtual MAC", virtual_macs(port));
    }
    if table.row_count() == 0 { String::new() } else { drawn(&table) }
}

/// `on, gate 2.937 s`: with the gates of the instances, each once.
fn dead_man(port: &PortStatus, borne: &[&InstanceStatus]) -> String {
    let mut gates: Vec<u64> = borne.iter().map(|one| one.gate_ms).filter(|gate| *gate > 0).collect();
    gates.sort_unstable();
    let on = match (gates.first(), gates.last()) {
        (Some(least), Some(most)) if least == most => format!("gate {}", words::interval(*least)),
        (Some(least), Some(most)) => {
            format!("gates {} to {}", words::interval(*least), words::interval(*most))
        }
        (Some(_) | None, _) => "but every gate is off".to_owned(),
    };
    match &port.dead_man {
        DeadMan::On => format!("on, {on}"),
        stuck @ DeadMan::Stuck { .. } => format!("{stuck}; {on}"),
        off @ DeadMan::Off { .. } => off.to_string(),
    }
}

fn hooks(port: &PortStatus) -> String {
    let hooks = [("egress", &port.tc_egress), ("ingress", &port.tc_ingress)];
    let used = hooks.iter().filter(|(_, hook)| **hook != Hook::Unused);
    used.map(|(name, hook)| format!("{name} {hook}")).collect::<Vec<_>>().join("; ")
}

fn virtual_macs(port: &PortStatus) -> String {
    let promiscuous = if port.promiscuous {
        "; promiscuous for its sake: the card has no filter for further addresses"
    } else {
        ""
    };
    match port.virtual_macs.as_slice() {
        [] => String::new(),
        macs => format!("{}{promiscuous}", macs.join(", ")),
    }
}

/// What the kernel can, and what that takes away where it cannot.
fn kernel(features: &[FeatureStatus], look: Look) -> String {
    if features.is_empty() {
        return String::new();
    }
    let mut table = table(look, &["KERNEL", "", ""]);
    for feature in features {
        table.add_row(vec![text(&feature.name), text(&feature.state), text(&feature.consequence)]);
    }
    drawn(&table)
}

fn turn(turn: &TurnStatus) -> String {
    let late = words::lapse(std::time::Duration::from_nanos(turn.worst_lateness_ns));
    let granted = |what: bool| if what { "on" } else { "off" };
    let (realtime, locked) = (granted(turn.realtime), granted(turn.memory_locked));
    format!("Timers: at worst {late} late; real-time scheduling {realtime}, memory lock {locked}\n")
}

/// An empty table; a column whose name begins with `>` holds numbers.
fn table(look: Look, header: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(look.width)
        .set_header(header.iter().map(|name| match name.strip_prefix('>') {
            Some(number) => Cell::new(number).set_alignment(CellAlignment::Right),
            None => Cell::new(name),
        }));
    if look.colour {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    if let Some(first) = table.column_mut(0) {
        first.set_padding((0, 1));
    }
    table
}

/// Lines without the blanks that fill the last column.
fn drawn(table: &Table) -> String {
    table.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

fn text(content: &str) -> Cell {
    Cell::new(plain(content))
}

fn number(value: u64) -> Cell {
    Cell::new(value).set_alignment(CellAlignment::Right)
}

/// Names and sentences of others cannot talk to the terminal.
fn plain(content: &str) -> String {
    content.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests;
