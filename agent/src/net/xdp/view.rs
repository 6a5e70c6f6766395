//! What the program heard and counted, for reading: counters, slots, strangers.
//!
//! Reading takes system calls, one or two for each row, so a status of a thousand instances is read through a handle of its
//! own ([`View::again`]) on a thread that has time for it.

use std::{io, os::fd::AsFd};

use aya::maps::{Array, HashMap, IterableMap, Map, MapData, PerCpuArray};
use regent_common::{
    Counter,
    map::{CounterRow, InstanceSlots, Stranger, StrangerKey, VipCounts},
    record::Slot,
};
use zerocopy::{FromZeros, IntoBytes};

use super::error::map_error;

/// Readings of one row before a slot that is written all the time is given up.
const READINGS: usize = 8;

/// The maps that are read.
pub struct View {
    pub(super) counters: PerCpuArray<MapData, CounterRow>,
    pub(super) slots: Array<MapData, InstanceSlots>,
    pub(super) strangers: HashMap<MapData, StrangerKey, Stranger>,
    pub(super) vip_counts: PerCpuArray<MapData, VipCounts>,
}

impl View {
    /// Another handle to the same maps, for another thread.
    ///
    /// # Errors
    /// When there is no descriptor left, or the kernel does not tell what the maps are.
    pub fn again(&self) -> io::Result<Self> {
        let failed = |error| map_error("cannot open a map again", error);
        let again = |data: &MapData| {
            let descriptor = data.fd().as_fd().try_clone_to_owned()?;
            MapData::from_fd(descriptor).map_err(failed)
        };
        Ok(Self {
            counters: Map::PerCpuArray(again(self.counters.map())?).try_into().map_err(failed)?,
            slots: Map::Array(again(self.slots.map())?).try_into().map_err(failed)?,
            strangers: Map::LruHashMap(again(self.strangers.map())?).try_into().map_err(failed)?,
            vip_counts: Map::PerCpuArray(again(self.vip_counts.map())?).try_into().map_err(failed)?,
        })
    }

    /// The newest adverts of an instance; slots that nobody holds have sequence 0. `None` for a row that is not
    /// there. A slot that was being written at every reading is given as free: its advert is in the ring as well, or
    /// is found a moment later.
    ///
    /// The kernel copies a row without a lock. A slot is taken as whole when it says so in two readings that
    /// agree, which no copy in whatever order can feign.
    pub fn slots(&self, index: u32) -> Option<InstanceSlots> {
        let mut row = self.slots.get(&index, 0).ok()?;
        let mut settled = row.slots.map(|slot| slot.sequence == 0);
        for _ in 0..READINGS {
            if settled.iter().all(|settled| *settled) {
                break;
            }
            let again = self.slots.get(&index, 0).ok()?;
            for ((slot, again), settled) in row.slots.iter_mut().zip(again.slots).zip(&mut settled) {
                *settled |= slot.is_whole() && slot.as_bytes() == again.as_bytes();
                if !*settled {
                    *slot = again;
                }
            }
        }
        for (slot, settled) in row.slots.iter_mut().zip(settled) {
            if !settled {
                *slot = Slot::new_zeroed();
            }
        }
        Some(row)
    }

    /// The counters of an instance, each at its [`Counter::slot`], all CPUs together. Zeros for a row that is not
    /// there.
    pub fn counters(&self, index: u32) -> [u64; Counter::COUNT] {
        let mut sum = [0u64; Counter::COUNT];
        if let Ok(rows) = self.counters.get(&index, 0) {
            for row in rows.iter() {
                for (sum, value) in sum.iter_mut().zip(row) {
                    *sum = sum.wrapping_add(*value);
                }
            }
        }
        sum
    }

    /// What was asked and answered about the virtual address of that row, all CPUs together. Zeros for a row that is not
    /// there.
    pub fn vip_counts(&self, row: u32) -> VipCounts {
        let mut sum = VipCounts::default();
        if let Ok(counts) = self.vip_counts.get(&row, 0) {
            for counts in counts.iter() {
                sum.requests = sum.requests.wrapping_add(counts.requests);
                sum.replies = sum.replies.wrapping_add(counts.replies);
            }
        }
        sum
    }

    /// Groups heard that are not configured here. Two system calls for each, at most
    /// [`STRANGER_CAPACITY`](regent_common::map::STRANGER_CAPACITY) of them: for status, not for every turn.
    pub fn strangers(&self) -> Vec<(StrangerKey, Stranger)> {
        self.strangers.iter().filter_map(Result::ok).collect()
    }

    /// What was heard of one source of one such group.
    pub fn stranger(&self, key: StrangerKey) -> Option<Stranger> {
        self.strangers.get(&key, 0).ok()
    }
}
