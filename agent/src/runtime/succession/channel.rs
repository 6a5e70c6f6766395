//! The way between two agents of which one succeeds the other: letters with descriptors, in order, whole or not at all.
//!
//! A pair of Unix sockets that keep the bounds of messages. What does not fit into one goes as a file in memory. Nothing
//! here knows who decides what; only that a letter of a kind that this version does not know is read over.

use std::{
    fs::File,
    io::{self, IoSlice, IoSliceMut, Read, Seek, Write},
    mem::MaybeUninit,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    time::Duration,
};

use regent_vrrp::Instant;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::MemfdFlags,
    io::Errno,
    net::{
        AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
        SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
    },
};

use super::letter::Letter;
use crate::net::clock;

/// Descriptors of one letter at most; the kernel takes 253, and one may be the letter itself.
pub const DESCRIPTORS: usize = 200;
/// Bytes of a letter that goes by the socket itself.
const SHORT: usize = 16 * 1024;
/// Bytes of a letter that is read at all: a state of ten thousand instances with a hundred thousand addresses.
const LONGEST: u64 = 256 * 1024 * 1024;
/// How long the other side may take to make room for a letter.
const ROOM: Duration = Duration::from_secs(1);

/// What the first byte of a message says of the rest: it is the letter.
const INLINE: u8 = b'i';
/// The first descriptor is a file with the letter.
const FILE: u8 = b'f';

/// One end.
#[derive(Debug)]
pub struct Channel(OwnedFd);

/// Why there is no letter.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    /// The other side is gone.
    #[error("it hung up")]
    Closed,
    /// It is there, and silent.
    #[error("no word from it within {}", crate::words::lapse(*.0))]
    Late(Duration),
    /// The system refused.
    #[error("{0}")]
    System(#[from] io::Error),
    /// What came is no letter.
    #[error("what it said cannot be read: {0}")]
    Unreadable(#[from] serde_json::Error),
}

impl Channel {
    /// Both ends; the second is for another process, and closed in any other that this one starts.
    ///
    /// # Errors
    /// When no descriptor is left.
    pub fn pair() -> io::Result<(Self, OwnedFd)> {
        let (ours, theirs) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        Ok((Self(ours), theirs))
    }

    /// The end that somebody else made.
    pub const fn of(descriptor: OwnedFd) -> Self {
        Self(descriptor)
    }

    /// Another handle to the same end.
    ///
    /// # Errors
    /// When no descriptor is left.
    pub fn again(&self) -> io::Result<Self> {
        Ok(Self(self.0.try_clone()?))
    }

    /// Sends a letter with at most [`DESCRIPTORS`]. Waits a second at most.
    ///
    /// # Errors
    /// The other side is gone or takes nothing, or no memory is left.
    pub fn send(&self, letter: &Letter, descriptors: &[BorrowedFd<'_>]) -> Result<(), ChannelError> {
        let text = serde_json::to_vec(letter)?;
        if text.len() <= SHORT {
            return self.write(&[IoSlice::new(&[INLINE]), IoSlice::new(&text)], descriptors);
        }
        let file = enclosure(&text)?;
        let with_file: Vec<BorrowedFd<'_>> =
            std::iter::once(file.as_fd()).chain(descriptors.iter().copied()).collect();
        self.write(&[IoSlice::new(&[FILE])], &with_file)
    }

    fn write(&self, bytes: &[IoSlice<'_>], descriptors: &[BorrowedFd<'_>]) -> Result<(), ChannelError> {
        let message = SendAncillaryMessage::ScmRights(descriptors);
        let mut space = vec![MaybeUninit::uninit(); message.size()];
        let deadline = clock::now() + ROOM;
        loop {
            let mut ancillary = SendAncillaryBuffer::new(&mut space);
            if !descriptors.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(descriptors)) {
                return Err(io::Error::other("too many descriptors for one letter").into());
            }
            match sendmsg(&self.0, bytes, &mut ancillary, SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
                Ok(_whole) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => self.wait(PollFlags::OUT, deadline, ROOM)?,
                Err(Errno::PIPE | Errno::CONNRESET) => return Err(ChannelError::Closed),
                Err(error) => return Err(io::Error::from(error).into()),
            }
        }
    }

    /// The next letter of a kind that this version knows, with its descriptors.
    ///
    /// # Errors
    /// Nothing comes within `patience`, or nothing will ever.
    pub fn receive(&self, patience: Duration) -> Result<(Letter, Vec<OwnedFd>), ChannelError> {
        let deadline = clock::now() + patience;
        loop {
            self.wait(PollFlags::IN, deadline, patience)?;
            let (text, descriptors) = match self.read() {
                Err(ChannelError::System(error))
                    if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) =>
                {
                    continue;
                }
                read => read?,
            };
            let letter = serde_json::from_slice(&text)?;
            if letter != Letter::Unknown {
                return Ok((letter, descriptors));
            }
        }
    }

    fn read(&self) -> Result<(Vec<u8>, Vec<OwnedFd>), ChannelError> {
        let mut bytes = vec![0; SHORT + 1];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS + 1))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
        let received = recvmsg(&self.0, &mut [IoSliceMut::new(&mut bytes)], &mut ancillary, flags);
        let received = match received {
            Err(Errno::CONNRESET) => return Err(ChannelError::Closed),
            received => received.map_err(io::Error::from)?,
        };
        let mut descriptors = Vec::new();
        for message in ancillary.drain() {
            if let RecvAncillaryMessage::ScmRights(rights) = message {
                descriptors.extend(rights);
            }
        }
        bytes.truncate(received.bytes);
        match bytes.split_first() {
            None => Err(ChannelError::Closed),
            Some((&FILE, _)) if !descriptors.is_empty() => {
                let text = opened(descriptors.remove(0))?;
                Ok((text, descriptors))
            }
            Some((_, text)) => Ok((text.to_vec(), descriptors)),
        }
    }

    fn wait(&self, event: PollFlags, deadline: Instant, patience: Duration) -> Result<(), ChannelError> {
        loop {
            let left = deadline.since(clock::now());
            let left = Timespec {
                tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: left.subsec_nanos().into(),
            };
            match poll(&mut [PollFd::new(&self.0, event)], Some(&left)) {
                Ok(0) => return Err(ChannelError::Late(patience)),
                Ok(_) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(error) => return Err(io::Error::from(error).into()),
            }
        }
    }
}

/// Text in a file in memory, to be sent as a descriptor.
///
/// # Errors
/// When no memory or no descriptor is left.
pub fn enclosure(text: &[u8]) -> io::Result<OwnedFd> {
    let mut file = File::from(rustix::fs::memfd_create("regent letter", MemfdFlags::CLOEXEC)?);
    file.write_all(text)?;
    file.rewind()?;
    Ok(file.into())
}

/// What is in such a file.
///
/// # Errors
/// When it cannot be read.
pub fn opened(enclosure: OwnedFd) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    File::from(enclosure).take(LONGEST).read_to_end(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(5);

    fn both() -> (Channel, Channel) {
        let (ours, theirs) = Channel::pair().unwrap();
        (ours, Channel::of(theirs))
    }

    fn failed(length: usize) -> Letter {
        Letter::Failed { sentence: "x".repeat(length) }
    }

    #[test]
    fn a_letter_arrives_whole_with_its_descriptors_in_order() {
        let (left, right) = both();
        let mut files: Vec<File> = (0..DESCRIPTORS).map(|_| tempfile::tempfile().unwrap()).collect();
        for (number, file) in files.iter_mut().enumerate() {
            write!(file, "{number}").unwrap();
        }
        for length in [0, SHORT, 3 * 1024 * 1024] {
            let descriptors: Vec<BorrowedFd<'_>> = files.iter().map(AsFd::as_fd).collect();
            left.send(&failed(length), &descriptors).unwrap();
            let (letter, descriptors) = right.receive(PATIENCE).unwrap();
            assert_eq!(letter, failed(length));
            assert_eq!(descriptors.len(), DESCRIPTORS);
            let mut last = File::from(descriptors.into_iter().next_back().unwrap());
            last.rewind().unwrap();
            let mut text = String::new();
            last.read_to_string(&mut text).unwrap();
            assert_eq!(text, "199");
        }
    }

    #[test]
    fn a_letter_of_a_later_version_is_read_over_and_its_new_fields_are() {
        let (left, right) = both();
        left.write(&[IoSlice::new(&[INLINE]), IoSlice::new(br#"{"kind":"greetings","from":"2031"}"#)], &[])
            .unwrap();
        let newer = br#"{"kind":"failed","sentence":"no","colour":"red"}"#;
        left.write(&[IoSlice::new(&[INLINE]), IoSlice::new(newer)], &[]).unwrap();
        assert_eq!(right.receive(PATIENCE).unwrap().0, Letter::Failed { sentence: "no".into() });
    }

    #[test]
    fn who_hung_up_is_told_from_who_is_silent() {
        let (left, right) = both();
        assert!(matches!(right.receive(Duration::from_millis(10)), Err(ChannelError::Late(_))));
        left.send(&failed(1), &[]).unwrap();
        drop(left);
        assert_eq!(right.receive(PATIENCE).unwrap().0, failed(1), "what was sent before is still read");
        assert!(matches!(right.receive(PATIENCE), Err(ChannelError::Closed)));
        assert!(matches!(right.send(&failed(1), &[]), Err(ChannelError::Closed)));
    }
}
