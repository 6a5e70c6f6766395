//! LANs made up from seeds: two to five routers, and a wire that loses, delays, duplicates, splits and heals, while
//! processes crash, start, stop, stall and change their priorities. However bad it was: once it is over, each
//! partition has exactly one Active Router within a bounded time ([`invariant::bound`]).
//!
//! `REGENT_SIMULATION_SEED=N` runs one seed and prints what happens in it; `REGENT_SIMULATION_SEEDS=N` runs that many.

mod invariant;
mod lan;
mod mutation;
mod random;
mod scenario;

use invariant::Invariant;
use mutation::Mutation;
use scenario::{Kind, Sights};

/// Per kind of LAN.
const SEEDS: u64 = 1000;
/// A planted bug must be found in as many, or else the seeds prove little.
const SEEDS_FOR_A_BUG: u64 = 200;
const KINDS: [Kind; 4] = [Kind::Preempting, Kind::NotPreempting, Kind::Delayed, Kind::Mixed];

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().and_then(|text| text.parse().ok())
}

fn every_seed_keeps_every_invariant(kind: Kind) {
    let (seeds, told) = match number("REGENT_SIMULATION_SEED") {
        Some(seed) => (seed..seed + 1, true),
        None => (0..number("REGENT_SIMULATION_SEEDS").unwrap_or(SEEDS), false),
    };
    if told {
        for line in scenario::trace(kind, seeds.start, Mutation::None) {
            println!("{line}");
        }
    }
    let mut sum = Sights::default();
    for seed in seeds.clone() {
        let run = scenario::run(kind, seed, Mutation::None).map_err(|violation| violation.to_string());
        assert!(
            run.is_ok(),
            "{kind:?}, seed {seed}: {run:?}\nto see all of it: \
             REGENT_SIMULATION_SEED={seed} cargo test -p regent-vrrp --test simulation -- --nocapture"
        );
        let sights = run.unwrap_or_default();
        sum.takeovers += sights.takeovers;
        sum.defeats += sights.defeats;
        sum.faults += sights.faults;
    }
    if !told {
        // There was something to see in them.
        let count = seeds.end;
        assert!(sum.takeovers > count * 3 && sum.defeats > count && sum.faults > count / 4, "{sum:?}");
    }
}

#[test]
fn lans_that_preempt_keep_every_invariant() {
    every_seed_keeps_every_invariant(Kind::Preempting);
}

#[test]
fn lans_that_do_not_preempt_keep_every_invariant() {
    every_seed_keeps_every_invariant(Kind::NotPreempting);
}

#[test]
fn lans_that_preempt_after_a_delay_keep_every_invariant() {
    every_seed_keeps_every_invariant(Kind::Delayed);
}

#[test]
fn mixed_lans_keep_every_invariant() {
    every_seed_keeps_every_invariant(Kind::Mixed);
}

#[test]
fn the_same_seed_is_the_same_run() {
    for kind in KINDS {
        for seed in 0..20 {
            let once = scenario::run(kind, seed, Mutation::None).ok();
            assert_eq!(once, scenario::run(kind, seed, Mutation::None).ok());
            assert_ne!(once, scenario::run(kind, seed + 1, Mutation::None).ok());
        }
    }
}

#[test]
fn the_bound_is_needed() {
    // Without a delay only its first half can be used up.
    for (kind, haste) in
        [(Kind::Preempting, 70), (Kind::NotPreempting, 70), (Kind::Delayed, 40), (Kind::Mixed, 50)]
    {
        let unsettled = (0..SEEDS).any(|seed| scenario::run_in_haste(kind, seed, haste).is_err());
        assert!(unsettled, "{kind:?} has always settled with {haste} % of the bound to go");
    }
}

/// The invariants that the planted bug breaks.
fn broken_by(mutation: Mutation, kind: Kind) -> Vec<Invariant> {
    let mut broken = Vec::new();
    for seed in 0..SEEDS_FOR_A_BUG {
        if let Err(violation) = scenario::run(kind, seed, mutation)
            && !broken.contains(&violation.invariant)
        {
            broken.push(violation.invariant);
        }
    }
    broken
}

#[test]
fn it_shows_when_the_tie_break_is_dropped() {
    assert!(broken_by(Mutation::TieBreakDropped, Kind::Preempting).contains(&Invariant::ExactlyOneActive));
}

#[test]
fn it_shows_when_an_active_router_does_not_give_way() {
    assert!(broken_by(Mutation::StubbornActive, Kind::Preempting).contains(&Invariant::ExactlyOneActive));
}

#[test]
fn it_shows_when_a_backup_does_not_listen() {
    assert!(broken_by(Mutation::DeafBackup, Kind::Preempting).contains(&Invariant::Quiet));
    assert!(
        broken_by(Mutation::DeafBackup, Kind::NotPreempting).contains(&Invariant::ALiveActiveIsLeftAlone)
    );
}

#[test]
fn it_shows_when_a_backup_never_takes_over() {
    assert!(broken_by(Mutation::SleepyBackup, Kind::Preempting).contains(&Invariant::ExactlyOneActive));
}

#[test]
fn it_shows_when_an_active_router_falls_silent() {
    assert!(broken_by(Mutation::MuteActive, Kind::Preempting).contains(&Invariant::ExactlyOneActive));
}

#[test]
fn it_shows_when_an_active_router_advertises_too_often() {
    assert_eq!(broken_by(Mutation::ChattyActive, Kind::Preempting), [Invariant::Quiet]);
}

#[test]
fn it_shows_when_nopreempt_is_not_heeded() {
    assert!(
        broken_by(Mutation::EagerPreemption, Kind::NotPreempting)
            .contains(&Invariant::ALiveActiveIsLeftAlone)
    );
}

#[test]
fn it_shows_when_nobody_preempts() {
    assert_eq!(broken_by(Mutation::ShyPreemption, Kind::Preempting), [Invariant::TheHighestIsActive]);
    assert_eq!(broken_by(Mutation::ShyPreemption, Kind::Delayed), [Invariant::TheHighestIsActive]);
}

#[test]
fn it_shows_when_a_discarded_advert_moves_the_timer() {
    assert_eq!(broken_by(Mutation::DiscardedCounts, Kind::Preempting), [Invariant::TheHighestIsActive]);
}

#[test]
fn it_shows_when_the_interval_is_not_learned() {
    assert!(!broken_by(Mutation::OwnInterval, Kind::Mixed).is_empty());
}
