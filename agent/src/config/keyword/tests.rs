//! Tests of `keyword`.

use std::collections::BTreeSet;

use super::{Effect, Kind, keyword, keywords, parents, quoted_nearest};
use crate::config::{
    self,
    diagnostic::{Severity, code},
};

/// A config in which one line stands in its block, with what it cannot be without.
fn around(parent: &str, example: &str) -> String {
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
            given("interface", "interface eth0"),
            given("virtual_router_id", "virtual_router_id 1"),
            given("virtual_ipaddress", "virtual_ipaddress { 192.0.2.9 }"),
        )
    };
    match parent {
        "" => example.to_owned(),
        "vrrp_instance" => instance(example),
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

/// Words that act by keeping an instance from running: what they ask for is not there, and it must not run without.
const REFUSED: &[&str] = &["auth_hmac"];

#[test]
fn the_example_of_each_word_that_acts_is_read_without_a_complaint() {
    for keyword in keywords() {
        if keyword.effect != Effect::Acts {
            continue;
        }
        if REFUSED.contains(&keyword.name) {
            continue;
        }
        let config = around(keyword.parent, keyword.example);
        let loaded = config::parse("example", &config);
        // A block that does not act yet says so itself, also around words that do.
        let outer = keyword.parent.split('/').next().and_then(|outer| super::keyword("", outer));
        let waits = outer.is_some_and(|outer| matches!(outer.effect, Effect::NotYet(_)));
        let complaint = loaded.diagnostics.iter().find(|diagnostic| {
            diagnostic.severity > Severity::Note && !(waits && diagnostic.code == code::NOT_SUPPORTED_YET)
        });
        assert!(complaint.is_none(), "{config}\n{}", loaded.render(false));
        assert!(keyword.example.starts_with(keyword.name), "{}", keyword.name);
        assert!(!keyword.help.is_empty(), "{}", keyword.name);
    }
}

#[test]
fn the_example_of_each_word_that_is_read_says_no_more_than_that_it_does_not_act() {
    let read = keywords().iter().filter(|keyword| {
        keyword.term.is_some() && matches!(keyword.effect, Effect::NotYet(_) | Effect::WithoutEffect(_))
    });
    for keyword in read {
        let config = match (keyword.parent, keyword.name) {
            ("", "vrrp_sync_group") => format!("{}{}", keyword.example, pair()),
            (parent, _) => around(parent, keyword.example),
        };
        let loaded = config::parse("example", &config);
        let other = loaded
            .diagnostics
            .iter()
            .find(|diagnostic| !matches!(diagnostic.code, code::NOT_SUPPORTED_YET | code::WITHOUT_EFFECT));
        assert!(other.is_none(), "{config}\n{}", loaded.render(false));
        assert!(!loaded.diagnostics.is_empty(), "{config}");
        assert!(keyword.example.starts_with(keyword.name), "{}", keyword.name);
        assert!(!keyword.help.is_empty(), "{}", keyword.name);
    }
}

#[test]
fn words_are_as_they_were_in_older_versions() {
    for keyword in keywords().iter().filter(|keyword| !keyword.same_as.is_empty()) {
        let newer = super::keyword(keyword.parent, keyword.same_as).unwrap();
        assert_eq!((newer.kind, newer.effect, newer.term), (keyword.kind, keyword.effect, keyword.term));
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
fn the_table_has_every_position_of_the_language() {
    assert_eq!(keywords().iter().filter(|entry| entry.effect == Effect::Acts).count(), 99);
    // keepalived 2.4.1 has 500 positions; HTTP_GET and SSL_GET share theirs there and are two blocks here.
    assert!(keywords().len() >= 500, "{}", keywords().len());
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
