//! A report as SARIF 2.1.0 (OASIS), which code hosts and editors show at the lines that it is about.

use std::path::Path;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::Report;
use crate::config::{
    diagnostic::{Diagnostic, Severity, code},
    source::{Sources, Span},
};

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
/// What of a path stands for itself in a URI (RFC 3986 §2.3, and the slash between segments).
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

pub(super) fn write(report: &Report) -> String {
    let results: Vec<Value> =
        report.diagnostics.iter().map(|diagnostic| result(diagnostic, &report.sources)).collect();
    let rules: Vec<Value> = code::ALL
        .iter()
        .map(|(code, meaning)| {
            json!({
                "id": code,
                "shortDescription": { "text": meaning },
                "help": { "text": format!("`agent explain {code}` says more.") },
            })
        })
        .collect();
    let log = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "regent",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            } },
            // Columns count characters.
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    format!("{log:#}\n")
}

fn result(diagnostic: &Diagnostic, sources: &Sources) -> Value {
    let mut result = json!({
        "ruleId": diagnostic.code,
        "level": level(diagnostic.severity),
        // Viewers show no more than this.
        "message": { "text": diagnostic.sentence() },
    });
    let mut set = |name: &str, value: Value| {
        if let Some(object) = result.as_object_mut() {
            object.insert(name.to_owned(), value);
        }
    };
    if let Some(index) = code::ALL.iter().position(|(code, _)| *code == diagnostic.code) {
        set("ruleIndex", json!(index));
    }
    if let Some(span) = diagnostic.span() {
        set("locations", json!([{ "physicalLocation": location(span, sources) }]));
        let labels = diagnostic.labels.iter().skip(1).map(|label| (label.span, label.text.as_str()));
        let inclusions = sources.inclusions(span).map(|inclusion| (inclusion, "included from here"));
        let related: Vec<Value> = labels
            .chain(inclusions)
            .map(|(span, text)| {
                json!({ "physicalLocation": location(span, sources), "message": { "text": text } })
            })
            .collect();
        if !related.is_empty() {
            set("relatedLocations", json!(related));
        }
    }
    result
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

fn location(span: Span, sources: &Sources) -> Value {
    let (start, end) = (sources.position(span), sources.end(span));
    json!({
        "artifactLocation": { "uri": uri(sources.name(span)) },
        "region": {
            "startLine": start.line,
            "startColumn": start.column,
            "endLine": end.line,
            "endColumn": end.column,
        },
    })
}

/// A relative path stays one: whoever shows it knows from where the agent was called.
fn uri(name: &str) -> String {
    let path = utf8_percent_encode(name, PATH);
    if Path::new(name).is_absolute() { format!("file://{path}") } else { path.to_string() }
}

#[cfg(test)]
mod tests {
    use super::uri;

    #[test]
    fn a_path_becomes_a_uri() {
        assert_eq!(uri("tests/a b#1.conf"), "tests/a%20b%231.conf");
        assert_eq!(uri("/etc/regent/ü.conf"), "file:///etc/regent/%C3%BC.conf");
    }
}
