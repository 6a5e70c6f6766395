//! What dead agents have left in the BPF file system: reading it, and taking it off ports.
//!
//! What is left under our own run directory is for us to take over. What is left under another is touched only where it
//! stands in the way, or when somebody asks for it (`agent detach`); what a living agent holds, never.
//!
//! All of it waits for the kernel's lock for interfaces.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

use aya::maps::{Array, HashMap, Map, MapData};
use regent_common::map::{self, Expected, Gate, GroupKey};

use super::{
    bpffs, calls,
    link::{Hook, InheritedLink, Link},
    pins::{Pins, RUN_DIR, attempted, directories, entries, gone, hash, lock, remove_directory},
};
use crate::net::cookie::own_cookie;

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
    /// What a dead predecessor of the same run directory has left: here, and under another layout. Asked before
    /// anything is pinned here. Programs of ours take the places of its programs by [`super::Program::take_over`].
    pub fn leftovers(&self) -> Leftovers {
        let mut leftovers = Leftovers::default();
        leftovers.add_links(self.directory());
        match groups(self.directory()) {
            Ok(groups) => leftovers.groups = groups,
            Err(error) => leftovers.trouble.push(error.to_string()),
        }
        for (directory, _lock) in self.other_layouts() {
            leftovers.add_links(&directory);
        }
        leftovers
    }

    /// The run directories of dead agents with other run directories that have programs on these ports: their journals name
    /// what else they left.
    pub fn dead_run_dirs(&self, ifindexes: &[u32]) -> Vec<PathBuf> {
        let others = directories(&self.root)
            .into_iter()
            .filter(|(name, _)| name.cookie == self.name.cookie && name.run_dir != self.name.run_dir);
        let is_here =
            |directory: &Path| links_in(directory).iter().any(|(_, index, _)| ifindexes.contains(index));
        others
            .map(|(_, directory)| directory)
            .filter(|directory| is_here(directory) && lock(directory).is_ok_and(|lock| lock.is_some()))
            .filter_map(|directory| fs::read_link(directory.join(RUN_DIR)).ok())
            .collect()
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
            done.sweep_if_dead(directory, |ifindex| here && ifindexes.contains(&ifindex));
        }
        done
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
        done.sweep_if_dead(directory, |_| true);
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
    fn sweep_if_dead(&mut self, directory: PathBuf, wanted: impl Fn(u32) -> bool) {
        match lock(&directory) {
            Ok(Some(_lock)) => self.sweep(&directory, wanted),
            Ok(None) => self.alive.push(directory),
            // Somebody else has swept it meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => self.trouble.push(attempted("lock", &directory, &error).to_string()),
        }
    }

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

/// The links that have names in a directory: hook, port, path.
fn links_in(directory: &Path) -> Vec<(Hook, u32, PathBuf)> {
    let read = |path: PathBuf| {
        let (word, ifindex) = path.file_name()?.to_str()?.rsplit_once('-')?;
        Some((Hook::from_word(word)?, ifindex.parse().ok()?, path))
    };
    entries(directory).unwrap_or_default().into_iter().filter_map(read).collect()
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
