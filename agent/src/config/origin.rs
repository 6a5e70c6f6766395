//! Where text comes from that stands in no file as it is read: lines with their variables replaced.
//!
//! Owns [`Expansion`]: one text of all such lines, the [`Piece`]s it is made of, and the [`Use`]s that brought them in.
//! A span in it resolves to places in files: where a value was written, and where it was used. Replaces nothing: that
//! is `expand`.

use std::{ops::Range, sync::Arc};

use super::source::{SourceId, Span};

/// More uses than this are not told: the outer ones of a deep nest say little.
const MAX_NOTES: usize = 4;
/// More pieces of one span than this are not looked at.
const MAX_PIECES: usize = 32;

/// Number of a [`Use`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct UseId(u32);

/// A run of bytes with one origin; it ends where the next one starts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    /// First byte in its line, or in the whole expansion.
    pub start: u32,
    /// Where these bytes are written; for computed ones, what computes them.
    pub origin: Span,
    /// The bytes are not those of `origin`: a number that was counted, say.
    pub computed: bool,
    /// The use that brought them here; `None` where they stand in the line itself.
    pub via: Option<UseId>,
}

/// A place where a variable is used.
#[derive(Clone, Debug)]
pub(super) struct Use {
    /// The variable.
    pub name: Arc<str>,
    /// Which of its definitions: a variable may be defined anew.
    pub definition: usize,
    /// The `$NAME`, in a file.
    pub place: Span,
    /// The use that brought in the text that uses it.
    pub outer: Option<UseId>,
}

/// A line in the making.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    /// Its text.
    pub text: String,
    /// Its pieces in order; the first starts at 0, unless the text is empty.
    pub pieces: Vec<Piece>,
}

/// All text that stands in no file.
#[derive(Clone, Debug, Default)]
pub(super) struct Expansion {
    text: String,
    pieces: Vec<Piece>,
    uses: Vec<Use>,
}

/// Places in files that a span stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Places {
    /// The place itself.
    pub primary: Span,
    /// How its text came about, the nearest first.
    pub notes: Vec<(Span, String)>,
}

fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

impl Line {
    /// Text that stands in a file.
    pub(super) fn written(text: &str, origin: Span) -> Self {
        let mut line = Self::default();
        line.push(text, origin, false, None);
        line
    }

    /// Text that is computed by what stands at `origin`.
    pub(super) fn computed(text: &str, origin: Span) -> Self {
        let mut line = Self::default();
        line.push(text, origin, true, None);
        line
    }

    /// Adds text of one origin.
    pub(super) fn push(&mut self, text: &str, origin: Span, computed: bool, via: Option<UseId>) {
        if !text.is_empty() {
            self.pieces.push(Piece { start: offset(self.text.len()), origin, computed, via });
            self.text.push_str(text);
        }
    }

    /// Adds a part of another line. `via`: the use that brings all of it here.
    pub(super) fn push_part(&mut self, other: &Self, range: Range<usize>, via: Option<UseId>) {
        for (piece, bytes) in other.pieces_of(range) {
            let origin = part(piece, bytes.clone());
            let text = other.text.get(bytes).unwrap_or_default();
            self.push(text, origin, piece.computed, via.or(piece.via));
        }
    }

    /// A part of it.
    pub(super) fn part(&self, range: Range<usize>) -> Self {
        let mut line = Self::default();
        line.push_part(self, range, None);
        line
    }

    /// The text without the blanks around it.
    pub(super) fn trimmed(&self) -> Range<usize> {
        let start = self.text.len() - self.text.trim_start().len();
        start..self.text.trim_end().len().max(start)
    }

    /// The pieces that a range touches, each with its bytes within the range.
    fn pieces_of(&self, range: Range<usize>) -> impl Iterator<Item = (&Piece, Range<usize>)> {
        touching(&self.pieces, self.text.len(), range)
    }

    /// Where the start of a range stands in a file, as far as it stands together, and the use that brought it here.
    pub(super) fn place(&self, range: Range<usize>) -> Option<(Span, Option<UseId>)> {
        self.pieces_of(range).next().map(|(piece, bytes)| (part(piece, bytes), piece.via))
    }
}

/// Where some bytes of a piece stand.
fn part(piece: &Piece, bytes: Range<usize>) -> Span {
    if piece.computed {
        return piece.origin;
    }
    let start = piece.origin.start.saturating_add(offset(bytes.start).saturating_sub(piece.start));
    Span { start, end: start.saturating_add(offset(bytes.len())), ..piece.origin }
}

fn touching(
    pieces: &[Piece],
    end: usize,
    range: Range<usize>,
) -> impl Iterator<Item = (&Piece, Range<usize>)> {
    let first = pieces.partition_point(|piece| piece.start as usize <= range.start).saturating_sub(1);
    let touched = pieces.get(first..).unwrap_or_default();
    let ends = touched.iter().skip(1).map(|next| next.start as usize).chain(std::iter::once(end));
    touched
        .iter()
        .zip(ends)
        .map(move |(piece, end)| (piece, range.start.max(piece.start as usize)..range.end.min(end)))
        .take_while(|(_, bytes)| !bytes.is_empty())
}

impl Expansion {
    /// Takes up a line, and says where it stands from now on.
    pub(super) fn add(&mut self, line: &Line) -> Span {
        let start = offset(self.text.len());
        self.text.push_str(&line.text);
        let moved =
            line.pieces.iter().map(|piece| Piece { start: piece.start.saturating_add(start), ..*piece });
        self.pieces.extend(moved);
        let end = offset(self.text.len());
        // Whatever follows is another line.
        self.text.push('\n');
        Span { source: SourceId::EXPANSION, start, end }
    }

    /// Takes up a use.
    pub(super) fn add_use(&mut self, used: Use) -> UseId {
        self.uses.push(used);
        UseId(offset(self.uses.len() - 1))
    }

    /// A use and those that brought it about, the nearest first.
    pub(super) fn uses(&self, from: Option<UseId>) -> impl Iterator<Item = (UseId, &Use)> {
        let get = |id: Option<UseId>| id.and_then(|id| self.uses.get(id.0 as usize).map(|used| (id, used)));
        std::iter::successors(get(from), move |(_, used)| get(used.outer))
    }

    /// How many uses are nested in each other here.
    pub(super) fn depth(&self, from: Option<UseId>) -> usize {
        self.uses(from).count()
    }

    /// The text of a span.
    pub(super) fn text(&self, span: Span) -> &str {
        self.text.get(span.start as usize..span.end as usize).unwrap_or_default()
    }

    /// Everything so far.
    pub(super) fn whole(&self) -> &str {
        &self.text
    }

    fn pieces(&self, span: Span) -> impl Iterator<Item = (&Piece, Range<usize>)> {
        // At least one byte, so that an empty span has a place as well.
        let end = (span.end as usize).max(span.start as usize + 1);
        touching(&self.pieces, self.text.len(), span.start as usize..end).take(MAX_PIECES)
    }

    /// Where the bytes of a span are written, wherever that is.
    pub(super) fn written(&self, span: Span) -> Vec<Span> {
        let copied = self.pieces(span).filter(|(piece, _)| !piece.computed);
        copied.map(|(piece, bytes)| part(piece, bytes)).collect()
    }

    /// The places in files that a span stands for; `None` for a span of no text.
    pub(super) fn places(&self, span: Span) -> Option<Places> {
        let parts: Vec<(Span, Option<UseId>, bool)> =
            self.pieces(span).map(|(piece, bytes)| (part(piece, bytes), piece.via, piece.computed)).collect();
        let frame = self.common_frame(&parts);
        let (mut primary, mut notes): (Option<Span>, Vec<(Span, String)>) = (None, Vec::new());
        for (origin, via, computed) in parts {
            // What brought this piece into the frame; nothing when it stands there itself.
            let inner = self.uses(via).take_while(|(id, _)| Some(*id) != frame).last().map(|(_, used)| used);
            let shown = match inner {
                Some(used) => {
                    notes.push((origin, format!("`{}` is set here", used.name)));
                    used.place
                }
                None if computed => match self.uses(via).next() {
                    // What no file says is shown where it is used.
                    Some((_, used)) => {
                        notes.push((origin, format!("`{}` comes from here", used.name)));
                        used.place
                    }
                    None => origin,
                },
                None => origin,
            };
            primary = Some(primary.map_or(shown, |before| cover(before, shown)));
        }
        let uses = self.uses(frame).map(|(_, used)| (used.place, format!("`{}` is used here", used.name)));
        notes.extend(uses);
        let primary = primary?;
        let mut told: Vec<(Span, String)> = Vec::new();
        for note in notes {
            if note.0 != primary && told.iter().all(|(place, _)| *place != note.0) && told.len() < MAX_NOTES {
                told.push(note);
            }
        }
        Some(Places { primary, notes: told })
    }

    /// The innermost use that brought in all of the parts; `None` when they meet only in a line of a file.
    fn common_frame(&self, parts: &[(Span, Option<UseId>, bool)]) -> Option<UseId> {
        let (_, first, _) = parts.first()?;
        let mut common: Vec<UseId> = self.uses(*first).map(|(id, _)| id).collect();
        common.reverse();
        for (_, via, _) in parts.iter().skip(1) {
            let mut chain: Vec<UseId> = self.uses(*via).map(|(id, _)| id).collect();
            chain.reverse();
            let same = common.iter().zip(&chain).take_while(|(one, other)| one == other).count();
            common.truncate(same);
        }
        common.last().copied()
    }
}

/// From the first to the last byte of both; the first alone when they lie in different files.
fn cover(one: Span, other: Span) -> Span {
    if one.source != other.source {
        return one;
    }
    Span { start: one.start.min(other.start), end: one.end.max(other.end), ..one }
}
