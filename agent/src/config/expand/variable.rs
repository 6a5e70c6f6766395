//! `$NAME=VALUE`, and the places where it is used: `$NAME` before a blank or the end of the line, `${NAME}` anywhere.
//!
//! A value is what stands there when it is used, so a variable in it may change between two uses. A value of several
//! lines stands for so many lines, each of which may be of any kind, and nothing may follow its use. A variable that
//! holds itself is told and not followed. What has no definition stays as it is: a dollar in a password, or a variable
//! of the shell in a command.

use std::{ops::Range, rc::Rc, sync::Arc};

use super::{Expander, Line, UseId, builtin, condition::Shape, sequence};
use crate::config::{
    diagnostic::{Diagnostic, Severity, code},
    keyword, lexer,
    origin::Use,
    source::Span,
};

/// Slips that are looked for: each costs a look at every name.
const MAX_SEARCHES: usize = 100;

/// What a variable holds.
#[derive(Clone)]
pub(super) struct Definition {
    /// Which one: a variable may be defined anew.
    id: usize,
    /// Where it is defined.
    span: Span,
    /// Its lines; none when it is empty.
    lines: Rc<Vec<Line>>,
}

/// A use that found no definition.
pub(super) struct Undefined {
    name: String,
    place: Span,
    /// `${NAME}` outside quotes: nobody means that as it stands.
    braced: bool,
    /// `$NAME` as a word of its own, outside quotes.
    alone: bool,
    /// Part of a password: its name must not be told.
    secret: bool,
}

/// What the use of a variable at the start of a line makes of the line.
pub(super) enum Leading {
    /// A line whose start has to be looked at once more.
    Value(Line),
    /// It stood for several lines, which were carried out.
    Done,
    /// There is no such use, or its value is like any other.
    None,
    /// It cannot be used here, and that was said.
    Lost,
}

/// `$NAME` or `${NAME ARGUMENTS}` in a text.
struct Found<'t> {
    range: Range<usize>,
    name: &'t str,
    arguments: &'t str,
    braced: bool,
}

/// Lines that follow the one at hand.
struct Tail {
    lines: Rc<Vec<Line>>,
    via: UseId,
}

/// What a line becomes.
#[derive(Default)]
struct Made {
    line: Line,
    /// The innermost last.
    tails: Vec<Tail>,
    /// What it was meant to be cannot be known.
    lost: bool,
}

/// What follows the text at hand on its line.
#[derive(Clone, Copy)]
struct Following {
    next: Option<u8>,
    /// More than blanks.
    text: bool,
}

/// The use could not be carried out, and that was said.
struct Lost;

/// Letters, digits and `_`, no digit first.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty() && name_at(text) == text
}

/// The name at the start of a text; empty when there is none.
fn name_at(text: &str) -> &str {
    let length = text.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
    let digit = text.starts_with(|first: char| first.is_ascii_digit());
    text.get(..if digit { 0 } else { length }).unwrap_or_default()
}

/// The name that a text of the form `$NAME=…` defines.
pub(super) fn definition_name(text: &str) -> Option<&str> {
    let rest = text.strip_prefix('$')?;
    let name = name_at(rest);
    (!name.is_empty() && rest.get(name.len()..)?.starts_with('=')).then_some(name)
}

/// The first use from `from` on.
fn find(text: &str, from: usize) -> Option<Found<'_>> {
    let mut at = from;
    loop {
        at += text.get(at..)?.find('$')?;
        if let Some(found) = found_at(text, at) {
            return Some(found);
        }
        at += 1;
    }
}

fn found_at(text: &str, at: usize) -> Option<Found<'_>> {
    let rest = text.get(at + 1..)?;
    let Some(inner) = rest.strip_prefix('{') else {
        let name = name_at(rest);
        let range = at..at + 1 + name.len();
        return (!name.is_empty()).then_some(Found { range, name, arguments: "", braced: false });
    };
    let name = name_at(inner);
    let after = inner.get(name.len()..)?;
    let arguments = if name.starts_with('_') {
        let length =
            after.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || b"_ ".contains(byte)).count();
        after.get(..length)?
    } else {
        ""
    };
    let closed = after.get(arguments.len()..)?.starts_with('}');
    let range = at..at + 3 + name.len() + arguments.len();
    (!name.is_empty() && closed).then_some(Found { range, name, arguments, braced: true })
}

impl Expander<'_> {
    /// A definition that stands in a file, with all its lines.
    pub(super) fn define_in_file(&mut self, text: &str, span: Span) {
        let raw = text.get(span.start as usize..span.end as usize).unwrap_or_default();
        let Some(name) = definition_name(raw) else { return };
        let (mut lines, mut at, mut continued) = (Vec::new(), name.len() + 2, false);
        for part in raw.get(at..).unwrap_or_default().split('\n') {
            let said = lexer::without_comment(part);
            continued = lexer::continues_definition(part.as_bytes());
            let mut value = said.trim_end();
            // A comment hides a backslash that ends its line, yet the line goes on.
            if lexer::continues_definition(said.as_bytes()) {
                value = value.strip_suffix('\\').unwrap_or(value).trim_end();
            }
            let blanks = value.len() - value.trim_start().len();
            let value = value.trim_start();
            if !value.is_empty() {
                let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
                let start = span.start.saturating_add(offset(at + blanks));
                let origin = Span { start, end: start.saturating_add(offset(value.len())), ..span };
                lines.push(Line::written(value, origin));
            }
            at += part.len() + 1;
        }
        if continued {
            self.report_early_end(text, span);
        }
        self.set(name.into(), span, lines);
    }

    /// An empty line ended a definition whose last line promised more.
    fn report_early_end(&mut self, text: &str, span: Span) {
        let rest = text.get(span.end as usize..).unwrap_or_default();
        let next = rest.lines().find(|line| !line.trim().is_empty());
        // Most lines that were meant to belong to it are indented like those before.
        if next.is_some_and(|next| next.starts_with([' ', '\t'])) {
            let backslash = Span { start: span.end.saturating_sub(1), ..span };
            self.diagnostics.push(
                Diagnostic::warning(code::DEFINITION_ENDS, "an empty line ends a definition")
                    .primary(backslash, "promises a further line")
                    .help(
                        "remove the empty line if the definition goes on, or this backslash if it does not",
                    ),
            );
        }
    }

    /// A definition on a line of any origin.
    pub(super) fn define(&mut self, line: &Line, start: usize) {
        let text = line.text.get(start..).unwrap_or_default();
        let Some(name) = definition_name(text) else { return };
        let value = line.part(start + name.len() + 2..line.text.len());
        let value = value.part(value.trimmed());
        let span = line.place(start..line.text.len()).map(|(place, _)| place);
        // Where it was said does not matter any more: what counts is where it is used.
        let mut own = Line::default();
        own.push_part(&value, 0..value.text.len(), None);
        own.pieces.iter_mut().for_each(|piece| piece.via = None);
        if let Some(span) = span {
            let lines = if own.text.is_empty() { Vec::new() } else { vec![own] };
            self.set(name.into(), span, lines);
        }
    }

    /// Defines a variable.
    pub(super) fn set(&mut self, name: Arc<str>, span: Span, lines: Vec<Line>) {
        self.defined += 1;
        self.definitions.insert(name, Definition { id: self.defined, span, lines: Rc::new(lines) });
    }

    /// Looks at a variable that starts a line: its value may hold what stands at the start of a line.
    pub(super) fn leading_value(&mut self, line: &Line, start: usize) -> Leading {
        let Some(found) = found_at(&line.text, start) else { return Leading::None };
        let end = found.range.end;
        let next = line.text.as_bytes().get(end).copied();
        let Some(definition) = self.defined_for(&found, next) else { return Leading::None };
        let Some(first) = definition.lines.first() else { return Leading::None };
        let starts_anew = |text: &str| {
            text.starts_with(['@', '$']) || definition_name(text).is_some() || sequence::is_head(text)
        };
        if !starts_anew(&first.text) {
            return Leading::None;
        }
        let rest = line.text.get(end..).unwrap_or_default();
        let following = Following { next, text: !rest.trim().is_empty() };
        let Ok(via) = self.use_of(&found, &definition, line, following) else { return Leading::Lost };
        if definition.lines.len() > 1 {
            self.lines(&definition.lines, 0, via);
            return Leading::Done;
        }
        let mut value = Line::default();
        value.push_part(first, 0..first.text.len(), Some(via));
        value.push_part(line, end..line.text.len(), None);
        Leading::Value(value)
    }

    /// Replaces all variables of a line, takes it up, and all lines that its last variable stands for.
    pub(super) fn replace(&mut self, line: &Line, glued: Option<Span>) {
        if !line.text.contains('$') {
            return self.take_up(line, glued, false);
        }
        let mut made = Made::default();
        let following = Following { next: None, text: false };
        if let Err(Lost) = self.replace_into(line, following, &mut made) {
            return self.lose(line);
        }
        self.take_up(&made.line, glued, made.lost);
        while let Some(tail) = made.tails.pop() {
            self.lines(&tail.lines, 1, tail.via);
        }
    }

    /// A part of a line with its variables replaced; `None` when that cannot be done, which was said.
    pub(super) fn replaced(&mut self, line: &Line) -> Option<Line> {
        let mut made = Made::default();
        // What follows is no blank, so that a variable of several lines is an error.
        let following = Following { next: Some(b' '), text: true };
        self.replace_into(line, following, &mut made).ok().map(|()| made.line)
    }

    /// Lines of a value, from `first` on.
    fn lines(&mut self, lines: &[Line], first: usize, via: UseId) {
        let shape = |at: usize| lines.get(at).map(|line| Shape::of(&lexer::tokens(&line.text), &line.text));
        let (mut index, mut fruitless) = (first, 0);
        while let Some(value) = lines.get(index).filter(|_| !self.cut) {
            if value.text.starts_with('@') && !self.is_meant(&lexer::tokens(&value.text), &value.text) {
                index = Self::after_unmeant(index, &mut fruitless, shape);
                continue;
            }
            let mut line = Line::default();
            line.push_part(value, 0..value.text.len(), Some(via));
            self.line(line, None);
            index += 1;
        }
    }

    /// The definition of a use that is replaced where it stands. One that is not is reported.
    fn defined_for(&mut self, found: &Found<'_>, next: Option<u8>) -> Option<Definition> {
        let definition = self.definitions.get(found.name)?.clone();
        (found.braced || ends_name(next)).then_some(definition)
    }

    fn replace_into(&mut self, line: &Line, following: Following, made: &mut Made) -> Result<(), Lost> {
        let text = line.text.as_str();
        let secret = ["auth_p", "password"].iter().any(|word| text.contains(word))
            || text.trim_start().starts_with("key ");
        let (mut done, mut from, mut quotes) = (0, 0, Quotes::default());
        // Blanks alone follow the last use or nothing does: found once, not for each use.
        let last_text = text.trim_end().len();
        while let Some(found) = find(text, from) {
            quotes.pass(text.get(from..found.range.start).unwrap_or_default());
            let end = found.range.end;
            let next = text.as_bytes().get(end).copied().or(following.next);
            let after = Following { next, text: following.text || last_text > end };
            from = end;
            if let Some(definition) = self.defined_for(&found, next) {
                made.line.push_part(line, done..found.range.start, None);
                done = end;
                self.value_into(&found, &definition, line, after, made)?;
            } else if let Some((place, via)) = line.place(found.range.clone()) {
                if found.braced
                    && let Some(value) = self.builtin(found.name, found.arguments, place)
                {
                    made.line.push_part(line, done..found.range.start, None);
                    done = end;
                    made.line.push(&value, place, true, via);
                    continue;
                }
                if self.definitions.contains_key(found.name) {
                    if !secret {
                        self.report_not_replaced(line, &found);
                    }
                } else {
                    // Whatever needs it cannot be run as it was meant.
                    made.lost |= found.braced && !quotes.open;
                    self.note_undefined(line, &found, place, quotes.open, secret, next);
                }
            }
        }
        made.line.push_part(line, done..text.len(), None);
        Ok(())
    }

    /// Puts a value in the place of its use.
    fn value_into(
        &mut self,
        found: &Found<'_>,
        definition: &Definition,
        line: &Line,
        following: Following,
        made: &mut Made,
    ) -> Result<(), Lost> {
        let via = self.use_of(found, definition, line, following)?;
        let Some(first) = definition.lines.first() else { return Ok(()) };
        let place = definition.span;
        if !self.charge(1, first.text.len(), place) {
            return Err(Lost);
        }
        if definition.lines.len() > 1 {
            made.tails.push(Tail { lines: definition.lines.clone(), via });
        }
        if !first.text.contains('$') {
            made.line.push_part(first, 0..first.text.len(), Some(via));
            return Ok(());
        }
        let mut value = Line::default();
        value.push_part(first, 0..first.text.len(), Some(via));
        self.replace_into(&value, following, made)
    }

    /// Takes note of a use, unless it would never end or has no place there.
    fn use_of(
        &mut self,
        found: &Found<'_>,
        definition: &Definition,
        line: &Line,
        following: Following,
    ) -> Result<UseId, Lost> {
        let Some((place, outer)) = line.place(found.range.clone()) else { return Err(Lost) };
        if !self.charge(1, 0, place) {
            return Err(Lost);
        }
        if definition.lines.len() > 1 && following.text {
            self.report_text_after(line, found, definition);
            return Err(Lost);
        }
        if self.sources.expansion.uses(outer).any(|(_, used)| used.definition == definition.id) {
            self.report_self_reference(line, found, definition);
            return Err(Lost);
        }
        if self.sources.expansion.depth(outer) >= super::MAX_DEPTH {
            self.report_depth(place);
            return Err(Lost);
        }
        let used = Use { name: found.name.into(), definition: definition.id, place, outer };
        Ok(self.sources.expansion.add_use(used))
    }

    fn report_self_reference(&mut self, line: &Line, found: &Found<'_>, definition: &Definition) {
        if self.is_news(code::SELF_REFERENCE, line, found.range.clone()) {
            let place = self.place_in(line, found.range.clone());
            let message = format!("the variable `{}` holds itself", found.name);
            let mut diagnostic = Diagnostic::error(code::SELF_REFERENCE, message)
                .primary(place, "would never end; the line that needs it is skipped")
                .help("a value is looked up when it is used, and not when it is defined");
            let (own, written) = (definition.span, self.sources.in_file(place));
            if own.source != written.source || written.start < own.start || own.end < written.end {
                diagnostic = diagnostic.secondary(own, "its value");
            }
            self.diagnostics.push(diagnostic);
        }
    }

    fn report_text_after(&mut self, line: &Line, found: &Found<'_>, definition: &Definition) {
        if self.is_news(code::TEXT_AFTER_LINES, line, found.range.clone()) {
            let place = self.place_in(line, found.range.clone());
            let message = format!("text follows `{}`, which stands for several lines", found.name);
            self.diagnostics.push(
                Diagnostic::error(code::TEXT_AFTER_LINES, message)
                    .primary(place, "has to be the last on its line; this line is skipped")
                    .secondary(definition.span, "its lines"),
            );
        }
    }

    fn report_not_replaced(&mut self, line: &Line, found: &Found<'_>) {
        if self.is_news(code::NOT_REPLACED, line, found.range.clone()) {
            let place = self.place_in(line, found.range.clone());
            let name = found.name;
            self.diagnostics.push(
                Diagnostic::warning(code::NOT_REPLACED, format!("`${name}` is not replaced here"))
                    .primary(place, "a blank has to follow it, or the end of the line")
                    .help(format!("write `${{{name}}}`")),
            );
        }
    }

    fn note_undefined(
        &mut self,
        line: &Line,
        found: &Found<'_>,
        place: Span,
        quoted: bool,
        secret: bool,
        next: Option<u8>,
    ) {
        let before = found.range.start.checked_sub(1).and_then(|before| line.text.as_bytes().get(before));
        let alone = !quoted && ends_name(next) && before.is_none_or(u8::is_ascii_whitespace);
        let braced = found.braced && !quoted;
        if self.is_news(code::UNDEFINED, line, found.range.clone()) {
            self.undefined.push(Undefined { name: found.name.to_owned(), place, braced, alone, secret });
        }
    }

    /// Says what was undefined, now that all definitions are known.
    pub(super) fn report_undefined(&mut self) {
        let mut searches = 0;
        for undefined in std::mem::take(&mut self.undefined) {
            let name = undefined.name.as_str();
            let later = self.definitions.get(name).map(|definition| definition.span);
            let nearest = if later.is_none() && !undefined.secret && searches < MAX_SEARCHES {
                searches += 1;
                let known = self.definitions.keys().map(|name| &**name);
                keyword::nearest(name, known.chain(builtin::NAMES)).map(str::to_owned)
            } else {
                None
            };
            let severity = match (undefined.braced, undefined.alone && !undefined.secret) {
                (true, _) => Severity::Error,
                (false, true) => Severity::Warning,
                (false, false) if (later.is_some() || nearest.is_some()) && !undefined.secret => {
                    Severity::Warning
                }
                // A dollar like any other.
                (false, false) => continue,
            };
            let message = match (undefined.secret, later) {
                (true, _) => "a password uses a variable that is not defined".to_owned(),
                (false, Some(_)) => format!("the variable `{name}` is used before it is defined"),
                (false, None) => format!("the variable `{name}` is not defined"),
            };
            let mut diagnostic = Diagnostic::new(severity, code::UNDEFINED, message)
                .primary(undefined.place, "stands as it is");
            if let Some(later) = later {
                diagnostic = diagnostic.secondary(later, "defined here");
            }
            if let Some(nearest) = nearest {
                diagnostic = diagnostic.help(format!("did you mean `{nearest}`?"));
            }
            self.diagnostics.push(diagnostic);
        }
    }
}

/// A `$NAME` without braces is replaced before these alone, as in keepalived.
fn ends_name(next: Option<u8>) -> bool {
    next.is_none_or(|next| next.is_ascii_whitespace())
}

/// Whether a text is within double quotes, told as it is passed.
#[derive(Default)]
struct Quotes {
    open: bool,
    escaped: bool,
}

impl Quotes {
    fn pass(&mut self, text: &str) {
        for byte in text.bytes() {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.open = !self.open,
                _ => {}
            }
        }
    }
}
