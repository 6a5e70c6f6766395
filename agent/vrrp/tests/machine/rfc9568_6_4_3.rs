//! RFC 9568 §6.4.3: Active.

use core::time::Duration;

use regent_vrrp::{
    Action::{self, ActiveSource, CancelAnnouncements, RemoveAddresses, SendAdvert},
    Cause, Event, Parameters,
    StateName::{Active, Backup, Initialize},
};

use crate::scene::{
    BATCH, HIGHER, LOWER, OURS, active, advert, at, at_nanoseconds, centiseconds, hear, list, local, owner,
    quiet, transition, v3, wire,
};

const DOWN: u64 = 3_609_375_000;

fn yields(cause: Cause, winner: [u8; 16]) -> [Action; 5] {
    [
        SendAdvert(wire(100)),
        transition(Active, Backup, cause),
        CancelAnnouncements,
        RemoveAddresses,
        ActiveSource(Some(winner)),
    ]
}

#[test]
fn shutdown_resigns_before_the_addresses_go() {
    let mut router = active(v3());
    let actions = router.handle(at(100), Event::Shutdown);
    assert_eq!(
        list(actions),
        [
            transition(Active, Initialize, Cause::Shutdown),
            CancelAnnouncements,
            SendAdvert(wire(0)),
            RemoveAddresses,
        ]
    );
    assert_eq!(router.deadline(), None);
    assert_eq!(list(router.handle(at(60_000), Event::Deadline)), []);
}

#[test]
fn when_adver_timer_fires_it_advertises_and_the_timer_runs_again() {
    let mut router = active(quiet(v3()));
    for second in 1..=20 {
        assert_eq!(router.deadline(), Some(at(second * 1000)));
        let actions = router.handle(at(second * 1000), Event::Deadline);
        assert_eq!(list(actions), [SendAdvert(wire(100))]);
    }
}

#[test]
fn before_adver_timer_fires_nothing_is_sent() {
    let mut router = active(quiet(v3()));
    let before = router.clone();
    assert_eq!(list(router.handle(at_nanoseconds(999_999_999), Event::Deadline)), []);
    assert_eq!(router, before);
}

#[test]
fn on_priority_0_it_advertises_and_adver_timer_starts_anew() {
    let mut router = active(quiet(v3()));
    assert_eq!(hear(&mut router, 0, HIGHER, at(300)), [SendAdvert(wire(100))]);
    assert_eq!(router.deadline(), Some(at(1300)));
    assert_eq!(router.state(), Active);
}

#[test]
fn a_higher_priority_wins_whatever_its_address() {
    let mut router = active(v3());

    let actions = hear(&mut router, 101, LOWER, at(300));

    let cause = Cause::HigherPriority { source: LOWER, priority: wire(101) };
    assert_eq!(actions, yields(cause, LOWER));
    assert_eq!(router.deadline(), Some(at_nanoseconds(300_000_000 + DOWN)));
    assert_eq!(router.active(), Some((LOWER, wire(101))));
}

#[test]
fn a_loser_that_was_told_not_to_concede_goes_without_a_word() {
    for (priority, source, cause) in [
        (101, LOWER, Cause::HigherPriority { source: LOWER, priority: wire(101) }),
        (100, HIGHER, Cause::HigherAddress { source: HIGHER }),
    ] {
        let mut router = active(Parameters { concedes: false, ..v3() });
        assert_eq!(hear(&mut router, priority, source, at(300)), yields(cause, source)[1..]);
        assert_eq!(router.deadline(), Some(at_nanoseconds(300_000_000 + DOWN)));
    }
}

#[test]
fn the_loser_learns_the_interval_of_the_winner() {
    let mut router = active(v3());
    let mut faster = advert(150, HIGHER, at(300));
    faster.interval = centiseconds(20);

    let _lost = router.handle(at(300), Event::Advert(faster));

    assert_eq!(router.active_interval(), centiseconds(20));
    // 600 ms and 156/256 of 200 ms.
    assert_eq!(router.deadline(), Some(at_nanoseconds(300_000_000 + 721_875_000)));
}

#[test]
fn among_equal_priorities_the_higher_address_wins() {
    let mut router = active(v3());
    let actions = hear(&mut router, 100, HIGHER, at(300));
    assert_eq!(actions, yields(Cause::HigherAddress { source: HIGHER }, HIGHER));
    assert_eq!(router.deadline(), Some(at_nanoseconds(300_000_000 + DOWN)));
}

#[test]
fn among_equal_priorities_the_lower_address_loses() {
    let mut router = active(quiet(v3()));
    assert_eq!(hear(&mut router, 100, LOWER, at(1300)), [SendAdvert(wire(100)), BATCH]);
    assert_eq!(router.state(), Active);
}

#[test]
fn addresses_are_compared_unsigned_and_in_network_order() {
    let ipv4 = crate::scene::ipv4;
    for (ours, theirs, yields) in [
        (ipv4([10, 0, 0, 2]), ipv4([200, 0, 0, 1]), true),
        (ipv4([127, 255, 255, 255]), ipv4([128, 0, 0, 0]), true),
        (ipv4([10, 0, 1, 0]), ipv4([10, 0, 0, 255]), false),
        (ipv4([1, 0, 0, 0]), ipv4([0, 255, 255, 255]), false),
        ([0xfe; 16], [0xff; 16], true),
    ] {
        let mut router = active(Parameters { source: ours, ..v3() });
        let _heard = hear(&mut router, 100, theirs, at(300));
        assert_eq!(router.state() == Backup, yields, "{ours:?} against {theirs:?}");
    }
}

#[test]
fn two_owners_are_decided_by_address_too() {
    let mut router = active(owner());
    let _heard = hear(&mut router, 255, LOWER, at(300));
    assert_eq!(router.state(), Active);
    let _heard = hear(&mut router, 255, HIGHER, at(400));
    assert_eq!(router.state(), Backup);
}

#[test]
fn a_losing_advert_is_answered_at_once_and_adver_timer_runs_on() {
    let mut router = active(quiet(v3()));

    let actions = hear(&mut router, 99, HIGHER, at(1300));

    assert_eq!(actions, [SendAdvert(wire(100)), BATCH]);
    assert_eq!(router.state(), Active);
    assert_eq!(router.active(), Some((OURS, wire(100))));
    // It was due at 1 s already: the answer is in addition.
    assert_eq!(router.deadline(), Some(at(1000)));
}

#[test]
fn an_active_router_that_was_told_not_to_assert_announces_only() {
    let mut router = active(Parameters { asserts: false, ..quiet(v3()) });
    assert_eq!(hear(&mut router, 99, HIGHER, at(1300)), [BATCH]);
    assert_eq!(hear(&mut router, 99, HIGHER, at(1301)), []);
    assert_eq!(router.state(), Active);
    assert_eq!(list(router.handle(at(1302), Event::Deadline)), [SendAdvert(wire(100))]);
}

#[test]
fn a_resignation_is_answered_also_by_one_that_was_told_not_to_assert() {
    let mut router = active(Parameters { asserts: false, ..quiet(v3()) });
    assert_eq!(hear(&mut router, 0, HIGHER, at(300)), [SendAdvert(wire(100))]);
    assert_eq!(router.deadline(), Some(at(1300)));
}

#[test]
fn preempt_mode_is_not_looked_at_in_active() {
    let mut router = active(quiet(crate::scene::nopreempt()));
    let _heard = hear(&mut router, 99, HIGHER, at(1300));
    assert_eq!(router.state(), Active);
    let _heard = hear(&mut router, 101, HIGHER, at(1400));
    assert_eq!(router.state(), Backup);
}

#[test]
fn the_effective_priority_is_compared_and_sent() {
    let mut router = active(quiet(v3()));
    let tracked = router.handle(at(100), Event::Priority(local(90)));
    assert_eq!(list(tracked), []);
    assert_eq!(list(router.handle(at(1000), Event::Deadline)), [SendAdvert(wire(90))]);
    assert_eq!(hear(&mut router, 89, HIGHER, at(1500)), [SendAdvert(wire(90)), BATCH]);

    let actions = hear(&mut router, 95, HIGHER, at(1800));

    let cause = Cause::HigherPriority { source: HIGHER, priority: wire(95) };
    assert_eq!(actions.first(), Some(&SendAdvert(wire(90))));
    assert_eq!(actions.get(1), Some(&transition(Active, Backup, cause)));
}

#[test]
fn answers_are_half_an_interval_apart() {
    let mut router = active(quiet(v3()));
    assert_eq!(hear(&mut router, 99, HIGHER, at(1300)), [SendAdvert(wire(100)), BATCH]);
    assert_eq!(hear(&mut router, 98, LOWER, at(1301)), []);
    assert_eq!(hear(&mut router, 0, LOWER, at(1302)), []);
    assert_eq!(hear(&mut router, 99, HIGHER, at(1799)), []);
    assert_eq!(hear(&mut router, 99, HIGHER, at(1800)), [SendAdvert(wire(100))]);
    assert_eq!(hear(&mut router, 99, HIGHER, at(2300)), [SendAdvert(wire(100)), BATCH]);
}

#[test]
fn the_second_copy_of_a_resignation_is_not_answered_again() {
    let mut router = active(quiet(v3()));
    assert_eq!(hear(&mut router, 0, HIGHER, at(300)), [SendAdvert(wire(100))]);
    assert_eq!(hear(&mut router, 0, HIGHER, at_nanoseconds(300_044_000)), []);
    assert_eq!(router.deadline(), Some(at(1300)));
}

#[test]
fn our_own_advert_come_back_is_not_answered() {
    let mut router = active(quiet(v3()));
    let before = router.clone();
    assert_eq!(hear(&mut router, 100, OURS, at(300)), []);
    assert_eq!(router, before);
}

#[test]
fn startup_cleared_faults_and_deafness_mean_nothing_in_active() {
    let mut router = active(v3());
    let before = router.clone();
    for event in [Event::Startup, Event::FaultCleared, Event::Deaf] {
        assert_eq!(list(router.handle(at(5), event)), []);
        assert_eq!(router, before);
    }
}

#[test]
fn a_loser_takes_over_again_when_the_winner_falls_silent() {
    let mut router = active(v3());
    let _lost = hear(&mut router, 150, HIGHER, at(300));
    let fires = at(300) + Duration::from_nanos(DOWN);
    assert_eq!(router.deadline(), Some(fires));
    let actions = router.handle(fires, Event::Deadline);
    assert_eq!(actions.get(1), Some(&transition(Backup, Active, Cause::DownTimer)));
}
