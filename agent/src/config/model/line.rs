//! The words of one line of a block that holds no keywords, one after the other, by their table.
//!
//! Owns what all such lines have in common: finding the word, its value, and saying what is wrong with either.

use std::{collections::BTreeMap, net::IpAddr};

use super::{
    Reader,
    value::{decimal, whole_number},
};
use crate::config::{
    diagnostic::{Diagnostic, code},
    expand::Word,
    keyword::{self, Book, Effect, Keyword, Kind, Terms, line_word, line_words},
    plan::{Between, Prefix, Realms},
    source::Span,
};

/// What a sort of line is called, and what becomes of one with a fault.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sort {
    /// Where its words are looked up.
    pub words: keyword::Line,
    /// "after an address", "in a route".
    pub place: &'static str,
    /// "it is skipped", "the route is left out".
    pub otherwise: &'static str,
}

/// A line being read.
pub(super) struct Line<'r, 's, 'd> {
    pub reader: &'r mut Reader<'s>,
    sort: Sort,
    rest: &'d [Word],
    said: BTreeMap<&'static str, Span>,
    /// Something is wrong with it.
    pub bad: bool,
}

/// A word of the line.
pub(super) enum Next<'d, T> {
    /// Of the table.
    Said(Said<'d, T>),
    /// Of no table.
    Other(&'d Word),
}

/// A word of the table, in the line.
pub(super) struct Said<'d, T> {
    pub term: T,
    pub keyword: &'static Keyword,
    pub word: &'d Word,
}

impl<'r, 's, 'd> Line<'r, 's, 'd> {
    pub(super) fn new(reader: &'r mut Reader<'s>, sort: Sort, words: &'d [Word]) -> Self {
        Self { reader, sort, rest: words, said: BTreeMap::new(), bad: false }
    }

    /// What becomes of the line, or of a word of it.
    pub(super) fn otherwise(&self) -> &'static str {
        self.sort.otherwise
    }

    /// Forgets which words were said: those of the next hop may be said again.
    pub(super) fn forget_said(&mut self) {
        self.said.clear();
    }

    /// Something is wrong with the line.
    pub(super) fn fault(&mut self, diagnostic: Diagnostic) {
        self.bad = true;
        self.reader.report(diagnostic);
    }

    /// The next word, whatever it is.
    pub(super) fn take(&mut self) -> Option<&'d Word> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }

    /// The next word, which stays.
    pub(super) fn peek(&self) -> Option<&'d Word> {
        self.rest.first()
    }

    /// The next word, when it is that one.
    pub(super) fn take_if(&mut self, word: &str) -> bool {
        let there = self.peek().is_some_and(|next| next.value == word && !next.quoted);
        if there {
            self.take();
        }
        there
    }

    /// The next word, when the table has it and the caller wants it.
    pub(super) fn next_if<T: Terms>(&mut self, wanted: impl Fn(T) -> bool) -> Option<Said<'d, T>> {
        self.next_of(self.sort.words, wanted)
    }

    /// As [`Self::next_if`], by another table.
    pub(super) fn next_of<T: Terms>(
        &mut self,
        words: keyword::Line,
        wanted: impl Fn(T) -> bool,
    ) -> Option<Said<'d, T>> {
        let word = self.peek()?;
        let keyword = line_word(words, &word.value)?;
        let term = keyword.term.and_then(T::of).filter(|term| wanted(*term))?;
        self.take();
        self.note(keyword, word);
        Some(Said { term, keyword, word })
    }

    /// The next word, by the table.
    pub(super) fn next<T: Terms>(&mut self) -> Option<Next<'d, T>> {
        if let Some(said) = self.next_if(|_| true) {
            return Some(Next::Said(said));
        }
        self.take().map(Next::Other)
    }

    /// What the agent does with a word, where that is not what it says, and whether it was said before.
    fn note(&mut self, keyword: &'static Keyword, word: &'d Word) {
        let name = keyword.name;
        match keyword.effect {
            Effect::Acts => {}
            Effect::NotYet(_) if self.reader.excused => {}
            Effect::NotYet(consequence) => {
                let message =
                    format!("`{name}` is keepalived's and not supported yet: it has no effect here");
                self.reader.report(
                    Diagnostic::warning(code::NOT_SUPPORTED_YET, message)
                        .primary(word.span, "checked, and no more")
                        .help(consequence),
                );
            }
            Effect::WithoutEffect(because) => self.reader.report(
                Diagnostic::note(code::WITHOUT_EFFECT, format!("`{name}` has no effect here: {because}"))
                    .primary(word.span, "nothing is missing without it"),
            ),
            Effect::Refused(because) => {
                let message = format!("`{name}` cannot be used: {because}");
                let otherwise = self.sort.otherwise;
                self.fault(Diagnostic::error(code::REFUSED, message).primary(word.span, otherwise));
            }
        }
        if let Some(first) = self.said.insert(keyword.name, word.span)
            && !keyword.repeats
        {
            self.reader.report(
                Diagnostic::warning(code::REPEATED, format!("`{name}` is said twice in one line"))
                    .primary(word.span, "the last one counts")
                    .secondary(first, "said before"),
            );
        }
    }

    /// A word that the table does not have. With a word of the table that it may be a slip of, or of a sort of line that
    /// stands elsewhere, that one's value goes as well.
    pub(super) fn unknown(&mut self, word: &Word, one_per_line: &'static str) {
        let (place, otherwise) = (self.sort.place, self.sort.otherwise);
        let remark = if otherwise == SKIPPED { "skipped" } else { otherwise };
        if let Some((keyword, home)) = self.elsewhere(&word.value) {
            self.skip_value(keyword);
            self.fault(
                Diagnostic::error(code::WRONG_BLOCK, format!("`{}` means nothing {place} here", word.value))
                    .primary(word.span, remark)
                    .help(format!("it belongs in `{home}`")),
            );
            return;
        }
        let is_address = word.value.split('/').next().is_some_and(|text| text.parse::<IpAddr>().is_ok());
        let names = || line_words(self.sort.words).map(|keyword| keyword.name);
        let begins = |name: &&str| word.value.len() >= LEAST_BEGINNING && name.starts_with(&word.value);
        let nearest = keyword::nearest(&word.value, names()).or_else(|| names().find(begins));
        let nearest = nearest.filter(|_| !is_address);
        if let Some(keyword) = nearest.and_then(|name| line_word(self.sort.words, name)) {
            self.skip_value(keyword);
        }
        let help = match nearest {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None if is_address => one_per_line.to_owned(),
            None => String::new(),
        };
        self.fault(
            Diagnostic::error(code::UNKNOWN_WORD, format!("unknown word `{}` {place}", word.value))
                .primary(word.span, remark)
                .help(help),
        );
    }

    /// The word in the sort of line that stands elsewhere, and where.
    fn elsewhere(&self, name: &str) -> Option<(&'static Keyword, &'static str)> {
        let other = match self.sort.words {
            keyword::Line::Address => (keyword::Line::StaticAddress, "static_ipaddress"),
            keyword::Line::StaticAddress => (keyword::Line::Address, "virtual_ipaddress"),
            keyword::Line::Route => (keyword::Line::StaticRoute, "static_routes"),
            keyword::Line::Rule => (keyword::Line::StaticRule, "static_rules"),
            keyword::Line::StaticRoute
            | keyword::Line::StaticRule
            | keyword::Line::Encapsulation
            | keyword::Line::Peer
            | keyword::Line::Service
            | keyword::Line::Interface
            | keyword::Line::Instance
            | keyword::Line::Tracker
            | keyword::Line::Mail
            | keyword::Line::Linkbeat
            | keyword::Line::Delays => return None,
        };
        line_word(other.0, name).map(|keyword| (keyword, other.1))
    }

    /// Passes over the value of a word that takes just one.
    fn skip_value(&mut self, keyword: &Keyword) {
        if keyword.kind.arity() == (1, Some(1)) {
            self.take();
        }
    }

    /// The word after a word.
    pub(super) fn value<T>(&mut self, said: &Said<'d, T>) -> Option<&'d Word> {
        let value = self.take();
        if value.is_none() {
            let otherwise = self.sort.otherwise;
            self.fault(
                Diagnostic::error(code::MISSING_VALUE, format!("`{}` lacks its value", said.word.value))
                    .primary(said.word.span, format!("expected {} after this", said.keyword.kind.expects()))
                    .help(otherwise),
            );
        }
        value
    }

    /// A value is not what the table asks for.
    pub(super) fn wrong<T>(&mut self, code: &'static str, said: &Said<'d, T>, value: &Word) {
        let (name, expects) = (said.keyword.name, said.keyword.kind.expects());
        let otherwise = self.sort.otherwise;
        let what = if code == code::OUT_OF_RANGE { "is out of range" } else { "cannot be read" };
        self.fault(
            Diagnostic::error(code, format!("`{name} {}` {what}", value.value))
                .primary(value.span, format!("expected {expects}"))
                .help(otherwise),
        );
    }

    /// A word that says something about the other family.
    pub(super) fn other_family(&mut self, span: Span, message: String) {
        let otherwise = self.sort.otherwise;
        self.fault(Diagnostic::error(code::WRONG_FAMILY, message).primary(span, otherwise));
    }

    /// A whole number in the table's range.
    pub(super) fn number<T>(&mut self, said: &Said<'d, T>) -> Option<u64> {
        let value = self.value(said)?;
        let (Kind::Number { least, most } | Kind::Lockable { least, most }) = said.keyword.kind else {
            return None;
        };
        match whole_number(&value.value) {
            Some(number) if (least..=most).contains(&number) => u64::try_from(number).ok(),
            Some(_) => {
                self.wrong(code::OUT_OF_RANGE, said, value);
                None
            }
            None => {
                self.wrong(code::NOT_A_NUMBER, said, value);
                None
            }
        }
    }

    /// As [`Self::number`], of another type.
    pub(super) fn small<T, N: TryFrom<u64>>(&mut self, said: &Said<'d, T>) -> Option<N> {
        self.number(said).and_then(|number| N::try_from(number).ok())
    }

    /// `lock`, maybe.
    pub(super) fn lock(&mut self) -> bool {
        self.take_if("lock")
    }

    /// Microseconds. Without a unit they are milliseconds, as in keepalived.
    pub(super) fn time<T>(&mut self, said: &Said<'d, T>) -> Option<u64> {
        let value = self.value(said)?;
        let text = value.value.as_str();
        // Read as seconds, so that decimals count.
        let (number, divisor) = match (text.strip_suffix("ms"), text.strip_suffix('s')) {
            (Some(number), _) => (number, 1_000),
            (None, Some(number)) => (number, 1),
            (None, None) => (text, 1_000),
        };
        let time = decimal(number).map(|time| time / divisor);
        if time.is_none() {
            self.wrong(code::NOT_A_NUMBER, said, value);
        }
        time
    }

    /// `TO`, or `FROM/TO`.
    pub(super) fn realms<T>(&mut self, said: &Said<'d, T>) -> Option<Realms> {
        let value = self.value(said)?;
        let (from, to) = match value.value.split_once('/') {
            Some((from, to)) => (Some(from), to),
            None => (None, value.value.as_str()),
        };
        let mut realm = |text: &str| {
            self.named_part(Book::Realms, text, value.span).and_then(|realm| u8::try_from(realm).ok())
        };
        let (from, to) = (from.map_or(Some(0), &mut realm), realm(to));
        Some(Realms { from: from?, to: to? })
    }

    /// `N-M`.
    pub(super) fn between<T, N: TryFrom<i64>>(&mut self, said: &Said<'d, T>) -> Option<Between<N>> {
        let value = self.value(said)?;
        let Kind::Between { least, most } = said.keyword.kind else { return None };
        let part = |text: &str| whole_number(text).filter(|number| (least..=most).contains(number));
        let (first, second) = match value.value.split_once('-') {
            Some((first, second)) => (part(first), part(second)),
            None => (part(&value.value), part(&value.value)),
        };
        let ordered = first.zip(second).filter(|(first, second)| first <= second);
        let Some((least, most)) = ordered else {
            self.wrong(code::OUT_OF_RANGE, said, value);
            return None;
        };
        Some(Between { least: N::try_from(least).ok()?, most: N::try_from(most).ok()? })
    }

    /// A number or its name.
    pub(super) fn named<T>(&mut self, said: &Said<'d, T>) -> Option<u32> {
        let value = self.value(said)?;
        let Kind::Named(book) = said.keyword.kind else { return None };
        self.named_word(book, value)
    }

    /// As [`Self::named`], of a part of a word.
    pub(super) fn named_part(&mut self, book: Book, text: &str, span: Span) -> Option<u32> {
        let look = self.reader.look;
        let number = self.reader.names.number(book, text, look);
        if number.is_none() {
            let nearest = keyword::quoted_nearest(text, self.reader.names.all(book));
            let diagnostic = unknown_name(book, text, span, look).help(nearest);
            let otherwise = self.sort.otherwise;
            self.fault(diagnostic.help(otherwise));
        }
        number
    }

    fn named_word(&mut self, book: Book, word: &Word) -> Option<u32> {
        self.named_part(book, &word.value, word.span)
    }

    /// One of the table's words.
    pub(super) fn choice<T>(&mut self, said: &Said<'d, T>) -> Option<&'static str> {
        let value = self.value(said)?;
        let Kind::Choice(words) = said.keyword.kind else { return None };
        let choice = words.iter().copied().find(|choice| *choice == value.value);
        if choice.is_none() {
            self.wrong(code::NOT_A_CHOICE, said, value);
        }
        choice
    }

    /// A name that an interface can have.
    pub(super) fn interface<T>(&mut self, said: &Said<'d, T>) -> Option<String> {
        let value = self.value(said)?;
        let interface = self.reader.interface(value, self.sort.otherwise).map(|name| name.value);
        self.bad |= interface.is_none();
        interface
    }

    /// An address without a prefix length.
    pub(super) fn address<T>(&mut self, said: &Said<'d, T>) -> Option<(IpAddr, Span)> {
        let value = self.value(said)?;
        let address = value.value.parse().ok();
        if address.is_none() {
            self.wrong(code::NOT_AN_ADDRESS, said, value);
        }
        Some((address?, value.span))
    }

    /// `ADDRESS[/LENGTH]`, or `default`, `any` or `all`, for which nothing tells the family.
    pub(super) fn prefix(&mut self, word: &Word) -> Option<(Option<Prefix>, Span)> {
        if matches!(word.value.as_str(), "default" | "any" | "all") {
            return Some((None, word.span));
        }
        let (text, length) = match word.value.split_once('/') {
            Some((text, length)) => (text, Some(length)),
            None => (word.value.as_str(), None),
        };
        let otherwise = self.sort.otherwise;
        let Ok(address) = text.parse::<IpAddr>() else {
            self.fault(
                Diagnostic::error(code::NOT_AN_ADDRESS, format!("`{}` is not a network", word.value))
                    .primary(word.span, "expected an address and maybe /LENGTH, or `default`")
                    .help(otherwise),
            );
            return None;
        };
        let most = if address.is_ipv4() { 32 } else { 128 };
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let length = match length {
            None => Some(most),
            Some(text) => text.parse().ok().filter(|length| digits(text) && *length <= most),
        };
        let Some(length) = length else {
            self.fault(
                Diagnostic::error(
                    code::OUT_OF_RANGE,
                    format!("`{}` has no prefix length from 0 to {most}", word.value),
                )
                .primary(word.span, format!("expected /LENGTH up to /{most}"))
                .help(otherwise),
            );
            return None;
        };
        let network = Prefix { address: masked(address, length), length };
        if network.address != address {
            self.reader.report(
                Diagnostic::warning(
                    code::HOST_BITS,
                    format!("`{}` is an address within the network {network}", word.value),
                )
                .primary(word.span, format!("{network} is used")),
            );
        }
        Some((Some(network), word.span))
    }
}

/// So many letters of a word are enough to guess it: `pref`, `proto`.
const LEAST_BEGINNING: usize = 4;

/// What becomes of a word that cannot be read, where the rest of its line stays.
pub(super) const SKIPPED: &str = "it is skipped";

/// A name that has no number.
pub(super) fn unknown_name(book: Book, text: &str, span: Span, look: bool) -> Diagnostic {
    let diagnostic = Diagnostic::error(code::UNKNOWN_NAME, format!("`{text}` is not {}", book.what()))
        .primary(span, format!("expected a name, or a number up to {}", book.most()));
    if look {
        diagnostic.help(format!("names are read from /etc/iproute2/{}", book.file()))
    } else {
        diagnostic.help("only well-known names are known here: say the number")
    }
}

/// The address with all bits past the length zero.
fn masked(address: IpAddr, length: u8) -> IpAddr {
    let length = u32::from(length);
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - length.min(32)).unwrap_or(0);
            IpAddr::V4((address.to_bits() & mask).into())
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - length.min(128)).unwrap_or(0);
            IpAddr::V6((address.to_bits() & mask).into())
        }
    }
}
