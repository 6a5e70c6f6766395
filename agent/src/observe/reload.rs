//! Another config over the control socket: the words of the order and of its outcome, the way to whoever carries it out,
//! and what is remembered of it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

/// Orders that may wait: they are carried out one after the other.
pub const DEPTH: usize = 4;

/// The order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    /// Only say what would change.
    #[serde(default)]
    pub dry_run: bool,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The agent is what the config says.
    Applied,
    /// The config says what the agent is already.
    Unchanged,
    /// It would be applied.
    WouldApply,
    /// Something is wrong with the config: nothing has changed.
    BadConfig,
    /// Something else is in the way: nothing has changed.
    Refused,
}

impl Outcome {
    /// One word, as in JSON and metric labels.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Unchanged => "unchanged",
            Self::WouldApply => "would_apply",
            Self::BadConfig => "bad_config",
            Self::Refused => "refused",
        }
    }

    /// The same for people.
    pub const fn phrase(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Unchanged => "nothing had changed",
            Self::WouldApply => "would be applied",
            Self::BadConfig => "bad config",
            Self::Refused => "refused",
        }
    }
}

/// What there is to say of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// How it ended.
    pub outcome: Outcome,
    /// The config file; absent when there is none.
    pub config: Option<String>,
    /// Why nothing has changed; absent where that is not so.
    pub problem: Option<String>,
    /// What is wrong with the config, with its lines; empty when nothing is.
    pub diagnostics: String,
    /// What changes, in a line for each instance.
    pub changes: Vec<String>,
    /// How many instances go on as they are.
    pub unchanged: usize,
    /// What a running agent cannot change, and the like.
    pub notes: Vec<String>,
    /// From the order to the last change, in microseconds.
    pub took_us: u64,
}

/// An order on its way, and where its outcome goes.
pub type ReloadRequest = (Wish, oneshot::Sender<Report>);

/// The way to whoever carries it out. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ReloadWay {
    requests: mpsc::Sender<ReloadRequest>,
}

impl ReloadWay {
    /// A way, and its end.
    pub fn new() -> (Self, mpsc::Receiver<ReloadRequest>) {
        let (requests, receiver) = mpsc::channel(DEPTH);
        (Self { requests }, receiver)
    }

    /// Orders, and waits for the outcome.
    ///
    /// # Errors
    /// Why it was not even tried.
    pub async fn ask(&self, wish: Wish) -> Result<Report, String> {
        let (answer, outcome) = oneshot::channel();
        if self.requests.try_send((wish, answer)).is_err() {
            return Err("too many reloads wait already, or the agent is ending".into());
        }
        outcome.await.map_err(|_| "the agent ended, or another one took over, before it was done".into())
    }
}

/// What is remembered of reloads. The start is none of them, but the config that it read was good.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReloadStatus {
    /// Those that changed something.
    pub applied: u64,
    /// Those that found nothing changed.
    pub unchanged: u64,
    /// Those that changed nothing since something was wrong.
    pub failed: u64,
    /// The last one was good, or there was none.
    pub last_good: bool,
    /// When the last one ended: Unix time in milliseconds; 0 before the first.
    pub last_unix_ms: u64,
    /// How the last one ended: one word, as in its report; `None` before the first.
    #[serde(default)]
    pub last_outcome: Option<Outcome>,
    /// How long the last one took from the order to the last change, in microseconds; 0 when it changed nothing.
    #[serde(default)]
    pub last_took_us: u64,
    /// When the config that runs was read: Unix time in milliseconds.
    pub config_unix_ms: u64,
    /// Why the last one failed, as a sentence.
    pub problem: Option<String>,
}

/// The memory, shared between whoever reloads and whoever shows it.
#[derive(Clone, Debug, Default)]
pub struct Reloads {
    status: Arc<Mutex<ReloadStatus>>,
}

impl Reloads {
    /// A config was read at that time, and nothing since.
    pub fn started(now_unix_ms: u64) -> Self {
        let status = ReloadStatus { last_good: true, config_unix_ms: now_unix_ms, ..ReloadStatus::default() };
        Self { status: Arc::new(Mutex::new(status)) }
    }

    /// Notes how one ended.
    pub fn note(&self, report: &Report, now_unix_ms: u64) {
        let mut status = self.lock();
        match report.outcome {
            // Nothing was tried.
            Outcome::WouldApply => return,
            Outcome::Applied => status.applied += 1,
            Outcome::Unchanged => status.unchanged += 1,
            Outcome::BadConfig | Outcome::Refused => status.failed += 1,
        }
        status.last_unix_ms = now_unix_ms;
        status.last_outcome = Some(report.outcome);
        status.last_took_us = report.took_us;
        status.last_good = report.problem.is_none();
        status.problem.clone_from(&report.problem);
        if status.last_good {
            status.config_unix_ms = now_unix_ms;
        }
    }

    /// What is remembered.
    pub fn status(&self) -> ReloadStatus {
        self.lock().clone()
    }

    /// A poisoned lock is taken all the same: what it holds is whole after every statement.
    fn lock(&self) -> MutexGuard<'_, ReloadStatus> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(outcome: Outcome, problem: Option<&str>) -> Report {
        Report {
            outcome,
            config: None,
            problem: problem.map(str::to_owned),
            diagnostics: String::new(),
            changes: Vec::new(),
            unchanged: 0,
            notes: Vec::new(),
            took_us: 0,
        }
    }

    #[test]
    fn what_failed_is_remembered_until_one_succeeds_and_a_dry_run_is_no_reload() {
        let reloads = Reloads::started(5);
        reloads.note(&report(Outcome::BadConfig, Some("wrong")), 10);
        let status = reloads.status();
        assert_eq!((status.failed, status.last_good, status.last_unix_ms), (1, false, 10));
        assert_eq!((status.config_unix_ms, status.problem.as_deref()), (5, Some("wrong")));
        reloads.note(&report(Outcome::WouldApply, None), 20);
        assert_eq!(reloads.status(), status);
        reloads.note(&report(Outcome::Applied, None), 30);
        reloads.note(&report(Outcome::Unchanged, None), 40);
        let status = reloads.status();
        assert_eq!((status.applied, status.unchanged, status.failed), (1, 1, 1));
        assert_eq!((status.last_good, status.config_unix_ms, status.problem), (true, 40, None));
    }
}
