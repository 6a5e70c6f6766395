//! The XDP program: it hears VRRP adverts before the network stack does, and judges them with the same functions as
//! the socket carrier ([`regent_common::check`]).
//!
//! The way of a packet: [`cursor`] (the only pointer reads) → [`admit`] (what is it, whose is it, is it good) →
//! [`publish`] (slot, ring) or [`note`] (counters, strangers, claims) → the one match below. All that is not ours passes, and so does every good
//! advert: the program filters and listens, it never stands between the host and its traffic.
//!
//! The functions with an exported name are global to the verifier: it walks each once, for all arguments that fit its
//! declaration, and not once for every way that leads to it. Rules for them: plain numbers, the context, or pointers to
//! types with a size, which may be null as far as it knows; a number is returned; every argument is used, since the
//! compiler passes anything at all for one that is not.

#![no_std]
#![no_main]
#![feature(asm_experimental_arch, core_intrinsics)]
#![expect(internal_features, reason = "compare-and-swap: core hides its atomics on this target")]

mod admit;
mod again;
mod buffer;
mod cursor;
mod egress;
mod gate;
mod ingress;
mod kind;
mod maps;
mod note;
mod publish;
mod respond;

use aya_ebpf::{
    bindings::{
        TC_ACT_SHOT, TC_ACT_UNSPEC,
        xdp_action::{XDP_DROP, XDP_PASS, XDP_REDIRECT, XDP_TX},
    },
    macros::{classifier, xdp},
    programs::{TcContext, XdpContext},
};

use crate::{admit::Outcome, buffer::Buffer, egress::Departure};

/// The program of every port.
#[xdp(frags)]
pub fn regent(context: XdpContext) -> u32 {
    admit::admit(&context)
}

/// What the kernel shall do with a packet. Global functions end with it, for they cannot return an [`Outcome`].
#[inline(always)]
fn action(outcome: Outcome) -> u32 {
    match outcome {
        // Not VRRP, not ARP, not Neighbor Discovery: the traffic of the host.
        Outcome::Foreign => XDP_PASS,
        // The kernel reassembles it and the socket judges it.
        Outcome::ForSocket => XDP_PASS,
        // The stack keeps its own view; the socket's filter does not hear what is heard here.
        Outcome::Accepted => XDP_PASS,
        // A group that is not configured here is somebody else's.
        Outcome::Stranger => XDP_PASS,
        // Ours and bad.
        Outcome::Rejected => XDP_DROP,
        // Ours and bad, but one of the few that tcpdump may show.
        Outcome::Shown => XDP_PASS,
        // The kernel answers, if anybody here does.
        Outcome::Resolution => XDP_PASS,
        // Silence.
        Outcome::Muted => XDP_DROP,
        // Answered.
        Outcome::Transmitted => XDP_TX,
        Outcome::Redirected => XDP_REDIRECT,
    }
}

/// The program of what leaves by a port. What it has nothing against is the next program's to judge.
#[classifier]
pub fn regent_egress(context: TcContext) -> i32 {
    egress::depart(Buffer(context.skb.skb))
}

/// The program of what arrives at a port and got past [`regent`]. It stops nothing.
#[classifier]
pub fn regent_ingress(context: TcContext) -> i32 {
    ingress::arrive(Buffer(context.skb.skb));
    TC_ACT_UNSPEC
}

/// What the kernel shall do with a packet that leaves.
#[inline(always)]
fn departure(departure: Departure) -> i32 {
    match departure {
        Departure::Leaves => TC_ACT_UNSPEC,
        // Silence.
        Departure::Held => TC_ACT_SHOT,
    }
}

/// As [`regent`], on a packet that is then made what it was: for measuring what a packet costs that is answered in place.
#[xdp(frags)]
pub fn regent_again(context: XdpContext) -> u32 {
    let action = admit::admit(&context);
    again::restore(&context);
    action
}

/// Only makes the packet what it was: what the cost of [`regent_again`] is measured against.
#[xdp(frags)]
pub fn empty_again(context: XdpContext) -> u32 {
    again::restore(&context);
    XDP_PASS
}

/// Does nothing: what the cost of [`regent`] is measured against.
#[xdp(frags)]
pub fn empty(_context: XdpContext) -> u32 {
    XDP_PASS
}

/// Does nothing: what the cost of [`regent_egress`] and [`regent_ingress`] is measured against.
#[classifier]
pub fn empty_tc(_context: TcContext) -> i32 {
    TC_ACT_UNSPEC
}

/// The helpers used here ask for a licence that is compatible with the kernel's.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

/// Never reached: a program from which it could be reached does not pass the verifier.
#[panic_handler]
fn panic(_info: &core::panic::PanicInfo) -> ! {
    loop {}
}
