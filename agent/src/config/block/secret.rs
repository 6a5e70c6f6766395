//! Which bytes of a line may be a secret: a password or a key, also where its word is misspelt, glued to it or missing.
//!
//! Better one word too many than a password on a screen, in a ticket or in the log of a CI: what is known to be
//! something else stays readable.

use super::{Span, Statement, Word, keyword};

/// Words that a password follows.
const PASSWORDS: [&str; 2] = ["auth_pass", "password"];
/// Words that people write for them.
const OTHERS: [&str; 5] = ["pass", "passwd", "passphrase", "pwd", "secret"];
/// What stands in `authentication` besides.
const AUTHENTICATION: [&str; 3] = ["auth_type", "auth_pass", "auth_hmac"];
/// The types of authentication.
const TYPES: [&str; 2] = ["PASS", "AH"];

/// The secrets of a line. `block` is the word of the block that it stands in.
pub(super) fn of(statement: &Statement, block: &str, glued: Option<Span>) -> Vec<Span> {
    let mut secrets = following(statement);
    if secrets.is_empty() && is_slip(block, "authentication") {
        secrets = in_authentication(&statement.words);
    }
    if !secrets.is_empty() {
        // A comment that may be the rest of it.
        secrets.extend(glued);
    }
    secrets
}

/// What follows a word that a password follows, with or without a blank.
fn following(statement: &Statement) -> Vec<Span> {
    for (at, word) in statement.words.iter().enumerate() {
        let rest = statement.words.iter().skip(at + 1).map(|word| word.span);
        let first = at == 0;
        let is_one = |name: &str| {
            is_password_word(name) || first && OTHERS.contains(&name.to_ascii_lowercase().as_str())
        };
        if let Some((name, _)) = word.value.split_once(['=', ':']).filter(|(name, _)| is_one(name)) {
            return std::iter::once(behind(word, name.len() + 1)).chain(rest).collect();
        }
        if is_one(&word.value) {
            return rest.collect();
        }
        // `key ID TEXT` of `auth_hmac`, wherever it got to; the path of a certificate's key is none.
        if first && word.value == "key" && statement.words.len() > 2 {
            return rest.skip(1).collect();
        }
    }
    Vec::new()
}

/// In that block a line without a word that is known anywhere is the password itself.
fn in_authentication(words: &[Word]) -> Vec<Span> {
    let Some((first, rest)) = words.split_first() else { return Vec::new() };
    let name = first.value.as_str();
    let is_kind = AUTHENTICATION.iter().any(|known| is_slip(name, known));
    // With a brace missing, lines of the instance stand here.
    if !is_kind && keyword::parents(name).next().is_some() {
        return Vec::new();
    }
    let of_a_type = |word: &&Word| TYPES.iter().any(|kind| word.value.eq_ignore_ascii_case(kind));
    let hidden = rest.iter().filter(|word| !of_a_type(word)).map(|word| word.span);
    (!is_kind && !is_slip_of_any(name)).then_some(first.span).into_iter().chain(hidden).collect()
}

/// A slip for any word of an instance is shown, so that it can be told.
fn is_slip_of_any(name: &str) -> bool {
    keyword::nearest(name, keyword::words_of("vrrp_instance")).is_some()
}

/// The word without its first bytes; all of it where it does not stand as it is read.
fn behind(word: &Word, bytes: usize) -> Span {
    let plain = (word.span.end - word.span.start) as usize == word.value.len();
    let skipped = if plain { u32::try_from(bytes).unwrap_or(0) } else { 0 };
    Span { start: (word.span.start + skipped).min(word.span.end), ..word.span }
}

fn is_password_word(word: &str) -> bool {
    word.starts_with("auth_p") || PASSWORDS.iter().any(|name| is_slip(word, name))
}

/// The word itself, or nearly.
fn is_slip(word: &str, name: &str) -> bool {
    // A slip has few other letters: most words need not be compared.
    let other =
        word.bytes().filter(|byte| !name.as_bytes().contains(&byte.to_ascii_lowercase())).take(4).count();
    other <= 3 && keyword::nearest(word, [name].into_iter()).is_some()
}
