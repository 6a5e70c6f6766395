//! A BPF file system of a test's own, unmounted with it, also after a panic. What is pinned there ends then.

use std::path::Path;

use anyhow::{Context, Result};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use tempfile::TempDir;

/// The mounted file system.
#[derive(Debug)]
pub struct Bpffs(TempDir);

impl Bpffs {
    /// Mounts one in a directory of its own.
    ///
    /// # Errors
    /// Without root, or in a kernel without it.
    pub fn mount() -> Result<Self> {
        let directory = TempDir::new()?;
        mount(Some("bpf"), directory.path(), Some("bpf"), MsFlags::empty(), None::<&str>)
            .with_context(|| format!("mount a BPF file system at {}", directory.path().display()))?;
        Ok(Self(directory))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Bpffs {
    fn drop(&mut self) {
        if let Err(error) = umount2(self.0.path(), MntFlags::MNT_DETACH) {
            eprintln!("{} stays mounted: {error}", self.0.path().display());
        }
    }
}
