//! Values after a keyword, typed and within the table's range, read straight into integers.

use std::{
    net::{IpAddr, Ipv4Addr},
    num::NonZero,
    time::Duration,
};

mod list;

use super::{
    Spanned, Weight,
    reader::{Entry, Reader},
};
use crate::config::{
    diagnostic::{Diagnostic, code},
    expand::Word,
    keyword::{self, Kind, Milliseconds, Seconds},
    plan::{Gate, RunAs},
    source::Span,
};

/// Linux: IFNAMSIZ − 1.
const MAX_INTERFACE_NAME: usize = 15;

/// The largest weight, of either sign: it takes priority 254 to 1.
pub(super) const MOST_WEIGHT: u16 = 253;

/// What happens instead, when a value cannot be read.
type Otherwise<'a> = &'a str;

impl Reader<'_> {
    fn report_value(
        &mut self,
        code: &'static str,
        message: String,
        word: &Word,
        kind: Kind,
        otherwise: Otherwise<'_>,
    ) {
        self.report(
            Diagnostic::error(code, message)
                .primary(word.span, format!("expected {}", kind.expects()))
                .help(otherwise),
        );
    }

    /// A whole number in the table's range.
    pub(super) fn number<T>(&mut self, entry: &Entry<'_, T>, otherwise: Otherwise<'_>) -> Option<i64> {
        let (word, kind) = (entry.value()?, entry.keyword.kind);
        let (Kind::Number { least, most }
        | Kind::OffOrNumber { least, most }
        | Kind::MaybeNumber { least, most }) = kind
        else {
            return None;
        };
        let name = entry.keyword.name;
        match whole_number(&word.value) {
            Some(value) if (least..=most).contains(&value) => Some(value),
            Some(_) => {
                let message = format!("`{name} {}` is outside {least} to {most}", word.value);
                self.report_value(code::OUT_OF_RANGE, message, word, kind, otherwise);
                None
            }
            None => {
                let off = if matches!(kind, Kind::OffOrNumber { .. }) { "`off` or " } else { "" };
                let message = format!("`{name}` takes {off}a whole number, not `{}`", word.value);
                self.report_value(code::NOT_A_NUMBER, message, word, kind, otherwise);
                None
            }
        }
    }

    /// A number of the table's range that fits a byte.
    pub(super) fn byte<T>(&mut self, entry: &Entry<'_, T>, otherwise: Otherwise<'_>) -> Option<u8> {
        self.number(entry, otherwise).and_then(|value| u8::try_from(value).ok())
    }

    /// A number of the table's range that fits 32 bits.
    pub(super) fn unsigned<T>(&mut self, entry: &Entry<'_, T>, otherwise: Otherwise<'_>) -> Option<u32> {
        self.number(entry, otherwise).and_then(|value| u32::try_from(value).ok())
    }

    /// `off`, or advertisement intervals in the table's range.
    pub(super) fn gate<T>(
        &mut self,
        entry: &Entry<'_, T>,
        otherwise: Otherwise<'_>,
    ) -> Option<Spanned<Gate>> {
        let word = entry.value()?;
        let value = match word.value.as_str() {
            "off" => Gate::Off,
            _ => Gate::Intervals(NonZero::new(self.byte(entry, otherwise)?)?),
        };
        Some(Spanned { value, span: entry.head.to(word.span) })
    }

    /// Microseconds in the table's range.
    pub(super) fn microseconds<T>(
        &mut self,
        entry: &Entry<'_, T>,
        otherwise: Otherwise<'_>,
    ) -> Option<Spanned<u64>> {
        let (word, kind) = (entry.value()?, entry.keyword.kind);
        let (least_us, most_us, unit, decimals, range) = if let Kind::Seconds { least_us, most_us } = kind {
            (least_us, most_us, "seconds", 6, format!("{} to {}", Seconds(least_us), Seconds(most_us)))
        } else if let Kind::Milliseconds { least_us, most_us } = kind {
            let range = format!("{} to {}", Milliseconds(least_us), Milliseconds(most_us));
            (least_us, most_us, "milliseconds", 3, range)
        } else {
            return None;
        };
        let name = entry.keyword.name;
        match fixed_point(&word.value, decimals) {
            Decimal::Value(value) if (least_us..=most_us).contains(&value) => {
                Some(Spanned { value, span: word.span })
            }
            Decimal::Value(_) | Decimal::TooLarge => {
                let message = format!("`{name} {}` is outside {range} {unit}", word.value);
                self.report_value(code::OUT_OF_RANGE, message, word, kind, otherwise);
                None
            }
            Decimal::NotANumber => {
                let message = format!("`{name}` takes {unit}, not `{}`", word.value);
                self.report_value(code::NOT_A_NUMBER, message, word, kind, otherwise);
                None
            }
        }
    }

    /// How often something is announced, where none at all makes no sense.
    pub(super) fn repeat<T>(&mut self, entry: &Entry<'_, T>, otherwise: Otherwise<'_>) -> Option<u8> {
        let repeat = self.byte(entry, otherwise)?;
        if repeat == 0 {
            self.report(
                Diagnostic::warning(
                    code::OUT_OF_RANGE,
                    format!("`{} 0` would announce nothing", entry.keyword.name),
                )
                .primary(entry.head, "1 is used"),
            );
        }
        Some(repeat.max(1))
    }

    /// A time in the table's range.
    pub(super) fn duration<T>(&mut self, entry: &Entry<'_, T>, otherwise: Otherwise<'_>) -> Option<Duration> {
        self.microseconds(entry, otherwise).map(|time| Duration::from_micros(time.value))
    }

    /// The bare word, or one of keepalived's words for yes and no.
    pub(super) fn switch<T>(&mut self, entry: &Entry<'_, T>) -> Option<bool> {
        let Some(word) = entry.value() else { return Some(true) };
        match word.value.as_str() {
            "on" | "true" | "yes" => Some(true),
            "off" | "false" | "no" => Some(false),
            other => {
                let message = format!("`{}` takes on or off, not `{other}`", entry.keyword.name);
                self.report_value(
                    code::NOT_A_CHOICE,
                    message,
                    word,
                    entry.keyword.kind,
                    "the line is skipped",
                );
                None
            }
        }
    }

    /// The bare word, or one of the table's words after it: that one. What cannot be read counts as the bare word.
    pub(super) fn maybe<T>(&mut self, entry: &Entry<'_, T>) -> Option<&'static str> {
        let (Kind::Maybe(words), Some(word)) = (entry.keyword.kind, entry.value()) else { return None };
        let choice = words.iter().copied().find(|choice| *choice == word.value);
        if choice.is_none() {
            let message = format!(
                "`{}` takes {}, not `{}`",
                entry.keyword.name,
                entry.keyword.kind.expects(),
                word.value
            );
            self.report(
                Diagnostic::error(code::NOT_A_CHOICE, message)
                    .primary(word.span, "ignored")
                    .help(keyword::quoted_nearest(&word.value, words.iter().copied())),
            );
        }
        choice
    }

    /// One of the table's words.
    pub(super) fn choice<T>(
        &mut self,
        entry: &Entry<'_, T>,
        otherwise: Otherwise<'_>,
    ) -> Option<&'static str> {
        let word = entry.value()?;
        let Kind::Choice(words) = entry.keyword.kind else { return None };
        let choice = words.iter().copied().find(|choice| *choice == word.value);
        if choice.is_none() {
            let message =
                format!("`{}` takes {}, not `{}`", entry.keyword.name, words.join(" or "), word.value);
            self.report(
                Diagnostic::error(code::NOT_A_CHOICE, message)
                    .primary(word.span, "not one of them")
                    .help(keyword::quoted_nearest(&word.value, words.iter().copied()))
                    .help(otherwise),
            );
        }
        choice
    }

    /// An interface that a config counts on: a name that the kernel could give to one.
    pub(super) fn interface(&mut self, word: &Word, otherwise: Otherwise<'_>) -> Option<Spanned<String>> {
        let interface = self.interface_name(word, otherwise)?;
        self.named.interfaces.push(interface.clone());
        Some(interface)
    }

    /// A name that the kernel could give to an interface, which need not be there.
    pub(super) fn interface_name(
        &mut self,
        word: &Word,
        otherwise: Otherwise<'_>,
    ) -> Option<Spanned<String>> {
        let name = &word.value;
        let sayable = !name.is_empty() && !name.contains(['/', ':']) && !name.contains(char::is_whitespace);
        if sayable && name.len() <= MAX_INTERFACE_NAME {
            if name.ends_with([',', ';']) {
                self.report(
                    Diagnostic::warning(
                        code::NAME_TOO_LONG,
                        format!("`{name}` is taken whole for the name of an interface"),
                    )
                    .primary(word.span, "its last character belongs to it")
                    .help("names stand alone, with no comma or semicolon between or behind them"),
                );
            }
            return Some(Spanned { value: name.clone(), span: word.span });
        }
        self.report(
            Diagnostic::error(code::NAME_TOO_LONG, format!("`{name}` cannot be the name of an interface"))
                .primary(
                    word.span,
                    format!("expected 1 to {MAX_INTERFACE_NAME} bytes without `/`, `:` and blanks"),
                )
                .help(otherwise),
        );
        None
    }

    /// An address.
    pub(super) fn address<T>(
        &mut self,
        entry: &Entry<'_, T>,
        otherwise: Otherwise<'_>,
    ) -> Option<Spanned<IpAddr>> {
        let word = entry.value()?;
        let address = word.value.parse().ok();
        if address.is_none() {
            let message = format!("`{}` takes an address, not `{}`", entry.keyword.name, word.value);
            self.report_value(code::NOT_AN_ADDRESS, message, word, entry.keyword.kind, otherwise);
        }
        address.map(|value| Spanned { value, span: word.span })
    }

    /// The address of a host, as of a router of the group; a prefix length behind it says nothing, as in keepalived.
    /// `whose` finishes the sentence "the address …".
    pub(super) fn host(
        &mut self,
        word: &Word,
        whose: &str,
        otherwise: Otherwise<'_>,
    ) -> Option<Spanned<IpAddr>> {
        let (text, length) = match word.value.split_once('/') {
            Some((text, length)) => (text, Some(length)),
            None => (word.value.as_str(), None),
        };
        let address: Option<IpAddr> = text.parse().ok();
        let is_host = |address: &IpAddr| {
            !address.is_unspecified()
                && !address.is_multicast()
                && !address.is_loopback()
                && *address != IpAddr::V4(Ipv4Addr::BROADCAST)
        };
        let Some(value) = address.filter(is_host) else {
            let message = match address {
                Some(address) => format!("`{address}` is not the address of a host"),
                None => format!("`{}` is not an address", word.value),
            };
            self.report(
                Diagnostic::error(code::NOT_AN_ADDRESS, message)
                    .primary(word.span, format!("expected the address {whose}"))
                    .help(otherwise),
            );
            return None;
        };
        if let Some(length) = length {
            self.report(
                Diagnostic::warning(
                    code::EXTRA_WORDS,
                    format!("`/{length}` says nothing after the address {whose}"),
                )
                .primary(word.span, format!("{value} is used")),
            );
        }
        Some(Spanned { value, span: word.span })
    }

    /// `N [reverse|noreverse]`, where the words after the keyword are `words`.
    pub(super) fn weight(&mut self, words: &[Word], otherwise: Otherwise<'_>) -> Option<Weight> {
        self.weight_within(MOST_WEIGHT, words, otherwise)
    }

    /// As [`Self::weight`], up to another number.
    pub(super) fn weight_within(
        &mut self,
        most: u16,
        words: &[Word],
        otherwise: Otherwise<'_>,
    ) -> Option<Weight> {
        let word = words.first()?;
        let value = whole_number(&word.value).and_then(|value| i16::try_from(value).ok());
        let Some(value) = value.filter(|value| value.unsigned_abs() <= most) else {
            let range = format!("a whole number from -{most} to {most}");
            let message = format!("`weight {}` is not {range}", word.value);
            self.report(
                Diagnostic::error(code::OUT_OF_RANGE, message)
                    .primary(word.span, format!("expected {range}, and maybe `reverse`"))
                    .help(otherwise),
            );
            return None;
        };
        let reverse = match words.get(1).map(|word| (word, word.value.as_str())) {
            None | Some((_, "noreverse")) => false,
            Some((_, "reverse")) => true,
            Some((word, other)) => {
                self.report(
                    Diagnostic::error(
                        code::NOT_A_CHOICE,
                        format!("`reverse` or nothing follows a weight, not `{other}`"),
                    )
                    .primary(word.span, "ignored")
                    .help(keyword::quoted_nearest(other, ["reverse", "noreverse"].into_iter())),
                );
                false
            }
        };
        Some(Weight { value, reverse })
    }

    /// `USER [GROUP]` of a line of their own.
    pub(super) fn user<T>(&mut self, entry: &Entry<'_, T>) -> Option<RunAs> {
        let (user, group) = (entry.value()?, entry.values().get(1));
        let span = group.map_or(user.span, |group| user.span.to(group.span));
        self.run_as(&user.value, group.map(|group| group.value.as_str()), span)
    }

    /// A user and maybe a group, where keepalived's colon before the group asks for the supplementary groups.
    /// Without a name there is nobody to run as, and that is diagnosed.
    pub(super) fn run_as(&mut self, user: &str, group: Option<&str>, span: Span) -> Option<RunAs> {
        if user.is_empty() {
            self.report(
                Diagnostic::error(code::EMPTY, "the name of a user is empty")
                    .primary(span, "expected a user")
                    .help("the usual user is taken"),
            );
            return None;
        }
        if group.is_some_and(|group| group.starts_with(':')) {
            self.report(
                Diagnostic::warning(code::NOT_SUPPORTED_YET, "supplementary groups are not supported yet")
                    .primary(span, "the colon has no effect"),
            );
        }
        let group = group.map(|group| group.trim_start_matches(':')).filter(|group| !group.is_empty());
        let run_as = RunAs { user: user.to_owned(), group: group.map(str::to_owned) };
        self.named.users.push(Spanned { value: run_as.clone(), span });
        Some(run_as)
    }
}

/// A whole number in decimal, with a sign or without, as keepalived reads it: `weight +10`.
pub(super) fn whole_number(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // A number that fits no integer is out of every range, not no number.
    Some(text.parse().unwrap_or(if text.starts_with('-') { i64::MIN } else { i64::MAX }))
}

/// Microseconds of a number of seconds with decimals; `None`: it is none, or beyond all ranges.
pub(super) fn seconds_in(text: &str) -> Option<u64> {
    match microseconds(text) {
        Decimal::Value(value) => Some(value),
        Decimal::TooLarge | Decimal::NotANumber => None,
    }
}

enum Decimal {
    Value(u64),
    TooLarge,
    NotANumber,
}

/// A number with decimals, read straight into units of the last of so many; finer digits are dropped. A plus sign says
/// nothing.
fn fixed_point(text: &str, decimals: u32) -> Decimal {
    let text = text.strip_prefix('+').unwrap_or(text);
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !digits(whole) || !digits(fraction) {
        return Decimal::NotANumber;
    }
    let padded: String = fraction.chars().chain(std::iter::repeat('0')).take(decimals as usize).collect();
    let whole = if whole.is_empty() { Some(0) } else { whole.parse::<u64>().ok() };
    let value = whole.and_then(|whole| {
        whole.checked_mul(10_u64.checked_pow(decimals)?)?.checked_add(padded.parse().ok()?)
    });
    value.map_or(Decimal::TooLarge, Decimal::Value)
}

/// Seconds with decimals, read straight into microseconds.
fn microseconds(text: &str) -> Decimal {
    fixed_point(text, 6)
}

/// As [`microseconds`]; `None` where that is no number or too large a one.
pub(super) fn decimal(text: &str) -> Option<u64> {
    match microseconds(text) {
        Decimal::Value(value) => Some(value),
        Decimal::TooLarge | Decimal::NotANumber => None,
    }
}

#[cfg(test)]
mod tests;
