//! RFC 3768 §6.4: what version 2 does, above all where it could differ from version 3.

use regent_vrrp::{
    Action::{ActiveSource, AddAddresses, CancelAnnouncements, RemoveAddresses, SendAdvert},
    Cause, Event, Parameters, Router,
    StateName::{Active, Backup, Initialize},
};

use crate::scene::{
    BATCH, BEGINNING, HIGHER, LOWER, active, at, at_nanoseconds, backup, centiseconds, hear, list, nopreempt,
    owner, quiet, transition, v2, wire,
};

const DOWN: u64 = 3_609_375_000;

#[test]
fn startup_with_priority_255_makes_a_master() {
    let mut router = Router::new(Parameters { version: v2().version, ..owner() });
    let actions = router.handle(BEGINNING, Event::Startup);
    assert_eq!(
        list(actions),
        [
            SendAdvert(wire(255)),
            transition(Initialize, Active, Cause::StartupAsOwner),
            AddAddresses,
            ActiveSource(None),
            BATCH,
        ]
    );
}

#[test]
fn startup_with_another_priority_makes_a_backup() {
    let mut router = Router::new(v2());
    let actions = router.handle(BEGINNING, Event::Startup);
    assert_eq!(list(actions), [transition(Initialize, Backup, Cause::Startup)]);
    assert_eq!(router.deadline(), Some(at_nanoseconds(DOWN)));
}

#[test]
fn a_backup_becomes_master_after_master_down_interval() {
    let mut router = backup(Parameters { interval: centiseconds(200), ..v2() });
    assert_eq!(list(router.handle(at_nanoseconds(6_609_374_999), Event::Deadline)), []);
    let actions = router.handle(at_nanoseconds(6_609_375_000), Event::Deadline);
    assert_eq!(actions.first(), Some(&SendAdvert(wire(100))));
    assert_eq!(router.deadline(), Some(at_nanoseconds(8_609_375_000)));
}

#[test]
fn on_priority_0_a_backup_waits_for_a_skew_that_does_not_scale() {
    let mut router = backup(Parameters { interval: centiseconds(1000), ..v2() });
    let _resigned = hear(&mut router, 0, HIGHER, at(1000));
    assert_eq!(router.deadline(), Some(at_nanoseconds(1_609_375_000)));
}

#[test]
fn a_backup_obeys_equal_and_higher_priorities_only() {
    let mut router = backup(v2());
    assert_eq!(hear(&mut router, 99, HIGHER, at(100)), []);
    assert_eq!(router.deadline(), Some(at_nanoseconds(DOWN)));
    assert_eq!(hear(&mut router, 100, LOWER, at(200)), [ActiveSource(Some(LOWER))]);
    assert_eq!(router.deadline(), Some(at_nanoseconds(200_000_000 + DOWN)));
}

#[test]
fn a_backup_without_preempt_mode_obeys_everybody() {
    let mut router = backup(Parameters { version: v2().version, ..nopreempt() });
    assert_eq!(hear(&mut router, 1, HIGHER, at(100)), [ActiveSource(Some(HIGHER))]);
    assert_eq!(router.deadline(), Some(at_nanoseconds(100_000_000 + DOWN)));
}

#[test]
fn a_master_that_shuts_down_sends_priority_0() {
    let mut router = active(v2());
    let actions = router.handle(at(1), Event::Shutdown);
    assert_eq!(
        list(actions),
        [
            transition(Active, Initialize, Cause::Shutdown),
            CancelAnnouncements,
            SendAdvert(wire(0)),
            RemoveAddresses,
        ]
    );
}

#[test]
fn a_backup_that_shuts_down_sends_nothing() {
    let mut router = backup(v2());
    let actions = router.handle(at(1), Event::Shutdown);
    assert_eq!(list(actions), [transition(Backup, Initialize, Cause::Shutdown)]);
}

#[test]
fn a_master_advertises_every_interval_and_on_priority_0() {
    let mut router = active(quiet(v2()));
    assert_eq!(list(router.handle(at(1000), Event::Deadline)), [SendAdvert(wire(100))]);
    assert_eq!(hear(&mut router, 0, LOWER, at(1400)), [SendAdvert(wire(100))]);
    assert_eq!(router.deadline(), Some(at(2400)));
}

#[test]
fn a_master_yields_to_a_higher_priority_and_to_a_higher_address() {
    for (priority, source, cause) in [
        (101, LOWER, Cause::HigherPriority { source: LOWER, priority: wire(101) }),
        (100, HIGHER, Cause::HigherAddress { source: HIGHER }),
    ] {
        let mut router = active(v2());
        assert_eq!(
            hear(&mut router, priority, source, at(300)),
            [
                SendAdvert(wire(100)),
                transition(Active, Backup, cause),
                CancelAnnouncements,
                RemoveAddresses,
                ActiveSource(Some(source)),
            ]
        );
        assert_eq!(router.deadline(), Some(at_nanoseconds(300_000_000 + DOWN)));
    }
}

#[test]
fn two_owners_of_version_2_contend_as_in_version_3() {
    let mut router = active(Parameters { version: v2().version, ..owner() });
    let _heard = hear(&mut router, 255, LOWER, at(300));
    assert_eq!(router.state(), Active);
    let _heard = hear(&mut router, 255, HIGHER, at(400));
    assert_eq!(router.state(), Backup);
}

#[test]
fn a_master_answers_a_losing_advert_as_in_version_3() {
    let mut router = active(quiet(v2()));
    assert_eq!(hear(&mut router, 99, HIGHER, at(1300)), [SendAdvert(wire(100)), BATCH]);
    assert_eq!(router.deadline(), Some(at(1000)));
}
