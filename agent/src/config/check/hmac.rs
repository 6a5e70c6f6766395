//! Rules about signed adverts.

use std::{collections::BTreeMap, time::Duration};

use regent_common::AdvertInterval;

use super::{
    Checker,
    authentication::REJECTED_BOTH_WAYS,
    left_out,
    model::{Hmac, Instance},
};
use crate::config::{
    diagnostic::{Diagnostic, code},
    plan::HmacPlan,
};

/// How old an advert may be at least, unless it is said.
const LEAST_WINDOW: Duration = Duration::from_secs(5);

impl Checker<'_> {
    /// The keys and what is made of them; `None` when they cannot be used, which is then diagnosed. Says in any case
    /// that the instance does not run: without signatures it must not.
    pub(super) fn hmac(
        &mut self,
        instance: &Instance,
        hmac: &Hmac,
        interval: AdvertInterval,
    ) -> Option<HmacPlan> {
        self.report(
            Diagnostic::error(code::AUTHENTICATION, "`auth_hmac` is not supported yet")
                .primary(hmac.span, left_out(instance))
                .help(REJECTED_BOTH_WAYS),
        );
        let mut seen = BTreeMap::new();
        let mut keys = Vec::new();
        for key in &hmac.keys {
            let id = key.value.id;
            if let Some(first) = seen.insert(id, key.span) {
                self.report(
                    Diagnostic::error(code::HMAC, format!("two keys have the ID {id}"))
                        .primary(key.span, "ignored")
                        .secondary(first, "named here first"),
                );
            } else {
                keys.push(key.value.clone());
            }
        }
        if hmac.lost_key {
            // Which key that was cannot be told: it may be the one that signs.
            return None;
        }
        if keys.is_empty() {
            self.report(
                Diagnostic::error(code::HMAC, "`auth_hmac` has no key")
                    .primary(hmac.span, "expected `key ID hex:DIGITS` in this block"),
            );
            return None;
        }
        let active_key = match (&hmac.active, keys.as_slice()) {
            (Some(active), _) => {
                if !seen.contains_key(&active.value) {
                    let message = format!("no key has the ID {}", active.value);
                    self.report(
                        Diagnostic::error(code::HMAC, message)
                            .primary(active.span, "nothing could be signed")
                            .help("name the ID of one of the keys"),
                    );
                }
                seen.contains_key(&active.value).then_some(active.value)
            }
            (None, [only]) => Some(only.id),
            (None, _) => {
                self.report(
                    Diagnostic::error(code::HMAC, "`auth_hmac` does not say which of its keys signs")
                        .primary(hmac.span, "expected `active_key ID` in this block"),
                );
                None
            }
        };
        Some(HmacPlan {
            keys,
            active_key: active_key?,
            anti_replay: hmac.anti_replay.unwrap_or_default(),
            window: hmac.window.unwrap_or_else(|| (interval.duration() * 3).max(LEAST_WINDOW)),
            mode: hmac.mode.unwrap_or_default(),
        })
    }
}
