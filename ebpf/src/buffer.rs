//! A socket buffer, as the tc programs see a packet: what the kernel says of it, and the only writes to it.
//!
//! Writes go through the kernel's helper: a program that writes by itself would have every packet made writable before it
//! runs, and so copied.

use aya_ebpf::{
    bindings::__sk_buff,
    helpers::{bpf_skb_change_type, bpf_skb_pull_data, bpf_skb_store_bytes},
    programs::TcContext,
};
use regent_common::{Vrid, ethernet::Ethernet, map::GroupKey};

use crate::{cursor::Cursor, maps::Key};

/// The kernel's PACKET_HOST: for this host.
const HOST: u32 = 0;
/// The kernel's PACKET_OTHERHOST: for another station, by its MAC.
const OTHER_HOST: u32 = 3;
/// Bytes that are read of ARP or Neighbor Discovery at most, from the frame's first.
const LOOKED_AT: u32 = 128;

/// A packet on its way through the kernel.
#[derive(Clone, Copy)]
pub struct Buffer(pub *mut __sk_buff);

impl Buffer {
    /// Its bytes.
    #[inline(always)]
    pub fn cursor(self) -> Cursor {
        Cursor::of_buffer(&TcContext::new(self.0))
    }

    /// The port.
    #[inline(always)]
    pub fn ifindex(self) -> u32 {
        // SAFETY: the kernel's own context, valid while the program runs.
        unsafe { (*self.0).ifindex }
    }

    /// The tags as in [`Ethernet::vlans`]: the kernel keeps the outermost one beside the packet, unless a driver or a
    /// sender put it into the packet. `None` for more than two.
    #[inline(always)]
    pub fn vlans(self, ethernet: &Ethernet) -> Option<u32> {
        // SAFETY: as above.
        let (present, tag) = unsafe { ((*self.0).vlan_present, (*self.0).vlan_tci) };
        if present == 0 {
            return Some(ethernet.vlans());
        }
        (!ethernet.has_two_tags()).then_some((tag & 0x0fff) | (ethernet.vlan as u32) << 12)
    }

    /// The key of that group on the port.
    #[inline(always)]
    pub fn group(self, vlans: u32, family: u8, vrid: Vrid) -> Key<GroupKey> {
        Key(GroupKey::new(self.ifindex(), vlans, family, vrid.get()))
    }

    /// Whether the kernel would drop it, since it is for another station's MAC.
    #[inline(always)]
    pub fn is_for_others(self) -> bool {
        // SAFETY: as above.
        unsafe { (*self.0).pkt_type == OTHER_HOST }
    }

    /// Makes it this host's.
    #[inline(always)]
    pub fn take(self) {
        // SAFETY: as above. The helper refuses nothing that is for another station.
        unsafe { bpf_skb_change_type(self.0, HOST) };
    }

    /// Sees to it that a short packet is in one piece. What was read before is no longer known.
    #[inline(always)]
    pub fn gather(self) {
        // SAFETY: as above. Without memory the packet stays as it is, and what cannot be read is not ours.
        unsafe { bpf_skb_pull_data(self.0, LOOKED_AT.min((*self.0).len)) };
    }

    /// Overwrites the bytes from offset `at`; nothing where there are none. What was read before is no longer known.
    #[inline(always)]
    pub fn overwrite<const N: usize>(self, at: usize, bytes: &[u8; N]) {
        // SAFETY: as above; `bytes` is valid for its length.
        unsafe { bpf_skb_store_bytes(self.0, at as u32, bytes.as_ptr().cast(), N as u32, 0) };
    }
}
