//! The words of `track_file` and `vrrp_track_file`.

use super::word;
use crate::config::keyword::{Kind, Word};

/// In `track_file`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum TrackFileTerm {
    File,
    Weight,
    InitFile,
}

/// keepalived 2.2 stops at 254.
const WEIGHT: Kind = Kind::Multiplier { most: i32::MAX as i64 };
const INIT: Kind = Kind::Form { what: "[VALUE] [overwrite]", least: 0, most: Some(2) };

pub(super) const WORDS: &[Word<TrackFileTerm>] = &[
    word(
        "file",
        Kind::Path,
        "the file, which holds a whole number",
        "file /run/regent/load",
        TrackFileTerm::File,
    ),
    word(
        "weight",
        WEIGHT,
        "what the number is multiplied by; 0: any other number than 0 means FAULT",
        "weight 1",
        TrackFileTerm::Weight,
    )
    .default("1"),
    word(
        "init_file",
        INIT,
        "the file is made with that number at the start, and overwritten if told so",
        "init_file 0 overwrite",
        TrackFileTerm::InitFile,
    ),
];
