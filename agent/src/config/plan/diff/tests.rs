//! What differs, and that the difference makes one plan of the other.

use proptest::prelude::*;

use super::*;
use crate::config;

fn plan(text: &str) -> Plan {
    let loaded = config::parse("c", text);
    assert!(loaded.left_out.is_empty(), "{}", loaded.render(false));
    loaded.plan
}

fn instance(name: &str, vrid: u8, lines: &str) -> String {
    let base = format!("interface eth0\nvirtual_router_id {vrid}\nadvert_int 1");
    format!("vrrp_instance {name} {{\n{base}\n{lines}\n}}\n")
}

fn with_address(name: &str, vrid: u8, lines: &str) -> String {
    instance(name, vrid, &format!("virtual_ipaddress {{ 10.0.0.{vrid} }}\n{lines}"))
}

fn texts(old: &str, new: &str) -> Vec<String> {
    let (old, new) = (plan(old), plan(new));
    let diff = Diff::between(&old, &new);
    assert_eq!(diff.apply(&old), new);
    diff.lines(&old).iter().map(Line::text).collect()
}

#[test]
fn an_instance_is_known_by_its_place_on_the_wire_and_not_by_its_name() {
    assert_eq!(
        texts(&with_address("A", 50, ""), &with_address("B", 50, "")),
        ["~ vrrp_instance B: name A -> B"]
    );
    let other = |lines: &str| {
        texts(&with_address("A", 50, ""), &with_address("A", 50, lines))
            .into_iter()
            .map(|text| text.split(':').next().map(str::to_owned).unwrap())
            .collect::<Vec<_>>()
    };
    let another = ["+ vrrp_instance A", "- vrrp_instance A"];
    assert_eq!(other("unicast_peer { 10.0.0.2 }"), another);
    assert_eq!(other("interface eth1"), another);
    assert_eq!(other("priority 7"), ["~ vrrp_instance A"]);
    assert_eq!(other("mcast_src_ip 10.0.0.9"), ["~ vrrp_instance A"]);
    let unicast = |source: &str| {
        with_address("A", 50, &format!("unicast_src_ip {source}\nunicast_peer {{ 10.0.0.2 }}"))
    };
    assert_eq!(texts(&unicast("10.0.0.7"), &unicast("10.0.0.8")).len(), 2);
}

#[test]
fn what_changes_is_said_and_a_password_is_not() {
    let auth = |word: &str| {
        with_address("A", 50, &format!("version 2\nauthentication {{\nauth_type PASS\nauth_pass {word}\n}}"))
    };
    assert_eq!(texts(&auth("one"), &auth("two")), ["~ vrrp_instance A: authentication (not shown)"]);
    let old =
        instance("A", 50, "priority 100\nvirtual_ipaddress { 10.0.0.3\n10.0.0.4 label eth0:1\n10.0.0.9 }");
    let new =
        instance("A", 50, "priority 150\nvirtual_ipaddress { 10.0.0.4 label eth0:2\n10.0.0.3\n10.0.0.5 }");
    assert_eq!(
        texts(&old, &new),
        [
            "~ vrrp_instance A: addresses - 10.0.0.9/32; addresses 10.0.0.4/32 label eth0:1 -> eth0:2; addresses + \
             10.0.0.5/32; priority 100 -> 150"
        ]
    );
    let order =
        instance("A", 50, "priority 150\nvirtual_ipaddress { 10.0.0.5\n10.0.0.3\n10.0.0.4 label eth0:2 }");
    assert_eq!(texts(&new, &order), ["~ vrrp_instance A: addresses in another order"]);
}

#[test]
fn of_many_addresses_that_come_go_or_change_it_is_said_how_many() {
    let with = |numbers: std::ops::Range<u8>, words: &str| {
        let list: String = numbers.map(|number| format!("10.0.1.{number} {words}\n")).collect();
        instance("A", 50, &format!("virtual_ipaddress {{ {list} }}"))
    };
    assert_eq!(
        texts(&with(1..3, ""), &with(2..40, "")),
        [
            "~ vrrp_instance A: addresses - 10.0.1.1/32; addresses + 37 of them, from 10.0.1.3/32 to 10.0.1.39/32"
        ]
    );
    let changed = texts(&with(1..40, ""), &with(1..40, "label eth0:1")).concat();
    assert_eq!(changed.matches("label none -> eth0:1").count(), 8, "{changed}");
    assert!(changed.ends_with("; addresses: 31 more changes like these"), "{changed}");
}

#[test]
fn what_is_beside_the_instances_is_said_too() {
    let globals = |lines: &str| format!("global_defs {{\n{lines}\n}}\n{}", with_address("A", 50, ""));
    assert_eq!(
        texts(&globals("vrrp_garp_interval 0.5"), &globals("router_id lb1")),
        ["~ beside the instances: pace arp 500 ms -> 0; router_id none -> lb1"]
    );
}

#[test]
fn instances_that_come_and_go_are_said_with_their_place() {
    let (a, b, c) = (with_address("A", 50, ""), with_address("B", 51, ""), with_address("C", 52, ""));
    assert_eq!(
        texts(&format!("{a}{b}"), &format!("{c}{a}")),
        [
            "+ vrrp_instance C: eth0, VRID 52, IPv4, 1 address",
            "- vrrp_instance B: eth0, VRID 51, IPv4, 1 address"
        ]
    );
    assert_eq!(texts(&format!("{a}{b}"), &format!("{b}{a}")), ["~ the order of the instances"]);
}

/// One of few instances: many pairs of plans share some, and share some of what those say.
fn instances() -> impl Strategy<Value = String> {
    let one = (50..54_u8, 0..3_u8, 0..3_u8, any::<bool>(), proptest::collection::btree_set(0..5_u8, 1..4));
    one.prop_map(|(vrid, name, priority, unicast, addresses)| {
        let list: Vec<String> = addresses.iter().map(|last| format!("10.0.{vrid}.{last}")).collect();
        let way = if unicast { "unicast_peer { 10.9.9.9 }" } else { "" };
        let lines =
            format!("priority {}\n{way}\nvirtual_ipaddress {{\n{}\n}}", 100 + priority, list.join("\n"));
        instance(&format!("N{name}_{vrid}"), vrid, &lines)
    })
}

fn plans() -> impl Strategy<Value = Plan> {
    (proptest::collection::vec(instances(), 0..5), 0..3_u8).prop_map(|(instances, router)| {
        let text = format!("global_defs {{ router_id r{router} }}\n{}", instances.concat());
        // Two of one VRID are one too many: the rest of such a config is a plan as well.
        config::parse("c", &text).plan
    })
}

proptest! {
    #[test]
    fn a_difference_makes_the_second_plan_of_the_first(old in plans(), new in plans()) {
        let diff = Diff::between(&old, &new);
        prop_assert_eq!(&diff.apply(&old), &new);
        prop_assert_eq!(diff.is_empty(), old == new);
        prop_assert_eq!(diff.lines(&old).is_empty(), old == new);
        let went_on = diff.instances.iter().filter(|fate| !matches!(fate, Fate::Added { .. })).count();
        prop_assert_eq!(went_on + diff.removed.len(), old.instances.len());
    }

    #[test]
    fn a_plan_does_not_differ_from_itself(plan in plans()) {
        let diff = Diff::between(&plan, &plan);
        prop_assert!(diff.is_empty());
        prop_assert_eq!(diff.unchanged(), plan.instances.len());
        prop_assert!(diff.lines(&plan).is_empty());
    }
}
