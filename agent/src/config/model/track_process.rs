//! `vrrp_track_process`.

use super::{
    Reader, Required, Spanned, TrackProcess,
    reader::{Damage, Entry},
};
use crate::config::{
    diagnostic::{Diagnostic, code},
    expand::Block,
    keyword::{RootTerm, TrackProcessTerm},
    plan::ParameterMatch,
};

/// The largest weight that the table allows.
const MOST_WEIGHT: i64 = 254;
const NO_DELAY: &str = "no delay is used";

pub(super) fn read(
    reader: &mut Reader<'_>,
    entry: &Entry<'_, RootTerm>,
    block: &Block,
) -> Option<TrackProcess> {
    let name = entry.value()?;
    let mut process = TrackProcess {
        name: Spanned { value: name.value.clone(), span: name.span },
        command: Required::Absent,
        matching: None,
        full_command: false,
        weight: None,
        quorum: None,
        quorum_max: None,
        fork_delay: None,
        terminate_delay: None,
        damaged: false,
    };
    let mut damage = Damage::default();
    for entry in reader.entries::<TrackProcessTerm>("vrrp_track_process", &block.statements, &mut damage) {
        match entry.term {
            TrackProcessTerm::Process => process.command = command(reader, &entry),
            TrackProcessTerm::ParameterMatch => {
                process.matching = reader.choice(&entry, "all parameters must be equal").map(|word| {
                    if word == "initial" { ParameterMatch::Initial } else { ParameterMatch::Partial }
                });
            }
            TrackProcessTerm::Weight => {
                let otherwise = "weight 0 is used: too few of them mean FAULT";
                process.weight = reader.wide_weight(entry.values(), MOST_WEIGHT, otherwise);
            }
            TrackProcessTerm::Quorum => process.quorum = count(reader, &entry, "1 is used"),
            TrackProcessTerm::QuorumMax => {
                process.quorum_max = count(reader, &entry, "any number may run");
            }
            TrackProcessTerm::Delay => {
                let delay = reader.duration(&entry, NO_DELAY);
                (process.fork_delay, process.terminate_delay) = (delay, delay);
            }
            TrackProcessTerm::TerminateDelay => process.terminate_delay = reader.duration(&entry, NO_DELAY),
            TrackProcessTerm::ForkDelay => process.fork_delay = reader.duration(&entry, NO_DELAY),
            TrackProcessTerm::FullCommand => process.full_command = true,
        }
    }
    process.damaged = !block.closed || damage.torn;
    Some(process)
}

fn command(reader: &mut Reader<'_>, entry: &Entry<'_, TrackProcessTerm>) -> Required<Vec<String>> {
    let words = entry.values();
    let (Some(first), Some(last)) = (words.first(), words.last()) else { return Required::Bad };
    if first.value.is_empty() {
        reader.report(
            Diagnostic::error(code::EMPTY, "`process` names nothing")
                .primary(first.span, "expected the name of a program"),
        );
        return Required::Bad;
    }
    let value = words.iter().map(|word| word.value.clone()).collect();
    Required::Good(Spanned { value, span: first.span.to(last.span) })
}

fn count(
    reader: &mut Reader<'_>,
    entry: &Entry<'_, TrackProcessTerm>,
    otherwise: &str,
) -> Option<Spanned<u16>> {
    let count = reader.number(entry, otherwise).and_then(|count| u16::try_from(count).ok());
    count.map(|value| Spanned { value, span: entry.head })
}
