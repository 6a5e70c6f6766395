//! Tests of `explanations`: every code has one, and every example is what it says.

use std::path::Path;

use super::{Example, code, explanation, explanations, named};
use crate::config::{
    self, Loaded,
    diagnostic::{Diagnostic, Severity},
};

/// Reads an example as a file, beside the files that examples include.
fn load(directory: &Path, text: &str) -> Loaded {
    let path = directory.join("regent.conf");
    std::fs::write(&path, text).unwrap();
    config::load(&path).unwrap()
}

fn has(loaded: &Loaded, code: &str) -> bool {
    loaded.diagnostics.iter().map(|Diagnostic { code, .. }| code).any(|found| *found == code)
}

#[test]
fn every_code_has_an_explanation_and_every_explanation_its_code() {
    let written: Vec<&str> = explanations().map(|explanation| explanation.code).collect();
    let codes: Vec<&str> = code::ALL.iter().map(|(code, _)| *code).collect();
    let missing: Vec<&&str> = codes.iter().filter(|code| !written.contains(code)).collect();
    let unknown: Vec<&&str> = written.iter().filter(|code| !codes.contains(code)).collect();
    assert!(
        missing.is_empty() && unknown.is_empty(),
        "write `## {missing:?}` in src/config/diagnostic/explanations/*.md, with a wrong and a right example; \
         no such code: {unknown:?}"
    );
    assert_eq!(written, codes, "sections stand in the order of the codes");
}

#[test]
fn every_section_has_all_its_parts() {
    let sections = super::TEXTS.iter().flat_map(|text| text.split(super::SECTION).skip(1));
    for section in sections {
        assert!(super::section(section).is_some(), "a part is missing: {section}");
    }
    for explanation in explanations() {
        assert!(!explanation.why.is_empty() && !explanation.then.is_empty(), "{}", explanation.code);
    }
}

/// What a right example may show: it uses what is only read today.
const TOLERATED: [&str; 2] = [code::NOT_SUPPORTED_YET, code::AUTHENTICATION];

/// Nothing that is worth a warning, but for [`TOLERATED`].
fn is_right(loaded: &Loaded) -> bool {
    let troubles = loaded.diagnostics.iter().filter(|diagnostic| diagnostic.severity >= Severity::Warning);
    troubles.into_iter().all(|trouble| TOLERATED.contains(&trouble.code))
}

#[test]
fn every_wrong_example_shows_its_code_and_the_right_one_is_right() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("conf.d")).unwrap();
    std::fs::write(directory.path().join("conf.d/web.conf"), "# nothing yet\n").unwrap();
    let mut faults = Vec::new();
    for explanation in explanations() {
        let Example::Pair { wrong, right } = explanation.example else { continue };
        let (shown, loaded) = (explanation.code, load(directory.path(), wrong));
        if !has(&loaded, shown) {
            faults.push(format!("{shown}: the wrong example does not show it\n{}", loaded.render(false)));
        }
        let loaded = load(directory.path(), right);
        if has(&loaded, shown) || !is_right(&loaded) {
            faults.push(format!(
                "{shown}: the right example is not right
{}",
                loaded.render(false)
            ));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_code_is_found_however_it_is_written() {
    for text in ["RG0403", "rg0403", "Rg403", "RG403"] {
        assert_eq!(named(text).map(|(code, _)| code), Some("RG0403"), "{text}");
    }
    for text in ["", "RG", "R", "RG9999", "RG00403", "0403", "RG04x3", "ärger"] {
        assert_eq!(named(text), None, "{text}");
    }
    assert_eq!(named("rg0").map(|(code, _)| code), Some("RG0000"));
    assert!(explanation("RG0403").is_some_and(|explanation| explanation.why.contains("VRID")));
}
