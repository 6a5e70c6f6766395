//! The words that are read, block by block.

mod authentication;
mod garp_group;
mod global;
mod hmac;
mod instance;
mod root;
mod script;
mod track_group;

use super::{
    Keyword, Kind,
    word::{in_block, word},
};

pub(in crate::config) use authentication::AuthenticationTerm;
pub(in crate::config) use garp_group::GarpGroupTerm;
pub(in crate::config) use global::GlobalTerm;
pub(in crate::config) use hmac::HmacTerm;
pub(in crate::config) use instance::InstanceTerm;
pub(in crate::config) use root::RootTerm;
pub(in crate::config) use script::ScriptTerm;
pub(in crate::config) use track_group::TrackGroupTerm;

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
const IN_A_ROW: Kind = Kind::Number { least: 1, most: i32::MAX as i64 };

/// Every word that is read.
pub(super) fn keywords() -> impl Iterator<Item = Keyword> {
    in_block("", root::WORDS)
        .chain(in_block("global_defs", global::WORDS))
        .chain(in_block("vrrp_script", script::WORDS))
        .chain(in_block("vrrp_instance", instance::WORDS))
        .chain(in_block("vrrp_instance/authentication", authentication::WORDS))
        .chain(in_block("vrrp_instance/auth_hmac", hmac::WORDS))
        .chain(in_block("garp_group", garp_group::WORDS))
        .chain(in_block("track_group", track_group::WORDS))
}
