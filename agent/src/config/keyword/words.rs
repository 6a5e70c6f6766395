//! The words that are read, block by block.

mod authentication;
mod bfd;
mod check;
mod garp_group;
mod global;
mod hmac;
mod http_check;
mod instance;
mod real_server;
mod root;
mod script;
mod ssl;
mod sync_group;
mod track_file;
mod track_group;
mod track_process;
mod virtual_server;

use super::{
    Effect, Keyword, Kind, Term, Word,
    word::{in_block, word},
};

pub(in crate::config) use authentication::AuthenticationTerm;
pub(in crate::config) use bfd::BfdTerm;
pub(in crate::config) use check::{
    BfdCheckTerm, CheckTerm, ConnectionTerm, DnsCheckTerm, FileCheckTerm, MiscCheckTerm, SmtpCheckTerm,
    UdpCheckTerm,
};
pub(in crate::config) use garp_group::GarpGroupTerm;
pub(in crate::config) use global::{
    BufferOf, DbusTerm, FifoOf, FifoTerm, FilesTerm, FirewallTerm, GlobalTerm, IpvsTerm, MailTerm, Part,
    ProcessTerm, ReloadTerm, RunTerm, SnmpTerm,
};
pub(in crate::config) use hmac::HmacTerm;
pub(in crate::config) use http_check::{HttpCheckTerm, UrlTerm};
pub(in crate::config) use instance::InstanceTerm;
pub(in crate::config) use real_server::RealServerTerm;
pub(in crate::config) use root::RootTerm;
pub(in crate::config) use script::ScriptTerm;
pub(in crate::config) use ssl::SslTerm;
pub(in crate::config) use sync_group::SyncGroupTerm;
pub(in crate::config) use track_file::TrackFileTerm;
pub(in crate::config) use track_group::TrackGroupTerm;
pub(in crate::config) use track_process::TrackProcessTerm;
pub(in crate::config) use virtual_server::{ServerTerm, VirtualServerTerm};

/// A day: longer waits are slips of the pen.
const MOST_SECONDS: u64 = 86_400 * 1_000_000;
const SECONDS: Kind = Kind::Seconds { least_us: 0, most_us: MOST_SECONDS };
const REPEAT: Kind = Kind::Number { least: 0, most: 255 };
const VERSION: Kind = Kind::Number { least: 2, most: 3 };
const DOWN_ADVERTS: Kind = Kind::Number { least: 1, most: 100 };
/// Advertisement intervals, as many as [`DOWN_ADVERTS`] at most.
const GATE: Kind = Kind::OffOrNumber { least: 1, most: 100 };
/// One at least: a packet of 0 never leaves.
const TTL: Kind = Kind::Number { least: 1, most: 255 };
const PORT: Kind = Kind::Number { least: 1, most: 65_535 };
/// 32 bits of microseconds.
const MOST_TIMEOUT: u64 = u32::MAX as u64;
const IN_A_ROW: Kind = Kind::Number { least: 1, most: i32::MAX as i64 };
/// Seconds that a program may take.
const PATIENCE: Kind = Kind::Number { least: 1, most: 1000 };

const NO_MAIL: &str = "no mail is sent; `notify` programs are run at each change of state";
const NO_EVENT_PIPE: &str =
    "nothing is written to pipes; `notify` programs are run at each change of state, in order";
const NOTHING_BALANCED: &str = "nothing is balanced; addresses move all the same";

/// Words that open a block at the root and stand nowhere else.
pub(super) const ROOT_BLOCKS: &[&str] = &[
    "global_defs",
    "static_ipaddress",
    "static_routes",
    "static_rules",
    "vrrp_script",
    "vrrp_instance",
    "vrrp_sync_group",
    "vrrp_track_process",
    "vrrp_track_file",
    "garp_group",
    "bfd_instance",
    "virtual_server",
    "virtual_server_group",
];

/// Every word that is read.
pub(super) fn keywords() -> impl Iterator<Item = Keyword> {
    in_block("", root::WORDS)
        .chain(global::keywords())
        .chain(in_block("vrrp_script", script::WORDS))
        .chain(in_block("vrrp_instance", instance::WORDS))
        .chain(in_block("vrrp_instance/authentication", authentication::WORDS))
        .chain(in_block("vrrp_instance/auth_hmac", hmac::WORDS))
        .chain(in_block("garp_group", garp_group::WORDS))
        .chain(in_block("vrrp_sync_group", sync_group::WORDS))
        .chain(idle("track_file", track_file::WORDS))
        .chain(idle("vrrp_track_file", track_file::WORDS))
        .chain(idle("vrrp_track_process", track_process::WORDS))
        .chain(in_block("track_group", track_group::WORDS))
        .chain(servers())
        .chain(idle("bfd_instance", bfd::WORDS))
        .chain(idle("SSL", ssl::WORDS))
}

/// The words of a block that does not act yet: its head says so for all of them.
fn idle<T: Copy + Into<Term>>(
    parent: &'static str,
    words: &'static [Word<T>],
) -> impl Iterator<Item = Keyword> {
    in_block(parent, words).map(|keyword| match keyword.effect {
        Effect::Acts => Keyword { effect: Effect::NotYet(""), ..keyword },
        Effect::WithoutEffect(_) | Effect::NotYet(_) | Effect::Refused(_) => keyword,
    })
}

/// The words of `virtual_server` and all that is in it.
fn servers() -> impl Iterator<Item = Keyword> {
    idle("virtual_server", virtual_server::WORDS)
        .chain(idle("virtual_server", virtual_server::SHARED))
        .chain(idle("virtual_server/real_server", real_server::WORDS))
        .chain(idle("virtual_server/real_server", virtual_server::SHARED))
        .chain(idle("virtual_server/real_server/MISC_CHECK", check::COMMON))
        .chain(idle("virtual_server/real_server/MISC_CHECK", check::MISC))
        .chain(network_check("virtual_server/real_server/TCP_CHECK"))
        .chain(network_check("virtual_server/real_server/PING_CHECK"))
        .chain(network_check("virtual_server/real_server/HTTP_GET"))
        .chain(idle("virtual_server/real_server/HTTP_GET", http_check::WORDS))
        .chain(idle("virtual_server/real_server/HTTP_GET/url", http_check::URL))
        .chain(network_check("virtual_server/real_server/SSL_GET"))
        .chain(idle("virtual_server/real_server/SSL_GET", http_check::WORDS))
        .chain(idle("virtual_server/real_server/SSL_GET/url", http_check::URL))
        .chain(network_check("virtual_server/real_server/SMTP_CHECK"))
        .chain(idle("virtual_server/real_server/SMTP_CHECK", check::SMTP))
        .chain(network_check("virtual_server/real_server/SMTP_CHECK/host"))
        .chain(network_check("virtual_server/real_server/DNS_CHECK"))
        .chain(idle("virtual_server/real_server/DNS_CHECK", check::DNS))
        .chain(network_check("virtual_server/real_server/UDP_CHECK"))
        .chain(idle("virtual_server/real_server/UDP_CHECK", check::UDP))
        .chain(idle("virtual_server/real_server/BFD_CHECK", check::BFD))
        .chain(idle("virtual_server/real_server/FILE_CHECK", check::FILE))
}

/// The words that every check over the network has.
fn network_check(parent: &'static str) -> impl Iterator<Item = Keyword> {
    idle(parent, check::COMMON).chain(idle(parent, check::CONNECTION))
}
