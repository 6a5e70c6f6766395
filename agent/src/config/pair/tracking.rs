//! Whether both sides depend on the same things.

use std::collections::BTreeMap;

use super::{Member, Pair};
use crate::config::{
    check::place,
    diagnostic::{Diagnostic, Diagnostics, code},
    plan::{Tracked, TrackerKind},
};

const KINDS: [TrackerKind; 5] = [
    TrackerKind::Script,
    TrackerKind::Interface,
    TrackerKind::File,
    TrackerKind::Process,
    TrackerKind::Session,
];

/// What a member tracks of one kind, its group's included, with its weights.
fn tracked<'a>(member: &Member<'a>, kind: TrackerKind) -> BTreeMap<&'a str, (i32, bool)> {
    let (plan, group) = (member.plan, member.group);
    let wide = |own: &'a [Tracked], shared: Option<&'a [Tracked]>| -> BTreeMap<&'a str, (i32, bool)> {
        let all = own.iter().chain(shared.unwrap_or_default());
        all.map(|one| (one.name.as_str(), (one.weight, one.reverse))).collect()
    };
    match kind {
        // What the group tracks of these is with its members already.
        TrackerKind::Script => {
            let scripts = plan.track_scripts.iter();
            scripts.map(|one| (one.name.as_str(), (one.weight.into(), one.reverse))).collect()
        }
        TrackerKind::Interface => {
            let interfaces = plan.track_interfaces.iter();
            interfaces.map(|one| (one.name.as_str(), (one.weight.into(), one.reverse))).collect()
        }
        TrackerKind::File => wide(&plan.track_files, group.map(|group| group.track_files.as_slice())),
        TrackerKind::Process => {
            wide(&plan.track_processes, group.map(|group| group.track_processes.as_slice()))
        }
        TrackerKind::Session => wide(&plan.track_bfds, group.map(|group| group.track_bfds.as_slice())),
    }
}

const fn plural(kind: TrackerKind) -> &'static str {
    match kind {
        TrackerKind::Script => "scripts",
        TrackerKind::Interface => "interfaces",
        TrackerKind::File => "files",
        TrackerKind::Process => "processes",
        TrackerKind::Session => "BFD sessions",
    }
}

impl Pair<'_> {
    pub(super) fn tracking(&self, diagnostics: &mut Diagnostics) {
        for kind in KINDS {
            let (one, other) = (tracked(&self.one, kind), tracked(&self.other, kind));
            match (one.keys().next(), other.keys().next()) {
                (None, None) => {}
                (Some(name), None) => self.one_sided(kind, name, &self.one, &self.other, diagnostics),
                (None, Some(name)) => self.one_sided(kind, name, &self.other, &self.one, diagnostics),
                (Some(_), Some(_)) => self.differing(kind, &one, &other, diagnostics),
            }
        }
    }

    fn one_sided(
        &self,
        kind: TrackerKind,
        name: &str,
        tracks: &Member<'_>,
        other: &Member<'_>,
        diagnostics: &mut Diagnostics,
    ) {
        let message = format!("{} tracks {} on one side alone", self.group(), plural(kind));
        diagnostics.push(
            Diagnostic::warning(code::PAIR_TRACKING, message)
                .primary(tracks.place(place(tracks.written, kind, name)), "tracked here")
                .secondary(other.name(), "none here")
                .help("where nothing is tracked the same failure goes unnoticed: that side stays, or becomes, master"),
        );
    }

    /// Interfaces have other names on other hosts; what has the same name should count the same.
    fn differing(
        &self,
        kind: TrackerKind,
        one: &BTreeMap<&str, (i32, bool)>,
        other: &BTreeMap<&str, (i32, bool)>,
        diagnostics: &mut Diagnostics,
    ) {
        let at = |member: &Member<'_>, name: &str| member.place(place(member.written, kind, name));
        let only = |here: &BTreeMap<&str, (i32, bool)>, there: &BTreeMap<&str, (i32, bool)>| {
            here.keys().find(|name| !there.contains_key(*name)).map(|name| (*name).to_owned())
        };
        let (mine, theirs) = (only(one, other), only(other, one));
        if kind != TrackerKind::Interface && (mine.is_some() || theirs.is_some()) {
            let message = format!("{} tracks other {} on each side", self.group(), plural(kind));
            let mut diagnostic = Diagnostic::note(code::PAIR_TRACKING, message);
            for (member, name) in [(&self.one, mine), (&self.other, theirs)] {
                if let Some(name) = name {
                    diagnostic = diagnostic.secondary(at(member, &name), format!("`{name}` is only here"));
                }
            }
            diagnostics.push(diagnostic);
        }
        for (name, (weight, _)) in one {
            let Some((other_weight, _)) = other.get(name) else { continue };
            // With a weight on one side a failure lowers the priority; without, it means FAULT.
            if (*weight == 0) != (*other_weight == 0) {
                let text = |weight: i32| match weight {
                    0 => "its failure means FAULT here".to_owned(),
                    weight => format!("weight {weight} here"),
                };
                let message = format!("`{name}` has a weight on one side of {} alone", self.group());
                diagnostics.push(self.places(
                    Diagnostic::note(code::PAIR_TRACKING, message),
                    (at(&self.one, name), text(*weight)),
                    (at(&self.other, name), text(*other_weight)),
                ));
            }
        }
    }
}
