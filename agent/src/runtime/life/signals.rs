//! Signals are orders.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that are for every agent.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    /// From now on they no longer end the process without clean-up.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Returns the name of the signal that ends the daemon. Cancel-safe.
    pub async fn told_to_stop(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }

    /// One more order; when it is to be awaited is said each time. Cancel-safe.
    pub async fn order(&mut self, may_reload: bool) -> Told {
        tokio::select! {
            _ = self.terminate.recv() => Told::ToStop("SIGTERM"),
            _ = self.interrupt.recv() => Told::ToStop("SIGINT"),
            // Those that come while one is answered become one.
            _ = self.hangup.recv(), if may_reload => Told::ToReload,
        }
    }
}

/// What a signal orders.
pub(super) enum Told {
    /// By the signal of that name.
    ToStop(&'static str),
    /// To read the config again.
    ToReload,
}
