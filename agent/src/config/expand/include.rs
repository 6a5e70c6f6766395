//! `include` and its variants: which files, in which order, and how many at most.

use std::path::{Path, PathBuf};

use super::{Expander, Files, Obstacle, Statement, Word};
use crate::config::{
    diagnostic::{Diagnostic, Severity, code},
    file, glob,
    source::Span,
};

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
    /// Reads what one include statement names into `statements`, and marks there what could not be read.
    pub(super) fn include(&mut self, statement: &Statement, statements: &mut Vec<Statement>) {
        self.lost = false;
        self.include_matches(statement, statements);
        if self.lost {
            statements.push(Statement { obstacle: Some(Obstacle::Lost), ..Statement::default() });
        }
    }

    /// Lines are missing: the block they stand in is not what it was meant to be.
    fn fail(&mut self, diagnostic: Diagnostic) {
        self.lost = true;
        self.diagnostics.push(diagnostic);
    }

    fn include_matches(&mut self, statement: &Statement, statements: &mut Vec<Statement>) {
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
        let demands = Demands::of(&word.value);
        let matches = glob::matches(&directory, &pattern.value);
        self.report_matches(&matches, pattern, demands);
        for path in matches.files() {
            self.include_file(&path, whole, demands, glob::has_wildcard(&pattern.value), statements);
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
                || (demands.any && matches.is_empty());
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

    fn include_file(
        &mut self,
        path: &Path,
        from: Span,
        demands: Demands,
        wildcard: bool,
        statements: &mut Vec<Statement>,
    ) {
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
        let source = self.sources.add(path.display().to_string(), text.into(), Some(from));
        let tree = self.parse(source);
        self.chain.push((identity, path.to_owned()));
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
