//! Who is delivered by what: covers for many addresses, and whether packets for an instance are delivered yet.

use std::io;

use regent_common::Family;

use super::{Addressing, is_awaited};
use crate::runtime::{covering::CoverId, ladder::family_of};

/// Addresses that must be waiting for routes to go ahead of them. Measured: the kernel takes some 10 us for an address, and
/// 6 us for a route; fewer addresses are there sooner than a thread could be told twice.
pub(super) const COVERED_FROM: usize = 16;

impl Addressing {
    /// Whether many addresses are on their way, with routes ahead of them.
    pub fn is_covering(&self) -> bool {
        !self.covering.is_empty()
    }

    /// Whether the kernel delivers packets for each address of `instance`, as far as it will: nobody waits for what is
    /// refused, or for a device that is absent.
    pub fn is_deliverable(&self, instance: usize) -> bool {
        self.own.get(instance).is_none_or(|own| own.awaited == self.covering.delivered(instance))
    }

    /// A cover is there, or was refused. Returns whose it is and what is worth telling.
    pub fn covered(&mut self, id: CoverId, result: io::Result<()>) -> Option<(usize, String)> {
        self.covering.laid(id, result)
    }

    /// A cover is gone, or its removal was refused. Returns whose it is and what is worth telling.
    pub fn uncovered(&mut self, id: CoverId, result: io::Result<()>) -> Option<(usize, String)> {
        self.covering.lifted(id, result)
    }

    /// Sends routes ahead of those of these addresses that are awaited, unless few are.
    pub(super) fn cover(&mut self, positions: &[usize]) {
        if self.queue.len() + self.under_way < COVERED_FROM {
            return;
        }
        // Mostly all are of one family on one interface, and always of one instance but for a moment of a reload.
        let mut groups: Vec<((usize, u32, Family), Vec<usize>)> = Vec::new();
        for at in positions.iter().copied() {
            let Some(address) = self.addresses.get(at) else { continue };
            // While duplicates are looked for an address takes no packets, and must not by a route.
            let coverable =
                is_awaited(address) && address.cover.is_none() && !address.plan.detects_duplicates;
            let (true, Some(ifindex)) = (coverable, address.ifindex) else { continue };
            let key = (address.instance, ifindex, family_of(address.plan.address));
            match groups.iter_mut().find(|(other, _)| *other == key) {
                Some((_, positions)) => positions.push(at),
                None => groups.push((key, vec![at])),
            }
        }
        for ((instance, ifindex, family), positions) in groups {
            let covered = positions.iter().filter_map(|at| self.addresses.get(*at));
            let addresses = covered.map(|address| address.plan.address).collect();
            let cover = self.covering.begin(instance, ifindex, family, addresses);
            for at in positions {
                if let Some(address) = self.addresses.get_mut(at) {
                    address.cover = cover;
                }
            }
        }
    }
}
