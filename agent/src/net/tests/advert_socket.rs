//! `net::advert_socket` against the kernel.

use std::{
    io::Read,
    net::{IpAddr, Ipv4Addr},
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
    thread,
    time::Duration,
};

use regent_common::{Family, Vrid, ethernet, ipv4};

use super::lab::{Pair, ip, joined, link, readable, wait_for, wait_until};
use crate::net::{
    advert_socket::{AdvertSocket, Filter},
    clock, filter,
    frame_socket::FrameSocket,
    packet_socket,
};

const GROUP: IpAddr = IpAddr::V4(Ipv4Addr::new(224, 0, 0, 18));
const SOURCE: [u8; 4] = [10, 9, 0, 1];

/// A packet of protocol 112 with this payload, as a router sends it. The checks are not this socket's business.
fn packet(payload: &[u8], identification: u16) -> Vec<u8> {
    let mut packet =
        ipv4::header(SOURCE, ipv4::VRRP_GROUP, 255, identification, payload.len() as u16).to_vec();
    packet.extend_from_slice(payload);
    packet
}

/// A socket on that interface of this namespace, in the group.
fn member(name: &str) -> AdvertSocket {
    let socket = AdvertSocket::open(link(name).index, name, Family::Ipv4).unwrap();
    socket.join(GROUP).unwrap();
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
        here.send(&packet(b"stamp", 9), GROUP).unwrap();
        wait_until("it arrives", || readable(there));
        thread::sleep(Duration::from_millis(2));
        next(there).1 >= Duration::from_millis(1)
    });
}

fn nothing_waits(socket: &AdvertSocket) -> bool {
    socket.receive(&mut [0; 4096]).unwrap().is_none()
}

#[test]
fn a_packet_arrives_byte_for_byte_with_its_age_and_does_not_come_back() {
    joined(|pair| {
        let (here, there) = sockets(pair);
        let sent = packet(b"advert", 7);
        here.send(&sent, GROUP).unwrap();
        let (received, age) = next(&there);
        assert_eq!(received, sent);
        assert!(age < Duration::from_secs(1), "{age:?}");
        assert!(nothing_waits(&here) && nothing_waits(&there));
    });
}

#[test]
fn the_age_is_the_time_that_a_packet_waited_for_us() {
    joined(|pair| {
        let (here, there) = sockets(pair);
        wait_for_stamps(&here, &there);
        assert!(nothing_waits(&there));
        let begin = clock::now();
        here.send(&packet(b"first", 1), GROUP).unwrap();
        wait_until("the first arrives", || readable(&there));
        thread::sleep(Duration::from_millis(80));
        here.send(&packet(b"second", 2), GROUP).unwrap();
        let (first, second) = (next(&there).1, next(&there).1);
        let most = clock::now().since(begin);
        assert!((Duration::from_millis(80)..most).contains(&first), "{first:?}");
        assert!(first.saturating_sub(second) >= Duration::from_millis(60), "{first:?} {second:?}");
    });
}

#[test]
fn a_buffer_that_is_too_small_gets_the_beginning() {
    joined(|pair| {
        let (here, there) = sockets(pair);
        let sent = packet(&[7; 100], 1);
        here.send(&sent, GROUP).unwrap();
        let mut small = [0; 24];
        let (length, _) = wait_for("a packet arrives", || there.receive(&mut small).unwrap());
        assert_eq!((length, &small[..]), (24, &sent[..24]));
    });
}

#[test]
fn another_interface_is_not_heard_neither_by_the_group_nor_by_our_own_address_there() {
    joined(|pair| {
        ip(&format!("link add other0 type veth peer name other1 netns {}", pair.path_there()));
        ip("address add 10.9.1.1/24 dev other0");
        ip("link set other0 up");
        pair.there(|| ip("address add 10.9.1.2/24 dev other1"));
        pair.there(|| ip("link set other1 up"));
        wait_until("the other ports are up", || link("other0").up && pair.there(|| link("other1").up));
        let (_, there) = sockets(pair);
        let other = member("other0");
        let witness = pair.there(|| member("other1"));
        for destination in [Ipv4Addr::from(ipv4::VRRP_GROUP), Ipv4Addr::new(10, 9, 1, 2)] {
            let mut elsewhere = packet(b"elsewhere", 1);
            elsewhere[12..20].copy_from_slice(&[[10, 9, 1, 1], destination.octets()].concat());
            other.send(&elsewhere, destination.into()).unwrap();
            assert_eq!(next(&witness).0[12..20], elsewhere[12..20]);
        }
        assert!(nothing_waits(&there));
    });
}

#[test]
fn another_protocol_is_not_heard() {
    joined(|pair| {
        let (here, there) = sockets(pair);
        let mut foreign = packet(b"foreign", 1);
        foreign[9] = 89;
        here.send(&foreign, GROUP).unwrap();
        here.send(&packet(b"here", 2), GROUP).unwrap();
        assert_eq!(next(&there).0, packet(b"here", 2));
    });
}

/// The packet as two frames, cut behind `first` bytes of payload.
fn fragments(packet: &[u8], first: usize) -> [Vec<u8>; 2] {
    let fragment = |payload: &[u8], offset: usize, more: bool| {
        let mut header = ipv4::header(SOURCE, ipv4::VRRP_GROUP, 255, 77, payload.len() as u16);
        let field = (offset / 8) as u16 | if more { 0x2000 } else { 0 };
        header[6..8].copy_from_slice(&field.to_be_bytes());
        header[10..12].fill(0);
        let sum = header.chunks(2).map(|word| u32::from(u16::from_be_bytes([word[0], word[1]]))).sum::<u32>();
        let checksum = !((sum & 0xffff) + (sum >> 16)) as u16;
        header[10..12].copy_from_slice(&checksum.to_be_bytes());
        let mut frame = ethernet::header(ethernet::VRRP_IPV4, [2, 0, 0, 0, 0, 9], ethernet::IPV4).to_vec();
        frame.extend_from_slice(&header);
        frame.extend_from_slice(payload);
        frame
    };
    let payload = &packet[ipv4::HEADER_LENGTH..];
    [fragment(&payload[..first], 0, true), fragment(&payload[first..], first, false)]
}

#[test]
fn beside_xdp_only_what_came_in_fragments_is_taken() {
    joined(|pair| {
        let (here, there) = sockets(pair);
        there.set_filter(Filter::NotCarriedByXdp { mtu: 1500 }).unwrap();
        here.send(&packet(b"whole", 1), GROUP).unwrap();
        here.send(&packet(&[1; 1480], 2), GROUP).unwrap();
        let long = packet(&[5; 1481], 77);
        let frames = fragments(&long, 1200);
        assert_eq!(FrameSocket::open().unwrap().send(link("port0").index, &frames).unwrap(), 2);
        let (received, _) = next(&there);
        assert_eq!((received.len(), &received[20..]), (1501, &long[20..]));
        assert!(nothing_waits(&there));

        there.set_filter(Filter::Everything).unwrap();
        here.send(&packet(b"whole", 3), GROUP).unwrap();
        assert_eq!(next(&there).0, packet(b"whole", 3));
    });
}

#[test]
fn no_packet_is_lost_while_filters_are_switched() {
    const COUNT: u16 = 2_000;
    // Few: each filter is translated to machine code under a lock of the whole host and freed later, and with a thousand of
    // them waiting to be freed kernel 6.18 blocks itself for good.
    const EVERY: u16 = 200;
    joined(|pair| {
        let (here, there) = sockets(pair);
        let received = Arc::new(AtomicU16::new(0));
        let progress = received.clone();
        let sender = thread::spawn(move || {
            for number in 1..=COUNT {
                // Never so far ahead that the queue overflows: that would lose packets for another reason.
                wait_until("the receiver follows", || number - progress.load(Ordering::Relaxed) < 200);
                wait_for("room to send", || here.send(&packet(b"advert", number), GROUP).ok());
            }
        });
        let mut buffer = [0; 100];
        for expected in 1..=COUNT {
            let mut switched = false;
            wait_for("the next packet", || {
                // Both take these packets; only the exchange could lose one.
                if expected % EVERY == 0 && !switched {
                    there.set_filter(Filter::NotCarriedByXdp { mtu: 20 }).unwrap();
                    there.set_filter(Filter::Everything).unwrap();
                    switched = true;
                }
                there.receive(&mut buffer).unwrap()
            });
            assert_eq!(u16::from_be_bytes([buffer[4], buffer[5]]), expected);
            received.store(expected, Ordering::Relaxed);
        }
        sender.join().unwrap();
    });
}

#[test]
fn a_flood_is_cut_off_counted_and_over_when_it_was_read() {
    joined(|pair| {
        let (here, there) = sockets(pair);
        for number in 0..20_000_u16 {
            wait_for("room to send", || here.send(&packet(&[0; 500], number), GROUP).ok());
        }
        let mut buffer = [0; 1000];
        let mut kept = 0_u32;
        while there.receive(&mut buffer).unwrap().is_some() {
            kept += 1;
        }
        assert!((50..2_000).contains(&kept), "{kept}");
        // The count travels with the packets: one that was queued after the drops.
        here.send(&packet(b"after", 1), GROUP).unwrap();
        assert_eq!(next(&there).0, packet(b"after", 1));
        // A busy kernel drops some before they come to the socket.
        assert!((1..=20_000 - kept).contains(&there.dropped()), "{kept} {}", there.dropped());
    });
}

#[test]
fn the_socket_may_be_opened_while_the_interface_is_down_and_works_once_it_is_up() {
    joined(|pair| {
        ip("link set port0 down");
        let (here, there) = sockets(pair);
        assert!(here.send(&packet(b"early", 1), GROUP).is_err());
        ip("link set port0 up");
        wait_until("the port is up", || link("port0").up);
        here.send(&packet(b"now", 2), GROUP).unwrap();
        assert_eq!(next(&there).0, packet(b"now", 2));
        there.send(&packet(b"back", 3), GROUP).unwrap();
        assert_eq!(next(&here).0, packet(b"back", 3));
    });
}

#[test]
fn an_interface_that_does_not_exist_is_named_in_the_error() {
    joined(|pair| {
        let error = AdvertSocket::open(9999, "nowhere0", Family::Ipv4).unwrap_err().to_string();
        assert!(error.contains("nowhere0"), "{error}");
        let (here, _there) = sockets(pair);
        ip("link delete port0");
        assert!(here.send(&packet(b"too late", 1), GROUP).is_err());
    });
}

#[test]
fn a_peer_is_reached_directly_and_through_a_router_and_its_host_objects_only_without_the_socket() {
    const UNREACHABLE: u8 = 3;
    joined(|pair| {
        ip("address add 10.9.0.1/24 dev port0");
        pair.there(|| {
            ip("address add 10.9.0.2/24 dev port1");
            ip("link set lo up");
            ip("address add 10.9.7.1/32 dev lo")
        });
        ip("route add 10.9.7.0/24 via 10.9.0.2");
        let is_icmp = [filter::load_byte(9), filter::if_equal(1, 1), filter::ACCEPT, filter::REJECT];
        let mut capture =
            packet_socket::listening(link("port0").index, ethernet::IPV4, &is_icmp, 100_000).unwrap();
        let mut objected = || {
            let mut buffer = [0; 200];
            capture.read(&mut buffer).is_ok_and(|_| buffer[20] == UNREACHABLE)
        };
        // Neither is in a group: unicast needs none.
        let open = |name| AdvertSocket::open(link(name).index, name, Family::Ipv4).unwrap();
        let (here, there) = (open("port0"), pair.there(|| open("port1")));
        let unicast = |destination: Ipv4Addr| {
            let mut sent = packet(b"unicast", 1);
            sent[16..20].copy_from_slice(&destination.octets());
            here.send(&sent, destination.into()).unwrap();
            sent[10..12].fill(0);
            sent
        };
        for destination in [Ipv4Addr::new(10, 9, 0, 2), Ipv4Addr::new(10, 9, 7, 1)] {
            let sent = unicast(destination);
            let mut received = next(&there).0;
            // The kernel's own sum over the header.
            received[10..12].fill(0);
            assert_eq!(received, sent);
        }
        // Whatever the filter takes.
        there.set_filter(Filter::NotCarriedByXdp { mtu: 1500 }).unwrap();
        unicast(Ipv4Addr::new(10, 9, 0, 2));
        there.set_filter(Filter::Everything).unwrap();
        unicast(Ipv4Addr::new(10, 9, 0, 2));
        next(&there);
        assert!(!objected());
        drop(there);
        wait_until("a host without the socket objects", || {
            unicast(Ipv4Addr::new(10, 9, 0, 2));
            objected()
        });
    });
}

#[test]
fn beside_xdp_a_packet_with_options_is_left_to_it() {
    joined(|pair| {
        let (_, there) = sockets(pair);
        // Two words of padding behind the fixed header: XDP reads past them.
        let mut with_options = packet(&[[1; 8], [7; 8]].concat(), 5);
        with_options[0] = 0x47;
        with_options[10..12].fill(0);
        let mut frame = ethernet::header(ethernet::VRRP_IPV4, [2, 0, 0, 0, 0, 9], ethernet::IPV4).to_vec();
        let sum: u32 =
            with_options[..28].chunks(2).map(|word| u32::from(u16::from_be_bytes([word[0], word[1]]))).sum();
        let checksum = !((sum & 0xffff) + (sum >> 16)) as u16;
        with_options[10..12].copy_from_slice(&checksum.to_be_bytes());
        frame.extend_from_slice(&with_options);
        let arrive = || FrameSocket::open().unwrap().send(link("port0").index, &[&frame]).unwrap();
        there.set_filter(Filter::NotCarriedByXdp { mtu: 1500 }).unwrap();
        arrive();
        there.set_filter(Filter::Everything).unwrap();
        arrive();
        assert_eq!(next(&there).0, with_options);
        assert!(nothing_waits(&there));
    });
}

#[test]
fn what_a_virtual_interface_of_this_host_sends_is_not_heard_on_the_interface_below() {
    joined(|pair| {
        ip("link add virtual0 link port0 address 00:00:5e:00:01:32 type macvlan mode bridge");
        ip("link set virtual0 up");
        wait_until("the virtual interface is up", || link("virtual0").up);
        assert_eq!(link("virtual0").virtual_router(), Some((Family::Ipv4, Vrid::new(50).unwrap())));
        let (here, there) = sockets(pair);
        member("virtual0").send(&packet(b"virtual", 1), GROUP).unwrap();
        assert_eq!(next(&there).0, packet(b"virtual", 1));
        assert!(nothing_waits(&here));
    });
}
