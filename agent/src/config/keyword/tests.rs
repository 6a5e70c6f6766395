//! Tests of `keyword`.

mod servers;

use std::collections::BTreeSet;

use super::{Effect, Kind, Line, keyword, keywords, line_word, line_words, parents, quoted_nearest};
use crate::config::{
    self,
    diagnostic::{Severity, code},
};

/// A config in which one line stands in its block, with what it cannot be without.
fn around(parent: &str, example: &str) -> String {
    if let Some(config) = servers::around(parent, example) {
        return config;
    }
    let instance = |line: &str| {
        let given = |word: &str, otherwise: &str| {
            if line.split_whitespace().next() == Some(word) { String::new() } else { otherwise.to_owned() }
        };
        let word = line.split_whitespace().next().unwrap_or_default();
        let companion = match word {
            "unicast_src_ip" | "unicast_ttl" | "check_unicast_src" | "unicast_fault_no_peer" => {
                "unicast_peer { 192.0.2.2 }"
            }
            "old_unicast_checksum" => "version 3\nunicast_peer { 192.0.2.2 }",
            "track_src_ip" => "mcast_src_ip 192.0.2.250",
            "strict_mode" => "accept",
            _ => "",
        };
        format!(
            "vrrp_instance VI {{\n{line}\n{companion}\n{}\n{}\n{}\n}}\n",
            given("vrf", &given("interface", "interface eth0")),
            given("virtual_router_id", "virtual_router_id 1"),
            given("virtual_ipaddress", "virtual_ipaddress { 192.0.2.9 }"),
        )
    };
    match parent {
        "" if example.starts_with("track_group") => {
            format!("{}{example}\n", instance("").replace("VI ", "VI_1 "))
        }
        "" if example.starts_with("vrrp_sync_group") => format!("{example}\n{}", pair()),
        "" => example.to_owned(),
        "track_group" => format!("{}track_group G {{\n{example}\n}}\n", instance("").replace("VI ", "VI_1 "))
            .replace("VI_2", ""),
        "vrrp_instance/auth_hmac" => {
            let key = "key 1 hex:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
            let key = if example.starts_with("key") { "" } else { key };
            instance(&format!("auth_hmac {{\n{key}\n{example}\n}}"))
        }
        "vrrp_instance" => {
            let tracked = match example.split_whitespace().next().unwrap_or_default() {
                "track_file" => "track_file load { file /run/regent/load }\n",
                "track_process" => "vrrp_track_process haproxy { process haproxy }\n",
                "track_bfd" => "bfd_instance uplink { neighbor_ip 192.0.2.253 }\n",
                _ => "",
            };
            format!("{tracked}{}", instance(example))
        }
        "vrrp_instance/authentication" => {
            let password = if example.contains("auth_pass") { "" } else { "auth_pass x" };
            let kind = if example.contains("auth_type") { "" } else { "auth_type PASS" };
            instance(&format!("authentication {{\n{kind}\n{password}\n{example}\n}}"))
        }
        "vrrp_script" => {
            let script = if example.starts_with("script") { "" } else { "script /bin/true" };
            let tracker = instance("track_script { S }");
            format!("vrrp_script S {{\n{script}\n{example}\n}}\n{tracker}")
        }
        "garp_group" => {
            let pace = if example.contains("_interval") { "" } else { "gna_interval 1" };
            let interface = if pace.is_empty() { "interface eth0" } else { "" };
            format!("garp_group {{\n{example}\n{pace}\n{interface}\n}}\n")
        }
        "vrrp_sync_group" => {
            let group = if example.starts_with("group") { "" } else { "group { VI_1 VI_2 }" };
            format!("vrrp_sync_group G {{\n{group}\n{example}\n}}\n{}", pair())
        }
        "track_file" | "vrrp_track_file" => {
            let file = if example.starts_with("file") { "" } else { "file /run/regent/load" };
            format!("{parent} F {{\n{file}\n{example}\n}}\n")
        }
        "vrrp_track_process" => {
            let process = if example.starts_with("process") { "" } else { "process haproxy" };
            format!("vrrp_track_process P {{\n{process}\n{example}\n}}\n")
        }
        "global_defs" => {
            let companion = match example.split_whitespace().next().unwrap_or_default() {
                "notify_fifo_script" | "fifo_write_vrrp_states_on_reload" => "notify_fifo /run/regent/events",
                "vrrp_notify_fifo_script" => "vrrp_notify_fifo /run/regent/vrrp",
                "lvs_notify_fifo_script" => "lvs_notify_fifo /run/regent/servers",
                "startup_script_timeout" => "startup_script /bin/true",
                "shutdown_script_timeout" => "shutdown_script /bin/true",
                "smtp_alert" | "smtp_alert_vrrp" => "notification_email { root@example.net }",
                "enable_traps" => "enable_snmp_vrrp",
                "dbus_service_name" | "dbus_no_interface_name" => "enable_dbus",
                "reload_repeat" => "reload_time_file /etc/regent/reload-at",
                "vrrp_ipsets" => "vrrp_iptables",
                _ => "",
            };
            // Which instance it is about must be there.
            let instances = if example.contains("VI_1") { pair() } else { String::new() };
            format!("global_defs {{\n{companion}\n{example}\n}}\n{instances}")
        }
        block => format!("{block} {{\n{example}\n}}\n"),
    }
}

/// Two instances that need nothing else.
fn pair() -> String {
    let instance = |number: u8| {
        format!(
            "vrrp_instance VI_{number} {{\ninterface eth0\nvirtual_router_id {number}\n\
             virtual_ipaddress {{ 192.0.2.{number} }}\n}}\n"
        )
    };
    instance(1) + &instance(2)
}

/// What is said about a config besides what its words do.
fn complaints(config: &str) -> (Vec<&'static str>, String) {
    let loaded = config::parse("example", config);
    // `vrf` is for an instance without interface, which then takes the default; signed adverts do not act yet.
    let expected = ["RG0318", "RG0486", "RG0202", "RG0209", "RG0210", "RG0401", "RG0413", "RG0418", "RG0419"];
    let codes = loaded.diagnostics.iter().map(|diagnostic| diagnostic.code);
    (codes.filter(|code| !expected.contains(code)).collect(), loaded.render(false))
}

#[test]
fn the_example_of_each_word_that_acts_is_read_without_a_complaint() {
    for keyword in keywords().iter().filter(|keyword| keyword.effect == Effect::Acts) {
        let config = around(keyword.parent, keyword.example);
        let loaded = config::parse("example", &config);
        // A block that does not act yet says so itself, also around words that do.
        let outer = keyword.parent.split('/').next().and_then(|outer| super::keyword("", outer));
        let waits = outer.is_some_and(|outer| matches!(outer.effect, Effect::NotYet(_)));
        let complaint = loaded.diagnostics.iter().find(|diagnostic| {
            diagnostic.severity > Severity::Note && !(waits && diagnostic.code == code::NOT_SUPPORTED_YET)
        });
        assert!(complaint.is_none(), "{config}\n{}", loaded.render(false));
    }
}

#[test]
fn the_example_of_each_word_that_is_read_says_no_more_than_what_it_does() {
    for keyword in keywords().iter().filter(|keyword| keyword.term.is_some()) {
        let config = around(keyword.parent, keyword.example);
        let (complaints, rendered) = complaints(&config);
        assert!(complaints.is_empty(), "{config}\n{rendered}");
        assert!(keyword.example.starts_with(keyword.name), "{}", keyword.name);
        assert!(!keyword.help.is_empty(), "{}", keyword.name);
    }
}

/// A config in which a word of a line stands in its line, with what it cannot be without.
fn in_its_line(line: Line, example: &str) -> String {
    let instance = |lines: &str| {
        let addresses = if lines.starts_with("virtual_ip") { "" } else { "virtual_ipaddress { 192.0.2.9 }" };
        format!("vrrp_instance VI {{\ninterface eth0\nvirtual_router_id 1\n{addresses}\n{lines}\n}}\n")
    };
    let group = "track_group G { group { VI } }\n";
    let word = example.split_whitespace().next().unwrap_or_default();
    let help = crate::config::keyword::line_word(line, word).map(|keyword| keyword.help).unwrap_or_default();
    let ipv6 = help.contains("(IPv6)") || word == "inet6" || word == "-nodad";
    let address = match (ipv6, word) {
        (true, _) => "2001:db8::7/64",
        (false, "peer") => "192.0.2.7",
        (false, _) => "192.0.2.7/24",
    };
    let route = match word {
        "to" => "dev eth0".to_owned(),
        "via" | "gw" | "or" | "nexthop" => "198.51.100.0/24".to_owned(),
        "weight" => "198.51.100.0/24 nexthop via 192.0.2.254".to_owned(),
        "dev" | "oif" => "198.51.100.0/24 via 192.0.2.254".to_owned(),
        "blackhole" | "unreachable" | "prohibit" | "throw" => "198.51.100.0/24".to_owned(),
        _ if ipv6 => "2001:db8:1::/64 dev eth0".to_owned(),
        _ => "198.51.100.0/24 dev eth0".to_owned(),
    };
    let family = if ipv6 { "inet6" } else { "" };
    let rule = match word {
        "inet6" | "inet" => "table 7 preference 9".to_owned(),
        "preference" | "priority" | "order" => "table 7".to_owned(),
        "goto" => "preference 9".to_owned(),
        "table" | "lookup" | "l3mdev" | "nop" | "blackhole" | "unreachable" | "prohibit" | "type" => {
            format!("{family} preference 9")
        }
        _ => format!("{family} table 7 preference 9"),
    };
    match line {
        Line::Address => instance(&format!("virtual_ipaddress {{\n{address} {example}\n}}")),
        Line::StaticAddress => {
            let device = if word == "dev" { "" } else { "dev eth0" };
            format!("{group}{}static_ipaddress {{\n{address} {device} {example}\n}}\n", instance(""))
        }
        Line::Peer => instance(&format!("unicast_peer {{\n192.0.2.2 {example}\n}}")),
        Line::Route => instance(&format!("virtual_routes {{\n{route} {example}\n}}")),
        Line::StaticRoute => format!("{group}{}static_routes {{\n{route} {example}\n}}\n", instance("")),
        Line::Encapsulation => {
            let other = if word == "id" { "" } else { "id 7" };
            format!("static_routes {{\n198.51.100.0/24 dev eth0 encap ip {other} {example}\n}}\n")
        }
        Line::Rule => instance(&format!("virtual_rules {{\n{rule} {example}\n}}")),
        Line::StaticRule => format!("{group}{}static_rules {{\n{rule} {example}\n}}\n", instance("")),
        Line::Interface
        | Line::Instance
        | Line::Tracker
        | Line::Service
        | Line::Mail
        | Line::Linkbeat
        | Line::Delays => unreachable!("{example}"),
    }
}

#[test]
fn the_example_of_each_word_of_a_line_says_no_more_than_what_it_does() {
    let lines = [
        (Line::Address, 14),
        (Line::StaticAddress, 14),
        (Line::Peer, 2),
        (Line::Route, 59),
        (Line::StaticRoute, 60),
        (Line::Encapsulation, 8),
        (Line::Rule, 33),
        (Line::StaticRule, 34),
    ];
    for (line, count) in lines {
        assert_eq!(line_words(line).count(), count, "{line:?}");
        for word in line_words(line) {
            let config = in_its_line(line, word.example);
            let (complaints, rendered) = complaints(&config);
            assert!(complaints.is_empty(), "{config}\n{rendered}");
            assert!(word.example.starts_with(word.name) && !word.help.is_empty(), "{}", word.name);
            assert!(word.same_as.is_empty() || line_word(line, word.same_as).is_some(), "{}", word.name);
        }
    }
}

#[test]
fn no_word_is_in_one_block_twice_and_each_can_be_looked_up() {
    let mut seen = BTreeSet::new();
    for entry in keywords() {
        assert!(seen.insert((entry.parent, entry.name)), "{} in {}", entry.name, entry.parent);
        let found = keyword(entry.parent, entry.name).unwrap();
        assert_eq!((found.parent, found.name), (entry.parent, entry.name));
    }
    assert!(keyword("", "vrrp_strict").is_none());
    assert!(keyword("vrrp_instance", "no such word").is_none());
}

#[test]
fn words_are_as_they_were_in_older_versions() {
    for older in keywords().iter().filter(|keyword| !keyword.same_as.is_empty()) {
        let newer = keyword(older.parent, older.same_as).unwrap();
        assert_eq!((newer.kind, newer.effect), (older.kind, older.effect), "{}", older.name);
    }
}

#[test]
fn the_parents_of_a_word_are_known() {
    assert_eq!(
        parents("url").collect::<Vec<_>>(),
        ["virtual_server/real_server/HTTP_GET", "virtual_server/real_server/SSL_GET"]
    );
}

#[test]
fn a_range_says_itself() {
    assert_eq!(keyword("vrrp_instance", "priority").unwrap().kind.expects(), "a whole number from 1 to 255");
    assert_eq!(keyword("vrrp_instance", "advert_int").unwrap().kind.expects(), "seconds from 0.01 to 255");
    assert_eq!(
        keyword("vrrp_instance", "virtual_ipaddress").unwrap().kind,
        Kind::Lines(super::Line::Address)
    );
}

#[test]
fn a_slip_finds_its_word_and_rubbish_finds_none() {
    let words = || super::words_of("vrrp_instance");
    assert_eq!(quoted_nearest("prioirty", words()), "did you mean `priority`?");
    assert_eq!(quoted_nearest("virtual_routerid", words()), "did you mean `virtual_router_id`?");
    assert_eq!(quoted_nearest("Interface", words()), "did you mean `interface`?");
    assert_eq!(quoted_nearest("xyzzy", words()), "");
    assert_eq!(quoted_nearest(&"a".repeat(10_000), words()), "");
}
