//! The snapshot: everything that status and metrics show, made on the control runtime from what the loop gathered and from
//! what the kernel counted.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::{PoisonError, atomic::Ordering},
    time::Duration,
};

use regent_common::{
    Counter, Reason,
    advert::{Heard, note},
    map::{Gate, Stranger, StrangerKey, VipCounts, mode},
};
use regent_vrrp::{Instant, StateName};
use tokio::sync::{mpsc, oneshot};

use super::{
    addressing::Presence,
    gathered::{Gathered, GatheredInstance},
    surroundings::Running,
    trackers::Tracker,
    wire,
};
use crate::{
    net::{clock, xdp::View},
    observe::{
        data_plane::{Mac, Mode},
        reload::Reloads,
        snapshot::{
            ActiveStatus, AddressStatus, FeatureStatus, HeardStatus, InstanceStatus, Snapshot, SourceStatus,
            TrackerStatus,
        },
        source::SnapshotRequests,
    },
    words,
};

/// Requests answered together.
const MOST_AT_ONCE: usize = 16;

/// Where the loop is asked to gather.
pub type GatherRequests = mpsc::Receiver<oneshot::Sender<Gathered>>;

/// A snapshot, and what it was made from.
#[derive(Debug)]
pub struct Picture {
    /// What everybody sees.
    pub snapshot: Snapshot,
    /// The plans behind it, too.
    pub gathered: Gathered,
}

/// Where pictures are asked for.
pub type PictureRequests = mpsc::Receiver<oneshot::Sender<Picture>>;

/// Makes snapshots for whoever asks.
pub struct Answerer {
    /// Where the loop is asked.
    pub loop_requests: mpsc::Sender<oneshot::Sender<Gathered>>,
    /// The kernel's maps, when there is a program.
    pub view: Option<View>,
    /// Whether each script runs at this moment.
    pub running: Running,
    /// What is remembered of reloads.
    pub reloads: Reloads,
    /// What the kernel can, as found at the start.
    pub kernel: Vec<FeatureStatus>,
}

impl Answerer {
    /// Answers until nobody can ask for a snapshot any more. Requests that came meanwhile get the same one.
    pub async fn run(self, mut requests: SnapshotRequests, mut pictures: PictureRequests) {
        let mut waiting = Vec::new();
        loop {
            tokio::select! {
                count = requests.recv_many(&mut waiting, MOST_AT_ONCE) => {
                    if count == 0 {
                        return;
                    }
                    if let Some(gathered) = self.gathered().await {
                        let snapshot = self.snapshot(&gathered);
                        for request in waiting.drain(..) {
                            drop(request.send(snapshot.clone()));
                        }
                    }
                    waiting.clear();
                }
                Some(request) = pictures.recv() => {
                    if let Some(gathered) = self.gathered().await {
                        drop(request.send(Picture { snapshot: self.snapshot(&gathered), gathered }));
                    }
                }
            }
        }
    }

    /// A loop that has ended drops what it was asked; so do we.
    async fn gathered(&self) -> Option<Gathered> {
        let (answer, gathered) = oneshot::channel();
        self.loop_requests.send(answer).await.ok()?;
        gathered.await.ok()
    }

    fn snapshot(&self, gathered: &Gathered) -> Snapshot {
        let settings = &gathered.settings;
        Snapshot {
            schema: "v1".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            pid: std::process::id(),
            router_id: settings.router_id.clone(),
            observing: settings.observing,
            config: settings.config.clone(),
            uptime_ms: milliseconds(gathered.now.since(settings.started)),
            taken_unix_ms: clock::unix_milliseconds(),
            ports: gathered.ports.clone(),
            instances: gathered.instances.iter().map(|one| self.instance_status(gathered, one)).collect(),
            heard: self.heard_status(gathered),
            turn: gathered.turn.clone(),
            kernel: self.kernel.clone(),
            reload: self.reloads.status(),
        }
    }

    fn instance_status(&self, gathered: &Gathered, instance: &GatheredInstance) -> InstanceStatus {
        let plan = &instance.plan;
        let counted = self.counted(instance);
        let sources = self.sources(gathered.now, instance);
        let label = |counter: Counter| (counter.label(), counted[counter.slot() as usize]);
        InstanceStatus {
            name: plan.name.clone(),
            interface: plan.interface.clone(),
            vrid: plan.vrid.get(),
            family: plan.family as u8,
            version: plan.version as u8,
            source: instance.source,
            destinations: wire::destinations(&plan.transport).collect(),
            state: words::state(instance.state).into(),
            why: instance.why.to_string(),
            since_unix_ms: instance.since_unix_ms,
            since_ms: milliseconds(gathered.now.since(instance.since)),
            priority_base: plan.priority.get(),
            priority_effective: instance.priority,
            interval_ms: u64::from(plan.interval.centiseconds()) * 10,
            announce_delay_ms: milliseconds(plan.announcements.delay),
            active: active_status(instance),
            addresses: self.addresses(instance),
            adverts_sent: instance.statistics.adverts_sent,
            priority_zero_sent: instance.statistics.priority_zero_sent,
            addresses_restored: instance.statistics.addresses_restored,
            announcements_sent: instance.statistics.announcements_sent,
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
            troubles: instance.troubles.clone(),
            mode: instance.gate.map(|gate| mode_at(gate, gathered.now)),
            gate_ms: milliseconds(plan.patience()),
            mac: instance.mac.map(|mac| Mac(mac).to_string()),
        }
    }

    /// The addresses of an instance, advertised ones first, with what the kernel has of each and what was asked about it.
    fn addresses(&self, instance: &GatheredInstance) -> Vec<AddressStatus> {
        let plan = &instance.plan;
        let advertised = plan.addresses.iter().map(|address| (address, false));
        let excluded = plan.excluded.iter().map(|address| (address, true));
        let all = advertised.chain(excluded).zip(&instance.presences).zip(instance.counts.iter().copied());
        all.map(|(((address, excluded), presence), row)| {
            let counts = self.vip_counts(row);
            AddressStatus {
                address: format!("{}/{}", address.address, address.prefix_length),
                device: address.device.clone().unwrap_or_else(|| plan.interface.clone()),
                assigned: *presence == Presence::Ours,
                foreign: *presence == Presence::Foreign,
                excluded,
                requests: counts.requests,
                replies: counts.replies,
            }
        })
        .collect()
    }

    fn vip_counts(&self, row: usize) -> VipCounts {
        let view = self.view.as_ref().zip(u32::try_from(row).ok());
        view.map(|(view, row)| view.vip_counts(row)).unwrap_or_default()
    }

    /// What both carriers counted.
    fn counted(&self, instance: &GatheredInstance) -> [u64; Counter::COUNT] {
        let mut counted = *instance.counters;
        if let Some(view) = self.view.as_ref() {
            for (sum, kernel) in counted.iter_mut().zip(view.counters(instance.row)) {
                *sum = sum.wrapping_add(kernel);
            }
        }
        counted
    }

    /// Who was heard, by either carrier.
    fn sources(&self, now: Instant, instance: &GatheredInstance) -> Vec<SourceStatus> {
        let mut sources: BTreeMap<[u8; 16], SourceStatus> = BTreeMap::new();
        let slots = self.view.as_ref().and_then(|view| view.slots(instance.row));
        let kernel = slots.iter().flat_map(|slots| slots.slots.iter().filter(|slot| slot.is_whole()));
        let kernel = kernel.map(|slot| (slot.heard, Instant::from_nanoseconds(slot.arrived), slot.arrivals));
        let socket = instance.sources.iter().map(|source| (source.heard, source.arrived, source.arrivals));
        for (heard, arrived, arrivals) in kernel.chain(socket) {
            let source = sources.entry(heard.source).or_insert_with(|| SourceStatus {
                source: ip(heard.family, heard.source),
                priority: heard.priority,
                interval_ms: u64::from(heard.interval) * 10,
                checksum: checksum(&heard).map(str::to_owned),
                received: 0,
                lost: 0,
                silences: 0,
                age_ms: u64::MAX,
            });
            let age_ms = milliseconds(now.since(arrived));
            if age_ms < source.age_ms {
                source.age_ms = age_ms;
                source.priority = heard.priority;
                source.checksum = checksum(&heard).map(str::to_owned);
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
            kind: tracker.kind.word().into(),
            name: tracker.name.to_string(),
            good: tracker.good,
            running: self
                .running
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .get(&*tracker.name)
                .is_some_and(|running| running.load(Ordering::Relaxed)),
            weight: i32::from(tracker.weight),
        }
    }

    fn heard_status(&self, gathered: &Gathered) -> Vec<HeardStatus> {
        let kernel = self.view.as_ref().map(View::strangers).unwrap_or_default();
        let mut heard: BTreeMap<(u32, u32, u8, u8, [u8; 16]), HeardStatus> = BTreeMap::new();
        let socket = gathered.strangers.iter().copied();
        for (key, stranger) in kernel.into_iter().chain(socket) {
            let group = key.group;
            let name = (group.ifindex, group.vlans, group.family, group.vrid, key.source);
            let status = stranger_status(gathered, &key, &stranger);
            heard.entry(name).and_modify(|known| add(known, &status)).or_insert(status);
        }
        heard.into_values().collect()
    }
}

fn stranger_status(gathered: &Gathered, key: &StrangerKey, stranger: &Stranger) -> HeardStatus {
    let rejected = Reason::ALL.iter().filter_map(|reason| {
        let count = *stranger.rejected.get(*reason as usize)?;
        (count > 0).then(|| (reason.label(), u64::from(count)))
    });
    HeardStatus {
        interface: gathered
            .ports
            .iter()
            .find(|port| port.ifindex == key.group.ifindex)
            .map_or_else(|| key.group.ifindex.to_string(), |port| port.name.clone()),
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
        age_ms: milliseconds(gathered.now.since(Instant::from_nanoseconds(stranger.last))),
    }
}

fn active_status(instance: &GatheredInstance) -> Option<ActiveStatus> {
    let (source, priority) = instance.active?;
    Some(ActiveStatus {
        source: ip(instance.plan.family as u8, source),
        priority: priority.to_wire(),
        local: instance.state == StateName::Active,
    })
}

/// What the programs do for an instance whose gate stands so.
const fn mode_at(gate: Gate, now: Instant) -> Mode {
    match gate.mode {
        mode::ANSWER if gate.is_expired(now.nanoseconds()) => Mode::Expired,
        mode::ANSWER => Mode::Answer,
        mode::MUTE => Mode::Mute,
        _ => Mode::Off,
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

fn ip(family: u8, bytes: [u8; 16]) -> IpAddr {
    if family == 6 {
        IpAddr::V6(Ipv6Addr::from(bytes))
    } else {
        let [a, b, c, d, ..] = bytes;
        IpAddr::V4(Ipv4Addr::new(a, b, c, d))
    }
}

/// Which of the forms of a version 3 checksum over IPv4 an advert has.
const fn checksum(heard: &Heard) -> Option<&'static str> {
    if heard.notes & note::CHECKSUM_PSEUDO_HEADER != 0 {
        Some("rfc5798")
    } else if heard.notes & note::CHECKSUM_MESSAGE_ONLY != 0 {
        Some("rfc9568")
    } else if heard.notes & note::CHECKSUM_OLD_UNICAST != 0 {
        Some("old_unicast")
    } else {
        None
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use regent_common::map::gate_flag;

    use super::*;

    #[test]
    fn a_gate_is_open_until_its_patience_is_over() {
        let gate =
            Gate { attempted: 1_000, patience: 500, mode: mode::ANSWER, flags: gate_flag::VIRTUAL_MAC };
        let mode_after =
            |gate: Gate, nanoseconds| mode_at(gate, Instant::from_nanoseconds(1_000 + nanoseconds));
        assert_eq!(mode_after(gate, 500), Mode::Answer);
        assert_eq!(mode_after(gate, 501), Mode::Expired);
        assert_eq!(mode_after(Gate { patience: 0, ..gate }, u64::MAX - 1_000), Mode::Answer);
        // Attempted after the turn's time was sampled.
        assert_eq!(mode_at(gate, Instant::from_nanoseconds(0)), Mode::Answer);
        assert_eq!(mode_after(Gate { mode: mode::MUTE, ..gate }, 501), Mode::Mute);
        assert_eq!(mode_after(Gate { mode: mode::OFF, ..gate }, 0), Mode::Off);
    }
}
