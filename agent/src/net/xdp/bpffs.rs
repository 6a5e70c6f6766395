//! The BPF file system: where it is, whether it lasts, and mounting it where nobody has.
//!
//! Pins are worth having only where they outlive their process. A BPF file system that was mounted in a mount namespace of
//! its own, as `ip netns exec` makes one for each command, dies with the last process there: that is told apart here.

use std::{
    error::Error,
    fmt, fs, io,
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
};

use nix::{
    mount::{MsFlags, mount},
    sys::{
        stat::{major, minor},
        statfs::{BPF_FS_MAGIC, statfs},
    },
};

/// Where every distribution mounts it.
const USUAL: &str = "/sys/fs/bpf";
/// Where pins are kept unless somebody says otherwise.
pub const DEFAULT: &str = "/sys/fs/bpf/regent";
/// How far up the line of parents is looked: more than any host starts one within another.
const ANCESTORS: usize = 64;

/// Why nothing can be pinned: the programs go with the process then, and the dead-man gate with them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoPins(String);

impl fmt::Display for NoPins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for NoPins {}

impl NoPins {
    /// Nothing is to be pinned, for a reason of the caller.
    pub fn because(reason: &str) -> Self {
        Self(reason.to_owned())
    }

    /// `error` while that was attempted.
    pub(super) fn while_doing(what: impl fmt::Display, error: impl fmt::Display) -> Self {
        Self(format!("cannot {what}: {error}"))
    }
}

/// Makes `directory` in a BPF file system that lasts. Mounts one only for [`DEFAULT`], and only where that lasts.
pub(super) fn prepare(directory: &Path) -> Result<(), NoPins> {
    let existing = existing(directory);
    if !is_bpffs(&existing)? {
        mount_usual(directory, &existing)?;
    }
    let failed = |error| NoPins::while_doing(format_args!("make {}", directory.display()), error);
    // Pins give whoever opens them power over the host's packets.
    fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(failed)?;
    lasts(fs::metadata(directory).map_err(failed)?.dev(), directory)
}

/// The directory, or the nearest one above it that exists.
fn existing(directory: &Path) -> PathBuf {
    let found = directory.ancestors().find(|path| path.is_dir());
    found.map_or_else(|| PathBuf::from("/"), Path::to_owned)
}

fn is_bpffs(path: &Path) -> Result<bool, NoPins> {
    let found = statfs(path).map_err(|error| {
        NoPins::while_doing(format_args!("ask which file system {} is", path.display()), error)
    })?;
    Ok(found.filesystem_type() == BPF_FS_MAGIC)
}

fn mount_usual(directory: &Path, existing: &Path) -> Result<(), NoPins> {
    if directory != Path::new(DEFAULT) {
        return Err(NoPins(format!(
            "{} is in no BPF file system: `mount -t bpf bpf {}`",
            directory.display(),
            existing.display()
        )));
    }
    if existing != Path::new(USUAL) {
        return Err(NoPins(format!(
            "there is no {USUAL}: this kernel or this container has no BPF file system"
        )));
    }
    if !matches!(namespace_above(), Above::Same) {
        return Err(NoPins(format!(
            "no BPF file system is at {USUAL}, and one that was mounted in this mount namespace would end with it \
             (`ip netns exec` makes a new one each time): mount it outside, or start the agent by `nsenter --net=FILE`"
        )));
    }
    let options = Some("mode=0700");
    mount(Some("bpf"), USUAL, Some("bpf"), MsFlags::empty(), options).map_err(|error| {
        NoPins::while_doing(
            format_args!("mount a BPF file system at {USUAL}"),
            format_args!("{error}; mount it before the agent starts"),
        )
    })
}

/// The nearest process above this one that lives in another mount namespace.
enum Above {
    /// None, as far as can be seen: this one is the host's or the container's own.
    Same,
    /// This is what is mounted there; `None` when that cannot be read.
    Other(Option<String>),
}

fn namespace_above() -> Above {
    // The thread's own: tests move threads.
    let Ok(own) = fs::read_link("/proc/thread-self/ns/mnt") else { return Above::Same };
    let mut process = std::os::unix::process::parent_id();
    for _ in 0..ANCESTORS {
        // No parent within this PID namespace, or nothing that we may see.
        let Ok(namespace) = fs::read_link(format!("/proc/{process}/ns/mnt")) else { break };
        if namespace != own {
            return Above::Other(fs::read_to_string(format!("/proc/{process}/mountinfo")).ok());
        }
        let Some(parent) = parent(process) else { break };
        process = parent;
    }
    Above::Same
}

/// From `PPid:` of the status file.
fn parent(process: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
}

/// Whether the BPF file system on `device` outlives this process. What cannot be found out is taken for granted.
fn lasts(device: u64, directory: &Path) -> Result<(), NoPins> {
    match namespace_above() {
        Above::Same | Above::Other(None) => Ok(()),
        Above::Other(Some(mounts)) if is_listed(&mounts, device) => Ok(()),
        Above::Other(Some(_)) => Err(NoPins(format!(
            "the BPF file system of {} belongs to this mount namespace alone and would end with it (`ip netns exec` makes \
             a new one each time): start the agent by `nsenter --net=FILE`, or mount it outside",
            directory.display()
        ))),
    }
}

/// Whether a BPF file system on `device` is among the mounts of a `mountinfo`: "36 35 0:33 / /sys/fs/bpf rw shared:9 - bpf
/// bpf rw".
fn is_listed(mounts: &str, device: u64) -> bool {
    let device = format!("{}:{}", major(device), minor(device));
    mounts.lines().any(|line| {
        let on_device = line.split_whitespace().nth(2) == Some(device.as_str());
        let kind = line.split_once(" - ").and_then(|(_, rest)| rest.split_whitespace().next());
        on_device && kind == Some("bpf")
    })
}

/// The run directory as it is called whoever calls it, also when it is gone.
pub(super) fn canonical(run_dir: &Path) -> io::Result<PathBuf> {
    fs::canonicalize(run_dir).or_else(|_| std::path::absolute(run_dir))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
22 27 0:21 / /proc rw,relatime - proc proc rw
41 22 0:33 / /sys/fs/bpf rw,nosuid shared:9 - bpf bpf rw,mode=700
42 22 0:34 / /sys/fs/other rw - tmpfs bpf rw
";

    #[test]
    fn a_file_system_is_listed_by_device_and_type() {
        let device = |minor| nix::sys::stat::makedev(0, minor);
        assert!(is_listed(MOUNTS, device(33)));
        assert!(!is_listed(MOUNTS, device(34)), "another type");
        assert!(!is_listed(MOUNTS, device(35)));
    }

    #[test]
    fn what_is_not_in_a_bpf_file_system_and_not_the_default_is_refused_with_the_command() {
        let directory = tempfile::tempdir().unwrap();
        let refused = prepare(&directory.path().join("pins")).unwrap_err().to_string();
        assert!(refused.contains("mount -t bpf") && !directory.path().join("pins").exists(), "{refused}");
    }
}
