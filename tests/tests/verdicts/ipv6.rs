//! Adverts over IPv6, of both versions: accepted, and each reason told apart.

use lab::frames;
use libtest_mimic::Failed;
use regent_common::{
    AdvertInterval, Counter, Family, Priority, Reason, Version, Vrid,
    advert::{Addresses, Advert, Authentication, ChecksumForm, HMAC_TRAILER_LENGTH},
    checksum, ipv6,
    map::{Expected, GroupKey},
};

use crate::{
    Test,
    bench::{Bench, Due, LOOPBACK, PASS, ensure, group, moved, named},
};

pub const TESTS: &[Test] = &[
    ("every_reason_is_told_apart_over_ipv6", every_reason_is_told_apart_over_ipv6),
    ("a_first_address_that_is_not_link_local_is_noted", a_first_address_that_is_not_link_local_is_noted),
    ("ipv6_that_is_not_ours_passes", ipv6_that_is_not_ours_passes),
    ("long_ipv6_lists_are_summed_up", long_ipv6_lists_are_summed_up),
];

const PEER: [u8; 16] = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
const OURS: [u8; 16] = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];
const LOCAL: [u8; 16] = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 1];
const GLOBAL: [u8; 16] = [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
const VIPS: &[[u8; 16]] = &[LOCAL, GLOBAL];
/// Where the message begins in a packet.
const MESSAGE: usize = ipv6::HEADER_LENGTH;

fn good(version: Version, list: &[[u8; 16]]) -> Advert<'_> {
    Advert {
        version,
        vrid: Vrid::new(50).unwrap_or_else(|| unreachable!()),
        priority: Priority::from_wire(150),
        interval: AdvertInterval::DEFAULT,
        authentication: Authentication::None,
        checksum: ChecksumForm::PseudoHeader,
        source: PEER,
        destination: ipv6::VRRP_GROUP,
        addresses: Addresses::Ipv6(list),
    }
}

fn packet(advert: &Advert<'_>) -> Vec<u8> {
    frames::ipv6_packet(advert.source, advert.destination, 255, &frames::message(advert))
}

fn expected(version: Version, index: u32) -> Expected {
    Expected {
        index,
        generation: 7,
        own_source: OURS,
        active_source: [0; 16],
        destination: ipv6::VRRP_GROUP,
        auth_data: [0; 8],
        addresses: Addresses::Ipv6(VIPS).fingerprint(),
        interval: 100,
        count: 2,
        version: version as u8,
        auth_type: 0,
        flags: 0,
        own_mac: [0x02, 0, 0, 0, 0, 0x02],
    }
}

/// The packet of an advert after `spoil` had it, with its length and its checksum made right again.
fn spoilt(version: Version, spoil: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut packet = packet(&good(version, VIPS));
    spoil(&mut packet);
    let length = packet.len() - MESSAGE;
    packet[4..6].copy_from_slice(&(length as u16).to_be_bytes());
    let address = |at: usize| std::array::from_fn(|byte| packet[at + byte]);
    let (source, destination) = (address(8), address(24));
    packet[MESSAGE + 6..MESSAGE + 8].fill(0);
    let Some(sum) = checksum::sum(&&packet[..], MESSAGE, length / 4) else { return packet };
    let sum = sum.pseudo_header(&source, &destination, length as u16);
    packet[MESSAGE + 6..MESSAGE + 8].copy_from_slice(&sum.checksum());
    packet
}

#[rustfmt::skip]
fn spoilt_packets() -> Vec<(Option<Reason>, Version, Vec<u8>)> {
    use Version::{V2, V3};
    let bad_sum = |version| {
        let mut packet = spoilt(version, |_| ());
        packet[MESSAGE + 7] ^= 1;
        packet
    };
    let message_only = |version| {
        let mut packet = spoilt(version, |_| ());
        packet[MESSAGE + 6..MESSAGE + 8].fill(0);
        if let Some(sum) = checksum::sum(&&packet[..], MESSAGE, (packet.len() - MESSAGE) / 4) {
            packet[MESSAGE + 6..MESSAGE + 8].copy_from_slice(&sum.checksum());
        }
        packet
    };
    vec![
        (None, V3, spoilt(V3, |_| ())),
        (None, V2, spoilt(V2, |_| ())),
        (Some(Reason::Ttl), V3, spoilt(V3, |p| p[7] = 254)),
        (Some(Reason::Ttl), V2, spoilt(V2, |p| p[7] = 64)),
        (Some(Reason::Version), V3, spoilt(V2, |_| ())),
        (Some(Reason::Version), V2, spoilt(V3, |_| ())),
        (Some(Reason::Type), V3, spoilt(V3, |p| p[MESSAGE] = 0x32)),
        (Some(Reason::Length), V3, spoilt(V3, |p| p.truncate(MESSAGE + 24))),
        (Some(Reason::Length), V3, spoilt(V3, |p| p.extend([0; 8]))),
        // RFC 3768 has eight bytes of authentication data at the end; keepalived sends none over IPv6.
        (Some(Reason::Length), V2, spoilt(V2, |p| p.extend([0; 8]))),
        (Some(Reason::AuthTrailer), V3, spoilt(V3, |p| p.extend([9; HMAC_TRAILER_LENGTH]))),
        (Some(Reason::Checksum), V3, bad_sum(V3)),
        (Some(Reason::Checksum), V2, bad_sum(V2)),
        // RFC 9568 §5.2.8 leaves the pseudo-header out for IPv4 alone.
        (Some(Reason::Checksum), V3, message_only(V3)),
        (Some(Reason::Checksum), V2, message_only(V2)),
        (Some(Reason::CountZero), V3, spoilt(V3, |p| { p[MESSAGE + 3] = 0; p.truncate(MESSAGE + 8); })),
        (Some(Reason::IntervalZero), V3, spoilt(V3, |p| p[MESSAGE + 4..MESSAGE + 6].fill(0))),
        (Some(Reason::IntervalZero), V2, spoilt(V2, |p| p[MESSAGE + 5] = 0)),
        (Some(Reason::AuthTypeInvalid), V2, spoilt(V2, |p| p[MESSAGE + 4] = 3)),
        (Some(Reason::AuthTypeMismatch), V2, spoilt(V2, |p| p[MESSAGE + 4] = 1)),
        (Some(Reason::Interval), V2, spoilt(V2, |p| p[MESSAGE + 5] = 2)),
        (Some(Reason::Destination), V3, spoilt(V3, |p| p[24..40].copy_from_slice(&OURS))),
        (Some(Reason::Destination), V3, spoilt(V3, |p| p[24..40].copy_from_slice(&ipv6::ALL_NODES))),
        // Routers that put the virtual link-local address on a device of their own may all send from it.
        (None, V3, spoilt(V3, |p| p[8..24].copy_from_slice(&OURS))),
        (None, V3, spoilt(V3, |p| p[MESSAGE + 5] = 10)),
        (None, V3, spoilt(V3, |p| p[MESSAGE + 4] |= 0xf0)),
        (None, V3, spoilt(V3, |p| p[MESSAGE + 2] = 0)),
    ]
}

fn every_reason_is_told_apart_over_ipv6() -> Result<(), Failed> {
    let mut bench = Bench::new()?;
    for (index, (reason, version, packet)) in (0..).zip(spoilt_packets()) {
        let vlan = index + 100;
        bench.expect(GroupKey::new(LOOPBACK, vlan, Family::Ipv6 as u8, 50), expected(version, index))?;
        let frame = frames::ip_frame(&[vlan as u16], &packet);
        let Due::Ours { verdict, .. } = bench.due(&frame) else {
            return Err(format!("{reason:?}: the checks do not find the group").into());
        };
        ensure(verdict.err() == reason, || format!("instead of {reason:?} the checks say {verdict:?}"))?;
        bench.run(&frame)?;
        let counters = bench.program.view().counters(index);
        ensure(counters == moved(&verdict), || {
            format!("instead of {reason:?} the program counts {:?}", named(&counters))
        })?;
        let stored = bench.program.view().slots(index).ok_or("no row")?.slots;
        let stored = stored.iter().any(|slot| slot.sequence != 0);
        ensure(stored == reason.is_none(), || format!("{reason:?}: slot {stored:?}"))?;
    }
    Ok(())
}

fn a_first_address_that_is_not_link_local_is_noted() -> Result<(), Failed> {
    let mut bench = Bench::new()?;
    bench.expect(group(Family::Ipv6, 50), expected(Version::V3, 0))?;
    let noted = |bench: &Bench| bench.program.view().counters(0)[Counter::FirstNotLinkLocal.slot() as usize];
    for (list, due) in [(&[LOCAL, GLOBAL][..], 0), (&[GLOBAL, LOCAL], 1), (&[GLOBAL], 2)] {
        let action = bench.run(&frames::ip_frame(&[], &packet(&good(Version::V3, list))))?;
        let slot = bench.slot(0, &PEER).ok_or("not stored")?;
        ensure(action == PASS && usize::from(slot.heard.count) == list.len(), || format!("{slot:?}"))?;
        ensure(noted(&bench) == due, || format!("{list:?}: {} noted", noted(&bench)))?;
    }
    Ok(())
}

fn ipv6_that_is_not_ours_passes() -> Result<(), Failed> {
    let mut bench = Bench::new()?;
    bench.expect(group(Family::Ipv6, 50), expected(Version::V3, 0))?;
    bench.expect(group(Family::Ipv4, 50), expected(Version::V3, 1))?;
    let good = spoilt(Version::V3, |_| ());
    let with = |spoil: fn(&mut Vec<u8>)| {
        let mut packet = good.clone();
        spoil(&mut packet);
        packet
    };
    // Hop-by-hop options before the message: RFC 8200 allows them, and the socket judges what is behind.
    let mut options = with(|packet| packet[6] = 0);
    options.splice(MESSAGE..MESSAGE, [112, 0, 1, 4, 0, 0, 0, 0]);
    let packets = [
        ("TCP", with(|packet| packet[6] = 6)),
        ("an option before the message", options),
        ("a fragment", with(|packet| packet[6] = 44)),
        ("IPv4 in an IPv6 frame", with(|packet| packet[0] = 0x45)),
        ("a packet too long", with(|packet| packet[4..6].copy_from_slice(&2000u16.to_be_bytes()))),
        ("half a header", good[..20].to_vec()),
    ];
    for (what, packet) in packets {
        let action = bench.run(&frames::frame(&[], 0x86dd, &packet))?;
        ensure(action == PASS, || format!("{what}: action {action}"))?;
        for index in [0, 1] {
            let counters = bench.program.view().counters(index);
            ensure(counters.iter().all(|value| *value == 0), || format!("{what}: {:?}", named(&counters)))?;
        }
    }
    let strangers = bench.program.view().strangers().len();
    ensure(strangers == 0, || format!("{strangers} strangers"))
}

fn long_ipv6_lists_are_summed_up() -> Result<(), Failed> {
    let list: Vec<[u8; 16]> = (0..=94)
        .map(|last| {
            let mut address = LOCAL;
            address[15] = last;
            address
        })
        .collect();
    let mut bench = Bench::new()?;
    for (index, count) in (0..).zip([1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 64, 89, 90, 95]) {
        let advert = good(Version::V3, &list[..count]);
        let vlan = index + 1;
        let addresses = advert.addresses.fingerprint();
        bench.expect(
            GroupKey::new(LOOPBACK, vlan, Family::Ipv6 as u8, 50),
            Expected { addresses, count: count as u8, ..expected(Version::V3, index) },
        )?;
        let mut packet = packet(&advert);
        bench.run(&frames::ip_frame(&[vlan as u16], &packet))?;
        let slot = bench.slot(index, &PEER).ok_or_else(|| format!("{count} addresses: not stored"))?;
        ensure(slot.heard.addresses == addresses && slot.heard.notes == 0, || format!("{slot:?}"))?;
        let last = packet.len() - 1;
        packet[last] ^= 1;
        bench.run(&frames::ip_frame(&[vlan as u16], &packet))?;
        let bad = bench.program.view().counters(index)[Counter::Rejected(Reason::Checksum).slot() as usize];
        ensure(bad == 1, || format!("{count} addresses: a wrong last bit holds"))?;
    }
    Ok(())
}
