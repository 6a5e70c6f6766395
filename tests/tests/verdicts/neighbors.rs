//! Neighbor Discovery that concerns a virtual address: counted, never dropped.

use lab::frames;
use libtest_mimic::Failed;
use regent_common::{
    Counter, checksum, ethernet, ipv6,
    map::{Vip, VipKey},
    ndp::{self, Neighbor, Operation, flag},
};

use crate::{
    Test,
    bench::{Bench, LOOPBACK, PASS, ensure},
    differential::{Chance, SEED},
};

pub const TESTS: &[Test] = &[
    ("neighbor_discovery_for_a_virtual_address_is_counted_and_passes", neighbor_discovery_is_counted),
    ("a_neighbor_that_claims_a_virtual_address_is_named", a_neighbor_that_claims_is_named),
    ("a_bad_neighbor_message_is_not_counted", a_bad_neighbor_message_is_not_counted),
    ("the_program_and_the_reader_agree_on_mutated_neighbors", the_program_and_the_reader_agree),
    ("neighbor_discovery_in_a_vlan_is_the_vlans", neighbor_discovery_in_a_vlan_is_the_vlans),
];

const VIP: [u8; 16] = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 1];
const OTHER: [u8; 16] = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 2];
const HOST: [u8; 16] = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9];
const OWN_MAC: [u8; 6] = [0, 0, 0x5e, 0, 2, 50];
const OTHER_MAC: [u8; 6] = [2, 0, 0, 0, 0, 9];
const INSTANCE: u32 = 5;

fn key(vlans: u32) -> VipKey {
    VipKey { address: VIP, ifindex: LOOPBACK, vlans, family: 6 }
}

fn bench(vlans: u32) -> Result<Bench, Failed> {
    let mut bench = Bench::new()?;
    let vip = Vip {
        instance: INSTANCE,
        claims: 0,
        port: 0,
        counts: 0,
        claimed: 0,
        claimant: [0; 6],
        own_mac: OWN_MAC,
        padding: [0; 4],
    };
    bench.program.set_vip(key(vlans), &vip)?;
    Ok(bench)
}

/// Solicitations and claims counted.
fn counted(bench: &Bench) -> (u64, u64) {
    let row = bench.program.view().counters(INSTANCE);
    (row[Counter::NeighborSolicitation.slot() as usize], row[Counter::NeighborClaim.slot() as usize])
}

/// Who asks for `target` at its group.
fn asking(target: [u8; 16]) -> Neighbor {
    Neighbor {
        operation: Operation::Solicitation,
        source: HOST,
        destination: ipv6::solicited_node(target),
        target,
        flags: 0,
        link_layer: Some(OTHER_MAC),
    }
}

/// Who tells all nodes, by its option and from that station.
fn telling(target: [u8; 16], link_layer: Option<[u8; 6]>) -> Neighbor {
    Neighbor {
        operation: Operation::Advertisement,
        source: target,
        destination: ipv6::ALL_NODES,
        target,
        flags: flag::OVERRIDE,
        link_layer,
    }
}

fn frame(neighbor: &Neighbor, from: [u8; 6]) -> Vec<u8> {
    let mut frame = vec![0; neighbor.frame_length()];
    let length = neighbor.write(from, ipv6::multicast_mac(neighbor.destination), &mut frame).unwrap_or(0);
    frame.truncate(length);
    frame
}

fn neighbor_discovery_is_counted() -> Result<(), Failed> {
    let to_host = Neighbor { destination: HOST, flags: flag::ALL, ..telling(VIP, Some(OTHER_MAC)) };
    let mut router_solicitation = frame(&asking(VIP), OTHER_MAC);
    router_solicitation[54] = 133;
    let steps = [
        ("who has the address", frame(&asking(VIP), OTHER_MAC), (1, 0)),
        ("who has it, asked of us", frame(&Neighbor { destination: VIP, ..asking(VIP) }, OTHER_MAC), (1, 0)),
        ("a probe for the address", ndp::probe(OTHER_MAC, VIP).to_vec(), (1, 0)),
        ("who has another", frame(&asking(OTHER), OTHER_MAC), (0, 0)),
        ("our own announcement", ndp::announcement(OWN_MAC, VIP).to_vec(), (0, 0)),
        ("another's announcement", ndp::announcement(OTHER_MAC, VIP).to_vec(), (0, 1)),
        ("another's answer", frame(&to_host, OTHER_MAC), (0, 1)),
        ("another's announcement of another", ndp::announcement(OTHER_MAC, OTHER).to_vec(), (0, 0)),
        ("without the option, by our station", frame(&telling(VIP, None), OWN_MAC), (0, 0)),
        ("without the option, by another", frame(&telling(VIP, None), OTHER_MAC), (0, 1)),
        ("another address than the station's", frame(&telling(VIP, Some(OTHER_MAC)), OWN_MAC), (0, 1)),
        ("another ICMPv6", router_solicitation, (0, 0)),
    ];
    for (what, frame, due) in steps {
        let mut bench = bench(0)?;
        let action = bench.run(&frame)?;
        let counted = counted(&bench);
        ensure(action == PASS && counted == due, || format!("{what}: action {action}, counted {counted:?}"))?;
    }
    let mut bench = bench(0)?;
    bench.program.remove_vip(key(0))?;
    bench.run(&frame(&asking(VIP), OTHER_MAC))?;
    ensure(counted(&bench) == (0, 0), || "counted for an address that was removed".into())
}

fn a_neighbor_that_claims_is_named() -> Result<(), Failed> {
    let mut bench = bench(0)?;
    for _ in 0..3 {
        bench.run(&ndp::announcement(OTHER_MAC, VIP))?;
    }
    let vip = bench.program.vip(key(0)).ok_or("no such address")?;
    ensure(vip.claims == 3 && vip.claimant == OTHER_MAC && vip.claimed > 0, || format!("{vip:?}"))
}

fn a_bad_neighbor_message_is_not_counted() -> Result<(), Failed> {
    let mut bench = bench(0)?;
    for good in [ndp::announcement(OTHER_MAC, VIP).to_vec(), frame(&asking(VIP), OTHER_MAC)] {
        // Cut off anywhere; each bit of hop limit, addresses and message.
        for end in 14..good.len() {
            let action = bench.run(&good[..end])?;
            ensure(action == PASS, || format!("cut to {end}: action {action}"))?;
        }
        for bit in 8 * 21..8 * good.len() {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            let action = bench.run(&bad)?;
            ensure(action == PASS, || format!("bit {bit}: action {action}"))?;
        }
        ensure(counted(&bench) == (0, 0), || format!("{:?} counted", counted(&bench)))?;
    }
    bench.run(&ndp::announcement(OTHER_MAC, VIP))?;
    ensure(counted(&bench) == (0, 1), || "a good one is not counted".into())
}

fn the_program_and_the_reader_agree() -> Result<(), Failed> {
    const FRAMES: usize = 40_000;
    /// Begins of options: of both link-layer addresses, a nonce, an unknown one, one without length.
    const OPTIONS: [[u8; 2]; 6] = [[1, 1], [2, 1], [14, 1], [200, 2], [1, 0], [2, 3]];
    let mut chance = Chance(SEED);
    let mut bench = bench(0)?;
    let probe = Neighbor { source: [0; 16], link_layer: None, ..asking(VIP) };
    let answer = Neighbor { destination: HOST, flags: flag::ALL, ..telling(VIP, Some(OTHER_MAC)) };
    let good = [asking(VIP), probe, telling(VIP, Some(OTHER_MAC)), telling(VIP, None), answer];
    let (mut before, mut read) = (counted(&bench), 0);
    for number in 0..FRAMES {
        let mut frame = frame(chance.pick(&good), OTHER_MAC);
        for _ in 0..chance.below(4) {
            match chance.below(4) {
                0 => {
                    let at = 14 + chance.below(frame.len() - 14);
                    frame[at] ^= 1 << chance.below(8);
                }
                1 => frame.truncate(14 + 40 + chance.below(frame.len() - 14 - 40 + 1)),
                _ => {
                    frame.extend(chance.pick(&OPTIONS));
                    frame.extend([7; 6]);
                }
            }
        }
        if !chance.one_in(4) {
            resum(&mut frame);
        }
        let due = Neighbor::read(&&frame[..], 14).filter(|neighbor| neighbor.target == VIP);
        bench.run(&frame)?;
        let after = counted(&bench);
        let moved = match due {
            None => (0, 0),
            Some(Neighbor { operation: Operation::Solicitation, .. }) => (1, 0),
            // The station is another, and so is every link-layer address above.
            Some(Neighbor { operation: Operation::Advertisement, .. }) => (0, 1),
        };
        read += usize::from(due.is_some());
        ensure((after.0 - before.0, after.1 - before.1) == moved, || {
            format!("frame {number}, {frame:02x?}: {due:?}, and from {before:?} to {after:?}")
        })?;
        before = after;
    }
    ensure(read > FRAMES / 10 && read < FRAMES * 9 / 10, || format!("{read} of {FRAMES} were good"))
}

/// Writes the length and, where there is room for it, the checksum that the bytes ask for.
pub fn resum(frame: &mut [u8]) {
    let Some(length) = frame.len().checked_sub(14 + 40) else { return };
    frame[18..20].copy_from_slice(&(length as u16).to_be_bytes());
    if length < 8 || !length.is_multiple_of(4) {
        return;
    }
    frame[56..58].fill(0);
    let address = |at: usize| std::array::from_fn(|byte| frame[at + byte]);
    let (source, destination) = (address(22), address(38));
    let Some(sum) = checksum::sum(&&frame[..], 54, length / 4) else { return };
    let sum = sum.icmpv6_pseudo_header(&source, &destination, length as u16);
    frame[56..58].copy_from_slice(&sum.checksum());
}

fn neighbor_discovery_in_a_vlan_is_the_vlans() -> Result<(), Failed> {
    let asked = frame(&asking(VIP), OTHER_MAC);
    let tagged = |tags: &[u16]| frames::frame(tags, ethernet::IPV6, &asked[ethernet::HEADER_LENGTH..]);
    let mut bench = bench(7)?;
    for tags in [&[][..], &[8], &[7, 7]] {
        bench.run(&tagged(tags))?;
    }
    ensure(counted(&bench) == (0, 0), || "counted in a VLAN that it is not in".into())?;
    bench.run(&tagged(&[7]))?;
    ensure(counted(&bench) == (1, 0), || "not counted in its VLAN".into())
}
