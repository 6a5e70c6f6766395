//! The program and the common checks on the same bytes: 120,000 mutated packets, one verdict each.

use lab::{
    fixtures::{self, Fixture},
    frames,
};
use libtest_mimic::Failed;
use regent_agent::net::xdp::Entry;
use regent_common::{
    Counter, Family, Reason,
    advert::note,
    checksum::Sum,
    ipv4, ipv6,
    map::{Expected, GroupKey, Peer, PeerKey, flag},
};

use crate::{
    Test,
    bench::{Bench, DROP, Due, LOOPBACK, PASS, VRRP, ensure, gained, moved, named},
};

pub const TESTS: &[Test] = &[
    ("the_program_and_the_checks_agree_on_mutated_packets", the_program_and_the_checks_agree),
    ("the_verifier_walks_less_than_its_budget", the_verifier_walks_less_than_its_budget),
];

const PACKETS: usize = 120_000;
/// REGENT_SEED repeats a run.
pub const SEED: u64 = 0x5eed_0112;
/// Tags of the groups; the last is in none.
const TAGS: [&[u16]; 7] = [&[], &[10], &[20], &[30], &[40], &[50], &[10, 20]];
/// Tags of the groups that speak unicast, the first of which check their sources.
const UNICAST: [&[u16]; 2] = [&[40], &[50]];
/// The groups: each is configured as this fixture's.
const PROFILES: &[(&[u16], Family, &str)] = &[
    (&[], Family::Ipv4, "frr-8.4.4-v2_ipv4_priority_200"),
    (&[10], Family::Ipv4, "keepalived-2.2.7-v2-pass_ipv4_priority_100"),
    (&[20], Family::Ipv4, "keepalived-2.2.7-v3_ipv4_priority_100"),
    (&[30], Family::Ipv4, "crafted_ipv4_version_3_priority_255"),
    (&[40], Family::Ipv4, "keepalived-2.2.7-v3_ipv4_priority_100"),
    (&[50], Family::Ipv4, "keepalived-2.2.7-v3_ipv4_priority_100"),
    (&[], Family::Ipv6, "frr-8.4.4-v3_ipv6_priority_200"),
    (&[10], Family::Ipv6, "crafted_ipv6_version_3_baseline_link-local_first"),
    (&[20], Family::Ipv6, "keepalived-2.2.7-v2_ipv6_priority_200"),
    (&[30], Family::Ipv6, "keepalived-2.2.7-v2-pass_ipv6_priority_200"),
    (&[40], Family::Ipv6, "frr-8.4.4-v3_ipv6_priority_200"),
    (&[50], Family::Ipv6, "frr-8.4.4-v3_ipv6_priority_200"),
];
/// Where unicast is addressed to.
const OURS: [u8; 4] = [10, 55, 0, 3];
const OURS6: [u8; 16] = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 3];
/// Instructions that the verifier may walk, of the million that it would. 6.18 walks 14,693 and 6.1 12,876.
const VERIFIED: u32 = 20_000;

/// A small generator (xorshift64*), so that a run can be repeated.
pub struct Chance(pub u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Below `limit`, which is not 0.
    pub fn below(&mut self, limit: usize) -> usize {
        ((u128::from(self.next()) * limit as u128) >> 64) as usize
    }

    pub fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    pub fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }
}

fn the_program_and_the_checks_agree() -> Result<(), Failed> {
    let seed = std::env::var("REGENT_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(SEED);
    println!("seed {seed}");
    let mut chance = Chance(seed);
    let fixtures = fixtures::all()?;
    let mut packets: Vec<Vec<u8>> = fixtures.iter().map(|fixture| fixture.packet.clone()).collect();
    packets.push(carp());
    let mut bench = Bench::new()?;
    for (index, (tags, family, profile)) in (0..).zip(PROFILES) {
        let fixture = fixtures.iter().find(|fixture| fixture.name == *profile).ok_or("no such fixture")?;
        let vlans = u32::from(tags.first().copied().unwrap_or_default());
        let mut expected = Expected { index, own_source: ipv4::widened(OURS), ..fixture.expected };
        if UNICAST.contains(tags) {
            expected.destination = match family {
                Family::Ipv4 => ipv4::widened(OURS),
                Family::Ipv6 => OURS6,
            };
            expected.flags |= flag::UNICAST | if *tags == UNICAST[0] { flag::CHECK_SOURCE } else { 0 };
            bench.peer(PeerKey::new(source(fixture), index), Peer::new(64, 255))?;
        }
        bench.expect(GroupKey::new(LOOPBACK, vlans, *family as u8, 5), expected)?;
    }
    let mut tally = Tally::default();
    for number in 0..PACKETS {
        let frame = mutated(&mut chance, &packets);
        compare(&mut bench, &frame, &mut tally).map_err(|failed| {
            format!("seed {seed}, packet {number}, {frame:02x?}: {}", failed.message().unwrap_or_default())
        })?;
    }
    println!("{tally:?}");
    // A run in which one of these hardly occurs tests little.
    let each = [tally.accepted, tally.rejected, tally.strangers, tally.foreign];
    ensure(each.iter().all(|count| *count > PACKETS / 50), || format!("too one-sided: {tally:?}"))?;
    for reason in Reason::ALL.iter().filter(|reason| !matches!(reason, Reason::UnknownGroup)) {
        ensure(tally.reasons[*reason as usize] > 0, || format!("{reason:?} never occurred: {tally:?}"))?;
    }
    let rare = note::OWNER_CONFLICT;
    let all = (note::CHECKSUM_OLD_UNICAST << 1) - 1 - rare;
    ensure(tally.notes == all, || format!("notes {:#b} instead of {all:#b}: {tally:?}", tally.notes))
}

/// The sender of a fixture's packet.
fn source(fixture: &Fixture) -> [u8; 16] {
    let bytes = |at: usize, length: usize| fixture.packet.get(at..at + length);
    match fixture.family() {
        Family::Ipv4 => bytes(12, 4).and_then(|four| four.try_into().ok()).map(ipv4::widened),
        Family::Ipv6 => bytes(8, 16).and_then(|sixteen| sixteen.try_into().ok()),
    }
    .unwrap_or_default()
}

/// What occurred.
#[derive(Debug, Default)]
struct Tally {
    accepted: usize,
    rejected: usize,
    strangers: usize,
    foreign: usize,
    reasons: [usize; Reason::COUNT],
    /// All that was noted of accepted ones.
    notes: u16,
}

fn compare(bench: &mut Bench, frame: &[u8], tally: &mut Tally) -> Result<(), Failed> {
    let due = bench.due(frame);
    match due {
        Due::Nothing => {
            tally.foreign += 1;
            let action = bench.run(frame)?;
            ensure(action == PASS, || format!("not ours, action {action}"))
        }
        Due::Stranger { key, verdict } => {
            tally.strangers += 1;
            let before = bench.program.view().stranger(key);
            let action = bench.run(frame)?;
            ensure(action == PASS, || format!("a stranger, action {action}"))?;
            let after = bench.program.view().stranger(key).ok_or("the stranger is not remembered")?;
            let (received, rejected) =
                before.map_or((0, [0; _]), |old| (old.arrivals.received, old.rejected));
            let (mut due_received, mut due_rejected) = (received, rejected);
            match verdict {
                Ok(heard) => {
                    due_received += 1;
                    ensure((after.interval, after.count) == (heard.interval, heard.count), || {
                        format!("{after:?}")
                    })?;
                }
                Err(reason) => due_rejected[reason as usize] += 1,
            }
            ensure(after.arrivals.received == due_received && after.rejected == due_rejected, || {
                format!("the checks say {verdict:?}, the program went from {before:?} to {after:?}")
            })
        }
        Due::Ours { index, verdict } => {
            let before = bench.program.view().counters(index);
            let action = bench.run(frame)?;
            let gained = gained(&before, &bench.program.view().counters(index));
            let mut due = moved(&verdict);
            match &verdict {
                Ok(heard) => {
                    tally.accepted += 1;
                    tally.notes |= heard.notes;
                    ensure(action == PASS, || format!("accepted, action {action}"))?;
                    // What becomes of it afterwards depends on those before it.
                    for counter in [Counter::RingBudget, Counter::RingFull, Counter::SlotEvicted] {
                        due[counter.slot() as usize] = gained[counter.slot() as usize];
                    }
                    let slot = bench.slot(index, &heard.source).ok_or("accepted, and in no slot")?;
                    ensure(slot.heard == *heard, || format!("{heard:?} became {:?}", slot.heard))?;
                }
                Err(reason) => {
                    tally.rejected += 1;
                    tally.reasons[*reason as usize] += 1;
                    ensure(action == DROP || action == PASS, || format!("rejected, action {action}"))?;
                }
            }
            for record in bench.records() {
                ensure(verdict == Ok(record.heard), || format!("{verdict:?} rang as {record:?}"))?;
            }
            ensure(gained == due, || {
                format!("the checks say {verdict:?}, the program counts {:?}", named(&gained))
            })
        }
    }
}

/// A frame around a mutated packet. Half of them get a right checksum again, so that later checks are reached.
fn mutated(chance: &mut Chance, packets: &[Vec<u8>]) -> Vec<u8> {
    let mut packet = chance.pick(packets).clone();
    for _ in 0..chance.below(4) {
        mutate(chance, &mut packet, packets);
    }
    let tags = tags(chance, &packet);
    if UNICAST.contains(&tags) && !chance.one_in(8) {
        address_to_us(&mut packet);
    }
    if chance.one_in(2) {
        resum(&mut packet, *chance.pick(&[Form::Right, Form::Right, Form::MessageOnly, Form::OldUnicast]));
    }
    let mut frame = frames::ip_frame(tags, &packet);
    if chance.one_in(20) {
        frame.truncate(ipv4::HEADER_LENGTH + chance.below(frame.len()));
    }
    if chance.one_in(50) {
        let at = chance.below(frame.len());
        frame[at] ^= 1 << chance.below(8);
    }
    frame
}

/// The tags of any group, but mostly of one that speaks the packet's version.
fn tags(chance: &mut Chance, packet: &[u8]) -> &'static [u16] {
    let version = packet.get(message_at(packet)).map_or(0, |first| first >> 4);
    match (version, chance.below(4)) {
        (_, 0) => chance.pick::<&[u16]>(&TAGS),
        (2, _) if packet[0] >> 4 == 6 => chance.pick::<&[u16]>(&[&[20], &[30]]),
        (2, _) => chance.pick::<&[u16]>(&[&[], &[10]]),
        (_, _) if packet[0] >> 4 == 6 => chance.pick::<&[u16]>(&[&[], &[10], &[40], &[50]]),
        (_, _) => chance.pick::<&[u16]>(&[&[20], &[30], &[40], &[50]]),
    }
}

/// Sends the packet to our own address.
fn address_to_us(packet: &mut [u8]) {
    let (at, ours) =
        if packet.first().map(|first| first >> 4) == Some(6) { (24, &OURS6[..]) } else { (16, &OURS[..]) };
    if let Some(destination) = packet.get_mut(at..at + ours.len()) {
        destination.copy_from_slice(ours);
    }
}

/// What a CARP host sends: version 2, type 1, and an authentication of seven words where VRRP has its count.
fn carp() -> Vec<u8> {
    let mut message = vec![0x21, 5, 0, 7, 0, 1, 0, 0];
    message.extend(1..=28);
    frames::ipv4_packet([10, 55, 0, 4], ipv4::VRRP_GROUP, 255, &message)
}

fn mutate(chance: &mut Chance, packet: &mut Vec<u8>, packets: &[Vec<u8>]) {
    if packet.is_empty() {
        return;
    }
    let message = message_at(packet).min(packet.len() - 1);
    match chance.below(12) {
        // A bit anywhere, or in the eight bytes that matter most.
        0 | 1 => {
            let at = chance.below(packet.len());
            packet[at] ^= 1 << chance.below(8);
        }
        2 | 3 => {
            let at = (message + chance.below(8)).min(packet.len() - 1);
            packet[at] ^= 1 << chance.below(8);
        }
        4 => {
            let at = (message + chance.below(8)).min(packet.len() - 1);
            packet[at] = *chance.pick(&[0, 1, 2, 3, 7, 8, 0x21, 0x31, 100, 254, 255]);
        }
        5 => {
            let length = chance.below(packet.len()) + 1;
            packet.truncate(length);
        }
        6 => {
            let byte = chance.next() as u8;
            packet.extend(std::iter::repeat_n(byte, chance.below(64)));
        }
        // The head of one and the tail of another.
        7 => {
            let other = chance.pick(packets);
            let at = chance.below(packet.len().min(other.len()));
            packet.truncate(at);
            packet.extend_from_slice(&other[at..]);
        }
        // Another sender, or another TTL.
        10 => {
            let at = if packet[0] >> 4 == 6 { *chance.pick(&[7, 9, 23]) } else { *chance.pick(&[8, 13, 15]) };
            if let Some(byte) = packet.get_mut(at) {
                *byte ^= *chance.pick(&[1, 0x40, 0x80, 0xc0]);
            }
        }
        // The last eight bytes, where a password stands.
        9 => {
            let at = packet.len() - 1 - chance.below(packet.len().min(8));
            packet[at] ^= 1 << chance.below(8);
        }
        // More addresses, or fewer, with the length to fit.
        8 => grow(chance, packet, message),
        _ => fit(packet),
    }
}

/// Sets the address count and makes the packet as long as it says.
fn grow(chance: &mut Chance, packet: &mut Vec<u8>, message: usize) {
    let Some(first) = packet.get(message).copied() else { return };
    let count = *chance.pick(&[0usize, 1, 2, 3, 7, 15, 16, 17, 20, 64, 100, 255]);
    if message + 4 > packet.len() {
        return;
    }
    packet[message + 3] = count as u8;
    let address = if packet[0] >> 4 == 6 { 16 } else { 4 };
    let trailer = if first >> 4 == 2 { 8 } else { 0 };
    packet.resize(message + 8 + count * address + trailer, chance.next() as u8);
    fit(packet);
}

/// Makes the IP header say how long the packet is.
fn fit(packet: &mut [u8]) {
    let length = packet.len();
    if packet[0] >> 4 == 6 && length >= ipv6::HEADER_LENGTH {
        packet[4..6].copy_from_slice(&((length - ipv6::HEADER_LENGTH) as u16).to_be_bytes());
    } else if length >= 4 {
        packet[2..4].copy_from_slice(&(length as u16).to_be_bytes());
    }
}

fn message_at(packet: &[u8]) -> usize {
    if packet[0] >> 4 == 6 { ipv6::HEADER_LENGTH } else { (packet[0] & 0x0f) as usize * 4 }
}

/// Which checksum is written.
#[derive(Clone, Copy)]
enum Form {
    /// The one of its version and family.
    Right,
    /// Without the pseudo-header, for version 3 over IPv4.
    MessageOnly,
    /// With a pseudo-header that names the group, for version 3 over IPv4.
    OldUnicast,
}

/// Writes a checksum that holds, for the length that the IP header says.
fn resum(packet: &mut [u8], form: Form) {
    let message = if packet.is_empty() { return } else { message_at(packet) };
    if packet.len() < message + 8 || packet.len() < ipv4::HEADER_LENGTH {
        return;
    }
    let six = packet[0] >> 4 == 6;
    let said = if six {
        usize::from(u16::from_be_bytes([packet[4], packet[5]]))
    } else {
        usize::from(u16::from_be_bytes([packet[2], packet[3]])).saturating_sub(message)
    };
    let end = (message + said).min(packet.len());
    if end < message + 8 {
        return;
    }
    packet[message + 6..message + 8].fill(0);
    let form = match (six, packet[message] >> 4) {
        (true, _) => Form::Right,
        (false, 2) => Form::MessageOnly,
        (false, _) => form,
    };
    let sum = words(&packet[message..end]);
    let addresses = if six { &packet[8..40] } else { &packet[12..20] };
    let sum = match form {
        Form::Right => with_pseudo_header(sum, addresses, said),
        Form::MessageOnly => sum,
        Form::OldUnicast => with_pseudo_header(sum, &[&addresses[..4], &ipv4::VRRP_GROUP].concat(), said),
    };
    packet[message + 6..message + 8].copy_from_slice(&sum.checksum());
}

fn words(bytes: &[u8]) -> Sum {
    bytes.chunks(4).fold(Sum::ZERO, |sum, chunk| {
        let mut word = [0; 4];
        word[..chunk.len()].copy_from_slice(chunk);
        sum.word(word)
    })
}

fn with_pseudo_header(sum: Sum, addresses: &[u8], length: usize) -> Sum {
    let [high, low] = (length as u16).to_be_bytes();
    sum.and(words(addresses)).word([high, low, 0, VRRP])
}

fn the_verifier_walks_less_than_its_budget() -> Result<(), Failed> {
    let mut bench = Bench::new()?;
    let mut walked = 0;
    for entry in Entry::LOADED {
        let one = bench.program.verified_instructions(entry).ok_or("the kernel does not say")?;
        println!("{entry:?}: the verifier walked {one} instructions");
        walked += one;
    }
    println!("the verifier walked {walked} instructions of {VERIFIED}");
    ensure(walked <= VERIFIED, || format!("{walked} instructions instead of {VERIFIED} at most"))
}
