//! Tests of `block`.

use proptest::prelude::*;

use super::Statement;
use crate::config::{
    Given,
    diagnostic::Diagnostics,
    expand::{self, Files},
    source::{Sources, Span},
};

/// The statements of a text, and the codes and places of what is wrong with it.
fn parse(text: &str) -> (Vec<Statement>, Vec<String>) {
    let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::default());
    let source = sources.add("t".to_owned(), text.into(), None);
    let given = Given { config_id: Some("here".to_owned()), ..Given::default() };
    let expanded =
        expand::expand(source, &Files::None, &given, |word| word == "root", &mut sources, &mut diagnostics);
    let remarks = |span: Span| {
        let place = sources.position(span);
        format!("{}:{}", place.line, place.column)
    };
    let faults = diagnostics.finish(&sources);
    let lines = faults.iter().map(|fault| {
        let places: Vec<String> = fault.labels.iter().map(|label| remarks(label.span)).collect();
        format!("{} at {}", fault.code, places.join(" "))
    });
    (expanded.statements, lines.collect())
}

/// Statements as `word word{…}`.
fn outline(statements: &[Statement]) -> String {
    let line = |statement: &Statement| {
        let words: Vec<&str> = statement.words.iter().map(|word| word.value.as_str()).collect();
        let block = statement.block.as_ref().map(|block| format!("{{{}}}", outline(&block.statements)));
        format!("{}{}", words.join(" "), block.unwrap_or_default())
    };
    statements.iter().map(line).collect::<Vec<_>>().join("; ")
}

fn shape(text: &str) -> String {
    outline(&parse(text).0)
}

#[test]
fn a_brace_may_stand_on_its_line_or_on_a_later_one() {
    for text in ["a b {\n c\n}", "a b\n{\n c\n}", "a b # x\n\n ! y\n{ c }", "a b{c}"] {
        assert_eq!(shape(text), "a b{c}", "{text}");
    }
}

#[test]
fn a_whole_block_stands_on_one_line() {
    assert_eq!(shape("a { b { c d } e } f"), "a{b{c d}; e}; f");
}

#[test]
fn a_line_ends_a_statement() {
    assert_eq!(shape("a b\nc \\\n d\ne"), "a b; c d; e");
}

#[test]
fn a_string_that_touches_a_word_is_a_word_of_its_own() {
    let statements = parse("a\"b c\"d \"e\"\"f\"").0;
    let words: Vec<&str> = statements[0].words.iter().map(|word| word.value.as_str()).collect();
    assert_eq!(words, ["a", "b c", "d", "e", "f"]);
}

#[test]
fn a_missing_brace_is_one_error_at_the_block_that_was_opened() {
    let (tree, faults) = parse("root a {\n b {\n c\n");
    assert_eq!(faults, ["RG0002 at 1:8 2:4"]);
    assert_eq!(outline(&tree), "root a{b{c}}");
}

#[test]
fn after_a_missing_brace_the_next_root_block_is_read_as_such() {
    let text = "root a {\n    b {\n        c\n}\nroot d {\n    e\n}\nroot f { g }\n";
    let (tree, faults) = parse(text);
    // The brace in column 1 closed `b`, and that is where the missing one belongs.
    assert_eq!(faults, ["RG0002 at 1:8 4:1"]);
    assert_eq!(outline(&tree), "root a{b{c}}; root d{e}; root f{g}");
}

#[test]
fn in_a_balanced_file_a_word_of_the_root_may_stand_in_any_block() {
    assert_eq!(shape("x {\n root a { b }\n}"), "x{root a{b}}");
}

#[test]
fn a_root_word_without_a_block_is_a_value_even_where_a_brace_is_missing() {
    let (tree, faults) = parse("x {\n root\n}\ny {\n");
    assert_eq!(faults, ["RG0002 at 4:3"]);
    assert_eq!(outline(&tree), "x{root}; y{}");
}

#[test]
fn a_brace_too_many_is_one_error() {
    let (tree, faults) = parse("root a { b }\n}\nroot c { d }\n");
    assert_eq!(faults, ["RG0003 at 2:1"]);
    assert_eq!(outline(&tree), "root a{b}; root c{d}");
}

#[test]
fn blocks_that_are_nested_too_deep_are_one_error() {
    let text = format!("{}a {}", "x {".repeat(100), "}".repeat(100));
    assert_eq!(parse(&text).1, ["RG0004 at 1:99"]);
}

proptest! {
    #[test]
    fn a_text_has_errors_about_braces_just_when_they_do_not_balance(text in "[a {}\n]{0,60}") {
        let mut depth = 0_i32;
        let balanced = text.chars().all(|character| {
            depth += match character { '{' => 1, '}' => -1, _ => 0 };
            depth >= 0
        });
        prop_assert_eq!(parse(&text).1.is_empty(), balanced && depth == 0);
    }
}
