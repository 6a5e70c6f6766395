//! Tree → one document: includes replaced by what they include, trivia left behind.
//!
//! Includes and the limits of a config as a whole are in [`include`]. A word's span names its source, and a source names the place that included
//! it: that is the word's chain of origins. Variables (`$NAME`), sequences (`~SEQ`) and conditional lines (`@id`) are
//! recognised here and marked as [`Obstacle`]; step 4 of the language puts their expansion in this place.

mod include;

use std::{collections::BTreeSet, path::PathBuf};

use super::{
    diagnostic::Diagnostics,
    keyword,
    lexer::{INCLUDES, Kind, Token},
    source::{SourceId, Sources, Span},
    tree::{self, Node, Tree},
};

/// A line with its block, as the model reads it.
#[derive(Clone, Debug, Default)]
pub(super) struct Statement {
    /// At least one, except for a block that follows no word.
    pub words: Vec<Word>,
    /// `{ … }`.
    pub block: Option<Block>,
    /// Why it cannot be read yet.
    pub obstacle: Option<Obstacle>,
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
    /// It was quoted, at least in part.
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

/// A construct of the language that is not supported yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Obstacle {
    /// `$NAME=…`.
    Definition(Span),
    /// `~SEQ(…)`.
    Sequence(Span),
    /// `@id`.
    Condition(Span),
    /// The use of a variable.
    Variable(Span),
    /// An include that failed and was diagnosed: the lines it stood for are missing.
    Lost,
}

impl Statement {
    /// First word to last word.
    pub(super) fn span(&self) -> Option<Span> {
        let first = self.words.first()?.span;
        self.words.last().map(|last| first.to(last.span))
    }
}

/// Where includes may be read from.
pub(super) enum Files {
    /// The file system; the root file lies here.
    Beside(PathBuf),
    /// Nowhere: the text is not a file.
    None,
}

/// Reads the root text with all that it includes. The second value is the root's own tree.
pub(super) fn expand(
    root: SourceId,
    files: &Files,
    opens_root_block: fn(&str) -> bool,
    sources: &mut Sources,
    diagnostics: &mut Diagnostics,
) -> (Vec<Statement>, Tree) {
    let mut expander = Expander {
        files,
        opens_root_block,
        sources,
        diagnostics,
        names: BTreeSet::new(),
        chain: Vec::new(),
        bytes: 0,
        full: false,
        lost: false,
    };
    let tree = expander.parse(root);
    if let Files::Beside(path) = files {
        expander.chain.push((include::identity(path), path.clone()));
    }
    let mut statements = Vec::new();
    expander.nodes(&tree.nodes, root, &mut statements);
    let names = expander.names;
    mark_variables(&mut statements, &names);
    (statements, tree)
}

struct Expander<'a> {
    files: &'a Files,
    opens_root_block: fn(&str) -> bool,
    sources: &'a mut Sources,
    diagnostics: &'a mut Diagnostics,
    /// Variables that some line defines.
    names: BTreeSet<String>,
    /// The files that are open, the root first: which file, and its path as it was written.
    chain: Vec<(PathBuf, PathBuf)>,
    bytes: usize,
    /// A limit was reached and reported.
    full: bool,
    /// The include at hand failed at least in part.
    lost: bool,
}

impl Expander<'_> {
    fn parse(&mut self, source: SourceId) -> Tree {
        let text = self.sources.get(source).map(|source| source.text.clone()).unwrap_or_default();
        self.bytes += text.len();
        tree::parse(source, &text, self.opens_root_block, self.diagnostics)
    }

    fn nodes(&mut self, nodes: &[Node], source: SourceId, statements: &mut Vec<Statement>) {
        for node in nodes {
            // Tokens between statements are trivia, or were diagnosed by the tree.
            let Node::Statement(statement) = node else { continue };
            let mut read = self.statement(statement, source);
            let include = read
                .words
                .first()
                .is_some_and(|word| !word.quoted && INCLUDES.contains(&word.value.as_str()));
            if include {
                self.include(&read, statements);
                continue;
            }
            if let Some(block) = &statement.block {
                let mut inner = Vec::new();
                self.nodes(&block.nodes, source, &mut inner);
                let open = Span { source, start: block.open.start, end: block.open.end };
                read.block = Some(Block { open, closed: block.close.is_some(), statements: inner });
            }
            statements.push(read);
        }
    }

    /// Words and obstacles of one statement, without its block.
    fn statement(&mut self, statement: &tree::Statement, source: SourceId) -> Statement {
        let text = self.sources.get(source).map(|source| source.text.clone()).unwrap_or_default();
        let slice = |token: &Token| text.get(token.start as usize..token.end as usize).unwrap_or_default();
        let mut read = Statement::default();
        let mut glued = false;
        for token in &statement.tokens {
            let span = Span { source, start: token.start, end: token.end };
            match token.kind {
                Kind::Definition => {
                    read.obstacle = Some(Obstacle::Definition(span));
                    self.names.extend(definition_name(slice(token)).map(str::to_owned));
                }
                Kind::Sequence => read.obstacle = Some(Obstacle::Sequence(span)),
                Kind::Word | Kind::Quoted | Kind::Unterminated => {
                    push_word(&mut read.words, slice(token), span, token.kind != Kind::Word, glued);
                }
                Kind::Space
                | Kind::Newline
                | Kind::Comment
                | Kind::Continuation
                | Kind::Open
                | Kind::Close => {}
            }
            glued = matches!(token.kind, Kind::Word | Kind::Quoted | Kind::Unterminated);
        }
        if let Some(last) = read.words.last() {
            let after = text.as_bytes().get(last.span.end as usize);
            if matches!(after, Some(b'#' | b'!')) {
                read.glued_comment = Some(Span { source, start: last.span.end, end: last.span.end + 1 });
            }
        }
        self.keep_password(&read, &text);
        if let Some(first) = read.words.first()
            && first.value.starts_with('@')
            && !first.quoted
        {
            read.obstacle = Some(Obstacle::Condition(first.span));
            let second = read.words.get(1).filter(|second| second.value.contains('='));
            self.names.extend(second.and_then(|second| definition_name(&second.value)).map(str::to_owned));
        }
        read
    }

    /// What follows `auth_pass`, or a slip for it, is not shown; nor is a comment that may be the rest of it.
    fn keep_password(&mut self, statement: &Statement, text: &str) {
        let Some(at) = statement.words.iter().position(|word| is_password_word(&word.value)) else { return };
        for word in statement.words.iter().skip(at + 1) {
            self.sources.keep_secret(word.span);
        }
        if let Some(comment) = statement.glued_comment {
            let rest = text.get(comment.start as usize..).unwrap_or_default();
            let length = rest.find('\n').unwrap_or(rest.len());
            let end = comment.start.saturating_add(u32::try_from(length).unwrap_or(u32::MAX));
            self.sources.keep_secret(Span { end, ..comment });
        }
    }
}

fn is_password_word(word: &str) -> bool {
    word.starts_with("auth_p") || keyword::nearest(word, ["auth_pass"].into_iter()).is_some()
}

/// Adds a token to the words; strings and words that touch are one word (`a"b c"d`).
fn push_word(words: &mut Vec<Word>, raw: &str, span: Span, quoted: bool, glued: bool) {
    let value = if quoted {
        let inner = raw.strip_prefix('"').unwrap_or(raw);
        inner.strip_suffix('"').unwrap_or(inner).replace("\\\"", "\"")
    } else {
        raw.replace("\\#", "#").replace("\\!", "!")
    };
    match words.last_mut().filter(|_| glued) {
        Some(last) => {
            last.value.push_str(&value);
            last.span = last.span.to(span);
            last.quoted |= quoted;
        }
        None => words.push(Word { value, span, quoted }),
    }
}

fn definition_name(definition: &str) -> Option<&str> {
    definition.strip_prefix('$').and_then(|rest| rest.split('=').next())
}

/// Marks statements that use a variable.
fn mark_variables(statements: &mut [Statement], names: &BTreeSet<String>) {
    for statement in statements {
        if statement.obstacle.is_none() {
            let word = statement.words.iter().find(|word| uses_variable(&word.value, names));
            statement.obstacle = word.map(|word| Obstacle::Variable(word.span));
        }
        if let Some(block) = &mut statement.block {
            mark_variables(&mut block.statements, names);
        }
    }
}

/// `${…}`, or `$NAME` of a name that some line defines: a lone dollar in a password stays a dollar.
fn uses_variable(word: &str, names: &BTreeSet<String>) -> bool {
    word.split('$').skip(1).any(|rest| {
        let end = rest.find(|byte: char| !byte.is_ascii_alphanumeric() && byte != '_').unwrap_or(rest.len());
        let braced = rest.starts_with('{') && rest.contains('}');
        braced || rest.get(..end).is_some_and(|name| names.contains(name))
    })
}
