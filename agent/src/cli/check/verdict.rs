//! The end of a report for people: where to read more, and in one line what was found and what would run.

use std::fmt::Write;

use crate::config::{Outcome, Report, diagnostic::Severity};

/// More names than these are only counted.
const MAX_NAMES: usize = 8;

/// `explain`'s hint where there are errors, then the line.
pub(super) fn lines(report: &Report, outcomes: &[Outcome]) -> String {
    let mut text = String::new();
    let error = report.diagnostics.iter().find(|diagnostic| diagnostic.severity == Severity::Error);
    if let Some(error) = error {
        // Writing to a text cannot fail.
        let _written = writeln!(text, "`agent explain {}` says more", error.code);
    }
    let found = report.summary().unwrap_or_else(|| "no problems".to_owned());
    let runs: Vec<String> = outcomes.iter().map(runs).collect();
    let _written = match (outcomes, runs.as_slice()) {
        ([one], [runs]) => writeln!(text, "{}: {found}{}", one.file, after(runs)),
        _ => {
            let runs = outcomes.iter().zip(&runs).filter(|(_, runs)| !runs.is_empty());
            let runs: String = runs.map(|(outcome, runs)| format!("; {}: {runs}", outcome.file)).collect();
            writeln!(text, "{found}{runs}")
        }
    };
    text
}

fn after(runs: &str) -> String {
    if runs.is_empty() { String::new() } else { format!("; {runs}") }
}

/// What a config would run; nothing to say of one that was not read.
fn runs(outcome: &Outcome) -> String {
    let (kept, lost) = (outcome.instances.len(), outcome.left_out.len());
    match (outcome.unread, kept, lost) {
        (true, _, _) => String::new(),
        (false, 0, 0) => "no vrrp_instance to run".to_owned(),
        (false, 1, 0) => "1 instance would run".to_owned(),
        (false, _, 0) => format!("{kept} instances would run"),
        (false, _, _) => {
            let names: Vec<String> =
                outcome.left_out.iter().take(MAX_NAMES).map(|name| format!("`{name}`")).collect();
            let more = lost.saturating_sub(MAX_NAMES);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let names = names.join(", ");
            format!(
                "{kept} of {} instances could run, {lost} left out: {names}{more}; the agent would not start",
                kept + lost
            )
        }
    }
}
