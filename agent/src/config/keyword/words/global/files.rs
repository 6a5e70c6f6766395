//! The words of `global_defs` about reloads, and about files that are read or written.

use super::GlobalTerm;
use crate::config::keyword::{Kind, Word, words::word};

/// About reloads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum ReloadTerm {
    Check,
    TimeFile,
    Repeat,
    File,
}

/// About files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum FilesTerm {
    IncludeCheck,
    RandomSeed,
    Umask,
    ConfigSaveDirectory,
    TemporaryDirectory,
    DataUseInstance,
    StateDump,
    StatsDump,
    JsonDump,
    JsonVersion,
    IprouteUsr,
    IprouteEtc,
}

const CHECKS: Kind =
    Kind::Form { what: "[[+|-]readable|match|wildcard_match|brace_match] ...", least: 0, most: None };
const UMASK: Kind = Kind::Form { what: "NUMBER, or IRUSR|IWGRP and so on", least: 1, most: None };
const SEED: Kind = Kind::Number { least: 0, most: u32::MAX as i64 };
const JSON_VERSION: Kind = Kind::Number { least: 1, most: 2 };

const AT_ITS_TIME: &str = "reload at that time from cron or a timer unit";
const NUMBERS: &str = "write numbers where a name of a table, realm or protocol is not known";

const fn reload(
    name: &'static str,
    kind: Kind,
    help: &'static str,
    example: &'static str,
    term: ReloadTerm,
) -> Word<GlobalTerm> {
    word(name, kind, help, example, GlobalTerm::Reload(term))
}

const fn file(
    name: &'static str,
    kind: Kind,
    help: &'static str,
    example: &'static str,
    term: FilesTerm,
) -> Word<GlobalTerm> {
    word(name, kind, help, example, GlobalTerm::Files(term)).rare()
}

pub(super) const WORDS: &[Word<GlobalTerm>] = &[
    reload(
        "reload_check_config",
        Kind::MaybePath,
        "a config is checked before a reload, and what is wrong with it logged to that file",
        "reload_check_config /var/log/regent-check.log",
        ReloadTerm::Check,
    )
    .without_effect("a reload with errors never changes anything, and says them"),
    reload(
        "reload_time_file",
        Kind::Path,
        "a file that says when to reload",
        "reload_time_file /etc/regent/reload-at",
        ReloadTerm::TimeFile,
    )
    .rare()
    .not_yet(AT_ITS_TIME),
    reload(
        "reload_repeat",
        Kind::Flag,
        "that file is kept, for a reload every day",
        "reload_repeat",
        ReloadTerm::Repeat,
    )
    .rare()
    .not_yet(AT_ITS_TIME),
    reload(
        "reload_file",
        Kind::MaybePath,
        "a file that is there while the config is read",
        "reload_file /run/regent/reloading",
        ReloadTerm::File,
    )
    .rare()
    .not_yet("`agent reload` returns when the config has been read"),
    file(
        "include_check",
        CHECKS,
        "which includes that match nothing are an error",
        "include_check match",
        FilesTerm::IncludeCheck,
    ),
    file(
        "random_seed",
        SEED,
        "where `${_RANDOM}` begins, so that it says the same every time",
        "random_seed 1",
        FilesTerm::RandomSeed,
    )
    .not_yet("`${_RANDOM}` is not seeded by it"),
    file("umask", UMASK, "permissions that new files do not get", "umask 0177", FilesTerm::Umask)
        .default("0177")
        .not_yet("files get the permissions that the umask of whoever starts the agent leaves"),
    file(
        "config_save_dir",
        Kind::Path,
        "a directory that keeps the config of each reload",
        "config_save_dir /var/tmp/regent",
        FilesTerm::ConfigSaveDirectory,
    )
    .without_effect("it finds faults of keepalived's own"),
    file(
        "tmp_config_directory",
        Kind::Path,
        "a directory for a copy of the config while it is read",
        "tmp_config_directory /var/tmp",
        FilesTerm::TemporaryDirectory,
    )
    .without_effect("the agent makes no copy of the config"),
    file(
        "data_use_instance",
        Kind::Switch,
        "under the name `keepalived`: the name of the state dump has that of the instance in it",
        "data_use_instance",
        FilesTerm::DataUseInstance,
    )
    .default("off"),
    file(
        "state_dump_file",
        Kind::Text,
        "under the name `keepalived`: where all data are written at SIGUSR1",
        "state_dump_file /run/regent/data",
        FilesTerm::StateDump,
    )
    .since("2.3"),
    file(
        "stats_dump_file",
        Kind::Text,
        "under the name `keepalived`: where counters are written at SIGUSR2",
        "stats_dump_file /run/regent/stats",
        FilesTerm::StatsDump,
    )
    .since("2.3"),
    file(
        "json_dump_file",
        Kind::Text,
        "under the name `keepalived`: where data and counters are written as JSON",
        "json_dump_file /run/regent/json",
        FilesTerm::JsonDump,
    )
    .since("2.3"),
    file(
        "json_version",
        JSON_VERSION,
        "form of that JSON: 1 a list of instances, 2 an object with that list and the processes",
        "json_version 2",
        FilesTerm::JsonVersion,
    )
    .default("1")
    .since("2.3"),
    file(
        "iproute_usr_dir",
        Kind::Path,
        "where iproute2 keeps names of tables, realms and protocols",
        "iproute_usr_dir /usr/share/iproute2",
        FilesTerm::IprouteUsr,
    )
    .since("2.3")
    .not_yet(NUMBERS),
    file(
        "iproute_etc_dir",
        Kind::Path,
        "where such names of this host are kept",
        "iproute_etc_dir /etc/iproute2",
        FilesTerm::IprouteEtc,
    )
    .since("2.3")
    .not_yet(NUMBERS),
];
