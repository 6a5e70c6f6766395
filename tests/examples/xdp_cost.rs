//! What the XDP program costs a packet, in nanoseconds over a program that does nothing, as one JSON line for each kind of
//! packet: the median and the worst run.
//!
//! Each figure is the median of 31 runs of a million repetitions, as the kernel measures them (with the ring, of what
//! the ring holds, a few times over); a packet that the program answers in its place is made what it was after each; the
//! empty program is measured in turn with the others, so that what disturbs the
//! machine disturbs both. An argument names which figures. Needs root and a build with the BPF object.

use std::{error::Error, time::Duration};

use lab::frames;
use regent_agent::net::xdp::{Capacity, Entry, Program};
use regent_common::{
    AdvertInterval, Family, LocalPriority, Version, Vrid,
    advert::{Addresses, Advert, Authentication, ChecksumForm},
    arp::{Arp, Operation},
    ethernet, ipv4, ipv6,
    map::{Expected, GroupKey, Peer, PeerKey, Port, Vip, VipKey, flag, way},
    ndp::{self, Neighbor},
};

const ROUNDS: usize = 31;
const REPETITIONS: u32 = 1_000_000;
/// What the ring holds with room to spare: it is emptied after as many.
const RECORDS: u32 = 4_000;
/// How often the ring is filled for one figure. Each filling costs the kernel some 16 ms of preparation.
const FILLINGS: u32 = 8;
const LOOPBACK: u32 = 1;
const ADDRESS: [u8; 4] = [10, 0, 0, 3];
const SOURCE: [u8; 4] = [10, 0, 0, 1];
const ADDRESS6: [u8; 16] = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 1];
const SOURCE6: [u8; 16] = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
const OURS6: [u8; 16] = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];
const OWN_MAC: [u8; 6] = [0, 0, 0x5e, 0, 2, 50];
const STRANGER_MAC: [u8; 6] = [2, 0, 0, 0, 0, 9];
/// Rows of the instances whose addresses nobody answers for, are answered for, are kept silent.
const OFF: u32 = 5;
const OPEN: u32 = 6;
const SHUT: u32 = 7;
/// The row of the port.
const PORT: u32 = 1;
/// XDP_DROP, XDP_PASS, XDP_TX; and of tc programs "next" and "shot".
const DROP: u32 = 1;
const PASS: u32 = 2;
const TX: u32 = 3;
const NEXT: u32 = u32::MAX;
const SHOT: u32 = 2;

/// A kind of packet, and what the program is told about its group.
struct Case {
    name: &'static str,
    /// The program, and the empty one.
    entries: [Entry; 2],
    frame: Vec<u8>,
    expected: Option<(GroupKey, Expected)>,
    /// A virtual address of ours, and the instance that has it.
    vip: Option<(Family, u32)>,
    /// A unicast peer.
    peer: Option<(PeerKey, Peer)>,
    action: u32,
    /// Repetitions in one go.
    repetitions: u32,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut program = Program::load_with(Capacity::default(), u32::MAX)?;
    for entry in [Entry::Empty, Entry::RegentAgain, Entry::EmptyAgain, Entry::EmptyTc] {
        program.load_entry(entry)?;
    }
    let mut walked = 0;
    for entry in Entry::LOADED {
        walked +=
            program.verified_instructions(entry).ok_or("the kernel does not say what its verifier walked")?;
    }
    println!("{{\"verified_instructions\":{walked}}}");
    program.set_port(PORT, Port { way: way::TRANSMIT, padding: [0; 4] })?;
    program.gates().answer(OPEN, Duration::MAX, 0);
    program.gates().mute(SHUT);
    let mut cases = cases()?;
    let wanted = std::env::args().nth(1).unwrap_or_default();
    for case in cases.iter_mut().filter(|case| case.name.contains(&wanted)) {
        if let Some((key, expected)) = &case.expected {
            program.set_instance(*key, expected)?;
        }
        if let Some((key, peer)) = case.peer {
            program.set_peer(key, peer)?;
        }
        if let Some((family, instance)) = case.vip {
            let key = VipKey { address: address(family), ifindex: LOOPBACK, vlans: 0, family: family as u32 };
            program.set_vip(key, &vip(instance))?;
        }
        program.set_original(&case.frame)?;
        let [entry, empty] = case.entries;
        let action = program.try_packet(entry, &case.frame, 1)?.action;
        if action != case.action {
            return Err(format!("{}: action {action} instead of {}", case.name, case.action).into());
        }
        let mut runs = [Vec::new(), Vec::new()];
        for _ in 0..ROUNDS {
            for (entry, runs) in [empty, entry].into_iter().zip(&mut runs) {
                runs.push(round(&mut program, entry, &case.frame, case.repetitions)?);
            }
        }
        let [empty, regent] = runs.map(|mut runs| {
            runs.sort_unstable();
            runs
        });
        let median = empty[ROUNDS / 2];
        let over_empty = |run: u128| run.saturating_sub(median);
        println!(
            "{{\"figure\":\"{}\",\"runs\":{ROUNDS},\"empty\":{median},\"median\":{},\"worst\":{},\"best\":{}}}",
            case.name,
            over_empty(regent[ROUNDS / 2]),
            over_empty(regent[ROUNDS - 1]),
            regent[0].saturating_sub(empty[0]),
        );
    }
    Ok(())
}

/// The mean of one run in nanoseconds; the ring is emptied meanwhile, unmeasured.
fn round(program: &mut Program, entry: Entry, frame: &[u8], at_once: u32) -> Result<u128, Box<dyn Error>> {
    let runs = if at_once == RECORDS { FILLINGS } else { 1 };
    let mut sum = 0;
    for _ in 0..runs {
        sum += program.try_packet(entry, frame, at_once)?.duration.as_nanos();
        program.drain(usize::MAX, |_| ());
    }
    Ok(sum / u128::from(runs))
}

fn cases() -> Result<Vec<Case>, Box<dyn Error>> {
    let plain = |name: &'static str, frame: Vec<u8>| Case {
        name,
        entries: [Entry::Regent, Entry::Empty],
        frame,
        expected: None,
        vip: None,
        peer: None,
        action: PASS,
        repetitions: REPETITIONS,
    };
    // A group of its own for each case: rows keep what was heard.
    let group = |index: u32, family: Family, vrid: u8, flags: u8| {
        let key = GroupKey::new(LOOPBACK, 0, family as u8, vrid);
        Some((key, expected(index, family, flags)))
    };
    let (four, six) = (Family::Ipv4, Family::Ipv6);
    let mut bad_checksum = advert(four, 52, MULTICAST)?;
    let last = bad_checksum.len() - 1;
    bad_checksum[last] ^= 1;
    let mut echo = ndp::probe(STRANGER_MAC, ADDRESS6).to_vec();
    echo[ethernet::HEADER_LENGTH + ipv6::HEADER_LENGTH] = 128;
    let tcp = frames::ip_frame(&[], &frames::tcp_packet());
    let request = Arp {
        operation: Operation::Request,
        sender_mac: STRANGER_MAC,
        sender: SOURCE,
        target_mac: [0; 6],
        target: ADDRESS,
    };
    let asked = request.broadcast_frame().to_vec();
    let mut solicited = vec![0; ndp::ANNOUNCEMENT_LENGTH];
    let group_address = ipv6::solicited_node(ADDRESS6);
    let solicitation = Neighbor {
        operation: ndp::Operation::Solicitation,
        source: SOURCE6,
        destination: group_address,
        target: ADDRESS6,
        flags: 0,
        link_layer: Some(STRANGER_MAC),
    };
    solicitation
        .write(STRANGER_MAC, ipv6::multicast_mac(group_address), &mut solicited)
        .ok_or("no solicitation")?;
    let answered = |name, frame: &Vec<u8>, family| Case {
        entries: [Entry::RegentAgain, Entry::EmptyAgain],
        vip: Some((family, OPEN)),
        action: TX,
        ..plain(name, frame.clone())
    };
    let leaving = |name, frame: &Vec<u8>, action| Case {
        entries: [Entry::RegentEgress, Entry::EmptyTc],
        action,
        ..plain(name, frame.clone())
    };
    Ok(vec![
        plain("foreign_tcp", tcp.clone()),
        plain("foreign_icmpv6", echo),
        Case {
            expected: group(0, four, 50, 0),
            ..plain("accepted_without_ring", advert(four, 50, MULTICAST)?)
        },
        Case {
            expected: group(1, four, 51, flag::RING_ALWAYS),
            repetitions: RECORDS,
            ..plain("accepted_with_ring", advert(four, 51, MULTICAST)?)
        },
        Case {
            expected: group(2, six, 50, 0),
            ..plain("accepted_ipv6_without_ring", advert(six, 50, MULTICAST)?)
        },
        Case {
            expected: group(3, four, 53, flag::UNICAST | flag::CHECK_SOURCE),
            peer: Some((PeerKey::new(ends(four).0, 3), Peer::new(255, 255))),
            ..plain("accepted_unicast_without_ring", advert(four, 53, flag::UNICAST)?)
        },
        Case { expected: group(4, four, 52, 0), ..plain("rejected_checksum", bad_checksum) },
        plain("stranger", advert(four, 54, MULTICAST)?),
        plain("neighbor_solicitation_for_another", ndp::probe(STRANGER_MAC, SOURCE6).to_vec()),
        Case {
            vip: Some((six, OFF)),
            ..plain("neighbor_solicitation_for_ours", ndp::probe(STRANGER_MAC, ADDRESS6).to_vec())
        },
        Case {
            vip: Some((six, OFF)),
            ..plain("neighbor_advertisement_of_ours", ndp::announcement(OWN_MAC, ADDRESS6).to_vec())
        },
        answered("neighbor_solicitation_answered", &solicited, six),
        Case {
            vip: Some((six, SHUT)),
            action: DROP,
            ..plain("neighbor_solicitation_muted", solicited.clone())
        },
        plain("arp_for_another", Arp::probe(STRANGER_MAC, SOURCE).broadcast_frame().to_vec()),
        Case { vip: Some((four, OFF)), ..plain("arp_for_ours", asked.clone()) },
        answered("arp_answered", &asked, four),
        Case { vip: Some((four, SHUT)), action: DROP, ..plain("arp_muted", asked) },
        leaving("egress_foreign_tcp", &tcp, NEXT),
        Case {
            vip: Some((four, SHUT)),
            ..leaving(
                "egress_arp_held",
                &Arp::announcement(OWN_MAC, ADDRESS).broadcast_frame().to_vec(),
                SHOT,
            )
        },
        Case {
            entries: [Entry::RegentIngress, Entry::EmptyTc],
            ..leaving("ingress_foreign_tcp", &tcp, NEXT)
        },
    ])
}

/// The virtual address of that family.
fn address(family: Family) -> [u8; 16] {
    match family {
        Family::Ipv4 => ipv4::widened(ADDRESS),
        Family::Ipv6 => ADDRESS6,
    }
}

fn vip(instance: u32) -> Vip {
    Vip {
        instance,
        claims: 0,
        port: PORT,
        counts: instance,
        claimed: 0,
        claimant: [0; 6],
        own_mac: OWN_MAC,
        padding: [0; 4],
    }
}

/// No flags: the group speaks multicast.
const MULTICAST: u8 = 0;

/// The sender and we.
fn ends(family: Family) -> ([u8; 16], [u8; 16]) {
    match family {
        Family::Ipv4 => (ipv4::widened(SOURCE), ipv4::widened([10, 0, 0, 2])),
        Family::Ipv6 => (SOURCE6, OURS6),
    }
}

/// Where adverts are sent.
fn destination(family: Family, flags: u8) -> [u8; 16] {
    match family {
        _ if flags & flag::UNICAST != 0 => ends(family).1,
        Family::Ipv4 => ipv4::widened(ipv4::VRRP_GROUP),
        Family::Ipv6 => ipv6::VRRP_GROUP,
    }
}

fn addresses(family: Family) -> Addresses<'static> {
    match family {
        Family::Ipv4 => Addresses::Ipv4(&[ADDRESS]),
        Family::Ipv6 => Addresses::Ipv6(&[ADDRESS6]),
    }
}

/// The frame of an advert.
fn advert(family: Family, vrid: u8, flags: u8) -> Result<Vec<u8>, Box<dyn Error>> {
    let destination = destination(family, flags);
    let message = frames::message(&Advert {
        version: Version::V3,
        vrid: Vrid::new(vrid).ok_or("no VRID")?,
        priority: LocalPriority::new(150).ok_or("no priority")?.into(),
        interval: AdvertInterval::DEFAULT,
        authentication: Authentication::None,
        checksum: ChecksumForm::PseudoHeader,
        source: ends(family).0,
        destination,
        addresses: addresses(family),
    });
    let [a, b, c, d, ..] = destination;
    Ok(frames::ip_frame(
        &[],
        &match family {
            Family::Ipv4 => frames::ipv4_packet(SOURCE, [a, b, c, d], 255, &message),
            Family::Ipv6 => frames::ipv6_packet(SOURCE6, destination, 255, &message),
        },
    ))
}

fn expected(index: u32, family: Family, flags: u8) -> Expected {
    let (source, ours) = ends(family);
    Expected {
        index,
        generation: 1,
        own_source: ours,
        active_source: source,
        destination: destination(family, flags),
        auth_data: [0; 8],
        addresses: addresses(family).fingerprint(),
        interval: AdvertInterval::DEFAULT.centiseconds(),
        count: 1,
        version: 3,
        auth_type: 0,
        flags,
        own_mac: [0x02, 0, 0, 0, 0, 0x02],
    }
}
