//! A flood of ARP requests out of the kernel itself, and the drain for the answers: what the data plane is measured with.
//!
//! An object of its own, which no agent carries. [`generator`] is run by BPF_PROG_TEST_RUN with live frames: each frame
//! is built and handed to the port's driver without a socket buffer, at a cost below that of whoever answers.
//! [`drain`] sits on the port that the frames leave by, counts the answers and drops them.

#![no_std]
#![no_main]

use core::ptr::read_volatile;

use aya_ebpf::{
    bindings::xdp_action::{XDP_ABORTED, XDP_DROP, XDP_PASS, XDP_TX},
    btf_maps::PerCpuArray,
    helpers::bpf_ktime_get_ns,
    macros::{btf_map, xdp},
    programs::XdpContext,
};
use regent_common::flood::{self, Tally};

/// What [`Tally`] says, on each CPU.
#[btf_map]
pub static TALLY: PerCpuArray<Tally, 1> = PerCpuArray::new();

/// The request, in words as they lie in memory. The loader sets it.
#[unsafe(no_mangle)]
static REQUEST: [u64; flood::WORDS] = [0; flood::WORDS];
/// Nanoseconds from one request to the next; 0: as fast as it goes. The loader sets it.
#[unsafe(no_mangle)]
static GAP: u64 = 0;
/// How many stations ask in turn, 1 to 200: the last bytes of MAC and address count up. The loader sets it.
#[unsafe(no_mangle)]
static REQUESTERS: u32 = 1;
/// How many addresses are asked for in turn: the last two bytes count up. The loader sets it.
#[unsafe(no_mangle)]
static TARGETS: u32 = 1;

/// Builds one request, unless it is too soon for it. Everything is written each time: whoever answers does so in the same
/// memory, which comes back here as it is.
#[xdp]
pub fn generator(context: XdpContext) -> u32 {
    let (start, end) = (context.data(), context.data_end());
    if start + flood::BYTES > end {
        return XDP_ABORTED;
    }
    let Some(tally) = TALLY.get_ptr_mut(0) else { return XDP_ABORTED };
    // SAFETY: the entry is this CPU's own, and nothing else that runs on it writes these fields.
    let tally = unsafe { &mut *tally };
    // SAFETY: a constant of the object. Volatile, since the loader has set another.
    let gap = unsafe { read_volatile(&raw const GAP) };
    if gap != 0 {
        // SAFETY: reads a clock.
        let now = unsafe { bpf_ktime_get_ns() };
        if now < tally.next {
            return XDP_DROP;
        }
        // Time that was lost is not made up for: that would be a burst.
        tally.next = if now - tally.next > flood::LATE { now + gap } else { tally.next + gap };
    }
    let number = tally.sent;
    tally.sent += 1;
    let frame = start as *mut u8;
    let mut place = 0;
    while place < flood::WORDS {
        // SAFETY: within the packet, by the comparison above; the constant is within its array.
        unsafe {
            let word = read_volatile((&raw const REQUEST).cast::<u64>().add(place));
            frame.add(place * 8).cast::<u64>().write_unaligned(word);
        }
        place += 1;
    }
    // SAFETY: constants of the object, as above.
    let (requesters, targets) =
        unsafe { (read_volatile(&raw const REQUESTERS), read_volatile(&raw const TARGETS)) };
    if requesters > 1 {
        let requester = (number % u64::from(requesters)) as u8;
        for place in [flood::SOURCE_MAC, flood::SENDER_MAC, flood::SENDER] {
            // SAFETY: within the packet, by the comparison above.
            unsafe { *frame.add(place) += requester };
        }
    }
    if targets > 1 {
        let target = (number % u64::from(targets)) as u16;
        // SAFETY: within the packet, by the comparison above.
        unsafe {
            let place = frame.add(flood::TARGET).cast::<u16>();
            place.write_unaligned((u16::from_be(place.read_unaligned()) + target).to_be());
        }
    }
    XDP_TX
}

/// Counts answers and drops them; all else passes.
#[xdp]
pub fn drain(context: XdpContext) -> u32 {
    let (start, end) = (context.data(), context.data_end());
    if start + flood::BYTES_OF_ANSWER > end {
        return XDP_PASS;
    }
    // SAFETY: within the packet, by the comparison above.
    let (ether_type, operation) = unsafe {
        let frame = start as *const u8;
        let word = |place| u16::from_be(frame.add(place).cast::<u16>().read_unaligned());
        (word(flood::ETHER_TYPE), word(flood::OPERATION))
    };
    if (ether_type, operation) != flood::REPLY {
        return XDP_PASS;
    }
    if let Some(tally) = TALLY.get_ptr_mut(0) {
        // SAFETY: the entry is this CPU's own, and nothing else that runs on it writes this field.
        unsafe { (*tally).answers += 1 };
    }
    XDP_DROP
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
