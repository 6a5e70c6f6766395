//! The two sides of a pair: which of their groups belong together, and what must agree there and does not.
//!
//! Owns the matching; what is compared stands in the files below. What is only worse on one side is no difference: each
//! file is checked by itself first.

mod addresses;
mod conduct;
mod election;
mod keys;
mod routing;
mod sync;
mod timing;
mod tracking;
mod travel;

use std::collections::BTreeMap;

use regent_common::{Family, Vrid};

use super::{
    Loaded,
    diagnostic::{Diagnostic, Diagnostics, code},
    model::{Instance, Required},
    plan::{InstancePlan, SyncGroupPlan},
    source::{Sources, Span},
};

/// One instance of one side.
#[derive(Clone, Copy)]
struct Member<'a> {
    plan: &'a InstancePlan,
    written: &'a Instance,
    /// The sync group that it is in.
    group: Option<&'a SyncGroupPlan>,
    /// Its config.
    loaded: &'a Loaded,
    /// The file, as it was named.
    file: &'a str,
    /// The texts of this side.
    sources: &'a Sources,
    /// How many texts stand before those of this side.
    offset: u32,
}

/// Two instances of one group, one of each side.
struct Pair<'a> {
    one: Member<'a>,
    other: Member<'a>,
}

/// What differs between the two sides of a pair. Spans of the second side are behind the texts of the first, as in
/// [`super::Report::of_pair`].
pub fn compare(one: &Loaded, other: &Loaded) -> Vec<Diagnostic> {
    let mut diagnostics = Diagnostics::default();
    let offset = u32::try_from(one.sources.count()).unwrap_or(u32::MAX);
    let (ones, others) = (members(one, 0), members(other, offset));
    let matched = matched(ones, others);
    if matched.pairs.is_empty() && !(matched.ones.is_empty() && matched.others.is_empty()) {
        diagnostics.push(nothing_in_common(one, other));
    } else {
        for member in &matched.ones {
            diagnostics.push(missing(member, other, offset));
        }
        for member in &matched.others {
            diagnostics.push(missing(member, one, 0));
        }
    }
    for pair in &matched.pairs {
        pair.vrid(&mut diagnostics);
        pair.travel(&mut diagnostics);
        pair.keys(&mut diagnostics);
        pair.timing(&mut diagnostics);
        pair.addresses(&mut diagnostics);
        pair.routing(&mut diagnostics);
        pair.election(&mut diagnostics);
        pair.tracking(&mut diagnostics);
        pair.conduct(&mut diagnostics);
    }
    sync::groups(&matched.pairs, &mut diagnostics);
    // Every place is one in a file already.
    diagnostics.finish(&one.sources)
}

/// Those that run, and those that would if the agent had what they ask for.
fn members(loaded: &Loaded, offset: u32) -> Vec<Member<'_>> {
    let sources = &loaded.sources;
    let file = sources.iter().next().map_or("", |source| source.name.as_str());
    let mut groups: BTreeMap<&str, &SyncGroupPlan> = BTreeMap::new();
    for group in &loaded.plan.sync_groups {
        groups.extend(group.members.iter().map(|member| (member.as_str(), group)));
    }
    let by_name =
        |plan: &InstancePlan| loaded.model.instances.iter().find(|written| written.name.value == plan.name);
    let unable = loaded.plan.unable.iter().filter_map(|plan| Some((plan, by_name(plan)?)));
    let all = loaded.instances().chain(unable);
    all.map(|(plan, written)| {
        let group = groups.get(plan.name.as_str()).copied();
        Member { plan, written, group, loaded, file, sources, offset }
    })
    .collect()
}

/// What belongs together, and what is left over on each side.
struct Matched<'a> {
    pairs: Vec<Pair<'a>>,
    ones: Vec<Member<'a>>,
    others: Vec<Member<'a>>,
}

/// A VRID may be in use on several networks, and interfaces have other names on other hosts: those of one VRID and family
/// belong together by interface, else by a virtual address, else by name, else in their order. What is left over may
/// still share an address: then one of the VRIDs is a slip.
fn matched<'a>(ones: Vec<Member<'a>>, others: Vec<Member<'a>>) -> Matched<'a> {
    let mut matched = Matched { pairs: Vec::new(), ones, others };
    let group = |member: &Member<'_>| (member.plan.vrid, member.plan.family);
    let first_address = |member: &Member<'_>| member.plan.addresses.first().map(|first| first.address);
    matched.by(|member| (group(member), member.plan.interface.clone()));
    matched.by(|member| (group(member), first_address(member)));
    matched.by(|member| (group(member), member.plan.name.clone()));
    matched.by(group);
    matched.by(|member| (member.plan.family, first_address(member)));
    matched
}

impl Matched<'_> {
    /// Pairs those off that have the same key, in their order.
    fn by<K: Ord>(&mut self, key: impl Fn(&Member<'_>) -> K) {
        let mut waiting: BTreeMap<K, Vec<usize>> = BTreeMap::new();
        for (index, member) in self.others.iter().enumerate().rev() {
            waiting.entry(key(member)).or_default().push(index);
        }
        let mut taken = vec![false; self.others.len()];
        let (pairs, others) = (&mut self.pairs, &self.others);
        self.ones.retain(|one| {
            let found = waiting.get_mut(&key(one)).and_then(Vec::pop);
            let Some((index, other)) = found.and_then(|index| Some((index, others.get(index)?))) else {
                return true;
            };
            taken.iter_mut().skip(index).take(1).for_each(|taken| *taken = true);
            pairs.push(Pair { one: *one, other: *other });
            false
        });
        let mut taken = taken.into_iter();
        self.others.retain(|_| !taken.next().unwrap_or(false));
    }
}

impl Member<'_> {
    /// A place of this side.
    fn at(&self, span: Span) -> Span {
        self.sources.in_file(span).behind(self.offset)
    }

    /// Its name, where nothing else is written.
    fn name(&self) -> Span {
        self.at(self.written.name.span)
    }

    /// Where it was said, else its name.
    fn place(&self, said: Option<Span>) -> Span {
        said.map_or(self.name(), |span| self.at(span))
    }

    /// Where one of these words was said, in the instance or for all; else its name.
    fn said(&self, words: &[&str]) -> Span {
        let globals = &self.loaded.model.globals.said;
        let global = words.iter().find_map(|word| {
            let name = format!("vrrp_{word}");
            globals.get(name.as_str()).or_else(|| globals.get(*word)).copied()
        });
        self.place(self.written.place_of(words).or(global))
    }

    fn vrid(&self) -> Span {
        match &self.written.vrid {
            Required::Good(vrid) => self.at(vrid.span),
            Required::Absent | Required::Bad => self.name(),
        }
    }
}

impl Pair<'_> {
    fn places(
        &self,
        diagnostic: Diagnostic,
        one: (Span, impl Into<String>),
        other: (Span, impl Into<String>),
    ) -> Diagnostic {
        diagnostic.primary(one.0, one.1).secondary(other.0, other.1)
    }

    /// `VRID 51 on eth0`, or with both interfaces.
    fn group(&self) -> String {
        let (one, other) = (self.one.plan, self.other.plan);
        if one.interface == other.interface {
            format!("VRID {} on `{}`", other.vrid, other.interface)
        } else {
            format!("VRID {} on `{}` and `{}`", other.vrid, one.interface, other.interface)
        }
    }

    fn vrid(&self, diagnostics: &mut Diagnostics) {
        let (one, other) = (self.one.plan, self.other.plan);
        if one.vrid == other.vrid {
            return;
        }
        let address = other.addresses.first().map(|first| first.address.to_string()).unwrap_or_default();
        let diagnostic = Diagnostic::error(
            code::PAIR_VRID,
            format!(
                "`{address}` is held by VRID {} on one side and by VRID {} on the other",
                one.vrid, other.vrid
            ),
        );
        diagnostics.push(
            self.places(
                diagnostic,
                (self.one.vrid(), format!("{} here", one.vrid)),
                (self.other.vrid(), format!("{} here", other.vrid)),
            )
            .help("routers of different VRIDs do not hear each other: both would be master"),
        );
    }
}

/// A group that `there` does not have, or not in a way that it could be run.
fn missing(member: &Member<'_>, there: &Loaded, offset: u32) -> Diagnostic {
    let (vrid, family) = (member.plan.vrid, member.plan.family);
    let file = there.sources.iter().next().map_or("", |source| source.name.as_str());
    let message = format!("VRID {vrid} for {family} has no partner in `{file}`");
    let diagnostic = Diagnostic::warning(code::PAIR_MISSING, message)
        .primary(member.vrid(), format!("only `{}` has it", member.file));
    match left_out(vrid, family, there) {
        Some(place) => diagnostic
            .secondary(there.sources.in_file(place).behind(offset), "left out here: see its errors")
            .help("mend these, then check again"),
        None => diagnostic.help("nobody would take over its addresses"),
    }
}

/// An instance of that VRID which cannot be run.
fn left_out(vrid: Vrid, family: Family, there: &Loaded) -> Option<Span> {
    let mut kept = there.kept.iter().peekable();
    let instances = there.model.instances.iter().enumerate();
    let mut out = instances.filter(|(index, _)| kept.next_if_eq(&index).is_none());
    out.find_map(|(_, instance)| match &instance.vrid {
        Required::Good(said) if said.value == vrid => {
            let first = instance.addresses.first().map(|first| first.value.address);
            first.is_none_or(|first| first.is_ipv6() == (family == Family::Ipv6)).then_some(said.span)
        }
        Required::Good(_) | Required::Absent | Required::Bad => None,
    })
}

fn nothing_in_common(one: &Loaded, other: &Loaded) -> Diagnostic {
    let name =
        |loaded: &Loaded| loaded.sources.iter().next().map_or(String::new(), |source| source.name.clone());
    let message = format!("`{}` and `{}` have no group in common", name(one), name(other));
    Diagnostic::warning(code::PAIR_MISSING, message).help(
        "instances belong together by virtual_router_id and family: are these two routers of one network?",
    )
}
