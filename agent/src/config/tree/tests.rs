//! Tests of `tree`.

use proptest::prelude::*;

use super::Tree;
use crate::config::{diagnostic::Diagnostics, source::Sources};

/// The lines without blanks and comments.
fn lines(text: &str) -> Vec<Vec<&str>> {
    let tree = Tree::parse(text);
    let lines = tree.lines().map(|line| {
        let tokens = line.iter().filter(|token| !token.kind.is_trivia());
        tokens.map(|token| &text[token.start as usize..token.end as usize]).collect::<Vec<_>>()
    });
    lines.filter(|line| !line.is_empty()).collect()
}

fn codes(text: &str) -> Vec<&'static str> {
    let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::default());
    let source = sources.add("t".to_owned(), text.into(), None);
    Tree::parse(text).report(source, text, &mut diagnostics);
    diagnostics.finish(&sources).iter().map(|diagnostic| diagnostic.code).collect()
}

#[test]
fn a_line_goes_on_after_a_backslash() {
    assert_eq!(lines("a b\nc \\\n d\ne"), [vec!["a", "b"], vec!["c", "d"], vec!["e"]]);
    assert_eq!(codes("a \\\n b\n"), ["RG0008"]);
    assert!(codes("a \\\n\n# \\\n").is_empty());
}

#[test]
fn a_definition_is_a_line_with_all_its_lines() {
    assert_eq!(lines("$A= \\\n b { \\\n }\nc"), [vec!["$A= \\\n b { \\\n }"], vec!["c"]]);
}

#[test]
fn a_line_longer_than_keepalived_reads_is_noted_unless_it_says_nothing() {
    let long = "x".repeat(1024);
    assert_eq!(codes(&long), ["RG0007"]);
    assert!(codes(&format!("# {long}\n{}\r\n", "x".repeat(1023))).is_empty());
}

#[test]
fn a_file_of_zeroes_is_one_error() {
    assert_eq!(codes("a\0\0b\n\0"), ["RG0009"]);
    assert_eq!(lines("a\0\0b"), [["a", "b"]]);
}

proptest! {
    #[test]
    fn any_text_prints_back_byte_for_byte(
        text in "(?s)([ \\n\"#{}\0]|root|a|@x |~SEQ\\(|\\)|include|\\$A=|\\\\|é){0,120}|\\PC{0,100}"
    ) {
        let tree = Tree::parse(&text);
        prop_assert_eq!(tree.print(&text), text);
        prop_assert_eq!(tree.lines().count(), tree.count());
        for (index, line) in tree.lines().enumerate() {
            prop_assert_eq!(line, tree.line(index));
        }
    }
}
