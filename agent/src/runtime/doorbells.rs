//! Everything with a descriptor that can wake the loop, behind one epoll instance: the ring, the sockets of the ports, the
//! answers about addresses. Tokio watches that one descriptor, whatever the number of ports.

use std::{
    collections::BTreeSet,
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd},
};

use super::engine::Engine;
use crate::net::readiness::Readiness;
use rustix::event::epoll;

/// The epoll instance and what is in it.
#[derive(Debug)]
pub struct Doorbells {
    epoll: OwnedFd,
    readiness: Readiness,
    watched: BTreeSet<RawFd>,
    opened: Option<u64>,
}

impl Doorbells {
    /// Nothing watched yet.
    ///
    /// # Errors
    /// When the kernel has no descriptor left.
    pub fn new() -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        Ok(Self { readiness: Readiness::watch(&epoll)?, epoll, watched: BTreeSet::new(), opened: None })
    }

    /// Watches the descriptors that the engine has now. Cheap while no port changed.
    ///
    /// # Errors
    /// When a descriptor cannot be watched.
    pub fn watch(&mut self, engine: &Engine) -> io::Result<()> {
        if self.opened == Some(engine.sockets_opened) {
            return Ok(());
        }
        // A socket that was closed has left the epoll by itself, and its number may have been given to another.
        let mut now = BTreeSet::new();
        if let Some(program) = engine.program.as_ref() {
            self.add(&mut now, program.ring())?;
        }
        if let Some(socket) = engine.address_socket.as_ref() {
            self.add(&mut now, socket.as_fd())?;
        }
        for port in &engine.ports {
            if let Some(socket) = port.socket.as_ref() {
                self.add(&mut now, socket.as_fd())?;
            }
            if let Some(listen) = port.listen.as_ref() {
                self.add(&mut now, listen.as_fd())?;
            }
        }
        self.watched = now;
        self.opened = Some(engine.sockets_opened);
        Ok(())
    }

    fn add(&self, now: &mut BTreeSet<RawFd>, descriptor: BorrowedFd<'_>) -> io::Result<()> {
        let data = epoll::EventData::new_u64(0);
        match epoll::add(&self.epoll, descriptor, data, epoll::EventFlags::IN) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => {
                now.insert(descriptor.as_raw_fd());
                Ok(())
            }
            Err(errno) => Err(errno.into()),
        }
    }

    /// Waits until one of them rings. Cancel-safe.
    ///
    /// # Errors
    /// When the epoll instance fails.
    pub async fn rung(&mut self) -> io::Result<()> {
        // Watched by edge: a turn that stops at a bound goes on by itself (`Engine::more`).
        self.readiness.wait().await
    }
}
