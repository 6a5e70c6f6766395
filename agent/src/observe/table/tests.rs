//! The sample snapshot, drawn.

use super::{super::sample, Heard, Look, groups, status};
use crate::observe::{
    data_plane::{DeadMan, Hook, Responder},
    snapshot::AddressStatus,
};

#[test]
fn the_status_is_drawn_as_recorded() {
    let expected = "\
Regent 0.1.0, pid 4242, up 1 h 2 min, config /etc/keepalived/keepalived.conf, router_id lb2
Last reload 10 s ago: applied in 1.234 ms

INSTANCE  INTERFACE  VRID  STATE   SINCE      PRIORITY     MASTER     WHY
VI_1      ens33      50    MASTER  2 min 5 s  89 (of 100)  this host  nothing heard of 10.0.0.1 for
                                                                      3.609 s
VI_6      ens35      6     FAULT   3 d 0 h    255          -          its interface is absent, down
                                                                      or without carrier

ADVERTS  VERSION  INTERVAL  CARRIER  SENT  RECEIVED  LOST  REJECTED
VI_1     2        1 s       native    126      4711     3        12
VI_6     3        100 ms    none        0         0     0         0

DETAIL
VI_1    addresses  10.0.0.3/32 here; 10.0.0.4/24 dev ens34 MISSING
VI_1    responder  answer, gate 2.937 s, MAC 00:00:5e:00:01:32; 1520 requests seen, 1519 of them
                   answered by XDP
VI_1    adverts    from 10.0.0.2 to 224.0.0.18
VI_1    rejected   auth_failure 7, ttl 5
VI_1    heard      10.0.0.1 (priority 150, 4711 received, 3 lost, last 2 min 8 s ago)
VI_1    tracked    script chk_web BAD, weight -11
VI_6    adverts    to 2001:db8::2, 2001:db8::3; no address to send from

! VI_1: 10.0.0.9 sends adverts with a wrong password; compare auth_pass

Heard beside these: 1 (status --heard shows them)

PORT   LINK    ADDRESS   CARRIER  LOSSES  WHY NOT NATIVE
ens33  up      10.0.0.2  native        1
ens35  absent  -         none          0  the interface is absent

DATA PLANE
ens33       responder    xdp (transmit)
ens33       dead man     on, gate 2.937 s
ens33       tc           egress attached; ingress missing: Linux 6.6 is needed
ens33       virtual MAC  00:00:5e:00:01:32; promiscuous for its sake: the card has no filter for
                         further addresses

KERNEL
BTF     yes
tcx     no   a dead agent's host goes on answering

Timers: at worst 0.412 ms late; real-time scheduling on, memory lock on
";
    let drawn = status(&sample::snapshot(), Heard::Counted, Look::PLAIN);
    assert_eq!(drawn, expected, "\n{drawn}");
}

#[test]
fn observe_mode_shows_what_is_heard() {
    let expected = "\
Regent 0.1.0, pid 4242, up 1 h 2 min, observing: nothing is sent, assigned or dropped, router_id lb2

HEARD          SOURCE    VERSION  PRIORITY  INTERVAL  RECEIVED  LOST  REJECTED    LAST
ens33 VRID 51  10.0.0.7  3        200       100 ms        9000    12  checksum 4  0 s

PORT   LINK    ADDRESS   CARRIER  LOSSES  WHY NOT NATIVE
ens33  up      10.0.0.2  native        1
ens35  absent  -         none          0  the interface is absent

KERNEL
BTF     yes
tcx     no   a dead agent's host goes on answering

Timers: at worst 0.412 ms late; real-time scheduling on, memory lock on
";
    let drawn = status(&sample::observing(), Heard::Counted, Look::PLAIN);
    assert_eq!(drawn, expected, "\n{drawn}");
}

#[test]
fn a_group_that_could_not_be_read_has_no_vrid_and_a_vlan_is_named() {
    let mut unread = sample::heard();
    (unread.vrid, unread.vlan, unread.interval_ms) = (0, 7, 0);
    unread.rejected = crate::observe::tally::Tally::default();
    let drawn = groups(&[unread], Look::PLAIN);
    assert!(
        drawn.lines().nth(1).unwrap().starts_with("ens33 VLAN 7 VRID ?  10.0.0.7  3        200       -"),
        "{drawn}"
    );
    assert_eq!(groups(&[], Look::PLAIN), "No VRRP group is heard that is not configured here.\n");
}

#[test]
fn colour_is_there_only_when_asked_for() {
    let coloured = status(&sample::snapshot(), Heard::Counted, Look { width: 100, colour: true });
    assert!(coloured.contains("\x1b["), "{coloured:?}");
    assert!(!status(&sample::snapshot(), Heard::Counted, Look::PLAIN).contains('\x1b'));
}

#[test]
fn long_names_and_sentences_stay_within_the_width() {
    let mut snapshot = sample::snapshot();
    let instance = &mut snapshot.instances[0];
    instance.name = "a_rather_long_name_of_an_instance".to_owned();
    instance.why = "word ".repeat(60);
    instance.active.as_mut().unwrap().local = false;
    instance.active.as_mut().unwrap().source = "2001:db8:1234:5678:9abc:def0:1234:5678".parse().unwrap();
    snapshot.instances[0].troubles.clear();
    for line in status(&snapshot, Heard::Shown, Look::PLAIN).lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
}

#[test]
fn five_thousand_addresses_are_counted_not_listed() {
    let mut snapshot = sample::snapshot();
    snapshot.instances[0].addresses = (0..5000)
        .map(|number| AddressStatus {
            address: format!("10.1.{}.{}/32", number / 256, number % 256),
            device: "ens33".to_owned(),
            assigned: number != 4999,
            foreign: false,
            excluded: false,
            requests: 0,
            replies: 0,
        })
        .collect();
    let drawn = status(&snapshot, Heard::Counted, Look::PLAIN);
    let words: Vec<&str> = drawn.split_whitespace().collect();
    assert!(words.join(" ").contains("and 4984 more, 1 of them missing (-o json shows all)"), "{drawn}");
    assert!(drawn.lines().count() < 60);
}

#[test]
fn a_port_says_who_answers_and_what_a_dead_agent_leaves() {
    let mut snapshot = sample::snapshot();
    let mut second = snapshot.instances[0].clone();
    second.gate_ms = 293;
    snapshot.instances.push(second);
    let port = &mut snapshot.ports[0];
    port.responder = Responder::kernel("nothing of 10.0.0.9 came back by transmit or redirect");
    port.dead_man = DeadMan::stuck("/sys/fs/bpf is no bpffs");
    port.tc_ingress = Hook::Unused;
    port.virtual_macs.clear();
    let drawn = status(&snapshot, Heard::Counted, Look { width: 200, colour: false });
    let from = drawn.find("DATA PLANE").unwrap();
    let shown = drawn[from..].split("\n\n").next().unwrap();
    assert_eq!(
        shown,
        "\
DATA PLANE
ens33       responder  kernel: nothing of 10.0.0.9 came back by transmit or redirect
ens33       dead man   on while the agent is stuck, off when it is killed: /sys/fs/bpf is no bpffs; gates 293 ms to 2.937 s
ens33       tc         egress attached"
    );
}

#[test]
fn a_gate_that_is_off_is_said_where_the_rest_works() {
    let mut snapshot = sample::snapshot();
    snapshot.instances[0].gate_ms = 0;
    snapshot.instances[0].addresses[0].requests = 0;
    let drawn = status(&snapshot, Heard::Counted, Look::PLAIN);
    assert!(drawn.contains("VI_1    responder  answer, gate off, MAC 00:00:5e:00:01:32\n"), "{drawn}");
    assert!(drawn.contains("ens33       dead man     on, but every gate is off\n"), "{drawn}");
}

#[test]
fn control_characters_of_others_do_not_reach_the_terminal() {
    let mut snapshot = sample::snapshot();
    snapshot.instances[0].why = "bad\x1b[2Jline\nnext".to_owned();
    snapshot.instances[0].troubles = vec!["\x07ring".to_owned()];
    let drawn = status(&snapshot, Heard::Counted, Look::PLAIN);
    assert!(drawn.chars().all(|c| c == '\n' || !c.is_control()), "{drawn:?}");
}
