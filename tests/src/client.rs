//! What a client of the virtual address notices: whether pings come back, and for how long they do not.

use std::{
    io::{ErrorKind, Read},
    net::{Ipv4Addr, SocketAddrV4},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use regent_common::checksum;
use socket2::{Domain, Protocol, Socket, Type};

use crate::{clock::Moment, node::Node};

/// Answers kept.
const CAPACITY: usize = 200_000;
const MESSAGE_LENGTH: usize = 16;

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
    pub fn start(node: &Node, address: Ipv4Addr, every: Duration) -> Result<Self> {
        let socket = node
            .namespace()
            .enter(|| Ok(Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::ICMPV4))?))
            .context("open an ICMP socket")?;
        socket.set_read_timeout(Some(every.max(Duration::from_millis(1))))?;
        let shared = Arc::new(Shared::default());
        let thread = std::thread::Builder::new().name("pinger".to_owned()).spawn({
            let shared = Arc::clone(&shared);
            move || ping(&socket, address, every, &shared)
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

fn ping(socket: &Socket, address: Ipv4Addr, every: Duration, shared: &Shared) {
    let target = SocketAddrV4::new(address, 0).into();
    let mut sequence = 0_u16;
    let mut next = Moment::now();
    while !shared.stop.load(Ordering::Relaxed) {
        sequence = sequence.wrapping_add(1);
        // Unreachable, or no route yet: what matters is whether answers come.
        socket.send_to(&echo_request(sequence), &target).ok();
        next = next.plus(every);
        while Moment::now() < next {
            match receive(socket, address) {
                Ok(true) => {
                    let mut answers = shared.answers();
                    if answers.len() < CAPACITY {
                        answers.push(Moment::now());
                    }
                }
                Ok(false) => {}
                Err(_) => return,
            }
        }
    }
}

fn echo_request(sequence: u16) -> [u8; MESSAGE_LENGTH] {
    let mut message = [0; MESSAGE_LENGTH];
    message[0] = 8;
    message[4..6].copy_from_slice(&identifier());
    message[6..8].copy_from_slice(&sequence.to_be_bytes());
    if let Some(sum) = checksum::sum(&&message[..], 0, MESSAGE_LENGTH / 4) {
        message[2..4].copy_from_slice(&sum.checksum());
    }
    message
}

fn identifier() -> [u8; 2] {
    let [.., high, low] = std::process::id().to_be_bytes();
    [high, low]
}

/// One packet, or none for a while; whether it is an answer to us.
fn receive(mut socket: &Socket, address: Ipv4Addr) -> std::io::Result<bool> {
    let mut bytes = [0_u8; 128];
    match socket.read(&mut bytes) {
        // A raw socket delivers the IP header, 20 bytes without options, then the ICMP message.
        Ok(length) => {
            let is_answer = length >= 28 && bytes[20] == 0 && bytes[24..26] == identifier();
            Ok(is_answer && bytes[12..16] == address.octets())
        }
        Err(error) if is_patience(error.kind()) => Ok(false),
        Err(error) => Err(error),
    }
}

const fn is_patience(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}
