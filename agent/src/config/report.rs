//! What is said about one config, or about the two of a pair: the diagnostics, with the texts that they are about.
//!
//! Owns the three ways to write it: for people ([`Report::render`]), as JSON, as SARIF. Passwords are in none of them.

mod json;
mod sarif;

use super::{
    Loaded,
    diagnostic::{Diagnostic, Label, Severity, code},
    pair, render,
    source::{Sources, Span},
};

/// Diagnostics and the texts that they are about.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// In the order of the texts.
    pub diagnostics: Vec<Diagnostic>,
    /// The texts.
    pub sources: Sources,
}

/// What a config would run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The file as it was named.
    pub file: String,
    /// Instances that can be run.
    pub instances: Vec<String>,
    /// Instances that cannot.
    pub left_out: Vec<String>,
    /// It could not be read at all.
    pub unread: bool,
}

impl Outcome {
    /// Of a config that was read.
    pub fn of(file: String, loaded: &Loaded) -> Self {
        let instances = loaded.plan.instances.iter().map(|instance| instance.name.clone()).collect();
        Self { file, instances, left_out: loaded.left_out.clone(), unread: false }
    }

    /// Of a file that could not be read.
    pub fn unread(file: String) -> Self {
        Self { file, unread: true, ..Self::default() }
    }
}

impl Report {
    /// What reading a config brought up.
    pub fn of(loaded: &Loaded) -> Self {
        Self { diagnostics: loaded.diagnostics.clone(), sources: loaded.sources.clone() }
    }

    /// The config as a whole cannot be had. It has no text, so its place is its name alone.
    pub fn failure(name: String, message: String) -> Self {
        let mut sources = Sources::default();
        let source = sources.add(name, "".into(), None);
        let diagnostic = Diagnostic::error(code::INCLUDE_UNREADABLE, message)
            .primary(Span { source, start: 0, end: 0 }, "");
        Self { diagnostics: vec![diagnostic], sources }
    }

    /// Both sides of a pair, and then what differs between them.
    pub fn of_pair(one: &Loaded, other: &Loaded) -> Self {
        let mut report = Self::of(one);
        report.append(Self::of(other));
        // Both priorities are known here: see `code::PAIR_WEIGHT`.
        report.diagnostics.retain(|found| found.code != code::SMALL_WEIGHT);
        report.diagnostics.extend(pair::compare(one, other));
        report
    }

    /// Puts another report with its own texts behind this one.
    pub fn append(&mut self, other: Self) {
        let offset = self.sources.append(other.sources);
        self.diagnostics.extend(other.diagnostics.into_iter().map(|diagnostic| {
            Diagnostic {
                labels: diagnostic
                    .labels
                    .into_iter()
                    .map(|label| Label { span: label.span.behind(offset), ..label })
                    .collect(),
                ..diagnostic
            }
        }));
    }

    /// Takes more up that is about the same texts, each at its place.
    pub fn add(&mut self, diagnostics: Vec<Diagnostic>) {
        self.diagnostics.extend(diagnostics);
        self.diagnostics.sort_by_key(|diagnostic| {
            let place = diagnostic.span().map(|span| (span.source, span.start));
            (diagnostic.code == code::TOO_MANY, place)
        });
    }

    /// How many there are of that severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count()
    }

    /// `2 errors, 1 warning`; nothing when all is well.
    pub fn summary(&self) -> Option<String> {
        render::summary(&self.diagnostics)
    }

    /// Every diagnostic with its source lines, an empty line after each.
    pub fn render(&self, colour: bool) -> String {
        render::diagnostics(&self.diagnostics, &self.sources, colour)
    }

    /// One JSON object: what was found, and what would run. Pretty, with a line end.
    pub fn json(&self, outcomes: &[Outcome]) -> String {
        json::write(self, outcomes)
    }

    /// A SARIF 2.1.0 log with one run. Pretty, with a line end.
    pub fn sarif(&self) -> String {
        sarif::write(self)
    }
}
