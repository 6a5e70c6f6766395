//! A router that another process goes on with: handed over with all that it remembers, or dead without a word.

use core::time::Duration;

use regent_vrrp::{Action, Cause, Event, Memory, Parameters, Router, Snapshot, StateName};

use crate::scene::{BATCH, BEGINNING, LOWER, OURS, active, advert, at, backup, local, owner, v3, wire};

fn resumed(router: &Router) -> Router {
    Router::resume(*router.parameters(), &router.snapshot().expect("a state with a memory"))
}

#[test]
fn an_active_that_is_resumed_speaks_when_it_would_have_spoken() {
    let mut router = resumed(&active(v3()));

    assert_eq!(router.deadline(), Some(at(1_000)));
    assert_eq!(router.handle(at(999), Event::Deadline).len(), 0);
    assert_eq!(router.handle(at(1_000), Event::Deadline)[..], [Action::SendAdvert(wire(100))]);
    assert_eq!(router.deadline(), Some(at(2_000)));
}

#[test]
fn a_backup_that_is_resumed_waits_no_longer_for_its_active_and_no_less() {
    let mut original = backup(v3());
    let _followed = original.handle(at(500), Event::Advert(advert(200, LOWER, at(500))));
    let mut router = resumed(&original);

    assert_eq!(router.active(), Some((LOWER, wire(200))));
    // 500 ms + 3 s + 156 / 256 s.
    assert_eq!(router.deadline(), Some(at(500) + Duration::from_micros(3_609_375)));
    let actions = router.handle(at(4_200), Event::Deadline);
    assert_eq!(router.state(), StateName::Active);
    assert_eq!(actions.first(), Some(&Action::SendAdvert(wire(100))));
}

#[test]
fn a_router_that_has_not_begun_has_nothing_to_hand_over() {
    assert_eq!(Router::new(v3()).snapshot(), None);
}

#[test]
fn nobody_becomes_the_owner_by_a_snapshot_and_no_owner_ceases_to_be_one() {
    let mut snapshot = active(v3()).snapshot().expect("it is Active");
    snapshot.effective = local(255);
    assert_eq!(Router::resume(v3(), &snapshot).effective_priority(), local(254));
    snapshot.effective = local(1);
    assert_eq!(Router::resume(owner(), &snapshot).effective_priority(), local(255));
}

#[test]
fn an_active_that_died_a_moment_ago_speaks_at_once_and_nothing_else_happens() {
    let mut router = Router::resume(v3(), &Snapshot::of_active(&v3(), at(0), at(1_500)));

    assert_eq!(router.state(), StateName::Active);
    assert_eq!(router.deadline(), Some(at(1_500)));
    assert_eq!(router.handle(at(1_500), Event::Deadline)[..], [Action::SendAdvert(wire(100))]);
    assert_eq!(router.deadline(), Some(at(2_500)));
    // Caches are told again, as after becoming Active.
    for second in 1..5 {
        let _spoke = router.handle(at(1_500 + second * 1_000), Event::Deadline);
    }
    let told = router.handle(at(6_500), Event::Deadline);
    assert_eq!(told[..], [Action::SendAdvert(wire(100)), BATCH]);
}

#[test]
fn an_active_that_died_so_long_ago_that_others_may_have_taken_over_listens_first() {
    let mut router = Router::resume(v3(), &Snapshot::of_active(&v3(), at(0), at(3_001)));

    assert_eq!(router.handle(at(3_001), Event::Deadline).len(), 0);
    let heard = advert(90, LOWER, at(3_500));
    let actions = router.handle(at(3_500), Event::Advert(heard));
    assert_eq!(router.state(), StateName::Backup);
    let overslept = |action: &Action| matches!(action, Action::Transition(transition) if matches!(transition.cause, Cause::Overslept { .. }));
    assert!(actions.iter().any(overslept), "{actions:?}");
}

#[test]
fn other_parameters_are_told_to_a_router_that_was_resumed_as_to_any_other() {
    let before = Parameters { source: OURS, ..v3() };
    let snapshot = active(before).snapshot().expect("it is Active");
    assert!(matches!(snapshot.memory, Memory::Active(_)));
    let mut router = Router::resume(before, &snapshot);

    let after = Parameters { priority: local(120), ..before };
    let actions = router.handle(BEGINNING + Duration::from_millis(10), Event::Reload(after));

    assert_eq!(actions[..], [Action::SendAdvert(wire(120))]);
}
