//! `net::listen_socket` and `net::claim_watch` against the kernel.

use std::{
    mem::MaybeUninit,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket},
    thread,
    time::Duration,
};

use regent_common::{Family, arp::Arp, ethernet, ipv4, ipv6};
use socket2::Socket;

use super::lab::{Pair, ip, joined, joined_ipv6, link, make, wait_for, wait_until};
use crate::net::{
    advert_socket::AdvertSocket,
    claim_watch::{Claim, ClaimWatch},
    filter,
    frame_socket::FrameSocket,
    listen_socket::ListenSocket,
    packet_socket,
};

const VRRP_IPV6: [u8; 6] = [0x33, 0x33, 0, 0, 0, 0x12];
const GROUP: IpAddr = IpAddr::V4(Ipv4Addr::new(224, 0, 0, 18));

fn packet(payload: &[u8]) -> Vec<u8> {
    let mut packet = ipv4::header([10, 9, 0, 1], ipv4::VRRP_GROUP, 255, 1, payload.len() as u16).to_vec();
    packet.extend_from_slice(payload);
    packet
}

fn frame(tag: Option<u16>, packet: &[u8]) -> Vec<u8> {
    let mut frame = ethernet::header(ethernet::VRRP_IPV4, [2, 0, 0, 0, 0, 9], ethernet::IPV4).to_vec();
    if let Some(tag) = tag {
        let [high, low] = tag.to_be_bytes();
        frame.splice(12..12, [0x81, 0x00, high, low]);
    }
    frame.extend_from_slice(packet);
    frame
}

/// Everything that arrives on the neighbour's port.
fn capture(pair: &Pair) -> Socket {
    const EVERYTHING: u16 = 3;
    pair.there(|| {
        packet_socket::listening(link("port1").index, EVERYTHING, &[filter::ACCEPT], 1_000_000).unwrap()
    })
}

/// How many packets were captured since the last look.
fn captured(socket: &Socket) -> usize {
    let mut buffer = [MaybeUninit::uninit(); 2000];
    std::iter::from_fn(|| socket.recv(&mut buffer).ok()).count()
}

#[test]
fn a_listener_hears_the_group_without_telling_anybody() {
    joined(|pair| {
        let capture = capture(pair);
        let listener = ListenSocket::open(link("port0").index, "port0", Family::Ipv4).unwrap();
        // The first report of a joined group goes out at once, the second within ten seconds.
        thread::sleep(Duration::from_millis(300));
        assert_eq!(captured(&capture), 0, "a listener sent something");

        let frames = [frame(None, &packet(b"advert"))];
        pair.there(|| FrameSocket::open().unwrap().send(link("port1").index, &frames)).unwrap();
        let mut buffer = [0; 2000];
        let (length, age) = wait_for("an advert arrives", || listener.receive(&mut buffer).unwrap());
        assert_eq!(buffer[..length], packet(b"advert"));
        assert!(age < Duration::from_secs(1), "{age:?}");

        // That the capture would have seen it: joining does tell.
        let joined = AdvertSocket::open(link("port0").index, "port0", Family::Ipv4).unwrap();
        joined.join(GROUP).unwrap();
        wait_until("the report of a joined group", || captured(&capture) > 0);
    });
}

#[test]
fn the_interface_lets_the_group_through_as_long_as_somebody_listens() {
    joined(|_| {
        let groups = || std::fs::read_to_string("/proc/thread-self/net/dev_mcast").unwrap();
        assert!(!groups().contains("01005e000012"));
        let listener = ListenSocket::open(link("port0").index, "port0", Family::Ipv4).unwrap();
        assert!(groups().contains("01005e000012"));
        drop(listener);
        wait_until("the group is left", || !groups().contains("01005e000012"));
    });
}

#[test]
fn a_listener_hears_neither_ourselves_nor_other_protocols_nor_tagged_frames() {
    joined(|pair| {
        let listener = ListenSocket::open(link("port0").index, "port0", Family::Ipv4).unwrap();
        let ours = AdvertSocket::open(link("port0").index, "port0", Family::Ipv4).unwrap();
        ours.send(&packet(b"ours"), GROUP).unwrap();
        FrameSocket::open().unwrap().send(link("port0").index, &[frame(None, &packet(b"ours"))]).unwrap();
        let mut foreign = packet(b"foreign");
        foreign[9] = 89;
        let frames = [
            frame(None, &foreign),
            frame(Some(7), &packet(b"tagged")),
            Arp::announcement([2, 0, 0, 0, 0, 9], [10, 9, 0, 1]).broadcast_frame().to_vec(),
            frame(None, &packet(b"theirs")),
        ];
        pair.there(|| FrameSocket::open().unwrap().send(link("port1").index, &frames)).unwrap();
        let mut buffer = [0; 2000];
        let (length, _) = wait_for("an advert arrives", || listener.receive(&mut buffer).unwrap());
        assert_eq!(buffer[..length], packet(b"theirs"));
        assert_eq!(listener.receive(&mut buffer).unwrap(), None);
    });
}

#[test]
fn what_belongs_to_a_vlan_is_heard_on_the_vlan_only() {
    joined(|pair| {
        if !make("port0.7 link port0 type vlan id 7") {
            return;
        }
        ip("link set port0.7 up");
        wait_until("the VLAN is up", || link("port0.7").up);
        let below = ListenSocket::open(link("port0").index, "port0", Family::Ipv4).unwrap();
        let vlan = ListenSocket::open(link("port0.7").index, "port0.7", Family::Ipv4).unwrap();
        let frames = [frame(Some(7), &packet(b"tagged")), frame(None, &packet(b"plain"))];
        pair.there(|| FrameSocket::open().unwrap().send(link("port1").index, &frames)).unwrap();
        for (listener, expected) in [(&below, &b"plain"[..]), (&vlan, b"tagged")] {
            let mut buffer = [0; 2000];
            let (length, _) = wait_for("an advert arrives", || listener.receive(&mut buffer).unwrap());
            assert_eq!(buffer[..length], packet(expected));
            assert_eq!(listener.receive(&mut buffer).unwrap(), None);
        }
    });
}

#[test]
fn a_listener_goes_on_after_its_interface_was_down() {
    joined(|pair| {
        let listener = ListenSocket::open(link("port0").index, "port0", Family::Ipv4).unwrap();
        ip("link set port0 down");
        assert_eq!(listener.receive(&mut [0; 100]).unwrap(), None);
        ip("link set port0 up");
        wait_until("the port is up", || link("port0").up);
        pair.there(|| {
            FrameSocket::open().unwrap().send(link("port1").index, &[frame(None, &packet(b"again"))])
        })
        .unwrap();
        let mut buffer = [0; 2000];
        wait_for("an advert arrives", || listener.receive(&mut buffer).unwrap());
    });
}

#[test]
fn the_claim_watch_hears_others_and_is_bounded() {
    joined(|pair| {
        let watch = ClaimWatch::open(link("port0").index, "port0", Family::Ipv4).unwrap();
        let announcement = Arp::announcement([2, 0, 0, 0, 0, 9], [10, 9, 0, 1]);
        let own = Arp::announcement([2, 0, 0, 0, 0, 8], [10, 9, 0, 1]).broadcast_frame();
        FrameSocket::open().unwrap().send(link("port0").index, &[own]).unwrap();
        let frames = [announcement.broadcast_frame(); 5];
        pair.there(|| FrameSocket::open().unwrap().send(link("port1").index, &frames)).unwrap();
        let mut heard = Vec::new();
        assert_eq!(watch.drain(2, |claim| heard.push(claim)).unwrap(), 2);
        assert_eq!(watch.drain(100, |claim| heard.push(claim)).unwrap(), 3);
        let claim = Claim { address: Ipv4Addr::new(10, 9, 0, 1).into(), mac: [2, 0, 0, 0, 0, 9] };
        assert_eq!(heard, [claim; 5]);
        assert_eq!(watch.dropped(), 0);
    });
}

/// An IPv6 packet in a frame for the group.
fn frame_ipv6(hop_limit: u8, next_header: u8, payload: &[u8]) -> Vec<u8> {
    let [high, low] = (payload.len() as u16).to_be_bytes();
    let mut frame = ethernet::header(VRRP_IPV6, [2, 0, 0, 0, 0, 9], ethernet::IPV6).to_vec();
    frame.extend_from_slice(&[0x60, 0, 0, 0, high, low, next_header, hop_limit]);
    frame.extend_from_slice(&Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 9).octets());
    frame.extend_from_slice(&ipv6::VRRP_GROUP);
    frame.extend_from_slice(payload);
    frame
}

#[test]
fn a_listener_hears_the_group_of_ipv6_without_telling_anybody_and_nothing_else() {
    // The ports do no IPv6: what a socket above IP would need.
    joined(|pair| {
        let groups = || std::fs::read_to_string("/proc/thread-self/net/dev_mcast").unwrap();
        let capture = capture(pair);
        let listener = ListenSocket::open(link("port0").index, "port0", Family::Ipv6).unwrap();
        assert!(groups().contains("333300000012"));
        thread::sleep(Duration::from_millis(300));
        assert_eq!(captured(&capture), 0, "a listener sent something");

        let ours = [frame_ipv6(255, 112, b"ours")];
        FrameSocket::open().unwrap().send(link("port0").index, &ours).unwrap();
        let mut tagged = frame_ipv6(255, 112, b"tagged");
        tagged.splice(12..12, [0x81, 0x00, 0, 7]);
        let theirs = frame_ipv6(255, 112, b"theirs");
        let frames = [
            frame_ipv6(255, 89, b"foreign"),
            frame_ipv6(255, 0, &[112, 0, 1, 4, 0, 0, 0, 0, b'x']),
            frame(None, &packet(b"of the other family")),
            tagged,
            theirs.clone(),
        ];
        pair.there(|| FrameSocket::open().unwrap().send(link("port1").index, &frames)).unwrap();
        let mut buffer = [0; 2000];
        let (length, _) = wait_for("an advert arrives", || listener.receive(&mut buffer).unwrap());
        assert_eq!(buffer[..length], theirs[14..]);
        assert_eq!(listener.receive(&mut buffer).unwrap(), None);
        drop(listener);
        wait_until("the group is left", || !groups().contains("333300000012"));
    });
}

const TARGET: Ipv6Addr = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 9);
const WITH_MAC: [u8; 8] = [2, 1, 2, 0, 0, 0, 0, 8];

/// A message of neighbour discovery about [`TARGET`].
fn neighbor(kind: u8, hop_limit: u8, options: &[u8]) -> Vec<u8> {
    let mut message = vec![kind, 0, 0, 0, 0xa0, 0, 0, 0];
    message.extend_from_slice(&TARGET.octets());
    message.extend_from_slice(options);
    frame_ipv6(hop_limit, 58, &message)
}

#[test]
fn the_claim_watch_hears_neighbour_advertisements_and_takes_nothing_else_for_a_claim() {
    joined(|pair| {
        let watch = ClaimWatch::open(link("port0").index, "port0", Family::Ipv6).unwrap();
        let own = [neighbor(136, 255, &WITH_MAC)];
        FrameSocket::open().unwrap().send(link("port0").index, &own).unwrap();
        let mut about_a_group = neighbor(136, 255, &WITH_MAC);
        about_a_group[62] = 0xff;
        let frames = [
            neighbor(136, 255, &WITH_MAC),
            // Answers to a question by unicast may leave the option out.
            neighbor(136, 255, &[]),
            // An option of no kind that we know, before ours.
            neighbor(136, 255, &[[14, 1, 0, 0, 0, 0, 0, 0], WITH_MAC].concat()),
            // A solicitation, forwarded ones, an option without an end, one cut off, and one about no host's address.
            neighbor(135, 255, &WITH_MAC),
            neighbor(136, 254, &WITH_MAC),
            neighbor(136, 255, &[2, 0, 2, 0, 0, 0, 0, 8]),
            neighbor(136, 255, &WITH_MAC)[..70].to_vec(),
            about_a_group,
        ];
        pair.there(|| FrameSocket::open().unwrap().send(link("port1").index, &frames)).unwrap();
        let mut heard = Vec::new();
        // The solicitation does not come to the socket.
        assert_eq!(watch.drain(100, |claim| heard.push((claim.address, claim.mac))).unwrap(), 7);
        let [told, sender] = [[2, 0, 0, 0, 0, 8], [2, 0, 0, 0, 0, 9]].map(|mac| (IpAddr::from(TARGET), mac));
        assert_eq!(heard, [told, sender, told]);
        assert_eq!(watch.dropped(), 0);
    });
}

#[test]
fn a_host_that_answers_for_an_address_claims_it() {
    joined_ipv6(|pair| {
        let watch = ClaimWatch::open(link("port0").index, "port0", Family::Ipv6).unwrap();
        let mac = pair.there(|| link("port1").mac);
        pair.there(|| ip("address add fd00::9/64 dev port1 nodad"));
        // To send it something the kernel asks who has the address.
        let socket = UdpSocket::bind("[::]:0").unwrap();
        let mut heard = None;
        wait_until("a question is answered", || {
            socket.send_to(b"hello", (TARGET, 9)).unwrap();
            watch.drain(100, |claim| heard = Some(claim)).unwrap();
            heard.is_some_and(|claim| claim.address == TARGET)
        });
        assert_eq!(heard, Some(Claim { address: TARGET.into(), mac }));
    });
}

#[test]
fn an_interface_that_does_not_exist_is_named_in_the_error() {
    joined(|_| {
        let errors = [
            ListenSocket::open(9999, "nowhere0", Family::Ipv4).unwrap_err(),
            ClaimWatch::open(9999, "nowhere0", Family::Ipv4).unwrap_err(),
        ];
        for error in errors {
            assert!(error.to_string().contains("nowhere0"), "{error}");
        }
    });
}
