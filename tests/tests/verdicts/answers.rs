//! Questions for virtual addresses: who answers them, with which bytes, and what is counted.

use std::time::Duration;

use lab::clock::Moment;
use libtest_mimic::Failed;
use regent_agent::net::xdp::Entry;
use regent_common::{
    Counter, Family,
    arp::{Arp, Operation},
    ethernet, ipv6,
    map::VipCounts,
    ndp::{self, Neighbor},
};

use crate::{
    Test,
    bench::{Bench, DROP, PASS, ensure},
    differential::{Chance, SEED},
    household::{Due, Gating, REDIRECT, Resident, TAGS, TX, due, household, residents, tagged, turned},
    neighbors::resum,
};

pub const TESTS: &[Test] = &[
    ("an_arp_request_is_answered_byte_for_byte", an_arp_request_is_answered_byte_for_byte),
    ("a_solicitation_is_answered_byte_for_byte", a_solicitation_is_answered_byte_for_byte),
    ("every_mode_and_way_has_its_verdict", every_mode_and_way_has_its_verdict),
    ("solicitations_of_any_length_are_answered_in_one", solicitations_of_any_length_are_answered_in_one),
    ("what_is_asked_of_another_station_is_the_kernels", what_is_asked_of_another_station_is_the_kernels),
    ("one_write_opens_all_addresses_of_an_instance", one_write_opens_all_addresses_of_an_instance),
    ("the_gate_shuts_by_itself", the_gate_shuts_by_itself),
    ("answers_are_counted", answers_are_counted),
    ("the_program_and_the_model_agree_on_mutated_questions", the_program_and_the_model_agree),
];

const HOST: [u8; 4] = [10, 0, 0, 200];
const HOST6: [u8; 16] = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9];
const HOST_MAC: [u8; 6] = [2, 0, 0, 0, 0, 9];

fn request(target: [u8; 4]) -> Arp {
    Arp { operation: Operation::Request, sender_mac: HOST_MAC, sender: HOST, target_mac: [0; 6], target }
}

fn solicitation(target: [u8; 16]) -> Neighbor {
    Neighbor {
        operation: ndp::Operation::Solicitation,
        source: HOST6,
        destination: ipv6::solicited_node(target),
        target,
        flags: 0,
        link_layer: Some(HOST_MAC),
    }
}

/// The frame of a message, to the group's MAC.
fn neighbor_frame(neighbor: &Neighbor) -> Vec<u8> {
    let mut frame = vec![0; neighbor.frame_length()];
    let _ = neighbor.write(HOST_MAC, ipv6::multicast_mac(neighbor.destination), &mut frame);
    frame
}

/// Who asks for a resident: who says its name, and who probes.
fn questions(resident: &Resident) -> Vec<Vec<u8>> {
    match resident.family {
        Family::Ipv4 => vec![
            request(resident.ipv4()).broadcast_frame().to_vec(),
            Arp::probe(HOST_MAC, resident.ipv4()).broadcast_frame().to_vec(),
        ],
        Family::Ipv6 => vec![
            neighbor_frame(&solicitation(resident.address)),
            ndp::probe(HOST_MAC, resident.address).to_vec(),
        ],
    }
}

/// The resident of that family and state whose port transmits.
fn transmitting(residents: &[Resident], family: Family, gating: Gating) -> Result<Resident, Failed> {
    let is = |one: &&Resident| one.family == family && one.gating == gating && one.port == 2;
    Ok(*residents.iter().find(is).ok_or("no such resident")?)
}

fn check(bench: &mut Bench, residents: &[Resident], frame: &[u8]) -> Result<Due, Failed> {
    let due = due(residents, frame);
    let (action, after) = turned(bench, Entry::Regent, frame)?;
    ensure((action, &after) == (due.action, &due.frame), || {
        format!("{frame:02x?}: action {action}, {after:02x?} instead of {due:02x?}")
    })?;
    Ok(due)
}

fn an_arp_request_is_answered_byte_for_byte() -> Result<(), Failed> {
    let residents = residents();
    let mut bench = household(&residents, 0)?;
    let vip = transmitting(&residents, Family::Ipv4, Gating::Open)?;
    let asked = request(vip.ipv4()).broadcast_frame();
    #[rustfmt::skip]
    let reply = [
        2, 0, 0, 0, 0, 9, 0, 0, 0x5e, 0, 1, 52, 8, 6,
        0, 1, 8, 0, 6, 4, 0, 2,
        0, 0, 0x5e, 0, 1, 52, 10, 0, 2, 3,
        2, 0, 0, 0, 0, 9, 10, 0, 0, 200,
    ];
    ensure(turned(&mut bench, Entry::Regent, &asked)? == (TX, reply.to_vec()), || "another reply".into())?;
    // Padded to the shortest frame there is.
    let (mut padded, mut due) = (asked.to_vec(), reply.to_vec());
    padded.resize(60, 0xee);
    due.resize(60, 0xee);
    ensure(turned(&mut bench, Entry::Regent, &padded)? == (TX, due), || "another padded reply".into())
}

fn a_solicitation_is_answered_byte_for_byte() -> Result<(), Failed> {
    let residents = residents();
    let mut bench = household(&residents, 0)?;
    let vip = transmitting(&residents, Family::Ipv6, Gating::Open)?;
    #[rustfmt::skip]
    let to_host = [
        2, 0, 0, 0, 0, 9, 0, 0, 0x5e, 0, 2, 52, 0x86, 0xdd,
        0x60, 0, 0, 0, 0, 32, 58, 255,
        0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 2, 3,
        0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9,
        // The sum of all words by hand: 3 × 0xfe80 + 2 × (5 + 0x203) + 9 + 0x20 + 0x3a + 0x8800 + 0xe000 + 0x201
        // + 0x5e00 + 0x234 = 0x4ca28, folded 0xca2c.
        136, 0, 0x35, 0xd3, 0xe0, 0, 0, 0,
        0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 2, 3,
        2, 1, 0, 0, 0x5e, 0, 2, 52,
    ];
    let asked = neighbor_frame(&solicitation(vip.address));
    let (action, after) = turned(&mut bench, Entry::Regent, &asked)?;
    ensure((action, &after[..]) == (TX, &to_host[..]), || format!("action {action}, {after:02x?}"))?;
    // Asked by nobody: told to all nodes, unsolicited.
    let (action, after) = turned(&mut bench, Entry::Regent, &ndp::probe(HOST_MAC, vip.address))?;
    ensure((action, after.len()) == (TX, to_host.len()), || format!("action {action}, {after:02x?}"))?;
    let mac_and_type = [0x33, 0x33, 0, 0, 0, 1, 0, 0, 0x5e, 0, 2, 52, 0x86, 0xdd];
    ensure(after[..14] == mac_and_type, || format!("{after:02x?}"))?;
    ensure(after[38..54] == ipv6::ALL_NODES && after[58] == 0xa0, || format!("{after:02x?}"))
}

fn every_mode_and_way_has_its_verdict() -> Result<(), Failed> {
    let residents = residents();
    let mut bench = household(&residents, 0)?;
    let mut seen = [0; 5];
    for resident in &residents {
        for question in questions(resident) {
            for tags in TAGS {
                seen[check(&mut bench, &residents, &tagged(tags, &question))?.action as usize] += 1;
            }
            // In a VLAN that the address is not in.
            let elsewhere = tagged(&[8], &question);
            ensure(due(&residents, &elsewhere).action == PASS, || "the model is wrong".into())?;
            check(&mut bench, &residents, &elsewhere)?;
        }
    }
    // Of 48 addresses, asked in six forms: a sixth is off, a third is mute, half would answer by four ways.
    ensure(seen == [0, 96, 48 + 72, 36, 36], || format!("{seen:?}"))
}

fn solicitations_of_any_length_are_answered_in_one() -> Result<(), Failed> {
    let residents = residents();
    let mut bench = household(&residents, 0)?;
    let vip = transmitting(&residents, Family::Ipv6, Gating::Open)?;
    let nonce = [14, 1, 1, 2, 3, 4, 5, 6];
    let named = neighbor_frame(&solicitation(vip.address));
    let bare = neighbor_frame(&Neighbor { link_layer: None, ..solicitation(vip.address) });
    let probe = ndp::probe(HOST_MAC, vip.address).to_vec();
    for (nonces, padding) in [(0, 0), (1, 0), (2, 0), (3, 0), (0, 7), (1, 40)] {
        for tags in TAGS {
            for question in [&named, &bare, &probe] {
                let mut frame = [&question[..], &nonce.repeat(nonces)].concat();
                resum(&mut frame);
                frame.extend(vec![0xee; padding]);
                let due = check(&mut bench, &residents, &tagged(tags, &frame))?;
                let length = ndp::ANNOUNCEMENT_LENGTH + 4 * tags.len();
                ensure((due.action, due.frame.len()) == (TX, length), || format!("{due:02x?}"))?;
            }
        }
    }
    Ok(())
}

fn what_is_asked_of_another_station_is_the_kernels() -> Result<(), Failed> {
    let residents = residents();
    let mut bench = household(&residents, 0)?;
    for gating in Gating::ALL {
        for family in Family::ALL {
            let resident = transmitting(&residents, family, gating)?;
            for mut question in questions(&resident) {
                for (to, passes) in [(resident.own_mac, false), ([2, 0, 0, 0, 0, 7], true)] {
                    question[..6].copy_from_slice(&to);
                    let due = check(&mut bench, &residents, &question)?;
                    let passes = passes || gating == Gating::Off;
                    ensure((due.action == PASS) == passes, || {
                        format!("{gating:?} to {to:02x?}: {due:02x?}")
                    })?;
                }
            }
        }
    }
    Ok(())
}

fn one_write_opens_all_addresses_of_an_instance() -> Result<(), Failed> {
    let residents = residents();
    let mut bench = household(&residents, 0)?;
    let mine = residents.iter().filter(|one| one.instance == 0 && one.port >= 2);
    let frames: Vec<_> = mine.map(|one| request(one.ipv4()).broadcast_frame()).collect();
    for (mode, due) in
        [(Gating::Off, [PASS, PASS]), (Gating::ForEver, [TX, REDIRECT]), (Gating::Mute, [DROP; 2])]
    {
        mode.set(bench.program.gates(), 0, 0);
        for (frame, due) in frames.iter().zip(due) {
            let action = bench.run(frame)?;
            ensure(action == due, || format!("{mode:?}: action {action} instead of {due}"))?;
        }
    }
    Ok(())
}

fn the_gate_shuts_by_itself() -> Result<(), Failed> {
    const PATIENCE: Duration = Duration::from_millis(300);
    /// Within the coarse clock's lag of the end: only the exact one can tell.
    const MARGIN: Duration = Duration::from_millis(4);
    let residents = residents();
    let mut bench = household(&residents, 0)?;
    let vip = transmitting(&residents, Family::Ipv4, Gating::Open)?;
    let asked = request(vip.ipv4()).broadcast_frame();
    let mut told = 0;
    for _ in 0..200 {
        let attempted = Moment::now().minus(PATIENCE - MARGIN);
        bench.program.gates().answer(vip.instance, PATIENCE, 0);
        bench.program.gates().attempt(vip.instance, attempted.nanoseconds());
        let action = bench.run(&asked)?;
        // A machine that kept us waiting says nothing.
        if Moment::now() < attempted.plus(PATIENCE) {
            told += 1;
            ensure(action == TX, || format!("action {action} before the end"))?;
        }
        let attempted = Moment::now().minus(PATIENCE + Duration::from_nanos(1));
        bench.program.gates().attempt(vip.instance, attempted.nanoseconds());
        let action = bench.run(&asked)?;
        ensure(action == DROP, || format!("action {action} after the end"))?;
    }
    ensure(told > 20, || format!("{told} of 200 in time"))
}

/// Counters that questions move: asked and answered in both families, muted.
const COUNTERS: [Counter; 5] = [
    Counter::ArpRequest,
    Counter::ArpAnswered,
    Counter::NeighborSolicitation,
    Counter::NeighborAnswered,
    Counter::MutedInbound,
];

/// What was counted for each resident's instance and for the resident itself must be what `asked` says.
fn check_counts(bench: &Bench, residents: &[Resident], asked: &[Due]) -> Result<(), Failed> {
    for (at, resident) in residents.iter().enumerate() {
        let of = |due: &&Due| due.asked == Some(at);
        let answers = |due: &&Due| due.action == TX || due.action == REDIRECT;
        let due = VipCounts {
            requests: asked.iter().filter(of).count() as u64,
            replies: asked.iter().filter(of).filter(answers).count() as u64,
        };
        let counts = bench.program.view().vip_counts(resident.counts);
        ensure(counts == due, || format!("{resident:?}: {counts:?} instead of {due:?}"))?;
        let mine = |due: &&Due| due.asked.is_some_and(|asked| residents[asked].instance == resident.instance);
        let requests = asked.iter().filter(mine).count() as u64;
        let replies = asked.iter().filter(mine).filter(answers).count() as u64;
        let muted = asked.iter().filter(mine).filter(|due| due.action == DROP).count() as u64;
        let row = bench.program.view().counters(resident.instance);
        let counted = COUNTERS.map(|counter| row[counter.slot() as usize]);
        let due = match resident.family {
            Family::Ipv4 => [requests, replies, 0, 0, muted],
            Family::Ipv6 => [0, 0, requests, replies, muted],
        };
        ensure(counted == due, || format!("{resident:?}: {counted:?} instead of {due:?}"))?;
    }
    Ok(())
}

fn answers_are_counted() -> Result<(), Failed> {
    let residents = residents();
    let mut bench = household(&residents, 0)?;
    let mut asked = Vec::new();
    for (at, resident) in residents.iter().enumerate() {
        for question in questions(resident).iter().cycle().take(at + 1) {
            asked.push(check(&mut bench, &residents, question)?);
        }
    }
    check_counts(&bench, &residents, &asked)
}

fn the_program_and_the_model_agree() -> Result<(), Failed> {
    const FRAMES: usize = 60_000;
    let seed = std::env::var("REGENT_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(SEED);
    println!("seed {seed}");
    let mut chance = Chance(seed);
    let residents = residents();
    let mut bench = household(&residents, 0)?;
    let (mut asked, mut seen) = (Vec::new(), [0; 5]);
    for number in 0..FRAMES {
        let frame = mutated(&mut chance, &residents);
        let due = check(&mut bench, &residents, &frame).map_err(|failed| {
            format!("seed {seed}, frame {number}: {}", failed.message().unwrap_or_default())
        })?;
        seen[due.action as usize] += 1;
        asked.push(due);
    }
    println!("{seen:?}");
    check_counts(&bench, &residents, &asked)?;
    let each = [DROP, PASS, TX, REDIRECT].map(|action| seen[action as usize]);
    ensure(each.iter().all(|count| *count > FRAMES / 20), || format!("too one-sided: {seen:?}"))
}

/// A question for a resident, or what was one before it was changed.
fn mutated(chance: &mut Chance, residents: &[Resident]) -> Vec<u8> {
    /// Begins of options: of both link-layer addresses, a nonce, an unknown one, one without length.
    const OPTIONS: [[u8; 2]; 6] = [[1, 1], [2, 1], [14, 1], [200, 2], [1, 0], [2, 3]];
    let resident = chance.pick(residents);
    let mut frame = chance.pick(&questions(resident)).clone();
    for _ in 0..chance.below(3) {
        match chance.below(7) {
            0 | 1 => {
                let at = chance.below(frame.len());
                frame[at] ^= 1 << chance.below(8);
            }
            2 => {
                let length = 14 + chance.below(frame.len().saturating_sub(14) + 1);
                frame.truncate(length);
            }
            3 => frame.extend(vec![0xee; chance.below(40)]),
            4 => {
                let to = *chance.pick(&[resident.own_mac, HOST_MAC, ethernet::BROADCAST]);
                frame[..6].copy_from_slice(&to);
            }
            5 if resident.family == Family::Ipv6 => {
                frame.extend(chance.pick(&OPTIONS));
                frame.extend([7; 6]);
            }
            // Another's sender, nobody's, or a virtual address's own: claims.
            _ => {
                let other = chance.pick(residents).address;
                let (at, length) = if resident.family == Family::Ipv4 { (28, 4) } else { (22, 16) };
                let source = *chance.pick(&[[0; 16], other, resident.address]);
                if let Some(sender) = frame.get_mut(at..at + length) {
                    sender.copy_from_slice(&source[..length]);
                }
            }
        }
    }
    if resident.family == Family::Ipv6 && !chance.one_in(4) {
        resum(&mut frame);
    }
    let tags = *chance.pick::<&[u16]>(&[&[], &[7], &[7, 9], &[], &[7], &[7, 9], &[8], &[7, 9, 9]]);
    if frame.len() < 14 { frame } else { tagged(tags, &frame) }
}
