//! Command lines, as people type and mistype them.

use std::{net::IpAddr, path::Path, time::Duration};

use regent_common::{AdvertInterval, Family, LocalPriority, Version, Vrid, advert::Authentication};
use regent_vrrp::Preemption;

use super::{
    DaemonOptions, DetachOptions, HandoverOptions, OutputFormat, Refusal, Request, Settled, Status,
    StatusOptions, Work, XdpChoice, is_present, parse,
};
use crate::{
    config::plan::{self, Plan},
    observe::log::{LogFormat, LogOptions},
};

fn words(line: &str) -> Result<Request, Refusal> {
    parse(line.split_whitespace())
}

fn daemon(line: &str) -> DaemonOptions {
    match words(line) {
        Ok(Request::Daemon(options)) => *options,
        other => panic!("{line}: {other:?}"),
    }
}

/// The first line of the refusal of a line that is a usage error.
fn refused(line: &str) -> String {
    let refusal = words(line).unwrap_err();
    assert_eq!(refusal.status, Status::Usage, "{}", refusal.text);
    refusal.text.lines().next().unwrap().to_owned()
}

#[test]
fn no_words_are_the_daemon_with_its_defaults() {
    let expected = DaemonOptions {
        interfaces: Vec::new(),
        work: Work::Default,
        run_directory: "/run/regent".into(),
        bpf_directory: "/sys/fs/bpf/regent".into(),
        xdp: None,
        metrics: None,
        log: LogOptions { format: LogFormat::Text, level: None },
        succeeds: false,
    };
    assert_eq!(daemon("agent"), expected);
}

#[test]
fn every_flag_of_the_daemon_is_read() {
    let options = daemon(
        "agent --iface ens33 --iface ens34 --iface ens33 --config /etc/a.conf --run-dir /run/two --bpffs /bpf \
         --xdp generic --metrics [::]:9165 --log-level debug --log-format json",
    );
    assert_eq!(options.interfaces, ["ens33", "ens34"]);
    assert_eq!(options.work, Work::Config("/etc/a.conf".into()));
    assert_eq!(options.run_directory, Path::new("/run/two"));
    assert_eq!(options.bpf_directory, Path::new("/bpf"));
    assert_eq!(options.xdp, Some(XdpChoice::Generic));
    assert_eq!(options.metrics, Some("[::]:9165".parse().unwrap()));
    assert_eq!(options.log, LogOptions { format: LogFormat::Json, level: Some("debug".to_owned()) });
}

#[test]
fn the_classic_pair_fits_on_one_line() {
    let options = daemon("agent --iface ens33 --vrid 50 --priority 150 --vip 10.0.0.3 --auth-pass 1111");
    let Work::Instance(flags) = options.work else { panic!("{:?}", options.work) };
    let plan = flags.plan();
    assert_eq!(plan.name, "VI_1");
    assert_eq!(plan.interface, "ens33");
    assert_eq!(plan.vrid, Vrid::new(50).unwrap());
    assert_eq!(plan.priority, LocalPriority::new(150).unwrap());
    assert_eq!((plan.family, plan.version), (Family::Ipv4, Version::V2));
    assert_eq!(plan.authentication, Authentication::Password(*b"1111\0\0\0\0"));
    assert_eq!(plan.interval, AdvertInterval::DEFAULT);
    assert_eq!(plan.preemption, Preemption::After(Duration::ZERO));
    let vip: IpAddr = "10.0.0.3".parse().unwrap();
    assert_eq!(plan.addresses.iter().map(|a| (a.address, a.prefix_length)).collect::<Vec<_>>(), [(vip, 32)]);
}

#[test]
fn version_3_takes_fractions_and_ipv6_takes_version_3() {
    let options =
        daemon("agent --iface a --vrid 1 --vip fe80::1/64,2001:db8::1 --advert-int 0.05 --nopreempt");
    let Work::Instance(flags) = options.work else { panic!("{:?}", options.work) };
    assert_eq!((flags.family, flags.version), (Family::Ipv6, Version::V3));
    assert_eq!(flags.interval.centiseconds(), 5);
    assert_eq!(flags.preemption, Preemption::Never);
    assert_eq!(flags.addresses[0].1, 64);
    assert_eq!(flags.addresses[1].1, 128);
}

#[test]
fn a_link_local_vip_comes_first_as_in_a_config() {
    let options = daemon("agent --iface a --vrid 1 --vip 2001:db8::1/64 --vip 2001:db8::2 --vip fe80::1");
    let Work::Instance(flags) = options.work else { panic!("{:?}", options.work) };
    let loaded = crate::config::parse(
        "c",
        "vrrp_instance VI_1 { interface a\nvirtual_router_id 1\nvirtual_ipaddress { 2001:db8::1/64\n2001:db8::2\nfe80::1 } }",
    );
    assert_eq!(flags.addresses[0].0, "fe80::1".parse::<IpAddr>().unwrap());
    assert_eq!(loaded.plan.instances, [flags.plan()]);
}

#[test]
fn unicast_by_flags_is_unicast_by_a_config() {
    for (flags, lines) in [
        ("--unicast-peer 10.0.0.2", "unicast_peer { 10.0.0.2 }"),
        (
            "--unicast-peer 10.0.0.2,10.0.0.4 --unicast-peer 10.0.0.2 --source 10.0.0.1",
            "unicast_peer { 10.0.0.2\n10.0.0.4 }\nunicast_src_ip 10.0.0.1",
        ),
        ("--source 10.0.0.1", "mcast_src_ip 10.0.0.1"),
    ] {
        let options = daemon(&format!("agent --iface a --vrid 1 --vip 10.0.0.3 {flags}"));
        let Work::Instance(instance) = options.work else { panic!("{:?}", options.work) };
        let text = format!(
            "vrrp_instance VI_1 {{ interface a\nvirtual_router_id 1\n{lines}\nvirtual_ipaddress {{ 10.0.0.3 }} }}"
        );
        assert_eq!(crate::config::parse("c", &text).plan.instances, [instance.plan()], "{flags}");
    }
}

#[test]
fn the_data_plane_by_flags_is_that_of_a_config() {
    for (flags, lines) in [
        ("", ""),
        ("--gate 2 --virtual-mac", "gate 2\nvirtual_mac"),
        ("--gate off --responder off", "gate off\nresponder off"),
        ("--responder on", "responder on"),
    ] {
        let options = daemon(&format!("agent --iface a --vrid 1 --vip 10.0.0.3 {flags}"));
        let Work::Instance(instance) = options.work else { panic!("{:?}", options.work) };
        let text = format!(
            "vrrp_instance VI_1 {{ interface a\nvirtual_router_id 1\n{lines}\nvirtual_ipaddress {{ 10.0.0.3 }} }}"
        );
        assert_eq!(crate::config::parse("c", &text).plan.instances, [instance.plan()], "{flags}");
    }
}

#[test]
fn the_command_line_goes_before_the_config_about_xdp() {
    let plan = crate::config::parse("c", "global_defs { xdp native }").plan;
    assert_eq!(daemon("agent").rungs(&plan), plan::XdpChoice::Native);
    assert_eq!(daemon("agent").rungs(&Plan::default()), plan::XdpChoice::Auto);
    for (word, rungs) in [
        ("auto", plan::XdpChoice::Auto),
        ("native", plan::XdpChoice::Native),
        ("generic", plan::XdpChoice::Generic),
        ("off", plan::XdpChoice::Off),
    ] {
        let written = crate::config::parse("c", &format!("global_defs {{ xdp {word} }}")).plan;
        assert_eq!(daemon("agent").rungs(&written), rungs, "{word}");
        assert_eq!(daemon(&format!("agent --xdp {word}")).rungs(&plan), rungs, "{word}");
    }
}

#[test]
fn a_vrid_outside_1_to_255_is_a_usage_error() {
    for vrid in ["0", "300", "-1", "x", ""] {
        let refusal =
            parse(["agent", "--iface", "a", &format!("--vrid={vrid}"), "--vip", "10.0.0.3"]).unwrap_err();
        assert_eq!(refusal.status.number(), 2);
        let first = refusal.text.lines().next().unwrap();
        if !vrid.is_empty() {
            assert_eq!(first, format!("error: invalid value '{vrid}' for '--vrid <N>': a VRID is 1 to 255"));
        }
    }
}

#[test]
fn bad_values_are_refused_with_what_would_be_good() {
    for (flags, expected) in [
        ("--priority 0", "error: invalid value '0' for '--priority <N>': a priority is 1 to 255"),
        (
            "--vip 10.0.0",
            "error: invalid value '10.0.0' for '--vip <IP[/LENGTH]>': expected an IP address, such as 10.0.0.3",
        ),
        (
            "--vip 10.0.0.3/33",
            "error: invalid value '10.0.0.3/33' for '--vip <IP[/LENGTH]>': a prefix length here is 1 to 32",
        ),
        (
            "--vip 224.0.0.18",
            "error: invalid value '224.0.0.18' for '--vip <IP[/LENGTH]>': not an address that a host can be reached at",
        ),
        (
            "--unicast-peer 224.0.0.18",
            "error: invalid value '224.0.0.18' for '--unicast-peer <IP>': not an address that a host can be reached at",
        ),
        (
            "--source x",
            "error: invalid value 'x' for '--source <IP>': expected an IP address, such as 10.0.0.1",
        ),
        ("--vrrp-version 4", "error: invalid value '4' for '--vrrp-version <2|3>': a version is 2 or 3"),
        (
            "--auth-pass 123456789",
            "error: invalid value '123456789' for '--auth-pass <PASSWORD>': a password has 1 to 8 bytes; routers that \
             accept a longer one send its first 8",
        ),
        ("--gate 0", "error: invalid value '0' for '--gate <N|off>': a gate is `off`, or 1 to 3 intervals"),
        ("--gate x", "error: invalid value 'x' for '--gate <N|off>': a gate is `off`, or 1 to 3 intervals"),
        ("--responder no", "error: invalid value 'no' for '--responder <on|off>': expected on or off"),
        (
            "--metrics 9165",
            "error: invalid value '9165' for '--metrics <ADDRESS:PORT>': expected ADDRESS:PORT, such as 127.0.0.1:9165 \
             or [::]:9165",
        ),
    ] {
        assert_eq!(refused(&format!("agent --iface a {flags}")), expected);
    }
    for interval in ["0", "0.001", "256", "1e3", "-1", ".5", "0.00", "99999999999999999999"] {
        let result = refused(&format!("agent --iface a --advert-int={interval}"));
        assert!(
            result.ends_with("an interval is 0.01 to 255 seconds in steps of 0.01, such as 1 or 0.1"),
            "{result}"
        );
    }
}

#[test]
fn part_of_an_instance_says_what_is_missing() {
    let example = "; for example: agent --iface ens33 --vrid 50 --priority 150 --vip 10.0.0.3";
    for (line, missing) in [
        ("agent --iface a --vip 10.0.0.3", "--vrid N"),
        ("agent --iface a --vrid 50", "--vip IP[/LENGTH]"),
        ("agent --vrid 50 --vip 10.0.0.3", "--iface INTERFACE"),
        ("agent --nopreempt", "--iface INTERFACE and --vrid N and --vip IP[/LENGTH]"),
        ("agent --iface a --auth-pass 1111", "--vrid N and --vip IP[/LENGTH]"),
        ("agent --iface a --gate off", "--vrid N and --vip IP[/LENGTH]"),
        ("agent --iface a --responder on", "--vrid N and --vip IP[/LENGTH]"),
        ("agent --iface a --virtual-mac", "--vrid N and --vip IP[/LENGTH]"),
    ] {
        assert_eq!(refused(line), format!("error: an instance by flags also needs {missing}{example}"));
    }
    assert_eq!(
        refused("agent --iface a --iface b --vrid 50 --vip 10.0.0.3"),
        "error: flags for an instance need exactly one --iface; several instances need a --config"
    );
}

#[test]
fn flags_that_do_not_go_together_are_refused_with_the_way_out() {
    let base = "agent --iface a --vrid 50 --vip 10.0.0.3";
    for (flags, expected) in [
        (
            "--config /etc/a.conf",
            "error: --config and flags for an instance (--vrid, --vip, ...) exclude each other: put the instance into \
             the config, or leave --config out",
        ),
        (
            "--vip 2001:db8::1",
            "error: --vip of IPv4 and of IPv6 cannot share an instance (RFC 9568 5.2.9): use a --config with one \
             vrrp_instance for each family",
        ),
        (
            "--advert-int 0.5",
            "error: --advert-int of 500 ms cannot be said in version 2, which has whole seconds from 1 to 255: use \
             --vrrp-version 3 on all routers of the group",
        ),
        (
            "--vrrp-version 3 --advert-int 41",
            "error: --advert-int of 41 s cannot be said in version 3, which ends at 40.95 s: use a shorter one",
        ),
        (
            "--vrrp-version 3 --auth-pass 1111",
            "error: --auth-pass needs version 2: version 3 has no authentication (RFC 9568 9); leave it out",
        ),
        ("--unicast-peer fe80::2", "error: --unicast-peer fe80::2 is not an IPv4 address, as --vip is"),
        ("--source fe80::2", "error: --source fe80::2 is not an IPv4 address, as --vip is"),
        (
            "--source 10.0.0.1 --unicast-peer 10.0.0.1",
            "error: --unicast-peer 10.0.0.1 is this router's own --source: name the other routers of the group",
        ),
        (
            "--unicast-peer 10.0.0.3",
            "error: --unicast-peer 10.0.0.3 is a --vip: name the own addresses of the other routers",
        ),
        (
            "--gate 4",
            "error: --gate 4 would shut after the backups have taken over, which wait for 3 adverts: use 3 or fewer, or \
             `off`",
        ),
        (
            "--priority 255 --nopreempt",
            "error: --nopreempt cannot be kept with --priority 255: the owner of the addresses always preempts (RFC \
             9568 6.1); use a priority of 1 to 254",
        ),
    ] {
        assert_eq!(refused(&format!("{base} {flags}")), expected);
    }
    assert_eq!(
        refused("agent --iface a --vrid 50 --vip fe80::1 --vrrp-version 2"),
        "error: --vrrp-version 2 cannot carry IPv6 addresses: use --vrrp-version 3"
    );
}

#[test]
fn a_named_config_is_taken_and_else_the_first_default_that_exists() {
    let none = |_: &Path| false;
    assert_eq!(Work::Config("a".into()).settle_with(none), Settled::Config("a".into()));
    assert_eq!(Work::Default.settle_with(none), Settled::Observe);
    assert_eq!(
        Work::Default.settle_with(|path| path == Path::new("/etc/keepalived/keepalived.conf")),
        Settled::Config("/etc/keepalived/keepalived.conf".into())
    );
    assert_eq!(Work::Default.settle_with(|_| true), Settled::Config("/etc/regent/regent.conf".into()));
}

#[test]
fn a_config_that_cannot_be_read_is_not_passed_over() {
    let directory = tempfile::tempdir().unwrap();
    let dangling = directory.path().join("regent.conf");
    std::os::unix::fs::symlink("/nonexistent/regent.conf", &dangling).unwrap();
    assert!(is_present(&dangling));
    assert!(!is_present(&directory.path().join("other.conf")));
}

#[test]
fn status_is_read_with_its_own_flags() {
    let expected = StatusOptions { run_directory: "/r".into(), output: OutputFormat::Json, heard: true };
    assert_eq!(words("agent status -o json --heard --run-dir /r").unwrap(), Request::Status(expected));
    let defaults =
        StatusOptions { run_directory: "/run/regent".into(), output: OutputFormat::Table, heard: false };
    assert_eq!(words("agent status").unwrap(), Request::Status(defaults));
}

#[test]
fn verbs_do_not_mix_with_flags_of_the_daemon() {
    for line in
        ["agent --iface a status", "agent status --iface a", "agent reload --iface a", "agent --frobnicate"]
    {
        refused(line);
    }
}

#[test]
fn help_and_version_are_good() {
    for (line, part) in [
        (
            "agent --help",
            "Exit status: 0 good, 1 failed, 2 usage, 3 no agent answers, 4 errors in the config, 5 warnings",
        ),
        ("agent -h", "--iface <INTERFACE>"),
        ("agent --version", "agent 0.1.0"),
        ("agent status --help", "--heard"),
        ("agent reload --help", "--dry-run"),
    ] {
        let refusal = words(line).unwrap_err();
        assert_eq!(refusal.status, Status::Good);
        assert!(refusal.text.contains(part), "{line}: {}", refusal.text);
    }
}

#[test]
fn a_handover_is_to_the_program_that_asks_unless_another_one_is_named() {
    let defaults = HandoverOptions {
        run_directory: "/run/regent".into(),
        binary: None,
        patience: Duration::from_secs(15),
    };
    assert_eq!(words("agent handover").unwrap(), Request::Handover(defaults));
    let named = HandoverOptions {
        run_directory: "/r".into(),
        binary: Some("/usr/bin/agent".into()),
        patience: Duration::from_secs(3),
    };
    let line = "agent handover --run-dir /r --binary /usr/bin/agent --timeout 3";
    assert_eq!(words(line).unwrap(), Request::Handover(named));
    assert!(refused("agent handover --timeout 0").contains("--timeout"));
    assert!(daemon("agent --vrid 50 --vip 10.0.0.3 --iface a --succeed").succeeds);
}

#[test]
fn detach_knows_where_agents_leave_things() {
    let defaults =
        DetachOptions { run_directory: "/run/regent".into(), bpf_directory: "/sys/fs/bpf/regent".into() };
    assert_eq!(words("agent detach").unwrap(), Request::Detach(defaults));
    let named = DetachOptions { run_directory: "/r".into(), bpf_directory: "/b".into() };
    assert_eq!(words("agent detach --run-dir /r --bpffs /b").unwrap(), Request::Detach(named));
}
