//! What the counters say about the group: routers that reject each other, or that are configured differently. Two masters at
//! 3 a.m. mostly are one of these, so each is said while it lasts, with what to do. So is what an instance was told to be and
//! cannot be here.

use std::sync::Arc;

use regent_common::{Counter, Reason, Version, advert::ChecksumForm};

use super::{engine::Engine, instance::Instance, port::Port};
use crate::{
    config::plan::InstancePlan,
    observe::{data_plane::Hook, sentence},
};

/// Each instance is looked at once in so many ticks of a second.
const EVERY: usize = 10;
/// So many packets in that time are no accident.
const THAT_MATTER: u64 = 3;

/// All the kinds of trouble that are found here, so that each can be taken back.
const KINDS: [&str; 7] =
    ["rejected", "address list", "interval", "owner", "checksum", "two daemons", "virtual MAC"];

type Counts = [u64; Counter::COUNT];

impl Engine {
    /// Looks at a part of the instances each tick.
    pub(super) fn look_for_disagreements(&mut self) {
        self.ticks = self.ticks.wrapping_add(1);
        let turn = self.ticks % EVERY;
        for at in (0..self.instances.len()).filter(|at| at % EVERY == turn) {
            if !self.instances[at].is_present() {
                continue;
            }
            let counted = self.counted(at);
            let instance = &mut self.instances[at];
            let news = gained(&instance.counted_before, &counted);
            instance.counted_before = counted;
            for kind in KINDS {
                instance.troubles.remove(kind);
            }
            let name = Arc::clone(&instance.name);
            let mac =
                without_virtual_mac(instance, &self.ports[instance.port]).map(|text| ("virtual MAC", text));
            for (kind, text) in findings(&instance.plan, &news).into_iter().chain(mac) {
                instance.troubles.insert(kind, text.clone());
                self.teller.trouble(self.now, &name, text);
            }
        }
    }
}

fn gained(before: &Counts, now: &Counts) -> Counts {
    let mut gained = *now;
    for (now, before) in gained.iter_mut().zip(before) {
        *now = now.wrapping_sub(*before);
    }
    gained
}

/// What is wrong, by kind, when so much was counted. No numbers, so that the same trouble reads the same.
fn findings(plan: &InstancePlan, news: &Counts) -> Vec<(&'static str, String)> {
    let count = |counter: Counter| news.get(counter.slot() as usize).copied().unwrap_or(0);
    let matters = |counter: Counter| count(counter) >= THAT_MATTER;
    let vrid = plan.vrid;
    let mut findings = Vec::new();
    let worst = Reason::ALL.iter().copied().max_by_key(|reason| count(Counter::Rejected(*reason)));
    if let Some(reason) = worst.filter(|reason| matters(Counter::Rejected(*reason))) {
        let (text, advice) = (reason.text(), sentence::advice(reason));
        findings.push(("rejected", format!("adverts of VRID {vrid} are rejected: {text}; {advice}")));
    }
    if matters(Counter::AddressListMismatch) {
        findings.push((
            "address list",
            format!(
                "adverts of VRID {vrid} name other addresses than this config: they are accepted here, but some routers \
                 (keepalived before 2.3.3, others) reject such and become master too; make the lists equal"
            ),
        ));
    }
    if matters(Counter::IntervalLearned) {
        findings.push((
            "interval",
            format!(
                "adverts of VRID {vrid} come at another interval than this config has: it is learned, and changes with the \
                 master; say the same advert_int on all routers"
            ),
        ));
    }
    if matters(Counter::OwnerConflict) {
        findings.push((
            "owner",
            format!(
                "another router is master of VRID {vrid} although this one owns the addresses (priority 255); only one \
                 router of a group may have priority 255"
            ),
        ));
    }
    let other_form = match (plan.version, plan.checksum) {
        (Version::V2, _) => None,
        (Version::V3, ChecksumForm::PseudoHeader) => {
            Some((Counter::ChecksumMessageOnly, "RFC 9568", "v3_checksum_as_v2"))
        }
        (Version::V3, ChecksumForm::MessageOnly) => {
            Some((Counter::ChecksumPseudoHeader, "RFC 5798", "no v3_checksum_as_v2"))
        }
        (Version::V3, ChecksumForm::OldUnicast) => {
            Some((Counter::ChecksumPseudoHeader, "RFC 5798", "no old_unicast_checksum"))
        }
    };
    if let Some((_, form, word)) = other_form.filter(|(counter, ..)| matters(*counter)) {
        findings.push((
            "checksum",
            format!(
                "adverts of VRID {vrid} have the checksum of {form}, this router sends another form: if the other one does \
                 not accept ours both may be master; say `{word}` here to send the same"
            ),
        ));
    }
    // Once is enough: the program that let go does not count on.
    if count(Counter::Yielded) > 0 {
        findings.push((
            "two daemons",
            format!(
                "another daemon of this host sent adverts of VRID {vrid} while this agent stood still: both speak for the \
                 group; stop one of them"
            ),
        ));
    }
    findings
}

/// That an instance does not have the MAC that it was told to have, and why.
fn without_virtual_mac(instance: &Instance, port: &Port) -> Option<String> {
    if !instance.plan.virtual_mac || instance.virtual_mac_works || port.link.is_none() {
        return None;
    }
    let missing = [&port.egress, &port.ingress].into_iter().find_map(|hook| match hook {
        Hook::Missing { reason } => Some(reason.as_str()),
        Hook::Unused | Hook::Attached => None,
    });
    let reason = missing.unwrap_or("its programs are not on the interface");
    Some(format!(
        "VRID {} speaks from the own MAC of {} although the config says `virtual_mac`: {reason}",
        instance.plan.vrid, port.name
    ))
}

#[cfg(test)]
mod tests {
    use regent_common::{Family, LocalPriority, Vrid, advert::Authentication};
    use regent_vrrp::{Announcements, Preemption};

    use super::*;
    use crate::config::plan::{Gate, LinkPlan, NotifyPlan, Transport, TuningPlan};

    fn plan(version: Version) -> InstancePlan {
        InstancePlan {
            name: "VI_1".into(),
            interface: "ens33".into(),
            vrid: Vrid::new(50).unwrap(),
            family: Family::Ipv4,
            transport: Transport::standard(Family::Ipv4),
            source: None,
            tracks_source: false,
            tracks_interface: true,
            version,
            priority: LocalPriority::new(100).unwrap(),
            interval: regent_common::AdvertInterval::DEFAULT,
            preemption: Preemption::Never,
            announcements: Announcements::default(),
            asserts: true,
            concedes: true,
            accepts: true,
            authentication: Authentication::None,
            checksum: ChecksumForm::PseudoHeader,
            down_timer_adverts: 3,
            gate: Gate::default(),
            responder: true,
            virtual_mac: false,
            addresses: Vec::new(),
            excluded: Vec::new(),
            track_interfaces: Vec::new(),
            track_scripts: Vec::new(),
            track_files: Vec::new(),
            track_processes: Vec::new(),
            track_bfds: Vec::new(),
            routes: Vec::new(),
            rules: Vec::new(),
            hmac: None,
            link: LinkPlan::default(),
            extra_announcements: None,
            ignores_owners: false,
            tuning: TuningPlan::default(),
            notify: NotifyPlan::default(),
        }
    }

    fn counted(some: &[(Counter, u64)]) -> Counts {
        let mut counts = [0; Counter::COUNT];
        for (counter, count) in some {
            counts[counter.slot() as usize] = *count;
        }
        counts
    }

    fn kinds(version: Version, some: &[(Counter, u64)]) -> Vec<&'static str> {
        findings(&plan(version), &counted(some)).into_iter().map(|(kind, _)| kind).collect()
    }

    #[test]
    fn a_group_that_agrees_has_nothing_to_say() {
        let usual = [(Counter::Accepted, 100), (Counter::ChecksumPseudoHeader, 100)];
        assert_eq!(kinds(Version::V3, &usual), [""; 0]);
    }

    #[test]
    fn one_stray_packet_is_no_trouble() {
        assert_eq!(kinds(Version::V3, &[(Counter::Rejected(Reason::Checksum), 2)]), [""; 0]);
    }

    #[test]
    fn the_reason_that_most_adverts_are_rejected_for_is_said() {
        let wrong = [(Counter::Rejected(Reason::Ttl), 3), (Counter::Rejected(Reason::AuthFailure), 10)];
        let found = findings(&plan(Version::V2), &counted(&wrong));
        assert!(found[0].1.contains("wrong password") && found[0].1.contains("auth_pass"), "{found:?}");
        assert_eq!(found.len(), 1);
    }

    #[test]
    fn every_disagreement_is_said_while_it_lasts() {
        let all = [
            (Counter::AddressListMismatch, 10),
            (Counter::IntervalLearned, 10),
            (Counter::OwnerConflict, 10),
            (Counter::ChecksumMessageOnly, 10),
            (Counter::Rejected(Reason::Interval), 10),
            (Counter::Yielded, 1),
        ];
        let mut found = kinds(Version::V3, &all);
        found.push("virtual MAC");
        let mut known = KINDS.to_vec();
        found.sort_unstable();
        known.sort_unstable();
        assert_eq!(found, known);
    }

    #[test]
    fn only_what_is_new_counts() {
        let before = counted(&[(Counter::OwnerConflict, 100)]);
        assert_eq!(gained(&before, &before), counted(&[]));
    }

    #[test]
    fn a_virtual_mac_that_cannot_be_had_is_said_with_the_reason() {
        let mut port = Port::new("ens33".into());
        let with = |virtual_mac: bool| {
            let plan = InstancePlan { virtual_mac, ..plan(Version::V3) };
            Instance::new(plan, 0, 0, regent_vrrp::Instant::from_nanoseconds(0), 0)
        };
        assert_eq!(without_virtual_mac(&with(true), &port), None, "the interface is absent");
        port.link = Some(crate::net::link::Link {
            index: 2,
            name: "ens33".into(),
            mac: [2, 0, 0, 0, 0, 2],
            mtu: 1500,
            switched_on: true,
            up: true,
            loopback: false,
            multicast: true,
            controller: None,
            kind: crate::net::link::LinkKind::Plain,
        });
        port.egress = Hook::Attached;
        port.ingress = Hook::missing("the kernel has no tcx hook (Linux 6.6)");
        let text = without_virtual_mac(&with(true), &port).unwrap();
        assert!(
            text.contains("VRID 50") && text.ends_with("the kernel has no tcx hook (Linux 6.6)"),
            "{text}"
        );
        assert_eq!(without_virtual_mac(&with(false), &port), None);
        let mut works = with(true);
        works.virtual_mac_works = true;
        assert_eq!(without_virtual_mac(&works, &port), None);
    }

    #[test]
    fn version_2_has_one_form_of_checksum() {
        assert_eq!(kinds(Version::V2, &[(Counter::ChecksumMessageOnly, 10)]), [""; 0]);
    }
}
