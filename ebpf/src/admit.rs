//! What a packet is and what becomes of it: classification, the group it belongs to, the verdict of the common checks.
//!
//! Reads no packet memory but through the cursor, and decides nothing that [`regent_common::check`] decides. Only a
//! packet that is not the host's own traffic pays for a call of a global function.

use core::mem::transmute;

use aya_ebpf::{bindings::xdp_md, programs::XdpContext};
use regent_common::{
    Counter, Family,
    advert::Heard,
    arp::{Arp, Operation},
    bytes::Bytes,
    check::{self, Header, NotJudged, Preamble},
    ethernet::Ethernet,
    ipv4, ipv6,
    map::{Expected, GroupKey, Peer, PeerKey, Probe, StrangerKey, Vip, VipKey},
    ndp::{self, Checked},
};

use crate::{
    action,
    cursor::Cursor,
    kind::Kind,
    maps::{self, Key},
    note, publish, respond,
};

/// What became of a packet.
pub enum Outcome {
    /// Neither VRRP nor ARP nor Neighbor Discovery.
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
    /// ARP or Neighbor Discovery, counted where it concerns a virtual address.
    Resolution,
    /// A question for a virtual address that nobody on this host answers.
    Muted,
    /// Written over; leaves by the port that it came from.
    Transmitted,
    /// Written over; redirected to the port that it came from.
    Redirected,
}

/// Where the packet came from.
#[derive(Clone, Copy)]
struct Port {
    ifindex: u32,
    vlans: u32,
}

/// Classifies, judges and publishes one packet, and says what the kernel shall do with it.
#[inline(always)]
pub fn admit(context: &XdpContext) -> u32 {
    let cursor = Cursor::new(context);
    let Some(ethernet) = Ethernet::read(&cursor) else {
        return action(Outcome::Foreign);
    };
    let (payload, vlans) = (ethernet.payload, ethernet.vlans());
    match Kind::of(&cursor, &ethernet) {
        Kind::Vrrp(family) => judge_packet(context.ctx, payload as u64, vlans, family as u32),
        Kind::Neighbor => note_neighbor(context.ctx, payload as u64, vlans),
        Kind::Arp => note_arp(context.ctx, payload as u64, vlans),
        Kind::Foreign => action(Outcome::Foreign),
    }
}

impl Port {
    #[inline(always)]
    fn new(context: &XdpContext, vlans: u32) -> Self {
        Self { ifindex: context.ingress_ifindex() as u32, vlans }
    }
}

/// Judges the VRRP packet whose IP header is at `payload`, and publishes what was found.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn judge_packet(context: *mut xdp_md, payload: u64, vlans: u32, family: u32) -> u32 {
    let context = XdpContext::new(context);
    let cursor = Cursor::new(&context);
    let header = if family == Family::Ipv4 as u32 {
        Header::ipv4(&cursor, payload as usize)
    } else {
        Header::ipv6(&cursor, payload as usize)
    };
    action(match header {
        Ok(header) => {
            let header = forgotten(&cursor, header);
            let cursor = Cursor::anew(&context);
            let preamble = Preamble::read(&cursor, header);
            advert(&cursor, Port::new(&context, vlans), &preamble)
        }
        Err(NotJudged::Foreign) => Outcome::Foreign,
        Err(NotJudged::ForSocket) => Outcome::ForSocket,
    })
}

/// The same header, with nothing known of it: both families then go the rest of the way as one.
#[inline(always)]
fn forgotten(cursor: &Cursor, header: Header) -> Header {
    let opaque = |value| cursor.opaque(value);
    let address = |address: [u8; 16]| {
        let bits = u128::from_ne_bytes(address);
        let (low, high) = (opaque(bits as usize), opaque((bits >> 64) as usize));
        (low as u128 | (high as u128) << 64).to_ne_bytes()
    };
    Header {
        source: address(header.source),
        destination: address(header.destination),
        message: opaque(header.message),
        length: opaque(header.length as usize) as u16,
        ttl: opaque(header.ttl as usize) as u8,
        // SAFETY: the same number, and so a family.
        family: unsafe { transmute::<u8, Family>(opaque(header.family as usize) as u8) },
    }
}

/// Judges a VRRP packet and publishes what was found.
#[inline(always)]
fn advert(cursor: &Cursor, port: Port, preamble: &Preamble) -> Outcome {
    let group = Key(GroupKey::new(port.ifindex, port.vlans, preamble.family as u8, preamble.vrid()));
    // SAFETY: the entry is only read, and nothing is inserted into or removed from this map here; user space
    // replaces entries whole.
    let expected = unsafe { maps::INSTANCES.get(&group.0) };
    // A frame for another station, which a switch floods now and then: the stack would not take it either.
    if expected.is_some_and(|expected| !cursor.is_for(expected.own_mac)) {
        return Outcome::Foreign;
    }
    let peer = expected.and_then(|expected| peer(preamble, expected));
    let verdict = check::judge(cursor, preamble, expected, peer);
    match (verdict, expected) {
        (Ok(heard), Some(expected)) => {
            // SAFETY: both are whole, and outlive the call.
            unsafe { publish::store_advert(expected, &heard) };
            Outcome::Accepted
        }
        (Err(reason), Some(expected)) => match note::count_rejection(expected.index, reason as u32) {
            0 => Outcome::Rejected,
            _ => Outcome::Shown,
        },
        (verdict, None) => {
            let key = Key(StrangerKey { source: preamble.source, group: group.0 });
            let (heard, reason) = match verdict {
                Ok(heard) => (heard, note::GOOD),
                Err(reason) => (unjudged(preamble), reason as u32),
            };
            // SAFETY: as above.
            unsafe { note::note_stranger(&key.0, &heard, reason) };
            Outcome::Stranger
        }
    }
}

/// What can be said of a bad advert: its version and its priority.
#[inline(always)]
fn unjudged(preamble: &Preamble) -> Heard {
    Heard {
        source: [0; 16],
        addresses: 0,
        interval: 0,
        notes: 0,
        priority: preamble.priority(),
        version: preamble.version(),
        count: 0,
        family: 0,
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

/// Answers questions for our virtual addresses, and notes claims of others to them.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn note_arp(context: *mut xdp_md, payload: u64, vlans: u32) -> u32 {
    let context = XdpContext::new(context);
    let (cursor, payload) = (Cursor::new(&context), payload as usize);
    let Some(arp) = Arp::read(&cursor, payload) else {
        return action(Outcome::Foreign);
    };
    let port = Port::new(&context, vlans);
    // RFC 5227 §1.1: a probe's sender address is 0.0.0.0, it claims nothing.
    if arp.sender != [0; 4]
        && let Some(vip) = maps::VIPS.get_ptr_mut(&vip_key(port, Family::Ipv4, ipv4::widened(arp.sender)).0)
    {
        note::claim(vip, arp.sender_mac, Counter::ArpClaim);
    }
    action(match arp.operation {
        // A gratuitous request asks nothing: its sender and target are one address.
        Operation::Request if arp.sender == arp.target => Outcome::Resolution,
        Operation::Request => {
            match maps::VIPS.get_ptr(&vip_key(port, Family::Ipv4, ipv4::widened(arp.target)).0) {
                Some(vip) => respond::to_request(&context, &cursor, payload, &arp, vip),
                None => Outcome::Resolution,
            }
        }
        Operation::Reply => match respond::probe(port.ifindex, &ipv4::widened(arp.sender)) {
            Some(probe) => respond::to_reply(&context, &cursor, payload, &arp, probe),
            None => Outcome::Resolution,
        },
    })
}

/// Answers solicitations for our virtual addresses, and notes advertisements of others that claim them. Whether the
/// message is a good one is looked at only when it is about such an address, or about one that is probed.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn note_neighbor(context: *mut xdp_md, payload: u64, vlans: u32) -> u32 {
    let context = XdpContext::new(context);
    let (cursor, payload) = (Cursor::new(&context), payload as usize);
    let message = payload + ipv6::HEADER_LENGTH;
    let (Some(wire_type), Some(target)) = (cursor.u8(message), cursor.array(message + ndp::TARGET_OFFSET))
    else {
        return action(Outcome::Foreign);
    };
    let port = Port::new(&context, vlans);
    let vip = maps::VIPS.get_ptr_mut(&vip_key(port, Family::Ipv6, target).0);
    action(match wire_type {
        ndp::SOLICITATION => match vip {
            Some(vip) => match checked(&context, payload) {
                Some(checked) => respond::to_solicitation(&context, payload, target, checked, vip),
                None => Outcome::Resolution,
            },
            None => Outcome::Resolution,
        },
        _ => advertisement(&context, payload, vip, respond::probe(port.ifindex, &target)),
    })
}

/// Notes an advertisement that claims a virtual address, and sees to one about an address that is probed.
#[inline(always)]
fn advertisement(
    context: &XdpContext,
    payload: usize,
    vip: Option<*mut Vip>,
    probe: Option<*mut Probe>,
) -> Outcome {
    if vip.is_none() && probe.is_none() {
        return Outcome::Resolution;
    }
    let Some(checked) = checked(context, payload) else {
        return Outcome::Resolution;
    };
    let cursor = Cursor::anew(context);
    if let Some(vip) = vip
        && let Some(claimant) = cursor.array(respond::sender_at(&checked))
    {
        note::claim(vip, claimant, Counter::NeighborClaim);
    }
    match probe {
        Some(probe) => respond::to_advertisement(context, &cursor, payload, &checked, probe),
        None => Outcome::Resolution,
    }
}

/// What the checks say of the message behind the IPv6 header at `payload`.
#[inline(always)]
fn checked(context: &XdpContext, payload: usize) -> Option<Checked> {
    Checked::from_number(check_neighbor(context.ctx, payload as u64))
}

/// [`Checked::number`] of a message of Neighbor Discovery: on its own, so that the verifier walks what follows once and
/// not once for every way through the options.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn check_neighbor(context: *mut xdp_md, payload: u64) -> u32 {
    let cursor = Cursor::new(&XdpContext::new(context));
    Checked::number(Checked::read(&cursor, payload as usize))
}

#[inline(always)]
fn vip_key(port: Port, family: Family, address: [u8; 16]) -> Key<VipKey> {
    Key(VipKey { address, ifindex: port.ifindex, vlans: port.vlans, family: family as u32 })
}
