//! The words of `auth_hmac` in `vrrp_instance`.

use super::word;
use crate::config::keyword::{Kind, Word};

/// In `auth_hmac`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum HmacTerm {
    Key,
    ActiveKey,
    AntiReplay,
    TimeWindow,
    Mode,
}

/// What follows as long as the instance does not run.
const NOT_RUN: &str = "the instance does not run";
const KEY: Kind = Kind::Form {
    what: "an ID from 0 to 255, then `hex:DIGITS`, `file:PATH` or text: 32 to 64 bytes",
    least: 2,
    most: Some(2),
};

pub(super) const WORDS: &[Word<HmacTerm>] = &[
    word(
        "key",
        KEY,
        "a key and its ID, the same on all routers of the group; adverts signed with any of them are taken",
        "key 1 hex:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        HmacTerm::Key,
    )
    .rare()
    .since("2.4")
    .repeats()
    .not_yet(NOT_RUN),
    word(
        "active_key",
        Kind::Number { least: 0, most: 255 },
        "ID of the key that signs",
        "active_key 1",
        HmacTerm::ActiveKey,
    )
    .default("the only key")
    .rare()
    .since("2.4")
    .not_yet(NOT_RUN),
    word(
        "anti_replay",
        Kind::Choice(&["time", "monotonic"]),
        "how an advert that is sent a second time is known",
        "anti_replay time",
        HmacTerm::AntiReplay,
    )
    .default("time")
    .rare()
    .since("2.4")
    .not_yet(NOT_RUN),
    word(
        "time_window",
        Kind::Seconds { least_us: 1_000_000, most_us: 300_000_000 },
        "seconds that an advert may be old",
        "time_window 5",
        HmacTerm::TimeWindow,
    )
    .default("3 intervals, 5 at least")
    .rare()
    .since("2.4")
    .not_yet(NOT_RUN),
    word(
        "mode",
        Kind::Choice(&["enforce", "permissive", "receive-only"]),
        "what becomes of adverts that are not signed: rejected; accepted; accepted, and none is signed here",
        "mode permissive",
        HmacTerm::Mode,
    )
    .default("enforce")
    .rare()
    .since("2.4")
    .not_yet(NOT_RUN),
];
