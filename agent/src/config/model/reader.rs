//! What all blocks have in common: finding the keyword of each line, and reading its values by the table.

use std::{collections::BTreeMap, time::Duration};

use super::{Spanned, Weight};
use crate::config::{
    diagnostic::{Diagnostic, Diagnostics, code},
    expand::{Obstacle, Statement, Word},
    keyword::{self, Keyword, Kind, Seconds, Status, Terms},
    plan::RunAs,
    source::{Sources, Span},
};

/// Linux: IFNAMSIZ − 1.
const MAX_INTERFACE_NAME: usize = 15;

/// Reads values and reports what cannot be read.
pub(in super::super) struct Reader<'a> {
    /// The texts.
    pub sources: &'a mut Sources,
    /// The reports.
    pub diagnostics: &'a mut Diagnostics,
    /// Whether the file system may be looked at.
    pub look: bool,
}

/// A line whose keyword acts.
pub(super) struct Entry<'d, T> {
    /// What it stands for.
    pub term: T,
    /// Its entry in the table.
    pub keyword: &'static Keyword,
    /// The line.
    pub statement: &'d Statement,
    /// The keyword as it stands in the text.
    pub head: Span,
}

impl<T> Entry<'_, T> {
    /// The words after the keyword.
    pub(super) fn values(&self) -> &[Word] {
        self.statement.words.get(1..).unwrap_or_default()
    }

    /// The first word after the keyword: the table demands it of every kind that asks.
    pub(super) fn value(&self) -> Option<&Word> {
        self.values().first()
    }
}

/// What to do about a value that cannot be read.
type Otherwise<'a> = &'a str;

impl Reader<'_> {
    pub(super) fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// The lines of a block whose keywords act and whose form is right; all others are diagnosed and skipped whole.
    /// `torn` gets the lines without which the block is not what it was meant to be.
    pub(super) fn entries<'d, T: Terms>(
        &mut self,
        statements: &'d [Statement],
        torn: &mut Vec<Span>,
    ) -> Vec<Entry<'d, T>> {
        let mut entries: Vec<Entry<'d, T>> = Vec::new();
        let mut said: BTreeMap<&'static str, Span> = BTreeMap::new();
        for statement in statements {
            if let Some(obstacle) = statement.obstacle {
                torn.extend(self.report_obstacle(obstacle));
                continue;
            }
            let Some(word) = statement.words.first() else {
                self.report_nameless(statement);
                continue;
            };
            let Some(keyword) = keyword::keyword(T::PARENT, &word.value) else {
                torn.extend(self.report_unknown(T::PARENT, word, statement));
                continue;
            };
            let term = match keyword.status {
                Status::NotYet(consequence) => {
                    self.report_not_yet(keyword, word, statement, consequence);
                    continue;
                }
                Status::Acts(term) => T::of(term),
            };
            let Some(term) = term else { continue };
            let entry = Entry { term, keyword, statement, head: word.span };
            if statement.block.as_ref().is_some_and(|block| !block.closed) {
                torn.push(word.span);
            }
            if !self.has_form(&entry) {
                continue;
            }
            if !matches!(keyword.kind, Kind::Block | Kind::NamedBlock | Kind::Lines(_))
                && let Some(first) = said.insert(keyword.name, word.span)
            {
                self.report(
                    Diagnostic::warning(
                        code::REPEATED,
                        format!("`{}` is said twice in one block", keyword.name),
                    )
                    .primary(word.span, "the last one counts")
                    .secondary(first, "said before"),
                );
            }
            entries.push(entry);
        }
        entries
    }

    /// The lines of a block that holds no keywords; lines that cannot be used are diagnosed, and `torn` gets those
    /// without which the block is not what it was meant to be.
    pub(super) fn lines<'d>(
        &mut self,
        statements: &'d [Statement],
        torn: &mut Vec<Span>,
    ) -> Vec<&'d Statement> {
        let mut lines = Vec::new();
        for statement in statements {
            if let Some(obstacle) = statement.obstacle {
                torn.extend(self.report_obstacle(obstacle));
                continue;
            }
            if let Some(block) = &statement.block {
                self.report(
                    Diagnostic::error(code::BLOCK_UNEXPECTED, "no block can stand here")
                        .primary(block.open, "this block is skipped"),
                );
            }
            lines.push(statement);
        }
        lines
    }

    /// Checks words and block against the kind; false when the line cannot be used.
    fn has_form<T>(&mut self, entry: &Entry<'_, T>) -> bool {
        let (name, kind) = (entry.keyword.name, entry.keyword.kind);
        let (least, most) = kind.arity();
        if let Some(span) = entry.statement.glued_comment {
            self.report(
                Diagnostic::warning(
                    code::GLUED_COMMENT,
                    format!("the value of `{name}` ends where a comment starts"),
                )
                .primary(span, "starts a comment, also in the middle of a word")
                .help("put the value in double quotes, or a blank before the comment"),
            );
        }
        if entry.values().len() < least {
            self.report(
                Diagnostic::error(code::MISSING_VALUE, format!("`{name}` lacks its value"))
                    .primary(entry.head, format!("expected {} after this", kind.expects()))
                    .help("the line is skipped"),
            );
            return false;
        }
        let extra = most.and_then(|most| entry.values().get(most..)).unwrap_or_default();
        if let (Some(first), Some(last)) = (extra.first(), extra.last()) {
            let parent = entry.keyword.parent;
            let own_line = extra.iter().find(|word| keyword::keyword(parent, &word.value).is_some());
            self.report(
                Diagnostic::warning(code::EXTRA_WORDS, format!("`{name}` takes {}", kind.expects()))
                    .primary(first.span.to(last.span), "ignored")
                    .help(
                        own_line.map_or_else(String::new, |word| {
                            format!("give `{}` a line of its own", word.value)
                        }),
                    ),
            );
        }
        match (kind.takes_block(), &entry.statement.block) {
            (Some(true), None) => {
                self.report(
                    Diagnostic::error(code::BLOCK_EXPECTED, format!("`{name}` lacks its block"))
                        .primary(entry.head, "expected `{ … }` after this")
                        .help("the line is skipped"),
                );
                false
            }
            (Some(false), Some(block)) => {
                self.report(
                    Diagnostic::error(code::BLOCK_UNEXPECTED, format!("`{name}` takes no block"))
                        .primary(block.open, "this block is skipped"),
                );
                true
            }
            (Some(true), Some(_)) | (Some(false), None) | (None, _) => true,
        }
    }

    /// The place, when the block is not whole without that line.
    fn report_obstacle(&mut self, obstacle: Obstacle) -> Option<Span> {
        let (span, diagnostic) = match obstacle {
            Obstacle::Definition(span) => {
                let diagnostic = Diagnostic::warning(code::VARIABLE, "variables are not supported yet");
                self.report(
                    diagnostic
                        .primary(span, "this definition has no effect")
                        .help("lines that use it are skipped"),
                );
                return None;
            }
            Obstacle::Variable(span) => {
                (span, Diagnostic::error(code::VARIABLE, "variables are not supported yet"))
            }
            Obstacle::Sequence(span) => {
                (span, Diagnostic::error(code::SEQUENCE, "sequences are not supported yet"))
            }
            Obstacle::Condition(span) => {
                (span, Diagnostic::error(code::CONDITION, "conditional lines are not supported yet"))
            }
        };
        self.report(
            diagnostic
                .primary(span, "this line is skipped, with its block")
                .help("write the line out in full"),
        );
        Some(span)
    }

    fn report_nameless(&mut self, statement: &Statement) {
        if let Some(block) = &statement.block {
            self.report(
                Diagnostic::error(code::BLOCK_WITHOUT_NAME, "a block follows no word")
                    .primary(block.open, "this block is skipped"),
            );
        }
    }

    /// The place, when the line belongs into an instance.
    fn report_unknown(&mut self, parent: &'static str, word: &Word, statement: &Statement) -> Option<Span> {
        let skipped = if statement.block.is_some() { "skipped, with its whole block" } else { "skipped" };
        let place =
            if parent.is_empty() { "outside all blocks".to_owned() } else { format!("in `{parent}`") };
        let name = &word.value;
        let homes: Vec<&'static str> = keyword::parents(name).collect();
        // The nearest home is the likeliest: an instance rather than the host of a check of a real server.
        let home = homes.iter().find(|home| **home == "vrrp_instance").or(homes.first());
        let diagnostic = match home {
            Some(home) => {
                let home_text =
                    if home.is_empty() { "outside all blocks".to_owned() } else { format!("in `{home}`") };
                Diagnostic::error(code::WRONG_BLOCK, format!("`{name}` means nothing {place}"))
                    .primary(word.span, skipped)
                    .help(format!("it belongs {home_text}"))
            }
            None => Diagnostic::error(code::UNKNOWN_WORD, format!("unknown word `{name}` {place}"))
                .primary(word.span, skipped)
                .help(keyword::quoted_nearest(name, keyword::words_of(parent))),
        };
        self.report(diagnostic);
        homes.contains(&"vrrp_instance").then_some(word.span)
    }

    fn report_not_yet(&mut self, keyword: &Keyword, word: &Word, statement: &Statement, consequence: &str) {
        let with_block = if statement.block.is_some() { ", with its whole block" } else { "" };
        let message =
            format!("`{}` is keepalived's and not supported yet: it has no effect here", keyword.name);
        self.report(
            Diagnostic::warning(code::NOT_SUPPORTED_YET, message)
                .primary(word.span, format!("skipped{with_block}"))
                .help(consequence),
        );
    }

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
        let Kind::Number { least, most } = kind else { return None };
        let name = entry.keyword.name;
        match whole_number(&word.value) {
            Some(value) if (least..=most).contains(&value) => Some(value),
            Some(_) => {
                let message = format!("`{name} {}` is outside {least} to {most}", word.value);
                self.report_value(code::OUT_OF_RANGE, message, word, kind, otherwise);
                None
            }
            None => {
                let message = format!("`{name}` takes a whole number, not `{}`", word.value);
                self.report_value(code::NOT_A_NUMBER, message, word, kind, otherwise);
                None
            }
        }
    }

    /// A number of the table's range that fits a byte.
    pub(super) fn byte<T>(&mut self, entry: &Entry<'_, T>, otherwise: Otherwise<'_>) -> Option<u8> {
        self.number(entry, otherwise).and_then(|value| u8::try_from(value).ok())
    }

    /// Microseconds in the table's range.
    pub(super) fn microseconds<T>(
        &mut self,
        entry: &Entry<'_, T>,
        otherwise: Otherwise<'_>,
    ) -> Option<Spanned<u64>> {
        let (word, kind) = (entry.value()?, entry.keyword.kind);
        let Kind::Seconds { least_us, most_us } = kind else { return None };
        let name = entry.keyword.name;
        match microseconds(&word.value) {
            Decimal::Value(value) if (least_us..=most_us).contains(&value) => {
                Some(Spanned { value, span: word.span })
            }
            Decimal::Value(_) | Decimal::TooLarge => {
                let message = format!(
                    "`{name} {}` is outside {} to {} seconds",
                    word.value,
                    Seconds(least_us),
                    Seconds(most_us)
                );
                self.report_value(code::OUT_OF_RANGE, message, word, kind, otherwise);
                None
            }
            Decimal::NotANumber => {
                let message = format!("`{name}` takes seconds, not `{}`", word.value);
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

    /// A name that the kernel could give to an interface.
    pub(super) fn interface(&mut self, word: &Word, otherwise: Otherwise<'_>) -> Option<Spanned<String>> {
        let name = &word.value;
        let sayable = !name.is_empty() && !name.contains(['/', ':']) && !name.contains(char::is_whitespace);
        if sayable && name.len() <= MAX_INTERFACE_NAME {
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

    /// `N [reverse|noreverse]`, where the words after the keyword are `words`.
    pub(super) fn weight(&mut self, words: &[Word], otherwise: Otherwise<'_>) -> Option<Weight> {
        let word = words.first()?;
        let value = whole_number(&word.value).and_then(|value| i16::try_from(value).ok());
        let Some(value) = value.filter(|value| value.unsigned_abs() <= 253) else {
            let message = format!("`weight {}` is not a whole number from -253 to 253", word.value);
            self.report_value(code::OUT_OF_RANGE, message, word, Kind::Weight, otherwise);
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

    /// `USER [GROUP]`, where keepalived's colon before the group asks for the supplementary groups.
    pub(super) fn run_as(&mut self, words: &[Word]) -> Option<RunAs> {
        let user = words.first()?.value.clone();
        let group = words.get(1).map(|word| (word, word.value.trim_start_matches(':')));
        if let Some((word, _)) = group.filter(|(word, _)| word.value.starts_with(':')) {
            self.report(
                Diagnostic::warning(code::NOT_SUPPORTED_YET, "supplementary groups are not supported yet")
                    .primary(word.span, "the colon has no effect"),
            );
        }
        let group = group.map(|(_, group)| group.to_owned()).filter(|group| !group.is_empty());
        Some(RunAs { user, group })
    }
}

/// A whole number in decimal. No plus sign, as in keepalived.
fn whole_number(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // A number that fits no integer is out of every range, not no number.
    Some(text.parse().unwrap_or(if text.starts_with('-') { i64::MIN } else { i64::MAX }))
}

enum Decimal {
    Value(u64),
    TooLarge,
    NotANumber,
}

/// Seconds with decimals, read straight into microseconds; finer digits are dropped.
fn microseconds(text: &str) -> Decimal {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !digits(whole) || !digits(fraction) {
        return Decimal::NotANumber;
    }
    let padded: String = fraction.chars().chain(std::iter::repeat('0')).take(6).collect();
    let whole = if whole.is_empty() { Some(0) } else { whole.parse::<u64>().ok() };
    let value = whole.and_then(|whole| whole.checked_mul(1_000_000)?.checked_add(padded.parse().ok()?));
    value.map_or(Decimal::TooLarge, Decimal::Value)
}
