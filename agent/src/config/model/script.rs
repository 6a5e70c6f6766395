//! `vrrp_script`.

use std::time::Duration;

use super::{
    Reader, Required, Script, Spanned, command,
    reader::{Damage, Entry},
};
use crate::config::{
    diagnostic::{Diagnostic, code},
    expand::Block,
    keyword::{RootTerm, ScriptTerm},
};

pub(super) fn read(reader: &mut Reader<'_>, entry: &Entry<'_, RootTerm>, block: &Block) -> Option<Script> {
    let name = entry.value()?;
    let mut script = Script {
        name: Spanned { value: name.value.clone(), span: name.span },
        command: Required::Absent,
        interval: None,
        timeout: None,
        weight: None,
        rise: None,
        fall: None,
        user: None,
        starts_failed: false,
        damaged: !block.closed,
    };
    let mut damage = Damage::default();
    for entry in reader.entries::<ScriptTerm>("vrrp_script", &block.statements, &mut damage) {
        match entry.term {
            ScriptTerm::Script => script.command = command::line(reader, &entry),
            ScriptTerm::Interval => script.interval = interval(reader, &entry),
            ScriptTerm::Timeout => script.timeout = reader.duration(&entry, "the interval is used"),
            ScriptTerm::Weight => {
                script.weight = reader.weight(entry.values(), "weight 0 is used: failed means FAULT")
            }
            ScriptTerm::Rise => script.rise = count(reader, &entry),
            ScriptTerm::Fall => script.fall = count(reader, &entry),
            ScriptTerm::User => script.user = reader.user(&entry),
            ScriptTerm::InitFail => script.starts_failed = true,
        }
    }
    script.damaged |= damage.torn;
    Some(script)
}

fn count(reader: &mut Reader<'_>, entry: &Entry<'_, ScriptTerm>) -> Option<u32> {
    reader.number(entry, "1 is used").and_then(|value| u32::try_from(value).ok())
}

/// A script cannot run all the time: zero becomes the default.
fn interval(reader: &mut Reader<'_>, entry: &Entry<'_, ScriptTerm>) -> Option<Duration> {
    let interval = reader.duration(entry, "1 second is used")?;
    if interval < Duration::from_millis(1) {
        reader.report(
            Diagnostic::error(code::OUT_OF_RANGE, "`interval` is shorter than a millisecond")
                .primary(entry.head, "1 second is used"),
        );
        return None;
    }
    Some(interval)
}
