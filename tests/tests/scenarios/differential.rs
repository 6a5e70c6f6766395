//! One script in two worlds: in virtual time, where the routers are the bare election, and in namespaces with real
//! agents. Both must go through the same states in the same order, or one of them is wrong.
//!
//! `REGENT_DIFFERENTIAL_SEEDS=A..B` plays those seeds in place of the chosen ones, in each setting.

mod agreement;
mod planted;
mod screenplay;
mod stage;

use std::ops::Range;

use anyhow::{Context, Result, anyhow};
use libtest_mimic::{Failed, Trial};

use self::{agreement::Forecast, screenplay::Setting, stage::Stage};
use super::trial::{Need, Reasons};

/// Names seeds to play.
const VARIABLE: &str = "REGENT_DIFFERENTIAL_SEEDS";

/// What is played. Together they do everything that a script can do to a router, to two and to three of them, with
/// preemption and without. Those that take longest come first.
const CHOSEN: &[(u64, Setting)] = &[
    (14, Setting::V2),
    (30, Setting::V2),
    (0, Setting::V3Socket),
    (1, Setting::V3Ipv6),
    (24, Setting::V3Socket),
    (4, Setting::V3Ipv6),
    (25, Setting::V3Ipv4),
    (46, Setting::V3Ipv6),
    (10, Setting::V3Ipv4),
    (14, Setting::V3Ipv6),
];

/// Each seed, and what shows that a difference would be noticed.
pub fn trials(reasons: &Reasons) -> Vec<Trial> {
    let mut trials = planted::trials();
    match asked() {
        Ok(None) => trials.extend(CHOSEN.iter().map(|(seed, setting)| trial(reasons, *seed, *setting))),
        Ok(Some(seeds)) => {
            let each = seeds.flat_map(|seed| Setting::ALL.map(|setting| (seed, setting)));
            trials.extend(each.map(|(seed, setting)| trial(reasons, seed, setting)));
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

fn trial(reasons: &Reasons, seed: u64, setting: Setting) -> Trial {
    reasons.trial(name(seed, setting), &[Need::Agent, Need::Nft], move || both_worlds_agree(seed, setting))
}

fn name(seed: u64, setting: Setting) -> String {
    format!("differential::seed_{seed}::{}", setting.word())
}

fn both_worlds_agree(seed: u64, setting: Setting) -> Result<()> {
    let script = screenplay::write(seed, setting);
    let forecast = Forecast::of(&script, setting.interval().duration())?;
    let groups = script.routers.iter().map(|router| setting.group(router)).collect();
    let mut stage = Stage::set(groups, setting.rung())?;
    let played = stage.play(&script);
    played.and_then(|record| forecast.holds(&record)).map_err(|error| {
        let (name, next) = (name(seed, setting), seed.saturating_add(1));
        anyhow!(
            "{error:#}\nto play it again: \
             {VARIABLE}={seed}..{next} cargo test -p regent-tests --test scenarios -- {name}{}",
            stage.said()
        )
    })
}
