//! The words that act.

use super::{Keyword, Kind, Line, Status, Term};

/// At the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum RootTerm {
    GlobalDefs,
    Script,
    Instance,
}

/// In `global_defs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum GlobalTerm {
    RouterId,
    Version,
    ChecksumAsV2,
    DownTimerAdverts,
    GarpDelay,
    GarpRepeat,
    GarpRefresh,
    GarpRefreshRepeat,
    GarpLowerDelay,
    GarpLowerRepeat,
    ScriptUser,
    DefaultInterface,
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

/// In `vrrp_instance`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum InstanceTerm {
    State,
    Interface,
    VirtualRouterId,
    Priority,
    AdvertInterval,
    Version,
    Authentication,
    VirtualAddresses,
    ExcludedAddresses,
    TrackScript,
    TrackInterface,
    NoPreempt,
    Preempt,
    PreemptDelay,
    NotifyMaster,
    NotifyBackup,
    NotifyFault,
    NotifyStop,
    Notify,
    GarpDelay,
    GarpRepeat,
    GarpRefresh,
    GarpRefreshRepeat,
    GarpLowerDelay,
    GarpLowerRepeat,
    ChecksumAsV2,
    DownTimerAdverts,
}

/// In `authentication`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum AuthenticationTerm {
    Type,
    Password,
}

/// A day: longer waits are slips of the pen.
const MOST_SECONDS: u64 = 86_400 * 1_000_000;
const SECONDS: Kind = Kind::Seconds { least_us: 0, most_us: MOST_SECONDS };
const REPEAT: Kind = Kind::Number { least: 0, most: 255 };
const VERSION: Kind = Kind::Number { least: 2, most: 3 };
const DOWN_ADVERTS: Kind = Kind::Number { least: 1, most: 100 };
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
];

const GLOBAL: &[Row<GlobalTerm>] = &[
    (
        "router_id",
        Kind::Text,
        "the host's name",
        "this host's name in messages",
        "router_id lb1",
        GlobalTerm::RouterId,
    ),
    (
        "vrrp_version",
        VERSION,
        "2",
        "version of IPv4 instances that do not say theirs",
        "vrrp_version 3",
        GlobalTerm::Version,
    ),
    (
        "v3_checksum_as_v2",
        Kind::Switch,
        "off",
        "version 3 over IPv4 is sent with the checksum of RFC 9568, without pseudo-header",
        "v3_checksum_as_v2",
        GlobalTerm::ChecksumAsV2,
    ),
    (
        "vrrp_down_timer_adverts",
        DOWN_ADVERTS,
        "3",
        "adverts that must be missing until the master counts as gone",
        "vrrp_down_timer_adverts 3",
        GlobalTerm::DownTimerAdverts,
    ),
    (
        "vrrp_garp_master_delay",
        SECONDS,
        "5",
        "second batch of announcements, this long after becoming master; 0: none",
        "vrrp_garp_master_delay 5",
        GlobalTerm::GarpDelay,
    ),
    (
        "vrrp_garp_master_repeat",
        REPEAT,
        "5",
        "announcements of each address in a batch",
        "vrrp_garp_master_repeat 5",
        GlobalTerm::GarpRepeat,
    ),
    (
        "vrrp_garp_master_refresh",
        SECONDS,
        "0",
        "addresses are announced again this often while master; 0: never",
        "vrrp_garp_master_refresh 60",
        GlobalTerm::GarpRefresh,
    ),
    (
        "vrrp_garp_master_refresh_repeat",
        REPEAT,
        "1",
        "announcements of each address in a refresh",
        "vrrp_garp_master_refresh_repeat 2",
        GlobalTerm::GarpRefreshRepeat,
    ),
    (
        "vrrp_garp_lower_prio_delay",
        SECONDS,
        "vrrp_garp_master_delay",
        "second batch after a master heard a lower priority; 0: none",
        "vrrp_garp_lower_prio_delay 5",
        GlobalTerm::GarpLowerDelay,
    ),
    (
        "vrrp_garp_lower_prio_repeat",
        REPEAT,
        "vrrp_garp_master_repeat",
        "announcements of each address after a master heard a lower priority",
        "vrrp_garp_lower_prio_repeat 5",
        GlobalTerm::GarpLowerRepeat,
    ),
    (
        "script_user",
        Kind::User,
        "the agent's own",
        "who runs scripts that do not say their user",
        "script_user keepalived_script",
        GlobalTerm::ScriptUser,
    ),
    (
        "default_interface",
        Kind::Interface,
        "",
        "interface of instances that do not say theirs",
        "default_interface eth0",
        GlobalTerm::DefaultInterface,
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

const INSTANCE: &[Row<InstanceTerm>] = &[
    (
        "state",
        Kind::Choice(&["MASTER", "BACKUP"]),
        "BACKUP",
        "MASTER: priority 255 when none is given, and always preempt; every instance starts as backup",
        "state BACKUP",
        InstanceTerm::State,
    ),
    (
        "interface",
        Kind::Interface,
        "default_interface",
        "sends and receives the adverts and bears the addresses",
        "interface eth0",
        InstanceTerm::Interface,
    ),
    (
        "virtual_router_id",
        Kind::Number { least: 1, most: 255 },
        "",
        "the same on all routers of the group, and of this group alone on its network",
        "virtual_router_id 50",
        InstanceTerm::VirtualRouterId,
    ),
    (
        "priority",
        Kind::Number { least: 1, most: 255 },
        "100, or 255 with state MASTER",
        "the highest becomes master; 255 owns the addresses",
        "priority 150",
        InstanceTerm::Priority,
    ),
    (
        "advert_int",
        Kind::Seconds { least_us: 10_000, most_us: 255_000_000 },
        "1",
        "seconds between adverts: whole ones in version 2, 0.01 to 40.95 in version 3",
        "advert_int 1",
        InstanceTerm::AdvertInterval,
    ),
    (
        "version",
        VERSION,
        "vrrp_version; 3 for IPv6",
        "version of the protocol",
        "version 3",
        InstanceTerm::Version,
    ),
    (
        "authentication",
        Kind::Block,
        "none",
        "the password of a version 2 group",
        "authentication {\n auth_type PASS\n auth_pass 1111\n }",
        InstanceTerm::Authentication,
    ),
    (
        "virtual_ipaddress",
        Kind::Lines(Line::Address),
        "",
        "addresses that the master bears and its adverts name",
        "virtual_ipaddress { 192.0.2.1/24 dev eth0 label eth0:1 }",
        InstanceTerm::VirtualAddresses,
    ),
    (
        "virtual_ipaddress_excluded",
        Kind::Lines(Line::Address),
        "",
        "addresses of either family that the master bears and its adverts do not name",
        "virtual_ipaddress_excluded { 2001:db8::1/64 }",
        InstanceTerm::ExcludedAddresses,
    ),
    (
        "track_script",
        Kind::Lines(Line::Tracker),
        "",
        "scripts whose results change the priority or, without weight, mean FAULT",
        "track_script { }",
        InstanceTerm::TrackScript,
    ),
    (
        "track_interface",
        Kind::Lines(Line::Tracker),
        "",
        "interfaces whose loss changes the priority or, without weight, means FAULT",
        "track_interface { eth1 weight -20 }",
        InstanceTerm::TrackInterface,
    ),
    (
        "nopreempt",
        Kind::Flag,
        "",
        "never take over from a master of lower priority",
        "nopreempt",
        InstanceTerm::NoPreempt,
    ),
    (
        "preempt",
        Kind::Flag,
        "",
        "take over from a master of lower priority",
        "preempt",
        InstanceTerm::Preempt,
    ),
    (
        "preempt_delay",
        Kind::Seconds { least_us: 0, most_us: 1_000_000_000 },
        "0",
        "seconds that a master of lower priority is left alone",
        "preempt_delay 30",
        InstanceTerm::PreemptDelay,
    ),
    (
        "notify_master",
        Kind::Command,
        "",
        "run on becoming master",
        "notify_master \"/etc/regent/notify.sh master\"",
        InstanceTerm::NotifyMaster,
    ),
    (
        "notify_backup",
        Kind::Command,
        "",
        "run on becoming backup",
        "notify_backup \"/etc/regent/notify.sh backup\" nobody",
        InstanceTerm::NotifyBackup,
    ),
    (
        "notify_fault",
        Kind::Command,
        "",
        "run on a fault",
        "notify_fault /etc/regent/fault.sh",
        InstanceTerm::NotifyFault,
    ),
    (
        "notify_stop",
        Kind::Command,
        "",
        "run on stopping",
        "notify_stop /etc/regent/stop.sh",
        InstanceTerm::NotifyStop,
    ),
    (
        "notify",
        Kind::Command,
        "",
        "run on each of them, with INSTANCE, the name, the state and the priority as further arguments",
        "notify /etc/regent/notify.sh",
        InstanceTerm::Notify,
    ),
    (
        "garp_master_delay",
        SECONDS,
        "vrrp_garp_master_delay",
        "second batch of announcements, this long after becoming master; 0: none",
        "garp_master_delay 5",
        InstanceTerm::GarpDelay,
    ),
    (
        "garp_master_repeat",
        REPEAT,
        "vrrp_garp_master_repeat",
        "announcements of each address in a batch",
        "garp_master_repeat 5",
        InstanceTerm::GarpRepeat,
    ),
    (
        "garp_master_refresh",
        SECONDS,
        "vrrp_garp_master_refresh",
        "addresses are announced again this often while master; 0: never",
        "garp_master_refresh 60",
        InstanceTerm::GarpRefresh,
    ),
    (
        "garp_master_refresh_repeat",
        REPEAT,
        "vrrp_garp_master_refresh_repeat",
        "announcements of each address in a refresh",
        "garp_master_refresh_repeat 2",
        InstanceTerm::GarpRefreshRepeat,
    ),
    (
        "garp_lower_prio_delay",
        SECONDS,
        "vrrp_garp_lower_prio_delay",
        "second batch after a master heard a lower priority; 0: none",
        "garp_lower_prio_delay 5",
        InstanceTerm::GarpLowerDelay,
    ),
    (
        "garp_lower_prio_repeat",
        REPEAT,
        "vrrp_garp_lower_prio_repeat",
        "announcements of each address after a master heard a lower priority",
        "garp_lower_prio_repeat 5",
        InstanceTerm::GarpLowerRepeat,
    ),
    (
        "v3_checksum_as_v2",
        Kind::Switch,
        "off",
        "version 3 over IPv4 is sent with the checksum of RFC 9568, without pseudo-header",
        "v3_checksum_as_v2",
        InstanceTerm::ChecksumAsV2,
    ),
    (
        "down_timer_adverts",
        DOWN_ADVERTS,
        "vrrp_down_timer_adverts",
        "adverts that must be missing until the master counts as gone",
        "down_timer_adverts 3",
        InstanceTerm::DownTimerAdverts,
    ),
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
    rows(ROOT).chain(rows(GLOBAL)).chain(rows(SCRIPT)).chain(rows(INSTANCE)).chain(rows(AUTHENTICATION))
}
