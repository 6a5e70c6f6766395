//! A loop that wakes late: timers run from arrivals, one advert says all, and history is not made again.

use regent_vrrp::{
    Action::{ActiveSource, SendAdvert},
    Event,
    StateName::{Active, Backup},
};

use crate::scene::{HIGHER, LOWER, active, advert, at, at_nanoseconds, backup, hear, list, quiet, v3, wire};

const DOWN: u64 = 3_609_375_000;

#[test]
fn the_down_timer_runs_from_the_arrival_and_not_from_the_wake_up() {
    let mut router = backup(v3());
    let heard = Event::Advert(advert(150, HIGHER, at(1000)));
    assert_eq!(list(router.handle(at(3000), heard)), [ActiveSource(Some(HIGHER))]);
    assert_eq!(router.deadline(), Some(at_nanoseconds(1_000_000_000 + DOWN)));
}

#[test]
fn the_skew_after_a_resignation_runs_from_its_arrival() {
    let mut router = backup(v3());
    let _resigned = router.handle(at(2500), Event::Advert(advert(0, HIGHER, at(1000))));
    assert_eq!(router.deadline(), Some(at_nanoseconds(1_609_375_000)));
    let _fired = router.handle(at(2500), Event::Deadline);
    assert_eq!(router.state(), Active);
}

#[test]
fn the_loser_of_a_contest_counts_from_the_winners_advert() {
    let mut router = active(v3());
    let _lost = router.handle(at(3000), Event::Advert(advert(150, HIGHER, at(900))));
    assert_eq!(router.deadline(), Some(at_nanoseconds(900_000_000 + DOWN)));
}

#[test]
fn an_advert_in_time_never_loses_to_our_own_late_wake_up() {
    let mut router = backup(v3());
    // Asleep from 0 s to 5 s; the advert of 3.5 s is read before the deadline of 3.609 s is fired.
    let _heard = router.handle(at(5000), Event::Advert(advert(150, HIGHER, at(3500))));
    assert_eq!(list(router.handle(at(5000), Event::Deadline)), []);
    assert_eq!(router.state(), Backup);
}

#[test]
fn an_arrival_in_the_future_counts_as_now() {
    let mut router = backup(v3());
    let _heard = router.handle(at(1000), Event::Advert(advert(150, HIGHER, at(9000))));
    assert_eq!(router.deadline(), Some(at_nanoseconds(1_000_000_000 + DOWN)));
}

#[test]
fn a_missed_adver_timer_sends_one_advert_and_never_a_burst() {
    let mut router = active(quiet(v3()));
    assert_eq!(list(router.handle(at(2900), Event::Deadline)), [SendAdvert(wire(100))]);
    assert_eq!(router.deadline(), Some(at(3900)));
}

#[test]
fn a_late_adver_timer_keeps_its_beat_while_it_can() {
    let mut router = active(quiet(v3()));
    assert_eq!(list(router.handle(at(1400), Event::Deadline)), [SendAdvert(wire(100))]);
    assert_eq!(router.deadline(), Some(at(2000)));
    assert_eq!(list(router.handle(at(2999), Event::Deadline)), [SendAdvert(wire(100))]);
    assert_eq!(router.deadline(), Some(at(3000)));
}

#[test]
fn a_late_adver_timer_whose_next_beat_is_now_starts_anew() {
    let mut router = active(quiet(v3()));
    assert_eq!(list(router.handle(at(2000), Event::Deadline)), [SendAdvert(wire(100))]);
    assert_eq!(router.deadline(), Some(at(3000)));
}

#[test]
fn an_older_advert_does_not_undo_a_resignation() {
    let mut router = backup(v3());
    let _resigned = hear(&mut router, 0, HIGHER, at(1000));
    let before = router.clone();
    assert_eq!(list(router.handle(at(1001), Event::Advert(advert(150, HIGHER, at(999))))), []);
    assert_eq!(router, before);
}

#[test]
fn an_older_resignation_does_not_undo_an_advert() {
    let mut router = backup(v3());
    let _heard = hear(&mut router, 150, HIGHER, at(1000));
    assert_eq!(list(router.handle(at(1001), Event::Advert(advert(0, LOWER, at(999))))), []);
    assert_eq!(router.deadline(), Some(at_nanoseconds(1_000_000_000 + DOWN)));
}

#[test]
fn the_same_advert_read_twice_counts_once() {
    let mut router = backup(v3());
    let _heard = hear(&mut router, 150, HIGHER, at(1000));
    let before = router.clone();
    assert_eq!(list(router.handle(at(1500), Event::Advert(advert(150, HIGHER, at(1000))))), []);
    assert_eq!(router, before);
}

#[test]
fn what_arrived_before_we_became_active_is_history() {
    let mut router = active(quiet(v3()));
    let before = router.clone();
    for priority in [0, 50, 150] {
        let old = advert(priority, HIGHER, at_nanoseconds(0));
        let old = regent_vrrp::Advert {
            arrived: crate::scene::milliseconds(crate::scene::BEGINNING_MILLISECONDS - 1),
            ..old
        };
        assert_eq!(list(router.handle(at(10), Event::Advert(old))), []);
        assert_eq!(router, before);
    }
    let _heard = hear(&mut router, 150, HIGHER, at(0));
    assert_eq!(router.state(), Backup);
}

#[test]
fn a_backup_that_was_deaf_waits_for_a_whole_down_interval_from_now() {
    let mut router = backup(v3());
    assert_eq!(list(router.handle(at(3000), Event::Deaf)), []);
    assert_eq!(router.deadline(), Some(at_nanoseconds(3_000_000_000 + DOWN)));
}

#[test]
fn deafness_forgets_a_resignation_but_not_whom_we_follow() {
    let mut router = backup(v3());
    let _heard = hear(&mut router, 150, HIGHER, at(500));
    let _resigned = hear(&mut router, 0, LOWER, at(1000));
    assert_eq!(list(router.handle(at(1100), Event::Deaf)), []);
    assert_eq!(router.deadline(), Some(at_nanoseconds(1_100_000_000 + DOWN)));
    assert_eq!(router.active(), Some((HIGHER, wire(150))));
}

#[test]
fn an_advert_that_arrived_before_the_deafness_does_not_shorten_the_wait() {
    let mut router = backup(v3());
    let _deaf = router.handle(at(3000), Event::Deaf);
    let _heard = router.handle(at(3001), Event::Advert(advert(150, HIGHER, at(2000))));
    assert_eq!(router.deadline(), Some(at_nanoseconds(3_000_000_000 + DOWN)));
    assert_eq!(router.active(), Some((HIGHER, wire(150))));
}
