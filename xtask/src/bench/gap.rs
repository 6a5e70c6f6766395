//! The longest time between two adverts of a group, as the wire has it.

use std::{collections::BTreeMap, time::Duration};

use lab::clock::Moment;

/// The longest silence of each VRID's adverts, given by their times and VRIDs in order, that ended in the window, or had
/// not when the window did.
pub fn longest(
    adverts: impl IntoIterator<Item = (Moment, u8)>,
    from: Moment,
    until: Moment,
) -> BTreeMap<u8, Duration> {
    let mut newest: BTreeMap<u8, Moment> = BTreeMap::new();
    let mut longest: BTreeMap<u8, Duration> = BTreeMap::new();
    for (at, vrid) in adverts.into_iter().filter(|(at, _)| *at >= from && *at <= until) {
        let silence = at.since(newest.insert(vrid, at).unwrap_or(from));
        let known = longest.entry(vrid).or_default();
        *known = silence.max(*known);
    }
    for (vrid, at) in newest {
        let known = longest.entry(vrid).or_default();
        *known = until.since(at).max(*known);
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silences_are_told_apart_by_group() {
        let from = Moment::now();
        let at = |milliseconds| from.plus(Duration::from_millis(milliseconds));
        let adverts = [(at(10), 1), (at(20), 2), (at(110), 1), (at(115), 2)];
        let longest = longest(adverts, from, at(150));
        assert_eq!(longest[&1], Duration::from_millis(100));
        assert_eq!(longest[&2], Duration::from_millis(95));
        assert_eq!(longest.len(), 2);
    }

    #[test]
    fn a_silence_that_did_not_end_counts() {
        let from = Moment::now();
        let at = |milliseconds| from.plus(Duration::from_millis(milliseconds));
        assert_eq!(longest([(at(10), 1)], from, at(300))[&1], Duration::from_millis(290));
        assert!(longest([], from, at(300)).is_empty());
    }

    #[test]
    fn what_was_before_the_window_does_not_count() {
        let from = Moment::now().plus(Duration::from_secs(1));
        let until = from.plus(Duration::from_millis(40));
        let adverts =
            [(from.minus(Duration::from_millis(900)), 1), (from.plus(Duration::from_millis(30)), 1)];
        assert_eq!(longest(adverts, from, until)[&1], Duration::from_millis(30));
    }
}
