//! `include` and its variants: which files, in which order, and how many at most.

use std::path::{Path, PathBuf};

use super::{Expander, Files, Item, Statement, Token, Word};
use crate::config::{
    diagnostic::{Diagnostic, Severity, code},
    file, glob,
    source::Span,
};

/// The word that sets what all includes from here on demand.
pub(super) const CHECK: &str = "include_check";

/// Files in one config.
const MAX_FILES: usize = 1_000;
/// Includes within includes.
const MAX_INCLUDE_DEPTH: usize = 16;
/// Bytes of all files of one config together.
const MAX_TOTAL_BYTES: usize = 2 * file::MAX_BYTES;

/// One file however its path is written.
pub(super) fn identity(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

impl Expander<'_> {
    /// Reads what one include statement names, and marks where something could not be read.
    pub(super) fn include(&mut self, statement: &Statement) {
        let outer = std::mem::take(&mut self.lost);
        self.include_matches(statement);
        if std::mem::replace(&mut self.lost, outer) {
            self.items.push(Item::Lost);
        }
    }

    /// Carries out `include_check`, whose words are `words`: from here on in this file, and in those that it includes.
    pub(super) fn demand<'t>(&mut self, words: impl Iterator<Item = &'t Token>, text: &str) {
        let words: Vec<&str> =
            words.filter_map(|token| text.get(token.start as usize..token.end as usize)).collect();
        let Some(first) = words.first() else {
            self.demands = Demands::ALL;
            return;
        };
        // Without a sign the words say all that is demanded; with one, what changes.
        if !first.starts_with(['+', '-']) {
            self.demands = Demands::default();
        }
        let mut wanted = true;
        for word in words {
            let name = word.trim_start_matches(['+', '-']);
            if name.len() < word.len() {
                wanted = word.starts_with('+');
            }
            match name {
                "readable" => self.demands.readable = wanted,
                "match" => self.demands.any = wanted,
                "wildcard_match" => self.demands.wildcards = wanted,
                "brace_match" => self.demands.each_alternative = wanted,
                // The reader of the word says what is wrong with it.
                _ => {}
            }
        }
    }

    /// Lines are missing: the block they stand in is not what it was meant to be.
    fn fail(&mut self, diagnostic: Diagnostic) {
        self.lost = true;
        self.diagnostics.push(diagnostic);
    }

    fn include_matches(&mut self, statement: &Statement) {
        let (Some(word), Some(whole)) = (statement.words.first(), statement.span()) else { return };
        let Some(pattern) = statement.words.get(1) else {
            self.fail(
                Diagnostic::error(code::MISSING_VALUE, format!("`{}` lacks the file to include", word.value))
                    .primary(word.span, "a path or pattern is expected after this"),
            );
            return;
        };
        let Files::Beside(_) = self.files else {
            self.fail(
                Diagnostic::error(code::INCLUDE_NO_FILES, format!("`{}` is not read", pattern.value))
                    .primary(whole, "this text is not a file, so there is nothing to include from"),
            );
            return;
        };
        let directory =
            self.chain.last().and_then(|(_, path)| path.parent()).map(Path::to_owned).unwrap_or_default();
        if let (Some(first), Some(last)) = (statement.words.get(2), statement.words.last()) {
            self.diagnostics.push(
                Diagnostic::warning(code::EXTRA_WORDS, format!("`{}` takes one path or pattern", word.value))
                    .primary(first.span.to(last.span), "ignored; keepalived takes it for a part of the path"),
            );
        }
        let demands = self.demands.and(Demands::of(&word.value));
        let matches = glob::matches(&directory, &pattern.value);
        self.report_matches(&matches, pattern, demands);
        for path in matches.files() {
            self.include_file(&path, whole, demands, glob::has_wildcard(&pattern.value));
        }
    }

    fn report_matches(&mut self, matches: &glob::Matches, pattern: &Word, demands: Demands) {
        if matches.cut {
            self.fail(
                Diagnostic::error(code::INCLUDE_LIMIT, format!("`{}` matches too many files", pattern.value))
                    .primary(pattern.span, format!("only the first {} are read", glob::MAX_MATCHES)),
            );
        }
        let wildcard = glob::has_wildcard(&pattern.value);
        for alternative in matches.alternatives.iter().filter(|alternative| alternative.paths.is_empty()) {
            let demanded = demands.each_alternative
                || (demands.wildcards && glob::has_wildcard(&alternative.pattern))
                || (demands.any && !wildcard && matches.is_empty());
            let severity = match (demanded, wildcard) {
                (true, _) => Severity::Error,
                (false, true) => Severity::Note,
                (false, false) => Severity::Warning,
            };
            self.lost |= severity == Severity::Error;
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

    fn include_file(&mut self, path: &Path, from: Span, demands: Demands, wildcard: bool) {
        let identity = identity(path);
        if self.chain.iter().any(|(open, _)| *open == identity) {
            self.fail(
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
                self.fail(
                    Diagnostic::error(code::INCLUDE_UNREADABLE, error.to_string())
                        .primary(from, "this include is skipped"),
                );
                return;
            }
        };
        if file::is_executable(path) {
            self.diagnostics.push(
                Diagnostic::warning(code::EXECUTABLE, format!("`{}` is executable", path.display()))
                    .primary(from, "keepalived skips executable files; here it is read")
                    .help("take the execute permission away, or the file out of the pattern"),
            );
        }
        let from = self.sources.in_file(from);
        let source = self.sources.add(path.display().to_string(), text.into(), Some(from));
        let tree = self.parse(source);
        self.chain.push((identity, path.to_owned()));
        // What the file demands is its own affair.
        let demands = self.demands;
        self.items.push(Item::Enter);
        self.file(&tree, source);
        self.items.push(Item::Leave);
        self.demands = demands;
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
        self.lost = true;
        if !self.full {
            self.full = true;
            self.fail(
                Diagnostic::error(code::INCLUDE_LIMIT, reason)
                    .primary(from, "this and what follows is not included"),
            );
        }
        true
    }
}

/// What an include word demands of its pattern.
#[derive(Clone, Copy, Default)]
pub(super) struct Demands {
    /// Every match is a file that can be read.
    readable: bool,
    /// At least one file matches, unless the pattern has a wildcard.
    any: bool,
    /// Every part with a wildcard matches a file.
    wildcards: bool,
    /// Every alternative of `{a,b}` matches a file.
    each_alternative: bool,
}

impl Demands {
    const ALL: Self = Self { readable: true, any: true, wildcards: true, each_alternative: true };

    /// What either demands.
    const fn and(self, other: Self) -> Self {
        Self {
            readable: self.readable || other.readable,
            any: self.any || other.any,
            wildcards: self.wildcards || other.wildcards,
            each_alternative: self.each_alternative || other.each_alternative,
        }
    }

    fn of(word: &str) -> Self {
        match word {
            "includer" => Self { readable: true, ..Self::default() },
            "includem" => Self { any: true, ..Self::default() },
            "includew" => Self { wildcards: true, ..Self::default() },
            "includeb" => Self { each_alternative: true, ..Self::default() },
            "includea" => Self::ALL,
            _ => Self::default(),
        }
    }
}
