//! Whether a file was read while somebody was writing it: half of a config may look like a whole one.
//!
//! The kernel knows who writes, and says so to whoever asks for a lease to read (fcntl(2)): there is none while anybody has
//! the file open to write it. That is asked on file systems that are known to mean this by it; and whoever was done between
//! the reading and the question has left another text.

#![expect(unsafe_code, reason = "leases have no safe binding")]

use std::{
    fs::File,
    io,
    os::fd::AsRawFd,
    path::{Path, PathBuf},
};

use nix::sys::statfs::{self, FsType, fstatfs};

use super::{file, source::Sources};

/// File systems of this host alone. Those of a network refuse leases for reasons of their own.
const LOCAL: [FsType; 6] = [
    statfs::EXT4_SUPER_MAGIC,
    statfs::XFS_SUPER_MAGIC,
    statfs::BTRFS_SUPER_MAGIC,
    statfs::F2FS_SUPER_MAGIC,
    statfs::TMPFS_MAGIC,
    statfs::OVERLAYFS_SUPER_MAGIC,
];
/// Which signal tells of a writer; the same on every architecture.
const F_SETSIG: libc::c_int = 10;

/// The first file that somebody is writing, or has written since it was read.
pub(super) fn unfinished(sources: &Sources) -> Option<PathBuf> {
    sources.files().find_map(|(name, text)| {
        let path = Path::new(name);
        let is_written = File::open(path).is_ok_and(|file| is_written(&file));
        let is_same = file::read(path).is_ok_and(|now| now == text);
        (is_written || !is_same).then(|| path.to_owned())
    })
}

/// Whether anybody has it open to write. It must be open to be read alone.
fn is_written(file: &File) -> bool {
    if !fstatfs(file).is_ok_and(|system| LOCAL.contains(&system.filesystem_type())) {
        return false;
    }
    let fcntl = |command: libc::c_int, argument: libc::c_int| {
        // SAFETY: the descriptor is open, and these commands take a number and no pointer.
        let result = unsafe { libc::fcntl(file.as_raw_fd(), command, argument) };
        if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    };
    // Whoever begins to write while the lease is held makes the kernel send a signal. SIGIO would end this process; SIGURG
    // is ignored by whoever does not want it.
    if fcntl(F_SETSIG, libc::SIGURG).is_err() {
        return false;
    }
    match fcntl(libc::F_SETLEASE, libc::F_RDLCK) {
        Ok(()) => {
            drop(fcntl(libc::F_SETLEASE, libc::F_UNLCK));
            false
        }
        // Without the right to ask it is said by another error.
        Err(error) => error.raw_os_error() == Some(libc::EAGAIN),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs::OpenOptions, io::Write};

    use super::*;
    use crate::config;

    #[test]
    fn a_file_is_unfinished_while_it_is_written_and_when_it_is_not_what_was_read_any_more() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("regent.conf");
        let part = directory.path().join("part.conf");
        std::fs::write(&root, "include part.conf\n").unwrap();
        std::fs::write(&part, "global_defs { router_id a }\n").unwrap();
        let loaded = config::load(&root).unwrap();
        assert_eq!(unfinished(&loaded.sources), None);
        let mut writer = OpenOptions::new().append(true).open(&part).unwrap();
        if is_written(&File::open(&part).unwrap()) {
            assert_eq!(unfinished(&loaded.sources), Some(part.clone()));
        }
        writer.write_all(b"# more\n").unwrap();
        drop(writer);
        assert_eq!(unfinished(&loaded.sources), Some(part.clone()));
        assert_eq!(unfinished(&config::load(&root).unwrap().sources), None);
        std::fs::remove_file(&part).unwrap();
        assert_eq!(unfinished(&loaded.sources), Some(part));
    }
}
