//! `net::acceptance` against the kernel.

use std::{
    cell::Cell,
    io::{self, Read},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities};
use socket2::{Domain, Protocol, Socket, Type};

use super::lab::{Pair, ip, joined_ipv6, link, wait_until};
use crate::net::acceptance::Acceptance;

/// In the neighbour's environment: it refuses and does nothing else until it is killed.
const HOLDER: &str = "REGENT_TEST_HOLDS_ADDRESSES_REFUSED";
const REFUSED: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::new(10, 9, 0, 5)), IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 5))];
const ACCEPTED: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::new(10, 9, 0, 6)), IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 6))];
/// Longer than an answer takes between two namespaces.
const SILENCE: Duration = Duration::from_millis(300);

/// A neighbour that has all four addresses on `port1` and hears what comes to UDP port 7000, and a host that asks it.
struct Asking {
    heard: UdpSocket,
    sender: UdpSocket,
    sent: Cell<u32>,
}

impl Asking {
    fn begin(pair: &Pair) -> Self {
        ip("address add 10.9.0.1/24 dev port0");
        std::fs::write("/proc/sys/net/ipv4/ping_group_range", "0 2147483647").unwrap();
        let heard = pair.there(|| {
            for address in all() {
                let [prefix, option] = if address.is_ipv4() { ["24", ""] } else { ["64", "nodad"] };
                ip(&format!("address add {address}/{prefix} dev port1 {option}"));
            }
            UdpSocket::bind("[::]:7000").unwrap()
        });
        heard.set_read_timeout(Some(SILENCE)).unwrap();
        Self { heard, sender: UdpSocket::bind("[::]:0").unwrap(), sent: Cell::new(0) }
    }

    /// Whether a datagram to that address arrives at once.
    fn arrives(&self, address: IpAddr) -> bool {
        let address = match address {
            IpAddr::V4(address) => address.to_ipv6_mapped(),
            IpAddr::V6(address) => address,
        };
        // One that was late is not taken for this one.
        let number = self.sent.replace(self.sent.get() + 1).to_be_bytes();
        self.sender.send_to(&number, (address, 7000)).unwrap();
        let mut buffer = [0; 4];
        while self.heard.recv(&mut buffer).is_ok() {
            if buffer == number {
                return true;
            }
        }
        false
    }

    /// Those addresses are to be accepted: sooner or later a datagram arrives.
    #[track_caller]
    fn accepted<'a>(&self, addresses: impl IntoIterator<Item = &'a IpAddr>) {
        for address in addresses {
            wait_until(&format!("{address} is accepted"), || self.arrives(*address));
        }
    }

    /// Those addresses are to be refused: no datagram arrives.
    #[track_caller]
    fn refused<'a>(&self, addresses: impl IntoIterator<Item = &'a IpAddr>) {
        for address in addresses {
            assert!(!self.arrives(*address), "{address} is accepted");
        }
    }
}

/// Whether that address answers an echo request at once.
fn answers(address: IpAddr) -> bool {
    let (domain, protocol, request) = match address {
        IpAddr::V4(_) => (Domain::IPV4, Protocol::ICMPV4, 8),
        IpAddr::V6(_) => (Domain::IPV6, Protocol::ICMPV6, 128),
    };
    let mut socket = Socket::new(domain, Type::DGRAM, Some(protocol)).unwrap();
    socket.set_read_timeout(Some(SILENCE)).unwrap();
    socket.send_to(&[request, 0, 0, 0, 0, 0, 0, 1], &SocketAddr::from((address, 0)).into()).unwrap();
    socket.read(&mut [0; 100]).is_ok()
}

fn all() -> impl Iterator<Item = &'static IpAddr> {
    REFUSED.iter().chain(&ACCEPTED)
}

#[test]
fn packets_to_a_refused_address_are_dropped_and_others_are_not() {
    joined_ipv6(|pair| {
        let asking = Asking::begin(pair);
        let answered = |address: &IpAddr| wait_until("an echo is answered", || answers(*address));
        asking.accepted(all());
        let mut acceptance = pair.there(Acceptance::open).unwrap();
        asking.accepted(all());
        all().for_each(answered);

        acceptance.set_refused(&REFUSED).unwrap();
        asking.refused(&REFUSED);
        assert!(!REFUSED.into_iter().any(answers));
        asking.accepted(&ACCEPTED);
        ACCEPTED.iter().for_each(answered);

        drop(acceptance);
        asking.accepted(all());
        all().for_each(answered);
    });
}

#[test]
fn a_refused_address_is_still_resolved_also_by_a_question_to_itself() {
    joined_ipv6(|pair| {
        let asking = Asking::begin(pair);
        let mut acceptance = pair.there(Acceptance::open).unwrap();
        acceptance.set_refused(&REFUSED).unwrap();
        let mac = pair.there(|| {
            let [a, b, c, d, e, f] = link("port1").mac;
            format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}")
        });
        for address in REFUSED {
            let neighbor = || ip(&format!("neighbor show {address} dev port0"));
            asking.refused(&[address]);
            assert!(neighbor().contains(&mac), "{address} was not resolved: {}", neighbor());
            // Asked whether it is still there, at its own address.
            ip(&format!("neighbor replace {address} lladdr {mac} dev port0 nud probe"));
            wait_until("the question is answered", || {
                assert!(!neighbor().contains("FAILED"), "{address}");
                neighbor().contains("REACHABLE")
            });
        }
    });
}

#[test]
fn the_addresses_refused_are_those_named_last() {
    joined_ipv6(|pair| {
        let asking = Asking::begin(pair);
        let mut acceptance = pair.there(Acceptance::open).unwrap();
        let [four, six] = REFUSED;
        for refused in
            [&[four, six][..], &[four, six], &[six, six], &ACCEPTED, &[four], &[], &[], &[six, ACCEPTED[0]]]
        {
            acceptance.set_refused(refused).unwrap();
            asking.refused(refused);
            asking.accepted(all().filter(|address| !refused.contains(address)));
        }
    });
}

#[test]
fn thousands_of_addresses_are_refused_at_once_and_one_of_them_is_let_go() {
    joined_ipv6(|pair| {
        let asking = Asking::begin(pair);
        let mut acceptance = pair.there(Acceptance::open).unwrap();
        let many = (0..5_000_u16).map(|number| {
            let [high, low] = number.to_be_bytes();
            [IpAddr::from([10, 9, high, low]), Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, number).into()]
        });
        let mut many: Vec<IpAddr> = many.flatten().collect();
        acceptance.set_refused(&many).unwrap();
        asking.refused(all());
        many.retain(|address| !ACCEPTED.contains(address));
        acceptance.set_refused(&many).unwrap();
        asking.refused(&REFUSED);
        asking.accepted(&ACCEPTED);
    });
}

#[test]
fn two_agents_refuse_side_by_side() {
    joined_ipv6(|pair| {
        let asking = Asking::begin(pair);
        let [mut one, mut other] = [(); 2].map(|()| pair.there(Acceptance::open).unwrap());
        one.set_refused(&REFUSED).unwrap();
        other.set_refused(&[REFUSED[0], ACCEPTED[0]]).unwrap();
        asking.refused(&[REFUSED[0], REFUSED[1], ACCEPTED[0]]);
        asking.accepted(&[ACCEPTED[1]]);
        drop(one);
        asking.refused(&[REFUSED[0], ACCEPTED[0]]);
        asking.accepted(&[REFUSED[1], ACCEPTED[1]]);
    });
}

/// A process; killed at the end, if it was not.
struct Holder(Child);

impl Drop for Holder {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn a_process_that_is_killed_leaves_nothing_refused() {
    if std::env::var_os(HOLDER).is_some() {
        let mut acceptance = Acceptance::open().unwrap();
        acceptance.set_refused(&REFUSED).unwrap();
        loop {
            thread::park();
        }
    }
    joined_ipv6(|pair| {
        let asking = Asking::begin(pair);
        let holder = pair.there(|| {
            Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "net::tests::acceptance::a_process_that_is_killed_leaves_nothing_refused"])
                .env(HOLDER, "1")
                .stdout(Stdio::null())
                .spawn()
        });
        let holder = Holder(holder.unwrap());
        wait_until("the other process refuses", || REFUSED.iter().all(|address| !asking.arrives(*address)));
        drop(holder);
        asking.accepted(&REFUSED);
    });
}

#[test]
fn no_other_program_takes_the_table_away() {
    joined_ipv6(|pair| {
        let asking = Asking::begin(pair);
        let mut acceptance = pair.there(Acceptance::open).unwrap();
        acceptance.set_refused(&REFUSED).unwrap();
        let nft = |words: &str| {
            pair.there(|| Command::new("nft").args(words.split_whitespace()).output())
                .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
        };
        let Ok(listing) = nft("list tables") else {
            eprintln!("skipped from here on: there is no nft");
            return;
        };
        let table = listing.trim().strip_prefix("table ").expect("our table alone").to_owned();
        nft(&format!("delete table {table}")).unwrap();
        nft("flush ruleset").unwrap();
        asking.refused(&REFUSED);
        assert_eq!(nft("list tables").unwrap(), listing);
        acceptance.set_refused(&ACCEPTED).unwrap();
        asking.accepted(&REFUSED);
    });
}

#[test]
fn without_the_right_it_says_what_to_grant() {
    super::lab::alone(|| {
        let none = CapabilitySets {
            effective: CapabilitySet::empty(),
            permitted: CapabilitySet::empty(),
            inheritable: CapabilitySet::empty(),
        };
        set_capabilities(None, none).unwrap();
        let error = Acceptance::open().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        assert!(error.to_string().contains("CAP_NET_ADMIN"), "{error}");
    });
}
