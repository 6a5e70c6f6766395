//! RFC 9568 §7.1 and RFC 3768 §7.1: each receive check, the advert that breaks it and nothing else, and the one that
//! keeps it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    reason = "a test that cannot read its fixtures stops"
)]

use regent_common::{
    AdvertInterval, Priority, Reason, Version, Vrid,
    advert::{Addresses, Advert, Authentication, ChecksumForm, Heard, note},
    check::{self, Preamble},
    checksum, ipv4, ipv6,
    map::{Expected, flag},
};

const PEER: [u8; 4] = [192, 0, 2, 1];
const OURS: [u8; 4] = [192, 0, 2, 2];
const PEER6: [u8; 16] = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
const LOCAL: [u8; 16] = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9];
const GLOBAL: [u8; 16] = [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9];
const VIPS: &[[u8; 4]] = &[[192, 0, 2, 9], [192, 0, 2, 10]];
const PASSWORD: [u8; 8] = *b"1111\0\0\0\0";

fn advert(version: Version) -> Advert<'static> {
    Advert {
        version,
        vrid: Vrid::new(7).unwrap(),
        priority: Priority::from_wire(100),
        interval: AdvertInterval::DEFAULT,
        authentication: Authentication::Password(PASSWORD),
        checksum: ChecksumForm::PseudoHeader,
        source: ipv4::widened(PEER),
        destination: ipv4::widened(ipv4::VRRP_GROUP),
        addresses: Addresses::Ipv4(VIPS),
    }
}

fn expected(version: Version) -> Expected {
    Expected {
        index: 0,
        generation: 0,
        own_source: ipv4::widened(OURS),
        active_source: [0; 16],
        auth_data: PASSWORD,
        addresses: Addresses::Ipv4(VIPS).fingerprint(),
        interval: 100,
        count: 2,
        version: version as u8,
        auth_type: 1,
        ttl_min: 255,
        ttl_max: 255,
        flags: 0,
        own_mac: [0x02, 0, 0, 0, 0, 0x02],
        padding: [0; 2],
    }
}

/// The packet of an advert; `spoil` has it before the length and the checksum are made right again.
fn packet(advert: &Advert<'_>, spoil: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut message = vec![0; advert.length()];
    advert.encode(&mut message).unwrap();
    let [s1, s2, s3, s4, ..] = advert.source;
    let [d1, d2, d3, d4, ..] = advert.destination;
    let mut packet = ipv4::header([s1, s2, s3, s4], [d1, d2, d3, d4], 255, 1, message.len() as u16).to_vec();
    packet.extend(message);
    spoil(&mut packet);
    let total = (packet.len() as u16).to_be_bytes();
    packet[2..4].copy_from_slice(&total);
    if packet.len() >= 28 {
        packet[26..28].fill(0);
        let mut sum = checksum::sum(&&packet[..], 20, (packet.len() - 20) / 4).unwrap();
        if packet[20] >> 4 != 2 {
            let word = |at: usize| ipv4::widened(packet[at..at + 4].try_into().unwrap());
            sum = sum.pseudo_header(&word(12), &word(16), (packet.len() - 20) as u16);
        }
        packet[26..28].copy_from_slice(&sum.checksum());
    }
    packet
}

fn judge(packet: &[u8], expected: &Expected) -> Result<Heard, Reason> {
    check::judge(&packet, &Preamble::ipv4(&packet, 0).unwrap(), Some(expected))
}

/// The verdict of its group on the version's advert after `spoil`.
fn spoilt(version: Version, spoil: impl FnOnce(&mut Vec<u8>)) -> Option<Reason> {
    judge(&packet(&advert(version), spoil), &expected(version)).err()
}

#[test]
fn a_good_advert_is_accepted_in_both_versions() {
    for version in [Version::V2, Version::V3] {
        assert_eq!(spoilt(version, |_| ()), None);
    }
}

#[test]
fn the_ttl_must_be_255() {
    for ttl in [0, 1, 64, 254] {
        assert_eq!(spoilt(Version::V3, |packet| packet[8] = ttl), Some(Reason::Ttl), "TTL {ttl}");
    }
}

#[test]
fn unicast_may_widen_the_ttl() {
    let loose = Expected { ttl_min: 250, ..expected(Version::V3) };
    let with_ttl = |ttl| judge(&packet(&advert(Version::V3), |packet| packet[8] = ttl), &loose).err();
    assert_eq!(with_ttl(250), None);
    assert_eq!(with_ttl(249), Some(Reason::Ttl));
}

#[test]
fn the_version_must_be_ours() {
    for first in [0x11, 0x21, 0x41, 0xf1] {
        assert_eq!(spoilt(Version::V3, |packet| packet[20] = first), Some(Reason::Version), "{first:#x}");
    }
    assert_eq!(spoilt(Version::V2, |packet| packet[20] = 0x31), Some(Reason::Version));
}

#[test]
fn the_type_must_be_advertisement() {
    for kind in [0, 2, 15] {
        assert_eq!(spoilt(Version::V3, |packet| packet[20] = 0x30 | kind), Some(Reason::Type), "type {kind}");
    }
}

#[test]
fn the_length_must_be_what_the_count_says() {
    assert_eq!(spoilt(Version::V3, |packet| packet.truncate(32)), Some(Reason::Length));
    assert_eq!(spoilt(Version::V3, |packet| packet.extend([0; 4])), Some(Reason::Length));
    assert_eq!(spoilt(Version::V3, |packet| packet.truncate(27)), Some(Reason::Length));
    assert_eq!(spoilt(Version::V2, |packet| packet.truncate(packet.len() - 8)), Some(Reason::Length));
    assert_eq!(spoilt(Version::V3, |packet| packet.extend([0; 28])), Some(Reason::AuthTrailer));
    assert_eq!(
        spoilt(Version::V2, |packet| {
            packet.resize(56, 0);
            packet[23] = 7;
        }),
        Some(Reason::Carp)
    );
}

#[test]
fn bytes_behind_the_packet_are_not_read() {
    let mut padded = packet(&advert(Version::V3), |_| ());
    padded.extend([0xee; 14]);
    assert!(judge(&padded, &expected(Version::V3)).is_ok());
}

#[test]
fn the_checksum_must_hold_in_one_of_its_forms() {
    for version in [Version::V2, Version::V3] {
        let good = packet(&advert(version), |_| ());
        for bit in 0..8 * (good.len() - 20) {
            let mut bad = good.clone();
            bad[20 + bit / 8] ^= 1 << (bit % 8);
            assert!(judge(&bad, &expected(version)).is_err(), "version {version}, bit {bit}");
        }
    }
    let rfc9568 = Advert { checksum: ChecksumForm::MessageOnly, ..advert(Version::V3) };
    let mut message = vec![0; rfc9568.length()];
    rfc9568.encode(&mut message).unwrap();
    let mut packet = packet(&rfc9568, |_| ());
    packet[20..].copy_from_slice(&message);
    let heard = judge(&packet, &expected(Version::V3)).unwrap();
    assert_eq!(heard.notes, note::CHECKSUM_MESSAGE_ONLY);
}

#[test]
fn the_checksum_of_long_lists_holds_too() {
    let list: Vec<[u8; 4]> = (0..=254).map(|last| [10, 1, 2, last]).collect();
    for count in [1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 100, 255] {
        let long = Advert { addresses: Addresses::Ipv4(&list[..count]), ..advert(Version::V3) };
        let packet = packet(&long, |_| ());
        let heard = judge(&packet, &expected(Version::V3)).unwrap();
        assert_eq!(heard.addresses, long.addresses.fingerprint(), "{count} addresses");
        let mut bad = packet.clone();
        let last = bad.len() - 1;
        bad[last] ^= 1;
        assert_eq!(judge(&bad, &expected(Version::V3)), Err(Reason::Checksum), "{count} addresses");
    }
}

#[test]
fn an_advert_without_addresses_is_ignored() {
    let empty = Advert { addresses: Addresses::Ipv4(&[]), ..advert(Version::V3) };
    assert_eq!(judge(&packet(&empty, |_| ()), &expected(Version::V3)), Err(Reason::CountZero));
}

#[test]
fn interval_zero_is_ignored() {
    assert_eq!(spoilt(Version::V2, |packet| packet[25] = 0), Some(Reason::IntervalZero));
    assert_eq!(spoilt(Version::V3, |packet| packet[24..26].fill(0)), Some(Reason::IntervalZero));
    // The reserved bits are not part of it.
    assert_eq!(
        spoilt(Version::V3, |packet| packet[24..26].copy_from_slice(&[0xf0, 0])),
        Some(Reason::IntervalZero)
    );
    assert_eq!(spoilt(Version::V3, |packet| packet[24] |= 0xf0), None);
}

#[test]
fn version_2_wants_our_authentication() {
    assert_eq!(spoilt(Version::V2, |packet| packet[24] = 3), Some(Reason::AuthTypeInvalid));
    assert_eq!(spoilt(Version::V2, |packet| packet[24] = 0), Some(Reason::AuthTypeMismatch));
    assert_eq!(spoilt(Version::V2, |packet| packet[24] = 2), Some(Reason::AuthTypeMismatch));
    for at in 0..8 {
        let wrong = spoilt(Version::V2, |packet| {
            let end = packet.len();
            packet[end - 8 + at] ^= 0x20;
        });
        assert_eq!(wrong, Some(Reason::AuthFailure), "byte {at}");
    }
    // Type 0: the data is not looked at.
    let open = Expected { auth_type: 0, ..expected(Version::V2) };
    let none = Advert { authentication: Authentication::None, ..advert(Version::V2) };
    let junk = packet(&none, |packet| {
        let end = packet.len();
        packet[end - 8..].fill(0x77);
    });
    assert_eq!(judge(&junk, &open).err(), None);
}

#[test]
fn version_2_does_not_learn_the_interval_and_version_3_does() {
    assert_eq!(spoilt(Version::V2, |packet| packet[25] = 2), Some(Reason::Interval));
    let slower = Advert { interval: AdvertInterval::from_centiseconds(200).unwrap(), ..advert(Version::V3) };
    let heard = judge(&packet(&slower, |_| ()), &expected(Version::V3)).unwrap();
    assert_eq!((heard.interval, heard.notes & note::INTERVAL_LEARNED), (200, note::INTERVAL_LEARNED));
}

#[test]
fn multicast_and_unicast_are_not_mixed() {
    let unicast = Expected { flags: flag::UNICAST, ..expected(Version::V3) };
    let to_us = Advert { destination: ipv4::widened(OURS), ..advert(Version::V3) };
    assert_eq!(judge(&packet(&to_us, |_| ()), &expected(Version::V3)), Err(Reason::Destination));
    assert_eq!(judge(&packet(&to_us, |_| ()), &unicast).err(), None);
    assert_eq!(judge(&packet(&advert(Version::V3), |_| ()), &unicast), Err(Reason::Destination));
}

#[test]
fn our_own_source_is_a_loop() {
    let looped = Advert { source: ipv4::widened(OURS), ..advert(Version::V3) };
    assert_eq!(judge(&packet(&looped, |_| ()), &expected(Version::V3)), Err(Reason::OwnSource));
    let unknown = Expected { own_source: [0; 16], ..expected(Version::V3) };
    assert_eq!(judge(&packet(&looped, |_| ()), &unknown).err(), None);
}

#[test]
fn what_is_odd_is_noted_and_accepted() {
    let notes =
        |expected: &Expected, advert: &Advert<'_>| judge(&packet(advert, |_| ()), expected).unwrap().notes;
    let plain = advert(Version::V3);
    let ours = expected(Version::V3);
    assert_eq!(notes(&ours, &plain), note::CHECKSUM_PSEUDO_HEADER);
    let owner = Expected { flags: flag::OWNER, ..ours };
    assert_eq!(notes(&owner, &plain) & note::OWNER_CONFLICT, note::OWNER_CONFLICT);
    let fewer = Advert { addresses: Addresses::Ipv4(&VIPS[..1]), ..plain };
    assert_eq!(notes(&ours, &fewer) & note::ADDRESS_LIST_MISMATCH, note::ADDRESS_LIST_MISMATCH);
    // The order of the list says nothing.
    let turned: Vec<[u8; 4]> = VIPS.iter().rev().copied().collect();
    let turned = Advert { addresses: Addresses::Ipv4(&turned), ..plain };
    assert_eq!(notes(&ours, &turned) & note::ADDRESS_LIST_MISMATCH, 0);
}

#[test]
fn ipv6_wants_a_pseudo_header_and_a_link_local_address_first() {
    let judged = |list: &[[u8; 16]]| {
        let advert = Advert {
            source: PEER6,
            destination: ipv6::VRRP_GROUP,
            addresses: Addresses::Ipv6(list),
            ..advert(Version::V3)
        };
        let mut packet = vec![0; ipv6::HEADER_LENGTH + advert.length()];
        packet[0] = 0x60;
        packet[4..6].copy_from_slice(&(advert.length() as u16).to_be_bytes());
        packet[6..8].copy_from_slice(&[112, 255]);
        packet[8..24].copy_from_slice(&PEER6);
        packet[24..40].copy_from_slice(&ipv6::VRRP_GROUP);
        advert.encode(&mut packet[40..]).unwrap();
        packet
    };
    let verdict = |packet: &[u8]| {
        check::judge(&packet, &Preamble::ipv6(&packet, 0).unwrap(), None).map(|heard| heard.notes)
    };
    assert_eq!(verdict(&judged(&[LOCAL, GLOBAL])), Ok(0));
    assert_eq!(verdict(&judged(&[GLOBAL, LOCAL])), Ok(note::FIRST_NOT_LINK_LOCAL));
    let mut message_only = judged(&[LOCAL]);
    message_only[46..48].fill(0);
    let sum = checksum::sum(&&message_only[..], 40, 6).unwrap();
    message_only[46..48].copy_from_slice(&sum.checksum());
    assert_eq!(verdict(&message_only), Err(Reason::Checksum));
}

#[test]
fn the_first_check_that_fails_names_the_reason() {
    // All wrong at once: TTL first, then version, type, length, checksum.
    let mut all = packet(&advert(Version::V3), |packet| {
        packet[8] = 1;
        packet[20] = 0x4f;
        packet.truncate(32);
    });
    all[27] ^= 1;
    assert_eq!(judge(&all, &expected(Version::V3)), Err(Reason::Ttl));
    all[8] = 255;
    assert_eq!(judge(&all, &expected(Version::V3)), Err(Reason::Version));
    all[20] = 0x3f;
    assert_eq!(judge(&all, &expected(Version::V3)), Err(Reason::Type));
    all[20] = 0x31;
    assert_eq!(judge(&all, &expected(Version::V3)), Err(Reason::Length));
    all[23] = 1;
    assert_eq!(judge(&all, &expected(Version::V3)), Err(Reason::Checksum));
}
