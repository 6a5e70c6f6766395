//! What needs no namespaces: that the scripts are fit to be compared, and that no difference goes unnoticed. Differences
//! are planted into a record of virtual time, which stands for the namespaces.

use std::{collections::BTreeSet, mem::discriminant, time::Duration};

use anyhow::{Context, Result, ensure};
use libtest_mimic::{Failed, Trial};
use regent_simulation::script::Fault;
use regent_vrrp::{Preemption, StateName};

use super::{
    CHOSEN,
    agreement::{Forecast, Record},
    screenplay::{self, Setting},
};

/// Seeds beyond the chosen ones, for whoever asks for more.
const SEEDS: u64 = 30;
/// A script with two routers in which one wins and the other loses, one resigns, and one stands still.
const MIXED: (u64, Setting) = (4, Setting::V3Ipv4);

pub fn trials() -> Vec<Trial> {
    let trial = |name: &str, test: fn() -> Result<()>| {
        let name = format!("differential::{name}");
        Trial::test(name, move || test().map_err(|error| Failed::from(format!("{error:#}"))))
    };
    vec![
        trial("the_chosen_scripts_do_everything_to_two_and_to_three_routers", chosen_scripts_do_everything),
        trial("no_script_leaves_a_state_to_chance_or_a_matter_open", no_script_leaves_anything_to_chance),
        trial("who_is_late_by_less_than_an_interval_makes_no_difference", lateness_makes_no_difference),
        trial("every_planted_difference_is_noticed", every_planted_difference_is_noticed),
    ]
}

fn chosen_scripts_do_everything() -> Result<()> {
    let scripts: Vec<_> = CHOSEN.iter().map(|(seed, setting)| screenplay::write(*seed, *setting)).collect();
    let faults: Vec<Fault> = scripts.iter().flat_map(|script| &script.steps).map(|step| step.fault).collect();
    let still = Duration::ZERO;
    let priority = scripts.first().and_then(|script| script.routers.first()).context("no router")?.priority;
    for fault in [
        Fault::Start(0),
        Fault::Stop(0),
        Fault::Kill(0),
        Fault::Freeze(0, still),
        Fault::Isolate(0),
        Fault::Deafen(0),
        Fault::Mute(0),
        Fault::Restore(0),
        Fault::LinkDown(0),
        Fault::LinkUp(0),
        Fault::Priority(0, priority),
    ] {
        ensure!(faults.iter().any(|done| discriminant(done) == discriminant(&fault)), "never: {fault}");
    }
    let kinds: BTreeSet<(usize, bool)> = scripts
        .iter()
        .flat_map(|script| {
            let count = script.routers.len();
            script.routers.iter().map(move |router| (count, router.preemption == Preemption::Never))
        })
        .collect();
    ensure!(kinds.len() == 4, "routers and whether they leave a live one alone: only {kinds:?}");
    Ok(())
}

fn no_script_leaves_anything_to_chance() -> Result<()> {
    // The simulator knows neither families nor carriers.
    for setting in [Setting::V3Ipv4, Setting::V2] {
        let interval = setting.interval().duration();
        for seed in 0..SEEDS {
            let script = screenplay::write(seed, setting);
            let forecast = Forecast::of(&script, interval)
                .with_context(|| format!("seed {seed} in {}", setting.word()))?;
            let rest = forecast.shortest_rest(&script);
            ensure!(rest > interval, "seed {seed} in {}: {rest:?} between two matters", setting.word());
        }
    }
    Ok(())
}

/// A forecast, and a record of which it holds.
fn mixed() -> Result<(Forecast, Record, Duration)> {
    let (seed, setting) = MIXED;
    let (script, interval) = (screenplay::write(seed, setting), setting.interval().duration());
    let forecast = Forecast::of(&script, interval)?;
    let record = Record::simulated(&screenplay::moved(&script, 0));
    forecast.holds(&record)?;
    Ok((forecast, record, interval))
}

fn lateness_makes_no_difference() -> Result<()> {
    let (forecast, record, interval) = mixed()?;
    for late in 0..2 {
        let mut other = record.clone();
        for entered in other.entered.iter_mut().filter(|entered| entered.router == late) {
            entered.at += interval * 9 / 10;
        }
        other.entered.sort_by_key(|entered| entered.at);
        forecast.holds(&other).with_context(|| format!("#{late} is late"))?;
    }
    Ok(())
}

fn every_planted_difference_is_noticed() -> Result<()> {
    let (forecast, record, interval) = mixed()?;
    let noticed = |record: &Record, what: &str| {
        let told = forecast.holds(record).err().map(|error| format!("{error:#}")).unwrap_or_default();
        ensure!(told.contains("^^^"), "not noticed: {what}\n{told}");
        Ok(())
    };
    for (number, entered) in record.entered.iter().enumerate() {
        let mut other = record.clone();
        other.entered.remove(number);
        noticed(&other, &format!("left out: {entered}"))?;

        let mut other = record.clone();
        other.entered.insert(number, *entered);
        noticed(&other, &format!("twice: {entered}"))?;

        let mut other = record.clone();
        other.entered[number].router = 1 - entered.router;
        noticed(&other, &format!("the other router: {entered}"))?;

        let mut other = record.clone();
        other.entered[number].state = match entered.state {
            StateName::Initialize | StateName::Backup | StateName::Fault => StateName::Active,
            StateName::Active => StateName::Backup,
        };
        noticed(&other, &format!("another state: {entered}"))?;

        for moved in [entered.at + interval * 5 / 2, entered.at.saturating_sub(interval * 5 / 2)] {
            let mut other = record.clone();
            other.entered[number].at = moved;
            other.entered.sort_by_key(|entered| entered.at);
            // What was first of all cannot be earlier.
            if moved > Duration::ZERO {
                noticed(&other, &format!("at {moved:?}: {entered}"))?;
            }
        }
    }
    let mut other = record.clone();
    other.deeds.swap(3, 4);
    noticed(&other, "other deeds")
}
