//! The names under which links and maps outlive their agent, in a directory of its own in the BPF file system.
//!
//! `{bpffs}/{network namespace cookie}-{hash of the run directory}-v{layout}/` holds `xdp-native-IFINDEX` or
//! `xdp-generic-IFINDEX`, `egress-IFINDEX` and `ingress-IFINDEX`, and the maps `INSTANCES` and `GATES`. The directory is
//! locked (flock) while its agent lives: whoever gets the lock knows that the agent is dead. What is in there is what an
//! agent of the same run directory takes over, of other directories what only stands in the way.
//!
//! Removing a name frees the link some time later, away from this thread. Where a program has to go, it is detached
//! first, which waits for the kernel's lock for interfaces, as everything does that opens links and lets go of them again:
//! [`Pins::leftovers`], [`Pins::sweep_dead`] and [`detach_all`]. So none of it is for the VRRP thread while it has elections to
//! run.

use std::{
    ffi::OsStr,
    fmt,
    fs::{self, File, OpenOptions, TryLockError},
    io,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::{
            ffi::OsStrExt,
            fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
        },
    },
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use aya::maps::{Array, HashMap, Map, MapData};
use regent_common::map::{self, Expected, Gate, GroupKey};

use super::{
    bpffs::{self, NoPins},
    calls,
    link::{Hook, InheritedLink, Link},
};
use crate::net::cookie::own_cookie;

/// How often the lock is tried: a predecessor that was killed a moment ago lets go of it soon.
const ATTEMPTS: u32 = 25;
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(20);

/// The directory of a living agent.
#[derive(Debug)]
pub struct Pins {
    /// The directory of all agents.
    root: PathBuf,
    name: Name,
    directory: PathBuf,
    /// Holds the lock. Closed and never unlocked: a successor may share it.
    lock: File,
}

/// What names a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Name {
    cookie: u64,
    run_dir: u64,
    layout: u32,
}

/// What a dead predecessor of the same run directory has left.
#[derive(Debug, Default)]
pub struct Leftovers {
    /// Its links, those of another version among them.
    pub links: Vec<InheritedLink>,
    /// Its groups and their gates, when its maps have our layout.
    pub groups: Vec<(GroupKey, Expected, Gate)>,
    /// What could not be read.
    pub trouble: Vec<String>,
}

/// A program that was taken off a port because its agent is dead, for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Swept {
    /// Where it was.
    pub hook: Hook,
    /// The port that it was put on, which may be gone.
    pub ifindex: u32,
    /// The dead agent's directory.
    pub directory: PathBuf,
}

impl fmt::Display for Swept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { hook, ifindex, directory } = self;
        write!(f, "{hook} of interface {ifindex}, left by a dead agent in {}", directory.display())
    }
}

/// What [`detach_all`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Detached {
    /// Programs of dead agents that are off their ports now.
    pub swept: Vec<Swept>,
    /// Directories of agents that live: nothing was done to them.
    pub alive: Vec<PathBuf>,
    /// What could not be removed, and why.
    pub trouble: Vec<String>,
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
                Ok(Some(lock)) => return Ok(Self { root: bpffs.to_owned(), name, directory, lock }),
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
            if !names.iter().any(|name| path.file_name() == Some(OsStr::new(name))) {
                result =
                    result.and(fs::remove_file(&path).map_err(|error| attempted("unpin", &path, &error)));
            }
        }
        result
    }

    /// What a dead predecessor of the same run directory has left: here, and under another layout. Asked before
    /// anything is pinned here. Programs of ours take the places of its programs by [`super::Program::take_over`].
    pub fn leftovers(&self) -> Leftovers {
        let mut leftovers = Leftovers::default();
        leftovers.add_links(&self.directory);
        match groups(&self.directory) {
            Ok(groups) => leftovers.groups = groups,
            Err(error) => leftovers.trouble.push(error.to_string()),
        }
        for (directory, _lock) in self.other_layouts() {
            leftovers.add_links(&directory);
        }
        leftovers
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

    /// Takes programs of dead agents with other run directories off these ports, which they would keep for ever, and removes
    /// directories that hold nothing any more, those of network namespaces that are gone among them.
    pub fn sweep_dead(&self, ifindexes: &[u32]) -> Detached {
        let mut done = Detached::default();
        for (name, directory) in directories(&self.root) {
            if (name.cookie, name.run_dir) == (self.name.cookie, self.name.run_dir) {
                continue;
            }
            let here = name.cookie == self.name.cookie;
            match lock(&directory) {
                Ok(Some(_lock)) => done.sweep(&directory, |ifindex| here && ifindexes.contains(&ifindex)),
                Ok(None) => done.alive.push(directory),
                Err(error) => done.trouble.push(attempted("lock", &directory, &error).to_string()),
            }
        }
        done
    }

    /// Directories of dead agents with this run directory and another layout, each with its lock.
    fn other_layouts(&self) -> Vec<(PathBuf, File)> {
        let same = |name: &Name| {
            (name.cookie, name.run_dir) == (self.name.cookie, self.name.run_dir)
                && name.layout != self.name.layout
        };
        let others = directories(&self.root).into_iter().filter(|(name, _)| same(name));
        others.filter_map(|(_, path)| lock(&path).ok().flatten().map(|lock| (path, lock))).collect()
    }
}

/// Takes the programs of dead agents in this network namespace off their ports, of all run directories or of one, with no
/// agent running. Living ones are left alone, and named.
///
/// # Errors
/// When the kernel does not say which namespace this is.
pub fn detach_all(bpffs: &Path, run_dir: Option<&Path>) -> io::Result<Detached> {
    let cookie = own_cookie()?;
    let run_dir = run_dir.map(bpffs::canonical).transpose()?.map(|path| hash(&path));
    let mut done = Detached::default();
    for (name, directory) in directories(bpffs) {
        if name.cookie != cookie || run_dir.is_some_and(|run_dir| name.run_dir != run_dir) {
            continue;
        }
        match lock(&directory) {
            Ok(Some(_lock)) => done.sweep(&directory, |_| true),
            Ok(None) => done.alive.push(directory),
            Err(error) => done.trouble.push(attempted("lock", &directory, &error).to_string()),
        }
    }
    Ok(done)
}

impl Leftovers {
    fn add_links(&mut self, directory: &Path) {
        for (hook, ifindex, path) in links_in(directory) {
            match calls::open_pin(&path) {
                Ok(fd) => self.links.push(InheritedLink { hook, ifindex, fd }),
                Err(error) => self.trouble.push(attempted("open", &path, &error).to_string()),
            }
        }
    }
}

impl Detached {
    /// Takes a dead agent's programs off the ports that `wanted` names, and removes its directory when it holds none on any
    /// port after that. Its lock is held.
    fn sweep(&mut self, directory: &Path, wanted: impl Fn(u32) -> bool) {
        let mut stay = 0;
        for (hook, _, path) in links_in(directory) {
            let link = match Link::from_pin(&path) {
                Ok(link) => link,
                Err(error) => {
                    self.trouble.push(attempted("open", &path, &error).to_string());
                    stay += 1;
                    continue;
                }
            };
            let there = link.attachment().ok().and_then(|attachment| attachment.ifindex);
            match there {
                Some(there) if !wanted(there) => {
                    stay += 1;
                    continue;
                }
                Some(ifindex) => {
                    link.detach();
                    self.swept.push(Swept { hook, ifindex, directory: directory.to_owned() });
                }
                None => {}
            }
            if let Err(error) = gone(fs::remove_file(&path)) {
                self.trouble.push(attempted("unpin", &path, &error).to_string());
                stay += 1;
            }
        }
        if stay == 0
            && let Err(error) = remove_directory(directory)
        {
            self.trouble.push(error.to_string());
        }
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
fn hash(path: &Path) -> u64 {
    path.as_os_str().as_bytes().iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn link_name(hook: Hook, ifindex: u32) -> String {
    format!("{}-{ifindex}", hook.word())
}

/// The links that have names in a directory: hook, port, path.
fn links_in(directory: &Path) -> Vec<(Hook, u32, PathBuf)> {
    let read = |path: PathBuf| {
        let (word, ifindex) = path.file_name()?.to_str()?.rsplit_once('-')?;
        Some((Hook::from_word(word)?, ifindex.parse().ok()?, path))
    };
    entries(directory).unwrap_or_default().into_iter().filter_map(read).collect()
}

/// The directories of agents.
fn directories(root: &Path) -> Vec<(Name, PathBuf)> {
    let read = |path: PathBuf| Some((Name::read(path.file_name()?.to_str()?)?, path));
    entries(root).unwrap_or_default().into_iter().filter_map(read).collect()
}

/// What is in a directory, by name.
fn entries(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(directory)?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    entries.sort_unstable();
    Ok(entries)
}

/// The groups of a predecessor and their gates; none where it has pinned none.
fn groups(directory: &Path) -> io::Result<Vec<(GroupKey, Expected, Gate)>> {
    let open = |name: &str| match calls::open_pin(&directory.join(name)) {
        Ok(fd) => MapData::from_fd(fd).map(Some).map_err(io::Error::other),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    };
    let read = || {
        let (Some(instances), Some(gates)) = (open(map::INSTANCES)?, open(map::GATES)?) else {
            return Ok(Vec::new());
        };
        let instances: HashMap<MapData, GroupKey, Expected> =
            Map::HashMap(instances).try_into().map_err(io::Error::other)?;
        let gates: Array<MapData, Gate> = Map::Array(gates).try_into().map_err(io::Error::other)?;
        let found = instances.iter().filter_map(|group| {
            let (key, expected) = group.ok()?;
            Some((key, expected, gates.get(&expected.index, 0).ok()?))
        });
        Ok(found.collect())
    };
    read().map_err(|error| attempted("read the groups in", directory, &error))
}

fn make(directory: &Path) -> io::Result<()> {
    match fs::DirBuilder::new().mode(0o700).create(directory) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

/// Locks a directory; `None` when somebody else has the lock.
fn lock(directory: &Path) -> io::Result<Option<File>> {
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
fn remove_directory(directory: &Path) -> io::Result<()> {
    let removed = entries(directory).and_then(|names| names.iter().try_for_each(fs::remove_file));
    gone(removed.and_then(|()| fs::remove_dir(directory)))
        .map_err(|error| attempted("remove", directory, &error))
}

/// Removing what is not there is no failure.
fn gone(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn attempted(what: &str, path: &Path, error: &io::Error) -> io::Error {
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
