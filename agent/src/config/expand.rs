//! Tree → one document: includes replaced by what they include, trivia left behind.
//!
//! Owns the limits of a config as a whole. A word's span names its source, and a source names the place that included
//! it: that is the word's chain of origins. Variables (`$NAME`), sequences (`~SEQ`) and conditional lines (`@id`) are
//! recognised here and marked as [`Obstacle`]; step 4 of the language puts their expansion in this place.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use super::{
    diagnostic::{Diagnostic, Diagnostics, Severity, code},
    file, glob,
    lexer::{INCLUDES, Kind, Token},
    source::{SourceId, Sources, Span},
    tree::{self, Node, Tree},
};

/// Files in one config.
const MAX_FILES: usize = 1_000;
/// Includes within includes.
const MAX_INCLUDE_DEPTH: usize = 16;
/// Bytes of all files of one config together.
const MAX_TOTAL_BYTES: usize = 2 * file::MAX_BYTES;

/// A line with its block, as the model reads it.
#[derive(Clone, Debug)]
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
    };
    let tree = expander.parse(root);
    if let Files::Beside(path) = files {
        expander.chain.push(identity(path));
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
    /// The files that are open, the root first.
    chain: Vec<PathBuf>,
    bytes: usize,
    /// A limit was reached and reported.
    full: bool,
}

/// One file however its path is written.
fn identity(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
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
        let mut read = Statement { words: Vec::new(), block: None, obstacle: None, glued_comment: None };
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
        if let Some(password) = read.words.iter().position(|word| word.value == "auth_pass")
            && let Some(after) = read.words.get(password)
        {
            // To the end of the line: what follows a `#` in it may be part of it all the same.
            let rest = text.get(after.span.end as usize..).unwrap_or_default();
            let length = rest.find('\n').unwrap_or(rest.len());
            let end = after.span.end.saturating_add(u32::try_from(length).unwrap_or(u32::MAX));
            self.sources.keep_secret(Span { source, start: after.span.end, end });
        }
        if let Some(first) = read.words.first()
            && first.value.starts_with('@')
            && !first.quoted
        {
            read.obstacle = Some(Obstacle::Condition(first.span));
        }
        read
    }

    fn include(&mut self, statement: &Statement, statements: &mut Vec<Statement>) {
        let (Some(word), Some(whole)) = (statement.words.first(), statement.span()) else { return };
        let Some(pattern) = statement.words.get(1) else {
            self.diagnostics.push(
                Diagnostic::error(code::MISSING_VALUE, format!("`{}` lacks the file to include", word.value))
                    .primary(word.span, "a path or pattern is expected after this"),
            );
            return;
        };
        let Files::Beside(root) = self.files else {
            self.diagnostics.push(
                Diagnostic::error(code::INCLUDE_NO_FILES, format!("`{}` is not read", pattern.value))
                    .primary(whole, "this text is not a file, so there is nothing to include from"),
            );
            return;
        };
        let directory = self.chain.last().unwrap_or(root).parent().map(Path::to_owned).unwrap_or_default();
        let demands = Demands::of(&word.value);
        let matches = glob::matches(&directory, &pattern.value);
        self.report_matches(&matches, pattern, demands);
        for path in matches.files() {
            self.include_file(&path, whole, demands, glob::has_wildcard(&pattern.value), statements);
        }
    }

    fn report_matches(&mut self, matches: &glob::Matches, pattern: &Word, demands: Demands) {
        if matches.cut {
            self.diagnostics.push(
                Diagnostic::error(code::INCLUDE_LIMIT, format!("`{}` matches too many files", pattern.value))
                    .primary(pattern.span, format!("only the first {} are read", glob::MAX_MATCHES)),
            );
        }
        let wildcard = glob::has_wildcard(&pattern.value);
        for alternative in matches.alternatives.iter().filter(|alternative| alternative.paths.is_empty()) {
            let demanded = demands.each_alternative
                || (demands.wildcards && glob::has_wildcard(&alternative.pattern))
                || (demands.any && matches.is_empty());
            let severity = match (demanded, wildcard) {
                (true, _) => Severity::Error,
                (false, true) => Severity::Note,
                (false, false) => Severity::Warning,
            };
            self.diagnostics.push(
                Diagnostic::new(
                    severity,
                    code::INCLUDE_NOTHING,
                    format!("`{}` matches no file", alternative.pattern),
                )
                .primary(pattern.span, "nothing is included for this")
                .help("a relative path starts at the directory of the file that includes it"),
            );
        }
    }

    fn include_file(
        &mut self,
        path: &Path,
        from: Span,
        demands: Demands,
        wildcard: bool,
        statements: &mut Vec<Statement>,
    ) {
        let identity = identity(path);
        if self.chain.contains(&identity) {
            self.diagnostics.push(
                Diagnostic::error(code::INCLUDE_CYCLE, format!("`{}` would include itself", path.display()))
                    .primary(from, "this include is skipped"),
            );
            return;
        }
        if path.is_dir() && wildcard && !demands.readable {
            return;
        }
        if self.is_full(from) {
            return;
        }
        let text = match file::read(path) {
            Ok(text) => text,
            Err(error) => {
                self.diagnostics.push(
                    Diagnostic::error(code::INCLUDE_UNREADABLE, error.to_string())
                        .primary(from, "this include is skipped"),
                );
                return;
            }
        };
        let source = self.sources.add(path.display().to_string(), text.into(), Some(from));
        let tree = self.parse(source);
        self.chain.push(identity);
        self.nodes(&tree.nodes, source, statements);
        self.chain.pop();
    }

    /// Reports a limit once.
    fn is_full(&mut self, from: Span) -> bool {
        let reason = if self.chain.len() > MAX_INCLUDE_DEPTH {
            format!("files are included more than {MAX_INCLUDE_DEPTH} deep")
        } else if self.sources.count() > MAX_FILES {
            format!("the config has more than {MAX_FILES} files")
        } else if self.bytes > MAX_TOTAL_BYTES {
            format!("the config has more than {} MiB", MAX_TOTAL_BYTES >> 20)
        } else {
            return false;
        };
        if !self.full {
            self.full = true;
            self.diagnostics.push(
                Diagnostic::error(code::INCLUDE_LIMIT, reason)
                    .primary(from, "this and what follows is not included"),
            );
        }
        true
    }
}

/// What an include word demands of its pattern.
#[derive(Clone, Copy, Default)]
struct Demands {
    /// Every match is a file that can be read.
    readable: bool,
    /// At least one file matches.
    any: bool,
    /// Every part with a wildcard matches a file.
    wildcards: bool,
    /// Every alternative of `{a,b}` matches a file.
    each_alternative: bool,
}

impl Demands {
    fn of(word: &str) -> Self {
        match word {
            "includer" => Self { readable: true, ..Self::default() },
            "includem" => Self { any: true, ..Self::default() },
            "includew" => Self { wildcards: true, ..Self::default() },
            "includeb" => Self { each_alternative: true, ..Self::default() },
            "includea" => Self { readable: true, any: true, wildcards: true, each_alternative: true },
            _ => Self::default(),
        }
    }
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
