//! Tests of `lexer`.

use proptest::prelude::*;

use super::{Kind, tokens};

/// Kinds and texts of all tokens but blanks.
fn read(text: &str) -> Vec<(Kind, &str)> {
    tokens(text)
        .into_iter()
        .filter(|token| !matches!(token.kind, Kind::Space | Kind::Newline))
        .map(|token| (token.kind, &text[token.start as usize..token.end as usize]))
        .collect()
}

#[test]
fn a_comment_starts_anywhere_outside_quotes() {
    assert_eq!(
        read("auth_pass ab#cd"),
        [(Kind::Word, "auth_pass"), (Kind::Word, "ab"), (Kind::Comment, "#cd")]
    );
    assert_eq!(read("! all of it {"), [(Kind::Comment, "! all of it {")]);
    assert_eq!(read("a \"b#c!d\""), [(Kind::Word, "a"), (Kind::Quoted, "\"b#c!d\"")]);
}

#[test]
fn a_backslash_keeps_a_comment_sign() {
    assert_eq!(read(r"a\#b\!c"), [(Kind::Word, r"a\#b\!c")]);
}

#[test]
fn braces_end_a_word_wherever_they_stand() {
    assert_eq!(
        read("A{b}c"),
        [(Kind::Word, "A"), (Kind::Open, "{"), (Kind::Word, "b"), (Kind::Close, "}"), (Kind::Word, "c")]
    );
    assert_eq!(read("\"{}\""), [(Kind::Quoted, "\"{}\"")]);
}

#[test]
fn braces_belong_to_the_pattern_of_an_include() {
    assert_eq!(
        read("include a{b,c}.d\n{"),
        [(Kind::Word, "include"), (Kind::Word, "a{b,c}.d"), (Kind::Open, "{")]
    );
    assert_eq!(read(" includea {x}"), [(Kind::Word, "includea"), (Kind::Word, "{x}")]);
    assert_eq!(read("x include {"), [(Kind::Word, "x"), (Kind::Word, "include"), (Kind::Open, "{")]);
}

#[test]
fn braces_belong_to_a_variable() {
    assert_eq!(read("a${B}c"), [(Kind::Word, "a${B}c")]);
    assert_eq!(read(r"a\${B}c"), [(Kind::Word, r"a\${B}c")]);
    assert_eq!(read("${_ENV HOME}x"), [(Kind::Word, "${_ENV HOME}x")]);
    assert_eq!(read("${B c"), [(Kind::Word, "$"), (Kind::Open, "{"), (Kind::Word, "B"), (Kind::Word, "c")]);
}

#[test]
fn a_quoted_string_ends_on_its_line() {
    assert_eq!(read("\"a b\nc"), [(Kind::Unterminated, "\"a b"), (Kind::Word, "c")]);
    assert_eq!(read("\"a"), [(Kind::Unterminated, "\"a")]);
    assert_eq!(read(r#""a\"b" c"#), [(Kind::Quoted, r#""a\"b""#), (Kind::Word, "c")]);
}

#[test]
fn a_backslash_at_the_end_continues_a_line() {
    assert_eq!(read("a \\\nb"), [(Kind::Word, "a"), (Kind::Continuation, "\\\n"), (Kind::Word, "b")]);
    assert_eq!(read("a\\"), [(Kind::Word, "a\\")]);
}

#[test]
fn a_definition_is_one_token_with_all_its_lines() {
    let text = "$A= \\\n b { \\\n \t\n# c\n } # d \\\n}\nc";
    let definition = text.strip_suffix("\nc").unwrap();
    assert_eq!(read(text), [(Kind::Definition, definition), (Kind::Word, "c")]);
    assert_eq!(read("a $B=1"), [(Kind::Word, "a"), (Kind::Word, "$B=1")]);
    assert_eq!(read("$1=1"), [(Kind::Word, "$1=1")]);
}

#[test]
fn an_empty_line_or_an_escaped_backslash_ends_a_definition() {
    assert_eq!(read("$A=b \\\n\nc"), [(Kind::Definition, "$A=b \\"), (Kind::Word, "c")]);
    assert_eq!(read("$A=b\\\\\nc"), [(Kind::Definition, "$A=b\\\\"), (Kind::Word, "c")]);
}

#[test]
fn after_a_condition_a_line_starts_once_more() {
    assert_eq!(read("@a $B=1 2"), [(Kind::Word, "@a"), (Kind::Definition, "$B=1 2")]);
    assert_eq!(read("@a include {b}"), [(Kind::Word, "@a"), (Kind::Word, "include"), (Kind::Word, "{b}")]);
    assert_eq!(read("x @a $B=1"), [(Kind::Word, "x"), (Kind::Word, "@a"), (Kind::Word, "$B=1")]);
}

#[test]
fn the_head_of_a_sequence_is_one_token() {
    assert_eq!(
        read("~SEQ(A,1,2) ~LST (B,{2}) $B#c"),
        [
            (Kind::Sequence, "~SEQ(A,1,2)"),
            (Kind::Sequence, "~LST (B,{2})"),
            (Kind::Word, "$B"),
            (Kind::Comment, "#c")
        ]
    );
    assert_eq!(read("~SEQ(A\nb"), [(Kind::Sequence, "~SEQ(A"), (Kind::Word, "b")]);
    assert_eq!(read("~x ~SEQ(A)"), [(Kind::Word, "~x"), (Kind::Word, "~SEQ(A)")]);
}

#[test]
fn a_line_that_is_made_up_has_no_comments_and_defines_nothing() {
    let kinds: Vec<Kind> = super::words("$A=1#2 !3").into_iter().map(|token| token.kind).collect();
    assert_eq!(kinds, [Kind::Word, Kind::Space, Kind::Word]);
}

#[test]
fn a_byte_order_mark_and_carriage_returns_are_blanks() {
    assert_eq!(read("\u{feff}a b\r\nc\r\n"), [(Kind::Word, "a"), (Kind::Word, "b"), (Kind::Word, "c")]);
}

proptest! {
    #[test]
    fn tokens_cover_any_text_without_gap_or_overlap(text in "(?s)[ \\n\\t\"'\\\\#!{}$~=()a-cé€\u{feff}]{0,200}|\\PC{0,100}") {
        let mut at = 0;
        for token in tokens(&text) {
            prop_assert_eq!(token.start, at);
            prop_assert!(token.end > token.start);
            prop_assert!(text.get(token.start as usize..token.end as usize).is_some());
            at = token.end;
        }
        prop_assert_eq!(at as usize, text.len());
    }
}
