//! The one observer: takes what the VRRP thread tells and turns it into log lines and events.
//!
//! Writing a log may block, so this runs on the control runtime. What repeats itself is said once a minute, and all
//! that is said in a minute is bounded; transitions are always said.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use regent_vrrp::Instant;
use tokio::sync::mpsc;
use tracing::{info, warn};

use super::{
    events::{Event, EventKind, Events, TransitionEvent},
    observation::{Carrier, Change, Observation},
    sentence,
};
use crate::words;

/// The same trouble or note about the same subject is left out this long after it was said.
const REPEAT: Duration = Duration::from_secs(60);
/// Different sentences remembered; when there are more, the oldest is forgotten and may be said again.
const REMEMBERED: usize = 256;
/// Troubles and notes said in one minute; what the network makes us say must not fill a disk.
const SENTENCES_PER_MINUTE: u32 = 60;

/// The clocks of the agent: read by one place, handed to the others.
#[derive(Clone, Copy, Debug)]
pub struct Clocks {
    /// CLOCK_MONOTONIC.
    pub monotonic: fn() -> Instant,
    /// Unix time in milliseconds.
    pub unix_ms: fn() -> u64,
}

impl Clocks {
    /// The Unix time of a moment, in milliseconds.
    pub fn unix_ms_of(&self, at: Instant) -> u64 {
        let ago = (self.monotonic)().since(at).as_millis();
        (self.unix_ms)().saturating_sub(u64::try_from(ago).unwrap_or(u64::MAX))
    }
}

/// Logs observations and keeps the last ones as events.
#[derive(Debug)]
pub struct Observer {
    clocks: Clocks,
    events: Events,
    said: BTreeMap<(Arc<str>, String), Said>,
    minute: Minute,
}

/// When a sentence was said, and how often it was left out since.
#[derive(Clone, Copy, Debug)]
struct Said {
    at: Instant,
    left_out: u64,
}

/// What was said of troubles and notes in the current minute.
#[derive(Clone, Copy, Debug, Default)]
struct Minute {
    began: Instant,
    said: u32,
    left_out: u64,
}

impl Observer {
    /// An observer that adds to `events`.
    pub fn new(clocks: Clocks, events: Events) -> Self {
        Self { clocks, events, said: BTreeMap::new(), minute: Minute::default() }
    }

    /// Takes observations until the other end is dropped. `also` sees each of them first: there the runtime hangs
    /// notify programs and the journal, which this module knows nothing of.
    pub async fn run(
        mut self,
        mut observations: mpsc::Receiver<Observation>,
        mut also: impl FnMut(&Observation),
    ) {
        while let Some(observation) = observations.recv().await {
            also(&observation);
            self.observe(&observation);
        }
    }

    /// Takes one.
    pub fn observe(&mut self, observation: &Observation) {
        match observation {
            Observation::Transition(change) => self.transition(change),
            Observation::Carrier { port, carrier, why } => self.carrier(port, *carrier, why),
            Observation::Trouble { subject, text } => self.sentence(EventKind::Trouble, subject, text),
            Observation::Note { subject, text } => self.sentence(EventKind::Note, subject, text),
        }
    }

    fn transition(&self, change: &Change) {
        let transition = TransitionEvent {
            vrid: change.vrid.get(),
            from: words::state(change.transition.from).to_owned(),
            to: words::state(change.transition.to).to_owned(),
            cause: sentence::cause_word(change.transition.cause).to_owned(),
            priority: change.priority,
            late_ns: change.late,
        };
        let line = sentence::line(change);
        info!(
            instance = &*change.instance,
            vrid = transition.vrid,
            from = transition.from,
            to = transition.to,
            cause = transition.cause,
            // Not `priority`: that is the journal's own field, by which `journalctl -p` filters.
            effective_priority = transition.priority,
            "{line}"
        );
        self.push(
            self.clocks.unix_ms_of(change.at),
            EventKind::Transition,
            &change.instance,
            line,
            0,
            Some(transition),
        );
    }

    fn carrier(&self, port: &Arc<str>, carrier: Carrier, why: &str) {
        let text = match (carrier, why) {
            (Carrier::Native, _) => "adverts come through XDP in the driver".to_owned(),
            (Carrier::Generic, why) => format!("adverts come through generic XDP: {why}"),
            (Carrier::Socket, why) => format!("adverts come through the raw socket: {why}"),
            (Carrier::None, why) => format!("no adverts can come: {why}"),
        };
        info!(port = &**port, carrier = carrier.word(), "({port}) {text}");
        self.push((self.clocks.unix_ms)(), EventKind::Carrier, port, text, 0, None);
    }

    fn sentence(&mut self, kind: EventKind, subject: &Arc<str>, text: &str) {
        let Some(repeated) = self.may_say(subject, text) else { return };
        let again = if repeated > 0 { format!(" (and {repeated} times more since)") } else { String::new() };
        match kind {
            EventKind::Trouble => warn!(subject = &**subject, repeated, "({subject}) {text}{again}"),
            EventKind::Note | EventKind::Transition | EventKind::Carrier => {
                info!(subject = &**subject, repeated, "({subject}) {text}{again}");
            }
        }
        self.push((self.clocks.unix_ms)(), kind, subject, text.to_owned(), repeated, None);
    }

    /// How often it was left out, when it may be said now.
    fn may_say(&mut self, subject: &Arc<str>, text: &str) -> Option<u64> {
        let now = (self.clocks.monotonic)();
        let key = (Arc::clone(subject), text.to_owned());
        let repeated = match self.said.get_mut(&key) {
            Some(said) if now.since(said.at) < REPEAT => {
                said.left_out += 1;
                return None;
            }
            Some(said) => said.left_out,
            None => 0,
        };
        if !self.minute_has_room(now) {
            return None;
        }
        if self.said.len() >= REMEMBERED && !self.said.contains_key(&key) {
            self.forget_oldest();
        }
        self.said.insert(key, Said { at: now, left_out: 0 });
        Some(repeated)
    }

    fn minute_has_room(&mut self, now: Instant) -> bool {
        if now.since(self.minute.began) >= REPEAT {
            let left_out = self.minute.left_out;
            if left_out > 0 {
                warn!(
                    left_out,
                    "{left_out} other messages were left out: more than {SENTENCES_PER_MINUTE} in a minute"
                );
            }
            self.minute = Minute { began: now, said: 0, left_out: 0 };
        }
        if self.minute.said < SENTENCES_PER_MINUTE {
            self.minute.said += 1;
            true
        } else {
            self.minute.left_out += 1;
            false
        }
    }

    fn forget_oldest(&mut self) {
        if let Some(key) = self.said.iter().min_by_key(|(_, said)| said.at).map(|(key, _)| key.clone()) {
            self.said.remove(&key);
        }
    }

    fn push(
        &self,
        unix_ms: u64,
        kind: EventKind,
        subject: &Arc<str>,
        text: String,
        repeated: u64,
        transition: Option<TransitionEvent>,
    ) {
        let subject = subject.to_string();
        self.events.push(Event { sequence: 0, unix_ms, kind, subject, text, repeated, transition });
    }
}

#[cfg(test)]
mod tests;
