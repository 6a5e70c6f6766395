//! Reads and writes of packet memory: the only place where a packet is touched through pointers.
//!
//! Refuses to go past the end of the first buffer of a packet, and past [`LIMIT`].

use core::{arch::asm, intrinsics::is_val_statically_known};

use aya_ebpf::programs::{TcContext, XdpContext};
use regent_common::{bytes::Bytes, ethernet};

/// No read begins beyond this offset: Ethernet with two tags, the longest IP header and the longest advert that
/// is judged here fit below. The verifier needs a constant bound for offsets that come from the packet; all bits are
/// ones, so that it is a mask too.
const LIMIT: usize = 2047;

/// The bytes of a packet.
#[derive(Clone, Copy)]
pub struct Cursor {
    start: usize,
    end: usize,
    /// A number that the verifier does not know.
    noise: usize,
}

impl Cursor {
    /// Over the packet of `context`.
    #[inline(always)]
    pub fn new(context: &XdpContext) -> Self {
        Self { start: context.data(), end: context.data_end(), noise: noise(context) }
    }

    /// Over the first piece of a socket buffer. Only for reading.
    #[inline(always)]
    pub fn of_buffer(context: &TcContext) -> Self {
        // SAFETY: the kernel's own context, valid while the program runs.
        let unknown = unsafe { (*context.skb.skb).ifindex as usize };
        Self { start: context.data(), end: context.data_end(), noise: unknown | unknown << 32 }
    }
}

impl Cursor {
    /// Over the same packet, with nothing known of it: what was checked on the way here, which differs from way to way,
    /// would make the verifier walk on once for each.
    #[inline(always)]
    pub fn anew(context: &XdpContext) -> Self {
        // SAFETY: the kernel's own context, valid while the program runs. Volatile, or the first reading would be used.
        let (start, end) = unsafe {
            (
                (&raw const (*context.ctx).data).read_volatile(),
                (&raw const (*context.ctx).data_end).read_volatile(),
            )
        };
        Self { start: start as usize, end: end as usize, noise: noise(context) }
    }

    /// Bytes of the packet's first buffer.
    #[inline(always)]
    pub fn length(&self) -> usize {
        self.end - self.start
    }

    /// Whether a station with that MAC takes the frame. Its first eight bytes at once: the destination, and two that are
    /// shifted out.
    #[inline(always)]
    pub fn is_for(&self, mac: [u8; 6]) -> bool {
        match self.array::<8>(0) {
            Some([a, b, c, d, e, f, _, _]) => ethernet::is_for([a, b, c, d, e, f], mac),
            None => false,
        }
    }

    /// Lets `write` change `N` bytes from offset `at`; `None` when they are not there, and nothing is changed.
    #[inline(always)]
    pub fn change<const N: usize, R>(&self, at: usize, write: impl FnOnce(&mut [u8; N]) -> R) -> Option<R> {
        let from = self.place::<N>(at)?;
        // SAFETY: as in `look`; nobody else holds a reference into the packet meanwhile.
        Some(write(unsafe { &mut *(from as *mut [u8; N]) }))
    }

    /// Where `N` bytes from offset `at` are, if they are within the packet.
    #[inline(always)]
    fn place<const N: usize>(&self, at: usize) -> Option<usize> {
        if at > LIMIT {
            return None;
        }
        let mut from = self.start + bounded(at);
        // Keeps LLVM from moving the offset to the other side of the comparison: the verifier wants the packet's
        // pointer against its end, with nothing done to the end.
        // SAFETY: no instruction at all.
        unsafe { asm!("", inout("r0") from, options(pure, nomem, nostack, preserves_flags)) };
        (from + N <= self.end).then_some(from)
    }
}

/// A number of which the verifier knows no bit.
#[inline(always)]
fn noise(context: &XdpContext) -> usize {
    let unknown = context.ingress_ifindex();
    unknown | unknown << 32
}

/// An offset up to [`LIMIT`] in a way that every verifier believes. LLVM may check one copy of a number and use another,
/// and the verifier of 6.1 does not carry what it learnt of one to the other on the stack; so the bound is put on right before the
/// use. Offsets that the compiler knows need none.
#[inline(always)]
fn bounded(at: usize) -> usize {
    if is_val_statically_known(at) {
        return at;
    }
    let mut at = at;
    // SAFETY: no instruction at all; keeps LLVM from dropping the mask, which the comparison before made needless.
    unsafe { asm!("", inout("r0") at, options(pure, nomem, nostack, preserves_flags)) };
    at & LIMIT
}

impl Bytes for Cursor {
    #[inline(always)]
    fn look<const N: usize, R>(&self, at: usize, read: impl FnOnce(&[u8; N]) -> R) -> Option<R> {
        let from = self.place::<N>(at)?;
        // SAFETY: `from + N` is within the packet, whose memory stays valid while the program runs. An array of
        // bytes has no alignment and no invalid value.
        Some(read(unsafe { &*(from as *const [u8; N]) }))
    }

    #[inline(always)]
    fn opaque(&self, value: usize) -> usize {
        let mut value = value ^ self.noise;
        // SAFETY: no instruction at all; keeps LLVM from seeing that the second XOR undoes the first.
        unsafe { asm!("", inout("r0") value, options(pure, nomem, nostack, preserves_flags)) };
        value ^ self.noise
    }

    #[inline(always)]
    fn settled(&self, value: u64) -> u64 {
        let mut value = value;
        // SAFETY: no instruction at all.
        unsafe { asm!("", inout("r0") value, options(pure, nomem, nostack, preserves_flags)) };
        value
    }
}
