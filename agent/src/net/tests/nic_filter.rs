//! `net::nic_filter` against the kernel.

use std::io;

use super::lab::{alone, command, ip, joined, link, make};
use crate::net::nic_filter::{Added, NicFilter};

const ONE: [u8; 6] = [0, 0, 0x5e, 0, 1, 50];
const OTHER: [u8; 6] = [0, 0, 0x5e, 0, 2, 51];

/// Lines of `bridge fdb` for a MAC on a port.
fn entries(port: &str, mac: &str) -> usize {
    command("bridge", &format!("fdb show dev {port}"))
        .lines()
        .filter(|line| line.starts_with(mac) && line.contains("self permanent"))
        .count()
}

fn promiscuity(port: &str) -> u32 {
    let text = ip(&format!("-d link show {port}"));
    let mut words = text.split_whitespace();
    words.find(|word| *word == "promiscuity").unwrap();
    words.next().unwrap().parse().unwrap()
}

#[test]
fn a_mac_is_taken_once_and_given_back_once() {
    joined(|_| {
        let port = link("port0").index;
        let mut filter = NicFilter::open().unwrap();
        filter.add(port, ONE).unwrap();
        filter.add(port, ONE).unwrap();
        filter.add(port, OTHER).unwrap();
        assert_eq!(entries("port0", "00:00:5e:00:01:32"), 1);
        assert_eq!(entries("port0", "00:00:5e:00:02:33"), 1);
        filter.remove(port, ONE).unwrap();
        assert_eq!(entries("port0", "00:00:5e:00:01:32"), 0);
        assert_eq!(entries("port0", "00:00:5e:00:02:33"), 1);
        filter.remove(port, ONE).unwrap();
        filter.remove(port, OTHER).unwrap();
        assert_eq!(entries("port0", "00:00:5e:00:02:33"), 0);
    });
}

#[test]
fn a_card_without_a_filter_takes_every_frame_from_the_first_mac_to_the_last() {
    joined(|_| {
        let port = link("port0").index;
        let mut filter = NicFilter::open().unwrap();
        assert_eq!(filter.add(port, ONE).unwrap(), Added { promiscuous: true });
        assert_eq!(promiscuity("port0"), 1);
        assert_eq!(filter.add(port, OTHER).unwrap(), Added { promiscuous: true });
        assert_eq!(filter.add(port, ONE).unwrap(), Added { promiscuous: true });
        filter.remove(port, OTHER).unwrap();
        assert_eq!(promiscuity("port0"), 1);
        filter.remove(port, ONE).unwrap();
        assert_eq!(promiscuity("port0"), 0);
        assert_eq!(filter.add(port, ONE).unwrap(), Added { promiscuous: true });
    });
}

#[test]
fn what_a_dead_process_left_is_found_and_taken_back() {
    joined(|_| {
        let port = link("port0").index;
        NicFilter::open().unwrap().add(port, ONE).unwrap();
        let mut filter = NicFilter::open().unwrap();
        assert_eq!(filter.add(port, ONE).unwrap(), Added { promiscuous: true });
        filter.remove(port, ONE).unwrap();
        assert_eq!(entries("port0", "00:00:5e:00:01:32"), 0);
        assert_eq!(promiscuity("port0"), 0);
    });
}

#[test]
fn a_card_with_a_filter_takes_no_more_than_its_macs_whoever_else_listens_to_everything() {
    alone(|| {
        if !make("port0 type bridge") {
            return;
        }
        ip("link set port0 up");
        let port = link("port0").index;
        let mut filter = NicFilter::open().unwrap();
        assert_eq!(filter.add(port, ONE).unwrap(), Added { promiscuous: false });
        ip("link set port0 promisc on");
        assert_eq!(filter.add(port, OTHER).unwrap(), Added { promiscuous: false });
    });
}

#[test]
fn an_interface_that_is_gone_has_nothing_to_take_back_and_takes_nothing() {
    joined(|_| {
        let port = link("port0").index;
        let mut filter = NicFilter::open().unwrap();
        filter.add(port, ONE).unwrap();
        ip("link delete port0");
        filter.remove(port, ONE).unwrap();
        let error = filter.add(port, ONE).unwrap_err();
        assert_eq!(error.kind(), io::Error::from_raw_os_error(libc::ENODEV).kind());
        assert!(error.to_string().contains("00:00:5e:00:01:32"), "{error}");
    });
}

#[test]
fn a_group_is_no_mac_of_a_card() {
    joined(|_| {
        let error = NicFilter::open().unwrap().add(link("port0").index, [1, 0, 0x5e, 0, 0, 18]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    });
}
