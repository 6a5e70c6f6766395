//! Tests of `glob`.

use proptest::prelude::*;

use super::{alternatives, is_match, matches};

fn matching(pattern: &str, name: &str) -> bool {
    is_match(&pattern.chars().collect::<Vec<_>>(), name)
}

#[test]
fn wildcards_match_as_in_a_shell() {
    for (pattern, name) in [
        ("*", "a"),
        ("*.conf", "a.conf"),
        ("a?c", "abc"),
        ("[a-c]x", "bx"),
        ("[!a]x", "bx"),
        ("[^a]x", "bx"),
        ("a*b*c", "aXbYbZc"),
        ("[]x]", "]"),
        ("[", "["),
        ("*[0-9]", "a9"),
        ("é?", "éü"),
        (r"a\*", "a*"),
        (r"\[a]*", "[a]b"),
        (r"a\", r"a\"),
        ("[[:digit:]b]x", "7x"),
        ("[[:digit:]b]x", "bx"),
        ("[^[:alpha:]_]", "7"),
        ("[a-]", "-"),
    ] {
        assert!(matching(pattern, name), "{pattern} {name}");
    }
    for (pattern, name) in [
        ("*.conf", "a.conf~"),
        ("a?c", "ac"),
        ("[a-c]x", "dx"),
        ("[!a]x", "ax"),
        ("", "a"),
        ("a", ""),
        (r"a\*", "ab"),
        (r"\*", ""),
        ("[[:digit:]]", "a"),
        ("[[:digit:]]", "]"),
        ("[^[:alpha:]]", "a"),
    ] {
        assert!(!matching(pattern, name), "{pattern} {name}");
    }
}

#[test]
fn each_choice_of_braces_is_an_alternative_in_order() {
    assert_eq!(alternatives("a{b,{c,d}e,}f").0, ["abf", "acef", "adef", "af"]);
    assert_eq!(alternatives("{a,b}{1,2}").0, ["a1", "a2", "b1", "b2"]);
    assert_eq!(alternatives("a{b").0, ["a{b"]);
}

#[test]
fn alternatives_are_bounded() {
    let (list, cut) = alternatives(&"{a,b}".repeat(40));
    assert!(cut && list.len() <= 256);
}

#[test]
fn matches_are_sorted_and_leave_hidden_files_out() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["b.conf", "a.conf", ".c.conf", "d.txt", "e f", "g*"] {
        std::fs::write(directory.path().join(name), "").unwrap();
    }
    let found = matches(directory.path(), "*.conf").files();
    assert_eq!(found, [directory.path().join("a.conf"), directory.path().join("b.conf")]);
    let found = matches(directory.path(), "{d.txt,nothing}");
    assert_eq!(found.alternatives.iter().map(|one| one.paths.len()).collect::<Vec<_>>(), [1, 0]);
    for (pattern, name) in [(r"e\ f", "e f"), (r"g\*", "g*")] {
        assert_eq!(matches(directory.path(), pattern).files(), [directory.path().join(name)], "{pattern}");
    }
}

#[test]
fn a_path_without_a_directory_lies_where_the_process_is() {
    let names = |directory: &str| {
        let found = matches(std::path::Path::new(directory), "Cargo.*").files();
        found.iter().filter_map(|path| Some(path.file_name()?.to_owned())).collect::<Vec<_>>()
    };
    assert_eq!(names(""), names("."));
    assert!(!names("").is_empty());
}

#[test]
fn a_name_that_is_not_utf_8_matches() {
    use std::os::unix::ffi::OsStrExt;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(std::ffi::OsStr::from_bytes(b"caf\xe9.conf"));
    std::fs::write(&path, "").unwrap();
    assert_eq!(matches(directory.path(), "*.conf").files(), [path]);
}

proptest! {
    #[test]
    fn any_pattern_ends(pattern in "[a*?\\[\\]{},!^:\\\\-]{0,40}", name in "[ab]{0,40}") {
        for alternative in alternatives(&pattern).0 {
            matching(&alternative, &name);
        }
    }
}
