//! Strict mode, rule by rule, beside what keepalived 2.2.7 was seen to do with the same words.

use std::time::Duration;

use regent_agent::config::{self, Loaded};
use regent_common::{LocalPriority, Version, advert::Authentication};
use regent_vrrp::{Announcements, Preemption};

use super::rules::{codes, instance, only};

/// An instance of IPv4 that is strict by its own word, and these lines.
fn strict(lines: &str) -> Loaded {
    instance(&format!("strict_mode\naccept\n{lines}"))
}

const PASSWORD: &str = "authentication {\nauth_type PASS\nauth_pass 1111\n}";

#[test]
fn a_password_is_not_sent() {
    // keepalived: "Strict mode does not support authentication. Ignoring."; it then sends type 0, and so do its peers.
    let loaded = strict(PASSWORD);
    assert_eq!(only(&loaded).authentication, Authentication::None);
    assert_eq!(codes(&loaded), ["RG0420"]);
    // The password is not looked at any more.
    assert_eq!(codes(&strict("authentication {\nauth_type AH\n}")), ["RG0420"]);
    assert_eq!(
        only(&instance(&format!("strict_mode off\n{PASSWORD}"))).authentication,
        Authentication::Password(*b"1111\0\0\0\0")
    );
}

#[test]
fn a_preemption_delay_is_not_kept_and_nopreempt_is() {
    // keepalived: "preempt_delay is incompatible with strict mode - resetting".
    let loaded = strict("preempt_delay 5");
    assert_eq!(only(&loaded).preemption, Preemption::After(Duration::ZERO));
    assert_eq!(codes(&loaded), ["RG0420"]);
    let loaded = strict("nopreempt");
    assert_eq!(only(&loaded).preemption, Preemption::Never);
    assert!(loaded.diagnostics.is_empty());
}

#[test]
fn version_2_is_silent_to_lower_priorities_and_version_3_is_not() {
    // keepalived: silent in both, as RFC 5798 had it. RFC 9568 §6.4.3 answers.
    assert!(!only(&strict("version 2")).asserts);
    assert!(!only(&strict("version 2\nlower_prio_no_advert no")).asserts);
    assert!(only(&strict("version 3")).asserts);
    assert!(!only(&strict("version 3\nlower_prio_no_advert")).asserts);
}

#[test]
fn a_loser_still_speaks_once_and_the_winner_still_announces() {
    // keepalived takes both back, so that caches stay wrong after a split.
    let loaded = strict("garp_lower_prio_repeat 3");
    assert!(only(&loaded).concedes);
    assert_eq!(
        only(&loaded).announcements,
        Announcements { lower_priority_repeat: 3, ..Announcements::default() }
    );
}

#[test]
fn addresses_stay_reachable_and_that_is_said() {
    // keepalived drops all packets to the addresses unless the priority is 255.
    let loaded = instance("version 3\nstrict_mode");
    assert!(only(&loaded).accepts);
    assert_eq!(codes(&loaded), ["RG0420"]);
    assert!(loaded.lines().any(|line| line.contains("`no_accept`")));
    for answered in ["accept", "no_accept", "priority 255"] {
        let loaded = instance(&format!("version 3\nstrict_mode\n{answered}"));
        assert_eq!(only(&loaded).accepts, answered != "no_accept");
        assert!(loaded.diagnostics.is_empty(), "{answered}");
    }
}

#[test]
fn ipv6_is_version_3_with_a_link_local_address_first() {
    // keepalived: "cannot use IPv6 with VRRP version 2; setting version 3", "the first IPv6 VIP address must be link
    // local"; it runs all the same.
    let ipv6 = |lines: &str| {
        config::parse(
            "c",
            &format!("vrrp_instance A {{ interface e\nvirtual_router_id 1\nstrict_mode\naccept\n{lines}\n}}"),
        )
    };
    let loaded = ipv6("version 2\nvirtual_ipaddress { fe80::1 }");
    assert_eq!(only(&loaded).version, Version::V3);
    assert!(loaded.has_errors());
    assert_eq!(codes(&loaded), ["RG0414"]);
    let loaded = ipv6("virtual_ipaddress { 2001:db8::1 }");
    assert_eq!(only(&loaded).addresses.len(), 1);
    assert!(loaded.has_errors());
    let loaded = ipv6("virtual_ipaddress { 2001:db8::1\nfe80::1 }");
    assert!(!loaded.has_warnings());
}

#[test]
fn an_instance_without_addresses_does_not_run() {
    // keepalived: "No VIP specified; at least one is required", and ends with status 2.
    let text = "vrrp_instance A { interface e\nvirtual_router_id 1\nstrict_mode\n}";
    assert_eq!(config::parse("c", text).left_out, ["A"]);
}

#[test]
fn unicast_is_left_alone() {
    // keepalived's manual forbids it; it runs.
    assert!(strict("unicast_peer { 192.0.2.2 }").diagnostics.is_empty());
}

#[test]
fn state_master_is_for_the_owner_alone() {
    // keepalived: "State MASTER must match being address owner"; it starts as backup, as everybody does here.
    let loaded = strict("state MASTER\npriority 150");
    assert_eq!(only(&loaded).priority, LocalPriority::new(150).unwrap());
    assert_eq!(codes(&loaded), ["RG0420"]);
    assert!(strict("state MASTER\npriority 255").diagnostics.is_empty());
}

#[test]
fn one_warning_stands_for_all_instances() {
    let instances: String = (1..=20)
        .map(|n| {
            format!(
                "vrrp_instance I{n} {{\ninterface e\nvirtual_router_id {n}\n{PASSWORD}\nvirtual_ipaddress {{ 192.0.2.{n} }}\n}}\n"
            )
        })
        .collect();
    let loaded = config::parse("c", &format!("{instances}global_defs {{ vrrp_strict }}\n"));
    assert_eq!(loaded.plan.instances.len(), 20);
    assert_eq!(codes(&loaded), ["RG0420"]);
    assert!(loaded.lines().all(|line| line.contains("the same in 12 more places")));
}
