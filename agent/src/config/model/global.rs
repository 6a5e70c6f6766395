//! `global_defs`.

use regent_common::Version;

use super::{
    Garp, Globals, Reader,
    reader::{Damage, Entry},
};
use crate::config::{expand::Block, keyword::GlobalTerm};

const DEFAULT: &str = "the default is used";

pub(super) fn read(reader: &mut Reader<'_>, block: &Block, globals: &mut Globals) {
    let entries = reader.entries::<GlobalTerm>(&block.statements, &mut Damage::default());
    for entry in entries {
        match entry.term {
            GlobalTerm::RouterId => globals.router_id = entry.value().map(|word| word.value.clone()),
            GlobalTerm::Version => globals.version = version(reader, &entry).or(globals.version),
            GlobalTerm::ChecksumAsV2 => {
                globals.checksum_as_v2 = reader.switch(&entry).or(globals.checksum_as_v2)
            }
            GlobalTerm::DownTimerAdverts => {
                globals.down_timer_adverts = reader.byte(&entry, DEFAULT).or(globals.down_timer_adverts);
            }
            GlobalTerm::GarpDelay
            | GlobalTerm::GarpRepeat
            | GlobalTerm::GarpRefresh
            | GlobalTerm::GarpRefreshRepeat
            | GlobalTerm::GarpLowerDelay
            | GlobalTerm::GarpLowerRepeat => garp(reader, &entry, &mut globals.garp),
            GlobalTerm::ScriptUser => globals.script_user = reader.user(&entry),
            GlobalTerm::DefaultInterface => {
                globals.default_interface =
                    entry.value().and_then(|word| reader.interface(word, "the line is skipped"));
            }
        }
    }
}

pub(super) fn version<T>(reader: &mut Reader<'_>, entry: &Entry<'_, T>) -> Option<Version> {
    reader.byte(entry, DEFAULT).and_then(Version::from_wire)
}

fn garp(reader: &mut Reader<'_>, entry: &Entry<'_, GlobalTerm>, garp: &mut Garp) {
    match entry.term {
        GlobalTerm::GarpDelay => garp.delay = reader.duration(entry, DEFAULT),
        GlobalTerm::GarpRepeat => garp.repeat = reader.repeat(entry, DEFAULT),
        GlobalTerm::GarpRefresh => garp.refresh = reader.duration(entry, DEFAULT),
        GlobalTerm::GarpRefreshRepeat => garp.refresh_repeat = reader.repeat(entry, DEFAULT),
        GlobalTerm::GarpLowerDelay => garp.lower_delay = reader.duration(entry, DEFAULT),
        GlobalTerm::GarpLowerRepeat => garp.lower_repeat = reader.byte(entry, DEFAULT),
        GlobalTerm::RouterId
        | GlobalTerm::Version
        | GlobalTerm::ChecksumAsV2
        | GlobalTerm::DownTimerAdverts
        | GlobalTerm::ScriptUser
        | GlobalTerm::DefaultInterface => {}
    }
}
