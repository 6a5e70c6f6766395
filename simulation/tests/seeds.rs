//! LANs made up from seeds: two to five routers, and a wire that loses, delays, duplicates, reorders, spoils, splits and
//! heals, in one direction or both, while processes crash, start, stop and are reloaded, hosts stand still, and clocks
//! drift. However bad it was: once it is over, each partition has exactly one Active Router within a bounded time
//! ([`regent_simulation::invariant::bound`]).
//!
//! `REGENT_SIMULATION_SEED=N` runs one seed and prints what happens in it; `REGENT_SIMULATION_SEEDS=N` runs that many.

use regent_simulation::{
    mutation::Mutation,
    population::Kind,
    scenario::{self, Sights},
};

/// Per kind of LAN.
const SEEDS: u64 = 5000;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().and_then(|text| text.parse().ok())
}

const fn test_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Preempting => "lans_that_preempt_keep_every_invariant",
        Kind::NotPreempting => "lans_that_do_not_preempt_keep_every_invariant",
        Kind::Delayed => "lans_that_preempt_after_a_delay_keep_every_invariant",
        Kind::Mixed => "mixed_lans_keep_every_invariant",
    }
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
             REGENT_SIMULATION_SEED={seed} cargo test -p regent-simulation --test seeds {} -- --nocapture",
            test_of(kind)
        );
        sum.add(&run.unwrap_or_default());
    }
    if !told {
        // There was something to see in them.
        let count = seeds.end;
        let enough = sum.takeovers > count * 3
            && sum.defeats > count
            && sum.overslept > count / 8
            && sum.faults > count / 8
            && sum.rejections > count * 10;
        println!("{kind:?}: {count} seeds, {sum:?}");
        assert!(enough, "{sum:?}");
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
    for kind in Kind::ALL {
        for seed in 0..20 {
            let once = scenario::run(kind, seed, Mutation::None).ok();
            assert_eq!(once, scenario::run(kind, seed, Mutation::None).ok());
            assert_ne!(once, scenario::run(kind, seed + 1, Mutation::None).ok());
            assert_eq!(
                scenario::trace(kind, seed, Mutation::None),
                scenario::trace(kind, seed, Mutation::None)
            );
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
