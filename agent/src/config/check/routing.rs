//! Rules across routes, and across rules of policy routing.

use std::collections::BTreeMap;

use super::{
    Checker,
    model::{Instance, Spanned},
};
use crate::config::{
    diagnostic::{Diagnostic, code},
    plan::{Prefix, RoutePlan, RouteTable, RulePlan},
    source::Span,
};

/// What makes two routes one to the kernel.
type Place = (Prefix, RouteTable, u8, Option<u32>);

/// A rule, and where and by whom it is set.
type Set<'a> = (&'a RulePlan, &'a str, Span);

/// The routes and rules of earlier instances, and what stays.
#[derive(Default)]
pub(super) struct Taken<'a> {
    routes: BTreeMap<Place, (&'a str, Span)>,
    rules: BTreeMap<(u8, u32), Vec<Set<'a>>>,
}

/// The owner of what `static_routes` and `static_rules` set.
const FIXED: &str = "";

impl Checker<'_> {
    /// The routes, each once: the kernel takes no second one that is the same in all.
    pub(super) fn routes(&mut self, routes: &[Spanned<RoutePlan>]) -> Vec<RoutePlan> {
        let place = |route: &RoutePlan| (route.destination, route.table.clone());
        self.each_once(routes.iter().map(|route| (&route.value, route.span)), place, "route")
    }

    /// The rules, each once.
    pub(super) fn rules(&mut self, rules: &[Spanned<RulePlan>]) -> Vec<RulePlan> {
        let place = |rule: &RulePlan| (rule.family as u8, rule.preference);
        self.each_once(rules.iter().map(|rule| (&rule.value, rule.span)), place, "rule")
    }

    /// What two set, the first that leaves takes away from the other. `instances`: those that run.
    pub(super) fn shared_routing<'i>(&mut self, instances: impl Iterator<Item = &'i Instance>) {
        let mut taken = Taken::default();
        let fixed = &self.model.fixed;
        for route in &fixed.routes {
            self.take_route(&mut taken, &route.what, FIXED);
        }
        for rule in &fixed.rules {
            self.take_rule(&mut taken, &rule.what, FIXED);
        }
        for instance in instances {
            for route in &instance.routes {
                self.take_route(&mut taken, route, &instance.name.value);
            }
            for rule in &instance.rules {
                self.take_rule(&mut taken, rule, &instance.name.value);
            }
        }
    }

    fn take_route<'i>(&mut self, taken: &mut Taken<'i>, said: &'i Spanned<RoutePlan>, owner: &'i str) {
        let route = &said.value;
        let place = (route.destination, route.table.clone(), route.tos, route.metric);
        // Twice in one block is said of the block.
        match taken.routes.get(&place).copied().filter(|(first, _)| *first != owner) {
            Some((first, span)) => self.report_shared("route", said.span, owner, (first, span)),
            None => {
                taken.routes.insert(place, (owner, said.span));
            }
        }
    }

    fn take_rule<'i>(&mut self, taken: &mut Taken<'i>, said: &'i Spanned<RulePlan>, owner: &'i str) {
        let rules = taken.rules.entry((said.value.family as u8, said.value.preference)).or_default();
        let same = rules.iter().find(|(rule, first, _)| **rule == said.value && *first != owner);
        match same.map(|(_, first, span)| (*first, *span)) {
            Some(first) => self.report_shared("rule", said.span, owner, first),
            None => rules.push((&said.value, owner, said.span)),
        }
    }

    fn report_shared(&mut self, what: &str, place: Span, owner: &str, (first, span): (&str, Span)) {
        let of = |name: &str| match name {
            FIXED => "set here, and stays".to_owned(),
            name => format!("set by `{name}`"),
        };
        self.report(
            Diagnostic::warning(code::DUPLICATE_ROUTE, format!("a {what} is set twice"))
                .primary(place, of(owner))
                .secondary(span, of(first))
                .help(format!("the one that is no master any more takes the {what} away from the other")),
        );
    }

    /// Of things that are the same the first. `place` keeps the comparing short.
    pub(super) fn each_once<'a, T: Clone + PartialEq + 'a, Place: Ord>(
        &mut self,
        all: impl Iterator<Item = (&'a T, Span)>,
        place: impl Fn(&T) -> Place,
        what: &str,
    ) -> Vec<T> {
        let mut kept: Vec<T> = Vec::new();
        let mut seen: BTreeMap<Place, Vec<(&'a T, Span)>> = BTreeMap::new();
        for (one, span) in all {
            let alike = seen.entry(place(one)).or_default();
            match alike.iter().find(|(other, _)| *other == one) {
                Some((_, first)) => self.report(
                    Diagnostic::warning(code::DUPLICATE_ROUTE, format!("a {what} is named twice"))
                        .primary(span, "ignored")
                        .secondary(*first, "named here first"),
                ),
                None => {
                    alike.push((one, span));
                    kept.push(one.clone());
                }
            }
        }
        kept
    }
}
