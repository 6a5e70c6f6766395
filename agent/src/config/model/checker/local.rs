//! `MISC_CHECK`, `BFD_CHECK` and `FILE_CHECK`: what is known on this host.

use super::{Checked, Checker, Common, Dial, block, common_line};
use crate::config::{
    keyword::{BfdCheckTerm, CheckTerm, Either, FileCheckTerm, MiscCheckTerm},
    model::{
        Reader, Required, command,
        reader::{Damage, Entry},
    },
};

pub(in super::super) fn misc<T>(
    reader: &mut Reader<'_>,
    entry: &Entry<'_, T>,
    damage: &mut Damage,
) -> Checker {
    let mut common = Common::default();
    let (mut command, mut timeout, mut dynamic, mut user) = (Required::Absent, None, false, None);
    let entries = reader.entries::<Either<CheckTerm, MiscCheckTerm>>(
        "virtual_server/real_server/MISC_CHECK",
        block(entry),
        damage,
    );
    for entry in entries {
        match entry.term {
            Either::Shared(term) => common_line(reader, &entry, term, &mut common),
            Either::Own(MiscCheckTerm::Path) => command = command::line(reader, &entry),
            Either::Own(MiscCheckTerm::Timeout) => timeout = reader.unsigned(&entry, "delay_loop is used"),
            Either::Own(MiscCheckTerm::Dynamic) => dynamic = true,
            Either::Own(MiscCheckTerm::User) => user = reader.user(&entry),
        }
    }
    Checker {
        span: entry.head,
        common,
        dial: Dial::default(),
        check: Checked::Misc { command, timeout, dynamic, user },
    }
}

pub(in super::super) fn bfd<T>(
    reader: &mut Reader<'_>,
    entry: &Entry<'_, T>,
    damage: &mut Damage,
) -> Checker {
    let (mut common, mut name) = (Common::default(), None);
    let entries =
        reader.entries::<BfdCheckTerm>("virtual_server/real_server/BFD_CHECK", block(entry), damage);
    for entry in entries {
        match entry.term {
            BfdCheckTerm::Name => name = reader.text(&entry),
            BfdCheckTerm::Alpha => common.timing.alpha = reader.switch(&entry).or(common.timing.alpha),
        }
    }
    Checker { span: entry.head, common, dial: Dial::default(), check: Checked::Bfd { name } }
}

pub(in super::super) fn file<T>(
    reader: &mut Reader<'_>,
    entry: &Entry<'_, T>,
    damage: &mut Damage,
) -> Checker {
    let (mut track_file, mut weight) = (None, None);
    let entries =
        reader.entries::<FileCheckTerm>("virtual_server/real_server/FILE_CHECK", block(entry), damage);
    for entry in entries {
        match entry.term {
            FileCheckTerm::TrackFile => track_file = reader.text(&entry),
            FileCheckTerm::Weight => weight = reader.multiplier(&entry, "that of the track_file is used"),
            FileCheckTerm::Dynamic => {}
        }
    }
    let check = Checked::File { track_file, weight };
    Checker { span: entry.head, common: Common::default(), dial: Dial::default(), check }
}
