//! One queue of deadlines for everything on the VRRP thread: the earliest of them sets the timer.

use std::collections::BTreeSet;

use regent_vrrp::Instant;

/// Deadlines by owner; an owner has at most one.
#[derive(Debug)]
pub struct Deadlines<Owner> {
    queue: BTreeSet<(Instant, Owner)>,
}

impl<Owner: Ord + Copy> Deadlines<Owner> {
    /// No deadline.
    pub const fn new() -> Self {
        Self { queue: BTreeSet::new() }
    }

    /// Moves the deadline of `owner` from `before` to `after`.
    pub fn replace(&mut self, owner: Owner, before: Option<Instant>, after: Option<Instant>) {
        if before == after {
            return;
        }
        if let Some(before) = before {
            self.queue.remove(&(before, owner));
        }
        if let Some(after) = after {
            self.queue.insert((after, owner));
        }
    }

    /// The earliest.
    pub fn next(&self) -> Option<Instant> {
        self.queue.first().map(|(at, _)| *at)
    }

    /// The earliest that is due at `now`. It stays in the queue until it is replaced.
    pub fn due(&self, now: Instant) -> Option<(Instant, Owner)> {
        self.queue.first().copied().filter(|(at, _)| *at <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(nanoseconds: u64) -> Instant {
        Instant::from_nanoseconds(nanoseconds)
    }

    #[test]
    fn the_earliest_due_deadline_comes_first_and_stays_until_replaced() {
        let mut deadlines = Deadlines::new();
        deadlines.replace(1, None, Some(at(20)));
        deadlines.replace(2, None, Some(at(10)));
        assert_eq!(deadlines.next(), Some(at(10)));
        assert_eq!(deadlines.due(at(9)), None);
        assert_eq!(deadlines.due(at(30)), Some((at(10), 2)));
        assert_eq!(deadlines.due(at(30)), Some((at(10), 2)));
        deadlines.replace(2, Some(at(10)), Some(at(40)));
        assert_eq!(deadlines.due(at(30)), Some((at(20), 1)));
        deadlines.replace(1, Some(at(20)), None);
        assert_eq!(deadlines.due(at(30)), None);
        assert_eq!(deadlines.next(), Some(at(40)));
    }
}
