//! The words of `global_defs` about pipes that events are written to.

use super::GlobalTerm;
use crate::config::keyword::{
    Kind, Word,
    words::{NO_EVENT_PIPE, word},
};

/// Whose events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum FifoOf {
    All,
    Vrrp,
    Ipvs,
}

/// About one pipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum FifoTerm {
    Pipe,
    Script,
}

const PIPE: Kind = Kind::Form { what: "PATH [USER [GROUP]]", least: 1, most: Some(3) };

const fn fifo(
    name: &'static str,
    kind: Kind,
    help: &'static str,
    example: &'static str,
    of: FifoOf,
    term: FifoTerm,
) -> Word<GlobalTerm> {
    word(name, kind, help, example, GlobalTerm::Fifo(of, term)).not_yet(NO_EVENT_PIPE)
}

pub(super) const WORDS: &[Word<GlobalTerm>] = &[
    fifo(
        "notify_fifo",
        PIPE,
        "all events are written to this pipe, in order, and it belongs to that user",
        "notify_fifo /run/regent/events nobody",
        FifoOf::All,
        FifoTerm::Pipe,
    ),
    fifo(
        "notify_fifo_script",
        Kind::Command,
        "run with the path of the pipe as its last argument",
        "notify_fifo_script /etc/regent/events.sh",
        FifoOf::All,
        FifoTerm::Script,
    ),
    fifo(
        "vrrp_notify_fifo",
        PIPE,
        "events of instances and sync groups are written to this pipe",
        "vrrp_notify_fifo /run/regent/vrrp",
        FifoOf::Vrrp,
        FifoTerm::Pipe,
    ),
    fifo(
        "vrrp_notify_fifo_script",
        Kind::Command,
        "run with the path of the pipe as its last argument",
        "vrrp_notify_fifo_script /etc/regent/events.sh",
        FifoOf::Vrrp,
        FifoTerm::Script,
    ),
    fifo(
        "lvs_notify_fifo",
        PIPE,
        "events of virtual and real servers are written to this pipe",
        "lvs_notify_fifo /run/regent/servers",
        FifoOf::Ipvs,
        FifoTerm::Pipe,
    ),
    fifo(
        "lvs_notify_fifo_script",
        Kind::Command,
        "run with the path of the pipe as its last argument",
        "lvs_notify_fifo_script /etc/regent/events.sh",
        FifoOf::Ipvs,
        FifoTerm::Script,
    ),
    word(
        "vrrp_notify_priority_changes",
        Kind::Switch,
        "a changed priority is an event as well",
        "vrrp_notify_priority_changes",
        GlobalTerm::PriorityChanges,
    )
    .default("off")
    .not_yet(NO_EVENT_PIPE),
    word(
        "fifo_write_vrrp_states_on_reload",
        Kind::Flag,
        "all states are written again after a reload",
        "fifo_write_vrrp_states_on_reload",
        GlobalTerm::StatesOnReload,
    )
    .not_yet(NO_EVENT_PIPE),
];
