//! One packet, one verdict: every fixture and every reason, by the program and by the common checks.

use lab::{fixtures, frames};
use libtest_mimic::Failed;
use regent_common::{
    AdvertInterval, Counter, Family, Priority, Reason, Version, Vrid,
    advert::{Addresses, Advert, Authentication, ChecksumForm, HMAC_TRAILER_LENGTH},
    checksum, ipv4, ipv6,
    map::{Expected, GroupKey, SHOWN_PER_SECOND, StrangerKey},
};

use crate::{
    Test,
    bench::{Bench, DROP, Due, LOOPBACK, PASS, ensure, group, moved, named},
};

pub const TESTS: &[Test] = &[
    ("every_fixture_gets_its_verdict_from_both_carriers", every_fixture_gets_its_verdict_from_both_carriers),
    ("no_rejected_packet_rings_or_touches_a_slot", no_rejected_packet_rings_or_touches_a_slot),
    ("every_reason_is_told_apart", every_reason_is_told_apart),
    ("tags_name_the_group", tags_name_the_group),
    ("padding_behind_the_packet_is_not_read", padding_behind_the_packet_is_not_read),
    ("what_is_not_ours_passes", what_is_not_ours_passes),
    ("the_first_rejected_packets_of_a_second_are_shown", the_first_rejected_packets_of_a_second_are_shown),
    ("a_removed_group_is_a_stranger", a_removed_group_is_a_stranger),
    ("a_stranger_is_remembered_with_what_was_wrong", a_stranger_is_remembered_with_what_was_wrong),
];

const OURS: [u8; 4] = [10, 0, 0, 2];
const PEER: [u8; 4] = [10, 0, 0, 1];
const PEER6: [u8; 16] = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
const VIPS: Addresses<'static> = Addresses::Ipv4(&[[10, 0, 0, 3]]);
const VIPS6: Addresses<'static> = Addresses::Ipv6(&[[0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 1]]);
const PASSWORD: [u8; 8] = *b"1111\0\0\0\0";

fn every_fixture_gets_its_verdict_from_both_carriers() -> Result<(), Failed> {
    let mut bench = Bench::new()?;
    for (index, fixture) in (0..).zip(fixtures::all()?) {
        // A group of its own for each fixture, by its tag.
        let key = GroupKey::new(LOOPBACK, index + 1, fixture.family() as u8, fixture.vrid());
        bench.expect(key, Expected { index, ..fixture.expected })?;
        let frame = frames::ip_frame(&[index as u16 + 1], &fixture.packet);
        let Due::Ours { verdict, .. } = bench.due(&frame) else {
            return Err(format!("{}: the checks do not find the group", fixture.name).into());
        };
        ensure(verdict.err() == fixture.rejected, || {
            format!("{}: the checks say {verdict:?}", fixture.name)
        })?;
        bench.run(&frame)?;
        let counters = bench.program.view().counters(index);
        ensure(counters == moved(&verdict), || {
            format!("{}: the program counts {:?}, the checks say {verdict:?}", fixture.name, named(&counters))
        })?;
        let (rang, due) = (bench.records().len(), usize::from(fixture.rejected.is_none()));
        ensure(rang == due, || format!("{}: rang {rang} times", fixture.name))?;
        for note in &fixture.notes {
            let counted = named(&counters).iter().any(|(label, _)| label == note);
            ensure(counted, || format!("{}: no {note}", fixture.name))?;
        }
    }
    Ok(())
}

fn no_rejected_packet_rings_or_touches_a_slot() -> Result<(), Failed> {
    let mut bench = Bench::new()?;
    let fixtures = fixtures::all()?;
    let mut tried = 0;
    for (index, fixture) in (0..).zip(fixtures.iter().filter(|fixture| fixture.rejected.is_some())) {
        let vlan = index + 1;
        let key = GroupKey::new(LOOPBACK, vlan, fixture.family() as u8, fixture.vrid());
        let expected = Expected { index, ..fixture.expected };
        bench.expect(key, expected)?;
        // The slot of somebody who is heard, and who sent the bad one too for all that the program knows.
        let good = |packet: &Vec<u8>| {
            let frame = frames::ip_frame(&[vlan as u16], packet);
            matches!(bench.due(&frame), Due::Ours { verdict: Ok(_), .. })
        };
        let mut packets = fixtures.iter().map(|other| other.packet.clone());
        let packet = packets.find(good).or_else(|| Some(without_trailer(&fixture.packet)).filter(good));
        let packet = packet.ok_or_else(|| format!("{}: no good advert for its group", fixture.name))?;
        bench.run(&frames::ip_frame(&[vlan as u16], &packet))?;
        ensure(bench.records().len() == 1, || format!("{}: a good one does not ring", fixture.name))?;
        let slots = |bench: &Bench| bench.program.view().slots(index).map(|row| row.slots);
        let before = slots(&bench);
        for _ in 0..3 {
            bench.run(&frames::ip_frame(&[vlan as u16], &fixture.packet))?;
        }
        ensure(slots(&bench) == before, || format!("{}: {before:?} became something else", fixture.name))?;
        let records = bench.records();
        ensure(records.is_empty(), || format!("{}: rang {records:?}", fixture.name))?;
        tried += 1;
    }
    ensure(tried >= 20, || format!("{tried} rejected packets"))
}

/// An IPv4 packet without keepalived's trailer, which no checksum of it covers.
fn without_trailer(packet: &[u8]) -> Vec<u8> {
    let mut packet = packet[..packet.len().saturating_sub(HMAC_TRAILER_LENGTH)].to_vec();
    let total = (packet.len() as u16).to_be_bytes();
    if let Some(length) = packet.get_mut(2..4) {
        length.copy_from_slice(&total);
    }
    packet
}

/// A good advert of the version, before it is spoilt.
fn good(version: Version) -> Advert<'static> {
    Advert {
        version,
        vrid: Vrid::new(50).unwrap_or_else(|| unreachable!()),
        priority: Priority::from_wire(150),
        interval: AdvertInterval::DEFAULT,
        authentication: match version {
            Version::V2 => Authentication::Password(PASSWORD),
            Version::V3 => Authentication::None,
        },
        checksum: ChecksumForm::PseudoHeader,
        source: ipv4::widened(PEER),
        destination: ipv4::widened(ipv4::VRRP_GROUP),
        addresses: VIPS,
    }
}

fn expected(version: Version, index: u32) -> Expected {
    Expected {
        own_mac: [0x02, 0, 0, 0, 0, 0x02],
        index,
        generation: 7,
        own_source: ipv4::widened(OURS),
        active_source: [0; 16],
        destination: ipv4::widened(ipv4::VRRP_GROUP),
        auth_data: PASSWORD,
        addresses: VIPS.fingerprint(),
        interval: 100,
        count: 1,
        version: version as u8,
        auth_type: if version == Version::V2 { 1 } else { 0 },
        flags: 0,
    }
}

/// Writes the checksum that the message's bytes ask for: with the IPv4 pseudo-header for version 3.
fn resum(packet: &mut [u8]) {
    let message = ipv4::HEADER_LENGTH;
    packet[message + 6..message + 8].fill(0);
    let length = packet.len() - message;
    let Some(mut sum) = checksum::sum(&&packet[..], message, length / 4) else { return };
    if packet[message] >> 4 != 2 {
        let address = |at: usize| ipv4::widened([packet[at], packet[at + 1], packet[at + 2], packet[at + 3]]);
        sum = sum.pseudo_header(&address(12), &address(16), length as u16);
    }
    packet[message + 6..message + 8].copy_from_slice(&sum.checksum());
}

/// The packet of an advert after `spoil` had it, with its checksum made right again.
fn spoilt(version: Version, spoil: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut packet = frames::ipv4_packet(PEER, ipv4::VRRP_GROUP, 255, &frames::message(&good(version)));
    spoil(&mut packet);
    let total = (packet.len() as u16).to_be_bytes();
    packet[2..4].copy_from_slice(&total);
    resum(&mut packet);
    packet
}

#[rustfmt::skip]
fn spoilt_packets() -> Vec<(Option<Reason>, Version, Vec<u8>)> {
    use Version::{V2, V3};
    const MESSAGE: usize = ipv4::HEADER_LENGTH;
    let bad_sum = |version| {
        let mut packet = spoilt(version, |_| ());
        packet[MESSAGE + 7] ^= 1;
        packet
    };
    vec![
        (None, V2, spoilt(V2, |_| ())),
        (None, V3, spoilt(V3, |_| ())),
        (Some(Reason::Ttl), V3, spoilt(V3, |p| p[8] = 254)),
        (Some(Reason::Ttl), V2, spoilt(V2, |p| p[8] = 1)),
        (Some(Reason::Version), V3, spoilt(V2, |_| ())),
        (Some(Reason::Version), V2, spoilt(V3, |_| ())),
        (Some(Reason::Version), V3, spoilt(V3, |p| p[MESSAGE] = 0x41)),
        (Some(Reason::Type), V3, spoilt(V3, |p| p[MESSAGE] = 0x32)),
        (Some(Reason::Type), V2, spoilt(V2, |p| p[MESSAGE] = 0x20)),
        (Some(Reason::Length), V3, spoilt(V3, |p| p.truncate(MESSAGE + 8))),
        (Some(Reason::Length), V3, spoilt(V3, |p| p.extend([0; 4]))),
        (Some(Reason::Length), V2, spoilt(V2, |p| p.truncate(MESSAGE + 12))),
        (Some(Reason::Carp), V2, spoilt(V2, |p| { p[MESSAGE + 3] = 7; p.extend([0; 16]); })),
        (Some(Reason::AuthTrailer), V3, spoilt(V3, |p| p.extend([9; HMAC_TRAILER_LENGTH]))),
        (Some(Reason::Checksum), V3, bad_sum(V3)),
        (Some(Reason::Checksum), V2, bad_sum(V2)),
        (Some(Reason::CountZero), V3, spoilt(V3, |p| { p[MESSAGE + 3] = 0; p.truncate(MESSAGE + 8); })),
        (Some(Reason::IntervalZero), V3, spoilt(V3, |p| p[MESSAGE + 4..MESSAGE + 6].fill(0))),
        (Some(Reason::IntervalZero), V2, spoilt(V2, |p| p[MESSAGE + 5] = 0)),
        (Some(Reason::AuthTypeInvalid), V2, spoilt(V2, |p| p[MESSAGE + 4] = 3)),
        (Some(Reason::AuthTypeMismatch), V2, spoilt(V2, |p| p[MESSAGE + 4] = 0)),
        (Some(Reason::AuthFailure), V2, spoilt(V2, |p| p[MESSAGE + 12] ^= 1)),
        (Some(Reason::AuthFailure), V2, spoilt(V2, |p| p[MESSAGE + 19] ^= 1)),
        (Some(Reason::Interval), V2, spoilt(V2, |p| p[MESSAGE + 5] = 2)),
        (None, V3, spoilt(V3, |p| p[MESSAGE + 5] = 10)),
        (Some(Reason::Destination), V3, spoilt(V3, |p| p[16..20].copy_from_slice(&OURS))),
        (Some(Reason::OwnSource), V3, spoilt(V3, |p| p[12..16].copy_from_slice(&OURS))),
        (None, V3, spoilt(V3, |p| p[MESSAGE + 2] = 0)),
        (None, V3, spoilt(V3, |p| p[MESSAGE + 2] = 255)),
    ]
}

fn every_reason_is_told_apart() -> Result<(), Failed> {
    let mut bench = Bench::new()?;
    for (index, (reason, version, packet)) in (0..).zip(spoilt_packets()) {
        let vlan = index + 100;
        bench.expect(GroupKey::new(LOOPBACK, vlan, Family::Ipv4 as u8, 50), expected(version, index))?;
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
        let stored = bench.slot(index, &ipv4::widened(PEER));
        ensure(stored.is_some() == reason.is_none(), || format!("{reason:?}: slot {stored:?}"))?;
    }
    let tested = spoilt_packets();
    // The group is known by then; peers have tests of their own.
    let elsewhere = [Reason::UnknownGroup, Reason::UnknownPeer];
    for reason in Reason::ALL.iter().filter(|reason| !elsewhere.contains(reason)) {
        ensure(tested.iter().any(|(tested, ..)| *tested == Some(*reason)), || {
            format!("{reason:?} is untested")
        })?;
    }
    Ok(())
}

fn tags_name_the_group() -> Result<(), Failed> {
    let packet = spoilt(Version::V3, |_| ());
    let mut bench = Bench::new()?;
    for (index, vlans) in (0..).zip([0, 7, 7 | 9 << 12]) {
        bench.expect(GroupKey::new(LOOPBACK, vlans, 4, 50), expected(Version::V3, index))?;
    }
    for (index, tags) in [&[][..], &[7], &[7, 9]].into_iter().enumerate() {
        bench.run(&frames::ip_frame(tags, &packet))?;
        let accepted: Vec<u64> = (0..3).map(|index| bench.program.view().counters(index)[0]).collect();
        let due: Vec<u64> = (0..3).map(|other| u64::from(other <= index)).collect();
        ensure(accepted == due, || {
            format!("tags {tags:?}: accepted by row {accepted:?} instead of {due:?}")
        })?;
    }
    let action = bench.run(&frames::ip_frame(&[7, 9, 11], &packet))?;
    let rows: u64 = (0..3).map(|index| bench.program.view().counters(index).iter().sum::<u64>()).sum();
    // Three accepted adverts, each counted by its checksum's form too.
    ensure(action == PASS && rows == 6, || format!("three tags: action {action}, {rows} counted"))
}

fn padding_behind_the_packet_is_not_read() -> Result<(), Failed> {
    let mut bench = Bench::new()?;
    bench.expect(group(Family::Ipv4, 50), expected(Version::V3, 0))?;
    let mut frame = frames::ip_frame(&[], &spoilt(Version::V3, |_| ()));
    frame.resize(60, 0xee);
    bench.run(&frame)?;
    ensure(bench.program.view().counters(0)[Counter::Accepted.slot() as usize] == 1, || {
        "padded, not accepted".into()
    })
}

fn what_is_not_ours_passes() -> Result<(), Failed> {
    let mut bench = Bench::new()?;
    bench.expect(group(Family::Ipv4, 50), expected(Version::V3, 0))?;
    let good = spoilt(Version::V3, |_| ());
    let mut fragment = good.clone();
    fragment[6] = 0x20;
    let mut later_fragment = good.clone();
    later_fragment[7] = 1;
    let mut version_6_in_4 = good.clone();
    version_6_in_4[0] = 0x65;
    let mut short_header = good.clone();
    short_header[0] = 0x44;
    let mut long = good.clone();
    long[2..4].copy_from_slice(&2000u16.to_be_bytes());
    let frames = [
        ("TCP", frames::ip_frame(&[], &frames::tcp_packet())),
        ("a fragment", frames::ip_frame(&[], &fragment)),
        ("a later fragment", frames::ip_frame(&[], &later_fragment)),
        ("IPv6 in an IPv4 frame", frames::frame(&[], 0x0800, &version_6_in_4)),
        ("a header too short", frames::ip_frame(&[], &short_header)),
        ("a packet too long", frames::ip_frame(&[], &long)),
        ("an unknown EtherType", frames::frame(&[], 0x88cc, &good)),
        ("a bare header", frames::frame(&[], 0x0800, &[])),
        ("half an IPv4 header", frames::frame(&[], 0x0800, &good[..12])),
        ("half an IPv6 header", frames::frame(&[], 0x86dd, &[0x60; 20])),
    ];
    for (what, frame) in frames {
        let action = bench.run(&frame)?;
        let counters = bench.program.view().counters(0);
        ensure(action == PASS, || format!("{what}: action {action}"))?;
        ensure(counters.iter().all(|value| *value == 0), || format!("{what}: {:?}", named(&counters)))?;
    }
    let strangers = bench.program.view().strangers().len();
    ensure(strangers == 0, || format!("{strangers} strangers"))
}

fn the_first_rejected_packets_of_a_second_are_shown() -> Result<(), Failed> {
    const PACKETS: u64 = 64;
    let mut bench = Bench::new()?;
    bench.expect(group(Family::Ipv4, 50), expected(Version::V3, 0))?;
    let frame = frames::ip_frame(&[], &spoilt(Version::V3, |packet| packet[8] = 64));
    let mut shown = 0;
    for _ in 0..PACKETS {
        match bench.run(&frame)? {
            PASS => shown += 1,
            DROP => (),
            action => return Err(format!("action {action}").into()),
        }
    }
    // The second may turn meanwhile, once.
    let due = [SHOWN_PER_SECOND, 2 * SHOWN_PER_SECOND];
    ensure(due.contains(&shown), || format!("{shown} shown"))?;
    let counted = bench.program.view().counters(0)[Counter::Rejected(Reason::Ttl).slot() as usize];
    ensure(counted == PACKETS, || format!("{counted} counted"))
}

fn a_removed_group_is_a_stranger() -> Result<(), Failed> {
    let mut bench = Bench::new()?;
    let key = group(Family::Ipv4, 50);
    bench.expect(key, expected(Version::V3, 0))?;
    bench.program.remove_instance(key)?;
    bench.program.remove_instance(key)?;
    let bad = frames::ip_frame(&[], &spoilt(Version::V3, |packet| packet[8] = 64));
    ensure(bench.run(&bad)? == PASS, || "a bad advert of a stranger is dropped".into())?;
    let counters = bench.program.view().counters(0);
    ensure(counters.iter().all(|value| *value == 0), || format!("{:?}", named(&counters)))
}

fn a_stranger_is_remembered_with_what_was_wrong() -> Result<(), Failed> {
    let mut bench = Bench::new()?;
    let frame = |packet: &[u8]| frames::ip_frame(&[], packet);
    for _ in 0..3 {
        bench.run(&frame(&spoilt(Version::V3, |_| ())))?;
    }
    bench.run(&frame(&spoilt(Version::V3, |packet| packet[8] = 64)))?;
    let key = StrangerKey { source: ipv4::widened(PEER), group: group(Family::Ipv4, 50) };
    let stranger = bench.program.view().stranger(key).ok_or("the stranger is not there")?;
    let seen =
        (stranger.arrivals.received, stranger.interval, stranger.version, stranger.priority, stranger.count);
    ensure(seen == (3, 100, 3, 150, 1), || format!("{stranger:?}"))?;
    ensure(stranger.rejected[Reason::Ttl as usize] == 1, || format!("{stranger:?}"))?;
    ensure(stranger.first > 0 && stranger.first <= stranger.last, || format!("{stranger:?}"))?;
    // Too short to say whose it is.
    bench.run(&frame(&spoilt(Version::V3, |packet| packet.truncate(ipv4::HEADER_LENGTH + 8)))[..14 + 24])?;
    let key = StrangerKey { group: group(Family::Ipv4, 0), ..key };
    let stranger = bench.program.view().stranger(key).ok_or("the unreadable stranger is not there")?;
    ensure(stranger.arrivals.received == 0, || format!("{stranger:?}"))?;
    // IPv6 likewise.
    let advert =
        Advert { source: PEER6, destination: ipv6::VRRP_GROUP, addresses: VIPS6, ..good(Version::V3) };
    let packet = frames::ipv6_packet(PEER6, ipv6::VRRP_GROUP, 255, &frames::message(&advert));
    bench.run(&frame(&packet))?;
    let key = StrangerKey { source: PEER6, group: group(Family::Ipv6, 50) };
    let stranger = bench.program.view().stranger(key).ok_or("the IPv6 stranger is not there")?;
    ensure(stranger.arrivals.received == 1, || format!("{stranger:?}"))?;
    let listed = bench.program.view().strangers().len();
    ensure(listed == 3, || format!("{listed} strangers"))
}
