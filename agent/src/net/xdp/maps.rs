//! What the program is told, and the doorbell: the maps, each by its own few calls. What it counted is [`super::View`]'s.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd},
};

use aya::maps::{MapError, PerCpuValues};
use regent_common::{
    Counter,
    map::{Expected, GroupKey, InstanceSlots, Peer, PeerKey, Port, Probe, Vip, VipCounts, VipKey},
    record::AdvertRecord,
};
use zerocopy::{FromBytes, FromZeros};

use super::{Gates, Program, error::map_error};

/// Update or insert.
const ANY: u64 = 0;

impl Program {
    /// Tells the program what adverts of a group must look like. From now on they are judged, and bad ones dropped.
    ///
    /// # Errors
    /// When the map is full or the kernel refuses.
    pub fn set_instance(&mut self, key: GroupKey, expected: &Expected) -> io::Result<()> {
        self.instances.insert(key, expected, ANY).map_err(|error| map_error("cannot set a group", error))
    }

    /// Makes a group unknown to the program. It need not be known.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn remove_instance(&mut self, key: GroupKey) -> io::Result<()> {
        gone(self.instances.remove(&key)).map_err(|error| map_error("cannot remove a group", error))
    }

    /// Tells the program about a unicast peer of an instance.
    ///
    /// # Errors
    /// When the map is full or the kernel refuses.
    pub fn set_peer(&mut self, key: PeerKey, peer: Peer) -> io::Result<()> {
        self.peers.insert(key, peer, ANY).map_err(|error| map_error("cannot set a unicast peer", error))
    }

    /// Makes a unicast peer unknown to the program. It need not be known. Rows are used again: the peers of an instance
    /// go before its row does.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn remove_peer(&mut self, key: PeerKey) -> io::Result<()> {
        gone(self.peers.remove(&key)).map_err(|error| map_error("cannot remove a unicast peer", error))
    }

    /// Empties a row, so that its next use begins with nothing. Remove the row's groups first.
    ///
    /// # Errors
    /// When there is no such row or the kernel refuses.
    pub fn clear_row(&mut self, index: u32) -> io::Result<()> {
        let failed = |error| map_error("cannot clear the counters of an instance", error);
        let cpus = self.view.counters.get(&index, 0).map_err(failed)?.len();
        let zeros = PerCpuValues::try_from(vec![[0; Counter::COUNT]; cpus])?;
        self.view.counters.set(index, zeros, ANY).map_err(failed)?;
        self.view
            .slots
            .set(index, InstanceSlots::new_zeroed(), ANY)
            .map_err(|error| map_error("cannot clear the slots of an instance", error))
    }

    /// Tells the program about a virtual address of ours.
    ///
    /// # Errors
    /// When the map is full or the kernel refuses.
    pub fn set_vip(&mut self, key: VipKey, vip: &Vip) -> io::Result<()> {
        self.vips.insert(key, vip, ANY).map_err(|error| map_error("cannot set a virtual address", error))
    }

    /// Makes a virtual address unknown to the program. It need not be known.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn remove_vip(&mut self, key: VipKey) -> io::Result<()> {
        gone(self.vips.remove(&key)).map_err(|error| map_error("cannot remove a virtual address", error))
    }

    /// The gates: whether the programs speak for each instance.
    pub const fn gates(&self) -> &Gates {
        &self.gates
    }

    /// Tells how answers leave the ports of that row.
    ///
    /// # Errors
    /// When there is no such row or the kernel refuses.
    pub fn set_port(&mut self, row: u32, port: Port) -> io::Result<()> {
        self.ports.set(row, port, ANY).map_err(|error| map_error("cannot set how a port answers", error))
    }

    /// Asks whether what the program sends from a port arrives.
    ///
    /// # Errors
    /// When the map is full or the kernel refuses.
    pub fn set_probe(&mut self, ifindex: u32, probe: &Probe) -> io::Result<()> {
        self.probes.insert(ifindex, probe, ANY).map_err(|error| map_error("cannot probe a port", error))
    }

    /// How far such a question has come.
    pub fn probe(&self, ifindex: u32) -> Option<Probe> {
        self.probes.get(&ifindex, 0).ok()
    }

    /// Takes such a question back. There need not be one.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn remove_probe(&mut self, ifindex: u32) -> io::Result<()> {
        gone(self.probes.remove(&ifindex)).map_err(|error| map_error("cannot end the probe of a port", error))
    }

    /// Empties the counters of a virtual address, so that their next use begins with nothing.
    ///
    /// # Errors
    /// When there is no such row or the kernel refuses.
    pub fn clear_vip_counts(&mut self, row: u32) -> io::Result<()> {
        let failed = |error| map_error("cannot clear the counters of a virtual address", error);
        let cpus = self.view.vip_counts.get(&row, 0).map_err(failed)?.len();
        let zeros = PerCpuValues::try_from(vec![VipCounts::default(); cpus])?;
        self.view.vip_counts.set(row, zeros, ANY).map_err(failed)
    }

    /// What is known of a virtual address, with the claims of others.
    pub fn vip(&self, key: VipKey) -> Option<Vip> {
        self.vips.get(&key, 0).ok()
    }

    /// Readable when records wait. Stays valid as long as the program.
    pub fn ring(&self) -> BorrowedFd<'_> {
        self.ring.as_fd()
    }

    /// Hands over at most `budget` records, oldest first, and says how many.
    pub fn drain(&mut self, budget: usize, mut each: impl FnMut(AdvertRecord)) -> usize {
        let mut drained = 0;
        while drained < budget
            && let Some(bytes) = self.ring.next()
        {
            drained += 1;
            // The kernel may pad a record at its end.
            if let Ok((record, _)) = AdvertRecord::read_from_prefix(&bytes) {
                each(record);
            }
        }
        drained
    }
}

/// Removing what is not there is no failure.
fn gone(result: Result<(), MapError>) -> Result<(), MapError> {
    match result {
        Err(error) if super::error::system_error(&error) == Some(libc::ENOENT) => Ok(()),
        other => other,
    }
}
