//! Announcements that are still to be sent. A batch goes round the addresses, as keepalived's does, so that each of them
//! is announced once before any is announced twice.

use std::collections::VecDeque;

/// Frames sent in one turn at most, so that an announcement of thousands does not make an advert late.
pub const FRAMES_PER_TURN: usize = 256;

/// One batch of one instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Batch {
    instance: usize,
    addresses: usize,
    next: usize,
    total: usize,
}

/// Batches in order. Bounded: an instance has at most one, a new one replaces it.
#[derive(Debug, Default)]
pub struct Announcing {
    batches: VecDeque<Batch>,
}

impl Announcing {
    /// Announces `addresses` addresses of `instance`, each `repeat` times.
    pub fn begin(&mut self, instance: usize, addresses: usize, repeat: u8) {
        self.cancel(instance);
        let total = addresses * usize::from(repeat);
        if total > 0 {
            self.batches.push_back(Batch { instance, addresses, next: 0, total });
        }
    }

    /// Forgets what is still to be announced of `instance`.
    pub fn cancel(&mut self, instance: usize) {
        self.batches.retain(|batch| batch.instance != instance);
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// The next instance and the addresses (by position) to announce, at most `limit`.
    pub fn next(&mut self, limit: usize) -> Option<(usize, Vec<usize>)> {
        let batch = self.batches.front_mut()?;
        let end = batch.total.min(batch.next.saturating_add(limit));
        let positions = (batch.next..end).map(|at| at % batch.addresses).collect();
        let instance = batch.instance;
        batch.next = end;
        if batch.next == batch.total {
            self.batches.pop_front();
        }
        Some((instance, positions))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_is_announced_once_before_any_is_announced_twice() {
        let mut announcing = Announcing::default();
        announcing.begin(3, 2, 2);
        assert_eq!(announcing.next(3), Some((3, vec![0, 1, 0])));
        assert_eq!(announcing.next(3), Some((3, vec![1])));
        assert_eq!(announcing.next(3), None);
    }

    #[test]
    fn an_instance_that_gives_up_announces_nothing_more() {
        let mut announcing = Announcing::default();
        announcing.begin(1, 5, 5);
        announcing.begin(2, 1, 1);
        announcing.cancel(1);
        assert_eq!(announcing.next(100), Some((2, vec![0])));
        assert!(announcing.is_empty());
    }

    #[test]
    fn a_new_batch_replaces_the_old_one() {
        let mut announcing = Announcing::default();
        announcing.begin(1, 1, 5);
        announcing.begin(1, 1, 1);
        assert_eq!(announcing.next(100), Some((1, vec![0])));
        assert!(announcing.is_empty());
    }
}
