//! Text → tokens. Lossless: the tokens cover the text without gap or overlap, blanks and comments included.
//!
//! Owns what a word, a quoted string, a comment and a brace are. The language is keepalived's:
//! - `#` and `!` start a comment anywhere outside quotes, also in the middle of a word; a backslash before them
//!   keeps them;
//! - braces end a word wherever they stand outside quotes (`VI_1{`), except on an `include` line, where they belong
//!   to the pattern, and in `${NAME}`;
//! - a quoted string ends on its line;
//! - `$NAME=…` and `~SEQ(…)` lines are one token each: step 4 of the language reads them.
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
    /// `~SEQ(…) …`, `~LST(…) …`: to the end of the line.
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

/// All tokens of a text.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut lexer = Lexer { bytes: text.as_bytes(), at: 0, tokens: Vec::new(), line: Line::Start };
    while lexer.at < lexer.bytes.len() {
        lexer.step();
    }
    lexer.tokens
}

/// What the line so far makes of the bytes to come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Line {
    /// Only blanks so far.
    Start,
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
}

/// The byte order mark some editors leave at the start of a file.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | 0x0b | 0x0c)
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
            byte if starts_comment(byte) => {
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
            b'$' if self.line == Line::Start && self.defines() => self.definition(start),
            b'~' if self.line == Line::Start && self.is_sequence() => {
                self.skip_line();
                self.push(Kind::Sequence, start);
            }
            _ => self.word(start),
        }
    }

    fn brace(&mut self, kind: Kind, start: usize) {
        self.at += 1;
        self.push(kind, start);
        self.line = Line::Words;
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
        if self.line == Line::Start {
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
                byte if is_blank(byte) || starts_comment(byte) => break,
                b'\\' if self.continues() => break,
                // An escaped byte is part of the word; a multi-byte character starts with a byte that no other arm
                // matches, so its rest follows by the last arm.
                b'\\' if self.peek(1).is_some_and(|next| next != b'\n') => self.at += 2,
                b'$' if self.peek(1) == Some(b'{') => self.variable(),
                b'{' | b'}' if self.line != Line::Pattern => break,
                _ => self.at += 1,
            }
        }
        self.push(Kind::Word, start);
        if self.line == Line::Start {
            let word = self.bytes.get(start..self.at).unwrap_or_default();
            let includes = INCLUDES.iter().any(|include| include.as_bytes() == word);
            self.line = if includes { Line::Pattern } else { Line::Words };
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
        name > 0 && rest.get(name) == Some(&b'=')
    }

    /// A definition goes on while its lines end in a backslash; blank lines between them do not end it.
    fn definition(&mut self, start: usize) {
        loop {
            let line = self.at;
            self.skip_line();
            let text = self.bytes.get(line..self.at).unwrap_or_default();
            if text.iter().rfind(|byte| !is_blank(**byte)) != Some(&b'\\') || self.peek(0).is_none() {
                break;
            }
            while self.next_line_is_blank() {
                self.at += 1;
                self.skip_line();
            }
            self.at = (self.at + 1).min(self.bytes.len());
        }
        self.push(Kind::Definition, start);
    }

    /// At the end of a line: another line follows, and it is blank.
    fn next_line_is_blank(&self) -> bool {
        let rest = self.bytes.get(self.at + 1..).unwrap_or_default();
        rest.iter().find(|byte| !is_blank(**byte)) == Some(&b'\n')
    }

    /// `~NAME(`.
    fn is_sequence(&self) -> bool {
        let rest = self.bytes.get(self.at + 1..).unwrap_or_default();
        let name = rest.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        name > 0 && rest.get(name) == Some(&b'(')
    }
}

#[cfg(test)]
mod tests;
