//! The packet as it was before the program answered it, for the bench alone: it runs the program on one packet a million
//! times. No program that the agent puts on a port is any part of this.

use aya_ebpf::programs::XdpContext;
use regent_common::{arp, ndp};

use crate::{cursor::Cursor, maps, respond::copy};

/// Copies the original over the packet, which is as long as that.
#[inline(always)]
pub fn restore(context: &XdpContext) {
    let Some(original) = maps::ORIGINAL.get(0) else {
        return;
    };
    let cursor = Cursor::anew(context);
    if cursor.change::<{ ndp::ANNOUNCEMENT_LENGTH }, _>(0, |frame| copy(original, frame)).is_none() {
        cursor.change::<{ arp::FRAME_LENGTH }, _>(0, |frame| copy(original, frame));
    }
}
