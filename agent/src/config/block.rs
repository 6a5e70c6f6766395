//! Expanded lines → statements and their blocks: the document that the model reads.
//!
//! Owns which brace belongs to what, and the one error for each that is missing or too many. A block may be opened in
//! one file and closed in another, as in keepalived. Knows no keyword: only, when braces do not balance, which words
//! open a block at the root, so that one missing brace does not swallow the rest of the config.

mod secret;

use super::{
    diagnostic::{Diagnostic, Diagnostics, code},
    keyword,
    lexer::Kind,
    source::{Sources, Span},
};

/// Deeper blocks are not read: keepalived's deepest has five levels.
const MAX_DEPTH: usize = 32;

/// A statement further right says nothing about braces by its column.
const MAX_INDENT: usize = 200;

/// A line with its block, as the model reads it.
#[derive(Clone, Debug, Default)]
pub(super) struct Statement {
    /// At least one, except for a block that follows no word and where lines are lost.
    pub words: Vec<Word>,
    /// `{ … }`.
    pub block: Option<Block>,
    /// Nothing but a mark: lines that belong here are missing, and why was said.
    pub lost: bool,
    /// A comment that starts in the middle of the last word.
    pub glued_comment: Option<Span>,
}

/// A word, without quotes and escapes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    /// What it says.
    pub value: String,
    /// Where it stands, quotes included.
    pub span: Span,
    /// It was quoted.
    pub quoted: bool,
}

/// A block.
#[derive(Clone, Debug)]
pub(super) struct Block {
    /// `{`.
    pub open: Span,
    /// `}` is there.
    pub closed: bool,
    /// What is in it.
    pub statements: Vec<Statement>,
}

impl Statement {
    fn lost() -> Self {
        Self { lost: true, ..Self::default() }
    }

    /// First word to last word.
    pub(super) fn span(&self) -> Option<Span> {
        let first = self.words.first()?.span;
        self.words.last().map(|last| first.to(last.span))
    }
}

/// A piece of the expanded config.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// An unquoted word.
    Word(Span),
    /// A string in quotes; the last one of a line may lack the closing quote.
    Quoted(Span),
    /// `{`.
    Open(Span),
    /// `}`.
    Close(Span),
    /// The end of a line.
    Newline,
    /// A comment that touches the word before it.
    Glued(Span),
    /// Lines that belong here are missing, and why was said.
    Lost,
    /// An included file starts.
    Enter,
    /// It ends.
    Leave,
}

impl Item {
    /// What a token means in a document; `None` when it is trivia.
    pub(super) const fn of(kind: Kind, span: Span) -> Option<Self> {
        match kind {
            // A definition or sequence that could not be carried out was reported; its text is a word like any other.
            Kind::Word | Kind::Definition | Kind::Sequence => Some(Self::Word(span)),
            Kind::Quoted | Kind::Unterminated => Some(Self::Quoted(span)),
            Kind::Open => Some(Self::Open(span)),
            Kind::Close => Some(Self::Close(span)),
            Kind::Newline => Some(Self::Newline),
            Kind::Space | Kind::Comment | Kind::Continuation => None,
        }
    }

    /// May stand between a line and the `{` of its block.
    const fn is_between(self) -> bool {
        match self {
            Self::Newline | Self::Glued(_) => true,
            Self::Word(_)
            | Self::Quoted(_)
            | Self::Open(_)
            | Self::Close(_)
            | Self::Lost
            | Self::Enter
            | Self::Leave => false,
        }
    }

    /// Where a word stands.
    const fn word(self) -> Option<Span> {
        match self {
            Self::Word(span) | Self::Quoted(span) => Some(span),
            Self::Open(_)
            | Self::Close(_)
            | Self::Newline
            | Self::Glued(_)
            | Self::Lost
            | Self::Enter
            | Self::Leave => None,
        }
    }
}

/// The document of expanded lines. `opens_root_block` knows the words that open a block at the root and nowhere else.
/// `whole`: nothing was cut off at its end.
pub(super) fn build(
    items: &[Item],
    opens_root_block: fn(&str) -> bool,
    whole: bool,
    sources: &mut Sources,
    diagnostics: &mut Diagnostics,
) -> Vec<Statement> {
    let read = |recover| {
        let mut builder = Builder {
            sources,
            items,
            at: 0,
            recover,
            open: Vec::new(),
            file: 0,
            faults: Diagnostics::default(),
            unbalanced: false,
            secrets: Vec::new(),
        };
        let statements = builder.root();
        (statements, builder.faults, builder.unbalanced, builder.secrets)
    };
    let (mut statements, mut faults, unbalanced, mut secrets) = read(None);
    if unbalanced && whole {
        // Only an unbalanced config is read again with the help of its files and of the root's words: in a balanced one
        // a word of the root inside an unknown block is that block's business.
        (statements, faults, _, secrets) = read(Some(opens_root_block));
    }
    if whole {
        diagnostics.append(faults);
    }
    for secret in secrets {
        sources.keep_secret(secret);
    }
    statements
}

/// A block whose `}` was not seen yet.
struct OpenBlock {
    open: Span,
    /// First word of its statement.
    head: Span,
    indent: Option<usize>,
    /// A `}` in this block's column that closed an inner block: where the missing brace probably belongs.
    suspect: Option<(Span, Span)>,
    /// How deep in includes it was opened.
    file: usize,
}

struct Builder<'a> {
    sources: &'a Sources,
    items: &'a [Item],
    at: usize,
    recover: Option<fn(&str) -> bool>,
    open: Vec<OpenBlock>,
    /// How deep in includes the reading is.
    file: usize,
    faults: Diagnostics,
    unbalanced: bool,
    secrets: Vec<Span>,
}

/// Why a list of statements ended.
#[derive(PartialEq, Eq)]
enum End {
    /// By its `}`, which was taken.
    Closed(Span),
    /// At the end of the config; when recovering also at the end of its file, or at a word of the root.
    Unclosed,
}

impl Builder<'_> {
    fn peek(&self) -> Option<Item> {
        self.items.get(self.at).copied()
    }

    fn root(&mut self) -> Vec<Statement> {
        let mut statements = Vec::new();
        loop {
            match self.statements(&mut statements) {
                End::Closed(close) => self.report_stray(close),
                End::Unclosed => {
                    self.report_unclosed(0);
                    if self.peek().is_none() {
                        return statements;
                    }
                }
            }
        }
    }

    /// Everything up to the `}` of the innermost open block.
    fn statements(&mut self, statements: &mut Vec<Statement>) -> End {
        while let Some(item) = self.peek() {
            match item {
                Item::Newline | Item::Glued(_) => self.at += 1,
                Item::Lost => {
                    self.at += 1;
                    let mut lost = Statement::lost();
                    lost.block = self.following_block(None);
                    statements.push(lost);
                }
                Item::Enter => {
                    self.at += 1;
                    self.file += 1;
                }
                Item::Leave => {
                    if self.recover.is_some() && self.opened_in_this_file() {
                        return End::Unclosed;
                    }
                    self.at += 1;
                    self.file = self.file.saturating_sub(1);
                }
                Item::Close(close) => {
                    self.at += 1;
                    if self.recover.is_none() || self.open.is_empty() || self.opened_in_this_file() {
                        return End::Closed(close);
                    }
                    self.report_stray(close);
                }
                Item::Word(_) | Item::Quoted(_) | Item::Open(_) => {
                    if !self.open.is_empty() && self.begins_root_block() {
                        return End::Unclosed;
                    }
                    self.statement(statements);
                }
            }
        }
        End::Unclosed
    }

    /// The innermost open block was opened in the file at hand, and not in one that includes it.
    fn opened_in_this_file(&self) -> bool {
        self.open.last().is_some_and(|block| block.file == self.file)
    }

    fn statement(&mut self, statements: &mut Vec<Statement>) {
        let mut statement = Statement::default();
        while let Some(item) = self.peek() {
            let Some(span) = item.word() else { break };
            self.at += 1;
            push_word(&mut statement.words, self.sources.text(span), span, matches!(item, Item::Quoted(_)));
        }
        let mut comment = None;
        if let Some(Item::Glued(glued)) = self.peek() {
            self.at += 1;
            statement.glued_comment = Some(Span { end: glued.start + 1, ..glued });
            comment = Some(glued);
        }
        self.keep_secrets(&statement, comment);
        // On the same line still: something of this line is missing.
        let lost = self.peek() == Some(Item::Lost);
        self.at += usize::from(lost);
        let head = statement.words.first().map(|word| word.span);
        statement.block = self.following_block(head);
        match &mut statement.block {
            // What is missing of a block's own line is missing of the block.
            Some(block) => block.statements.extend(lost.then(Statement::lost)),
            None => statements.extend(lost.then(Statement::lost)),
        }
        statements.push(statement);
    }

    /// The block of a line, if a `{` follows; it may stand on a later line.
    fn following_block(&mut self, head: Option<Span>) -> Option<Block> {
        let rest = self.items.get(self.at..).unwrap_or_default();
        let between = rest.iter().take_while(|item| item.is_between()).count();
        let Some(Item::Open(open)) = rest.get(between) else { return None };
        self.at += between + 1;
        Some(self.block(head.unwrap_or(*open), *open))
    }

    /// What may be a password is not shown: see [`secret`].
    fn keep_secrets(&mut self, statement: &Statement, comment: Option<Span>) {
        let block = self.open.last().map_or("", |block| self.sources.text(block.head));
        let secrets = secret::of(statement, block, comment);
        self.secrets.extend(secrets);
    }

    fn block(&mut self, head: Span, open: Span) -> Block {
        if self.open.len() >= MAX_DEPTH {
            return self.too_deep(open);
        }
        let indent = self.indent(head);
        self.open.push(OpenBlock { open, head, indent, suspect: None, file: self.file });
        let depth = self.open.len();
        let mut statements = Vec::new();
        match self.statements(&mut statements) {
            End::Closed(close) => {
                self.note_indentation(close);
                self.open.truncate(depth - 1);
                Block { open, closed: true, statements }
            }
            // Stays in `open`: the outermost block of the file, or the root, reports the whole chain as one error.
            End::Unclosed => {
                let outer = depth.checked_sub(2).and_then(|outer| self.open.get(outer));
                if self.peek() == Some(Item::Leave) && outer.is_none_or(|outer| outer.file < self.file) {
                    self.report_unclosed(depth - 1);
                }
                Block { open, closed: false, statements }
            }
        }
    }

    /// Everything up to the matching brace, without structure.
    fn too_deep(&mut self, open: Span) -> Block {
        self.faults.push(
            Diagnostic::error(code::NESTED_TOO_DEEP, format!("blocks are nested more than {MAX_DEPTH} deep"))
                .primary(open, "this block and all within it are skipped"),
        );
        let mut depth = 1_usize;
        while let Some(item) = self.peek() {
            self.at += 1;
            match item {
                Item::Open(_) => depth += 1,
                Item::Close(_) if depth == 1 => return Block { open, closed: true, statements: Vec::new() },
                Item::Close(_) => depth -= 1,
                Item::Enter => self.file += 1,
                Item::Leave => self.file = self.file.saturating_sub(1),
                Item::Word(_) | Item::Quoted(_) | Item::Newline | Item::Glued(_) | Item::Lost => {}
            }
        }
        Block { open, closed: false, statements: Vec::new() }
    }

    /// Inside a block, in a config whose braces do not balance: a statement that can only stand at the root.
    fn begins_root_block(&self) -> bool {
        let Some(opens_root_block) = self.recover else { return false };
        let Some(Item::Word(span)) = self.peek() else { return false };
        if !opens_root_block(self.sources.text(span)) {
            return false;
        }
        // A line that no brace follows is taken for a value of that name.
        let own = |item: &&Item| item.word().is_some() || **item == Item::Lost;
        let mut rest = self.items.iter().skip(self.at).skip_while(own);
        rest.find(|item| !item.is_between()).is_some_and(|item| matches!(item, Item::Open(_)))
            && self.stands_first_on_its_line()
    }

    fn stands_first_on_its_line(&self) -> bool {
        let before = self.at.checked_sub(1).and_then(|before| self.items.get(before));
        before.is_none_or(|before| matches!(before, Item::Newline | Item::Enter | Item::Leave | Item::Lost))
    }

    /// Columns before a word that is the first on its line; `None` when it is not, or stands too far right to matter.
    fn indent(&self, span: Span) -> Option<usize> {
        let text = self.sources.all_of(span.source);
        let before = text.as_bytes().get(..span.start as usize).unwrap_or_default();
        let blanks =
            before.iter().rev().take(MAX_INDENT).take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let line_start = before.len() == blanks || before.get(before.len() - blanks - 1) == Some(&b'\n');
        line_start.then_some(blanks)
    }

    /// A `}` alone in the column of an outer block, but not in that of the block it closes, shows where the brace is
    /// probably missing.
    fn note_indentation(&mut self, close: Span) {
        let indent = self.indent(close);
        let Some((closed, outer)) = self.open.split_last_mut() else { return };
        if indent.is_some()
            && closed.indent != indent
            && let Some(block) = outer.iter_mut().find(|block| block.indent == indent)
        {
            block.suspect.get_or_insert((closed.head, close));
        }
    }

    fn report_stray(&mut self, close: Span) {
        self.unbalanced = true;
        self.faults.push(
            Diagnostic::error(code::STRAY_BRACE, "a `}` closes nothing")
                .primary(close, "no block is open here")
                .help("remove it, or add the `{` that it belongs to"),
        );
    }

    /// One error for all blocks that are still open, but for the first `kept`.
    fn report_unclosed(&mut self, kept: usize) {
        let open = self.open.split_off(kept.min(self.open.len()));
        let Some((outermost, inner)) = open.split_first() else { return };
        self.unbalanced = true;
        // From its first word up to the brace: `vrrp_instance VI_1`.
        let head = match outermost.head.source == outermost.open.source {
            true => Span { end: outermost.open.start, ..outermost.head },
            false => outermost.head,
        };
        let name: Vec<&str> = self.sources.text(head).split_whitespace().take(2).collect();
        let name = name.join(" ");
        let mut fault =
            Diagnostic::error(code::UNCLOSED_BLOCK, format!("a block of `{name}` is never closed"))
                .primary(outermost.open, "this `{` has no `}`");
        for block in inner {
            fault = fault.secondary(block.open, "nor has this one");
        }
        if let Some((head, close)) = outermost.suspect {
            let inner = self.sources.text(head);
            let label = format!(
                "closes `{inner}`, but stands in the column of `{name}`: is a `}}` missing before it?"
            );
            fault = fault.secondary(close, label);
        }
        self.faults.push(fault.help("add the missing `}`"));
    }
}

/// Adds a token to the words. A string that touches a word is a word of its own, as in keepalived: `a"b c"` are two.
fn push_word(words: &mut Vec<Word>, raw: &str, span: Span, quoted: bool) {
    let mut value = if quoted {
        let inner = raw.strip_prefix('"').unwrap_or(raw);
        inner.strip_suffix('"').unwrap_or(inner)
    } else {
        raw
    }
    .to_owned();
    if value.contains('\\') {
        value =
            if quoted { value.replace("\\\"", "\"") } else { value.replace("\\#", "#").replace("\\!", "!") };
    }
    words.push(Word { value, span, quoted });
}

#[cfg(test)]
mod tests;
