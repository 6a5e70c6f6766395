//! What the rest of the agent may ask of the VRRP thread.

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::observe::snapshot::Snapshot;

/// Requests and verdicts that may wait.
pub const DEPTH: usize = 256;

/// A request to the loop. It is answered between two turns, on the loop's own thread, so nothing is shared.
#[derive(Debug)]
pub enum Request {
    /// The state of everything.
    Snapshot(oneshot::Sender<Snapshot>),
    /// Give up every address and end.
    Stop,
}

/// What a tracked script found.
#[derive(Clone, Debug)]
pub struct ScriptVerdict {
    /// Name of the script.
    pub script: Arc<str>,
    /// Good.
    pub good: bool,
    /// Why, as a sentence.
    pub detail: String,
}
