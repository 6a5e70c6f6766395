//! Rules about what an instance depends on.

use regent_common::LocalPriority;

use super::{
    Checker, left_out,
    model::{Instance, Tracker, Weight},
};
use crate::config::{
    diagnostic::{Diagnostic, code},
    plan::{TrackedInterface, TrackedScript},
};

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
                let consequence = format!("{}, since nothing would guard it", left_out(instance));
                self.scripts.report_unknown(tracker, &consequence, self.diagnostics);
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
}
