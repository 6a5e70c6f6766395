//! `net::listen_socket` and `net::claim_watch` against the kernel.

use std::{
    mem::MaybeUninit,
    net::{IpAddr, Ipv4Addr},
    thread,
    time::Duration,
};

use regent_common::{Family, arp::Arp, ethernet, ipv4};
use socket2::Socket;

use super::lab::{Pair, ip, joined, link, make, wait_for, wait_until};
use crate::net::{
    advert_socket::AdvertSocket,
    claim_watch::{Claim, ClaimWatch},
    filter,
    frame_socket::FrameSocket,
    listen_socket::ListenSocket,
    packet_socket,
};

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
        assert!(!groups().contains("01005e000012"));
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
