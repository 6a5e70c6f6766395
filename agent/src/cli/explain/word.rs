//! A word of the language, explained: every place where it stands, and the words of the block that it opens.

use super::page::Page;
use crate::config::keyword::{self, Effect, Keyword, Kind};

/// The page of a word or a block; `None` when there is none of that name.
pub(super) fn page(about: &str) -> Option<String> {
    let positions = positions(about);
    let mut page = Page::default();
    let mut told: Vec<&Keyword> = Vec::new();
    for position in positions.iter().copied() {
        if told.iter().any(|other| is_same(other, position)) {
            continue;
        }
        let same = positions.iter().filter(|other| is_same(other, position));
        told.push(position);
        page.gap();
        explain(&mut page, position, &same.map(|position| position.place()).collect::<Vec<_>>());
        list(&mut page, position);
    }
    let text = page.finish();
    (!text.trim().is_empty()).then_some(text)
}

/// The positions that are meant: `word`, `block/word`, or more of the way to it. What is written whole goes first.
fn positions(about: &str) -> Vec<&'static Keyword> {
    let (block, name) = match about.rsplit_once('/') {
        Some((block, name)) => (Some(block), name),
        None => (None, about),
    };
    let named = keyword::all_words().filter(|keyword| keyword.name == name);
    match block {
        None => named.collect(),
        Some(block) => {
            let (exact, within): (Vec<_>, Vec<_>) = named
                .filter(|keyword| keyword.parent == block || keyword.parent.ends_with(&format!("/{block}")))
                .partition(|keyword| keyword.parent == block);
            if exact.is_empty() { within } else { exact }
        }
    }
}

/// One description serves for both: what many blocks share is told once.
fn is_same(one: &Keyword, other: &Keyword) -> bool {
    let told = |keyword: &Keyword| {
        (
            keyword.kind,
            keyword.default,
            keyword.help,
            keyword.example,
            keyword.tier,
            keyword.since,
            keyword.effect,
        )
    };
    told(one) == told(other)
        && one.synonyms() == other.synonyms()
        && (std::ptr::eq(one, other) || !one.opens_block() && !other.opens_block())
}

fn explain(page: &mut Page, keyword: &Keyword, places: &[String]) {
    page.line(keyword.name);
    page.gap();
    page.indented(keyword.help);
    page.gap();
    page.field("Where", &places.join(", "));
    if let Some(takes) = keyword.takes() {
        page.field("Takes", &takes);
    }
    if let Kind::Lines(line) = keyword.kind {
        page.field("Each line", line.form());
    }
    if !keyword.default.is_empty() {
        page.field("Default", keyword.default);
    }
    page.field("Agent", &keyword.effect.in_words());
    page.field("Use", keyword.tier.in_words());
    if !keyword.since.is_empty() {
        page.field("Since", &format!("keepalived {}", keyword.since));
    }
    let synonyms = keyword.synonyms();
    if !synonyms.is_empty() {
        page.field("Also", &synonyms.join(", "));
    }
    if !keyword.example.is_empty() {
        page.verbatim(&keyword.written_example());
    }
}

/// The words of the block that it opens, or of the lines in it.
fn list(page: &mut Page, block: &Keyword) {
    let path = block.path();
    let words: Vec<&Keyword> = if let Kind::Lines(line) = block.kind {
        keyword::line_words(line).collect()
    } else {
        keyword::keywords().iter().filter(|keyword| keyword.parent == path).collect()
    };
    if words.is_empty() {
        return;
    }
    let whose = if matches!(block.kind, Kind::Lines(_)) { "a line of " } else { "" };
    page.paragraph(&format!("The words of {whose}{path}:"));
    let width = words.iter().map(|word| word.name.len()).max().unwrap_or(0);
    for word in words {
        let text = match word.effect {
            Effect::Acts => word.help.to_owned(),
            Effect::WithoutEffect(_) | Effect::NotYet(_) | Effect::Refused(_) => {
                format!("{} ({})", word.help, word.effect.verdict())
            }
        };
        page.entry(word.name, width, &text);
    }
    page.gap();
}
