//! Running the program on a packet that never was on a wire (BPF_PROG_TEST_RUN): for tests and for the bench.
//!
//! The packet counts as received by the loopback device, interface 1.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd},
    time::Duration,
};

use aya::programs::{TestRun, TestRunOptions};

use super::{LoadError, Program, error::system_error, program};

/// The programs of the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// The one that runs on ports.
    Regent,
    /// One that does nothing: what the other's cost is measured against.
    Empty,
}

impl Entry {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Regent => "regent",
            Self::Empty => "empty",
        }
    }
}

/// What came of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trial {
    /// The XDP action: 1 is DROP, 2 is PASS.
    pub action: u32,
    /// Mean time of one repetition, in whole nanoseconds, as the kernel measures it.
    pub duration: Duration,
}

impl Program {
    /// Loads what [`Self::try_packet`] needs beyond the program itself.
    ///
    /// # Errors
    /// As for the program itself.
    pub fn load_entry(&mut self, entry: Entry) -> Result<(), LoadError> {
        match entry {
            Entry::Regent => Ok(()),
            Entry::Empty => program(&mut self.ebpf, entry)?.load().map_err(LoadError::from_verifying),
        }
    }

    /// Runs an entry on `packet`, an Ethernet frame of 14 bytes or more, `repeat` times.
    ///
    /// # Errors
    /// When the kernel does not run it.
    pub fn try_packet(&mut self, entry: Entry, packet: &[u8], repeat: u32) -> io::Result<Trial> {
        let program = program(&mut self.ebpf, entry).map_err(io::Error::other)?;
        let options = TestRunOptions { data_in: Some(packet), repeat, ..TestRunOptions::new() };
        match program.test_run(options) {
            Ok(result) => Ok(Trial { action: result.return_value, duration: result.duration }),
            Err(error) => Err(system_error(&error)
                .map_or_else(|| io::Error::other(error.to_string()), io::Error::from_raw_os_error)),
        }
    }

    /// The loaded program itself, as what somebody else might put on a port.
    pub fn entry_fd(&mut self, entry: Entry) -> Option<BorrowedFd<'_>> {
        Some(program(&mut self.ebpf, entry).ok()?.fd().ok()?.as_fd())
    }

    /// Instructions that the verifier walked for the program; `None` before kernel 5.16.
    pub fn verified_instructions(&mut self) -> Option<u32> {
        program(&mut self.ebpf, Entry::Regent).ok()?.info().ok()?.verified_instruction_count()
    }
}
