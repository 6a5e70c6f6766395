//! The journal: which addresses this agent may have assigned.
//!
//! It is written before the first address is, as an intention: every virtual address of the plan, unless the host had one
//! with our tag by then. So no write stands in the way of a takeover, and after a crash the next start knows what to remove:
//! what the journal names **and** carries our tag, addresses and the local routes to them. An address that somebody else put
//! there has no tag, or is not named.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Write},
    net::IpAddr,
    os::{
        fd::OwnedFd,
        unix::fs::{MetadataExt, OpenOptionsExt},
    },
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

const FILE: &str = "journal.json";
const LOCK: &str = "lock";
const VERSION: u32 = 1;

/// An address that may be ours.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Entry {
    /// Interface.
    pub device: String,
    /// The address.
    pub address: IpAddr,
    /// Its prefix length.
    pub prefix_length: u8,
}

#[derive(Debug, Serialize, Deserialize)]
struct Contents {
    version: u32,
    /// Another boot or another network namespace has other addresses: the journal then names nothing.
    boot: String,
    namespace: u64,
    /// The name of that namespace, when the agent was told to go there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    namespace_name: Option<String>,
    entries: Vec<Entry>,
}

/// Why the run directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RunDirError {
    /// Another agent has it.
    #[error("run directory {} is in use by another agent (pid {pid}): stop that one, or give this one its own with --run-dir", path.display())]
    Taken {
        /// The directory.
        path: PathBuf,
        /// Who has it, as its lock file says.
        pid: String,
    },
    /// Another agent handed its lock over, and that is the lock of something else.
    #[error("the run directory of the agent that hands over is not {}: both must have the same --run-dir", .0.display())]
    Another(PathBuf),
    /// It cannot be made or written.
    #[error("cannot {attempt} {}: {source}; run as root, or choose another with --run-dir", path.display())]
    Unusable {
        /// What was tried.
        attempt: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The run directory, held by a lock for as long as this lives.
#[derive(Debug)]
pub struct RunDir {
    path: PathBuf,
    /// Closed and never unlocked, since an agent before or after this one may hold the same lock.
    lock: File,
    /// It goes with this.
    ours: bool,
    /// The network namespace that the agent was told to go to.
    works_in: Option<String>,
}

impl RunDir {
    /// Makes the directory if need be and takes its lock.
    ///
    /// # Errors
    /// When it cannot be made, or another agent holds it.
    pub fn take(path: &Path) -> Result<Self, RunDirError> {
        let unusable = |attempt, path: &Path| {
            let path = path.to_path_buf();
            move |source| RunDirError::Unusable { attempt, path, source }
        };
        fs::create_dir_all(path).map_err(unusable("make run directory", path))?;
        let file = path.join(LOCK);
        let lock = loop {
            let handle = fs::OpenOptions::new()
                .create(true)
                .truncate(false)
                .write(true)
                .read(true)
                .mode(0o644)
                .open(&file)
                .map_err(unusable("open lock file", &file))?;
            match handle.try_lock() {
                Ok(()) if is_current(&handle, &file) => break handle,
                // The agent before us removed it in between: lock the new one.
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    let pid = fs::read_to_string(&file).unwrap_or_default().trim().to_owned();
                    return Err(RunDirError::Taken { path: path.to_path_buf(), pid });
                }
                Err(TryLockError::Error(error)) => return Err(unusable("lock", &file)(error)),
            }
        };
        let run_dir = Self { path: path.to_path_buf(), lock, ours: true, works_in: None };
        run_dir.sign().map_err(unusable("write lock file", &file))?;
        Ok(run_dir)
    }

    /// The directory of an agent that hands over, with its lock, which both hold from now on. It stays that agent's until
    /// [`Self::succeed`].
    ///
    /// # Errors
    /// When the lock is another directory's.
    pub fn inherit(path: &Path, lock: OwnedFd) -> Result<Self, RunDirError> {
        let lock = File::from(lock);
        if !is_current(&lock, &path.join(LOCK)) {
            return Err(RunDirError::Another(path.to_path_buf()));
        }
        Ok(Self { path: path.to_path_buf(), lock, ours: false, works_in: None })
    }

    /// The journal will say that the agent works in the network namespace of that name, which it has entered.
    #[must_use]
    pub fn working_in(mut self, namespace: Option<String>) -> Self {
        self.works_in = namespace;
        self
    }

    /// The network namespace that an earlier agent of this boot was told to go to, if its journal is still there.
    pub fn worked_in(&self) -> Option<String> {
        read(&self.path).filter(|contents| contents.boot == boot())?.namespace_name
    }

    /// The agent that handed it over is done with it.
    pub fn succeed(&mut self) {
        self.ours = true;
        if let Err(error) = self.sign() {
            tracing::warn!("cannot write the lock file in {}: {error}", self.path.display());
        }
    }

    /// It is another agent's now: nothing in it is touched any more.
    pub fn leave(mut self) {
        self.ours = false;
    }

    /// Another handle to the lock, for a successor.
    ///
    /// # Errors
    /// When no descriptor is left.
    pub fn lock(&self) -> io::Result<OwnedFd> {
        self.lock.try_clone().map(OwnedFd::from)
    }

    /// Writes into the lock file who has the lock.
    fn sign(&self) -> io::Result<()> {
        use std::os::unix::fs::FileExt;
        let text = format!("{}\n", std::process::id());
        self.lock.write_all_at(text.as_bytes(), 0)?;
        self.lock.set_len(text.len() as u64)
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What an earlier agent of this boot and this network namespace left in its journal; empty after a clean stop.
    pub fn leftovers(&self) -> Vec<Entry> {
        left_in(&self.path)
    }

    /// Writes the journal, whole or not at all.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, mut entries: Vec<Entry>) -> io::Result<()> {
        entries.sort();
        entries.dedup();
        let contents = Contents {
            version: VERSION,
            boot: boot(),
            namespace: namespace(),
            namespace_name: self.works_in.clone(),
            entries,
        };
        let (path, new) = (self.path.join(FILE), self.path.join("journal.new"));
        let mut file = File::create(&new)?;
        file.write_all(&serde_json::to_vec_pretty(&contents)?)?;
        file.sync_all()?;
        fs::rename(new, path)
    }

    /// After a clean stop: nothing is ours any more.
    pub fn clear(self) {
        remove(&self.path.join(FILE));
    }
}

/// What the journal in a run directory names, if it is of this boot and this network namespace. Nobody may live there.
pub fn left_in(run_dir: &Path) -> Vec<Entry> {
    let same = |contents: &Contents| contents.boot == boot() && contents.namespace == namespace();
    read(run_dir).filter(same).map(|contents| contents.entries).unwrap_or_default()
}

/// The journal in a run directory.
fn read(run_dir: &Path) -> Option<Contents> {
    let path = run_dir.join(FILE);
    let text = fs::read(&path).ok()?;
    let Ok(contents) = serde_json::from_slice::<Contents>(&text) else {
        tracing::warn!(
            "journal {} cannot be read: addresses of a crashed agent stay; look at `ip addr`",
            path.display()
        );
        return None;
    };
    (contents.version == VERSION).then_some(contents)
}

impl Drop for RunDir {
    /// The lock file goes with the lock, also when a start fails; the directory only when nothing else is in it, since it
    /// may be the administrator's.
    fn drop(&mut self) {
        if !self.ours {
            return;
        }
        remove(&self.path.join(LOCK));
        drop(fs::remove_dir(&self.path));
    }
}

fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!("cannot remove {}: {error}", path.display());
    }
}

fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

/// The inode of this network namespace. It may be used again by a later one, which is why the tag decides too.
fn namespace() -> u64 {
    fs::metadata("/proc/thread-self/ns/net").map_or(0, |metadata| metadata.ino())
}

/// Whether the file that was locked is still the one at `path`: a clean stop removes it.
fn is_current(handle: &File, path: &Path) -> bool {
    match (handle.metadata(), fs::metadata(path)) {
        (Ok(held), Ok(there)) => held.ino() == there.ino() && held.dev() == there.dev(),
        (Err(_), _) | (_, Err(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::tests::lab::wait_for;

    fn entry(last: u8) -> Entry {
        Entry { device: "ens33".into(), address: IpAddr::from([10, 0, 0, last]), prefix_length: 32 }
    }

    /// A process that another test starts holds a copy of the lock for a moment.
    fn taken_in_the_end(path: &Path) -> RunDir {
        wait_for("the lock is free", || RunDir::take(path).ok())
    }

    #[test]
    fn what_was_written_is_found_by_the_next_start() {
        let directory = tempfile::tempdir().unwrap();
        let run = RunDir::take(directory.path()).unwrap();
        assert!(run.leftovers().is_empty());
        run.write(vec![entry(4), entry(3), entry(3)]).unwrap();
        drop(run);
        let next = taken_in_the_end(directory.path());
        assert_eq!(next.leftovers(), [entry(3), entry(4)]);
    }

    #[test]
    fn a_clean_stop_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("run");
        let run = RunDir::take(&path).unwrap();
        run.write(vec![entry(3)]).unwrap();
        run.clear();
        assert!(!path.exists());
    }

    #[test]
    fn a_second_agent_is_told_who_has_the_directory() {
        let directory = tempfile::tempdir().unwrap();
        let _run = RunDir::take(directory.path()).unwrap();
        let error = RunDir::take(directory.path()).unwrap_err().to_string();
        assert!(error.contains(&format!("pid {}", std::process::id())), "{error}");
    }

    #[test]
    fn a_lock_that_is_handed_over_is_held_throughout_and_says_by_whom() {
        let directory = tempfile::tempdir().unwrap();
        let taken = |what: &str| {
            let error = RunDir::take(directory.path()).unwrap_err();
            assert!(matches!(error, RunDirError::Taken { .. }), "{what}: {error}");
        };
        let old = RunDir::take(directory.path()).unwrap();
        drop(RunDir::inherit(directory.path(), old.lock().unwrap()).unwrap());
        taken("a successor that failed");

        let mut new = RunDir::inherit(directory.path(), old.lock().unwrap()).unwrap();
        new.succeed();
        old.leave();
        taken("handed over");
        let text = fs::read_to_string(directory.path().join(LOCK)).unwrap();
        assert_eq!(text, format!("{}\n", std::process::id()));
        drop(new);
        taken_in_the_end(directory.path());
    }

    #[test]
    fn the_lock_of_another_directory_is_refused() {
        let (directory, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let old = RunDir::take(directory.path()).unwrap();
        let _there = RunDir::take(other.path()).unwrap();
        let error = RunDir::inherit(other.path(), old.lock().unwrap()).unwrap_err();
        assert!(matches!(error, RunDirError::Another(_)), "{error}");
    }

    #[test]
    fn a_journal_of_another_boot_names_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let run = RunDir::take(directory.path()).unwrap();
        let other = Contents {
            version: VERSION,
            boot: "other".into(),
            namespace: namespace(),
            namespace_name: Some("blue".into()),
            entries: vec![entry(3)],
        };
        fs::write(directory.path().join(FILE), serde_json::to_vec(&other).unwrap()).unwrap();
        assert!(run.leftovers().is_empty() && run.worked_in().is_none());
    }

    #[test]
    fn a_journal_names_the_namespace_that_the_agent_was_told_to_go_to() {
        let directory = tempfile::tempdir().unwrap();
        for name in [Some("blue".to_owned()), None] {
            let run = RunDir::take(directory.path()).unwrap().working_in(name.clone());
            run.write(vec![entry(3)]).unwrap();
            drop(run);
            assert_eq!(taken_in_the_end(directory.path()).worked_in(), name);
        }
    }
}
