//! Lines of `track_script`, `track_interface`, `track_file`, `track_process`, `track_bfd`: `NAME [weight N [reverse]]`.

use std::collections::BTreeMap;

use super::{Reader, Spanned, reader::Damage, value::MOST_WEIGHT};
use crate::config::{
    diagnostic::{Diagnostic, code},
    expand::{Statement, Word},
    keyword,
    source::Span,
};

const ZERO: &str = "weight 0 is used: its loss means FAULT";

/// A line of `track_script` or `track_interface`.
#[derive(Clone, Debug)]
pub(in super::super) struct Tracker {
    pub name: Spanned<String>,
    pub weight: Option<Weight>,
}

/// A line of `track_file` or `track_process`.
#[derive(Clone, Debug)]
pub(in super::super) struct WideTracker {
    pub name: Spanned<String>,
    pub weight: Option<WideWeight>,
}

/// What a tracker adds to a priority.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Weight {
    /// −253..=253.
    pub value: i16,
    /// `reverse`.
    pub reverse: bool,
}

/// As [`Weight`], of a file or of processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct WideWeight {
    pub value: i32,
    /// `reverse`.
    pub reverse: bool,
}

/// The interfaces of a block. A name that no interface can have is diagnosed and kept: what it guards stays guarded.
pub(super) fn interfaces(
    reader: &mut Reader<'_>,
    statements: &[Statement],
    damage: &mut Damage,
    trackers: &mut Vec<Tracker>,
) {
    for statement in statements.iter().filter(|statement| !statement.lost && !is_stray(statement)) {
        if let Some(word) = statement.words.first() {
            reader.interface(word, "it counts as down");
        }
    }
    read(reader, statements, damage, trackers);
}

/// Files: their numbers are multiplied by the weight.
pub(super) fn files(
    reader: &mut Reader<'_>,
    statements: &[Statement],
    damage: &mut Damage,
    trackers: &mut Vec<WideTracker>,
) {
    wide(reader, statements, damage, trackers, i64::from(i32::MAX));
}

/// Processes.
pub(super) fn processes(
    reader: &mut Reader<'_>,
    statements: &[Statement],
    damage: &mut Damage,
    trackers: &mut Vec<WideTracker>,
) {
    wide(reader, statements, damage, trackers, 254);
}

/// Trackers whose weight goes up to `most` either way.
fn wide(
    reader: &mut Reader<'_>,
    statements: &[Statement],
    damage: &mut Damage,
    trackers: &mut Vec<WideTracker>,
    most: i64,
) {
    let known = trackers.iter().map(|tracker| &tracker.name);
    let lines = lines(reader, statements, damage, known.cloned().collect(), most);
    for (name, values) in lines {
        let weight = values.map(|values| {
            let weight = reader.wide_weight(values, most, ZERO);
            weight.unwrap_or(WideWeight { value: 0, reverse: false })
        });
        trackers.push(WideTracker { name, weight });
    }
}

/// The trackers of a block. Repeated names are diagnosed and skipped.
pub(super) fn read(
    reader: &mut Reader<'_>,
    statements: &[Statement],
    damage: &mut Damage,
    trackers: &mut Vec<Tracker>,
) {
    let known = trackers.iter().map(|tracker| &tracker.name);
    let lines = lines(reader, statements, damage, known.cloned().collect(), i64::from(MOST_WEIGHT));
    for (name, values) in lines {
        let weight = values.map(|values| reader.weight(values, ZERO).unwrap_or_default());
        trackers.push(Tracker { name, weight });
    }
}

/// A line of the instance, which got here by a missing brace.
fn is_stray(statement: &Statement) -> bool {
    let Some((name, options)) = statement.words.split_first() else { return false };
    let is_tracker = options.first().is_none_or(|option| option.value == "weight");
    !is_tracker && keyword::keyword("vrrp_instance", &name.value).is_some()
}

/// The name in each line, and the words after its `weight`, if it has one.
fn lines<'d>(
    reader: &mut Reader<'_>,
    statements: &'d [Statement],
    damage: &mut Damage,
    known: Vec<Spanned<String>>,
    most: i64,
) -> Vec<(Spanned<String>, Option<&'d [Word]>)> {
    let mut names: BTreeMap<String, Span> = known.into_iter().map(|name| (name.value, name.span)).collect();
    let mut lines = Vec::new();
    for statement in reader.lines(statements, damage) {
        let Some((name, options)) = statement.words.split_first() else { continue };
        if is_stray(statement) {
            damage.torn = true;
            reader.report(
                Diagnostic::error(code::WRONG_BLOCK, format!("`{}` is no name of a tracker", name.value))
                    .primary(name.span, "skipped")
                    .help("it belongs in `vrrp_instance`: is a `}` missing before it?"),
            );
            continue;
        }
        if let Some(earlier) = names.get(&name.value).copied() {
            reader.report(
                Diagnostic::warning(code::DUPLICATE_TRACKER, format!("`{}` is tracked twice", name.value))
                    .primary(name.span, "this line is skipped")
                    .secondary(earlier, "tracked here"),
            );
            continue;
        }
        names.insert(name.value.clone(), name.span);
        let weight = weight(reader, options, most);
        lines.push((Spanned { value: name.value.clone(), span: name.span }, weight));
    }
    lines
}

/// The words after `weight`. Other words are diagnosed.
fn weight<'d>(reader: &mut Reader<'_>, options: &'d [Word], most: i64) -> Option<&'d [Word]> {
    match options.split_first() {
        None => None,
        Some((word, values)) if word.value == "weight" => {
            if values.is_empty() {
                reader.report(
                    Diagnostic::error(code::MISSING_VALUE, "`weight` lacks its value")
                        .primary(
                            word.span,
                            format!("expected a whole number from -{most} to {most} after this"),
                        )
                        .help(ZERO),
                );
            }
            Some(values)
        }
        Some((word, _)) => {
            reader.report(
                Diagnostic::error(
                    code::UNKNOWN_WORD,
                    format!("unknown word `{}` after a tracker", word.value),
                )
                .primary(word.span, "expected `weight N [reverse]` or the end of the line")
                .help(keyword::quoted_nearest(&word.value, ["weight"].into_iter()))
                .help("one tracker per line"),
            );
            None
        }
    }
}
