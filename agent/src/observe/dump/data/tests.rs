//! The text of a dump, line by line.

use std::path::PathBuf;

use super::*;
use crate::observe::{
    dump::{Address, Garp, Notify, Stats},
    sample,
};

fn command(words: &[&str]) -> Command {
    let mut words = words.iter().map(|word| (*word).to_owned());
    Command { program: PathBuf::from(words.next().unwrap()), arguments: words.collect(), ids: (0, 0) }
}

fn tracked(name: &str, weight: i16) -> Tracked {
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
        notify: Notify { master: Some(command(&["/usr/bin/true", "a", "b"])), ..Notify::default() },
        status,
    }
}

fn dump(instances: Vec<Instance>) -> Dump {
    Dump {
        unix_ms: 1_790_000_125_123,
        globals: Globals { router_id: "lb1".to_owned(), ..Globals::default() },
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
        "   State = BACKUP\n   Master router = 10.0.0.2\n   Master priority = 89\n   Flags:\n     Using unicast\n   Wantstate = BACKUP\n",
        "   Read timeout = DISABLED\n",
        "   Advert interval = 1000 milli-sec\n",
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
