//! The ledgers name what exists, and all of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use regent_vrrp::departures::Departure;

const LEDGERS: [&str; 2] = [include_str!("../../RFC9568.md"), include_str!("../../RFC3768.md")];

/// Where tests are, from the root of the project: the tests of this crate first.
const TESTS: [&str; 7] =
    ["agent/vrrp", "simulation", "common/tests", "common/src", "agent/src", "agent/tests", "tests"];

/// How binding a rule is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    /// MUST, MUST NOT, a line of a state table, a departure: both sides, or the reason.
    Binding,
    /// SHOULD, SHOULD NOT: kept, or the reason.
    Advised,
    /// MAY.
    Allowed,
}

/// A row, by its cells.
struct Row<'a> {
    rule: &'a str,
    level: Level,
    files: Vec<&'a str>,
    kept_by: &'a str,
    held_back_by: &'a str,
}

impl Row<'_> {
    fn is_elsewhere(&self) -> bool {
        self.kept_by.strip_prefix("not here: ").is_some_and(|reason| !reason.is_empty())
    }
}

/// The row of a line, or what is wrong with it; nothing for a heading.
fn row(line: &str) -> Result<Option<Row<'_>>, String> {
    let cells: Vec<&str> = line.split('|').map(str::trim).collect();
    let ["", rule, level, what, files, kept_by, held_back_by, ""] = cells[..] else {
        return Err(format!("a row with other cells than six: {line}"));
    };
    if rule == "rule" || rule.starts_with('-') {
        return Ok(None);
    }
    if what.is_empty() {
        return Err(format!("{rule} says nothing"));
    }
    let level = match level {
        "MUST" | "MUST NOT" | "table" | "departure" => Level::Binding,
        "SHOULD" | "SHOULD NOT" => Level::Advised,
        "MAY" => Level::Allowed,
        other => return Err(format!("{rule}: no level {other}")),
    };
    let files = files.split(',').map(str::trim).filter(|file| !file.is_empty()).collect();
    Ok(Some(Row { rule, level, files, kept_by, held_back_by }))
}

fn rows() -> Vec<Row<'static>> {
    let lines = LEDGERS.iter().flat_map(|ledger| ledger.lines()).filter(|line| line.starts_with('|'));
    lines.filter_map(|line| row(line).expect("a row that can be read")).collect()
}

/// What stands between backticks.
fn names(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// What is wrong with a row, given the tests and the files that exist.
fn faults(row: &Row<'_>, is_test: impl Fn(&str) -> bool, is_file: impl Fn(&str) -> bool) -> Vec<String> {
    let mut faults = Vec::new();
    let (kept, held) = (names(row.kept_by), names(row.held_back_by));
    if row.is_elsewhere() {
        if !row.files.is_empty() || !row.held_back_by.is_empty() {
            faults.push("is kept elsewhere and here".to_owned());
        }
        return faults;
    }
    for name in kept.iter().chain(&held).filter(|name| !is_test(name)) {
        faults.push(format!("no test {name}"));
    }
    for file in row.files.iter().filter(|file| !is_file(file)) {
        faults.push(format!("no file {file}"));
    }
    if row.files.is_empty() {
        faults.push("no file".to_owned());
    }
    if kept.is_empty() {
        faults.push("not kept by any test".to_owned());
    }
    let one_sided = row.held_back_by.strip_prefix("no other side: ").is_some_and(|reason| !reason.is_empty());
    if row.level == Level::Binding && !one_sided && !held.iter().any(|name| !kept.contains(name)) {
        faults.push("not held back by any other test".to_owned());
    }
    faults
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn files_below(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory of this project").flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// The name of a function that a line begins.
fn function(line: &str) -> Option<&str> {
    let line = line.strip_prefix("async ").unwrap_or(line);
    line.strip_prefix("fn ")?.split('(').next()
}

/// Every test in that directory, and the file it is in. Scenarios have no attribute: they are listed in a harness of their
/// own, so there each function may be one.
fn tests_in(directory: &str) -> Vec<(String, String)> {
    let mut tests = Vec::new();
    for path in files_below(&root().join(directory)) {
        let text = fs::read_to_string(&path).expect("a source file of this project");
        let file = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        let listed = path
            .components()
            .any(|part| ["scenarios", "verdicts"].map(AsRef::as_ref).contains(&part.as_os_str()));
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        for pair in lines.windows(2) {
            if let [before, line] = pair
                && let Some(name) = function(line)
                && (listed || before.starts_with("#[test]") || before.starts_with("#[tokio::test"))
            {
                tests.push((name.to_owned(), file.clone()));
            }
        }
    }
    tests
}

fn is_file(name: &str) -> bool {
    if name.contains('/') {
        root().join(name).is_file()
    } else {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(name).is_file()
    }
}

#[test]
fn every_row_names_tests_and_files_that_exist_or_says_why_not() {
    let tests: BTreeSet<String> =
        TESTS.iter().flat_map(|directory| tests_in(directory)).map(|(name, _)| name).collect();
    let faults: Vec<String> = rows()
        .iter()
        .flat_map(|row| {
            let faults = faults(row, |name| tests.contains(name), is_file);
            faults.into_iter().map(|fault| format!("{}: {fault}", row.rule))
        })
        .collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn a_row_is_at_fault_when_its_test_or_its_file_does_not_exist_or_one_side_is_missing() {
    let at_fault = |line: &str| {
        let row = row(line).expect("six cells").expect("not a heading");
        faults(&row, |name| name.starts_with("a_test"), |file| file == "file.rs")
    };
    let none: [String; 0] = [];
    for good in [
        "| 1 | MUST | what | file.rs | `a_test` | `a_test_of_the_other_side` |",
        "| 1 | MUST | what | file.rs | `a_test` | no other side: it cannot be asked for |",
        "| 1 | MUST NOT | what | | not here: somebody else does | |",
        "| 1 | SHOULD | what | file.rs | `a_test` | |",
    ] {
        assert_eq!(at_fault(good), none, "{good}");
    }
    for (bad, fault) in [
        ("| 1 | MUST | what | file.rs | `another` | `a_test` |", "no test another"),
        ("| 1 | MAY | what | file.rs | `a_test` | `another` |", "no test another"),
        ("| 1 | MUST | what | other.rs | `a_test` | `a_test_too` |", "no file other.rs"),
        ("| 1 | MUST | what | | `a_test` | `a_test_too` |", "no file"),
        ("| 1 | MUST | what | file.rs | `a_test` | |", "not held back by any other test"),
        ("| 1 | table | what | file.rs | `a_test` | `a_test` |", "not held back by any other test"),
        ("| 1 | departure | what | file.rs | `a_test` | no other side: |", "not held back by any other test"),
        ("| 1 | SHOULD | what | file.rs | | `a_test` |", "not kept by any test"),
        ("| 1 | MUST | what | file.rs | not here: | |", "not kept by any test"),
        ("| 1 | MUST | what | file.rs | not here: elsewhere | |", "is kept elsewhere and here"),
    ] {
        assert!(at_fault(bad).iter().any(|found| found == fault), "{bad}: {:?}", at_fault(bad));
    }
    assert!(row("| 1 | COULD | what | file.rs | `a_test` | |").is_err());
    assert!(row("| 1 | MUST | | file.rs | `a_test` | |").is_err());
    assert!(row("| 1 | MUST | what | file.rs | `a_test` |").is_err());
}

#[test]
fn every_rule_and_every_departure_has_one_row() {
    let mut rules = BTreeSet::new();
    let mut levels = BTreeMap::new();
    for row in rows() {
        assert!(rules.insert(row.rule), "{} twice", row.rule);
        *levels.entry(row.level).or_insert(0) += 1;
    }
    assert!(levels[&Level::Binding] > 90 && levels[&Level::Advised] > 3, "only {levels:?} were read");
    for departure in Departure::ALL {
        assert!(rules.contains(format!("{departure:?}").as_str()), "{departure:?} is not in the ledger");
    }
}

#[test]
fn every_test_of_a_file_named_after_a_section_is_in_the_ledger() {
    let rows = rows();
    let named: BTreeSet<&str> =
        rows.iter().flat_map(|row| names(row.kept_by).into_iter().chain(names(row.held_back_by))).collect();
    for (name, file) in tests_in(TESTS[0]) {
        assert!(!file.starts_with("rfc") || named.contains(name.as_str()), "{file}: {name} is in no row");
    }
}

#[test]
fn no_two_tests_of_machine_and_simulation_have_one_name() {
    let mut names = BTreeSet::new();
    for (name, file) in TESTS[..2].iter().flat_map(|directory| tests_in(directory)) {
        assert!(names.insert(name.clone()), "{name} of {file} exists twice");
    }
}
