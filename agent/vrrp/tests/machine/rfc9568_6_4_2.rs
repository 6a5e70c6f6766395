//! RFC 9568 §6.4.2: Backup.

use regent_vrrp::{
    Action::{ActiveSource, AddAddresses, SendAdvert},
    Cause, Event, Parameters, Preemption,
    StateName::{Active, Backup, Initialize},
};

use crate::scene::{
    BATCH, HIGHER, LOWER, OURS, advert, at, at_nanoseconds, backup, centiseconds, hear, list, local,
    nopreempt, owner, transition, v3, wire,
};

const DOWN: u64 = 3_609_375_000;
const SKEW: u64 = 609_375_000;

#[test]
fn shutdown_cancels_the_down_timer_and_says_nothing() {
    let mut router = backup(v3());
    let actions = router.handle(at(10), Event::Shutdown);
    assert_eq!(list(actions), [transition(Backup, Initialize, Cause::Shutdown)]);
    assert_eq!(router.deadline(), None);

    let late = router.handle(at(60_000), Event::Deadline);
    assert_eq!(list(late), []);
}

#[test]
fn shutdown_lets_go_of_the_source_that_was_followed() {
    let mut router = backup(v3());
    assert_eq!(hear(&mut router, 150, HIGHER, at(10)), [ActiveSource(Some(HIGHER))]);
    let actions = router.handle(at(20), Event::Shutdown);
    assert_eq!(list(actions), [transition(Backup, Initialize, Cause::Shutdown), ActiveSource(None)]);
}

#[test]
fn when_the_down_timer_fires_it_advertises_then_takes_the_addresses_then_announces() {
    let mut router = backup(v3());

    let actions = router.handle(at_nanoseconds(DOWN), Event::Deadline);

    assert_eq!(
        list(actions),
        [
            SendAdvert(wire(100)),
            transition(Backup, Active, Cause::DownTimer),
            AddAddresses,
            ActiveSource(None),
            BATCH,
        ]
    );
    assert_eq!(router.deadline(), Some(at_nanoseconds(DOWN + 1_000_000_000)));
    assert_eq!(router.active(), Some((OURS, wire(100))));
}

#[test]
fn one_nanosecond_before_the_down_timer_nothing_happens() {
    let mut router = backup(v3());
    let before = router.clone();
    let actions = router.handle(at_nanoseconds(DOWN - 1), Event::Deadline);
    assert_eq!(list(actions), []);
    assert_eq!(router, before);
}

#[test]
fn on_priority_0_the_down_timer_is_skew_time() {
    let mut router = backup(v3());
    let _followed = hear(&mut router, 150, HIGHER, at(100));

    assert_eq!(hear(&mut router, 0, HIGHER, at(1000)), [ActiveSource(None)]);

    assert_eq!(router.deadline(), Some(at_nanoseconds(1_000_000_000 + SKEW)));
    assert_eq!(router.active(), None);
    let actions = router.handle(at_nanoseconds(1_000_000_000 + SKEW), Event::Deadline);
    assert_eq!(
        list(actions),
        [
            SendAdvert(wire(100)),
            transition(Backup, Active, Cause::Resigned),
            AddAddresses,
            ActiveSource(None),
            BATCH,
        ]
    );
}

#[test]
fn the_skew_after_a_resignation_is_that_of_the_learned_interval() {
    let mut router = backup(v3());
    let mut slower = advert(150, HIGHER, at(0));
    slower.interval = centiseconds(400);
    let _followed = router.handle(at(0), Event::Advert(slower));

    let _resigned = hear(&mut router, 0, HIGHER, at(1000));

    // 156/256 of 4 s.
    assert_eq!(router.deadline(), Some(at_nanoseconds(1_000_000_000 + 2_437_500_000)));
}

#[test]
fn a_resignation_counts_in_nopreempt_too_and_whoever_sent_it() {
    let mut router = backup(nopreempt());
    let _followed = hear(&mut router, 150, HIGHER, at(100));

    assert_eq!(hear(&mut router, 0, LOWER, at(1000)), []);

    assert_eq!(router.deadline(), Some(at_nanoseconds(1_000_000_000 + SKEW)));
    assert_eq!(router.active(), Some((HIGHER, wire(150))));
}

#[test]
fn an_advert_after_a_resignation_is_obeyed_again() {
    let mut router = backup(v3());
    let _resigned = hear(&mut router, 0, HIGHER, at(1000));

    assert_eq!(hear(&mut router, 150, LOWER, at(1200)), [ActiveSource(Some(LOWER))]);

    assert_eq!(router.deadline(), Some(at_nanoseconds(1_200_000_000 + DOWN)));
    let _fired = router.handle(at_nanoseconds(1_200_000_000 + DOWN), Event::Deadline);
    assert_eq!(router.state(), Active);
}

#[test]
fn a_higher_priority_is_obeyed() {
    let mut router = backup(v3());
    assert_eq!(hear(&mut router, 101, LOWER, at(700)), [ActiveSource(Some(LOWER))]);
    assert_eq!(router.deadline(), Some(at_nanoseconds(700_000_000 + DOWN)));
    assert_eq!(router.active(), Some((LOWER, wire(101))));
}

#[test]
fn an_equal_priority_is_obeyed_whatever_the_address() {
    for source in [LOWER, HIGHER] {
        let mut router = backup(v3());
        assert_eq!(hear(&mut router, 100, source, at(700)), [ActiveSource(Some(source))]);
        assert_eq!(router.deadline(), Some(at_nanoseconds(700_000_000 + DOWN)));
    }
}

#[test]
fn a_known_active_router_is_obeyed_without_a_word() {
    let mut router = backup(v3());
    let _first = hear(&mut router, 150, HIGHER, at(700));
    assert_eq!(hear(&mut router, 150, HIGHER, at(1700)), []);
    assert_eq!(router.deadline(), Some(at_nanoseconds(1_700_000_000 + DOWN)));
}

#[test]
fn with_preempt_mode_a_lower_priority_is_discarded_and_the_timer_runs_on() {
    let mut router = backup(v3());
    for second in 0..3 {
        assert_eq!(hear(&mut router, 99, HIGHER, at(500 + second * 1000)), []);
        assert_eq!(router.deadline(), Some(at_nanoseconds(DOWN)));
    }

    let actions = router.handle(at_nanoseconds(DOWN), Event::Deadline);

    let cause = Cause::LowerPriority { source: HIGHER, priority: wire(99) };
    assert_eq!(
        list(actions),
        [SendAdvert(wire(100)), transition(Backup, Active, cause), AddAddresses, ActiveSource(None), BATCH,]
    );
}

#[test]
fn without_preempt_mode_a_lower_priority_is_obeyed() {
    let mut router = backup(nopreempt());
    assert_eq!(hear(&mut router, 1, LOWER, at(500)), [ActiveSource(Some(LOWER))]);
    assert_eq!(router.deadline(), Some(at_nanoseconds(500_000_000 + DOWN)));
}

#[test]
fn the_owner_preempts_even_with_nopreempt() {
    // The owner is in Backup only after another 255 won against it.
    let parameters = Parameters { preemption: Preemption::Never, ..owner() };
    let mut router = crate::scene::active(parameters);
    let _lost = hear(&mut router, 255, HIGHER, at(0));
    assert_eq!(router.state(), Backup);
    // 3 s and 1/256 s.
    assert_eq!(router.deadline(), Some(at_nanoseconds(3_003_906_250)));

    assert_eq!(hear(&mut router, 254, HIGHER, at(1000)), []);
    assert_eq!(router.deadline(), Some(at_nanoseconds(3_003_906_250)));

    assert_eq!(hear(&mut router, 255, HIGHER, at(1500)), []);
    assert_eq!(router.deadline(), Some(at_nanoseconds(1_500_000_000 + 3_003_906_250)));
}

#[test]
fn the_priority_that_is_compared_is_the_effective_one() {
    let mut router = backup(v3());
    let _tracked = router.handle(at(0), Event::Priority(local(80)));
    assert_eq!(hear(&mut router, 90, HIGHER, at(500)), [ActiveSource(Some(HIGHER))]);
    let _tracked = router.handle(at(600), Event::Priority(local(100)));
    let deadline = router.deadline();
    assert_eq!(hear(&mut router, 90, HIGHER, at(1500)), []);
    assert_eq!(router.deadline(), deadline);
}

#[test]
fn a_backup_that_keeps_hearing_an_active_router_stays_backup() {
    let mut router = backup(v3());
    for second in 1..100 {
        let now = at(second * 3500);
        let _heard = hear(&mut router, 150, HIGHER, now);
        let actions = router.handle(now, Event::Deadline);
        assert_eq!(list(actions), []);
        assert_eq!(router.state(), Backup);
    }
}

#[test]
fn startup_and_cleared_faults_mean_nothing_in_backup() {
    let mut router = backup(v3());
    let before = router.clone();
    for event in [Event::Startup, Event::FaultCleared, Event::AddressesChanged, Event::AdvertChanged] {
        assert_eq!(list(router.handle(at(5), event)), []);
        assert_eq!(router, before);
    }
}
