//! The words of `vrrp_sync_group`.

use super::{NO_EVENT_PIPE, NO_MAIL, word};
use crate::config::keyword::{Kind, Line, Word};

/// In `vrrp_sync_group`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum SyncGroupTerm {
    Members,
    TrackInterface,
    TrackScript,
    TrackFile,
    TrackProcess,
    TrackBfd,
    NotifyMaster,
    NotifyBackup,
    NotifyFault,
    NotifyStop,
    Notify,
    SmtpAlert,
    PriorityChanges,
    TrackingWeight,
    GlobalTracking,
}

const APART: &str = "its instances change state each by itself";
const NOT_RUN: &str = "it is not run; instances run their own";
const UNGUARDED: &str = "its instances do not depend on it";

pub(super) const WORDS: &[Word<SyncGroupTerm>] = &[
    word(
        "group",
        Kind::Lines(Line::Instance),
        "instances that change state together",
        "group { VI_1 VI_2 }",
        SyncGroupTerm::Members,
    )
    .not_yet(APART),
    word(
        "track_interface",
        Kind::Lines(Line::Tracker),
        "interfaces that all members depend on",
        "track_interface { eth1 }",
        SyncGroupTerm::TrackInterface,
    ),
    word(
        "track_script",
        Kind::Lines(Line::Tracker),
        "scripts that all members depend on",
        "track_script { }",
        SyncGroupTerm::TrackScript,
    ),
    word(
        "track_file",
        Kind::Lines(Line::Tracker),
        "files that all members depend on",
        "track_file { }",
        SyncGroupTerm::TrackFile,
    )
    .not_yet(UNGUARDED),
    word(
        "track_process",
        Kind::Lines(Line::Tracker),
        "processes that all members depend on",
        "track_process { }",
        SyncGroupTerm::TrackProcess,
    )
    .not_yet(UNGUARDED),
    word(
        "track_bfd",
        Kind::Lines(Line::Tracker),
        "BFD sessions that all members depend on",
        "track_bfd { }",
        SyncGroupTerm::TrackBfd,
    )
    .not_yet(UNGUARDED),
    word(
        "notify_master",
        Kind::Command,
        "run when the group becomes master",
        "notify_master /etc/regent/master.sh",
        SyncGroupTerm::NotifyMaster,
    )
    .not_yet(NOT_RUN),
    word(
        "notify_backup",
        Kind::Command,
        "run when the group becomes backup",
        "notify_backup /etc/regent/backup.sh",
        SyncGroupTerm::NotifyBackup,
    )
    .not_yet(NOT_RUN),
    word(
        "notify_fault",
        Kind::Command,
        "run on a fault of the group",
        "notify_fault /etc/regent/fault.sh",
        SyncGroupTerm::NotifyFault,
    )
    .not_yet(NOT_RUN),
    word(
        "notify_stop",
        Kind::Command,
        "run when the group stops",
        "notify_stop /etc/regent/stop.sh",
        SyncGroupTerm::NotifyStop,
    )
    .not_yet(NOT_RUN),
    word(
        "notify",
        Kind::Command,
        "run on each of them, with GROUP, the name, the state and 0 as further arguments",
        "notify /etc/regent/notify.sh",
        SyncGroupTerm::Notify,
    )
    .not_yet(NOT_RUN),
    word("smtp_alert", Kind::Switch, "mails about the group", "smtp_alert", SyncGroupTerm::SmtpAlert)
        .default("smtp_alert_vrrp")
        .not_yet(NO_MAIL),
    word(
        "notify_priority_changes",
        Kind::Switch,
        "a changed priority of the group is an event as well",
        "notify_priority_changes",
        SyncGroupTerm::PriorityChanges,
    )
    .default("vrrp_notify_priority_changes")
    .not_yet(NO_EVENT_PIPE),
    word(
        "sync_group_tracking_weight",
        Kind::Flag,
        "weights of the members' own trackers count, although the members may then disagree",
        "sync_group_tracking_weight",
        SyncGroupTerm::TrackingWeight,
    ),
    word(
        "global_tracking",
        Kind::Flag,
        "the old form of `sync_group_tracking_weight`",
        "global_tracking",
        SyncGroupTerm::GlobalTracking,
    )
    .rare(),
];
