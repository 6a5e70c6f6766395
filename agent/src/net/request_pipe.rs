//! Many rtnetlink requests with few system calls, and which answer belongs to which.
//!
//! The kernel carries a request out inside the sending call, and waits there for its lock for interfaces (RTNL), which
//! others may hold for hundreds of milliseconds. The answer waits in the socket when the call returns. What a request says
//! is its sender's business.

use std::{collections::HashMap, io, ops::Range};

use netlink_packet_core::NetlinkMessage;
use netlink_packet_route::RouteNetlinkMessage;
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};
use nix::sys::socket::{setsockopt, sockopt};

use super::{answer::split_answer, failure::attempted};

/// Bytes of answers that the kernel may hold for us, by its own accounting.
const RECEIVE_BUFFER: usize = 4 * 1024 * 1024;
/// What one answer costs in that accounting; measured at 768 to 1280 on current kernels.
const ANSWER_COST: usize = 2048;
/// Messages are sent together up to this many bytes; below the smallest default send buffer.
const BATCH: usize = 64 * 1024;

/// A netlink socket whose requests are answered one by one.
#[derive(Debug)]
pub(super) struct RequestPipe {
    socket: Socket,
    /// What the requests are about, for errors.
    about: &'static str,
    sequence: u32,
    outstanding: usize,
    limit: usize,
    outgoing: Vec<u8>,
}

impl RequestPipe {
    /// Opens the socket.
    ///
    /// # Errors
    /// When no netlink socket can be had.
    pub(super) fn open(about: &'static str) -> io::Result<Self> {
        Self::connected(about).map_err(|error| {
            let what = format!("open a netlink socket for {about}");
            attempted(error, what, "raise the limit of open files or memory")
        })
    }

    fn connected(about: &'static str) -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.set_non_blocking(true)?;
        // The answer to a failed request would carry the whole request back.
        socket.set_cap_ack(true)?;
        if setsockopt(&socket, sockopt::RcvBufForce, &RECEIVE_BUFFER).is_err() {
            socket.set_rx_buf_sz(RECEIVE_BUFFER as libc::c_int)?;
        }
        let limit = socket.get_rx_buf_sz()? / ANSWER_COST;
        socket.bind_auto()?;
        socket.connect(&SocketAddr::new(0, 0))?;
        Ok(Self { socket, about, sequence: 0, outstanding: 0, limit, outgoing: Vec::with_capacity(BATCH) })
    }

    /// Sends `items` as the messages that `write` makes of them, in order. `sent` is told the position and the sequence
    /// number, which is never 0, of each that went out, also when a later one fails.
    ///
    /// # Errors
    /// Of the first that was not sent: `WouldBlock` when so many answers wait that one more might be lost; what `write`
    /// says.
    fn send<T>(
        &mut self,
        items: &[T],
        write: impl Fn(&T) -> io::Result<NetlinkMessage<RouteNetlinkMessage>>,
        mut sent: impl FnMut(usize, u32),
    ) -> io::Result<()> {
        let mut pending = 0..0;
        let mut failure = None;
        self.outgoing.clear();
        for (position, item) in items.iter().enumerate() {
            let appended = if self.outstanding + pending.len() < self.limit {
                write(item).map(|message| self.append(message))
            } else {
                let text = format!("too many requests about {} are unanswered", self.about);
                Err(io::Error::new(io::ErrorKind::WouldBlock, text))
            };
            if let Err(error) = appended {
                failure = Some(error);
                break;
            }
            pending.end = position + 1;
            if self.outgoing.len() >= BATCH {
                self.flush(&mut pending, &mut sent)?;
            }
        }
        self.flush(&mut pending, &mut sent)?;
        failure.map_or(Ok(()), Err)
    }

    /// Sends all of `items`, however many, and returns what became of each. Waits for the kernel.
    ///
    /// One that cannot be sent keeps none from following.
    pub(super) fn carry_out<T>(
        &mut self,
        items: &[T],
        write: impl Fn(&T) -> io::Result<NetlinkMessage<RouteNetlinkMessage>>,
    ) -> Vec<io::Result<()>> {
        let mut results = Vec::with_capacity(items.len());
        let mut numbers = HashMap::new();
        while results.len() < items.len() {
            let begun = results.len();
            let rest = items.get(begun..).unwrap_or_default();
            let refused = self.send(rest, &write, |position, number| {
                numbers.insert(number, position);
            });
            let sent = numbers.len();
            let mut answered: Vec<Option<io::Result<()>>> =
                std::iter::repeat_with(|| None).take(sent).collect();
            // The kernel has answered everything by now. What it had no room to answer is seen by its absence.
            let received = self.answers(|number, result| {
                let place = numbers.get(&number).and_then(|position| answered.get_mut(*position));
                if let Some(place) = place {
                    *place = Some(result);
                }
            });
            numbers.clear();
            let lost =
                received.err().map_or_else(|| "the kernel gave no answer".into(), |error| error.to_string());
            let missing = || Err(io::Error::other(lost.clone()));
            results.extend(answered.into_iter().map(|result| result.unwrap_or_else(missing)));
            match refused {
                // The answers made room.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && sent > 0 => {}
                Err(error) => results.push(Err(error)),
                Ok(()) => {}
            }
        }
        results
    }

    /// Writes a message behind those that are to be sent.
    fn append(&mut self, mut message: NetlinkMessage<RouteNetlinkMessage>) {
        self.sequence = self.sequence.checked_add(1).unwrap_or(1);
        message.header.sequence_number = self.sequence;
        message.finalize();
        let start = self.outgoing.len();
        self.outgoing.resize(start + message.buffer_len().next_multiple_of(4), 0);
        if let Some(space) = self.outgoing.get_mut(start..) {
            message.serialize(space);
        }
    }

    /// Sends what was written: the items at the positions `pending`, whose sequence numbers end with the newest.
    fn flush(&mut self, pending: &mut Range<usize>, sent: &mut impl FnMut(usize, u32)) -> io::Result<()> {
        if pending.start == pending.end {
            return Ok(());
        }
        loop {
            match self.socket.send(&self.outgoing, libc::MSG_DONTWAIT) {
                Ok(_whole) => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    let what = format!("send requests about {} (netlink)", self.about);
                    return Err(attempted(error, what, "try again"));
                }
            }
        }
        self.outgoing.clear();
        self.outstanding += pending.len();
        for (position, behind) in pending.clone().zip((0..pending.len() as u32).rev()) {
            sent(position, sequence_before(self.sequence, behind));
        }
        pending.start = pending.end;
        Ok(())
    }

    /// Hands out the answers that wait, oldest first: the sequence number of a request and what became of it. Never waits.
    ///
    /// # Errors
    /// When answers were lost (`OutOfMemory`).
    fn answers(&mut self, mut each: impl FnMut(u32, io::Result<()>)) -> io::Result<()> {
        let advice = format!("list the {}", self.about);
        let mut buffer = [0; 8192];
        loop {
            let mut space = &mut buffer[..];
            match self.socket.recv(&mut space, libc::MSG_DONTWAIT) {
                Ok(length) => {
                    let mut rest = buffer.get(..length).unwrap_or_default();
                    while let Some((sequence, result)) = split_answer(&mut rest) {
                        self.outstanding = self.outstanding.saturating_sub(1);
                        each(sequence, result);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => {
                    self.outstanding = 0;
                    let about = self.about;
                    let text =
                        format!("the kernel had no room for answers to requests about {about}; {advice}");
                    return Err(io::Error::new(io::ErrorKind::OutOfMemory, text));
                }
                Err(error) => {
                    let what = format!("read answers to requests about {}", self.about);
                    return Err(attempted(error, what, &advice));
                }
            }
        }
    }
}

/// The number that was given `behind` requests earlier; 0 is never given.
fn sequence_before(newest: u32, behind: u32) -> u32 {
    newest.checked_sub(behind).filter(|number| *number != 0).unwrap_or_else(|| {
        // Numbers went past the end: u32::MAX came before 1.
        newest.wrapping_sub(behind).wrapping_sub(1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequence_numbers_are_counted_back_past_the_end_of_numbers_without_the_zero() {
        assert_eq!([0, 1, 2].map(|behind| sequence_before(9, behind)), [9, 8, 7]);
        assert_eq!([0, 1, 2, 3].map(|behind| sequence_before(2, behind)), [2, 1, u32::MAX, u32::MAX - 1]);
    }
}
