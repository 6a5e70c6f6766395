//! Words about programs that are run.

use crate::config::{
    keyword::{GlobalTerm, RunTerm},
    model::{Globals, Reader, command, reader::Entry},
    plan::ProgramOnce,
};

/// keepalived's, in seconds.
const PATIENCE: u16 = 10;

pub(super) fn line(
    reader: &mut Reader<'_>,
    entry: &Entry<'_, GlobalTerm>,
    term: RunTerm,
    globals: &mut Globals,
) {
    let programs = &mut globals.kept.programs;
    match term {
        RunTerm::User => globals.script_user = reader.user(entry),
        RunTerm::Security => programs.security = true,
        RunTerm::SymlinkPaths => {
            programs.symlink_paths = reader.switch(entry).unwrap_or(programs.symlink_paths);
        }
        RunTerm::SupplementaryGroups => programs.supplementary_groups = true,
        RunTerm::Startup => programs.startup = once(reader, entry),
        RunTerm::Shutdown => programs.shutdown = once(reader, entry),
        RunTerm::StartupTimeout => globals.startup_seconds = patience(reader, entry),
        RunTerm::ShutdownTimeout => globals.shutdown_seconds = patience(reader, entry),
    }
}

/// With keepalived's patience, unless a word of its own says another.
fn once(reader: &mut Reader<'_>, entry: &Entry<'_, GlobalTerm>) -> Option<ProgramOnce> {
    command::notify(reader, entry).map(|command| ProgramOnce { command, timeout_seconds: PATIENCE })
}

fn patience(reader: &mut Reader<'_>, entry: &Entry<'_, GlobalTerm>) -> Option<u16> {
    reader.number(entry, "10 seconds are meant").and_then(|seconds| u16::try_from(seconds).ok())
}
