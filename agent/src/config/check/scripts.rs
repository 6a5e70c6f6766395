//! Rules about scripts: names, defaults, and who tracks them.

use std::{collections::BTreeMap, time::Duration};

use super::model::{Model, Required, Script, Tracker, Weight};
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

    /// Says that a tracked script cannot be run or does not exist, and what follows from that.
    pub(super) fn report_unknown(&self, tracker: &Tracker, consequence: &str, diagnostics: &mut Diagnostics) {
        let name = &tracker.name.value;
        let block = self.blocks.get(name).copied();
        let (what, remark) = match block {
            Some(_) => ("cannot be run", "its block is at fault"),
            None => ("does not exist", "no `vrrp_script` block has this name"),
        };
        let search = block.is_none() && !diagnostics.is_full();
        let names = self.by_name.keys().take(if search { MAX_COMPARED } else { 0 });
        let mut diagnostic =
            Diagnostic::error(code::UNKNOWN_SCRIPT, format!("tracked script `{name}` {what}"))
                .primary(tracker.name.span, remark)
                .help(keyword::quoted_nearest(name, names.map(String::as_str)))
                .help(consequence);
        if let Some(block) = block {
            diagnostic = diagnostic.secondary(block, "this block");
        }
        diagnostics.push(diagnostic);
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
            .chain(model.sync_groups.iter().flat_map(|group| &group.track_scripts))
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
    let timeout = script.timeout.unwrap_or(interval);
    if timeout > interval {
        diagnostics.push(
            Diagnostic::note(
                code::SLOW_SCRIPT,
                format!("script `{}` may take longer than its interval", name.value),
            )
            .primary(
                name.span,
                format!(
                    "up to {} s, and is to run every {} s",
                    keyword::Seconds(in_us(timeout)),
                    keyword::Seconds(in_us(interval))
                ),
            )
            .help("runs are left out while one takes its time, so that a failure is noticed later"),
        );
    }
    Some(ScriptPlan {
        name: name.value.clone(),
        command: Command { user, ..command.clone() },
        interval,
        timeout,
        rise: script.rise.unwrap_or(1),
        fall: script.fall.unwrap_or(1),
        starts_failed: script.starts_failed,
    })
}

fn in_us(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
