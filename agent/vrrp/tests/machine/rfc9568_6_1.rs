//! RFC 9568 §6.1: Skew_Time and Active_Down_Interval, against numbers worked out by hand.

use core::time::Duration;

use regent_common::Version;
use regent_vrrp::{Event, active_down_interval, skew_time};

use crate::scene::{HIGHER, advert, at, at_nanoseconds, backup, centiseconds, hear, list, local, quiet, v3};

fn skew(priority: u8, interval: u16) -> u128 {
    skew_time(Version::V3, local(priority), centiseconds(interval)).as_nanos()
}

fn down(priority: u8, interval: u16) -> u128 {
    active_down_interval(Version::V3, local(priority), centiseconds(interval), 3).as_nanos()
}

#[test]
fn priority_100_at_one_second_has_a_skew_of_609375_us_and_a_down_interval_of_3609375_us() {
    assert_eq!(skew(100, 100), 609_375_000);
    assert_eq!(down(100, 100), 3_609_375_000);
}

#[test]
fn the_skew_of_one_centisecond_and_priority_254_is_78125_ns_and_not_nothing() {
    assert_eq!(skew(254, 1), 78_125);
    assert_eq!(down(254, 1), 30_078_125);
}

#[test]
fn the_skew_scales_with_the_interval() {
    // 156/256 of 10 ms, 100 ms, 2 s, 40.95 s.
    assert_eq!(skew(100, 1), 6_093_750);
    assert_eq!(skew(100, 10), 60_937_500);
    assert_eq!(skew(100, 200), 1_218_750_000);
    assert_eq!(skew(100, 4095), 24_953_906_250);
}

#[test]
fn the_ends_of_the_range_of_priorities() {
    // 255/256 s, 2/256 s, 1/256 s.
    assert_eq!(skew(1, 100), 996_093_750);
    assert_eq!(skew(254, 100), 7_812_500);
    assert_eq!(skew(255, 100), 3_906_250);
}

#[test]
fn what_is_smaller_than_a_nanosecond_is_cut_off() {
    // 1/256 of 10 ms is 39062.5 ns.
    assert_eq!(skew(255, 1), 39_062);
}

#[test]
fn every_priority_has_a_skew_of_its_own_at_every_interval() {
    for interval in [1, 2, 7, 10, 99, 100, 101, 1000, 4095] {
        for priority in 1..=253 {
            assert!(skew(priority, interval) > skew(priority + 1, interval), "{priority} at {interval} cs");
        }
        assert!(skew(1, interval) < centiseconds(interval).duration().as_nanos());
    }
}

#[test]
fn the_longest_down_interval_does_not_overflow() {
    // 255 * 40.95 s + 255/256 * 40.95 s = 10442.25 s + 40.790039062 s (and a half ns).
    let longest = active_down_interval(Version::V3, local(1), centiseconds(4095), 255);
    assert_eq!(longest.as_nanos(), 10_483_040_039_062);
}

#[test]
fn active_adver_interval_is_learned_and_the_timers_follow_it() {
    let mut router = backup(v3());
    assert_eq!(router.active_interval(), centiseconds(100));

    let mut slower = advert(150, HIGHER, at(500));
    slower.interval = centiseconds(300);
    let actions = list(router.handle(at(500), Event::Advert(slower)));

    assert_eq!(actions, [regent_vrrp::Action::ActiveSource(Some(HIGHER))]);
    assert_eq!(router.active_interval(), centiseconds(300));
    assert_eq!(router.skew_time(), Duration::from_nanos(1_828_125_000));
    assert_eq!(router.active_down_interval(), Duration::from_nanos(10_828_125_000));
    assert_eq!(router.deadline(), Some(at_nanoseconds(500_000_000 + 10_828_125_000)));
}

#[test]
fn the_interval_of_a_discarded_advert_is_not_learned() {
    let mut router = backup(v3());
    let mut lower = advert(50, HIGHER, at(500));
    lower.interval = centiseconds(300);

    let actions = list(router.handle(at(500), Event::Advert(lower)));

    assert_eq!(actions, []);
    assert_eq!(router.active_interval(), centiseconds(100));
}

#[test]
fn an_active_router_uses_its_own_interval_whatever_it_learned_before() {
    let mut router = backup(quiet(v3()));
    let mut faster = advert(150, HIGHER, at(0));
    faster.interval = centiseconds(10);
    let _followed = router.handle(at(0), Event::Advert(faster));
    // 300 ms and 156/256 of 100 ms.
    assert_eq!(router.deadline(), Some(at_nanoseconds(360_937_500)));

    let _took_over = router.handle(at(361), Event::Deadline);

    assert_eq!(router.active_interval(), centiseconds(100));
    assert_eq!(router.deadline(), Some(at(1361)));
}

#[test]
fn the_learned_interval_is_forgotten_with_the_state() {
    let mut router = backup(v3());
    let mut slower = advert(150, HIGHER, at(0));
    slower.interval = centiseconds(1000);
    let _followed = router.handle(at(0), Event::Advert(slower));

    let _stopped = router.handle(at(100), Event::Shutdown);
    let _began = router.handle(at(200), Event::Startup);

    assert_eq!(router.deadline(), Some(at_nanoseconds(200_000_000 + 3_609_375_000)));
}

#[test]
fn a_longer_wait_can_be_configured() {
    let mut parameters = v3();
    parameters.down_timer_adverts = 5;
    let mut router = backup(parameters);
    assert_eq!(router.deadline(), Some(at_nanoseconds(5_609_375_000)));
    assert_eq!(hear(&mut router, 150, HIGHER, at(1000)).len(), 1);
    assert_eq!(router.deadline(), Some(at_nanoseconds(6_609_375_000)));
}
