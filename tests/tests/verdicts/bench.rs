//! A loaded program on one CPU, before which packets are laid; and what must come of them by the common functions.

use libtest_mimic::Failed;
use nix::{
    sched::{CpuSet, sched_setaffinity},
    unistd::Pid,
};
use regent_agent::net::xdp::{Capacity, Entry, Program};
use regent_common::{
    Counter, Family, PROTOCOL, Reason,
    advert::Heard,
    check::{self, NotJudged, Preamble},
    ethernet::{self, Ethernet},
    map::{CounterRow, Expected, GroupKey, Peer, PeerKey, RING_BUDGET, StrangerKey},
    record::{AdvertRecord, Slot},
};

/// The interface that test runs count as.
pub const LOOPBACK: u32 = 1;
/// XDP_DROP.
pub const DROP: u32 = 1;
/// XDP_PASS.
pub const PASS: u32 = 2;

/// The program and the groups it knows.
pub struct Bench {
    pub program: Program,
    groups: Vec<(GroupKey, Expected)>,
    peers: Vec<(PeerKey, Peer)>,
}

/// What must come of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// It passes untouched.
    Nothing,
    /// A group that is not configured.
    Stranger { key: StrangerKey, verdict: Result<Heard, Reason> },
    /// A group of ours.
    Ours { index: u32, verdict: Result<Heard, Reason> },
}

impl Bench {
    /// Loads the program and keeps this thread on one CPU, so that what is limited for each CPU can be counted.
    pub fn new() -> Result<Self, Failed> {
        Self::with_budget(RING_BUDGET)
    }

    /// As [`Self::new`], with that many ring records for an instance and window.
    pub fn with_budget(ring_budget: u32) -> Result<Self, Failed> {
        let mut cpus = CpuSet::new();
        cpus.set(0)?;
        sched_setaffinity(Pid::from_raw(0), &cpus)?;
        Ok(Self {
            program: Program::load_with(Capacity::default(), ring_budget)?,
            groups: Vec::new(),
            peers: Vec::new(),
        })
    }

    /// Configures a group.
    pub fn expect(&mut self, key: GroupKey, expected: Expected) -> Result<(), Failed> {
        self.program.set_instance(key, &expected)?;
        self.groups.push((key, expected));
        Ok(())
    }

    /// Configures a unicast peer.
    pub fn peer(&mut self, key: PeerKey, peer: Peer) -> Result<(), Failed> {
        self.program.set_peer(key, peer)?;
        self.peers.push((key, peer));
        Ok(())
    }

    /// Runs a frame and returns the action.
    pub fn run(&mut self, frame: &[u8]) -> Result<u32, Failed> {
        Ok(self.program.try_packet(Entry::Regent, frame, 1)?.action)
    }

    /// All waiting ring records.
    pub fn records(&mut self) -> Vec<AdvertRecord> {
        let mut records = Vec::new();
        self.program.drain(usize::MAX, |record| records.push(record));
        records
    }

    /// The slot of a source.
    pub fn slot(&self, index: u32, source: &[u8; 16]) -> Option<Slot> {
        self.program
            .view()
            .slots(index)?
            .slots
            .into_iter()
            .find(|slot| slot.is_whole() && slot.heard.source == *source)
    }

    /// What the common functions say about a frame.
    pub fn due(&self, frame: &[u8]) -> Due {
        let Some(ethernet) = Ethernet::read(&frame) else { return Due::Nothing };
        let preamble = match ethernet.ether_type {
            ethernet::IPV4 => Preamble::ipv4(&frame, ethernet.payload),
            ethernet::IPV6 => Preamble::ipv6(&frame, ethernet.payload),
            _ => return Due::Nothing,
        };
        let preamble = match preamble {
            Ok(preamble) => preamble,
            Err(NotJudged::Foreign | NotJudged::ForSocket) => return Due::Nothing,
        };
        let key = GroupKey::new(LOOPBACK, ethernet.vlans(), preamble.family as u8, preamble.vrid());
        match self.groups.iter().find(|(group, _)| *group == key) {
            Some((_, expected)) if !is_for_us(frame, expected) => Due::Nothing,
            Some((_, expected)) => {
                let key = PeerKey::new(preamble.source, expected.index);
                let peer = self.peers.iter().find(|(peer, _)| *peer == key).map(|(_, peer)| peer);
                let verdict = check::judge(&frame, &preamble, Some(expected), peer);
                Due::Ours { index: expected.index, verdict }
            }
            None => Due::Stranger {
                key: StrangerKey { group: key, source: preamble.source },
                verdict: check::judge(&frame, &preamble, None, None),
            },
        }
    }
}

/// Whether the frame's destination is a group's address or the port's own.
fn is_for_us(frame: &[u8], expected: &Expected) -> bool {
    let destination = frame.first_chunk::<6>();
    destination.is_some_and(|destination| ethernet::is_for(*destination, expected.own_mac))
}

/// The counters that a verdict moves, and by how much.
pub fn moved(verdict: &Result<Heard, Reason>) -> CounterRow {
    let mut row = [0; Counter::COUNT];
    match verdict {
        Ok(heard) => check::count_accepted(heard, |counter| row[counter.slot() as usize] += 1),
        Err(reason) => row[Counter::Rejected(*reason).slot() as usize] += 1,
    }
    row
}

/// What a row gained.
pub fn gained(before: &CounterRow, after: &CounterRow) -> CounterRow {
    std::array::from_fn(|slot| after[slot].wrapping_sub(before[slot]))
}

/// The counters that are not zero, for messages.
pub fn named(row: &CounterRow) -> Vec<(&'static str, u64)> {
    let counters = Counter::all().map(|counter| (counter.label(), row[counter.slot() as usize]));
    counters.filter(|(_, value)| *value != 0).collect()
}

/// The key of an untagged group of that family.
pub fn group(family: Family, vrid: u8) -> GroupKey {
    GroupKey::new(LOOPBACK, 0, family as u8, vrid)
}

/// VRRP's protocol number where a reader of frames expects it.
pub const VRRP: u8 = PROTOCOL;

/// Fails with `message` unless `holds`.
pub fn ensure(holds: bool, message: impl FnOnce() -> String) -> Result<(), Failed> {
    if holds { Ok(()) } else { Err(Failed::from(message())) }
}
