//! Planted bugs: each is found by the seeds, and each invariant is broken by one of them. An invariant that nothing can
//! break proves nothing.

use regent_simulation::{
    invariant::Invariant::{
        self, ALiveActiveIsLeftAlone, ExactlyOneActive, NothingGrows, Quiet, RejectionsTouchNothing,
        TheHighestIsActive, TheOversleptAsk,
    },
    mutation::Mutation,
    population::Kind,
    scenario,
};

/// A planted bug must be found in as many, or else the seeds prove little.
const SEEDS: u64 = 200;

/// The invariants that the planted bug breaks.
fn broken_by(mutation: Mutation, kind: Kind) -> Vec<Invariant> {
    let mut broken = Vec::new();
    for seed in 0..SEEDS {
        if let Err(violation) = scenario::run(kind, seed, mutation)
            && !broken.contains(&violation.invariant)
        {
            broken.push(violation.invariant);
        }
    }
    broken
}

fn breaks(mutation: Mutation, kind: Kind, expected: Invariant) {
    let broken = broken_by(mutation, kind);
    assert!(broken.contains(&expected), "{mutation:?} broke only {broken:?}");
}

#[test]
fn a_seed_that_fails_fails_again_in_the_same_way() {
    let told = |seed| {
        scenario::run(Kind::Mixed, seed, Mutation::StubbornActive)
            .err()
            .map(|violation| violation.to_string())
    };
    let failing: Vec<(u64, String)> = (0..50).filter_map(|seed| Some((seed, told(seed)?))).collect();
    assert!(failing.len() > 10, "{failing:?}");
    for (seed, text) in failing {
        assert_eq!(told(seed), Some(text.clone()));
        // What a replay prints ends with it.
        assert_eq!(scenario::trace(Kind::Mixed, seed, Mutation::StubbornActive).last(), Some(&text));
    }
}

#[test]
fn it_shows_when_the_tie_break_is_dropped() {
    breaks(Mutation::TieBreakDropped, Kind::Preempting, ExactlyOneActive);
}

#[test]
fn it_shows_when_an_active_router_does_not_give_way() {
    breaks(Mutation::StubbornActive, Kind::Preempting, ExactlyOneActive);
}

#[test]
fn it_shows_when_a_backup_does_not_listen() {
    breaks(Mutation::DeafBackup, Kind::Preempting, Quiet);
    breaks(Mutation::DeafBackup, Kind::NotPreempting, ALiveActiveIsLeftAlone);
}

#[test]
fn it_shows_when_a_backup_never_takes_over() {
    breaks(Mutation::SleepyBackup, Kind::Preempting, ExactlyOneActive);
}

#[test]
fn it_shows_when_an_active_router_falls_silent() {
    breaks(Mutation::MuteActive, Kind::Preempting, ExactlyOneActive);
}

#[test]
fn it_shows_when_an_active_router_advertises_too_often() {
    breaks(Mutation::ChattyActive, Kind::Preempting, Quiet);
}

#[test]
fn it_shows_when_nopreempt_is_not_heeded() {
    breaks(Mutation::EagerPreemption, Kind::NotPreempting, ALiveActiveIsLeftAlone);
}

#[test]
fn it_shows_when_nobody_preempts() {
    assert_eq!(broken_by(Mutation::ShyPreemption, Kind::Preempting), [TheHighestIsActive]);
    assert_eq!(broken_by(Mutation::ShyPreemption, Kind::Delayed), [TheHighestIsActive]);
}

#[test]
fn it_shows_when_a_discarded_advert_moves_the_timer() {
    assert_eq!(broken_by(Mutation::DiscardedCounts, Kind::Preempting), [TheHighestIsActive]);
}

#[test]
fn it_shows_when_the_interval_is_not_learned() {
    breaks(Mutation::OwnInterval, Kind::Mixed, Quiet);
}

#[test]
fn it_shows_when_a_rejected_packet_moves_the_timer() {
    assert_eq!(broken_by(Mutation::RejectedCounts, Kind::Preempting), [RejectionsTouchNothing]);
}

#[test]
fn it_shows_when_two_active_routers_answer_each_other_without_end() {
    breaks(Mutation::Quarrel, Kind::Preempting, NothingGrows);
}

#[test]
fn it_shows_when_each_contending_advert_is_announced() {
    assert_eq!(broken_by(Mutation::Panic, Kind::Preempting), [NothingGrows]);
}

#[test]
fn it_shows_when_an_active_router_that_stood_still_goes_on_as_before() {
    assert_eq!(broken_by(Mutation::Sleepwalker, Kind::Preempting), [TheOversleptAsk]);
}

#[test]
fn it_shows_when_a_backup_that_stood_still_takes_over_at_once() {
    breaks(Mutation::HastyBackup, Kind::Preempting, TheOversleptAsk);
}

#[test]
fn it_shows_when_a_reload_is_not_heeded() {
    breaks(Mutation::ForgetfulReload, Kind::Preempting, ExactlyOneActive);
}
