//! What a client of the virtual address notices: whether pings come back, and for how long they do not.

use std::{
    io::ErrorKind,
    net::{IpAddr, SocketAddr, SocketAddrV4, SocketAddrV6},
    os::fd::AsRawFd,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use nix::{
    net::if_::if_nametoindex,
    sys::socket::{SockaddrStorage, recvfrom},
};
use rustix::{
    event::{PollFd, PollFlags},
    time::Timespec,
};
use socket2::{Domain, Protocol, Socket, Type};

use crate::{
    clock::Moment,
    icmp::{self, Echo},
    node::{INTERFACE, Node},
    punctual,
};

/// Answers kept.
const CAPACITY: usize = 200_000;

/// Pings an address at a steady rate; ends on drop.
#[derive(Debug)]
pub struct Pinger {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    answers: Mutex<Vec<Moment>>,
    stop: AtomicBool,
}

impl Shared {
    fn answers(&self) -> MutexGuard<'_, Vec<Moment>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pinger {
    /// Starts to ping `address` from `node`, one echo request every `every`.
    ///
    /// # Errors
    /// Without CAP_NET_RAW.
    pub fn start(node: &Node, address: impl Into<IpAddr>, every: Duration) -> Result<Self> {
        let target = address.into();
        let (socket, target) = node.namespace().enter(|| open(target)).context("open a socket for pings")?;
        socket.set_nonblocking(true)?;
        let shared = Arc::new(Shared::default());
        let thread = std::thread::Builder::new().name("pinger".to_owned()).spawn({
            let shared = Arc::clone(&shared);
            move || {
                // A gap must be the routers', not ours on a busy machine.
                punctual::this_thread();
                ping(&socket, target, every, &shared);
            }
        })?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// When answers came, in order.
    pub fn answers(&self) -> Vec<Moment> {
        self.shared.answers().clone()
    }

    /// The newest answer.
    pub fn newest(&self) -> Option<Moment> {
        self.shared.answers().last().copied()
    }

    /// Waits for an answer later than `after`.
    ///
    /// # Errors
    /// When none comes within `timeout`.
    pub fn wait_answer(&self, after: Moment, timeout: Duration) -> Result<Moment> {
        let start = Moment::now();
        loop {
            if let Some(answer) = self.shared.answers().iter().find(|answer| **answer > after) {
                return Ok(*answer);
            }
            if start.elapsed() > timeout {
                bail!("no answer to ping within {timeout:?}");
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// The longest time without an answer that began or ended between the two moments.
    pub fn longest_gap(&self, from: Moment, to: Moment) -> Duration {
        let answers = self.shared.answers();
        let gaps = answers.windows(2).filter_map(|pair| match pair {
            [before, after] if *after >= from && *before <= to => Some(after.since(*before)),
            _ => None,
        });
        gaps.max().unwrap_or_default()
    }
}

impl Drop for Pinger {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

/// A raw socket of the target's family, and the target as the socket wants it.
fn open(target: IpAddr) -> Result<(Socket, SocketAddr)> {
    let (domain, protocol, target) = match target {
        IpAddr::V4(target) => (Domain::IPV4, Protocol::ICMPV4, SocketAddrV4::new(target, 0).into()),
        IpAddr::V6(target) => {
            let scope = if target.is_unicast_link_local() { if_nametoindex(INTERFACE)? } else { 0 };
            (Domain::IPV6, Protocol::ICMPV6, SocketAddrV6::new(target, 0, 0, scope).into())
        }
    };
    Ok((Socket::new(domain, Type::RAW, Some(protocol))?, target))
}

fn ping(socket: &Socket, target: SocketAddr, every: Duration, shared: &Shared) {
    let mut sequence = 0_u16;
    let mut next = Moment::now();
    while !shared.stop.load(Ordering::Relaxed) {
        sequence = sequence.wrapping_add(1);
        // Unreachable, or no route yet: what matters is whether answers come.
        socket.send_to(&icmp::request(target.ip(), identifier(), sequence), &target.into()).ok();
        next = next.plus(every);
        loop {
            match receive(socket, target.ip()) {
                Ok(Some(true)) => {
                    let mut answers = shared.answers();
                    if answers.len() < CAPACITY {
                        answers.push(Moment::now());
                    }
                }
                Ok(Some(false)) => {}
                Ok(None) if Moment::now() >= next => break,
                // A timeout of the socket's own would be rounded up to the kernel's ticks.
                Ok(None) => wait(socket, next.since(Moment::now())),
                Err(_) => return,
            }
        }
    }
}

/// Until something can be read, or for so long.
fn wait(socket: &Socket, time: Duration) {
    let timeout = Timespec { tv_sec: 0, tv_nsec: i64::from(time.subsec_nanos()) };
    // Woken early by a signal: the caller looks at the clock.
    rustix::event::poll(&mut [PollFd::new(socket, PollFlags::IN)], Some(&timeout)).ok();
}

fn identifier() -> u16 {
    let [.., high, low] = std::process::id().to_be_bytes();
    u16::from_be_bytes([high, low])
}

/// Whether one packet is an answer to us; `None` when there is none.
fn receive(socket: &Socket, target: IpAddr) -> std::io::Result<Option<bool>> {
    let mut bytes = [0_u8; 128];
    let (length, sender) = match recvfrom::<SockaddrStorage>(socket.as_raw_fd(), &mut bytes) {
        Ok(received) => received,
        Err(error) if is_patience(std::io::Error::from(error).kind()) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let packet = bytes.get(..length).unwrap_or_default();
    // A raw socket of IPv4 delivers the IP header, 20 bytes without options; one of IPv6 does not.
    let (protocol, message) = match target {
        IpAddr::V4(_) => (icmp::V4, packet.get(20..).unwrap_or_default()),
        IpAddr::V6(_) => (icmp::V6, packet),
    };
    let source = sender.and_then(|sender| address_of(&sender)).unwrap_or(target);
    let echo = Echo::read(protocol, source, target, message);
    let is_ours = |echo: Echo| echo.reply && echo.identifier == identifier() && echo.source == target;
    Ok(Some(echo.is_some_and(is_ours)))
}

fn address_of(sender: &SockaddrStorage) -> Option<IpAddr> {
    let v4 = sender.as_sockaddr_in().map(|sender| IpAddr::V4(sender.ip()));
    v4.or_else(|| sender.as_sockaddr_in6().map(|sender| IpAddr::V6(sender.ip())))
}

const fn is_patience(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}
