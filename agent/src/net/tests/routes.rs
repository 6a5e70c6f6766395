//! `net::routes` against the kernel.

use std::{
    io::{self, Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread,
};

use regent_common::Family;

use super::lab::{Pair, alone, ip, joined_ipv6, link, wait_until};
use crate::net::{
    addresses::{AddressRequest, AddressSocket, Operation as Change},
    routes::{LocalRoute, Operation, Prefix, RouteSocket, is_gone},
};

const VIRTUAL: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 5);
const VIRTUAL_IPV6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 0x95);

fn route(ifindex: u32, address: impl Into<IpAddr>, length: u8) -> LocalRoute {
    LocalRoute { ifindex, prefix: Prefix { address: address.into(), length } }
}

fn request(ifindex: u32, address: impl Into<IpAddr>) -> AddressRequest<'static> {
    let address = address.into();
    AddressRequest {
        operation: Change::Add,
        ifindex,
        address,
        prefix_length: if address.is_ipv4() { 32 } else { 128 },
        broadcast: None,
        scope: 0,
        label: None,
        detects_duplicates: false,
        preferred_lifetime: None,
        no_prefix_route: false,
    }
}

#[track_caller]
fn all_good(results: Vec<io::Result<()>>) {
    results.into_iter().for_each(|result| result.unwrap());
}

/// A namespace with `port0`, up, and its index.
fn port() -> u32 {
    ip("link add port0 type veth peer name port1");
    ip("link set port0 up");
    ip("link set port1 up");
    link("port0").index
}

fn shown(family: &str) -> String {
    ip(&format!("{family} route show table local proto 112"))
}

#[test]
fn routes_carry_our_tag_and_are_listed_and_removed_by_it() {
    alone(|| {
        let port = port();
        let mut socket = RouteSocket::open().unwrap();
        let routes = [
            route(port, Ipv4Addr::new(10, 9, 0, 4), 30),
            route(port, Ipv4Addr::new(10, 9, 0, 9), 32),
            route(port, Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 8), 125),
        ];
        all_good(socket.carry_out(Operation::Add, &routes));
        assert_eq!(shown("-4").lines().count(), 2);
        assert!(shown("-4").contains("local 10.9.0.4/30 dev port0 scope host metric 112"), "{}", shown("-4"));
        assert!(shown("-6").contains("local fd00::8/125 dev port0 metric 112"), "{}", shown("-6"));
        assert_eq!(socket.ours().unwrap(), routes);
        all_good(socket.carry_out(Operation::Remove, &routes));
        assert_eq!((shown("-4"), shown("-6")), (String::new(), String::new()));
        assert_eq!(socket.ours().unwrap(), []);
    });
}

#[test]
fn nobody_elses_route_is_listed_or_removed() {
    alone(|| {
        let port = port();
        ip("route add local 10.9.0.4/30 dev port0 table local proto 112 metric 7");
        ip("route add local 10.9.0.4/30 dev port0 table local proto 99 metric 112");
        ip("route add 10.9.0.4/30 dev port0 table main proto 112 metric 112");
        ip("route append local 10.9.0.4/30 dev port1 table local proto 112 metric 112");
        let before = ip("-4 route show table all");
        let mut socket = RouteSocket::open().unwrap();
        let ours = route(port, Ipv4Addr::new(10, 9, 0, 4), 30);
        let refused = socket.carry_out(Operation::Remove, &[ours]).remove(0).unwrap_err();
        assert!(is_gone(&refused), "{refused}");
        all_good(socket.carry_out(Operation::Add, &[ours]));
        let other = route(link("port1").index, Ipv4Addr::new(10, 9, 0, 4), 30);
        assert_eq!(socket.ours().unwrap(), [other, ours]);
        all_good(socket.carry_out(Operation::Remove, &[ours]));
        assert_eq!(ip("-4 route show table all"), before);
    });
}

#[test]
fn the_kernels_refusals_are_told_apart() {
    alone(|| {
        let port = port();
        let mut socket = RouteSocket::open().unwrap();
        let ours = route(port, VIRTUAL, 32);
        let nowhere = route(9_999, VIRTUAL, 32);
        let results = socket.carry_out(Operation::Add, &[ours, ours, nowhere]);
        let errors: Vec<_> =
            results.into_iter().map(|result| result.err().map(|error| error.kind())).collect();
        assert_eq!(errors[..2], [None, Some(io::ErrorKind::AlreadyExists)]);
        assert!(errors[2].is_some());
        for route in [nowhere, route(port, Ipv4Addr::new(10, 9, 0, 6), 32)] {
            let refused = socket.carry_out(Operation::Remove, &[route]).remove(0).unwrap_err();
            assert!(is_gone(&refused), "{refused}");
        }
    });
}

/// Whether the kernel delivers packets for an address because it is assigned.
fn delivered(routes: &RouteSocket, port: u32, address: IpAddr) -> bool {
    let family = if address.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 };
    routes.assigned(family).unwrap().contains(&(port, address))
}

/// Beside the route of ours the kernel keeps its own for the address, and each removal takes only one of them.
#[test]
fn a_route_of_ours_and_the_kernels_own_for_the_same_address_stand_side_by_side() {
    joined_ipv6(|_| {
        // With its last IPv4 address an interface loses every route.
        ip("address add 10.8.0.1/24 dev port0");
        let port = link("port0").index;
        let (mut routes, mut addresses) = (RouteSocket::open().unwrap(), AddressSocket::open().unwrap());
        for (family, length, address) in
            [("-4", 32, IpAddr::from(VIRTUAL)), ("-6", 128, IpAddr::from(VIRTUAL_IPV6))]
        {
            let (ours, add) = (route(port, address, length), request(port, address));
            let remove = AddressRequest { operation: Change::Remove, ..add };
            let there = || {
                let all = ip(&format!("{family} route show table local"));
                let lines = all.lines().filter(|line| line.contains(&format!("local {address} ")));
                let mut tags: Vec<bool> = lines.map(|line| line.contains("proto 112")).collect();
                tags.sort_unstable();
                tags
            };
            all_good(routes.carry_out(Operation::Add, &[ours]));
            assert_eq!(there(), [true]);
            all_good(addresses.carry_out(&[add]));
            wait_until("the kernel delivers", || delivered(&routes, port, address));
            assert_eq!(there(), [false, true]);
            all_good(routes.carry_out(Operation::Remove, &[ours]));
            assert_eq!(there(), [false]);
            all_good(routes.carry_out(Operation::Add, &[ours]));
            all_good(addresses.carry_out(&[remove]));
            assert_eq!(there(), [true]);
            all_good(routes.carry_out(Operation::Remove, &[ours]));
            assert_eq!(there(), [false; 0]);
        }
    });
}

/// The neighbour knows how to reach both virtual addresses. The kernel answers ARP for what a local route delivers, but a
/// neighbour solicitation only for what is assigned: there the XDP program or an announcement has to.
fn reachable(pair: &Pair) {
    let mac = link("port0").mac.map(|byte| format!("{byte:02x}")).join(":");
    pair.there(|| {
        ip("route add 10.9.0.0/24 dev port1 src 10.8.0.2");
        ip(&format!("neigh add {VIRTUAL_IPV6} lladdr {mac} dev port1 nud permanent"));
    });
}

/// With IPv4 as well: 10.8.0.1 here and 10.8.0.2 there.
fn with_ipv4(pair: &Pair) {
    ip("address add 10.8.0.1/24 dev port0");
    pair.there(|| ip("address add 10.8.0.2/24 dev port1"));
    reachable(pair);
}

#[test]
fn a_prefix_delivers_to_sockets_before_any_address_is_there_and_answers_come_from_the_virtual_one() {
    joined_ipv6(|pair| {
        with_ipv4(pair);
        let port = link("port0").index;
        let routes = [route(port, Ipv4Addr::new(10, 9, 0, 4), 31), route(port, VIRTUAL_IPV6, 128)];
        all_good(RouteSocket::open().unwrap().carry_out(Operation::Add, &routes));
        for address in [IpAddr::from(VIRTUAL), IpAddr::from(VIRTUAL_IPV6)] {
            // One that asks for the virtual address, which has to be assigned for that with IPv6; one that asks for none.
            let any = match address {
                IpAddr::V4(_) => vec![address, Ipv4Addr::UNSPECIFIED.into()],
                IpAddr::V6(_) => vec![Ipv6Addr::UNSPECIFIED.into()],
            };
            for own in any {
                let listener = TcpListener::bind((own, 0)).unwrap();
                let service = listener.local_addr().unwrap().port();
                let serving = thread::spawn(move || {
                    let (mut connection, _) = listener.accept().unwrap();
                    connection.write_all(b"here").unwrap();
                    connection.local_addr().unwrap().ip()
                });
                let mut text = String::new();
                let mut connection = pair.there(|| TcpStream::connect((address, service))).unwrap();
                connection.read_to_string(&mut text).unwrap();
                assert_eq!((text.as_str(), serving.join().unwrap()), ("here", address));
            }
        }
    });
}

/// Echo requests from the neighbour, two a millisecond or so, for as long as the changes take.
struct Stream {
    address: IpAddr,
    ping: Child,
}

impl Stream {
    fn start(pair: &Pair, address: IpAddr) -> Self {
        let words =
            ["-q", "-n", "-i", "0.002", "-c", "800", "-W", "2", &address.to_string()].map(str::to_owned);
        let mut command = Command::new("ping");
        command.args(words).stdout(Stdio::piped());
        Self { address, ping: pair.there(|| command.spawn()).unwrap() }
    }

    fn runs(&mut self) -> bool {
        self.ping.try_wait().unwrap().is_none()
    }

    fn lost_nothing(self) {
        let output = self.ping.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.contains("800 packets transmitted, 800 received"), "{}: {text}", self.address);
    }
}

#[test]
fn no_packet_is_lost_while_routes_come_before_addresses_and_go_after_them() {
    joined_ipv6(|pair| {
        with_ipv4(pair);
        let port = link("port0").index;
        let (mut routes, mut addresses) = (RouteSocket::open().unwrap(), AddressSocket::open().unwrap());
        let covers = [route(port, Ipv4Addr::new(10, 9, 0, 4), 31), route(port, VIRTUAL_IPV6, 128)];
        let add = [request(port, VIRTUAL), request(port, VIRTUAL_IPV6)];
        let remove = add.map(|add| AddressRequest { operation: Change::Remove, ..add });
        all_good(routes.carry_out(Operation::Add, &covers));
        let mut streams = add.map(|add| Stream::start(pair, add.address));
        let mut rounds = 0;
        while streams.iter_mut().any(Stream::runs) {
            all_good(addresses.carry_out(&add));
            wait_until("the kernel delivers", || add.iter().all(|add| delivered(&routes, port, add.address)));
            all_good(routes.carry_out(Operation::Remove, &covers));
            thread::sleep(std::time::Duration::from_millis(1));
            // And back, as when a mind changes before the addresses are there.
            all_good(routes.carry_out(Operation::Add, &covers));
            all_good(addresses.carry_out(&remove));
            thread::sleep(std::time::Duration::from_millis(1));
            rounds += 1;
        }
        streams.into_iter().for_each(Stream::lost_nothing);
        assert!(rounds > 20, "only {rounds} rounds of changes met the stream");
    });
}
