//! What trackers add to the priority of an instance.

use regent_common::LocalPriority;
use regent_vrrp::{Tracker, effective};

use super::InstancePlan;

/// A tracker that adds to the priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WeightPlan<'a> {
    /// The script or interface.
    pub name: &'a str,
    /// Added while it is good.
    pub good: i16,
    /// Added while it is bad.
    pub bad: i16,
}

impl InstancePlan {
    /// Every tracker with a weight; those without one mean Fault, whatever the priority.
    pub fn weights(&self) -> impl Iterator<Item = WeightPlan<'_>> {
        self.weighted().map(|(name, weight, reverse)| {
            let signed = if reverse { -weight } else { weight };
            let (good, bad) = if weight > 0 { (signed, 0) } else { (0, signed) };
            WeightPlan { name, good, bad }
        })
    }

    /// The priority when each tracker is as `is_good` says.
    pub fn priority_when(&self, is_good: impl Fn(&str) -> bool) -> LocalPriority {
        let trackers =
            self.weighted().map(|(name, weight, reverse)| Tracker { weight, reverse, good: is_good(name) });
        effective(self.priority, trackers).0
    }

    fn weighted(&self) -> impl Iterator<Item = (&str, i16, bool)> {
        let scripts = self.track_scripts.iter().map(|one| (one.name.as_str(), one.weight, one.reverse));
        let interfaces = self.track_interfaces.iter().map(|one| (one.name.as_str(), one.weight, one.reverse));
        scripts.chain(interfaces).filter(|(_, weight, _)| *weight != 0)
    }
}
