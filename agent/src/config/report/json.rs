//! A report as JSON, for programs: stable names, positions as people count them.

use serde::Serialize;

use super::{Outcome, Report};
use crate::config::{
    diagnostic::{Diagnostic, Label, Severity},
    source::{Sources, Span},
};

/// Grows when a name changes its meaning or goes; new names may come without it.
const FORMAT: u8 = 1;

#[derive(Serialize)]
struct Written<'a> {
    format: u8,
    errors: usize,
    warnings: usize,
    notes: usize,
    configs: Vec<Config<'a>>,
    diagnostics: Vec<Record<'a>>,
}

/// What a config would run.
#[derive(Serialize)]
struct Config<'a> {
    file: &'a str,
    read: bool,
    instances: &'a [String],
    left_out: &'a [String],
}

#[derive(Serialize)]
struct Record<'a> {
    code: &'a str,
    severity: &'static str,
    message: &'a str,
    #[serde(flatten)]
    place: Option<Place<'a>>,
    labels: Vec<Remark<'a>>,
    included_from: Vec<Place<'a>>,
    help: &'a [String],
}

/// A place and what is said of it; the first is the place of the diagnostic itself.
#[derive(Serialize)]
struct Remark<'a> {
    message: &'a str,
    #[serde(flatten)]
    place: Place<'a>,
}

/// From line and column to just before the end.
#[derive(Serialize)]
struct Place<'a> {
    file: &'a str,
    line: u32,
    column: u32,
    end: End,
}

#[derive(Serialize)]
struct End {
    line: u32,
    column: u32,
}

impl<'a> Place<'a> {
    fn of(span: Span, sources: &'a Sources) -> Self {
        let (start, end) = (sources.position(span), sources.end(span));
        Self {
            file: sources.name(span),
            line: start.line,
            column: start.column,
            end: End { line: end.line, column: end.column },
        }
    }
}

impl<'a> Record<'a> {
    fn of(diagnostic: &'a Diagnostic, sources: &'a Sources) -> Self {
        let place = |span| Place::of(span, sources);
        let remark = |label: &'a Label| Remark { message: &label.text, place: place(label.span) };
        Self {
            code: diagnostic.code,
            severity: diagnostic.severity.word(),
            message: &diagnostic.message,
            place: diagnostic.span().map(place),
            labels: diagnostic.labels.iter().map(remark).collect(),
            included_from: diagnostic
                .span()
                .into_iter()
                .flat_map(|span| sources.inclusions(span))
                .map(place)
                .collect(),
            help: &diagnostic.help,
        }
    }
}

pub(super) fn write(report: &Report, outcomes: &[Outcome]) -> String {
    let written = Written {
        format: FORMAT,
        errors: report.count(Severity::Error),
        warnings: report.count(Severity::Warning),
        notes: report.count(Severity::Note),
        configs: outcomes
            .iter()
            .map(|outcome| Config {
                file: &outcome.file,
                read: !outcome.unread,
                instances: &outcome.instances,
                left_out: &outcome.left_out,
            })
            .collect(),
        diagnostics: report
            .diagnostics
            .iter()
            .map(|diagnostic| Record::of(diagnostic, &report.sources))
            .collect(),
    };
    // Only maps with other keys than texts cannot be written, and there are none.
    serde_json::to_string_pretty(&written).unwrap_or_default() + "\n"
}
