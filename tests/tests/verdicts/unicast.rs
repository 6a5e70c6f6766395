//! Groups that do not speak to the RFC's address: unicast with its peers, and another multicast group.

use lab::frames;
use libtest_mimic::Failed;
use regent_common::{
    AdvertInterval, Counter, Family, Priority, Reason, Version, Vrid,
    advert::{Addresses, Advert, Authentication, ChecksumForm},
    ipv4, ipv6,
    map::{Expected, GroupKey, Peer, PeerKey, flag},
};

use crate::{
    Test,
    bench::{Bench, Due, LOOPBACK, ensure, group, moved, named},
};

pub const TESTS: &[Test] = &[
    ("a_peer_has_bounds_of_its_own_for_the_ttl", a_peer_has_bounds_of_its_own_for_the_ttl),
    ("a_source_that_is_no_peer_is_rejected_when_sources_are_checked", sources_are_checked_when_asked_for),
    ("unicast_must_be_addressed_to_us", unicast_must_be_addressed_to_us),
    ("another_multicast_group_is_as_good_as_the_rfcs", another_multicast_group_is_as_good_as_the_rfcs),
    ("a_checksum_that_names_the_group_is_accepted_for_unicast_alone", old_checksums_are_for_unicast_alone),
    ("peers_belong_to_their_instance", peers_belong_to_their_instance),
];

const OURS: [u8; 4] = [10, 0, 0, 2];
const PEER: [u8; 4] = [10, 0, 0, 1];
const OURS6: [u8; 16] = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];
const PEER6: [u8; 16] = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
const VIPS: Addresses<'static> = Addresses::Ipv4(&[[10, 0, 0, 3]]);
const VIPS6: Addresses<'static> = Addresses::Ipv6(&[[0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 1]]);

/// Both ends of a family.
fn ends(family: Family) -> ([u8; 16], [u8; 16]) {
    match family {
        Family::Ipv4 => (ipv4::widened(PEER), ipv4::widened(OURS)),
        Family::Ipv6 => (PEER6, OURS6),
    }
}

fn advert(family: Family) -> Advert<'static> {
    let (source, destination) = ends(family);
    Advert {
        version: Version::V3,
        vrid: Vrid::new(50).unwrap_or_else(|| unreachable!()),
        priority: Priority::from_wire(150),
        interval: AdvertInterval::DEFAULT,
        authentication: Authentication::None,
        checksum: ChecksumForm::PseudoHeader,
        source,
        destination,
        addresses: match family {
            Family::Ipv4 => VIPS,
            Family::Ipv6 => VIPS6,
        },
    }
}

fn frame(advert: &Advert<'_>, ttl: u8) -> Vec<u8> {
    let message = frames::message(advert);
    let four = |address: [u8; 16]| [address[0], address[1], address[2], address[3]];
    let packet = match advert.addresses.family() {
        Family::Ipv4 => frames::ipv4_packet(four(advert.source), four(advert.destination), ttl, &message),
        Family::Ipv6 => frames::ipv6_packet(advert.source, advert.destination, ttl, &message),
    };
    frames::ip_frame(&[], &packet)
}

fn expected(family: Family, index: u32, flags: u8) -> Expected {
    let (_, ours) = ends(family);
    Expected {
        index,
        generation: 7,
        own_source: ours,
        active_source: [0; 16],
        destination: ours,
        auth_data: [0; 8],
        addresses: advert(family).addresses.fingerprint(),
        interval: 100,
        count: 1,
        version: 3,
        auth_type: 0,
        flags,
        own_mac: [0x02, 0, 0, 0, 0, 0x02],
    }
}

/// Runs the frame, and compares the verdict of the checks, what the program counts, and what is due.
fn judged(bench: &mut Bench, frame: &[u8], due: Option<Reason>, what: &str) -> Result<(), Failed> {
    let Due::Ours { index, verdict } = bench.due(frame) else {
        return Err(format!("{what}: the checks do not find the group").into());
    };
    ensure(verdict.err() == due, || format!("{what}: instead of {due:?} the checks say {verdict:?}"))?;
    bench.program.clear_row(index)?;
    bench.records();
    bench.run(frame)?;
    let counters = bench.program.view().counters(index);
    ensure(counters == moved(&verdict), || {
        format!("{what}: instead of {due:?} the program counts {:?}", named(&counters))
    })?;
    let rang = bench.records().len();
    ensure(rang == usize::from(due.is_none()), || format!("{what}: {due:?} rang {rang} times"))
}

fn a_peer_has_bounds_of_its_own_for_the_ttl() -> Result<(), Failed> {
    for family in [Family::Ipv4, Family::Ipv6] {
        for flags in [flag::UNICAST, flag::UNICAST | flag::CHECK_SOURCE] {
            let mut bench = Bench::new()?;
            bench.expect(group(family, 50), expected(family, 3, flags))?;
            bench.peer(PeerKey::new(ends(family).0, 3), Peer::new(60, 64))?;
            for (ttl, due) in [(59, Some(Reason::Ttl)), (60, None), (64, None), (65, Some(Reason::Ttl))] {
                judged(&mut bench, &frame(&advert(family), ttl), due, &format!("{family}, TTL {ttl}"))?;
            }
            bench.peer(PeerKey::new(ends(family).0, 4), Peer::new(0, 255))?;
            judged(&mut bench, &frame(&advert(family), 255), Some(Reason::Ttl), "bounds of another row")?;
        }
    }
    Ok(())
}

fn sources_are_checked_when_asked_for() -> Result<(), Failed> {
    for family in [Family::Ipv4, Family::Ipv6] {
        let (peer, _) = ends(family);
        let mut stranger = peer;
        stranger[3] ^= 0x40;
        for (flags, due) in
            [(flag::UNICAST, None), (flag::UNICAST | flag::CHECK_SOURCE, Some(Reason::UnknownPeer))]
        {
            let mut bench = Bench::new()?;
            bench.expect(group(family, 50), expected(family, 3, flags))?;
            bench.peer(PeerKey::new(peer, 3), Peer::new(0, 255))?;
            let from_stranger = Advert { source: stranger, ..advert(family) };
            for ttl in [0, 1, 255] {
                let what = format!("{family}, flags {flags}, TTL {ttl}");
                judged(&mut bench, &frame(&advert(family), ttl), None, &what)?;
                judged(&mut bench, &frame(&from_stranger, ttl), due, &what)?;
            }
            // Among several faults the first check names the reason: the source comes late.
            let mut bad = frame(&from_stranger, 255);
            let last = bad.len() - 1;
            bad[last] ^= 1;
            judged(&mut bench, &bad, Some(Reason::Checksum), "a stranger's bad checksum")?;
        }
    }
    Ok(())
}

fn unicast_must_be_addressed_to_us() -> Result<(), Failed> {
    for family in [Family::Ipv4, Family::Ipv6] {
        let mut bench = Bench::new()?;
        bench.expect(group(family, 50), expected(family, 3, flag::UNICAST))?;
        let (peer, ours) = ends(family);
        bench.peer(PeerKey::new(peer, 3), Peer::new(0, 255))?;
        let mut another = ours;
        another[3] ^= 0x40;
        let group = match family {
            Family::Ipv4 => ipv4::widened(ipv4::VRRP_GROUP),
            Family::Ipv6 => ipv6::VRRP_GROUP,
        };
        for (destination, due) in
            [(ours, None), (another, Some(Reason::Destination)), (group, Some(Reason::Destination))]
        {
            let sent = Advert { destination, ..advert(family) };
            judged(&mut bench, &frame(&sent, 255), due, &format!("to {destination:?}"))?;
        }
    }
    Ok(())
}

fn another_multicast_group_is_as_good_as_the_rfcs() -> Result<(), Failed> {
    for family in [Family::Ipv4, Family::Ipv6] {
        let (rfc, another) = match family {
            Family::Ipv4 => (ipv4::widened(ipv4::VRRP_GROUP), ipv4::widened([224, 0, 0, 81])),
            Family::Ipv6 => (ipv6::VRRP_GROUP, {
                let mut group = ipv6::VRRP_GROUP;
                group[15] = 0x81;
                group
            }),
        };
        let mut bench = Bench::new()?;
        bench.expect(group(family, 50), Expected { destination: another, ..expected(family, 3, 0) })?;
        for (destination, due) in [(another, None), (rfc, Some(Reason::Destination))] {
            let sent = Advert { destination, ..advert(family) };
            judged(&mut bench, &frame(&sent, 255), due, &format!("to {destination:?}"))?;
            // RFC 9568 §7.1 asks for 255 whatever the group's address is.
            judged(&mut bench, &frame(&sent, 254), Some(Reason::Ttl), "a lower TTL")?;
        }
    }
    Ok(())
}

fn old_checksums_are_for_unicast_alone() -> Result<(), Failed> {
    let mut bench = Bench::new()?;
    bench.expect(group(Family::Ipv4, 50), expected(Family::Ipv4, 3, flag::UNICAST))?;
    let counted = |bench: &Bench, counter: Counter| bench.program.view().counters(3)[counter.slot() as usize];
    for (form, counter) in [
        (ChecksumForm::PseudoHeader, Counter::ChecksumPseudoHeader),
        (ChecksumForm::MessageOnly, Counter::ChecksumMessageOnly),
        (ChecksumForm::OldUnicast, Counter::ChecksumOldUnicast),
    ] {
        let advert = Advert { checksum: form, ..advert(Family::Ipv4) };
        judged(&mut bench, &frame(&advert, 255), None, &format!("{form:?}"))?;
        ensure(counted(&bench, counter) == 1, || format!("{form:?} is not counted"))?;
    }
    // The same sum in a group that speaks multicast, to its own address.
    let old = Advert { checksum: ChecksumForm::OldUnicast, ..advert(Family::Ipv4) };
    bench.expect(GroupKey::new(LOOPBACK, 7, 4, 50), expected(Family::Ipv4, 4, 0))?;
    let tagged = frames::ip_frame(&[7], &frame(&old, 255)[14..]);
    judged(&mut bench, &tagged, Some(Reason::Checksum), "multicast")
}

fn peers_belong_to_their_instance() -> Result<(), Failed> {
    let mut bench = Bench::new()?;
    let flags = flag::UNICAST | flag::CHECK_SOURCE;
    bench.expect(group(Family::Ipv4, 50), expected(Family::Ipv4, 3, flags))?;
    let key = PeerKey::new(ipv4::widened(PEER), 3);
    let sent = frame(&advert(Family::Ipv4), 255);
    let accepted = |bench: &mut Bench| -> Result<bool, Failed> {
        bench.program.clear_row(3)?;
        bench.run(&sent)?;
        Ok(bench.program.view().counters(3)[Counter::Accepted.slot() as usize] == 1)
    };
    ensure(!accepted(&mut bench)?, || "accepted before it is a peer".into())?;
    bench.program.set_peer(key, Peer::new(0, 255))?;
    ensure(accepted(&mut bench)?, || "a peer is not accepted".into())?;
    bench.program.remove_peer(key)?;
    bench.program.remove_peer(key)?;
    ensure(!accepted(&mut bench)?, || "accepted after it is no peer any more".into())
}
