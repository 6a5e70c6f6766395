//! RFC 9568 §6.4.1: Initialize.

use core::time::Duration;

use regent_common::LocalPriority;
use regent_vrrp::{
    Action::{ActiveSource, AddAddresses, SendAdvert},
    Cause, Event, FaultCause, Instant, Parameters, Preemption, Router,
    StateName::{Active, Backup, Initialize},
};

use crate::scene::{
    BATCH, BEGINNING, HIGHER, advert, at, at_nanoseconds, centiseconds, list, local, nopreempt, owner,
    transition, v3, wire,
};

#[test]
fn a_new_router_waits_for_startup() {
    let router = Router::new(v3());
    assert_eq!(router.state(), Initialize);
    assert_eq!(router.deadline(), None);
    assert_eq!(router.active(), None);
    assert_eq!(router.effective_priority(), local(100));
    assert_eq!(router.parameters(), &v3());
}

#[test]
fn on_startup_a_router_that_is_not_the_owner_becomes_backup_for_active_down_interval() {
    let mut router = Router::new(v3());

    let actions = router.handle(BEGINNING, Event::Startup);

    assert_eq!(list(actions), [transition(Initialize, Backup, Cause::Startup)]);
    assert_eq!(router.state(), Backup);
    assert_eq!(router.active_interval(), centiseconds(100));
    assert_eq!(router.deadline(), Some(at_nanoseconds(3_609_375_000)));
    assert_eq!(router.active(), None);
}

#[test]
fn on_startup_the_owner_advertises_then_announces_and_is_active() {
    let mut router = Router::new(owner());

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
    assert_eq!(router.state(), Active);
    assert_eq!(router.deadline(), Some(at(1000)));
}

#[test]
fn neither_nopreempt_nor_a_delay_keeps_the_owner_from_starting_as_active() {
    for preemption in [Preemption::Never, Preemption::After(Duration::from_secs(300))] {
        let mut router = Router::new(Parameters { preemption, ..owner() });
        let actions = router.handle(BEGINNING, Event::Startup);
        assert_eq!(actions.first(), Some(&SendAdvert(wire(255))));
        assert_eq!(router.state(), Active);
    }
}

#[test]
fn priority_254_does_not_start_as_active() {
    let mut router = Router::new(Parameters { priority: local(254), ..nopreempt() });
    let actions = router.handle(BEGINNING, Event::Startup);
    assert_eq!(list(actions), [transition(Initialize, Backup, Cause::Startup)]);
}

#[test]
fn in_initialize_adverts_and_everything_but_startup_and_fault_do_nothing() {
    let fresh = Router::new(v3());
    for event in [
        Event::Advert(advert(150, HIGHER, BEGINNING)),
        Event::Advert(advert(0, HIGHER, BEGINNING)),
        Event::Shutdown,
        Event::Deadline,
        Event::FaultCleared,
        Event::Deaf,
        Event::AddressesChanged,
        Event::AdvertChanged,
        Event::Reload(v3()),
    ] {
        let mut router = fresh.clone();
        let actions = router.handle(BEGINNING, event);
        assert_eq!(list(actions), [], "{event:?}");
        assert_eq!(router, fresh, "{event:?}");
    }
}

#[test]
fn a_router_that_was_shut_down_starts_again_by_startup_only() {
    let mut router = Router::new(v3());
    let _began = router.handle(BEGINNING, Event::Startup);
    let _stopped = router.handle(at(1), Event::Shutdown);

    for event in [Event::Fault(FaultCause::Interface), Event::FaultCleared] {
        let actions = router.handle(at(2), event);
        assert_eq!(list(actions), []);
        assert_eq!(router.state(), Initialize);
    }

    let actions = router.handle(at(3), Event::Startup);
    assert_eq!(list(actions), [transition(Initialize, Backup, Cause::Startup)]);
}

#[test]
fn the_priority_that_trackers_left_counts_from_the_start() {
    let mut router = Router::new(v3());
    let _tracked = router.handle(Instant::from_nanoseconds(0), Event::Priority(local(200)));

    let _began = router.handle(BEGINNING, Event::Startup);

    assert_eq!(router.effective_priority(), local(200));
    // 3 s and 56/256 s.
    assert_eq!(router.deadline(), Some(at_nanoseconds(3_218_750_000)));
    assert_eq!(router.parameters().priority, local(100));
    assert_ne!(router.effective_priority(), LocalPriority::Owner);
}
