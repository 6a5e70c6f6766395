//! One instance's notifications, one program at a time.
//!
//! keepalived starts its notify programs and forgets them, so a quick BACKUP may overtake a slow MASTER. Here the next
//! one waits for the one before; a program that does not end is given [`PATIENCE`] once something newer waits, and is
//! terminated then. While nothing waits it may run as long as it likes.

use std::{
    collections::VecDeque,
    fmt,
    future::Future,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    runtime::Handle,
    sync::Notify,
    task::{JoinHandle, JoinSet},
    time::{sleep, timeout},
};

use super::{Notification, Programs};
use crate::child::{Outcome, Program};

/// Notifications that may wait for one instance. When it is full the oldest is dropped: a program that comes late
/// needs the newest state, not the oldest.
pub const DEPTH: usize = 64;
/// How long a program may hold up a newer notification.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// The same while the agent ends.
pub const LAST_PATIENCE: Duration = Duration::from_millis(500);
/// Outputs that are kept open for what earlier programs left behind; see [`crate::child::Finished::leftover`].
const LEFTOVERS: usize = 16;

/// Takes sentences for the operator: the instance, and what went wrong.
pub type Report = Arc<dyn Fn(&Arc<str>, String) + Send + Sync>;

/// Runs one instance's programs. Dropping it kills the one that runs and forgets those that wait.
#[derive(Debug)]
pub struct Notifier {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    instance: Arc<str>,
    programs: Programs,
    report: Report,
    waiting: Mutex<Waiting>,
    changed: Notify,
    dropped: AtomicU64,
}

#[derive(Debug, Default)]
struct Waiting {
    queue: VecDeque<Notification>,
    closing: bool,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("instance", &self.instance)
            .field("waiting", &self.waiting)
            .finish_non_exhaustive()
    }
}

impl Notifier {
    /// Starts on `runtime` (the control runtime).
    pub fn start(runtime: &Handle, instance: Arc<str>, programs: Programs, report: Report) -> Self {
        let shared = Arc::new(Shared {
            instance,
            programs,
            report,
            waiting: Mutex::default(),
            changed: Notify::new(),
            dropped: AtomicU64::new(0),
        });
        let task = runtime.spawn(work(Arc::clone(&shared)));
        Self { shared, task }
    }

    /// Queues one; never waits.
    pub fn notify(&self, notification: Notification) {
        let mut waiting = self.shared.lock();
        if waiting.queue.len() == DEPTH {
            waiting.queue.pop_front();
            self.shared.dropped.fetch_add(1, Ordering::Relaxed);
        }
        waiting.queue.push_back(notification);
        drop(waiting);
        self.shared.changed.notify_one();
    }

    /// Notifications that were dropped because the programs were too slow.
    pub fn dropped(&self) -> u64 {
        self.shared.dropped.load(Ordering::Relaxed)
    }

    /// Waits until everything queued has been told, at most `limit`; a program that holds up another gets
    /// [`LAST_PATIENCE`]. False when time ran out: what still ran was killed.
    pub async fn finish(mut self, limit: Duration) -> bool {
        self.shared.lock().closing = true;
        self.shared.changed.notify_one();
        let done = timeout(limit, &mut self.task).await.is_ok();
        if !done {
            let waiting = self.shared.lock().queue.len();
            let text = format!(
                "gave up its notify programs after {}: one was still running, {waiting} notifications waited",
                crate::words::lapse(limit)
            );
            (self.shared.report)(&self.shared.instance, text);
        }
        done
    }
}

impl Drop for Notifier {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    /// A poisoned lock is taken all the same: the queue is whole after every statement.
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next notification; `None` when there is none and none will come.
    async fn next(&self) -> Option<Notification> {
        loop {
            let changed = pin!(self.changed.notified());
            {
                let mut waiting = self.lock();
                if let Some(notification) = waiting.queue.pop_front() {
                    return Some(notification);
                }
                if waiting.closing {
                    return None;
                }
            }
            changed.await;
        }
    }

    /// Ready when something newer has waited for long enough.
    async fn overtaken(&self) {
        self.until(|waiting| !waiting.queue.is_empty()).await;
        let closing = async {
            self.until(|waiting| waiting.closing).await;
            sleep(LAST_PATIENCE).await;
        };
        tokio::select! {
            () = sleep(PATIENCE) => {}
            () = closing => {}
        }
    }

    async fn until(&self, holds: impl Fn(&Waiting) -> bool) {
        loop {
            let changed = pin!(self.changed.notified());
            if holds(&self.lock()) {
                return;
            }
            changed.await;
        }
    }
}

async fn work(shared: Arc<Shared>) {
    let mut leftovers = JoinSet::new();
    while let Some(notification) = shared.next().await {
        for program in shared.programs.of(&shared.instance, notification) {
            tell(&shared, notification, &program, &mut leftovers, shared.overtaken()).await;
        }
        while leftovers.try_join_next().is_some() {}
    }
}

async fn tell(
    shared: &Shared,
    notification: Notification,
    program: &Program,
    leftovers: &mut JoinSet<()>,
    give_up: impl Future<Output = ()>,
) {
    let state = notification.state.word();
    let report = |text: String| (shared.report)(&shared.instance, text);
    let started = match program.credentials().await {
        Ok(credentials) => program.start(credentials),
        Err(error) => Err(error),
    };
    let finished = match started {
        Ok(running) => running.finish(give_up).await,
        Err(error) => return report(format!("could not be told of {state}: {error}")),
    };
    let said = finished.last_line.map_or(String::new(), |line| format!(": {line}"));
    match finished.outcome {
        Outcome::Exited(0) => {}
        Outcome::Exited(_) | Outcome::Signalled(_) => {
            report(format!("notify program {} for {state}: {}{said}", program.name(), finished.outcome));
        }
        Outcome::GivenUp => report(format!(
            "notify program {} for {state} did not end and held up the next one; terminated{said}",
            program.name()
        )),
    }
    if let Some(output) = finished.leftover
        && leftovers.len() < LEFTOVERS
    {
        leftovers.spawn(output.discard());
    }
}
