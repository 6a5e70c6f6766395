//! Every order of everything that can happen on a small LAN, instead of many made-up ones on larger LANs: model checking.
//!
//! Two and three routers, the real machine in each, time in ticks of a quarter of an interval; adverts arrive at once or
//! a tick later, in any order; and at any moment, as often as is said, something breaks: an advert is lost, a process
//! crashes or ends, a process or a machine stands still. `REGENT_MODEL_FAULTS=N` lets it break more often than a test
//! command has time for: one more is about thirty times as many states.

mod lan;
mod model;

use model::{ACTIVE_ASKS, EXACTLY_ONE, HIGHEST, LEFT_ALONE, REJECTED, Small, WIRE_BOUNDED};
use regent_simulation::mutation::Mutation;
use stateright::{Checker, HasDiscoveries, Model};

const WORKERS: usize = 2;

fn holds(priorities: &[i32], preempts: bool, faults: u8) {
    let asked_for = std::env::var("REGENT_MODEL_FAULTS").ok().and_then(|text| text.parse().ok());
    let faults = asked_for.unwrap_or(faults);
    let model = Small { priorities: priorities.to_vec(), preempts, faults, mutation: Mutation::None };
    let checker = model.checker().threads(WORKERS).spawn_bfs().join();
    let (states, depth) = (checker.unique_state_count(), checker.max_depth());
    println!("{priorities:?}, preempting: {preempts}, {faults} faults: {states} states, {depth} steps deep");
    checker.assert_properties();
    // There was something to see.
    assert!(states > 500, "only {states} states");
}

fn is_broken_by(mutation: Mutation, priorities: &[i32], preempts: bool, expected: &'static str) {
    let model = Small { priorities: priorities.to_vec(), preempts, faults: 1, mutation };
    let broken = HasDiscoveries::AnyOf([expected].into());
    let checker = model.checker().finish_when(broken).spawn_bfs().join();
    checker.assert_any_discovery(expected);
}

#[test]
fn two_that_preempt() {
    holds(&[192, 128], true, 2);
}

#[test]
fn two_that_do_not_preempt() {
    holds(&[192, 128], false, 2);
}

#[test]
fn two_of_one_priority() {
    holds(&[128, 128], true, 1);
}

#[test]
fn three_that_preempt() {
    holds(&[192, 128, 64], true, 1);
}

#[test]
fn three_that_do_not_preempt() {
    holds(&[192, 128, 64], false, 1);
}

#[test]
fn three_of_which_two_have_one_priority() {
    holds(&[192, 192, 128], true, 0);
}

#[test]
fn the_model_shows_when_the_tie_break_is_dropped() {
    is_broken_by(Mutation::TieBreakDropped, &[128, 128], true, EXACTLY_ONE);
}

#[test]
fn the_model_shows_when_an_active_router_does_not_give_way() {
    is_broken_by(Mutation::StubbornActive, &[192, 128], true, EXACTLY_ONE);
}

#[test]
fn the_model_shows_when_nobody_preempts() {
    is_broken_by(Mutation::ShyPreemption, &[192, 128], true, HIGHEST);
}

#[test]
fn the_model_shows_when_nopreempt_is_not_heeded() {
    is_broken_by(Mutation::EagerPreemption, &[192, 128], false, LEFT_ALONE);
}

#[test]
fn the_model_shows_when_a_rejected_packet_moves_the_timer() {
    is_broken_by(Mutation::RejectedCounts, &[192, 128], true, REJECTED);
}

#[test]
fn the_model_shows_when_two_active_routers_answer_each_other_without_end() {
    is_broken_by(Mutation::Quarrel, &[128, 128], true, WIRE_BOUNDED);
}

#[test]
fn the_model_shows_when_an_active_router_that_stood_still_goes_on_as_before() {
    is_broken_by(Mutation::Sleepwalker, &[192, 128], true, ACTIVE_ASKS);
}
