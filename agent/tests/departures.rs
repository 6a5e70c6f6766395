//! The list of departures from keepalived, and the tests that it names.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use regent_agent::departures::Departure;

/// Every Rust file below the tests of the project.
fn test_files() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut directories: Vec<PathBuf> = ["agent/tests", "agent/vrrp/tests", "common/tests", "tests/tests"]
        .map(|part| root.join(part))
        .to_vec();
    let mut files = Vec::new();
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files
}

#[test]
fn every_departure_from_keepalived_is_shown_by_a_test() {
    let tests: String = test_files().iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    for departure in Departure::ALL {
        let name = departure.shown_by();
        // A test is a function; a scenario is named by a text.
        let there = tests.contains(&format!("fn {name}(")) || tests.contains(&format!("\"{name}\""));
        let there = there || tests.contains(&format!("::{name}\""));
        assert!(there, "{departure:?}: no test {name}");
    }
}

#[test]
fn each_departure_is_listed_once() {
    let names: BTreeSet<String> = Departure::ALL.iter().map(|departure| format!("{departure:?}")).collect();
    assert_eq!(names.len(), Departure::ALL.len());
}
