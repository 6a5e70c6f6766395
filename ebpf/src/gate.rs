//! Whether the programs speak for an instance: its gate, read for each packet that is about one of its addresses.
//!
//! User space writes the gate at any moment and without a lock, so each of its words is read once. The one write from
//! here is [`release`].

use aya_ebpf::helpers::{bpf_jiffies64, bpf_ktime_get_ns};
use regent_common::{
    Counter,
    map::{Gate, Opening, Stance, mode},
};

use crate::{maps, note};

/// The longest tick that kernels have, in nanoseconds.
const TICK: u64 = 10_000_000;
/// Ticks that may have begun, or be late, when they are counted.
const LAG: u64 = 2;

/// The gate of that row as it is now; of a row that is not there, one that is off.
#[inline(always)]
pub fn read(row: u32) -> Gate {
    match maps::GATES.get_ptr(row) {
        // SAFETY: words of an array's entry, which is never removed. Volatile: user space writes them meanwhile.
        Some(gate) => unsafe {
            Gate {
                attempted: (&raw const (*gate).attempted).read_volatile(),
                patience: (&raw const (*gate).patience).read_volatile(),
                mode: (&raw const (*gate).mode).read_volatile(),
                flags: (&raw const (*gate).flags).read_volatile(),
            }
        },
        None => Gate { attempted: 0, patience: 0, mode: mode::OFF, flags: 0 },
    }
}

/// Whether its patience is over.
///
/// Reading a clock costs as much as finding the address. So what it said once is kept, in ticks, which cost one read: the
/// gate that was open for so long yet is open until as many have passed, or until it says something else. Close to the
/// end the clock is asked each time.
#[inline(always)]
pub fn is_expired(row: u32, gate: &Gate) -> bool {
    if gate.patience == 0 {
        return false;
    }
    let Some(opening) = maps::OPENINGS.get_ptr_mut(row) else {
        return true;
    };
    // SAFETY: the entry is this CPU's own, and no other program runs on it meanwhile.
    let opening = unsafe { &mut *opening };
    // SAFETY: the helper has no preconditions.
    let tick = unsafe { bpf_jiffies64() };
    let known = opening.attempted == gate.attempted && opening.patience == gate.patience;
    if known && tick <= opening.until {
        return false;
    }
    // SAFETY: as above.
    let now = unsafe { bpf_ktime_get_ns() };
    if gate.is_expired(now) {
        return true;
    }
    let ticks = (gate.patience - now.saturating_sub(gate.attempted)) / TICK;
    if ticks >= LAG {
        *opening = Opening { attempted: gate.attempted, patience: gate.patience, until: tick + ticks - LAG };
    }
    false
}

/// What the programs do about the instance of that row now.
#[inline(always)]
pub fn stance(row: u32, gate: &Gate) -> Stance {
    // As if it were the beginning of time: what the mode alone says.
    match gate.stance(0) {
        Stance::Answer if is_expired(row, gate) => Stance::Mute,
        stance @ (Stance::Answer | Stance::Mute | Stance::Off) => stance,
    }
}

/// Lets go of an instance that another daemon speaks for.
#[inline(always)]
pub fn release(row: u32) {
    if let Some(gate) = maps::GATES.get_ptr_mut(row) {
        // SAFETY: a word of an array's entry; volatile, since user space reads it.
        unsafe { (&raw mut (*gate).mode).write_volatile(mode::OFF) };
        note::count(row, Counter::Yielded);
    }
}
