//! ARP that concerns a virtual address: counted, never dropped.

use lab::frames;
use libtest_mimic::Failed;
use regent_common::{
    Counter,
    arp::{self, Arp, Operation},
    ethernet, ipv4,
    map::{Vip, VipKey},
};

use crate::{
    Test,
    bench::{Bench, LOOPBACK, PASS, ensure},
};

pub const TESTS: &[Test] = &[
    ("arp_for_a_virtual_address_is_counted_and_passes", arp_for_a_virtual_address_is_counted_and_passes),
    ("a_claim_to_a_virtual_address_names_the_claimant", a_claim_to_a_virtual_address_names_the_claimant),
];

const VIP: [u8; 4] = [10, 0, 0, 3];
const HOST: [u8; 4] = [10, 0, 0, 9];
const OWN_MAC: [u8; 6] = [0, 0, 0x5e, 0, 1, 50];
const OTHER_MAC: [u8; 6] = [2, 0, 0, 0, 0, 9];
const INSTANCE: u32 = 5;

fn key(vlans: u32) -> VipKey {
    VipKey { address: ipv4::widened(VIP), ifindex: LOOPBACK, vlans, family: 4 }
}

fn bench() -> Result<Bench, Failed> {
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
    bench.program.set_vip(key(0), &vip)?;
    Ok(bench)
}

fn packet(operation: Operation, sender_mac: [u8; 6], sender: [u8; 4], target: [u8; 4]) -> Arp {
    Arp { operation, sender_mac, sender, target_mac: [0; 6], target }
}

/// Requests and claims counted.
fn counted(bench: &Bench) -> (u64, u64) {
    let row = bench.program.view().counters(INSTANCE);
    (row[Counter::ArpRequest.slot() as usize], row[Counter::ArpClaim.slot() as usize])
}

fn arp_for_a_virtual_address_is_counted_and_passes() -> Result<(), Failed> {
    use Operation::{Reply, Request};
    let steps = [
        ("who has the address", packet(Request, OTHER_MAC, HOST, VIP), (1, 0)),
        ("a probe for the address", Arp::probe(OTHER_MAC, VIP), (1, 0)),
        ("who has another", packet(Request, OTHER_MAC, HOST, [10, 0, 0, 4]), (0, 0)),
        ("an answer to somebody", packet(Reply, OTHER_MAC, HOST, VIP), (0, 0)),
        ("our own announcement", Arp::announcement(OWN_MAC, VIP), (0, 0)),
        ("another's announcement", Arp::announcement(OTHER_MAC, VIP), (0, 1)),
        ("another's answer", packet(Reply, OTHER_MAC, VIP, HOST), (0, 1)),
        ("another asks from the address", packet(Request, OTHER_MAC, VIP, HOST), (0, 1)),
    ];
    for (what, arp, due) in steps {
        let mut bench = bench()?;
        let action = bench.run(&arp.broadcast_frame())?;
        let counted = counted(&bench);
        ensure(action == PASS && counted == due, || format!("{what}: action {action}, counted {counted:?}"))?;
    }
    let mut bench = bench()?;
    let asked = packet(Request, OTHER_MAC, HOST, VIP).broadcast_frame();
    let mut not_arp = asked;
    not_arp[ethernet::HEADER_LENGTH + 1] = 6;
    bench.run(&not_arp)?;
    bench.run(&asked[..ethernet::HEADER_LENGTH + arp::LENGTH - 1])?;
    bench.run(&frames::frame(&[7], ethernet::ARP, &asked[ethernet::HEADER_LENGTH..]))?;
    ensure(counted(&bench) == (0, 0), || "counted what is none of ours".into())?;
    bench.program.remove_vip(key(0))?;
    bench.run(&asked)?;
    ensure(counted(&bench) == (0, 0), || "counted for an address that was removed".into())
}

fn a_claim_to_a_virtual_address_names_the_claimant() -> Result<(), Failed> {
    let mut bench = bench()?;
    for _ in 0..3 {
        bench.run(&Arp::announcement(OTHER_MAC, VIP).broadcast_frame())?;
    }
    let vip = bench.program.vip(key(0)).ok_or("no such address")?;
    ensure(vip.claims == 3 && vip.claimant == OTHER_MAC && vip.claimed > 0, || format!("{vip:?}"))?;
    ensure(bench.program.vip(key(7)).is_none(), || "found in a VLAN that it is not in".into())
}
