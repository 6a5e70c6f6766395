//! The maps. Names, keys, values and default sizes are [`regent_common::map`]'s; the loader may ask for more entries.

use aya_ebpf::{
    btf_maps::{Array, HashMap, LruHashMap, PerCpuArray, RingBuf},
    macros::btf_map,
};
use regent_common::{
    Reason,
    map::{
        self, CounterRow, Expected, Gate, GroupKey, InstanceSlots, Opening, Original, Peer, PeerKey, Port,
        Probe, Shown, Stranger, StrangerKey, Vip, VipCounts, VipKey,
    },
    record::AdvertRecord,
};

const INSTANCE_CAPACITY: usize = map::INSTANCE_CAPACITY as usize;
const PEER_CAPACITY: usize = map::PEER_CAPACITY as usize;
const VIP_CAPACITY: usize = map::VIP_CAPACITY as usize;
const STRANGER_CAPACITY: usize = map::STRANGER_CAPACITY as usize;
const PORT_CAPACITY: usize = map::PORT_CAPACITY as usize;
/// BPF_F_MMAPABLE: user space writes it without a system call.
const MAPPED: usize = 1 << 10;
const RING_BYTES: usize = map::RING_BYTES as usize;

/// What adverts of the configured groups must look like.
#[btf_map]
pub static INSTANCES: HashMap<GroupKey, Expected, INSTANCE_CAPACITY> = HashMap::new();

/// Unicast peers of the instances.
#[btf_map]
pub static PEERS: HashMap<PeerKey, Peer, PEER_CAPACITY> = HashMap::new();

/// One row for each instance.
#[btf_map]
pub static COUNTERS: PerCpuArray<CounterRow, INSTANCE_CAPACITY> = PerCpuArray::new();

/// The newest adverts of each instance.
#[btf_map]
pub static SLOTS: Array<InstanceSlots, INSTANCE_CAPACITY> = Array::new();

/// The doorbell.
#[btf_map]
pub static RING: RingBuf<AdvertRecord, RING_BYTES> = RingBuf::new();

/// Groups that are not configured here.
#[btf_map]
pub static STRANGERS: LruHashMap<StrangerKey, Stranger, STRANGER_CAPACITY> = LruHashMap::new();

/// Virtual addresses of the instances.
#[btf_map]
pub static VIPS: HashMap<VipKey, Vip, VIP_CAPACITY> = HashMap::new();

/// Whether the data plane speaks for an instance.
#[btf_map]
pub static GATES: Array<Gate, INSTANCE_CAPACITY, MAPPED> = Array::new();

/// Until when gates were found to be open.
#[btf_map]
pub static OPENINGS: PerCpuArray<Opening, INSTANCE_CAPACITY> = PerCpuArray::new();

/// How answers leave a port.
#[btf_map]
pub static PORTS: Array<Port, PORT_CAPACITY> = Array::new();

/// Questions whether answers of a port arrive.
#[btf_map]
pub static PROBES: HashMap<u32, Probe, PORT_CAPACITY> = HashMap::new();

/// What was asked and answered about each virtual address.
#[btf_map]
pub static VIP_COUNTS: PerCpuArray<VipCounts, VIP_CAPACITY> = PerCpuArray::new();

/// Rejected packets let through in the current second.
#[btf_map]
pub static SHOWN: PerCpuArray<Shown, { Reason::COUNT }> = PerCpuArray::new();

/// The one packet of the bench.
#[btf_map]
pub static ORIGINAL: Array<Original, 1> = Array::new();

/// A key on the stack. The verifier takes words there at aligned places only, and the compiler, which may read packets
/// at any, would write a key of lesser alignment in words too.
#[repr(C, align(8))]
pub struct Key<T>(pub T);
