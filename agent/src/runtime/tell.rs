//! The way out of the loop: observations go to a bounded queue that nobody on this side waits for.

use std::{collections::HashMap, sync::Arc, time::Duration};

use regent_vrrp::Instant;
use tokio::sync::mpsc;

use crate::observe::observation::Observation;

/// Observations that may wait. A burst of all instances of a large config fits.
pub const DEPTH: usize = 8192;

/// The same trouble is told again after this long.
const REPEAT: Duration = Duration::from_secs(60);
/// Troubles remembered so that they are not repeated.
const REMEMBERED: usize = 4096;

/// Sends observations, counts those that found no room, and does not repeat a trouble.
#[derive(Debug)]
pub struct Teller {
    sender: mpsc::Sender<Observation>,
    dropped: u64,
    told: HashMap<(Arc<str>, String), Instant>,
}

impl Teller {
    /// A teller into `sender`.
    pub fn new(sender: mpsc::Sender<Observation>) -> Self {
        Self { sender, dropped: 0, told: HashMap::new() }
    }

    /// Tells.
    pub fn tell(&mut self, observation: Observation) {
        if self.sender.try_send(observation).is_err() {
            self.dropped += 1;
        }
    }

    /// Tells of something an operator should act on, unless that was told within the last minute.
    pub fn trouble(&mut self, now: Instant, subject: &Arc<str>, text: String) {
        let key = (Arc::clone(subject), text);
        if self.told.get(&key).is_some_and(|told| now.since(*told) < REPEAT) {
            return;
        }
        if self.told.len() >= REMEMBERED {
            self.told.retain(|_, told| now.since(*told) < REPEAT);
        }
        if self.told.len() < REMEMBERED {
            self.told.insert(key.clone(), now);
        }
        let (subject, text) = key;
        self.tell(Observation::Trouble { subject, text });
    }

    /// Tells of something an operator may want to know.
    pub fn note(&mut self, subject: &Arc<str>, text: String) {
        self.tell(Observation::Note { subject: Arc::clone(subject), text });
    }

    /// Observations that found no room.
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }
}
