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
use instance::Draft;

/// How many addresses one diagnostic lists.
const MAX_LISTED: usize = 5;

pub(super) use weights::place;

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
        let Some(Draft { plan, runs }) = checker.instance(instance) else { continue };
        // What cannot be run is compared with the others as well, so that all that is wrong is said at once.
        let alone = checker.alone(instance, &plan);
        if !runs {
            continue;
        }
        if plan.hmac.is_some() {
            unable.push(plan);
        } else if alone {
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
    checker.shared_routing(kept.iter().filter_map(|index| model.instances.get(*index)));
    let fixed = checker.fixed(&instances);
    std::mem::take(&mut checker.strictness).report(checker.diagnostics);
    globals::report_late(model, diagnostics);
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
    tracked::report_unused(model, diagnostics);
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

    /// Whether nothing of an instance is held by an earlier one. All that is held is said: a block that was copied and
    /// renamed has more than one thing to change.
    fn alone(&mut self, instance: &model::Instance, plan: &InstancePlan) -> bool {
        let group = (plan.interface.clone(), plan.vrid, plan.family);
        if let Some(first) = self.seen.names.get(&plan.name).copied() {
            // It may well be the same block twice.
            self.report(same_name(instance, first));
            return false;
        }
        let held = [
            self.seen.groups.get(&group).map(|first| same_group(instance, plan, first)),
            self.seen.shared_addresses(instance, plan),
        ];
        self.seen.take(instance, plan, group);
        let alone = held.iter().all(Option::is_none);
        held.into_iter().flatten().for_each(|diagnostic| self.report(diagnostic));
        alone
    }
}

fn same_name(instance: &model::Instance, first: Span) -> Diagnostic {
    let name = &instance.name;
    Diagnostic::error(code::DUPLICATE_NAME, format!("two instances are named `{}`", name.value))
        .primary(name.span, "this one is left out")
        .secondary(first, "named here first")
}

fn same_group(instance: &model::Instance, plan: &InstancePlan, first: &Spanned<String>) -> Diagnostic {
    let span = match &instance.vrid {
        model::Required::Good(vrid) => vrid.span,
        model::Required::Absent | model::Required::Bad => instance.name.span,
    };
    let message = format!("VRID {} is held twice on `{}` for {}", plan.vrid, plan.interface, plan.family);
    let help = match &plan.transport {
        Transport::Unicast(_) => {
            "also where unicast peers differ, unlike in keepalived: give each group its own virtual_router_id"
        }
        Transport::Multicast { .. } if instance.travel.multicast_group.is_some() => {
            "also where multicast groups differ, unlike in keepalived: give each group its own virtual_router_id"
        }
        Transport::Multicast { .. } => "give each group on a network its own virtual_router_id",
    };
    Diagnostic::error(code::DUPLICATE_VRID, message)
        .primary(span, left_out(instance))
        .secondary(first.span, format!("held by `{}`", first.value))
        .help(help)
}

/// What becomes of an instance that cannot be run.
fn left_out(instance: &model::Instance) -> String {
    format!("instance `{}` is left out", instance.name.value)
}

impl Seen {
    /// That earlier instances hold addresses of this one.
    fn shared_addresses(&self, instance: &model::Instance, plan: &InstancePlan) -> Option<Diagnostic> {
        let mut shared = instance.addresses.iter().chain(&instance.excluded).filter_map(|address| {
            let holder = self.addresses.get(&addresses::identity(&address.value, &plan.interface))?;
            Some((address.value.address, address.span, holder))
        });
        let (address, place, first) = shared.next()?;
        let others: Vec<String> = shared.map(|(address, ..)| format!("`{address}`")).collect();
        let listed = others.iter().take(MAX_LISTED).map(String::as_str).collect::<Vec<_>>().join(", ");
        let help = match others.len() {
            0 => String::new(),
            1 => format!("so is {listed}"),
            count if count <= MAX_LISTED => format!("so are {listed}"),
            count => format!("so are {listed} and {} more", count - MAX_LISTED),
        };
        Some(
            Diagnostic::error(code::DUPLICATE_ADDRESS, format!("`{address}` is an address of two instances"))
                .primary(place, left_out(instance))
                .secondary(first.span, format!("an address of `{}`", first.value))
                .help(help),
        )
    }

    fn take(&mut self, instance: &model::Instance, plan: &InstancePlan, group: (String, Vrid, Family)) {
        let name = &instance.name;
        self.names.entry(plan.name.clone()).or_insert(name.span);
        self.groups.entry(group).or_insert_with(|| name.clone());
        for address in plan.addresses.iter().chain(&plan.excluded) {
            let identity = addresses::identity(address, &plan.interface);
            self.addresses.entry(identity).or_insert_with(|| name.clone());
        }
    }
}
