//! What trackers add to the priority of an instance.

use regent_common::{BackupPriority, LocalPriority};

use super::{InstancePlan, Tracked};

/// What is tracked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TrackerKind {
    /// `track_script`.
    Script,
    /// `track_interface`.
    Interface,
    /// `track_file`.
    File,
    /// `track_process`.
    Process,
    /// `track_bfd`.
    Session,
}

/// A tracker that adds to the priority. A file adds what it says, which no config knows: see
/// [`InstancePlan::weighs_files`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WeightPlan<'a> {
    /// What is tracked.
    pub kind: TrackerKind,
    /// Its name.
    pub name: &'a str,
    /// Added while it is good.
    pub good: i32,
    /// Added while it is bad.
    pub bad: i32,
}

impl InstancePlan {
    /// Every tracker with a weight, except for files; those without one mean Fault, whatever the priority.
    pub fn weights(&self) -> impl Iterator<Item = WeightPlan<'_>> {
        let scripts = self
            .track_scripts
            .iter()
            .map(|one| (TrackerKind::Script, one.name.as_str(), i32::from(one.weight), one.reverse));
        let interfaces = self
            .track_interfaces
            .iter()
            .map(|one| (TrackerKind::Interface, one.name.as_str(), i32::from(one.weight), one.reverse));
        let all = scripts
            .chain(interfaces)
            .chain(wide(TrackerKind::Process, &self.track_processes))
            .chain(wide(TrackerKind::Session, &self.track_bfds));
        all.filter(|(_, _, weight, _)| *weight != 0).map(|(kind, name, weight, reverse)| {
            let signed = if reverse { weight.saturating_neg() } else { weight };
            let (good, bad) = if weight > 0 { (signed, 0) } else { (0, signed) };
            WeightPlan { kind, name, good, bad }
        })
    }

    /// A file is tracked whose number is added: the priority may become any.
    pub fn weighs_files(&self) -> bool {
        self.track_files.iter().any(|tracked| tracked.weight != 0)
    }

    /// The priority when each tracker is as `is_good` says, and every file says 0.
    pub fn priority_when(&self, is_good: impl Fn(&WeightPlan<'_>) -> bool) -> LocalPriority {
        match self.priority {
            LocalPriority::Owner => LocalPriority::Owner,
            LocalPriority::Backup(base) => {
                let added =
                    self.weights().map(|weight| if is_good(&weight) { weight.good } else { weight.bad });
                let sum = added.fold(i32::from(base.get()), i32::saturating_add);
                LocalPriority::Backup(BackupPriority::clamped(sum))
            }
        }
    }
}

fn wide(kind: TrackerKind, tracked: &[Tracked]) -> impl Iterator<Item = (TrackerKind, &str, i32, bool)> {
    tracked.iter().map(move |one| (kind, one.name.as_str(), one.weight, one.reverse))
}

#[cfg(test)]
mod tests {
    use regent_vrrp::{Tracker, effective};

    use crate::config;

    /// What is said here must be what the election makes of it.
    #[test]
    fn the_sums_are_those_of_the_election() {
        for (weight, reverse) in [(7, false), (-7, false), (7, true), (-7, true), (253, false), (-253, false)]
        {
            let said = if reverse { "reverse" } else { "" };
            let text = format!(
                "vrrp_instance A {{\ninterface eth0\nvirtual_router_id 1\npriority 100\n\
                 virtual_ipaddress {{ 192.0.2.1 }}\ntrack_interface {{ eth1 weight {weight} {said}\n}}\n}}\n"
            );
            let plan = config::parse("c", &text).plan;
            let instance = plan.instances.first().unwrap();
            for good in [true, false] {
                let tracker = Tracker { weight, reverse, good };
                let expected = effective(instance.priority, std::iter::once(tracker)).0;
                assert_eq!(instance.priority_when(|_| good), expected, "{weight} {said} {good}");
            }
        }
    }
}
