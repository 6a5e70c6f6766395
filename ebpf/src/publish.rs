//! What leaves the program: counters, the slot of a source, the ring record, strangers, claims.
//!
//! Owns every write to a map. Decides nothing about a packet.

use core::{arch::asm, intrinsics::{AtomicOrdering, atomic_cxchg}};

use aya_ebpf::{bindings::BPF_NOEXIST, helpers::bpf_ktime_get_ns, programs::XdpContext};
use aya_log_ebpf::warn;
use regent_common::{
    AdvertInterval, Counter, Reason,
    advert::Heard,
    arrival::Arrivals,
    bytes::Bytes,
    check::{self, Preamble},
    map::{
        self, CounterRow, Expected, InstanceSlots, RING_WINDOW_NANOSECONDS, SLOTS_PER_INSTANCE, Stranger,
        StrangerKey, Vip,
    },
    record::{AdvertRecord, Slot},
};

use crate::{cursor::Cursor, maps};

/// The counters of an instance on this CPU.
#[inline(always)]
fn row(instance: u32) -> Option<&'static mut CounterRow> {
    // SAFETY: the row is this CPU's own, no other program runs on it meanwhile, and no two rows are held at once.
    maps::COUNTERS.get_ptr_mut(instance).map(|row| unsafe { &mut *row })
}

/// Adds one to a counter and tells what it is now.
#[inline(always)]
fn bump(row: &mut CounterRow, counter: usize) -> u64 {
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

/// Counts a rejection. The reason comes as its number, of which the verifier knows nothing: it would walk the rest once
/// for each.
#[inline(always)]
pub fn rejection(instance: u32, reason: usize) {
    if let Some(row) = row(instance) {
        bump(row, Counter::FIRST_REJECTION + reason);
    }
}

/// Stores an accepted advert in its source's slot, and rings when it says something new.
#[inline(always)]
pub fn advert(context: &XdpContext, cursor: &Cursor, expected: &Expected, heard: &Heard, now: u64) {
    let (Some(row), Some(slots)) = (row(expected.index), maps::SLOTS.get_ptr_mut(expected.index)) else {
        return;
    };
    check::count_accepted(heard, |counter| {
        bump(row, counter.slot() as usize);
    });
    let stored = match find(slots, expected, heard) {
        Place::Slot { index, sequence, taken } => {
            let index = cursor.opaque(index);
            if index >= SLOTS_PER_INSTANCE {
                return;
            }
            if let Taken::FromAnother = taken {
                bump(row, Counter::SlotEvicted.slot() as usize);
            }
            // SAFETY: `index` is below the length of the array, and `slots` an entry of a map.
            let slot = unsafe { &raw mut (*slots).slots[index] };
            // SAFETY: a slot of the map's entry.
            unsafe { write(slot, sequence, taken, heard, now) }
        }
        // Another CPU is storing an advert of the same source this moment: as new as ours.
        Place::Busy => Stored { news: true, before: 0 },
    };
    if expected.rings_always() || stored.news || heard.priority == 0 {
        // SAFETY: `slots` is an entry of an array map, which is never removed.
        unsafe { ring(context, row, slots, expected, heard, now, stored.before) };
    }
}

/// What storing an advert showed.
#[derive(Clone, Copy)]
struct Stored {
    /// It says something else than this source's advert before.
    news: bool,
    /// When that arrived; 0 when there was none.
    before: u64,
}

/// Who had the slot that an advert is written to.
#[derive(Clone, Copy)]
enum Taken {
    /// The same source.
    FromItself,
    /// Nobody.
    Free,
    /// Another source, which was silent for longest.
    FromAnother,
}

/// Where an advert goes.
enum Place {
    Slot { index: usize, sequence: u32, taken: Taken },
    Busy,
}

/// The slot of that source, or the first free one; else that of [`silent_for_longest`].
#[inline(always)]
fn find(slots: *mut InstanceSlots, expected: &Expected, heard: &Heard) -> Place {
    let mut index = 0;
    while index < SLOTS_PER_INSTANCE {
        // SAFETY: `index` is below the length of the array, and `slots` an entry of a map.
        let slot = unsafe { &raw const (*slots).slots[index] };
        // SAFETY: as above; another CPU may write the slot, so the sequence is read as it stands in memory.
        let sequence = unsafe { (&raw const (*slot).sequence).read_volatile() };
        if sequence == 0 {
            return Place::Slot { index, sequence, taken: Taken::Free };
        }
        // SAFETY: as above. The slot may change while it is looked at: then taking it fails.
        if same(unsafe { &(*slot).heard.source }, &heard.source) {
            return if sequence % 2 == 0 {
                Place::Slot { index, sequence, taken: Taken::FromItself }
            } else {
                Place::Busy
            };
        }
        index += 1;
    }
    silent_for_longest(slots, &expected.active_source)
}

/// The slot whose source was silent for longest, but never that of the source which is Active now: a flood of made-up
/// sources cannot push it out.
#[inline(always)]
fn silent_for_longest(slots: *mut InstanceSlots, active: &[u8; 16]) -> Place {
    let mut place = Place::Busy;
    let mut arrived = u64::MAX;
    let mut index = 0;
    while index < SLOTS_PER_INSTANCE {
        // SAFETY: `index` is below the length of the array, and `slots` an entry of a map.
        let slot = unsafe { &raw const (*slots).slots[index] };
        // SAFETY: as above; another CPU may write the slot: then its sequence is odd now, or taking it fails.
        let (sequence, last, source) = unsafe {
            ((&raw const (*slot).sequence).read_volatile(), (*slot).arrived, &(*slot).heard.source)
        };
        if sequence % 2 == 0 && last < arrived && !same(source, active) {
            arrived = last;
            place = Place::Slot { index, sequence, taken: Taken::FromAnother };
        }
        index += 1;
    }
    place
}

/// Two loads and a comparison each; `==` on arrays would call a function.
#[inline(always)]
fn same(one: &[u8; 16], other: &[u8; 16]) -> bool {
    u128::from_ne_bytes(*one) == u128::from_ne_bytes(*other)
}

/// Overwrites the slot and tells whether that was news. A slot that another CPU took since is left alone: that is news
/// too, for the ring then carries what the slot does not.
///
/// # Safety
/// `slot` must be part of a map's entry.
#[inline(always)]
unsafe fn write(slot: *mut Slot, sequence: u32, taken: Taken, heard: &Heard, now: u64) -> Stored {
    // SAFETY: an aligned word of a map's entry.
    let (_, won) = unsafe {
        atomic_cxchg::<u32, { AtomicOrdering::SeqCst }, { AtomicOrdering::SeqCst }>(
            &raw mut (*slot).sequence,
            sequence,
            sequence | 1,
        )
    };
    if !won {
        return Stored { news: true, before: 0 };
    }
    // 0 means free, so the sequence steps over it when it wraps.
    let next = match sequence.wrapping_add(2) {
        0 => 2,
        next => next,
    };
    // SAFETY: the odd sequence makes this CPU the only writer. A reader copies the slot from its first byte to its
    // last, so the end is marked before and the beginning after the contents.
    unsafe {
        (&raw mut (*slot).sequence_end).write_volatile(next);
        asm!("", options(nostack, preserves_flags));
        let stored = match taken {
            Taken::FromItself => {
                Stored { news: !same_words(&(*slot).heard, heard), before: (*slot).arrived }
            }
            Taken::Free | Taken::FromAnother => {
                forget(&raw mut (*slot).arrivals);
                Stored { news: true, before: 0 }
            }
        };
        (*slot).before = stored.before;
        (*slot).heard = *heard;
        (*slot).arrived = now;
        let interval = match heard.interval() {
            Some(interval) => interval.nanoseconds(),
            None => AdvertInterval::DEFAULT.nanoseconds(),
        };
        (*slot).arrivals.note(now, interval, heard.priority == 0);
        asm!("", options(nostack, preserves_flags));
        (&raw mut (*slot).sequence).write_volatile(next);
        stored
    }
}

/// Makes a source one that was never heard. Word by word: the compiler would call a loop over bytes.
///
/// # Safety
/// `arrivals` must be part of a map's entry, and this CPU its only writer.
#[inline(always)]
unsafe fn forget(arrivals: *mut Arrivals) {
    const { assert!(size_of::<Arrivals>().is_multiple_of(8) && align_of::<Arrivals>() == 8) }
    let mut word = 0;
    while word < size_of::<Arrivals>() / 8 {
        // SAFETY: within the value, and zeros are one.
        unsafe { arrivals.cast::<u64>().add(word).write_volatile(0) };
        word += 1;
    }
}

/// Whether two adverts of one source say the same.
#[inline(always)]
fn same_words(one: &Heard, other: &Heard) -> bool {
    one.addresses == other.addresses
        && one.interval == other.interval
        && one.notes == other.notes
        && one.priority == other.priority
        && one.version == other.version
        && one.count == other.count
}

/// [`map::RING_BUDGET`], unless the loader asks for another: the bench does, to measure the ring and not its budget.
#[unsafe(no_mangle)]
static RING_BUDGET: u32 = map::RING_BUDGET;

/// Writes a ring record, within the instance's budget.
///
/// # Safety
/// `slots` must be an entry of the map.
#[inline(always)]
unsafe fn ring(
    context: &XdpContext,
    row: &mut CounterRow,
    slots: *mut InstanceSlots,
    expected: &Expected,
    heard: &Heard,
    now: u64,
    before: u64,
) {
    let window = now / RING_WINDOW_NANOSECONDS;
    // SAFETY: plain words of a map's entry. Two CPUs may race for them: the budget is then off by a few records.
    let rung = unsafe {
        if (*slots).window != window {
            (*slots).window = window;
            (*slots).rung = 0;
        }
        (*slots).rung += 1;
        (*slots).rung
    };
    // SAFETY: a constant of the object. Volatile, since the loader may have set another.
    if rung > unsafe { (&raw const RING_BUDGET).read_volatile() } {
        bump(row, Counter::RingBudget.slot() as usize);
        return;
    }
    let Some(mut record) = maps::RING.reserve(0) else {
        if bump(row, Counter::RingFull.slot() as usize) == 1 {
            complain_of_the_ring(context, expected.index);
        }
        return;
    };
    record.write(AdvertRecord {
        arrived: now,
        before,
        instance: expected.index,
        generation: expected.generation,
        heard: *heard,
        padding: 0,
    });
    record.submit(0);
}

/// Said once for a row and CPU. Not inlined: it is long, and next to never called.
#[inline(never)]
fn complain_of_the_ring(context: &XdpContext, instance: u32) {
    warn!(context, "instance {}: the ring is full, adverts go to the slots alone", instance);
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

/// Notes a packet of a group that is not configured here.
#[inline(always)]
pub fn stranger(cursor: &Cursor, key: &StrangerKey, preamble: &Preamble, verdict: Result<Heard, Reason>) {
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
    entry.version = preamble.version();
    entry.priority = preamble.priority();
    match verdict {
        Ok(heard) => {
            entry.interval = heard.interval;
            entry.count = heard.count;
            if let Some(interval) = heard.interval() {
                entry.arrivals.note(now, interval.nanoseconds(), heard.priority == 0);
            }
        }
        Err(reason) => {
            if let Some(rejected) = entry.rejected.get_mut(cursor.opaque(reason as usize)) {
                *rejected += 1;
            }
        }
    }
}

/// Notes an ARP packet whose sender says that `vip` is at `mac`.
#[inline(always)]
pub fn claim(vip: *mut Vip, mac: [u8; 6]) {
    // SAFETY: an entry of the map, whose memory stays valid while the program runs. Two CPUs may write it at once:
    // either claim is a true one.
    let vip = unsafe { &mut *vip };
    if vip.own_mac == mac {
        return;
    }
    count(vip.instance, Counter::ArpClaim);
    vip.claims += 1;
    vip.claimant = mac;
    // SAFETY: the helper has no preconditions.
    vip.claimed = unsafe { bpf_ktime_get_ns() };
}
