//! What holds for every advert and for all bytes.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    reason = "a test that cannot read its fixtures stops"
)]

use proptest::prelude::*;
use regent_common::{
    AdvertInterval, Priority, Version, Vrid,
    advert::{Addresses, Advert, Authentication, ChecksumForm},
    arp::{Arp, Operation},
    check::{self, Preamble},
    checksum,
    ethernet::{self, Ethernet},
    ipv4, ipv6,
};

/// An IPv6 header around a message.
fn ipv6_packet(source: [u8; 16], message: &[u8]) -> Vec<u8> {
    let mut packet = vec![0; ipv6::HEADER_LENGTH];
    packet[0] = 0x60;
    packet[4..6].copy_from_slice(&(message.len() as u16).to_be_bytes());
    packet[6..8].copy_from_slice(&[112, 255]);
    packet[8..24].copy_from_slice(&source);
    packet[24..40].copy_from_slice(&ipv6::VRRP_GROUP);
    packet.extend_from_slice(message);
    packet
}

fn ipv4_packet(source: [u8; 4], message: &[u8]) -> Vec<u8> {
    let mut packet = ipv4::header(source, ipv4::VRRP_GROUP, 255, 1, message.len() as u16).to_vec();
    packet.extend_from_slice(message);
    packet
}

proptest! {
    #[test]
    fn an_ipv4_advert_is_read_as_it_was_written(
        version in prop_oneof![Just(Version::V2), Just(Version::V3)],
        vrid in 1..=255u8,
        priority: u8,
        seconds in 1..=40u16,
        password: Option<[u8; 8]>,
        form in prop_oneof![Just(ChecksumForm::PseudoHeader), Just(ChecksumForm::MessageOnly)],
        source: [u8; 4],
        list in prop::collection::vec(any::<[u8; 4]>(), 1..=255),
    ) {
        let advert = Advert {
            version,
            vrid: Vrid::new(vrid).unwrap(),
            priority: Priority::from_wire(priority),
            interval: AdvertInterval::from_centiseconds(seconds * 100).unwrap(),
            authentication: password.map_or(Authentication::None, Authentication::Password),
            checksum: form,
            source: ipv4::widened(source),
            destination: ipv4::widened(ipv4::VRRP_GROUP),
            addresses: Addresses::Ipv4(&list),
        };
        let mut message = vec![0xa5; advert.length()];
        prop_assert_eq!(advert.encode(&mut message), Ok(advert.length()));
        let packet = ipv4_packet(source, &message);
        let preamble = Preamble::ipv4(&&packet[..], 0).unwrap();
        let heard = check::judge(&&packet[..], &preamble, None, None).unwrap();
        prop_assert_eq!(preamble.vrid(), vrid);
        prop_assert_eq!(heard.priority, priority);
        prop_assert_eq!(heard.priority(), advert.priority);
        prop_assert_eq!(heard.interval(), Some(advert.interval));
        prop_assert_eq!(heard.source, ipv4::widened(source));
        prop_assert_eq!(usize::from(heard.count), list.len());
        prop_assert_eq!(heard.addresses, advert.addresses.fingerprint());
        prop_assert_eq!(heard.version, version as u8);
    }

    #[test]
    fn an_ipv6_advert_is_read_as_it_was_written(
        vrid in 1..=255u8,
        priority: u8,
        centiseconds in 1..=4095u16,
        source: [u8; 16],
        list in prop::collection::vec(any::<[u8; 16]>(), 1..=90),
    ) {
        let advert = Advert {
            version: Version::V3,
            vrid: Vrid::new(vrid).unwrap(),
            priority: Priority::from_wire(priority),
            interval: AdvertInterval::from_centiseconds(centiseconds).unwrap(),
            authentication: Authentication::None,
            checksum: ChecksumForm::PseudoHeader,
            source,
            destination: ipv6::VRRP_GROUP,
            addresses: Addresses::Ipv6(&list),
        };
        let mut message = vec![0xa5; advert.length()];
        prop_assert_eq!(advert.encode(&mut message), Ok(advert.length()));
        let packet = ipv6_packet(source, &message);
        let preamble = Preamble::ipv6(&&packet[..], 0).unwrap();
        let heard = check::judge(&&packet[..], &preamble, None, None).unwrap();
        prop_assert_eq!((preamble.vrid(), heard.priority, heard.interval), (vrid, priority, centiseconds));
        prop_assert_eq!((heard.source, usize::from(heard.count)), (source, list.len()));
        prop_assert_eq!(heard.addresses, advert.addresses.fingerprint());
    }

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), at in 0..250usize) {
        let bytes = &bytes[..];
        for preamble in [Preamble::ipv4(&bytes, at), Preamble::ipv6(&bytes, at)].into_iter().flatten() {
            std::hint::black_box(check::judge(&bytes, &preamble, None, None)).ok();
        }
        let _ = Ethernet::read(&bytes);
        let _ = Arp::read(&bytes, at);
    }

    /// As above, with headers that lead deeper.
    #[test]
    fn no_message_makes_a_reader_panic(
        message in prop::collection::vec(any::<u8>(), 0..1600),
        length: u16,
        first in prop_oneof![Just(0x21u8), Just(0x31), any::<u8>()],
        source: [u8; 4],
    ) {
        let mut packet = ipv4_packet(source, &message);
        packet[2..4].copy_from_slice(&length.to_be_bytes());
        if let Some(byte) = packet.get_mut(20) {
            *byte = first;
        }
        if let Ok(preamble) = Preamble::ipv4(&&packet[..], 0) {
            std::hint::black_box(check::judge(&&packet[..], &preamble, None, None)).ok();
        }
    }

    #[test]
    fn a_sum_in_blocks_is_the_sum_of_its_words(bytes in prop::collection::vec(any::<u8>(), 0..1600), offset in 0..3usize) {
        let words = bytes.len().saturating_sub(offset) / 4;
        let sum = checksum::sum(&&bytes[..], offset, words.min(checksum::MAX_WORDS));
        let plain = bytes[offset.min(bytes.len())..]
            .chunks_exact(4)
            .take(checksum::MAX_WORDS)
            .fold(checksum::Sum::ZERO, |sum, word| sum.word(word.try_into().unwrap()));
        prop_assert_eq!(sum, Some(plain));
        // One word more is past the end.
        if words < checksum::MAX_WORDS {
            prop_assert_eq!(checksum::sum(&&bytes[..], offset, words + 1), None);
        }
        prop_assert_eq!(checksum::sum(&&bytes[..], offset, checksum::MAX_WORDS + 1), None);
        let short = checksum::short_sum(&&bytes[..], offset, words);
        prop_assert_eq!(short, if words < 32 { sum } else { None });
    }

    #[test]
    fn arp_is_read_as_it_was_written(
        reply: bool, sender_mac: [u8; 6], sender: [u8; 4], target_mac: [u8; 6], target: [u8; 4],
    ) {
        let operation = if reply { Operation::Reply } else { Operation::Request };
        let arp = Arp { operation, sender_mac, sender, target_mac, target };
        let frame = arp.broadcast_frame();
        let ethernet = Ethernet::read(&&frame[..]).unwrap();
        prop_assert_eq!((ethernet.ether_type, ethernet.source), (ethernet::ARP, sender_mac));
        prop_assert_eq!(Arp::read(&&frame[..], ethernet.payload), Some(arp));
        for end in 0..frame.len() {
            prop_assert_eq!(Arp::read(&&frame[..end], ethernet.payload), None);
        }
    }

    #[test]
    fn tags_are_read_as_they_were_written(vlans in prop::collection::vec(0..4096u16, 0..4), priority in 0..8u16, inner: bool) {
        let mut frame = vec![0; 12];
        for (place, vlan) in vlans.iter().enumerate() {
            let kind: u16 = if inner && place == 0 { 0x88a8 } else { 0x8100 };
            frame.extend_from_slice(&kind.to_be_bytes());
            frame.extend_from_slice(&(priority << 13 | vlan).to_be_bytes());
        }
        frame.extend_from_slice(&ethernet::IPV4.to_be_bytes());
        let read = Ethernet::read(&&frame[..]);
        if vlans.len() > 2 {
            prop_assert_eq!(read, None);
        } else {
            let read = read.unwrap();
            let vlan = |place: usize| u32::from(vlans.get(place).copied().unwrap_or_default());
            prop_assert_eq!(read.vlans(), vlan(0) | vlan(1) << 12);
            prop_assert_eq!((read.payload, read.ether_type), (frame.len(), ethernet::IPV4));
        }
    }
}

#[test]
fn an_announcement_is_a_gratuitous_request_and_a_probe_claims_nothing() {
    let (mac, address) = ([0, 0, 0x5e, 0, 1, 7], [192, 0, 2, 9]);
    let announcement = Arp::announcement(mac, address);
    assert_eq!((announcement.operation, announcement.sender), (Operation::Request, announcement.target));
    assert_eq!((announcement.sender, announcement.sender_mac), (address, mac));
    let probe = Arp::probe(mac, address);
    assert_eq!((probe.sender, probe.target), ([0; 4], address));
    // Byte for byte, as on a wire.
    let frame = announcement.broadcast_frame();
    assert_eq!(frame[..14], [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0x5e, 0, 1, 7, 8, 6]);
    assert_eq!(frame[14..22], [0, 1, 8, 0, 6, 4, 0, 1]);
    assert_eq!(
        frame[22..],
        [0, 0, 0x5e, 0, 1, 7, 192, 0, 2, 9, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 192, 0, 2, 9]
    );
}

#[test]
fn an_advert_that_has_no_form_is_refused() {
    use regent_common::advert::EncodeError;
    let list = [[10, 0, 0, 1]; 256];
    let advert = Advert {
        version: Version::V2,
        vrid: Vrid::new(1).unwrap(),
        priority: Priority::from_wire(1),
        interval: AdvertInterval::from_centiseconds(150).unwrap(),
        authentication: Authentication::None,
        checksum: ChecksumForm::PseudoHeader,
        source: [0; 16],
        destination: [0; 16],
        addresses: Addresses::Ipv4(&list[..1]),
    };
    let mut buffer = [0; 2048];
    assert_eq!(advert.encode(&mut buffer), Err(EncodeError::Interval));
    let long = AdvertInterval::from_centiseconds(4096).unwrap();
    assert_eq!(
        Advert { version: Version::V3, interval: long, ..advert }.encode(&mut buffer),
        Err(EncodeError::Interval)
    );
    let whole = Advert { interval: AdvertInterval::DEFAULT, ..advert };
    assert_eq!(
        Advert { addresses: Addresses::Ipv4(&list), ..whole }.encode(&mut buffer),
        Err(EncodeError::TooManyAddresses)
    );
    assert_eq!(whole.encode(&mut buffer[..19]), Err(EncodeError::Buffer));
    assert_eq!(whole.encode(&mut buffer[..20]), Ok(20));
}
