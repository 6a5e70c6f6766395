//! The words of `HTTP_GET` and `SSL_GET`, which have the same ones, and of their `url`.

use super::word;
use crate::config::keyword::{Kind, Word};

/// In `HTTP_GET` and `SSL_GET` alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum HttpCheckTerm {
    GetRetry,
    VirtualHost,
    Protocol,
    EnableSni,
    SniName,
    FastRecovery,
    TlsCompliant,
    Url,
}

/// In `url`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum UrlTerm {
    Path,
    Digest,
    StatusCode,
    VirtualHost,
    Regex,
    RegexNoMatch,
    RegexOptions,
    RegexLeastOffset,
    RegexMostOffset,
    RegexStack,
    TlsCompliant,
}

/// PCRE2's options, by the names that keepalived gives them.
const REGEX_OPTIONS: &[&str] = &[
    "allow_empty_class",
    "alt_bsux",
    "auto_callout",
    "caseless",
    "dollar_endonly",
    "dotall",
    "dupnames",
    "extended",
    "firstline",
    "match_unset_backref",
    "multiline",
    "never_ucp",
    "never_utf",
    "no_auto_capture",
    "no_auto_possess",
    "no_dotstar_anchor",
    "no_start_optimize",
    "ucp",
    "ungreedy",
    "utf",
    "never_backslash_c",
    "alt_circumflex",
    "alt_verbnames",
    "use_offset_limit",
];
const BYTES: Kind = Kind::Number { least: 0, most: i32::MAX as i64 };

pub(super) const WORDS: &[Word<HttpCheckTerm>] = &[
    word(
        "nb_get_retry",
        Kind::Number { least: 0, most: u32::MAX as i64 },
        "failures after the first until the check counts as failed: the old name of retry",
        "nb_get_retry 3",
        HttpCheckTerm::GetRetry,
    )
    .same_as("retry")
    .default("that of the real server"),
    word(
        "virtualhost",
        Kind::Text,
        "the Host header of pages that do not say theirs",
        "virtualhost www.example.com",
        HttpCheckTerm::VirtualHost,
    )
    .default("that of the real server"),
    word(
        "http_protocol",
        Kind::Choice(&["1.0", "1.0C", "1.1"]),
        "version of HTTP; 1.0C is 1.0 with `Connection: close`",
        "http_protocol 1.1",
        HttpCheckTerm::Protocol,
    )
    .default("1.0")
    .rare(),
    word(
        "enable_sni",
        Kind::Switch,
        "the TLS handshake names the server",
        "enable_sni",
        HttpCheckTerm::EnableSni,
    )
    .default("off"),
    word(
        "sni_name",
        Kind::Text,
        "the name in the TLS handshake",
        "sni_name www.example.com",
        HttpCheckTerm::SniName,
    )
    .default("virtualhost")
    .since("2.3")
    .rare(),
    word(
        "fast_recovery",
        Kind::Switch,
        "after a failure the pages are checked one after the other without delay_loop between them",
        "fast_recovery",
        HttpCheckTerm::FastRecovery,
    )
    .default("off")
    .rare(),
    word(
        "tls_compliant",
        Kind::Switch,
        "a connection that ends without TLS's close is a failure",
        "tls_compliant",
        HttpCheckTerm::TlsCompliant,
    )
    .default("off")
    .since("2.3")
    .rare(),
    word(
        "url",
        Kind::Block,
        "a page to fetch; several are checked in turn",
        "url { path /health\n status_code 200\n }",
        HttpCheckTerm::Url,
    )
    .everyday(),
];

pub(super) const URL: &[Word<UrlTerm>] = &[
    word("path", Kind::Text, "its path", "path /health", UrlTerm::Path).everyday(),
    word(
        "digest",
        Kind::Digest,
        "MD5 digest of the body",
        "digest 9b3a0c85a887a256d6939da88aabd8cd",
        UrlTerm::Digest,
    ),
    word(
        "status_code",
        Kind::Ranges { least: 100, most: 599 },
        "status codes that are good",
        "status_code 200-299 301",
        UrlTerm::StatusCode,
    )
    .default("200-299")
    .everyday()
    .repeats(),
    word("virtualhost", Kind::Text, "its Host header", "virtualhost www.example.com", UrlTerm::VirtualHost)
        .default("that of the check"),
    word(
        "regex",
        Kind::Text,
        "regular expression that the body must match",
        "regex \"^ready\"",
        UrlTerm::Regex,
    )
    .rare(),
    word(
        "regex_no_match",
        Kind::Flag,
        "the body must not match the regular expression",
        "regex_no_match",
        UrlTerm::RegexNoMatch,
    )
    .rare(),
    word(
        "regex_options",
        Kind::Words(REGEX_OPTIONS),
        "options of the regular expression, as PCRE2 names them",
        "regex_options caseless multiline",
        UrlTerm::RegexOptions,
    )
    .rare()
    .repeats(),
    word(
        "regex_min_offset",
        BYTES,
        "a match starts no earlier in the body",
        "regex_min_offset 100",
        UrlTerm::RegexLeastOffset,
    )
    .default("0")
    .rare(),
    word(
        "regex_max_offset",
        BYTES,
        "a match starts no later in the body; 0: anywhere",
        "regex_max_offset 2000",
        UrlTerm::RegexMostOffset,
    )
    .default("0")
    .rare(),
    word(
        "regex_stack",
        Kind::TwoNumbers { least: 0, most: i32::MAX as i64 },
        "bytes of stack that matching starts with, and may grow to",
        "regex_stack 16384 65536",
        UrlTerm::RegexStack,
    )
    .rare(),
    word(
        "tls_compliant",
        Kind::Switch,
        "a connection that ends without TLS's close is a failure",
        "tls_compliant",
        UrlTerm::TlsCompliant,
    )
    .default("that of the check")
    .since("2.3")
    .rare(),
];
