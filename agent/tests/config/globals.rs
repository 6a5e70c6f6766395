//! Values worked out by hand: lines of `global_defs` with forms of their own, and what sync groups make of trackers.

use std::path::Path;

use regent_agent::config::{
    self, Loaded,
    plan::{FlushOnStop, GlobalPlan, ParameterMatch, ReceivePolicy, RunAs, SyncDaemonPlan},
};

fn globals(lines: &str) -> Loaded {
    config::parse("c", &format!("global_defs {{\n{lines}\n}}\n"))
}

fn kept(lines: &str) -> GlobalPlan {
    let loaded = globals(lines);
    assert!(!loaded.has_errors(), "{}", loaded.render(false));
    loaded.plan.globals
}

/// Two instances, the first with these lines.
fn pair(lines: &str) -> String {
    format!(
        "vrrp_instance A {{ interface eth0\nvirtual_router_id 1\nvirtual_ipaddress {{ 192.0.2.1 }}\n{lines}\n}}\n\
         vrrp_instance B {{ interface eth0\nvirtual_router_id 2\nvirtual_ipaddress {{ 192.0.2.2 }}\n}}\n"
    )
}

fn codes(loaded: &Loaded) -> Vec<&str> {
    loaded.diagnostics.iter().map(|diagnostic| diagnostic.code).collect()
}

#[test]
fn a_umask_is_read_as_c_reads_numbers_or_by_names_of_bits() {
    for (said, mask) in [
        ("0177", 0o177),
        ("0", 0),
        ("63", 0o77),
        ("0x1ff", 0o777),
        ("IWGRP|IWOTH", 0o022),
        ("IWGRP | IWOTH", 0o022),
        ("IRWXG|IRWXO|IXUSR", 0o177),
    ] {
        assert_eq!(kept(&format!("umask {said}")).files.umask, Some(mask), "{said}");
    }
    for said in ["01000", "512", "0x200", "08", "IWGRP,IWOTH", "077x", "-1", "IWGRP||IWOTH"] {
        let loaded = globals(&format!("umask {said}"));
        assert_eq!((loaded.plan.globals.files.umask, loaded.has_errors()), (None, true), "{said}");
    }
}

#[test]
fn a_sync_daemon_is_read_in_its_new_and_its_old_form() {
    let daemon = |line: &str| {
        let loaded = config::parse("c", &format!("global_defs {{\nlvs_sync_daemon {line}\n}}\n{}", pair("")));
        assert!(!loaded.has_errors(), "{}", loaded.render(false));
        (loaded.plan.globals.ipvs.sync_daemon.clone().unwrap(), codes(&loaded).contains(&"RG0318"))
    };
    let plain = SyncDaemonPlan {
        interface: "eth1".into(),
        instance: None,
        id: None,
        longest: None,
        port: None,
        ttl: None,
        group: None,
    };
    let of_a = SyncDaemonPlan { instance: Some("A".into()), ..plain.clone() };
    assert_eq!(daemon("eth1"), (plain.clone(), false));
    assert_eq!(daemon("eth1 A"), (of_a.clone(), false));
    assert_eq!(daemon("eth1 inst A"), (of_a.clone(), false));
    assert_eq!(daemon("eth1 A 7"), (SyncDaemonPlan { id: Some(7), ..of_a.clone() }, true));
    assert_eq!(daemon("eth1 id 0"), (SyncDaemonPlan { id: Some(0), ..plain }, false));
    let all = SyncDaemonPlan {
        id: Some(255),
        longest: Some(65_507),
        port: Some(65_535),
        ttl: Some(1),
        group: Some("224.0.0.81".parse().unwrap()),
        ..of_a
    };
    assert_eq!(daemon("eth1 inst A id 255 maxlen 65507 port 65535 ttl 1 group 224.0.0.81"), (all, false));
}

#[test]
fn bare_words_and_old_names_mean_what_they_mean_in_keepalived() {
    assert_eq!(kept("max_auto_priority").processes.max_auto_priority, 99);
    assert_eq!(kept("max_auto_priority -1").processes.max_auto_priority, -1);
    assert_eq!(kept("lvs_flush_on_stop").ipvs.flush_on_stop, Some(FlushOnStop::Everything));
    assert_eq!(kept("lvs_flush_onstop VS").ipvs.flush_on_stop, Some(FlushOnStop::VirtualServers));
    assert_eq!(kept("bfd_rlimit_rtime 5").processes.bfd.time_limit_us, Some(5));
    assert_eq!(kept("lvs_process_name check").processes.checker.name.as_deref(), Some("check"));
    assert_eq!(
        kept("vrrp_vmac_garp_intvl all 5").extra_announcements.unwrap().interval,
        std::time::Duration::from_secs(5)
    );
    assert_eq!(kept("vrrp_rx_bufs_policy Mtu").processes.buffers.adverts, Some(ReceivePolicy::Mtu));
    assert_eq!(kept("vrrp_rx_bufs_policy 0").processes.buffers.adverts, Some(ReceivePolicy::Bytes(0)));
    let snmp = kept("enable_snmp_rfc").snmp;
    assert_eq!((snmp.rfc_v2, snmp.rfc_v3, snmp.vrrp), (true, true, false));
    assert!(kept("enable_snmp_keepalived").snmp.vrrp);
}

#[test]
fn defaults_apply_whatever_the_order_of_blocks() {
    let before = "global_defs {\nscript_user one\nsmtp_alert\nnotification_email { a@b.c }\n}\n";
    let after = format!(
        "{}vrrp_sync_group G {{\ngroup {{ A B }}\nnotify /etc/run.sh\n}}\n\
         global_defs {{\nnotify_fifo /run/f\nnotify_fifo_script /etc/run.sh\n}}\n",
        pair("")
    );
    for text in [format!("{before}{after}"), format!("{after}{before}")] {
        let plan = config::parse("c", &text).plan;
        let one = Some(RunAs { user: "one".into(), group: None });
        assert_eq!(plan.sync_groups[0].notify.any.as_ref().unwrap().user, one);
        assert_eq!(plan.globals.fifos.all.script.as_ref().unwrap().user, one);
        assert_eq!((plan.globals.mail.alert_vrrp, plan.sync_groups[0].notify.mail), (Some(true), Some(true)));
    }
}

#[test]
fn one_warning_names_all_words_of_which_the_same_is_said() {
    let loaded = globals("smtp_server 192.0.2.1\nsmtp_connect_timeout 30\nnotification_email_from a@b.c");
    assert_eq!(codes(&loaded), ["RG0202"]);
    assert_eq!(loaded.diagnostics[0].labels.len(), 3);
    let loaded = globals("smtp_server 192.0.2.1\nenable_dbus");
    assert_eq!(codes(&loaded), ["RG0202", "RG0202"]);
}

#[test]
fn a_group_sets_no_member_apart_unless_told() {
    let scripts = "vrrp_script S { script /bin/true\nweight 5 }\nvrrp_script T { script /bin/true }\n";
    let member = pair("track_script {\nS\nT\n}\ntrack_interface {\neth3 weight 5\neth4\n}");
    let trackers = |group: &str| {
        let text = format!("{scripts}vrrp_sync_group G {{\ngroup {{ A B }}\n{group}\n}}\n{member}");
        let loaded = config::parse("c", &text);
        let a = &loaded.plan.instances[0];
        let scripts: Vec<_> = a.track_scripts.iter().map(|s| (s.name.clone(), s.weight)).collect();
        let interfaces: Vec<_> = a.track_interfaces.iter().map(|i| (i.name.clone(), i.weight)).collect();
        (scripts, interfaces, codes(&loaded).contains(&"RG0444"))
    };
    let named = |list: &[(&str, i16)]| -> Vec<(String, i16)> {
        list.iter().map(|(name, weight)| ((*name).to_owned(), *weight)).collect()
    };
    assert_eq!(trackers(""), (named(&[("T", 0)]), named(&[("eth3", 0), ("eth4", 0)]), true));
    let kept = (named(&[("S", 5), ("T", 0)]), named(&[("eth3", 5), ("eth4", 0)]), false);
    assert_eq!(trackers("sync_group_tracking_weight"), kept);
    assert_eq!(trackers("global_tracking"), kept);
}

#[test]
fn what_a_group_tracks_counts_for_each_member_and_is_run() {
    let text = format!(
        "vrrp_script S {{ script /bin/true\nweight -5 }}\n\
         vrrp_sync_group G {{\ngroup {{ A B }}\ntrack_script {{ S }}\ntrack_interface {{ eth9 weight 7 }}\n}}\n{}",
        pair("")
    );
    let plan = config::parse("c", &text).plan;
    for instance in &plan.instances {
        assert_eq!((instance.track_scripts[0].name.as_str(), instance.track_scripts[0].weight), ("S", -5));
        assert_eq!(
            (instance.track_interfaces[0].name.as_str(), instance.track_interfaces[0].weight),
            ("eth9", 7)
        );
    }
    assert_eq!(plan.scripts.len(), 1);
}

#[test]
fn a_script_of_a_group_that_does_not_exist_keeps_its_members_from_running() {
    let text = format!("vrrp_sync_group G {{\ngroup {{ A }}\ntrack_script {{ S }}\n}}\n{}", pair(""));
    let loaded = config::parse("c", &text);
    assert_eq!(loaded.left_out, ["A"]);
    assert_eq!(loaded.plan.instances.len(), 1);
}

#[test]
fn a_file_in_place_of_a_command_is_good_while_it_can_be_read() {
    let text = format!("vrrp_script S {{ script </run/ready }}\n{}", pair("track_script { S }"));
    let command = &config::parse("c", &text).plan.scripts[0].command;
    assert_eq!(
        (command.program.as_path(), command.arguments.as_slice()),
        (Path::new("test"), &["-r".to_owned(), "/run/ready".to_owned()][..])
    );
}

#[test]
fn parameters_of_a_process_are_compared_as_they_are_asked_for() {
    for (lines, matching, full) in [
        ("process p", ParameterMatch::Any, false),
        ("process p\nfull_command", ParameterMatch::Any, true),
        ("process p a", ParameterMatch::Exact, true),
        ("process p\nparam_match partial", ParameterMatch::Exact, true),
        ("process p a\nparam_match partial", ParameterMatch::Partial, true),
        ("process p a\nparam_match initial", ParameterMatch::Initial, true),
    ] {
        let plan = config::parse("c", &format!("vrrp_track_process P {{\n{lines}\n}}\n")).plan;
        let process = &plan.track_processes[0];
        assert_eq!((process.matching, process.full_command), (matching, full), "{lines}");
    }
    for (lines, quorum, most) in [
        ("", 1, None),
        ("quorum_max 0", 0, Some(0)),
        ("quorum_max 3", 1, Some(3)),
        ("quorum 2\nquorum_max 2", 2, Some(2)),
        ("quorum 2\nquorum_max 1", 2, None),
    ] {
        let plan = config::parse("c", &format!("vrrp_track_process P {{\nprocess p\n{lines}\n}}\n")).plan;
        let process = &plan.track_processes[0];
        assert_eq!((process.quorum, process.quorum_max), (quorum, most), "{lines}");
    }
}

#[test]
fn the_name_of_a_namespace_leads_to_no_other_directory() {
    let place = |line: &str| {
        let loaded = config::parse("c", &format!("{}{line}\n", pair("")));
        assert_eq!(loaded.plan.instances.len(), 2, "{line}");
        (loaded.has_errors(), loaded.plan.globals.place)
    };
    let (wrong, place_of_blue) = place("net_namespace blue");
    assert!(!wrong && place_of_blue.net_namespace.as_deref() == Some("blue"));
    for name in ["a/b", "/run/netns/blue", "..", "."] {
        let (wrong, there) = place(&format!("net_namespace {name}"));
        assert!(wrong && there.net_namespace.is_none(), "{name}");
        let (wrong, there) = place(&format!("instance {name}"));
        assert!(wrong && there.instance.is_none(), "{name}");
    }
}

#[test]
fn a_word_that_takes_nothing_holds_also_when_it_says_no() {
    let loaded = globals("no_email_faults off");
    assert!(loaded.plan.globals.mail.no_faults);
    assert!(loaded.render(false).contains("holds whatever follows it"), "{}", loaded.render(false));
}

#[test]
fn what_groups_give_to_their_members_is_bounded() {
    let members: String = (0..1_000).map(|n| format!("M{n}\n")).collect();
    let trackers: String = (0..1_000).map(|n| format!("e{n}\n")).collect();
    let instances: String = (0..1_000)
        .map(|n| {
            format!(
                "vrrp_instance M{n} {{ interface i{n}\nvirtual_router_id 1\nvirtual_ipaddress {{ 10.0.{}.{} }}\n}}\n",
                n / 250,
                n % 250 + 1
            )
        })
        .collect();
    let text = format!(
        "vrrp_sync_group G {{\ngroup {{\n{members}}}\ntrack_interface {{\n{trackers}}}\n}}\n{instances}"
    );
    let loaded = config::parse("c", &text);
    assert!(codes(&loaded).contains(&"RG0443"));
    let given: usize = loaded.plan.instances.iter().map(|instance| instance.track_interfaces.len()).sum();
    assert_eq!((given, loaded.plan.instances.len()), (200_000, 200));
}
