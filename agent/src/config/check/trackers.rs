//! Rules about what an instance depends on.

use regent_common::LocalPriority;

use super::{
    Checker, left_out,
    model::{Instance, Spanned, WideTracker},
    tracked::Kind,
};
use crate::config::{
    diagnostic::{Diagnostic, code},
    plan::{Tracked, TrackedInterface, TrackedScript},
};

impl Checker<'_> {
    /// Priority 255 never changes (RFC 9568 §6.1: the owner's MUST be 255), so weights on it mean nothing.
    fn keeps_weight(&mut self, name: &Spanned<String>, weighs: bool, priority: LocalPriority) -> bool {
        let ignored = weighs && priority == LocalPriority::Owner;
        if ignored {
            let message = format!("`{}` cannot change priority 255 by its weight", name.value);
            self.report(
                Diagnostic::warning(code::OWNER_WEIGHT, message)
                    .primary(name.span, "this tracker has no effect")
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
            if self.keeps_weight(&tracker.name, weight.value != 0, priority) {
                let name = tracker.name.value.clone();
                tracked.push(TrackedInterface { name, weight: weight.value, reverse: weight.reverse });
            }
        }
        tracked
    }

    /// Files, processes and BFD sessions.
    pub(super) fn tracked(
        &mut self,
        kind: Kind,
        trackers: &[WideTracker],
        priority: LocalPriority,
    ) -> Vec<Tracked> {
        let mut tracked = Vec::new();
        for tracker in trackers {
            let resolved = self.tracked.resolve(kind, tracker, self.diagnostics);
            tracked
                .extend(resolved.filter(|one| self.keeps_weight(&tracker.name, one.weight != 0, priority)));
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
            if self.keeps_weight(&tracker.name, weight.value != 0, priority) {
                let name = tracker.name.value.clone();
                let script = TrackedScript { name, weight: weight.value, reverse: weight.reverse };
                tracked.iter_mut().for_each(|list| list.push(script.clone()));
            }
        }
        tracked
    }
}
