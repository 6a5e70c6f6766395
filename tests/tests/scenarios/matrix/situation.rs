//! What happens to the two, and what must come of it.

use anyhow::Result;
use lab::clock::Moment;

use crate::scenarios::pair::{
    Pair,
    Side::{self, They, We},
};

/// Priority of who should be master.
const STRONG: u8 = 150;
/// Priority of who should not.
const WEAK: u8 = 100;
/// Priority of who comes back stronger, before.
const WEAKEST: u8 = 50;

type Situation = fn(&mut Pair) -> Result<()>;

/// All of them, by name.
pub const SITUATIONS: &[(&str, Situation)] = &[
    ("they_are_master", |pair| explained(pair, |pair| is_master(pair, They))),
    ("we_are_master", |pair| explained(pair, |pair| is_master(pair, We))),
    ("they_die", |pair| explained(pair, |pair| dies(pair, They))),
    ("we_die", |pair| explained(pair, |pair| dies(pair, We))),
    ("they_stop", |pair| explained(pair, |pair| stops(pair, They))),
    ("we_stop", |pair| explained(pair, |pair| stops(pair, We))),
    ("they_restart_with_higher_priority", |pair| explained(pair, |pair| returns_stronger(pair, They))),
    ("we_restart_with_higher_priority", |pair| explained(pair, |pair| returns_stronger(pair, We))),
];

fn explained(pair: &mut Pair, situation: Situation) -> Result<()> {
    let result = situation(pair);
    pair.explain(result)
}

/// RFC 9568 §6.4.2: who hears a better one stays Backup and is silent.
fn is_master(pair: &mut Pair, side: Side) -> Result<()> {
    pair.master(side, STRONG)?;
    let began = Moment::now();
    pair.backup(side.other(), WEAK)?;
    pair.reigns(side)?;
    pair.silent(side.other(), began, Moment::now())?;
    pair.says(side, "MASTER")?;
    pair.says(side.other(), "BACKUP")?;
    pair.gap_within(began, pair.timing().interval)
}

/// RFC 9568 §6.4.2: Active_Down_Timer fires three intervals and the skew after the last advert.
fn dies(pair: &mut Pair, side: Side) -> Result<()> {
    let (heir, timing) = (side.other(), pair.timing());
    pair.master(side, STRONG)?;
    pair.backup(heir, WEAK)?;
    let cut = pair.cut(side)?;
    let first = pair.first_advert(heir, cut, timing.down_bound(WEAK) * 2)?;
    let silence = first.at.since(pair.last_advert(side, first.at)?);
    pair.waited(heir, silence, timing.down(WEAK), timing.down_bound(WEAK))?;
    pair.served_by(heir, first.at)?;
    pair.gap_within(cut, timing.down_bound(WEAK))?;
    pair.says(heir, "MASTER")?;
    pair.reigns(heir)
}

/// RFC 9568 §6.4.3: who is told to stop says priority 0; §6.4.2: who hears it waits out the skew alone.
fn stops(pair: &mut Pair, side: Side) -> Result<()> {
    let (heir, timing) = (side.other(), pair.timing());
    pair.master(side, STRONG)?;
    pair.backup(heir, WEAK)?;
    let asked = Moment::now();
    pair.stop(side)?;
    let resigned = pair.resignation(side, asked)?;
    let first = pair.first_advert(heir, resigned.at, timing.down_bound(WEAK) * 2)?;
    let wait = first.at.since(resigned.at);
    pair.waited(heir, wait, timing.skew(WEAK), timing.skew_bound(WEAK))?;
    pair.served_by(heir, first.at)?;
    pair.gap_within(asked, timing.skew_bound(WEAK))?;
    pair.says(heir, "MASTER")?;
    pair.silent(side, resigned.at, Moment::now())?;
    pair.reigns(heir)
}

/// A Backup that stops is no event; back with a better priority it takes over, and who was master falls silent at its
/// first advert (RFC 9568 §6.4.3).
fn returns_stronger(pair: &mut Pair, side: Side) -> Result<()> {
    let (loser, timing) = (side.other(), pair.timing());
    pair.master(loser, WEAK)?;
    let began = Moment::now();
    pair.backup(side, WEAKEST)?;
    pair.stop(side)?;
    pair.silent(side, began, Moment::now())?;
    let first = pair.challenger(side, STRONG)?;
    pair.served_by(side, first.at)?;
    pair.reigns(side)?;
    // It may be in the middle of one, and may say one more to settle the matter.
    pair.silent(loser, first.at.plus(timing.interval), Moment::now())?;
    pair.gap_within(began, timing.interval)?;
    pair.says(loser, "BACKUP")?;
    pair.says(side, "MASTER")
}
