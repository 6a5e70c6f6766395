//! The way of adverts, worked out by hand: from where, to whom, with what in them, and what is said in a contest.

use std::{net::IpAddr, time::Duration};

use regent_agent::config::{
    self, Loaded,
    plan::{Pace, PaceGroup, PeerPlan, Transport, Unicast},
};
use regent_common::{Family, Version, advert::ChecksumForm};
use regent_vrrp::Announcements;

use super::rules::{address, codes, instance, only};

/// An instance `A` with one IPv6 address, and these lines.
fn ipv6(lines: &str) -> Loaded {
    let base = "interface eth0\nvirtual_router_id 1\nvirtual_ipaddress { fe80::1 }";
    config::parse("c", &format!("vrrp_instance A {{\n{base}\n{lines}\n}}\n"))
}

/// The instance of [`instance`] after these global lines.
fn under(globals: &str, lines: &str) -> Loaded {
    let base = "interface eth0\nvirtual_router_id 1\nvirtual_ipaddress { 192.0.2.1 }";
    config::parse("c", &format!("vrrp_instance A {{\n{base}\n{lines}\n}}\nglobal_defs {{\n{globals}\n}}\n"))
}

fn unicast(loaded: &Loaded) -> Unicast {
    let transport = &only(loaded).transport;
    let unicast = if let Transport::Unicast(unicast) = transport { Some(unicast.clone()) } else { None };
    assert!(unicast.is_some(), "{transport:?}");
    unicast.unwrap()
}

fn group(loaded: &Loaded) -> IpAddr {
    let transport = &only(loaded).transport;
    let group = if let Transport::Multicast { group } = transport { Some(*group) } else { None };
    assert!(group.is_some(), "{transport:?}");
    group.unwrap()
}

#[test]
fn peers_replace_multicast_each_once_in_the_order_of_the_config() {
    let loaded =
        instance("unicast_peer {\n192.0.2.9\n192.0.2.3\n192.0.2.9\n}\nunicast_peer { 192.0.2.4/24 }");
    let peer = |text: &str| PeerPlan { address: address(text), ttl_min: 0, ttl_max: 255 };
    let expected = Unicast {
        peers: vec![peer("192.0.2.9"), peer("192.0.2.3"), peer("192.0.2.4")],
        ttl: 255,
        checks_source: false,
    };
    assert_eq!(unicast(&loaded), expected);
    assert_eq!(codes(&loaded), ["RG0422", "RG0205"]);
    assert_eq!((only(&loaded).source, only(&loaded).tracks_source), (None, false));
}

#[test]
fn bounds_of_a_ttl_check_the_source_as_well() {
    for (lines, checks) in [
        ("unicast_peer { 192.0.2.2 }", false),
        ("unicast_peer { 192.0.2.2 }\ncheck_unicast_src", true),
        ("unicast_peer { 192.0.2.2 min_ttl 255 }", true),
        ("unicast_peer { 192.0.2.2 max_ttl 254 }", true),
        ("unicast_peer { 192.0.2.2 min_ttl 0 max_ttl 255 }", false),
        ("unicast_peer { 192.0.2.2 min_ttl 9 }\ncheck_unicast_src no", true),
    ] {
        assert_eq!(unicast(&instance(lines)).checks_source, checks, "{lines}");
    }
    let bounded = unicast(&instance("unicast_peer { 192.0.2.2 max_ttl 64 min_ttl 10 }")).peers[0];
    assert_eq!((bounded.ttl_min, bounded.ttl_max), (10, 64));
}

#[test]
fn a_switch_that_says_no_is_off() {
    let of = |globals: &str, lines: &str| {
        unicast(&under(globals, &format!("unicast_peer {{ 192.0.2.2 }}\n{lines}"))).checks_source
    };
    assert!(!of("", "check_unicast_src no"));
    assert!(of("vrrp_check_unicast_src", ""));
    assert!(!of("vrrp_check_unicast_src", "check_unicast_src off"));
    assert!(of("vrrp_check_unicast_src no", "check_unicast_src yes"));
    assert!(!of("vrrp_check_unicast_src false", ""));
}

#[test]
fn the_first_virtual_address_says_the_family_wherever_it_stands() {
    let text = |lines: &str| {
        let text = format!("vrrp_instance A {{ interface e\nvirtual_router_id 1\n{lines}\n}}");
        config::parse("c", &text)
    };
    let loaded = text("mcast_src_ip 2001:db8::9\nnative_ipv6\nvirtual_ipaddress { 192.0.2.1 }");
    assert_eq!((only(&loaded).family, codes(&loaded)), (Family::Ipv4, vec!["RG0405"]));
    let loaded = text("unicast_peer { 2001:db8::9 }\nvirtual_ipaddress { 192.0.2.1 }");
    assert_eq!((loaded.left_out.as_slice(), loaded.plan.instances.len()), (["A".to_owned()].as_slice(), 0));
    assert!(loaded.lines().any(|line| line.contains("peer `2001:db8::9` is not an IPv4 address")));
}

#[test]
fn an_instance_without_addresses_runs_in_neither_version() {
    for version in [2, 3] {
        for more in
            ["", "virtual_ipaddress { }", "virtual_ipaddress_excluded { 192.0.2.2 }", "no_virtual_ipaddress"]
        {
            let text =
                format!("vrrp_instance A {{ interface e\nvirtual_router_id 1\nversion {version}\n{more}\n}}");
            let loaded = config::parse("c", &text);
            assert_eq!(loaded.left_out, ["A"], "{more}");
            assert!(codes(&loaded).contains(&"RG0407"), "{more}");
        }
    }
}

#[test]
fn a_unicast_source_is_tracked_and_a_multicast_source_only_when_told() {
    for (lines, source, tracked) in [
        ("mcast_src_ip 192.0.2.9", Some("192.0.2.9"), false),
        ("mcast_src_ip 192.0.2.9\ntrack_src_ip", Some("192.0.2.9"), true),
        ("track_src_ip", None, false),
        ("unicast_src_ip 192.0.2.9\nunicast_peer { 192.0.2.2 }", Some("192.0.2.9"), true),
        // keepalived's two words are one.
        ("mcast_src_ip 192.0.2.9\nunicast_peer { 192.0.2.2 }", Some("192.0.2.9"), true),
        ("unicast_src_ip 192.0.2.9", Some("192.0.2.9"), false),
        (
            "mcast_src_ip 192.0.2.8\nunicast_src_ip 192.0.2.9\nunicast_peer { 192.0.2.2 }",
            Some("192.0.2.9"),
            true,
        ),
        ("mcast_src_ip 192.0.2.8\nunicast_src_ip 192.0.2.9", Some("192.0.2.8"), false),
        ("mcast_src_ip 2001:db8::9\ntrack_src_ip", None, false),
    ] {
        let loaded = instance(lines);
        let plan = only(&loaded);
        assert_eq!((plan.source, plan.tracks_source), (source.map(address), tracked), "{lines}");
    }
}

#[test]
fn one_source_in_both_words_is_no_contradiction() {
    let loaded = instance("mcast_src_ip 192.0.2.9\nunicast_src_ip 192.0.2.9\nunicast_peer { 192.0.2.2 }");
    assert!(loaded.diagnostics.is_empty(), "{}", loaded.render(false));
    let loaded = instance("mcast_src_ip 192.0.2.8\nunicast_src_ip 192.0.2.9\nunicast_peer { 192.0.2.2 }");
    assert_eq!(codes(&loaded), ["RG0424"]);
}

#[test]
fn without_peers_every_unicast_word_falls_back_to_multicast_with_one_warning() {
    for lines in [
        "unicast_peer { }",
        "unicast_src_ip 192.0.2.9",
        "unicast_ttl 9",
        "check_unicast_src",
        "old_unicast_checksum",
        "unicast_peer { }\nunicast_src_ip 192.0.2.9\nunicast_ttl 9\ncheck_unicast_src\nold_unicast_checksum",
    ] {
        let loaded = instance(lines);
        assert_eq!(group(&loaded), address("224.0.0.18"), "{lines}");
        assert_eq!(codes(&loaded), ["RG0423"], "{lines}");
        assert!(!loaded.has_errors(), "{lines}");
    }
    assert!(instance("check_unicast_src no").diagnostics.is_empty());
}

#[test]
fn unicast_fault_no_peer_rather_does_not_run() {
    for lines in ["unicast_fault_no_peer", "unicast_fault_no_peer\nunicast_peer { }"] {
        let loaded = instance(lines);
        assert_eq!(
            (loaded.left_out.as_slice(), codes(&loaded)),
            (["A".to_owned()].as_slice(), vec!["RG0423"])
        );
    }
    assert!(instance("unicast_fault_no_peer\nunicast_peer { 192.0.2.2 }").diagnostics.is_empty());
}

#[test]
fn a_peer_that_cannot_be_used_keeps_the_instance_from_running() {
    // Without it there would be two masters.
    for line in [
        "2001:db8::2",
        "192.0.2.2 min_ttl 200 max_ttl 100",
        "192.0.2.2 min_ttl 256",
        "192.0.2.2 min_ttl -1",
        "192.0.2.2 min_ttl",
        "192.0.2.2 mintl 1",
        "192.0.2.2 192.0.2.4",
        "192.0.2.300",
        "0.0.0.0",
        "224.0.0.18",
        "255.255.255.255",
    ] {
        let loaded = instance(&format!("unicast_peer {{\n192.0.2.3\n{line}\n}}"));
        assert_eq!(loaded.left_out, ["A"], "{line}");
        assert!(loaded.has_errors(), "{line}");
    }
}

#[test]
fn a_router_is_not_its_own_peer() {
    let own = "unicast_src_ip 192.0.2.9\nunicast_peer {\n192.0.2.9\n192.0.2.2\n}";
    let virtual_address = "unicast_peer {\n192.0.2.1\n192.0.2.2\n}";
    for lines in [own, virtual_address] {
        let loaded = instance(lines);
        let peers: Vec<IpAddr> = unicast(&loaded).peers.iter().map(|peer| peer.address).collect();
        assert_eq!((peers, codes(&loaded)), (vec![address("192.0.2.2")], vec!["RG0422"]), "{lines}");
    }
    // Alone, it has none.
    let loaded = instance("unicast_src_ip 192.0.2.9\nunicast_peer { 192.0.2.9 }");
    assert_eq!(group(&loaded), address("224.0.0.18"));
}

#[test]
fn a_virtual_address_is_a_source_for_its_owner_alone() {
    let severity = |lines: &str| {
        let loaded = instance(lines);
        assert_eq!(only(&loaded).source, Some(address("192.0.2.1")));
        (loaded.has_warnings(), loaded.has_errors())
    };
    assert_eq!(severity("mcast_src_ip 192.0.2.1"), (true, false));
    assert_eq!(severity("unicast_src_ip 192.0.2.1\nunicast_peer { 192.0.2.2 }"), (true, true));
    assert_eq!(severity("mcast_src_ip 192.0.2.1\npriority 255"), (false, false));
}

#[test]
fn the_nearest_word_says_the_multicast_group() {
    assert_eq!(group(&instance("")), address("224.0.0.18"));
    assert_eq!(group(&ipv6("")), address("ff02::12"));
    assert_eq!(group(&under("vrrp_mcast_group4 224.0.0.9", "")), address("224.0.0.9"));
    assert_eq!(group(&under("vrrp_mcast_group4 224.0.0.9", "mcast_dst_ip 224.0.0.8")), address("224.0.0.8"));
    assert_eq!(group(&ipv6("mcast_dst_ip ff02::9")), address("ff02::9"));
    for bad in ["192.0.2.9", "ff02::9", "x"] {
        let loaded = under("vrrp_mcast_group4 224.0.0.9", &format!("mcast_dst_ip {bad}"));
        assert_eq!(group(&loaded), address("224.0.0.9"), "{bad}");
        assert!(loaded.has_errors(), "{bad}");
    }
    for bad in ["ff05::9", "2001:db8::1", "224.0.0.9"] {
        let loaded = ipv6(&format!("mcast_dst_ip {bad}"));
        assert_eq!(group(&loaded), address("ff02::12"), "{bad}");
        assert!(loaded.has_errors(), "{bad}");
    }
}

#[test]
fn version_2_over_ipv6_must_be_said_in_the_instance() {
    for (lines, version, complaints) in [
        ("", Version::V3, vec![]),
        ("version 3", Version::V3, vec![]),
        ("version 2", Version::V2, vec!["RG0421"]),
        ("version 2\nnative_ipv6", Version::V3, vec!["RG0414"]),
        (
            "version 2\nauthentication {\nauth_type PASS\nauth_pass x\n}",
            Version::V2,
            vec!["RG0421", "RG0413"],
        ),
    ] {
        let loaded = ipv6(lines);
        assert_eq!(only(&loaded).version, version, "{lines}");
        assert_eq!(codes(&loaded), complaints, "{lines}");
    }
}

#[test]
fn the_first_link_local_address_moves_to_the_front_and_the_others_keep_their_order() {
    for (lines, expected, complaints) in [
        ("fe80::1\n2001:db8::1\nfe80::2", "fe80::1 2001:db8::1 fe80::2", vec![]),
        (
            "2001:db8::2\n2001:db8::1\nfe80::2\nfe80::1",
            "fe80::2 2001:db8::2 2001:db8::1 fe80::1",
            vec!["RG0419"],
        ),
        ("2001:db8::2\n2001:db8::1", "2001:db8::2 2001:db8::1", vec!["RG0419"]),
        ("192.0.2.2\n169.254.0.1", "192.0.2.2 169.254.0.1", vec![]),
    ] {
        let text = format!(
            "vrrp_instance A {{ interface e\nvirtual_router_id 1\nvirtual_ipaddress {{\n{lines}\n}} }}"
        );
        let loaded = config::parse("c", &text);
        let addresses: Vec<String> =
            only(&loaded).addresses.iter().map(|plan| plan.address.to_string()).collect();
        assert_eq!((addresses.join(" ").as_str(), codes(&loaded)), (expected, complaints));
        assert!(!loaded.has_warnings());
    }
}

#[test]
fn a_link_local_address_is_not_among_those_that_do_not_fit() {
    let many: String = (0..100).map(|n| format!("2001:db8::{n:x}\n")).collect();
    let text = format!(
        "vrrp_instance A {{ interface e\nvirtual_router_id 1\nvirtual_ipaddress {{\n{many}fe80::1\n}} }}"
    );
    let loaded = config::parse("c", &text);
    let plan = only(&loaded);
    assert_eq!((plan.addresses.len(), plan.excluded.len()), (90, 11));
    assert_eq!(plan.addresses[0].address, address("fe80::1"));
}

#[test]
fn an_ipv6_source_is_link_local_unless_peers_are_not() {
    for (lines, complaints) in [
        ("mcast_src_ip fe80::9", vec![]),
        ("mcast_src_ip 2001:db8::9", vec!["RG0424"]),
        ("unicast_peer { fe80::2 }", vec![]),
        ("unicast_peer { 2001:db8::2 }", vec!["RG0424"]),
        ("unicast_src_ip 2001:db8::9\nunicast_peer { 2001:db8::2 }", vec![]),
        ("unicast_src_ip fe80::9\nunicast_peer { fe80::2 }", vec![]),
    ] {
        let loaded = ipv6(lines);
        assert_eq!(codes(&loaded), complaints, "{lines}");
        assert!(!loaded.has_errors());
    }
}

#[test]
fn the_checksum_is_what_version_family_and_way_allow() {
    let peers = "unicast_peer { 192.0.2.2 }";
    for (lines, form, complaints) in [
        ("version 3\nold_unicast_checksum", ChecksumForm::OldUnicast, vec![]),
        ("version 3\nold_unicast_checksum never", ChecksumForm::PseudoHeader, vec!["RG0426"]),
        ("version 2\nold_unicast_checksum", ChecksumForm::PseudoHeader, vec!["RG0426"]),
        ("version 3\nv3_checksum_as_v2", ChecksumForm::MessageOnly, vec![]),
        ("version 3\nv3_checksum_as_v2\nold_unicast_checksum", ChecksumForm::MessageOnly, vec!["RG0426"]),
    ] {
        let loaded = instance(&format!("{peers}\n{lines}"));
        assert_eq!((only(&loaded).checksum, codes(&loaded)), (form, complaints), "{lines}");
    }
    assert_eq!(only(&instance("version 3\nold_unicast_checksum")).checksum, ChecksumForm::PseudoHeader);
    let loaded = ipv6("unicast_peer { fe80::2 }\nold_unicast_checksum");
    assert_eq!((only(&loaded).checksum, codes(&loaded)), (ChecksumForm::PseudoHeader, vec!["RG0426"]));
}

#[test]
fn a_vrid_is_one_group_of_its_interface_whoever_its_peers_are() {
    let text = |first: &str, second: &str| {
        format!(
            "vrrp_instance A {{ interface e\nvirtual_router_id 1\n{first}\nvirtual_ipaddress {{ 192.0.2.1 }} }}\n\
             vrrp_instance B {{ interface e\nvirtual_router_id 1\n{second}\nvirtual_ipaddress {{ 192.0.2.5 }} }}\n"
        )
    };
    for (first, second) in [
        ("unicast_peer { 192.0.2.2 }", "unicast_peer { 192.0.2.3 }"),
        ("", "unicast_peer { 192.0.2.3 }"),
        ("", "mcast_dst_ip 224.0.0.9"),
    ] {
        let loaded = config::parse("c", &text(first, second));
        assert_eq!(
            (loaded.left_out.as_slice(), codes(&loaded)),
            (["B".to_owned()].as_slice(), vec!["RG0403"])
        );
        assert!(loaded.lines().any(|line| line.contains("unlike in keepalived")));
    }
}

#[test]
fn contests_are_settled_aloud_unless_told_otherwise() {
    let of = |globals: &str, lines: &str| {
        let loaded = under(globals, lines);
        (only(&loaded).asserts, only(&loaded).concedes)
    };
    assert_eq!(of("", ""), (true, true));
    assert_eq!(of("", "lower_prio_no_advert\nhigher_prio_send_advert off"), (false, false));
    assert_eq!(of("vrrp_lower_prio_no_advert\nvrrp_higher_prio_send_advert no", ""), (false, false));
    assert_eq!(
        of(
            "vrrp_lower_prio_no_advert\nvrrp_higher_prio_send_advert no",
            "lower_prio_no_advert no\nhigher_prio_send_advert"
        ),
        (true, true)
    );
}

#[test]
fn the_last_of_accept_and_no_accept_counts_and_the_owner_always_accepts() {
    let of = |lines: &str| {
        let loaded = instance(lines);
        (only(&loaded).accepts, loaded.has_warnings())
    };
    assert_eq!(of(""), (true, false));
    assert_eq!(of("no_accept"), (false, false));
    assert_eq!(of("accept\nno_accept"), (false, false));
    assert_eq!(of("no_accept\naccept"), (true, false));
    assert_eq!(of("no_accept\npriority 255"), (true, true));
    // keepalived as well does not look at what follows.
    assert_eq!(of("accept no"), (true, true));
}

#[test]
fn minimal_announcements_are_one_and_no_second_batch_unless_said_otherwise() {
    let of =
        |globals: &str, lines: &str| only(&under(&format!("vrrp_min_garp\n{globals}"), lines)).announcements;
    let minimal = Announcements {
        repeat: 1,
        delay: Duration::ZERO,
        refresh: Duration::ZERO,
        refresh_repeat: 1,
        lower_priority_repeat: 1,
        lower_priority_delay: Duration::ZERO,
    };
    assert_eq!(of("", ""), minimal);
    let four = Announcements { repeat: 4, lower_priority_repeat: 4, ..minimal };
    assert_eq!(of("vrrp_garp_master_repeat 4", ""), four);
    let refreshed =
        Announcements { delay: Duration::from_secs(2), refresh: Duration::from_secs(60), ..minimal };
    assert_eq!(of("", "garp_master_delay 2\ngarp_master_refresh 60"), refreshed);
    assert_eq!(
        only(&under("vrrp_min_garp no", "")).announcements,
        Announcements::default(),
        "vrrp_min_garp no"
    );
}

#[test]
fn every_interface_has_one_pace() {
    let text = "global_defs {\nvrrp_garp_interval 0.5\nvrrp_gna_interval 0.25\n}\n\
                garp_group {\ngarp_interval 0.1\ninterface e0\ninterfaces {\ne1\ne2\n}\n}\n\
                garp_group {\ngna_interval 2\ninterfaces {\ne2\ne3\n}\n}\n\
                garp_group {\ngna_interval 3\ninterface e3\n}\n";
    let loaded = config::parse("c", text);
    let milliseconds = Duration::from_millis;
    assert_eq!(loaded.plan.pace, Pace { arp: milliseconds(500), neighbor: milliseconds(250) });
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(
        loaded.plan.pace_groups,
        [
            PaceGroup {
                interfaces: names(&["e0", "e1", "e2"]),
                pace: Pace { arp: milliseconds(100), neighbor: Duration::ZERO }
            },
            PaceGroup {
                interfaces: names(&["e3"]),
                pace: Pace { arp: Duration::ZERO, neighbor: milliseconds(2_000) }
            },
        ]
    );
    assert_eq!(codes(&loaded), ["RG0428", "RG0428"]);
}

#[test]
fn the_start_may_wait() {
    let loaded = under("vrrp_startup_delay 5.5\nvrrp_delay_after_boot 30", "");
    assert!(loaded.diagnostics.is_empty());
    assert_eq!(loaded.plan.startup_delay, Duration::from_millis(5_500));
    assert_eq!(loaded.plan.delay_after_boot, Duration::from_secs(30));
}

#[test]
fn words_for_what_is_always_so_are_accepted_without_a_word() {
    let loaded = under(
        "dynamic_interfaces\nvrrp_skip_check_adv_addr\nvrrp_garp_interval 0\nvrrp_gna_interval 0\nvrrp_strict no",
        "skip_check_adv_addr no\naccept\nstrict_mode off",
    );
    assert!(loaded.diagnostics.is_empty(), "{}", loaded.render(false));
    // They are kept for those who ask what the config says.
    let (mut said, plain) = (loaded.plan.clone(), instance("").plan);
    said.globals.defaults = plain.globals.defaults.clone();
    for (said, plain) in said.instances.iter_mut().zip(&plain.instances) {
        assert_eq!(said.tuning.skips_address_check, Some(false));
        said.tuning = plain.tuning.clone();
    }
    assert_eq!(said, plain);
    assert_eq!(ipv6("native_ipv6").plan, ipv6("").plan);
    // The addresses say the family, whatever this word says.
    assert_eq!(only(&instance("native_ipv6")).family, Family::Ipv4);
}

#[test]
fn the_instances_own_interface_counts_unless_told_otherwise() {
    assert!(only(&instance("")).tracks_interface);
    assert!(!only(&instance("dont_track_primary")).tracks_interface);
}

#[test]
fn an_address_has_a_lifetime_a_route_and_a_device_to_watch() {
    let of = |line: &str| {
        let text = format!(
            "vrrp_instance A {{ interface e\nvirtual_router_id 1\nvirtual_ipaddress {{ fe80::1 {line} }} }}"
        );
        let loaded = config::parse("c", &text);
        let plan = only(&loaded).addresses[0].clone();
        let complaints = loaded.diagnostics.len();
        let quiet = (plan.detects_duplicates, plan.no_prefix_route, plan.tracks_device);
        (plan.preferred_lifetime, quiet, complaints)
    };
    assert_eq!(of(""), (None, (false, false, true), 0));
    assert_eq!(of("-nodad noprefixroute no_track"), (None, (true, true, false), 0));
    assert_eq!(of("preferred_lft 0"), (Some(0), (false, false, true), 0));
    assert_eq!(of("preferred_lft 3600"), (Some(3_600), (false, false, true), 0));
    assert_eq!(of("preferred_lft forever"), (Some(u32::MAX), (false, false, true), 0));
    for bad in ["-1", "+5", "4294967296", "soon", "1.5"] {
        assert_eq!(of(&format!("preferred_lft {bad}")), (None, (false, false, true), 1), "{bad}");
    }
}
