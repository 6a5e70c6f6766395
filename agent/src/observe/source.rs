//! How the VRRP thread is asked for a [`Snapshot`], without it ever waiting for whoever asks.

use std::time::Duration;

use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

use super::snapshot::Snapshot;

/// Requests that may wait; one more is refused. The loop answers all of them in one turn.
pub const DEPTH: usize = 16;
/// How long an answer is waited for. The loop answers within one turn, so this only ends when it is stuck.
const PATIENCE: Duration = Duration::from_secs(2);

/// The loop's end: each request is answered by sending into it, and forgotten by dropping it.
pub type SnapshotRequests = mpsc::Receiver<oneshot::Sender<Snapshot>>;

/// Asks for snapshots. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SnapshotSource {
    requests: mpsc::Sender<oneshot::Sender<Snapshot>>,
}

impl SnapshotSource {
    /// A source, and the end that answers it.
    pub fn new() -> (Self, SnapshotRequests) {
        let (requests, receiver) = mpsc::channel(DEPTH);
        (Self { requests }, receiver)
    }

    /// The state of the agent now; `None` when the loop has ended, is stuck for 2 s, or has [`DEPTH`] requests waiting.
    pub async fn snapshot(&self) -> Option<Snapshot> {
        let (answer, receiver) = oneshot::channel();
        self.requests.try_send(answer).ok()?;
        timeout(PATIENCE, receiver).await.ok()?.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_loop_that_ended_is_no_source() {
        let (source, requests) = SnapshotSource::new();
        drop(requests);
        assert!(source.snapshot().await.is_none());
    }

    #[tokio::test]
    async fn too_many_requests_are_refused_at_once() {
        let (source, mut requests) = SnapshotSource::new();
        let waiting: Vec<_> = (0..DEPTH)
            .map(|_| {
                let source = source.clone();
                tokio::spawn(async move { source.snapshot().await })
            })
            .collect();
        while requests.len() < DEPTH {
            tokio::task::yield_now().await;
        }
        assert!(source.snapshot().await.is_none(), "one more must not wait");
        let mut answered = 0;
        while let Ok(answer) = requests.try_recv() {
            answered += usize::from(answer.send(super::super::sample::snapshot()).is_ok());
        }
        assert_eq!(answered, DEPTH);
        for request in waiting {
            assert!(request.await.unwrap().is_some());
        }
    }
}
