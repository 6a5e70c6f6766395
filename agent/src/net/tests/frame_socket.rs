//! `net::frame_socket` against the kernel.

use std::{io::Read, mem::MaybeUninit, thread, time::Duration};

use regent_common::{arp::Arp, ethernet};
use socket2::Socket;

use super::lab::{command, ip, joined, link, wait_until};
use crate::net::{filter, frame_socket::FrameSocket, packet_socket};

const MAC: [u8; 6] = [0, 0, 0x5e, 0, 1, 50];
/// How often is looked for frames that are on their way, a millisecond apart.
const LOOKS: usize = 200;

pub(super) fn announcements(count: u8) -> Vec<[u8; 42]> {
    (0..count).map(|last| Arp::announcement(MAC, [10, 9, 0, last]).broadcast_frame()).collect()
}

/// Hears the ARP that arrives at `port1` of this namespace.
fn listener() -> Socket {
    listener_on("port1")
}

/// As [`listener`], at another port.
pub(super) fn listener_on(port: &str) -> Socket {
    packet_socket::listening(link(port).index, ethernet::ARP, &[filter::ACCEPT], 1_000_000).unwrap()
}

pub(super) fn heard(mut listener: &Socket) -> Vec<Arp> {
    let mut buffer = [0; 64];
    std::iter::from_fn(|| {
        let length = listener.read(&mut buffer).ok()?;
        Some(Arp::read(&&buffer[..length], 0).unwrap())
    })
    .collect()
}

/// As [`heard`], with patience for so many: on a busy host frames may arrive after they were sent.
pub(super) fn heard_of(listener: &Socket, count: usize) -> Vec<Arp> {
    let mut all = heard(listener);
    for _ in 0..LOOKS {
        if all.len() >= count {
            break;
        }
        thread::sleep(Duration::from_millis(1));
        all.extend(heard(listener));
    }
    all
}

#[test]
fn announcements_arrive_whole_and_in_order() {
    joined(|pair| {
        let listener = pair.there(listener);
        let socket = FrameSocket::open().unwrap();
        // More than one system call takes.
        assert_eq!(socket.send(link("port0").index, &announcements(100)).unwrap(), 100);
        let heard = heard_of(&listener, 100);
        let expected: Vec<Arp> = (0..100).map(|last| Arp::announcement(MAC, [10, 9, 0, last])).collect();
        assert_eq!(heard, expected);
    });
}

#[test]
fn nothing_to_send_is_sent() {
    joined(|_| {
        let none: [[u8; 42]; 0] = [];
        assert_eq!(FrameSocket::open().unwrap().send(link("port0").index, &none).unwrap(), 0);
    });
}

/// Counts what leaves `port0` as a packet of this type, as the kernel's own hooks see it.
fn leaving_as(ether_type: u16) -> Socket {
    const EVERYTHING: u16 = 3;
    const PROTOCOL: u32 = (libc::SKF_AD_OFF + libc::SKF_AD_PROTOCOL) as u32;
    let filter =
        [filter::load_half(PROTOCOL), filter::if_equal(ether_type.into(), 1), filter::ACCEPT, filter::REJECT];
    packet_socket::listening(link("port0").index, EVERYTHING, &filter, 100_000).unwrap()
}

fn count(socket: &Socket) -> usize {
    let mut buffer = [MaybeUninit::uninit(); 2000];
    std::iter::from_fn(|| socket.recv(&mut buffer).ok()).count()
}

#[test]
fn frames_of_two_kinds_in_one_batch_leave_as_what_they_are() {
    joined(|_| {
        let arp = announcements(3);
        let mut advertisement = [0; 86];
        advertisement[..12].copy_from_slice(&arp[0][..12]);
        advertisement[12..14].copy_from_slice(&ethernet::IPV6.to_be_bytes());
        let frames: [&[u8]; 4] = [&arp[0], &advertisement, &arp[1], &arp[2]];
        let (arp, ipv6) = (leaving_as(ethernet::ARP), leaving_as(ethernet::IPV6));
        assert_eq!(FrameSocket::open().unwrap().send(link("port0").index, &frames).unwrap(), 4);
        assert_eq!((count(&arp), count(&ipv6)), (3, 1));
    });
}

#[test]
fn an_interface_that_is_down_or_gone_is_an_error_and_a_frame_that_is_too_long_stops_behind_the_good_ones() {
    joined(|_| {
        let port = link("port0").index;
        let socket = FrameSocket::open().unwrap();
        let good = announcements(1)[0];
        let long = [0; 3000];
        assert_eq!(socket.send(port, &[&good[..], &good, &long, &good]).unwrap(), 2);
        assert_eq!(socket.send(port, &[&long[..]]).unwrap_err().raw_os_error(), Some(libc::EMSGSIZE));
        ip("link set port0 down");
        assert_eq!(socket.send(port, &[good]).unwrap_err().raw_os_error(), Some(libc::ENETDOWN));
        ip("link delete port0");
        assert_eq!(socket.send(port, &[good]).unwrap_err().raw_os_error(), Some(libc::ENXIO));
    });
}

#[test]
fn a_burst_that_the_interface_cannot_take_is_sent_in_part_and_the_rest_can_follow() {
    joined(|pair| {
        // 200 kilobits per second with room for everything: frames wait, and what waits fills the send buffer.
        command("tc", "qdisc add dev port0 root tbf rate 200kbit burst 2kb limit 10mb");
        let listener = pair.there(listener);
        let socket = FrameSocket::open().unwrap();
        let frames: Vec<[u8; 42]> = announcements(250).into_iter().cycle().take(10_000).collect();
        let sent = socket.send(link("port0").index, &frames).unwrap();
        assert!((1..10_000).contains(&sent), "{sent}");
        let port = link("port0").index;
        assert!((0..100).any(|_| socket.send(port, &frames).unwrap() == 0), "never full");
        wait_until("the first frames arrive", || !heard(&listener).is_empty());
        wait_until("there is room again", || socket.send(link("port0").index, &frames[sent..]).unwrap() > 0);
    });
}
