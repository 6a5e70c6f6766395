//! Tests of `expand`: what lines become, as keepalived 2.2.7 makes them unless a test says otherwise.

use proptest::prelude::*;

use super::{Files, Statement, expand};
use crate::config::{
    Given,
    diagnostic::{Diagnostic, Diagnostics},
    source::Sources,
};

fn read(text: &str) -> (Vec<Statement>, Vec<Diagnostic>, Sources) {
    let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::default());
    let source = sources.add("t".to_owned(), text.into(), None);
    let given = Given { config_id: Some("main".to_owned()), ..Given::default() };
    let root = |word: &str| word == "root";
    let expanded = expand(source, &Files::None, &given, root, &mut sources, &mut diagnostics);
    let diagnostics = diagnostics.finish(&sources);
    (expanded.statements, diagnostics, sources)
}

fn outline(statements: &[Statement]) -> Vec<String> {
    let line = |statement: &Statement| {
        if statement.lost {
            let block =
                statement.block.as_ref().map(|block| format!("{{{}}}", outline(&block.statements).join(";")));
            return "LOST".to_owned() + &block.unwrap_or_default();
        }
        let words: Vec<&str> = statement.words.iter().map(|word| word.value.as_str()).collect();
        let block =
            statement.block.as_ref().map(|block| format!("{{{}}}", outline(&block.statements).join(";")));
        words.join(" ") + &block.unwrap_or_default()
    };
    statements.iter().map(line).collect()
}

/// The lines of a text that nothing is wrong with.
#[track_caller]
fn lines(text: &str) -> Vec<String> {
    let (statements, diagnostics, sources) = read(text);
    let said: Vec<String> = diagnostics.iter().map(|diagnostic| diagnostic.line(&sources)).collect();
    assert!(said.is_empty(), "{said:#?}");
    outline(&statements)
}

/// The lines of a text, and each diagnostic as `CODE at LINE:COLUMN LINE:COLUMN…`.
fn faulty(text: &str) -> (Vec<String>, Vec<String>) {
    let (statements, diagnostics, sources) = read(text);
    let said = diagnostics.iter().map(|diagnostic| {
        let places = diagnostic.labels.iter().map(|label| {
            let place = sources.position(label.span);
            format!("{}:{}", place.line, place.column)
        });
        format!("{} at {}", diagnostic.code, places.collect::<Vec<_>>().join(" "))
    });
    (outline(&statements), said.collect())
}

#[test]
fn a_variable_is_replaced_before_a_blank_and_in_braces_anywhere() {
    assert_eq!(lines("$A=foo\n$A bar\nx${A}y z\na$A\tb\n"), ["foo bar", "xfooy z", "afoo b"]);
    assert_eq!(lines("$A=x\n\"a $A b\" c\n\"a ${A}\"\n"), ["a x b c", "a x"]);
    assert_eq!(lines("$C=\na$C b\na${C}b\n$C\n"), ["a b", "ab"]);
    assert_eq!(lines("$B=x y\n$B z\n"), ["x y z"]);
    assert_eq!(lines("$B=\"x y\"\n$B z\n"), ["x y z"]);
    assert_eq!(lines("  $A=1 # one\n  $A # two\n"), ["1"]);
}

#[test]
fn a_variable_that_something_else_follows_stays_and_is_told() {
    let (lines, said) = faulty("$A=1\n$A.x\n$A/24\n\"$A\" { x$A}\n");
    assert_eq!(lines, ["$A.x", "$A/24", "$A{x1}"]);
    assert_eq!(said, ["RG0110 at 2:1", "RG0110 at 3:1", "RG0110 at 4:2"]);
}

#[test]
fn a_value_is_looked_up_when_it_is_used() {
    assert_eq!(lines("$A=1${B}2\n$B=5\n$A\n$B=6\n$A\n"), ["152", "162"]);
}

#[test]
fn a_variable_that_holds_itself_is_told_and_not_followed() {
    assert_eq!(
        faulty("$S=$S x\na $S\nb\n"),
        (vec!["LOST".to_owned(), "b".to_owned()], vec!["RG0109 at 1:4 2:3".to_owned()])
    );
    assert_eq!(faulty("$A=x$B\n$B=y${A}\n$A\n").1, ["RG0109 at 2:5 1:1 1:5 3:1"]);
    assert_eq!(faulty("$A=$B\n$B=$A\n$A\n").1, ["RG0109 at 2:4 1:1 1:4 3:1"]);
    assert_eq!(faulty("$A= \\\n b \\\n $A\n$A\n").1, ["RG0109 at 3:2 4:1"]);
    // Another definition of the same name is another value.
    assert_eq!(lines("$A= \\\n $A=1 \\\n b $A\n$A\n"), ["b 1"]);
}

#[test]
fn a_definition_of_several_lines_stands_for_several_lines() {
    let text = "$M= \\\n l1 a \\\n  \\\n l2 # two \\\n l3\n$M\nx $M\ny${M}\n";
    assert_eq!(lines(text), ["l1 a", "l2", "l3", "x l1 a", "l2", "l3", "yl1 a", "l2", "l3"]);
    assert_eq!(lines("$M=a { \\\n b \\\n }\n$M\nc\n"), ["a{b}", "c"]);
}

#[test]
fn no_word_may_follow_a_variable_of_several_lines() {
    let (lines, said) = faulty("$M=a \\\n b\n$M tail\nq ${M} x {\n}\n");
    assert_eq!(lines, ["LOST", "LOST{}"]);
    assert_eq!(said, ["RG0111 at 3:1 1:1", "RG0111 at 4:3 1:1"]);
}

#[test]
fn an_empty_line_ends_a_definition_and_is_told_where_more_was_meant() {
    assert_eq!(
        faulty("$M= \\\n l1 \\\n\n l2\n$M\n"),
        (vec!["l2".to_owned(), "l1".to_owned()], vec!["RG0114 at 2:5".to_owned()])
    );
    assert_eq!(lines("$M= \\\n l1 \\\n\nl2\n$M\n"), ["l2", "l1"]);
}

#[test]
fn lines_of_a_value_may_define_include_and_depend_on_the_host() {
    let text = "$IN= \\\n i1 ${N} \\\n i2\n$OUT= \\\n o1 \\\n $N=1 \\\n $IN \\\n @main m \\\n @other { \\\n @^main { \\\n n \\\n } \\\n $N=2 \\\n $IN\n$OUT\nend\n";
    let (lines, said) = faulty(text);
    assert_eq!(said, ["RG0003 at 12:2 15:1"]);
    assert_eq!(lines, ["o1", "i1 1", "i2", "m", "n", "i1 2", "i2", "end"]);
}

#[test]
fn a_value_may_hold_braces_and_halves_of_blocks() {
    assert_eq!(lines("$G={ router_id x }\nglobal_defs $G\n"), ["global_defs{router_id x}"]);
    assert_eq!(lines("$H=h {\n$H\n a\n}\n"), ["h{a}"]);
}

#[test]
fn what_follows_a_brace_is_like_a_line_of_its_own() {
    assert_eq!(lines("a { @main b } c\nd { @other e } f\n"), ["a{b}", "c", "d{}", "f"]);
    assert_eq!(lines("a { ~SEQ(N,1,2) b $N }\n~SEQ(N,1,2) c { d $N }\n"), ["a{b 1;b 2}", "c{d 1}", "c{d 2}"]);
    assert_eq!(lines("$B=b \\\n c\na { $B }\na { $B\n }\n"), ["a{b;c}", "a{b;c}"]);
    assert_eq!(lines("a { $X=1\n b$X }\n"), ["a{b1}"]);
    assert_eq!(lines("@main a { @other b { c } d }\n"), ["a{}"]);
}

#[test]
fn what_is_not_defined_stays() {
    assert_eq!(
        lines("auth_pass a$b$$\nauth_pass $x\nscript \"echo ${HOME} $1 $HOME\"\n"),
        ["auth_pass a$b$$", "auth_pass $x", "script echo ${HOME} $1 $HOME"]
    );
    let (lines, said) = faulty("$PRIO=1\n$Z=2\npriority $PRI0\npriority ${PRI}\nx${Y}z\n\"$PRIo \"\n");
    assert_eq!(lines, ["priority $PRI0", "LOST", "priority ${PRI}", "LOST", "x${Y}z", "$PRIo "]);
    assert_eq!(said, ["RG0106 at 3:10", "RG0106 at 4:10", "RG0106 at 5:2", "RG0106 at 6:2"]);
    assert_eq!(faulty("a ${L}\n$L=1\n").1, ["RG0106 at 1:3 2:1"]);
}

#[test]
fn what_is_lost_of_a_line_that_opens_a_block_is_lost_of_the_block() {
    assert_eq!(faulty("a ${B}\n{\nc\n}\nd\n").0, ["a ${B}{c;LOST}", "d"]);
    assert_eq!(faulty("~SEQ(N) a {\nb\n}\nd }\n").0, ["LOST{b}", "d"]);
    assert_eq!(faulty("a ${B} {\nc\n}\nd\n").0, ["a ${B}{c;LOST}", "d"]);
}

#[test]
fn built_in_variables_need_no_definition() {
    assert_eq!(
        lines("x${_HASH}y ${_BANG}\n\"${_HASH}\" ${_INSTANCE}\n${_PWD}/s\n"),
        ["x#y !", "# main", "./s"]
    );
    assert_eq!(lines("${_RANDOM 7 7} ${_RANDOM 0 0}\n"), ["7 0"]);
    let drawn = lines("${_RANDOM} ${_RANDOM 5 6}\n");
    let numbers: Vec<u64> = drawn[0].split(' ').map(|number| number.parse().unwrap()).collect();
    assert!(numbers[0] <= 32_767 && (5..=6).contains(&numbers[1]), "{numbers:?}");
    assert_eq!(lines("${_RANDOM} ${_RANDOM 5 6}\n"), drawn, "a reload draws the same");
    assert_eq!(lines("$_PWD=/etc\n${_PWD}\n"), ["/etc"]);
    assert_eq!(faulty("${_RANDOM 6 5}\n").0, ["6"]);
    assert_eq!(
        faulty("x${_ENV REGENT_NO_SUCH_VARIABLE}\n"),
        (vec!["x".to_owned()], vec!["RG0115 at 1:2".to_owned()])
    );
    assert_eq!(lines("${_ENV PATH}\n"), [std::env::var("PATH").unwrap()]);
    assert_eq!(faulty("${_PWDD}\n").1, ["RG0106 at 1:1"]);
}

#[test]
fn a_line_may_be_meant_for_one_host_or_all_others() {
    assert_eq!(
        lines("@main a\n@other b\n@^main c\n@^other d\n@mainx e\n@main @^x f\n@ g\n@^ h\nx @main\n"),
        ["a", "d", "f", "h", "x @main"]
    );
    assert_eq!(lines("@main $X=1\n@other $X=2\nx$X\n"), ["x1"]);
    assert_eq!(lines("$IF=@main\n$NO=@other\n$IF a\n$NO b\n"), ["a"]);
    assert_eq!(
        lines("@main ~SEQ(N,1,2) m$N\n~SEQ(N,1,2) @other n$N\n@other ~SEQ(N,1,2) o$N\n"),
        ["m1", "m2"]
    );
    assert_eq!(faulty("@main\n"), (Vec::new(), vec!["RG0108 at 1:1".to_owned()]));
}

#[test]
fn a_line_may_have_any_number_of_conditions() {
    assert_eq!(faulty(&format!("{}x\n{0}@other y\n", "@main ".repeat(1 << 17))).0, ["x"]);
}

#[test]
fn a_condition_before_a_block_is_about_the_whole_block() {
    assert_eq!(lines("@other a {\n b {\n }\n c\n}\nd\n@main e {\n f\n}\n"), ["d", "e{f}"]);
    assert_eq!(lines("@other a\n\n{\n b\n}\nd\n"), ["d"]);
    assert_eq!(lines("@other a { b }\nc\n@other }\n"), ["c"]);
    assert_eq!(lines("$B= \\\n @other a { \\\n b \\\n } \\\n c\n$B\n"), ["c"]);
    // Every line for itself, as keepalived needs it.
    assert_eq!(lines("@other a {\n@other b\n@other }\nc\n"), ["c"]);
}

#[test]
fn one_body_may_have_a_head_for_each_host() {
    assert_eq!(lines("@main a A {\n@other a B {\n c\n}\nd\n"), ["a A{c}", "d"]);
    assert_eq!(lines("@other a B {\n@main a A {\n c\n}\nd\n"), ["a A{c}", "d"]);
    assert_eq!(lines("@main a A\n@other a B\n{\n c\n}\nd\n"), ["a A{c}", "d"]);
}

#[test]
fn a_sequence_repeats_its_line() {
    assert_eq!(lines("~SEQ(N,3) a$N b\n"), ["a1 b", "a2 b", "a3 b"]);
    assert_eq!(lines("~SEQ(N,5,7) $N\n~SEQ(N,9,7) $N\n"), ["5", "6", "7", "9", "8", "7"]);
    assert_eq!(
        lines("~SEQ(N,5,2,9) $N\n~SEQ(N,-2) $N\n~SEQ(N,0) $N\n"),
        ["5", "7", "9", "-1", "-2", "1", "0"]
    );
    assert_eq!(
        lines("~SEQx(N,9,11) $N\n~SEQ(N,0x0a,0x0b) $N\n~SEQ(N,010,8) $N\n"),
        ["9", "a", "b", "10", "11", "8"]
    );
    assert_eq!(lines("~SEQ(P,1,2)~SEQ( Q , 1 , 2 ) ${P}.$Q\n"), ["1.1", "1.2", "2.1", "2.2"]);
    assert_eq!(lines("$TO=2\n~SEQ(N,1,$TO) a${N}\nafter $N\n"), ["a1", "a2", "after 2"]);
    assert_eq!(lines("$B=b { \\\n ${N} \\\n }\n~SEQ(N,1,2) $B\n"), ["b{1}", "b{2}"]);
    assert_eq!(lines("x ~SEQ(P,1,2) m\n"), ["x ~SEQ(P,1,2) m"]);
}

#[test]
fn a_list_repeats_its_line_for_each_value() {
    assert_eq!(lines("~LST(L,a,b, c) n$L x\n"), ["na x", "nb x", "nc x"]);
    assert_eq!(lines("~LST({A, B}, {1,2},{3 , 4}) ${A}x$B\n"), ["1x2", "3x4"]);
    assert_eq!(lines("~LST(A,1,2) ~SEQ(B,8,9) ${A}.$B\n"), ["1.8", "1.9", "2.8", "2.9"]);
}

#[test]
fn a_sequence_that_cannot_be_read_is_one_error() {
    for head in [
        "~SEQ()",
        "~SEQ(N)",
        "~SEQ(N,x)",
        "~SEQ(N,1,0,3)",
        "~SEQ(N,5,-2,9)",
        "~SEQ(N,1,2,3,4)",
        "~SEQ(1N,2)",
        "~SEQ(N,1",
        "~SEQ(N,99999999999999999999)",
        "~LST(A)",
        "~LST()",
        "~LST({A,B},{1})",
        "~LST({A,B},{1,2,3})",
        "~LST(A,{1)",
        "~LST(A,b c)",
        "~LST({A},{1}x)",
        "~LST(A,1})",
    ] {
        assert_eq!(
            faulty(&format!("{head} a\nb\n")),
            (vec!["LOST".to_owned(), "b".to_owned()], vec!["RG0107 at 1:1".to_owned()]),
            "{head}"
        );
    }
    assert_eq!(faulty("~SEQ(N,1,2)\n~SEQ(N,1,1000000000000)\n").1, ["RG0107 at 1:1", "RG0107 at 2:1"]);
}

#[test]
fn what_nests_exponentially_is_cut_with_one_error() {
    let doubled: String = (0..40).map(|n| format!("$A{n}=${{A{0}}} ${{A{0}}}\n", n + 1)).collect();
    for text in [
        format!("{doubled}$A40=x\n$A0\n"),
        format!("{doubled}$A40=\n$A0\n"),
        "~SEQ(A,1,1000) ~SEQ(B,1,1000) ~SEQ(C,1,1000) x$A\n".to_owned(),
        "~SEQ(A,1,9000000000000000000) @other x\n".to_owned(),
        format!("~SEQ(A,1,9000000000000000000) $X={}\n", "x".repeat(1 << 16)),
        format!("$X={}\n~SEQ(A,1,1000000000) a ${{X}}\n", "x".repeat(1 << 16)),
    ] {
        let (statements, diagnostics, _) = read(&format!("{text}after\nb {{\n"));
        let codes: Vec<&str> = diagnostics.iter().map(|diagnostic| diagnostic.code).collect();
        assert_eq!(codes.last(), Some(&"RG0112"), "{}", text.get(..40).unwrap_or(&text));
        assert!(
            statements.last().is_none_or(|last| last.words.first().is_none_or(|word| word.value != "after"))
        );
    }
}

#[test]
fn what_nests_too_deep_is_one_error() {
    let nested: String = (0..200).map(|n| format!("$A{n}=${{A{}}}\n", n + 1)).collect();
    assert_eq!(faulty(&format!("{nested}$A200=x\nv ${{A0}}\n")).0, ["LOST"]);
    assert_eq!(faulty(&format!("{nested}$A200=x\n$A0\n")).0, ["LOST"]);
    assert_eq!(faulty(&format!("{}x\nb\n", "~SEQ(A,1,1) ".repeat(200))).0, ["LOST", "b"]);
}

#[test]
fn a_value_and_its_uses_are_both_shown() {
    let (_, diagnostics, sources) = read("$A=\"b\n$C=${A}\nd {\n e $C\n}\n");
    let shown = crate::config::render::render(&diagnostics, &sources, false);
    assert_eq!(
        shown,
        "error[RG0001]: a quoted string is not closed on its line
 --> t:1:4
  |
1 | $A=\"b
  |    ^^ this quote is never closed; the string is taken to end with the line
2 | $C=${A}
  |    ---- `A` is used here
3 | d {
4 |  e $C
  |    -- `C` is used here
  |
  = help: add the closing `\"`

1 error
"
    );
}

proptest! {
    #[test]
    fn any_text_expands_to_something(
        text in "(?s)([ \\n\"#{}]|\\$[AB]=|\\$[AB]|\\$\\{[AB]\\}|\\\\\n|@main |@o |~SEQ\\([AB],1,3\\)|~LST\\([AB],x,y\\)|a|é){0,60}"
    ) {
        let (statements, diagnostics, sources) = read(&text);
        crate::config::render::render(&diagnostics, &sources, false);
        outline(&statements);
        for diagnostic in &diagnostics {
            for label in &diagnostic.labels {
                prop_assert!(sources.get(label.span.source).is_some());
            }
        }
    }
}
