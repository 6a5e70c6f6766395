//! Running a program on a packet that never was on a wire (BPF_PROG_TEST_RUN): for tests and for the bench.
//!
//! The packet counts as received by the loopback device, interface 1.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd},
    time::Duration,
};

use aya::{
    maps::Array,
    programs::{ProgramError, ProgramInfo, TestRun, TestRunOptions, TestRunResult},
};
use regent_common::map::{self, Original};

use super::{
    LoadError, Program, classifier,
    error::{map_error, system_error},
    program,
};

/// Bytes that a program may add to a packet.
const GROWTH: usize = 64;

/// The programs of the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// The one that runs on ports.
    Regent,
    /// The tc program of what leaves by a port.
    RegentEgress,
    /// The tc program of what arrives at a port.
    RegentIngress,
    /// [`Self::Regent`], on a packet that is then made what it was.
    RegentAgain,
    /// One that only makes it so: what the cost of the other is measured against.
    EmptyAgain,
    /// One that does nothing: what the other's cost is measured against.
    Empty,
    /// A tc program that does nothing.
    EmptyTc,
}

impl Entry {
    /// The programs that the agent loads.
    pub const LOADED: [Self; 3] = [Self::Regent, Self::RegentEgress, Self::RegentIngress];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Regent => "regent",
            Self::RegentEgress => "regent_egress",
            Self::RegentIngress => "regent_ingress",
            Self::RegentAgain => "regent_again",
            Self::EmptyAgain => "empty_again",
            Self::Empty => "empty",
            Self::EmptyTc => "empty_tc",
        }
    }
}

/// What came of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trial {
    /// The XDP action: 1 is DROP, 2 is PASS, 3 is TX, 4 is REDIRECT. Of a tc program: -1 is "next", 2 is "shot".
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
            Entry::Regent | Entry::RegentEgress | Entry::RegentIngress => Ok(()),
            Entry::RegentAgain | Entry::EmptyAgain | Entry::Empty => {
                program(&mut self.ebpf, entry)?.load().map_err(LoadError::from_verifying)
            }
            Entry::EmptyTc => classifier(&mut self.ebpf, entry)?.load().map_err(LoadError::from_verifying),
        }
    }

    /// Runs an entry on `packet`, an Ethernet frame of 14 bytes or more, `repeat` times.
    ///
    /// # Errors
    /// When the kernel does not run it.
    pub fn try_packet(&mut self, entry: Entry, packet: &[u8], repeat: u32) -> io::Result<Trial> {
        let options = TestRunOptions { data_in: Some(packet), repeat, ..TestRunOptions::new() };
        let result = self.test_run(entry, options)?;
        Ok(Trial { action: result.return_value, duration: result.duration })
    }

    /// Runs an entry once on `packet` and gives the packet back as the program left it.
    ///
    /// # Errors
    /// As [`Self::try_packet`].
    pub fn turn_packet(&mut self, entry: Entry, packet: &[u8]) -> io::Result<(Trial, Vec<u8>)> {
        let mut turned = vec![0; packet.len() + GROWTH];
        let options =
            TestRunOptions { data_in: Some(packet), data_out: Some(&mut turned), ..TestRunOptions::new() };
        let result = self.test_run(entry, options)?;
        turned.truncate(result.data_size_out as usize);
        Ok((Trial { action: result.return_value, duration: result.duration }, turned))
    }

    /// Tells what [`Entry::RegentAgain`] makes of a packet after it: `frame`, up to the length of an answer to a
    /// solicitation without tags.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn set_original(&mut self, frame: &[u8]) -> io::Result<()> {
        let mut original: Original = [0; size_of::<Original>()];
        for (byte, value) in original.iter_mut().zip(frame) {
            *byte = *value;
        }
        let map = self.ebpf.map_mut(map::ORIGINAL).ok_or_else(|| io::Error::other("no map of originals"))?;
        let failed = |error| map_error("cannot set the packet of the bench", error);
        Array::<_, Original>::try_from(map).and_then(|mut map| map.set(0, original, 0)).map_err(failed)
    }

    fn test_run(&mut self, entry: Entry, options: TestRunOptions<'_>) -> io::Result<TestRunResult> {
        let result = match entry {
            Entry::Regent | Entry::RegentAgain | Entry::EmptyAgain | Entry::Empty => {
                program(&mut self.ebpf, entry).map_err(io::Error::other)?.test_run(options)
            }
            Entry::RegentEgress | Entry::RegentIngress | Entry::EmptyTc => {
                classifier(&mut self.ebpf, entry).map_err(io::Error::other)?.test_run(options)
            }
        };
        result.map_err(|error| {
            system_error(&error)
                .map_or_else(|| io::Error::other(error.to_string()), io::Error::from_raw_os_error)
        })
    }

    /// The loaded program itself, as what somebody else might put on a port.
    pub fn entry_fd(&mut self, entry: Entry) -> Option<BorrowedFd<'_>> {
        let fd = match entry {
            Entry::Regent | Entry::RegentAgain | Entry::EmptyAgain | Entry::Empty => {
                program(&mut self.ebpf, entry).ok()?.fd()
            }
            Entry::RegentEgress | Entry::RegentIngress | Entry::EmptyTc => {
                classifier(&mut self.ebpf, entry).ok()?.fd()
            }
        };
        Some(fd.ok()?.as_fd())
    }

    /// Instructions that the verifier walked for a program; `None` before kernel 5.16.
    pub fn verified_instructions(&mut self, entry: Entry) -> Option<u32> {
        let info: Result<ProgramInfo, ProgramError> = match entry {
            Entry::Regent | Entry::RegentAgain | Entry::EmptyAgain | Entry::Empty => {
                program(&mut self.ebpf, entry).ok()?.info()
            }
            Entry::RegentEgress | Entry::RegentIngress | Entry::EmptyTc => {
                classifier(&mut self.ebpf, entry).ok()?.info()
            }
        };
        info.ok()?.verified_instruction_count()
    }
}
