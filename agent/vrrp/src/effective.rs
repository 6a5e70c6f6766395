//! What trackers do to a priority, as keepalived does it. Arithmetic only: who tracks what is not known here.

use regent_common::{BackupPriority, LocalPriority};

/// What one tracker contributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tracker {
    /// Positive: counts while the tracker is good. Negative: counts while it is bad. Zero: while it is bad the router
    /// cannot take part.
    pub weight: i16,
    /// The sign of what counts is flipped; for a tracker without weight, good and bad change places.
    pub reverse: bool,
    /// Whether the tracked thing is up, running or succeeding.
    pub good: bool,
}

impl Tracker {
    /// What it adds to the priority.
    const fn adds(self) -> i32 {
        let counts = match self.weight {
            0 => false,
            1.. => self.good,
            ..0 => !self.good,
        };
        match (counts, self.reverse) {
            (false, _) => 0,
            (true, false) => self.weight as i32,
            (true, true) => -(self.weight as i32),
        }
    }

    /// Whether it alone keeps the router from taking part.
    const fn forbids(self) -> bool {
        self.weight == 0 && self.good == self.reverse
    }
}

/// The effective priority of `base` under `trackers`, and the position of the first tracker without weight that is
/// bad: while there is one, the router is in Fault.
///
/// All weights are summed up first; the sum is then held inside 1..=254. The owner's priority never changes.
pub fn effective(
    base: LocalPriority,
    trackers: impl Iterator<Item = Tracker>,
) -> (LocalPriority, Option<usize>) {
    let mut added = 0_i32;
    let mut forbidding = None;
    for (position, tracker) in trackers.enumerate() {
        added = added.saturating_add(tracker.adds());
        if forbidding.is_none() && tracker.forbids() {
            forbidding = Some(position);
        }
    }
    let priority = match base {
        LocalPriority::Owner => LocalPriority::Owner,
        LocalPriority::Backup(base) => {
            LocalPriority::Backup(BackupPriority::clamped(i32::from(base.get()).saturating_add(added)))
        }
    };
    (priority, forbidding)
}
