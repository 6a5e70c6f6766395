//! Whether both sides count the same time.

use regent_common::Version;

use super::{Member, Pair};
use crate::{
    config::diagnostic::{Diagnostic, Diagnostics, code},
    words,
};

impl Pair<'_> {
    pub(super) fn timing(&self, diagnostics: &mut Diagnostics) {
        self.interval(diagnostics);
        self.patience(diagnostics);
    }

    /// RFC 3768 §7.1: an advert of another interval is discarded. RFC 9568 §6.4.2: a Backup takes over the interval of
    /// the Active.
    fn interval(&self, diagnostics: &mut Diagnostics) {
        let (one, other) = (self.one.plan, self.other.plan);
        if one.interval == other.interval {
            return;
        }
        let text = |member: &Member<'_>| {
            let milliseconds = member.plan.interval.duration().as_millis();
            format!("{} here", words::interval(u64::try_from(milliseconds).unwrap_or(u64::MAX)))
        };
        let place =
            |member: &Member<'_>| member.place(member.written.interval.as_ref().map(|said| said.span));
        let message = format!("{} has another `advert_int` on each side", self.group());
        let rejected = one.version == Version::V2 || other.version == Version::V2;
        let (diagnostic, help) = if rejected {
            (Diagnostic::error(code::PAIR_INTERVAL, message), super::travel::BOTH_MASTER)
        } else {
            (
                Diagnostic::warning(code::PAIR_INTERVAL, message),
                "the backup follows whoever is master, so a takeover takes longer on one side",
            )
        };
        diagnostics.push(
            self.places(
                diagnostic,
                (place(&self.one), text(&self.one)),
                (place(&self.other), text(&self.other)),
            )
            .help(help),
        );
    }

    fn patience(&self, diagnostics: &mut Diagnostics) {
        let (one, other) = (self.one.plan, self.other.plan);
        if one.down_timer_adverts == other.down_timer_adverts {
            return;
        }
        let text = |member: &Member<'_>| {
            format!("takes over after {} missing adverts", member.plan.down_timer_adverts)
        };
        let message = format!("{} has another `down_timer_adverts` on each side", self.group());
        let diagnostic = Diagnostic::warning(code::PAIR_DOWN_TIMER, message);
        diagnostics.push(
            self.places(
                diagnostic,
                (self.one.name(), text(&self.one)),
                (self.other.name(), text(&self.other)),
            )
            .help("the gate of each side counts by its own: where that is more, it shuts after the other's takeover"),
        );
    }
}
