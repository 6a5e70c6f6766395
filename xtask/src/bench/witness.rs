//! Hears from a script when it fails: it writes a line into a named pipe, and a thread here notes the time.

use std::{
    fs::File,
    io::{Read, Write},
    path::PathBuf,
    process::Command,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use lab::{clock::Moment, node::Node};

/// How often it is looked whether the script has spoken.
const POLL: Duration = Duration::from_millis(2);

/// The reading end of the pipe; it goes on drop.
pub struct Witness {
    path: PathBuf,
    pipe: File,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    heard: Mutex<Vec<Moment>>,
    stop: AtomicBool,
}

impl Shared {
    fn heard(&self) -> MutexGuard<'_, Vec<Moment>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Witness {
    /// Makes a pipe of that name in the host's directory and listens.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn make(node: &Node, name: &str) -> Result<Self> {
        let path = node.directory().join(name);
        let status = Command::new("mkfifo").arg(&path).status().context("start mkfifo")?;
        ensure!(status.success(), "mkfifo {}: {status}", path.display());
        // Open for writing too, so that it never ends and a script never waits for a reader.
        let opened = File::options().read(true).write(true).open(&path);
        let pipe = opened.with_context(|| format!("open {}", path.display()))?;
        let shared = Arc::new(Shared::default());
        let thread = std::thread::Builder::new().name("witness".to_owned()).spawn({
            let (mut pipe, shared) = (pipe.try_clone()?, Arc::clone(&shared));
            move || {
                let mut line = [0; 64];
                while matches!(pipe.read(&mut line), Ok(1..)) && !shared.stop.load(Ordering::Relaxed) {
                    shared.heard().push(Moment::now());
                }
            }
        })?;
        Ok(Self { path, pipe, shared, thread: Some(thread) })
    }

    /// What a script is to write into.
    pub const fn path(&self) -> &PathBuf {
        &self.path
    }

    /// When the script spoke first after `after`; waits for it if need be.
    ///
    /// # Errors
    /// When it has not within `timeout`.
    pub fn wait_after(&self, after: Moment, timeout: Duration) -> Result<Moment> {
        let start = Moment::now();
        loop {
            if let Some(heard) = self.shared.heard().iter().find(|heard| **heard > after) {
                return Ok(*heard);
            }
            if start.elapsed() > timeout {
                bail!("the script did not fail within {timeout:?}");
            }
            std::thread::sleep(POLL);
        }
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        // Wakes the thread. The pipe has room, or the thread is awake.
        self.pipe.write_all(b"\n").ok();
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}
