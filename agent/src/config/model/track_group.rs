//! `track_group`.

use super::{
    Reader, Spanned, TrackGroup,
    reader::{Damage, Entry},
};
use crate::config::{
    expand::Block,
    keyword::{RootTerm, TrackGroupTerm},
};

pub(super) fn read(
    reader: &mut Reader<'_>,
    entry: &Entry<'_, RootTerm>,
    block: &Block,
) -> Option<TrackGroup> {
    let name = entry.value()?;
    let mut group =
        TrackGroup { name: Spanned { value: name.value.clone(), span: name.span }, instances: Vec::new() };
    let mut damage = Damage::default();
    for entry in reader.entries::<TrackGroupTerm>("track_group", &block.statements, &mut damage) {
        match entry.term {
            TrackGroupTerm::Group => {
                let lines = entry.statement.block.as_ref().map(|block| block.statements.as_slice());
                for line in reader.lines(lines.unwrap_or_default(), &mut damage) {
                    let names = line.words.iter();
                    group
                        .instances
                        .extend(names.map(|word| Spanned { value: word.value.clone(), span: word.span }));
                }
            }
        }
    }
    Some(group)
}
