//! A Backup that notices the end of its timer much too late: it listens once more before it takes over.

use regent_vrrp::{
    Action::{ActiveSource, SendAdvert},
    Cause, Event, Parameters, Router,
    StateName::{Active, Backup},
};

use crate::scene::{
    HIGHER, LOWER, advert, at, at_nanoseconds, backup, centiseconds, hear, list, local, transition, v2, v3,
    wire,
};

const DOWN: u64 = 3_609_375_000;

fn takes_over(router: &mut Router, now: regent_vrrp::Instant, cause: Cause) {
    let actions = list(router.handle(now, Event::Deadline));
    assert_eq!(actions.first(), Some(&SendAdvert(wire(100))), "{router:?}");
    assert_eq!(actions.get(1), Some(&transition(Backup, Active, cause)));
}

#[test]
fn up_to_an_interval_late_it_takes_over_at_once() {
    for late in [0, 1, 5_000_000, 1_000_000_000] {
        takes_over(&mut backup(v3()), at_nanoseconds(DOWN + late), Cause::DownTimer);
    }
}

#[test]
fn later_than_an_interval_it_waits_for_an_interval_and_the_skew_first() {
    let mut router = backup(v3());
    assert_eq!(list(router.handle(at_nanoseconds(DOWN + 1_000_000_001), Event::Deadline)), []);
    assert_eq!(router.state(), Backup);
    let again = DOWN + 1_000_000_001 + 1_609_375_000;
    assert_eq!(router.deadline(), Some(at_nanoseconds(again)));
    assert_eq!(list(router.handle(at_nanoseconds(again - 1), Event::Deadline)), []);
    takes_over(&mut router, at_nanoseconds(again), Cause::DownTimer);
}

#[test]
fn it_hesitates_once_however_late_it_is() {
    let mut router = backup(v3());
    assert_eq!(list(router.handle(at(60_000), Event::Deadline)), []);
    takes_over(&mut router, at(120_000), Cause::DownTimer);
}

#[test]
fn the_active_router_that_it_hears_then_is_obeyed() {
    let mut router = backup(v3());
    let _hesitates = router.handle(at(60_000), Event::Deadline);
    assert_eq!(hear(&mut router, 150, HIGHER, at(60_900)), [ActiveSource(Some(HIGHER))]);
    assert_eq!(router.deadline(), Some(at_nanoseconds(60_900_000_000 + DOWN)));
    // And the next time it may hesitate again.
    assert_eq!(list(router.handle(at(90_000), Event::Deadline)), []);
}

#[test]
fn a_resignation_that_it_hears_then_counts() {
    let mut router = backup(v3());
    let _hesitates = router.handle(at(60_000), Event::Deadline);
    let _resigned = hear(&mut router, 0, HIGHER, at(60_100));
    assert_eq!(router.deadline(), Some(at_nanoseconds(60_709_375_000)));
    takes_over(&mut router, at_nanoseconds(60_709_375_000), Cause::Resigned);
}

#[test]
fn a_lower_one_that_it_hears_then_is_discarded_as_ever() {
    let mut router = backup(v3());
    let _hesitates = router.handle(at(60_000), Event::Deadline);
    let deadline = router.deadline();
    assert_eq!(hear(&mut router, 50, LOWER, at(60_900)), []);
    assert_eq!(router.deadline(), deadline);
    let cause = Cause::LowerPriority { source: LOWER, priority: wire(50) };
    takes_over(&mut router, at_nanoseconds(61_609_375_000), cause);
}

#[test]
fn a_succession_that_was_slept_through_is_not_claimed_at_once_either() {
    let mut router = backup(v3());
    let _resigned = hear(&mut router, 0, HIGHER, at(1000));
    assert_eq!(list(router.handle(at(2700), Event::Deadline)), []);
    assert_eq!(router.deadline(), Some(at_nanoseconds(2_700_000_000 + 1_609_375_000)));
    takes_over(&mut router, at_nanoseconds(2_700_000_000 + 1_609_375_000), Cause::Resigned);
}

#[test]
fn what_is_late_is_measured_in_the_interval_of_the_active_router() {
    let mut router = backup(v3());
    let faster = regent_vrrp::Advert { interval: centiseconds(10), ..advert(150, HIGHER, at(0)) };
    let _heard = router.handle(at(0), Event::Advert(faster));
    // 300 ms and 156/256 of 100 ms, and 100 ms.
    let mut in_time = router.clone();
    takes_over(&mut in_time, at_nanoseconds(460_937_500), Cause::DownTimer);
    assert_eq!(list(router.handle(at_nanoseconds(460_937_501), Event::Deadline)), []);
    assert_eq!(router.deadline(), Some(at_nanoseconds(460_937_501 + 160_937_500)));
}

#[test]
fn version_2_hesitates_for_its_own_interval_and_its_own_skew() {
    let mut router = backup(Parameters { interval: centiseconds(500), ..v2() });
    assert_eq!(list(router.handle(at(20_610), Event::Deadline)), []);
    assert_eq!(router.deadline(), Some(at_nanoseconds(20_610_000_000 + 5_609_375_000)));
}

#[test]
fn deafness_begins_a_whole_down_interval_again() {
    let mut router = backup(v3());
    let _hesitates = router.handle(at(60_000), Event::Deadline);
    let _deaf = router.handle(at(60_500), Event::Deaf);
    assert_eq!(router.deadline(), Some(at_nanoseconds(60_500_000_000 + DOWN)));
    assert_eq!(list(router.handle(at(90_000), Event::Deadline)), []);
}

#[test]
fn a_new_priority_moves_the_hesitation_by_the_difference_of_the_skews() {
    let mut router = backup(v3());
    let _hesitates = router.handle(at(60_000), Event::Deadline);
    let _rose = router.handle(at(60_100), Event::Priority(local(200)));
    assert_eq!(router.deadline(), Some(at_nanoseconds(60_000_000_000 + 1_218_750_000)));
}
