//! The names under which links and maps outlive their agent, in a directory of its own in the BPF file system.
//!
//! `{bpffs}/{network namespace cookie}-{hash of the run directory}-v{layout}/` holds `xdp-native-IFINDEX` or
//! `xdp-generic-IFINDEX`, `egress-IFINDEX` and `ingress-IFINDEX`, and the maps `INSTANCES` and `GATES`. The directory is
//! locked (flock) while its agent lives: whoever gets the lock knows that the agent is dead. What becomes of dead agents'
//! directories is the business of [`super::leftovers`].
//!
//! Nothing here waits for the kernel's lock for interfaces: a link whose last name is removed is freed by the kernel some
//! time later. Where a program has to go at once, it is detached first.

use std::{
    ffi::OsStr,
    fmt,
    fs::{self, File, OpenOptions, TryLockError},
    io,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::{
            ffi::OsStrExt,
            fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, symlink},
        },
    },
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use regent_common::map;

use super::{
    bpffs::{self, NoPins},
    calls,
    link::{Hook, Link},
};
use crate::net::cookie::own_cookie;

/// How often the lock is tried: a predecessor that was killed a moment ago lets go of it soon.
const ATTEMPTS: u32 = 25;
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(20);

/// The name of a link to the run directory.
pub(super) const RUN_DIR: &str = "run";

/// The directory of a living agent.
#[derive(Debug)]
pub struct Pins {
    /// The directory of all agents.
    pub(super) root: PathBuf,
    pub(super) name: Name,
    directory: PathBuf,
    /// Holds the lock. Closed and never unlocked: a successor may share it.
    lock: File,
}

/// What names a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) cookie: u64,
    pub(super) run_dir: u64,
    layout: u32,
}

impl Pins {
    /// Makes the directory of this network namespace and run directory, and locks it. `bpffs` is the directory of all
    /// agents.
    ///
    /// # Errors
    /// Says why nothing can be pinned: no BPF file system, one that does not last, or another agent that lives.
    pub fn open(bpffs: &Path, run_dir: &Path) -> Result<Self, NoPins> {
        let name = Name::own(run_dir)?;
        bpffs::prepare(bpffs)?;
        let directory = bpffs.join(name.to_string());
        let failed = |error| NoPins::while_doing(format_args!("lock {}", directory.display()), error);
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                thread::sleep(PAUSE);
            }
            match make(&directory).and_then(|()| lock(&directory)) {
                Ok(Some(lock)) => {
                    // For whoever sweeps us away when we are dead: our journal names what else is left.
                    made(symlink(bpffs::canonical(run_dir).unwrap_or_default(), directory.join(RUN_DIR)))
                        .map_err(failed)?;
                    return Ok(Self { root: bpffs.to_owned(), name, directory, lock });
                }
                Ok(None) => {}
                // Between making and opening it somebody swept it away.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(failed(error)),
            }
        }
        let path = directory.display();
        Err(NoPins::because(&format!("an agent with this run directory lives already and has {path}")))
    }

    /// As [`Self::open`], for the successor of a living agent, whose lock it has received: the same lock when both have the
    /// same layout, and otherwise not needed.
    ///
    /// # Errors
    /// As there.
    pub fn succeed(bpffs: &Path, run_dir: &Path, lock: OwnedFd) -> Result<Self, NoPins> {
        let name = Name::own(run_dir)?;
        let directory = bpffs.join(name.to_string());
        let lock = File::from(lock);
        if !is_same(&lock, &directory) {
            return Self::open(bpffs, run_dir);
        }
        bpffs::prepare(bpffs)?;
        Ok(Self { root: bpffs.to_owned(), name, directory, lock })
    }

    /// The lock, for a successor. As long as anybody has a descriptor of it, the agent counts as alive.
    pub fn lock(&self) -> BorrowedFd<'_> {
        self.lock.as_fd()
    }

    /// Where the pins are.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Names a link, in the place of whatever had the name.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn pin_link(&self, link: &Link, hook: Hook, ifindex: u32) -> io::Result<()> {
        self.pin(link.as_fd(), &link_name(hook, ifindex))
    }

    /// Names a map, in the place of whatever had the name.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn pin_map(&self, map: BorrowedFd<'_>, name: &str) -> io::Result<()> {
        self.pin(map, name)
    }

    fn pin(&self, object: BorrowedFd<'_>, name: &str) -> io::Result<()> {
        let (path, new) = (self.directory.join(name), self.directory.join(format!("new-{name}")));
        // Of one who died between the two steps.
        let pinned = gone(fs::remove_file(&new)).and_then(|()| calls::pin(object, &new));
        pinned.and_then(|()| fs::rename(&new, &path)).map_err(|error| attempted("pin", &path, &error))
    }

    /// Takes a link's name away. It need not have one.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn unpin_link(&self, hook: Hook, ifindex: u32) -> io::Result<()> {
        let path = self.directory.join(link_name(hook, ifindex));
        gone(fs::remove_file(&path)).map_err(|error| attempted("unpin", &path, &error))
    }

    /// Takes every name but those of these links away.
    ///
    /// # Errors
    /// The first that the kernel refuses.
    pub fn retain(&self, links: &[(Hook, u32)]) -> io::Result<()> {
        let names: Vec<String> = links.iter().map(|(hook, ifindex)| link_name(*hook, *ifindex)).collect();
        let mut result = Ok(());
        for path in entries(&self.directory)? {
            if path.file_name() != Some(OsStr::new(RUN_DIR))
                && !names.iter().any(|name| path.file_name() == Some(OsStr::new(name)))
            {
                result =
                    result.and(fs::remove_file(&path).map_err(|error| attempted("unpin", &path, &error)));
            }
        }
        result
    }

    /// Removes the directories of dead predecessors of the same run directory that had another layout: what they hold was
    /// taken over, or is not wanted. A program that nobody else holds goes with them.
    pub fn remove_other_layouts(&self) -> Vec<String> {
        let removed = self.other_layouts().into_iter().map(|(directory, _lock)| remove_directory(&directory));
        removed.filter_map(|result| result.err().map(|error| error.to_string())).collect()
    }

    /// Removes the directory: the end of an agent that gives up. Nothing is detached that is held elsewhere.
    ///
    /// # Errors
    /// The first thing that the kernel refuses.
    pub fn remove(self) -> io::Result<()> {
        remove_directory(&self.directory)
    }

    /// Directories of dead agents with this run directory and another layout, each with its lock.
    pub(super) fn other_layouts(&self) -> Vec<(PathBuf, File)> {
        let same = |name: &Name| {
            (name.cookie, name.run_dir) == (self.name.cookie, self.name.run_dir)
                && name.layout != self.name.layout
        };
        let others = directories(&self.root).into_iter().filter(|(name, _)| same(name));
        others.filter_map(|(_, path)| lock(&path).ok().flatten().map(|lock| (path, lock))).collect()
    }
}

impl Name {
    fn own(run_dir: &Path) -> Result<Self, NoPins> {
        let cookie = own_cookie().map_err(|error| {
            NoPins::while_doing("ask for the cookie of the network namespace (Linux 5.14)", error)
        })?;
        let run_dir = bpffs::canonical(run_dir)
            .map_err(|error| NoPins::while_doing(format_args!("find {}", run_dir.display()), error))?;
        Ok(Self { cookie, run_dir: hash(&run_dir), layout: map::LAYOUT })
    }

    fn read(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let cookie = parts.next()?.parse().ok()?;
        let run_dir = u64::from_str_radix(parts.next()?, 16).ok()?;
        let layout = parts.next()?.strip_prefix('v')?.parse().ok()?;
        parts.next().is_none().then_some(Self { cookie, run_dir, layout })
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:016x}-v{}", self.cookie, self.run_dir, self.layout)
    }
}

/// FNV-1a: the same in every version, which the standard library's hash is not.
pub(super) fn hash(path: &Path) -> u64 {
    path.as_os_str().as_bytes().iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn link_name(hook: Hook, ifindex: u32) -> String {
    format!("{}-{ifindex}", hook.word())
}

/// The directories of agents.
pub(super) fn directories(root: &Path) -> Vec<(Name, PathBuf)> {
    let read = |path: PathBuf| Some((Name::read(path.file_name()?.to_str()?)?, path));
    entries(root).unwrap_or_default().into_iter().filter_map(read).collect()
}

/// What is in a directory, by name.
pub(super) fn entries(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(directory)?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    entries.sort_unstable();
    Ok(entries)
}

fn make(directory: &Path) -> io::Result<()> {
    match fs::DirBuilder::new().mode(0o700).create(directory) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

/// Locks a directory; `None` when somebody else has the lock.
pub(super) fn lock(directory: &Path) -> io::Result<Option<File>> {
    let file = OpenOptions::new().read(true).custom_flags(libc::O_DIRECTORY).open(directory)?;
    match file.try_lock() {
        // It may have been removed, and made again, before it was locked.
        Ok(()) if is_same(&file, directory) => Ok(Some(file)),
        Ok(()) => Err(io::ErrorKind::NotFound.into()),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Whether a descriptor is of what has that name now.
fn is_same(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::metadata(path)) {
        (Ok(open), Ok(named)) => (open.dev(), open.ino()) == (named.dev(), named.ino()),
        (Err(_), _) | (_, Err(_)) => false,
    }
}

/// Removes a directory and every name in it.
pub(super) fn remove_directory(directory: &Path) -> io::Result<()> {
    let removed = entries(directory).and_then(|names| names.iter().try_for_each(fs::remove_file));
    gone(removed.and_then(|()| fs::remove_dir(directory)))
        .map_err(|error| attempted("remove", directory, &error))
}

/// Making what is there is no failure.
fn made(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

/// Removing what is not there is no failure.
pub(super) fn gone(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

pub(super) fn attempted(what: &str, path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot {what} {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_fnv_1a() {
        // The published test vectors.
        assert_eq!(hash(Path::new("")), 0xcbf2_9ce4_8422_2325);
        assert_eq!(hash(Path::new("a")), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(hash(Path::new("foobar")), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn names_of_directories_are_read_as_they_are_written() {
        let name = Name { cookie: 4711, run_dir: 0xab, layout: 3 };
        assert_eq!(name.to_string(), "4711-00000000000000ab-v3");
        assert_eq!(Name::read(&name.to_string()), Some(name));
        for text in ["", "4711", "4711-ab", "4711-ab-3", "4711-xy-v3", "4711-ab-v3-new", "maps"] {
            assert_eq!(Name::read(text), None, "{text}");
        }
    }
}
