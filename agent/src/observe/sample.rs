//! A snapshot that has one of everything, for the tests of this module.

use regent_common::{Counter, Reason};

use super::{
    data_plane::{DeadMan, Hook, Mode, Responder, Way},
    observation::Carrier,
    reload::{Outcome, ReloadStatus},
    snapshot::{
        ActiveStatus, AddressStatus, FeatureStatus, HeardStatus, InstanceStatus, PortStatus, Snapshot,
        SourceStatus, TrackerStatus, TurnStatus,
    },
    tally::Tally,
};

fn address(address: &str, device: &str, assigned: bool) -> AddressStatus {
    AddressStatus {
        address: address.to_owned(),
        device: device.to_owned(),
        assigned,
        foreign: false,
        excluded: false,
        requests: 0,
        replies: 0,
    }
}

fn rejected(some: &[(Reason, u64)]) -> Tally {
    let zero = Reason::ALL.iter().map(|reason| (reason.label(), 0));
    zero.chain(some.iter().map(|(reason, count)| (reason.label(), *count))).collect()
}

fn counters(some: &[(Counter, u64)]) -> Tally {
    some.iter().map(|(counter, count)| (counter.label(), *count)).collect()
}

fn transitions(backup: u64, master: u64, fault: u64) -> Tally {
    [("INIT", 0), ("BACKUP", backup), ("MASTER", master), ("FAULT", fault)].into_iter().collect()
}

/// Active, with a peer that was heard before.
fn active() -> InstanceStatus {
    InstanceStatus {
        name: "VI_1".to_owned(),
        interface: "ens33".to_owned(),
        vrid: 50,
        family: 4,
        version: 2,
        source: Some("10.0.0.2".parse().unwrap()),
        destinations: vec!["224.0.0.18".parse().unwrap()],
        state: "MASTER".to_owned(),
        why: "nothing heard of 10.0.0.1 for 3.609 s".to_owned(),
        since_unix_ms: 1_790_000_000_123,
        since_ms: 125_000,
        priority_base: 100,
        priority_effective: 89,
        interval_ms: 1000,
        announce_delay_ms: 5000,
        active: Some(ActiveStatus { source: "10.0.0.2".parse().unwrap(), priority: 89, local: true }),
        addresses: vec![
            AddressStatus { requests: 1520, replies: 1519, ..address("10.0.0.3/32", "ens33", true) },
            address("10.0.0.4/24", "ens34", false),
        ],
        adverts_sent: 126,
        priority_zero_sent: 1,
        addresses_restored: 1,
        announcements_sent: 20,
        adverts_lost: 3,
        counters: counters(&[(Counter::Accepted, 4711), (Counter::PriorityZero, 2), (Counter::ArpClaim, 1)]),
        rejected: rejected(&[(Reason::Ttl, 5), (Reason::AuthFailure, 7)]),
        became_master: 2,
        released_master: 1,
        transitions: transitions(2, 2, 0),
        sources: vec![SourceStatus {
            source: "10.0.0.1".parse().unwrap(),
            priority: 150,
            interval_ms: 1000,
            checksum: None,
            received: 4711,
            lost: 3,
            silences: 1,
            age_ms: 128_609,
        }],
        trackers: vec![TrackerStatus {
            kind: "script".to_owned(),
            name: "chk_web".to_owned(),
            good: Some(false),
            running: true,
            weight: -11,
        }],
        troubles: vec!["10.0.0.9 sends adverts with a wrong password; compare auth_pass".to_owned()],
        mode: Some(Mode::Answer),
        gate_ms: 2937,
        mac: Some("00:00:5e:00:01:32".to_owned()),
    }
}

/// In Fault, with no addresses and nobody heard.
fn faulty() -> InstanceStatus {
    InstanceStatus {
        name: "VI_6".to_owned(),
        interface: "ens35".to_owned(),
        vrid: 6,
        family: 6,
        version: 3,
        source: None,
        destinations: vec!["2001:db8::2".parse().unwrap(), "2001:db8::3".parse().unwrap()],
        state: "FAULT".to_owned(),
        why: "its interface is absent, down or without carrier".to_owned(),
        since_unix_ms: 1_790_000_000_000,
        since_ms: 86_400_000 * 3,
        priority_base: 255,
        priority_effective: 255,
        interval_ms: 100,
        announce_delay_ms: 0,
        active: None,
        addresses: Vec::new(),
        adverts_sent: 0,
        priority_zero_sent: 0,
        addresses_restored: 0,
        announcements_sent: 0,
        adverts_lost: 0,
        counters: counters(&[]),
        rejected: rejected(&[]),
        became_master: 0,
        released_master: 0,
        transitions: transitions(0, 0, 1),
        sources: Vec::new(),
        trackers: Vec::new(),
        troubles: Vec::new(),
        mode: None,
        gate_ms: 0,
        mac: None,
    }
}

/// A group that is not configured here.
pub fn heard() -> HeardStatus {
    HeardStatus {
        interface: "ens33".to_owned(),
        vlan: 0,
        family: 4,
        vrid: 51,
        source: "10.0.0.7".parse().unwrap(),
        version: 3,
        priority: 200,
        interval_ms: 100,
        addresses: 1,
        received: 9000,
        lost: 12,
        rejected: [("checksum", 4)].into_iter().collect(),
        age_ms: 60,
    }
}

/// The sample.
pub fn snapshot() -> Snapshot {
    Snapshot {
        schema: "v1".to_owned(),
        version: "0.1.0".to_owned(),
        pid: 4242,
        router_id: Some("lb2".to_owned()),
        observing: false,
        config: Some("/etc/keepalived/keepalived.conf".to_owned()),
        uptime_ms: 3_723_004,
        taken_unix_ms: 1_790_000_100_000,
        ports: vec![
            PortStatus {
                name: "ens33".to_owned(),
                ifindex: 2,
                up: true,
                carrier: Carrier::Native,
                carrier_reason: String::new(),
                source: Some("10.0.0.2".parse().unwrap()),
                carrier_losses: 1,
                responder: Responder::Xdp { way: Way::Transmit },
                dead_man: DeadMan::On,
                tc_egress: Hook::Attached,
                tc_ingress: Hook::missing("Linux 6.6 is needed"),
                virtual_macs: vec!["00:00:5e:00:01:32".to_owned()],
                promiscuous: true,
            },
            PortStatus {
                name: "ens35".to_owned(),
                ifindex: 0,
                up: false,
                carrier: Carrier::None,
                carrier_reason: "the interface is absent".to_owned(),
                source: None,
                carrier_losses: 0,
                responder: Responder::kernel("the interface is absent"),
                dead_man: DeadMan::off("the interface is absent"),
                tc_egress: Hook::Unused,
                tc_ingress: Hook::Unused,
                virtual_macs: Vec::new(),
                promiscuous: false,
            },
        ],
        instances: vec![active(), faulty()],
        heard: vec![heard()],
        turn: TurnStatus {
            turns: 9001,
            worst_lateness_ns: 412_000,
            observations_dropped: 0,
            realtime: true,
            memory_locked: true,
        },
        kernel: vec![
            FeatureStatus { name: "BTF".to_owned(), state: "yes".to_owned(), consequence: String::new() },
            FeatureStatus {
                name: "tcx".to_owned(),
                state: "no".to_owned(),
                consequence: "a dead agent's host goes on answering".to_owned(),
            },
        ],
        reload: ReloadStatus {
            applied: 3,
            failed: 1,
            last_good: true,
            last_unix_ms: 1_790_000_090_000,
            last_outcome: Some(Outcome::Applied),
            last_took_us: 1_234,
            config_unix_ms: 1_790_000_090_000,
            ..ReloadStatus::default()
        },
    }
}

/// The sample of observe mode: nothing configured.
pub fn observing() -> Snapshot {
    let reload = ReloadStatus { last_good: true, ..ReloadStatus::default() };
    Snapshot { observing: true, config: None, instances: Vec::new(), reload, ..snapshot() }
}
