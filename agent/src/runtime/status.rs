//! The snapshot: everything that status and metrics show, gathered on the loop's own thread when asked for.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::atomic::Ordering,
    time::Duration,
};

use regent_common::{Counter, Reason, map::Stranger, map::StrangerKey};
use regent_vrrp::{Instant, StateName};

use super::{
    addressing::Presence,
    engine::Engine,
    instance::Instance,
    port::Port,
    trackers::{Kind, Tracker},
};
use crate::{
    observe::snapshot::{
        ActiveStatus, AddressStatus, HeardStatus, InstanceStatus, PortStatus, Snapshot, SourceStatus,
        TrackerStatus, TurnStatus,
    },
    words,
};

impl Engine {
    /// The state of everything now.
    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot {
            schema: "v1".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            pid: std::process::id(),
            router_id: self.settings.router_id.clone(),
            observing: self.settings.observing,
            config: self.settings.config.clone(),
            uptime_ms: milliseconds(self.now.since(self.settings.started)),
            ports: self.ports.iter().map(port_status).collect(),
            instances: (0..self.instances.len()).map(|at| self.instance_status(at)).collect(),
            heard: self.heard_status(),
            turn: TurnStatus { observations_dropped: self.teller.dropped(), ..self.turn.clone() },
        }
    }

    fn instance_status(&self, at: usize) -> InstanceStatus {
        let instance = &self.instances[at];
        let plan = &instance.plan;
        let counted = self.counted(instance);
        let sources = self.sources(instance);
        let label = |counter: Counter| (counter.label(), counted[counter.slot() as usize]);
        InstanceStatus {
            name: plan.name.clone(),
            interface: plan.interface.clone(),
            vrid: plan.vrid.get(),
            family: plan.family as u8,
            version: plan.version as u8,
            state: words::state(instance.state()).into(),
            why: instance.why.clone(),
            since_unix_ms: instance.since_unix_ms,
            since_ms: milliseconds(self.now.since(instance.since)),
            priority_base: plan.priority.get(),
            priority_effective: instance.priority().get(),
            interval_ms: u64::from(plan.interval.centiseconds()) * 10,
            announce_delay_ms: milliseconds(plan.announcements.delay),
            active: self.active_status(instance),
            addresses: self.addressing.of(at).map(address_status).collect(),
            adverts_sent: instance.statistics.adverts_sent,
            priority_zero_sent: instance.statistics.priority_zero_sent,
            adverts_lost: sources.iter().map(|source| source.lost).sum(),
            counters: Counter::all()
                .filter(|counter| !matches!(counter, Counter::Rejected(_)))
                .map(label)
                .collect(),
            rejected: Reason::ALL.iter().map(|reason| label(Counter::Rejected(*reason))).collect(),
            became_master: instance.statistics.became_master,
            released_master: instance.statistics.released_master,
            transitions: words::STATES
                .into_iter()
                .map(words::state)
                .zip(instance.statistics.transitions)
                .filter(|(_, count)| *count > 0)
                .collect(),
            sources,
            trackers: instance.trackers.iter().map(|tracker| self.tracker_status(tracker)).collect(),
            troubles: instance.troubles.values().cloned().collect(),
        }
    }

    /// What both carriers counted.
    fn counted(&self, instance: &Instance) -> [u64; Counter::COUNT] {
        let mut counted = *instance.hearing.counters();
        if let Some(program) = self.program.as_ref() {
            for (sum, kernel) in counted.iter_mut().zip(program.counters(instance.row)) {
                *sum = sum.wrapping_add(kernel);
            }
        }
        counted
    }

    /// Who was heard, by either carrier.
    fn sources(&self, instance: &Instance) -> Vec<SourceStatus> {
        let mut sources: BTreeMap<[u8; 16], SourceStatus> = BTreeMap::new();
        let slots = self.program.as_ref().and_then(|program| program.slots(instance.row));
        let kernel = slots.iter().flat_map(|slots| slots.slots.iter().filter(|slot| slot.is_whole()));
        let kernel = kernel.map(|slot| (slot.heard, Instant::from_nanoseconds(slot.arrived), slot.arrivals));
        let socket =
            instance.hearing.sources().iter().map(|source| (source.heard, source.arrived, source.arrivals));
        for (heard, arrived, arrivals) in kernel.chain(socket) {
            let source = sources.entry(heard.source).or_insert_with(|| SourceStatus {
                source: ip(heard.family, heard.source),
                priority: heard.priority,
                interval_ms: u64::from(heard.interval) * 10,
                received: 0,
                lost: 0,
                silences: 0,
                age_ms: u64::MAX,
            });
            let age_ms = milliseconds(self.now.since(arrived));
            if age_ms < source.age_ms {
                source.age_ms = age_ms;
                source.priority = heard.priority;
                source.interval_ms = u64::from(heard.interval) * 10;
            }
            source.received += arrivals.received;
            source.lost += arrivals.lost;
            source.silences += u64::from(arrivals.silences);
        }
        sources.into_values().collect()
    }

    fn tracker_status(&self, tracker: &Tracker) -> TrackerStatus {
        TrackerStatus {
            kind: match tracker.kind {
                Kind::Script => "script".into(),
                Kind::Interface => "interface".into(),
            },
            name: tracker.name.to_string(),
            good: tracker.good,
            running: self.running.get(&*tracker.name).is_some_and(|running| running.load(Ordering::Relaxed)),
            weight: i32::from(tracker.weight),
        }
    }

    fn active_status(&self, instance: &Instance) -> Option<ActiveStatus> {
        match instance.state() {
            StateName::Active => Some(ActiveStatus {
                source: self.ports[instance.port]
                    .source
                    .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V4),
                priority: instance.priority().get(),
                local: true,
            }),
            StateName::Backup => instance.router.active().map(|(source, priority)| ActiveStatus {
                source: ip(instance.plan.family as u8, source),
                priority: priority.to_wire(),
                local: false,
            }),
            StateName::Initialize | StateName::Fault => None,
        }
    }

    fn heard_status(&self) -> Vec<HeardStatus> {
        let kernel = self.program.as_ref().map(|program| program.strangers()).unwrap_or_default();
        let mut heard: BTreeMap<(u32, u32, u8, u8, [u8; 16]), HeardStatus> = BTreeMap::new();
        let socket = self.strangers.iter().map(|(key, stranger)| (*key, *stranger));
        for (key, stranger) in kernel.into_iter().chain(socket) {
            let group = key.group;
            let name = (group.ifindex, group.vlans, group.family, group.vrid, key.source);
            let status = self.stranger_status(&key, &stranger);
            heard.entry(name).and_modify(|known| add(known, &status)).or_insert(status);
        }
        heard.into_values().collect()
    }

    fn stranger_status(&self, key: &StrangerKey, stranger: &Stranger) -> HeardStatus {
        let rejected = Reason::ALL.iter().filter_map(|reason| {
            let count = *stranger.rejected.get(*reason as usize)?;
            (count > 0).then(|| (reason.label(), u64::from(count)))
        });
        HeardStatus {
            interface: self
                .links
                .get(&key.group.ifindex)
                .map_or_else(|| key.group.ifindex.to_string(), |link| link.name.clone()),
            vlan: (key.group.vlans & 0x0fff) as u16,
            family: key.group.family,
            vrid: key.group.vrid,
            source: ip(key.group.family, key.source),
            version: stranger.version,
            priority: stranger.priority,
            interval_ms: u64::from(stranger.interval) * 10,
            addresses: stranger.count,
            received: stranger.arrivals.received,
            lost: stranger.arrivals.lost,
            rejected: rejected.collect(),
            age_ms: milliseconds(self.now.since(Instant::from_nanoseconds(stranger.last))),
        }
    }
}

/// The same source, heard by both carriers in turn.
fn add(known: &mut HeardStatus, other: &HeardStatus) {
    known.received += other.received;
    known.lost += other.lost;
    known.rejected.add(&other.rejected);
    if other.age_ms < known.age_ms {
        known.age_ms = other.age_ms;
        known.version = other.version;
        known.priority = other.priority;
        known.interval_ms = other.interval_ms;
        known.addresses = other.addresses;
    }
}

fn port_status(port: &Port) -> PortStatus {
    PortStatus {
        name: port.name.to_string(),
        ifindex: port.ifindex().unwrap_or(0),
        up: port.is_up(),
        carrier: port.carrier,
        carrier_reason: port.trouble.clone().unwrap_or_else(|| port.reason.clone()),
        source: port.source.map(IpAddr::V4),
        carrier_losses: port.losses,
    }
}

fn address_status(address: &super::addressing::Address) -> AddressStatus {
    AddressStatus {
        address: format!("{}/{}", address.plan.address, address.plan.prefix_length),
        device: address.device.clone(),
        assigned: address.presence == Presence::Ours,
        foreign: address.presence == Presence::Foreign,
        excluded: address.excluded,
    }
}

fn ip(family: u8, bytes: [u8; 16]) -> IpAddr {
    if family == 6 {
        IpAddr::V6(Ipv6Addr::from(bytes))
    } else {
        let [a, b, c, d, ..] = bytes;
        IpAddr::V4(Ipv4Addr::new(a, b, c, d))
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
