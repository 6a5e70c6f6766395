//! Waiting until a descriptor has something to read.
//!
//! tokio asks for a promise that a watched descriptor stays what it is. Here it is kept by owning a duplicate: the socket
//! itself stays free to be moved, borrowed and closed.

#![expect(unsafe_code, reason = "tokio has no safe interface to watch a descriptor")]

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use tokio::io::{Interest, unix::AsyncFd};

/// Watches one descriptor for input.
#[derive(Debug)]
pub struct Readiness {
    descriptor: AsyncFd<OwnedFd>,
}

impl Readiness {
    /// Watches a duplicate of `source`. Drop it together with its source: the socket lives as long as either. Must be
    /// called inside a tokio runtime with I/O enabled.
    ///
    /// # Errors
    /// When no descriptor is left, or the kind of descriptor cannot be polled.
    pub fn watch(source: &impl AsFd) -> io::Result<Self> {
        Self::own(source.as_fd().try_clone_to_owned()?)
    }

    /// Watches `descriptor` itself.
    ///
    /// # Errors
    /// When the kind of descriptor cannot be polled.
    pub fn own(descriptor: OwnedFd) -> io::Result<Self> {
        // SAFETY: an OwnedFd is open and names one open file for as long as it lives, and nobody else closes it. It is moved
        // in, the field is private, and nothing here hands out more than a borrowed descriptor.
        let descriptor = unsafe { AsyncFd::register_with_interest(descriptor, Interest::READABLE) }?;
        Ok(Self { descriptor })
    }

    /// Waits until something may be there to read: something came since the last time this returned. Read until the
    /// socket would block, else what is left is not announced again. May be dropped while it waits.
    ///
    /// # Errors
    /// Only when the runtime is shutting down.
    pub async fn wait(&self) -> io::Result<()> {
        // Cleared before the reading: what comes from now on is announced anew, so nothing can fall between.
        self.descriptor.readable().await?.clear_ready();
        Ok(())
    }
}

impl AsFd for Readiness {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.get_ref().as_fd()
    }
}
