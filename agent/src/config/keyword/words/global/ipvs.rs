//! The words of `global_defs` about balancing.

use super::GlobalTerm;
use crate::config::keyword::{
    Kind, Word,
    words::{NOTHING_BALANCED, word},
};

/// About balancing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum IpvsTerm {
    SyncDaemon,
    Timeouts,
    Flush,
    FlushOnStop,
    LogAllFailures,
    InitialNotifies,
}

const SYNC_DAEMON: Kind = Kind::Form {
    what: "INTERFACE [[inst] INSTANCE] [id N] [maxlen N] [port N] [ttl N] [group ADDRESS]",
    least: 1,
    most: None,
};
const TIMEOUTS: Kind =
    Kind::Form { what: "[tcp SECONDS] [tcpfin SECONDS] [udp SECONDS]", least: 2, most: None };

const fn ipvs(
    name: &'static str,
    kind: Kind,
    help: &'static str,
    example: &'static str,
    term: IpvsTerm,
) -> Word<GlobalTerm> {
    word(name, kind, help, example, GlobalTerm::Ipvs(term)).not_yet(NOTHING_BALANCED)
}

pub(super) const WORDS: &[Word<GlobalTerm>] = &[
    ipvs(
        "lvs_sync_daemon",
        SYNC_DAEMON,
        "connections are told to the other balancers, by whoever is master of that instance",
        "lvs_sync_daemon eth1 VI_1 id 5",
        IpvsTerm::SyncDaemon,
    ),
    ipvs(
        "lvs_timeouts",
        TIMEOUTS,
        "seconds that idle connections are remembered",
        "lvs_timeouts tcp 7200 tcpfin 30 udp 300",
        IpvsTerm::Timeouts,
    ),
    ipvs(
        "lvs_flush",
        Kind::Flag,
        "what is balanced already is cleared at the start",
        "lvs_flush",
        IpvsTerm::Flush,
    ),
    ipvs(
        "lvs_flush_on_stop",
        Kind::Maybe(&["VS"]),
        "what is balanced is cleared at the end: all at once, or server by server",
        "lvs_flush_on_stop VS",
        IpvsTerm::FlushOnStop,
    ),
    ipvs(
        "lvs_flush_onstop",
        Kind::Maybe(&["VS"]),
        "the old name of `lvs_flush_on_stop`",
        "lvs_flush_onstop VS",
        IpvsTerm::FlushOnStop,
    )
    .rare()
    .same_as("lvs_flush_on_stop"),
    ipvs(
        "checker_log_all_failures",
        Kind::Switch,
        "each failed check of a server is logged",
        "checker_log_all_failures",
        IpvsTerm::LogAllFailures,
    )
    .default("off"),
    ipvs(
        "rs_init_notifies",
        Kind::Flag,
        "programs are told of each real server at the start",
        "rs_init_notifies",
        IpvsTerm::InitialNotifies,
    ),
];
