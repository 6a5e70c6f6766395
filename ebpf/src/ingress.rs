//! What arrives for the MAC of a virtual router (RFC 9568 §7.3): the port has another one, so the kernel takes such
//! frames for another station's. While the instance answers from that MAC they are the host's.
//!
//! A program of the driver's side cannot say so: the kernel decides after it, by the MAC in the frame.

use regent_common::{Vrid, bytes::Bytes, ethernet::Ethernet, map::Stance};

use crate::{buffer::Buffer, gate, maps};

/// Sees to one packet. None is stopped here.
#[inline(always)]
pub fn arrive(buffer: Buffer) {
    // Most packets end here, at the cost of one read.
    if buffer.is_for_others() && is_for_a_virtual_router(buffer) {
        buffer.take();
    }
}

/// Whether the packet is for a virtual router that this host is now.
#[inline(always)]
fn is_for_a_virtual_router(buffer: Buffer) -> bool {
    let cursor = buffer.cursor();
    let Some((family, vrid)) = cursor.array(0).and_then(Vrid::of_virtual_mac) else {
        return false;
    };
    let Some(vlans) = Ethernet::read(&cursor).and_then(|ethernet| buffer.vlans(&ethernet)) else {
        return false;
    };
    // SAFETY: the entry is only read, and nothing is inserted into or removed from this map here; user space
    // replaces entries whole.
    let Some(expected) = (unsafe { maps::INSTANCES.get(&buffer.group(vlans, family as u8, vrid).0) }) else {
        return false;
    };
    let gate = gate::read(expected.index);
    gate.has_virtual_mac() && matches!(gate::stance(expected.index, &gate), Stance::Answer)
}
