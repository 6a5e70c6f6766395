//! Announcements that are still to be sent, and the pace they keep.
//!
//! A batch goes round the addresses of an instance, as keepalived's does, so that each of them is announced once before
//! any is announced twice, and round by round instances take turns. Where a pace is configured, announcements through one
//! lane follow each other no faster; a batch that waits for its lane does not keep others from theirs.
//!
//! A batch may be held until the kernel takes packets for its addresses: caches must not stay with a host that does not
//! take them. Only the first announcements of a few addresses go ahead.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use regent_common::Family;
use regent_vrrp::Instant;

use super::addressing::Positions;

/// Frames sent in one turn at most, so that an announcement of thousands does not make an advert late.
pub const FRAMES_PER_TURN: usize = 256;

/// Announcements of a batch that go out although it is held.
const AHEAD: usize = 64;

/// What shares a pace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// The interfaces of a `garp_group`, by its position.
    Group(usize, Family),
    /// One interface, by its index.
    Interface(u32, Family),
}

/// One batch of one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Batch {
    instance: usize,
    /// Which addresses; never none.
    addresses: Positions,
    next: usize,
    total: usize,
    /// It waits until then, unless it is released earlier.
    held: Option<Instant>,
    /// So many go out although it is held.
    ahead: usize,
}

impl Batch {
    fn is_repeating(&self) -> bool {
        self.next >= self.addresses.len()
    }
}

/// Batches in order. Bounded: an instance has at most one, a new one replaces it.
#[derive(Debug, Default)]
pub struct Announcing {
    batches: VecDeque<Batch>,
    /// When a lane is free again.
    lanes: HashMap<Lane, Instant>,
    /// Lanes of what is on its way out, with the pause that begins when it has left.
    leaving: Vec<(Lane, Duration)>,
    /// Nothing goes out until then.
    rest: Option<Instant>,
    /// The first moment at which a batch that is held or waits for its lane goes on.
    resumes: Option<Instant>,
}

impl Announcing {
    /// Announces these addresses of `instance`, each `repeat` times; not before the moment `held`, or until
    /// [`Self::release`] says so.
    ///
    /// Where each is announced more than once, the first of a few go ahead: the kernel takes packets for those within the
    /// time that a cache takes to change, and until then they went to a host that is gone. What is held repeats them.
    pub fn begin(&mut self, instance: usize, addresses: Positions, repeat: u8, held: Option<Instant>) {
        self.cancel(instance);
        let total = addresses.len() * usize::from(repeat);
        if total > 0 {
            let ahead = if repeat > 1 { addresses.len().min(AHEAD) } else { 0 };
            // Ahead of what only says again what was said.
            let repeating = self.batches.iter().position(Batch::is_repeating);
            let batch = Batch { instance, addresses, next: 0, total, held, ahead };
            self.batches.insert(repeating.unwrap_or(self.batches.len()), batch);
            self.rest = None;
            self.resumes = None;
        }
    }

    /// Forgets what is still to be announced of `instance`.
    pub fn cancel(&mut self, instance: usize) {
        self.batches.retain(|batch| batch.instance != instance);
    }

    /// How often each address of `instance` is to be announced yet, at most.
    pub fn left_of(&self, instance: usize) -> u8 {
        let batch = self.batches.iter().find(|batch| batch.instance == instance);
        let left = batch.map_or(0, |batch| (batch.total - batch.next).div_ceil(batch.addresses.len().max(1)));
        u8::try_from(left).unwrap_or(u8::MAX)
    }

    /// Instances whose batch is held.
    pub fn held(&self) -> impl Iterator<Item = usize> {
        self.batches.iter().filter(|batch| batch.held.is_some()).map(|batch| batch.instance)
    }

    /// What is held of `instance` goes on.
    pub fn release(&mut self, instance: usize) {
        for batch in self.batches.iter_mut().filter(|batch| batch.instance == instance) {
            if batch.held.take().is_some() {
                self.rest = None;
                self.resumes = None;
            }
        }
    }

    /// Whether something may be announced at once: all that is left may be held or waiting for its lane.
    pub fn has_work(&self) -> bool {
        !self.batches.is_empty() && self.resumes.is_none()
    }

    /// When to go on, if all that is left is held or waits for its lane.
    pub fn resumes(&self) -> Option<Instant> {
        self.resumes.filter(|_| !self.batches.is_empty())
    }

    /// The next address to announce: for which instance, and where it is among all addresses. `pace` tells the lane of an address and the
    /// shortest time between two announcements in it; `None`: it goes at once.
    pub fn next(
        &mut self,
        now: Instant,
        pace: impl Fn(usize) -> Option<(Lane, Duration)>,
    ) -> Option<(usize, usize)> {
        self.rest = self.rest.filter(|rest| *rest > now);
        self.resumes = self.rest;
        if self.rest.is_some() {
            return None;
        }
        for at in 0..self.batches.len() {
            let batch = self.batches.get_mut(at)?;
            if let Some(held) = batch.held.filter(|held| *held > now && batch.next >= batch.ahead) {
                self.resumes = Some(self.resumes.map_or(held, |resumes| resumes.min(held)));
                continue;
            }
            batch.held = batch.held.filter(|held| *held > now);
            let position = *batch.addresses.get(batch.next % batch.addresses.len().max(1))?;
            if let Some((lane, pause)) = pace(position) {
                let free = self.lanes.get(&lane).copied().unwrap_or(now);
                if free > now {
                    self.resumes = Some(self.resumes.map_or(free, |resumes| resumes.min(free)));
                    continue;
                }
                self.lanes.insert(lane, now + pause);
                self.leaving.push((lane, pause));
            }
            let instance = batch.instance;
            batch.next += 1;
            // The next round is the others' first.
            if batch.next.is_multiple_of(batch.addresses.len())
                && let Some(batch) = self.batches.remove(at)
                && batch.next < batch.total
            {
                self.batches.push_back(batch);
            }
            self.resumes = None;
            return Some((instance, position));
        }
        None
    }

    /// Whether every address was announced once: what is left says it again.
    pub fn is_repeating(&self) -> bool {
        self.batches.front().is_some_and(Batch::is_repeating)
    }

    /// Lets nothing out until then, unless there is something new to announce.
    pub fn rest(&mut self, until: Instant) {
        self.rest = Some(until);
        self.resumes = Some(until);
    }

    /// All that [`Self::next`] gave out has left at `now`: pauses begin only then, or what a long turn sent late would be
    /// followed too soon.
    pub fn left(&mut self, now: Instant) {
        for (lane, pause) in self.leaving.drain(..) {
            let free = now + pause;
            let before = self.lanes.insert(lane, free);
            if before.is_some() && self.resumes == before {
                self.resumes = Some(free);
            }
        }
    }

    /// Whether anything that keeps a pace is on its way out.
    pub fn is_leaving(&self) -> bool {
        !self.leaving.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Duration = Duration::from_millis(10);

    fn at(milliseconds: u64) -> Instant {
        Instant::from_nanoseconds(milliseconds * 1_000_000)
    }

    /// The first addresses of an instance, which begin at ten times its number.
    fn own(instance: usize, count: usize) -> Positions {
        Positions::new((0..count).map(|nth| 10 * instance + nth).collect())
    }

    fn at_once(_: usize) -> Option<(Lane, Duration)> {
        None
    }

    fn one_lane(_: usize) -> Option<(Lane, Duration)> {
        Some((Lane::Group(0, Family::Ipv4), PACE))
    }

    #[test]
    fn every_address_is_announced_once_before_any_is_announced_twice() {
        let mut announcing = Announcing::default();
        announcing.begin(3, own(3, 2), 2, None);
        let sent: Vec<_> = std::iter::from_fn(|| announcing.next(at(0), at_once)).collect();
        assert_eq!(sent, [(3, 30), (3, 31), (3, 30), (3, 31)]);
        assert!(!announcing.has_work());
    }

    #[test]
    fn each_instance_is_announced_once_before_any_is_announced_twice() {
        let mut announcing = Announcing::default();
        announcing.begin(1, own(1, 2), 2, None);
        announcing.begin(2, own(2, 1), 3, None);
        let sent: Vec<_> = std::iter::from_fn(|| announcing.next(at(0), at_once)).collect();
        assert_eq!(sent, [(1, 10), (1, 11), (2, 20), (1, 10), (1, 11), (2, 20), (2, 20)]);
        assert!(!announcing.has_work());
    }

    #[test]
    fn what_is_new_goes_ahead_of_what_is_said_again_and_ends_a_rest() {
        let mut announcing = Announcing::default();
        announcing.begin(1, own(1, 1), 3, None);
        assert_eq!((announcing.is_repeating(), announcing.next(at(0), at_once)), (false, Some((1, 10))));
        assert!(announcing.is_repeating());
        announcing.rest(at(5));
        assert_eq!(announcing.next(at(4), at_once), None);
        assert_eq!((announcing.has_work(), announcing.resumes()), (false, Some(at(5))));
        assert_eq!(announcing.next(at(5), at_once), Some((1, 10)));
        announcing.rest(at(9));
        announcing.begin(2, own(2, 1), 1, None);
        assert!(announcing.has_work());
        assert_eq!(announcing.next(at(6), at_once), Some((2, 20)));
        assert_eq!(announcing.next(at(6), at_once), Some((1, 10)));
    }

    #[test]
    fn an_instance_that_gives_up_announces_nothing_more() {
        let mut announcing = Announcing::default();
        announcing.begin(1, own(1, 5), 5, None);
        announcing.begin(2, own(2, 1), 1, None);
        announcing.cancel(1);
        assert_eq!(announcing.next(at(0), at_once), Some((2, 20)));
        assert_eq!(announcing.next(at(0), at_once), None);
    }

    #[test]
    fn a_new_batch_replaces_the_old_one() {
        let mut announcing = Announcing::default();
        announcing.begin(1, own(1, 1), 5, None);
        announcing.begin(1, own(1, 1), 1, None);
        assert_eq!(announcing.next(at(0), at_once), Some((1, 10)));
        assert_eq!(announcing.next(at(0), at_once), None);
    }

    #[test]
    fn announcements_of_one_lane_keep_its_pace() {
        let mut announcing = Announcing::default();
        announcing.begin(0, own(0, 2), 1, None);
        announcing.begin(1, own(1, 1), 1, None);
        assert_eq!(announcing.next(at(0), one_lane), Some((0, 0)));
        assert_eq!(announcing.next(at(9), one_lane), None);
        assert_eq!((announcing.resumes(), announcing.has_work()), (Some(at(10)), false));
        assert_eq!(announcing.next(at(10), one_lane), Some((0, 1)));
        assert_eq!(announcing.next(at(25), one_lane), Some((1, 10)));
        assert_eq!(announcing.resumes(), None);
    }

    #[test]
    fn a_pause_begins_when_the_announcement_has_left() {
        let mut announcing = Announcing::default();
        announcing.begin(0, own(0, 1), 2, None);
        assert_eq!(announcing.next(at(0), one_lane), Some((0, 0)));
        assert_eq!(announcing.next(at(0), one_lane), None);
        assert!(announcing.is_leaving());
        announcing.left(at(6));
        assert!(!announcing.is_leaving());
        assert_eq!(announcing.resumes(), Some(at(16)));
        assert_eq!(announcing.next(at(15), one_lane), None);
        assert_eq!(announcing.next(at(16), one_lane), Some((0, 0)));
    }

    #[test]
    fn a_lane_that_waits_does_not_hold_up_another() {
        let lanes = |position: usize| Some((Lane::Interface(position as u32 / 10, Family::Ipv6), PACE));
        let mut announcing = Announcing::default();
        announcing.begin(0, own(0, 1), 2, None);
        announcing.begin(1, own(1, 1), 1, None);
        assert_eq!(announcing.next(at(0), lanes), Some((0, 0)));
        assert_eq!(announcing.next(at(0), lanes), Some((1, 10)));
        assert_eq!(announcing.next(at(0), lanes), None);
        assert_eq!(announcing.resumes(), Some(at(10)));
    }

    #[test]
    fn the_first_announcement_of_each_address_goes_ahead_of_what_is_held() {
        let mut announcing = Announcing::default();
        announcing.begin(0, own(0, 2), 5, Some(at(100)));
        assert_eq!(announcing.next(at(0), at_once), Some((0, 0)));
        assert_eq!(announcing.next(at(0), at_once), Some((0, 1)));
        assert_eq!(announcing.next(at(0), at_once), None);
        assert_eq!((announcing.held().count(), announcing.resumes()), (1, Some(at(100))));
        announcing.release(0);
        assert_eq!(std::iter::from_fn(|| announcing.next(at(1), at_once)).count(), 8);
    }

    #[test]
    fn a_batch_that_is_held_goes_on_when_it_is_released_and_holds_up_no_other() {
        let mut announcing = Announcing::default();
        announcing.begin(0, own(0, 1), 1, Some(at(100)));
        announcing.begin(1, own(1, 1), 1, None);
        assert_eq!(announcing.next(at(0), at_once), Some((1, 10)));
        assert_eq!(announcing.next(at(0), at_once), None);
        assert_eq!((announcing.has_work(), announcing.resumes()), (false, Some(at(100))));
        assert_eq!(announcing.held().collect::<Vec<_>>(), [0]);
        announcing.release(0);
        assert_eq!((announcing.has_work(), announcing.held().count()), (true, 0));
        assert_eq!(announcing.next(at(1), at_once), Some((0, 0)));
    }

    #[test]
    fn a_batch_that_nobody_releases_is_held_no_longer_than_said() {
        let mut announcing = Announcing::default();
        announcing.begin(0, own(0, 2), 1, Some(at(100)));
        assert_eq!(announcing.next(at(99), at_once), None);
        assert_eq!(announcing.next(at(100), at_once), Some((0, 0)));
        assert_eq!((announcing.held().count(), announcing.has_work()), (0, true));
        assert_eq!(announcing.next(at(100), at_once), Some((0, 1)));
    }
}
