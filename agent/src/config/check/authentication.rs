//! Rules about passwords.

use regent_common::{
    Family, Version,
    advert::{AUTHENTICATION_LENGTH, Authentication},
};

use super::{
    Checker, left_out,
    model::{AuthenticationType, Instance, Required, Spanned},
    strict::Strict,
};
use crate::config::diagnostic::{Diagnostic, Severity, code};

/// What becomes of a group in which one router has no authentication.
pub(super) const REJECTED_BOTH_WAYS: &str =
    "without it this router and its peers would reject each other, and both be master";

impl Checker<'_> {
    /// `None` when the instance must not run without what was asked for.
    pub(super) fn authentication(
        &mut self,
        instance: &Instance,
        version: Version,
        family: Family,
        strict: Option<Strict>,
    ) -> Option<Authentication> {
        let Some(said) = &instance.authentication else { return Some(Authentication::None) };
        if version == Version::V3 {
            // RFC 9568 §5.2.6 and §9: version 3 has no authentication.
            self.report(
                Diagnostic::warning(code::AUTHENTICATION, "version 3 has no authentication").primary(
                    said.span,
                    format!("ignored: instance `{}` speaks version 3", instance.name.value),
                ),
            );
            return Some(Authentication::None);
        }
        if let Some(strict) = strict {
            // RFC 3768 §5.3.6 took authentication back. A keepalived with the same words sends none either: one that
            // does is rejected, and rejects.
            self.strictness.loses(strict, said.span, "no authentication, as in keepalived");
            return Some(Authentication::None);
        }
        if family == Family::Ipv6 {
            // keepalived 2.2.7 sends the type without a password, and crashes on hearing that.
            self.report(
                Diagnostic::error(code::AUTHENTICATION, "version 2 over IPv6 carries no password")
                    .primary(said.span, "ignored")
                    .help(
                        "take it out on all routers of the group: keepalived 2.2.7 crashes on such adverts",
                    ),
            );
            return Some(Authentication::None);
        }
        // Of a word that is not known the error is said already.
        let severity = if said.slipped { Severity::Note } else { Severity::Error };
        match &said.kind {
            Required::Good(Spanned { value: AuthenticationType::Password, .. }) => {}
            Required::Good(Spanned { value: AuthenticationType::Header, span }) => {
                self.report(
                    Diagnostic::error(code::AUTHENTICATION, "`auth_type AH` is not supported yet")
                        .primary(*span, left_out(instance))
                        .help(REJECTED_BOTH_WAYS),
                );
                return None;
            }
            Required::Bad => return Some(Authentication::None),
            Required::Absent => {
                self.report(
                    Diagnostic::new(severity, code::AUTHENTICATION, "`authentication` lacks `auth_type`")
                        .primary(said.span, "no authentication is used")
                        .help("say `auth_type PASS`"),
                );
                return Some(Authentication::None);
            }
        }
        let Some(password) = said.password.as_ref().filter(|password| !password.value.is_empty()) else {
            self.report(
                Diagnostic::new(severity, code::AUTHENTICATION, "`auth_type PASS` lacks a password")
                    .primary(
                        said.password.as_ref().map_or(said.span, |password| password.span),
                        "no authentication is used",
                    )
                    .help("say `auth_pass PASSWORD`"),
            );
            return Some(Authentication::None);
        };
        Some(Authentication::Password(self.password(password)))
    }

    /// Eight bytes, padded with zeros.
    fn password(&mut self, password: &Spanned<String>) -> [u8; AUTHENTICATION_LENGTH] {
        if password.value.len() > AUTHENTICATION_LENGTH {
            self.report(
                Diagnostic::warning(code::PASSWORD_CUT, "`auth_pass` is longer than eight bytes")
                    .primary(password.span, "the first eight are used, as keepalived does"),
            );
        }
        let mut bytes = [0; AUTHENTICATION_LENGTH];
        for (to, from) in bytes.iter_mut().zip(password.value.bytes()) {
            *to = from;
        }
        bytes
    }
}
