//! The program's own rare messages, by way of aya-log: a full ring, a group with more sources than slots. Each is said
//! once for a row and CPU; nothing is logged for a packet.
//!
//! Reading them formats text, so it belongs to a thread that is not the VRRP thread. Left alone, they fill their own
//! ring and are dropped by the kernel.

use std::os::fd::{AsFd, BorrowedFd};

use aya_log::EbpfLogger;

use super::Program;

/// The messages. Taken once, read anywhere.
pub struct Diagnostics(EbpfLogger<&'static dyn log::Log>);

impl Diagnostics {
    /// Hands waiting messages to the `log` crate's logger, which tracing listens to.
    pub fn flush(&mut self) {
        self.0.flush();
    }
}

impl AsFd for Diagnostics {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Program {
    /// The messages of the program; `None` when they were taken before.
    pub fn take_diagnostics(&mut self) -> Option<Diagnostics> {
        EbpfLogger::init(&mut self.ebpf).ok().map(Diagnostics)
    }
}
