//! Values of several words: lists, pairs, bytes, and numbers with `reverse`.

use std::num::NonZeroU16;

use super::{Otherwise, whole_number};
use crate::config::{
    diagnostic::{Diagnostic, code},
    expand::Word,
    keyword::{self, Kind},
    model::{Reader, Spanned, WideWeight, reader::Entry},
    plan::{BytePattern, StatusCodes},
};

impl Reader<'_> {
    /// One of the table's words, in large or small letters.
    pub(in super::super) fn choice_of_any_case<T>(
        &mut self,
        entry: &Entry<'_, T>,
        otherwise: Otherwise<'_>,
    ) -> Option<&'static str> {
        let (Kind::Choice(words), Some(word)) = (entry.keyword.kind, entry.value()) else { return None };
        let choice = words.iter().copied().find(|choice| choice.eq_ignore_ascii_case(&word.value));
        if choice.is_none() { self.choice(entry, otherwise) } else { choice }
    }

    /// Numbers and ranges of them, in the table's range; those that cannot be read are diagnosed and left out.
    pub(in super::super) fn ranges<T>(&mut self, entry: &Entry<'_, T>, list: &mut Vec<StatusCodes>) {
        let Kind::Ranges { least, most } = entry.keyword.kind else { return };
        let number = |text: &str| {
            let value = whole_number(text).filter(|value| (least..=most).contains(value))?;
            u16::try_from(value).ok()
        };
        for word in entry.values() {
            let (first, last) = word.value.split_once('-').unwrap_or((&word.value, &word.value));
            match number(first).zip(number(last)).filter(|(first, last)| first <= last) {
                Some((first, last)) => list.push(StatusCodes { first, last }),
                None => self.report(
                    Diagnostic::error(
                        code::NOT_A_STATUS,
                        format!("`{}` is no status code and no range of them", word.value),
                    )
                    .primary(word.span, format!("expected {least} to {most}, or FIRST-LAST without blanks"))
                    .help("it is left out"),
                ),
            }
        }
    }

    /// Some of the table's words; others are diagnosed and left out.
    pub(in super::super) fn words<T>(&mut self, entry: &Entry<'_, T>, list: &mut Vec<&'static str>) {
        let Kind::Words(words) = entry.keyword.kind else { return };
        for word in entry.values() {
            match words.iter().copied().find(|known| *known == word.value) {
                Some(known) if list.contains(&known) => {}
                Some(known) => list.push(known),
                None => self.report(
                    Diagnostic::error(
                        code::NOT_A_CHOICE,
                        format!("`{}` is not one of the {}", word.value, entry.keyword.name),
                    )
                    .primary(word.span, "left out")
                    .help(keyword::quoted_nearest(&word.value, words.iter().copied())),
                ),
            }
        }
    }

    /// Two numbers in the table's range.
    pub(in super::super) fn two_numbers<T>(
        &mut self,
        entry: &Entry<'_, T>,
        otherwise: Otherwise<'_>,
    ) -> Option<(u32, u32)> {
        let Kind::TwoNumbers { least, most } = entry.keyword.kind else { return None };
        let [first, second, ..] = entry.values() else { return None };
        let mut number = |word: &Word| {
            let value = whole_number(&word.value).filter(|value| (least..=most).contains(value));
            if value.is_none() {
                let message = format!("`{}` is not a whole number from {least} to {most}", word.value);
                self.report_value(code::OUT_OF_RANGE, message, word, entry.keyword.kind, otherwise);
            }
            value.and_then(|value| u32::try_from(value).ok())
        };
        let (first, second) = (number(first), number(second));
        first.zip(second)
    }

    /// A number in the table's range, and whether `reverse` follows it.
    pub(in super::super) fn multiplier<T>(
        &mut self,
        entry: &Entry<'_, T>,
        otherwise: Otherwise<'_>,
    ) -> Option<WideWeight> {
        let (Kind::Multiplier { most }, Some(word)) = (entry.keyword.kind, entry.value()) else {
            return None;
        };
        let value = whole_number(&word.value).filter(|value| (-most..=most).contains(value));
        let Some(value) = value.and_then(|value| i32::try_from(value).ok()) else {
            let message = format!("`{} {}` is outside -{most} to {most}", entry.keyword.name, word.value);
            self.report_value(code::OUT_OF_RANGE, message, word, entry.keyword.kind, otherwise);
            return None;
        };
        let reverse = entry.values().get(1);
        if let Some(other) = reverse.filter(|word| word.value != "reverse" && word.value != "noreverse") {
            self.report(
                Diagnostic::error(
                    code::NOT_A_CHOICE,
                    format!("`reverse` or nothing follows a weight, not `{}`", other.value),
                )
                .primary(other.span, "ignored")
                .help(keyword::quoted_nearest(&other.value, ["reverse", "noreverse"].into_iter())),
            );
        }
        Some(WideWeight { value, reverse: reverse.is_some_and(|word| word.value == "reverse") })
    }

    /// Words of hexadecimal digits, two for a byte; one that is left over at the end of a word is a byte by itself, as in
    /// keepalived. `x` stands for any digit where `wild` allows it.
    pub(in super::super) fn bytes<T>(
        &mut self,
        entry: &Entry<'_, T>,
        wild: bool,
        otherwise: Otherwise<'_>,
    ) -> Option<BytePattern> {
        let digit = |character: char| match character {
            'x' | 'X' if wild => Some((0, 0)),
            _ => character.to_digit(16).and_then(|digit| u8::try_from(digit).ok()).map(|digit| (digit, 0xf)),
        };
        let mut pattern = BytePattern::default();
        for word in entry.values() {
            for part in word.value.split_whitespace() {
                let digits: Option<Vec<(u8, u8)>> = part.chars().map(digit).collect();
                let Some(digits) = digits else {
                    let message = format!("`{part}` is not hexadecimal");
                    self.report_value(code::NOT_HEX, message, word, entry.keyword.kind, otherwise);
                    return None;
                };
                for pair in digits.chunks(2) {
                    let (high, low) = match pair {
                        [high, low] => (*high, *low),
                        [low] => ((0, 0xf), *low),
                        _ => continue,
                    };
                    pattern.bytes.push(high.0 << 4 | low.0);
                    pattern.mask.push(high.1 << 4 | low.1);
                }
            }
        }
        Some(pattern)
    }

    /// An MD5 digest.
    pub(in super::super) fn digest<T>(
        &mut self,
        entry: &Entry<'_, T>,
        otherwise: Otherwise<'_>,
    ) -> Option<[u8; 16]> {
        let word = entry.value()?;
        let digits = word.value.chars().count();
        if digits != 32 {
            let message = format!("`{}` has {digits} digits and not 32", entry.keyword.name);
            self.report_value(code::NOT_HEX, message, word, entry.keyword.kind, otherwise);
            return None;
        }
        self.bytes(entry, false, otherwise).and_then(|pattern| pattern.bytes.try_into().ok())
    }

    /// A port; 0 is none.
    pub(in super::super) fn port(
        &mut self,
        word: &Word,
        otherwise: Otherwise<'_>,
    ) -> Option<Option<NonZeroU16>> {
        let value = whole_number(&word.value);
        let port = value.and_then(|value| u16::try_from(value).ok());
        if port.is_none() {
            let (code, message) = match value {
                Some(_) => (code::OUT_OF_RANGE, format!("port `{}` is outside 1 to 65535", word.value)),
                None => (code::NOT_A_NUMBER, format!("a port is a number, not `{}`", word.value)),
            };
            self.report(
                Diagnostic::error(code, message)
                    .primary(word.span, "expected a number from 1 to 65535, or 0 for none")
                    .help(otherwise),
            );
        }
        port.map(NonZeroU16::new)
    }

    /// The port of a line of its own.
    pub(in super::super) fn port_of<T>(
        &mut self,
        entry: &Entry<'_, T>,
        otherwise: Otherwise<'_>,
    ) -> Option<NonZeroU16> {
        self.number(entry, otherwise).and_then(|value| u16::try_from(value).ok()).and_then(NonZeroU16::new)
    }

    /// A word of free text.
    pub(in super::super) fn text<T>(&self, entry: &Entry<'_, T>) -> Option<Spanned<String>> {
        entry.value().map(|word| Spanned { value: word.value.clone(), span: word.span })
    }
}
