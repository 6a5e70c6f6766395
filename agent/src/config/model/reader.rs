//! What all blocks have in common: finding the keyword of each line, and telling what is wrong with the line as such.
//! Reading its values is `value`.

use std::collections::BTreeMap;

use super::{Named, names::Names, rule::Preferences};
use crate::config::{
    diagnostic::{Diagnostic, Diagnostics, Label, code},
    expand::{Statement, Word},
    keyword::{self, Effect, Keyword, Kind, Terms},
    source::{Sources, Span},
};

/// Places that one diagnostic about words without effect names.
const MOST_PLACES: usize = 16;

/// Words that do not act yet, of which the check of their instance says so: it does not run.
const SAID_BY_CHECK: &[(&str, &str)] = &[("vrrp_instance", "auth_hmac")];

/// Reads values and reports what cannot be read.
pub(in super::super) struct Reader<'a> {
    /// The texts.
    pub sources: &'a mut Sources,
    /// The reports.
    pub diagnostics: &'a mut Diagnostics,
    /// Whether the file system may be looked at.
    pub look: bool,
    /// Inside of a block of which it was said that it does not act yet: its words need not say it again.
    pub excused: bool,
    /// Names of numbers that were read so far.
    pub(super) names: Names,
    /// Preferences for rules that say none.
    pub(super) preferences: Preferences,
    /// What it names that only a host has.
    pub named: Named,
    /// Words that do not do what they say.
    pub(super) effects: Effects,
    /// What stands in the place of a value.
    pub(super) placeholders: Vec<Span>,
}

/// What of a block is lost to a reader.
#[derive(Debug, Default)]
pub(super) struct Damage {
    /// Lines are missing, or a brace is: the block is not what it was meant to be.
    pub torn: bool,
    /// Words that belong into a `vrrp_instance` and stand here: for each, how many entries come before it.
    pub misplaced: Vec<usize>,
}

/// A line whose keyword is read.
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

impl Reader<'_> {
    pub(super) fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// Excuses the inside of a word that does not act yet; returns what was excused before, to be put back.
    pub(super) fn excuse(&mut self, keyword: &Keyword) -> bool {
        let outer = self.excused;
        self.excused |= matches!(keyword.effect, Effect::NotYet(_));
        outer
    }

    /// The lines of a block whose keywords are read and whose form is right; all others are diagnosed and skipped whole.
    ///
    /// `parent` is the block, as [`Keyword::parent`] has it.
    pub(super) fn entries<'d, T: Terms>(
        &mut self,
        parent: &'static str,
        statements: &'d [Statement],
        damage: &mut Damage,
    ) -> Vec<Entry<'d, T>> {
        let mut entries: Vec<Entry<'d, T>> = Vec::new();
        let mut said: BTreeMap<&'static str, Span> = BTreeMap::new();
        for statement in statements {
            damage.torn |= statement.block.as_ref().is_some_and(|block| !block.closed);
            if statement.lost {
                damage.torn = true;
                continue;
            }
            if self.is_placeholder(statement) {
                damage.torn = true;
                continue;
            }
            let Some(word) = statement.words.first() else {
                self.report_nameless(statement);
                continue;
            };
            let Some(keyword) = keyword::keyword(parent, &word.value) else {
                if self.report_unknown(parent, word, statement) {
                    damage.misplaced.push(entries.len());
                }
                continue;
            };
            let term = keyword.term.and_then(T::of);
            self.note_effect(keyword, word, statement, term.is_some());
            let Some(term) = term else { continue };
            let entry = Entry { term, keyword, statement, head: word.span };
            // One that is refused is read all the same: what it leaves out is for the rules to say.
            if !self.has_form(&entry) {
                // What a block would have said is lost: addresses, peers, what is tracked.
                damage.torn |= keyword.kind.takes_block() == Some(true) && statement.block.is_none();
                continue;
            }
            if keyword.kind.takes_block() != Some(true)
                && !keyword.repeats
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

    /// The lines of a block that holds no keywords; those that cannot be used are diagnosed.
    pub(super) fn lines<'d>(
        &mut self,
        statements: &'d [Statement],
        damage: &mut Damage,
    ) -> Vec<&'d Statement> {
        let mut lines = Vec::new();
        for statement in statements {
            if statement.lost {
                damage.torn = true;
                continue;
            }
            if self.is_placeholder(statement) {
                damage.torn = true;
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

    /// `{{ … }}` or `{% … %}`: whoever makes the config of a template has not. All of them are one error.
    fn is_placeholder(&mut self, statement: &Statement) -> bool {
        let Some(block) = &statement.block else { return false };
        let Some(inner) = block.statements.first() else { return false };
        let place = match (&inner.block, inner.words.first()) {
            (Some(second), None) if second.open.start == block.open.end => block.open.to(second.open),
            (None, Some(word)) if statement.words.is_empty() && word.value.starts_with('%') => {
                block.open.to(word.span)
            }
            (Some(_) | None, _) => return false,
        };
        self.placeholders.push(place);
        true
    }

    fn report_placeholders(&mut self) {
        let places = std::mem::take(&mut self.placeholders);
        let Some((first, others)) = places.split_first() else { return };
        let diagnostic = Diagnostic::error(code::TEMPLATE, "a template was not filled in")
            .primary(*first, "a placeholder stands here, and no value");
        let diagnostic = others
            .iter()
            .take(MOST_PLACES - 1)
            .fold(diagnostic, |diagnostic, place| diagnostic.secondary(*place, "the same here"));
        let help = match others.len().checked_sub(MOST_PLACES - 1) {
            Some(more @ 1..) => format!("the same in {more} more places"),
            Some(0) | None => String::new(),
        };
        self.report(diagnostic.help(help).help("check what the template makes, not the template"));
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
        if let Some(sign) = entry.value().filter(|word| word.value == "=") {
            self.report(
                Diagnostic::error(code::EXTRA_WORDS, format!("no `=` stands between `{name}` and its value"))
                    .primary(sign.span, "take it out")
                    .help("the line is skipped"),
            );
            return false;
        }
        if kind.takes_block() == Some(true) && entry.statement.block.is_none() && least == 0 {
            let words: Vec<&str> = entry.values().iter().map(|word| word.value.as_str()).collect();
            let secret =
                entry.statement.words.iter().any(|word| self.sources.secrets(word.span).next().is_some());
            let mended = match words.as_slice() {
                [] => String::new(),
                _ if secret => String::new(),
                words => format!("write `{name} {{ {} }}`", words.join(" ")),
            };
            self.report(
                Diagnostic::error(code::BLOCK_EXPECTED, format!("`{name}` lacks its block"))
                    .primary(entry.head, "expected `{ … }` after this")
                    .help(mended)
                    .help("the line is skipped"),
            );
            return false;
        }
        // Commands and patterns are taken apart a second time, and there the backslash counts.
        let once = matches!(kind, Kind::Text | Kind::MaybeText | Kind::NamedBlock | Kind::NamedLines(_))
            && !name.starts_with("regex");
        let quote = |word: &&Word| word.quoted && word.value.contains('"');
        if let Some(word) = entry.values().iter().find(quote).filter(|_| once) {
            self.report(
                Diagnostic::warning(
                    code::QUOTE_WITHIN,
                    format!("the value of `{name}` holds a double quote"),
                )
                .primary(word.span, "for keepalived it ends there, with the backslash as its last character")
                .help("choose another character, so that both read the same"),
            );
        }
        if entry.values().len() < least {
            self.report(
                Diagnostic::error(code::MISSING_VALUE, format!("`{name}` lacks its value"))
                    .primary(entry.head, format!("expected {} after this", kind.expects()))
                    .help(if entry.statement.block.is_some() {
                        "the block is skipped"
                    } else {
                        "the line is skipped"
                    }),
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
                    .help(if kind == Kind::Flag && matches!(first.value.as_str(), "off" | "no" | "false") {
                        format!("`{name}` holds whatever follows it, as in keepalived: take the line out")
                    } else {
                        String::new()
                    })
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

    fn report_nameless(&mut self, statement: &Statement) {
        if let Some(block) = &statement.block {
            self.report(
                Diagnostic::error(code::BLOCK_WITHOUT_NAME, "a block follows no word")
                    .primary(block.open, "this block is skipped"),
            );
        }
    }

    /// Whether the line belongs into an instance.
    fn report_unknown(&mut self, parent: &'static str, word: &Word, statement: &Statement) -> bool {
        let skipped = if statement.block.is_some() { "skipped, with its whole block" } else { "skipped" };
        let place =
            if parent.is_empty() { "outside all blocks".to_owned() } else { format!("in `{parent}`") };
        // A key on a line of its own is a word as well.
        let secret = self.sources.secrets(word.span).next().is_some();
        let name = if secret { "***" } else { word.value.as_str() };
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
            None => {
                let diagnostic =
                    Diagnostic::error(code::UNKNOWN_WORD, format!("unknown word `{name}` {place}"))
                        .primary(word.span, skipped);
                let with_value = (!secret).then(|| word.value.split_once('=')).flatten();
                if let Some((known, value)) =
                    with_value.filter(|(known, _)| keyword::keyword(parent, known).is_some())
                {
                    let diagnostic = diagnostic.help(format!("write `{known} {value}`, with no `=`"));
                    self.report(diagnostic);
                    return false;
                }
                // A million unknown words are counted, and not each compared with all that are known.
                match self.diagnostics.is_full() {
                    true => diagnostic,
                    false => diagnostic.help(keyword::quoted_nearest(name, keyword::words_of(parent))),
                }
            }
        };
        let unchecked = parent == "virtual_server/real_server" && statement.block.is_some();
        self.report(diagnostic.help(if unchecked {
            "its real server is left out, since nothing would check it"
        } else {
            ""
        }));
        homes.contains(&"vrrp_instance")
    }

    /// What the agent does with the word, where that is not what it says. A word that is `read` reaches the plan all the
    /// same. Words of one block of which the same is said share one diagnostic.
    fn note_effect(&mut self, keyword: &Keyword, word: &Word, statement: &Statement, read: bool) {
        let name = keyword.name;
        let with_block = if statement.block.is_some() { ", with its whole block" } else { "" };
        let diagnostic = match keyword.effect {
            Effect::Acts => return,
            Effect::NotYet(_) | Effect::WithoutEffect(_) if self.excused => return,
            Effect::NotYet(_) if SAID_BY_CHECK.contains(&(keyword.parent, name)) => return,
            Effect::NotYet(consequence) => {
                let message =
                    format!("`{name}` is keepalived's and not supported yet: it has no effect here");
                let remark = if read { "checked, and no more" } else { "skipped" };
                Diagnostic::warning(code::NOT_SUPPORTED_YET, message)
                    .primary(word.span, format!("{remark}{with_block}"))
                    .help(consequence)
            }
            Effect::WithoutEffect(because) => {
                Diagnostic::note(code::WITHOUT_EFFECT, format!("`{name}` has no effect here: {because}"))
                    .primary(word.span, "nothing is missing without it")
            }
            Effect::Refused(because) => {
                Diagnostic::error(code::REFUSED, format!("`{name}` cannot be used: {because}"))
                    .primary(word.span, format!("skipped{with_block}"))
            }
        };
        self.effects.add(keyword, word.span, diagnostic);
    }

    /// Reports what was found about words that do not do what they say, once all are read.
    pub(super) fn report_effects(&mut self) {
        self.report_placeholders();
        for (found, more) in std::mem::take(&mut self.effects).found {
            let help = if more > 0 { format!("the same in {more} more places") } else { String::new() };
            self.report(found.help(help));
        }
    }
}

/// What is said about words that do not do what they say, each with places that are only counted.
#[derive(Default)]
pub(super) struct Effects {
    found: Vec<(Diagnostic, usize)>,
    /// By block and by what follows from it, or by name where nothing particular does.
    alike: BTreeMap<(&'static str, &'static str), usize>,
}

impl Effects {
    /// Joins those of which the same is said in blocks of one kind: a hundred instances with the same word are one
    /// thing to know.
    fn add(&mut self, keyword: &Keyword, place: Span, diagnostic: Diagnostic) {
        let text = match keyword.effect {
            Effect::NotYet("") | Effect::WithoutEffect("") => keyword.name,
            Effect::NotYet(text) | Effect::WithoutEffect(text) => text,
            Effect::Acts | Effect::Refused(_) => {
                self.found.push((diagnostic, 0));
                return;
            }
        };
        let index = *self.alike.entry((keyword.parent, text)).or_insert(self.found.len());
        match self.found.get_mut(index) {
            Some((first, _)) if first.labels.len() < MOST_PLACES => {
                first.labels.push(Label { span: place, text: "the same here".to_owned() });
            }
            Some((_, more)) => *more += 1,
            None => self.found.push((diagnostic, 0)),
        }
    }
}
