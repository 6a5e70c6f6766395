//! Whether the programs speak for an instance: its gate, read for each packet that is about one of its addresses.
//!
//! User space writes the gate at any moment and without a lock, so each of its words is read once. The one write from
//! here is [`release`].

use aya_ebpf::helpers::{bpf_ktime_get_coarse_ns, bpf_ktime_get_ns};
use regent_common::{
    Counter,
    map::{Gate, Stance, mode},
};

use crate::{maps, note};

/// How far the coarse clock may lag: a tick, of 10 ms at most. It costs a tenth of the exact one.
const LAG: u64 = 10_000_000;

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

/// Whether its patience is over. The coarse clock tells for most; only close to the end the exact one is asked.
#[inline(always)]
pub fn is_expired(gate: &Gate) -> bool {
    // SAFETY: the helper has no preconditions.
    let latest = unsafe { bpf_ktime_get_coarse_ns() } + LAG;
    if !gate.is_expired(latest) {
        return false;
    }
    // SAFETY: as above.
    gate.is_expired(unsafe { bpf_ktime_get_ns() })
}

/// What the programs do about the instance now.
#[inline(always)]
pub fn stance(gate: &Gate) -> Stance {
    // As if it were the beginning of time: what the mode alone says.
    match gate.stance(0) {
        Stance::Answer if is_expired(gate) => Stance::Mute,
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
