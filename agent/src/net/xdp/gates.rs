//! The gates, written by the loop without a system call: a map in the memory of this process.
//!
//! Owns every write to them from user space. The XDP and tc programs read them for each packet about a virtual address;
//! what they are told takes effect with the next one.

#![expect(unsafe_code, reason = "the kernel writes the same memory")]

use std::{
    io,
    num::NonZero,
    os::fd::AsFd,
    ptr::NonNull,
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
    time::Duration,
};

use regent_common::map::{Gate, mode};
use rustix::mm::{MapFlags, ProtFlags};

/// The gate of each instance, by its row.
#[derive(Debug)]
pub struct Gates {
    start: NonNull<Gate>,
    rows: u32,
    bytes: usize,
}

// SAFETY: the memory belongs to the map and every access to it is atomic.
unsafe impl Send for Gates {}

impl Gates {
    /// Maps the array behind `map`, which has `rows` entries.
    ///
    /// # Errors
    /// When the kernel does not map it: before 5.5, or without memory.
    pub(super) fn of(map: impl AsFd, rows: u32) -> io::Result<Self> {
        let bytes = rows as usize * size_of::<Gate>();
        let length = NonZero::new(bytes).ok_or_else(|| io::Error::other("no gates"))?;
        // SAFETY: a new mapping at a place of the kernel's choice.
        let start = unsafe {
            rustix::mm::mmap(
                std::ptr::null_mut(),
                length.get(),
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED,
                map,
                0,
            )
        }?;
        let start = NonNull::new(start.cast()).ok_or_else(|| io::Error::other("mapped at nothing"))?;
        Ok(Self { start, rows, bytes })
    }

    /// The loop attempts an advert at `now`, in nanoseconds of CLOCK_MONOTONIC: told before it is sent.
    pub fn attempt(&self, row: u32, now: u64) {
        if let Some(gate) = self.gate(row) {
            gate.attempted.store(now, Ordering::Release);
        }
    }

    /// As [`Self::answer`], but mute: what the first advert needs, which leaves before the programs answer.
    pub fn prepare(&self, row: u32, patience: Duration, flags: u32) {
        self.open(row, patience, flags, mode::MUTE);
    }

    /// Opens: the programs answer for the instance, as long as its adverts are attempted with no more than `patience`
    /// in between (zero: for ever). `flags` are of [`regent_common::map::gate_flag`].
    pub fn answer(&self, row: u32, patience: Duration, flags: u32) {
        self.open(row, patience, flags, mode::ANSWER);
    }

    /// Shuts: nothing is answered, and nothing leaves in the name of the instance's addresses.
    pub fn mute(&self, row: u32) {
        self.set(row, mode::MUTE);
    }

    /// Hands off.
    pub fn release(&self, row: u32) {
        self.set(row, mode::OFF);
    }

    /// What the programs see.
    pub fn read(&self, row: u32) -> Option<Gate> {
        let gate = self.gate(row)?;
        Some(Gate {
            attempted: gate.attempted.load(Ordering::Acquire),
            patience: gate.patience.load(Ordering::Acquire),
            mode: gate.mode.load(Ordering::Acquire),
            flags: gate.flags.load(Ordering::Acquire),
        })
    }

    fn open(&self, row: u32, patience: Duration, flags: u32, mode: u32) {
        if let Some(gate) = self.gate(row) {
            let patience = u64::try_from(patience.as_nanos()).unwrap_or(u64::MAX);
            gate.patience.store(patience, Ordering::Release);
            gate.flags.store(flags, Ordering::Release);
            gate.mode.store(mode, Ordering::Release);
        }
    }

    fn set(&self, row: u32, mode: u32) {
        if let Some(gate) = self.gate(row) {
            gate.mode.store(mode, Ordering::Release);
        }
    }

    fn gate(&self, row: u32) -> Option<Words<'_>> {
        if row >= self.rows {
            return None;
        }
        // SAFETY: within the mapping, which lives as long as this; each word is aligned, since the mapping begins at a
        // page and the size of an entry is a multiple of eight.
        unsafe {
            let gate = self.start.as_ptr().add(row as usize);
            Some(Words {
                attempted: AtomicU64::from_ptr(&raw mut (*gate).attempted),
                patience: AtomicU64::from_ptr(&raw mut (*gate).patience),
                mode: AtomicU32::from_ptr(&raw mut (*gate).mode),
                flags: AtomicU32::from_ptr(&raw mut (*gate).flags),
            })
        }
    }
}

const _: () = assert!(size_of::<Gate>().is_multiple_of(8), "the kernel rounds entries up to eight bytes");

/// A gate, word by word.
struct Words<'a> {
    attempted: &'a AtomicU64,
    patience: &'a AtomicU64,
    mode: &'a AtomicU32,
    flags: &'a AtomicU32,
}

impl Drop for Gates {
    fn drop(&mut self) {
        // SAFETY: what `of` mapped, and nobody else knows it.
        let unmapped = unsafe { rustix::mm::munmap(self.start.as_ptr().cast(), self.bytes) };
        debug_assert!(unmapped.is_ok());
    }
}
