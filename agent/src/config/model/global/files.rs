//! Words about reloads, and about files that are read or written.

use std::path::PathBuf;

use crate::config::{
    diagnostic::{Diagnostic, code},
    keyword::{self, FilesTerm, GlobalTerm, ReloadTerm},
    model::{Reader, reader::Entry},
    plan::{FilesPlan, IncludeCheck, IncludeCheckKind, ReloadMarker, ReloadPlan},
};

/// Permissions have nine bits.
const MOST_UMASK: u16 = 0o777;
const CHECKS: [(&str, IncludeCheckKind); 4] = [
    ("readable", IncludeCheckKind::Readable),
    ("match", IncludeCheckKind::Match),
    ("wildcard_match", IncludeCheckKind::WildcardMatch),
    ("brace_match", IncludeCheckKind::BraceMatch),
];
/// POSIX's names of bits, without their S.
const BITS: [(&str, u16); 12] = [
    ("IRUSR", 0o400),
    ("IWUSR", 0o200),
    ("IXUSR", 0o100),
    ("IRGRP", 0o040),
    ("IWGRP", 0o020),
    ("IXGRP", 0o010),
    ("IROTH", 0o004),
    ("IWOTH", 0o002),
    ("IXOTH", 0o001),
    ("IRWXU", 0o700),
    ("IRWXG", 0o070),
    ("IRWXO", 0o007),
];

pub(super) fn reload(
    reader: &mut Reader<'_>,
    entry: &Entry<'_, GlobalTerm>,
    term: ReloadTerm,
    reload: &mut ReloadPlan,
) {
    match term {
        ReloadTerm::Check => {
            reload.check = true;
            reload.check_log = reader.path(entry);
        }
        ReloadTerm::TimeFile => reload.time_file = reader.path(entry),
        ReloadTerm::Repeat => reload.repeat = true,
        ReloadTerm::File => {
            reload.marker = match entry.value() {
                None => Some(ReloadMarker::Default),
                Some(_) => reader.path(entry).map(ReloadMarker::At),
            }
        }
    }
}

pub(super) fn line(
    reader: &mut Reader<'_>,
    entry: &Entry<'_, GlobalTerm>,
    term: FilesTerm,
    files: &mut FilesPlan,
) {
    match term {
        FilesTerm::IncludeCheck => include_checks(reader, entry, &mut files.include_checks),
        FilesTerm::RandomSeed => {
            let seed = reader.number(entry, "the line is skipped");
            files.random_seed = seed.and_then(|seed| u32::try_from(seed).ok());
        }
        FilesTerm::Umask => files.umask = umask(reader, entry).or(files.umask),
        FilesTerm::ConfigSaveDirectory => files.config_save_directory = reader.path(entry),
        FilesTerm::TemporaryDirectory => files.temporary_directory = reader.path(entry),
        FilesTerm::DataUseInstance => {
            files.data_use_instance = reader.switch(entry).unwrap_or(files.data_use_instance);
        }
        FilesTerm::StateDump => files.state_dump = reader.filled(entry).map(PathBuf::from),
        FilesTerm::StatsDump => files.stats_dump = reader.filled(entry).map(PathBuf::from),
        FilesTerm::JsonDump => files.json_dump = reader.filled(entry).map(PathBuf::from),
        FilesTerm::JsonVersion => files.json_version = reader.byte(entry, "1 is meant"),
        FilesTerm::IprouteUsr => files.iproute_usr = reader.path(entry),
        FilesTerm::IprouteEtc => files.iproute_etc = reader.path(entry),
    }
}

/// `[+|-]WHICH …`: those after a sign are put on or taken off; the bare word is all of them.
fn include_checks(reader: &mut Reader<'_>, entry: &Entry<'_, GlobalTerm>, checks: &mut Vec<IncludeCheck>) {
    if entry.values().is_empty() {
        checks.push(IncludeCheck { on: true, kind: IncludeCheckKind::All });
    }
    let mut on = true;
    for word in entry.values() {
        let name = match word.value.split_at_checked(1) {
            Some((sign @ ("+" | "-"), name)) => {
                on = sign == "+";
                name
            }
            Some(_) | None => word.value.as_str(),
        };
        match CHECKS.iter().find(|(known, _)| *known == name) {
            Some((_, kind)) => checks.push(IncludeCheck { on, kind: *kind }),
            None => reader.report_option(word, entry.keyword.name, CHECKS.iter().map(|(known, _)| *known)),
        }
    }
}

/// A number, octal after a 0 and hexadecimal after 0x, or names of bits between `|`.
fn umask(reader: &mut Reader<'_>, entry: &Entry<'_, GlobalTerm>) -> Option<u16> {
    let (first, last) = (entry.values().first()?, entry.values().last()?);
    let span = first.span.to(last.span);
    let text: String = entry.values().iter().map(|word| word.value.as_str()).collect();
    let report = |reader: &mut Reader<'_>, message: String, help: String| {
        reader.report(
            Diagnostic::error(code::UMASK, message)
                .primary(span, "expected up to 0777, or names as `IWGRP|IWOTH`")
                .help(help)
                .help("the line is skipped"),
        );
        None
    };
    if text.starts_with(|first: char| first.is_ascii_digit()) {
        let (digits, radix) = match (text.strip_prefix("0x"), text.strip_prefix('0')) {
            (Some(digits), _) => (digits, 16),
            (None, Some(digits)) if !digits.is_empty() => (digits, 8),
            (None, Some(_) | None) => (text.as_str(), 10),
        };
        let mask = u16::from_str_radix(digits, radix).ok().filter(|mask| *mask <= MOST_UMASK);
        return mask.or_else(|| report(reader, format!("`{text}` is no umask"), String::new()));
    }
    let mut mask = 0;
    for name in text.split('|') {
        match BITS.iter().find(|(known, _)| *known == name) {
            Some((_, bits)) => mask |= bits,
            None => {
                let help = keyword::quoted_nearest(name, BITS.iter().map(|(known, _)| *known));
                return report(reader, format!("`{name}` is no bit of a umask"), help);
            }
        }
    }
    Some(mask)
}
