//! keepalived's `preempt_delay`: the RFCs know preemption only at once or never.

use core::time::Duration;

use regent_vrrp::{
    Action::{ActiveSource, SendAdvert},
    Cause, Event, Parameters, Preemption, Router,
    StateName::{Active, Backup},
};

use crate::scene::{HIGHER, LOWER, active, at, at_nanoseconds, backup, hear, owner, transition, v3, wire};

const DOWN: u64 = 3_609_375_000;

fn delayed(seconds: u64) -> Parameters {
    Parameters { preemption: Preemption::After(Duration::from_secs(seconds)), ..v3() }
}

/// Adverts of priority 50 at 0.5 s, 1.5 s and so on, up to and with `last` seconds and a half.
fn lower_adverts(router: &mut Router, first: u64, last: u64) {
    for second in first..=last {
        let _heard = hear(router, 50, LOWER, at(second * 1000 + 500));
    }
}

#[test]
fn while_the_delay_runs_lower_adverts_are_obeyed() {
    let mut router = backup(delayed(10));
    assert_eq!(hear(&mut router, 50, LOWER, at(500)), [ActiveSource(Some(LOWER))]);
    assert_eq!(router.deadline(), Some(at_nanoseconds(500_000_000 + DOWN)));
    lower_adverts(&mut router, 1, 9);
    assert_eq!(router.deadline(), Some(at_nanoseconds(9_500_000_000 + DOWN)));
    assert_eq!(router.active(), Some((LOWER, wire(50))));
}

#[test]
fn it_starts_at_the_first_lower_advert_and_not_with_the_state() {
    let mut router = backup(delayed(10));
    // Followed a higher one for long.
    for second in 0..60 {
        let _heard = hear(&mut router, 150, HIGHER, at(second * 1000));
    }
    lower_adverts(&mut router, 60, 69);
    assert_eq!(router.deadline(), Some(at_nanoseconds(69_500_000_000 + DOWN)));
    lower_adverts(&mut router, 70, 70);
    assert_eq!(router.deadline(), Some(at_nanoseconds(69_500_000_000 + DOWN)));
}

#[test]
fn after_it_lower_adverts_are_discarded_for_another_whole_down_interval() {
    let mut router = backup(delayed(10));
    lower_adverts(&mut router, 0, 9);
    let deadline = at_nanoseconds(9_500_000_000 + DOWN);

    lower_adverts(&mut router, 10, 12);

    assert_eq!(router.deadline(), Some(deadline));
    let actions = router.handle(deadline, Event::Deadline);
    let cause = Cause::LowerPriority { source: LOWER, priority: wire(50) };
    assert_eq!(actions.first(), Some(&SendAdvert(wire(100))));
    assert_eq!(actions.get(1), Some(&transition(Backup, Active, cause)));
}

#[test]
fn an_advert_at_its_very_end_is_discarded_and_one_nanosecond_earlier_obeyed() {
    let mut router = backup(delayed(2));
    let _first = hear(&mut router, 50, LOWER, at(500));
    let _obeyed = hear(&mut router, 50, LOWER, at_nanoseconds(2_499_999_999));
    assert_eq!(router.deadline(), Some(at_nanoseconds(2_499_999_999 + DOWN)));
    let _discarded = hear(&mut router, 50, LOWER, at(2500));
    assert_eq!(router.deadline(), Some(at_nanoseconds(2_499_999_999 + DOWN)));
}

#[test]
fn a_higher_or_equal_advert_stops_it_and_the_next_lower_one_starts_it_anew() {
    for priority in [100, 150] {
        let mut router = backup(delayed(10));
        lower_adverts(&mut router, 0, 8);
        let _higher = hear(&mut router, priority, HIGHER, at(9000));

        lower_adverts(&mut router, 9, 18);
        assert_eq!(router.deadline(), Some(at_nanoseconds(18_500_000_000 + DOWN)));
        lower_adverts(&mut router, 19, 21);
        assert_eq!(router.deadline(), Some(at_nanoseconds(18_500_000_000 + DOWN)));
    }
}

#[test]
fn silence_and_resignation_end_it_like_any_backup() {
    let mut silent = backup(delayed(300));
    lower_adverts(&mut silent, 0, 1);
    let actions = silent.handle(at_nanoseconds(1_500_000_000 + DOWN), Event::Deadline);
    assert_eq!(actions.get(1), Some(&transition(Backup, Active, Cause::DownTimer)));

    let mut resigned = backup(delayed(300));
    lower_adverts(&mut resigned, 0, 1);
    let _resignation = hear(&mut resigned, 0, LOWER, at(2000));
    assert_eq!(resigned.deadline(), Some(at_nanoseconds(2_609_375_000)));
}

#[test]
fn the_owner_does_not_wait() {
    let parameters = Parameters { preemption: Preemption::After(Duration::from_secs(300)), ..owner() };
    let mut router = active(parameters);
    let _lost = hear(&mut router, 255, HIGHER, at(0));
    let deadline = router.deadline();
    assert_eq!(hear(&mut router, 254, HIGHER, at(1000)), []);
    assert_eq!(router.deadline(), deadline);
}

#[test]
fn a_delay_of_nothing_is_the_rfc() {
    let mut router = backup(delayed(0));
    assert_eq!(hear(&mut router, 50, LOWER, at(500)), []);
    assert_eq!(router.deadline(), Some(at_nanoseconds(DOWN)));
}

#[test]
fn a_priority_that_falls_to_the_active_ones_stops_it() {
    let mut router = backup(delayed(10));
    lower_adverts(&mut router, 0, 5);
    let _fell = router.handle(at(6000), Event::Priority(crate::scene::local(50)));
    lower_adverts(&mut router, 6, 6);
    let _rose = router.handle(at(7000), Event::Priority(crate::scene::local(100)));
    lower_adverts(&mut router, 7, 16);
    assert_eq!(router.deadline(), Some(at_nanoseconds(16_500_000_000 + DOWN)));
    lower_adverts(&mut router, 17, 17);
    assert_eq!(router.deadline(), Some(at_nanoseconds(16_500_000_000 + DOWN)));
}
