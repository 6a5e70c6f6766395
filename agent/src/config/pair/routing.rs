//! Whether both sides set the same routes and rules while they are master. Next hops, interfaces and addresses of the
//! own host may differ: what counts is which packets they are about, and where.

use super::{Member, Pair};
use crate::config::{
    diagnostic::{Diagnostic, Diagnostics, code},
    model::Spanned,
    plan::{RoutePlan, RuleMatch, RulePlan},
    source::Span,
};

/// More places than these are only counted.
const MAX_PLACES: usize = 8;

impl Pair<'_> {
    pub(super) fn routing(&self, diagnostics: &mut Diagnostics) {
        let alike = |one: &RoutePlan, other: &RoutePlan| {
            (one.destination, &one.table, one.tos, one.metric, one.kind.is_dead_end())
                == (other.destination, &other.table, other.tos, other.metric, other.kind.is_dead_end())
        };
        self.lacking("routes", |member| &member.written.routes, alike, diagnostics);
        self.lacking("rules", |member| &member.written.rules, alike_rules, diagnostics);
    }

    /// What one side sets and the other does not.
    fn lacking<T>(
        &self,
        what: &str,
        list: impl for<'m> Fn(&Member<'m>) -> &'m Vec<Spanned<T>>,
        alike: impl Fn(&T, &T) -> bool,
        diagnostics: &mut Diagnostics,
    ) {
        let only = |here: &Member<'_>, there: &Member<'_>| -> Vec<Span> {
            let there = list(there);
            let lacks = |said: &&Spanned<T>| !there.iter().any(|other| alike(&said.value, &other.value));
            list(here).iter().filter(lacks).map(|said| here.at(said.span)).collect()
        };
        let mut places = only(&self.one, &self.other);
        let mine = places.len();
        places.extend(only(&self.other, &self.one));
        if places.is_empty() {
            return;
        }
        let message = format!("{} has other virtual {what} on each side", self.group());
        let diagnostic = Diagnostic::warning(code::PAIR_ROUTING, message);
        let mut diagnostic = places
            .iter()
            .take(MAX_PLACES)
            .fold(diagnostic, |diagnostic, place| diagnostic.secondary(*place, "only here"));
        if mine == places.len() {
            diagnostic = diagnostic.secondary(self.other.name(), "missing here");
        } else if mine == 0 {
            diagnostic = diagnostic.secondary(self.one.name(), "missing here");
        }
        if let Some(more @ 1..) = places.len().checked_sub(MAX_PLACES) {
            diagnostic = diagnostic.help(format!("{more} more are only on one side"));
        }
        diagnostics.push(
            diagnostic.help(format!("{what} that one side lacks are not set while that side is master")),
        );
    }
}

/// Preferences that nobody said follow from the order in the file, and interfaces have other names on other hosts.
fn alike_rules(one: &RulePlan, other: &RulePlan) -> bool {
    let matches = |rule: &RulePlan| {
        let RuleMatch { from, to, input: _, output: _, tos, mark, tunnel, users, ip_protocol, .. } =
            rule.matches;
        let ports = (rule.matches.source_port, rule.matches.destination_port);
        (from, to, tos, mark, tunnel, users, ip_protocol, ports)
    };
    let rest = |rule: &RulePlan| (rule.family, rule.inverted, rule.action, rule.suppressed_length);
    matches(one) == matches(other) && rest(one) == rest(other)
}
