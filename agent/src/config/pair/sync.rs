//! Whether what moves together on one side moves together on the other.

use std::collections::{BTreeMap, BTreeSet};

use super::{Member, Pair};
use crate::config::{
    diagnostic::{Diagnostic, Diagnostics, code},
    source::Span,
};

/// More places than these are only counted.
const MAX_PLACES: usize = 8;

/// Each sync group of the first side against those of the other, and what is in a group there alone.
pub(super) fn groups(pairs: &[Pair<'_>], diagnostics: &mut Diagnostics) {
    let (ones, others) = (members(pairs, |pair| &pair.one), members(pairs, |pair| &pair.other));
    let mut said = BTreeSet::new();
    for (name, own) in &ones {
        let theirs: BTreeSet<&str> =
            own.iter().filter_map(|at| name_of(pairs, *at, |pair| &pair.other)).collect();
        said.extend(theirs.iter().copied());
        let together: BTreeSet<usize> =
            theirs.iter().filter_map(|name| others.get(name)).flatten().copied().collect();
        let grouped = own.iter().all(|at| name_of(pairs, *at, |pair| &pair.other).is_some());
        // Alone in a group is in none.
        if own.len() < 2 && together.len() < 2 || (theirs.len() == 1 && grouped && together == *own) {
            continue;
        }
        let odd: Vec<usize> = match theirs.len() {
            // Members of several groups: all of them.
            2.. => own.iter().copied().collect(),
            _ => own.symmetric_difference(&together).copied().collect(),
        };
        report(name, pairs, own, &odd, diagnostics);
    }
    for (name, own) in others.iter().filter(|(name, own)| own.len() > 1 && !said.contains(*name)) {
        let odd: Vec<usize> = own.iter().copied().collect();
        report(name, pairs, &BTreeSet::new(), &odd, diagnostics);
    }
}

type Side<'p, 'a> = fn(&'p Pair<'a>) -> &'p Member<'a>;

/// The sync groups of one side, each with its pairs.
fn members<'p, 'a>(pairs: &'p [Pair<'a>], side: Side<'p, 'a>) -> BTreeMap<&'p str, BTreeSet<usize>> {
    let mut groups: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    for (at, pair) in pairs.iter().enumerate() {
        if let Some(group) = side(pair).group {
            groups.entry(&group.name).or_default().insert(at);
        }
    }
    groups
}

fn name_of<'p, 'a>(pairs: &'p [Pair<'a>], at: usize, side: Side<'p, 'a>) -> Option<&'p str> {
    let group = side(pairs.get(at)?).group?;
    Some(group.name.as_str())
}

/// `own`: the pairs whose first member is in the group.
fn report(
    name: &str,
    pairs: &[Pair<'_>],
    own: &BTreeSet<usize>,
    odd: &[usize],
    diagnostics: &mut Diagnostics,
) {
    let message = format!("sync group `{name}` holds other instances on each side");
    let mut diagnostic = Diagnostic::warning(code::PAIR_SYNC, message);
    for (at, pair) in odd.iter().take(MAX_PLACES).filter_map(|at| Some((at, pairs.get(*at)?))) {
        let (inside, outside) =
            if own.contains(at) { (&pair.one, &pair.other) } else { (&pair.other, &pair.one) };
        let there = match outside.group {
            Some(group) => format!("this one is in `{}`", group.name),
            None => "this one is in no sync group".to_owned(),
        };
        diagnostic = diagnostic
            .secondary(place(inside), format!("`{}` is a member here", inside.plan.name))
            .secondary(outside.name(), there);
    }
    if let Some(more @ 1..) = odd.len().checked_sub(MAX_PLACES) {
        diagnostic = diagnostic.help(format!("{more} more differ"));
    }
    diagnostics.push(
        diagnostic
            .help("what moves together on one side alone may end up split: the same `group { … }` on both"),
    );
}

/// Where a member is named in its group.
fn place(member: &Member<'_>) -> Span {
    let groups = &member.loaded.model.sync_groups;
    let named = groups.iter().flat_map(|group| &group.members).find(|said| said.value == member.plan.name);
    member.place(named.map(|said| said.span))
}
