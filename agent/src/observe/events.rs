//! The last things that happened, for whoever asks afterwards.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};

/// Events kept of transitions, and as many of everything else: a flood of troubles must not push out the history of who
/// was master. Older ones are forgotten.
pub const KEPT: usize = 100;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Counts from 1 and never repeats while the agent runs: a gap shows that events were missed.
    pub sequence: u64,
    /// When: Unix time in milliseconds.
    pub unix_ms: u64,
    /// What kind.
    pub kind: EventKind,
    /// The instance or port it is about.
    pub subject: String,
    /// The sentence.
    pub text: String,
    /// How often the same was said again since the event before it and left out of the log.
    pub repeated: u64,
    /// Of a transition.
    pub transition: Option<TransitionEvent>,
}

/// Kinds of event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EventKind {
    /// An instance changed its state.
    Transition,
    /// A port changed its carrier.
    Carrier,
    /// Something to act on.
    Trouble,
    /// Something to know.
    Note,
}

/// What only a transition has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransitionEvent {
    /// VRID.
    pub vrid: u8,
    /// State left: INIT, BACKUP, MASTER or FAULT.
    pub from: String,
    /// State entered.
    pub to: String,
    /// One word.
    pub cause: String,
    /// Effective priority.
    pub priority: u8,
    /// How late the loop was, in nanoseconds.
    pub late_ns: u64,
}

/// The last events. Cheap to clone; all clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Events {
    rings: Arc<Mutex<Rings>>,
}

#[derive(Debug, Default)]
struct Rings {
    transitions: VecDeque<Event>,
    others: VecDeque<Event>,
    sequence: u64,
}

impl Events {
    /// Adds one; its sequence is set here.
    pub fn push(&self, mut event: Event) {
        let mut rings = self.lock();
        rings.sequence += 1;
        event.sequence = rings.sequence;
        let ring = match event.kind {
            EventKind::Transition => &mut rings.transitions,
            EventKind::Carrier | EventKind::Trouble | EventKind::Note => &mut rings.others,
        };
        if ring.len() == KEPT {
            ring.pop_front();
        }
        ring.push_back(event);
    }

    /// Those after `sequence`, oldest first; 0 for all that are kept.
    pub fn after(&self, sequence: u64) -> Vec<Event> {
        let rings = self.lock();
        let all = rings.transitions.iter().chain(&rings.others);
        let mut events: Vec<Event> = all.filter(|event| event.sequence > sequence).cloned().collect();
        events.sort_by_key(|event| event.sequence);
        events
    }

    /// A poisoned lock is taken all the same: the rings are whole after every statement.
    fn lock(&self) -> MutexGuard<'_, Rings> {
        self.rings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: EventKind, unix_ms: u64) -> Event {
        let (subject, text) = ("agent".to_owned(), String::new());
        Event { sequence: 0, unix_ms, kind, subject, text, repeated: 0, transition: None }
    }

    #[test]
    fn the_last_hundred_are_kept_and_numbered() {
        let events = Events::default();
        (0..150).for_each(|number| events.push(event(EventKind::Note, number)));
        let kept = events.after(0);
        assert_eq!(kept.len(), 100);
        assert_eq!((kept[0].sequence, kept[0].unix_ms), (51, 50));
        assert_eq!(events.after(149).len(), 1);
        assert!(events.after(150).is_empty());
    }

    #[test]
    fn a_flood_of_troubles_does_not_push_out_a_transition() {
        let events = Events::default();
        events.push(event(EventKind::Trouble, 0));
        events.push(event(EventKind::Transition, 1));
        (0..500).for_each(|number| events.push(event(EventKind::Trouble, number)));
        let kept = events.after(0);
        assert_eq!(kept.len(), 101);
        assert_eq!((kept[0].kind, kept[0].sequence), (EventKind::Transition, 2));
        assert!(kept.is_sorted_by_key(|event| event.sequence));
    }
}
