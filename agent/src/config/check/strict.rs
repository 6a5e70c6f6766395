//! Rules of strict mode: `vrrp_strict`, `strict_mode`.
//!
//! keepalived's strict mode is in the sample config that distributions ship, so that most who have it never asked for
//! it. What it means is therefore said once, in one warning at the word; and what would make addresses unreachable is
//! not done (see [`crate::departures`]).

use std::collections::{BTreeMap, BTreeSet};

use regent_common::{LocalPriority, Version};

use super::{Checker, model::Instance};
use crate::config::{
    diagnostic::{Diagnostic, Diagnostics, code},
    source::{SourceId, Span},
};

/// More places than these are only counted.
const MAX_PLACES: usize = 8;

/// The word that makes an instance strict.
#[derive(Clone, Copy, Debug)]
pub(super) struct Strict {
    name: &'static str,
    span: Span,
}

impl Strict {
    /// Where it stands.
    pub(super) const fn span(self) -> Span {
        self.span
    }
}

/// What strict mode does to the instances that one word makes strict.
struct Effects {
    strict: Strict,
    /// What it takes away, and where that was said.
    losses: Vec<(Span, &'static str)>,
    /// An instance takes packets to its addresses which would not in keepalived.
    accepts: bool,
    /// An instance speaks version 2.
    silent: bool,
}

/// What strict mode does, by the place of its words.
#[derive(Default)]
pub(super) struct Strictness(BTreeMap<(SourceId, u32), Effects>);

impl Strictness {
    fn of(&mut self, strict: Strict) -> &mut Effects {
        let effects = Effects { strict, losses: Vec::new(), accepts: false, silent: false };
        self.0.entry((strict.span.source, strict.span.start)).or_insert(effects)
    }

    /// Something that an instance asks for is not done.
    pub(super) fn loses(&mut self, strict: Strict, place: Span, what: &'static str) {
        self.of(strict).losses.push((place, what));
    }

    /// One warning for each word that changes anything.
    pub(super) fn report(self, diagnostics: &mut Diagnostics) {
        let changing = |effects: &Effects| effects.accepts || !effects.losses.is_empty();
        for effects in self.0.into_values().filter(changing) {
            let word = effects.strict.name;
            let message = if effects.silent || !effects.losses.is_empty() {
                format!("`{word}` takes back what the RFCs do not have")
            } else {
                format!("`{word}` does not make addresses unreachable here")
            };
            let lost: BTreeSet<&str> = effects.losses.iter().map(|(_, what)| *what).collect();
            let lost = lost.into_iter().collect::<Vec<_>>().join("; ");
            let mut diagnostic =
                Diagnostic::warning(code::STRICT, message).primary(effects.strict.span, lost);
            for (place, _) in effects.losses.iter().take(MAX_PLACES) {
                diagnostic = diagnostic.secondary(*place, "");
            }
            if let Some(more @ 1..) = effects.losses.len().checked_sub(MAX_PLACES) {
                diagnostic = diagnostic.help(format!("the same in {more} more places"));
            }
            if effects.silent {
                diagnostic = diagnostic
                    .help("version 2: a master does not answer an advert of lower priority (RFC 3768 6.4.3)");
            }
            if effects.accepts {
                diagnostic = diagnostic.help(
                    "addresses take packets all the same, unlike in keepalived: say `accept`, or `no_accept` where they \
                     must not",
                );
            }
            diagnostics.push(diagnostic);
        }
    }
}

impl Checker<'_> {
    /// The word that makes the instance strict; its own goes before the global one.
    pub(super) fn strict(&self, instance: &Instance) -> Option<Strict> {
        let (name, said) = match &instance.strict {
            Some(said) => ("strict_mode", said),
            None => ("vrrp_strict", self.model.globals.strict.as_ref()?),
        };
        said.value.then_some(Strict { name, span: said.span })
    }

    /// What strict mode changes that no word of the instance asks for.
    pub(super) fn note_strict(
        &mut self,
        strict: Strict,
        instance: &Instance,
        priority: LocalPriority,
        version: Version,
    ) {
        let effects = self.strictness.of(strict);
        effects.accepts |= instance.accepts.is_none() && priority != LocalPriority::Owner;
        effects.silent |= version == Version::V2;
    }
}
