//! Counts by label, as small as they can be: every instance has dozens, and a snapshot of all instances is in memory
//! for as long as it takes to write it down.

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Counts in the order of their labels. The agent's own labels are not copied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally(Box<[(Cow<'static, str>, u64)]>);

impl Tally {
    /// The count of a label; `None` when it has none.
    pub fn get(&self, label: &str) -> Option<u64> {
        let at = self.0.binary_search_by(|(known, _)| (**known).cmp(label)).ok()?;
        self.0.get(at).map(|(_, count)| *count)
    }

    /// All counts together.
    pub fn sum(&self) -> u64 {
        self.0.iter().fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }

    /// Adds the counts of another, label by label.
    pub fn add(&mut self, other: &Self) {
        let mut sums: BTreeMap<Cow<'static, str>, u64> = self.0.iter().cloned().collect();
        for (label, count) in &other.0 {
            let sum = sums.entry(label.clone()).or_default();
            *sum = sum.saturating_add(*count);
        }
        *self = sums.into_iter().collect();
    }

    /// Labels and counts.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(label, count)| (&**label, *count))
    }
}

/// Of two counts with one label the later is kept.
impl<L: Into<Cow<'static, str>>> FromIterator<(L, u64)> for Tally {
    fn from_iter<I: IntoIterator<Item = (L, u64)>>(counts: I) -> Self {
        let mut counts: Vec<(Cow<'static, str>, u64)> =
            counts.into_iter().map(|(label, count)| (label.into(), count)).collect();
        counts.reverse();
        counts.sort_by(|one, other| one.0.cmp(&other.0));
        counts.dedup_by(|one, other| one.0 == other.0);
        Self(counts.into())
    }
}

impl Serialize for Tally {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Tally {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(BTreeMap::<String, u64>::deserialize(deserializer)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tally_is_written_in_order_and_read_back() {
        let tally: Tally = [("ttl", 5), ("checksum", 4)].into_iter().collect();
        assert_eq!([("ttl", 0), ("checksum", 4), ("ttl", 5)].into_iter().collect::<Tally>(), tally);
        let text = serde_json::to_string(&tally).unwrap();
        assert_eq!(text, r#"{"checksum":4,"ttl":5}"#);
        assert_eq!(serde_json::from_str::<Tally>(&text).unwrap(), tally);
        assert_eq!(tally.sum(), 9);
        assert_eq!((tally.get("ttl"), tally.get("length")), (Some(5), None));
    }

    #[test]
    fn tallies_are_added_label_by_label() {
        let mut tally: Tally = [("ttl", 5), ("checksum", 4)].into_iter().collect();
        tally.add(&[("ttl", 1), ("length", 2)].into_iter().collect());
        assert_eq!(tally, [("checksum", 4), ("length", 2), ("ttl", 6)].into_iter().collect());
    }
}
