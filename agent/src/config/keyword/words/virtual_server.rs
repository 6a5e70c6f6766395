//! The words of `virtual_server`, and those that it shares with its real servers.

use super::{MOST_SECONDS, SECONDS, word};
use crate::config::keyword::{Kind, Word};

/// In `virtual_server` alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum VirtualServerTerm {
    Family,
    Scheduler,
    Hashed,
    OnePacket,
    Flag1,
    Flag2,
    Flag3,
    SourcePort,
    SourceFallback,
    MaglevPort,
    MaglevFallback,
    Forwarding,
    PersistenceEngine,
    PersistenceTimeout,
    PersistenceGranularity,
    Protocol,
    HaSuspend,
    Omega,
    QuorumUp,
    QuorumDown,
    Quorum,
    Hysteresis,
    Weight,
    SorryServer,
    SorryServerInhibit,
    SorryServerForwarding,
    RealServer,
}

/// In `virtual_server`, and in `real_server` where it goes before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum ServerTerm {
    DelayLoop,
    Retry,
    DelayBeforeRetry,
    Warmup,
    ConnectTimeout,
    Alpha,
    InhibitOnFailure,
    SmtpAlert,
    VirtualHost,
    SnmpName,
}

/// IPVS's schedulers.
const SCHEDULERS: Kind = Kind::Choice(&[
    "rr", "wrr", "lc", "wlc", "lblc", "lblcr", "sh", "mh", "dh", "fo", "ovf", "sed", "nq", "twos",
]);
const UNSIGNED: i64 = u32::MAX as i64;
/// 31 days: longer is more than IPVS can count in its ticks.
const PERSISTENCE: Kind = Kind::MaybeNumber { least: 1, most: 2_678_400 };

pub(super) const WORDS: &[Word<VirtualServerTerm>] = &[
    word(
        "ip_family",
        Kind::Choice(&["inet", "inet6"]),
        "family of a service by fwmark whose real servers are all tunnelled",
        "ip_family inet6",
        VirtualServerTerm::Family,
    )
    .default("that of its servers")
    .rare(),
    word(
        "lb_algo",
        SCHEDULERS,
        "how the real server of a new connection is chosen",
        "lb_algo rr",
        VirtualServerTerm::Scheduler,
    )
    .default("wlc")
    .everyday(),
    word(
        "lvs_sched",
        SCHEDULERS,
        "how the real server of a new connection is chosen",
        "lvs_sched wrr",
        VirtualServerTerm::Scheduler,
    )
    .same_as("lb_algo")
    .default("wlc")
    .everyday(),
    word(
        "hashed",
        Kind::Flag,
        "IPVS keeps the service in its hash table, as it always does",
        "hashed",
        VirtualServerTerm::Hashed,
    )
    .without_effect("IPVS sets that flag by itself")
    .rare(),
    word("ops", Kind::Flag, "each UDP packet is scheduled by itself", "ops", VirtualServerTerm::OnePacket)
        .rare(),
    word("flag-1", Kind::Flag, "first flag of the scheduler", "flag-1", VirtualServerTerm::Flag1).rare(),
    word("flag-2", Kind::Flag, "second flag of the scheduler", "flag-2", VirtualServerTerm::Flag2).rare(),
    word("flag-3", Kind::Flag, "third flag of the scheduler", "flag-3", VirtualServerTerm::Flag3).rare(),
    word(
        "sh-port",
        Kind::Flag,
        "scheduler sh hashes the source port too",
        "sh-port",
        VirtualServerTerm::SourcePort,
    )
    .rare(),
    word(
        "sh-fallback",
        Kind::Flag,
        "scheduler sh goes on to the next real server when one has weight 0",
        "sh-fallback",
        VirtualServerTerm::SourceFallback,
    )
    .rare(),
    word(
        "mh-port",
        Kind::Flag,
        "scheduler mh hashes the source port too",
        "mh-port",
        VirtualServerTerm::MaglevPort,
    )
    .rare(),
    word(
        "mh-fallback",
        Kind::Flag,
        "scheduler mh goes on to the next real server when one has weight 0",
        "mh-fallback",
        VirtualServerTerm::MaglevFallback,
    )
    .rare(),
    word(
        "lb_kind",
        Kind::Forwarding,
        "how packets reach the real servers: rewritten, by MAC on the same network, or in a tunnel",
        "lb_kind NAT",
        VirtualServerTerm::Forwarding,
    )
    .default("NAT")
    .everyday(),
    word(
        "lvs_method",
        Kind::Forwarding,
        "how packets reach the real servers: rewritten, by MAC on the same network, or in a tunnel",
        "lvs_method TUN type gue port 6080 csum",
        VirtualServerTerm::Forwarding,
    )
    .same_as("lb_kind")
    .default("NAT")
    .everyday(),
    word(
        "persistence_engine",
        Kind::Choice(&["sip"]),
        "clients are told apart by their SIP call and not by their address",
        "persistence_engine sip",
        VirtualServerTerm::PersistenceEngine,
    )
    .rare(),
    word(
        "persistence_timeout",
        PERSISTENCE,
        "seconds that a client stays with its real server; 360 when no number is given",
        "persistence_timeout 50",
        VirtualServerTerm::PersistenceTimeout,
    )
    .default("no persistence"),
    word(
        "persistence_granularity",
        Kind::Granularity,
        "clients of one network of that size stay with one real server",
        "persistence_granularity 255.255.255.0",
        VirtualServerTerm::PersistenceGranularity,
    )
    .default("each address by itself")
    .rare(),
    word(
        "protocol",
        Kind::Choice(&["TCP", "UDP", "SCTP"]),
        "what is balanced; say it: without it, it is UDP",
        "protocol TCP",
        VirtualServerTerm::Protocol,
    )
    .default("UDP")
    .everyday(),
    word(
        "ha_suspend",
        Kind::Flag,
        "checks run only while the address is on this host",
        "ha_suspend",
        VirtualServerTerm::HaSuspend,
    )
    .rare(),
    word(
        "omega",
        Kind::Flag,
        "commands for down are run when the agent stops",
        "omega",
        VirtualServerTerm::Omega,
    ),
    word(
        "quorum_up",
        Kind::Command,
        "run when enough real servers are up",
        "quorum_up /etc/regent/up.sh",
        VirtualServerTerm::QuorumUp,
    ),
    word(
        "quorum_down",
        Kind::Command,
        "run when too few real servers are up",
        "quorum_down \"/etc/regent/down.sh web\" nobody",
        VirtualServerTerm::QuorumDown,
    ),
    word(
        "quorum",
        Kind::Number { least: 1, most: UNSIGNED },
        "weight of live real servers below which the sorry server takes over",
        "quorum 1",
        VirtualServerTerm::Quorum,
    )
    .default("1"),
    word(
        "hysteresis",
        Kind::Number { least: 0, most: UNSIGNED },
        "up at quorum plus this, down below quorum minus this",
        "hysteresis 0",
        VirtualServerTerm::Hysteresis,
    )
    .default("0")
    .rare(),
    word(
        "weight",
        Kind::Number { least: 1, most: i32::MAX as i64 },
        "weight of real servers that do not say theirs",
        "weight 10",
        VirtualServerTerm::Weight,
    )
    .default("1")
    .rare(),
    word(
        "sorry_server",
        Kind::Endpoint,
        "serves while too few real servers are up",
        "sorry_server 192.0.2.30 80",
        VirtualServerTerm::SorryServer,
    ),
    word(
        "sorry_server_inhibit",
        Kind::Flag,
        "the sorry server stays in the table with weight 0 while it is not needed",
        "sorry_server_inhibit",
        VirtualServerTerm::SorryServerInhibit,
    )
    .rare(),
    word(
        "sorry_server_lvs_method",
        Kind::Forwarding,
        "how packets reach the sorry server",
        "sorry_server_lvs_method NAT",
        VirtualServerTerm::SorryServerForwarding,
    )
    .default("lb_kind")
    .rare(),
    word(
        "real_server",
        Kind::EndpointBlock,
        "a host behind the service, with its checks",
        "real_server 192.0.2.20 80 { TCP_CHECK { } }",
        VirtualServerTerm::RealServer,
    )
    .everyday(),
];

pub(super) const SHARED: &[Word<ServerTerm>] = &[
    word(
        "delay_loop",
        Kind::Seconds { least_us: 1, most_us: MOST_SECONDS },
        "seconds between two checks of a real server",
        "delay_loop 6",
        ServerTerm::DelayLoop,
    )
    .default("60")
    .everyday(),
    word(
        "retry",
        Kind::Number { least: 1, most: UNSIGNED },
        "failures after the first until a real server counts as down",
        "retry 3",
        ServerTerm::Retry,
    )
    .default("1; DNS_CHECK 3, MISC_CHECK 0"),
    word(
        "delay_before_retry",
        SECONDS,
        "seconds from a failed check to its repetition",
        "delay_before_retry 2",
        ServerTerm::DelayBeforeRetry,
    )
    .default("1; HTTP_GET and SSL_GET 3, DNS_CHECK delay_loop"),
    word(
        "warmup",
        SECONDS,
        "the first check waits a random time of at most so many seconds; 0: none",
        "warmup 5",
        ServerTerm::Warmup,
    )
    .default("delay_loop")
    .rare(),
    word(
        "connect_timeout",
        Kind::Seconds { least_us: 1, most_us: super::MOST_TIMEOUT },
        "seconds that a check waits for an answer",
        "connect_timeout 3",
        ServerTerm::ConnectTimeout,
    )
    .default("5")
    .everyday(),
    word(
        "alpha",
        Kind::Switch,
        "real servers count as down until their first good check",
        "alpha",
        ServerTerm::Alpha,
    )
    .default("off"),
    word(
        "inhibit_on_failure",
        Kind::Switch,
        "a real server that is down stays in the table with weight 0: its connections go on",
        "inhibit_on_failure",
        ServerTerm::InhibitOnFailure,
    )
    .default("off"),
    word("smtp_alert", Kind::Switch, "mail on each change", "smtp_alert", ServerTerm::SmtpAlert)
        .default("smtp_alert_checker or smtp_alert; else off for the virtual server, on for real servers"),
    word(
        "virtualhost",
        Kind::Text,
        "the Host header of HTTP checks",
        "virtualhost www.example.com",
        ServerTerm::VirtualHost,
    )
    .default("the address"),
    word("snmp_name", Kind::Text, "its name in SNMP", "snmp_name web", ServerTerm::SnmpName).rare(),
];
