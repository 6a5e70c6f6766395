//! What the XDP program costs a packet, in nanoseconds over a program that does nothing, as one JSON line for each kind of
//! packet: the median and the worst run.
//!
//! Each figure is the median of 31 runs of a million repetitions, as the kernel measures them (with the ring, of what
//! the ring holds, a few times over); the empty program is measured in turn with the others, so that what disturbs the
//! machine disturbs both. Needs root and a build with the BPF object.

use std::error::Error;

use lab::frames;
use regent_agent::net::xdp::{Capacity, Entry, Program};
use regent_common::{
    AdvertInterval, Family, LocalPriority, Version, Vrid,
    advert::{Addresses, Advert, Authentication, ChecksumForm},
    ipv4,
    map::{Expected, GroupKey, flag},
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

/// A kind of packet, and what the program is told about its group.
struct Case {
    name: &'static str,
    frame: Vec<u8>,
    expected: Option<(GroupKey, Expected)>,
    action: u32,
    /// Repetitions in one go.
    repetitions: u32,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut program = Program::load_with(Capacity::default(), u32::MAX)?;
    program.load_entry(Entry::Empty)?;
    let mut cases = cases()?;
    for case in &mut cases {
        if let Some((key, expected)) = &case.expected {
            program.set_instance(*key, expected)?;
        }
        let action = program.try_packet(Entry::Regent, &case.frame, 1)?.action;
        if action != case.action {
            return Err(format!("{}: action {action} instead of {}", case.name, case.action).into());
        }
        let mut runs = [Vec::new(), Vec::new()];
        for _ in 0..ROUNDS {
            for (entry, runs) in [Entry::Empty, Entry::Regent].into_iter().zip(&mut runs) {
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
            "{{\"figure\":\"{}\",\"runs\":{ROUNDS},\"empty\":{median},\"median\":{},\"worst\":{}}}",
            case.name,
            over_empty(regent[ROUNDS / 2]),
            over_empty(regent[ROUNDS - 1]),
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
    let ours = 50;
    let frame = |vrid: u8| -> Result<Vec<u8>, Box<dyn Error>> {
        let message = frames::message(&Advert {
            version: Version::V3,
            vrid: Vrid::new(vrid).ok_or("no VRID")?,
            priority: LocalPriority::new(150).ok_or("no priority")?.into(),
            interval: AdvertInterval::DEFAULT,
            authentication: Authentication::None,
            checksum: ChecksumForm::PseudoHeader,
            source: ipv4::widened(SOURCE),
            destination: ipv4::widened(ipv4::VRRP_GROUP),
            addresses: Addresses::Ipv4(&[ADDRESS]),
        });
        Ok(frames::ip_frame(&[], &frames::ipv4_packet(SOURCE, ipv4::VRRP_GROUP, 255, &message)))
    };
    let expected = |index: u32, flags: u8| Expected {
        index,
        generation: 1,
        own_source: ipv4::widened([10, 0, 0, 2]),
        active_source: ipv4::widened(SOURCE),
        destination: ipv4::widened(ipv4::VRRP_GROUP),
        auth_data: [0; 8],
        addresses: Addresses::Ipv4(&[ADDRESS]).fingerprint(),
        interval: AdvertInterval::DEFAULT.centiseconds(),
        count: 1,
        version: 3,
        auth_type: 0,
        flags,
        own_mac: [0x02, 0, 0, 0, 0, 0x02],
    };
    let key = |vrid| GroupKey::new(LOOPBACK, 0, Family::Ipv4 as u8, vrid);
    let mut bad_checksum = frame(ours + 2)?;
    let last = bad_checksum.len() - 1;
    bad_checksum[last] ^= 1;
    Ok(vec![
        Case {
            name: "foreign_tcp",
            frame: frames::ip_frame(&[], &frames::tcp_packet()),
            expected: None,
            action: 2,
            repetitions: REPETITIONS,
        },
        Case {
            name: "accepted_without_ring",
            frame: frame(ours)?,
            expected: Some((key(ours), expected(0, 0))),
            action: 2,
            repetitions: REPETITIONS,
        },
        Case {
            name: "accepted_with_ring",
            frame: frame(ours + 1)?,
            expected: Some((key(ours + 1), expected(1, flag::RING_ALWAYS))),
            action: 2,
            repetitions: RECORDS,
        },
        Case {
            name: "rejected_checksum",
            frame: bad_checksum,
            expected: Some((key(ours + 2), expected(2, 0))),
            action: 2,
            repetitions: REPETITIONS,
        },
        Case {
            name: "stranger",
            frame: frame(ours + 3)?,
            expected: None,
            action: 2,
            repetitions: REPETITIONS,
        },
    ])
}
