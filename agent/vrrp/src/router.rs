//! RFC 9568 §6.4: the state machine.

use crate::{Actions, Event, Instant, Parameters};

/// The states of RFC 9568 §6.3, and Fault as keepalived has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StateName {
    /// Waits for a startup event.
    Initialize,
    /// Monitors the Active Router.
    Backup,
    /// Forwards for the virtual addresses.
    Active,
    /// Cannot take part.
    Fault,
}

/// One virtual router.
#[derive(Clone, Debug)]
pub struct Router {
    _parameters: Parameters,
}

impl Router {
    /// A router in Initialize.
    pub const fn new(parameters: Parameters) -> Self {
        Self { _parameters: parameters }
    }

    /// Handles one event.
    #[must_use = "actions are to be carried out, in order"]
    pub fn handle(&mut self, _now: Instant, _event: Event) -> Actions {
        Actions::new()
    }

    /// When to call with [`Event::Deadline`].
    pub const fn deadline(&self) -> Option<Instant> {
        None
    }
}
