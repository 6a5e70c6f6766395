//! The words that are read, block by block.

mod authentication;
mod garp_group;
mod global;
mod instance;
mod root;
mod script;
mod sync_group;
mod track_file;
mod track_process;

use super::{
    Keyword, Kind,
    word::{in_block, word},
};

pub(in crate::config) use authentication::AuthenticationTerm;
pub(in crate::config) use garp_group::GarpGroupTerm;
pub(in crate::config) use global::{
    BufferOf, DbusTerm, FifoOf, FifoTerm, FilesTerm, FirewallTerm, GlobalTerm, IpvsTerm, MailTerm, Part,
    ProcessTerm, ReloadTerm, RunTerm, SnmpTerm,
};
pub(in crate::config) use instance::InstanceTerm;
pub(in crate::config) use root::RootTerm;
pub(in crate::config) use script::ScriptTerm;
pub(in crate::config) use sync_group::SyncGroupTerm;
pub(in crate::config) use track_file::TrackFileTerm;
pub(in crate::config) use track_process::TrackProcessTerm;

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
/// Seconds that a program may take.
const PATIENCE: Kind = Kind::Number { least: 1, most: 1000 };

pub(super) const EXTRA_ANNOUNCEMENTS: &str =
    "garp_master_refresh announces all addresses again and again, each on its own interface";
pub(super) const TWO_OWNERS: &str =
    "an owner (priority 255) gives way to another owner with a higher address";
const NO_MAIL: &str = "no mail is sent; `notify` programs are run at each change of state";
const NO_EVENT_PIPE: &str =
    "nothing is written to pipes; `notify` programs are run at each change of state, in order";
const NOTHING_BALANCED: &str = "nothing is balanced; addresses move all the same";

/// Every word that is read.
pub(super) fn keywords() -> impl Iterator<Item = Keyword> {
    in_block("", root::WORDS)
        .chain(global::keywords())
        .chain(in_block("vrrp_script", script::WORDS))
        .chain(in_block("vrrp_instance", instance::WORDS))
        .chain(in_block("vrrp_instance/authentication", authentication::WORDS))
        .chain(in_block("garp_group", garp_group::WORDS))
        .chain(in_block("vrrp_sync_group", sync_group::WORDS))
        .chain(in_block("track_file", track_file::WORDS))
        .chain(in_block("vrrp_track_file", track_file::WORDS))
        .chain(in_block("vrrp_track_process", track_process::WORDS))
}
