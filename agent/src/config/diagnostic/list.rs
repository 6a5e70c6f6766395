//! The bounded list of what is wrong: each thing once, errors first where there is no room for all.

use std::collections::BTreeSet;

use super::{Diagnostic, Severity, code, sentence::cut};
use crate::config::source::{Sources, Span};

/// Diagnostics shown; more are only counted, so that a file of rubbish gets a readable answer.
const MAX_SHOWN: usize = 500;
/// Diagnostics kept until it is known which say the same, so that it costs bounded memory. One place may be expanded
/// many times, and one mistake must not hide another.
const MAX_KEPT: usize = 5_000;

/// A bounded list of diagnostics.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Diagnostics {
    kept: Vec<Diagnostic>,
    dropped: usize,
    dropped_errors: usize,
}

impl Diagnostics {
    pub(in super::super) fn push(&mut self, mut diagnostic: Diagnostic) {
        if self.kept.len() < MAX_KEPT {
            cut(&mut diagnostic.message);
            diagnostic.labels.iter_mut().for_each(|label| cut(&mut label.text));
            diagnostic.help.iter_mut().for_each(cut);
            self.kept.push(diagnostic);
        } else {
            self.drop(diagnostic.severity);
        }
    }

    fn drop(&mut self, severity: Severity) {
        self.dropped += 1;
        self.dropped_errors += usize::from(severity == Severity::Error);
    }

    /// What is pushed from now on may only be counted: no need to look for anything more to say.
    pub(in super::super) fn is_full(&self) -> bool {
        self.kept.len() >= MAX_SHOWN
    }

    pub(in super::super) fn append(&mut self, more: Self) {
        more.kept.into_iter().for_each(|diagnostic| self.push(diagnostic));
        self.dropped += more.dropped;
        self.dropped_errors += more.dropped_errors;
    }

    /// Sorted by place, those about the whole config first; the last says how many were dropped. Every place lies in a
    /// file: one in expanded text becomes that of its value, and those where the value is used.
    pub(in super::super) fn finish(mut self, sources: &Sources) -> Vec<Diagnostic> {
        let kept = std::mem::take(&mut self.kept).into_iter();
        let mut list: Vec<Diagnostic> =
            kept.map(|found| found.in_files(sources).without_secrets(sources)).collect();
        list.sort_by_key(|diagnostic| diagnostic.span().map(|span| (span.source, span.start)));
        drop_consequences(&mut list);
        merge_repeated(&mut list);
        let mut list = self.shown(list);
        if self.dropped > 0 {
            let severity = if self.dropped_errors > 0 { Severity::Error } else { Severity::Warning };
            let message = format!("{} more problems were found and are not shown", self.dropped);
            list.push(
                Diagnostic::new(severity, code::TOO_MANY, message)
                    .help("mend the first ones and check again"),
            );
        }
        list
    }

    /// No more than are shown. Errors go first: a hundred warnings must not hide the one that counts.
    fn shown(&mut self, list: Vec<Diagnostic>) -> Vec<Diagnostic> {
        let errors = list.iter().filter(|found| found.severity == Severity::Error).count();
        let mut room_for_errors = errors.min(MAX_SHOWN);
        let mut room_for_others = MAX_SHOWN - room_for_errors;
        let mut shown = Vec::new();
        for found in list {
            let room = match found.severity {
                Severity::Error => &mut room_for_errors,
                Severity::Warning | Severity::Note => &mut room_for_others,
            };
            match room.checked_sub(1) {
                Some(less) => {
                    *room = less;
                    shown.push(found);
                }
                None => self.drop(found.severity),
            }
        }
        shown
    }
}

/// A variable that is not defined cannot be read as a number either: one of the two says enough.
fn drop_consequences(list: &mut Vec<Diagnostic>) {
    let causes: Vec<(usize, Span)> = (0..)
        .zip(list.iter())
        .filter(|(_, diagnostic)| diagnostic.code == code::UNDEFINED)
        .filter_map(|(index, diagnostic)| Some((index, diagnostic.span()?)))
        .collect();
    let mut dropped = BTreeSet::new();
    for (cause, span) in causes {
        let about =
            |place: Span| place.source == span.source && place.start <= span.start && span.end <= place.end;
        let consequences = (0..).zip(list.iter()).filter(|(_, diagnostic)| {
            diagnostic.code.starts_with("RG03") && diagnostic.span().is_some_and(about)
        });
        let consequences: Vec<(usize, Severity, Vec<String>)> =
            consequences.map(|(index, found)| (index, found.severity, found.help.clone())).collect();
        for (index, severity, help) in consequences {
            dropped.insert(index);
            if let Some(cause) = list.get_mut(cause) {
                cause.severity = cause.severity.max(severity);
                cause.help.extend(help);
            }
        }
    }
    let mut index = 0..;
    list.retain(|_| index.next().is_none_or(|index| !dropped.contains(&index)));
}

/// One place that is expanded many times says the same each time: once is enough.
fn merge_repeated(list: &mut Vec<Diagnostic>) {
    let mut repeats: Vec<usize> = Vec::new();
    let mut merged: Vec<Diagnostic> = Vec::new();
    for diagnostic in std::mem::take(list) {
        let same = merged.last().is_some_and(|last| {
            (last.code, last.span(), &last.message)
                == (diagnostic.code, diagnostic.span(), &diagnostic.message)
                && last.labels.len() > 1
                && last.labels != diagnostic.labels
        });
        match repeats.last_mut().filter(|_| same) {
            Some(repeats) => *repeats += 1,
            None => {
                merged.push(diagnostic);
                repeats.push(0);
            }
        }
    }
    for (diagnostic, repeats) in merged.iter_mut().zip(repeats).filter(|(_, repeats)| *repeats > 0) {
        diagnostic.help.push(match repeats {
            1 => "the same happens where it is used once more".to_owned(),
            _ => format!("the same happens where it is used {repeats} times more"),
        });
    }
    *list = merged;
}
