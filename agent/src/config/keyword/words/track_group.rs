//! The words of `track_group`.

use super::word;
use crate::config::keyword::{Kind, Line, Word};

/// In `track_group`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum TrackGroupTerm {
    Group,
}

pub(super) const WORDS: &[Word<TrackGroupTerm>] = &[word(
    "group",
    Kind::Lines(Line::Instance),
    "the instances",
    "group { VI_1\n VI_2 }",
    TrackGroupTerm::Group,
)
.not_yet("no instance notices that what names the group is gone")];
