//! Scripted faults: what each does to two routers, and what made-up scripts come to.

use std::time::Duration;

use regent_common::{AdvertInterval, LocalPriority};
use regent_simulation::script::{Fault, Script, Step, settles_within};
use regent_vrrp::{
    Preemption,
    StateName::{self, Active, Backup, Fault as InFault, Initialize},
};

fn interval() -> AdvertInterval {
    AdvertInterval::from_centiseconds(10).unwrap_or(AdvertInterval::DEFAULT)
}

/// Two routers, the first one Active, and then these faults, each after a rest.
fn after(faults: &[Fault], preemption: Preemption) -> Vec<Vec<StateName>> {
    let mut script = Script::seeded(0, interval(), 0);
    script.routers.truncate(2);
    script.routers.iter_mut().for_each(|router| router.preemption = preemption);
    script.steps = vec![
        Step { at: Duration::ZERO, fault: Fault::Start(0) },
        Step { at: Duration::ZERO, fault: Fault::Start(1) },
    ];
    let rest = settles_within(interval());
    for (number, fault) in (1..).zip(faults) {
        script.steps.push(Step { at: rest * number, fault: *fault });
    }
    script.length = rest * 20;
    script.by_router(&script.play())
}

fn preempting(faults: &[Fault]) -> [Vec<StateName>; 2] {
    after(faults, Preemption::After(Duration::ZERO)).try_into().unwrap_or_default()
}

fn leaving_alone(faults: &[Fault]) -> [Vec<StateName>; 2] {
    after(faults, Preemption::Never).try_into().unwrap_or_default()
}

#[test]
fn the_higher_of_two_becomes_active() {
    assert_eq!(preempting(&[]), [vec![Backup, Active], vec![Backup]]);
}

#[test]
fn a_killed_router_is_replaced_and_comes_back() {
    let faults = [Fault::Kill(0), Fault::Start(0)];
    assert_eq!(preempting(&faults), [vec![Backup, Active, Backup, Active], vec![Backup, Active, Backup]]);
    assert_eq!(leaving_alone(&faults), [vec![Backup, Active, Backup], vec![Backup, Active]]);
}

#[test]
fn a_stopped_router_says_so() {
    let [first, second] = preempting(&[Fault::Stop(0)]);
    assert_eq!((first, second), (vec![Backup, Active, Initialize], vec![Backup, Active]));
}

#[test]
fn a_frozen_router_finds_its_successor_and_obeys() {
    let frozen = [Fault::Freeze(0, interval().duration() * 6)];
    assert_eq!(preempting(&frozen), [vec![Backup, Active, Backup, Active], vec![Backup, Active, Backup]]);
    assert_eq!(leaving_alone(&frozen), [vec![Backup, Active, Backup], vec![Backup, Active]]);
}

#[test]
fn a_router_frozen_for_a_moment_stays_active() {
    let frozen = [Fault::Freeze(0, interval().duration() * 2)];
    assert_eq!(preempting(&frozen), [vec![Backup, Active], vec![Backup]]);
}

#[test]
fn of_two_halves_each_has_an_active_router_and_the_higher_one_stays() {
    let faults = [Fault::Isolate(0), Fault::Restore(0)];
    assert_eq!(preempting(&faults), [vec![Backup, Active], vec![Backup, Active, Backup]]);
    assert_eq!(leaving_alone(&faults), [vec![Backup, Active], vec![Backup, Active, Backup]]);
}

#[test]
fn one_way_loss_makes_a_second_active_router_for_as_long_as_it_lasts() {
    for faults in [[Fault::Mute(0), Fault::Restore(0)], [Fault::Deafen(1), Fault::Restore(1)]] {
        assert_eq!(preempting(&faults), [vec![Backup, Active], vec![Backup, Active, Backup]]);
    }
}

#[test]
fn a_link_that_goes_down_is_a_fault_on_its_end_and_silence_on_the_other() {
    let faults = [Fault::LinkDown(0), Fault::LinkUp(0)];
    let first = vec![Backup, Active, InFault, Backup, Active];
    assert_eq!(preempting(&faults), [first, vec![Backup, Active, Backup]]);
}

#[test]
fn a_priority_below_the_other_hands_over() {
    let lowered = LocalPriority::new(10).map(|priority| Fault::Priority(0, priority));
    let [first, second] = preempting(&[lowered.unwrap_or(Fault::Kill(0))]);
    assert_eq!((first, second), (vec![Backup, Active, Backup], vec![Backup, Active]));
}

#[test]
fn a_made_up_script_ends_with_one_active_router_and_is_the_same_each_time() {
    let mut different = Vec::new();
    for seed in 0..200 {
        let script = Script::seeded(seed, interval(), 6);
        assert_eq!(script, Script::seeded(seed, interval(), 6));
        let entered = script.play();
        assert_eq!(entered, script.play());
        let states = script.by_router(&entered);
        let active = states.iter().filter(|states| states.last() == Some(&Active)).count();
        assert_eq!(active, 1, "seed {seed}: {states:?}");
        // Nobody enters anything within the last interval of a rest: what a step does is over before the next.
        for step in &script.steps[script.routers.len()..] {
            let late = entered
                .iter()
                .find(|entered| entered.at < step.at && entered.at + interval().duration() > step.at);
            assert_eq!(late, None, "seed {seed}, before {step}");
        }
        if !different.contains(&states) {
            different.push(states);
        }
    }
    assert!(different.len() > 50, "only {} different runs", different.len());
}
