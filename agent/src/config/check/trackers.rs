//! Rules about what an instance depends on.

use regent_common::LocalPriority;

use super::{
    Checker, left_out,
    model::{Instance, Tracker, Weight},
};
use crate::config::{
    diagnostic::{Diagnostic, code},
    plan::{TrackedInterface, TrackedName, TrackedScript},
};

/// Trackers of which the block says what they are; whether it is there is not looked at as long as they do not act.
pub(super) fn names(trackers: &[Tracker]) -> Vec<TrackedName> {
    let name = |tracker: &Tracker| TrackedName {
        name: tracker.name.value.clone(),
        weight: tracker.weight.map(|weight| weight.value),
        reverse: tracker.weight.is_some_and(|weight| weight.reverse),
    };
    trackers.iter().map(name).collect()
}

impl Checker<'_> {
    /// Priority 255 never changes (RFC 9568 §6.1: the owner's MUST be 255), so weights on it mean nothing.
    fn keeps_weight(&mut self, tracker: &Tracker, weight: Weight, priority: LocalPriority) -> bool {
        let ignored = weight.value != 0 && priority == LocalPriority::Owner;
        if ignored {
            let message = format!("`{}` cannot change priority 255 by its weight", tracker.name.value);
            self.report(
                Diagnostic::warning(code::OWNER_WEIGHT, message)
                    .primary(tracker.name.span, "this tracker has no effect")
                    .help("give a lower priority, or leave the weight out: then its failure means FAULT"),
            );
        }
        !ignored
    }

    pub(super) fn track_interfaces(
        &mut self,
        instance: &Instance,
        priority: LocalPriority,
    ) -> Vec<TrackedInterface> {
        let mut tracked = Vec::new();
        for tracker in &instance.track_interfaces {
            let weight = tracker.weight.unwrap_or_default();
            if self.keeps_weight(tracker, weight, priority) {
                let name = tracker.name.value.clone();
                tracked.push(TrackedInterface { name, weight: weight.value, reverse: weight.reverse });
            }
        }
        tracked
    }

    /// `None` when a script is missing: keepalived would forget it and become master whatever it was to guard.
    pub(super) fn track_scripts(
        &mut self,
        instance: &Instance,
        priority: LocalPriority,
    ) -> Option<Vec<TrackedScript>> {
        let mut tracked = Some(Vec::new());
        for tracker in &instance.track_scripts {
            let Some(default) = self.scripts.weight(&tracker.name.value) else {
                self.report_unknown_script(instance, tracker);
                tracked = None;
                continue;
            };
            let weight = tracker.weight.unwrap_or(default);
            if self.keeps_weight(tracker, weight, priority) {
                let name = tracker.name.value.clone();
                let script = TrackedScript { name, weight: weight.value, reverse: weight.reverse };
                tracked.iter_mut().for_each(|list| list.push(script.clone()));
            }
        }
        tracked
    }

    fn report_unknown_script(&mut self, instance: &Instance, tracker: &Tracker) {
        let name = &tracker.name.value;
        let block = self.scripts.block(name);
        let (what, remark) = match block {
            Some(_) => ("cannot be run", "its block is at fault"),
            None => ("does not exist", "no `vrrp_script` block has this name"),
        };
        let search = block.is_none() && !self.diagnostics.is_full();
        let nearest = if search { self.scripts.quoted_nearest(name) } else { String::new() };
        let mut diagnostic =
            Diagnostic::error(code::UNKNOWN_SCRIPT, format!("tracked script `{name}` {what}"))
                .primary(tracker.name.span, remark)
                .help(nearest)
                .help(format!("{}, since nothing would guard it", left_out(instance)));
        if let Some(block) = block {
            diagnostic = diagnostic.secondary(block, "this block");
        }
        self.report(diagnostic);
    }
}
