//! What leaves the program of an accepted advert: the slot of its source and the ring record.
//!
//! Owns every write to these maps. Decides nothing about a packet.

use core::{
    arch::asm,
    intrinsics::{AtomicOrdering, atomic_cxchg},
};

use aya_ebpf::helpers::bpf_ktime_get_ns;
use aya_log_ebpf::warn;
use regent_common::{
    AdvertInterval, Counter,
    advert::Heard,
    arrival::Arrivals,
    check,
    map::{self, CounterRow, Expected, InstanceSlots, RING_WINDOW_NANOSECONDS, SLOTS_PER_INSTANCE},
    record::{AdvertRecord, Slot},
};

use crate::{
    maps,
    note::{bump, row},
};

/// Stores an accepted advert in its source's slot, and rings when it says something new. Returns 0.
///
/// # Safety
/// Both pointers must be valid.
#[unsafe(no_mangle)]
#[inline(never)]
pub unsafe extern "C" fn store_advert(expected: *const Expected, heard: *const Heard) -> u32 {
    // SAFETY: both are valid.
    if let (Some(expected), Some(heard)) = unsafe { (expected.as_ref(), heard.as_ref()) } {
        // SAFETY: the helper has no preconditions.
        advert(expected, heard, unsafe { bpf_ktime_get_ns() });
    }
    0
}

/// As [`store_advert`], of an advert that arrives `now`.
#[inline(always)]
fn advert(expected: &Expected, heard: &Heard, now: u64) {
    let (Some(row), Some(slots)) = (row(expected.index), maps::SLOTS.get_ptr_mut(expected.index)) else {
        return;
    };
    let stored = match find(slots, expected, heard) {
        Place::Slot { slot, sequence, taken } => {
            if let Taken::FromAnother = taken {
                bump(row, Counter::SlotEvicted.slot() as usize);
            }
            // SAFETY: a slot of the map's entry.
            unsafe { write(slot, sequence, taken, heard, now) }
        }
        // Another CPU is storing an advert of the same source this moment: as new as ours.
        Place::Busy => Stored { news: true, before: 0 },
    };
    let rings = expected.rings_always() || stored.news || heard.priority == 0;
    // SAFETY: `slots` is an entry of an array map, which is never removed.
    let first_loss = rings && unsafe { ring(row, slots, expected, heard, now, stored.before) };
    // Last, since they branch most or are longest: what came after would be walked once for each way through.
    check::count_accepted(heard, |counter| {
        bump(row, counter.slot() as usize);
    });
    if first_loss {
        warn!((), "instance {}: the ring is full, adverts go to the slots alone", expected.index);
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
    /// To this slot, if its sequence is still that.
    Slot { slot: *mut Slot, sequence: u32, taken: Taken },
    /// Nowhere: somebody writes it this moment.
    Busy,
}

/// The slot for an advert: the one that was written last, if it is the source's; else whichever [`search`] finds.
///
/// What was found goes by way of the hint in the map's entry. For the verifier that is any slot, and it walks on once;
/// an index that it has followed through a loop it would follow to the end for each value. Another CPU may change the
/// hint in between, so what the slot is to this advert is looked at afterwards.
#[inline(always)]
fn find(slots: *mut InstanceSlots, expected: &Expected, heard: &Heard) -> Place {
    // SAFETY: a word of the map's entry; volatile, since it must be read again after it was written.
    let recent = unsafe { &raw mut (*slots).recent };
    // SAFETY: as above.
    if !holds(slots, unsafe { recent.read_volatile() }, &heard.source) {
        let found = search(slots, expected, heard);
        // SAFETY: as above.
        unsafe { recent.write_volatile(found) };
    }
    // SAFETY: as above.
    let slot = slot(slots, unsafe { recent.read_volatile() });
    // SAFETY: within the entry. Another CPU may write the slot: then its sequence is odd now, or taking it fails.
    let (sequence, source) =
        unsafe { ((&raw const (*slot).sequence).read_volatile(), &(*slot).heard.source) };
    let taken = if sequence == 0 {
        Taken::Free
    } else if same(source, &heard.source) {
        Taken::FromItself
    } else {
        Taken::FromAnother
    };
    let kept = matches!(taken, Taken::FromAnother) && same(source, &expected.active_source);
    if kept || sequence % 2 != 0 { Place::Busy } else { Place::Slot { slot, sequence, taken } }
}

/// That slot; a number beyond the last one counts on from the first.
#[inline(always)]
fn slot(slots: *mut InstanceSlots, index: u32) -> *mut Slot {
    const { assert!(SLOTS_PER_INSTANCE.is_power_of_two()) }
    // SAFETY: the masked index is below the length of the array, and `slots` an entry of a map.
    unsafe { &raw mut (*slots).slots[index as usize & (SLOTS_PER_INSTANCE - 1)] }
}

/// Whether that slot is the source's.
#[inline(always)]
fn holds(slots: *mut InstanceSlots, index: u32, source: &[u8; 16]) -> bool {
    let slot = slot(slots, index);
    // SAFETY: within the map's entry.
    unsafe { (&raw const (*slot).sequence).read_volatile() != 0 && same(&(*slot).heard.source, source) }
}

/// The slot of that source, or the first free one; else the one whose source was silent for longest, but never that of
/// the source which is Active now: a flood of made-up sources cannot push it out.
#[inline(always)]
fn search(slots: *mut InstanceSlots, expected: &Expected, heard: &Heard) -> u32 {
    let mut index = 0;
    while index < SLOTS_PER_INSTANCE as u32 {
        let slot = slot(slots, index);
        // SAFETY: within the map's entry.
        let free = unsafe { (&raw const (*slot).sequence).read_volatile() == 0 };
        // SAFETY: as above.
        if free || same(unsafe { &(*slot).heard.source }, &heard.source) {
            return index;
        }
        index += 1;
    }
    let mut longest = (u64::MAX, 0);
    let mut index = 0;
    while index < SLOTS_PER_INSTANCE as u32 {
        let slot = slot(slots, index);
        // SAFETY: as above.
        let (arrived, source) = unsafe { ((*slot).arrived, &(*slot).heard.source) };
        if arrived < longest.0 && !same(source, &expected.active_source) {
            longest = (arrived, index);
        }
        index += 1;
    }
    longest.1
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
            Taken::FromItself => Stored { news: !same_words(&(*slot).heard, heard), before: (*slot).arrived },
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

/// Writes a ring record, within the instance's budget. Tells when the ring is full for the first time on this CPU since
/// the row was cleared: worth a message, once.
///
/// # Safety
/// `slots` must be an entry of the map.
#[inline(always)]
unsafe fn ring(
    row: &mut CounterRow,
    slots: *mut InstanceSlots,
    expected: &Expected,
    heard: &Heard,
    now: u64,
    before: u64,
) -> bool {
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
        return false;
    }
    let Some(mut record) = maps::RING.reserve(0) else {
        return bump(row, Counter::RingFull.slot() as usize) == 1;
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
    false
}
