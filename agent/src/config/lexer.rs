//! Text → tokens. Lossless: the tokens cover the text without gap or overlap, blanks and comments included.
//!
//! Owns what a word, a quoted string, a comment and a brace are. The language is keepalived's:
//! - `#` and `!` start a comment anywhere outside quotes, also in the middle of a word; a backslash before them
//!   keeps them;
//! - braces end a word wherever they stand outside quotes (`VI_1{`), except on an `include` line, where they belong
//!   to the pattern, and in `${NAME}`; what follows a brace is like a line of its own;
//! - a quoted string ends on its line;
//! - `$NAME=…` with all its lines is one token, and so is the head of a sequence, `~SEQ(…)`: `expand` reads them.
//!
//! Refuses to judge: every text has tokens.

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Blanks within a line.
    Space,
    /// The end of a line.
    Newline,
    /// From `#` or `!` to the end of the line.
    Comment,
    /// A backslash that ends a line: the next line goes on with this one.
    Continuation,
    /// An unquoted word.
    Word,
    /// A string in double quotes, quotes included.
    Quoted,
    /// A string whose closing quote is missing, to the end of its line.
    Unterminated,
    /// `{`.
    Open,
    /// `}`.
    Close,
    /// `$NAME=…` with all its continued lines.
    Definition,
    /// `~SEQ(…)`, `~LST(…)`: what it repeats follows as tokens of their own.
    Sequence,
}

impl Kind {
    /// Does not mean anything by itself.
    pub(super) const fn is_trivia(self) -> bool {
        match self {
            Self::Space | Self::Newline | Self::Comment | Self::Continuation => true,
            Self::Word
            | Self::Quoted
            | Self::Unterminated
            | Self::Open
            | Self::Close
            | Self::Definition
            | Self::Sequence => false,
        }
    }
}

/// A token: its kind and its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token {
    /// What it is.
    pub kind: Kind,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

/// The words that include files.
pub(super) const INCLUDES: [&str; 6] =
    ["include", "includer", "includem", "includew", "includeb", "includea"];

/// All tokens of a file.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    run(text, true)
}

/// All tokens of a line in which nothing is left to be replaced: comments are gone from it, definitions carried out.
pub(super) fn words(line: &str) -> Vec<Token> {
    run(line, false)
}

fn run(text: &str, file: bool) -> Vec<Token> {
    let mut lexer = Lexer { bytes: text.as_bytes(), at: 0, tokens: Vec::new(), line: Line::Start, file };
    while lexer.at < lexer.bytes.len() {
        lexer.step();
    }
    lexer.tokens
}

/// What the line so far makes of the bytes to come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Line {
    /// Only blanks, conditions and heads of sequences so far.
    Start,
    /// The same after a brace: what follows it is like a line of its own.
    Inner,
    /// Words and braces.
    Words,
    /// After `include`: braces belong to the pattern.
    Pattern,
}

struct Lexer<'text> {
    bytes: &'text [u8],
    at: usize,
    tokens: Vec<Token>,
    line: Line,
    /// Comments, definitions and sequences are what they are in a file.
    file: bool,
}

/// The byte order mark some editors leave at the start of a file.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A NUL is none of these, but would make a word of a file that was never written; the tree reports it.
const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | 0x0b | 0x0c | 0)
}

const fn starts_comment(byte: u8) -> bool {
    matches!(byte, b'#' | b'!')
}

impl Lexer<'_> {
    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    fn push(&mut self, kind: Kind, start: usize) {
        let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        self.tokens.push(Token { kind, start: offset(start), end: offset(self.at) });
    }

    fn step(&mut self) {
        let start = self.at;
        let Some(byte) = self.peek(0) else { return };
        match byte {
            b'\n' => {
                self.at += 1;
                self.push(Kind::Newline, start);
                self.line = Line::Start;
            }
            _ if start == 0 && self.bytes.starts_with(BYTE_ORDER_MARK) => {
                self.at += BYTE_ORDER_MARK.len();
                self.push(Kind::Space, start);
            }
            byte if is_blank(byte) => {
                self.skip_while(is_blank);
                self.push(Kind::Space, start);
            }
            byte if self.file && starts_comment(byte) => {
                self.skip_line();
                self.push(Kind::Comment, start);
            }
            b'\\' if self.continues() => {
                self.skip_line();
                self.at += 1;
                self.push(Kind::Continuation, start);
            }
            b'"' => self.quoted(start),
            b'{' if self.line != Line::Pattern => self.brace(Kind::Open, start),
            b'}' if self.line != Line::Pattern => self.brace(Kind::Close, start),
            b'$' if self.file && self.starts() && self.defines() => self.definition(start),
            b'~' if self.file && self.starts() && self.is_sequence() => self.sequence(start),
            _ => self.word(start),
        }
    }

    /// Nothing was said on this line yet.
    fn starts(&self) -> bool {
        matches!(self.line, Line::Start | Line::Inner)
    }

    fn brace(&mut self, kind: Kind, start: usize) {
        self.at += 1;
        self.push(kind, start);
        self.line = Line::Inner;
    }

    fn skip_while(&mut self, wanted: impl Fn(u8) -> bool) {
        while self.peek(0).is_some_and(&wanted) {
            self.at += 1;
        }
    }

    /// To the end of the line, which stays.
    fn skip_line(&mut self) {
        self.skip_while(|byte| byte != b'\n');
    }

    /// A backslash with nothing but blanks before the end of the line.
    fn continues(&self) -> bool {
        let rest = self.bytes.get(self.at + 1..).unwrap_or_default();
        rest.iter().find(|byte| !is_blank(**byte)) == Some(&b'\n')
    }

    fn quoted(&mut self, start: usize) {
        self.at += 1;
        if self.starts() {
            self.line = Line::Words;
        }
        while let Some(byte) = self.peek(0) {
            match byte {
                b'"' => {
                    self.at += 1;
                    return self.push(Kind::Quoted, start);
                }
                b'\n' => return self.push(Kind::Unterminated, start),
                b'\\' if self.peek(1).is_some_and(|next| next != b'\n') => self.at += 2,
                _ => self.at += 1,
            }
        }
        self.push(Kind::Unterminated, start);
    }

    fn word(&mut self, start: usize) {
        while let Some(byte) = self.peek(0) {
            match byte {
                b'\n' | b'"' => break,
                byte if is_blank(byte) || (self.file && starts_comment(byte)) => break,
                b'\\' if self.continues() => break,
                // An escaped byte is part of the word; a multi-byte character starts with a byte that no other arm
                // matches, so its rest follows by the last arm.
                // A dollar is replaced all the same, as in keepalived.
                b'\\' if self.peek(1).is_some_and(|next| !matches!(next, b'\n' | b'$')) => self.at += 2,
                b'$' if self.peek(1) == Some(b'{') => self.variable(),
                b'{' | b'}' if self.line != Line::Pattern => break,
                _ => self.at += 1,
            }
        }
        self.push(Kind::Word, start);
        if self.starts() {
            let word = self.bytes.get(start..self.at).unwrap_or_default();
            let includes = INCLUDES.iter().any(|include| include.as_bytes() == word);
            // After a condition the line starts once more.
            self.line = match word.first() {
                Some(b'@') => self.line,
                _ if includes && self.line == Line::Start => Line::Pattern,
                _ => Line::Words,
            };
        }
    }

    /// `${NAME}` or `${_BUILTIN ARGUMENT}` with its braces; otherwise the dollar alone.
    fn variable(&mut self) {
        let rest = self.bytes.get(self.at + 2..).unwrap_or_default();
        let builtin = rest.first() == Some(&b'_');
        let belongs = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || (builtin && *byte == b' ');
        let name = rest.iter().take_while(|byte| belongs(byte)).count();
        let closed = rest.get(name) == Some(&b'}');
        self.at += if closed { name + 3 } else { 1 };
    }

    /// `$NAME=`.
    fn defines(&self) -> bool {
        let rest = self.bytes.get(self.at + 1..).unwrap_or_default();
        let name = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
        // `$1=` is none, as in keepalived.
        rest.first().is_some_and(|first| !first.is_ascii_digit()) && name > 0 && rest.get(name) == Some(&b'=')
    }

    /// A definition goes on while its lines end in a backslash, over lines of blanks or of a comment alone as well. An
    /// empty line ends it, as in keepalived 2.2.7.
    fn definition(&mut self, start: usize) {
        self.skip_line();
        let mut goes_on = continues_definition(self.bytes.get(start..self.at).unwrap_or_default());
        while goes_on && self.peek(0).is_some() {
            let rest = self.bytes.get(self.at + 1..).unwrap_or_default();
            let length = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
            let line = rest.get(..length).unwrap_or_default();
            if matches!(line, [] | [b'\r']) {
                break;
            }
            self.at += 1 + length;
            let first = line.iter().find(|byte| !is_blank(**byte));
            goes_on = first.is_none_or(|first| starts_comment(*first)) || continues_definition(line);
        }
        self.push(Kind::Definition, start);
    }

    /// `~NAME(`.
    fn is_sequence(&self) -> bool {
        let rest = self.bytes.get(self.at + 1..).unwrap_or_default();
        let name = rest.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        let name = rest.get(..name).unwrap_or_default();
        SEQUENCES.iter().any(|sequence| sequence.as_bytes() == name)
            && rest.get(name.len()..).and_then(|rest| rest.iter().find(|byte| !is_blank(**byte)))
                == Some(&b'(')
    }

    /// To the parenthesis that closes it; without one, to the end of the line or its comment.
    fn sequence(&mut self, start: usize) {
        self.skip_while(|byte| byte != b'\n' && byte != b')' && !starts_comment(byte));
        if self.peek(0) == Some(b')') {
            self.at += 1;
        }
        self.push(Kind::Sequence, start);
    }
}

/// The words that repeat the rest of their line.
pub(super) const SEQUENCES: [&str; 3] = ["SEQ", "SEQx", "LST"];

/// Ends in a backslash that no other one escapes, blanks aside.
pub(super) fn continues_definition(line: &[u8]) -> bool {
    let end = line.iter().rposition(|byte| !is_blank(*byte)).map_or(0, |last| last + 1);
    let backslashes = line.iter().take(end).rev().take_while(|byte| **byte == b'\\').count();
    backslashes % 2 == 1
}

/// A line without the comment at its end.
pub(super) fn without_comment(line: &str) -> &str {
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in line.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => quoted = !quoted,
            byte if starts_comment(byte) && !quoted => return line.get(..at).unwrap_or_default(),
            _ => {}
        }
    }
    line
}

#[cfg(test)]
mod tests;
