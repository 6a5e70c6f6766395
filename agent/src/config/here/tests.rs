//! Each rule about the host, on hosts that are made up.

use std::{collections::BTreeMap, net::IpAddr, path::Path};

use regent_common::Family;

use super::*;
use crate::config;

/// A host with `eth0` (192.0.2.10/24, fe80::10), `eth1` (switched off) and `lo`, where every program and user is as it
/// should be.
#[derive(Clone)]
struct Made {
    interfaces: Result<Vec<Interface>, String>,
    programs: BTreeMap<&'static str, Program>,
    mode: Mode,
    firewall: Result<Passage, String>,
}

fn assigned(text: &str, prefix_length: u8) -> AssignedHere {
    AssignedHere { address: text.parse().unwrap(), prefix_length, maybe_virtual: false }
}

fn interface(name: &str, addresses: &[AssignedHere]) -> Interface {
    Interface {
        name: name.to_owned(),
        switched_on: true,
        up: true,
        multicast: true,
        loopback: false,
        mtu: 1500,
        addresses: addresses.to_vec(),
        ipv6_off: false,
    }
}

impl Made {
    fn new() -> Self {
        let eth0 = interface("eth0", &[assigned("192.0.2.10", 24), assigned("fe80::10", 64)]);
        let eth1 =
            Interface { switched_on: false, up: false, ..interface("eth1", &[assigned("192.0.2.11", 24)]) };
        let lo = Interface { loopback: true, ..interface("lo", &[assigned("127.0.0.1", 8)]) };
        Self {
            interfaces: Ok(vec![lo, eth0, eth1]),
            programs: BTreeMap::new(),
            mode: Mode { user: 0, group: 0, bits: 0o100_600 },
            firewall: Ok(Passage::Open),
        }
    }

    fn eth0(mut self, change: impl Fn(&mut Interface)) -> Self {
        self.interfaces.iter_mut().flatten().filter(|interface| interface.name == "eth0").for_each(change);
        self
    }
}

impl Host for Made {
    fn has_namespace(&self, name: &str) -> Result<bool, String> {
        match name {
            "blue" => Ok(true),
            "closed" => Err("no permission".to_owned()),
            _ => Ok(false),
        }
    }

    fn interfaces(&self) -> Result<Vec<Interface>, String> {
        self.interfaces.clone()
    }

    fn account(&self, user: &str, group: Option<&str>) -> Result<Account, String> {
        Ok(match (user, group) {
            ("root", _) => Account::Known { user: 0, group: 0 },
            ("alice", Some("nobodys")) => Account::NoGroup,
            ("alice", _) => Account::Known { user: 1000, group: 1000 },
            ("directory", _) => return Err("the directory does not answer".to_owned()),
            (_, _) => Account::NoUser,
        })
    }

    fn own_account(&self) -> Account {
        Account::Known { user: 0, group: 0 }
    }

    fn program(&self, path: &Path, _account: Account) -> Result<Program, String> {
        let known = path.to_str().and_then(|path| self.programs.get(path));
        Ok(known.cloned().unwrap_or(Program::Fit(Vec::new())))
    }

    fn mode(&self, _path: &Path) -> Result<Mode, String> {
        Ok(self.mode)
    }

    fn adverts(&self, _way: &Way) -> Result<Passage, String> {
        self.firewall.clone()
    }
}

/// What is said of instance `A` with VRID 1, 192.0.2.1/24 and these lines: severity, code and message.
fn said(host: &Made, lines: &str) -> Vec<String> {
    said_of(
        host,
        &format!(
            "vrrp_instance A {{\nvirtual_router_id 1\nvirtual_ipaddress {{ 192.0.2.1/24 }}\n{lines}\n}}\n"
        ),
    )
}

fn said_of(host: &Made, text: &str) -> Vec<String> {
    let loaded = config::parse("c", text);
    assert!(!loaded.has_errors(), "{}", loaded.render(false));
    let found = loaded.here(host);
    found.iter().map(|one| format!("{} {}: {}", one.severity.word(), one.code, one.message)).collect()
}

#[test]
fn a_network_namespace_must_be_there_before_its_interfaces_are_looked_at() {
    let config = |name: &str| {
        format!(
            "net_namespace {name}\nvrrp_instance A {{\ninterface eth0\nvirtual_router_id 1\n\
             virtual_ipaddress {{ 192.0.2.1/24 }}\n}}\n"
        )
    };
    assert_eq!(said_of(&Made::new(), &config("blue")), [""; 0]);
    let none = Made { interfaces: Ok(Vec::new()), ..Made::new() };
    assert_eq!(said_of(&none, &config("gone")), ["error RG0450: this host has no network namespace `gone`"]);
    assert_eq!(
        said_of(&Made::new(), &config("closed")),
        ["note RG0500: network namespaces could not be looked at: no permission"]
    );
}

#[test]
fn a_host_that_fits_is_nothing_to_speak_of() {
    assert_eq!(said(&Made::new(), "interface eth0"), [""; 0]);
}

#[test]
fn an_interface_must_be_there() {
    assert_eq!(said(&Made::new(), "interface eht0"), ["error RG0501: this host has no interface `eht0`"]);
    // Said once, however often it is named; what nothing depends on is a warning.
    assert_eq!(
        said(
            &Made::new(),
            "interface eth0\ntrack_interface { eth7\neth8 weight -5\n}\nvirtual_ipaddress_excluded { 192.0.2.9/24 dev eth7 }"
        ),
        [
            "error RG0501: this host has no interface `eth7`",
            "warning RG0501: this host has no interface `eth8`"
        ]
    );
}

#[test]
fn with_dynamic_interfaces_one_may_come_later() {
    let text = |globals: &str| {
        format!(
            "global_defs {{ {globals} }}\nvrrp_instance A {{\nvirtual_router_id 1\ninterface tap0\n\
             virtual_ipaddress {{ 192.0.2.1/24 }}\n}}\n"
        )
    };
    let said = |globals: &str| said_of(&Made::new(), &text(globals));
    assert_eq!(said("dynamic_interfaces"), ["warning RG0501: this host has no interface `tap0`"]);
    assert_eq!(said("vrrp_version 2"), ["error RG0501: this host has no interface `tap0`"]);
}

#[test]
fn an_interface_must_be_up_and_fit_for_adverts() {
    assert_eq!(said(&Made::new(), "interface eth1"), ["warning RG0502: `eth1` is switched off"]);
    assert_eq!(said(&Made::new(), "interface eth1\ndont_track_primary"), [""; 0]);
    let unplugged = Made::new().eth0(|eth0| eth0.up = false);
    assert_eq!(said(&unplugged, "interface eth0"), ["warning RG0502: `eth0` has no carrier"]);
    let tunnel = Made::new().eth0(|eth0| eth0.multicast = false);
    assert_eq!(said(&tunnel, "interface eth0"), ["error RG0503: `eth0` does no multicast"]);
    assert_eq!(said(&tunnel, "interface eth0\nunicast_peer { 192.0.2.20 }"), [""; 0]);
    let loopback = "warning RG0503: `lo` is the loopback interface".to_owned();
    assert!(said(&Made::new(), "interface lo").contains(&loopback));
}

#[test]
fn an_advert_must_fit_the_mtu() {
    let text = |count: u8| {
        let addresses: String = (1..=count).map(|last| format!("192.0.2.{}/24\n", last + 100)).collect();
        format!(
            "vrrp_instance A {{\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress {{\n{addresses}}}\n}}\n"
        )
    };
    // 20 of IPv4, 8 of the advert, 8 of authentication, 4 for each address: 10 of them make 76.
    let narrow = |mtu| Made::new().eth0(move |eth0| eth0.mtu = mtu);
    assert_eq!(said_of(&narrow(76), &text(10)), [""; 0]);
    assert_eq!(
        said_of(&narrow(75), &text(10)),
        ["error RG0504: adverts of `A` have 76 bytes, and `eth0` carries 75"]
    );
}

#[test]
fn adverts_need_an_address_to_come_from() {
    let bare = Made::new().eth0(|eth0| eth0.addresses.clear());
    assert_eq!(said(&bare, "interface eth0"), ["error RG0507: `eth0` has no IPv4 address of its own"]);
    // One that is there while the router is master is not its own.
    let virtual_address = AssignedHere { maybe_virtual: true, ..assigned("192.0.2.1", 24) };
    let master = Made::new().eth0(|eth0| eth0.addresses = vec![virtual_address]);
    assert_eq!(said(&master, "interface eth0"), ["error RG0507: `eth0` has no IPv4 address of its own"]);
    let peers = "interface eth0\nunicast_peer { 192.0.2.20 }\nunicast_src_ip";
    assert_eq!(said(&Made::new(), &format!("{peers} 192.0.2.10")), [""; 0]);
    assert_eq!(
        said(&Made::new(), &format!("{peers} 192.0.2.11")),
        ["error RG0507: `192.0.2.11` is an address of `eth1`, not of `eth0`"]
    );
    assert_eq!(
        said(&Made::new(), "interface eth0\nmcast_src_ip 192.0.2.33"),
        ["warning RG0507: this host does not have `192.0.2.33`"]
    );
}

#[test]
fn the_config_of_the_other_router_is_recognised() {
    let swapped =
        said(&Made::new(), "interface eth0\nunicast_src_ip 192.0.2.20\nunicast_peer { 192.0.2.10 }");
    assert_eq!(
        swapped,
        [
            "error RG0507: this host does not have `192.0.2.20`",
            "error RG0508: peer `192.0.2.10` is this host: `eth0` has that address"
        ]
    );
}

#[test]
fn ipv6_needs_a_link_local_address_and_to_be_switched_on() {
    let text = "vrrp_instance A {\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress { fe80::1 }\n}\n";
    assert_eq!(said_of(&Made::new(), text), [""; 0]);
    let off = Made::new().eth0(|eth0| {
        eth0.ipv6_off = true;
        eth0.addresses.retain(|assigned| assigned.address.is_ipv4());
    });
    let mut found = said_of(&off, text);
    found.sort();
    assert_eq!(
        found,
        [
            "error RG0507: `eth0` has no link-local IPv6 address",
            "error RG0515: IPv6 is switched off on `eth0`"
        ]
    );
}

#[test]
fn a_virtual_address_is_no_address_of_the_host() {
    let host = |maybe_virtual| {
        Made::new().eth0(move |eth0| {
            eth0.addresses.push(AssignedHere { maybe_virtual, ..assigned("192.0.2.1", 24) });
        })
    };
    assert_eq!(
        said(&host(false), "interface eth0"),
        ["warning RG0506: `192.0.2.1` is an address of `eth0` already"]
    );
    // A router that is master has it, and an owner always.
    assert_eq!(said(&host(true), "interface eth0"), [""; 0]);
    assert_eq!(said(&host(false), "interface eth0\npriority 255"), [""; 0]);
}

#[test]
fn a_virtual_address_lies_in_a_network_of_its_interface() {
    let text = |address: &str| {
        format!(
            "vrrp_instance A {{\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress {{ {address} }}\n}}\n"
        )
    };
    for (address, expected) in [
        ("192.0.2.255/24", ""),
        ("192.0.2.1", ""),
        ("192.0.3.0", "note RG0505: `192.0.3.0` lies in no network of `eth0`"),
        ("192.0.2.1/25", "note RG0505: `192.0.2.1/25` has another prefix length than the network of `eth0`"),
    ] {
        assert_eq!(said_of(&Made::new(), &text(address)).join(""), expected, "{address}");
    }
}

#[test]
fn users_must_exist() {
    let notify = |user: &str| said(&Made::new(), &format!("interface eth0\nnotify /bin/n {user}"));
    assert_eq!(notify("alice"), [""; 0]);
    assert_eq!(notify("bob"), ["error RG0509: this host has no user `bob`"]);
    assert_eq!(notify("alice nobodys"), ["error RG0509: this host has no group `nobodys`"]);
    assert_eq!(
        notify("directory"),
        ["note RG0500: user `directory` could not be looked at: the directory does not answer"]
    );
}

#[test]
fn programs_must_be_there_and_safe() {
    let mut host = Made::new();
    host.programs.insert("/bin/none", Program::Missing);
    host.programs.insert("/bin/text", Program::Unfit("it is not executable"));
    host.programs.insert("/bin/open", Program::Fit(vec![("/bin".into(), "belongs to user 5".to_owned())]));
    let script = |program: &str, tracked: bool, user: &str| {
        let track = if tracked { "track_script { S }" } else { "" };
        said_of(
            &host,
            &format!(
                "vrrp_script S {{\nscript {program}\n{user}\n}}\nvrrp_instance A {{\ninterface eth0\nvirtual_router_id 1\n{track}\n\
                 virtual_ipaddress {{ 192.0.2.1/24 }}\n}}\n"
            ),
        )
    };
    assert_eq!(script("/bin/good", true, ""), [""; 0]);
    assert_eq!(script("/bin/none", true, ""), ["error RG0311: `/bin/none` does not exist on this host"]);
    assert_eq!(script("/bin/none", false, ""), ["warning RG0311: `/bin/none` does not exist on this host"]);
    assert_eq!(script("/bin/text", true, ""), ["error RG0510: `/bin/text` cannot be run"]);
    assert_eq!(
        script("/bin/open", true, ""),
        ["warning RG0511: others than root could change what runs as root: `/bin/open`"]
    );
    assert_eq!(script("/bin/open", true, "user alice"), [""; 0]);
    assert_eq!(
        said(&host, "interface eth0\nnotify_master /bin/none"),
        ["warning RG0311: `/bin/none` does not exist on this host"]
    );
}

#[test]
fn a_config_with_a_password_is_for_root_alone() {
    let host = |user, group, bits| Made { mode: Mode { user, group, bits }, ..Made::new() };
    let password = "interface eth0\nauthentication {\nauth_type PASS\nauth_pass 1234\n}";
    let readable = ["warning RG0512: everybody on this host can read `c`, and it holds a password"];
    assert_eq!(said(&host(0, 0, 0o644), password), readable);
    assert_eq!(said(&host(0, 5, 0o640), password), [""; 0]);
    assert_eq!(said(&host(0, 0, 0o644), "interface eth0"), [""; 0]);
    for (host, who) in [
        (host(0, 0, 0o622), "everybody on this host"),
        (host(0, 5, 0o620), "group 5"),
        (host(7, 0, 0o600), "user 7"),
    ] {
        assert_eq!(
            said(&host, "interface eth0"),
            [format!("warning RG0513: {who} can change `c`, and what it names is run as root")]
        );
    }
    assert_eq!(said(&host(0, 0, 0o620), "interface eth0"), [""; 0]);
}

#[test]
fn a_firewall_that_drops_adverts_is_named_by_its_rule() {
    let host = |firewall| Made { firewall, ..Made::new() };
    assert_eq!(
        said(&host(Ok(Passage::Shut("rule 7".to_owned()))), "interface eth0"),
        [
            "warning RG0514: the firewall drops adverts in on `eth0`: rule 7",
            "warning RG0514: the firewall drops adverts out on `eth0`: rule 7"
        ]
    );
    assert_eq!(
        said(&host(Ok(Passage::Unclear("rule 7".to_owned()))), "interface eth0")[0],
        "note RG0514: whether the firewall lets adverts in on `eth0` depends on rule 7"
    );
    assert_eq!(
        said(&host(Err("nft is not installed".to_owned())), "interface eth0"),
        ["note RG0500: the firewall could not be looked at: nft is not installed"]
    );
}

#[test]
fn the_firewall_is_asked_for_the_way_of_the_adverts() {
    struct Asked(std::cell::RefCell<Vec<Way>>, Made);
    impl Host for Asked {
        fn interfaces(&self) -> Result<Vec<Interface>, String> {
            self.1.interfaces()
        }
        fn account(&self, user: &str, group: Option<&str>) -> Result<Account, String> {
            self.1.account(user, group)
        }
        fn own_account(&self) -> Account {
            self.1.own_account()
        }
        fn has_namespace(&self, name: &str) -> Result<bool, String> {
            self.1.has_namespace(name)
        }
        fn program(&self, path: &Path, account: Account) -> Result<Program, String> {
            self.1.program(path, account)
        }
        fn mode(&self, path: &Path) -> Result<Mode, String> {
            self.1.mode(path)
        }
        fn adverts(&self, way: &Way) -> Result<Passage, String> {
            self.0.borrow_mut().push(way.clone());
            Ok(Passage::Open)
        }
    }
    let host = Asked(Vec::new().into(), Made::new());
    let instance = |name: &str, vrid: u8, lines: &str| {
        format!(
            "vrrp_instance {name} {{\ninterface eth0\nvirtual_router_id {vrid}\nvirtual_ipaddress {{ 192.0.2.{vrid}/24 }}\n{lines}\n}}\n"
        )
    };
    let text =
        instance("A", 1, "") + &instance("B", 2, "") + &instance("C", 3, "unicast_peer { 192.0.2.20 }");
    assert_eq!(config::parse("c", &text).here(&host).len(), 0);
    let group: Option<IpAddr> = Some("224.0.0.18".parse().unwrap());
    let way = |direction, group| Way { direction, interface: "eth0".to_owned(), family: Family::Ipv4, group };
    assert_eq!(
        *host.0.borrow(),
        [
            way(Direction::In, group),
            way(Direction::Out, group),
            way(Direction::In, None),
            way(Direction::Out, None)
        ]
    );
}

#[test]
fn what_cannot_be_looked_at_is_said() {
    let host = Made { interfaces: Err("no netlink".to_owned()), ..Made::new() };
    assert_eq!(
        said(&host, "interface eth0"),
        ["note RG0500: interfaces and addresses could not be looked at: no netlink"]
    );
}
