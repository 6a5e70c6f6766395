//! Sentences of diagnostics: of a bearable length, and without the passwords that they would quote.

use std::collections::BTreeSet;

/// Longer sentences are cut in their middle: a config may hold a word of a megabyte.
const MAX_SENTENCE: usize = 400;
/// What stands where it is cut.
const CUT: &str = " … ";
/// What of a cut sentence is left at its end.
const MAX_END: usize = 80;

/// A sentence of a bearable length.
pub(super) fn cut(sentence: &mut String) {
    if sentence.len() <= MAX_SENTENCE {
        return;
    }
    let boundary = |at: usize| (0..=at).rev().find(|at| sentence.is_char_boundary(*at)).unwrap_or(0);
    let middle = boundary(MAX_SENTENCE - MAX_END)..boundary(sentence.len() - MAX_END);
    sentence.replace_range(middle, CUT);
}

/// A sentence with asterisks for what it quotes of these secrets.
pub(super) fn masked(sentence: &str, secrets: &BTreeSet<&str>) -> String {
    let mask = |quoted: &str| {
        secrets.iter().filter(|secret| !secret.is_empty()).fold(quoted.to_owned(), |quoted, secret| {
            // A `$` in a password looks like a variable.
            let is_variable = quoted.starts_with('$') && secret.contains(&quoted);
            // A long one was cut.
            let is_part =
                quoted.split_once(CUT).is_some_and(|(head, _)| !head.is_empty() && secret.contains(head));
            if is_variable || is_part { "***".to_owned() } else { quoted.replace(secret, "***") }
        })
    };
    let pieces = sentence.split('`').enumerate();
    let pieces: Vec<String> =
        pieces.map(|(at, piece)| if at % 2 == 1 { mask(piece) } else { piece.to_owned() }).collect();
    pieces.join("`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_a_sentence_quotes_is_hidden_also_where_it_was_cut() {
        for length in [30, 300, 3_000] {
            let secret: String = ('a'..='w').cycle().take(length).collect();
            let mut sentence = format!("`{secret}` is none of `{{ … }}`");
            cut(&mut sentence);
            let shown = masked(&sentence, &BTreeSet::from([secret.as_str()]));
            assert!(shown.starts_with("`***`"), "{shown}");
            assert!(shown.ends_with("is none of `{ … }`"), "{shown}");
        }
    }
}
