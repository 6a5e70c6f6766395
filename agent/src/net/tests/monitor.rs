//! `net::monitor` and `net::inventory` against the kernel.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr},
};

use tokio::sync::mpsc;

use super::lab::{PATIENCE, alone, block_on, command, ip, joined_ipv6, link, listing, make, wait_until};
use crate::net::{
    inventory::{Inventory, inventory},
    link::{AssignedAddress, Link, LinkKind, carrier_of, carrier_through},
    monitor::{Monitor, NetlinkEvent},
};

/// The next event that `want` finds something in; others are passed over.
async fn next<T>(
    events: &mut mpsc::Receiver<NetlinkEvent>,
    what: &str,
    want: impl Fn(&NetlinkEvent) -> Option<T>,
) -> T {
    let search = async {
        loop {
            let event = events.recv().await.expect("the monitor runs");
            if let Some(found) = want(&event) {
                return found;
            }
        }
    };
    tokio::time::timeout(PATIENCE, search).await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

async fn next_inventory(events: &mut mpsc::Receiver<NetlinkEvent>) -> Inventory {
    next(events, "an inventory", |event| {
        if let NetlinkEvent::Inventory(inventory) = event { Some(inventory.clone()) } else { None }
    })
    .await
}

/// The state of `port0` in the next event about it.
async fn next_port(events: &mut mpsc::Receiver<NetlinkEvent>, up: bool) -> u32 {
    next(events, "port0 to change", |event| {
        let NetlinkEvent::Link(link) = event else { return None };
        (link.name == "port0" && link.up == up).then_some(link.index)
    })
    .await
}

async fn next_address(events: &mut mpsc::Receiver<NetlinkEvent>) -> IpAddr {
    next(events, "an address", |event| {
        if let NetlinkEvent::Address(address) = event { Some(address.address) } else { None }
    })
    .await
}

async fn next_address_gone(events: &mut mpsc::Receiver<NetlinkEvent>) -> IpAddr {
    next(events, "an address to go", |event| {
        if let NetlinkEvent::AddressGone(address) = event { Some(address.address) } else { None }
    })
    .await
}

#[test]
fn the_monitor_begins_with_an_inventory_and_follows_a_link_down_up_gone_and_made_again() {
    alone(|| {
        ip("link add port0 type veth peer name port1");
        ip("link set port0 up");
        ip("link set port1 up");
        // A carrier is noticed some time later.
        wait_until("port0 is up", || link("port0").up);
        let old = link("port0").index;
        block_on(async {
            let (sender, mut events) = mpsc::channel(64);
            let monitor = tokio::spawn(Monitor::open(sender).unwrap().run());
            assert!(next_inventory(&mut events).await.link_named("port0").is_some_and(|link| link.up));

            ip("link set port0 down");
            assert_eq!(next_port(&mut events, false).await, old);
            ip("link set port0 up");
            assert_eq!(next_port(&mut events, true).await, old);
            // The other end loses its carrier: ours is no longer running either.
            ip("link set port1 down");
            assert_eq!(next_port(&mut events, false).await, old);

            ip("link delete port0");
            next(&mut events, "port0 to go", |event| (*event == NetlinkEvent::LinkGone(old)).then_some(()))
                .await;
            ip("link add port0 type veth peer name port1");
            assert_ne!(next_port(&mut events, false).await, old);
            drop(events);
            monitor.await.unwrap().unwrap();
        });
    });
}

#[test]
fn the_monitor_follows_addresses_of_both_families() {
    alone(|| {
        ip("link add port0 type veth peer name port1");
        block_on(async {
            let (sender, mut events) = mpsc::channel(64);
            tokio::spawn(Monitor::open(sender).unwrap().run());
            next_inventory(&mut events).await;
            for (text, prefix) in [("10.9.0.1", "24"), ("fd00::9", "64")] {
                ip(&format!("address add {text}/{prefix} dev port0"));
                assert_eq!(next_address(&mut events).await, text.parse::<IpAddr>().unwrap());
                ip(&format!("address delete {text}/{prefix} dev port0"));
                assert_eq!(next_address_gone(&mut events).await, text.parse::<IpAddr>().unwrap());
            }
        });
    });
}

/// The next event about an interface that is like that.
async fn next_link(
    events: &mut mpsc::Receiver<NetlinkEvent>,
    what: &str,
    like: impl Fn(&Link) -> bool,
) -> Link {
    next(events, what, |event| {
        let NetlinkEvent::Link(link) = event else { return None };
        like(link).then(|| link.clone())
    })
    .await
}

#[test]
fn an_interface_that_is_renamed_or_gets_another_mac_or_mtu_stays_the_same_interface() {
    alone(|| {
        ip("link add port0 address 02:00:00:00:00:07 type veth peer name port1");
        let index = link("port0").index;
        block_on(async {
            let (sender, mut events) = mpsc::channel(64);
            tokio::spawn(Monitor::open(sender).unwrap().run());
            next_inventory(&mut events).await;

            ip("link set port0 name other0");
            let renamed = next_link(&mut events, "the new name", |link| link.name == "other0").await;
            assert_eq!((renamed.index, renamed.mac), (index, [2, 0, 0, 0, 0, 7]));
            ip("link set other0 address 02:00:00:00:00:08");
            let changed = next_link(&mut events, "the new MAC", |link| link.mac[5] == 8).await;
            assert_eq!((changed.index, &*changed.name), (index, "other0"));
            ip("link set other0 mtu 1300");
            assert_eq!(next_link(&mut events, "the new MTU", |link| link.mtu == 1300).await.index, index);
            // The old name is free, and another interface may take it.
            ip("link add port0 type veth peer name port2");
            assert_ne!(
                next_link(&mut events, "the newcomer", |link| link.name == "port0").await.index,
                index
            );
        });
    });
}

#[test]
fn the_monitor_tells_when_an_ipv6_address_becomes_usable_and_when_it_is_anothers() {
    joined_ipv6(|pair| {
        pair.there(|| ip("address add fd00::9/64 dev port1 nodad"));
        block_on(async {
            let (sender, mut events) = mpsc::channel(64);
            tokio::spawn(Monitor::open(sender).unwrap().run());
            next_inventory(&mut events).await;
            ip("address add fd00::8/64 dev port0");
            ip("address add fd00::9/64 dev port0");
            let mut told = HashMap::new();
            let usable = |of: &AssignedAddress| (!of.is_tentative(), of.is_duplicate());
            while told.get("fd00::8") != Some(&(true, false)) || told.get("fd00::9") != Some(&(false, true)) {
                let address = next(&mut events, "the detection to end", |event| {
                    if let NetlinkEvent::Address(address) = event { Some(address.clone()) } else { None }
                })
                .await;
                let before = told.insert(address.address.to_string(), usable(&address));
                assert!(before.is_some() || address.is_tentative(), "{address:?} was usable at once");
            }
        });
    });
}

#[test]
fn the_ipv6_addresses_that_a_link_loses_when_it_goes_down_or_stops_to_do_ipv6_are_told() {
    joined_ipv6(|_| {
        block_on(async {
            let (sender, mut events) = mpsc::channel(64);
            tokio::spawn(Monitor::open(sender).unwrap().run());
            next_inventory(&mut events).await;
            for (lose, regain) in [
                ("ip link set port0 down", "ip link set port0 up"),
                (
                    "sysctl -qw net.ipv6.conf.port0.disable_ipv6=1",
                    "sysctl -qw net.ipv6.conf.port0.disable_ipv6=0",
                ),
                ("ip link set port0 mtu 1279", "ip link set port0 mtu 1500"),
            ] {
                let run = |words: &str| {
                    let (program, rest) = words.split_once(' ').unwrap();
                    command(program, rest);
                };
                // The kernel may have made a link-local address of its own meanwhile.
                let ours = ["fd00::1", "fe80::1"];
                run(lose);
                let mut gone = Vec::new();
                while gone.len() < 2 {
                    let address = next_address_gone(&mut events).await.to_string();
                    gone.extend(ours.contains(&&*address).then_some(address));
                }
                gone.sort_unstable();
                assert_eq!(gone, ours, "{lose}");
                run(regain);
                for address in ours {
                    ip(&format!("address add {address}/64 dev port0 nodad"));
                    while next_address(&mut events).await.to_string() != address {}
                }
            }
        });
    });
}

#[test]
fn a_receiver_that_does_not_keep_up_gets_a_whole_inventory_instead_of_what_it_missed() {
    alone(|| {
        ip("link add port0 type veth peer name port1");
        block_on(async {
            let (sender, mut events) = mpsc::channel(2);
            tokio::spawn(Monitor::open(sender).unwrap().run());
            next_inventory(&mut events).await;
            for last in 1..=40 {
                ip(&format!("address add 10.9.0.{last}/32 dev port0"));
                tokio::task::yield_now().await;
            }
            // Two events fit; then nothing but an inventory, in which all forty are.
            assert_eq!(next_address(&mut events).await, Ipv4Addr::new(10, 9, 0, 1));
            let inventory = next_inventory(&mut events).await;
            let index = inventory.link_named("port0").unwrap().index;
            assert_eq!(inventory.addresses_of(index).count(), 40);
            // And it goes on from there.
            ip("address add 10.9.0.99/32 dev port0");
            assert_eq!(next_address(&mut events).await, Ipv4Addr::new(10, 9, 0, 99));
        });
    });
}

#[test]
fn an_interface_that_leaves_a_bridge_is_not_gone() {
    alone(|| {
        ip("link add port0 type veth peer name port1");
        ip("link add bridge0 type bridge");
        ip("link set port0 master bridge0");
        let bridge = link("bridge0").index;
        assert_eq!(link("port0").controller, Some(bridge));
        block_on(async {
            let (sender, mut events) = mpsc::channel(64);
            tokio::spawn(Monitor::open(sender).unwrap().run());
            next_inventory(&mut events).await;
            ip("link set port0 nomaster");
            // Everything up to a mark that comes later.
            ip("address add 10.9.0.1/32 dev port0");
            loop {
                match tokio::time::timeout(PATIENCE, events.recv()).await.unwrap().unwrap() {
                    NetlinkEvent::LinkGone(index) => panic!("{index} is said to be gone"),
                    NetlinkEvent::Address(_) => break,
                    NetlinkEvent::Inventory(_) | NetlinkEvent::Link(_) | NetlinkEvent::AddressGone(_) => {}
                }
            }
        });
        assert_eq!(link("port0").controller, None);
    });
}

#[test]
fn a_message_that_changes_nothing_is_not_passed_on() {
    alone(|| {
        ip("link add port0 type veth peer name port1");
        block_on(async {
            let (sender, mut events) = mpsc::channel(64);
            tokio::spawn(Monitor::open(sender).unwrap().run());
            next_inventory(&mut events).await;
            ip("link set port0 txqueuelen 77");
            ip("link set port0 alias quiet");
            ip("link set port0 mtu 1400");
            let first = tokio::time::timeout(PATIENCE, events.recv()).await.unwrap().unwrap();
            assert!(matches!(first, NetlinkEvent::Link(link) if link.mtu == 1400));
        });
    });
}

#[test]
fn kinds_of_interfaces_are_told_apart() {
    alone(|| {
        ip("link add port0 mtu 1400 address 02:00:00:00:00:07 type veth peer name port1");
        ip("link add bridge0 type bridge");
        ip("link add virtual0 link port0 address 00:00:5e:00:01:32 type macvlan mode bridge");
        let port = link("port0");
        assert_eq!((port.mac, port.mtu, port.kind), ([2, 0, 0, 0, 0, 7], 1400, LinkKind::Plain));
        assert_eq!((port.up, port.loopback, port.multicast), (false, false, true));
        assert_eq!(link("bridge0").kind, LinkKind::Bridge);
        assert_eq!(carrier_of(&link("virtual0")), (port.index, 0));
        let loopback = link("lo");
        assert_eq!((loopback.index, loopback.loopback, loopback.mac), (1, true, [0; 6]));
    });
}

#[test]
fn stacked_vlans_bonds_and_macvlans_are_followed_down_to_their_carrier() {
    alone(|| {
        ip("link add port0 type veth peer name port1");
        if !make("port0.7 link port0 type vlan id 7") {
            return;
        }
        ip("link add port0.7.9 link port0.7 type vlan id 9");
        ip("link add virtual0 link port0.7.9 type macvlan mode bridge");
        let inventory = listing();
        let port = inventory.link_named("port0").unwrap().index;
        let through =
            |name| carrier_through(inventory.link_named(name).unwrap(), |index| inventory.link(index));
        assert_eq!(carrier_of(inventory.link_named("port0.7").unwrap()), (port, 7));
        assert_eq!(through("port0.7"), Some((port, [7, 0])));
        assert_eq!(through("port0.7.9"), Some((port, [7, 9])));
        assert_eq!(through("virtual0"), Some((port, [7, 9])));
        if make("bond0 type bond") {
            assert_eq!(link("bond0").kind, LinkKind::Bond);
        }
    });
}

#[test]
fn the_parent_of_a_device_that_came_from_another_namespace_is_not_looked_for_here() {
    super::lab::joined(|pair| {
        ip("link add virtual0 link port0 type macvlan mode bridge");
        ip(&format!("link set virtual0 netns {}", pair.path_there()));
        pair.there(|| assert_eq!(link("virtual0").kind, LinkKind::Plain));
    });
}

#[test]
fn an_inventory_of_many_interfaces_is_complete() {
    alone(|| {
        let batch: String = (0..300)
            .map(|number| format!("link add port{number} type veth peer name end{number}\n"))
            .collect();
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("batch");
        std::fs::write(&file, batch).unwrap();
        command("ip", &format!("-batch {}", file.display()));
        // With lo.
        assert_eq!(listing().links.len(), 601);
        assert_eq!(block_on(inventory()).unwrap().link_named("end299").unwrap().name, "end299");
    });
}
