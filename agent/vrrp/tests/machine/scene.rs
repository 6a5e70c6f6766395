//! What the tests start from: a router of priority 100 at 10.0.0.2 with an interval of one second, after a day or so.

use core::time::Duration;

use regent_common::{AdvertInterval, LocalPriority, Priority, Version};
use regent_vrrp::{
    Action, Actions, Advert, Announcements, Cause, Event, Instant, Parameters, Preemption, Router, StateName,
    Transition,
};

/// The address of the router under test.
pub const OURS: [u8; 16] = ipv4([10, 0, 0, 2]);
/// An address below it.
pub const LOWER: [u8; 16] = ipv4([10, 0, 0, 1]);
/// An address above it.
pub const HIGHER: [u8; 16] = ipv4([10, 0, 0, 3]);
/// When the scenes begin.
pub const BEGINNING: Instant = milliseconds(BEGINNING_MILLISECONDS);
/// So late that every timer may have run out before.
pub const BEGINNING_MILLISECONDS: u64 = 100_000_000;
/// keepalived's batch, and the default.
pub const BATCH: Action = Action::Announce { repeat: 5 };

pub const fn ipv4([a, b, c, d]: [u8; 4]) -> [u8; 16] {
    [a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
}

pub const fn milliseconds(milliseconds: u64) -> Instant {
    Instant::from_nanoseconds(milliseconds * 1_000_000)
}

/// That many milliseconds after the beginning of the scene.
pub fn at(after: u64) -> Instant {
    BEGINNING + Duration::from_millis(after)
}

/// That many nanoseconds after the beginning of the scene.
pub fn at_nanoseconds(after: u64) -> Instant {
    BEGINNING + Duration::from_nanos(after)
}

pub fn centiseconds(centiseconds: u16) -> AdvertInterval {
    AdvertInterval::from_centiseconds(centiseconds).expect("an interval of 1..=25500 cs")
}

pub fn local(priority: u8) -> LocalPriority {
    LocalPriority::new(priority).expect("a priority of 1..=255")
}

pub const fn wire(priority: u8) -> Priority {
    Priority::from_wire(priority)
}

pub fn v3() -> Parameters {
    Parameters {
        version: Version::V3,
        priority: local(100),
        interval: centiseconds(100),
        preemption: Preemption::After(Duration::ZERO),
        source: OURS,
        announcements: Announcements::default(),
        down_timer_adverts: 3,
        asserts: true,
        concedes: true,
    }
}

pub fn v2() -> Parameters {
    Parameters { version: Version::V2, ..v3() }
}

pub fn owner() -> Parameters {
    Parameters { priority: LocalPriority::Owner, ..v3() }
}

pub fn nopreempt() -> Parameters {
    Parameters { preemption: Preemption::Never, ..v3() }
}

/// Announces once on becoming Active and never again, so that nothing but Adver_Timer makes a deadline.
pub fn quiet(parameters: Parameters) -> Parameters {
    Parameters {
        announcements: Announcements {
            delay: Duration::ZERO,
            lower_priority_delay: Duration::ZERO,
            ..Announcements::default()
        },
        ..parameters
    }
}

/// A router that entered Backup at the beginning.
pub fn backup(parameters: Parameters) -> Router {
    let mut router = Router::new(parameters);
    let actions = router.handle(BEGINNING, Event::Startup);
    assert_eq!(list(actions), [transition(StateName::Initialize, StateName::Backup, Cause::Startup)]);
    router
}

/// A router that became Active at the beginning, because it heard nothing.
pub fn active(parameters: Parameters) -> Router {
    let mut router = Router::new(parameters);
    match parameters.priority {
        LocalPriority::Owner => {
            let _began = router.handle(BEGINNING, Event::Startup);
        }
        LocalPriority::Backup(_) => {
            let down = u64::try_from(router.active_down_interval().as_nanos()).unwrap_or(u64::MAX);
            let began = Instant::from_nanoseconds(BEGINNING.nanoseconds() - down);
            let _began = router.handle(began, Event::Startup);
            let _woke = router.handle(BEGINNING, Event::Deadline);
        }
    }
    assert_eq!(router.state(), StateName::Active);
    router
}

/// An advert with our interval that arrives as it is handled.
pub fn advert(priority: u8, source: [u8; 16], arrived: Instant) -> Advert {
    Advert { arrived, source, priority: wire(priority), interval: centiseconds(100) }
}

/// Handles an advert at the moment of its arrival.
pub fn hear(router: &mut Router, priority: u8, source: [u8; 16], arrived: Instant) -> Vec<Action> {
    list(router.handle(arrived, Event::Advert(advert(priority, source, arrived))))
}

pub fn transition(from: StateName, to: StateName, cause: Cause) -> Action {
    Action::Transition(Transition { from, to, cause })
}

pub fn list(actions: Actions) -> Vec<Action> {
    actions.into_iter().collect()
}
