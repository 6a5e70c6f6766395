//! `notify_master` and its kin: tells programs of the operator when an instance changes its state.
//!
//! Owns what is run for which state and with which arguments, and that one instance's programs run one after the
//! other, in the order of its transitions. Never imports config, net, observe or track.

mod queue;

use regent_vrrp::{Cause, StateName, Transition};

pub use queue::{DEPTH, LAST_PATIENCE, Notifier, PATIENCE, Report};

use crate::child::Program;

/// What is run for one instance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Programs {
    /// `notify_master`.
    pub master: Option<Program>,
    /// `notify_backup`.
    pub backup: Option<Program>,
    /// `notify_fault`.
    pub fault: Option<Program>,
    /// `notify_stop`.
    pub stop: Option<Program>,
    /// `notify`: for every state, with `INSTANCE NAME STATE PRIORITY` appended.
    pub any: Option<Program>,
}

impl Programs {
    /// Whether there is nothing to run.
    pub const fn is_empty(&self) -> bool {
        let Self { master, backup, fault, stop, any } = self;
        master.is_none() && backup.is_none() && fault.is_none() && stop.is_none() && any.is_none()
    }

    /// What to run for one notification, in order: keepalived runs the specific program first.
    fn of(&self, instance: &str, notification: Notification) -> Vec<Program> {
        let specific = match notification.state {
            NotifyState::Master => &self.master,
            NotifyState::Backup => &self.backup,
            NotifyState::Fault => &self.fault,
            NotifyState::Stop => &self.stop,
        };
        let any = self.any.clone().map(|mut program| {
            program.arguments.extend([
                "INSTANCE".to_owned(),
                instance.to_owned(),
                notification.state.word().to_owned(),
                notification.priority.to_string(),
            ]);
            program
        });
        specific.clone().into_iter().chain(any).collect()
    }
}

/// The states that programs are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotifyState {
    /// MASTER.
    Master,
    /// BACKUP.
    Backup,
    /// FAULT.
    Fault,
    /// STOP: the agent ends, or the instance is taken out of the config.
    Stop,
}

impl NotifyState {
    /// What a transition is told as; `None` for one that programs are not told.
    pub const fn of(transition: &Transition) -> Option<Self> {
        match (transition.to, transition.cause) {
            (StateName::Active, _) => Some(Self::Master),
            (StateName::Backup, _) => Some(Self::Backup),
            (StateName::Fault, _) => Some(Self::Fault),
            (StateName::Initialize, Cause::Shutdown) => Some(Self::Stop),
            (StateName::Initialize, _) => None,
        }
    }

    /// keepalived's word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Master => "MASTER",
            Self::Backup => "BACKUP",
            Self::Fault => "FAULT",
            Self::Stop => "STOP",
        }
    }
}

/// One transition to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notification {
    /// The state entered.
    pub state: NotifyState,
    /// Effective priority.
    pub priority: u8,
}

#[cfg(test)]
mod tests;
