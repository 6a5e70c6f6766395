//! The words that act.

mod global;
mod instance;

use super::{Keyword, Kind, Line, Status, Term};

pub(in super::super) use global::GlobalTerm;
pub(in super::super) use instance::InstanceTerm;

/// At the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum RootTerm {
    GlobalDefs,
    Script,
    Instance,
    GarpGroup,
}

/// In `vrrp_script`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum ScriptTerm {
    Script,
    Interval,
    Timeout,
    Weight,
    Rise,
    Fall,
    User,
    InitFail,
}

/// In `authentication`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum AuthenticationTerm {
    Type,
    Password,
}

/// In `garp_group`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum GarpGroupTerm {
    GarpInterval,
    GnaInterval,
    Interface,
    Interfaces,
}

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

/// Name, kind, default, help, example, term.
type Row<T> = (&'static str, Kind, &'static str, &'static str, &'static str, T);

const ROOT: &[Row<RootTerm>] = &[
    (
        "global_defs",
        Kind::Block,
        "",
        "defaults for all blocks, whatever their order",
        "global_defs { }",
        RootTerm::GlobalDefs,
    ),
    (
        "vrrp_script",
        Kind::NamedBlock,
        "",
        "a command that is run again and again, for instances to track",
        "vrrp_script check { script /bin/true }",
        RootTerm::Script,
    ),
    (
        "vrrp_instance",
        Kind::NamedBlock,
        "",
        "a virtual router",
        "vrrp_instance VI_1 { interface eth0\n virtual_router_id 1\n virtual_ipaddress { 192.0.2.1 }\n }",
        RootTerm::Instance,
    ),
    (
        "garp_group",
        Kind::Block,
        "",
        "interfaces behind one switch, whose announcements follow each other at one pace",
        "garp_group { garp_interval 0.01\n interface eth0\n }",
        RootTerm::GarpGroup,
    ),
];

const SCRIPT: &[Row<ScriptTerm>] = &[
    (
        "script",
        Kind::CommandLine,
        "",
        "the command: exit status 0 is good",
        "script \"/usr/bin/pgrep -x haproxy\"",
        ScriptTerm::Script,
    ),
    (
        "interval",
        Kind::Seconds { least_us: 0, most_us: MOST_SECONDS },
        "1",
        "seconds between runs",
        "interval 2",
        ScriptTerm::Interval,
    ),
    (
        "timeout",
        Kind::Seconds { least_us: 1_000, most_us: MOST_SECONDS },
        "interval",
        "a run that takes longer is ended and counts as failed",
        "timeout 2",
        ScriptTerm::Timeout,
    ),
    (
        "weight",
        Kind::Weight,
        "0",
        "what the result adds to the priority of an instance that tracks it; 0: failed means FAULT",
        "weight -11",
        ScriptTerm::Weight,
    ),
    ("rise", IN_A_ROW, "1", "successes in a row until it counts as good", "rise 2", ScriptTerm::Rise),
    ("fall", IN_A_ROW, "1", "failures in a row until it counts as bad", "fall 2", ScriptTerm::Fall),
    ("user", Kind::User, "script_user", "who runs the command", "user nobody nogroup", ScriptTerm::User),
    ("init_fail", Kind::Flag, "", "counts as bad until its first success", "init_fail", ScriptTerm::InitFail),
];

const AUTHENTICATION: &[Row<AuthenticationTerm>] = &[
    (
        "auth_type",
        Kind::Choice(&["PASS", "AH"]),
        "",
        "PASS: a password in clear, eight bytes; AH is not supported yet",
        "auth_type PASS",
        AuthenticationTerm::Type,
    ),
    (
        "auth_pass",
        Kind::Text,
        "",
        "the password, cut to eight bytes",
        "auth_pass 1111",
        AuthenticationTerm::Password,
    ),
];

const GARP_GROUP: &[Row<GarpGroupTerm>] = &[
    (
        "garp_interval",
        SECONDS,
        "0",
        "shortest time between two gratuitous ARPs on these interfaces",
        "garp_interval 0.01",
        GarpGroupTerm::GarpInterval,
    ),
    (
        "gna_interval",
        SECONDS,
        "0",
        "shortest time between two unsolicited neighbour advertisements on these interfaces",
        "gna_interval 0.01",
        GarpGroupTerm::GnaInterval,
    ),
    ("interface", Kind::Interface, "", "the interface", "interface eth0", GarpGroupTerm::Interface),
    (
        "interfaces",
        Kind::Lines(Line::Interface),
        "",
        "the interfaces, which share one pace",
        "interfaces { eth0\n eth1 }",
        GarpGroupTerm::Interfaces,
    ),
];

fn rows<T: super::Terms + Into<Term>>(rows: &'static [Row<T>]) -> impl Iterator<Item = Keyword> {
    rows.iter().map(|(name, kind, default, help, example, term)| Keyword {
        name,
        parent: T::PARENT,
        kind: *kind,
        default,
        help,
        example,
        status: Status::Acts((*term).into()),
    })
}

/// Every word that acts.
pub(super) fn keywords() -> impl Iterator<Item = Keyword> {
    rows(ROOT)
        .chain(rows(global::GLOBAL))
        .chain(rows(SCRIPT))
        .chain(rows(instance::INSTANCE))
        .chain(rows(AUTHENTICATION))
        .chain(rows(GARP_GROUP))
}
