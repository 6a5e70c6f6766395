//! Rules about scripts: names, defaults, and who tracks them.

use std::{collections::BTreeMap, time::Duration};

use super::model::{Model, Required, Script, Weight};
use crate::config::{
    diagnostic::{Diagnostic, Diagnostics, code},
    keyword,
    plan::{Command, InstancePlan, Plan, ScriptPlan},
    source::Span,
};

/// Looking for a slip compares with no more names than these.
const MAX_COMPARED: usize = 500;
/// keepalived's default.
const INTERVAL: Duration = Duration::from_secs(1);

/// The scripts that can be tracked, in the order of the config, with their default weights.
pub(super) struct Scripts {
    list: Vec<(ScriptPlan, Weight)>,
    by_name: BTreeMap<String, usize>,
    /// Every block, also one that cannot be run.
    blocks: BTreeMap<String, Span>,
}

impl Scripts {
    /// Checks all `vrrp_script` blocks. One that cannot be run is no script: who tracks it is told so.
    pub(super) fn of(model: &Model, diagnostics: &mut Diagnostics) -> Self {
        let mut scripts = Self { list: Vec::new(), by_name: BTreeMap::new(), blocks: BTreeMap::new() };
        for script in &model.scripts {
            let name = &script.name;
            if let Some(first) = scripts.blocks.get(&name.value).copied() {
                diagnostics.push(
                    Diagnostic::error(
                        code::DUPLICATE_NAME,
                        format!("two scripts are named `{}`", name.value),
                    )
                    .primary(name.span, "this one is ignored")
                    .secondary(first, "named here first"),
                );
                continue;
            }
            scripts.blocks.insert(name.value.clone(), name.span);
            if let Some(plan) = plan(script, model, diagnostics) {
                scripts.by_name.insert(name.value.clone(), scripts.list.len());
                scripts.list.push((plan, script.weight.unwrap_or_default()));
            }
        }
        scripts
    }

    /// The default weight of a script; `None` when there is no such script that can be run.
    pub(super) fn weight(&self, name: &str) -> Option<Weight> {
        self.by_name.get(name).and_then(|index| self.list.get(*index)).map(|(_, weight)| *weight)
    }

    /// "did you mean `X`?", or nothing.
    pub(super) fn quoted_nearest(&self, name: &str) -> String {
        keyword::quoted_nearest(name, self.by_name.keys().take(MAX_COMPARED).map(String::as_str))
    }

    /// Where the block of that name is, whether it can be run or not.
    pub(super) fn block(&self, name: &str) -> Option<Span> {
        self.blocks.get(name).copied()
    }

    /// Those that at least one instance tracks.
    pub(super) fn tracked_by(&self, instances: &[InstancePlan]) -> Vec<ScriptPlan> {
        let tracked: std::collections::BTreeSet<&str> = instances
            .iter()
            .flat_map(|instance| &instance.track_scripts)
            .map(|tracked| tracked.name.as_str())
            .collect();
        self.list
            .iter()
            .map(|(plan, _)| plan)
            .filter(|plan| tracked.contains(plan.name.as_str()))
            .cloned()
            .collect()
    }

    /// A note for each script that nothing in the config tracks: it is not run.
    pub(super) fn report_unused(&self, plan: &Plan, model: &Model, diagnostics: &mut Diagnostics) {
        let tracked: std::collections::BTreeSet<&str> = model
            .instances
            .iter()
            .flat_map(|instance| &instance.track_scripts)
            .map(|tracker| tracker.name.value.as_str())
            .chain(plan.scripts.iter().map(|script| script.name.as_str()))
            .collect();
        for script in model.scripts.iter().filter(|script| !tracked.contains(script.name.value.as_str())) {
            diagnostics.push(
                Diagnostic::note(
                    code::SCRIPT_UNUSED,
                    format!("no instance tracks script `{}`", script.name.value),
                )
                .primary(script.name.span, "it is not run"),
            );
        }
    }
}

fn plan(script: &Script, model: &Model, diagnostics: &mut Diagnostics) -> Option<ScriptPlan> {
    let name = &script.name;
    let command = match &script.command {
        Required::Good(command) if !script.damaged => &command.value,
        // Diagnosed where it stands.
        Required::Good(_) | Required::Bad => return None,
        Required::Absent => {
            if !script.damaged {
                diagnostics.push(
                    Diagnostic::error(
                        code::SCRIPT_INCOMPLETE,
                        format!("script `{}` has no command", name.value),
                    )
                    .primary(name.span, "expected `script COMMAND` in this block"),
                );
            }
            return None;
        }
    };
    let user = script.user.clone().or_else(|| model.globals.script_user.clone());
    let interval = script.interval.unwrap_or(INTERVAL);
    Some(ScriptPlan {
        name: name.value.clone(),
        command: Command { user, ..command.clone() },
        interval,
        timeout: script.timeout.unwrap_or(interval),
        rise: script.rise.unwrap_or(1),
        fall: script.fall.unwrap_or(1),
        starts_failed: script.starts_failed,
    })
}
