//! The one thing that may be ordered over the control socket so far: that another agent takes over.
//!
//! Owns the words of it and the way to whoever can do it. What it takes is not known here.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

/// Orders that may wait: one is carried out at a time, and another one would find a new agent.
pub const DEPTH: usize = 1;

/// The order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    /// The program that is to take over.
    pub binary: PathBuf,
    /// How long it may take until it could, in milliseconds.
    pub patience_ms: u64,
}

/// It is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handover {
    /// The process that has handed over and ends.
    pub old_pid: u32,
    /// The process that goes on.
    pub new_pid: u32,
    /// How long neither of them did anything, in microseconds.
    pub standstill_us: u64,
}

/// An order on its way, and where its outcome goes: done, or why not, as a sentence.
pub type HandoverRequest = (Wish, oneshot::Sender<Result<Handover, String>>);

/// The way to whoever carries it out. Cheap to clone.
#[derive(Clone, Debug)]
pub struct HandoverWay {
    requests: mpsc::Sender<HandoverRequest>,
}

impl HandoverWay {
    /// A way, and its end.
    pub fn new() -> (Self, mpsc::Receiver<HandoverRequest>) {
        let (requests, receiver) = mpsc::channel(DEPTH);
        (Self { requests }, receiver)
    }

    /// Orders, and waits for the outcome.
    ///
    /// # Errors
    /// Why nothing was handed over.
    pub async fn ask(&self, wish: Wish) -> Result<Handover, String> {
        let (answer, outcome) = oneshot::channel();
        if self.requests.try_send((wish, answer)).is_err() {
            return Err("a handover is under way already".into());
        }
        outcome.await.unwrap_or_else(|_| Err("the agent ended in the middle of it".into()))
    }
}
