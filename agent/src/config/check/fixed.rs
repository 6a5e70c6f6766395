//! Rules about what stays, whoever is master: static addresses, routes and rules, and the groups that track them.

use std::collections::{BTreeMap, BTreeSet};

use regent_common::LocalPriority;

use super::{
    Checker, addresses,
    model::{Grouped, Spanned},
};
use crate::config::{
    diagnostic::{Diagnostic, code},
    keyword,
    plan::{AddressPlan, Fixed, FixedPlan, InstancePlan, TrackGroup},
    source::Span,
};

/// keepalived's interface for static addresses that name none.
const USUAL_INTERFACE: &str = "eth0";

impl Checker<'_> {
    /// What stays, beside these instances.
    pub(super) fn fixed(&mut self, instances: &[InstancePlan]) -> FixedPlan {
        let (groups, names) = self.track_groups(instances);
        let said = &self.model.fixed;
        let addresses = self.static_addresses(&said.addresses, &names, instances);
        let routes = self.grouped(&said.routes, &names);
        let routes = self.each_once(
            routes.iter().map(|(route, span)| (route, *span)),
            |route| (route.what.destination, route.what.table.clone()),
            "route",
        );
        let rules = self.grouped(&said.rules, &names);
        let rules = self.each_once(
            rules.iter().map(|(rule, span)| (rule, *span)),
            |rule| (rule.what.family as u8, rule.what.preference),
            "rule",
        );
        FixedPlan { addresses, routes, rules, groups }
    }

    /// The groups, and the names of all that are said.
    fn track_groups(&mut self, instances: &[InstancePlan]) -> (Vec<TrackGroup>, BTreeSet<String>) {
        let known: BTreeSet<&str> =
            self.model.instances.iter().map(|instance| instance.name.value.as_str()).collect();
        let running: BTreeSet<&str> = instances.iter().map(|instance| instance.name.as_str()).collect();
        let mut seen: BTreeMap<&str, Span> = BTreeMap::new();
        let mut groups = Vec::new();
        for group in &self.model.track_groups {
            let name = &group.name.value;
            if let Some(first) = seen.get(name.as_str()) {
                self.diagnostics.push(
                    Diagnostic::error(code::DUPLICATE_NAME, format!("two track groups are named `{name}`"))
                        .primary(group.name.span, "this one has no effect")
                        .secondary(*first, "named here first"),
                );
                continue;
            }
            seen.insert(name, group.name.span);
            if group.instances.is_empty() {
                self.diagnostics.push(
                    Diagnostic::warning(code::TRACK_GROUP, format!("track group `{name}` has no instance"))
                        .primary(group.name.span, "nothing depends on it")
                        .help("name them in `group { … }`"),
                );
            }
            let mut members: BTreeMap<&str, Span> = BTreeMap::new();
            let mut names = Vec::new();
            for Spanned { value, span } in &group.instances {
                if !known.contains(value.as_str()) {
                    let nearest = keyword::quoted_nearest(value, known.iter().copied());
                    self.diagnostics.push(
                        Diagnostic::error(code::TRACK_GROUP, format!("no instance is named `{value}`"))
                            .primary(*span, "ignored")
                            .help(nearest),
                    );
                } else if let Some(first) = members.insert(value, *span) {
                    self.diagnostics.push(
                        Diagnostic::warning(code::TRACK_GROUP, format!("`{value}` is in `{name}` twice"))
                            .primary(*span, "ignored")
                            .secondary(first, "named here first"),
                    );
                } else if running.contains(value.as_str()) {
                    names.push(value.clone());
                }
            }
            groups.push(TrackGroup { name: name.clone(), instances: names });
        }
        (groups, seen.into_keys().map(str::to_owned).collect())
    }

    /// The group of a line; none where there is no such group.
    fn known_group(&mut self, said: Option<&Spanned<String>>, names: &BTreeSet<String>) -> Option<String> {
        let said = said?;
        if !names.contains(&said.value) {
            let nearest = keyword::quoted_nearest(&said.value, names.iter().map(String::as_str));
            self.report(
                Diagnostic::error(code::TRACK_GROUP, format!("no track group is named `{}`", said.value))
                    .primary(said.span, "nothing depends on this line")
                    .help(nearest)
                    .help("say `track_group NAME { group { … } }` outside all blocks"),
            );
            return None;
        }
        Some(said.value.clone())
    }

    fn grouped<T: Clone>(&mut self, lines: &[Grouped<T>], names: &BTreeSet<String>) -> Vec<(Fixed<T>, Span)> {
        let mut fixed = Vec::new();
        for line in lines {
            let group = self.known_group(line.group.as_ref(), names);
            fixed.push((Fixed { what: line.what.value.clone(), group }, line.what.span));
        }
        fixed
    }

    /// The addresses, each once, with their interfaces. One that is virtual as well is left out: every router of the
    /// group would have it all the time.
    fn static_addresses(
        &mut self,
        lines: &[Grouped<AddressPlan>],
        names: &BTreeSet<String>,
        instances: &[InstancePlan],
    ) -> Vec<Fixed<AddressPlan>> {
        // RFC 9568 §6.1: priority 255 is for the router that has the addresses in any case.
        let owner = |instance: &&InstancePlan| instance.priority == LocalPriority::Owner;
        let owners: BTreeSet<&str> =
            instances.iter().filter(owner).map(|instance| instance.name.as_str()).collect();
        let mut seen: BTreeMap<addresses::Identity, Span> = BTreeMap::new();
        let mut fixed = Vec::new();
        for (mut address, span) in self.grouped(lines, names) {
            let device = self.static_device(&address.what, span);
            let identity = addresses::identity(&address.what, &device);
            address.what.device = Some(device);
            let text = address.what.address.to_string();
            let holder = self.seen.addresses.get(&identity).cloned();
            if let Some(holder) = holder.filter(|holder| !owners.contains(holder.value.as_str())) {
                self.report(
                    Diagnostic::error(
                        code::STATIC_ADDRESS,
                        format!("`{text}` is a static address and a virtual one"),
                    )
                    .primary(span, "left out: a backup must not have it")
                    .secondary(holder.span, format!("an address of `{}`", holder.value)),
                );
                continue;
            }
            if let Some(first) = seen.get(&identity) {
                self.report(
                    Diagnostic::warning(code::DUPLICATE_ADDRESS, format!("`{text}` is named twice"))
                        .primary(span, "ignored")
                        .secondary(*first, "named here first"),
                );
                continue;
            }
            seen.insert(identity, span);
            fixed.push(address);
        }
        fixed
    }

    /// The interface that an address names, else `default_interface`, else keepalived's.
    fn static_device(&mut self, address: &AddressPlan, span: Span) -> String {
        let said = address.device.clone();
        let default = self.model.globals.default_interface.as_ref().map(|default| default.value.clone());
        said.or(default).unwrap_or_else(|| {
            let message = format!("static address `{}` names no interface", address.address);
            self.report(
                Diagnostic::warning(code::STATIC_ADDRESS, message)
                    .primary(span, format!("{USUAL_INTERFACE} is taken, as in keepalived"))
                    .help("say `dev INTERFACE`, or `default_interface` in global_defs"),
            );
            USUAL_INTERFACE.to_owned()
        })
    }
}
