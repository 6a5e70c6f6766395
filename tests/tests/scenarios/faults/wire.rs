//! Cables and adverts that are lost, on either end and one way only.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lab::{
    clock::{Moment, Span},
    switch::Loss,
};

use super::{Fault, STRONG, WEAK};
use crate::scenarios::{
    pair::{
        CONTEST_SPACING, Pair,
        Side::{self, They, We},
    },
    trial::Need,
};

pub const FAULTS: &[Fault] = &[
    ("our_cable_is_cut_as_master_and_plugged_in_again", &[], |pair| cable(pair, We)),
    ("their_cable_is_cut_as_master_and_plugged_in_again", &[], |pair| cable(pair, They)),
    ("our_cable_is_cut_as_backup_and_plugged_in_again", &[], our_cable_as_backup),
    ("our_cable_is_cut_right_after_our_start_as_backup", &[Need::Nft], our_cable_after_our_start),
    ("our_adverts_are_lost_on_their_way", &[Need::Nft], |pair| {
        pair.long_master(We, STRONG)?;
        one_way(pair, We)
    }),
    ("their_adverts_are_lost_on_their_way", &[Need::Nft], |pair| {
        pair.long_master(They, STRONG)?;
        one_way(pair, They)
    }),
    ("half_of_our_adverts_are_lost", &[Need::Nft], |pair| half(pair, We)),
    ("half_of_their_adverts_are_lost", &[Need::Nft], |pair| half(pair, They)),
];

/// Right after the attachment of a program a link that goes down may be the attachment's own doing.
const OWN_FLAP: Duration = Duration::from_millis(600);
/// How many intervals half of the adverts are lost.
const LOSSY: u32 = 40;

/// The heir takes over and gives way when the cable is back. The master noticed that it was cut off.
fn cable(pair: &mut Pair, side: Side) -> Result<()> {
    let (heir, timing) = (side.other(), pair.timing());
    pair.master(side, STRONG)?;
    pair.backup(heir, WEAK)?;
    std::thread::sleep(OWN_FLAP);
    let cut = pair.cut(side)?;
    let first = pair.first_advert(heir, cut, timing.down_bound(WEAK) * 2)?;
    let silence = first.at.since(pair.last_advert(side, first.at)?);
    pair.waited(heir, silence, timing.down(WEAK), timing.down_bound(WEAK))?;
    pair.reigns(heir)?;
    pair.says(side, "FAULT")?;
    pair.has_given_up(side)?;
    pair.gap_within(cut, timing.down_bound(WEAK))?;

    let before = Moment::now();
    pair.plug(side)?;
    let back = Moment::now();
    let first = pair.first_advert(side, before, timing.down_bound(STRONG) * 3)?;
    // It may not speak up before it has listened for as long as at its start (RFC 9568 §6.4.1).
    let most = timing.down_bound(STRONG) + back.since(before);
    pair.waited(side, first.at.since(before), timing.down(STRONG), most)?;
    pair.reigns(side)?;
    pair.gap_within(before, timing.interval)
}

fn our_cable_as_backup(pair: &mut Pair) -> Result<()> {
    let timing = pair.timing();
    pair.master(They, STRONG)?;
    let began = Moment::now();
    pair.backup(We, WEAK)?;
    std::thread::sleep(OWN_FLAP);
    pair.cut(We)?;
    pair.says(We, "FAULT")?;
    std::thread::sleep(timing.down_bound(WEAK));
    pair.plug(We)?;
    pair.says(We, "BACKUP")?;
    pair.reigns(They)?;
    pair.silent(We, began, Moment::now())?;
    pair.gap_within(began, timing.interval)
}

/// A link that goes down right after our program was attached may be our own doing and is no fault then. But who hears
/// nobody because it cannot must not take the master for dead; and it listens anew when the link is back.
fn our_cable_after_our_start(pair: &mut Pair) -> Result<()> {
    let timing = pair.timing();
    pair.master(They, STRONG)?;
    let began = Moment::now();
    pair.backup(We, WEAK)?;
    pair.cut(We)?;
    std::thread::sleep(timing.down_bound(WEAK) * 2);
    // The master's next advert is an interval away at most; two more make it certain that no timer of before decides.
    pair.node(They).lose_adverts_to(pair.node(We), Loss::All)?;
    pair.plug(We)?;
    std::thread::sleep(timing.interval * 2);
    pair.node(They).heal()?;
    pair.says(We, "BACKUP")?;
    pair.reigns(They)?;
    pair.silent(We, began, Moment::now())?;
    pair.never_was_master(We)
}

/// The other has to take the master for dead, and the master hears a worse one and stays (RFC 9568 §6.4.3): both speak
/// for as long as that lasts. Then the better one alone, from its next advert on, and the client is back with it.
fn one_way(pair: &mut Pair, side: Side) -> Result<()> {
    let (heir, timing) = (side.other(), pair.timing());
    pair.backup(heir, WEAK)?;
    pair.node(side).lose_adverts_to(pair.node(heir), Loss::All)?;
    let lost = Moment::now();
    // The client still hears the master: it is the heir's last advert heard that counts, at most an interval before.
    let first = pair.first_advert(heir, lost, timing.down_bound(WEAK) * 2)?;
    ensure!(
        first.at.since(lost) <= timing.down_bound(WEAK),
        "took over {} after the loss began",
        Span(first.at.since(lost))
    );
    // A contest right after another one is announced late, which is a matter of its own.
    std::thread::sleep(CONTEST_SPACING);
    let both = Moment::now();
    ensure!(both.since(pair.last_advert(side, both)?) <= timing.interval * 2, "the master gave way");

    pair.node(side).heal()?;
    let healed = Moment::now();
    std::thread::sleep(timing.interval * 2);
    pair.silent(heir, healed.plus(timing.interval * 3 / 2), Moment::now())?;
    pair.reigns(side)?;
    pair.gap_within(healed, timing.skew_bound(WEAK))
}

/// Chance decides who is master meanwhile, but never at a wrong time: a capture of what reaches the other tells what it
/// heard, and so when it had to speak and when to be silent.
fn half(pair: &mut Pair, side: Side) -> Result<()> {
    let (heir, timing) = (side.other(), pair.timing());
    pair.long_master(side, STRONG)?;
    pair.backup(heir, WEAK)?;
    let heard = pair.node(heir).capture()?;
    std::thread::sleep(timing.interval * 2);
    pair.node(side).lose_adverts_to(pair.node(heir), Loss::Half)?;
    std::thread::sleep(timing.interval * LOSSY);
    pair.node(side).heal()?;
    std::thread::sleep(timing.interval * 2);
    let frames = heard.frames();
    let of = |side: Side| {
        frames.iter().filter(|frame| pair.is_of(side, frame)).map(|frame| frame.at).collect::<Vec<_>>()
    };
    let (good, bad) = (of(side), of(heir));
    ensure!(good.len() as u32 > LOSSY / 5, "only {} adverts reached the other", good.len());
    for &spoke in &bad {
        let last = good.iter().rev().find(|at| **at < spoke).context("the other spoke first")?;
        let silence = spoke.since(*last);
        // Who has just heard the better one may settle the matter by one more.
        let right = silence <= timing.interval || silence >= timing.down(WEAK).saturating_sub(ROUNDING);
        ensure!(right, "the other spoke {} after it heard the master", Span(silence));
    }
    for pause in good.windows(2).filter(|pause| pause[1].since(pause[0]) > timing.down_bound(WEAK)) {
        let spoke = bad.iter().any(|at| *at > pause[0] && *at <= pause[0].plus(timing.down_bound(WEAK)));
        ensure!(spoke, "nothing for {} and no takeover", Span(pause[1].since(pause[0])));
    }
    let healed = Moment::now();
    pair.speaks_alone(side)?;
    // Our agent announces the end of a contest when the loser falls silent, within the spacing of contests; who plays the
    // other may do so as late as `garp_lower_prio_delay`.
    let patience = match side {
        Side::We => CONTEST_SPACING,
        Side::They => Duration::from_secs(6),
    };
    pair.served_within(side, healed, patience)
}

/// What peers round down to.
const ROUNDING: Duration = Duration::from_millis(10);
