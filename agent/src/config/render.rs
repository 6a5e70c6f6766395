//! Diagnostics → text for people: the source lines underlined as rustc does, and one line each for logs.

use annotate_snippets::{AnnotationKind, Level, Message, Renderer, Snippet};

use super::{
    diagnostic::{Diagnostic, Label, Severity},
    source::{Source, Sources, Span},
};

/// Lines longer than this are not shown: the place is still named.
const MAX_SHOWN: usize = 400;
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
    let mut group =
        level.primary_title(&diagnostic.message).id(diagnostic.code).elements(Vec::<Message<'_>>::new());
    for excerpt in &excerpts {
        let snippet =
            Snippet::source(&excerpt.text).line_start(excerpt.first_line).path(excerpt.name.as_str());
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
    renderer.render(&[group])
}

/// A run of lines of one source.
struct Excerpt {
    name: String,
    text: String,
    first_line: usize,
    labels: Vec<(std::ops::Range<usize>, AnnotationKind, String)>,
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
    groups.iter().filter_map(|labels| excerpt(labels, primary, sources)).collect()
}

fn is_near(one: Span, other: Span) -> bool {
    one.source == other.source
        && one.start.abs_diff(other.end).max(other.start.abs_diff(one.end)) <= MAX_EXCERPT
}

/// `None` where the lines are too long to be shown: the title and the help still tell it.
fn excerpt(labels: &[&Label], primary: Option<&Label>, sources: &Sources) -> Option<Excerpt> {
    let source_id = labels.first()?.span.source;
    let source = sources.get(source_id)?;
    let first = labels.iter().map(|label| label.span.start).min()?;
    let last = labels.iter().map(|label| label.span.end.saturating_sub(1).max(label.span.start)).max()?;
    let first_line = source.line_of(first);
    let range = source.lines(first_line, source.line_of(last));
    let whole = Span { source: source_id, start: offset(range.start), end: offset(range.end) };
    let text = masked(source, whole, sources);
    // Nothing at the beginning is the text as a whole, which the title names.
    if labels.iter().all(|label| label.span.end == 0)
        || text.lines().any(|line| line.len() > MAX_SHOWN)
        || text.len() > 2 * MAX_EXCERPT as usize
    {
        return None;
    }
    let labels = labels
        .iter()
        .map(|label| {
            let kind =
                if primary == Some(*label) { AnnotationKind::Primary } else { AnnotationKind::Context };
            let place = |at: u32| (at as usize).saturating_sub(range.start).min(text.len());
            (place(label.span.start)..place(label.span.end), kind, label.text.clone())
        })
        .collect();
    Some(Excerpt { name: source.name.clone(), text, first_line: first_line + 1, labels })
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
