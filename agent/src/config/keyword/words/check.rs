//! The words of the checks of a real server: those that all have, those that all over the network have, and each check's
//! own, but for HTTP's.

use super::{MOST_SECONDS, MOST_TIMEOUT, PORT, SECONDS, word};
use crate::config::keyword::{Kind, Word};

/// In every check that runs again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum CheckTerm {
    DelayLoop,
    Retry,
    DelayBeforeRetry,
    Warmup,
    Alpha,
    LogAllFailures,
}

/// In every check over the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum ConnectionTerm {
    Address,
    Port,
    Source,
    SourcePort,
    Interface,
    Timeout,
    Mark,
}

/// In `MISC_CHECK` alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum MiscCheckTerm {
    Path,
    Timeout,
    Dynamic,
    User,
}

/// In `SMTP_CHECK` alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum SmtpCheckTerm {
    HeloName,
    Host,
}

/// In `DNS_CHECK` alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum DnsCheckTerm {
    Type,
    Name,
}

/// In `UDP_CHECK` alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum UdpCheckTerm {
    Payload,
    RequireReply,
    LeastReply,
    MostReply,
}

/// In `BFD_CHECK`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum BfdCheckTerm {
    Name,
    Alpha,
}

/// In `FILE_CHECK`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum FileCheckTerm {
    TrackFile,
    Weight,
    Dynamic,
}

const REPLY: Kind = Kind::Number { least: 0, most: 65_535 };

pub(super) const COMMON: &[Word<CheckTerm>] = &[
    word(
        "delay_loop",
        Kind::Seconds { least_us: 1, most_us: MOST_SECONDS },
        "seconds between two checks",
        "delay_loop 6",
        CheckTerm::DelayLoop,
    )
    .default("that of the real server"),
    word(
        "retry",
        Kind::Number { least: 0, most: u32::MAX as i64 },
        "failures after the first until the check counts as failed",
        "retry 3",
        CheckTerm::Retry,
    )
    .default("that of the real server"),
    word(
        "delay_before_retry",
        SECONDS,
        "seconds from a failure to the next try",
        "delay_before_retry 2",
        CheckTerm::DelayBeforeRetry,
    )
    .default("that of the real server"),
    word(
        "warmup",
        SECONDS,
        "the first check waits a random time of at most so many seconds; 0: none",
        "warmup 5",
        CheckTerm::Warmup,
    )
    .default("that of the real server")
    .rare(),
    word("alpha", Kind::Switch, "counts as failed until its first success", "alpha", CheckTerm::Alpha)
        .default("that of the real server"),
    word(
        "log_all_failures",
        Kind::Switch,
        "each failure is logged, not the change alone",
        "log_all_failures",
        CheckTerm::LogAllFailures,
    )
    .default("checker_log_all_failures")
    .rare(),
];

pub(super) const CONNECTION: &[Word<ConnectionTerm>] = &[
    word(
        "connect_ip",
        Kind::Address,
        "address to check instead of the real server's",
        "connect_ip 192.0.2.20",
        ConnectionTerm::Address,
    )
    .default("that of the real server"),
    word(
        "connect_port",
        PORT,
        "port to check instead of the real server's",
        "connect_port 8080",
        ConnectionTerm::Port,
    )
    .default("that of the real server"),
    word(
        "bindto",
        Kind::Address,
        "checks come from this address",
        "bindto 192.0.2.5",
        ConnectionTerm::Source,
    )
    .rare(),
    word("bind_port", PORT, "checks come from this port", "bind_port 40000", ConnectionTerm::SourcePort)
        .rare(),
    word(
        "bind_if",
        Kind::Interface,
        "checks leave by this interface, as link-local addresses need",
        "bind_if eth0",
        ConnectionTerm::Interface,
    )
    .rare(),
    word(
        "connect_timeout",
        Kind::Seconds { least_us: 1, most_us: MOST_TIMEOUT },
        "seconds to wait for an answer",
        "connect_timeout 3",
        ConnectionTerm::Timeout,
    )
    .default("that of the real server")
    .everyday(),
    word(
        "fwmark",
        Kind::Number { least: 0, most: u32::MAX as i64 },
        "mark of the packets of the check; 0: none",
        "fwmark 7",
        ConnectionTerm::Mark,
    )
    .default("0")
    .rare(),
];

pub(super) const MISC: &[Word<MiscCheckTerm>] = &[
    word(
        "misc_path",
        Kind::CommandLine,
        "the command: exit status 0 is good",
        "misc_path \"/usr/bin/check web1 80\"",
        MiscCheckTerm::Path,
    ),
    word(
        "misc_timeout",
        Kind::Number { least: 0, most: 4_294 },
        "a run that takes longer is ended and counts as failed",
        "misc_timeout 5",
        MiscCheckTerm::Timeout,
    )
    .default("delay_loop"),
    word(
        "misc_dynamic",
        Kind::Flag,
        "an exit status from 2 to 255 is good, and two less than it the weight",
        "misc_dynamic",
        MiscCheckTerm::Dynamic,
    )
    .rare(),
    word("user", Kind::User, "who runs the command", "user nobody nogroup", MiscCheckTerm::User)
        .default("script_user"),
];

pub(super) const SMTP: &[Word<SmtpCheckTerm>] = &[
    word(
        "helo_name",
        Kind::Text,
        "the name to greet with",
        "helo_name lb.example.com",
        SmtpCheckTerm::HeloName,
    )
    .default("smtp_helo_name, or this host's name")
    .rare(),
    word(
        "host",
        Kind::Block,
        "a mail server to check instead of the real server",
        "host { connect_ip 192.0.2.25 }",
        SmtpCheckTerm::Host,
    )
    .rare(),
];

pub(super) const DNS: &[Word<DnsCheckTerm>] = &[
    word(
        "type",
        Kind::Choice(&["A", "NS", "CNAME", "SOA", "MX", "TXT", "AAAA", "RRSIG"]),
        "type of record to ask for",
        "type A",
        DnsCheckTerm::Type,
    )
    .default("SOA")
    .rare(),
    word("name", Kind::Text, "name to ask for", "name example.com", DnsCheckTerm::Name).default(".").rare(),
];

pub(super) const UDP: &[Word<UdpCheckTerm>] = &[
    word(
        "payload",
        Kind::Bytes,
        "bytes to send, two hexadecimal digits each",
        "payload 0a 1b2c",
        UdpCheckTerm::Payload,
    )
    .default("random bytes")
    .rare(),
    word(
        "require_reply",
        Kind::MaybeBytePattern,
        "up only while an answer comes, which starts with these bytes where they are given",
        "require_reply 0a1x",
        UdpCheckTerm::RequireReply,
    )
    .rare(),
    word(
        "min_reply_length",
        REPLY,
        "fewest bytes of an answer",
        "min_reply_length 1",
        UdpCheckTerm::LeastReply,
    )
    .default("0")
    .rare(),
    word(
        "max_reply_length",
        REPLY,
        "most bytes of an answer",
        "max_reply_length 512",
        UdpCheckTerm::MostReply,
    )
    .default("255")
    .rare(),
];

pub(super) const BFD: &[Word<BfdCheckTerm>] = &[
    word("name", Kind::Text, "name of the bfd_instance", "name gateway", BfdCheckTerm::Name).rare(),
    word("alpha", Kind::Switch, "counts as failed until the session is up", "alpha", BfdCheckTerm::Alpha)
        .default("that of the real server")
        .rare(),
];

pub(super) const FILE: &[Word<FileCheckTerm>] = &[
    word(
        "track_file",
        Kind::Text,
        "name of the track_file whose number counts",
        "track_file load",
        FileCheckTerm::TrackFile,
    )
    .rare(),
    word(
        "weight",
        Kind::Multiplier { most: i32::MAX as i64 },
        "what the number is multiplied by before it is added to the weight; 0: any number but 0 is down",
        "weight 2",
        FileCheckTerm::Weight,
    )
    .default("that of the track_file")
    .rare(),
    word("dynamic", Kind::Flag, "the number changes the weight", "dynamic", FileCheckTerm::Dynamic)
        .without_effect("keepalived's manual names it, and keepalived itself does not know it")
        .rare(),
];
