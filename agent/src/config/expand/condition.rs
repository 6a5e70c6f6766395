//! `@id LINE` and `@^id LINE`: lines that are meant for one host, or for all but one.
//!
//! keepalived leaves out the line alone. Where such a line opens a block, that would leave the block's lines to the block
//! around it, so here the whole block is left out. One habit needs the old way: lines that open one block in turn, each
//! for its host, over one common body.

use super::{Expander, Line};
use crate::config::{
    diagnostic::{Diagnostic, code},
    lexer::{Kind, Token},
    source::Span,
};

/// Blocks without an end that are looked for in one run of lines: each costs a look at all that follows.
const MAX_FRUITLESS: usize = 8;

/// What stands on a line, as far as braces go.
pub(super) struct Shape {
    /// It starts with a condition.
    conditional: bool,
    /// The first word that is no condition.
    keyword: String,
    opens: usize,
    closes: usize,
    /// Nothing but blanks and comments.
    blank: bool,
    /// A `{` comes first.
    starts_open: bool,
}

impl Shape {
    pub(super) fn of(tokens: &[Token], text: &str) -> Self {
        let mut shape = Self {
            conditional: false,
            keyword: String::new(),
            opens: 0,
            closes: 0,
            blank: true,
            starts_open: false,
        };
        for token in tokens.iter().filter(|token| !token.kind.is_trivia()) {
            let raw = text.get(token.start as usize..token.end as usize).unwrap_or_default();
            match token.kind {
                Kind::Open => {
                    shape.starts_open |= shape.blank;
                    shape.opens += 1;
                }
                Kind::Close => shape.closes += 1,
                _ if shape.keyword.is_empty() && raw.starts_with('@') => shape.conditional = true,
                _ if shape.keyword.is_empty() => raw.clone_into(&mut shape.keyword),
                Kind::Space
                | Kind::Newline
                | Kind::Comment
                | Kind::Continuation
                | Kind::Word
                | Kind::Quoted
                | Kind::Unterminated
                | Kind::Definition
                | Kind::Sequence => {}
            }
            shape.blank = false;
        }
        shape
    }

    /// Both open the same kind of block, each for its host.
    fn is_alternative_of(&self, other: &Self) -> bool {
        self.conditional
            && other.conditional
            && self.keyword == other.keyword
            && (self.opens, self.closes) == (other.opens, other.closes)
    }
}

/// The last of the conditions that the tokens start with.
pub(super) fn last(tokens: &[Token], text: &str) -> Option<usize> {
    let says = (0..).zip(tokens).filter(|(_, token)| !token.kind.is_trivia());
    let raw = |token: &Token| text.get(token.start as usize..token.end as usize).unwrap_or_default();
    says.take_while(|(_, token)| raw(token).starts_with('@')).last().map(|(index, _)| index)
}

impl Expander<'_> {
    /// Whether all conditions at the start of a line hold.
    pub(super) fn is_meant(&self, tokens: &[Token], text: &str) -> bool {
        let words = tokens.iter().filter(|token| !token.kind.is_trivia());
        words
            .map_while(|token| {
                let raw = text.get(token.start as usize..token.end as usize).unwrap_or_default();
                raw.strip_prefix('@')
            })
            .all(|condition| self.holds(condition))
    }

    fn holds(&self, condition: &str) -> bool {
        match condition.strip_prefix('^') {
            Some(other) => other != self.config_id,
            None => condition == self.config_id,
        }
    }

    /// Where the line goes on after the condition at `start`; `None` when it is not meant.
    pub(super) fn condition(&mut self, line: &Line, start: usize) -> Option<usize> {
        let rest = line.text.get(start + 1..).unwrap_or_default();
        let Some(length) = rest.find(char::is_whitespace) else {
            let range = start..line.text.len();
            if self.is_news(code::CONDITION, line, range.clone()) {
                let place = self.place_in(line, range);
                self.report_bare_condition(place);
            }
            return None;
        };
        self.holds(rest.get(..length).unwrap_or_default()).then_some(start + 1 + length)
    }

    pub(super) fn report_bare_condition(&mut self, place: Span) {
        self.diagnostics.push(
            Diagnostic::warning(code::CONDITION, "a condition without a line")
                .primary(place, "nothing follows it on its line, so it has no effect"),
        );
    }

    /// The first line after the one at `index`, which is not meant, and after its block if it opens one.
    /// `fruitless` counts the blocks so far whose end was not found.
    pub(super) fn after_unmeant(
        index: usize,
        fruitless: &mut usize,
        shape: impl Fn(usize) -> Option<Shape>,
    ) -> usize {
        let Some(this) = shape(index) else { return index + 1 };
        let near = |mut lines: Box<dyn Iterator<Item = usize>>| {
            lines.find_map(|at| shape(at).filter(|shape| !shape.blank)).unwrap_or_else(|| Shape::of(&[], ""))
        };
        // A blank line more or less does not matter; a page of them does not belong together.
        let before = near(Box::new((index.saturating_sub(4)..index).rev()));
        let after = near(Box::new(index + 1..index + 5));
        let opens_later = this.opens == 0 && this.closes == 0 && after.starts_open;
        let opens = this.opens > this.closes || opens_later;
        let alternatives = |other: &Shape| this.is_alternative_of(other);
        let shared = alternatives(&before) || alternatives(&after);
        if !opens || shared || *fruitless >= MAX_FRUITLESS {
            return index + 1;
        }
        let mut depth = this.opens.saturating_sub(this.closes);
        let mut entered = depth > 0;
        let mut at = index + 1;
        while let Some(line) = shape(at) {
            depth += line.opens;
            entered |= line.opens > 0;
            depth = depth.saturating_sub(line.closes);
            at += 1;
            if entered && depth == 0 {
                return at;
            }
        }
        *fruitless += 1;
        index + 1
    }
}
