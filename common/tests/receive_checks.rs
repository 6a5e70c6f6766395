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
    map::{Expected, Peer, flag},
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
        destination: ipv4::widened(ipv4::VRRP_GROUP),
        auth_data: PASSWORD,
        addresses: Addresses::Ipv4(VIPS).fingerprint(),
        interval: 100,
        count: 2,
        version: version as u8,
        auth_type: 1,
        flags: 0,
        own_mac: [0x02, 0, 0, 0, 0, 0x02],
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
    judge_from(packet, expected, None)
}

/// As [`judge`], with what is known of the source.
fn judge_from(packet: &[u8], expected: &Expected, peer: Option<&Peer>) -> Result<Heard, Reason> {
    check::judge(&packet, &Preamble::ipv4(&packet, 0).unwrap(), Some(expected), peer)
}

/// A group that speaks unicast.
fn unicast(version: Version, flags: u8) -> Expected {
    Expected { flags: flag::UNICAST | flags, destination: ipv4::widened(OURS), ..expected(version) }
}

/// An advert of the peer to us.
fn advert_to_us(version: Version) -> Advert<'static> {
    Advert { destination: ipv4::widened(OURS), ..advert(version) }
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
fn a_unicast_peer_has_bounds_of_its_own_for_the_ttl() {
    let bounds = Peer::new(60, 64);
    let with_ttl = |expected: &Expected, ttl, peer| {
        judge_from(&packet(&advert_to_us(Version::V3), |packet| packet[8] = ttl), expected, peer).err()
    };
    let (open, strict) = (unicast(Version::V3, 0), unicast(Version::V3, flag::CHECK_SOURCE));
    for group in [open, strict] {
        let peer = Some(&bounds);
        for ttl in [60, 62, 64] {
            assert_eq!(with_ttl(&group, ttl, peer), None, "TTL {ttl}");
        }
        for ttl in [0, 59, 65, 255] {
            assert_eq!(with_ttl(&group, ttl, peer), Some(Reason::Ttl), "TTL {ttl}");
        }
    }
    // Of a source that is no peer nothing is known, unless such a source is rejected anyway.
    for ttl in [0, 1, 64, 255] {
        assert_eq!(with_ttl(&open, ttl, None), None, "TTL {ttl}");
        assert_eq!(with_ttl(&strict, ttl, None), Some(Reason::UnknownPeer), "TTL {ttl}");
    }
    // The bounds are for unicast alone, and so is the check of the source.
    for flags in [0, flag::CHECK_SOURCE] {
        let group = Expected { flags, ..expected(Version::V3) };
        let low = packet(&advert(Version::V3), |packet| packet[8] = 62);
        assert_eq!(judge_from(&low, &group, Some(&Peer::new(60, 64))), Err(Reason::Ttl));
        assert_eq!(judge(&packet(&advert(Version::V3), |_| ()), &group).err(), None);
    }
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
fn an_advert_must_be_sent_to_the_group() {
    let to = |destination: [u8; 4], expected: &Expected| {
        let advert = Advert { destination: ipv4::widened(destination), ..advert(Version::V3) };
        judge(&packet(&advert, |_| ()), expected).err()
    };
    let another = [224, 0, 1, 18];
    for (destination, verdict) in
        [(ipv4::VRRP_GROUP, None), (another, Some(Reason::Destination)), (OURS, Some(Reason::Destination))]
    {
        assert_eq!(to(destination, &expected(Version::V3)), verdict, "{destination:?}");
    }
    let moved = Expected { destination: ipv4::widened(another), ..expected(Version::V3) };
    assert_eq!(to(another, &moved), None);
    assert_eq!(to(ipv4::VRRP_GROUP, &moved), Some(Reason::Destination));
    for destination in [ipv4::VRRP_GROUP, another, [192, 0, 2, 77]] {
        assert_eq!(to(destination, &unicast(Version::V3, 0)), Some(Reason::Destination), "{destination:?}");
    }
    assert_eq!(to(OURS, &unicast(Version::V3, 0)), None);
}

#[test]
fn a_checksum_that_names_the_group_holds_for_unicast_alone() {
    let old = Advert { checksum: ChecksumForm::OldUnicast, ..advert_to_us(Version::V3) };
    let mut message = vec![0; old.length()];
    old.encode(&mut message).unwrap();
    let mut packet = packet(&old, |_| ());
    packet[20..].copy_from_slice(&message);
    let heard = judge(&packet, &unicast(Version::V3, 0)).unwrap();
    assert_eq!(heard.notes, note::CHECKSUM_OLD_UNICAST);
    assert_eq!(judge(&packet, &expected(Version::V3)), Err(Reason::Checksum));
    // A stranger says nothing of how its group speaks.
    let stranger = check::judge(&&packet[..], &Preamble::ipv4(&&packet[..], 0).unwrap(), None, None);
    assert_eq!(stranger, Err(Reason::Checksum));
    packet[27] ^= 1;
    assert_eq!(judge(&packet, &unicast(Version::V3, 0)), Err(Reason::Checksum));
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

/// The packet of an advert over IPv6; its message may be spoilt before the checksum is made right again.
fn packet6(advert: &Advert<'_>, spoil: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut message = vec![0; advert.length()];
    advert.encode(&mut message).unwrap();
    spoil(&mut message);
    message[6..8].fill(0);
    let length = message.len() as u16;
    let sum = checksum::sum(&&message[..], 0, message.len() / 4).unwrap();
    let sum = sum.pseudo_header(&advert.source, &advert.destination, length);
    message[6..8].copy_from_slice(&sum.checksum());
    [&ipv6::header(advert.source, advert.destination, 255, length)[..], &message].concat()
}

/// An advert over IPv6 with these addresses.
fn advert6(version: Version, list: &[[u8; 16]]) -> Advert<'_> {
    Advert {
        version,
        vrid: Vrid::new(7).unwrap(),
        priority: Priority::from_wire(100),
        interval: AdvertInterval::DEFAULT,
        authentication: Authentication::None,
        checksum: ChecksumForm::PseudoHeader,
        source: PEER6,
        destination: ipv6::VRRP_GROUP,
        addresses: Addresses::Ipv6(list),
    }
}

fn judge6(packet: &[u8], expected: Option<&Expected>) -> Result<Heard, Reason> {
    check::judge(&packet, &Preamble::ipv6(&packet, 0).unwrap(), expected, None)
}

#[test]
fn ipv6_wants_a_pseudo_header_and_a_link_local_address_first() {
    let notes = |packet: &[u8]| judge6(packet, None).map(|heard| heard.notes);
    assert_eq!(notes(&packet6(&advert6(Version::V3, &[LOCAL, GLOBAL]), |_| ())), Ok(0));
    let turned = packet6(&advert6(Version::V3, &[GLOBAL, LOCAL]), |_| ());
    assert_eq!(notes(&turned), Ok(note::FIRST_NOT_LINK_LOCAL));
    let mut message_only = packet6(&advert6(Version::V3, &[LOCAL]), |_| ());
    message_only[46..48].fill(0);
    let sum = checksum::sum(&&message_only[..], 40, 6).unwrap();
    message_only[46..48].copy_from_slice(&sum.checksum());
    assert_eq!(notes(&message_only), Err(Reason::Checksum));
}

#[test]
fn version_2_over_ipv6_is_keepaliveds() {
    let list = [LOCAL, GLOBAL];
    let group = Expected {
        own_source: [0; 16],
        destination: ipv6::VRRP_GROUP,
        addresses: Addresses::Ipv6(&list).fingerprint(),
        auth_type: 0,
        ..expected(Version::V2)
    };
    let advert = advert6(Version::V2, &list);
    assert_eq!(advert.length(), 8 + 32, "no authentication data");
    let good = packet6(&advert, |_| ());
    assert_eq!(judge6(&good, Some(&group)).map(|heard| heard.notes), Ok(0));
    let verdict = |spoil: fn(&mut Vec<u8>)| judge6(&packet6(&advert, spoil), Some(&group)).err();
    assert_eq!(verdict(|message| message.extend([0; 8])), Some(Reason::Length));
    assert_eq!(verdict(|message| message[5] = 2), Some(Reason::Interval));
    assert_eq!(verdict(|message| message[5] = 0), Some(Reason::IntervalZero));
    assert_eq!(verdict(|message| message[4] = 1), Some(Reason::AuthTypeMismatch));
    assert_eq!(verdict(|message| message[0] = 0x31), Some(Reason::Version));
    let mut message_only = good;
    message_only[46..48].fill(0);
    let sum = checksum::sum(&&message_only[..], 40, 10).unwrap();
    message_only[46..48].copy_from_slice(&sum.checksum());
    assert_eq!(judge6(&message_only, Some(&group)), Err(Reason::Checksum));
    // With a password configured its type is sent and compared, and nothing else.
    let open = Advert { authentication: Authentication::Password(PASSWORD), ..advert };
    let password = Expected { auth_type: 1, auth_data: *b"another\0", ..group };
    assert_eq!(judge6(&packet6(&open, |_| ()), Some(&password)).err(), None);
    assert_eq!(judge6(&packet6(&advert, |_| ()), Some(&password)), Err(Reason::AuthTypeMismatch));
}

#[test]
fn an_ipv6_header_is_read_as_it_was_written() {
    let header = ipv6::header(PEER6, ipv6::VRRP_GROUP, 254, 40);
    let mut packet = header.to_vec();
    packet.resize(80, 0);
    let read = Preamble::ipv6(&&packet[..], 0).unwrap();
    assert_eq!((read.source, read.destination), (PEER6, ipv6::VRRP_GROUP));
    assert_eq!((read.ttl, read.length, read.message), (254, 40, 40));
    // Version 6, traffic class CS6, flow label 0.
    assert_eq!(header[..4], [0x6c, 0, 0, 0]);
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
