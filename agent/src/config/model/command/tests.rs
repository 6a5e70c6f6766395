//! Tests of `command`.

use super::{could_be_user, split};

fn words(text: &str) -> Option<Vec<String>> {
    split(text).map(|parts| parts.into_iter().map(|part| part.text).collect())
}

#[test]
fn blanks_part_words_outside_quotes() {
    assert_eq!(words("  /bin/a  -0\tb ").unwrap(), ["/bin/a", "-0", "b"]);
    assert_eq!(words("'a b' \"c d\"").unwrap(), ["a b", "c d"]);
    assert_eq!(words("").unwrap(), Vec::<String>::new());
    assert_eq!(words("''").unwrap(), [""]);
}

#[test]
fn quotes_within_a_word_join_it() {
    assert_eq!(words("abcd\" efg h \"ij").unwrap(), ["abcd efg h ij"]);
}

#[test]
fn a_quote_of_the_other_kind_is_a_character() {
    assert_eq!(words("\"it's\" 'a \"b\"'").unwrap(), ["it's", "a \"b\""]);
}

#[test]
fn a_backslash_escapes_outside_single_quotes() {
    assert_eq!(words(r"a\ b \x41\101\n '\n'").unwrap(), ["a b", "AA\n", r"\n"]);
    assert_eq!(words(r#""\"s p\"""#).unwrap(), ["\"s p\""]);
}

#[test]
fn a_quote_that_is_never_closed_is_no_command() {
    assert_eq!(words("'a b"), None);
    assert_eq!(words("a \"b"), None);
}

#[test]
fn words_that_useradd_would_refuse_are_arguments() {
    for user in ["root", "keepalived_script", "_x", "www-data", ":", ":adm", "1000", "samba$"] {
        assert!(could_be_user(user), "{user}");
    }
    for argument in ["MASTER", "-0", "/etc/x", "a b", "a=b"] {
        assert!(!could_be_user(argument), "{argument}");
    }
}
