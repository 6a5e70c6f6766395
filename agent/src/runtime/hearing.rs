//! What one instance has heard: which adverts were already handed to its machine, and the arrivals that the socket
//! carried (the kernel keeps those that XDP carried, in the slots).

use std::time::Duration;

use regent_common::{Counter, Reason, advert::Heard, arrival::Arrivals, check, map::SLOTS_PER_INSTANCE};
use regent_vrrp::Instant;

const NOTHING: [u64; Counter::COUNT] = [0; Counter::COUNT];

/// One source.
#[derive(Clone, Copy, Debug)]
pub struct Source {
    /// Its newest advert that was handed over.
    pub heard: Heard,
    /// When that arrived.
    pub arrived: Instant,
    /// What the socket carried of it.
    pub arrivals: Arrivals,
}

/// Sources and counters of one instance. Bounded: a forger who invents sources pushes out the one heard longest ago.
#[derive(Debug)]
pub struct Hearing {
    sources: Vec<Source>,
    /// Absent until the socket carries something, which it never does while XDP does, or another agent left its counts.
    counters: Option<Box<[u64; Counter::COUNT]>>,
}

impl Hearing {
    /// Nothing heard.
    pub const fn new() -> Self {
        Self { sources: Vec::new(), counters: None }
    }

    /// Takes over what another agent heard and counted: all of it, by whatever carrier.
    pub fn inherit(&mut self, sources: Vec<Source>, counted: [u64; Counter::COUNT]) {
        self.sources = sources;
        self.sources.truncate(SLOTS_PER_INSTANCE);
        self.counters = Some(Box::new(counted));
    }

    /// Whether this advert is newer than the last one handed over from the same source; if so it counts as handed over.
    /// The ring and the slots tell of the same advert twice.
    pub fn is_news(&mut self, heard: &Heard, arrived: Instant) -> bool {
        if let Some(known) = self.sources.iter_mut().find(|known| known.heard.source == heard.source) {
            if arrived <= known.arrived {
                return false;
            }
            known.heard = *heard;
            known.arrived = arrived;
            return true;
        }
        if self.sources.len() >= SLOTS_PER_INSTANCE {
            let oldest = (0..self.sources.len()).min_by_key(|at| self.sources[*at].arrived);
            if let Some(oldest) = oldest {
                self.sources.swap_remove(oldest);
            }
        }
        self.sources.push(Source { heard: *heard, arrived, arrivals: Arrivals::default() });
        true
    }

    /// What `source` said at `before`, when that was not handed over: the same as the last time.
    pub fn unread(&self, source: &[u8; 16], before: Instant) -> Option<Heard> {
        self.newest_of(source).filter(|known| known.arrived < before).map(|known| known.heard)
    }

    /// The arrival of a packet from the socket, which tells of each packet once and in order: later than the one before of
    /// the same source, even when the clock that stamped them cannot tell them apart.
    pub fn in_order(&self, source: &[u8; 16], arrived: Instant) -> Instant {
        match self.newest_of(source) {
            Some(known) if known.arrived >= arrived => known.arrived + Duration::from_nanos(1),
            Some(_) | None => arrived,
        }
    }

    /// Counts an advert that the socket carried, after [`Self::is_news`].
    pub fn carried_by_socket(&mut self, heard: &Heard, arrived: Instant) {
        check::count_accepted(heard, |counter| self.count(counter));
        let interval = heard.interval().map_or(0, |interval| interval.nanoseconds());
        if let Some(known) = self.sources.iter_mut().find(|known| known.heard.source == heard.source) {
            known.arrivals.note(arrived.nanoseconds(), interval, heard.priority == 0);
        }
    }

    /// Counts a rejection by the socket carrier.
    pub fn rejected(&mut self, reason: Reason) {
        self.count(Counter::Rejected(reason));
    }

    /// Counts one.
    pub fn count(&mut self, counter: Counter) {
        let counters = self.counters.get_or_insert_with(|| Box::new(NOTHING));
        if let Some(slot) = counters.get_mut(counter.slot() as usize) {
            *slot = slot.wrapping_add(1);
        }
    }

    /// What the socket carrier counted, by slot.
    pub fn counters(&self) -> &[u64; Counter::COUNT] {
        self.counters.as_deref().unwrap_or(&NOTHING)
    }

    /// Who was heard.
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// The newest advert of `source`.
    pub fn newest_of(&self, source: &[u8; 16]) -> Option<&Source> {
        self.sources.iter().find(|known| known.heard.source == *source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(last: u8) -> Heard {
        let mut source = [0; 16];
        source[3] = last;
        Heard {
            source,
            addresses: 0,
            interval: 100,
            notes: 0,
            priority: 100,
            version: 3,
            count: 1,
            family: 4,
        }
    }

    #[test]
    fn an_advert_told_of_by_ring_and_slot_is_handed_over_once() {
        let mut hearing = Hearing::new();
        assert!(hearing.is_news(&from(1), Instant::from_nanoseconds(10)));
        assert!(!hearing.is_news(&from(1), Instant::from_nanoseconds(10)));
        assert!(!hearing.is_news(&from(1), Instant::from_nanoseconds(9)));
        assert!(hearing.is_news(&from(1), Instant::from_nanoseconds(11)));
    }

    #[test]
    fn an_advert_that_was_overwritten_before_it_was_read_is_known_by_the_one_before_it() {
        let mut hearing = Hearing::new();
        assert_eq!(hearing.unread(&from(1).source, Instant::from_nanoseconds(5)), None);
        assert!(hearing.is_news(&from(1), Instant::from_nanoseconds(10)));
        assert_eq!(hearing.unread(&from(1).source, Instant::from_nanoseconds(10)), None);
        assert_eq!(hearing.unread(&from(1).source, Instant::from_nanoseconds(20)), Some(from(1)));
    }

    #[test]
    fn two_packets_of_one_moment_are_both_news() {
        let mut hearing = Hearing::new();
        let moment = Instant::from_nanoseconds(10);
        for _ in 0..2 {
            let arrived = hearing.in_order(&from(1).source, moment);
            assert!(hearing.is_news(&from(1), arrived));
        }
    }

    #[test]
    fn invented_sources_do_not_grow_the_table() {
        let mut hearing = Hearing::new();
        for last in 0..=255 {
            assert!(hearing.is_news(&from(last), Instant::from_nanoseconds(u64::from(last))));
        }
        assert_eq!(hearing.sources().len(), SLOTS_PER_INSTANCE);
        assert!(hearing.newest_of(&from(255).source).is_some());
    }
}
