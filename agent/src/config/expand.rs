//! Lines of files → items of one document: includes replaced by what they include, variables by their values, sequences
//! written out, and what is meant for other hosts left out.
//!
//! Works line by line and on text, as keepalived does: a value may hold a brace, a whole line, or many. Most lines need
//! none of it and go through as they are. A line that does is made up of [`Line`] pieces that know where they come
//! from; when nothing is left to replace in it, it becomes part of the [`Sources`]' expansion. Every limit is here, so
//! that time and memory grow with the size of the result alone, and the result is bounded.

mod builtin;
mod condition;
mod include;
mod sequence;
mod variable;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
};

use super::{
    Given, block,
    diagnostic::{Diagnostic, Diagnostics, code},
    lexer::{self, INCLUDES, Kind, Token},
    origin::{Line, UseId},
    source::{SourceId, Sources, Span},
    tree::Tree,
};
pub(super) use block::{Block, Item, Statement, Word};
use include::Demands;
use variable::{Definition, Undefined};

/// Words, braces and uses of variables in an expanded config.
const MAX_TOKENS: usize = 1_000_000;
/// Bytes of all lines that are made up while expanding.
const MAX_EXPANDED_BYTES: usize = 64 << 20;
/// Variables within variables, sequences within sequences and includes within either.
const MAX_DEPTH: usize = 64;

/// Where includes may be read from.
pub(super) enum Files {
    /// The file system; the root file lies here.
    Beside(PathBuf),
    /// Nowhere: the text is not a file.
    None,
}

/// What an expansion makes of a config.
pub(super) struct Expanded {
    /// The document.
    pub statements: Vec<Statement>,
    /// The tree of the root file.
    pub tree: Tree,
}

/// Reads the root text with all that it includes.
pub(super) fn expand(
    root: SourceId,
    files: &Files,
    given: &Given,
    opens_root_block: fn(&str) -> bool,
    sources: &mut Sources,
    diagnostics: &mut Diagnostics,
) -> Expanded {
    let mut expander = Expander {
        files,
        config_id: config_id(given),
        sources,
        diagnostics,
        items: Vec::new(),
        definitions: BTreeMap::new(),
        defined: 0,
        undefined: Vec::new(),
        random: 0,
        demands: Demands::default(),
        chain: Vec::new(),
        bytes: 0,
        tokens: 0,
        expanded: 0,
        depth: 0,
        full: false,
        cut: false,
        lost: false,
        told: BTreeSet::new(),
    };
    let tree = expander.parse(root);
    if let Files::Beside(path) = files {
        expander.chain.push((include::identity(path), path.clone()));
    }
    expander.file(&tree, root);
    expander.report_undefined();
    let (items, cut) = (expander.items, expander.cut);
    let statements = block::build(&items, opens_root_block, !cut, sources, diagnostics);
    Expanded { statements, tree }
}

/// Which `@id` lines are meant.
fn config_id(given: &Given) -> String {
    given.config_id.clone().unwrap_or_else(|| {
        let names = nix::sys::utsname::uname();
        let name = names.map(|names| names.nodename().to_string_lossy().into_owned()).unwrap_or_default();
        name.split('.').next().unwrap_or_default().to_owned()
    })
}

struct Expander<'a> {
    files: &'a Files,
    config_id: String,
    sources: &'a mut Sources,
    diagnostics: &'a mut Diagnostics,
    /// What the expansion makes.
    items: Vec<Item>,
    /// What each variable holds now.
    definitions: BTreeMap<Arc<str>, Definition>,
    /// How many definitions there were so far.
    defined: usize,
    /// Uses that found no definition.
    undefined: Vec<Undefined>,
    /// Random numbers so far.
    random: u64,
    /// What includes of the file at hand demand of their patterns.
    demands: Demands,
    /// The files that are open, the root first: which file, and its path as it was written.
    chain: Vec<(PathBuf, PathBuf)>,
    /// Bytes of all files.
    bytes: usize,
    /// Tokens so far.
    tokens: usize,
    /// Bytes of all lines made up so far.
    expanded: usize,
    /// Lines that are being expanded within each other.
    depth: usize,
    /// A limit of includes was reached and reported.
    full: bool,
    /// A limit of expansion was reached and reported: the rest is dropped.
    cut: bool,
    /// The include at hand failed at least in part.
    lost: bool,
    /// Places of which something was said that need not be said for each time they are expanded.
    told: BTreeSet<(&'static str, Span)>,
}

impl Expander<'_> {
    fn parse(&mut self, source: SourceId) -> Tree {
        let text = self.text(source);
        self.bytes += text.len();
        let tree = Tree::parse(&text);
        tree.report(source, &text, self.diagnostics);
        tree
    }

    fn text(&self, source: SourceId) -> Arc<str> {
        self.sources.get(source).map_or_else(|| Arc::from(""), |source| source.text.clone())
    }

    /// All lines of a file.
    fn file(&mut self, tree: &Tree, source: SourceId) {
        let text = self.text(source);
        let (mut index, mut fruitless) = (0, 0);
        while index < tree.count() && !self.cut {
            let tokens = tree.line(index);
            if self.is_meant(tokens, &text) {
                self.file_line(tokens, &text, source);
                index += 1;
            } else {
                self.bare_condition(tokens, &text, source);
                index = Self::after_unmeant(index, &mut fruitless, |at| {
                    (at < tree.count()).then(|| condition::Shape::of(tree.line(at), &text))
                });
            }
        }
    }

    /// A line of a file. What follows a brace on it is like a line of its own.
    fn file_line(&mut self, tokens: &[Token], text: &str, source: SourceId) {
        if is_plain(tokens, text) {
            return self.plain(tokens, text, source);
        }
        let mut at = 0;
        while let Some(rest) = tokens.get(at..).filter(|rest| !rest.is_empty()) {
            if let Some(last) = condition::last(rest, text) {
                self.bare_condition(rest, text, source);
                at += if self.is_meant(rest, text) { last + 1 } else { scope(rest) };
                continue;
            }
            let length = part(rest);
            let (this, _) = rest.split_at(length);
            if is_plain(this, text) {
                self.plain(this, text, source);
            } else {
                self.made_up(this, text, source);
            }
            at += length;
        }
    }

    /// Says so when conditions are all there is.
    fn bare_condition(&mut self, tokens: &[Token], text: &str, source: SourceId) {
        let Some(last) = condition::last(tokens, text) else { return };
        let follows = tokens.iter().skip(last + 1).any(|token| !token.kind.is_trivia());
        if let Some(token) = tokens.get(last).filter(|_| !follows) {
            self.report_bare_condition(Span { source, start: token.start, end: token.end });
        }
    }

    /// A line that says what it says.
    fn plain(&mut self, tokens: &[Token], text: &str, source: SourceId) {
        let mut before: Option<Span> = None;
        for token in tokens {
            let span = Span { source, start: token.start, end: token.end };
            match Item::of(token.kind, span) {
                Some(item) => {
                    if item != Item::Newline && !self.charge(1, 0, span) {
                        return;
                    }
                    if token.kind == Kind::Unterminated {
                        self.report_unterminated(span);
                    }
                    self.items.push(item);
                    before = matches!(item, Item::Word(_) | Item::Quoted(_)).then_some(span);
                }
                None if token.kind == Kind::Comment && before.is_some_and(|word| word.end == span.start) => {
                    self.items.push(Item::Glued(comment(text, span)));
                }
                None => {}
            }
        }
    }

    /// A line in which something may have to be replaced.
    fn made_up(&mut self, tokens: &[Token], text: &str, source: SourceId) {
        let (mut line, mut repeats) = (Line::default(), false);
        let mut glued = None;
        let mut before: Option<u32> = None;
        for token in tokens {
            let span = Span { source, start: token.start, end: token.end };
            match token.kind {
                Kind::Newline => {}
                Kind::Comment => {
                    glued = before.filter(|end| *end == token.start).map(|_| comment(text, span));
                }
                Kind::Continuation => line.push(" ", span, true, None),
                // What stands before it on its line are conditions, which hold. A sequence may repeat it, for what that is worth.
                Kind::Definition if !repeats => return self.define_in_file(text, span),
                Kind::Definition
                | Kind::Space
                | Kind::Word
                | Kind::Quoted
                | Kind::Unterminated
                | Kind::Open
                | Kind::Close
                | Kind::Sequence => {
                    let raw = text.get(token.start as usize..token.end as usize).unwrap_or_default();
                    line.push(raw, span, false, None);
                    repeats |= token.kind == Kind::Sequence;
                    before = (token.kind != Kind::Space).then_some(token.end);
                }
            }
        }
        self.line(line, glued);
    }

    /// A line of any origin: carries out what stands at its start, replaces its variables and takes it up.
    fn line(&mut self, mut line: Line, glued: Option<Span>) {
        let Some((place, _)) = line.place(line.trimmed()) else { return };
        if self.depth >= MAX_DEPTH {
            self.report_depth(place);
            return self.lose(&line);
        }
        self.depth += 1;
        // Values that start a line may hold what stands at the start of a line.
        loop {
            if !self.charge(0, line.text.len(), place) {
                break;
            }
            let start = line.trimmed().start;
            let rest = line.text.get(start..).unwrap_or_default();
            if rest.starts_with('@') {
                match self.condition(&line, start) {
                    Some(after) => {
                        line = line.part(after..line.text.len());
                        continue;
                    }
                    None => break,
                }
            }
            if variable::definition_name(rest).is_some() {
                self.define(&line, start);
                break;
            }
            if sequence::is_head(rest) {
                self.sequence(&line, start, glued);
                break;
            }
            match self.leading_value(&line, start) {
                variable::Leading::Value(value) => line = value,
                variable::Leading::Done => break,
                variable::Leading::None => {
                    self.replace(&line, glued);
                    break;
                }
                variable::Leading::Lost => {
                    self.lose(&line);
                    break;
                }
            }
        }
        self.depth -= 1;
    }

    /// Takes up a line in which nothing is left to be replaced. `lost`: something of it should have been.
    fn take_up(&mut self, line: &Line, glued: Option<Span>, lost: bool) {
        let tokens = lexer::words(&line.text);
        let Some(first) = tokens.iter().find(|token| !token.kind.is_trivia()) else { return };
        let word = line.text.get(first.start as usize..first.end as usize).unwrap_or_default();
        let whole = self.sources.expansion.add(line);
        let span = |token: &Token| Span {
            start: whole.start.saturating_add(token.start),
            end: whole.start.saturating_add(token.end),
            ..whole
        };
        if INCLUDES.contains(&word) {
            let words = tokens.iter().filter(|token| !token.kind.is_trivia());
            let words = words.map(|token| {
                let raw = line.text.get(token.start as usize..token.end as usize).unwrap_or_default();
                Word { value: raw.trim_matches('"').to_owned(), span: span(token), quoted: false }
            });
            let statement = Statement { words: words.collect(), ..Statement::default() };
            return self.include(&statement);
        }
        for token in &tokens {
            let span = span(token);
            let Some(item) = Item::of(token.kind, span) else { continue };
            if !self.charge(1, 0, span) {
                return;
            }
            if token.kind == Kind::Unterminated {
                self.report_unterminated(span);
            }
            self.items.push(item);
        }
        if word == include::CHECK {
            self.demand(tokens.iter().filter(|token| !token.kind.is_trivia()).skip(1), &line.text);
        }
        self.items.extend(glued.map(Item::Glued));
        self.items.extend(lost.then_some(Item::Lost));
        self.items.push(Item::Newline);
    }

    /// Leaves out a line that cannot be read, of which that was said. Its braces stay, so that others keep theirs.
    fn lose(&mut self, line: &Line) {
        self.items.push(Item::Lost);
        let whole = self.sources.expansion.add(line);
        self.expanded += line.text.len();
        for token in lexer::words(&line.text) {
            let start = whole.start.saturating_add(token.start);
            let span = Span { start, end: whole.start.saturating_add(token.end), ..whole };
            if matches!(token.kind, Kind::Open | Kind::Close) && self.charge(1, 0, span) {
                self.items.extend(Item::of(token.kind, span));
            }
        }
        self.items.push(Item::Newline);
    }

    /// Counts what is made; false once it is too much.
    fn charge(&mut self, tokens: usize, bytes: usize, place: Span) -> bool {
        self.tokens += tokens;
        self.expanded += bytes;
        let excess = if self.tokens > MAX_TOKENS {
            format!("{MAX_TOKENS} words")
        } else if self.expanded > MAX_EXPANDED_BYTES {
            format!("{} MiB", MAX_EXPANDED_BYTES >> 20)
        } else {
            return !self.cut;
        };
        if !self.cut {
            self.cut = true;
            self.diagnostics.push(
                Diagnostic::error(code::EXPANSION_LIMIT, format!("the config expands to more than {excess}"))
                    .primary(place, "this and all that follows is dropped")
                    .help("does a sequence or a variable repeat more than was meant?"),
            );
        }
        false
    }

    fn report_unterminated(&mut self, span: Span) {
        self.diagnostics.push(
            Diagnostic::error(code::UNTERMINATED_QUOTE, "a quoted string is not closed on its line")
                .primary(span, "this quote is never closed; the string is taken to end with the line")
                .help("add the closing `\"`"),
        );
    }

    fn report_depth(&mut self, place: Span) {
        if self.told.insert((code::EXPANSION_DEPTH, place)) {
            let message = format!("variables, sequences and includes are nested more than {MAX_DEPTH} deep");
            self.diagnostics.push(
                Diagnostic::error(code::EXPANSION_DEPTH, message).primary(place, "this line is skipped"),
            );
        }
    }

    /// A place in a line that is not taken up, with all that is known of how it came about.
    fn place_in(&mut self, line: &Line, range: std::ops::Range<usize>) -> Span {
        let whole = self.sources.expansion.add(line);
        self.expanded += line.text.len();
        let at = |at: usize| whole.start.saturating_add(u32::try_from(at).unwrap_or(u32::MAX));
        Span { start: at(range.start), end: at(range.end), ..whole }
    }

    /// Whether this was not said before of that place in a file, however often the place is expanded.
    fn is_news(&mut self, code: &'static str, line: &Line, range: std::ops::Range<usize>) -> bool {
        let place = line.place(range).map(|(place, _)| place);
        !self.diagnostics.is_full() && place.is_some_and(|place| self.told.insert((code, place)))
    }
}

/// Nothing in the line has to be looked at twice.
fn is_plain(tokens: &[Token], text: &str) -> bool {
    let mut first = true;
    for token in tokens {
        let raw = text.get(token.start as usize..token.end as usize).unwrap_or_default();
        match token.kind {
            Kind::Definition | Kind::Sequence => return false,
            Kind::Word | Kind::Quoted | Kind::Unterminated => {
                if raw.contains('$') || (first && (raw.starts_with('@') || INCLUDES.contains(&raw))) {
                    return false;
                }
                // `include_check` is a word of a block, and acts on the includes that follow it.
                if first && raw == include::CHECK {
                    return false;
                }
                first = false;
            }
            Kind::Open | Kind::Close => first = true,
            Kind::Space | Kind::Newline | Kind::Comment | Kind::Continuation => {}
        }
    }
    true
}

/// How many tokens belong to what the first one starts: all of the line, unless that is within a block which ends there.
fn scope(tokens: &[Token]) -> usize {
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate() {
        match token.kind {
            Kind::Open => depth += 1,
            Kind::Close if depth == 0 => return index,
            Kind::Close => depth -= 1,
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
    }
    tokens.len()
}

/// How many tokens are read as one: up to a brace, a brace alone, or all that a sequence repeats. At least one.
fn part(tokens: &[Token]) -> usize {
    match tokens.iter().find(|token| !token.kind.is_trivia()).map(|token| token.kind) {
        Some(Kind::Sequence) => scope(tokens),
        _ => {
            let brace = |token: &Token| matches!(token.kind, Kind::Open | Kind::Close);
            tokens.iter().position(brace).unwrap_or(tokens.len()).max(1)
        }
    }
}

/// A comment without the end of its line.
fn comment(text: &str, span: Span) -> Span {
    let raw = text.get(span.start as usize..span.end as usize).unwrap_or_default();
    let end = span.start.saturating_add(u32::try_from(raw.trim_end().len()).unwrap_or(u32::MAX));
    Span { end: end.max(span.start + 1), ..span }
}

#[cfg(test)]
mod tests;
