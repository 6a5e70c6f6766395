//! Whether somebody is writing a file at this moment: half of a config may look like a whole one.
//!
//! The kernel knows it, and says so to whoever asks for a lease to read (fcntl(2)): there is none while anybody has the
//! file open to write it. File systems without leases, and files of others without the right to ask, say nothing.

#![expect(unsafe_code, reason = "leases have no safe binding")]

use std::{fs::File, io, os::fd::AsRawFd, thread::sleep, time::Duration};

/// Which signal tells of a writer; the same on every architecture.
const F_SETSIG: libc::c_int = 10;
/// How often it is looked whether a writer is done: for two seconds.
const LOOKS: usize = 100;
/// The time between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// Waits until nobody writes `file`, which must be open to be read alone; `false` when somebody takes too long.
pub(super) fn is_done(file: &File) -> bool {
    for _ in 0..LOOKS {
        if !is_written(file) {
            return true;
        }
        sleep(PAUSE);
    }
    false
}

/// Whether anybody has it open to write.
fn is_written(file: &File) -> bool {
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
        Err(error) => error.raw_os_error() == Some(libc::EAGAIN),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs::OpenOptions, io::Write};

    use super::*;

    #[test]
    fn a_file_is_done_when_its_writer_has_closed_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("half.conf");
        let mut writer = OpenOptions::new().create(true).append(true).open(&path).unwrap();
        writer.write_all(b"vrrp_instance A {").unwrap();
        let reader = File::open(&path).unwrap();
        if !is_written(&reader) {
            // No leases on this file system, or for this user.
            return;
        }
        let slow = std::thread::spawn(move || {
            sleep(Duration::from_millis(100));
            writer.write_all(b"}").unwrap();
        });
        assert!(is_done(&reader));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "vrrp_instance A {}");
        slow.join().unwrap();
        let _writer = OpenOptions::new().append(true).open(&path).unwrap();
        assert!(!is_done(&reader), "whoever never closes it is not waited for for ever");
    }
}
