//! Tokens → lossless tree of one file: its lines, and the tokens of each.
//!
//! Owns what one line is: the words up to the end of a line that no backslash continues, or a whole definition.
//! Printing a tree gives the text back byte for byte. Knows no blocks: a brace may come by a variable, stand on a line
//! that is meant for another host, or in another file, so blocks are found when all that has been settled (`block`).

use super::{
    diagnostic::{Diagnostic, Diagnostics, code},
    lexer::{self, Kind, Token},
    source::{SourceId, Span},
};

/// keepalived reads lines into a buffer of 1024 bytes, and takes the rest for another line.
const LONGEST_LINE: usize = 1023;

/// One file.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    /// In order, without gap or overlap.
    tokens: Vec<Token>,
    /// For each line, one past its last token.
    ends: Vec<usize>,
}

impl Tree {
    /// The tree of a text.
    pub(super) fn parse(text: &str) -> Self {
        let tokens = lexer::tokens(text);
        let mut ends: Vec<usize> = Vec::new();
        ends.extend((1..).zip(&tokens).filter(|(_, token)| token.kind == Kind::Newline).map(|(end, _)| end));
        if ends.last() != Some(&tokens.len()) {
            ends.push(tokens.len());
        }
        Self { tokens, ends }
    }

    /// The lines, each with its end.
    pub(super) fn lines(&self) -> impl Iterator<Item = &[Token]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| self.tokens.get(start..*end).unwrap_or_default())
    }

    /// How many lines.
    pub(super) fn count(&self) -> usize {
        self.ends.len()
    }

    /// A line; empty past the last one.
    pub(super) fn line(&self, index: usize) -> &[Token] {
        let start = index.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        let end = self.ends.get(index).copied().unwrap_or(start);
        self.tokens.get(start..end).unwrap_or_default()
    }

    /// The text that the tree was read from.
    pub(super) fn print(&self, text: &str) -> String {
        let mut printed = String::with_capacity(text.len());
        for token in self.lines().flatten() {
            printed.push_str(text.get(token.start as usize..token.end as usize).unwrap_or_default());
        }
        printed
    }

    /// What can be said about a file by its text alone.
    pub(super) fn report(&self, source: SourceId, text: &str, diagnostics: &mut Diagnostics) {
        if let Some(at) = text.find('\0') {
            let start = offset(at);
            let count = text.bytes().filter(|byte| *byte == 0).count();
            diagnostics.push(
                Diagnostic::error(
                    code::NUL_BYTE,
                    format!("the file holds {count} NUL bytes: it is not text"),
                )
                .primary(Span { source, start, end: start + 1 }, "the first one; they are read as blanks")
                .help("was the host lost while the file was written? write it anew"),
            );
        }
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            let length = line.trim_end_matches(['\r', '\n']).len();
            if length > LONGEST_LINE && !lexer::without_comment(line).trim().is_empty() {
                let span = Span { source, start: offset(start), end: offset(start + length) };
                diagnostics.push(
                    Diagnostic::note(code::LONG_LINE, format!("a line of {length} bytes"))
                        .primary(span, format!("keepalived reads {LONGEST_LINE} bytes of a line at most"))
                        .help("here all of it is read"),
                );
            }
            start += line.len();
        }
        for line in self.lines() {
            let Some(at) = line.iter().position(|token| token.kind == Kind::Continuation) else { continue };
            let says = |tokens: &[Token]| tokens.iter().any(|token| !token.kind.is_trivia());
            let (before, after) = line.split_at(at);
            if let Some(token) = after.first().filter(|_| says(before) && says(after)) {
                let span = Span { source, start: token.start, end: token.start + 1 };
                diagnostics.push(
                    Diagnostic::note(code::CONTINUED_LINE, "a line is continued by a backslash")
                        .primary(span, "the next line goes on with this one")
                        .help("keepalived continues nothing but definitions this way"),
                );
            }
        }
    }
}

fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
