//! The words of `garp_group`.

use super::{SECONDS, word};
use crate::config::keyword::{Kind, Line, Word};

/// In `garp_group`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum GarpGroupTerm {
    GarpInterval,
    GnaInterval,
    Interface,
    Interfaces,
}

pub(super) const WORDS: &[Word<GarpGroupTerm>] = &[
    word(
        "garp_interval",
        SECONDS,
        "shortest time between two gratuitous ARPs on these interfaces",
        "garp_interval 0.01",
        GarpGroupTerm::GarpInterval,
    )
    .default("0")
    .rare(),
    word(
        "gna_interval",
        SECONDS,
        "shortest time between two unsolicited neighbour advertisements on these interfaces",
        "gna_interval 0.01",
        GarpGroupTerm::GnaInterval,
    )
    .default("0")
    .rare(),
    word("interface", Kind::Interface, "the interface", "interface eth0", GarpGroupTerm::Interface)
        .rare()
        .repeats(),
    word(
        "interfaces",
        Kind::Lines(Line::Interface),
        "the interfaces, which share one pace",
        "interfaces { eth0\n eth1 }",
        GarpGroupTerm::Interfaces,
    )
    .rare(),
];
