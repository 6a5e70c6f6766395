//! Tokens → lossless tree: statements, their blocks, and all trivia between them.
//!
//! Owns which brace belongs to what, and the one error for each that is missing or too many. Printing a tree gives
//! the text back byte for byte. Knows no keyword: only, when braces do not balance, which words open a block at the
//! root, so that one missing brace does not swallow the rest of the file.

use super::{
    diagnostic::{Diagnostic, Diagnostics, code},
    lexer::{self, Kind, Token},
    source::{SourceId, Span},
};

/// Deeper blocks are not read: keepalived's deepest has five levels.
const MAX_DEPTH: usize = 32;

/// A statement further right says nothing about braces by its column.
const MAX_INDENT: usize = 200;

/// One file.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    /// The file, in order.
    pub nodes: Vec<Node>,
}

/// A piece of a file or block.
#[derive(Clone, Debug)]
pub(super) enum Node {
    /// Between statements: trivia, or a brace that was diagnosed.
    Token(Token),
    /// A line that says something, with its block.
    Statement(Statement),
}

/// Words of one line, and the block that follows.
#[derive(Clone, Debug)]
pub(super) struct Statement {
    /// Words and the trivia between them and before the block.
    pub tokens: Vec<Token>,
    /// `{ … }`.
    pub block: Option<Block>,
}

/// `{ … }`.
#[derive(Clone, Debug)]
pub(super) struct Block {
    /// `{`.
    pub open: Token,
    /// What is in it.
    pub nodes: Vec<Node>,
    /// `}`; `None` when it is missing.
    pub close: Option<Token>,
}

impl Tree {
    /// The text that the tree was read from.
    pub(super) fn print(&self, text: &str) -> String {
        let mut printed = String::with_capacity(text.len());
        print_nodes(&self.nodes, text, &mut printed);
        printed
    }
}

fn print_nodes(nodes: &[Node], text: &str, printed: &mut String) {
    let print = |token: &Token, printed: &mut String| {
        printed.push_str(text.get(token.start as usize..token.end as usize).unwrap_or_default());
    };
    for node in nodes {
        match node {
            Node::Token(token) => print(token, printed),
            Node::Statement(statement) => {
                statement.tokens.iter().for_each(|token| print(token, printed));
                if let Some(block) = &statement.block {
                    print(&block.open, printed);
                    print_nodes(&block.nodes, text, printed);
                    block.close.iter().for_each(|token| print(token, printed));
                }
            }
        }
    }
}

/// The tree of a text. `opens_root_block` knows the words that open a block at the root and nowhere else.
pub(super) fn parse(
    source: SourceId,
    text: &str,
    opens_root_block: fn(&str) -> bool,
    diagnostics: &mut Diagnostics,
) -> Tree {
    let tokens = lexer::tokens(text);
    for token in tokens.iter().filter(|token| token.kind == Kind::Unterminated) {
        let span = Span { source, start: token.start, end: token.end };
        diagnostics.push(
            Diagnostic::error(code::UNTERMINATED_QUOTE, "a quoted string is not closed on its line")
                .primary(span, "this quote is never closed; the string is taken to end with the line")
                .help("add the closing `\"`"),
        );
    }
    let read = |recover| {
        let (open, faults) = (Vec::new(), Diagnostics::default());
        let mut builder =
            Builder { source, text, tokens: &tokens, at: 0, recover, open, faults, unbalanced: false };
        let nodes = builder.root();
        (nodes, builder.faults, builder.unbalanced)
    };
    let (mut nodes, mut faults, unbalanced) = read(None);
    if unbalanced {
        // Only an unbalanced file is read again with the help of the root's words: in a balanced one a word of the
        // root inside an unknown block is that block's business.
        (nodes, faults, _) = read(Some(opens_root_block));
    }
    diagnostics.append(faults);
    Tree { nodes }
}

/// A block whose `}` was not seen yet.
struct OpenBlock {
    open: Token,
    /// First token of its statement.
    head: Token,
    indent: Option<usize>,
    /// A `}` in this block's column that closed an inner block: where the missing brace probably belongs.
    suspect: Option<(Token, Token)>,
}

struct Builder<'text> {
    source: SourceId,
    text: &'text str,
    tokens: &'text [Token],
    at: usize,
    recover: Option<fn(&str) -> bool>,
    open: Vec<OpenBlock>,
    faults: Diagnostics,
    unbalanced: bool,
}

/// Why a list of nodes ended.
#[derive(PartialEq, Eq)]
enum End {
    /// By its `}`, which was taken.
    Closed(Token),
    /// At the end of the file, or at a word of the root.
    Unclosed,
}

impl Builder<'_> {
    fn span(&self, token: Token) -> Span {
        Span { source: self.source, start: token.start, end: token.end }
    }

    fn slice(&self, token: Token) -> &str {
        self.text.get(token.start as usize..token.end as usize).unwrap_or_default()
    }

    fn peek(&self) -> Option<Token> {
        self.tokens.get(self.at).copied()
    }

    fn root(&mut self) -> Vec<Node> {
        let mut nodes = Vec::new();
        loop {
            let (more, end) = self.nodes();
            nodes.extend(more);
            match end {
                End::Closed(token) => {
                    self.report_stray(token);
                    nodes.push(Node::Token(token));
                }
                End::Unclosed => {
                    self.report_unclosed();
                    if self.peek().is_none() {
                        return nodes;
                    }
                }
            }
        }
    }

    /// Everything up to the `}` of the innermost open block.
    fn nodes(&mut self) -> (Vec<Node>, End) {
        let mut nodes = Vec::new();
        while let Some(token) = self.peek() {
            match token.kind {
                Kind::Space | Kind::Newline | Kind::Comment | Kind::Continuation => {
                    self.at += 1;
                    nodes.push(Node::Token(token));
                }
                Kind::Close => {
                    self.at += 1;
                    return (nodes, End::Closed(token));
                }
                Kind::Word
                | Kind::Quoted
                | Kind::Unterminated
                | Kind::Definition
                | Kind::Sequence
                | Kind::Open => {
                    if !self.open.is_empty() && self.begins_root_block() {
                        return (nodes, End::Unclosed);
                    }
                    nodes.push(self.statement());
                }
            }
        }
        (nodes, End::Unclosed)
    }

    fn statement(&mut self) -> Node {
        let mut tokens = Vec::new();
        let start = self.at;
        while let Some(token) = self.peek() {
            match token.kind {
                Kind::Newline | Kind::Comment | Kind::Open | Kind::Close => break,
                Kind::Definition | Kind::Sequence => {
                    // Whole lines of their own, which never take a block.
                    self.at += 1;
                    return Node::Statement(Statement { tokens: vec![token], block: None });
                }
                Kind::Space | Kind::Continuation | Kind::Word | Kind::Quoted | Kind::Unterminated => {
                    self.at += 1;
                    tokens.push(token);
                }
            }
        }
        // The brace may stand on a later line.
        let trivia = self.tokens.iter().skip(self.at).take_while(|token| token.kind.is_trivia()).count();
        let next = self.tokens.get(self.at + trivia).copied();
        let block = match next.filter(|token| token.kind == Kind::Open) {
            Some(open) => {
                tokens.extend(self.tokens.iter().skip(self.at).take(trivia));
                self.at += trivia + 1;
                let head = self.tokens.get(start).copied().unwrap_or(open);
                Some(self.block(head, open))
            }
            None => None,
        };
        Node::Statement(Statement { tokens, block })
    }

    fn block(&mut self, head: Token, open: Token) -> Block {
        if self.open.len() >= MAX_DEPTH {
            return self.too_deep(open);
        }
        self.open.push(OpenBlock { open, head, indent: self.indent(head), suspect: None });
        let depth = self.open.len();
        let (nodes, end) = self.nodes();
        match end {
            End::Closed(close) => {
                self.note_indentation(close);
                self.open.truncate(depth - 1);
                Block { open, nodes, close: Some(close) }
            }
            // Stays in `open`: the root reports the whole chain as one error.
            End::Unclosed => Block { open, nodes, close: None },
        }
    }

    /// Everything up to the matching brace, without structure.
    fn too_deep(&mut self, open: Token) -> Block {
        self.faults.push(
            Diagnostic::error(code::NESTED_TOO_DEEP, format!("blocks are nested more than {MAX_DEPTH} deep"))
                .primary(self.span(open), "this block and all within it are skipped"),
        );
        let (mut nodes, mut depth) = (Vec::new(), 1_usize);
        while let Some(token) = self.peek() {
            self.at += 1;
            if token.kind == Kind::Open {
                depth += 1;
            } else if token.kind == Kind::Close {
                depth -= 1;
                if depth == 0 {
                    return Block { open, nodes, close: Some(token) };
                }
            }
            nodes.push(Node::Token(token));
        }
        Block { open, nodes, close: None }
    }

    /// Inside a block, in a file whose braces do not balance: a statement that can only stand at the root.
    fn begins_root_block(&self) -> bool {
        let Some(opens_root_block) = self.recover else { return false };
        if !self.peek().is_some_and(|token| token.kind == Kind::Word && opens_root_block(self.slice(token))) {
            return false;
        }
        // A line that no brace follows is taken for a value of that name.
        let mut rest = self.tokens.iter().skip(self.at).skip_while(|token| {
            matches!(
                token.kind,
                Kind::Word | Kind::Quoted | Kind::Unterminated | Kind::Space | Kind::Continuation
            )
        });
        rest.find(|token| !token.kind.is_trivia()).is_some_and(|token| token.kind == Kind::Open)
            && self.stands_first_on_its_line()
    }

    fn stands_first_on_its_line(&self) -> bool {
        let before = self.tokens.get(..self.at).unwrap_or_default();
        before
            .iter()
            .rev()
            .find(|token| token.kind != Kind::Space)
            .is_none_or(|token| token.kind == Kind::Newline)
    }

    /// Columns before a token that is the first on its line; `None` when it is not, or stands too far right to matter.
    fn indent(&self, token: Token) -> Option<usize> {
        let before = self.text.as_bytes().get(..token.start as usize).unwrap_or_default();
        let blanks =
            before.iter().rev().take(MAX_INDENT).take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let line_start = before.len() == blanks || before.get(before.len() - blanks - 1) == Some(&b'\n');
        line_start.then_some(blanks)
    }

    /// A `}` alone in the column of an outer block, but not in that of the block it closes, shows where the brace is
    /// probably missing.
    fn note_indentation(&mut self, close: Token) {
        let indent = self.indent(close);
        let Some((closed, outer)) = self.open.split_last_mut() else { return };
        if indent.is_some()
            && closed.indent != indent
            && let Some(block) = outer.iter_mut().find(|block| block.indent == indent)
        {
            block.suspect.get_or_insert((closed.head, close));
        }
    }

    fn report_stray(&mut self, token: Token) {
        self.unbalanced = true;
        self.faults.push(
            Diagnostic::error(code::STRAY_BRACE, "a `}` closes nothing")
                .primary(self.span(token), "no block is open here")
                .help("remove it, or add the `{` that it belongs to"),
        );
    }

    /// One error for all blocks that are still open.
    fn report_unclosed(&mut self) {
        let open = std::mem::take(&mut self.open);
        let Some((outermost, inner)) = open.split_first() else { return };
        self.unbalanced = true;
        // From its first word up to the brace: `vrrp_instance VI_1`.
        let head =
            self.text.get(outermost.head.start as usize..outermost.open.start as usize).unwrap_or_default();
        let name: Vec<&str> = head.split_whitespace().take(2).collect();
        let name = name.join(" ");
        let mut fault =
            Diagnostic::error(code::UNCLOSED_BLOCK, format!("a block of `{name}` is never closed"))
                .primary(self.span(outermost.open), "this `{` has no `}`");
        for block in inner {
            fault = fault.secondary(self.span(block.open), "nor has this one");
        }
        if let Some((head, close)) = outermost.suspect {
            let inner = self.slice(head);
            let label = format!(
                "closes `{inner}`, but stands in the column of `{name}`: is a `}}` missing before it?"
            );
            fault = fault.secondary(self.span(close), label);
        }
        self.faults.push(fault.help("add the missing `}`"));
    }
}

#[cfg(test)]
mod tests;
