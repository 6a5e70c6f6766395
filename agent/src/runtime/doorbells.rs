//! Everything with a descriptor that can wake the loop, behind one epoll instance: the ring and the sockets of the ports.
//! Tokio watches that one descriptor, whatever the number of ports.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use regent_common::Family;
use rustix::event::epoll;

use super::engine::Engine;
use crate::net::readiness::Readiness;

/// The epoll instance and what is in it.
#[derive(Debug)]
pub struct Doorbells {
    epoll: OwnedFd,
    readiness: Readiness,
    opened: Option<u64>,
}

impl Doorbells {
    /// Nothing watched yet.
    ///
    /// # Errors
    /// When the kernel has no descriptor left.
    pub fn new() -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        Ok(Self { readiness: Readiness::watch(&epoll)?, epoll, opened: None })
    }

    /// Watches the descriptors that the engine has now. Costs nothing while no port changed; after a change everything is
    /// watched anew, so that nothing stays that was closed or is not listened to any more.
    ///
    /// # Errors
    /// When a descriptor cannot be watched.
    pub fn watch(&mut self, engine: &Engine) -> io::Result<()> {
        if self.opened == Some(engine.sockets_opened) {
            return Ok(());
        }
        *self = Self::new()?;
        if let Some(program) = engine.program.as_ref() {
            self.add(program.ring())?;
        }
        for port in &engine.ports {
            for family in Family::ALL {
                if let Some(socket) = port.way(family).socket.as_ref() {
                    self.add(socket.as_fd())?;
                }
                if let Some(listen) = port.audible_listener(family) {
                    self.add(listen.as_fd())?;
                }
            }
        }
        self.opened = Some(engine.sockets_opened);
        Ok(())
    }

    fn add(&self, descriptor: BorrowedFd<'_>) -> io::Result<()> {
        epoll::add(&self.epoll, descriptor, epoll::EventData::new_u64(0), epoll::EventFlags::IN)?;
        Ok(())
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
