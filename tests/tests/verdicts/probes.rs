//! Whether what the program sends from a port arrives: the answer that it bounces, and the answer to that.

use libtest_mimic::Failed;
use regent_agent::net::xdp::Entry;
use regent_common::{
    arp::{Arp, Operation},
    ipv4, ipv6,
    map::{PROBE_FRAME, Probe, way},
    ndp::{self, Neighbor, flag},
};

use crate::{
    Test,
    bench::{Bench, LOOPBACK, PASS, ensure},
    household::{REDIRECT, TAGS, TX, tagged, turned},
};

pub const TESTS: &[Test] = &[
    ("the_answer_of_a_probed_neighbour_is_bounced", the_answer_is_bounced),
    ("the_second_answer_is_stamped_once", the_second_answer_is_stamped_once),
    ("what_is_no_answer_to_the_probe_passes", what_is_no_answer_to_the_probe_passes),
];

const OUR_MAC: [u8; 6] = [2, 0, 0, 0, 0, 2];
const OURS: [u8; 4] = [10, 0, 0, 2];
const OURS6: [u8; 16] = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];
const NEIGHBOR_MAC: [u8; 6] = [2, 0, 0, 0, 0, 9];
const NEIGHBOR: [u8; 4] = [10, 0, 0, 9];
const NEIGHBOR6: [u8; 16] = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9];

/// A probe of the neighbour by that way, in either family, with the second question in `frame`.
fn probe(target: [u8; 16], frame: &[u8], way: u32) -> Probe {
    let mut probe =
        Probe { bounced: 0, arrived: 0, target, way, length: frame.len() as u32, frame: [0; PROBE_FRAME] };
    probe.frame[..frame.len()].copy_from_slice(frame);
    probe
}

/// The neighbour's ARP reply, by who asked.
fn reply(to: [u8; 4]) -> Vec<u8> {
    let operation = Operation::Reply;
    let arp = Arp { operation, sender_mac: NEIGHBOR_MAC, sender: NEIGHBOR, target_mac: OUR_MAC, target: to };
    let mut frame = arp.broadcast_frame().to_vec();
    frame[..6].copy_from_slice(&OUR_MAC);
    frame
}

/// The neighbour's advertisement, to who asked or to all.
fn advertisement(destination: [u8; 16], link_layer: Option<[u8; 6]>) -> Vec<u8> {
    let solicited = if destination == ipv6::ALL_NODES { 0 } else { flag::SOLICITED };
    let neighbor = Neighbor {
        operation: ndp::Operation::Advertisement,
        source: NEIGHBOR6,
        destination,
        target: NEIGHBOR6,
        flags: solicited | flag::OVERRIDE,
        link_layer,
    };
    let mut frame = vec![0; neighbor.frame_length()];
    let _ = neighbor.write(NEIGHBOR_MAC, OUR_MAC, &mut frame);
    frame
}

/// Each family: the probe, its first answers and its second.
struct Round {
    probe: Probe,
    first: Vec<Vec<u8>>,
    second: Vec<u8>,
}

fn rounds(way: u32) -> [Round; 2] {
    let mut padded = reply(OURS);
    padded.resize(60, 0);
    [
        Round {
            probe: probe(ipv4::widened(NEIGHBOR), &Arp::probe(OUR_MAC, NEIGHBOR).broadcast_frame(), way),
            first: vec![reply(OURS), padded],
            second: reply([0; 4]),
        },
        Round {
            probe: probe(NEIGHBOR6, &ndp::probe(OUR_MAC, NEIGHBOR6), way),
            first: vec![advertisement(OURS6, Some(NEIGHBOR_MAC)), advertisement(OURS6, None)],
            second: advertisement(ipv6::ALL_NODES, Some(NEIGHBOR_MAC)),
        },
    ]
}

fn now(bench: &Bench) -> Result<Probe, Failed> {
    Ok(bench.program.probe(LOOPBACK).ok_or("no probe")?)
}

fn the_answer_is_bounced() -> Result<(), Failed> {
    let mut bench = Bench::new()?;
    for (way, sent) in [(way::TRANSMIT, TX), (way::REDIRECT, REDIRECT), (way::KERNEL, PASS)] {
        for Round { probe, first, .. } in rounds(way) {
            for (first, tags) in first.iter().flat_map(|first| TAGS.map(|tags| (first, tags))) {
                bench.program.set_probe(LOOPBACK, &probe)?;
                let first = tagged(tags, first);
                let (action, after) = turned(&mut bench, Entry::Regent, &first)?;
                // The second question with the tags of the answer, and what is behind it as it was.
                let mut due = tagged(tags, &probe.frame[..probe.length as usize]);
                due.extend(&first[due.len()..]);
                let due = if sent == PASS { first } else { due };
                ensure((action, &after) == (sent, &due), || format!("action {action}, {after:02x?}"))?;
                let stamped = now(&bench)?;
                ensure((stamped.bounced != 0) == (sent != PASS) && stamped.arrived == 0, || {
                    format!("{stamped:?}")
                })?;
                // Only once.
                let (action, _) = turned(&mut bench, Entry::Regent, &due)?;
                ensure(action == PASS && now(&bench)? == stamped, || format!("again, action {action}"))?;
            }
        }
    }
    Ok(())
}

fn the_second_answer_is_stamped_once() -> Result<(), Failed> {
    let mut bench = Bench::new()?;
    for Round { probe, first, second } in rounds(way::TRANSMIT) {
        bench.program.set_probe(LOOPBACK, &probe)?;
        // Before the bounce it proves nothing.
        ensure(bench.run(&second)? == PASS && now(&bench)? == probe, || "stamped too early".into())?;
        ensure(bench.run(&first[0])? == TX, || "not bounced".into())?;
        let bounced = now(&bench)?;
        ensure(bench.run(&first[0])? == PASS && now(&bench)? == bounced, || "bounced twice".into())?;
        let (action, after) = turned(&mut bench, Entry::Regent, &second)?;
        ensure(action == PASS && after == second, || format!("action {action}, {after:02x?}"))?;
        let arrived = now(&bench)?;
        ensure(arrived.arrived > bounced.bounced && arrived.bounced == bounced.bounced, || {
            format!("{arrived:?}")
        })?;
        ensure(bench.run(&second)? == PASS && now(&bench)? == arrived, || "stamped twice".into())?;
    }
    Ok(())
}

fn what_is_no_answer_to_the_probe_passes() -> Result<(), Failed> {
    let mut bench = Bench::new()?;
    for Round { probe, first, .. } in rounds(way::TRANSMIT) {
        let mut others = vec![Probe { way: 9, ..probe }, Probe { length: probe.length - 1, ..probe }];
        let mut another = probe;
        another.target[3] ^= 1;
        others.push(another);
        for other in others {
            bench.program.set_probe(LOOPBACK, &other)?;
            let (action, after) = turned(&mut bench, Entry::Regent, &first[0])?;
            ensure(action == PASS && after == first[0], || format!("{other:?}: {action}, {after:02x?}"))?;
            ensure(now(&bench)? == other, || format!("{:?}", now(&bench)))?;
        }
        // A question, and an answer that is cut off or bad.
        bench.program.set_probe(LOOPBACK, &probe)?;
        let question = probe.frame[..probe.length as usize].to_vec();
        let mut bad = first[0].clone();
        bad[14 + 7] ^= 1;
        for frame in [&question[..], &bad, &first[0][..41]] {
            let (action, after) = turned(&mut bench, Entry::Regent, frame)?;
            ensure(action == PASS && after == frame, || format!("{frame:02x?}: {action}, {after:02x?}"))?;
        }
        // On another port.
        bench.program.remove_probe(LOOPBACK)?;
        bench.program.set_probe(LOOPBACK + 1, &probe)?;
        ensure(bench.run(&first[0])? == PASS, || "bounced on another port".into())?;
        bench.program.remove_probe(LOOPBACK + 1)?;
    }
    Ok(())
}
