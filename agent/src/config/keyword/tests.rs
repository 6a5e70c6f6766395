//! Tests of `keyword`.

use std::collections::BTreeSet;

use super::{Effect, Kind, keyword, keywords, parents, quoted_nearest};
use crate::config;

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
        block => format!("{block} {{\n{example}\n}}\n"),
    }
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
        assert!(!loaded.has_warnings(), "{config}\n{}", loaded.render(false));
        assert!(keyword.example.starts_with(keyword.name), "{}", keyword.name);
        assert!(!keyword.help.is_empty(), "{}", keyword.name);
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
