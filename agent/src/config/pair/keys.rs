//! Whether both sides sign, and by keys that the other one has.

use super::{Member, Pair};
use crate::config::{
    diagnostic::{Diagnostic, Diagnostics, code},
    plan::{HmacKey, HmacMode, HmacPlan, HmacSecret},
};

impl Pair<'_> {
    pub(super) fn keys(&self, diagnostics: &mut Diagnostics) {
        match (self.one.plan.hmac.as_deref(), self.other.plan.hmac.as_deref()) {
            (None, None) => {}
            (Some(one), Some(other)) => {
                self.known(&self.one, one, &self.other, other, diagnostics);
                self.known(&self.other, other, &self.one, one, diagnostics);
            }
            (Some(signed), None) => self.unsigned(&self.one, signed, &self.other, diagnostics),
            (None, Some(signed)) => self.unsigned(&self.other, signed, &self.one, diagnostics),
        }
    }

    /// One side signs, and the other one does not.
    fn unsigned(
        &self,
        signs: &Member<'_>,
        how: &HmacPlan,
        other: &Member<'_>,
        diagnostics: &mut Diagnostics,
    ) {
        let message = format!("{} is signed on one side alone", self.group());
        let place = signs.said(&["auth_hmac"]);
        // Who does not enforce takes what is not signed; the other one knows no trailer.
        let remark = match how.mode {
            HmacMode::Enforce => "adverts without a signature are rejected here",
            HmacMode::Permissive => "signs, and takes what is not signed",
            HmacMode::ReceiveOnly => "does not sign yet, and takes what is not signed",
        };
        let diagnostic = match how.mode {
            HmacMode::ReceiveOnly => Diagnostic::note(code::PAIR_AUTHENTICATION, message),
            HmacMode::Enforce | HmacMode::Permissive => Diagnostic::error(code::PAIR_AUTHENTICATION, message)
                .help("the other side rejects adverts that are signed: both are master"),
        };
        diagnostics.push(
            diagnostic
                .primary(place, remark)
                .secondary(other.name(), "no `auth_hmac` here")
                .help("to move over: `mode receive-only` on all, then `permissive`, then `enforce`, each on one side at a time"),
        );
    }

    /// What one side signs with, the other one must have.
    fn known(
        &self,
        signer: &Member<'_>,
        signing: &HmacPlan,
        reader: &Member<'_>,
        reading: &HmacPlan,
        diagnostics: &mut Diagnostics,
    ) {
        let active = signing.keys.iter().find(|key| key.id == signing.active_key);
        let Some(active) = active.filter(|_| signing.mode != HmacMode::ReceiveOnly) else { return };
        let same = |key: &&HmacKey| key.id == active.id;
        let (message, remark) = match reading.keys.iter().find(same) {
            // A file is another file on another host.
            Some(known) if known.secret == active.secret || !both_written(known, active) => return,
            Some(_) => (
                format!("key {} of {} is another one on each side", active.id, self.group()),
                "signs with it".to_owned(),
            ),
            None => (
                format!("key {} of {} is on one side alone", active.id, self.group()),
                format!("signs with key {}", active.id),
            ),
        };
        let diagnostic = match reading.mode {
            HmacMode::Enforce => Diagnostic::error(code::PAIR_AUTHENTICATION, message)
                .help("the other side rejects these adverts, and both are master"),
            HmacMode::Permissive | HmacMode::ReceiveOnly => {
                Diagnostic::warning(code::PAIR_AUTHENTICATION, message)
            }
        };
        diagnostics.push(
            diagnostic
                .primary(signer.said(&["auth_hmac"]), remark)
                .secondary(reader.said(&["auth_hmac"]), format!("expected the same key {} here", active.id)),
        );
    }
}

/// Both keys stand in the configs.
fn both_written(one: &HmacKey, other: &HmacKey) -> bool {
    let written = |key: &HmacKey| match key.secret {
        HmacSecret::Bytes(_) => true,
        HmacSecret::File(_) => false,
    };
    written(one) && written(other)
}
