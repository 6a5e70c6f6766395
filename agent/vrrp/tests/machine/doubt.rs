//! An Active Router that stood still: what it does when it finds out that others may have taken over.

use core::time::Duration;

use regent_vrrp::{
    Action::{self, ActiveSource, AddAddresses, CancelAnnouncements, RemoveAddresses, SendAdvert},
    Advert, Announcements, Cause, Event, FaultCause, Parameters, Preemption, Router,
    StateName::{Active, Backup, Fault, Initialize},
};

use crate::scene::{
    BATCH, HIGHER, LOWER, OURS, active, advert, at, at_nanoseconds, centiseconds, hear, list, local,
    nopreempt, owner, quiet, transition, v2, v3, wire,
};

const DOWN: u64 = 3_609_375_000;

/// What somebody sent at `arrived`, read at `now`.
fn read(router: &mut Router, priority: u8, source: [u8; 16], arrived: u64, now: u64) -> Vec<Action> {
    let advert = Advert { arrived: at(arrived), ..advert(priority, source, at(arrived)) };
    list(router.handle(at(now), Event::Advert(advert)))
}

fn overslept(source: [u8; 16], priority: u8, silence: u64) -> [Action; 4] {
    let silence = Duration::from_millis(silence);
    [
        transition(Active, Backup, Cause::Overslept { source, priority: wire(priority), silence }),
        CancelAnnouncements,
        RemoveAddresses,
        ActiveSource(Some(source)),
    ]
}

#[test]
fn there_is_doubt_once_the_earliest_backup_can_have_taken_over() {
    let router = active(quiet(v3()));
    assert!(!router.is_in_doubt(at(0)));
    assert!(!router.is_in_doubt(at(3000)));
    assert!(router.is_in_doubt(at_nanoseconds(3_000_000_001)));
}

#[test]
fn doubt_counts_in_the_intervals_of_the_last_advert() {
    let tenth = centiseconds(10);
    for (parameters, safe) in [
        (Parameters { interval: tenth, ..v3() }, 300),
        (Parameters { interval: centiseconds(500), ..v2() }, 15_000),
        (Parameters { down_timer_adverts: 5, ..v3() }, 5000),
        // One or none would make a doubt of every deadline.
        (Parameters { down_timer_adverts: 1, ..v3() }, 2000),
        (Parameters { down_timer_adverts: 0, ..v3() }, 2000),
    ] {
        let router = active(parameters);
        assert!(!router.is_in_doubt(at(safe)), "{parameters:?}");
        assert!(router.is_in_doubt(at(safe + 1)), "{parameters:?}");
    }
}

#[test]
fn only_an_active_router_is_in_doubt() {
    let mut router = active(v3());
    let _lost = hear(&mut router, 150, HIGHER, at(100));
    assert!(!router.is_in_doubt(at(60_000)));
    assert!(!Router::new(v3()).is_in_doubt(at(60_000)));
}

#[test]
fn a_successor_of_lower_priority_is_obeyed_without_a_word() {
    let mut router = active(v3());
    assert_eq!(read(&mut router, 50, LOWER, 3900, 5000), overslept(LOWER, 50, 5000));
    assert_eq!(router.active(), Some((LOWER, wire(50))));
}

#[test]
fn a_successor_of_higher_or_equal_priority_is_obeyed_without_a_word() {
    for (priority, source) in [(150, LOWER), (100, LOWER), (100, HIGHER), (255, HIGHER)] {
        let mut router = active(v3());
        assert_eq!(read(&mut router, priority, source, 3700, 4000), overslept(source, priority, 4000));
    }
}

#[test]
fn then_preemption_takes_the_office_back_after_a_whole_down_interval_from_now() {
    let mut router = active(v3());
    let _lost = read(&mut router, 50, LOWER, 3900, 5000);
    assert_eq!(router.deadline(), Some(at_nanoseconds(5_000_000_000 + DOWN)));
    for arrived in [4900, 5900, 6900, 7900] {
        assert_eq!(read(&mut router, 50, LOWER, arrived, arrived.max(5000)), []);
        assert_eq!(router.deadline(), Some(at_nanoseconds(5_000_000_000 + DOWN)));
    }

    let actions = list(router.handle(at_nanoseconds(5_000_000_000 + DOWN), Event::Deadline));

    let cause = Cause::LowerPriority { source: LOWER, priority: wire(50) };
    assert_eq!(
        actions,
        [SendAdvert(wire(100)), transition(Backup, Active, cause), AddAddresses, ActiveSource(None), BATCH,]
    );
}

#[test]
fn and_nopreempt_leaves_it() {
    let mut router = active(nopreempt());
    let _lost = read(&mut router, 50, LOWER, 3900, 5000);
    for second in 5..100 {
        assert_eq!(read(&mut router, 50, LOWER, second * 1000, second * 1000), []);
        assert_eq!(list(router.handle(at(second * 1000), Event::Deadline)), []);
    }
    assert_eq!(router.state(), Backup);
}

#[test]
fn and_a_delay_of_preemption_counts_from_the_successor() {
    let delayed = Parameters { preemption: Preemption::After(Duration::from_secs(6)), ..v3() };
    let mut router = active(delayed);
    let _lost = read(&mut router, 50, LOWER, 4000, 5000);
    for second in 5..10 {
        let _obeyed = read(&mut router, 50, LOWER, second * 1000, second * 1000);
        assert_eq!(router.deadline(), Some(at_nanoseconds(second * 1_000_000_000 + DOWN)));
    }
    let _discarded = read(&mut router, 50, LOWER, 10_000, 10_000);
    assert_eq!(router.deadline(), Some(at_nanoseconds(9_000_000_000 + DOWN)));
}

#[test]
fn a_successor_that_resigned_again_leaves_the_skew_from_now() {
    let mut router = active(v3());
    let _lost = read(&mut router, 50, LOWER, 3900, 6000);
    assert_eq!(read(&mut router, 0, LOWER, 4500, 6000), [ActiveSource(None)]);
    assert_eq!(router.deadline(), Some(at_nanoseconds(6_609_375_000)));
}

#[test]
fn of_a_successor_only_the_interval_is_learned() {
    let mut router = active(v3());
    let slower = Advert { interval: centiseconds(200), ..advert(50, LOWER, at(3900)) };
    let _lost = router.handle(at(5000), Event::Advert(slower));
    assert_eq!(router.active_interval(), centiseconds(200));
    assert_eq!(router.deadline(), Some(at_nanoseconds(5_000_000_000 + 2 * DOWN)));
}

#[test]
fn whoever_spoke_before_the_office_could_be_lost_is_no_successor() {
    // A loser's last word, right after the advert that made it one.
    let mut router = active(quiet(v3()));
    assert_eq!(read(&mut router, 50, LOWER, 10, 5000), []);
    assert_eq!(read(&mut router, 100, LOWER, 3000, 5000), []);
    assert_eq!(router.state(), Active);
    // But it would have won in any case.
    let actions = read(&mut router, 150, HIGHER, 10, 5000);
    let cause = Cause::HigherPriority { source: HIGHER, priority: wire(150) };
    assert_eq!(actions.first(), Some(&transition(Active, Backup, cause)));

    let mut router = active(quiet(v3()));
    let actions = read(&mut router, 100, HIGHER, 10, 5000);
    let cause = Cause::HigherAddress { source: HIGHER };
    assert_eq!(actions.first(), Some(&transition(Active, Backup, cause)));
}

#[test]
fn in_time_a_lower_priority_is_answered_as_ever() {
    let mut router = active(quiet(v3()));
    assert_eq!(read(&mut router, 50, LOWER, 2900, 3000), [SendAdvert(wire(100)), BATCH]);
    assert!(!router.is_in_doubt(at(6000)));
    assert_eq!(list(router.handle(at(6000), Event::Deadline)), [SendAdvert(wire(100))]);
}

#[test]
fn with_nobody_heard_it_listens_for_an_interval_and_a_half_and_then_goes_on() {
    let mut router = active(v3());
    // Its second batch of announcements is long due.
    assert_eq!(list(router.handle(at(7300), Event::Deadline)), []);
    assert_eq!(router.state(), Active);
    assert_eq!(router.deadline(), Some(at(8800)));
    assert_eq!(list(router.handle(at(8799), Event::Deadline)), []);

    assert_eq!(list(router.handle(at(8800), Event::Deadline)), [SendAdvert(wire(100)), BATCH]);

    assert!(!router.is_in_doubt(at(8801)));
    assert_eq!(router.deadline(), Some(at(9800)));
    assert_eq!(hear(&mut router, 50, LOWER, at(9000)), [SendAdvert(wire(100))]);
}

#[test]
fn after_doubt_addresses_are_announced_as_on_becoming_active() {
    let plan = Announcements { repeat: 2, delay: Duration::from_secs(7), ..Announcements::default() };
    let mut router = active(Parameters { announcements: plan, ..v3() });
    let _listens = router.handle(at(60_000), Event::Deadline);
    let goes_on = list(router.handle(at(61_500), Event::Deadline));
    assert_eq!(goes_on, [SendAdvert(wire(100)), Action::Announce { repeat: 2 }]);
    let mut announced = Vec::new();
    while let Some(deadline) = router.deadline()
        && deadline <= at(90_000)
    {
        if router.handle(deadline, Event::Deadline).contains(&Action::Announce { repeat: 2 }) {
            announced.push(deadline);
        }
    }
    assert_eq!(announced, [at(68_500)]);
}

#[test]
fn whoever_is_heard_while_it_listens_is_the_active_router() {
    let mut router = active(v3());
    let _listens = router.handle(at(7300), Event::Deadline);
    assert_eq!(hear(&mut router, 50, LOWER, at(8200)), overslept(LOWER, 50, 8200));
    assert_eq!(router.deadline(), Some(at_nanoseconds(8_200_000_000 + DOWN)));
}

#[test]
fn a_resignation_that_is_heard_in_doubt_is_not_answered() {
    let mut router = active(v3());
    let before = router.clone();
    assert_eq!(read(&mut router, 0, LOWER, 4000, 5000), []);
    assert_eq!(router, before);
    let _listens = router.handle(at(5000), Event::Deadline);
    assert_eq!(hear(&mut router, 0, LOWER, at(5500)), []);
    assert_eq!(list(router.handle(at(6500), Event::Deadline)), [SendAdvert(wire(100)), BATCH]);
}

#[test]
fn our_own_advert_come_back_proves_nobody_else() {
    let mut router = active(quiet(v3()));
    assert_eq!(read(&mut router, 100, OURS, 4000, 5000), []);
    assert_eq!(router.state(), Active);
}

#[test]
fn who_stands_still_again_while_it_listens_listens_again() {
    let mut router = active(quiet(v3()));
    assert_eq!(list(router.handle(at(5000), Event::Deadline)), []);
    assert_eq!(router.deadline(), Some(at(6500)));
    assert_eq!(list(router.handle(at(7501), Event::Deadline)), []);
    assert_eq!(router.deadline(), Some(at(9001)));
    // A little late is no standing still.
    assert_eq!(list(router.handle(at(10_001), Event::Deadline)), [SendAdvert(wire(100)), BATCH]);
    // And from there all begins anew.
    assert_eq!(list(router.handle(at(20_000), Event::Deadline)), []);
    assert_eq!(read(&mut router, 50, LOWER, 20_100, 20_100), overslept(LOWER, 50, 10_099));
}

#[test]
fn the_owner_goes_on_at_once_and_announces() {
    let mut router = active(owner());
    assert!(!router.is_in_doubt(at(60_000)));
    let mut heard = router.clone();
    assert_eq!(list(router.handle(at(60_000), Event::Deadline)), [SendAdvert(wire(255)), BATCH]);

    let answered = read(&mut heard, 254, HIGHER, 59_000, 60_000);
    assert_eq!(answered, [SendAdvert(wire(255)), BATCH]);
    assert_eq!(heard.state(), Active);
}

#[test]
fn what_a_reload_would_advertise_waits_for_the_end_of_doubt() {
    let mut router = active(quiet(v3()));
    let other = Parameters { priority: local(120), interval: centiseconds(500), ..quiet(v3()) };
    assert_eq!(list(router.handle(at(4000), Event::Reload(other))), []);
    // The others count in the interval that they know.
    assert!(router.is_in_doubt(at(4000)));
    assert_eq!(list(router.handle(at(4000), Event::Deadline)), []);
    assert_eq!(router.deadline(), Some(at(11_500)));
    assert_eq!(list(router.handle(at(11_500), Event::Deadline)), [SendAdvert(wire(120)), BATCH]);
    assert_eq!(router.deadline(), Some(at(16_500)));
}

#[test]
fn a_reload_that_makes_it_the_owner_ends_doubt() {
    let mut router = active(quiet(v3()));
    let _listens = router.handle(at(4000), Event::Deadline);
    assert_eq!(list(router.handle(at(4100), Event::Reload(quiet(owner())))), [SendAdvert(wire(255))]);
    assert!(!router.is_in_doubt(at(4100)));
    assert_eq!(router.deadline(), Some(at(5100)));
}

#[test]
fn new_addresses_are_added_in_doubt_but_not_announced() {
    let mut router = active(quiet(v3()));
    assert_eq!(list(router.handle(at(4000), Event::AddressesChanged)), [AddAddresses]);
    let _listens = router.handle(at(4000), Event::Deadline);
    assert_eq!(list(router.handle(at(4500), Event::AddressesChanged)), [AddAddresses]);
    assert_eq!(list(router.handle(at(5500), Event::Deadline)), [SendAdvert(wire(100)), BATCH]);
}

#[test]
fn a_new_source_is_not_advertised_in_doubt() {
    let mut router = active(quiet(v3()));
    assert_eq!(list(router.handle(at(4000), Event::Source(HIGHER))), []);
    assert_eq!(router.parameters().source, HIGHER);
}

#[test]
fn giving_up_in_doubt_resigns_all_the_same() {
    // Whoever is Active answers a resignation at once (RFC 9568 §6.4.3); with nobody Active it saves the Backups the wait.
    for (event, to, cause) in [
        (Event::Shutdown, Initialize, Cause::Shutdown),
        (Event::Fault(FaultCause::Interface), Fault, Cause::Fault(FaultCause::Interface)),
    ] {
        let mut router = active(v3());
        assert_eq!(
            list(router.handle(at(9000), event)),
            [transition(Active, to, cause), CancelAnnouncements, SendAdvert(wire(0)), RemoveAddresses,]
        );
    }
}
