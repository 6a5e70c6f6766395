//! A capture on one interface, on a thread of its own: what was on the wire, and when.

use std::{
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use anyhow::{Result, anyhow};

use crate::{clock::Moment, frame::Frame, namespace::Namespace, packet_socket::PacketSocket};

/// Frames kept; later ones are counted and dropped.
const CAPACITY: usize = 400_000;

/// A running capture; it ends on drop.
#[derive(Debug)]
pub struct Capture {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    frames: Mutex<Vec<Frame>>,
    arrived: Condvar,
    stop: AtomicBool,
    dropped: AtomicU64,
}

impl Shared {
    fn frames(&self) -> MutexGuard<'_, Vec<Frame>> {
        self.frames.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Capture {
    /// Starts to capture; frames that arrive after this returns are seen.
    ///
    /// # Errors
    /// Without CAP_NET_RAW, or without the interface.
    pub fn start(namespace: &Namespace, interface: &str) -> Result<Self> {
        let socket = PacketSocket::open(namespace, interface)?;
        let shared = Arc::new(Shared::default());
        let thread = std::thread::Builder::new().name("capture".to_owned()).spawn({
            let shared = Arc::clone(&shared);
            move || collect(&socket, &shared)
        })?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Everything so far.
    pub fn frames(&self) -> Vec<Frame> {
        self.shared.frames().clone()
    }

    /// Frames that found no room.
    pub fn dropped(&self) -> u64 {
        self.shared.dropped.load(Ordering::Relaxed)
    }

    /// The first frame since the start that `wanted` accepts; waits for it if need be.
    ///
    /// # Errors
    /// When none came within `timeout`; `what` says what was missed.
    pub fn wait_for(&self, what: &str, timeout: Duration, wanted: impl Fn(&Frame) -> bool) -> Result<Frame> {
        let deadline = Moment::now().plus(timeout);
        let mut frames = self.shared.frames();
        let mut read = 0;
        loop {
            if let Some(found) = frames[read..].iter().find(|frame| wanted(frame)) {
                return Ok(found.clone());
            }
            read = frames.len();
            let left = deadline.since(Moment::now());
            if left.is_zero() {
                return Err(anyhow!("not on the wire within {timeout:?}: {what}"));
            }
            frames = self
                .shared
                .arrived
                .wait_timeout(frames, left)
                .map_or_else(|poisoned| poisoned.into_inner().0, |(frames, _)| frames);
        }
    }

    /// As [`Self::wait_for`], but only frames later than `after`.
    ///
    /// # Errors
    /// As [`Self::wait_for`].
    pub fn wait_after(
        &self,
        after: Moment,
        what: &str,
        timeout: Duration,
        wanted: impl Fn(&Frame) -> bool,
    ) -> Result<Frame> {
        self.wait_for(what, timeout, |frame| frame.at > after && wanted(frame))
    }

    /// The newest frame before `before` that `wanted` accepts.
    pub fn last_before(&self, before: Moment, wanted: impl Fn(&Frame) -> bool) -> Option<Frame> {
        self.shared.frames().iter().rev().find(|frame| frame.at < before && wanted(frame)).cloned()
    }

    /// How many frames later than `after` `wanted` accepts.
    pub fn count_after(&self, after: Moment, wanted: impl Fn(&Frame) -> bool) -> usize {
        self.shared.frames().iter().filter(|frame| frame.at > after && wanted(frame)).count()
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

fn collect(socket: &PacketSocket, shared: &Shared) {
    let mut buffer = vec![0; 65_536];
    while !shared.stop.load(Ordering::Relaxed) {
        match socket.receive(&mut buffer) {
            Ok(None) => {}
            Ok(Some(received)) => {
                let bytes = buffer.get(..received.length).unwrap_or_default();
                let frame = Frame::read(bytes, received.at, received.outgoing);
                let mut frames = shared.frames();
                if frames.len() < CAPACITY {
                    frames.push(frame);
                    drop(frames);
                    shared.arrived.notify_all();
                } else {
                    shared.dropped.fetch_add(1, Ordering::Relaxed);
                }
            }
            // The interface is gone for good: what was seen stays.
            Err(_) => return,
        }
    }
}
