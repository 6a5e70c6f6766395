//! The XDP program from user space: loading, attaching, what it is told and what it hears.
//!
//! One load serves every port. The programs are held by BPF links only, which the kernel drops with the process, unless
//! they are pinned where that lasts ([`Pins`]): then they go on as the maps say until a successor takes them over, or
//! `agent detach` takes them off. Never replaces a program of somebody else, reads no clock. Maps and ring never
//! block; whatever concerns links waits for the kernel's lock for interfaces.
//! Which port gets which rung of the ladder is decided by the runtime.

mod bpffs;
mod calls;
mod diagnostics;
mod error;
mod gates;
mod hooks;
mod leftovers;
mod link;
mod maps;
mod pins;
mod trial;
mod view;

use std::collections::BTreeMap;

use aya::{
    Ebpf, EbpfLoader,
    maps::{Array, HashMap, IterableMap, MapData, RingBuf},
    programs::{SchedClassifier, Xdp},
};
use regent_common::map::{self, Expected, Gate, GroupKey, Peer, PeerKey, Port, Probe, Vip, VipKey};

pub use bpffs::{DEFAULT as DEFAULT_BPFFS, NoPins};
pub use diagnostics::Diagnostics;
pub use error::{AttachError, LoadError, TakeOverError};
pub use gates::Gates;
pub use hooks::Substitutes;
pub use leftovers::{Detached, Leftovers, Swept, detach_all};
pub use link::{Attachment, Handle, Hook, InheritedLink, Link, Place};
pub use pins::Pins;
pub use trial::{Entry, Trial};
pub use view::View;

use error::prepared;

/// The object, when this build has one. Aligned as the ELF parser wants it.
#[cfg(bpf_object)]
const OBJECT: Option<&[u8]> = Some(aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/regent.bpf.o")));
/// The object, when this build has one.
#[cfg(not(bpf_object))]
const OBJECT: Option<&[u8]> = None;

/// Whether this build carries the BPF object. `cargo xtask build-ebpf` makes one that does.
pub const fn embedded() -> bool {
    OBJECT.is_some()
}

/// How much the maps hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Rows: instances at one time.
    pub instances: u32,
    /// Virtual addresses of all instances, on all ports.
    pub vips: u32,
    /// Unicast peers of all instances.
    pub peers: u32,
}

impl Default for Capacity {
    fn default() -> Self {
        Self { instances: map::INSTANCE_CAPACITY, vips: map::VIP_CAPACITY, peers: map::PEER_CAPACITY }
    }
}

/// Where the program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// In the driver, before a socket buffer exists.
    Native,
    /// In the stack's receive path: any driver, at some cost.
    Generic,
}

/// The loaded program, its maps and its links.
pub struct Program {
    ebpf: Ebpf,
    instances: HashMap<MapData, GroupKey, Expected>,
    view: View,
    vips: HashMap<MapData, VipKey, Vip>,
    peers: HashMap<MapData, PeerKey, Peer>,
    gates: Gates,
    ports: Array<MapData, Port>,
    probes: HashMap<MapData, u32, Probe>,
    ring: RingBuf<MapData>,
    /// The map behind `gates`, for its pin.
    gates_map: Array<MapData, Gate>,
    /// What is on which port.
    links: BTreeMap<u32, Vec<(Hook, Handle)>>,
    tc_trouble: Option<String>,
    pins: Option<Pins>,
    pin_trouble: Option<String>,
}

// Loaded on whichever thread starts the agent, used on the VRRP thread.
const _: fn() = || {
    fn moves_between_threads<T: Send>() {}
    moves_between_threads::<Program>();
    moves_between_threads::<Diagnostics>();
    moves_between_threads::<View>();
};

impl Program {
    /// Loads the program and makes its maps. Needs CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON. Tried on
    /// kernels 6.1 and 6.18; its atomics and its global functions need 5.12.
    ///
    /// # Errors
    /// Says which of these is missing, or what the verifier disliked.
    pub fn load(capacity: Capacity) -> Result<Self, LoadError> {
        Self::load_with(capacity, map::RING_BUDGET)
    }

    /// As [`Self::load`], with another budget of ring records for each instance and window: for measuring.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn load_with(capacity: Capacity, ring_budget: u32) -> Result<Self, LoadError> {
        let object = OBJECT.ok_or(LoadError::NoObject)?;
        let mut ebpf = EbpfLoader::new()
            .map_max_entries(map::INSTANCES, capacity.instances)
            .map_max_entries(map::COUNTERS, capacity.instances)
            .map_max_entries(map::SLOTS, capacity.instances)
            .map_max_entries(map::GATES, capacity.instances)
            .map_max_entries(map::OPENINGS, capacity.instances)
            .map_max_entries(map::VIPS, capacity.vips)
            .map_max_entries(map::VIP_COUNTS, capacity.vips)
            .map_max_entries(map::PEERS, capacity.peers)
            .override_global("RING_BUDGET", &ring_budget, true)
            .load(object)
            .map_err(LoadError::from_loading)?;
        program(&mut ebpf, Entry::Regent)?.load().map_err(LoadError::from_verifying)?;
        let tc_trouble = hooks::load_tc(&mut ebpf);
        let gates_map: Array<MapData, Gate> = prepared(map::GATES, ebpf.take_map(map::GATES))?;
        let gates = Gates::of(gates_map.map().fd(), capacity.instances)
            .map_err(|error| LoadError::Other(format!("cannot map the gates: {error}").into()))?;
        Ok(Self {
            gates,
            gates_map,
            ports: prepared(map::PORTS, ebpf.take_map(map::PORTS))?,
            probes: prepared(map::PROBES, ebpf.take_map(map::PROBES))?,
            instances: prepared(map::INSTANCES, ebpf.take_map(map::INSTANCES))?,
            view: View {
                counters: prepared(map::COUNTERS, ebpf.take_map(map::COUNTERS))?,
                slots: prepared(map::SLOTS, ebpf.take_map(map::SLOTS))?,
                strangers: prepared(map::STRANGERS, ebpf.take_map(map::STRANGERS))?,
                vip_counts: prepared(map::VIP_COUNTS, ebpf.take_map(map::VIP_COUNTS))?,
            },
            vips: prepared(map::VIPS, ebpf.take_map(map::VIPS))?,
            peers: prepared(map::PEERS, ebpf.take_map(map::PEERS))?,
            ring: prepared(map::RING, ebpf.take_map(map::RING))?,
            links: BTreeMap::new(),
            tc_trouble,
            pins: None,
            pin_trouble: None,
            ebpf,
        })
    }

    /// What it heard and counted.
    pub const fn view(&self) -> &View {
        &self.view
    }
}

/// The program of that name.
fn program(ebpf: &mut Ebpf, entry: Entry) -> Result<&mut Xdp, LoadError> {
    ebpf.program_mut(entry.name())
        .and_then(|program| program.try_into().ok())
        .ok_or(LoadError::Foreign { what: entry.name() })
}

/// The tc program of that name.
fn classifier(ebpf: &mut Ebpf, entry: Entry) -> Result<&mut SchedClassifier, LoadError> {
    ebpf.program_mut(entry.name())
        .and_then(|program| program.try_into().ok())
        .ok_or(LoadError::Foreign { what: entry.name() })
}
