//! The words of `authentication` in `vrrp_instance`.

use super::word;
use crate::config::keyword::{Kind, Word};

/// In `authentication`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum AuthenticationTerm {
    Type,
    Password,
}

pub(super) const WORDS: &[Word<AuthenticationTerm>] = &[
    word(
        "auth_type",
        Kind::Choice(&["PASS", "AH"]),
        "PASS: a password in clear, eight bytes; AH is not supported yet",
        "auth_type PASS",
        AuthenticationTerm::Type,
    )
    .everyday(),
    word(
        "auth_pass",
        Kind::Text,
        "the password, cut to eight bytes",
        "auth_pass 1111",
        AuthenticationTerm::Password,
    )
    .everyday(),
];
