//! The words that may follow a unicast peer.

use super::word;
use crate::config::keyword::{Kind, Word};

/// After a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum PeerTerm {
    LeastTtl,
    MostTtl,
}

const TTL: Kind = Kind::Number { least: 0, most: 255 };

pub(super) const WORDS: &[Word<PeerTerm>] = &[
    word(
        "min_ttl",
        TTL,
        "adverts of it with a lower TTL or hop limit are rejected",
        "min_ttl 255",
        PeerTerm::LeastTtl,
    )
    .default("0"),
    word(
        "max_ttl",
        TTL,
        "adverts of it with a higher TTL or hop limit are rejected",
        "max_ttl 255",
        PeerTerm::MostTtl,
    )
    .default("255"),
];
