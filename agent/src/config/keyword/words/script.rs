//! The words of `vrrp_script`.

use super::{IN_A_ROW, MOST_SECONDS, word};
use crate::config::keyword::{Kind, Word};

/// In `vrrp_script`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum ScriptTerm {
    Script,
    Interval,
    Timeout,
    Weight,
    Rise,
    Fall,
    User,
    InitFail,
}

pub(super) const WORDS: &[Word<ScriptTerm>] = &[
    word(
        "script",
        Kind::CommandLine,
        "the command: exit status 0 is good",
        "script \"/usr/bin/pgrep -x haproxy\"",
        ScriptTerm::Script,
    )
    .everyday(),
    word(
        "interval",
        Kind::Seconds { least_us: 0, most_us: MOST_SECONDS },
        "seconds between runs",
        "interval 2",
        ScriptTerm::Interval,
    )
    .default("1")
    .everyday(),
    word(
        "timeout",
        Kind::Seconds { least_us: 1_000, most_us: MOST_SECONDS },
        "a run that takes longer is ended and counts as failed",
        "timeout 1",
        ScriptTerm::Timeout,
    )
    .default("interval")
    .everyday(),
    word(
        "weight",
        Kind::Weight,
        "what the result adds to the priority of an instance that tracks it; 0: failed means FAULT",
        "weight -11",
        ScriptTerm::Weight,
    )
    .default("0")
    .everyday(),
    word("rise", IN_A_ROW, "successes in a row until it counts as good", "rise 2", ScriptTerm::Rise)
        .default("1")
        .everyday(),
    word("fall", IN_A_ROW, "failures in a row until it counts as bad", "fall 2", ScriptTerm::Fall)
        .default("1")
        .everyday(),
    word("user", Kind::User, "who runs the command", "user nobody nogroup", ScriptTerm::User)
        .default("script_user")
        .everyday(),
    word("init_fail", Kind::Flag, "counts as bad until its first success", "init_fail", ScriptTerm::InitFail)
        .everyday(),
];
