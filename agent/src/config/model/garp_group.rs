//! `garp_group`.

use super::{
    GarpGroup, Reader, Spanned,
    reader::{Damage, Entry},
};
use crate::config::{
    expand::{Block, Statement},
    keyword::{GarpGroupTerm, RootTerm},
    plan::Pace,
};

const NO_PACE: &str = "no pace is used";
const LEFT_OUT: &str = "it is not in the group";

pub(super) fn read(reader: &mut Reader<'_>, entry: &Entry<'_, RootTerm>, block: &Block) -> GarpGroup {
    let mut group =
        GarpGroup { span: entry.head, pace: Pace::default(), interfaces: Vec::new(), damaged: false };
    let mut damage = Damage::default();
    for entry in reader.entries::<GarpGroupTerm>("garp_group", &block.statements, &mut damage) {
        match entry.term {
            GarpGroupTerm::GarpInterval => {
                group.pace.arp = reader.duration(&entry, NO_PACE).unwrap_or_default()
            }
            GarpGroupTerm::GnaInterval => {
                group.pace.neighbor = reader.duration(&entry, NO_PACE).unwrap_or_default()
            }
            GarpGroupTerm::Interface => {
                let interface = entry.value().and_then(|word| reader.interface(word, LEFT_OUT));
                group.interfaces.extend(interface);
            }
            GarpGroupTerm::Interfaces => {
                let lines = entry.statement.block.as_ref().map(|block| block.statements.as_slice());
                interfaces(reader, lines.unwrap_or_default(), &mut damage, &mut group.interfaces);
            }
        }
    }
    group.damaged = !block.closed || damage.torn;
    group
}

/// Names, one or more in each line.
fn interfaces(
    reader: &mut Reader<'_>,
    statements: &[Statement],
    damage: &mut Damage,
    interfaces: &mut Vec<Spanned<String>>,
) {
    for statement in reader.lines(statements, damage) {
        for word in &statement.words {
            interfaces.extend(reader.interface(word, LEFT_OUT));
        }
    }
}
