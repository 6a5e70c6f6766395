//! What a packet is and what becomes of it: classification, the group it belongs to, the verdict of the common checks.
//!
//! Reads no packet memory but through the cursor, and decides nothing that [`regent_common::check`] decides.

use aya_ebpf::{
    helpers::{bpf_ktime_get_coarse_ns, bpf_ktime_get_ns},
    programs::XdpContext,
};
use regent_common::{
    Counter, PROTOCOL,
    arp::{Arp, Operation},
    bytes::Bytes,
    check::{self, NotJudged, Preamble},
    ethernet::{self, Ethernet},
    ipv4, ipv6,
    map::{Expected, GroupKey, Peer, PeerKey, SHOWN_PER_SECOND, StrangerKey, VipKey},
};

use crate::{
    cursor::Cursor,
    maps::{self, Key},
    publish,
};

/// What became of a packet.
pub enum Outcome {
    /// Neither VRRP nor ARP.
    Foreign,
    /// VRRP that only the stack can put together.
    ForSocket,
    /// An advert of ours, stored.
    Accepted,
    /// VRRP of a group that is not configured here.
    Stranger,
    /// Ours, bad and counted.
    Rejected,
    /// Ours, bad and counted; one of the few that may be seen.
    Shown,
    /// ARP, counted where it concerns a virtual address.
    Arp,
}

/// Where the packet came from.
#[derive(Clone, Copy)]
struct Port {
    ifindex: u32,
    vlans: u32,
}

/// Classifies, judges and publishes one packet.
#[inline(always)]
pub fn admit(context: &XdpContext) -> Outcome {
    let cursor = Cursor::new(context);
    let Some(ethernet) = Ethernet::read(&cursor) else {
        return Outcome::Foreign;
    };
    // The protocol byte first: most packets are the host's own traffic and are let go after two reads.
    let preamble = match ethernet.ether_type {
        ethernet::IPV4 => {
            if cursor.u8(ethernet.payload + ipv4::PROTOCOL_OFFSET) != Some(PROTOCOL) {
                return Outcome::Foreign;
            }
            let cursor = Cursor::anew(context);
            Preamble::ipv4(&cursor, cursor.opaque(ethernet.payload))
        }
        ethernet::IPV6 => {
            if cursor.u8(ethernet.payload + ipv6::NEXT_HEADER_OFFSET) != Some(PROTOCOL) {
                return Outcome::Foreign;
            }
            let cursor = Cursor::anew(context);
            Preamble::ipv6(&cursor, cursor.opaque(ethernet.payload))
        }
        ethernet::ARP => return arp(context, &cursor, &ethernet),
        _ => return Outcome::Foreign,
    };
    match preamble {
        Ok(preamble) => advert(context, &Cursor::anew(context), Port::new(context, &ethernet), &preamble),
        Err(NotJudged::Foreign) => Outcome::Foreign,
        Err(NotJudged::ForSocket) => Outcome::ForSocket,
    }
}

impl Port {
    #[inline(always)]
    fn new(context: &XdpContext, ethernet: &Ethernet) -> Self {
        Self { ifindex: context.ingress_ifindex() as u32, vlans: ethernet.vlans() }
    }
}

/// Judges a VRRP packet and publishes what was found.
#[inline(always)]
fn advert(context: &XdpContext, cursor: &Cursor, port: Port, preamble: &Preamble) -> Outcome {
    let group = Key(GroupKey::new(port.ifindex, port.vlans, preamble.family as u8, preamble.vrid()));
    // SAFETY: the entry is only read, and nothing is inserted into or removed from this map here; user space
    // replaces entries whole.
    let expected = unsafe { maps::INSTANCES.get(&group.0) };
    // A frame for another station, which a switch floods now and then: the stack would not take it either.
    if expected.is_some_and(|expected| !is_for_us(cursor, expected)) {
        return Outcome::Foreign;
    }
    let peer = expected.and_then(|expected| peer(preamble, expected));
    let verdict = check::judge(cursor, preamble, expected, peer);
    let Some(expected) = expected else {
        let key = Key(StrangerKey { source: preamble.source, group: group.0 });
        publish::stranger(cursor, &key.0, preamble, verdict);
        return Outcome::Stranger;
    };
    match verdict {
        Ok(mut heard) => {
            // Which notes there are is known on each way here; forgotten, so that the rest is walked once.
            heard.notes = cursor.opaque(heard.notes as usize) as u16;
            // SAFETY: the helper has no preconditions.
            let now = unsafe { bpf_ktime_get_ns() };
            publish::advert(context, expected, &heard, now);
            Outcome::Accepted
        }
        Err(reason) => {
            let reason = cursor.opaque(reason as usize);
            publish::rejection(expected.index, reason);
            if may_be_shown(reason) { Outcome::Shown } else { Outcome::Rejected }
        }
    }
}

/// What is known of the source. Looked up only for groups that speak unicast: multicast has no peers.
#[inline(always)]
fn peer(preamble: &Preamble, expected: &Expected) -> Option<&'static Peer> {
    if !expected.is_unicast() {
        return None;
    }
    let key = Key(PeerKey::new(preamble.source, expected.index));
    // SAFETY: the entry is only read, and nothing is inserted into or removed from this map here.
    unsafe { maps::PEERS.get(&key.0) }
}

/// Whether the frame is for this port. Its first eight bytes at once: the destination, and two that are shifted out.
#[inline(always)]
fn is_for_us(cursor: &Cursor, expected: &Expected) -> bool {
    match cursor.array::<8>(0) {
        Some([a, b, c, d, e, f, _, _]) => ethernet::is_for([a, b, c, d, e, f], expected.own_mac),
        None => false,
    }
}

/// Whether this rejected packet is among the first of its reason on this CPU in this second.
#[inline(always)]
fn may_be_shown(reason: usize) -> bool {
    let Some(shown) = maps::SHOWN.get_ptr_mut(reason as u32) else {
        return false;
    };
    // SAFETY: the helper has no preconditions.
    let second = unsafe { bpf_ktime_get_coarse_ns() } / 1_000_000_000;
    // SAFETY: the entry is this CPU's own, and no other program runs on it meanwhile.
    let shown = unsafe { &mut *shown };
    if shown.second != second {
        shown.second = second;
        shown.packets = 0;
    }
    shown.packets += 1;
    shown.packets <= SHOWN_PER_SECOND as u64
}

/// Counts questions for our virtual addresses, and claims of others to them.
#[inline(always)]
fn arp(context: &XdpContext, cursor: &Cursor, ethernet: &Ethernet) -> Outcome {
    let Some(arp) = Arp::read(cursor, ethernet.payload) else {
        return Outcome::Foreign;
    };
    let port = Port::new(context, ethernet);
    // A gratuitous request asks nothing: its sender and target are one address.
    if arp.operation == Operation::Request
        && arp.sender != arp.target
        && let Some(vip) = maps::VIPS.get_ptr(&vip_key(port, arp.target).0)
    {
        // SAFETY: entries are only removed by user space, and their memory stays readable while the program runs.
        publish::count(unsafe { (*vip).instance }, Counter::ArpRequest);
    }
    // RFC 5227 §1.1: a probe's sender address is 0.0.0.0, it claims nothing.
    if arp.sender != [0; 4]
        && let Some(vip) = maps::VIPS.get_ptr_mut(&vip_key(port, arp.sender).0)
    {
        publish::claim(vip, arp.sender_mac);
    }
    Outcome::Arp
}

#[inline(always)]
fn vip_key(port: Port, address: [u8; 4]) -> Key<VipKey> {
    Key(VipKey { address: ipv4::widened(address), ifindex: port.ifindex, vlans: port.vlans, family: 4 })
}
