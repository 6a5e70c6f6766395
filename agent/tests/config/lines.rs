//! Routes and rules line by line: which are taken, and which keepalived takes.

use regent_agent::config::{self, Loaded};

use super::rules::{codes, only};

/// A line in its block, beside an instance.
fn read(block: &str, line: &str) -> Loaded {
    config::parse("c", &format!("{block} {{\n{line}\n}}\n"))
}

/// Line, taken here, taken by keepalived 2.2.7: `keepalived -t` says nothing, or only that it cannot track a route
/// without an interface or that a rule has no preference.
const ROUTES: &[(&str, bool, bool)] = &[
    ("198.51.100.0/24 via 192.0.2.1 dev eth0", true, true),
    ("198.51.100.0/24 via 192.0.2.1", true, true),
    ("src 192.0.2.9 to 198.51.100.0/24 via 192.0.2.1", true, true),
    ("default via 2001:db8::1", true, true),
    ("default dev eth0 inet6", true, true),
    ("blackhole 198.51.100.0/24", true, true),
    ("198.51.100.0/24 dev eth0 table 0x10", true, true),
    ("198.51.100.0/24 dev eth0 table 010", true, true),
    ("198.51.100.0/24 dev eth0 tos AF11", true, true),
    ("198.51.100.0/24 dev eth0 mtu lock 1400", true, true),
    ("198.51.100.0/24 dev eth0 rtt 0.5s", true, true),
    ("198.51.100.0/24 dev eth0 metric 4294967295", true, true),
    ("198.51.100.0/24 nexthop via 192.0.2.1 weight 256", true, true),
    ("2001:db8::/32 dev eth0 pref low expires 5", true, true),
    ("198.51.100.0/24 dev eth0 encap mpls 16/17", true, true),
    ("via 192.0.2.1", false, false),
    ("198.51.100.0/33 dev eth0", false, false),
    ("198.51.100/24 dev eth0", false, false),
    ("198.51.100.0/24 via 2001:db8::1", false, false),
    ("198.51.100.0/24 dev eth0 metric x", false, false),
    ("198.51.100.0/24 dev eth0 metric 4294967296", false, false),
    ("198.51.100.0/24 dev eth0 metric 0x10", false, false),
    ("198.51.100.0/24 dev eth0 hoplimit 256", false, false),
    ("198.51.100.0/24 dev eth0 hoplimit lock 4", false, false),
    ("198.51.100.0/24 dev eth0 tos 256", false, false),
    ("198.51.100.0/24 dev eth0 realms 300", false, false),
    ("198.51.100.0/24 dev eth0 quickack 2", false, false),
    ("198.51.100.0/24 dev eth0 pref low", false, false),
    ("2001:db8::/32 dev eth0 realms 4", false, false),
    ("198.51.100.0/24 dev eth0 ttl-propagate 1", false, false),
    ("198.51.100.0/24 dev eth0 proto 3", false, false),
    ("198.51.100.0/24 nexthop via 192.0.2.1 weight 0", false, false),
    ("198.51.100.0/24 dev eth0 encap ip ttl 4", false, false),
    // keepalived takes these and the kernel refuses them when the time has come.
    ("198.51.100.0/24", false, true),
    ("198.51.100.0/24 dev eth0 tos 22", false, true),
    ("blackhole 198.51.100.0/24 dev eth0", false, true),
    ("nat 198.51.100.0/24 dev eth0", false, true),
    // keepalived sets the last of them, and nobody is told.
    ("198.51.100.0/24 198.51.101.0/24 dev eth0", false, true),
    // What is meant is clear.
    ("inet6 default dev eth0", true, false),
];

const RULES: &[(&str, bool, bool)] = &[
    ("from 192.0.2.0/24 table 1", true, true),
    ("table 5", true, true),
    ("from all table 4 inet6", true, true),
    ("not from 192.0.2.0/24 table 7", true, true),
    ("from 192.0.2.0/24 table local preference 0", true, true),
    ("from 192.0.2.0/24 preference 30 goto 40", true, true),
    ("from 192.0.2.0/24 table 4 fwmark 0x10/0xff", true, true),
    ("from 192.0.2.0/24 table 4 sport 10-20 dport 20-30", true, true),
    ("from 192.0.2.0/24 table 4 ipproto UDP", true, true),
    ("from 192.0.2.0/24 prohibit", true, true),
    ("l3mdev", true, true),
    ("from 192.0.2.0/24", false, false),
    ("from 192.0.2.0/24 goto 40", false, false),
    ("from 192.0.2.0/24 preference 50 goto 40", false, false),
    ("from 192.0.2.0/24 table 5 blackhole", false, false),
    ("from 192.0.2.0/24 table 0", false, false),
    ("from 192.0.2.0/24 table 4 pref 7", false, false),
    ("from 192.0.2.0/24 throw", false, false),
    ("from 192.0.2.0/24 to 2001:db8::/32 table 5", false, false),
    ("from 192.0.2.0/24 table 4 fwmark x", false, false),
    ("from 192.0.2.0/24 table 4 sport 70000", false, false),
    ("192.0.2.0/24 table 1", false, false),
    // keepalived takes these and the kernel refuses them, or nothing matches them.
    ("from 192.0.2.0/24 table 4 uidrange 2-1", false, true),
    ("from 192.0.2.0/24 table 4 suppress_prefixlength 33", false, true),
    ("from 192.0.2.0/24 table 4 fwmark 1/", false, true),
    ("from 192.0.2.0/24 table 4 tos 3", false, true),
    // As iproute2 has it.
    ("from 192.0.2.0/24 table 4 sport 10", true, false),
    ("from 192.0.2.0/24 table 4 protocol bird", true, false),
    ("inet6 fwmark 4 table 5", true, false),
];

#[test]
fn a_line_is_taken_whole_or_not_at_all() {
    for (line, taken, _) in ROUTES {
        let loaded = read("static_routes", line);
        assert_eq!(loaded.plan.fixed.routes.len(), usize::from(*taken), "{line}\n{}", loaded.render(false));
        assert_eq!(loaded.has_errors(), !taken, "{line}\n{}", loaded.render(false));
    }
    for (line, taken, _) in RULES {
        let loaded = read("static_rules", line);
        assert_eq!(loaded.plan.fixed.rules.len(), usize::from(*taken), "{line}\n{}", loaded.render(false));
        assert_eq!(loaded.has_errors(), !taken, "{line}\n{}", loaded.render(false));
    }
}

#[test]
fn routes_and_rules_of_an_instance_are_its_own() {
    let text = "vrrp_instance A { interface e\nvirtual_router_id 1\nvirtual_ipaddress { 192.0.2.1 }\n\
                virtual_routes { default via 192.0.2.254 }\nvirtual_rules { from 192.0.2.1 table 7 preference 9 } }\n";
    let loaded = config::parse("c", text);
    let plan = only(&loaded);
    assert_eq!((plan.routes.len(), plan.rules.len()), (1, 1));
    assert_eq!(plan.routes[0].destination.to_string(), "0.0.0.0/0");
    assert_eq!(codes(&loaded), ["RG0202", "RG0202"]);
    // A broken line costs that line alone.
    let loaded = config::parse("c", &text.replace("via 192.0.2.254", "vai 192.0.2.254"));
    assert!(only(&loaded).routes.is_empty() && loaded.has_errors());
}

#[test]
fn a_name_of_a_number_is_looked_up_where_files_may_be_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("c.conf");
    std::fs::write(&path, "static_routes {\n198.51.100.0/24 dev eth0 table no-such-table\n}\n").unwrap();
    let looked = config::load(&path).unwrap();
    assert!(looked.render(false).contains("/etc/iproute2/rt_tables"), "{}", looked.render(false));
    let not = read("static_routes", "198.51.100.0/24 dev eth0 table no-such-table");
    assert!(not.render(false).contains("only well-known names"), "{}", not.render(false));
}

#[test]
fn a_key_is_shown_in_no_diagnostic_and_in_no_debug_output() {
    let text = std::fs::read_to_string("tests/config/signed.conf").unwrap();
    let loaded = config::parse("signed.conf", &text);
    let shown = loaded.render(false) + &loaded.lines().collect::<String>() + &format!("{:?}", loaded.plan);
    assert!(!shown.contains("sesame") && !shown.contains("5e50"), "{shown}");
}

#[test]
fn an_instance_with_signed_adverts_is_understood_and_does_not_run() {
    let text = "vrrp_instance A { interface e\nvirtual_router_id 1\nvirtual_ipaddress { 192.0.2.1 }\nadvert_int 3\n\
                auth_hmac {\nkey 7 hex:0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20\n} }\n";
    let loaded = config::parse("c", text);
    assert!(loaded.plan.instances.is_empty());
    assert_eq!(loaded.left_out, ["A"]);
    assert_eq!(codes(&loaded), ["RG0413"]);
    let hmac = loaded.plan.unable[0].hmac.as_ref().unwrap();
    assert_eq!((hmac.active_key, hmac.window.as_secs()), (7, 9));
    let json = serde_json::to_value(&loaded.plan.unable[0]).unwrap();
    assert_eq!(
        json["hmac"]["keys"][0]["secret"]["bytes"],
        "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20"
    );
    // What it would hold is not free for others: once signed adverts are supported both would hold it.
    let both = format!(
        "{text}vrrp_instance B {{ interface e\nvirtual_router_id 1\nvirtual_ipaddress {{ 192.0.2.1 }} }}\n"
    );
    assert_eq!(codes(&config::parse("c", &both)), ["RG0413", "RG0403", "RG0404"]);
}

#[test]
fn what_is_static_is_written_as_json() {
    let text = "static_ipaddress { 192.0.2.7/24 dev eth1 track_group G }\n\
                static_routes { 198.51.100.0/24 via 192.0.2.254 dev eth1 rto_min 1.5s expires 5 }\n\
                static_routes { 2001:db8::/32 dev eth1 expires 5 encap ip6 id 7 rto_min lock 300 }\n\
                static_rules { from 192.0.2.0/24 table 7 preference 9 }\n\
                track_group G { group { } }\n";
    let loaded = config::parse("c", text);
    let json = serde_json::to_value(&loaded.plan.fixed).unwrap();
    assert_eq!(json["addresses"][0]["address"], "192.0.2.7");
    assert_eq!(json["addresses"][0]["group"], "G");
    let route = &json["routes"][0];
    assert_eq!((&route["destination"], &route["family"]), (&"2001:db8::/32".into(), &6.into()));
    assert_eq!(route["expires_us"], 5_000_000);
    assert_eq!(route["table"]["number"], 254);
    assert_eq!(route["hops"][0]["encapsulation"]["tunnel"]["id"], 7);
    assert_eq!(route["metrics"]["least_timeout"]["value_us"], 300_000);
    let rule = &json["rules"][0];
    assert_eq!((&rule["matches"]["from"], &rule["action"]["lookup"]), (&"192.0.2.0/24".into(), &7.into()));
}

#[test]
fn a_rule_without_preference_gets_the_one_that_keepalived_gives_it() {
    let text = "static_rules {\nfrom 192.0.2.0/25 table 7\nfrom 192.0.2.128/25 table 7\nfrom 2001:db8::/32 table 7\n}\n\
                vrrp_instance A { interface e\nvirtual_router_id 1\nvirtual_ipaddress { 192.0.2.1 }\n\
                virtual_rules { from 192.0.2.1 table 7 } }\n";
    let loaded = config::parse("c", text);
    let preferences: Vec<u32> = loaded.plan.fixed.rules.iter().map(|rule| rule.what.preference).collect();
    assert_eq!(preferences, [16_384, 16_383, 16_384]);
    assert_eq!(only(&loaded).rules[0].preference, 16_382);
}

#[test]
fn a_state_backup_after_master_does_not_count() {
    let of = |lines: &str| super::rules::instance(lines);
    let loaded = of("state MASTER\nstate BACKUP\nnopreempt\npriority 5");
    assert_eq!(codes(&loaded), ["RG0208", "RG0411"]);
    let loaded = of("state BACKUP\nstate MASTER\nnopreempt\npriority 5");
    assert_eq!(codes(&loaded), ["RG0208", "RG0411"]);
    assert!(codes(&of("state BACKUP\nnopreempt\npriority 5")).is_empty());
}
