//! Many frames in one system call, out of a packet socket and into it: what a flood needs that must cost the sender less
//! than those that it is sent to.
#![expect(unsafe_code, reason = "sendmmsg(2) and recvmmsg(2) take arrays of pointers")]

use std::{
    io,
    mem::zeroed,
    os::fd::{AsFd, AsRawFd},
    ptr::null_mut,
    time::Duration,
};

/// Frames in one call.
pub const FRAMES: usize = 64;
/// Bytes that are kept of a frame received; the rest is cut off.
pub const SNAP: usize = 64;
/// Words of room for what the kernel says of a frame: the time of its arrival alone is asked for.
const CONTROL_WORDS: usize = 8;

/// Sends as many as one call takes, at most [`FRAMES`]; returns how many the kernel took.
///
/// # Errors
/// When it took none.
pub fn send(socket: &impl AsFd, frames: &[Vec<u8>]) -> io::Result<usize> {
    let frames = frames.get(..FRAMES).unwrap_or(frames);
    let mut slices = [libc::iovec { iov_base: null_mut(), iov_len: 0 }; FRAMES];
    // SAFETY: zeros are a valid mmsghdr: no name, no data, no control.
    let mut headers: [libc::mmsghdr; FRAMES] = unsafe { zeroed() };
    for ((slice, header), frame) in slices.iter_mut().zip(&mut headers).zip(frames) {
        *slice = libc::iovec { iov_base: frame.as_ptr().cast_mut().cast(), iov_len: frame.len() };
        header.msg_hdr.msg_iov = slice;
        header.msg_hdr.msg_iovlen = 1;
    }
    let socket = socket.as_fd().as_raw_fd();
    // SAFETY: as many headers as frames are filled in, and what they point to lives through the call; the kernel only
    // reads the frames.
    let sent = unsafe { libc::sendmmsg(socket, headers.as_mut_ptr(), frames.len() as libc::c_uint, 0) };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
}

/// Room for the frames of one call.
#[derive(Debug)]
pub struct Inbox {
    frames: Box<[[u8; SNAP]; FRAMES]>,
    controls: Box<[[u64; CONTROL_WORDS]; FRAMES]>,
}

impl Default for Inbox {
    fn default() -> Self {
        Self { frames: Box::new([[0; SNAP]; FRAMES]), controls: Box::new([[0; CONTROL_WORDS]; FRAMES]) }
    }
}

impl Inbox {
    /// Receives what is there, at most [`FRAMES`], and waits for nothing. Each frame goes to `take` with the kernel's
    /// stamp of CLOCK_REALTIME, if the socket has them on. Returns how many there were.
    ///
    /// # Errors
    /// When the socket cannot be read; ENETDOWN is said once when its interface goes down.
    pub fn receive(
        &mut self,
        socket: &impl AsFd,
        mut take: impl FnMut(&[u8], Option<Duration>),
    ) -> io::Result<usize> {
        let mut slices = [libc::iovec { iov_base: null_mut(), iov_len: SNAP }; FRAMES];
        // SAFETY: zeros are a valid mmsghdr: no name, no data, no control.
        let mut headers: [libc::mmsghdr; FRAMES] = unsafe { zeroed() };
        let rooms = self.frames.iter_mut().zip(self.controls.iter_mut());
        for ((slice, header), (frame, control)) in slices.iter_mut().zip(&mut headers).zip(rooms) {
            slice.iov_base = frame.as_mut_ptr().cast();
            header.msg_hdr.msg_iov = slice;
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_control = control.as_mut_ptr().cast();
            header.msg_hdr.msg_controllen = size_of_val(control);
        }
        let (socket, length) = (socket.as_fd().as_raw_fd(), FRAMES as libc::c_uint);
        // SAFETY: every header points to room of its own with its true size, which lives through the call.
        let received =
            unsafe { libc::recvmmsg(socket, headers.as_mut_ptr(), length, libc::MSG_DONTWAIT, null_mut()) };
        let Ok(received) = usize::try_from(received) else {
            let error = io::Error::last_os_error();
            let is_empty = matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted);
            return if is_empty { Ok(0) } else { Err(error) };
        };
        for (header, frame) in headers.iter().zip(self.frames.iter()).take(received) {
            let bytes = frame.get(..header.msg_len as usize).unwrap_or(frame);
            take(bytes, stamp(&header.msg_hdr));
        }
        Ok(received)
    }
}

/// The time of arrival among what the kernel said of a frame.
fn stamp(header: &libc::msghdr) -> Option<Duration> {
    // SAFETY: the kernel has filled in the control buffer, whose length it wrote into the header, and the macros stay
    // within that. The buffer is aligned for a cmsghdr and a timespec, both of words.
    unsafe {
        let first = libc::CMSG_FIRSTHDR(header);
        let message = first.as_ref()?;
        if (message.cmsg_level, message.cmsg_type) != (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) {
            return None;
        }
        let time = libc::CMSG_DATA(first).cast::<libc::timespec>().read_unaligned();
        Some(Duration::new(u64::try_from(time.tv_sec).ok()?, u32::try_from(time.tv_nsec).ok()?))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixDatagram;

    use nix::sys::socket::{setsockopt, sockopt};

    use super::*;

    #[test]
    fn what_was_sent_in_one_call_is_received_in_one_with_its_time() {
        let (near, far) = UnixDatagram::pair().unwrap();
        setsockopt(&far, sockopt::ReceiveTimestampns, &true).unwrap();
        let frames: Vec<Vec<u8>> = (1..=3).map(|length| vec![length; usize::from(length)]).collect();
        assert_eq!(send(&near, &frames).unwrap(), 3);
        let mut inbox = Inbox::default();
        let mut received = Vec::new();
        let count = inbox.receive(&far, |bytes, stamp| received.push((bytes.to_vec(), stamp))).unwrap();
        assert_eq!(count, 3);
        assert_eq!(received.iter().map(|(bytes, _)| bytes.clone()).collect::<Vec<_>>(), frames);
        assert_eq!(inbox.receive(&far, |_, _| ()).unwrap(), 0);
    }

    #[test]
    fn a_long_frame_is_cut_and_many_are_sent_in_parts() {
        let (near, far) = UnixDatagram::pair().unwrap();
        assert_eq!(send(&near, &[vec![7; SNAP + 9]]).unwrap(), 1);
        let mut lengths = Vec::new();
        Inbox::default().receive(&far, |bytes, _| lengths.push(bytes.len())).unwrap();
        assert_eq!(lengths, [SNAP]);
        near.set_nonblocking(true).unwrap();
        // As many as the queue of a Unix socket holds, and never more than one call takes.
        assert!(send(&near, &vec![vec![0]; FRAMES + 1]).unwrap() <= FRAMES);
    }
}
