//! Diagnostics → text for people: the source lines underlined as rustc does, and one line each for logs.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Message, Origin, Renderer, Snippet};

use super::{
    diagnostic::{Diagnostic, Label, Severity},
    source::{Source, Sources, Span},
};

/// Of lines longer than this only what is around the place is shown.
const MAX_SHOWN: usize = 400;
/// Bytes around a place in a long line.
const AROUND: usize = 40;
/// Bytes of a place that are shown in a long line.
const MAX_UNDERLINED: usize = 80;
/// Labels further apart than so many bytes are shown apart.
const MAX_EXCERPT: u32 = 16 << 10;

/// All diagnostics, in order, each with the source lines it is about, and how many there are.
pub(super) fn render(list: &[Diagnostic], sources: &Sources, colour: bool) -> String {
    let mut text = diagnostics(list, sources, colour);
    if let Some(summary) = summary(list) {
        text.push_str(&summary);
        text.push('\n');
    }
    text
}

/// All diagnostics, in order, each with the source lines it is about and an empty line after it.
pub(super) fn diagnostics(list: &[Diagnostic], sources: &Sources, colour: bool) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let mut text = String::new();
    for diagnostic in list {
        text.push_str(&one(diagnostic, sources, &renderer));
        text.push_str("\n\n");
    }
    text
}

/// `2 errors, 1 warning`; nothing when there are none.
pub(super) fn summary(diagnostics: &[Diagnostic]) -> Option<String> {
    let count = |severity| diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count();
    let parts: Vec<String> = [Severity::Error, Severity::Warning, Severity::Note]
        .into_iter()
        .map(|severity| (count(severity), severity.word()))
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}{}", if count == 1 { "" } else { "s" }))
        .collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn one(diagnostic: &Diagnostic, sources: &Sources, renderer: &Renderer) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let excerpts = excerpts(diagnostic, sources);
    let mut group = level
        .clone()
        .primary_title(&diagnostic.message)
        .id(diagnostic.code)
        .elements(Vec::<Message<'_>>::new());
    let mut before = Vec::new();
    for excerpt in &excerpts {
        let mut snippet = Snippet::source(&excerpt.text).line_start(excerpt.first_line);
        match excerpt.column {
            // A part of a line does not know its column: it has a group of its own, below the one that says its place.
            Some(column) => {
                let origin = Origin::path(excerpt.name.as_str()).line(excerpt.first_line);
                before.push(group.element(origin.char_column(column)));
                group = Group::with_level(level.clone());
            }
            None => snippet = snippet.path(excerpt.name.as_str()),
        }
        let annotations =
            excerpt.labels.iter().map(|(range, kind, text)| kind.span(range.clone()).label(text.as_str()));
        group = group.element(snippet.annotations(annotations));
    }
    for inclusion in diagnostic.span().into_iter().flat_map(|span| sources.inclusions(span)) {
        let place = sources.position(inclusion);
        group = group.element(Level::NOTE.message(format!(
            "included from {}:{}",
            sources.name(inclusion),
            place.line
        )));
    }
    for help in &diagnostic.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    before.push(group);
    renderer.render(&before)
}

/// A run of lines of one source.
struct Excerpt {
    name: String,
    text: String,
    first_line: usize,
    /// Where the place stands in its line, when the text is only a part of that.
    column: Option<usize>,
    labels: Vec<(Range<usize>, AnnotationKind, String)>,
}

/// The lines that the labels stand on: one excerpt for labels that lie together, the first label's first.
fn excerpts(diagnostic: &Diagnostic, sources: &Sources) -> Vec<Excerpt> {
    let mut groups: Vec<Vec<&Label>> = Vec::new();
    for label in &diagnostic.labels {
        let near = |group: &Vec<&Label>| group.iter().all(|other| is_near(other.span, label.span));
        match groups.iter_mut().find(|group| near(group)) {
            Some(group) => group.push(label),
            None => groups.push(vec![label]),
        }
    }
    let primary = diagnostic.labels.first();
    groups.iter().flat_map(|labels| excerpt(labels, primary, sources)).collect()
}

fn is_near(one: Span, other: Span) -> bool {
    one.source == other.source
        && one.start.abs_diff(other.end).max(other.start.abs_diff(one.end)) <= MAX_EXCERPT
}

/// The lines of labels that lie together; where they are long, each label has what is around it. Nothing when the
/// text as a whole is meant.
fn excerpt(labels: &[&Label], primary: Option<&Label>, sources: &Sources) -> Vec<Excerpt> {
    let read = || {
        let source_id = labels.first()?.span.source;
        let source = sources.get(source_id)?;
        // Nothing at the beginning is the text as a whole, which the title names.
        if labels.iter().all(|label| label.span.end == 0) {
            return None;
        }
        let first = labels.iter().map(|label| label.span.start).min()?;
        let last = labels.iter().map(|label| label.span.end.saturating_sub(1).max(label.span.start)).max()?;
        let first_line = source.line_of(first);
        let range = source.lines(first_line, source.line_of(last));
        let lines = source.text.get(range.clone()).unwrap_or_default();
        if lines.len() > 2 * MAX_EXCERPT as usize || lines.lines().any(|line| line.len() > MAX_SHOWN) {
            let parts = labels.iter().map(|label| part(label, primary, source, sources));
            return Some(parts.collect());
        }
        let whole = Span { source: source_id, start: offset(range.start), end: offset(range.end) };
        let text = masked(source, whole, sources);
        let labels = labels
            .iter()
            .map(|label| {
                let place = |at: u32| (at as usize).saturating_sub(range.start).min(text.len());
                let range = place(label.span.start)..place(label.span.end);
                (range, kind(label, primary), label.text.clone())
            })
            .collect();
        let name = source.name.clone();
        Some(vec![Excerpt { name, text, first_line: first_line + 1, column: None, labels }])
    };
    read().unwrap_or_default()
}

fn kind(label: &Label, primary: Option<&Label>) -> AnnotationKind {
    if primary == Some(label) { AnnotationKind::Primary } else { AnnotationKind::Context }
}

/// What is around the start of a label in a long line.
fn part(label: &Label, primary: Option<&Label>, source: &Source, sources: &Sources) -> Excerpt {
    let start = label.span.start as usize;
    let line = source.line_of(label.span.start);
    let whole = source.lines(line, line);
    let whole = whole.start..whole.end.max(start);
    let end = (label.span.end as usize).min(start + MAX_UNDERLINED).min(whole.end).max(start);
    let boundary = |at: usize| (0..=at).rev().find(|at| source.text.is_char_boundary(*at)).unwrap_or(0);
    let shown =
        boundary(start.saturating_sub(AROUND).max(whole.start))..boundary((end + AROUND).min(whole.end));
    let end = boundary(end).max(start);
    let span = Span { start: offset(shown.start), end: offset(shown.end), ..label.span };
    let before = if shown.start > whole.start { "…" } else { "" };
    let after = if shown.end < whole.end { "…" } else { "" };
    let text = format!("{before}{}{after}", masked(source, span, sources));
    let place = |at: usize| (at.saturating_sub(shown.start) + before.len()).min(text.len());
    let labels = vec![(place(start)..place(end), kind(label, primary), label.text.clone())];
    let position = source.position(label.span.start);
    let column = Some(position.column as usize);
    Excerpt { name: source.name.clone(), text, first_line: line + 1, column, labels }
}

fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// The text with passwords replaced by as many asterisks.
fn masked(source: &Source, span: Span, sources: &Sources) -> String {
    let mut text = source.text.get(span.start as usize..span.end as usize).unwrap_or_default().to_owned();
    for secret in sources.secrets(span) {
        let start = secret.start.max(span.start) - span.start;
        let end = secret.end.min(span.end) - span.start;
        let range = start as usize..end as usize;
        if let Some(hidden) = text.get(range.clone()) {
            // Byte for byte, so that the underlines stay in place.
            let stars: String = hidden
                .bytes()
                .map(|byte| if byte.is_ascii_whitespace() { char::from(byte) } else { '*' })
                .collect();
            text.replace_range(range, &stars);
        }
    }
    text
}
