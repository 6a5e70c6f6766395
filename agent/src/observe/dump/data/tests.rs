//! The text of a dump, line by line.

use std::path::PathBuf;

use super::*;
use crate::observe::{
    dump::{Address, Garp, Globals, Mail, Notify, Process, Stats},
    sample,
};

fn command(words: &[&str]) -> Command {
    let mut words = words.iter().map(|word| (*word).to_owned());
    Command { program: PathBuf::from(words.next().unwrap()), arguments: words.collect(), ids: (0, 0) }
}

fn tracked(name: &str, weight: i32) -> Tracked {
    Tracked { name: name.to_owned(), weight, reverse: false }
}

/// The sample's first instance.
fn one() -> Instance {
    let status = sample::snapshot().instances.remove(0);
    Instance {
        stats: Stats::of(&status),
        deadline: Some(Duration::from_millis(500)),
        down: Duration::from_micros(3_652_343),
        active_interval: Duration::from_secs(1),
        interval: Duration::from_secs(1),
        transport: Transport::Multicast("224.0.0.18".parse().unwrap()),
        source_given: false,
        tracks_interface: true,
        is_down: false,
        ifindex: 2,
        garp: Garp { delay: 5, repeat: 5, refresh: 0, refresh_repeat: 1, lower_delay: 5, lower_repeat: 5 },
        down_timer_adverts: 3,
        asserts: true,
        concedes: false,
        accepts: true,
        preempts: true,
        preempt_delay: Duration::ZERO,
        password: Some("secret12".to_owned()),
        addresses: vec![Address {
            address: "10.0.0.3".parse().unwrap(),
            prefix_length: 32,
            device: "ens33".to_owned(),
            broadcast: None,
            scope: 0,
            label: None,
            peer: None,
            home: false,
            manages_temporary: false,
            joins: false,
            untracked: false,
            detects_duplicates: false,
            preferred_lifetime: None,
            no_prefix_route: true,
            set: true,
        }],
        excluded: Vec::new(),
        interfaces: vec![tracked("ens34", 10)],
        scripts: vec![tracked("chk_web", -11)],
        files: Vec::new(),
        processes: Vec::new(),
        sync_group: None,
        skips_address_check: false,
        strict: false,
        promotes_secondaries: false,
        receive_buffer: None,
        debug: None,
        routes: Vec::new(),
        rules: Vec::new(),
        mails: false,
        says_deleted: false,
        says_priorities: false,
        notify: Notify { master: Some(command(&["/usr/bin/true", "a", "b"])), ..Notify::default() },
        status,
    }
}

/// Nothing of them is said.
fn globals() -> Globals {
    Globals {
        router_id: "lb1".to_owned(),
        namespace: None,
        ipvs_namespace: None,
        instance: None,
        config_save_directory: None,
        temporary_directory: None,
        data_use_instance: false,
        mail: None,
        alerts: [None; 3],
        no_fault_mails: false,
        no_checker_mails: false,
        logs_all_failures: false,
        checks_before_reload: false,
        dynamic_interfaces: None,
        interface: None,
        disables_local_igmp: false,
        ipvs_timeouts: [None; 3],
        sync_daemon: None,
        ipvs_flush: false,
        ipvs_flush_on_stop: "disabled",
        fifos: Vec::new(),
        states_on_reload: false,
        priority_changes: false,
        multicast_group4: "224.0.0.18".parse().unwrap(),
        multicast_group6: "ff02::12".parse().unwrap(),
        garp: Garp { delay: 5, repeat: 5, refresh: 0, refresh_repeat: 1, lower_delay: 5, lower_repeat: 5 },
        down_timer_adverts: 3,
        extra_announcements: None,
        asserts: true,
        concedes: false,
        arp_pace: Duration::ZERO,
        neighbor_pace: Duration::ZERO,
        version: 2,
        nftables: None,
        counters: false,
        checks_source: false,
        skips_address_check: false,
        strict: false,
        max_auto_priority: 0,
        min_auto_priority_delay_us: 1_000_000,
        processes: [Process::default(); 3],
        snmp: [false; 5],
        snmp_socket: None,
        dbus: false,
        dbus_service: None,
        script_security: true,
        script_ids: (0, 0),
        buffers: [
            ("vrrp_netlink_cmd_rcv_bufs", 0, false),
            ("vrrp_netlink_monitor_rcv_bufs", 0, false),
            ("process_monitor_rcv_bufs", 0, false),
            ("lvs_netlink_cmd_rcv_bufs", 0, false),
            ("lvs_netlink_monitor_rcv_bufs", 0, false),
        ],
        notifies_initially: false,
        receive_policy: None,
        receive_multiplier: 3,
        umask: 0o177,
        startup_delay: Duration::ZERO,
        logs_unknown_groups: false,
        vmac_prefixes: [None, None],
    }
}

fn dump(instances: Vec<Instance>) -> Dump {
    Dump {
        unix_ms: 1_790_000_125_123,
        json_version: 1,
        globals: globals(),
        fixed: Fixed::default(),
        sync_groups: Vec::new(),
        track_files: Vec::new(),
        track_processes: Vec::new(),
        pace_groups: Vec::new(),
        instances,
        scripts: vec![Script {
            name: "chk_web".to_owned(),
            command: command(&["/usr/bin/false"]),
            interval: Duration::from_secs(2),
            timeout: Duration::ZERO,
            weight: tracked("", -11),
            rise: 2,
            fall: 3,
            good: Some(false),
            running: true,
            instances: vec![tracked("VI_1", -11)],
        }],
        links: vec![Link {
            name: "lo".to_owned(),
            index: 1,
            ipv4: Some("127.0.0.1".parse().unwrap()),
            ipv6: None,
            mac: [0; 6],
            up: true,
            running: true,
            loopback: true,
            multicast: false,
            mtu: 65_536,
            arp_pace: Duration::ZERO,
            neighbor_pace: Duration::ZERO,
            instances: Vec::new(),
        }],
    }
}

/// The lines from one that contains `from` to the next that begins as `to`.
fn section<'a>(text: &'a str, from: &str, to: &str) -> Vec<&'a str> {
    let after = text.lines().skip_while(|line| !line.contains(from)).skip(1);
    after.take_while(|line| !line.starts_with(to)).collect()
}

#[test]
fn an_instance_is_written_as_keepalived_writes_it() {
    let text = data(&dump(vec![one()])).unwrap();
    let said = section(&text, "VRRP Topology", "------<");
    let said: Vec<&str> = said
        .into_iter()
        .filter(|line| !line.contains("Last transition") && !line.contains("Read timeout"))
        .collect();
    assert_eq!(
        said,
        [
            " VRRP Instance = VI_1",
            "   VRRP Version = 2",
            "   State = MASTER",
            "   Flags: none",
            "   Wantstate = MASTER",
            "   Number of config faults = 0",
            "   Number of interface and track script faults = 0",
            "   Number of track scripts init = 0",
            "   Master down timer = 3652343 usecs",
            "   Interface = ens33",
            "   Using src_ip = 10.0.0.2",
            "   Multicast address 224.0.0.18",
            "   Gratuitous ARP delay = 5",
            "   Gratuitous ARP repeat = 5",
            "   Gratuitous ARP refresh = 0",
            "   Gratuitous ARP refresh repeat = 1",
            "   Gratuitous ARP lower priority delay = 5",
            "   Gratuitous ARP lower priority repeat = 5",
            "   Down timer adverts = 3",
            "   Send advert after receive lower priority advert = true",
            "   Send advert after receive higher priority advert = false",
            "   Virtual Router ID = 50",
            "   Priority = 100",
            "   Effective priority = 89",
            "   Total priority = 89",
            "   Advert interval = 1 sec",
            "   Accept = enabled",
            "   Preempt = enabled",
            "   Promote_secondaries = disabled",
            "   Authentication type = SIMPLE_PASSWORD",
            "   Password = secret12",
            "   Virtual IP (1):",
            "     10.0.0.3 dev ens33 scope global set",
            "   fd_in -1, fd_out -1",
            "   Tracked interfaces :",
            "     ens34 weight 10",
            "   Tracked scripts :",
            "     chk_web weight -11",
            "   Using smtp notification = no",
            "   Notify deleted = Fault",
            "   Master state transition script = '/usr/bin/true' 'a' 'b', uid:gid 0:0",
            "   Notify priority changes = false",
        ]
    );
    let times = text.lines().filter(|line| line.contains("Last transition") || line.contains("Read timeout"));
    let times: Vec<&str> = times.filter_map(|line| line.split_once(" (")).map(|(time, _)| time).collect();
    assert_eq!(
        times,
        ["   Last transition = 1790000000.123000", "   Read timeout = 1790000125.623000"],
        "its last transition, and half a second from now"
    );
}

#[test]
fn a_backup_names_its_master_and_a_unicast_one_its_peers() {
    let mut backup = one();
    backup.status.state = "BACKUP".to_owned();
    backup.status.version = 3;
    backup.password = None;
    backup.deadline = None;
    if let Some(active) = backup.status.active.as_mut() {
        active.local = false;
    }
    backup.transport = Transport::Unicast {
        ttl: 255,
        checks_source: true,
        peers: vec![("10.0.0.2".parse().unwrap(), 254, 255)],
    };
    let text = data(&dump(vec![backup])).unwrap();
    for lines in [
        "   State = BACKUP\n   Master router = 10.0.0.2\n   Master priority = 89\n   Master advert int = 1.00 sec\n   Flags:\n     Using unicast\n   Wantstate = BACKUP\n",
        "   Read timeout = DISABLED\n",
        "   Advert interval = 1000 milli-sec\n   Master advert interval = 1000 milli-sec\n",
        "   Promote_secondaries = disabled\n   Virtual IP (1):\n",
        "   Unicast TTL = 255\n   Check unicast src : yes\n   Unicast Peer :\n     10.0.0.2 min_ttl 254 max_ttl 255\n",
        "   Type = Unicast\n   Address = 10.0.0.2\n",
    ] {
        assert!(text.contains(lines), "{lines}\n{text}");
    }
}

#[test]
fn a_script_and_an_interface_are_written_as_keepalived_writes_them() {
    let text = data(&dump(vec![one()])).unwrap();
    assert_eq!(
        section(&text, "VRRP Scripts", "------<"),
        [
            " VRRP Script = chk_web",
            "   Command = '/usr/bin/false'",
            "   Interval = 2 sec",
            "   Timeout = 0 sec",
            "   Weight = -11",
            "   Rise = 2",
            "   Fall = 3",
            "   Result = 0",
            "   Insecure = no",
            "   Init state = unknown",
            "   Status = BAD",
            "   Script uid:gid = 0:0",
            "   VRRP instances :",
            "   Tracking instances :",
            "     VI_1, weight -11",
            "   State = running",
        ]
    );
    let interfaces = section(&text, "< Interfaces >", "------<");
    assert_eq!(
        &interfaces[..7],
        [
            " Name = lo",
            "   index = 1",
            "   IPv4 address = 127.0.0.1",
            "   IPv6 address = (none)",
            "   State = UP, RUNNING, no broadcast, loopback, no multicast",
            "   Seen up = 1",
            "   Delayed state change running = false",
        ]
    );
}

#[test]
fn every_line_of_the_globals_is_set_in_by_one() {
    let text = data(&dump(Vec::new())).unwrap();
    let globals = section(&text, "Global definitions", "------<");
    assert!(globals.iter().all(|line| line.starts_with(' ') && !line.starts_with("  ")), "{globals:?}");
    assert!(globals.contains(&" DBus service name = ") && globals.contains(&" Router ID = lb1"));
    assert!(!text.contains("VRRP Topology"), "keepalived leaves out what is empty");
}

#[test]
fn what_the_config_says_for_all_stands_in_the_globals() {
    let mut said = dump(Vec::new());
    said.globals.mail = Some(Mail {
        server: "192.0.2.25".to_owned(),
        port: 25,
        helo: "lb1".to_owned(),
        connect_seconds: 30,
        sender: "lb@example.com".to_owned(),
        recipients: vec!["ops@example.com".to_owned()],
    });
    said.globals.alerts = [Some(true), Some(false), None];
    said.globals.version = 3;
    said.globals.dynamic_interfaces = Some(false);
    said.globals.extra_announcements = Some((Duration::from_secs(1), true));
    let text = data(&said).unwrap();
    for lines in [
        " Email notification to:\n   ops@example.com\n Default smtp_alert = on\n Default smtp_alert_vrrp = off\n",
        " Dynamic interfaces = true\n Allow interface changes = false\n Default interface = eth0\n",
        " Gratuitous ARP for each secondary i/f = 1s\n",
        " VRRP default protocol version = 3\n",
    ] {
        assert!(text.contains(lines), "{lines}\n{text}");
    }
}

/// As keepalived 2.2.7 wrote it.
#[test]
fn groups_and_what_no_instance_moves_have_parts_of_their_own() {
    let mut said = dump(vec![one()]);
    said.fixed.addresses.push("198.51.100.1/24 dev ens33 scope global set".to_owned());
    said.fixed.groups.push(("G".to_owned(), vec!["VI_1".to_owned()]));
    said.sync_groups.push(SyncGroup {
        name: "VG_1".to_owned(),
        state: "MASTER",
        faults: 0,
        initial: 0,
        members: vec!["VI_1".to_owned(), "VI_2".to_owned()],
        mails: true,
        interfaces: vec![tracked("spare0", 0)],
        scripts: Vec::new(),
        notify: Notify { master: Some(command(&["/usr/bin/true"])), ..Notify::default() },
    });
    let text = data(&said).unwrap();
    assert_eq!(
        section(&text, "Static Addresses", "------<"),
        ["     198.51.100.1/24 dev ens33 scope global set"]
    );
    assert_eq!(
        section(&text, "Static Track groups", "------<"),
        [" Static Track Group = G", "   VRRP member instances :", "     VI_1"]
    );
    assert_eq!(
        section(&text, "VRRP Sync groups", "------<"),
        [
            " VRRP Sync Group = VG_1, MASTER",
            "   Num member fault 0, num member init 0",
            "   VRRP member instances :",
            "     VI_1",
            "     VI_2",
            "   Using smtp notification = yes",
            "   Tracked interfaces :",
            "     spare0 weight 0",
            "   Master state transition script = '/usr/bin/true', uid:gid 0:0",
        ]
    );
}
