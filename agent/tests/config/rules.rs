//! Values worked out by hand, rule by rule.

use std::{net::IpAddr, time::Duration};

use regent_agent::config::{
    self, Loaded,
    plan::{Gate, InstancePlan, Plan},
};
use regent_common::{
    AdvertInterval, BackupPriority, Family, LocalPriority, Version,
    advert::{Authentication, ChecksumForm},
};
use regent_vrrp::{Announcements, Preemption};

/// An instance `A` on `eth0` with VRID 1 and one IPv4 address, and these lines.
pub(super) fn instance(lines: &str) -> Loaded {
    let base = "interface eth0\nvirtual_router_id 1\nvirtual_ipaddress { 192.0.2.1 }";
    config::parse("c", &format!("vrrp_instance A {{\n{base}\n{lines}\n}}\n"))
}

pub(super) fn only(loaded: &Loaded) -> &InstancePlan {
    assert_eq!(loaded.plan.instances.len(), 1, "{}", loaded.render(false));
    &loaded.plan.instances[0]
}

pub(super) fn codes(loaded: &Loaded) -> Vec<&str> {
    loaded.diagnostics.iter().map(|diagnostic| diagnostic.code).collect()
}

pub(super) fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn what_is_not_said_has_keepaliveds_defaults() {
    let loaded = instance("");
    let plan = only(&loaded);
    assert!(loaded.diagnostics.is_empty());
    assert_eq!(plan.version, Version::V2);
    assert_eq!(plan.priority, LocalPriority::Backup(BackupPriority::DEFAULT));
    assert_eq!(plan.interval, AdvertInterval::DEFAULT);
    assert_eq!(plan.preemption, Preemption::After(Duration::ZERO));
    assert_eq!(plan.announcements, Announcements::default());
    assert_eq!(plan.authentication, Authentication::None);
    assert_eq!(plan.checksum, ChecksumForm::PseudoHeader);
    assert_eq!(plan.down_timer_adverts, 3);
    assert_eq!((plan.gate, plan.responder, plan.virtual_mac), (Gate::default(), true, false));
    assert_eq!(plan.patience(), Duration::from_micros(2_937_500));
    assert_eq!((plan.addresses[0].prefix_length, plan.addresses[0].scope), (32, 0));
}

#[test]
fn an_interval_is_rounded_to_what_its_version_can_say() {
    for (version, said, centiseconds, complaint) in [
        (2, "1", 100, false),
        (2, "255", 25_500, false),
        (2, "1.4", 100, true),
        (2, "1.5", 200, true),
        (2, "0.01", 100, true),
        (2, "254.6", 25_500, true),
        (3, "0.01", 1, false),
        (3, "40.95", 4_095, false),
        (3, "0.126", 13, true),
        (3, "0.124", 12, true),
        (3, "255", 4_095, true),
        (3, "1", 100, false),
    ] {
        let loaded = instance(&format!("version {version}\nadvert_int {said}"));
        assert_eq!(only(&loaded).interval.centiseconds(), centiseconds, "version {version}, {said}");
        assert_eq!(codes(&loaded).contains(&"RG0309"), complaint, "version {version}, {said}");
    }
    for said in ["0", "0.009", "255.01", "-1", "x"] {
        let loaded = instance(&format!("advert_int {said}"));
        assert_eq!(only(&loaded).interval, AdvertInterval::DEFAULT, "{said}");
        assert!(loaded.has_errors(), "{said}");
    }
}

#[test]
fn a_password_is_cut_to_eight_bytes_and_padded_with_zeros() {
    let password = |lines: &str| {
        let loaded = instance(&format!("authentication {{\nauth_type PASS\n{lines}\n}}"));
        (only(&loaded).authentication, codes(&loaded).join(" "))
    };
    assert_eq!(password("auth_pass 1111"), (Authentication::Password(*b"1111\0\0\0\0"), String::new()));
    assert_eq!(password("auth_pass 12345678"), (Authentication::Password(*b"12345678"), String::new()));
    assert_eq!(password("auth_pass 123456789"), (Authentication::Password(*b"12345678"), "RG0306".into()));
    assert_eq!(password("auth_pass ab#cd"), (Authentication::Password(*b"ab\0\0\0\0\0\0"), "RG0005".into()));
    assert_eq!(password(r"auth_pass ab\#cd"), (Authentication::Password(*b"ab#cd\0\0\0"), String::new()));
    assert_eq!(password("auth_pass \"a b#!\""), (Authentication::Password(*b"a b#!\0\0\0"), String::new()));
    assert_eq!(password(""), (Authentication::None, "RG0413".into()));
}

#[test]
fn a_password_is_shown_in_no_diagnostic() {
    for line in [
        "auth_pass sesame-is-long",
        "auth_pass sesame#sesame",
        "auth_pass sesame sesame",
        "auth_pass sesame {",
        "atuh_pass sesame",
        "auth_pas sesame",
    ] {
        let loaded = instance(&format!("authentication {{\nauth_type PASS\n{line}\n}}"));
        assert!(!loaded.diagnostics.is_empty(), "{line}");
        let shown = loaded.render(false) + &loaded.lines().collect::<String>();
        assert!(!shown.contains("sesame"), "{shown}");
    }
}

#[test]
fn state_master_without_priority_owns_its_addresses() {
    let loaded = instance("state MASTER");
    assert_eq!(only(&loaded).priority, LocalPriority::Owner);
    assert_eq!(codes(&loaded), ["RG0411"]);
    assert_eq!(only(&instance("state MASTER\npriority 150")).priority, LocalPriority::new(150).unwrap());
    // A priority that cannot be read must not make an owner.
    assert_eq!(only(&instance("state MASTER\npriority 1000")).priority, LocalPriority::new(100).unwrap());
}

#[test]
fn preemption_follows_state_priority_and_the_last_word() {
    let of = |lines: &str| only(&instance(lines)).preemption;
    assert_eq!(of("nopreempt"), Preemption::Never);
    assert_eq!(of("nopreempt\npreempt"), Preemption::After(Duration::ZERO));
    assert_eq!(of("preempt_delay 0.25"), Preemption::After(Duration::from_millis(250)));
    assert_eq!(of("nopreempt\npreempt_delay 5"), Preemption::Never);
    assert_eq!(of("state MASTER\npriority 9\nnopreempt"), Preemption::After(Duration::ZERO));
    assert_eq!(of("state MASTER\npriority 9\npreempt_delay 5"), Preemption::After(Duration::ZERO));
    assert_eq!(of("priority 255\nnopreempt"), Preemption::After(Duration::ZERO));
    assert_eq!(of("priority 255\nnopreempt\npreempt_delay 5"), Preemption::After(Duration::from_secs(5)));
}

#[test]
fn the_announcements_of_an_instance_override_the_global_ones_word_by_word() {
    let loaded = config::parse(
        "c",
        "vrrp_instance A { interface e\nvirtual_router_id 1\ngarp_master_repeat 9\nvirtual_ipaddress { 192.0.2.1 } }\n\
         global_defs {\nvrrp_garp_master_repeat 2\nvrrp_garp_master_delay 3\nvrrp_garp_lower_prio_repeat 0\n}\n",
    );
    let expected = Announcements {
        repeat: 9,
        delay: Duration::from_secs(3),
        lower_priority_repeat: 0,
        lower_priority_delay: Duration::from_secs(3),
        ..Announcements::default()
    };
    assert_eq!(only(&loaded).announcements, expected);
}

#[test]
fn after_a_lower_priority_it_is_what_all_instances_have_whatever_one_has_after_becoming_master() {
    let of = |lines: &str| only(&instance(lines)).announcements;
    let usual = Announcements::default();
    let own = of("garp_master_repeat 1\ngarp_master_delay 9");
    assert_eq!((own.repeat, own.delay), (1, Duration::from_secs(9)));
    let after = |announcements: Announcements| {
        (announcements.lower_priority_repeat, announcements.lower_priority_delay)
    };
    assert_eq!(after(own), after(usual));
    assert_eq!(after(of("garp_lower_prio_repeat 2\ngarp_lower_prio_delay 3")), (2, Duration::from_secs(3)));
}

#[test]
fn more_addresses_than_fit_an_advert_are_assigned_all_the_same() {
    let many = |version: u8, count: u32, base: &str| {
        let lines: String = (0..count).map(|n| format!("{base}{:x}\n", n + 1)).collect();
        let lines = if base.contains(':') {
            lines
        } else {
            (0..count).map(|n| format!("10.{}.{}.1\n", n / 200, n % 200)).collect()
        };
        config::parse(
            "c",
            &format!(
                "vrrp_instance A {{ interface e\nversion {version}\nvirtual_router_id 1\nvirtual_ipaddress {{\n{lines}}} }}"
            ),
        )
    };
    // IPv4: the count byte ends it at 255. IPv6: (1500 − 40 − 8) / 16 = 90.
    for (loaded, advertised, excluded) in [
        (many(2, 255, "10."), 255, 0),
        (many(2, 300, "10."), 255, 45),
        (many(3, 256, "10."), 255, 1),
        (many(3, 90, "fe80::"), 90, 0),
        (many(3, 100, "fe80::"), 90, 10),
    ] {
        let plan = only(&loaded);
        assert_eq!((plan.addresses.len(), plan.excluded.len()), (advertised, excluded));
        assert_eq!(loaded.has_errors(), excluded > 0);
    }
}

#[test]
fn ipv6_means_version_3_and_a_prefix_of_128() {
    let text = "global_defs { vrrp_version 2 }\nvrrp_instance A { interface e\nvirtual_router_id 1\nvirtual_ipaddress { fe80::1\n2001:db8::1/64 } }";
    let loaded = config::parse("c", text);
    let plan = only(&loaded);
    assert_eq!((plan.family, plan.version), (Family::Ipv6, Version::V3));
    assert_eq!(plan.addresses.iter().map(|address| address.prefix_length).collect::<Vec<_>>(), [128, 64]);
    assert!(loaded.diagnostics.is_empty(), "{}", loaded.render(false));
}

#[test]
fn one_link_local_address_serves_on_each_interface() {
    let text = |interface: &str| {
        format!(
            "vrrp_instance A {{ interface e0\nvirtual_router_id 1\nvirtual_ipaddress {{ fe80::1 }} }}\n\
             vrrp_instance B {{ interface {interface}\nvirtual_router_id 2\nvirtual_ipaddress {{ fe80::1 }} }}\n"
        )
    };
    assert_eq!(config::parse("c", &text("e1")).plan.instances.len(), 2);
    assert_eq!(config::parse("c", &text("e0")).plan.instances.len(), 1);
}

#[test]
fn an_address_of_the_first_family_decides_and_the_others_are_ignored() {
    let text = "vrrp_instance A { interface e\nvirtual_router_id 1\nvirtual_ipaddress { 192.0.2.1\nfe80::1\n192.0.2.2 } }";
    let loaded = config::parse("c", text);
    let addresses: Vec<IpAddr> = only(&loaded).addresses.iter().map(|plan| plan.address).collect();
    assert_eq!(addresses, [address("192.0.2.1"), address("192.0.2.2")]);
    assert_eq!(codes(&loaded), ["RG0405"]);
}

#[test]
fn priority_255_forgets_weighted_trackers_and_keeps_the_others() {
    let loaded = instance("priority 255\ntrack_interface {\neth1 weight 5\neth2\neth3 weight 0 reverse\n}");
    let names: Vec<&str> =
        only(&loaded).track_interfaces.iter().map(|tracked| tracked.name.as_str()).collect();
    assert_eq!(names, ["eth2", "eth3"]);
    assert_eq!(codes(&loaded), ["RG0410"]);
}

#[test]
fn the_weight_of_a_script_holds_where_the_tracker_says_none() {
    let text = |tracker: &str| {
        format!(
            "vrrp_script S {{\nscript /bin/true\nweight -11 reverse\n}}\nvrrp_instance A {{ interface e\nvirtual_router_id 1\n\
             track_script {{ {tracker} }}\nvirtual_ipaddress {{ 192.0.2.1 }} }}"
        )
    };
    for (tracker, weight, reverse) in
        [("S", -11, true), ("S weight 4", 4, false), ("S weight 0 noreverse", 0, false)]
    {
        let loaded = config::parse("c", &text(tracker));
        let tracked = &only(&loaded).track_scripts[0];
        assert_eq!((tracked.weight, tracked.reverse), (weight, reverse), "{tracker}");
    }
}

#[test]
fn a_tracked_script_that_does_not_exist_keeps_the_instance_from_running() {
    let loaded = instance("track_script {\nnowhere\n}");
    assert_eq!(loaded.plan, Plan::default());
    assert_eq!(codes(&loaded), ["RG0408"]);
    assert!(loaded.lines().next().unwrap().contains("instance `A` is left out"));
}

#[test]
fn scripts_that_nothing_tracks_are_not_run() {
    let loaded = config::parse("c", "vrrp_script S { script /bin/true }");
    assert_eq!(loaded.plan, Plan::default());
    assert!(!loaded.has_warnings());
}

#[test]
fn a_command_is_taken_apart_without_a_shell() {
    for (line, program, arguments, user) in [
        ("notify /bin/a", "/bin/a", vec![], None),
        ("notify \"/bin/a 'b c' $d | e\"", "/bin/a", vec!["b c", "$d", "|", "e"], None),
        ("notify '/bin/a \"b c\"'", "/bin/a", vec!["b c"], None),
        ("notify \"'/bin/a b' c\"", "/bin/a b", vec!["c"], None),
        ("notify /bin/a alice", "/bin/a", vec![], Some("alice")),
        ("notify \"/bin/a b\" alice :staff", "/bin/a", vec!["b"], Some("alice")),
        ("notify /bin/a -x MASTER", "/bin/a", vec!["-x", "MASTER"], None),
    ] {
        let loaded = instance(line);
        let command = only(&loaded).notify.any.clone().unwrap();
        assert_eq!(command.program.to_str(), Some(program), "{line}");
        assert_eq!(command.arguments, arguments, "{line}");
        assert_eq!(command.user.map(|run_as| run_as.user).as_deref(), user, "{line}");
    }
}

#[test]
fn an_unknown_word_with_a_block_is_skipped_whole() {
    // keepalived reads the lines of such a block as the instance's own, and takes its brace for the instance's.
    let loaded = instance("unheard_of {\npriority 7\nnested { }\n}\npriority 8");
    assert_eq!(only(&loaded).priority, LocalPriority::new(8).unwrap());
    assert_eq!(codes(&loaded), ["RG0201"]);
}

#[test]
fn words_of_keepaliveds_are_skipped_whole_with_a_warning() {
    let text = "global_defs {\nnotification_email {\nroot@localhost\n}\nenable_dbus\nrouter_id x\n}\n\
                virtual_server 10.0.0.1 80 {\nprotocol TCP\nlb_algo rr\nlb_kind NAT\n\
                real_server 10.0.0.2 80 { weight 1\n} }\n";
    let loaded = config::parse("c", text);
    assert_eq!(loaded.plan.router_id.as_deref(), Some("x"));
    assert!(!loaded.has_errors() && loaded.has_warnings());
    assert_eq!(codes(&loaded), ["RG0202", "RG0202", "RG0202"]);
    for (line, word) in loaded.lines().zip(["notification_email", "enable_dbus", "virtual_server"]) {
        assert!(line.contains(&format!("`{word}` is keepalived's and not supported yet")), "{line}");
    }
}

#[test]
fn a_line_for_the_log_names_file_line_and_column() {
    let loaded = config::parse("/etc/x.conf", "vrrp_instance A {\n  prioirty 5\n}\n");
    assert!(
        loaded.lines().any(|line| line
            == "/etc/x.conf:2:3: error[RG0201]: unknown word `prioirty` in `vrrp_instance`: skipped; did you mean `priority`?"),
        "{:?}",
        loaded.lines().collect::<Vec<_>>()
    );
}

#[test]
fn columns_count_characters() {
    let loaded = config::parse("c", "vrrp_script \"é\" { scrípt x }\n");
    assert!(loaded.lines().any(|line| line.starts_with("c:1:19: error[RG0201]")), "{}", loaded.render(false));
}

#[test]
fn colour_changes_only_how_it_looks() {
    let loaded = instance("prioirty 5");
    let (plain, coloured) = (loaded.render(false), loaded.render(true));
    assert!(coloured.contains('\u{1b}') && !plain.contains('\u{1b}'));
}
