//! What becomes of adverts by rulesets as `nft -j` prints them.

use super::*;

fn ruleset(items: &[&str]) -> Ruleset {
    Ruleset::read(&format!("{{\"nftables\": [{}]}}", items.join(","))).unwrap()
}

const INPUT: &str = r#"{"chain": {"family": "inet", "table": "filter", "name": "input", "handle": 1, "type": "filter", "hook": "input", "prio": 0, "policy": "drop"}}"#;
const OPEN_INPUT: &str = r#"{"chain": {"family": "inet", "table": "filter", "name": "input", "handle": 1, "type": "filter", "hook": "input", "prio": 0, "policy": "accept"}}"#;
const OUTPUT: &str = r#"{"chain": {"family": "ip", "table": "filter", "name": "output", "handle": 2, "type": "filter", "hook": "output", "prio": 0, "policy": "accept"}}"#;
const POLICY: &str = "policy drop of chain input in table inet filter";

/// A rule of `chain` as nft prints it.
fn rule(family: &str, chain: &str, parts: &str) -> String {
    format!(
        r#"{{"rule": {{"family": "{family}", "table": "filter", "chain": "{chain}", "handle": 9, "expr": [{parts}]}}}}"#
    )
}

fn condition(op: &str, left: &str, right: &str) -> String {
    format!(r#"{{"match": {{"op": "{op}", "left": {left}, "right": {right}}}}}"#)
}

fn group() -> Packet<'static> {
    Packet {
        incoming: true,
        interface: "eth0",
        family: Family::Ipv4,
        group: Some("224.0.0.18".parse().unwrap()),
    }
}

fn shut(text: &str) -> Passage {
    Passage::Shut(text.to_owned())
}

const PROTOCOL: &str = r#"{"payload": {"protocol": "ip", "field": "protocol"}}"#;
const L4: &str = r#"{"meta": {"key": "l4proto"}}"#;
const IN: &str = r#"{"meta": {"key": "iifname"}}"#;
const TO: &str = r#"{"payload": {"protocol": "ip", "field": "daddr"}}"#;
const FROM: &str = r#"{"payload": {"protocol": "ip", "field": "saddr"}}"#;
const STATE: &str = r#"{"ct": {"key": "state"}}"#;
const TYPE: &str = r#"{"fib": {"result": "type", "flags": ["daddr"]}}"#;
const PORT: &str = r#"{"payload": {"protocol": "tcp", "field": "dport"}}"#;
const V6: &str = r#"{"payload": {"protocol": "ip6", "field": "nexthdr"}}"#;
const ACCEPT: &str = r#"{"accept": null}"#;
const DROP: &str = r#"{"drop": null}"#;

#[test]
fn without_rules_everything_passes() {
    assert_eq!(ruleset(&[]).passage(&group()), Passage::Open);
    assert_eq!(ruleset(&[OPEN_INPUT]).passage(&group()), Passage::Open);
    assert!(Ruleset::read("Operation not permitted").is_err());
    assert!(Ruleset::read("{}").is_err());
}

#[test]
fn the_policy_holds_where_no_rule_decides() {
    assert_eq!(ruleset(&[INPUT]).passage(&group()), shut(POLICY));
    // It is about what comes in.
    assert_eq!(ruleset(&[INPUT]).passage(&Packet { incoming: false, ..group() }), Passage::Open);
}

#[test]
fn a_rule_that_matches_adverts_lets_them_pass() {
    for (op, left, right) in [
        ("==", PROTOCOL, "\"vrrp\""),
        ("==", PROTOCOL, "112"),
        ("==", L4, r#"{"set": ["icmp", "vrrp"]}"#),
        ("==", L4, "\"@protocols\""),
        ("==", TO, "\"224.0.0.18\""),
        ("==", TO, r#"{"prefix": {"addr": "224.0.0.0", "len": 4}}"#),
        ("==", TO, r#"{"set": [{"range": ["224.0.0.1", "224.0.0.255"]}]}"#),
        ("==", TYPE, "\"multicast\""),
        ("==", r#"{"meta": {"key": "pkttype"}}"#, "\"multicast\""),
        ("==", IN, "\"eth*\""),
        ("==", IN, r#"{"set": ["eth1", "eth0"]}"#),
        ("!=", IN, "\"eth1\""),
        ("in", STATE, "\"new\""),
        ("==", r#"{"meta": {"key": "nfproto"}}"#, "\"ipv4\""),
        ("==", r#"{"payload": {"protocol": "ip", "field": "ttl"}}"#, "255"),
    ] {
        let set = r#"{"set": {"family": "inet", "name": "protocols", "table": "filter", "type": "inet_proto", "handle": 4, "elem": ["tcp", "vrrp"]}}"#;
        let rule = rule("inet", "input", &[condition(op, left, right), ACCEPT.to_owned()].join(","));
        assert_eq!(ruleset(&[INPUT, set, &rule]).passage(&group()), Passage::Open, "{left} {op} {right}");
    }
}

#[test]
fn a_rule_about_something_else_does_not() {
    for (op, left, right) in [
        ("==", PROTOCOL, "\"tcp\""),
        ("!=", PROTOCOL, "\"vrrp\""),
        ("==", L4, r#"{"set": ["icmp", "tcp"]}"#),
        ("==", TO, "\"224.0.0.5\""),
        ("==", TO, r#"{"prefix": {"addr": "10.0.0.0", "len": 8}}"#),
        ("==", IN, "\"lo\""),
        ("==", r#"{"meta": {"key": "iif"}}"#, "\"lo\""),
        ("!=", IN, "\"eth0\""),
        ("in", STATE, r#"["established", "related"]"#),
        ("==", PORT, "22"),
        ("!=", PORT, "22"),
        ("==", V6, "\"vrrp\""),
        ("==", TYPE, r#"{"set": ["local", "broadcast"]}"#),
    ] {
        let rule = rule("inet", "input", &[condition(op, left, right), ACCEPT.to_owned()].join(","));
        assert_eq!(ruleset(&[INPUT, &rule]).passage(&group()), shut(POLICY), "{left} {op} {right}");
    }
}

#[test]
fn what_is_not_known_is_said_to_decide() {
    let unclear = Passage::Unclear("rule 9 of chain input in table inet filter".to_owned());
    for parts in [
        condition("==", FROM, "\"10.0.0.2\""),
        r#"{"limit": {"rate": 3, "burst": 5, "per": "second"}}"#.to_owned(),
        r#"{"xt": {"type": "match", "name": "set"}}"#.to_owned(),
        condition("==", L4, "\"@gone\""),
    ] {
        let accept = rule("inet", "input", &format!("{parts},{ACCEPT}"));
        assert_eq!(ruleset(&[INPUT, &accept]).passage(&group()), unclear, "{parts}");
        // What others may send too much of is no matter.
        let drop = rule("inet", "input", &format!("{parts},{DROP}"));
        assert_eq!(ruleset(&[OPEN_INPUT, &drop]).passage(&group()), Passage::Open, "{parts}");
    }
    let legacy = Ruleset { legacy: true, ..ruleset(&[]) };
    assert!(matches!(legacy.passage(&group()), Passage::Unclear(_)));
}

#[test]
fn rules_count_in_their_order() {
    let vrrp = condition("==", PROTOCOL, "\"vrrp\"");
    let accept =
        rule("inet", "input", &format!("{vrrp},{{\"counter\": {{\"packets\": 0, \"bytes\": 0}}}},{ACCEPT}"));
    let drop = rule("inet", "input", DROP);
    assert_eq!(ruleset(&[INPUT, &accept, &drop]).passage(&group()), Passage::Open);
    let dropped = shut("rule 9 of chain input in table inet filter");
    assert_eq!(ruleset(&[INPUT, &drop, &accept]).passage(&group()), dropped);
    let reject = rule("inet", "input", r#"{"reject": {"type": "icmpx", "expr": "admin-prohibited"}}"#);
    assert_eq!(ruleset(&[OPEN_INPUT, &reject]).passage(&group()), dropped);
}

#[test]
fn jumps_come_back_and_gotos_do_not() {
    let zone = |parts: &str| rule("inet", "zone", parts);
    let jump = |word: &str| rule("inet", "input", &format!(r#"{{"{word}": {{"target": "zone"}}}}"#));
    let accept = rule("inet", "input", ACCEPT);
    let (returns, passes) = (zone(r#"{"return": null}"#), zone(ACCEPT));
    assert_eq!(ruleset(&[INPUT, &jump("jump"), &passes]).passage(&group()), Passage::Open);
    assert_eq!(ruleset(&[INPUT, &jump("jump"), &accept, &returns]).passage(&group()), Passage::Open);
    assert_eq!(ruleset(&[INPUT, &jump("goto"), &accept, &returns]).passage(&group()), shut(POLICY));
    // A chain that calls itself ends.
    let loops = zone(r#"{"jump": {"target": "zone"}}"#);
    assert_eq!(ruleset(&[INPUT, &jump("jump"), &loops]).passage(&group()), shut(POLICY));
}

#[test]
fn verdict_maps_are_looked_up() {
    let map = |key: &str, entries: &str| {
        rule("inet", "input", &format!(r#"{{"vmap": {{"key": {key}, "data": {{"set": [{entries}]}}}}}}"#))
    };
    let state = map(STATE, r#"["invalid", {"drop": null}], ["established", {"accept": null}]"#);
    assert_eq!(ruleset(&[OPEN_INPUT, &state]).passage(&group()), Passage::Open);
    assert_eq!(ruleset(&[INPUT, &state]).passage(&group()), shut(POLICY));
    let zones = map(IN, r#"["lo", {"accept": null}], ["eth0", {"jump": {"target": "zone"}}]"#);
    let zone = rule("inet", "zone", &format!("{},{ACCEPT}", condition("==", PROTOCOL, "\"vrrp\"")));
    assert_eq!(ruleset(&[INPUT, &zones, &zone]).passage(&group()), Passage::Open);
}

#[test]
fn each_direction_and_family_has_its_chains() {
    let out = Packet { incoming: false, ..group() };
    let drop = rule(
        "ip",
        "output",
        &format!("{},{DROP}", condition("==", r#"{"meta": {"key": "oifname"}}"#, "\"eth0\"")),
    );
    let rules = ruleset(&[OUTPUT, &drop]);
    assert_eq!(rules.passage(&out), shut("rule 9 of chain output in table ip filter"));
    assert_eq!(rules.passage(&Packet { interface: "eth1", ..out }), Passage::Open);
    assert_eq!(rules.passage(&Packet { family: Family::Ipv6, ..out }), Passage::Open);
    assert_eq!(rules.passage(&group()), Passage::Open);
    let device = r#"{"chain": {"family": "netdev", "table": "early", "name": "door", "handle": 1, "dev": "eth0", "type": "filter", "hook": "ingress", "prio": 0, "policy": "drop"}}"#;
    assert_eq!(ruleset(&[device]).passage(&group()), shut("policy drop of chain door in table netdev early"));
    assert_eq!(ruleset(&[device]).passage(&Packet { interface: "eth1", ..group() }), Passage::Open);
    // Addresses are translated in such a chain, and its policy is no filter's.
    let nat = INPUT.replace(r#""type": "filter""#, r#""type": "nat""#);
    assert_eq!(ruleset(&[&nat]).passage(&group()), Passage::Open);
}

#[test]
fn from_host_to_host_no_group_is_known() {
    let unicast = Packet { group: None, ..group() };
    let accept = |left: &str, right: &str| {
        rule("inet", "input", &format!("{},{ACCEPT}", condition("==", left, right)))
    };
    assert_eq!(ruleset(&[INPUT, &accept(TYPE, "\"local\"")]).passage(&unicast), Passage::Open);
    assert_eq!(ruleset(&[INPUT, &accept(TYPE, "\"multicast\"")]).passage(&unicast), shut(POLICY));
    assert!(matches!(ruleset(&[INPUT, &accept(TO, "\"10.0.0.1\"")]).passage(&unicast), Passage::Unclear(_)));
}
