//! What trackers say, and what keeps an instance from taking part: its faults.

use std::{collections::BTreeSet, sync::Arc};

use regent_vrrp::{Event, FaultCause};

use super::{engine::Engine, trackers::Kind};
use crate::track::Verdict;

impl Engine {
    /// A script's verdict.
    pub(super) fn judge_script(&mut self, verdict: &Verdict) {
        self.verdicts.insert(Arc::clone(&verdict.script), verdict.clone());
        for at in 0..self.instances.len() {
            if self.instances[at].trackers.judge(
                Kind::Script,
                &verdict.script,
                verdict.good,
                Some(&verdict.detail),
            ) {
                self.apply_trackers(at);
            }
        }
    }

    /// A link's state, for those who track it.
    pub(super) fn judge_interface(&mut self, name: &str, up: bool) {
        for at in 0..self.instances.len() {
            if self.instances[at].trackers.judge(Kind::Interface, name, up, None) {
                self.apply_trackers(at);
            }
        }
    }

    /// A tracked interface that does not exist is down.
    pub(super) fn judge_absent_interfaces(&mut self) {
        let tracked = self.instances.iter().flat_map(|instance| instance.trackers.iter());
        let absent: BTreeSet<Arc<str>> = tracked
            .filter(|tracker| tracker.kind == Kind::Interface && tracker.good.is_none())
            .map(|tracker| Arc::clone(&tracker.name))
            .collect();
        for name in absent {
            self.judge_interface(&name, false);
        }
    }

    pub(super) fn apply_trackers(&mut self, at: usize) {
        let instance = &self.instances[at];
        let priority = instance.trackers.priority(instance.plan.priority);
        if priority != instance.priority() {
            self.handle(at, Event::Priority(priority));
        }
        self.apply_faults(at);
    }

    /// Computes the faults of an instance anew and tells its machine when it may, or may not, take part.
    pub(super) fn apply_faults(&mut self, at: usize) {
        let before = self.instances[at].fault();
        self.refresh_faults(at);
        let after = self.instances[at].fault();
        if !self.instances[at].started {
            return;
        }
        match (before, after) {
            (None, Some(cause)) => self.handle(at, Event::Fault(cause)),
            (Some(_), None) => self.handle(at, Event::FaultCleared),
            (None, None) | (Some(_), Some(_)) => {}
        }
    }

    pub(super) fn refresh_faults(&mut self, at: usize) {
        let instance = &mut self.instances[at];
        let port = &self.ports[instance.port];
        let flapping = port.is_flapping() && port.link.is_some();
        let down = !port.is_up() && !flapping && instance.plan.tracks_interface;
        let no_port = port.link.is_none() || port.way(instance.plan.family).socket.is_none();
        instance.set_fault(FaultCause::Interface, down || no_port);
        instance.set_fault(FaultCause::NoSourceAddress, instance.source.is_none());
        let script = instance.trackers.fault(Kind::Script);
        instance.set_fault(FaultCause::TrackedScript, script.is_some());
        let interface = instance.trackers.fault(Kind::Interface);
        instance.set_fault(FaultCause::TrackedInterface, interface.is_some());
    }
}
