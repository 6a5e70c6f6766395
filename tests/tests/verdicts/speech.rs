//! What leaves in the name of virtual addresses and of groups: the tc program of that side, by test runs and against a
//! model.

use lab::{clock::Moment, frames};
use libtest_mimic::Failed;
use regent_agent::net::xdp::Entry;
use regent_common::{
    AdvertInterval, Counter, Family, PROTOCOL, Priority, Version, Vrid,
    advert::{Addresses, Advert, Authentication, ChecksumForm},
    arp::{Arp, Operation},
    ethernet, ipv4, ipv6,
    map::{Expected, GroupKey, Stance, VipCounts, gate_flag, mode},
    ndp::{self, Neighbor, flag},
};

use crate::{
    Test,
    bench::{Bench, LOOPBACK, ensure},
    differential::{Chance, SEED},
    household::{Gating, Resident, TAGS, household, residents, tagged, turned, vlans},
    neighbors::resum,
};

pub const TESTS: &[Test] = &[
    ("a_mute_host_says_nothing_in_the_name_of_its_addresses", a_mute_host_says_nothing),
    ("an_instance_with_a_virtual_mac_speaks_from_it", an_instance_with_a_virtual_mac_speaks_from_it),
    ("what_is_not_said_by_a_virtual_address_leaves", what_is_not_said_by_a_virtual_address_leaves),
    ("the_egress_program_and_the_model_agree_on_mutated_frames", the_egress_program_and_the_model_agree),
    ("adverts_leave_from_the_virtual_mac", adverts_leave_from_the_virtual_mac),
    ("another_daemon_is_let_speak", another_daemon_is_let_speak),
];

/// "Next", and TC_ACT_SHOT.
const NEXT: u32 = u32::MAX;
const SHOT: u32 = 2;
const HOST: [u8; 4] = [10, 0, 0, 200];
const HOST6: [u8; 16] = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9];
const HOST_MAC: [u8; 6] = [2, 0, 0, 0, 0, 9];
const PORT_MAC: [u8; 6] = [2, 0, 0, 0, 0, 2];
const OURS: [u8; 4] = [10, 0, 0, 2];
const OURS6: [u8; 16] = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];
const VIRTUAL_MAC: u32 = gate_flag::VIRTUAL_MAC;

/// What the kernel and daemons say by an address, from that MAC.
fn said(resident: &Resident, mac: [u8; 6]) -> Vec<Vec<u8>> {
    match resident.family {
        Family::Ipv4 => {
            let vip = resident.ipv4();
            let arp = |operation, target| Arp {
                operation,
                sender_mac: mac,
                sender: vip,
                target_mac: HOST_MAC,
                target,
            };
            vec![
                Arp::announcement(mac, vip).broadcast_frame().to_vec(),
                arp(Operation::Reply, HOST).broadcast_frame().to_vec(),
                arp(Operation::Request, HOST).broadcast_frame().to_vec(),
            ]
        }
        Family::Ipv6 => {
            let vip = resident.address;
            let answer = Neighbor {
                operation: ndp::Operation::Advertisement,
                source: vip,
                destination: HOST6,
                target: vip,
                flags: flag::ALL,
                link_layer: Some(mac),
            };
            let question = Neighbor {
                operation: ndp::Operation::Solicitation,
                destination: ipv6::solicited_node(HOST6),
                target: HOST6,
                flags: 0,
                ..answer
            };
            vec![
                ndp::announcement(mac, vip).to_vec(),
                written(&answer, mac),
                written(&question, mac),
                // From another address of the host, about this one; and without the option.
                written(&Neighbor { source: OURS6, ..answer }, mac),
                written(&Neighbor { link_layer: None, ..answer }, mac),
            ]
        }
    }
}

fn written(neighbor: &Neighbor, mac: [u8; 6]) -> Vec<u8> {
    let mut frame = vec![0; neighbor.frame_length()];
    let _ = neighbor.write(mac, HOST_MAC, &mut frame);
    frame
}

/// What must come of a frame that leaves, and in whose name it is.
fn due(residents: &[Resident], flags: u32, frame: &[u8]) -> (u32, Vec<u8>, Option<usize>) {
    let untouched = (NEXT, frame.to_vec(), None);
    let Some(header) = ethernet::Ethernet::read(&frame) else { return untouched };
    let at = header.payload;
    let name = match header.ether_type {
        ethernet::ARP => Arp::read(&frame, at).map(|arp| (Family::Ipv4, ipv4::widened(arp.sender))),
        ethernet::IPV6 if frame.get(at + 6) == Some(&ipv6::ICMPV6) => {
            let name = match frame.get(at + 40) {
                Some(&ndp::ADVERTISEMENT) => frame.get(at + 48..at + 64),
                Some(&ndp::SOLICITATION) => frame.get(at + 8..at + 24),
                Some(_) | None => None,
            };
            name.and_then(|name| name.try_into().ok()).map(|name| (Family::Ipv6, name))
        }
        _ => None,
    };
    let known = TAGS.iter().any(|tags| vlans(tags) == header.vlans());
    let is = |one: &Resident| known && name == Some((one.family, one.address));
    let Some(speaker) = residents.iter().position(is) else { return untouched };
    let resident = &residents[speaker];
    match resident.gating.stance() {
        Stance::Mute => return (SHOT, frame.to_vec(), Some(speaker)),
        Stance::Answer if flags & VIRTUAL_MAC != 0 => {}
        Stance::Answer | Stance::Off => return (NEXT, frame.to_vec(), Some(speaker)),
    }
    let mut frame = frame.to_vec();
    frame[6..12].copy_from_slice(&resident.own_mac);
    match resident.family {
        Family::Ipv4 => frame[at + 8..at + 14].copy_from_slice(&resident.own_mac),
        Family::Ipv6 => {
            let wanted = if frame[at + 40] == ndp::ADVERTISEMENT { 2 } else { 1 };
            if frame.get(at + 64..at + 72).is_some_and(|option| option[..2] == [wanted, 1]) {
                let sum = |frame: &[u8]| words(&frame[at + 64..at + 72]);
                let before = sum(&frame);
                frame[at + 66..at + 72].copy_from_slice(&resident.own_mac);
                // One's complement: what was taken away and what was added, sixteen bits at a time.
                let checksum = u32::from(u16::from_be_bytes([frame[at + 42], frame[at + 43]]));
                let mut total = (!checksum & 0xffff) + 4 * 0xffff - before + sum(&frame);
                while total > 0xffff {
                    total = (total >> 16) + (total & 0xffff);
                }
                frame[at + 42..at + 44].copy_from_slice(&(!(total as u16)).to_be_bytes());
            }
        }
    }
    (NEXT, frame, Some(speaker))
}

fn words(bytes: &[u8]) -> u32 {
    bytes.chunks(2).map(|word| u32::from(u16::from_be_bytes([word[0], word[1]]))).sum()
}

/// Runs a frame against the model, and says the action.
fn check(bench: &mut Bench, residents: &[Resident], flags: u32, frame: &[u8]) -> Result<u32, Failed> {
    let (due, due_frame, _) = due(residents, flags, frame);
    let (action, after) = turned(bench, Entry::RegentEgress, frame)?;
    ensure((action, &after) == (due, &due_frame), || {
        format!("{frame:02x?}: action {action}, {after:02x?} instead of {due}, {due_frame:02x?}")
    })?;
    Ok(action)
}

fn held(bench: &Bench, instance: u32) -> u64 {
    bench.program.view().counters(instance)[Counter::MutedOutbound.slot() as usize]
}

fn a_mute_host_says_nothing() -> Result<(), Failed> {
    let residents = residents();
    for flags in [0, VIRTUAL_MAC] {
        let mut bench = household(&residents, flags)?;
        for resident in &residents {
            for frame in said(resident, PORT_MAC) {
                for tags in TAGS {
                    let before = held(&bench, resident.instance);
                    let action = check(&mut bench, &residents, flags, &tagged(tags, &frame))?;
                    let mute = resident.gating.stance() == Stance::Mute;
                    let gained = held(&bench, resident.instance) - before;
                    ensure((action == SHOT) == mute && gained == u64::from(mute), || {
                        format!("{resident:?}: action {action}, {gained} held")
                    })?;
                }
            }
            let counts = bench.program.view().vip_counts(resident.counts);
            ensure(counts == VipCounts::default(), || format!("{counts:?}"))?;
        }
    }
    Ok(())
}

fn an_instance_with_a_virtual_mac_speaks_from_it() -> Result<(), Failed> {
    let residents = residents();
    let mut bench = household(&residents, VIRTUAL_MAC)?;
    for resident in residents.iter().filter(|one| one.gating.stance() == Stance::Answer) {
        // As if the virtual MAC had said it in the first place: the checksums hold as well.
        for (frame, due) in said(resident, PORT_MAC).iter().zip(said(resident, resident.own_mac)) {
            for tags in TAGS {
                let (action, after) = turned(&mut bench, Entry::RegentEgress, &tagged(tags, frame))?;
                ensure(action == NEXT && after == tagged(tags, &due), || {
                    format!("{resident:?}: action {action}, {after:02x?}")
                })?;
            }
        }
    }
    Ok(())
}

fn what_is_not_said_by_a_virtual_address_leaves() -> Result<(), Failed> {
    let residents = residents();
    let mut bench = household(&residents, VIRTUAL_MAC)?;
    let mute = residents.iter().filter(|one| one.gating == Gating::Mute);
    let mut frames = vec![frames::ip_frame(&[], &frames::tcp_packet())];
    for resident in mute {
        match resident.family {
            // Asked for it, told to it, probed for it.
            Family::Ipv4 => {
                let vip = resident.ipv4();
                let operation = Operation::Reply;
                let told =
                    Arp { operation, sender_mac: PORT_MAC, sender: OURS, target_mac: HOST_MAC, target: vip };
                frames.push(told.broadcast_frame().to_vec());
                frames.push(Arp { operation: Operation::Request, ..told }.broadcast_frame().to_vec());
                frames.push(Arp::probe(PORT_MAC, vip).broadcast_frame().to_vec());
            }
            Family::Ipv6 => frames.push(ndp::probe(PORT_MAC, resident.address).to_vec()),
        }
        // In a VLAN that it is not in, and cut off.
        for frame in said(resident, PORT_MAC) {
            frames.push(tagged(&[8], &frame));
            frames.push(tagged(&[7, 9, 9], &frame));
            frames.push(tagged(&[7], &frame)[..33].to_vec());
        }
    }
    for frame in frames {
        let (action, after) = turned(&mut bench, Entry::RegentEgress, &frame)?;
        ensure(action == NEXT && after == frame, || format!("{frame:02x?}: {action}, {after:02x?}"))?;
    }
    Ok(())
}

fn the_egress_program_and_the_model_agree() -> Result<(), Failed> {
    const FRAMES: usize = 30_000;
    let mut chance = Chance(SEED);
    let residents = residents();
    let mut bench = household(&residents, VIRTUAL_MAC)?;
    let (mut shot, mut changed) = (0, 0);
    for number in 0..FRAMES {
        let resident = chance.pick(&residents);
        let mut frame = chance.pick(&said(resident, PORT_MAC)).clone();
        for _ in 0..chance.below(3) {
            match chance.below(3) {
                0 => {
                    let at = chance.below(frame.len());
                    frame[at] ^= 1 << chance.below(8);
                }
                1 => frame.truncate(14 + chance.below(frame.len().saturating_sub(14) + 1)),
                _ => frame.extend(vec![0xee; chance.below(40)]),
            }
        }
        if resident.family == Family::Ipv6 && chance.one_in(2) {
            resum(&mut frame);
        }
        let tags = *chance.pick::<&[u16]>(&[&[], &[7], &[7, 9], &[8], &[7, 9, 9]]);
        let frame = tagged(tags, &frame);
        // The kernel refuses to run a tc program on an IP packet without its header.
        if frame.len() < ethernet::HEADER_LENGTH + ipv6::HEADER_LENGTH {
            continue;
        }
        let (action, after, _) = due(&residents, VIRTUAL_MAC, &frame);
        shot += usize::from(action == SHOT);
        changed += usize::from(after != frame);
        check(&mut bench, &residents, VIRTUAL_MAC, &frame)
            .map_err(|failed| format!("frame {number}: {}", failed.message().unwrap_or_default()))?;
    }
    println!("{shot} shot, {changed} changed");
    ensure(shot.min(changed) > FRAMES / 20, || format!("{shot} shot, {changed} changed of {FRAMES}"))
}

const GROUP: u8 = 50;
/// The row of a group of either family.
const ROWS: [(Family, u32); 2] = [(Family::Ipv4, 3), (Family::Ipv6, 4)];

fn expected(index: u32) -> Expected {
    Expected {
        index,
        generation: 1,
        own_source: [0; 16],
        active_source: [0; 16],
        destination: [0; 16],
        auth_data: [0; 8],
        addresses: 0,
        interval: 100,
        count: 1,
        version: 3,
        auth_type: 0,
        flags: 0,
        own_mac: PORT_MAC,
    }
}

/// The program with a group of either family, all tags.
fn with_groups() -> Result<Bench, Failed> {
    let mut bench = Bench::new()?;
    for (family, index) in ROWS {
        for tags in TAGS {
            let key = GroupKey::new(LOOPBACK, vlans(tags), family as u8, GROUP);
            bench.program.set_instance(key, &expected(index))?;
        }
    }
    Ok(bench)
}

fn advert(family: Family, vrid: u8, priority: u8) -> Result<Vec<u8>, Failed> {
    let (source, destination, addresses) = match family {
        Family::Ipv4 => {
            let addresses = Addresses::Ipv4(&[[10, 0, 0, 3]]);
            (ipv4::widened(OURS), ipv4::widened(ipv4::VRRP_GROUP), addresses)
        }
        Family::Ipv6 => (OURS6, ipv6::VRRP_GROUP, Addresses::Ipv6(&[OURS6])),
    };
    let message = frames::message(&Advert {
        version: Version::V3,
        vrid: Vrid::new(vrid).ok_or("no VRID")?,
        priority: Priority::from_wire(priority),
        interval: AdvertInterval::DEFAULT,
        authentication: Authentication::None,
        checksum: ChecksumForm::PseudoHeader,
        source,
        destination,
        addresses,
    });
    Ok(frames::ip_frame(
        &[],
        &match family {
            Family::Ipv4 => frames::ipv4_packet(OURS, ipv4::VRRP_GROUP, 255, &message),
            Family::Ipv6 => frames::ipv6_packet(OURS6, ipv6::VRRP_GROUP, 255, &message),
        },
    ))
}

fn adverts_leave_from_the_virtual_mac() -> Result<(), Failed> {
    let mut bench = with_groups()?;
    for (family, row) in ROWS {
        let virtual_mac = [0, 0, 0x5e, 0, if family == Family::Ipv4 { 1 } else { 2 }, GROUP];
        for gating in Gating::ALL {
            for (flags, priority, vrid) in
                [(VIRTUAL_MAC, 100, GROUP), (VIRTUAL_MAC, 0, GROUP), (0, 100, GROUP), (VIRTUAL_MAC, 100, 51)]
            {
                for tags in TAGS {
                    gating.set(bench.program.gates(), row, flags);
                    let frame = tagged(tags, &advert(family, vrid, priority)?);
                    let (action, after) = turned(&mut bench, Entry::RegentEgress, &frame)?;
                    let yields = gating == Gating::Expired && priority != 0;
                    let changes = gating != Gating::Off && flags != 0 && vrid == GROUP && !yields;
                    let mut due = frame.clone();
                    if changes {
                        due[6..12].copy_from_slice(&virtual_mac);
                    }
                    ensure(action == NEXT && after == due, || {
                        format!("{family} {gating:?} {flags} {priority} {vrid}: {action}, {after:02x?}")
                    })?;
                }
            }
        }
    }
    // What is no advert, or is cut off, is nobody's.
    Gating::Open.set(bench.program.gates(), 3, VIRTUAL_MAC);
    let good = advert(Family::Ipv4, GROUP, 100)?;
    let (mut another_type, mut another_protocol) = (good.clone(), good.clone());
    another_type[34] = 0x32;
    another_protocol[23] = PROTOCOL + 1;
    for frame in [&another_type, &another_protocol, &good[..37].to_vec()] {
        let (action, after) = turned(&mut bench, Entry::RegentEgress, frame)?;
        ensure(action == NEXT && after == *frame, || format!("{frame:02x?}: {action}, {after:02x?}"))?;
    }
    Ok(())
}

fn another_daemon_is_let_speak() -> Result<(), Failed> {
    let mut bench = with_groups()?;
    for (family, row) in ROWS {
        for gating in Gating::ALL {
            for priority in [0, 1, 255] {
                gating.set(bench.program.gates(), row, 0);
                let before = bench.program.gates().read(row).ok_or("no gate")?;
                let counted =
                    |bench: &Bench| bench.program.view().counters(row)[Counter::Yielded.slot() as usize];
                let count = counted(&bench);
                let action =
                    bench.program.try_packet(Entry::RegentEgress, &advert(family, GROUP, priority)?, 1)?;
                let after = bench.program.gates().read(row).ok_or("no gate")?;
                let yields = gating == Gating::Expired && priority != 0;
                let due = if yields { mode::OFF } else { before.mode };
                ensure(action.action == NEXT && after.mode == due, || {
                    format!("{family} {gating:?} {priority}: {action:?}, {before:?} became {after:?}")
                })?;
                ensure(counted(&bench) - count == u64::from(yields), || "not counted once".into())?;
            }
        }
        // Shut on purpose, and then silent for too long: whoever was to open it is dead.
        let gates = bench.program.gates();
        gates.attempt(row, 1);
        gates.answer(row, std::time::Duration::from_millis(1), 0);
        gates.mute(row);
        bench.program.try_packet(Entry::RegentEgress, &advert(family, GROUP, 100)?, 1)?;
        let mode = bench.program.gates().read(row).map(|gate| gate.mode);
        ensure(mode == Some(mode::OFF), || format!("{mode:?} instead of off"))?;
        // What the loop itself sends is stamped before.
        let gates = bench.program.gates();
        Gating::Expired.set(gates, row, 0);
        gates.attempt(row, Moment::now().nanoseconds());
        bench.program.try_packet(Entry::RegentEgress, &advert(family, GROUP, 100)?, 1)?;
        let mode = bench.program.gates().read(row).map(|gate| gate.mode);
        ensure(mode == Some(mode::ANSWER), || format!("{mode:?} instead of answer"))?;
    }
    Ok(())
}
