//! The words of `bfd_instance`.

use super::{TTL, word};
use crate::config::keyword::{Kind, Word};

/// In `bfd_instance`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum BfdTerm {
    Neighbor,
    Source,
    LeastReceive,
    LeastTransmit,
    IdleTransmit,
    Multiplier,
    Passive,
    Ttl,
    MaxHops,
    Multihop,
    Weight,
    Vrrp,
    Checker,
}

/// What the protocol's microseconds can say (RFC 5880 4.1), in whole milliseconds.
const MOST_US: u64 = 4_294_967_000;
const INTERVAL: Kind = Kind::Milliseconds { least_us: 1_000, most_us: MOST_US };

pub(super) const WORDS: &[Word<BfdTerm>] = &[
    word("neighbor_ip", Kind::Address, "the neighbour", "neighbor_ip 192.0.2.254", BfdTerm::Neighbor).rare(),
    word("neighbour_ip", Kind::Address, "the neighbour", "neighbour_ip 192.0.2.254", BfdTerm::Neighbor)
        .same_as("neighbor_ip")
        .rare(),
    word(
        "source_ip",
        Kind::Address,
        "packets come from this address",
        "source_ip 192.0.2.5",
        BfdTerm::Source,
    )
    .rare(),
    word(
        "min_rx",
        INTERVAL,
        "milliseconds between two packets of the neighbour, at least",
        "min_rx 50",
        BfdTerm::LeastReceive,
    )
    .default("10")
    .rare(),
    word(
        "min_tx",
        INTERVAL,
        "milliseconds between two packets to the neighbour, at least",
        "min_tx 50",
        BfdTerm::LeastTransmit,
    )
    .default("10")
    .rare(),
    word(
        "idle_tx",
        Kind::Milliseconds { least_us: 1_000_000, most_us: MOST_US },
        "the same while the session is down",
        "idle_tx 1000",
        BfdTerm::IdleTransmit,
    )
    .default("1000")
    .rare(),
    word(
        "multiplier",
        Kind::Number { least: 1, most: 255 },
        "packets that must be missing until the session is down",
        "multiplier 5",
        BfdTerm::Multiplier,
    )
    .default("5")
    .rare(),
    word("passive", Kind::Flag, "nothing is sent until the neighbour is heard", "passive", BfdTerm::Passive)
        .rare(),
    word("ttl", TTL, "TTL or hop limit of packets", "ttl 255", BfdTerm::Ttl)
        .default("255; 64 for IPv6")
        .rare(),
    word("hoplimit", TTL, "TTL or hop limit of packets", "hoplimit 64", BfdTerm::Ttl)
        .same_as("ttl")
        .default("255; 64 for IPv6")
        .rare(),
    word(
        "max_hops",
        Kind::Number { least: -1, most: 255 },
        "routers that a packet of the neighbour may have passed; 255 or -1: any number",
        "max_hops 2",
        BfdTerm::MaxHops,
    )
    .default("0")
    .rare(),
    word(
        "multihop",
        Kind::Flag,
        "the neighbour is behind routers: port 4784 instead of 3784",
        "multihop",
        BfdTerm::Multihop,
    )
    .since("2.3")
    .rare(),
    word(
        "weight",
        Kind::Weight,
        "what the session adds to the priority of an instance that tracks it; 0: down means FAULT",
        "weight -10",
        BfdTerm::Weight,
    )
    .default("0")
    .rare(),
    word(
        "vrrp",
        Kind::Flag,
        "for vrrp_instance blocks alone, unless `checker` is said too",
        "vrrp",
        BfdTerm::Vrrp,
    )
    .default("both")
    .rare(),
    word(
        "checker",
        Kind::Flag,
        "for BFD_CHECK alone, unless `vrrp` is said too",
        "checker",
        BfdTerm::Checker,
    )
    .default("both")
    .rare(),
];
