//! Rules across routes, and across rules of policy routing.

use std::collections::BTreeMap;

use super::{Checker, model::Spanned};
use crate::config::{
    diagnostic::{Diagnostic, code},
    plan::{RoutePlan, RulePlan},
    source::Span,
};

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
