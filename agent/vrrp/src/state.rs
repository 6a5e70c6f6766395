//! RFC 9568 §6.3: the states. Each owns what it waits for, so a timer cannot outlive the state that it belongs to.

use crate::{FaultCause, active::Active, backup::Backup};

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

/// A state with all that is known only in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum State {
    Initialize {
        /// Shut down rather than new: a fault is then no reason to come back once it has cleared.
        shut_down: bool,
    },
    Backup(Backup),
    Active(Active),
    Fault(FaultCause),
}

impl State {
    pub(crate) const fn name(&self) -> StateName {
        match self {
            Self::Initialize { .. } => StateName::Initialize,
            Self::Backup(_) => StateName::Backup,
            Self::Active(_) => StateName::Active,
            Self::Fault(_) => StateName::Fault,
        }
    }
}
