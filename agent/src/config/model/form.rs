//! Values of more than one word, and words that name something: paths, texts, numbers in a row, options by name.

use std::path::PathBuf;

use super::{
    Spanned, WideWeight,
    reader::{Entry, Reader},
    value::whole_number,
};
use crate::config::{
    diagnostic::{Diagnostic, code},
    expand::Word,
    keyword::{self, Kind},
    plan::RunAs,
};

const IGNORED: &str = "the line is skipped";

impl Reader<'_> {
    /// The word after the keyword, or nothing; one in empty quotes says nothing and is diagnosed.
    pub(super) fn filled<T>(&mut self, entry: &Entry<'_, T>) -> Option<String> {
        let word = entry.value()?;
        if word.value.is_empty() {
            self.report(
                Diagnostic::error(code::EMPTY, format!("`{}` names nothing", entry.keyword.name))
                    .primary(word.span, "empty")
                    .help(IGNORED),
            );
            return None;
        }
        Some(word.value.clone())
    }

    /// A path from the root directory. What the agent's own directory is has no meaning in a config.
    pub(super) fn path<T>(&mut self, entry: &Entry<'_, T>) -> Option<PathBuf> {
        entry.value().and_then(|word| self.path_in(word, entry.keyword.name))
    }

    /// As [`Reader::path`], in any word of a line.
    pub(super) fn path_in(&mut self, word: &Word, name: &str) -> Option<PathBuf> {
        if word.value.starts_with('/') {
            return Some(PathBuf::from(&word.value));
        }
        self.report(
            Diagnostic::error(code::NOT_A_PATH, format!("`{name}` takes a path, not `{}`", word.value))
                .primary(word.span, "expected a path that begins with `/`")
                .help(IGNORED),
        );
        None
    }

    /// Every number of the line that is in the table's range, each once.
    pub(super) fn numbers<T>(&mut self, entry: &Entry<'_, T>) -> Vec<i64> {
        let Kind::Numbers { least, most } = entry.keyword.kind else { return Vec::new() };
        let mut numbers = Vec::new();
        for word in entry.values() {
            let number = self.number_in(word, entry.keyword.name, least, most, "it is ignored");
            numbers.extend(number.filter(|number| !numbers.contains(number)));
        }
        numbers
    }

    /// A whole number in any word of a line.
    pub(super) fn number_in(
        &mut self,
        word: &Word,
        name: &str,
        least: i64,
        most: i64,
        otherwise: &str,
    ) -> Option<i64> {
        let number = whole_number(&word.value);
        if number.is_some_and(|number| (least..=most).contains(&number)) {
            return number;
        }
        let (code, message) = match number {
            Some(_) => (code::OUT_OF_RANGE, format!("`{name} {}` is outside {least} to {most}", word.value)),
            None => (code::NOT_A_NUMBER, format!("`{name}` takes a whole number, not `{}`", word.value)),
        };
        self.report(
            Diagnostic::error(code, message)
                .primary(word.span, format!("expected a whole number from {least} to {most}"))
                .help(otherwise),
        );
        None
    }

    /// The number after an option of a line; a missing one is diagnosed.
    pub(super) fn option(
        &mut self,
        option: &Word,
        value: Option<&Word>,
        least: i64,
        most: i64,
    ) -> Option<i64> {
        let Some(value) = value else {
            self.report_lacking(option, &format!("a whole number from {least} to {most}"));
            return None;
        };
        self.number_in(value, &option.value, least, most, "the option is ignored")
    }

    /// An option at the end of a line without its value.
    pub(super) fn report_lacking(&mut self, option: &Word, expected: &str) {
        self.report(
            Diagnostic::error(code::MISSING_VALUE, format!("`{}` lacks its value", option.value))
                .primary(option.span, format!("expected {expected} after this"))
                .help("the option is ignored"),
        );
    }

    /// A word of a line that is none of the options there.
    pub(super) fn report_option<'w>(
        &mut self,
        word: &Word,
        name: &str,
        options: impl Iterator<Item = &'w str>,
    ) {
        self.report(
            Diagnostic::error(code::UNKNOWN_OPTION, format!("unknown word `{}` after `{name}`", word.value))
                .primary(word.span, "ignored")
                .help(keyword::quoted_nearest(&word.value, options)),
        );
    }

    /// Words that are left over at the end of a line.
    pub(super) fn report_left_over(&mut self, words: &[Word], message: &str) {
        if let (Some(first), Some(last)) = (words.first(), words.last()) {
            self.report(
                Diagnostic::warning(code::EXTRA_WORDS, message).primary(first.span.to(last.span), "ignored"),
            );
        }
    }

    /// `N [reverse|noreverse]`, up to `most` either way.
    pub(super) fn wide_weight(&mut self, words: &[Word], most: i64, otherwise: &str) -> Option<WideWeight> {
        let number = self.number_in(words.first()?, "weight", -most, most, otherwise)?;
        let reverse = match words.get(1) {
            None => false,
            Some(word) if word.value == "reverse" => true,
            Some(word) => {
                if word.value != "noreverse" {
                    self.report_option(word, "weight", ["reverse", "noreverse"].into_iter());
                }
                false
            }
        };
        Some(WideWeight { value: i32::try_from(number).ok()?, reverse })
    }

    /// `[USER [GROUP]]` at the end of a line.
    pub(super) fn owner(&mut self, words: &[Word]) -> Option<RunAs> {
        let (user, group) = (words.first()?, words.get(1));
        let span = group.map_or(user.span, |group| user.span.to(group.span));
        self.run_as(&user.value, group.map(|group| group.value.as_str()), span)
    }
}

/// A word with its place.
pub(super) fn spanned(word: &Word) -> Spanned<String> {
    Spanned { value: word.value.clone(), span: word.span }
}
