//! Rules about sync groups: who is in one, and what becomes of weights there.
//!
//! What a group tracks, all its members track: it is put into their plans here. Weights of a member's own trackers would
//! set it apart from the others, and are not used, as in keepalived.

use std::collections::{BTreeMap, BTreeSet};

use regent_common::LocalPriority;

use super::{
    instance::notify,
    model::{self, Model, SyncGroup, Tracker, Weight, WideTracker},
    scripts::Scripts,
    tracked::{Kind, Known, wide},
};
use crate::config::{
    diagnostic::{Diagnostic, Diagnostics, Severity, code},
    keyword,
    plan::{InstancePlan, SyncGroupPlan, Tracked, TrackedInterface, TrackedScript},
    source::Span,
};

/// More places than these are only counted.
const MAX_PLACES: usize = 8;
/// Looking for a slip compares with no more names than these.
const MAX_COMPARED: usize = 500;

/// Trackers that all members together get from their groups: each of a group's for each of its members, which a short
/// config could make any number.
const MAX_INHERITED: usize = 200_000;

/// What groups are checked against.
pub(super) struct Surroundings<'a> {
    pub model: &'a Model,
    pub scripts: &'a Scripts,
    pub tracked: &'a Known<'a>,
}

/// The plans of all groups, and the names of instances that nothing would guard, since their group tracks a script that
/// does not exist. Instances get what their group tracks.
pub(super) fn plan(
    around: &Surroundings<'_>,
    instances: &mut [InstancePlan],
    diagnostics: &mut Diagnostics,
) -> (Vec<SyncGroupPlan>, BTreeSet<String>) {
    let mut models: BTreeMap<&str, &model::Instance> = BTreeMap::new();
    for instance in &around.model.instances {
        models.entry(&instance.name.value).or_insert(instance);
    }
    let places = instances.iter().enumerate().map(|(at, plan)| (plan.name.clone(), at)).collect();
    let mut groups = Groups {
        around,
        models,
        places,
        instances,
        diagnostics,
        members: BTreeMap::new(),
        unguarded: BTreeSet::new(),
        inherited: 0,
    };
    let mut names: BTreeMap<&str, Span> = BTreeMap::new();
    let mut plans = Vec::new();
    for group in &around.model.sync_groups {
        if groups.is_whole(group, &mut names) {
            let members = groups.members_of(group);
            plans.extend((!members.is_empty()).then(|| groups.plan(group, members)));
        }
    }
    (plans, groups.unguarded)
}

struct Groups<'a> {
    around: &'a Surroundings<'a>,
    /// By name; of two with one name the first.
    models: BTreeMap<&'a str, &'a model::Instance>,
    /// Where in the plans the instance of a name is.
    places: BTreeMap<String, usize>,
    instances: &'a mut [InstancePlan],
    diagnostics: &'a mut Diagnostics,
    /// Where each member is named, and its group.
    members: BTreeMap<String, (Span, String)>,
    /// Instances that nothing would guard.
    unguarded: BTreeSet<String>,
    /// Trackers that were given to members so far.
    inherited: usize,
}

impl<'a> Groups<'a> {
    fn is_whole(&mut self, group: &'a SyncGroup, names: &mut BTreeMap<&'a str, Span>) -> bool {
        let name = group.name.value.as_str();
        if let Some(first) = names.get(name) {
            self.diagnostics.push(
                Diagnostic::error(code::DUPLICATE_NAME, format!("two sync groups are named `{name}`"))
                    .primary(group.name.span, "this one is ignored")
                    .secondary(*first, "named here first"),
            );
            return false;
        }
        names.insert(name, group.name.span);
        if group.damaged {
            self.diagnostics.push(
                Diagnostic::error(code::SYNC_GROUP, format!("sync group `{name}` is left out"))
                    .primary(group.name.span, "cannot be read whole"),
            );
        }
        !group.damaged
    }

    /// The members of a group that are instances, each in one group alone.
    fn members_of(&mut self, group: &SyncGroup) -> Vec<String> {
        let name = &group.name.value;
        let mut own = Vec::new();
        for member in &group.members {
            if !self.models.contains_key(member.value.as_str()) {
                let compared = if self.diagnostics.is_full() { 0 } else { MAX_COMPARED };
                // One that is a member already is not meant.
                let others: BTreeSet<&str> =
                    group.members.iter().take(compared).map(|member| member.value.as_str()).collect();
                let known = self.models.keys().take(compared).copied().filter(|name| !others.contains(name));
                self.diagnostics.push(
                    Diagnostic::error(
                        code::UNKNOWN_INSTANCE,
                        format!("there is no instance `{}`", member.value),
                    )
                    .primary(member.span, format!("named by sync group `{name}`"))
                    .help(keyword::quoted_nearest(&member.value, known))
                    .help("the others are a group without it"),
                );
                continue;
            }
            let Some((first, other)) = self.members.get(&member.value) else {
                self.members.insert(member.value.clone(), (member.span, name.clone()));
                own.push(member.value.clone());
                continue;
            };
            let (severity, message) = if other == name {
                (Severity::Warning, format!("`{}` is named twice", member.value))
            } else {
                (Severity::Error, format!("instance `{}` is in two sync groups", member.value))
            };
            self.diagnostics.push(
                Diagnostic::new(severity, code::SYNC_GROUP, message)
                    .primary(member.span, format!("it stays in `{other}`"))
                    .secondary(*first, "named here first"),
            );
        }
        self.loose(group, own.is_empty());
        match own.as_slice() {
            [] if !group.loose.is_empty() => {}
            [] => self.diagnostics.push(
                Diagnostic::error(code::SYNC_GROUP, format!("sync group `{name}` has no member"))
                    .primary(group.name.span, "it is left out")
                    .help("say `group { INSTANCE INSTANCE }`"),
            ),
            [alone] => self.diagnostics.push(
                Diagnostic::warning(code::SYNC_GROUP, format!("sync group `{name}` has one member alone"))
                    .primary(group.name.span, format!("nothing moves together with `{alone}`")),
            ),
            [_, _, ..] => {}
        }
        own
    }

    /// Names that stand in the group and not in its `group { … }`.
    fn loose(&mut self, group: &SyncGroup, alone: bool) {
        let Some((first, others)) = group.loose.split_first() else { return };
        let name = &group.name.value;
        let remark = if alone { format!("skipped, and `{name}` is left out") } else { "skipped".to_owned() };
        let mut diagnostic = Diagnostic::error(
            code::SYNC_GROUP,
            format!("sync group `{name}` has names outside of `group {{ … }}`"),
        )
        .primary(*first, remark);
        for place in others.iter().take(MAX_PLACES - 1) {
            diagnostic = diagnostic.secondary(*place, "the same here");
        }
        if let Some(more @ 1..) = group.loose.len().checked_sub(MAX_PLACES) {
            diagnostic = diagnostic.help(format!("the same in {more} more places"));
        }
        self.diagnostics
            .push(diagnostic.help("say `group { INSTANCE INSTANCE }`; keepalived skips them too"));
    }

    /// A group with members.
    fn plan(&mut self, group: &SyncGroup, members: Vec<String>) -> SyncGroupPlan {
        let (track_interfaces, track_scripts) = self.trackers(group, &members);
        let interfaces: BTreeSet<String> = track_interfaces.iter().map(|of| of.name.clone()).collect();
        let scripts: BTreeSet<String> = track_scripts.iter().map(|of| of.name.clone()).collect();
        let mut lost = Vec::new();
        for member in &members {
            let at = self.places.get(member).copied();
            let plan = at.and_then(|at| self.instances.get_mut(at));
            let (Some(plan), Some(model)) = (plan, self.models.get(member.as_str())) else { continue };
            let own = model.track_interfaces.iter().filter(|own| interfaces.contains(&own.name.value));
            let own = own.chain(model.track_scripts.iter().filter(|own| scripts.contains(&own.name.value)));
            for tracker in own {
                self.diagnostics.push(
                    Diagnostic::warning(
                        code::TRACKED_BY_GROUP,
                        format!("`{member}` and its sync group both track `{}`", tracker.name.value),
                    )
                    .primary(tracker.name.span, "this line has no effect")
                    .secondary(group.name.span, "the group's counts"),
                );
            }
            plan.track_interfaces.retain(|own| !interfaces.contains(&own.name));
            plan.track_scripts.retain(|own| !scripts.contains(&own.name));
            if group.keeps_weights.is_none() {
                level(model, plan, &mut lost);
            }
            self.inherited += track_interfaces.len() + track_scripts.len();
            if self.inherited > MAX_INHERITED {
                self.unguarded.insert(member.clone());
                continue;
            }
            plan.track_interfaces.extend_from_slice(&track_interfaces);
            plan.track_scripts.extend_from_slice(&track_scripts);
        }
        if self.inherited > MAX_INHERITED {
            self.diagnostics.push(
                Diagnostic::error(code::SYNC_GROUP, "sync groups track too much for their members")
                    .primary(group.name.span, format!("more than {MAX_INHERITED} trackers in all"))
                    .help("members from here on are left out"),
            );
        }
        report_lost(group, lost, self.diagnostics);
        SyncGroupPlan {
            name: group.name.value.clone(),
            members,
            track_interfaces,
            track_scripts,
            track_files: self.resolved(Kind::File, &group.track_files),
            track_processes: self.resolved(Kind::Process, &group.track_processes),
            track_bfds: self.resolved(Kind::Session, &wide(&group.track_bfd)),
            notify: notify(&group.notify, &self.around.model.globals),
            keeps_weights: group.keeps_weights.is_some(),
        }
    }

    fn resolved(&mut self, kind: Kind, trackers: &[WideTracker]) -> Vec<Tracked> {
        let resolve = |tracker| self.around.tracked.resolve(kind, tracker, self.diagnostics);
        trackers.iter().filter_map(resolve).collect()
    }

    /// What a group tracks. With a member of priority 255, which never changes, weights count as none, as in keepalived.
    fn trackers(
        &mut self,
        group: &SyncGroup,
        members: &[String],
    ) -> (Vec<TrackedInterface>, Vec<TrackedScript>) {
        let owns = |member: &&String| {
            let plan = self.places.get(*member).and_then(|at| self.instances.get(*at));
            plan.is_some_and(|plan| plan.priority == LocalPriority::Owner)
        };
        let owner = members.iter().find(owns);
        let weight = |tracker: &Tracker, weight: Weight, diagnostics: &mut Diagnostics| {
            let Some(owner) = owner.filter(|_| weight.value != 0) else { return weight };
            diagnostics.push(
                Diagnostic::warning(
                    code::OWNER_WEIGHT,
                    format!("`{}` cannot change priority 255 by its weight", tracker.name.value),
                )
                .primary(tracker.name.span, "weight 0 is used: its loss means FAULT")
                .help(format!("`{owner}` of this group has priority 255")),
            );
            Weight::default()
        };
        let mut interfaces = Vec::new();
        for tracker in &group.track_interfaces {
            let said = tracker.weight.unwrap_or_default();
            let Weight { value, reverse } = weight(tracker, said, self.diagnostics);
            let name = tracker.name.value.clone();
            interfaces.push(TrackedInterface { name, weight: value, reverse });
        }
        let mut scripts = Vec::new();
        for tracker in &group.track_scripts {
            let name = tracker.name.value.clone();
            let Some(default) = self.around.scripts.weight(&name) else {
                let consequence = format!(
                    "the instances of `{}` are left out, since nothing would guard them",
                    group.name.value
                );
                self.around.scripts.report_unknown(tracker, &consequence, self.diagnostics);
                self.unguarded.extend(members.iter().cloned());
                continue;
            };
            let said = tracker.weight.unwrap_or(default);
            let Weight { value, reverse } = weight(tracker, said, self.diagnostics);
            scripts.push(TrackedScript { name, weight: value, reverse });
        }
        (interfaces, scripts)
    }
}

/// Takes the weights of a member's own trackers away, as keepalived does: an interface, a file or a session counts
/// without, a script or a process not at all.
fn level(member: &model::Instance, plan: &mut InstancePlan, lost: &mut Vec<(Span, &'static str)>) {
    let places = |trackers: &[Tracker]| -> BTreeMap<String, Span> {
        trackers.iter().map(|tracker| (tracker.name.value.clone(), tracker.name.span)).collect()
    };
    let wide_places = |trackers: &[WideTracker]| -> BTreeMap<String, Span> {
        trackers.iter().map(|tracker| (tracker.name.value.clone(), tracker.name.span)).collect()
    };
    let interfaces = places(&member.track_interfaces);
    for tracked in plan.track_interfaces.iter_mut().filter(|tracked| tracked.weight != 0) {
        tracked.weight = 0;
        lost.extend(interfaces.get(&tracked.name).map(|place| (*place, "its loss means FAULT")));
    }
    let scripts = places(&member.track_scripts);
    let files = wide_places(&member.track_files);
    for tracked in plan.track_files.iter_mut().filter(|tracked| tracked.weight != 0) {
        tracked.weight = 0;
        lost.extend(files.get(&tracked.name).map(|place| (*place, "any number but 0 means FAULT")));
    }
    let processes = wide_places(&member.track_processes);
    plan.track_processes.retain(|tracked| {
        if tracked.weight != 0 {
            lost.extend(processes.get(&tracked.name).map(|place| (*place, "this tracker has no effect")));
        }
        tracked.weight == 0
    });
    let sessions = places(&member.track_bfds);
    for tracked in plan.track_bfds.iter_mut().filter(|tracked| tracked.weight != 0) {
        tracked.weight = 0;
        lost.extend(sessions.get(&tracked.name).map(|place| (*place, "its loss means FAULT")));
    }
    plan.track_scripts.retain(|tracked| {
        if tracked.weight != 0 {
            lost.extend(scripts.get(&tracked.name).map(|place| (*place, "this tracker has no effect")));
        }
        tracked.weight == 0
    });
}

fn report_lost(group: &SyncGroup, mut lost: Vec<(Span, &'static str)>, diagnostics: &mut Diagnostics) {
    lost.sort();
    let Some(((place, remark), others)) = lost.split_first() else { return };
    let name = &group.name.value;
    let mut diagnostic = Diagnostic::warning(
        code::SYNC_WEIGHT,
        format!("weights on members of sync group `{name}` are not used: they would set them apart"),
    )
    .primary(*place, *remark);
    for (place, remark) in others.iter().take(MAX_PLACES - 1) {
        diagnostic = diagnostic.secondary(*place, *remark);
    }
    if let Some(more @ 1..) = lost.len().checked_sub(MAX_PLACES) {
        diagnostic = diagnostic.help(format!("the same in {more} more places"));
    }
    diagnostics.push(
        diagnostic
            .help(format!("let `{name}` track it, so that it counts for all of them"))
            .help("or say `sync_group_tracking_weight` in the group"),
    );
}
