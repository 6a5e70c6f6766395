//! `net::addresses` against the kernel.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use super::lab::{alone, ip, joined_ipv6, link, listing, wait_until};
use crate::net::{
    addresses::{AddressRequest, AddressSocket, Operation, VRRP_ADDRESS_PROTOCOL},
    link::AssignedAddress,
};

fn request(operation: Operation, ifindex: u32, address: impl Into<IpAddr>) -> AddressRequest<'static> {
    let address = address.into();
    let prefix_length = if address.is_ipv4() { 32 } else { 128 };
    AddressRequest {
        operation,
        ifindex,
        address,
        prefix_length,
        broadcast: None,
        scope: 0,
        label: None,
        detects_duplicates: false,
        preferred_lifetime: None,
        no_prefix_route: false,
    }
}

fn numbered(operation: Operation, ifindex: u32, count: u16) -> Vec<AddressRequest<'static>> {
    let address = |number: u16| {
        let [high, low] = number.to_be_bytes();
        Ipv4Addr::new(10, 9, high, low)
    };
    (1..=count).map(|number| request(operation, ifindex, address(number))).collect()
}

/// A namespace with a veth pair `port0`, `port1`, down. Gives the index of `port0`.
fn port() -> u32 {
    ip("link add port0 type veth peer name port1");
    link("port0").index
}

fn answer(socket: &mut AddressSocket, request: &AddressRequest<'_>) -> io::Result<()> {
    socket.carry_out(std::slice::from_ref(request)).pop().expect("an answer")
}

fn assigned(index: u32) -> Vec<AssignedAddress> {
    listing().addresses_of(index).cloned().collect()
}

#[test]
fn an_address_is_assigned_as_described_with_our_tag_and_removed_again() {
    alone(|| {
        let port = port();
        let mut socket = AddressSocket::open().unwrap();
        let described = AddressRequest {
            prefix_length: 24,
            broadcast: Some(Ipv4Addr::new(10, 9, 0, 255)),
            scope: 253,
            label: Some("port0:vip"),
            ..request(Operation::Add, port, Ipv4Addr::new(10, 9, 0, 1))
        };
        answer(&mut socket, &described).unwrap();

        let [address] = &assigned(port)[..] else { panic!("one address") };
        assert_eq!(address.address, described.address);
        assert_eq!((address.prefix_length, address.scope), (24, 253));
        assert_eq!(address.protocol, Some(VRRP_ADDRESS_PROTOCOL));
        assert_eq!(address.label.as_deref(), Some("port0:vip"));
        assert!(ip("address show dev port0").contains("brd 10.9.0.255"));

        answer(&mut socket, &AddressRequest { operation: Operation::Remove, ..described }).unwrap();
        assert_eq!(assigned(port), []);
    });
}

#[test]
fn an_address_of_a_single_host_brings_no_route_to_a_network_but_one_with_a_prefix_does() {
    alone(|| {
        let port = port();
        ip("link set port1 up");
        ip("link set port0 up");
        let mut socket = AddressSocket::open().unwrap();
        answer(&mut socket, &request(Operation::Add, port, Ipv4Addr::new(10, 9, 0, 1))).unwrap();
        assert_eq!(assigned(port)[0].flags & libc_noprefixroute(), libc_noprefixroute());
        assert!(!ip("route show").contains("10.9"));
        let with_prefix =
            AddressRequest { prefix_length: 24, ..request(Operation::Add, port, Ipv4Addr::new(10, 9, 0, 2)) };
        answer(&mut socket, &with_prefix).unwrap();
        assert!(ip("route show").contains("10.9.0.0/24"));
    });
}

const fn libc_noprefixroute() -> u32 {
    0x200
}

#[test]
fn an_ipv6_address_is_usable_at_once_and_deprecated() {
    alone(|| {
        let port = port();
        ip("link set port1 up");
        ip("link set port0 up");
        let mut socket = AddressSocket::open().unwrap();
        let address = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 9);
        answer(&mut socket, &request(Operation::Add, port, address)).unwrap();
        let found = assigned(port).into_iter().find(|found| found.address == address).unwrap();
        assert!(!found.is_tentative());
        assert_eq!(found.protocol, Some(VRRP_ADDRESS_PROTOCOL));
        assert!(ip("-6 address show dev port0").contains("deprecated"));
        assert!(!ip("-6 route show table main").contains("fd00::9"));
        answer(&mut socket, &request(Operation::Remove, port, address)).unwrap();
        assert!(assigned(port).iter().all(|found| found.address != address));
    });
}

const VIRTUAL: Ipv6Addr = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 9);

/// What the kernel says of an address on that interface.
fn found(index: u32, address: impl Into<IpAddr>) -> AssignedAddress {
    let address = address.into();
    assigned(index).into_iter().find(|found| found.address == address).expect("the address is there")
}

#[test]
fn duplicates_are_detected_only_on_request_and_the_address_of_another_host_stays_unusable() {
    joined_ipv6(|pair| {
        let port = link("port0").index;
        pair.there(|| ip("address add fd00::9/64 dev port1 nodad"));
        let mut socket = AddressSocket::open().unwrap();
        let free = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 8);
        for address in [free, VIRTUAL] {
            let add = request(Operation::Add, port, address);
            answer(&mut socket, &AddressRequest { detects_duplicates: true, ..add }).unwrap();
            assert!(found(port, address).is_tentative(), "{address}");
        }
        wait_until("the free one is usable", || !found(port, free).is_tentative());
        wait_until("the other is known to be another's", || found(port, VIRTUAL).is_duplicate());
        assert!(found(port, VIRTUAL).is_tentative() && !found(port, free).is_duplicate());

        // Without detection it is just used.
        answer(&mut socket, &request(Operation::Remove, port, VIRTUAL)).unwrap();
        answer(&mut socket, &request(Operation::Add, port, VIRTUAL)).unwrap();
        assert!(!found(port, VIRTUAL).is_tentative() && !found(port, VIRTUAL).is_duplicate());
    });
}

#[test]
fn an_address_is_preferred_for_as_long_as_it_is_said() {
    joined_ipv6(|_| {
        let port = link("port0").index;
        let mut socket = AddressSocket::open().unwrap();
        let mut deprecated = |address: IpAddr, prefix_length, preferred_lifetime| {
            let add = request(Operation::Add, port, address);
            answer(&mut socket, &AddressRequest { prefix_length, preferred_lifetime, ..add }).unwrap();
            let deprecated = found(port, address).is_deprecated();
            answer(&mut socket, &AddressRequest { operation: Operation::Remove, prefix_length, ..add })
                .unwrap();
            deprecated
        };
        let (four, six) = (IpAddr::from([10, 9, 0, 1]), IpAddr::from(VIRTUAL));
        for (address, prefix, lifetime, expected) in [
            (six, 128, None, true),
            (six, 64, None, false),
            (four, 32, None, false),
            (four, 24, None, false),
            (six, 128, Some(u32::MAX), false),
            (six, 128, Some(600), false),
            (six, 64, Some(0), true),
            (four, 24, Some(0), true),
            (four, 24, Some(600), false),
        ] {
            assert_eq!(deprecated(address, prefix, lifetime), expected, "{address}/{prefix} {lifetime:?}");
        }

        let passing = request(Operation::Add, port, six);
        answer(&mut socket, &AddressRequest { preferred_lifetime: Some(1), ..passing }).unwrap();
        assert!(!found(port, six).is_deprecated());
        wait_until("the lifetime is over", || found(port, six).is_deprecated());
        assert!(!found(port, six).is_tentative(), "it stays usable");
    });
}

#[test]
fn an_address_with_a_prefix_brings_no_route_when_it_is_not_to() {
    joined_ipv6(|_| {
        let port = link("port0").index;
        let mut socket = AddressSocket::open().unwrap();
        let (four, six) = (Ipv4Addr::new(10, 9, 0, 1), Ipv6Addr::new(0xfd09, 0, 0, 0, 0, 0, 0, 9));
        let routes = || ip("route show") + &ip("-6 route show");
        for no_prefix_route in [true, false] {
            for (address, prefix_length) in [(IpAddr::from(four), 24), (IpAddr::from(six), 64)] {
                let add = request(Operation::Add, port, address);
                let add = AddressRequest { prefix_length, no_prefix_route, ..add };
                answer(&mut socket, &add).unwrap();
                let there = ["10.9.0.0/24", "fd09::/64"].map(|network| routes().contains(network));
                assert_eq!(
                    there,
                    [!no_prefix_route && address.is_ipv4(), !no_prefix_route && address.is_ipv6()]
                );
                answer(&mut socket, &AddressRequest { operation: Operation::Remove, ..add }).unwrap();
            }
        }
    });
}

#[test]
fn the_kernels_refusals_are_told_apart() {
    alone(|| {
        let port = port();
        let mut socket = AddressSocket::open().unwrap();
        let add = request(Operation::Add, port, Ipv4Addr::new(10, 9, 0, 1));
        let remove = AddressRequest { operation: Operation::Remove, ..add };
        answer(&mut socket, &add).unwrap();
        assert_eq!(answer(&mut socket, &add).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        answer(&mut socket, &remove).unwrap();
        assert_eq!(answer(&mut socket, &remove).unwrap_err().kind(), io::ErrorKind::AddrNotAvailable);
        let nowhere = AddressRequest { ifindex: 9999, ..add };
        assert_eq!(answer(&mut socket, &nowhere).unwrap_err().raw_os_error(), Some(libc::ENODEV));
    });
}

#[test]
fn a_request_that_cannot_be_written_down_is_refused_and_its_neighbours_are_carried_out() {
    alone(|| {
        let port = port();
        let mut socket = AddressSocket::open().unwrap();
        let four = request(Operation::Add, port, Ipv4Addr::new(10, 9, 0, 1));
        let six = request(Operation::Add, port, Ipv6Addr::LOCALHOST);
        for impossible in [
            AddressRequest { prefix_length: 33, ..four },
            AddressRequest { label: Some("sixteen bytes..."), ..four },
            AddressRequest { label: Some(""), ..four },
            AddressRequest { broadcast: Some(Ipv4Addr::BROADCAST), ..six },
            AddressRequest { label: Some("port0:6"), ..six },
        ] {
            let [before, refused, after] = &socket.carry_out(&[four, impossible, four])[..] else {
                panic!("three answers")
            };
            assert_eq!(refused.as_ref().unwrap_err().kind(), io::ErrorKind::InvalidInput);
            let told = [before, after].map(|result| result.as_ref().map_err(io::Error::kind));
            assert_eq!(told, [Ok(&()), Err(io::ErrorKind::AlreadyExists)], "it keeps none from being sent");
            answer(&mut socket, &AddressRequest { operation: Operation::Remove, ..four }).unwrap();
        }
    });
}

#[test]
fn a_batch_of_255_addresses_is_assigned_and_removed_and_each_is_answered() {
    alone(|| {
        let port = port();
        let mut socket = AddressSocket::open().unwrap();
        for (operation, left) in [(Operation::Add, 255), (Operation::Remove, 0)] {
            let results = socket.carry_out(&numbered(operation, port, 255));
            assert!(results.len() == 255 && results.iter().all(Result::is_ok));
            assert_eq!(assigned(port).len(), left);
        }
    });
}

#[test]
fn a_failure_in_the_middle_of_a_batch_stops_none_of_the_others() {
    alone(|| {
        let port = port();
        let mut socket = AddressSocket::open().unwrap();
        let mut requests = numbered(Operation::Add, port, 3);
        requests[1] = requests[0];
        let verdicts: Vec<bool> = socket.carry_out(&requests).iter().map(Result::is_ok).collect();
        assert_eq!(verdicts, [true, false, true]);
        assert_eq!(assigned(port).len(), 2);
    });
}

#[test]
fn more_requests_than_there_is_room_for_answers_are_answered_all_the_same() {
    alone(|| {
        let port = port();
        let mut socket = AddressSocket::open().unwrap();
        let mut requests = numbered(Operation::Remove, port, 10_000);
        requests[7_000].operation = Operation::Add;
        let results = socket.carry_out(&requests);
        let granted: Vec<usize> = (0..results.len()).filter(|at| results[*at].is_ok()).collect();
        assert_eq!((results.len(), granted), (10_000, vec![7_000]));
        let refusals = results.iter().filter_map(|result| result.as_ref().err());
        let told: Vec<_> = refusals.filter(|error| error.kind() == io::ErrorKind::AddrNotAvailable).collect();
        assert_eq!(told.len(), 9_999, "by the kernel, each of them");
    });
}
