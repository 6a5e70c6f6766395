//! Fault, as keepalived has it: what it says on the way in, hears inside, and does on the way out.

use regent_vrrp::{
    Action::{ActiveSource, AddAddresses, CancelAnnouncements, RemoveAddresses, SendAdvert},
    Cause, Event, FaultCause, Router,
    StateName::{Active, Backup, Fault, Initialize},
};

use crate::scene::{
    BATCH, BEGINNING, HIGHER, active, advert, at, at_nanoseconds, backup, hear, list, owner, transition, v3,
    wire,
};

const SCRIPT: FaultCause = FaultCause::TrackedScript;

fn faulty() -> Router {
    let mut router = backup(v3());
    let _failed = router.handle(at(10), Event::Fault(SCRIPT));
    assert_eq!(router.state(), Fault);
    router
}

#[test]
fn an_active_router_resigns_whatever_the_cause() {
    for cause in [
        FaultCause::Interface,
        FaultCause::NoSourceAddress,
        FaultCause::TrackedInterface,
        FaultCause::TrackedScript,
        FaultCause::Config,
    ] {
        let mut router = active(v3());
        let actions = router.handle(at(10), Event::Fault(cause));
        assert_eq!(
            list(actions),
            [
                transition(Active, Fault, Cause::Fault(cause)),
                CancelAnnouncements,
                SendAdvert(wire(0)),
                RemoveAddresses,
            ]
        );
        assert_eq!(router.fault(), Some(cause));
        assert_eq!(router.deadline(), None);
    }
}

#[test]
fn a_backup_says_nothing() {
    let mut router = backup(v3());
    let _heard = hear(&mut router, 150, HIGHER, at(5));
    let actions = router.handle(at(10), Event::Fault(SCRIPT));
    assert_eq!(list(actions), [transition(Backup, Fault, Cause::Fault(SCRIPT)), ActiveSource(None)]);
    assert_eq!(router.deadline(), None);
    assert_eq!(router.active(), None);
}

#[test]
fn a_fault_before_startup_waits_in_fault() {
    let mut router = Router::new(owner());
    let actions = router.handle(BEGINNING, Event::Fault(FaultCause::Interface));
    assert_eq!(list(actions), [transition(Initialize, Fault, Cause::Fault(FaultCause::Interface))]);
    assert_eq!(list(router.handle(at(1), Event::Startup)), []);
    assert_eq!(router.state(), Fault);
}

#[test]
fn in_fault_adverts_and_timers_do_nothing() {
    let fault = faulty();
    for event in [
        Event::Advert(advert(150, HIGHER, at(20))),
        Event::Advert(advert(50, HIGHER, at(20))),
        Event::Advert(advert(0, HIGHER, at(20))),
        Event::Startup,
        Event::Deadline,
        Event::Deaf,
        Event::AddressesChanged,
        Event::AdvertChanged,
        Event::Fault(SCRIPT),
    ] {
        let mut router = fault.clone();
        assert_eq!(list(router.handle(at(20_000), event)), [], "{event:?}");
        assert_eq!(router, fault, "{event:?}");
    }
}

#[test]
fn another_cause_replaces_the_first_without_a_word() {
    let mut router = faulty();
    assert_eq!(list(router.handle(at(20), Event::Fault(FaultCause::Interface))), []);
    assert_eq!(router.fault(), Some(FaultCause::Interface));
}

#[test]
fn once_cleared_it_goes_on_as_after_a_start() {
    let mut router = faulty();
    let actions = router.handle(at(1000), Event::FaultCleared);
    assert_eq!(list(actions), [transition(Fault, Backup, Cause::FaultCleared)]);
    assert_eq!(router.deadline(), Some(at_nanoseconds(1_000_000_000 + 3_609_375_000)));
    assert_eq!(router.fault(), None);
}

#[test]
fn once_cleared_the_owner_is_active_at_once() {
    let mut router = active(owner());
    let _failed = router.handle(at(10), Event::Fault(SCRIPT));
    let actions = router.handle(at(1000), Event::FaultCleared);
    assert_eq!(
        list(actions),
        [
            SendAdvert(wire(255)),
            transition(Fault, Active, Cause::FaultCleared),
            AddAddresses,
            ActiveSource(None),
            BATCH,
        ]
    );
}

#[test]
fn shutdown_in_fault_ends_it_without_a_word_on_the_wire() {
    let mut router = faulty();
    let actions = router.handle(at(20), Event::Shutdown);
    assert_eq!(list(actions), [transition(Fault, Initialize, Cause::Shutdown)]);
    assert_eq!(list(router.handle(at(30), Event::FaultCleared)), []);
    assert_eq!(router.state(), Initialize);
}

#[test]
fn priorities_and_parameters_are_kept_up_to_date_in_fault() {
    let mut router = faulty();
    assert_eq!(list(router.handle(at(20), Event::Priority(crate::scene::local(200)))), []);
    assert_eq!(list(router.handle(at(30), Event::Source(HIGHER))), []);
    assert_eq!(router.effective_priority(), crate::scene::local(200));
    assert_eq!(router.parameters().source, HIGHER);
}
