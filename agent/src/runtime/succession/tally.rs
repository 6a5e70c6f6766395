//! What an instance counted, by name: an agent that counts something else too, or no more, reads what it knows.

use std::collections::BTreeMap;

use regent_common::{Counter, map::InstanceSlots};

use super::memory::HeardSource;
use crate::{
    runtime::{hearing::Source, instance::Statistics},
    words,
};

/// The prefix of transitions, before the word of the state that was entered.
const ENTERED: &str = "entered_";
/// The prefix of rejections, whose names are reasons.
const REJECTED: &str = "rejected_";

/// Writes statistics down.
pub fn statistics(statistics: &Statistics) -> BTreeMap<String, u64> {
    let mut counts = statistics.clone();
    let mut named: BTreeMap<String, u64> =
        fields(&mut counts).map(|(name, count)| (name.to_owned(), *count)).into();
    for (state, count) in words::STATES.into_iter().zip(statistics.transitions) {
        named.insert(format!("{ENTERED}{}", words::state(state)), count);
    }
    named
}

/// Reads them again.
pub fn read_statistics(named: &BTreeMap<String, u64>) -> Statistics {
    let mut statistics = Statistics::default();
    for (name, count) in fields(&mut statistics) {
        *count = named.get(name).copied().unwrap_or(0);
    }
    for (state, count) in words::STATES.into_iter().zip(&mut statistics.transitions) {
        *count = named.get(&format!("{ENTERED}{}", words::state(state))).copied().unwrap_or(0);
    }
    statistics
}

fn fields(statistics: &mut Statistics) -> [(&'static str, &mut u64); 7] {
    let Statistics {
        adverts_sent,
        priority_zero_sent,
        send_errors,
        announcements_sent,
        transitions: _,
        became_master,
        released_master,
        addresses_restored,
    } = statistics;
    [
        ("adverts_sent", adverts_sent),
        ("priority_zero_sent", priority_zero_sent),
        ("send_errors", send_errors),
        ("announcements_sent", announcements_sent),
        ("became_master", became_master),
        ("released_master", released_master),
        ("addresses_restored", addresses_restored),
    ]
}

/// Writes down what the carriers counted.
pub fn counters(counted: &[u64; Counter::COUNT]) -> BTreeMap<String, u64> {
    let counts = Counter::all().map(|counter| (name(counter), counted[counter.slot() as usize]));
    counts.filter(|(_, count)| *count > 0).collect()
}

/// Reads it again.
pub fn read_counters(named: &BTreeMap<String, u64>) -> [u64; Counter::COUNT] {
    let mut counted = [0; Counter::COUNT];
    for counter in Counter::all() {
        counted[counter.slot() as usize] = named.get(&name(counter)).copied().unwrap_or(0);
    }
    counted
}

fn name(counter: Counter) -> String {
    // Reasons have labels of their own, which another counter may have too.
    let prefix = if matches!(counter, Counter::Rejected(_)) { REJECTED } else { "" };
    format!("{prefix}{}", counter.label())
}

/// Who was heard by sockets, and of that what the kernel has counted beside.
pub fn sources(heard: &[Source], slots: Option<&InstanceSlots>) -> Vec<HeardSource> {
    let mut sources: Vec<Source> = heard.to_vec();
    for slot in slots.iter().flat_map(|slots| slots.slots.iter().filter(|slot| slot.is_whole())) {
        let Some(source) = sources.iter_mut().find(|source| source.heard.source == slot.heard.source) else {
            continue;
        };
        let (sum, kernel) = (&mut source.arrivals, &slot.arrivals);
        sum.last = sum.last.max(kernel.last);
        sum.received += kernel.received;
        sum.lost += kernel.lost;
        sum.silences += kernel.silences;
        for (bucket, count) in sum.histogram.iter_mut().zip(kernel.histogram) {
            *bucket += count;
        }
    }
    sources.iter().map(HeardSource::of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_read_by_name_and_what_is_not_known_is_read_over() {
        let mut counted = Statistics { adverts_sent: 7, became_master: 2, ..Statistics::default() };
        counted.transitions = [1, 2, 3, 4];
        let mut named = statistics(&counted);
        named.insert("songs_sung".into(), 99);
        named.remove("became_master");
        let read = read_statistics(&named);
        assert_eq!((read.adverts_sent, read.became_master, read.transitions), (7, 0, [1, 2, 3, 4]));
    }

    #[test]
    fn every_counter_has_a_name_of_its_own() {
        let mut counted = [0; Counter::COUNT];
        for (at, count) in counted.iter_mut().enumerate() {
            *count = at as u64 + 1;
        }
        let named = counters(&counted);
        assert_eq!(named.len(), Counter::COUNT);
        assert_eq!(read_counters(&named), counted);
    }
}
