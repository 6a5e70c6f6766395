//! Answers to who asks for a virtual address, made of the question in its place, tags and all; and the bounce of a
//! [`Probe`].
//!
//! What an answer says is [`regent_common`]'s. Whether the host speaks at all is the gate's; how answers leave is the
//! port's: where nothing is known of it, or they would not arrive, the kernel answers.

use core::{arch::asm, mem::transmute};

use aya_ebpf::{
    helpers::{bpf_ktime_get_ns, bpf_redirect, bpf_xdp_adjust_tail},
    programs::XdpContext,
};
use regent_common::{
    Counter,
    arp::{self, Arp},
    bytes::Bytes,
    ethernet, ipv6,
    map::{Probe, Stance, Vip, way},
    ndp::{self, Checked, flag},
};

use crate::{
    admit::Outcome,
    cursor::Cursor,
    gate, maps,
    note::{bump, row},
};

/// What becomes of a question for a virtual address.
enum Decision {
    /// It is not the program's to answer.
    Leave,
    /// Nobody on this host answers.
    Silence,
    /// The program answers, by that way.
    Answer { way: u32 },
}

/// Sees to an ARP request for a virtual address.
#[inline(always)]
pub fn to_request(
    context: &XdpContext,
    cursor: &Cursor,
    payload: usize,
    request: &Arp,
    vip: *const Vip,
) -> Outcome {
    // SAFETY: entries are only removed by user space, and their memory stays readable while the program runs.
    let vip = unsafe { &*vip };
    let outcome = match decide(cursor, vip) {
        Decision::Leave => Outcome::Resolution,
        Decision::Silence => Outcome::Muted,
        Decision::Answer { way } => {
            let mac = own_mac(vip);
            let written = cursor.change(payload, |packet| request.reply(mac).write(packet));
            match written.and_then(|()| address(cursor, request.sender_mac, mac)) {
                Some(()) => send(context, way),
                None => Outcome::Resolution,
            }
        }
    };
    count(vip, &outcome, Counter::ArpRequest, Counter::ArpAnswered);
    outcome
}

/// Sees to a solicitation of a virtual address.
#[inline(always)]
pub fn to_solicitation(
    context: &XdpContext,
    payload: usize,
    target: [u8; 16],
    solicitation: Checked,
    vip: *const Vip,
) -> Outcome {
    // SAFETY: as above.
    let vip = unsafe { &*vip };
    let outcome = match decide(&Cursor::new(context), vip) {
        Decision::Leave => Outcome::Resolution,
        Decision::Silence => Outcome::Muted,
        Decision::Answer { way } => match advertise(context, payload, target, solicitation, vip) {
            Some(()) => send(context, way),
            None => Outcome::Resolution,
        },
    };
    count(vip, &outcome, Counter::NeighborSolicitation, Counter::NeighborAnswered);
    outcome
}

/// Writes the advertisement that answers; `None` when there is no room for it, and the question is as it was.
#[inline(always)]
fn advertise(
    context: &XdpContext,
    payload: usize,
    target: [u8; 16],
    solicitation: Checked,
    vip: &Vip,
) -> Option<()> {
    let cursor = Cursor::new(context);
    let source = cursor.array(payload + ipv6::SOURCE_OFFSET)?;
    let to = if ipv6::is_unspecified(&source) {
        ipv6::multicast_mac(ipv6::ALL_NODES)
    } else {
        cursor.array(sender_at(&solicitation))?
    };
    // A question without an option is too short, one with a nonce too long.
    let surplus = cursor.length() as i64 - (payload + ndp::ANSWER_LENGTH) as i64;
    // SAFETY: the kernel's own context. What was known of the packet's memory is not used any more.
    if surplus != 0 && unsafe { bpf_xdp_adjust_tail(context.ctx, -surplus as i32) } != 0 {
        return None;
    }
    let cursor = Cursor::anew(context);
    let mac = own_mac(vip);
    cursor.change(payload, |packet| ndp::write_answer(source, target, mac, packet))?;
    address(&cursor, to, mac)
}

/// Where the MAC of a message's sender stands: in its option, or else in the frame's header. An advertisement that answers
/// a unicast may leave the option out (RFC 4861 §4.4), and so may a solicitation that is one (§4.3).
#[inline(always)]
pub fn sender_at(checked: &Checked) -> usize {
    match checked.link_layer {
        0 => ethernet::SOURCE_OFFSET,
        place => place as usize,
    }
}

/// The MAC that answers, in registers: from memory to memory the compiler would copy it byte by byte.
#[inline(always)]
fn own_mac(vip: &Vip) -> [u8; 6] {
    #[repr(C, packed)]
    struct Halves(u32, u16);
    // SAFETY: of the same size, and made of plain integers.
    let Halves(mut begin, mut end) = unsafe { transmute::<[u8; 6], Halves>(vip.own_mac) };
    // SAFETY: no instruction at all.
    unsafe { asm!("", inout("r0") begin, inout("r1") end, options(pure, nomem, nostack, preserves_flags)) };
    // SAFETY: as above.
    unsafe { transmute::<Halves, [u8; 6]>(Halves(begin, end)) }
}

/// Whether the program answers a question for a virtual address, and how.
#[inline(always)]
fn decide(cursor: &Cursor, vip: &Vip) -> Decision {
    // Asked of another station, or of this one by another MAC than the one that answers: the stack knows.
    if !cursor.is_for(vip.own_mac) {
        return Decision::Leave;
    }
    match gate::stance(vip.instance, &gate::read(vip.instance)) {
        Stance::Off => Decision::Leave,
        Stance::Mute => Decision::Silence,
        Stance::Answer => match maps::PORTS.get(vip.port) {
            Some(port) if port.way == way::TRANSMIT || port.way == way::REDIRECT => {
                Decision::Answer { way: port.way }
            }
            Some(_) | None => Decision::Leave,
        },
    }
}

/// Counts a question and what became of it.
#[inline(always)]
fn count(vip: &Vip, outcome: &Outcome, asked: Counter, answered: Counter) {
    let answers = matches!(outcome, Outcome::Transmitted | Outcome::Redirected);
    if let Some(row) = row(vip.instance) {
        bump(row, asked.slot() as usize);
        if answers {
            bump(row, answered.slot() as usize);
        }
        if matches!(outcome, Outcome::Muted) {
            bump(row, Counter::MutedInbound.slot() as usize);
        }
    }
    if let Some(counts) = maps::VIP_COUNTS.get_ptr_mut(vip.counts) {
        // SAFETY: the entry is this CPU's own, and no other program runs on it meanwhile.
        let counts = unsafe { &mut *counts };
        counts.requests += 1;
        counts.replies += u64::from(answers);
    }
}

/// Writes who the frame is for and who sends it.
#[inline(always)]
fn address(cursor: &Cursor, to: [u8; 6], from: [u8; 6]) -> Option<()> {
    cursor.change(0, |header| ethernet::write_addresses(to, from, header))
}

/// As [`address`], both as they stand in a frame.
#[inline(always)]
fn address_by(cursor: &Cursor, addresses: &[u8]) -> Option<()> {
    cursor.change::<{ ethernet::ADDRESSES_LENGTH }, _>(0, |header| copy(addresses, header))
}

/// Sends the packet back to where it came from.
#[inline(always)]
fn send(context: &XdpContext, way: u32) -> Outcome {
    if way == way::TRANSMIT {
        return Outcome::Transmitted;
    }
    // SAFETY: the helper has no preconditions.
    unsafe { bpf_redirect(context.ingress_ifindex() as u32, 0) };
    Outcome::Redirected
}

/// The question whether answers of that port arrive, if its target is this one.
#[inline(always)]
pub fn probe(ifindex: u32, target: &[u8; 16]) -> Option<*mut Probe> {
    let probe = maps::PROBES.get_ptr_mut(&ifindex)?;
    // SAFETY: entries are only removed by user space, and their memory stays readable while the program runs.
    let same = unsafe { u128::from_ne_bytes((*probe).target) == u128::from_ne_bytes(*target) };
    same.then_some(probe)
}

/// Bytes of a frame behind the addresses and before the tags, without and with the EtherType.
const ARP_REST: usize = arp::FRAME_LENGTH - ethernet::ADDRESSES_LENGTH;
const NEIGHBOR_REST: usize = ndp::PROBE_LENGTH - ethernet::ADDRESSES_LENGTH;

/// Sees to an ARP reply of a neighbour that is probed: one to 0.0.0.0 answers what was bounced.
#[inline(always)]
pub fn to_reply(
    context: &XdpContext,
    cursor: &Cursor,
    payload: usize,
    reply: &Arp,
    probe: *mut Probe,
) -> Outcome {
    let is_second = reply.target == [0; 4];
    bounce::<ARP_REST>(context, cursor, payload, is_second, probe)
}

/// Sees to an advertisement of a neighbour that is probed: one to all nodes answers what was bounced, unless nobody asked
/// for it.
#[inline(always)]
pub fn to_advertisement(
    context: &XdpContext,
    cursor: &Cursor,
    payload: usize,
    advertisement: &Checked,
    probe: *mut Probe,
) -> Outcome {
    let is_second = advertisement.flags & flag::SOLICITED == 0;
    bounce::<NEIGHBOR_REST>(context, cursor, payload, is_second, probe)
}

/// Bounces the first answer of a neighbour that is probed, and stamps the second.
#[inline(always)]
fn bounce<const REST: usize>(
    context: &XdpContext,
    cursor: &Cursor,
    payload: usize,
    is_second: bool,
    probe: *mut Probe,
) -> Outcome {
    // SAFETY: an entry of the map, whose memory stays valid while the program runs. Two CPUs may write it at once: they
    // write the same but for the moment.
    let probe = unsafe { &mut *probe };
    if is_second {
        if probe.bounced != 0 && probe.arrived == 0 {
            // SAFETY: the helper has no preconditions.
            probe.arrived = unsafe { bpf_ktime_get_ns() };
        }
        return Outcome::Resolution;
    }
    let known = probe.way == way::TRANSMIT || probe.way == way::REDIRECT;
    if probe.bounced != 0 || !known || probe.length as usize != ethernet::ADDRESSES_LENGTH + REST {
        return Outcome::Resolution;
    }
    const { assert!(ethernet::ADDRESSES_LENGTH + REST <= regent_common::map::PROBE_FRAME) }
    let (addresses, rest) = probe.frame.split_at(ethernet::ADDRESSES_LENGTH);
    // The EtherType is where the last tag ends.
    let written = cursor.change::<REST, _>(payload - 2, |packet| copy(rest, packet));
    match written.and_then(|()| address_by(cursor, addresses)) {
        Some(()) => {
            // SAFETY: the helper has no preconditions.
            probe.bounced = unsafe { bpf_ktime_get_ns() };
            send(context, probe.way)
        }
        None => Outcome::Resolution,
    }
}

/// Fills `to` from the front of `from`. In words: the compiler would do it byte by byte.
#[inline(always)]
pub fn copy<const N: usize>(from: &[u8], to: &mut [u8; N]) {
    let Some(from) = from.first_chunk::<N>() else {
        return;
    };
    let (to_eights, to) = to.as_chunks_mut::<8>();
    let (from_eights, from) = from.as_chunks::<8>();
    for (to, from) in to_eights.iter_mut().zip(from_eights) {
        *to = u64::from_ne_bytes(*from).to_ne_bytes();
    }
    let (to_fours, to) = to.as_chunks_mut::<4>();
    let (from_fours, from) = from.as_chunks::<4>();
    for (to, from) in to_fours.iter_mut().zip(from_fours) {
        *to = u32::from_ne_bytes(*from).to_ne_bytes();
    }
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
}
