//! One queue of deadlines for everything on the VRRP thread: the earliest of them sets the timer, and of those that have
//! come the one that can wait least goes first.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use regent_vrrp::Instant;

/// Deadlines by owner; an owner has at most one.
#[derive(Debug)]
pub struct Deadlines<Owner> {
    /// Those to come.
    queue: BTreeSet<(Instant, Owner)>,
    /// Those that have come: until when each can wait, and since when it does.
    come: BTreeSet<(Instant, Instant, Owner)>,
    /// Until when each of those can wait, by owner.
    patience: BTreeMap<Owner, Instant>,
}

impl<Owner: Ord + Copy> Deadlines<Owner> {
    /// No deadline.
    pub const fn new() -> Self {
        Self { queue: BTreeSet::new(), come: BTreeSet::new(), patience: BTreeMap::new() }
    }

    /// Moves the deadline of `owner` from `before` to `after`.
    pub fn replace(&mut self, owner: Owner, before: Option<Instant>, after: Option<Instant>) {
        if before == after {
            return;
        }
        if let Some(before) = before
            && !self.queue.remove(&(before, owner))
            && let Some(until) = self.patience.remove(&owner)
        {
            self.come.remove(&(until, before, owner));
        }
        if let Some(after) = after {
            self.queue.insert((after, owner));
        }
    }

    /// The earliest.
    pub fn next(&self) -> Option<Instant> {
        let come = self.come.iter().map(|(_, due, _)| *due).min();
        come.or_else(|| self.unseen())
    }

    /// The earliest that no turn has seen come.
    pub fn unseen(&self) -> Option<Instant> {
        self.queue.first().map(|(due, _)| *due)
    }

    /// Whether some have come and wait.
    pub fn is_behind(&self) -> bool {
        !self.come.is_empty()
    }

    /// Of those that are due at `now` the one that can wait least, when each can wait for its `patience`. It stays until it
    /// is replaced.
    pub fn due(&mut self, now: Instant, patience: impl Fn(Owner) -> Duration) -> Option<(Instant, Owner)> {
        while let Some((due, owner)) = self.queue.first().copied().filter(|(due, _)| *due <= now) {
            self.queue.pop_first();
            let until = due + patience(owner);
            self.come.insert((until, due, owner));
            self.patience.insert(owner, until);
        }
        self.come.first().map(|(_, due, owner)| (*due, *owner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(nanoseconds: u64) -> Instant {
        Instant::from_nanoseconds(nanoseconds)
    }

    /// All are as patient.
    fn alike(_: u8) -> Duration {
        Duration::ZERO
    }

    #[test]
    fn the_earliest_due_deadline_comes_first_and_stays_until_replaced() {
        let mut deadlines = Deadlines::new();
        deadlines.replace(1, None, Some(at(20)));
        deadlines.replace(2, None, Some(at(10)));
        assert_eq!(deadlines.next(), Some(at(10)));
        assert_eq!(deadlines.due(at(9), alike), None);
        assert_eq!(deadlines.due(at(30), alike), Some((at(10), 2)));
        assert_eq!(deadlines.due(at(30), alike), Some((at(10), 2)));
        assert_eq!(deadlines.next(), Some(at(10)));
        deadlines.replace(2, Some(at(10)), Some(at(40)));
        assert_eq!(deadlines.due(at(30), alike), Some((at(20), 1)));
        deadlines.replace(1, Some(at(20)), None);
        assert_eq!(deadlines.due(at(30), alike), None);
        assert_eq!(deadlines.next(), Some(at(40)));
    }

    #[test]
    fn what_comes_later_and_can_wait_less_goes_first() {
        let patience = |owner: u8| Duration::from_nanos(if owner == 9 { 10 } else { 1_000 });
        let mut deadlines = Deadlines::new();
        for slow in 1..=3 {
            deadlines.replace(slow, None, Some(at(100 + u64::from(slow))));
        }
        deadlines.replace(9, None, Some(at(200)));
        assert_eq!(deadlines.due(at(150), patience), Some((at(101), 1)));
        assert!(deadlines.is_behind());
        assert_eq!((deadlines.next(), deadlines.unseen()), (Some(at(101)), Some(at(200))));
        // It comes while others wait.
        assert_eq!(deadlines.due(at(200), patience), Some((at(200), 9)));
        deadlines.replace(9, Some(at(200)), Some(at(300)));
        assert_eq!(deadlines.due(at(250), patience), Some((at(101), 1)));
        assert_eq!(deadlines.next(), Some(at(101)));
        // Nobody waits for ever: patience is counted from when it was due.
        deadlines.replace(9, Some(at(300)), Some(at(1_095)));
        assert_eq!(deadlines.due(at(1_095), patience), Some((at(101), 1)));
        // One that waits already may be moved, and taken away.
        deadlines.replace(2, Some(at(102)), Some(at(5_000)));
        deadlines.replace(1, Some(at(101)), None);
        assert_eq!(deadlines.due(at(1_095), patience), Some((at(103), 3)));
        deadlines.replace(3, Some(at(103)), None);
        deadlines.replace(9, Some(at(1_095)), None);
        assert_eq!(deadlines.due(at(2_000), patience), None);
        assert!(!deadlines.is_behind());
        assert_eq!(deadlines.next(), Some(at(5_000)));
    }
}
