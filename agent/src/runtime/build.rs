//! From plan to engine: ports, instances, sockets, program. Runs on the VRRP thread, which owns all of it.

use std::{
    collections::{BTreeMap, HashMap},
    io,
    sync::{Arc, atomic::AtomicBool},
};

use regent_vrrp::Instant;
use tokio::sync::mpsc;

use super::{
    addressing::Addressing,
    announcing::Announcing,
    deadlines::Deadlines,
    engine::{Engine, Settings, XdpChoice},
    instance::Instance,
    port::Port,
    strangers::Strangers,
    tell::Teller,
};
use crate::{
    config::plan::{InstancePlan, Plan},
    net::{
        addresses::AddressSocket,
        clock,
        frame_socket::FrameSocket,
        inventory::Inventory,
        xdp::{Capacity, Program},
    },
    observe::{observation::Observation, snapshot::TurnStatus},
};

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
    /// By name, whether a script runs at this moment.
    pub running: BTreeMap<String, Arc<AtomicBool>>,
}

/// Why the engine cannot be built.
#[derive(Debug, thiserror::Error)]
#[error("cannot open the {what}: {source}")]
pub struct BuildError {
    what: &'static str,
    source: io::Error,
}

impl Engine {
    /// Builds the engine: opens what it needs and climbs the ladder on every port, but takes no part in anything yet.
    ///
    /// # Errors
    /// When a socket that every instance needs cannot be opened.
    pub fn build(blueprint: Blueprint, sender: mpsc::Sender<Observation>) -> Result<Self, BuildError> {
        let Blueprint { plan, observed, settings, inventory, running } = blueprint;
        let now = clock::now();
        let (mut address_socket, mut frames) = (None, None);
        if !settings.observing {
            let opened = AddressSocket::open();
            address_socket = Some(opened.map_err(|source| BuildError { what: "netlink socket", source })?);
            let opened = FrameSocket::open();
            frames = Some(
                opened.map_err(|source| BuildError { what: "packet socket for announcements", source })?,
            );
        }
        let (program, program_trouble) = load(&settings, &plan);
        let mut engine = Self {
            settings,
            ports: Vec::new(),
            instances: Vec::with_capacity(plan.instances.len()),
            groups: HashMap::new(),
            links: HashMap::new(),
            sockets_opened: 0,
            deadlines: Deadlines::new(),
            tick_at: None,
            addressing: Addressing::default(),
            announcing: Announcing::default(),
            program,
            program_trouble,
            frames,
            address_socket,
            strangers: Strangers::default(),
            teller: Teller::new(sender),
            turn: TurnStatus::default(),
            now,
            claims: HashMap::new(),
            late: 0,
            more: false,
            running,
        };
        for name in observed {
            engine.port(&name);
        }
        for instance in plan.instances {
            engine.insert(instance, now);
        }
        engine.take_inventory(inventory);
        engine.judge_absent_interfaces();
        Ok(engine)
    }

    fn insert(&mut self, plan: InstancePlan, now: Instant) {
        let at = self.instances.len();
        let port = self.port(&plan.interface);
        self.groups.insert((port, plan.vrid), at);
        let owned = plan.priority == regent_common::LocalPriority::Owner;
        let advertised = plan.addresses.iter().map(|address| (address, false));
        let excluded = plan.excluded.iter().map(|address| (address, true));
        for (address, excluded) in advertised.chain(excluded) {
            let device = address.device.clone().unwrap_or_else(|| plan.interface.clone());
            self.addressing.insert(at, address.clone(), device, excluded, owned);
        }
        self.instances.push(Instance::new(plan, port, at as u32, now, clock::unix_milliseconds()));
    }

    fn port(&mut self, name: &str) -> usize {
        if let Some(at) = self.ports.iter().position(|port| *port.name == *name) {
            return at;
        }
        self.ports.push(Port::new(Arc::from(name)));
        self.ports.len() - 1
    }
}

/// The XDP program, or why there is none.
fn load(settings: &Settings, plan: &Plan) -> (Option<Program>, String) {
    if settings.xdp == XdpChoice::Off {
        return (None, "XDP is off by choice".into());
    }
    let vips: usize = plan.instances.iter().map(|plan| plan.addresses.len() + plan.excluded.len()).sum();
    let capacity = Capacity { instances: roomy(plan.instances.len()), vips: roomy(vips) };
    match Program::load(capacity) {
        Ok(program) => (Some(program), String::new()),
        Err(error) => (None, error.to_string()),
    }
}

/// Room for `count` and then some: the kernel may give back what was removed only after a while.
fn roomy(count: usize) -> u32 {
    u32::try_from(count.saturating_mul(2).saturating_add(16)).unwrap_or(u32::MAX)
}
