//! Our own names.

use std::{fmt, time::Duration};

use regent_common::Counter;

use super::{Families, Labels, labels, plain_address, with};
use crate::{
    observe::{
        data_plane::Mode,
        observation::Carrier,
        reload::ReloadStatus,
        snapshot::{AddressStatus, InstanceStatus, PortStatus, Snapshot, TurnStatus},
    },
    words,
};

pub(super) fn encode(snapshot: &Snapshot, families: &mut Families<'_>) -> fmt::Result {
    agent(snapshot, families)?;
    states(&snapshot.instances, families)?;
    data_plane(&snapshot.instances, families)?;
    adverts(&snapshot.instances, families)?;
    sources(&snapshot.instances, families)?;
    dependencies(&snapshot.instances, families)?;
    ports(&snapshot.ports, families)?;
    turn(&snapshot.turn, families)
}

/// Milliseconds as the seconds that Prometheus wants.
fn seconds(milliseconds: u64) -> f64 {
    Duration::from_millis(milliseconds).as_secs_f64()
}

fn agent(snapshot: &Snapshot, families: &mut Families<'_>) -> fmt::Result {
    let router = snapshot.router_id.clone().unwrap_or_default();
    let about = vec![("version", snapshot.version.clone()), ("router_id", router)];
    families.gauge("regent_info", "Always 1; the agent's version and router_id.", [(about, 1_u32)])?;
    let uptime = [(Labels::new(), seconds(snapshot.uptime_ms))];
    families.gauge("regent_uptime_seconds", "Time since the agent started.", uptime)?;
    let observing = [(Labels::new(), u32::from(snapshot.observing))];
    families.gauge("regent_observing", "1 while nothing is sent, assigned or dropped.", observing)?;
    let heard = [(Labels::new(), snapshot.heard.len())];
    families.gauge("regent_heard_sources", "Sources of groups that are not configured here.", heard)?;
    reloads(&snapshot.reload, families)
}

fn reloads(reload: &ReloadStatus, families: &mut Families<'_>) -> fmt::Result {
    let results = [("applied", reload.applied), ("unchanged", reload.unchanged), ("failed", reload.failed)];
    families.counter(
        "regent_config_reload_attempts",
        "Times the config was read again, by what came of it; one that failed has changed nothing.",
        results.map(|(result, count)| (vec![("result", result.to_owned())], count)),
    )?;
    families.gauge(
        "regent_config_reload_last_successful",
        "0 after a reload that failed: the agent runs with the config of before.",
        [(Labels::new(), u32::from(reload.last_good))],
    )?;
    families.gauge(
        "regent_config_reload_success_timestamp_seconds",
        "When the config that runs was read.",
        [(Labels::new(), seconds(reload.config_unix_ms))],
    )?;
    // None before the first.
    let last = (reload.last_unix_ms > 0).then(|| (Labels::new(), seconds(reload.last_unix_ms)));
    families.gauge(
        "regent_config_reload_timestamp_seconds",
        "When the config was read again the last time, with whatever result.",
        last,
    )?;
    let took = (reload.last_unix_ms > 0)
        .then(|| (Labels::new(), Duration::from_micros(reload.last_took_us).as_secs_f64()));
    families.gauge(
        "regent_config_reload_duration_seconds",
        "How long the last reload took to apply; 0 when it changed nothing.",
        took,
    )
}

fn states(instances: &[InstanceStatus], families: &mut Families<'_>) -> fmt::Result {
    let states = instances.iter().flat_map(|instance| {
        words::STATES.map(|state| {
            let word = words::state(state);
            (with(labels(instance), "state", word), u32::from(instance.state == word))
        })
    });
    families.gauge("regent_instance_state", "1 for the state that the instance is in.", states)?;
    let since = instances.iter().map(|instance| (labels(instance), seconds(instance.since_unix_ms)));
    families.gauge("regent_instance_since_timestamp_seconds", "When the state was entered.", since)?;
    let transitions = instances.iter().flat_map(|instance| {
        let entered = instance.transitions.iter();
        entered.map(|(state, count)| (with(labels(instance), "state", state.to_owned()), count))
    });
    families.counter("regent_instance_transitions", "Transitions, by the state entered.", transitions)?;
    let priorities = instances.iter().flat_map(|instance| {
        let (base, effective) = (instance.priority_base, instance.priority_effective);
        [("base", base), ("effective", effective)]
            .map(|(kind, priority)| (with(labels(instance), "kind", kind), u32::from(priority)))
    });
    families.gauge("regent_instance_priority", "Priority of the config, and after trackers.", priorities)?;
    let troubles = instances.iter().map(|instance| (labels(instance), instance.troubles.len()));
    families.gauge("regent_instance_troubles", "Things that an operator should act on; see status.", troubles)
}

fn data_plane(instances: &[InstanceStatus], families: &mut Families<'_>) -> fmt::Result {
    let modes = instances.iter().flat_map(|instance| {
        let mode = instance.mode.into_iter();
        mode.flat_map(|mode| Mode::ALL.map(|one| (one, u32::from(one == mode))))
            .map(|(mode, value)| (with(labels(instance), "mode", mode.word()), value))
    });
    families.gauge(
        "regent_gate_mode",
        "1 for what the data plane does for the instance; expired: its adverts stopped, and it fell silent.",
        modes,
    )?;
    let gates = instances.iter().map(|instance| (labels(instance), seconds(instance.gate_ms)));
    families.gauge(
        "regent_gate_seconds",
        "The data plane falls silent for an instance whose newest advert is older; 0: never.",
        gates,
    )?;
    let of = |value: fn(&AddressStatus) -> u64| {
        instances.iter().flat_map(move |instance| {
            let addresses = instance.addresses.iter();
            addresses.map(move |address| (address_labels(instance, address), value(address)))
        })
    };
    families.counter(
        "regent_vip_requests",
        "ARP requests and neighbour solicitations for the virtual address that the XDP program saw.",
        of(|address| address.requests),
    )?;
    families.counter(
        "regent_vip_replies",
        "Of those, answered by the XDP program.",
        of(|address| address.replies),
    )
}

/// The labels of an instance, and those of one of its addresses.
fn address_labels(instance: &InstanceStatus, address: &AddressStatus) -> Labels {
    let own = with(labels(instance), "ip_address", plain_address(&address.address));
    with(own, "device", address.device.clone())
}

fn adverts(instances: &[InstanceStatus], families: &mut Families<'_>) -> fmt::Result {
    let of = |value: fn(&InstanceStatus) -> u64| instances.iter().map(move |one| (labels(one), value(one)));
    families.counter("regent_adverts_sent", "Adverts sent.", of(|one| one.adverts_sent))?;
    families.counter(
        "regent_adverts_accepted",
        "Adverts accepted.",
        of(|one| counter(one, Counter::Accepted)),
    )?;
    families.counter(
        "regent_adverts_lost",
        "Adverts of others probably lost on the way.",
        of(|one| one.adverts_lost),
    )?;
    let rejected = instances.iter().flat_map(|instance| {
        let reasons = instance.rejected.iter();
        reasons.map(|(reason, count)| (with(labels(instance), "reason", reason.to_owned()), count))
    });
    families.counter("regent_adverts_rejected", "Adverts rejected, by reason.", rejected)?;
    // Those that say how many were accepted or rejected are above.
    let plain = || {
        Counter::all().filter(|counter| match counter {
            Counter::Accepted | Counter::Rejected(_) => false,
            Counter::PriorityZero
            | Counter::ChecksumMessageOnly
            | Counter::ChecksumPseudoHeader
            | Counter::ChecksumOldUnicast
            | Counter::IntervalLearned
            | Counter::AddressListMismatch
            | Counter::OwnerConflict
            | Counter::FirstNotLinkLocal
            | Counter::RingBudget
            | Counter::RingFull
            | Counter::SlotEvicted
            | Counter::ArpRequest
            | Counter::ArpClaim
            | Counter::NeighborSolicitation
            | Counter::NeighborClaim
            | Counter::ArpAnswered
            | Counter::NeighborAnswered
            | Counter::MutedInbound
            | Counter::MutedOutbound
            | Counter::Yielded => true,
        })
    };
    let noted = instances.iter().flat_map(|instance| {
        plain().map(|kind| (with(labels(instance), "kind", kind.label()), counter(instance, kind)))
    });
    families.counter(
        "regent_packets_noted",
        "Packets that were not rejected but worth counting, by kind.",
        noted,
    )
}

/// One of the kernel's counters.
pub(super) fn counter(instance: &InstanceStatus, counter: Counter) -> u64 {
    instance.counters.get(counter.label()).unwrap_or_default()
}

fn sources(instances: &[InstanceStatus], families: &mut Families<'_>) -> fmt::Result {
    let all = || {
        instances.iter().flat_map(|instance| {
            let sources = instance.sources.iter();
            sources.map(|source| (with(labels(instance), "source", source.source.to_string()), source))
        })
    };
    let received = all().map(|(labels, source)| (labels, source.received));
    families.counter("regent_source_adverts_accepted", "Adverts accepted, by source.", received)?;
    let lost = all().map(|(labels, source)| (labels, source.lost));
    families.counter("regent_source_adverts_lost", "Adverts probably lost on the way, by source.", lost)?;
    let silences = all().map(|(labels, source)| (labels, source.silences));
    families.counter(
        "regent_source_silences",
        "Silences of more than 3.5 intervals, by source.",
        silences,
    )?;
    let age = all().map(|(labels, source)| (labels, seconds(source.age_ms)));
    families.gauge("regent_source_age_seconds", "Time since the newest advert, by source.", age)
}

fn dependencies(instances: &[InstanceStatus], families: &mut Families<'_>) -> fmt::Result {
    let addresses = instances.iter().flat_map(|instance| {
        let addresses = instance.addresses.iter();
        addresses.map(|address| (address_labels(instance, address), u32::from(address.assigned)))
    });
    families.gauge("regent_address_assigned", "1 while the virtual address is here, by us.", addresses)?;
    let of = |value: fn(&InstanceStatus) -> u64| instances.iter().map(move |one| (labels(one), value(one)));
    families.counter(
        "regent_addresses_restored",
        "Virtual addresses that somebody else removed and that were put back.",
        of(|one| one.addresses_restored),
    )?;
    families.counter(
        "regent_announcements_sent",
        "Gratuitous ARP and unsolicited neighbour advertisements sent.",
        of(|one| one.announcements_sent),
    )?;
    let trackers = instances.iter().flat_map(|instance| {
        instance.trackers.iter().filter_map(|tracker| {
            let own = with(labels(instance), "kind", tracker.kind.clone());
            Some((with(own, "name", tracker.name.clone()), u32::from(tracker.good?)))
        })
    });
    families.gauge("regent_tracker_good", "1 while what the instance depends on is good.", trackers)
}

fn ports(ports: &[PortStatus], families: &mut Families<'_>) -> fmt::Result {
    let port = |port: &PortStatus| vec![("intf", port.name.clone())];
    let up = ports.iter().map(|one| (port(one), u32::from(one.up)));
    families.gauge("regent_port_up", "1 while the interface is up, with carrier.", up)?;
    let carriers = ports.iter().flat_map(|one| {
        [Carrier::Native, Carrier::Generic, Carrier::Socket, Carrier::None]
            .map(|carrier| (with(port(one), "carrier", carrier.word()), u32::from(one.carrier == carrier)))
    });
    families.gauge("regent_port_carrier", "1 for where adverts of the port come from.", carriers)?;
    let losses = ports.iter().map(|one| (port(one), one.carrier_losses));
    families.counter("regent_port_carrier_losses", "Times the carrier was lost while running.", losses)?;
    let responders = ports.iter().flat_map(|one| {
        ["xdp", "kernel"].map(|responder| {
            (with(port(one), "responder", responder), u32::from(one.responder.word() == responder))
        })
    });
    families.gauge(
        "regent_responder",
        "1 for who answers ARP and neighbour solicitations for virtual addresses on the port.",
        responders,
    )?;
    let dead_man = ports.iter().flat_map(|one| {
        ["on", "stuck", "off"]
            .map(|state| (with(port(one), "state", state), u32::from(one.dead_man.word() == state)))
    });
    families.gauge(
        "regent_dead_man",
        "1 for when a dead agent's host falls silent: always, only while the agent is stuck, or never.",
        dead_man,
    )?;
    let promiscuous = ports.iter().map(|one| (port(one), u32::from(one.promiscuous)));
    families.gauge(
        "regent_port_promiscuous",
        "1 while a virtual MAC makes the card take every frame.",
        promiscuous,
    )
}

fn turn(turn: &TurnStatus, families: &mut Families<'_>) -> fmt::Result {
    let one = |value: u64| [(Labels::new(), value)];
    families.counter("regent_turns", "Turns of the loop.", one(turn.turns))?;
    let lateness = [(Labels::new(), Duration::from_nanos(turn.worst_lateness_ns).as_secs_f64())];
    families.gauge(
        "regent_timer_lateness_worst_seconds",
        "The latest that a deadline was fired.",
        lateness,
    )?;
    let dropped = one(turn.observations_dropped);
    families.counter(
        "regent_observations_dropped",
        "Log lines and events that were lost: nobody took them.",
        dropped,
    )?;
    let realtime = one(u64::from(turn.realtime));
    families.gauge("regent_realtime", "1 when real-time scheduling was granted.", realtime)?;
    families.gauge("regent_memory_locked", "1 when memory is locked.", one(u64::from(turn.memory_locked)))
}
