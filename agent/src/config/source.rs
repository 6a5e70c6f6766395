//! Texts that a config is made of, and places in them.
//!
//! Owns [`Sources`] (every file that was read, each with the place that included it) and [`Span`]. A span names its
//! source and a source names where it came from; a span of expanded text (`SourceId::EXPANSION`) resolves to the value
//! and its uses. So every word carries its whole chain of origins. Reads no files.

use std::sync::Arc;

use super::origin::{Expansion, Places};

/// Number of a source within its [`Sources`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(u32);

impl SourceId {
    /// No file: the text of all lines in which variables were replaced.
    pub(super) const EXPANSION: Self = Self(u32::MAX);
}

/// A range of bytes in one source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// Which source.
    pub source: SourceId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// From the start of this span to the end of `last`; this span when `last` lies in another source.
    pub fn to(self, last: Self) -> Self {
        if self.source == last.source { Self { end: last.end.max(self.end), ..self } } else { self }
    }

    /// The same place, when its text stands behind so many others: see [`Sources::append`].
    pub(super) const fn behind(self, count: u32) -> Self {
        Self { source: SourceId(self.source.0.saturating_add(count)), ..self }
    }
}

/// One text.
#[derive(Clone, Debug)]
pub struct Source {
    /// What diagnostics call it: the path as it was given, or `command line`.
    pub name: String,
    /// Its text.
    pub text: Arc<str>,
    /// The place that included it; `None` for the root.
    pub included_from: Option<Span>,
    line_starts: Vec<u32>,
}

/// A place as people count it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

/// Every text that a config is made of, in the order in which they were opened.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    list: Vec<Source>,
    /// Sorted by place once reading is over; shown as asterisks.
    secrets: Vec<Span>,
    /// What stands in no file.
    pub(super) expansion: Expansion,
}

impl Sources {
    /// Takes up a text. Bytes past 4 GiB cannot be named; the callers refuse such texts long before.
    pub(super) fn add(&mut self, name: String, text: Arc<str>, included_from: Option<Span>) -> SourceId {
        let id = SourceId(u32::try_from(self.list.len()).unwrap_or(u32::MAX));
        let line_starts = std::iter::once(0)
            .chain(text.bytes().zip(1_u32..).filter(|(byte, _)| *byte == b'\n').map(|(_, next)| next))
            .collect();
        self.list.push(Source { name, text, included_from, line_starts });
        id
    }

    /// The files, each with its name and its text as it was read.
    pub(super) fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.list.iter().map(|source| (source.name.as_str(), &*source.text))
    }

    /// The source of that number. Numbers come only from `Sources::add` of the same collection.
    pub fn get(&self, id: SourceId) -> Option<&Source> {
        self.list.get(id.0 as usize)
    }

    /// Every source, the root first.
    pub fn iter(&self) -> impl Iterator<Item = &Source> {
        self.list.iter()
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.list.len()
    }

    /// The text of a span; empty when it does not lie in these sources.
    pub fn text(&self, span: Span) -> &str {
        if span.source == SourceId::EXPANSION {
            return self.expansion.text(span);
        }
        self.get(span.source)
            .and_then(|source| source.text.get(span.start as usize..span.end as usize))
            .unwrap_or_default()
    }

    /// Everything in a source, also in the expanded text.
    pub(super) fn all_of(&self, id: SourceId) -> &str {
        match self.get(id) {
            Some(source) => &source.text,
            None => self.expansion.whole(),
        }
    }

    /// The name of a span's source.
    pub fn name(&self, span: Span) -> &str {
        self.get(self.in_file(span).source).map_or("", |source| &source.name)
    }

    /// Line and column of a span's start.
    pub fn position(&self, span: Span) -> Position {
        let span = self.in_file(span);
        self.get(span.source).map_or(Position { line: 1, column: 1 }, |source| source.position(span.start))
    }

    /// Line and column just behind a span.
    pub fn end(&self, span: Span) -> Position {
        self.position(Span { start: span.end, ..span })
    }

    /// Puts the texts of another collection behind these, and says how many these are: a span of the other collection
    /// is from now on [`Span::behind`] so many.
    pub(super) fn append(&mut self, other: Self) -> u32 {
        let count = u32::try_from(self.list.len()).unwrap_or(u32::MAX);
        self.list.extend(other.list.into_iter().map(|source| Source {
            included_from: source.included_from.map(|span| span.behind(count)),
            ..source
        }));
        self.secrets.extend(other.secrets.into_iter().map(|span| span.behind(count)));
        count
    }

    /// The first password in a text.
    pub(super) fn secret_in(&self, id: SourceId) -> Option<Span> {
        self.secrets.iter().copied().find(|secret| secret.source == id)
    }

    /// The place that is a text as a whole: nothing at its beginning.
    pub(super) fn whole(&self) -> impl Iterator<Item = (Span, &Source)> {
        (0..).map(SourceId).zip(&self.list).map(|(source, text)| (Span { source, start: 0, end: 0 }, text))
    }

    /// The places that included the span's source, the nearest first.
    pub fn inclusions(&self, span: Span) -> impl Iterator<Item = Span> {
        let origin = |span: Span| self.get(span.source).and_then(|source| source.included_from);
        std::iter::successors(origin(self.in_file(span)), move |span| origin(*span))
    }

    /// The places in files that a span of expanded text stands for; `None` for one that lies in a file anyway.
    pub(super) fn places(&self, span: Span) -> Option<Places> {
        if span.source == SourceId::EXPANSION { self.expansion.places(span) } else { None }
    }

    /// The span itself, or the place in a file that it stands for.
    pub(super) fn in_file(&self, span: Span) -> Span {
        self.places(span).map_or(span, |places| places.primary)
    }

    /// Where the line ends that a span begins on.
    pub(super) fn end_of_line(&self, span: Span) -> u32 {
        let source = self.get(span.source);
        let rest = source.and_then(|source| source.text.get(span.start as usize..)).unwrap_or_default();
        let length = rest.find('\n').unwrap_or(rest.len());
        span.start.saturating_add(u32::try_from(length).unwrap_or(u32::MAX))
    }

    /// Never shows these bytes: a password. Of one that came by a variable, those of its value.
    pub(super) fn keep_secret(&mut self, span: Span) {
        if span.source == SourceId::EXPANSION {
            let written = self.expansion.written(span);
            self.secrets.extend(written);
        } else {
            self.secrets.push(span);
        }
    }

    /// Spans of passwords that touch `span`.
    pub(super) fn secrets(&self, span: Span) -> impl Iterator<Item = Span> {
        let places = match span.source == SourceId::EXPANSION {
            true => self.expansion.written(span),
            false => vec![span],
        };
        self.secrets.iter().copied().filter(move |secret| {
            let touches = |place: &Span| {
                secret.source == place.source && secret.start < place.end && place.start < secret.end
            };
            places.iter().any(touches)
        })
    }
}

impl Source {
    /// Line and column of a byte.
    pub fn position(&self, offset: u32) -> Position {
        let line = self.line_of(offset);
        let start = self.line_starts.get(line).copied().unwrap_or(0);
        let before = self.text.get(start as usize..offset as usize).unwrap_or_default();
        Position {
            line: u32::try_from(line + 1).unwrap_or(u32::MAX),
            column: u32::try_from(before.chars().count() + 1).unwrap_or(u32::MAX),
        }
    }

    /// Index of the line that holds a byte, from 0.
    pub(super) fn line_of(&self, offset: u32) -> usize {
        self.line_starts.partition_point(|start| *start <= offset).saturating_sub(1)
    }

    /// Bytes of lines `first..=last`, with the last line's end.
    pub(super) fn lines(&self, first: usize, last: usize) -> std::ops::Range<usize> {
        let start = self.line_starts.get(first).map_or(self.text.len(), |start| *start as usize);
        let end = self.line_starts.get(last + 1).map_or(self.text.len(), |start| *start as usize);
        start..end.max(start)
    }
}
