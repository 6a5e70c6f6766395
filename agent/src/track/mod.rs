//! What priorities depend on: watches it and says when it changes. Never imports config, net, observe or notify.

mod judge;
mod script;

pub use judge::Judge;
pub use script::{ScriptSpec, ScriptTracker, Verdict};
