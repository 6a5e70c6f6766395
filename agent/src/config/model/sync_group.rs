//! `vrrp_sync_group`.

use super::{
    Notify, Reader, Spanned, SyncGroup, command,
    form::spanned,
    reader::{Damage, Entry},
    track,
};
use crate::config::{
    diagnostic::{Diagnostic, code},
    expand::{Block, Statement},
    keyword::{self, RootTerm, SyncGroupTerm},
};

pub(super) fn read(reader: &mut Reader<'_>, entry: &Entry<'_, RootTerm>, block: &Block) -> Option<SyncGroup> {
    let name = entry.value()?;
    let mut group = SyncGroup {
        name: Spanned { value: name.value.clone(), span: name.span },
        members: Vec::new(),
        loose: Vec::new(),
        track_interfaces: Vec::new(),
        track_scripts: Vec::new(),
        track_files: Vec::new(),
        track_processes: Vec::new(),
        track_bfd: Vec::new(),
        notify: Notify::default(),
        keeps_weights: None,
        damaged: false,
    };
    let mut damage = Damage::default();
    let (loose, statements): (Vec<_>, Vec<_>) = block.statements.iter().cloned().partition(is_loose);
    group.loose = loose.iter().filter_map(Statement::span).collect();
    for entry in reader.entries::<SyncGroupTerm>("vrrp_sync_group", &statements, &mut damage) {
        line(reader, &entry, &mut group, &mut damage);
    }
    group.damaged = !block.closed || damage.torn;
    Some(group)
}

/// Names without a word: members that are not in `group { … }`, most likely.
fn is_loose(statement: &Statement) -> bool {
    let mut words = statement.words.iter().map(|word| word.value.as_str());
    let is_name = |word: &str| {
        keyword::parents(word).next().is_none()
            && keyword::nearest(word, keyword::words_of("vrrp_sync_group")).is_none()
    };
    statement.block.is_none() && statement.words.len() == 1 && words.all(is_name)
}

fn line(
    reader: &mut Reader<'_>,
    entry: &Entry<'_, SyncGroupTerm>,
    group: &mut SyncGroup,
    damage: &mut Damage,
) {
    let block = entry.statement.block.as_ref().map(|block| block.statements.as_slice()).unwrap_or_default();
    match entry.term {
        SyncGroupTerm::Members => members(reader, block, damage, &mut group.members),
        SyncGroupTerm::TrackInterface => {
            track::interfaces(reader, block, damage, &mut group.track_interfaces)
        }
        SyncGroupTerm::TrackScript => track::read(reader, block, damage, &mut group.track_scripts),
        SyncGroupTerm::TrackFile => track::files(reader, block, damage, &mut group.track_files),
        SyncGroupTerm::TrackProcess => track::processes(reader, block, damage, &mut group.track_processes),
        SyncGroupTerm::TrackBfd => track::read(reader, block, damage, &mut group.track_bfd),
        SyncGroupTerm::NotifyMaster => group.notify.master = command::notify(reader, entry),
        SyncGroupTerm::NotifyBackup => group.notify.backup = command::notify(reader, entry),
        SyncGroupTerm::NotifyFault => group.notify.fault = command::notify(reader, entry),
        SyncGroupTerm::NotifyStop => group.notify.stop = command::notify(reader, entry),
        SyncGroupTerm::Notify => group.notify.any = command::notify(reader, entry),
        SyncGroupTerm::SmtpAlert => group.notify.mail = reader.switch(entry).or(group.notify.mail),
        SyncGroupTerm::PriorityChanges => {
            group.notify.priorities = reader.switch(entry).or(group.notify.priorities)
        }
        SyncGroupTerm::TrackingWeight => group.keeps_weights = Some(entry.head),
        SyncGroupTerm::GlobalTracking => {
            group.keeps_weights = Some(entry.head);
            reader.report(
                Diagnostic::note(code::OLD_WORD, "`global_tracking` is an old word")
                    .primary(entry.head, "taken for `sync_group_tracking_weight`")
                    .help("better let the group track what all members depend on: `track_interface`, `track_script`"),
            );
        }
    }
}

/// Names, one or more in each line.
fn members(
    reader: &mut Reader<'_>,
    statements: &[Statement],
    damage: &mut Damage,
    members: &mut Vec<Spanned<String>>,
) {
    for statement in reader.lines(statements, damage) {
        members.extend(statement.words.iter().map(spanned));
    }
}
