//! A host with virtual addresses in every state that the data plane knows, and what must come of a question for one of
//! them: a model in plain Rust over the readers and writers of the common crate.

use std::time::Duration;

use lab::{clock::Moment, frames};
use libtest_mimic::Failed;
use regent_agent::net::xdp::{Entry, Gates};
use regent_common::{
    Family,
    arp::{self, Arp},
    ethernet::{self, Ethernet},
    ipv4, ipv6,
    map::{Port, Stance, Vip, VipKey, way},
    ndp::{self, Neighbor, flag},
};

use crate::bench::{Bench, DROP, LOOPBACK, PASS};

/// XDP_TX.
pub const TX: u32 = 3;
/// XDP_REDIRECT.
pub const REDIRECT: u32 = 4;
/// Tags that each address is reached by.
pub const TAGS: [&[u16]; 3] = [&[], &[7], &[7, 9]];
/// Ways of ports, by their row; the first is nobody's.
pub const WAYS: [u32; 4] = [way::KERNEL, way::KERNEL, way::TRANSMIT, way::REDIRECT];
const HOUR: Duration = Duration::from_secs(3600);

/// What the gate of an instance says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gating {
    /// Hands off.
    Off,
    /// Shut.
    Mute,
    /// Open, and advertising.
    Open,
    /// Open, whatever becomes of the agent.
    ForEver,
    /// Open, but the agent is silent for too long.
    Expired,
    /// Open by an attempt that is newer than the program's clock.
    Ahead,
}

impl Gating {
    pub const ALL: [Self; 6] = [Self::Off, Self::Mute, Self::Open, Self::ForEver, Self::Expired, Self::Ahead];

    /// Puts the gate of that row into this state.
    pub fn set(self, gates: &Gates, row: u32, flags: u32) {
        let now = Moment::now();
        let (attempted, patience) = match self {
            Self::Off | Self::Mute | Self::Open => (now, HOUR),
            Self::ForEver => (Moment::ORIGIN, Duration::ZERO),
            Self::Expired => (now.minus(Duration::from_secs(1)), Duration::from_millis(900)),
            Self::Ahead => (now.plus(HOUR), Duration::from_nanos(1)),
        };
        gates.attempt(row, attempted.nanoseconds());
        gates.answer(row, patience, flags);
        match self {
            Self::Off => gates.release(row),
            Self::Mute => gates.mute(row),
            Self::Open | Self::ForEver | Self::Expired | Self::Ahead => {}
        }
    }

    /// What the programs must make of it.
    pub const fn stance(self) -> Stance {
        match self {
            Self::Off => Stance::Off,
            Self::Mute | Self::Expired => Stance::Mute,
            Self::Open | Self::ForEver | Self::Ahead => Stance::Answer,
        }
    }
}

/// One virtual address, on all [`TAGS`].
#[derive(Clone, Copy, Debug)]
pub struct Resident {
    pub family: Family,
    pub address: [u8; 16],
    pub gating: Gating,
    /// Row of its port: an index of [`WAYS`].
    pub port: u32,
    /// Row of its instance, one for each family and gating.
    pub instance: u32,
    /// Row of its counts.
    pub counts: u32,
    pub own_mac: [u8; 6],
}

impl Resident {
    /// The address as IPv4.
    pub fn ipv4(&self) -> [u8; 4] {
        let [a, b, c, d, ..] = self.address;
        [a, b, c, d]
    }
}

/// Every address: each gating with each way, in both families.
pub fn residents() -> Vec<Resident> {
    let mut residents = Vec::new();
    for family in Family::ALL {
        for (row, gating) in (0..).zip(Gating::ALL) {
            for port in 0..WAYS.len() as u32 {
                let (at, instance) = (port as u8 + 1, row + 10 * u32::from(family == Family::Ipv6));
                residents.push(Resident {
                    family,
                    address: match family {
                        Family::Ipv4 => ipv4::widened([10, 0, row as u8, at]),
                        Family::Ipv6 => [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, row as u8, at],
                    },
                    gating,
                    port,
                    instance,
                    counts: residents.len() as u32,
                    own_mac: [0, 0, 0x5e, 0, if family == Family::Ipv4 { 1 } else { 2 }, 50 + row as u8],
                });
            }
        }
    }
    residents
}

/// Tags as in a key.
pub fn vlans(tags: &[u16]) -> u32 {
    let tag = |at: usize| u32::from(tags.get(at).copied().unwrap_or_default());
    tag(0) | tag(1) << 12
}

/// The same frame with tags.
pub fn tagged(tags: &[u16], frame: &[u8]) -> Vec<u8> {
    let (header, packet) = frame.split_at(ethernet::HEADER_LENGTH);
    let mut tagged = frames::frame(tags, u16::from_be_bytes([header[12], header[13]]), packet);
    tagged[..12].copy_from_slice(&header[..12]);
    tagged
}

/// The program, told of all of them.
pub fn household(residents: &[Resident], flags: u32) -> Result<Bench, Failed> {
    let mut bench = Bench::new()?;
    for (row, way) in (0..).zip(WAYS).skip(1) {
        bench.program.set_port(row, Port { way, padding: [0; 4] })?;
    }
    for resident in residents {
        resident.gating.set(bench.program.gates(), resident.instance, flags);
        for tags in TAGS {
            let key = VipKey {
                address: resident.address,
                ifindex: LOOPBACK,
                vlans: vlans(tags),
                family: resident.family as u32,
            };
            let vip = Vip {
                claimed: 0,
                instance: resident.instance,
                port: resident.port,
                counts: resident.counts,
                claims: 0,
                claimant: [0; 6],
                own_mac: resident.own_mac,
                padding: [0; 4],
            };
            bench.program.set_vip(key, &vip)?;
        }
    }
    Ok(bench)
}

/// What must come of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    pub action: u32,
    /// The frame afterwards.
    pub frame: Vec<u8>,
    /// Which resident was asked for.
    pub asked: Option<usize>,
}

impl Due {
    fn untouched(action: u32, frame: &[u8], asked: Option<usize>) -> Self {
        Self { action, frame: frame.to_vec(), asked }
    }
}

/// What must come of a frame that arrives.
pub fn due(residents: &[Resident], frame: &[u8]) -> Due {
    let Some(ethernet) = Ethernet::read(&frame) else { return Due::untouched(PASS, frame, None) };
    let tagged = TAGS.iter().any(|tags| vlans(tags) == ethernet.vlans());
    let at = ethernet.payload;
    let find = |family, address: [u8; 16]| {
        let is = |resident: &Resident| resident.family == family && resident.address == address;
        residents.iter().position(is).filter(|_| tagged)
    };
    let arp = (ethernet.ether_type == ethernet::ARP).then(|| Arp::read(&frame, at)).flatten();
    if let Some(arp) = arp.filter(|arp| arp.operation == arp::Operation::Request && arp.sender != arp.target)
    {
        let asked = find(Family::Ipv4, ipv4::widened(arp.target));
        return answered(residents, frame, asked, |own| {
            let reply = Arp {
                operation: arp::Operation::Reply,
                sender_mac: own,
                sender: arp.target,
                target_mac: arp.sender_mac,
                target: arp.sender,
            };
            // The packet as a frame has it; what follows it stays.
            let mut due = readdressed(arp.sender_mac, own, &frame[..at]);
            due.extend(&reply.broadcast_frame()[ethernet::HEADER_LENGTH..]);
            due.extend(&frame[due.len()..]);
            due
        });
    }
    let neighbor = (ethernet.ether_type == ethernet::IPV6).then(|| Neighbor::read(&frame, at)).flatten();
    if let Some(asking) = neighbor.filter(|one| one.operation == ndp::Operation::Solicitation) {
        let asked = find(Family::Ipv6, asking.target);
        return answered(residents, frame, asked, |own| {
            // RFC 4861 §7.2.4: to who asked, or to all nodes when nobody says who that is.
            let nobody = asking.source == [0; 16];
            let answer = Neighbor {
                operation: ndp::Operation::Advertisement,
                source: asking.target,
                destination: if nobody { ipv6::ALL_NODES } else { asking.source },
                target: asking.target,
                flags: flag::ROUTER | flag::OVERRIDE | if nobody { 0 } else { flag::SOLICITED },
                link_layer: Some(own),
            };
            let to = match asking.link_layer {
                _ if nobody => [0x33, 0x33, 0, 0, 0, 1],
                Some(address) => address,
                None => ethernet.source,
            };
            let mut written = [0; ndp::ANNOUNCEMENT_LENGTH];
            answer.write(own, to, &mut written);
            let mut due = readdressed(to, own, &frame[..at]);
            due.extend(&written[ethernet::HEADER_LENGTH..]);
            due
        });
    }
    Due::untouched(PASS, frame, None)
}

/// What comes of a question for that resident, when `answer` makes the answer from its MAC.
fn answered(
    residents: &[Resident],
    frame: &[u8],
    asked: Option<usize>,
    answer: impl FnOnce([u8; 6]) -> Vec<u8>,
) -> Due {
    let Some(resident) = asked.and_then(|asked| residents.get(asked)) else {
        return Due::untouched(PASS, frame, asked);
    };
    let to = frame.first_chunk::<6>().copied().unwrap_or_default();
    if to[0] & 1 == 0 && to != resident.own_mac {
        return Due::untouched(PASS, frame, asked);
    }
    let action = match (resident.gating.stance(), WAYS[resident.port as usize]) {
        (Stance::Off, _) => PASS,
        (Stance::Mute, _) => DROP,
        (Stance::Answer, way::TRANSMIT) => TX,
        (Stance::Answer, way::REDIRECT) => REDIRECT,
        (Stance::Answer, _) => PASS,
    };
    match action {
        TX | REDIRECT => Due { action, frame: answer(resident.own_mac), asked },
        _ => Due::untouched(action, frame, asked),
    }
}

/// The head of a frame, tags and all, to somebody else from somebody else.
fn readdressed(to: [u8; 6], from: [u8; 6], head: &[u8]) -> Vec<u8> {
    let mut head = head.to_vec();
    head[..6].copy_from_slice(&to);
    head[6..12].copy_from_slice(&from);
    head
}

/// Runs an entry and gives the action and the frame afterwards.
pub fn turned(bench: &mut Bench, entry: Entry, frame: &[u8]) -> Result<(u32, Vec<u8>), Failed> {
    let (trial, turned) = bench.program.turn_packet(entry, frame)?;
    Ok((trial.action, turned))
}
