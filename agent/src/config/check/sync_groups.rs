//! Rules about sync groups: who is in one, and what becomes of weights there.
//!
//! What a group tracks, all its members track: it is put into their plans here. Weights of a member's own trackers would
//! set it apart from the others, and are not used, as in keepalived.

use std::collections::BTreeMap;

use regent_common::LocalPriority;

use super::{
    model::{self, Model, SyncGroup, Tracker, Weight},
    scripts::Scripts,
    tracked::Weights,
};
use crate::config::{
    diagnostic::{Diagnostic, Diagnostics, Severity, code},
    keyword,
    plan::{Command, InstancePlan, NotifyPlan, SyncGroupPlan, Tracked, TrackedInterface, TrackedScript},
    source::Span,
};

/// More places than these are only counted.
const MAX_PLACES: usize = 8;
/// Looking for a slip compares with no more names than these.
const MAX_COMPARED: usize = 500;

/// What groups are checked against.
pub(super) struct Surroundings<'a> {
    pub model: &'a Model,
    pub scripts: &'a Scripts,
    pub files: &'a Weights,
    pub processes: &'a Weights,
}

/// The plans of all groups. Instances get what their group tracks; those whose group tracks a script that does not exist
/// are left out.
pub(super) fn plan(
    around: &Surroundings<'_>,
    instances: &mut Vec<InstancePlan>,
    diagnostics: &mut Diagnostics,
) -> Vec<SyncGroupPlan> {
    let mut names: BTreeMap<&str, Span> = BTreeMap::new();
    let mut members: BTreeMap<String, (Span, String)> = BTreeMap::new();
    let mut plans = Vec::new();
    for group in &around.model.sync_groups {
        let name = group.name.value.as_str();
        if let Some(first) = names.get(name) {
            diagnostics.push(
                Diagnostic::error(code::DUPLICATE_NAME, format!("two sync groups are named `{name}`"))
                    .primary(group.name.span, "this one is ignored")
                    .secondary(*first, "named here first"),
            );
            continue;
        }
        names.insert(name, group.name.span);
        if group.damaged {
            diagnostics.push(
                Diagnostic::error(code::SYNC_GROUP, format!("sync group `{name}` is left out"))
                    .primary(group.name.span, "cannot be read whole"),
            );
            continue;
        }
        let own = admitted(group, around.model, &mut members, diagnostics);
        if own.is_empty() {
            continue;
        }
        plans.push(one(group, own, around, instances, diagnostics));
    }
    plans
}

/// The members of a group that are instances, each in one group alone.
fn admitted(
    group: &SyncGroup,
    model: &Model,
    members: &mut BTreeMap<String, (Span, String)>,
    diagnostics: &mut Diagnostics,
) -> Vec<String> {
    let name = &group.name.value;
    let mut own = Vec::new();
    for member in &group.members {
        let known = || model.instances.iter().map(|instance| instance.name.value.as_str());
        if !known().any(|known| known == member.value) {
            let compared = if diagnostics.is_full() { 0 } else { MAX_COMPARED };
            diagnostics.push(
                Diagnostic::error(code::UNKNOWN_INSTANCE, format!("there is no instance `{}`", member.value))
                    .primary(member.span, format!("named by sync group `{name}`"))
                    .help(keyword::quoted_nearest(&member.value, known().take(compared)))
                    .help("the others are a group without it"),
            );
            continue;
        }
        match members.get(&member.value) {
            Some((first, other)) => {
                let (severity, message) = if other == name {
                    (Severity::Warning, format!("`{}` is named twice", member.value))
                } else {
                    (Severity::Error, format!("instance `{}` is in two sync groups", member.value))
                };
                diagnostics.push(
                    Diagnostic::new(severity, code::SYNC_GROUP, message)
                        .primary(member.span, format!("it stays in `{other}`"))
                        .secondary(*first, "named here first"),
                );
            }
            None => {
                members.insert(member.value.clone(), (member.span, name.clone()));
                own.push(member.value.clone());
            }
        }
    }
    match own.as_slice() {
        [] => diagnostics.push(
            Diagnostic::error(code::SYNC_GROUP, format!("sync group `{name}` has no member"))
                .primary(group.name.span, "it is left out")
                .help("say `group { INSTANCE INSTANCE }`"),
        ),
        [alone] => diagnostics.push(
            Diagnostic::warning(code::SYNC_GROUP, format!("sync group `{name}` has one member alone"))
                .primary(group.name.span, format!("nothing moves together with `{alone}`")),
        ),
        [_, _, ..] => {}
    }
    own
}

/// A group with members.
fn one(
    group: &SyncGroup,
    own: Vec<String>,
    around: &Surroundings<'_>,
    instances: &mut Vec<InstancePlan>,
    diagnostics: &mut Diagnostics,
) -> SyncGroupPlan {
    let is_member = |plan: &InstancePlan| own.contains(&plan.name);
    let owner = instances
        .iter()
        .find(|plan| is_member(plan) && plan.priority == LocalPriority::Owner)
        .map(|plan| plan.name.clone());
    let mut weight = |tracker: &Tracker, default: Weight| {
        let weight = tracker.weight.unwrap_or(default);
        if let Some(owner) = owner.as_ref().filter(|_| weight.value != 0) {
            diagnostics.push(
                Diagnostic::warning(
                    code::OWNER_WEIGHT,
                    format!("`{}` cannot change priority 255 by its weight", tracker.name.value),
                )
                .primary(tracker.name.span, "weight 0 is used: its loss means FAULT")
                .help(format!("`{owner}` of this group has priority 255")),
            );
            return Weight::default();
        }
        weight
    };
    let track_interfaces: Vec<TrackedInterface> = group
        .track_interfaces
        .iter()
        .map(|tracker| {
            let Weight { value, reverse } = weight(tracker, Weight::default());
            TrackedInterface { name: tracker.name.value.clone(), weight: value, reverse }
        })
        .collect();
    let (known, unknown): (Vec<&Tracker>, Vec<&Tracker>) =
        group.track_scripts.iter().partition(|tracker| around.scripts.weight(&tracker.name.value).is_some());
    let track_scripts: Vec<TrackedScript> = known
        .into_iter()
        .map(|tracker| {
            let default = around.scripts.weight(&tracker.name.value).unwrap_or_default();
            let Weight { value, reverse } = weight(tracker, default);
            TrackedScript { name: tracker.name.value.clone(), weight: value, reverse }
        })
        .collect();
    if !unknown.is_empty() {
        for tracker in unknown {
            around.scripts.report_unknown(
                tracker,
                &format!("the instances of `{}` are left out", group.name.value),
                diagnostics,
            );
        }
        instances.retain(|plan| !own.contains(&plan.name));
    }
    let mut lost = Vec::new();
    for plan in instances.iter_mut().filter(|plan| own.contains(&plan.name)) {
        let Some(member) = around.model.instances.iter().find(|member| member.name.value == plan.name) else {
            continue;
        };
        if group.keeps_weights.is_none() {
            level(member, plan, &mut lost);
        }
        inherit(member, plan, &track_interfaces, &track_scripts, group, diagnostics);
    }
    report_lost(group, &lost, diagnostics);
    let globals = &around.model.globals;
    let mail = &globals.kept.mail;
    SyncGroupPlan {
        name: group.name.value.clone(),
        members: own,
        track_interfaces,
        track_scripts,
        track_files: resolved(&group.track_files, around.files, diagnostics),
        track_processes: resolved(&group.track_processes, around.processes, diagnostics),
        track_bfd: group
            .track_bfd
            .iter()
            .map(|tracker| {
                let Weight { value, reverse } = tracker.weight.unwrap_or_default();
                Tracked { name: tracker.name.value.clone(), weight: value.into(), reverse }
            })
            .collect(),
        notify: notify(group, around.model),
        alerts: group.alerts.or(mail.alert_vrrp).or(mail.alert).unwrap_or(false),
        priority_changes: group.priority_changes.unwrap_or(globals.kept.fifos.priority_changes),
        keeps_weights: group.keeps_weights.is_some(),
    }
}

fn resolved(trackers: &[model::WideTracker], known: &Weights, diagnostics: &mut Diagnostics) -> Vec<Tracked> {
    trackers.iter().filter_map(|tracker| known.resolve(tracker, diagnostics)).collect()
}

/// Takes the weights of a member's own trackers away, as keepalived does: an interface counts without, a script not at
/// all.
fn level(member: &model::Instance, plan: &mut InstancePlan, lost: &mut Vec<(Span, &'static str)>) {
    let place = |trackers: &[Tracker], name: &str| {
        trackers.iter().find(|tracker| tracker.name.value == name).map(|tracker| tracker.name.span)
    };
    for tracked in plan.track_interfaces.iter_mut().filter(|tracked| tracked.weight != 0) {
        tracked.weight = 0;
        let place = place(&member.track_interfaces, &tracked.name);
        lost.extend(place.map(|place| (place, "its loss means FAULT")));
    }
    plan.track_scripts.retain(|tracked| {
        if tracked.weight != 0 {
            let place = place(&member.track_scripts, &tracked.name);
            lost.extend(place.map(|place| (place, "this tracker has no effect")));
        }
        tracked.weight == 0
    });
}

fn report_lost(group: &SyncGroup, lost: &[(Span, &'static str)], diagnostics: &mut Diagnostics) {
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

/// Gives a member what its group tracks. What both track counts as the group has it.
fn inherit(
    member: &model::Instance,
    plan: &mut InstancePlan,
    interfaces: &[TrackedInterface],
    scripts: &[TrackedScript],
    group: &SyncGroup,
    diagnostics: &mut Diagnostics,
) {
    let own =
        member.track_interfaces.iter().filter(|own| interfaces.iter().any(|of| of.name == own.name.value));
    let own = own
        .chain(member.track_scripts.iter().filter(|own| scripts.iter().any(|of| of.name == own.name.value)));
    for twice in own {
        diagnostics.push(
            Diagnostic::warning(
                code::TRACKED_BY_GROUP,
                format!("`{}` and its sync group both track `{}`", plan.name, twice.name.value),
            )
            .primary(twice.name.span, "this line has no effect")
            .secondary(group.name.span, "the group's counts"),
        );
    }
    plan.track_interfaces.retain(|own| !interfaces.iter().any(|of| of.name == own.name));
    plan.track_interfaces.extend_from_slice(interfaces);
    plan.track_scripts.retain(|own| !scripts.iter().any(|of| of.name == own.name));
    plan.track_scripts.extend_from_slice(scripts);
}

fn notify(group: &SyncGroup, model: &Model) -> NotifyPlan {
    let with_user = |command: &Option<Command>| {
        command.clone().map(|command| {
            let user = command.user.or_else(|| model.globals.script_user.clone());
            Box::new(Command { user, ..command })
        })
    };
    NotifyPlan {
        master: with_user(&group.notify.master),
        backup: with_user(&group.notify.backup),
        fault: with_user(&group.notify.fault),
        stop: with_user(&group.notify.stop),
        any: with_user(&group.notify.any),
    }
}
