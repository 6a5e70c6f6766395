//! Reading a datagram together with its age.
//!
//! The kernel stamps packets by the wall clock, which may jump. Deadlines are made from arrivals, so a jump must not make
//! an advert look old (a false takeover) or newborn for ever (none at all). Two facts that no jump can bend bound the
//! age: a packet is no older than the moment when its queue was last seen empty, and an age is only computed
//! while both clocks ran in step since then.

use std::{
    cell::Cell,
    io::{self, IoSliceMut},
    os::fd::{AsFd, AsRawFd},
    time::Duration,
};

use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, SockaddrIn6, SockaddrLike, recvmsg, setsockopt, sockopt,
};
use regent_common::ipv6;
use regent_vrrp::Instant;

use super::clock;

/// No age is above this, whatever the clocks say.
const AGE_LIMIT: Duration = Duration::from_secs(10);
/// How far the wall clock may move against the monotonic one between two looks and still count as running: an adjustment
/// by NTP is at most 500 parts in a million, so this is minutes of it.
const SLACK: Duration = Duration::from_millis(50);

/// A socket's reading side.
#[derive(Debug)]
pub(super) struct Reception {
    /// When the queue was last seen empty, by both clocks.
    idle: Cell<(Instant, Duration)>,
    dropped: Cell<u32>,
}

/// A datagram as the kernel describes it.
#[derive(Debug)]
pub(super) struct Datagram<S> {
    /// Its whole length, bytes; the buffer got at most as much as it holds.
    pub length: usize,
    /// How long ago it arrived.
    pub age: Duration,
    /// Who sent it, by the kind of address asked for.
    pub sender: Option<S>,
    /// IPv6, once [`Reception::describe_ipv6`] was called: where it was sent to.
    destination: [u8; 16],
    /// Likewise: its hop limit.
    hop_limit: u8,
}

/// Room for a time stamp, a drop counter, a destination and a hop limit, aligned as control messages are.
#[repr(C, align(8))]
struct Control([u8; 256]);

impl Reception {
    /// Switches the stamps and the drop counter of `socket` on.
    pub(super) fn of(socket: &impl AsFd) -> io::Result<Self> {
        setsockopt(socket, sockopt::ReceiveTimestampns, &true)?;
        setsockopt(socket, sockopt::RxqOvfl, &1)?;
        Ok(Self { idle: Cell::new(clock::both()), dropped: Cell::new(0) })
    }

    /// Has the kernel tell the destination and the hop limit of each IPv6 packet.
    pub(super) fn describe_ipv6(&self, socket: &impl AsFd) -> io::Result<()> {
        setsockopt(socket, sockopt::Ipv6RecvPacketInfo, &true)?;
        setsockopt(socket, sockopt::Ipv6RecvHopLimit, &true)?;
        Ok(())
    }

    /// The next datagram: its length (at most the buffer's) and its age. `None` when nothing waits.
    pub(super) fn receive(
        &self,
        socket: &impl AsFd,
        buffer: &mut [u8],
    ) -> io::Result<Option<(usize, Duration)>> {
        let size = buffer.len();
        let datagram = self.datagram::<()>(socket, buffer)?;
        Ok(datagram.map(|datagram| (datagram.length.min(size), datagram.age)))
    }

    /// As [`Self::receive`], for a raw IPv6 socket of protocol `next_header`, which hands out payloads: their header is
    /// written before them.
    pub(super) fn receive_with_ipv6_header(
        &self,
        socket: &impl AsFd,
        buffer: &mut [u8],
        next_header: u8,
    ) -> io::Result<Option<(usize, Duration)>> {
        let (space, payload) = buffer
            .split_at_mut_checked(ipv6::HEADER_LENGTH)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "no room for an IPv6 header"))?;
        let room = payload.len();
        let Some(datagram) = self.datagram::<SockaddrIn6>(socket, payload)? else {
            return Ok(None);
        };
        let source = datagram.sender.map_or([0; 16], |sender| sender.ip().octets());
        let (length, hop_limit) = (datagram.length, datagram.hop_limit);
        space.copy_from_slice(&ipv6_header(source, datagram.destination, hop_limit, next_header, length));
        Ok(Some((ipv6::HEADER_LENGTH + length.min(room), datagram.age)))
    }

    /// The next datagram, and whose it is. `None` when nothing waits.
    pub(super) fn datagram<S: SockaddrLike>(
        &self,
        socket: &impl AsFd,
        buffer: &mut [u8],
    ) -> io::Result<Option<Datagram<S>>> {
        let mut control = Control([0; 256]);
        let mut parts = [IoSliceMut::new(buffer)];
        let descriptor = socket.as_fd().as_raw_fd();
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_TRUNC;
        loop {
            match recvmsg::<S>(descriptor, &mut parts, Some(&mut control.0), flags) {
                Ok(message) => {
                    let mut stamp = None;
                    let (mut destination, mut hop_limit) = ([0; 16], 0);
                    for item in message.cmsgs()? {
                        if let ControlMessageOwned::ScmTimestampns(time) = item {
                            stamp = Some(Duration::from(time));
                        } else if let ControlMessageOwned::RxqOvfl(count) = item {
                            self.dropped.set(count);
                        } else if let ControlMessageOwned::Ipv6PacketInfo(info) = item {
                            destination = info.ipi6_addr.s6_addr;
                        } else if let ControlMessageOwned::Ipv6HopLimit(limit) = item {
                            hop_limit = u8::try_from(limit).unwrap_or(0);
                        }
                    }
                    let age =
                        stamp.map_or(Duration::ZERO, |stamp| age(stamp, self.idle.get(), clock::both()));
                    let (length, sender) = (message.bytes, message.address);
                    return Ok(Some(Datagram { length, age, sender, destination, hop_limit }));
                }
                Err(nix::errno::Errno::EAGAIN) => {
                    self.idle.set(clock::both());
                    return Ok(None);
                }
                // A packet socket reports once that its interface went down. The link monitor says the same, with
                // more context; what was queued before is still to be read.
                Err(nix::errno::Errno::ENETDOWN | nix::errno::Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// How many datagrams the kernel dropped since the beginning because the queue was full. As of the newest datagram
    /// that was read; wraps.
    pub(super) fn dropped(&self) -> u32 {
        self.dropped.get()
    }
}

/// The header of a packet that had these fields, with nothing between it and its payload of `length` bytes.
fn ipv6_header(
    source: [u8; 16],
    destination: [u8; 16],
    hop_limit: u8,
    next_header: u8,
    length: usize,
) -> [u8; ipv6::HEADER_LENGTH] {
    let mut header = [0; ipv6::HEADER_LENGTH];
    let [high, low] = u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
    header[..8].copy_from_slice(&[0x60, 0, 0, 0, high, low, next_header, hop_limit]);
    header[8..24].copy_from_slice(&source);
    header[24..].copy_from_slice(&destination);
    header
}

/// How long ago the wall clock showed `stamp`. `idle` and `now` are both clocks when the queue was last empty and now.
fn age(stamp: Duration, idle: (Instant, Duration), now: (Instant, Duration)) -> Duration {
    let waited = now.0.since(idle.0);
    let shown = now.1.saturating_sub(idle.1);
    if now.1 < idle.1 || waited.abs_diff(shown) > SLACK {
        return Duration::ZERO;
    }
    now.1.saturating_sub(stamp).min(waited).min(AGE_LIMIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    /// Both clocks, milliseconds after some beginning.
    fn at(milliseconds: u64) -> (Instant, Duration) {
        let time = Duration::from_millis(milliseconds);
        (Instant::from_nanoseconds(5_000_000_000) + time, HOUR + time)
    }

    #[test]
    fn the_age_is_the_time_since_the_stamp() {
        assert_eq!(age(at(40).1, at(0), at(100)), Duration::from_millis(60));
    }

    #[test]
    fn a_stamp_from_the_future_is_new() {
        assert_eq!(age(at(200).1, at(0), at(100)), Duration::ZERO);
    }

    #[test]
    fn a_packet_is_never_older_than_the_moment_when_its_queue_was_empty() {
        assert_eq!(age(at(0).1, at(70), at(100)), Duration::from_millis(30));
    }

    #[test]
    fn no_age_is_above_the_limit() {
        assert_eq!(age(at(0).1, at(0), at(60_000)), AGE_LIMIT);
    }

    #[test]
    fn a_wall_clock_that_jumps_either_way_makes_a_packet_new_not_old() {
        let (now, wall) = at(100);
        assert_eq!(age(at(90).1, at(0), (now, wall + HOUR)), Duration::ZERO);
        assert_eq!(age(at(90).1, at(0), (now, wall - HOUR / 2)), Duration::ZERO);
        assert_eq!(age(at(90).1, at(0), (now, wall + Duration::from_millis(51))), Duration::ZERO);
    }

    #[test]
    fn a_wall_clock_that_is_adjusted_slowly_still_gives_an_age() {
        let (now, wall) = at(100);
        let adjusted = (now, wall + Duration::from_millis(1));
        assert_eq!(age(at(40).1, at(0), adjusted), Duration::from_millis(61));
    }
}
