//! From plan to engine: ports, instances, sockets, program. Runs on the VRRP thread, which owns all of it.

use std::{
    collections::{BTreeSet, HashMap},
    io,
    sync::Arc,
};

use regent_vrrp::Instant;
use tokio::sync::mpsc;

use super::{
    addressing::Addressing,
    announce::Paces,
    announcing::Announcing,
    assigner::{Answer, Assigner},
    checker::{Checker, Finding},
    deadlines::Deadlines,
    engine::{Engine, Settings, XdpChoice},
    instance::Instance,
    port::Port,
    strangers::Strangers,
    tell::Teller,
};
use crate::{
    config::plan::{InstancePlan, Plan, Transport},
    net::{
        clock,
        frame_socket::FrameSocket,
        inventory::Inventory,
        xdp::{Capacity, NoPins, Pins, Program},
    },
    observe::{observation::Observation, snapshot::TurnStatus},
};

/// What a small config may grow to by reloads alone, on a host with so few processors that it costs little: each row of
/// counters is there once for each of them. Measured at two: 6 MB of the kernel's memory, in place of 0.6.
const INSTANCES: Reserve = Reserve { most: 2048, least: 256, bytes_per_processor: 328 };
const VIPS: Reserve = Reserve { most: 16_384, least: 4096, bytes_per_processor: 16 };
const PEERS: Reserve = Reserve { most: 2048, least: 2048, bytes_per_processor: 0 };
/// What counters of a reserve may take, of all processors together.
const RESERVED_BYTES: u64 = 8 << 20;

/// Rows of a map that nothing needs yet.
struct Reserve {
    most: u32,
    least: u32,
    bytes_per_processor: u64,
}

impl Reserve {
    /// How many, with that many processors; and enough for `count` and another `count` in its place, since the kernel gives
    /// back what was removed only after a while.
    fn rows(&self, count: usize, processors: u64) -> u32 {
        let row = self.bytes_per_processor.saturating_mul(processors).max(1);
        let reserve = u32::try_from(RESERVED_BYTES / row).unwrap_or(u32::MAX).clamp(self.least, self.most);
        let twice = count.saturating_mul(2).saturating_add(16);
        u32::try_from(twice).unwrap_or(u32::MAX).max(reserve)
    }
}

/// What an engine is built from.
#[derive(Debug)]
pub struct Blueprint {
    /// The instances.
    pub plan: Plan,
    /// Ports to listen on in observe mode.
    pub observed: Vec<String>,
    /// What does not change.
    pub settings: Settings,
    /// Links and addresses at the start.
    pub inventory: Inventory,
    /// Why addresses that are to be refused are not.
    pub unrefused: Option<String>,
    /// The ports have links already, of an agent before this one, living or dead, and are taken over with them.
    pub succeeding: bool,
    /// Where what outlives this process is pinned, or why nothing does.
    pub pins: Result<Pins, NoPins>,
    /// Where answers about addresses go.
    pub answers: mpsc::Sender<Vec<Answer>>,
    /// Where answers about XDP links go.
    pub findings: mpsc::Sender<Finding>,
}

/// Why the engine cannot be built.
#[derive(Debug, thiserror::Error)]
#[error("cannot {what}: {source}")]
pub struct BuildError {
    what: &'static str,
    source: io::Error,
}

impl Engine {
    /// Builds the engine: opens what it needs and climbs the ladder on every port, but takes no part in anything yet.
    ///
    /// # Errors
    /// When a socket or a thread that every instance needs cannot be had.
    pub fn build(blueprint: Blueprint, sender: mpsc::Sender<Observation>) -> Result<Self, BuildError> {
        let Blueprint { plan, observed, settings, inventory, unrefused, succeeding, pins, answers, findings } =
            blueprint;
        let now = clock::now();
        let (mut assigner, mut frames) = (None, None);
        if !settings.observing {
            let started = Assigner::start(answers);
            assigner = Some(started.map_err(failed("start the thread that changes addresses"))?);
            frames = Some(FrameSocket::open().map_err(failed("open the packet socket for announcements"))?);
        }
        let (mut program, program_trouble) = load(&settings, &plan);
        let mut unpinned = None;
        let mut troubles = Vec::new();
        let mut unkept = None;
        match (program.as_mut(), pins) {
            // They are another agent's yet.
            (Some(_), Ok(pins)) if succeeding => unkept = Some(pins),
            (Some(program), Ok(pins)) => troubles = keep(program, pins, &indexes(&plan, &inventory)),
            (Some(_), Err(none)) => unpinned = Some(none),
            (None, Ok(_) | Err(_)) => {}
        }
        let mut checker = None;
        if program.is_some() || !settings.observing {
            let started = Checker::start(findings);
            checker = Some(started.map_err(failed("start the thread that looks after ports"))?);
        }
        let mut engine = Self {
            settings: Arc::new(settings),
            ports: Vec::new(),
            instances: Vec::with_capacity(plan.instances.len()),
            order: (0..plan.instances.len()).collect(),
            leaving: 0,
            verdicts: HashMap::new(),
            application: None,
            groups: HashMap::new(),
            links: HashMap::new(),
            assigned: BTreeSet::new(),
            elsewhere: Vec::new(),
            sockets_opened: 0,
            deadlines: Deadlines::new(),
            tick_at: None,
            ticks: 0,
            announce_at: None,
            probing_at: None,
            muted: BTreeSet::new(),
            start_at: start_at(&plan, now),
            unsent: Vec::new(),
            paces: Paces::new(plan.pace, plan.pace_groups),
            addressing: Addressing::default(),
            announcing: Announcing::default(),
            program,
            program_trouble,
            unpinned,
            unkept,
            taking: 0,
            frames,
            assigner,
            checker,
            checks: 0,
            strangers: Strangers::default(),
            teller: Teller::new(sender),
            turn: TurnStatus::default(),
            now,
            claims: HashMap::new(),
            late: 0,
            more: false,
            succeeding,
            heard_before: None,
        };
        for trouble in troubles {
            engine.teller.trouble(now, &"pins".into(), trouble);
        }
        for name in observed {
            let port = engine.port(&name);
            engine.ports[port].ipv4.used = true;
            engine.ports[port].ipv6.used = true;
        }
        for instance in plan.instances {
            engine.insert(instance, now);
        }
        if let Some(trouble) = unrefused {
            engine.unrefused(&trouble);
        }
        engine.take_inventory(inventory);
        engine.judge_absent_interfaces();
        Ok(engine)
    }

    fn insert(&mut self, plan: InstancePlan, now: Instant) {
        let at = self.instances.len();
        let port = self.port(&plan.interface);
        self.groups.insert((port, plan.family, plan.vrid), at);
        let way = self.ports[port].way_mut(plan.family);
        way.used = true;
        if let Transport::Multicast { group } = plan.transport {
            way.groups.insert(group);
        }
        let owned = plan.priority == regent_common::LocalPriority::Owner;
        // In this order the status shows them.
        for address in plan.addresses.iter().chain(&plan.excluded) {
            let device = address.device.clone().unwrap_or_else(|| plan.interface.clone());
            // Also where no adverts go: the program answers there, and keeps a dead host silent.
            self.port(&device);
            self.addressing.insert(at, address.clone(), device, owned);
        }
        self.instances.push(Instance::new(plan, port, at as u32, now, clock::unix_milliseconds()));
    }

    pub(super) fn unrefused(&mut self, trouble: &str) {
        let refusing = |instance: &&mut Instance| instance.is_present() && !instance.plan.accepts;
        for instance in self.instances.iter_mut().filter(refusing) {
            instance.troubles.insert("no_accept", trouble.to_owned());
            self.teller.trouble(self.now, &instance.name, trouble.to_owned());
        }
    }

    /// The port of that name, which may be new.
    pub(super) fn port(&mut self, name: &str) -> usize {
        if let Some(at) = self.ports.iter().position(|port| *port.name == *name) {
            return at;
        }
        self.ports.push(Port::new(Arc::from(name)));
        self.ports.len() - 1
    }
}

/// What could not be done, and why.
const fn failed(what: &'static str) -> impl FnOnce(io::Error) -> BuildError {
    move |source| BuildError { what, source }
}

/// When instances may take part; `None`: at once. The longer of the two delays counts, as in keepalived.
fn start_at(plan: &Plan, now: Instant) -> Option<Instant> {
    let delay = plan.startup_delay.max(plan.delay_after_boot.saturating_sub(clock::since_boot()));
    (!delay.is_zero()).then(|| now + delay)
}

/// The XDP program, or why there is none.
fn load(settings: &Settings, plan: &Plan) -> (Option<Program>, String) {
    if settings.xdp == XdpChoice::Off {
        return (None, "XDP is off by choice".into());
    }
    match Program::load(room(plan)) {
        Ok(program) => (Some(program), String::new()),
        Err(error) => (None, error.to_string()),
    }
}

/// The interfaces that a plan uses: what a dead agent left on others is not in our way.
pub(super) fn indexes(plan: &Plan, inventory: &Inventory) -> Vec<u32> {
    let addresses = |plan: &InstancePlan| {
        let all = plan.addresses.iter().chain(&plan.excluded).filter_map(|address| address.device.clone());
        all.collect::<Vec<_>>()
    };
    let names: BTreeSet<String> = plan
        .instances
        .iter()
        .flat_map(|plan| addresses(plan).into_iter().chain([plan.interface.clone()]))
        .collect();
    names.iter().filter_map(|name| inventory.link_named(name)).map(|link| link.index).collect()
}

/// Makes the links outlive this process, and takes the places of those that a dead agent has left. Says what went wrong.
fn keep(program: &mut Program, pins: Pins, ports: &[u32]) -> Vec<String> {
    let swept = pins.sweep_dead(ports);
    let mut told: Vec<String> = swept.swept.iter().map(|swept| format!("removed {swept}")).collect();
    told.extend(swept.trouble);
    let leftovers = pins.leftovers();
    told.extend(leftovers.trouble);
    told.extend(program.take_over(leftovers.links).iter().map(ToString::to_string));
    told.extend(pins.remove_other_layouts());
    program.keep_in(pins);
    told
}

/// What the program's maps have room for, of an agent that starts with this plan: for that and then some, since a reload
/// may add to it, and maps cannot grow.
pub(super) fn room(plan: &Plan) -> Capacity {
    let vips: usize = plan.instances.iter().map(InstancePlan::address_count).sum();
    let peers: usize = plan.instances.iter().map(|plan| plan.transport.peers().len()).sum();
    // Without the list of processors as many as a large host has.
    let processors = aya::util::nr_cpus().ok().and_then(|count| u64::try_from(count).ok()).unwrap_or(64);
    Capacity {
        instances: INSTANCES.rows(plan.instances.len(), processors),
        vips: VIPS.rows(vips, processors),
        peers: PEERS.rows(peers, processors),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_config_may_grow_to_hundreds_of_instances_on_every_host_and_a_large_one_may_be_exchanged() {
        assert_eq!([1, 8, 64, 256].map(|processors| INSTANCES.rows(5, processors)), [2048, 2048, 399, 256]);
        assert_eq!([1, 8, 64, 256].map(|processors| VIPS.rows(5, processors)), [16_384, 16_384, 8192, 4096]);
        assert_eq!((INSTANCES.rows(1500, 256), VIPS.rows(10_000, 2)), (3016, 20_016));
    }
}
