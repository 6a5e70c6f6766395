//! What other routers of a group think of a changed instance until they are changed too.

use regent_common::Version;

use super::{Diff, Fate};
use crate::{
    config::plan::{InstancePlan, Plan},
    words,
};

/// Instances that are named; of more it is said how many.
const NAMED: usize = 8;

/// A sentence for each instance whose adverts routers with the old config discard.
pub(super) fn notes(diff: &Diff, old: &Plan) -> Vec<String> {
    let mut notes: Vec<String> = diff
        .instances
        .iter()
        .filter_map(|fate| match fate {
            Fate::Changed { before, plan } => note(old.instances.get(*before)?, plan),
            Fate::Kept { .. } | Fate::Added { .. } => None,
        })
        .collect();
    if notes.len() > NAMED {
        let more = notes.len() - NAMED;
        notes.truncate(NAMED);
        notes.push(format!("the same goes for {more} more instances"));
    }
    notes
}

fn note(old: &InstancePlan, new: &InstancePlan) -> Option<String> {
    let differs = what_differs(old, new)?;
    // The soonest that any Backup takes over: one with a low priority takes a little longer.
    let time = regent_vrrp::earliest_takeover(old.interval, old.down_timer_adverts);
    let time = words::interval(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    Some(format!(
        "vrrp_instance {}: its routers discard each other's adverts while they differ in {differs}: change all of them within \
         {time}, or two are master until the last is changed",
        new.name
    ))
}

/// What makes a router of the old config discard adverts of the new one.
fn what_differs(old: &InstancePlan, new: &InstancePlan) -> Option<&'static str> {
    let is_v2 = old.version == Version::V2 && new.version == Version::V2;
    if old.version != new.version {
        Some("their version")
    } else if is_v2 && old.authentication != new.authentication {
        Some("their authentication")
    } else if is_v2 && old.interval != new.interval {
        // RFC 3768 §7.1: "MUST verify that the Adver Interval in the packet is the same as the locally configured".
        Some("their interval")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    fn notes_of(old: &str, new: &str) -> Vec<String> {
        let plan = |lines: &str| {
            let base = "interface eth0\nvirtual_router_id 50\nvirtual_ipaddress { 10.0.0.3 }";
            config::parse("c", &format!("vrrp_instance A {{\n{base}\n{lines}\n}}\n")).plan
        };
        let (old, new) = (plan(old), plan(new));
        Diff::between(&old, &new).notes(&old)
    }

    #[test]
    fn what_makes_routers_deaf_to_each_other_is_said_with_the_time_that_there_is_to_change_all_of_them() {
        let auth = |word: &str| format!("version 2\nauthentication {{\nauth_type PASS\nauth_pass {word}\n}}");
        for (old, new, what) in [
            (auth("one"), auth("two"), "their authentication"),
            ("version 2".to_owned(), "version 3".to_owned(), "their version"),
            ("version 2\nadvert_int 1".to_owned(), "version 2\nadvert_int 2".to_owned(), "their interval"),
        ] {
            let said = notes_of(&old, &new).concat();
            assert!(said.contains(what) && said.contains("within 3 s"), "{said}");
        }
    }

    #[test]
    fn a_backup_of_version_3_follows_the_masters_interval_and_priorities_and_addresses_may_differ() {
        for (old, new) in [
            ("version 3\nadvert_int 1", "version 3\nadvert_int 0.1"),
            ("priority 100", "priority 150"),
            ("", "virtual_ipaddress_excluded { 10.0.0.4 }"),
        ] {
            assert_eq!(notes_of(old, new), [""; 0], "{old:?} {new:?}");
        }
    }
}
