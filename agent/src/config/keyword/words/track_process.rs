//! The words of `vrrp_track_process`.

use super::word;
use crate::config::keyword::{Kind, Word};

/// In `vrrp_track_process`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum TrackProcessTerm {
    Process,
    ParameterMatch,
    Weight,
    Quorum,
    QuorumMax,
    Delay,
    TerminateDelay,
    ForkDelay,
    FullCommand,
}

const WEIGHT: Kind = Kind::Multiplier { most: 254 };
const QUORUM: Kind = Kind::Number { least: 1, most: 65_535 };
const QUORUM_MAX: Kind = Kind::Number { least: 0, most: 65_535 };
const DELAY: Kind = Kind::Seconds { least_us: 1, most_us: 3_600_000_000 };
const COMMAND: Kind = Kind::Form { what: "NAME [PARAMETERS]", least: 1, most: None };

pub(super) const WORDS: &[Word<TrackProcessTerm>] = &[
    word(
        "process",
        COMMAND,
        "name of the program, and its parameters where they matter",
        "process haproxy",
        TrackProcessTerm::Process,
    ),
    word(
        "param_match",
        Kind::Choice(&["initial", "partial"]),
        "further parameters may follow (partial), or the last one may be longer (initial)",
        "param_match partial",
        TrackProcessTerm::ParameterMatch,
    )
    .default("all must be equal"),
    word(
        "weight",
        WEIGHT,
        "what it adds to the priority of an instance that tracks it; 0: FAULT without enough of them",
        "weight 10",
        TrackProcessTerm::Weight,
    )
    .default("0"),
    word("quorum", QUORUM, "processes at least", "quorum 1", TrackProcessTerm::Quorum).default("1"),
    word("quorum_max", QUORUM_MAX, "processes at most", "quorum_max 4", TrackProcessTerm::QuorumMax),
    word("delay", DELAY, "seconds until a change counts, both ways", "delay 0.5", TrackProcessTerm::Delay)
        .default("0"),
    word(
        "terminate_delay",
        DELAY,
        "seconds until too few processes count",
        "terminate_delay 0.5",
        TrackProcessTerm::TerminateDelay,
    )
    .default("0"),
    word(
        "fork_delay",
        DELAY,
        "seconds until enough processes count",
        "fork_delay 0.5",
        TrackProcessTerm::ForkDelay,
    )
    .default("0"),
    word(
        "full_command",
        Kind::Flag,
        "the whole command line is compared, not the name alone",
        "full_command",
        TrackProcessTerm::FullCommand,
    ),
];
