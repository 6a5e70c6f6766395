//! Without `-n`: the daemon goes on in a process of its own, behind nobody's terminal, and the first one waits until it has
//! started, so that its exit code says whether it has.

#![expect(unsafe_code, reason = "fork has no safe interface")]

use std::{
    fs::{File, OpenOptions},
    io::{self, PipeReader, PipeWriter, Read, Write},
};

use nix::unistd::{ForkResult, fork, setsid};

/// Which process this is now.
#[derive(Debug)]
pub enum Side {
    /// The one that was started; the daemon's start ended with that exit code.
    Waiter(u8),
    /// The daemon.
    Daemon(Starter),
}

/// Tells the one that was started.
#[derive(Debug)]
pub struct Starter(PipeWriter);

impl Starter {
    /// It has started, or has not. What is told first counts.
    pub fn tell(mut self, code: u8) {
        // It may have ended, as it does once it knows.
        drop(self.0.write_all(&[code]));
    }

    /// Another handle.
    ///
    /// # Errors
    /// When no descriptor is left.
    pub fn again(&self) -> io::Result<Self> {
        self.0.try_clone().map(Self)
    }
}

/// Goes there. To be called while there is one thread.
///
/// # Errors
/// When the system refuses.
pub fn go() -> io::Result<Side> {
    let nothing = OpenOptions::new().read(true).write(true).open("/dev/null")?;
    let (reader, writer) = io::pipe()?;
    // SAFETY: there is one thread, so no lock and no allocator is held by another that the child does not have.
    match unsafe { fork() }? {
        ForkResult::Parent { .. } => {
            drop(writer);
            return Ok(Side::Waiter(told(reader)));
        }
        ForkResult::Child => drop(reader),
    }
    setsid()?;
    // SAFETY: as above. Who leads no session never gets a terminal.
    match unsafe { fork() }? {
        ForkResult::Parent { .. } => std::process::exit(0),
        ForkResult::Child => {}
    }
    leave_terminal(&nothing)?;
    Ok(Side::Daemon(Starter(writer)))
}

/// What the daemon said; one that ended without a word has failed.
fn told(mut reader: PipeReader) -> u8 {
    let mut code = [1];
    match reader.read_exact(&mut code) {
        Ok(()) => code[0],
        Err(_) => 1,
    }
}

fn leave_terminal(nothing: &File) -> io::Result<()> {
    rustix::stdio::dup2_stdin(nothing)?;
    rustix::stdio::dup2_stdout(nothing)?;
    rustix::stdio::dup2_stderr(nothing)?;
    Ok(())
}
