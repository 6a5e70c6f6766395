//! The ledger names what exists, and all of it.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use regent_vrrp::departures::Departure;

const LEDGER: &str = include_str!("../../RFC9568.md");

/// A row, by its cells: rule, what, files, kept by, held back by.
struct Row<'a> {
    rule: &'a str,
    files: Vec<&'a str>,
    kept_by: &'a str,
    held_back_by: &'a str,
}

fn rows() -> Vec<Row<'static>> {
    let mut rows = Vec::new();
    for line in LEDGER.lines().filter(|line| line.starts_with('|')) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if let ["", rule, what, files, kept_by, held_back_by, ""] = cells[..] {
            if ["rule", "departure"].contains(&rule) || rule.starts_with('-') {
                continue;
            }
            assert!(!what.is_empty(), "{rule} says nothing");
            let files = files.split(',').map(str::trim).filter(|file| !file.is_empty()).collect();
            rows.push(Row { rule, files, kept_by, held_back_by });
        } else {
            assert!(cells.is_empty(), "a row with other cells than five: {line}");
        }
    }
    rows
}

/// What stands between backticks.
fn names(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

fn files_below(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory of this crate").flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// Every test of this crate, and the file it is in.
fn tests() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut tests = Vec::new();
    for path in [root.join("src"), root.join("tests")].iter().flat_map(|directory| files_below(directory)) {
        let text = fs::read_to_string(&path).expect("a source file of this crate");
        let file = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        for pair in lines.windows(2) {
            if let ["#[test]", function] = pair
                && let Some(name) = function.strip_prefix("fn ").and_then(|rest| rest.split('(').next())
            {
                tests.push((name.to_owned(), file.clone()));
            }
        }
    }
    tests
}

#[test]
fn every_test_that_the_ledger_names_exists() {
    let tests: BTreeSet<String> = tests().into_iter().map(|(name, _)| name).collect();
    for row in rows() {
        for name in names(row.kept_by).into_iter().chain(names(row.held_back_by)) {
            let is_test = tests.contains(name);
            assert!(is_test || row.kept_by.starts_with("not here: "), "{}: no test {name}", row.rule);
        }
    }
}

#[test]
fn every_rule_is_kept_by_a_test_and_held_back_by_another_or_says_why_not() {
    for row in rows() {
        if row.kept_by.starts_with("not here: ") {
            assert!(row.files.is_empty() && row.held_back_by.is_empty(), "{}", row.rule);
        } else {
            assert!(!row.files.is_empty(), "{}: no file", row.rule);
            assert!(!names(row.kept_by).is_empty(), "{}: not kept by any test", row.rule);
            assert!(!names(row.held_back_by).is_empty(), "{}: not held back by any test", row.rule);
            let both = names(row.kept_by);
            assert!(names(row.held_back_by).iter().any(|name| !both.contains(name)), "{}", row.rule);
        }
    }
}

#[test]
fn every_file_that_the_ledger_names_exists() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for row in rows() {
        for file in row.files {
            assert!(source.join(file).is_file(), "{}: no file {file}", row.rule);
        }
    }
}

#[test]
fn every_rule_and_every_departure_has_one_row() {
    let mut rules = BTreeSet::new();
    for row in rows() {
        assert!(rules.insert(row.rule), "{} twice", row.rule);
    }
    assert!(rules.len() > 50, "only {} rows were read", rules.len());
    for departure in Departure::ALL {
        assert!(rules.contains(format!("{departure:?}").as_str()), "{departure:?} is not in the ledger");
    }
}

#[test]
fn every_test_of_a_file_named_after_a_section_is_in_the_ledger() {
    let rows = rows();
    let named: BTreeSet<&str> =
        rows.iter().flat_map(|row| names(row.kept_by).into_iter().chain(names(row.held_back_by))).collect();
    for (name, file) in tests() {
        assert!(!file.starts_with("rfc") || named.contains(name.as_str()), "{file}: {name} is in no row");
    }
}

#[test]
fn no_two_tests_have_one_name() {
    let mut names = BTreeSet::new();
    for (name, file) in tests() {
        assert!(names.insert(name.clone()), "{name} of {file} exists twice");
    }
}
