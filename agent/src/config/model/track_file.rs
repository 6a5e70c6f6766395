//! `track_file`, also by its old name `vrrp_track_file`.

use super::{
    Reader, Required, Spanned, TrackFile,
    reader::{Damage, Entry},
    value::whole_number,
};
use crate::config::{
    diagnostic::{Diagnostic, code},
    expand::{Block, Word},
    keyword::{RootTerm, TrackFileTerm},
    plan::InitialValue,
};

/// The largest weight that the table allows.
const MOST_WEIGHT: i64 = i32::MAX as i64;

pub(super) fn read(reader: &mut Reader<'_>, entry: &Entry<'_, RootTerm>, block: &Block) -> Option<TrackFile> {
    let name = entry.value()?;
    let mut file = TrackFile {
        name: Spanned { value: name.value.clone(), span: name.span },
        path: Required::Absent,
        weight: None,
        initial: None,
        damaged: false,
    };
    let mut damage = Damage::default();
    for entry in reader.entries::<TrackFileTerm>(entry.keyword.name, &block.statements, &mut damage) {
        match entry.term {
            TrackFileTerm::File => {
                file.path = match (reader.path(&entry), entry.value()) {
                    (Some(value), Some(word)) => Required::Good(Spanned { value, span: word.span }),
                    (Some(_) | None, _) => Required::Bad,
                }
            }
            TrackFileTerm::Weight => {
                file.weight = reader.wide_weight(entry.values(), MOST_WEIGHT, "weight 1 is used");
            }
            TrackFileTerm::InitFile => file.initial = initial(reader, entry.values()),
        }
    }
    file.damaged = !block.closed || damage.torn;
    Some(file)
}

/// `[VALUE] [overwrite]`, in either order, as in keepalived.
fn initial(reader: &mut Reader<'_>, words: &[Word]) -> Option<InitialValue> {
    let mut initial = InitialValue { value: 0, overwrites: false };
    let mut said = false;
    for word in words {
        match whole_number(&word.value) {
            Some(_) if said => reader.report(
                Diagnostic::error(code::EXTRA_WORDS, "`init_file` takes one number")
                    .primary(word.span, "ignored"),
            ),
            Some(value) => (initial.value, said) = (value, true),
            None if word.value == "overwrite" => initial.overwrites = true,
            None => {
                reader.report_option(word, "init_file", ["overwrite"].into_iter());
                return None;
            }
        }
    }
    Some(initial)
}
