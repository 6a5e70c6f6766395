//! What happens when priority, source or parameters change while timers run.

use core::time::Duration;

use regent_common::{LocalPriority, Version};
use regent_vrrp::{
    Action::{ActiveSource, SendAdvert},
    Cause, Event, Parameters, Preemption, Router,
    StateName::{Active, Backup},
};

use crate::scene::{
    HIGHER, LOWER, OURS, active, advert, at, at_nanoseconds, backup, centiseconds, hear, list, local,
    nopreempt, owner, quiet, transition, v2, v3, wire,
};

const DOWN: u64 = 3_609_375_000;

#[test]
fn a_new_priority_moves_the_running_down_timer_by_the_difference_of_the_skews() {
    let mut router = backup(v3());
    let _heard = hear(&mut router, 250, HIGHER, at(1000));
    assert_eq!(list(router.handle(at(2000), Event::Priority(local(200)))), []);
    // 3 s and 56/256 s after the arrival, and not after the change.
    assert_eq!(router.deadline(), Some(at_nanoseconds(1_000_000_000 + 3_218_750_000)));
    assert_eq!(list(router.handle(at(2500), Event::Priority(local(100)))), []);
    assert_eq!(router.deadline(), Some(at_nanoseconds(1_000_000_000 + DOWN)));
}

#[test]
fn a_new_priority_moves_the_skew_after_a_resignation() {
    let mut router = backup(v3());
    let _resigned = hear(&mut router, 0, HIGHER, at(1000));
    let _rose = router.handle(at(1100), Event::Priority(local(254)));
    assert_eq!(router.deadline(), Some(at_nanoseconds(1_007_812_500)));
    // That is in the past: it fires at once.
    let actions = router.handle(at(1100), Event::Deadline);
    assert_eq!(actions.get(1), Some(&transition(Backup, Active, Cause::Resigned)));
}

#[test]
fn a_new_priority_of_an_active_router_is_in_its_next_advert() {
    let mut router = active(quiet(v3()));
    assert_eq!(list(router.handle(at(500), Event::Priority(local(80)))), []);
    assert_eq!(router.deadline(), Some(at(1000)));
    assert_eq!(router.active(), Some((OURS, wire(80))));
    assert_eq!(list(router.handle(at(1000), Event::Deadline)), [SendAdvert(wire(80))]);
}

#[test]
fn trackers_neither_make_nor_unmake_an_owner() {
    let mut owning = active(owner());
    let _tracked = owning.handle(at(1), Event::Priority(local(80)));
    assert_eq!(owning.effective_priority(), LocalPriority::Owner);

    let mut other = backup(v3());
    let _tracked = other.handle(at(1), Event::Priority(LocalPriority::Owner));
    assert_eq!(other.effective_priority(), local(254));
}

#[test]
fn a_new_source_decides_the_next_tie() {
    let mut router = active(quiet(v3()));
    assert_eq!(list(router.handle(at(100), Event::Source(LOWER))), [SendAdvert(wire(100))]);
    assert_eq!(router.deadline(), Some(at(1100)));
    assert_eq!(router.parameters().source, LOWER);
    let _heard = hear(&mut router, 100, OURS, at(200));
    assert_eq!(router.state(), Backup);
}

#[test]
fn the_same_source_again_is_no_news() {
    let mut router = active(quiet(v3()));
    let before = router.clone();
    assert_eq!(list(router.handle(at(100), Event::Source(OURS))), []);
    assert_eq!(router, before);
}

#[test]
fn a_reload_that_changes_nothing_touches_nothing() {
    let mut followed = backup(v3());
    let _heard = hear(&mut followed, 150, HIGHER, at(100));
    let mut tracked = active(v3());
    let _tracked = tracked.handle(at(1), Event::Priority(local(70)));
    for router in [Router::new(v3()), backup(v3()), followed, active(v3()), tracked] {
        let mut reloaded = router.clone();
        assert_eq!(list(reloaded.handle(at(500), Event::Reload(v3()))), []);
        assert_eq!(reloaded, router);
    }
}

#[test]
fn a_new_interval_of_an_active_router_is_advertised_at_once() {
    let mut router = active(quiet(v3()));
    let faster = Parameters { interval: centiseconds(20), ..quiet(v3()) };
    assert_eq!(list(router.handle(at(500), Event::Reload(faster))), [SendAdvert(wire(100))]);
    assert_eq!(router.deadline(), Some(at(700)));
    assert_eq!(router.state(), Active);
}

#[test]
fn a_new_priority_version_or_source_of_an_active_router_is_advertised_at_once() {
    for (parameters, sent) in [
        (Parameters { priority: local(90), ..quiet(v3()) }, 90),
        (Parameters { source: HIGHER, ..quiet(v3()) }, 100),
        (quiet(v2()), 100),
    ] {
        let mut router = active(quiet(v3()));
        assert_eq!(list(router.handle(at(500), Event::Reload(parameters))), [SendAdvert(wire(sent))]);
        assert_eq!(router.deadline(), Some(at(1500)));
    }
}

#[test]
fn another_list_of_addresses_is_advertised_at_once_and_nothing_is_announced() {
    let mut router = active(quiet(v3()));
    assert_eq!(list(router.handle(at(500), Event::AdvertChanged)), [SendAdvert(wire(100))]);
    assert_eq!(router.deadline(), Some(at(1500)));
    // In doubt it is not: the first advert after it says the same.
    assert_eq!(list(router.handle(at(4000), Event::AdvertChanged)), []);
}

#[test]
fn what_nobody_else_can_see_of_a_reload_is_not_advertised() {
    let mut router = active(quiet(v3()));
    let quietly = Parameters {
        preemption: Preemption::Never,
        down_timer_adverts: 5,
        asserts: false,
        concedes: false,
        ..quiet(v3())
    };
    assert_eq!(list(router.handle(at(500), Event::Reload(quietly))), []);
    assert_eq!(router.deadline(), Some(at(1000)));
}

#[test]
fn a_new_interval_moves_the_down_timer_of_a_backup_that_learned_none() {
    let mut router = backup(v3());
    let faster = Parameters { interval: centiseconds(20), ..v3() };
    assert_eq!(list(router.handle(at(500), Event::Reload(faster))), []);
    assert_eq!(router.deadline(), Some(at_nanoseconds(721_875_000)));
}

#[test]
fn a_new_interval_does_not_replace_the_learned_one() {
    let mut router = backup(v3());
    let _heard = hear(&mut router, 150, HIGHER, at(100));
    let faster = Parameters { interval: centiseconds(20), ..v3() };
    let _reloaded = router.handle(at(500), Event::Reload(faster));
    assert_eq!(router.active_interval(), centiseconds(100));
    assert_eq!(router.deadline(), Some(at_nanoseconds(100_000_000 + DOWN)));
}

#[test]
fn version_2_forgets_what_version_3_learned() {
    let mut router = backup(v3());
    let mut slower = advert(150, HIGHER, at(0));
    slower.interval = centiseconds(1000);
    let _heard = router.handle(at(0), Event::Advert(slower));
    let _reloaded = router.handle(at(100), Event::Reload(Parameters { version: Version::V2, ..v3() }));
    assert_eq!(router.active_interval(), centiseconds(100));
    assert_eq!(router.deadline(), Some(at_nanoseconds(DOWN)));
}

#[test]
fn preemption_can_be_turned_on_and_off_while_a_lower_one_is_active() {
    let mut router = backup(nopreempt());
    assert_eq!(hear(&mut router, 50, LOWER, at(500)), [ActiveSource(Some(LOWER))]);

    let _on = router.handle(at(600), Event::Reload(v3()));
    assert_eq!(hear(&mut router, 50, LOWER, at(1500)), []);
    assert_eq!(router.deadline(), Some(at_nanoseconds(500_000_000 + DOWN)));

    let _off = router.handle(at(1600), Event::Reload(nopreempt()));
    assert_eq!(hear(&mut router, 50, LOWER, at(2500)), []);
    assert_eq!(router.deadline(), Some(at_nanoseconds(2_500_000_000 + DOWN)));
}

#[test]
fn a_delay_that_is_turned_on_counts_from_the_first_lower_advert() {
    let mut router = backup(nopreempt());
    for second in 0..5 {
        let _heard = hear(&mut router, 50, LOWER, at(second * 1000));
    }
    let delayed = Parameters { preemption: Preemption::After(Duration::from_secs(6)), ..v3() };
    let _on = router.handle(at(4500), Event::Reload(delayed));
    let _obeyed = hear(&mut router, 50, LOWER, at(5000));
    assert_eq!(router.deadline(), Some(at_nanoseconds(5_000_000_000 + DOWN)));
    let _discarded = hear(&mut router, 50, LOWER, at(6000));
    assert_eq!(router.deadline(), Some(at_nanoseconds(5_000_000_000 + DOWN)));
}

#[test]
fn what_trackers_add_is_carried_over_a_reload() {
    let mut router = backup(v3());
    let _tracked = router.handle(at(1), Event::Priority(local(80)));

    let _reloaded = router.handle(at(2), Event::Reload(Parameters { priority: local(150), ..v3() }));
    assert_eq!(router.effective_priority(), local(130));

    let _owning = router.handle(at(3), Event::Reload(owner()));
    assert_eq!(router.effective_priority(), LocalPriority::Owner);

    let _disowned = router.handle(at(4), Event::Reload(v3()));
    assert_eq!(router.effective_priority(), local(100));
}

#[test]
fn a_reload_that_makes_a_backup_the_owner_lets_it_preempt() {
    let mut router = backup(nopreempt());
    let _heard = hear(&mut router, 50, LOWER, at(500));
    let _reloaded = router.handle(at(600), Event::Reload(owner()));
    // 3 s and 1/256 s after the last advert that was obeyed.
    assert_eq!(hear(&mut router, 254, LOWER, at(1500)), []);
    assert_eq!(router.deadline(), Some(at_nanoseconds(500_000_000 + 3_003_906_250)));
}
