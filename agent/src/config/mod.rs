//! keepalived.conf: text → plan. Needs no root, no interface and no network: a config is checked off-box.
//!
//! ```text
//! file → lexer → tree → expand → (keyword) model → check → plan
//!        tokens  lossless includes  typed values    rules    what runtime is built from
//! ```
//!
//! Every pass is total: it returns a value *and* diagnostics, and none stops at the first error. An instance that
//! cannot be run as it was meant is left out of the plan, by name; the others stay.

pub mod diagnostic;
pub mod keyword;
pub mod plan;
pub mod source;

mod check;
mod expand;
mod file;
mod glob;
mod lexer;
mod model;
mod render;
mod tree;

use std::{path::Path, sync::Arc};

use diagnostic::{Diagnostic, Diagnostics, Severity};
use expand::Files;
use plan::Plan;
use source::Sources;
use tree::Tree;

pub use file::LoadError;
pub use keyword::{Keyword, keyword};

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

    /// Every diagnostic with its source lines, and how many there are; empty when all is well. Passwords are hidden.
    pub fn render(&self, colour: bool) -> String {
        render::render(&self.diagnostics, &self.sources, colour)
    }

    /// One line for each diagnostic: `file:line:column: error[RG0201]: message: remark; help`.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.diagnostics.iter().map(|diagnostic| diagnostic.line(&self.sources))
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
pub fn load_with(path: &Path, _given: &Given) -> Result<Loaded, LoadError> {
    let text = file::read(path)?;
    Ok(read(path.display().to_string(), text.into(), &Files::Beside(path.to_owned())))
}

/// Reads a config from a text. Looks at no file: includes are diagnosed, programs are not looked for.
pub fn parse(name: &str, text: &str) -> Loaded {
    read(name.to_owned(), text.into(), &Files::None)
}

/// Instances of the model that did not make it into the plan. Of two with one name the second is meant.
fn left_out(model: &model::Model, plan: &Plan) -> Vec<String> {
    let mut kept = plan.instances.iter().map(|instance| instance.name.as_str()).peekable();
    let names = model.instances.iter().map(|instance| instance.name.value.as_str());
    names.filter(|name| kept.next_if_eq(name).is_none()).map(str::to_owned).collect()
}

fn read(name: String, text: Arc<str>, files: &Files) -> Loaded {
    let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::default());
    let root = sources.add(name, text, None);
    let (statements, tree) =
        expand::expand(root, files, keyword::opens_root_block, &mut sources, &mut diagnostics);
    let look = matches!(files, Files::Beside(_));
    let model = model::read(&statements, &mut sources, &mut diagnostics, look);
    let plan = check::check(&model, &mut diagnostics);
    let left_out = left_out(&model, &plan);
    Loaded { plan, left_out, diagnostics: diagnostics.finish(), sources, tree: Some(tree) }
}
