//! What leaves in the name of a virtual address or of a group: held back while the instance is mute, and sent from the
//! virtual router's MAC when the instance speaks from that (RFC 9568 §7.3).
//!
//! A host whose agent is dead still has the addresses, and its kernel would go on asking and answering in their name.
//! Whether the instance is mute is the gate's. A packet whose headers lie outside of its first buffer passes, unless it is
//! ARP: only who sends through a mapped ring makes such packets.

use aya_ebpf::bindings::__sk_buff;
use regent_common::{
    Counter, Family, Vrid, advert,
    arp::{self, Arp},
    bytes::Bytes,
    check::Header,
    checksum,
    ethernet::{self, Ethernet},
    ipv4, ipv6,
    map::{Gate, Stance, Vip, VipKey},
    ndp::{self, Operation},
};

use crate::{
    buffer::Buffer,
    cursor::Cursor,
    departure, gate,
    kind::Kind,
    maps::{self, Key},
    note,
};

/// What becomes of a packet.
pub enum Departure {
    /// It leaves as it is, or from another MAC.
    Leaves,
    /// It does not.
    Held,
}

/// Sees to one packet, and says what the kernel shall do with it.
#[inline(always)]
pub fn depart(buffer: Buffer) -> i32 {
    let cursor = buffer.cursor();
    let Some(ethernet) = Ethernet::read(&cursor) else {
        return departure(Departure::Leaves);
    };
    let payload = ethernet.payload as u64;
    let Some(vlans) = buffer.vlans(&ethernet) else {
        return departure(Departure::Leaves);
    };
    match Kind::of(&cursor, &ethernet) {
        Kind::Vrrp(family) => speak_advert(buffer.0, payload, vlans, family as u32),
        Kind::Neighbor => speak_neighbor(buffer.0, payload, vlans),
        Kind::Arp => speak_arp(buffer.0, payload, vlans),
        Kind::Foreign => departure(Departure::Leaves),
    }
}

/// ARP whose sender is a virtual address: a question, an answer or an announcement.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn speak_arp(buffer: *mut __sk_buff, payload: u64, vlans: u32) -> i32 {
    let (buffer, payload) = (Buffer(buffer), payload as usize);
    buffer.gather();
    let Some(arp) = Arp::read(&buffer.cursor(), payload) else {
        return departure(Departure::Leaves);
    };
    let key = VipKey {
        address: ipv4::widened(arp.sender),
        ifindex: buffer.ifindex(),
        vlans,
        family: Family::Ipv4 as u32,
    };
    departure(match speaker(&Key(key)) {
        Speaker::Foreign => Departure::Leaves,
        Speaker::Mute => Departure::Held,
        Speaker::Virtual(mac) => {
            buffer.overwrite(ethernet::SOURCE_OFFSET, &mac);
            buffer.overwrite(payload + arp::SENDER_MAC_OFFSET, &mac);
            Departure::Leaves
        }
    })
}

/// An advertisement of a virtual address, or a solicitation in its name.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn speak_neighbor(buffer: *mut __sk_buff, payload: u64, vlans: u32) -> i32 {
    let (buffer, payload) = (Buffer(buffer), payload as usize);
    buffer.gather();
    let cursor = buffer.cursor();
    let message = payload + ipv6::HEADER_LENGTH;
    let Some(operation) = cursor.u8(message).and_then(Operation::from_wire) else {
        return departure(Departure::Leaves);
    };
    let name = match operation {
        Operation::Advertisement => message + ndp::TARGET_OFFSET,
        Operation::Solicitation => payload + ipv6::SOURCE_OFFSET,
    };
    let Some(address) = cursor.array(name) else {
        return departure(Departure::Leaves);
    };
    let key = VipKey { address, ifindex: buffer.ifindex(), vlans, family: Family::Ipv6 as u32 };
    departure(match speaker(&Key(key)) {
        Speaker::Foreign => Departure::Leaves,
        Speaker::Mute => Departure::Held,
        Speaker::Virtual(mac) => {
            let option = renamed(&cursor, message, operation, mac);
            buffer.overwrite(ethernet::SOURCE_OFFSET, &mac);
            if let Some((option, checksum)) = option {
                buffer.overwrite(message + ndp::LENGTH, &option);
                buffer.overwrite(message + ndp::CHECKSUM_OFFSET, &checksum);
            }
            Departure::Leaves
        }
    })
}

/// The option with another link-layer address, and the checksum with that option; `None` when the first option of the
/// message is none that names its sender. Kernels and daemons put it first.
#[inline(always)]
fn renamed(
    cursor: &Cursor,
    message: usize,
    operation: Operation,
    mac: [u8; 6],
) -> Option<([u8; 8], [u8; 2])> {
    let before: [u8; 8] = cursor.array(message + ndp::LENGTH)?;
    let [a, b, c, d, e, f] = mac;
    let after = [operation.option_type(), 1, a, b, c, d, e, f];
    if before[..2] != after[..2] {
        return None;
    }
    let checksum = cursor.array(message + ndp::CHECKSUM_OFFSET)?;
    Some((after, checksum::replaced(checksum, before, after)))
}

/// Who speaks in the name of an address.
enum Speaker {
    /// Nobody of ours, or somebody by its own MAC.
    Foreign,
    /// Nobody may.
    Mute,
    /// The virtual router, by this MAC.
    Virtual([u8; 6]),
}

/// Who speaks in the name of that address now.
#[inline(always)]
fn speaker(key: &Key<VipKey>) -> Speaker {
    let Some(vip) = maps::VIPS.get_ptr(&key.0) else {
        return Speaker::Foreign;
    };
    // SAFETY: entries are only removed by user space, and their memory stays readable while the program runs.
    let Vip { instance, own_mac, .. } = unsafe { &*vip };
    let gate = gate::read(*instance);
    match gate::stance(*instance, &gate) {
        Stance::Off => Speaker::Foreign,
        Stance::Mute => {
            note::count(*instance, Counter::MutedOutbound);
            Speaker::Mute
        }
        Stance::Answer if gate.has_virtual_mac() => Speaker::Virtual(*own_mac),
        Stance::Answer => Speaker::Foreign,
    }
}

/// An advert of a group of ours: of this agent, or of another daemon on this host.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn speak_advert(buffer: *mut __sk_buff, payload: u64, vlans: u32, family: u32) -> i32 {
    let buffer = Buffer(buffer);
    let cursor = buffer.cursor();
    let header = if family == Family::Ipv4 as u32 {
        Header::ipv4(&cursor, payload as usize)
    } else {
        Header::ipv6(&cursor, payload as usize)
    };
    let message = header.ok().map(|header| cursor.opaque(header.message));
    let Some([version_type, vrid, priority, _]) = message.and_then(|message| cursor.array(message)) else {
        return departure(Departure::Leaves);
    };
    let (Some(vrid), Some(wire_family)) = (Vrid::new(vrid), Family::from_wire(family as u8)) else {
        return departure(Departure::Leaves);
    };
    if version_type & 0x0f != advert::TYPE_ADVERTISEMENT {
        return departure(Departure::Leaves);
    }
    // SAFETY: the entry is only read, and nothing is inserted into or removed from this map here; user space
    // replaces entries whole.
    if let Some(expected) = unsafe { maps::INSTANCES.get(&buffer.group(vlans, family as u8, vrid).0) } {
        let gate = gate::read(expected.index);
        if is_another_daemons(expected.index, &gate, priority) {
            gate::release(expected.index);
        } else if gate.has_virtual_mac() && !matches!(gate.stance(0), Stance::Off) {
            buffer.overwrite(ethernet::SOURCE_OFFSET, &vrid.virtual_mac(wire_family));
        }
    }
    departure(Departure::Leaves)
}

/// Whether somebody else speaks for the group on this host: the loop stamps the gate before it sends, so an advert that
/// leaves while the newest stamp is too old is not its own. One of priority 0 takes nothing over.
#[inline(always)]
fn is_another_daemons(row: u32, gate: &Gate, priority: u8) -> bool {
    priority != 0 && !matches!(gate.stance(0), Stance::Off) && gate::is_expired(row, gate)
}
