//! Any text is read as a config: in bounded time, with no panic, and so that it prints back byte for byte. What is said
//! about it is written in every form, and it is compared, as a pair and as a reload, with itself and with what is left of
//! it when a line is taken out.

#![no_main]

use libfuzzer_sys::{Corpus, fuzz_target};
use regent_agent::config::{self, Given, Loaded, Outcome, Report, plan::diff::Diff};

/// What people, programs and code hosts are shown.
fn write(report: &Report, outcomes: &[Outcome]) {
    assert_eq!(report.render(false).is_empty(), report.diagnostics.is_empty());
    report.render(true);
    report.json(outcomes);
    report.sarif();
    // Every place that is named lies in a text, and can be shown.
    for label in report.diagnostics.iter().flat_map(|diagnostic| &diagnostic.labels) {
        assert!(report.sources.get(label.span.source).is_some_and(|source| {
            label.span.start <= label.span.end && label.span.end as usize <= source.text.len()
        }));
    }
}

/// A reload from one to the other, and both as the two sides of a pair.
fn compare(old: &Loaded, new: &Loaded) {
    let diff = Diff::between(&old.plan, &new.plan);
    diff.lines(&old.plan);
    assert!(Diff::between(&diff.apply(&old.plan), &new.plan).is_empty());
    write(&Report::of_pair(old, new), &[]);
}

/// The text without the line in its middle.
fn shortened(text: &str) -> String {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let (before, after) = lines.split_at(lines.len() / 2);
    before.iter().chain(after.iter().skip(1)).copied().collect()
}

fuzz_target!(|bytes: &[u8]| -> Corpus {
    let Ok(text) = std::str::from_utf8(bytes) else { return Corpus::Reject };
    let given = Given { config_id: Some("lb1".to_owned()), ..Given::default() };
    let loaded = config::parse_with("fuzz", text, &given);
    assert_eq!(loaded.print(), text);
    assert_eq!(loaded.lines().count(), loaded.diagnostics.len());
    loaded.render(false);
    write(&Report::of(&loaded), &[Outcome::of("fuzz".to_owned(), &loaded)]);
    assert!(Diff::between(&loaded.plan, &loaded.plan).is_empty());
    let other = config::parse_with("other", &shortened(text), &given);
    compare(&loaded, &other);
    compare(&other, &loaded);
    Corpus::Keep
});
