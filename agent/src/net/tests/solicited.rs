//! `net::solicited` against the kernel.

use std::net::Ipv6Addr;

use super::lab::{ip, joined_ipv6, link, wait_until};
use crate::net::solicited::{Form, SolicitedGroups};

fn addresses(count: u32) -> Vec<Ipv6Addr> {
    (0..count).map(|last| Ipv6Addr::from((0xfd00 << 112) | u128::from(0x77_0000 + last))).collect()
}

/// Joined, and in the card's filter.
fn hears(group: &str, mac: &str) -> (bool, bool) {
    let text = ip("maddress show dev port0");
    let words: Vec<&str> = text.split_whitespace().collect();
    (words.contains(&group), words.contains(&mac))
}

fn every_group() -> bool {
    ip("-d link show port0").contains("allmulti 1")
}

#[test]
fn the_groups_of_a_few_addresses_are_joined_and_left() {
    joined_ipv6(|_| {
        let mut some = addresses(3);
        // It ends as the first one: one group for both.
        some.push("2001:db8::77:0".parse().unwrap());
        let groups = SolicitedGroups::join(link("port0").index, &some).unwrap();
        assert_eq!((groups.form(), groups.groups()), (Form::Joined, 3));
        assert_eq!(hears("ff02::1:ff77:0", "33:33:ff:77:00:00"), (true, true));
        assert_eq!(hears("ff02::1:ff77:2", "33:33:ff:77:00:02"), (true, true));
        assert!(!every_group());
        drop(groups);
        // A process that another test starts holds a copy of the socket for a moment.
        let left = || hears("ff02::1:ff77:0", "33:33:ff:77:00:00") == (false, false);
        wait_until("the groups are left", left);
    });
}

#[test]
fn a_group_stays_with_an_address_that_came_meanwhile() {
    joined_ipv6(|_| {
        let groups = SolicitedGroups::join(link("port0").index, &addresses(1)).unwrap();
        ip("address add fd00::77:0/128 dev port0 nodad");
        let joined = || ip("maddress show dev port0").contains("ff02::1:ff77:0 users 2");
        wait_until("the kernel joins on its own account", joined);
        drop(groups);
        assert_eq!(hears("ff02::1:ff77:0", "33:33:ff:77:00:00"), (true, true));
        ip("address delete fd00::77:0/128 dev port0");
        let left = || hears("ff02::1:ff77:0", "33:33:ff:77:00:00") == (false, false);
        wait_until("the kernel leaves the group", left);
    });
}

#[test]
fn for_many_addresses_the_card_takes_every_group() {
    joined_ipv6(|_| {
        let port = link("port0").index;
        let groups = SolicitedGroups::join(port, &addresses(256)).unwrap();
        assert_eq!((groups.form(), every_group()), (Form::Joined, false));
        let groups = SolicitedGroups::join(port, &addresses(257)).unwrap();
        assert_eq!((groups.form(), groups.groups(), every_group()), (Form::EveryGroup, 257, true));
        drop(groups);
        wait_until("the card takes its own groups only", || !every_group());
    });
}

#[test]
fn an_interface_that_is_too_small_for_ipv6_or_gone_is_an_error() {
    joined_ipv6(|_| {
        let port = link("port0").index;
        ip("link set port0 mtu 1200");
        let error = SolicitedGroups::join(port, &addresses(1)).unwrap_err();
        assert!(error.to_string().contains("its MTU is 1280 or more"), "{error}");
        ip("link delete port0");
        SolicitedGroups::join(port, &addresses(1)).unwrap_err();
        SolicitedGroups::join(port, &addresses(300)).unwrap_err();
    });
}

#[test]
fn no_address_has_no_group() {
    joined_ipv6(|_| {
        let groups = SolicitedGroups::join(link("port0").index, &[]).unwrap();
        assert_eq!((groups.form(), groups.groups()), (Form::Joined, 0));
    });
}
