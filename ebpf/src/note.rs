//! What is counted and remembered for people: counters, packets that may be seen, strangers, claims.
//!
//! Owns the writes to these maps. Decides nothing about a packet.

use aya_ebpf::{
    bindings::BPF_NOEXIST,
    helpers::{bpf_ktime_get_coarse_ns, bpf_ktime_get_ns},
};
use regent_common::{
    Counter,
    advert::Heard,
    arrival::Arrivals,
    map::{CounterRow, SHOWN_PER_SECOND, Stranger, StrangerKey, Vip},
};

use crate::maps::{self, Key};

/// The counters of an instance on this CPU.
#[inline(always)]
pub fn row(instance: u32) -> Option<&'static mut CounterRow> {
    // SAFETY: the row is this CPU's own, no other program runs on it meanwhile, and no two rows are held at once.
    maps::COUNTERS.get_ptr_mut(instance).map(|row| unsafe { &mut *row })
}

/// Adds one to a counter and tells what it is now.
#[inline(always)]
pub fn bump(row: &mut CounterRow, counter: usize) -> u64 {
    match row.get_mut(counter) {
        Some(value) => {
            *value += 1;
            *value
        }
        None => 0,
    }
}

/// Counts something about an instance.
#[inline(always)]
pub fn count(instance: u32, counter: Counter) {
    if let Some(row) = row(instance) {
        bump(row, counter.slot() as usize);
    }
}

/// Counts a rejection, by the reason's number, and tells whether the packet may be seen: 0 if not.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn count_rejection(instance: u32, reason: u32) -> u32 {
    if let Some(row) = row(instance) {
        bump(row, Counter::FIRST_REJECTION + reason as usize);
    }
    may_be_shown(reason) as u32
}

/// Whether this rejected packet is among the first of its reason on this CPU in this second.
#[inline(always)]
fn may_be_shown(reason: u32) -> bool {
    let Some(shown) = maps::SHOWN.get_ptr_mut(reason) else {
        return false;
    };
    // SAFETY: the helper has no preconditions.
    let second = unsafe { bpf_ktime_get_coarse_ns() } / 1_000_000_000;
    // SAFETY: the entry is this CPU's own, and no other program runs on it meanwhile.
    let shown = unsafe { &mut *shown };
    if shown.second != second {
        shown.second = second;
        shown.packets = 0;
    }
    shown.packets += 1;
    shown.packets <= SHOWN_PER_SECOND as u64
}

/// A stranger that was not heard before.
static UNHEARD: Stranger = Stranger {
    first: 0,
    last: 0,
    arrivals: Arrivals { last: 0, received: 0, lost: 0, silences: 0, histogram: [0; _] },
    interval: 0,
    version: 0,
    priority: 0,
    count: 0,
    padding: [0; 3],
    rejected: [0; _],
};

/// In place of a reason: the advert was a good one.
pub const GOOD: u32 = u32::MAX;

/// Notes a packet of a group that is not configured here: what it said, and the number of the reason or [`GOOD`].
/// Returns 0.
///
/// # Safety
/// Both pointers must be valid.
#[unsafe(no_mangle)]
#[inline(never)]
pub unsafe extern "C" fn note_stranger(key: *const StrangerKey, heard: *const Heard, reason: u32) -> u32 {
    // SAFETY: both are valid.
    if let (Some(key), Some(heard)) = unsafe { (key.as_ref(), heard.as_ref()) } {
        // On the stack: the verifier of 6.1 takes no key from memory that it knows only by its size.
        stranger(&Key(*key).0, heard, reason);
    }
    0
}

/// As [`note_stranger`].
#[inline(always)]
fn stranger(key: &StrangerKey, heard: &Heard, reason: u32) {
    let mut entry = maps::STRANGERS.get_ptr_mut(key);
    if entry.is_none() {
        // Another CPU may have been faster: then its entry is found.
        let _ = maps::STRANGERS.insert(key, &UNHEARD, BPF_NOEXIST as u64);
        entry = maps::STRANGERS.get_ptr_mut(key);
    }
    let Some(entry) = entry else {
        return;
    };
    // SAFETY: an entry of the map, whose memory stays valid while the program runs. Several CPUs, or an eviction, may
    // write it at once: what is lost then is a count in a list for people.
    let entry = unsafe { &mut *entry };
    // SAFETY: the helper has no preconditions.
    let now = unsafe { bpf_ktime_get_ns() };
    if entry.first == 0 {
        entry.first = now;
    }
    entry.last = now;
    entry.version = heard.version;
    entry.priority = heard.priority;
    if reason != GOOD {
        if let Some(rejected) = entry.rejected.get_mut(reason as usize) {
            *rejected += 1;
        }
        return;
    }
    entry.interval = heard.interval;
    entry.count = heard.count;
    if let Some(interval) = heard.interval() {
        entry.arrivals.note(now, interval.nanoseconds(), heard.priority == 0);
    }
}

/// Notes a packet whose sender says that `vip` is at `mac`, in that counter.
#[inline(always)]
pub fn claim(vip: *mut Vip, mac: [u8; 6], counter: Counter) {
    // SAFETY: an entry of the map, whose memory stays valid while the program runs. Two CPUs may write it at once:
    // either claim is a true one.
    let vip = unsafe { &mut *vip };
    if vip.own_mac == mac {
        return;
    }
    count(vip.instance, counter);
    vip.claims += 1;
    vip.claimant = mac;
    // SAFETY: the helper has no preconditions.
    vip.claimed = unsafe { bpf_ktime_get_ns() };
}
