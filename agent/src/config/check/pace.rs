//! Rules about announcements: how many, how often, and how fast one after the other.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    time::Duration,
};

use regent_vrrp::Announcements;

use super::model::{Garp, Globals, Model, Spanned};
use crate::config::{
    diagnostic::{Diagnostic, Diagnostics, code},
    plan::{Pace, PaceGroup},
    source::Span,
};

/// keepalived's `vrrp_min_garp`: one announcement, no second batch.
const MINIMAL: Announcements = Announcements {
    repeat: 1,
    delay: Duration::ZERO,
    refresh: Duration::ZERO,
    refresh_repeat: 1,
    lower_priority_repeat: 1,
    lower_priority_delay: Duration::ZERO,
};

/// What the instance says, else what `global_defs` says, else keepalived's defaults. After a lower priority it is the
/// same as `global_defs` has after becoming master, whatever the instance has there, unless said otherwise.
pub(super) fn announcements(own: &Garp, globals: &Globals) -> Announcements {
    let default = if globals.minimal_garp { MINIMAL } else { Announcements::default() };
    let globals = &globals.garp;
    let delay = globals.delay.unwrap_or(default.delay);
    let repeat = globals.repeat.unwrap_or(default.repeat);
    Announcements {
        repeat: own.repeat.unwrap_or(repeat),
        delay: own.delay.unwrap_or(delay),
        refresh: own.refresh.or(globals.refresh).unwrap_or(default.refresh),
        refresh_repeat: own.refresh_repeat.or(globals.refresh_repeat).unwrap_or(default.refresh_repeat),
        lower_priority_repeat: own.lower_repeat.or(globals.lower_repeat).unwrap_or(repeat),
        lower_priority_delay: own.lower_delay.or(globals.lower_delay).unwrap_or(delay),
    }
}

/// The groups that set a pace for an interface. An interface has one pace: a second group does not get it.
pub(super) fn groups(model: &Model, diagnostics: &mut Diagnostics) -> Vec<PaceGroup> {
    let mut seen: BTreeMap<&str, Span> = BTreeMap::new();
    let mut groups = Vec::new();
    for group in &model.garp_groups {
        let ignored = |message: &str| {
            Diagnostic::warning(code::GARP_GROUP, message.to_owned()).primary(group.span, "has no effect")
        };
        if group.damaged {
            diagnostics.push(ignored("this `garp_group` cannot be read whole"));
            continue;
        }
        if group.pace == Pace::default() {
            diagnostics.push(
                ignored("this `garp_group` sets no pace")
                    .help("say `garp_interval SECONDS` or `gna_interval SECONDS`"),
            );
            continue;
        }
        if group.interfaces.is_empty() {
            diagnostics.push(
                ignored("this `garp_group` names no interface")
                    .help("say `interface NAME` or `interfaces { … }`"),
            );
            continue;
        }
        let mut interfaces = Vec::new();
        for Spanned { value, span } in &group.interfaces {
            match seen.entry(value) {
                Entry::Vacant(place) => {
                    place.insert(*span);
                    interfaces.push(value.clone());
                }
                Entry::Occupied(first) => diagnostics.push(
                    Diagnostic::error(code::GARP_GROUP, format!("`{value}` is already in a `garp_group`"))
                        .primary(*span, "ignored")
                        .secondary(*first.get(), "named here first"),
                ),
            }
        }
        if !interfaces.is_empty() {
            groups.push(PaceGroup { interfaces, pace: group.pace });
        }
    }
    groups
}
