//! Sends whole Ethernet frames: gratuitous ARP, unsolicited neighbour advertisements, probes. Receives nothing.
//!
//! Bursts go out in batches of one system call each. Their priority is the default one, below the adverts', so that a
//! burst in the interface's queue never delays the next advert.

#![expect(
    unsafe_code,
    reason = "a batch of frames is sent by sendmmsg, which has no safe interface without allocation"
)]

use std::{
    array, io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd},
};

use nix::sys::socket::{setsockopt, sockopt};
use regent_common::ethernet;
use socket2::{Domain, Socket, Type};

use super::{failure::attempted, packet_socket::packet_address};

/// Frames of one system call.
const BATCH: usize = 64;
/// Bytes that may wait in the kernel, by its own accounting: a burst of 5 for each of 255 addresses. Above that
/// [`FrameSocket::send`] says how far it came.
const SEND_BUFFER: usize = 1024 * 1024;

/// A packet socket that only sends. Never blocks.
#[derive(Debug)]
pub struct FrameSocket {
    socket: Socket,
}

impl FrameSocket {
    /// One socket serves all interfaces.
    ///
    /// # Errors
    /// `PermissionDenied` without CAP_NET_RAW.
    pub fn open() -> io::Result<Self> {
        // Protocol 0: the socket is never handed a packet, so it needs no filter and no reader.
        let socket =
            Socket::new(Domain::PACKET, Type::RAW.nonblocking().cloexec(), None).map_err(|error| {
                attempted(error, "open a packet socket for ARP", "raise the limit of open files")
            })?;
        if setsockopt(&socket, sockopt::SndBufForce, &SEND_BUFFER).is_err() {
            socket.set_send_buffer_size(SEND_BUFFER)?;
        }
        Ok(Self { socket })
    }

    /// Sends `frames` (from their Ethernet header on) on interface `ifindex`, in order, and says how many went: fewer
    /// than asked for when the queue is full. The rest is to be sent again when the socket is writable.
    ///
    /// # Errors
    /// When the first frame fails for another reason than a full queue: the interface is down or gone, or the frame
    /// is longer than its MTU. After at least one went, the count is returned, and the next call reports the error.
    pub fn send<F: AsRef<[u8]>>(&self, ifindex: u32, frames: &[F]) -> io::Result<usize> {
        let mut rest = frames;
        while !rest.is_empty() {
            match self.send_batch(ifindex, rest) {
                Ok(count) => rest = rest.get(count..).unwrap_or_default(),
                Err(error) if is_full(&error) => break,
                Err(_) if rest.len() < frames.len() => break,
                Err(error) => return Err(error),
            }
        }
        Ok(frames.len() - rest.len())
    }

    /// The leading frames of one ether type, at most [`BATCH`], by one system call; at least one goes, or it is an error.
    fn send_batch<F: AsRef<[u8]>>(&self, ifindex: u32, frames: &[F]) -> io::Result<usize> {
        let kind = |frame: &F| ether_type(frame.as_ref());
        let first_kind = frames.first().and_then(kind);
        let count = frames.iter().take(BATCH).take_while(|frame| kind(frame) == first_kind).count();
        let address = packet_address(ifindex, first_kind.unwrap_or(ethernet::ARP));
        let mut parts: [libc::iovec; BATCH] = array::from_fn(|index| {
            let frame = frames.get(index).map_or(&[][..], AsRef::as_ref);
            libc::iovec { iov_base: frame.as_ptr().cast_mut().cast(), iov_len: frame.len() }
        });
        let first = parts.as_mut_ptr();
        let mut messages: [libc::mmsghdr; BATCH] = array::from_fn(|index| {
            // SAFETY: all zeroes is a value of mmsghdr: null pointers with lengths of zero.
            let mut message: libc::mmsghdr = unsafe { std::mem::zeroed() };
            message.msg_hdr.msg_name = address.as_ptr().cast_mut().cast();
            message.msg_hdr.msg_namelen = address.len();
            message.msg_hdr.msg_iov = first.wrapping_add(index);
            message.msg_hdr.msg_iovlen = 1;
            message
        });
        // SAFETY: `messages` holds at least `count` headers. Each points to the one address and to its own part, and each
        // part to a frame borrowed from the caller; all of them outlive the call, and sendmmsg writes msg_len only.
        let result = unsafe {
            libc::sendmmsg(self.socket.as_raw_fd(), messages.as_mut_ptr(), count as u32, libc::MSG_DONTWAIT)
        };
        usize::try_from(result).map_err(|_negative| io::Error::last_os_error())
    }
}

/// The send buffer or the interface's queue.
fn is_full(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock || error.raw_os_error() == Some(libc::ENOBUFS)
}

fn ether_type(frame: &[u8]) -> Option<u16> {
    frame.get(12..14)?.try_into().ok().map(u16::from_be_bytes)
}

impl AsFd for FrameSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl AsRawFd for FrameSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}
