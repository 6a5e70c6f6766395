//! One script in two worlds: in virtual time, where the routers are the bare election, and in namespaces with real
//! agents. Both must go through the same states in the same order, or one of them is wrong.
//!
//! `REGENT_DIFFERENTIAL_SEEDS=A..B` plays those seeds in place of the chosen ones, in each tongue.

mod agreement;
mod planted;
mod screenplay;
mod stage;

use std::ops::Range;

use anyhow::{Context, Result, anyhow};
use libtest_mimic::{Failed, Trial};

use self::{agreement::Forecast, screenplay::Tongue, stage::Stage};
use super::trial::{Ability, Need, Reasons};

/// Names seeds to play.
const VARIABLE: &str = "REGENT_DIFFERENTIAL_SEEDS";

/// What is played. Together they do everything that a script can do to a router, to two and to three of them, with
/// preemption and without. Those that take longest come first.
const CHOSEN: &[(u64, Tongue)] = &[
    (14, Tongue::V2),
    (30, Tongue::V2),
    (0, Tongue::V3Ipv4),
    (1, Tongue::V3Ipv6),
    (24, Tongue::V3Ipv4),
    (4, Tongue::V3Ipv6),
    (25, Tongue::V3Ipv4),
    (46, Tongue::V3Ipv6),
    (10, Tongue::V3Ipv4),
    (14, Tongue::V3Ipv6),
];

/// Each seed, and what shows that a difference would be noticed.
pub fn trials(reasons: &Reasons) -> Vec<Trial> {
    let mut trials = planted::trials();
    match asked() {
        Ok(None) => trials.extend(CHOSEN.iter().map(|(seed, tongue)| trial(reasons, *seed, *tongue))),
        Ok(Some(seeds)) => {
            let each = seeds.flat_map(|seed| Tongue::ALL.map(|tongue| (seed, tongue)));
            trials.extend(each.map(|(seed, tongue)| trial(reasons, seed, tongue)));
        }
        Err(error) => {
            let failed = Failed::from(format!("{error:#}"));
            trials.push(Trial::test("differential::seeds", || Err(failed)));
        }
    }
    trials
}

/// The seeds that somebody asked for.
fn asked() -> Result<Option<Range<u64>>> {
    let Ok(text) = std::env::var(VARIABLE) else { return Ok(None) };
    let wrong = || format!("{VARIABLE}={text}: say A..B");
    let (from, to) = text.split_once("..").with_context(wrong)?;
    Ok(Some(from.parse().with_context(wrong)?..to.parse().with_context(wrong)?))
}

fn trial(reasons: &Reasons, seed: u64, tongue: Tongue) -> Trial {
    let mut needs = vec![Need::Agent, Need::Nft];
    match tongue {
        Tongue::V3Ipv4 | Tongue::V2 => {}
        Tongue::V3Ipv6 => needs.push(Need::Able(Ability::Ipv6)),
    }
    reasons.trial(name(seed, tongue), &needs, move || both_worlds_agree(seed, tongue))
}

fn name(seed: u64, tongue: Tongue) -> String {
    format!("differential::seed_{seed}::{}", tongue.word())
}

fn both_worlds_agree(seed: u64, tongue: Tongue) -> Result<()> {
    let script = screenplay::write(seed, tongue);
    let forecast = Forecast::of(&script, tongue.interval().duration())?;
    let mut stage = Stage::set(&script, |router| tongue.group(&script.routers[router]))?;
    let played = stage.play(&script);
    played.and_then(|record| forecast.holds(&record)).map_err(|error| {
        let (name, next) = (name(seed, tongue), seed.saturating_add(1));
        anyhow!(
            "{error:#}\nto play it again: \
             {VARIABLE}={seed}..{next} cargo test -p regent-tests --test scenarios -- {name}{}",
            stage.said()
        )
    })
}
