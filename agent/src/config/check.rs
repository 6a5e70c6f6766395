//! Model → plan: defaults, and the rules that look across words and blocks.
//!
//! An instance that cannot be run as it was meant is left out of the plan, by name, and the others stay: a router that
//! takes no part does less harm than one that takes part with half its settings.

mod addresses;
mod authentication;
mod bfd;
mod election;
mod fixed;
mod globals;
mod hmac;
mod instance;
mod link;
mod pace;
mod presence;
mod route;
mod routing;
mod scripts;
mod servers;
mod ssl;
mod strict;
mod sync_groups;
mod tracked;
mod trackers;
mod weights;

use std::collections::BTreeMap;

use regent_common::{Family, Vrid};

use super::{
    diagnostic::{Diagnostic, Diagnostics, code},
    model::{self, Model, Spanned},
    plan::{InstancePlan, Plan, Transport},
    source::Span,
};

/// Checks a model and turns it into a plan; for each instance of the plan, says which one of the model it is.
pub(super) fn check(model: &Model, diagnostics: &mut Diagnostics) -> (Plan, Vec<usize>) {
    let scripts = scripts::Scripts::of(model, diagnostics);
    let sessions = bfd::Sessions::of(model, diagnostics);
    let (track_files, files) = tracked::files(model, diagnostics);
    let (track_processes, processes) = tracked::processes(model, diagnostics);
    let tracked = tracked::Known { files, processes, sessions: &sessions };
    let mut checker = Checker {
        model,
        scripts: &scripts,
        tracked: &tracked,
        diagnostics,
        seen: Seen::default(),
        strictness: strict::Strictness::default(),
    };
    let (mut instances, mut unable, mut kept) = (Vec::new(), Vec::new(), Vec::new());
    for (index, instance) in model.instances.iter().enumerate() {
        let Some(plan) = checker.instance(instance) else { continue };
        if plan.hmac.is_some() {
            unable.push(plan);
        } else if checker.admit(instance, &plan) {
            instances.push(plan);
            kept.push(index);
        }
    }
    let around = sync_groups::Surroundings { model, scripts: &scripts, tracked: &tracked };
    let (sync_groups, unguarded) = sync_groups::plan(&around, &mut instances, checker.diagnostics);
    let runs = |plan: &InstancePlan| !unguarded.contains(&plan.name);
    let (instances, kept): (Vec<_>, Vec<_>) =
        instances.into_iter().zip(kept).filter(|(plan, _)| runs(plan)).unzip();
    for (plan, index) in instances.iter().zip(&kept) {
        if let Some(instance) = model.instances.get(*index) {
            checker.weights(instance, plan);
        }
    }
    let fixed = checker.fixed(&instances);
    std::mem::take(&mut checker.strictness).report(checker.diagnostics);
    let (virtual_servers, server_groups) = servers::of(model, &tracked, diagnostics);
    let globals = &model.globals;
    let plan = Plan {
        router_id: globals.router_id.clone(),
        scripts: scripts.tracked_by(&instances),
        instances,
        startup_delay: globals.startup_delay.unwrap_or_default(),
        delay_after_boot: globals.delay_after_boot.unwrap_or_default(),
        pace: globals.pace,
        pace_groups: pace::groups(model, diagnostics),
        xdp: globals.xdp.unwrap_or_default(),
        sync_groups,
        track_files,
        track_processes,
        globals: globals::plan(model, diagnostics),
        virtual_servers,
        server_groups,
        ssl: ssl::of(model, diagnostics),
        bfd_instances: sessions.plans(),
        fixed,
        unable,
    };
    scripts.report_unused(&plan, model, diagnostics);
    (plan, kept)
}

/// What earlier instances hold.
#[derive(Default)]
struct Seen {
    names: BTreeMap<String, Span>,
    groups: BTreeMap<(String, Vrid, Family), Spanned<String>>,
    addresses: BTreeMap<addresses::Identity, Spanned<String>>,
}

struct Checker<'a> {
    model: &'a Model,
    scripts: &'a scripts::Scripts,
    tracked: &'a tracked::Known<'a>,
    diagnostics: &'a mut Diagnostics,
    seen: Seen,
    strictness: strict::Strictness,
}

impl Checker<'_> {
    fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// Whether nothing of an instance is held by an earlier one. What is left out holds nothing.
    fn admit(&mut self, instance: &model::Instance, plan: &InstancePlan) -> bool {
        let left_out = left_out(instance);
        if let Some(first) = self.seen.names.get(&plan.name) {
            self.diagnostics.push(
                Diagnostic::error(code::DUPLICATE_NAME, format!("two instances are named `{}`", plan.name))
                    .primary(instance.name.span, "this one is left out")
                    .secondary(*first, "named here first"),
            );
            return false;
        }
        let group = (plan.interface.clone(), plan.vrid, plan.family);
        if let Some(first) = self.seen.groups.get(&group) {
            let span = match &instance.vrid {
                model::Required::Good(vrid) => vrid.span,
                model::Required::Absent | model::Required::Bad => instance.name.span,
            };
            let message =
                format!("VRID {} is held twice on `{}` for {}", plan.vrid, plan.interface, plan.family);
            let help = match &plan.transport {
                Transport::Unicast(_) => {
                    "also where unicast peers differ, unlike in keepalived: give each group its own virtual_router_id"
                }
                Transport::Multicast { .. } if instance.travel.multicast_group.is_some() => {
                    "also where multicast groups differ, unlike in keepalived: give each group its own \
                     virtual_router_id"
                }
                Transport::Multicast { .. } => "give each group on a network its own virtual_router_id",
            };
            self.diagnostics.push(
                Diagnostic::error(code::DUPLICATE_VRID, message)
                    .primary(span, left_out)
                    .secondary(first.span, format!("held by `{}`", first.value))
                    .help(help),
            );
            return false;
        }
        if let Some((place, first)) = self.seen.address_of(instance, plan) {
            self.diagnostics.push(
                Diagnostic::error(
                    code::DUPLICATE_ADDRESS,
                    format!("`{}` is an address of two instances", place.value),
                )
                .primary(place.span, left_out)
                .secondary(first.span, format!("an address of `{}`", first.value)),
            );
            return false;
        }
        self.seen.take(instance, plan, group);
        true
    }
}

/// What becomes of an instance that cannot be run.
fn left_out(instance: &model::Instance) -> String {
    format!("instance `{}` is left out", instance.name.value)
}

impl Seen {
    /// An address of the instance that an earlier instance holds, and that holder.
    fn address_of(
        &self,
        instance: &model::Instance,
        plan: &InstancePlan,
    ) -> Option<(Spanned<String>, Spanned<String>)> {
        instance.addresses.iter().chain(&instance.excluded).find_map(|address| {
            let holder = self.addresses.get(&addresses::identity(&address.value, &plan.interface))?;
            let place = Spanned { value: address.value.address.to_string(), span: address.span };
            Some((place, holder.clone()))
        })
    }

    fn take(&mut self, instance: &model::Instance, plan: &InstancePlan, group: (String, Vrid, Family)) {
        let name = &instance.name;
        self.names.insert(plan.name.clone(), name.span);
        self.groups.insert(group, name.clone());
        for address in plan.addresses.iter().chain(&plan.excluded) {
            self.addresses.insert(addresses::identity(address, &plan.interface), name.clone());
        }
    }
}
