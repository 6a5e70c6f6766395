//! The words of `SSL`.

use super::word;
use crate::config::keyword::{Kind, Word};

/// In `SSL`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum SslTerm {
    Password,
    Authorities,
    Certificate,
    Key,
}

pub(super) const WORDS: &[Word<SslTerm>] = &[
    word("password", Kind::Text, "password of the key", "password secret", SslTerm::Password).rare(),
    word(
        "ca",
        Kind::Text,
        "file of the authorities that are trusted",
        "ca /etc/ssl/ca.pem",
        SslTerm::Authorities,
    )
    .rare(),
    word(
        "certificate",
        Kind::Text,
        "file of the client's certificate",
        "certificate /etc/ssl/client.pem",
        SslTerm::Certificate,
    )
    .rare(),
    word("key", Kind::Text, "file of its key", "key /etc/ssl/client.key", SslTerm::Key).rare(),
];
