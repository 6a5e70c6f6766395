//! What a snapshot is made from, copied out of the loop in one go.
//!
//! The VRRP thread only copies: no text is made and no map is read on it, so that a status of a thousand instances makes no
//! advert late. The rest is `status`, on the control runtime.

use std::{net::IpAddr, sync::Arc, time::Duration};

use regent_common::{
    Counter, Priority,
    map::{Gate, Stranger, StrangerKey},
};
use regent_vrrp::{Instant, StateName};

use super::{
    addressing::{Positions, Presence},
    engine::{Engine, Settings},
    hearing::Source,
    instance::{Instance, Statistics},
    port::Port,
    trackers::Tracker,
};
use crate::{
    config::plan::InstancePlan,
    observe::{
        data_plane::Mac,
        snapshot::{PortStatus, TurnStatus},
    },
};

/// The state of everything at one moment.
#[derive(Debug)]
pub struct Gathered {
    /// That moment.
    pub now: Instant,
    /// What does not change.
    pub settings: Arc<Settings>,
    /// The ports.
    pub ports: Vec<PortStatus>,
    /// The instances.
    pub instances: Vec<GatheredInstance>,
    /// What the socket carrier heard of other groups.
    pub strangers: Vec<(StrangerKey, Stranger)>,
    /// The loop itself.
    pub turn: TurnStatus,
}

/// One instance at that moment.
#[derive(Debug)]
pub struct GatheredInstance {
    /// What it is configured to be.
    pub plan: Arc<InstancePlan>,
    /// Row of counters and slots.
    pub row: u32,
    /// Its state.
    pub state: StateName,
    /// Why, as a sentence.
    pub why: Arc<str>,
    /// Since when.
    pub since: Instant,
    /// The same by the wall clock.
    pub since_unix_ms: u64,
    /// Priority after trackers.
    pub priority: u8,
    /// What its adverts are sent from.
    pub source: Option<IpAddr>,
    /// Who is Active, as far as known.
    pub active: Option<([u8; 16], Priority)>,
    /// What the kernel has of its addresses, in the order of the config.
    pub presences: Vec<Presence>,
    /// What it counted.
    pub statistics: Statistics,
    /// What the socket carrier counted.
    pub counters: Box<[u64; Counter::COUNT]>,
    /// Who was heard.
    pub sources: Vec<Source>,
    /// What it depends on.
    pub trackers: Vec<Tracker>,
    /// What is wrong now.
    pub troubles: Vec<String>,
    /// What the programs see of its gate; `None` without a program.
    pub gate: Option<Gate>,
    /// The MAC that it speaks from, while its interface exists.
    pub mac: Option<[u8; 6]>,
    /// When the next advert is due, or the takeover.
    pub deadline: Option<Instant>,
    /// How long it would wait for a silent Active.
    pub down: Duration,
    /// The interval of the Active.
    pub active_interval: Duration,
    /// Rows of the counters of its addresses, in the order of the config.
    pub counts: Positions,
}

impl Engine {
    /// Copies everything that a snapshot shows.
    pub(super) fn gather(&self) -> Gathered {
        Gathered {
            now: self.now,
            settings: Arc::clone(&self.settings),
            ports: self.ports.iter().filter(|port| !port.is_idle).map(port_status).collect(),
            instances: self.gather_instances(),
            strangers: self.strangers.iter().map(|(key, stranger)| (*key, *stranger)).collect(),
            turn: TurnStatus { observations_dropped: self.teller.dropped(), ..self.turn.clone() },
        }
    }

    fn gather_instances(&self) -> Vec<GatheredInstance> {
        self.order.iter().map(|at| self.gather_instance(*at)).collect()
    }

    fn gather_instance(&self, at: usize) -> GatheredInstance {
        let instance: &Instance = &self.instances[at];
        let link = self.ports[instance.port].link.as_ref();
        GatheredInstance {
            plan: Arc::clone(&instance.plan),
            row: instance.row,
            state: instance.state(),
            why: Arc::clone(&instance.why),
            since: instance.since,
            since_unix_ms: instance.since_unix_ms,
            priority: instance.priority().get(),
            source: instance.source,
            active: instance.router.active(),
            presences: self.addressing.of(at).map(|address| address.presence).collect(),
            statistics: instance.statistics.clone(),
            counters: Box::new(*instance.hearing.counters()),
            sources: instance.hearing.sources().to_vec(),
            trackers: instance.trackers.iter().cloned().collect(),
            troubles: instance.troubles.values().cloned().collect(),
            gate: self.program.as_ref().and_then(|program| program.gates().read(instance.row)),
            mac: link.map(|link| instance.mac(link.mac)),
            deadline: instance.router.deadline(),
            down: instance.router.active_down_interval(),
            active_interval: instance.router.active_interval().duration(),
            counts: self.addressing.list(at),
        }
    }
}

fn port_status(port: &Port) -> PortStatus {
    PortStatus {
        name: port.name.to_string(),
        ifindex: port.ifindex().unwrap_or(0),
        up: port.is_up(),
        carrier: port.carrier,
        carrier_reason: port.trouble.clone().unwrap_or_else(|| port.reason.clone()),
        source: port.ipv4.source.or(port.ipv6.source),
        carrier_losses: port.losses,
        responder: port.responder(),
        dead_man: port.dead_man.clone(),
        tc_egress: port.egress.clone(),
        tc_ingress: port.ingress.clone(),
        virtual_macs: port.virtual_macs.iter().map(|mac| Mac(*mac).to_string()).collect(),
        promiscuous: port.promiscuous,
    }
}
