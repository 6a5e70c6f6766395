//! RFC 9568 §5.2 and RFC 3768 §5.3 against packets that real daemons sent: what is read of each, that writing it again
//! gives the same bytes, and that no part of it cut off is accepted.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    reason = "a test that cannot read its fixtures stops"
)]

use std::net::IpAddr;

use regent_common::{
    AdvertInterval, Family, Priority, Reason, Version, Vrid,
    advert::{Addresses, Advert, Authentication, ChecksumForm, note},
    check::{self, NotJudged, Preamble},
    ipv4, ipv6,
    map::{Expected, flag},
};
use serde_json::Value;

const FIXTURES: &str = include_str!("../../tests/fixtures/adverts.json");

fn fixtures() -> Vec<Value> {
    serde_json::from_str(FIXTURES).unwrap()
}

/// Those that were accepted, with what they say.
fn adverts() -> Vec<(Value, Vec<u8>)> {
    let fixtures = fixtures().into_iter().filter(|fixture| fixture["advert"].is_object());
    fixtures
        .map(|fixture| {
            let packet = hex(&fixture["packet"]);
            (fixture["advert"].clone(), packet)
        })
        .collect()
}

fn hex(text: &Value) -> Vec<u8> {
    let text = text.as_str().unwrap();
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn number(value: &Value) -> u16 {
    value.as_u64().unwrap().try_into().unwrap()
}

fn byte(value: &Value) -> u8 {
    value.as_u64().unwrap().try_into().unwrap()
}

fn address(value: &Value) -> [u8; 16] {
    match value.as_str().unwrap().parse().unwrap() {
        IpAddr::V4(address) => ipv4::widened(address.octets()),
        IpAddr::V6(address) => address.octets(),
    }
}

/// The list, as either family holds it.
fn lists(advert: &Value) -> (Vec<[u8; 4]>, Vec<[u8; 16]>) {
    let (mut four, mut six) = (Vec::new(), Vec::new());
    for address in advert["addresses"].as_array().unwrap() {
        match address.as_str().unwrap().parse().unwrap() {
            IpAddr::V4(address) => four.push(address.octets()),
            IpAddr::V6(address) => six.push(address.octets()),
        }
    }
    (four, six)
}

/// The group's address in the packet's family.
fn group_address(packet: &[u8]) -> [u8; 16] {
    if packet.first().map(|first| first >> 4) == Some(6) {
        ipv6::VRRP_GROUP
    } else {
        ipv4::widened(ipv4::VRRP_GROUP)
    }
}

fn preamble(packet: &[u8]) -> Result<Preamble, NotJudged> {
    if packet.first().map(|first| first >> 4) == Some(6) {
        Preamble::ipv6(&packet, 0)
    } else {
        Preamble::ipv4(&packet, 0)
    }
}

#[test]
fn the_fixtures_hold_adverts_of_each_daemon_version_and_family() {
    let names: Vec<String> =
        fixtures().iter().map(|fixture| fixture["name"].as_str().unwrap().to_owned()).collect();
    for part in [
        "frr-8.4.4-v2",
        "frr-8.4.4-v3_ipv4",
        "frr-8.4.4-v3_ipv6",
        "keepalived-2.2.7-v2-pass",
        "keepalived-2.2.7-v2_ipv6",
    ] {
        assert!(names.iter().any(|name| name.contains(part)), "{part}");
    }
    assert!(adverts().len() >= 25);
}

#[test]
fn every_field_is_read_as_it_was_sent() {
    for (advert, packet) in adverts() {
        let preamble = preamble(&packet).unwrap();
        assert_eq!(preamble.vrid(), byte(&advert["vrid"]), "{advert}");
        assert_eq!(preamble.ttl, byte(&advert["ttl"]), "{advert}");
        assert_eq!(preamble.length, number(&advert["length"]), "{advert}");
        assert_eq!(preamble.destination, address(&advert["destination"]), "{advert}");
        let heard = check::judge(&&packet[..], &preamble, None, None).unwrap();
        assert_eq!(heard.source, address(&advert["source"]), "{advert}");
        assert_eq!(heard.version, byte(&advert["version"]), "{advert}");
        assert_eq!(heard.priority, byte(&advert["priority"]), "{advert}");
        assert_eq!(heard.interval, number(&advert["interval"]), "{advert}");
        let (four, six) = lists(&advert);
        assert_eq!(usize::from(heard.count), four.len() + six.len(), "{advert}");
        let list = if six.is_empty() { Addresses::Ipv4(&four) } else { Addresses::Ipv6(&six) };
        assert_eq!(heard.addresses, list.fingerprint(), "{advert}");
        assert_eq!(heard.family, list.family() as u8, "{advert}");
    }
}

#[test]
fn both_checksum_forms_are_accepted_and_told_apart() {
    let mut forms = [0, 0];
    for (advert, packet) in adverts() {
        let heard = check::judge(&&packet[..], &preamble(&packet).unwrap(), None, None).unwrap();
        let four_three = heard.version == 3 && heard.family == 4;
        let expected = match advert["checksum_form"].as_str().unwrap() {
            "message-only" if four_three => note::CHECKSUM_MESSAGE_ONLY,
            "pseudo-header" if four_three => note::CHECKSUM_PSEUDO_HEADER,
            _ => 0,
        };
        let form = heard.notes & (note::CHECKSUM_MESSAGE_ONLY | note::CHECKSUM_PSEUDO_HEADER);
        assert_eq!(form, expected, "{advert}");
        if four_three {
            forms[usize::from(form == note::CHECKSUM_PSEUDO_HEADER)] += 1;
        }
    }
    assert!(forms.iter().all(|count| *count > 0), "{forms:?}");
}

#[test]
fn writing_what_was_read_gives_the_recorded_bytes() {
    for (advert, packet) in adverts() {
        let (four, six) = lists(&advert);
        let version = Version::from_wire(byte(&advert["version"])).unwrap();
        let again = Advert {
            version,
            vrid: Vrid::new(byte(&advert["vrid"])).unwrap(),
            priority: Priority::from_wire(byte(&advert["priority"])),
            interval: AdvertInterval::from_centiseconds(number(&advert["interval"])).unwrap(),
            authentication: match byte(&advert["auth_type"]) {
                0 => Authentication::None,
                1 => Authentication::Password(hex(&advert["auth_data"]).try_into().unwrap()),
                other => panic!("authentication type {other}"),
            },
            checksum: match advert["checksum_form"].as_str().unwrap() {
                "message-only" => ChecksumForm::MessageOnly,
                _ => ChecksumForm::PseudoHeader,
            },
            source: address(&advert["source"]),
            destination: address(&advert["destination"]),
            addresses: if six.is_empty() { Addresses::Ipv4(&four) } else { Addresses::Ipv6(&six) },
        };
        // Nothing may be left as it was in the buffer.
        let mut buffer = [0xa5; 2048];
        let length = again.encode(&mut buffer).unwrap();
        let message = preamble(&packet).unwrap().message;
        assert_eq!(buffer[..length], packet[message..message + length], "{advert}");
        assert!(buffer[length..].iter().all(|byte| *byte == 0xa5), "{advert}: written past the end");
        assert_eq!(again.encode(&mut buffer[..length - 1]), Err(regent_common::advert::EncodeError::Buffer));
    }
}

#[test]
fn an_advert_cut_off_anywhere_is_not_accepted() {
    for (advert, packet) in adverts() {
        let whole = {
            let preamble = preamble(&packet).unwrap();
            preamble.message + usize::from(preamble.length)
        };
        for end in 0..whole {
            let part = &packet[..end];
            if let Ok(preamble) = preamble(part) {
                let verdict = check::judge(&part, &preamble, None, None);
                assert!(verdict.is_err(), "{advert} cut to {end} of {whole} bytes: {verdict:?}");
            }
        }
    }
}

#[test]
fn every_fixture_gets_the_verdict_written_beside_it() {
    let mut reasons = Vec::new();
    for fixture in fixtures() {
        let packet = hex(&fixture["packet"]);
        let group = &fixture["group"];
        let addresses = lists(group);
        let list = if addresses.1.is_empty() {
            Addresses::Ipv4(&addresses.0)
        } else {
            Addresses::Ipv6(&addresses.1)
        };
        let expected = Expected {
            index: 0,
            generation: 0,
            own_source: ipv4::widened([10, 55, 0, 250]),
            active_source: [0; 16],
            destination: group_address(&packet),
            auth_data: hex(&group["auth_data"]).try_into().unwrap(),
            addresses: list.fingerprint(),
            interval: number(&group["interval"]),
            count: list.count() as u8,
            version: byte(&group["version"]),
            auth_type: byte(&group["auth_type"]),
            flags: flag::RING_ALWAYS,
            own_mac: [0x02, 0, 0, 0, 0, 0x02],
        };
        let verdict = check::judge(&&packet[..], &preamble(&packet).unwrap(), Some(&expected), None);
        let label = verdict.map_or_else(Reason::label, |_| "accepted");
        assert_eq!(label, fixture["verdict"].as_str().unwrap(), "{}: {verdict:?}", fixture["name"]);
        if let Ok(heard) = verdict {
            let mut notes = Vec::new();
            check::count_accepted(&heard, |counter| notes.push(counter.label()));
            notes.retain(|label| !["accepted", "priority_zero"].contains(label));
            let due: Vec<&str> =
                fixture["notes"].as_array().unwrap().iter().map(|note| note.as_str().unwrap()).collect();
            notes.sort_unstable();
            let mut sorted = due.clone();
            sorted.sort_unstable();
            assert_eq!(notes, sorted, "{}", fixture["name"]);
        }
        reasons.push(label.to_owned());
    }
    for label in ["accepted", "ttl", "version", "length", "checksum", "count_zero", "auth_trailer"] {
        assert!(reasons.iter().any(|reason| reason == label), "no fixture for {label}");
    }
}

#[test]
fn headers_say_where_the_message_is() {
    let header = ipv4::header([10, 0, 0, 1], ipv4::VRRP_GROUP, 255, 7, 20);
    let mut packet = header.to_vec();
    packet.resize(40, 0);
    let read = preamble(&packet).unwrap();
    assert_eq!((read.message, read.length, read.family), (20, 20, Family::Ipv4));
    // The header's own checksum holds.
    assert!(regent_common::checksum::sum(&&header[..], 0, 5).unwrap().holds());
    assert!(ipv6::is_link_local(&[0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]));
    assert!(ipv6::is_link_local(&[0xfe, 0xbf, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]));
    assert!(!ipv6::is_link_local(&[0xfe, 0xc0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]));
    // A minimal IPv6 header whose payload is no VRRP.
    let mut packet = vec![0; 60];
    packet[0] = 0x60;
    packet[6] = 58;
    assert_eq!(preamble(&packet), Err(NotJudged::Foreign));
}
