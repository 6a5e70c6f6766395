//! Lines of `track_script` and `track_interface`: `NAME [weight N [reverse]]`.

use std::collections::BTreeMap;

use super::{Reader, Spanned, Tracker, reader::Damage, value::MOST_WEIGHT};
use crate::config::{
    diagnostic::{Diagnostic, code},
    expand::Statement,
    keyword,
    source::Span,
};

/// The interfaces of a block. A name that no interface can have is diagnosed and kept: what it guards stays guarded.
pub(super) fn interfaces(
    reader: &mut Reader<'_>,
    statements: &[Statement],
    damage: &mut Damage,
    trackers: &mut Vec<Tracker>,
) {
    for statement in statements.iter().filter(|statement| !statement.lost) {
        if let Some(word) = statement.words.first() {
            reader.interface(word, "it counts as down");
        }
    }
    read(reader, statements, damage, trackers);
}

/// The trackers of a block. Repeated names are diagnosed and skipped.
pub(super) fn read(
    reader: &mut Reader<'_>,
    statements: &[Statement],
    damage: &mut Damage,
    trackers: &mut Vec<Tracker>,
) {
    read_within(reader, MOST_WEIGHT, statements, damage, trackers);
}

/// As [`read`], with weights up to another number.
pub(super) fn read_within(
    reader: &mut Reader<'_>,
    most: u16,
    statements: &[Statement],
    damage: &mut Damage,
    trackers: &mut Vec<Tracker>,
) {
    let mut names: BTreeMap<String, Span> =
        trackers.iter().map(|tracker| (tracker.name.value.clone(), tracker.name.span)).collect();
    for statement in reader.lines(statements, damage) {
        let Some((name, options)) = statement.words.split_first() else { continue };
        let mut tracker =
            Tracker { name: Spanned { value: name.value.clone(), span: name.span }, weight: None };
        if let Some(earlier) = names.get(&name.value).copied() {
            reader.report(
                Diagnostic::warning(code::DUPLICATE_TRACKER, format!("`{}` is tracked twice", name.value))
                    .primary(name.span, "this line is skipped")
                    .secondary(earlier, "tracked here"),
            );
            continue;
        }
        match options.split_first() {
            None => {}
            Some((word, values)) if word.value == "weight" => {
                if values.is_empty() {
                    reader.report(
                        Diagnostic::error(code::MISSING_VALUE, "`weight` lacks its value")
                            .primary(
                                word.span,
                                format!("expected a whole number from -{most} to {most} after this"),
                            )
                            .help("weight 0 is used: its loss means FAULT"),
                    );
                }
                tracker.weight = reader
                    .weight_within(most, values, "weight 0 is used: its loss means FAULT")
                    .or(Some(super::Weight::default()));
            }
            Some((word, _)) => reader.report(
                Diagnostic::error(
                    code::UNKNOWN_WORD,
                    format!("unknown word `{}` after a tracker", word.value),
                )
                .primary(word.span, "expected `weight N [reverse]` or the end of the line")
                .help(keyword::quoted_nearest(&word.value, ["weight"].into_iter()))
                .help("one tracker per line"),
            ),
        }
        names.insert(name.value.clone(), name.span);
        trackers.push(tracker);
    }
}
