//! Names, keys and values of the maps.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{Counter, Reason, arrival::Arrivals, ndp, record::Slot};

/// Counts the changes of names, keys and values: pins of another layout are not read.
pub const LAYOUT: u32 = 1;

/// Configured groups: [`GroupKey`] → [`Expected`].
pub const INSTANCES: &str = "INSTANCES";
/// Per-CPU counters: instance → [`CounterRow`].
pub const COUNTERS: &str = "COUNTERS";
/// The newest adverts of each instance: index → [`InstanceSlots`].
pub const SLOTS: &str = "SLOTS";
/// The ring buffer of [`crate::record::AdvertRecord`].
pub const RING: &str = "RING";
/// Groups that are not configured here, by source: [`StrangerKey`] → [`Stranger`], least recently used out first.
pub const STRANGERS: &str = "STRANGERS";
/// Unicast peers: [`PeerKey`] → [`Peer`].
pub const PEERS: &str = "PEERS";
/// Virtual addresses: [`VipKey`] → [`Vip`].
pub const VIPS: &str = "VIPS";
/// Whether the data plane answers for an instance: row → [`Gate`]. An array that user space maps into its memory.
pub const GATES: &str = "GATES";
/// Per-CPU memory of the programs: until when a gate was found to be open: row → [`Opening`].
pub const OPENINGS: &str = "OPENINGS";
/// How answers leave a port: row → [`Port`].
pub const PORTS: &str = "PORTS";
/// Questions whether answers of a port arrive: ifindex → [`Probe`].
pub const PROBES: &str = "PROBES";
/// Per-CPU counters of virtual addresses: [`Vip::counts`] → [`VipCounts`].
pub const VIP_COUNTS: &str = "VIP_COUNTS";
/// The packet that the bench runs the program on: row 0 → [`Original`].
pub const ORIGINAL: &str = "ORIGINAL";
/// Per-CPU budget of rejected packets that are let through for tcpdump to show: reason → [`Shown`].
pub const SHOWN: &str = "SHOWN";

/// One instance's counters, each at its [`Counter::slot`]: read and cleared whole.
pub type CounterRow = [u64; Counter::COUNT];

/// Instances that the maps hold unless the loader asks for more.
pub const INSTANCE_CAPACITY: u32 = 256;
/// Virtual addresses that the maps hold unless the loader asks for more.
pub const VIP_CAPACITY: u32 = 1024;
/// Unicast peers that the maps hold unless the loader asks for more, over all instances.
pub const PEER_CAPACITY: u32 = 1024;
/// Ports that the maps hold; row 0 is nobody's, so that an address without a port is answered by the kernel.
pub const PORT_CAPACITY: u32 = 256;
/// Strangers remembered at most.
pub const STRANGER_CAPACITY: u32 = 1024;
/// Bytes of the ring buffer.
pub const RING_BYTES: u32 = 256 * 1024;
/// Sources remembered for each instance.
pub const SLOTS_PER_INSTANCE: usize = 8;
/// Ring records that one instance may write in one [`RING_WINDOW_NANOSECONDS`]. The object's constant of this name.
pub const RING_BUDGET: u32 = 32;
/// The window of [`RING_BUDGET`]: 2^26 ns, about 67 ms.
pub const RING_WINDOW_NANOSECONDS: u64 = 1 << 26;
/// Rejected packets of each reason and CPU that pass in one second.
pub const SHOWN_PER_SECOND: u32 = 4;

/// What names a group on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct GroupKey {
    /// The port that received.
    pub ifindex: u32,
    /// VLAN tags as in [`crate::ethernet::Ethernet::vlans`].
    pub vlans: u32,
    /// 4 or 6.
    pub family: u8,
    /// 1..=255.
    pub vrid: u8,
    /// Zero.
    pub padding: [u8; 2],
}

impl GroupKey {
    /// A key.
    #[inline(always)]
    pub const fn new(ifindex: u32, vlans: u32, family: u8, vrid: u8) -> Self {
        Self { ifindex, vlans, family, vrid, padding: [0; 2] }
    }
}

/// What adverts of a configured group must look like, and where they are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Expected {
    /// Row of counters and slots.
    pub index: u32,
    /// Which use of that row: a record of an earlier one is stale.
    pub generation: u32,
    /// Our own address; IPv4 in the first four bytes. Zeros: not known.
    pub own_source: [u8; 16],
    /// The source that is Active now: its slot is never given away. Zeros: nobody.
    pub active_source: [u8; 16],
    /// Where the group's adverts are sent: the multicast group or, for unicast, our own address, which they must be
    /// addressed to. IPv4 in the first four bytes.
    pub destination: [u8; 16],
    /// The password of authentication type 1.
    pub auth_data: [u8; 8],
    /// Fingerprint of our address list.
    pub addresses: u32,
    /// Our interval in centiseconds.
    pub interval: u16,
    /// Number of our addresses.
    pub count: u8,
    /// 2 or 3.
    pub version: u8,
    /// Version 2: 0 or 1.
    pub auth_type: u8,
    /// Bits of [`flag`].
    pub flags: u8,
    /// The port's MAC: a frame for another station is not for us, whatever is in it.
    pub own_mac: [u8; 6],
}

/// Bits of [`Expected::flags`].
pub mod flag {
    /// Every accepted advert rings. Without it only one that differs from the source's last one does: a Backup that
    /// hears its Active as before need not wake up, since no deadline fires before the slots are read.
    pub const RING_ALWAYS: u8 = 1;
    /// We own the addresses.
    pub const OWNER: u8 = 1 << 1;
    /// The group speaks unicast.
    pub const UNICAST: u8 = 1 << 2;
    /// Unicast: adverts of sources that are no peers are rejected.
    pub const CHECK_SOURCE: u8 = 1 << 3;
}

impl Expected {
    /// Whether every advert rings.
    #[inline(always)]
    pub const fn rings_always(&self) -> bool {
        self.flags & flag::RING_ALWAYS != 0
    }

    /// Whether we own the addresses.
    #[inline(always)]
    pub const fn is_owner(&self) -> bool {
        self.flags & flag::OWNER != 0
    }

    /// Whether the group speaks unicast.
    #[inline(always)]
    pub const fn is_unicast(&self) -> bool {
        self.flags & flag::UNICAST != 0
    }

    /// Whether unicast adverts are taken from peers alone.
    #[inline(always)]
    pub const fn checks_source(&self) -> bool {
        self.flags & flag::CHECK_SOURCE != 0
    }
}

/// What names a unicast peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct PeerKey {
    /// The peer; IPv4 in the first four bytes. First, so that the BPF side can store it in two words.
    pub source: [u8; 16],
    /// Row of the instance.
    pub instance: u32,
    /// Zeros.
    pub padding: [u8; 4],
}

impl PeerKey {
    /// A key.
    #[inline(always)]
    pub const fn new(source: [u8; 16], instance: u32) -> Self {
        Self { source, instance, padding: [0; 4] }
    }
}

/// What adverts of a unicast peer must look like. The bounds are keepalived's, not the RFC's, which knows no unicast.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Peer {
    /// Lowest TTL or hop limit accepted from it.
    pub ttl_min: u8,
    /// Highest TTL or hop limit accepted from it.
    pub ttl_max: u8,
    /// Zeros.
    pub padding: [u8; 2],
}

impl Peer {
    /// A peer; both bounds are accepted.
    pub const fn new(ttl_min: u8, ttl_max: u8) -> Self {
        Self { ttl_min, ttl_max, padding: [0; 2] }
    }
}

/// The newest advert of each source of one instance, and the instance's ring budget.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct InstanceSlots {
    /// The current window of [`RING_WINDOW_NANOSECONDS`].
    pub window: u64,
    /// Records written in it.
    pub rung: u32,
    /// The slot that was written last: where to look first. Only ever a hint.
    pub recent: u32,
    /// Slots; a free one has sequence 0.
    pub slots: [Slot; SLOTS_PER_INSTANCE],
}

/// What names a source of a group that is not configured here. An unreadable VRID is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct StrangerKey {
    /// The sender; IPv4 in the first four bytes. First, so that the BPF side can store it in two words.
    pub source: [u8; 16],
    /// The group.
    pub group: GroupKey,
}

/// What was heard of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Stranger {
    /// CLOCK_MONOTONIC of the first packet, in nanoseconds.
    pub first: u64,
    /// CLOCK_MONOTONIC of the newest packet, good or bad, in nanoseconds.
    pub last: u64,
    /// Good adverts.
    pub arrivals: Arrivals,
    /// Interval of the newest good advert, in centiseconds; 0 before.
    pub interval: u16,
    /// Version nibble of the newest packet.
    pub version: u8,
    /// Priority byte of the newest packet.
    pub priority: u8,
    /// Number of addresses of the newest good advert.
    pub count: u8,
    /// Zeros.
    pub padding: [u8; 3],
    /// Bad ones, by reason.
    pub rejected: [u32; REASON_SLOTS],
}

/// [`Reason::COUNT`], rounded up to an even number so that [`Stranger`] has no gap.
pub const REASON_SLOTS: usize = Reason::COUNT.next_multiple_of(2);

/// A virtual address on a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct VipKey {
    /// The address; IPv4 in the first four bytes. First, so that the BPF side can store it in two words.
    pub address: [u8; 16],
    /// The port.
    pub ifindex: u32,
    /// VLAN tags as in [`crate::ethernet::Ethernet::vlans`].
    pub vlans: u32,
    /// 4 or 6.
    pub family: u32,
}

/// Whose address it is, and who else claims it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Vip {
    /// CLOCK_MONOTONIC of the newest claim, in nanoseconds.
    pub claimed: u64,
    /// Row of the instance.
    pub instance: u32,
    /// Row of the port that it is answered on; 0: by the kernel.
    pub port: u32,
    /// Row of its counters.
    pub counts: u32,
    /// ARP and ND packets in which another station claimed it.
    pub claims: u32,
    /// Who claimed it last.
    pub claimant: [u8; 6],
    /// The MAC that answers and claims of our own carry.
    pub own_mac: [u8; 6],
    /// Zeros.
    pub padding: [u8; 4],
}

/// What was asked and answered about a virtual address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct VipCounts {
    /// ARP requests and Neighbor Solicitations for it.
    pub requests: u64,
    /// Answered by the program.
    pub replies: u64,
}

/// Whether the data plane speaks for an instance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Gate {
    /// CLOCK_MONOTONIC of the newest advert that the loop attempted, in nanoseconds.
    pub attempted: u64,
    /// An instance whose newest attempt is older than this many nanoseconds is mute, whatever `mode` says; 0: never.
    pub patience: u64,
    /// One of [`mode`].
    pub mode: u32,
    /// Bits of [`gate_flag`].
    pub flags: u32,
}

/// What the programs do about an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stance {
    /// Nothing.
    Off,
    /// They keep the host silent for its addresses.
    Mute,
    /// They answer for its addresses.
    Answer,
}

impl Gate {
    /// Whether the newest attempt is older at `now` than it may be. An attempt that is newer than `now`, by a clock that
    /// lags, is none that is too old.
    #[inline(always)]
    pub const fn is_expired(&self, now: u64) -> bool {
        self.patience != 0 && now.saturating_sub(self.attempted) > self.patience
    }

    /// What the programs do at `now`. A mode that they do not know is none of theirs.
    #[inline(always)]
    pub const fn stance(&self, now: u64) -> Stance {
        match self.mode {
            mode::MUTE => Stance::Mute,
            mode::ANSWER if self.is_expired(now) => Stance::Mute,
            mode::ANSWER => Stance::Answer,
            _ => Stance::Off,
        }
    }

    /// Whether the instance speaks from the virtual router's MAC.
    #[inline(always)]
    pub const fn has_virtual_mac(&self) -> bool {
        self.flags & gate_flag::VIRTUAL_MAC != 0
    }
}

/// A gate that was found to be open, by what it said then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Opening {
    /// [`Gate::attempted`].
    pub attempted: u64,
    /// [`Gate::patience`].
    pub patience: u64,
    /// The last of the kernel's ticks at which it is open for certain.
    pub until: u64,
}

/// Values of [`Gate::mode`].
pub mod mode {
    /// Hands off: every packet passes.
    pub const OFF: u32 = 0;
    /// What asks for the instance's addresses is dropped, and what would leave in their name.
    pub const MUTE: u32 = 1;
    /// The program answers for the addresses, or lets the kernel answer where the port cannot.
    pub const ANSWER: u32 = 2;
}

/// Bits of [`Gate::flags`].
pub mod gate_flag {
    /// The instance speaks from the virtual router's MAC (RFC 9568 §7.3): what leaves in its name carries it, and frames
    /// to it are the host's.
    pub const VIRTUAL_MAC: u32 = 1;
}

/// How answers leave a port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Port {
    /// One of [`way`].
    pub way: u32,
    /// Zeros.
    pub padding: [u8; 4],
}

/// Values of [`Port::way`] and [`Probe::way`].
pub mod way {
    /// Not at all: the kernel answers.
    pub const KERNEL: u32 = 0;
    /// By XDP_TX.
    pub const TRANSMIT: u32 = 1;
    /// By a redirection to the port itself: some drivers (veth) send that when they would hold an XDP_TX back.
    pub const REDIRECT: u32 = 2;
}

/// Bytes of the longest frame of a [`Probe`].
pub const PROBE_FRAME: usize = 80;

/// The question whether what the program sends from a port arrives anywhere.
///
/// User space asks a neighbour for its address in the ordinary way. The program bounces the answer: it writes `frame`, a
/// second question, over it and sends that back by `way`. Asked with the unspecified address as sender, which changes
/// nobody's cache, it is answered in a form that nothing else on this port asks for: an ARP reply to 0.0.0.0, a Neighbor
/// Advertisement to all nodes. Its arrival is the proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Probe {
    /// CLOCK_MONOTONIC of the bounce, in nanoseconds; 0 before.
    pub bounced: u64,
    /// CLOCK_MONOTONIC of the second answer, in nanoseconds; 0 before.
    pub arrived: u64,
    /// The neighbour; IPv4 in the first four bytes.
    pub target: [u8; 16],
    /// Which way is tried: one of [`way`]; [`way::KERNEL`] tries none.
    pub way: u32,
    /// Bytes of `frame`: an ARP request or a Neighbor Solicitation, untagged.
    pub length: u32,
    /// The second question.
    pub frame: [u8; PROBE_FRAME],
}

/// A frame that the program answers; a shorter one is followed by zeros.
pub type Original = [u8; ndp::ANNOUNCEMENT_LENGTH];

/// How many rejected packets of one reason were let through in the current second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Shown {
    /// The second, by CLOCK_MONOTONIC.
    pub second: u64,
    /// How many.
    pub packets: u64,
}

/// The map types as aya's plain old data.
#[cfg(feature = "user")]
#[expect(unsafe_code, reason = "aya::Pod is an unsafe trait; zerocopy's derives prove what it asks for")]
mod user {
    use super::{
        Expected, Gate, GroupKey, InstanceSlots, Peer, PeerKey, Port, Probe, Shown, Stranger, StrangerKey,
        Vip, VipCounts, VipKey,
    };

    // SAFETY: each type derives FromBytes and IntoBytes, which refuse padding, references and invalid bit patterns.
    unsafe impl aya::Pod for GroupKey {}
    // SAFETY: as above.
    unsafe impl aya::Pod for Expected {}
    // SAFETY: as above.
    unsafe impl aya::Pod for PeerKey {}
    // SAFETY: as above.
    unsafe impl aya::Pod for Peer {}
    // SAFETY: as above.
    unsafe impl aya::Pod for InstanceSlots {}
    // SAFETY: as above.
    unsafe impl aya::Pod for StrangerKey {}
    // SAFETY: as above.
    unsafe impl aya::Pod for Stranger {}
    // SAFETY: as above.
    unsafe impl aya::Pod for VipKey {}
    // SAFETY: as above.
    unsafe impl aya::Pod for Vip {}
    // SAFETY: as above.
    unsafe impl aya::Pod for Shown {}
    // SAFETY: as above.
    unsafe impl aya::Pod for Gate {}
    // SAFETY: as above.
    unsafe impl aya::Pod for Port {}
    // SAFETY: as above.
    unsafe impl aya::Pod for Probe {}
    // SAFETY: as above.
    unsafe impl aya::Pod for VipCounts {}
}
