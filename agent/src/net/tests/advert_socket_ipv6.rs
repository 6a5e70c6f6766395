//! `net::advert_socket` over IPv6 against the kernel.

use std::{
    io::{self, Read},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    thread,
    time::Duration,
};

use regent_common::{Family, check::Preamble, ethernet, ipv6};
use socket2::Socket;

use super::lab::{Pair, ip, joined_ipv6, link, readable, speak_ipv6, wait_for, wait_until};
use crate::net::{
    advert_socket::{AdvertSocket, Filter},
    clock, filter,
    frame_socket::FrameSocket,
    packet_socket,
};

const GROUP: Ipv6Addr = Ipv6Addr::from_octets(ipv6::VRRP_GROUP);
const OTHER_GROUP: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x77);
const HERE: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
const THERE: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 2);
const VRRP: u8 = 112;
const ICMP: u8 = 58;
const HOP_BY_HOP: u8 = 0;
const FRAGMENT: u8 = 44;
const DESTINATION_OPTIONS: u8 = 60;

fn global(last: u16) -> Ipv6Addr {
    Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, last)
}

/// A packet with this next header and payload. The checks are not this socket's business.
fn packet(source: Ipv6Addr, destination: Ipv6Addr, next_header: u8, payload: &[u8]) -> Vec<u8> {
    let [high, low] = (payload.len() as u16).to_be_bytes();
    let mut packet = vec![0x60, 0, 0, 0, high, low, next_header, 255];
    packet.extend_from_slice(&source.octets());
    packet.extend_from_slice(&destination.octets());
    packet.extend_from_slice(payload);
    packet
}

fn advert(payload: &[u8]) -> Vec<u8> {
    packet(HERE, GROUP, VRRP, payload)
}

fn frame(packet: &[u8]) -> Vec<u8> {
    let destination = [0x33, 0x33, 0, 0, 0, 0x12];
    let mut frame = ethernet::header(destination, [2, 0, 0, 0, 0, 9], ethernet::IPV6).to_vec();
    frame.extend_from_slice(packet);
    frame
}

fn open(name: &str) -> AdvertSocket {
    AdvertSocket::open(link(name).index, name, Family::Ipv6).unwrap()
}

fn member(name: &str) -> AdvertSocket {
    let socket = open(name);
    socket.join(GROUP.into()).unwrap();
    socket
}

fn sockets(pair: &Pair) -> (AdvertSocket, AdvertSocket) {
    (member("port0"), pair.there(|| member("port1")))
}

fn next(socket: &AdvertSocket) -> (Vec<u8>, Duration) {
    let mut buffer = [0; 4096];
    let (length, age) = wait_for("a packet arrives", || socket.receive(&mut buffer).unwrap());
    (buffer[..length].to_vec(), age)
}

/// The kernel begins to stamp packets only a moment after the first socket of the host asked for it.
fn wait_for_stamps(here: &AdvertSocket, there: &AdvertSocket) {
    wait_until("packets are stamped", || {
        here.send(&advert(b"stamp"), GROUP.into()).unwrap();
        wait_until("it arrives", || readable(there));
        thread::sleep(Duration::from_millis(2));
        next(there).1 >= Duration::from_millis(1)
    });
}

fn nothing_waits(socket: &AdvertSocket) -> bool {
    socket.receive(&mut [0; 4096]).unwrap().is_none()
}

/// Every IPv6 packet that arrives at `port0`, from its header on.
fn capture() -> Socket {
    packet_socket::listening(link("port0").index, ethernet::IPV6, &[filter::ACCEPT], 1_000_000).unwrap()
}

/// What was captured since the last look, as type of ICMPv6 message: 0 for other packets.
fn captured(mut socket: &Socket) -> Vec<u8> {
    let mut buffer = [0; 2000];
    std::iter::from_fn(|| {
        let length = socket.read(&mut buffer).ok()?;
        let packet = &buffer[..length];
        // Reports of groups stand behind a hop-by-hop header of eight bytes.
        let (next, at) = if packet[6] == HOP_BY_HOP { (packet[40], 48) } else { (packet[6], 40) };
        Some(if next == ICMP { packet[at] } else { 0 })
    })
    .collect()
}

#[test]
fn a_packet_arrives_with_the_header_it_was_sent_with_and_its_age_and_does_not_come_back() {
    joined_ipv6(|pair| {
        let (here, there) = sockets(pair);
        let beside = member("port0");
        let sent = advert(b"advert");
        here.send(&sent, GROUP.into()).unwrap();
        let (received, age) = next(&there);
        assert_eq!(received, sent);
        assert!(age < Duration::from_secs(1), "{age:?}");
        assert!(nothing_waits(&here) && nothing_waits(&beside) && nothing_waits(&there));

        let preamble = Preamble::ipv6(&&received[..], 0).unwrap();
        assert_eq!((preamble.source, preamble.destination), (HERE.octets(), GROUP.octets()));
        assert_eq!((preamble.ttl, preamble.length, preamble.message), (255, 6, 40));
    });
}

#[test]
fn the_age_is_the_time_that_a_packet_waited_for_us() {
    joined_ipv6(|pair| {
        let (here, there) = sockets(pair);
        wait_for_stamps(&here, &there);
        assert!(nothing_waits(&there));
        let begin = clock::now();
        here.send(&advert(b"early"), GROUP.into()).unwrap();
        wait_until("it arrives", || readable(&there));
        thread::sleep(Duration::from_millis(80));
        let age = next(&there).1;
        assert!((Duration::from_millis(80)..clock::now().since(begin)).contains(&age), "{age:?}");
    });
}

#[test]
fn each_hop_limit_is_told_as_it_arrived() {
    joined_ipv6(|pair| {
        let (here, there) = sockets(pair);
        for hop_limit in [255, 254, 1] {
            let mut sent = advert(b"advert");
            sent[7] = hop_limit;
            here.send(&sent, GROUP.into()).unwrap();
            assert_eq!(next(&there).0[7], hop_limit);
        }
    });
}

#[test]
fn a_buffer_that_is_too_small_gets_the_beginning_and_the_header_tells_the_whole_length() {
    joined_ipv6(|pair| {
        let (here, there) = sockets(pair);
        let sent = advert(&[7; 100]);
        here.send(&sent, GROUP.into()).unwrap();
        let mut small = [0; 44];
        let (length, _) = wait_for("a packet arrives", || there.receive(&mut small).unwrap());
        assert_eq!((length, &small[..]), (44, &sent[..44]));
        assert_eq!(there.receive(&mut [0; 39]).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    });
}

#[test]
fn a_peer_is_reached_by_its_link_local_address_by_a_global_one_and_through_a_router() {
    joined_ipv6(|pair| {
        let far = Ipv6Addr::new(0xfd01, 0, 0, 0, 0, 0, 0, 1);
        pair.there(|| {
            ip("link set lo up");
            ip("address add fd01::1/128 dev lo")
        });
        ip("route add fd01::/64 via fe80::2 dev port0");
        // Neither is in a group: unicast needs none.
        let (here, there) = (open("port0"), pair.there(|| open("port1")));
        for (source, destination) in [(HERE, THERE), (global(1), global(2)), (global(1), far)] {
            let sent = packet(source, destination, VRRP, b"unicast");
            here.send(&sent, destination.into()).unwrap();
            assert_eq!(next(&there).0, sent);
        }
    });
}

#[test]
fn no_unicast_advert_is_answered_with_an_error_while_the_socket_is_open() {
    const PARAMETER_PROBLEM: u8 = 4;
    joined_ipv6(|pair| {
        let (here, capture) = (open("port0"), capture());
        let there = pair.there(|| open("port1"));
        // Whatever the filter takes of it.
        there.set_filter(Filter::NotCarriedByXdp { mtu: 1500 }).unwrap();
        let sent = packet(HERE, THERE, VRRP, b"unicast");
        here.send(&sent, THERE.into()).unwrap();
        there.set_filter(Filter::Everything).unwrap();
        here.send(&sent, THERE.into()).unwrap();
        next(&there);
        assert!(!captured(&capture).contains(&PARAMETER_PROBLEM));
        drop(there);
        wait_until("a host without the socket objects", || {
            here.send(&sent, THERE.into()).unwrap();
            captured(&capture).contains(&PARAMETER_PROBLEM)
        });
    });
}

/// As a destination options header does nothing to a packet, and as hop-by-hop options do.
fn extended(kind: u8, payload: &[u8]) -> Vec<u8> {
    const PADDING: [u8; 6] = [1, 4, 0, 0, 0, 0];
    let [mut extension, mut whole] = [vec![VRRP, 0], vec![]];
    extension.extend_from_slice(&PADDING);
    whole.extend_from_slice(&extension);
    whole.extend_from_slice(payload);
    packet(HERE, GROUP, kind, &whole)
}

/// The packet as two frames, cut behind `first` bytes of payload.
fn fragments(packet: &[u8], first: usize) -> [Vec<u8>; 2] {
    let fragment = |payload: &[u8], offset: usize, more: u16| {
        let [high, low] = (offset as u16 | more).to_be_bytes();
        let header = [VRRP, 0, high, low, 0, 0, 0, 7];
        frame(&self::packet(HERE, GROUP, FRAGMENT, &[&header, payload].concat()))
    };
    let payload = &packet[ipv6::HEADER_LENGTH..];
    [fragment(&payload[..first], 0, 1), fragment(&payload[first..], first, 0)]
}

#[test]
fn beside_xdp_only_what_has_extension_headers_or_came_in_fragments_is_taken() {
    joined_ipv6(|pair| {
        let (here, there) = sockets(pair);
        there.set_filter(Filter::NotCarriedByXdp { mtu: 1500 }).unwrap();
        here.send(&advert(b"whole"), GROUP.into()).unwrap();
        here.send(&advert(&[1; 1460]), GROUP.into()).unwrap();
        let (frames, port) = (FrameSocket::open().unwrap(), link("port0").index);
        for kind in [HOP_BY_HOP, DESTINATION_OPTIONS] {
            frames.send(port, &[frame(&extended(kind, b"extended"))]).unwrap();
            assert_eq!(next(&there).0, advert(b"extended"));
        }
        let long = advert(&[5; 1461]);
        assert_eq!(frames.send(port, &fragments(&long, 1200)).unwrap(), 2);
        assert_eq!(next(&there).0, long);
        assert!(nothing_waits(&there));
        // What the filter did not take was not lost for want of room.
        assert_eq!(there.dropped(), 0);

        there.set_filter(Filter::Everything).unwrap();
        here.send(&advert(b"whole"), GROUP.into()).unwrap();
        frames.send(port, &[frame(&extended(HOP_BY_HOP, b"extended"))]).unwrap();
        assert_eq!(next(&there).0, advert(b"whole"));
        assert_eq!(next(&there).0, advert(b"extended"));
    });
}

fn groups(family: &str) -> String {
    ip(&format!("{family} maddress show dev port0"))
}

#[test]
fn groups_are_joined_and_left_once_however_often_it_is_asked_for() {
    joined_ipv6(|_| {
        for (family, option, group, text) in [
            (Family::Ipv6, "-6", IpAddr::from(GROUP), "ff02::12"),
            (Family::Ipv6, "-6", IpAddr::from(OTHER_GROUP), "ff02::77"),
            (Family::Ipv4, "-4", IpAddr::from([224, 0, 0, 18]), "224.0.0.18"),
        ] {
            let socket = AdvertSocket::open(link("port0").index, "port0", family).unwrap();
            assert!(!groups(option).contains(text), "{group} before it was joined");
            socket.leave(group);
            for _ in 0..2 {
                socket.join(group).unwrap();
                assert!(groups(option).contains(text), "{group}");
            }
            for _ in 0..2 {
                socket.leave(group);
                assert!(!groups(option).contains(text), "{group} after it was left");
            }
            socket.join(group).unwrap();
            drop(socket);
            wait_until("the group is left without its socket", || !groups(option).contains(text));
        }
    });
}

#[test]
fn what_cannot_be_joined_is_named_in_the_error() {
    joined_ipv6(|_| {
        let (four, six) = (AdvertSocket::open(link("port0").index, "port0", Family::Ipv4), open("port0"));
        let four = four.unwrap();
        for (socket, group) in [
            (&four, IpAddr::from(GROUP)),
            (&six, IpAddr::from([224, 0, 0, 18])),
            (&four, IpAddr::from([10, 9, 0, 1])),
            (&six, IpAddr::from(HERE)),
        ] {
            let error = socket.join(group).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
            let text = error.to_string();
            assert!(text.contains(&group.to_string()) && text.contains("port0"), "{text}");
            // Nothing to leave either, and no harm.
            socket.leave(group);
        }
    });
}

#[test]
fn switches_are_told_of_the_group() {
    const REPORT: u8 = 143;
    joined_ipv6(|pair| {
        let capture = capture();
        let _there = pair.there(|| member("port1"));
        wait_until("the report of a joined group", || captured(&capture).contains(&REPORT));
    });
}

#[test]
fn a_group_stays_joined_while_the_interface_is_down() {
    joined_ipv6(|pair| {
        let (here, there) = sockets(pair);
        pair.there(|| ip("link set port1 down"));
        pair.there(|| ip("link set port1 up"));
        wait_until("the ports are up", || link("port0").up && pair.there(|| link("port1").up));
        wait_for("the interface takes the packet", || here.send(&advert(b"again"), GROUP.into()).ok());
        assert_eq!(next(&there).0, advert(b"again"));
    });
}

#[test]
fn a_group_that_went_with_the_interfaces_ipv6_is_joined_anew_by_leaving_it_first() {
    joined_ipv6(|_| {
        let socket = member("port0");
        // Too little for IPv6: the kernel takes it off the interface.
        ip("link set port0 mtu 1279");
        ip("link set port0 mtu 1500");
        assert!(!groups("-6").contains("ff02::12"));
        socket.leave(GROUP.into());
        socket.join(GROUP.into()).unwrap();
        assert!(groups("-6").contains("ff02::12"));
    });
}

#[test]
fn another_interface_is_not_heard_neither_by_the_group_nor_by_our_own_address_there() {
    joined_ipv6(|pair| {
        ip(&format!("link add other0 type veth peer name other1 netns {}", pair.path_there()));
        ip("link set other0 up");
        speak_ipv6("other0", 3);
        pair.there(|| {
            ip("link set other1 up");
            speak_ipv6("other1", 4);
        });
        wait_until("the other ports are up", || link("other0").up && pair.there(|| link("other1").up));
        let (_, there) = sockets(pair);
        let (other, witness) = (member("other0"), pair.there(|| member("other1")));
        // The same link-local addresses are on both links: the scope decides.
        for destination in [GROUP, "fe80::4".parse().unwrap()] {
            let sent = packet("fe80::3".parse().unwrap(), destination, VRRP, b"elsewhere");
            other.send(&sent, destination.into()).unwrap();
            assert_eq!(next(&witness).0, sent);
        }
        assert!(nothing_waits(&there));
    });
}

#[test]
fn the_two_families_do_not_hear_each_other() {
    joined_ipv6(|pair| {
        let (here, there) = sockets(pair);
        let four = pair.there(|| AdvertSocket::open(link("port1").index, "port1", Family::Ipv4)).unwrap();
        four.join(Ipv4Addr::from(regent_common::ipv4::VRRP_GROUP).into()).unwrap();
        here.send(&advert(b"six"), GROUP.into()).unwrap();
        assert_eq!(next(&there).0, advert(b"six"));
        assert!(nothing_waits(&four));
    });
}

#[test]
fn a_flood_is_cut_off_and_counted() {
    joined_ipv6(|pair| {
        let (here, there) = sockets(pair);
        for _ in 0..5_000 {
            wait_for("room to send", || here.send(&advert(&[0; 500]), GROUP.into()).ok());
        }
        let mut buffer = [0; 1000];
        let kept = std::iter::from_fn(|| there.receive(&mut buffer).unwrap()).count();
        assert!((50..2_000).contains(&kept), "{kept}");
        here.send(&advert(b"after"), GROUP.into()).unwrap();
        assert_eq!(next(&there).0, advert(b"after"));
        assert!((1..=5_000 - kept as u32).contains(&there.dropped()), "{kept} {}", there.dropped());
    });
}

#[test]
fn nothing_leaves_before_the_interface_has_a_usable_address() {
    joined_ipv6(|pair| {
        let (here, there) = sockets(pair);
        ip("address flush dev port0");
        let error = here.send(&advert(b"early"), GROUP.into()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrNotAvailable);
        ip("address add fe80::1/64 dev port0 nodad");
        here.send(&advert(b"now"), GROUP.into()).unwrap();
        assert_eq!(next(&there).0, advert(b"now"));
    });
}

#[test]
fn an_interface_that_does_not_exist_is_named_in_the_error_and_one_that_is_deleted_takes_nothing() {
    joined_ipv6(|pair| {
        let error = AdvertSocket::open(9999, "nowhere0", Family::Ipv6).unwrap_err().to_string();
        assert!(error.contains("nowhere0") && error.contains("IPv6"), "{error}");
        let (here, _there) = sockets(pair);
        ip("link delete port0");
        assert!(here.send(&advert(b"too late"), GROUP.into()).is_err());
        assert!(here.join(OTHER_GROUP.into()).unwrap_err().to_string().contains("port0"));
        here.leave(GROUP.into());
    });
}
