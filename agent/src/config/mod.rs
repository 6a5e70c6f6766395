//! keepalived.conf: text → plan. Needs no root, no interface and no network: a config is checked off-box.
//!
//! ```text
//! file → lexer → tree → expand → block → (keyword) model → check → plan
//!        tokens  lossless includes, blocks  typed values    rules    what runtime is built from
//!                lines    variables
//! ```
//!
//! Every pass is total: it returns a value *and* diagnostics, and none stops at the first error. An instance that
//! cannot be run as it was meant is left out of the plan, by name; the others stay.

pub mod diagnostic;
pub mod keyword;
pub mod plan;
pub mod source;

mod block;
mod check;
mod expand;
mod file;
mod glob;
mod here;
mod lexer;
mod model;
mod origin;
mod pair;
mod render;
mod report;
mod tree;
mod writer;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use diagnostic::{Diagnostic, Diagnostics, Severity};
use expand::Files;
use model::Model;
use plan::{InstancePlan, Plan};
use source::Sources;
use tree::Tree;

pub use file::LoadError;
pub use here::{Account, AssignedHere, Direction, Host, Interface, Mode, Passage, Program, Way};
pub use keyword::{Keyword, keyword};
pub use pair::compare;
pub use report::{Outcome, Report};

/// A config that was read: what it asks for, and what is wrong with it.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What it asks for, without the instances that cannot be run.
    pub plan: Plan,
    /// Names of the instances that cannot be run.
    pub left_out: Vec<String>,
    /// What is wrong with it, in the order of the text.
    pub diagnostics: Vec<Diagnostic>,
    /// The texts it was read from.
    pub sources: Sources,
    tree: Option<Tree>,
    model: Model,
    /// For each instance of the plan, which one of the model it is.
    kept: Vec<usize>,
}

impl Loaded {
    /// Something cannot be done as it was asked for.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// Something is wrong or without effect.
    pub fn has_warnings(&self) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.severity >= Severity::Warning)
    }

    /// A file that somebody is writing, or has written since it was read: what was read may be half of it. Of a config that
    /// was read from files.
    pub fn unfinished(&self) -> Option<PathBuf> {
        writer::unfinished(&self.sources)
    }

    /// A file that is included by its name is not there, so that what stood in it is not in the plan.
    pub fn misses_an_include(&self) -> bool {
        // With wildcards that is a note.
        let is_one = |diagnostic: &Diagnostic| {
            diagnostic.code == diagnostic::code::INCLUDE_NOTHING && diagnostic.severity >= Severity::Warning
        };
        self.diagnostics.iter().any(is_one)
    }

    /// Every diagnostic with its source lines, and how many there are; empty when all is well. Passwords are hidden.
    pub fn render(&self, colour: bool) -> String {
        render::render(&self.diagnostics, &self.sources, colour)
    }

    /// One line for each diagnostic: `file:line:column: error[RG0201]: message: remark; help`.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.diagnostics.iter().map(|diagnostic| diagnostic.line(&self.sources))
    }

    /// What of this config does not fit the host that is asked: see [`Host`].
    pub fn here(&self, host: &dyn Host) -> Vec<Diagnostic> {
        here::check(self, host)
    }

    /// Whether this config names a program that the host has.
    pub fn runs_programs(&self, host: &dyn Host) -> bool {
        here::runs_programs(self, host)
    }

    /// The instances of the plan, each with what was written.
    fn instances(&self) -> impl Iterator<Item = (&InstancePlan, &model::Instance)> {
        let written = self.kept.iter().map(|index| self.model.instances.get(*index));
        self.plan.instances.iter().zip(written).filter_map(|(plan, written)| Some((plan, written?)))
    }

    /// The root file printed from its tree: byte for byte what was read.
    pub fn print(&self) -> String {
        let text = self.sources.iter().next().map(|source| source.text.clone()).unwrap_or_default();
        self.tree.as_ref().map_or_else(String::new, |tree| tree.print(&text))
    }
}

/// What the reading of a config depends on besides its text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// Which `@id` lines are meant; absent: those of this host's name up to its first dot.
    pub config_id: Option<String>,
    /// It is meant for another host, or nobody knows for which: programs are not looked for on this one.
    pub elsewhere: bool,
}

/// Reads a config file with all that it includes.
///
/// # Errors
/// The file itself cannot be read. What is wrong within it, or with a file that it includes, is a diagnostic.
pub fn load(path: &Path) -> Result<Loaded, LoadError> {
    load_with(path, &Given::default())
}

/// As [`load`], as if on another host.
///
/// # Errors
/// As [`load`].
pub fn load_with(path: &Path, given: &Given) -> Result<Loaded, LoadError> {
    let text = file::read(path)?;
    Ok(read(path.display().to_string(), text.into(), &Files::Beside(path.to_owned()), given))
}

/// What a config that comes from standard input is called.
pub const STANDARD_INPUT: &str = "standard input";

/// Reads a config from standard input. What it includes is looked for from the working directory on.
///
/// # Errors
/// As [`load`].
pub fn load_standard_input(given: &Given) -> Result<Loaded, LoadError> {
    let name = Path::new(STANDARD_INPUT);
    let text = file::read_from(std::io::stdin().lock(), name)?;
    Ok(read(STANDARD_INPUT.to_owned(), text.into(), &Files::Beside(name.to_owned()), given))
}

/// Reads a config from a text. Looks at no file: includes are diagnosed, programs are not looked for.
pub fn parse(name: &str, text: &str) -> Loaded {
    parse_with(name, text, &Given::default())
}

/// As [`parse`], as if on another host.
pub fn parse_with(name: &str, text: &str, given: &Given) -> Loaded {
    read(name.to_owned(), text.into(), &Files::None, given)
}

/// Names of the instances of the model that did not make it into the plan.
fn left_out(model: &Model, kept: &[usize]) -> Vec<String> {
    let mut kept = kept.iter().peekable();
    let instances = model.instances.iter().enumerate();
    let out = instances.filter(|(index, _)| kept.next_if_eq(&index).is_none());
    out.map(|(_, instance)| instance.name.value.clone()).collect()
}

fn read(name: String, text: Arc<str>, files: &Files, given: &Given) -> Loaded {
    let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::default());
    let root = sources.add(name, text, None);
    let expanded =
        expand::expand(root, files, given, keyword::opens_root_block, &mut sources, &mut diagnostics);
    let look = matches!(files, Files::Beside(_)) && !given.elsewhere;
    let model = model::read(&expanded.statements, &mut sources, &mut diagnostics, look);
    let (plan, kept) = check::check(&model, &mut diagnostics);
    let left_out = left_out(&model, &kept);
    let (diagnostics, tree) = (diagnostics.finish(&sources), Some(expanded.tree));
    Loaded { plan, left_out, diagnostics, sources, tree, model, kept }
}
