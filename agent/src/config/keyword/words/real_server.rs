//! The words of `real_server` in `virtual_server`.

use super::word;
use crate::config::keyword::{Kind, Word};

/// In `real_server` alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum RealServerTerm {
    Weight,
    Forwarding,
    UpperThreshold,
    LowerThreshold,
    NotifyUp,
    NotifyDown,
    Misc,
    Smtp,
    Tcp,
    Http,
    Ssl,
    Dns,
    Bfd,
    Udp,
    Ping,
    File,
}

const CONNECTIONS: Kind = Kind::Number { least: 0, most: u32::MAX as i64 };

pub(super) const WORDS: &[Word<RealServerTerm>] = &[
    word(
        "weight",
        Kind::Number { least: 0, most: i32::MAX as i64 },
        "its share of connections against the other real servers; 0: no new ones",
        "weight 1",
        RealServerTerm::Weight,
    )
    .default("that of the virtual server, or 1")
    .everyday(),
    word(
        "lvs_method",
        Kind::Forwarding,
        "how packets reach it",
        "lvs_method TUN",
        RealServerTerm::Forwarding,
    )
    .default("that of the virtual server")
    .rare(),
    word(
        "uthreshold",
        CONNECTIONS,
        "no new connections from so many on; 0: no limit",
        "uthreshold 1000",
        RealServerTerm::UpperThreshold,
    )
    .default("0")
    .rare(),
    word(
        "lthreshold",
        CONNECTIONS,
        "after uthreshold, new connections again below so many; 0: three quarters of uthreshold",
        "lthreshold 500",
        RealServerTerm::LowerThreshold,
    )
    .default("0")
    .rare(),
    word(
        "notify_up",
        Kind::Command,
        "run when it comes up",
        "notify_up \"/etc/regent/server.sh up\"",
        RealServerTerm::NotifyUp,
    ),
    word(
        "notify_down",
        Kind::Command,
        "run when it goes down",
        "notify_down /etc/regent/down.sh nobody",
        RealServerTerm::NotifyDown,
    ),
    word(
        "TCP_CHECK",
        Kind::Block,
        "up while it takes TCP connections",
        "TCP_CHECK { connect_timeout 3 }",
        RealServerTerm::Tcp,
    )
    .everyday(),
    word(
        "HTTP_GET",
        Kind::Block,
        "up while all pages are served as they must be",
        "HTTP_GET { url { path / } }",
        RealServerTerm::Http,
    )
    .everyday(),
    word("SSL_GET", Kind::Block, "as HTTP_GET, over TLS", "SSL_GET { url { path / } }", RealServerTerm::Ssl)
        .everyday(),
    word(
        "MISC_CHECK",
        Kind::Block,
        "up while a command exits with 0",
        "MISC_CHECK { misc_path \"/usr/bin/check web1\" }",
        RealServerTerm::Misc,
    ),
    word(
        "SMTP_CHECK",
        Kind::Block,
        "up while a mail server greets",
        "SMTP_CHECK { helo_name lb.example.com }",
        RealServerTerm::Smtp,
    )
    .rare(),
    word(
        "DNS_CHECK",
        Kind::Block,
        "up while a name server answers",
        "DNS_CHECK { name example.com }",
        RealServerTerm::Dns,
    )
    .rare(),
    word(
        "UDP_CHECK",
        Kind::Block,
        "up while UDP is not refused, or answered as it must be",
        "UDP_CHECK { payload 00 }",
        RealServerTerm::Udp,
    )
    .rare(),
    word("PING_CHECK", Kind::Block, "up while it answers ping", "PING_CHECK { }", RealServerTerm::Ping)
        .rare(),
    word(
        "BFD_CHECK",
        Kind::Block,
        "up while the session of a bfd_instance is",
        "BFD_CHECK { name gateway }",
        RealServerTerm::Bfd,
    )
    .rare(),
    word(
        "FILE_CHECK",
        Kind::Block,
        "up or down as the number in a track_file says",
        "FILE_CHECK { track_file load }",
        RealServerTerm::File,
    )
    .rare(),
];
