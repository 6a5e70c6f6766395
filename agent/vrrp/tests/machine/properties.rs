//! What holds after any sequence of events, however senseless.

use core::time::Duration;

use proptest::{
    collection::vec,
    prelude::{Just, Strategy, any, prop_oneof, proptest},
    prop_assert, prop_assert_eq,
};
use regent_common::{AdvertInterval, LocalPriority, Priority, Version};
use regent_vrrp::{
    Action, Actions, Advert, Announcements, Event, FaultCause, Instant, Parameters, Preemption, Router,
    StateName,
};

use crate::scene::{LOWER, OURS, ipv4, local};

/// The longest list that any event makes: eight is what [`Actions`] holds.
const LONGEST: usize = 5;

fn priorities() -> impl Strategy<Value = LocalPriority> {
    (1..=255_u8).prop_map(local)
}

fn intervals() -> impl Strategy<Value = AdvertInterval> {
    prop_oneof![Just(1), Just(10), Just(100), 1..=4095_u16].prop_map(crate::scene::centiseconds)
}

fn sources() -> impl Strategy<Value = [u8; 16]> {
    (1..=4_u8).prop_map(|last| ipv4([10, 0, 0, last]))
}

fn durations() -> impl Strategy<Value = Duration> {
    prop_oneof![Just(0), 1..=20_000_u64].prop_map(Duration::from_millis)
}

fn announcements() -> impl Strategy<Value = Announcements> {
    (0..=5_u8, durations(), durations(), 0..=5_u8, 0..=5_u8, durations()).prop_map(
        |(repeat, delay, refresh, refresh_repeat, lower_priority_repeat, lower_priority_delay)| {
            Announcements {
                repeat,
                delay,
                refresh,
                refresh_repeat,
                lower_priority_repeat,
                lower_priority_delay,
            }
        },
    )
}

fn parameters() -> impl Strategy<Value = Parameters> {
    let preemption = prop_oneof![Just(Preemption::Never), durations().prop_map(Preemption::After)];
    let version = prop_oneof![Just(Version::V2), Just(Version::V3)];
    let contests = (any::<bool>(), any::<bool>());
    (version, priorities(), intervals(), preemption, sources(), announcements(), any::<u8>(), contests)
        .prop_map(
            |(
                version,
                priority,
                interval,
                preemption,
                source,
                announcements,
                down_timer_adverts,
                (asserts, concedes),
            )| Parameters {
                version,
                priority,
                interval,
                preemption,
                source,
                announcements,
                down_timer_adverts,
                asserts,
                concedes,
            },
        )
}

/// An event, and how long after its arrival an advert is handled.
fn events() -> impl Strategy<Value = Event> {
    let adverts = (any::<u8>(), sources(), intervals(), 0..=3_000_u64).prop_map(
        |(priority, source, interval, arrived)| {
            Event::Advert(Advert {
                // How long before it is handled, until `run` knows when that is.
                arrived: Instant::from_nanoseconds(arrived * 1_000_000),
                source,
                priority: Priority::from_wire(priority),
                interval,
            })
        },
    );
    let causes = prop_oneof![Just(FaultCause::Interface), Just(FaultCause::TrackedScript)];
    prop_oneof![
        6 => Just(Event::Deadline),
        6 => adverts,
        3 => Just(Event::Startup),
        1 => Just(Event::Shutdown),
        1 => causes.prop_map(Event::Fault),
        2 => Just(Event::FaultCleared),
        1 => priorities().prop_map(Event::Priority),
        1 => sources().prop_map(Event::Source),
        1 => Just(Event::Deaf),
        1 => parameters().prop_map(Event::Reload),
        1 => Just(Event::AddressesChanged),
        1 => Just(Event::AdvertChanged),
    ]
}

/// When an event comes: a while after the one before, or when the router asked for it.
#[derive(Clone, Copy, Debug)]
enum Pace {
    After(Duration),
    AtDeadline,
}

fn steps() -> impl Strategy<Value = Vec<(Pace, Event)>> {
    let pace = prop_oneof![durations().prop_map(Pace::After), Just(Pace::AtDeadline)];
    vec((pace, events()), 1..60)
}

/// One event that was handled, and everything around it.
struct Handled {
    now: Instant,
    event: Event,
    before: Router,
    actions: Actions,
    after: Router,
}

fn run(parameters: Parameters, steps: Vec<(Pace, Event)>) -> Vec<Handled> {
    // So late that nothing comes near the beginning of time.
    let mut now = Instant::from_nanoseconds(1_000_000_000_000);
    let mut router = Router::new(parameters);
    let mut handled = Vec::new();
    for (pace, event) in steps {
        now = match (pace, router.deadline()) {
            (Pace::After(duration), _) => now + duration,
            (Pace::AtDeadline, Some(deadline)) => now.max(deadline),
            (Pace::AtDeadline, None) => now,
        };
        let event = match event {
            Event::Advert(advert) => {
                let arrived = now.nanoseconds().saturating_sub(advert.arrived.nanoseconds());
                Event::Advert(Advert { arrived: Instant::from_nanoseconds(arrived), ..advert })
            }
            Event::Startup
            | Event::Shutdown
            | Event::Deadline
            | Event::Fault(_)
            | Event::FaultCleared
            | Event::Priority(_)
            | Event::Source(_)
            | Event::Deaf
            | Event::Reload(_)
            | Event::AddressesChanged
            | Event::AdvertChanged => event,
        };
        let before = router.clone();
        let actions = router.handle(now, event);
        handled.push(Handled { now, event, before, actions, after: router.clone() });
    }
    handled
}

fn count(actions: &Actions, wanted: impl Fn(&Action) -> bool) -> usize {
    actions.iter().filter(|action| wanted(action)).count()
}

proptest! {
    #[test]
    fn no_event_makes_more_than_five_actions(parameters in parameters(), steps in steps()) {
        for step in run(parameters, steps) {
            prop_assert!(step.actions.len() <= LONGEST, "{:?} made {:?}", step.event, step.actions);
        }
    }

    #[test]
    fn there_is_a_deadline_in_backup_and_active_and_nowhere_else(parameters in parameters(), steps in steps()) {
        for step in run(parameters, steps) {
            let waits = match step.after.state() {
                StateName::Backup | StateName::Active => true,
                StateName::Initialize | StateName::Fault => false,
            };
            prop_assert_eq!(step.after.deadline().is_some(), waits);
        }
    }

    #[test]
    fn after_a_deadline_was_handled_the_next_one_is_in_the_future(parameters in parameters(), steps in steps()) {
        for mut step in run(parameters, steps) {
            // Whatever happened, firing once leaves nothing due: the loop cannot spin.
            let _fired = step.after.handle(step.now, Event::Deadline);
            if let Some(deadline) = step.after.deadline() {
                prop_assert!(deadline > step.now, "{:?} left {:?}", step.event, step.after);
            }
        }
    }

    #[test]
    fn a_deadline_that_is_early_does_nothing(parameters in parameters(), steps in steps()) {
        for step in run(parameters, steps) {
            let mut router = step.after.clone();
            if router.deadline().is_none_or(|deadline| deadline > step.now) {
                prop_assert_eq!(router.handle(step.now, Event::Deadline).len(), 0);
                prop_assert_eq!(router, step.after);
            }
        }
    }

    #[test]
    fn each_change_of_state_has_one_transition_that_tells_it(parameters in parameters(), steps in steps()) {
        for step in run(parameters, steps) {
            let told: Vec<_> = step.actions.iter().filter_map(|action| match action {
                Action::Transition(transition) => Some((transition.from, transition.to)),
                Action::SendAdvert(_)
                | Action::AddAddresses
                | Action::RemoveAddresses
                | Action::Announce { .. }
                | Action::CancelAnnouncements
                | Action::ActiveSource(_) => None,
            }).collect();
            let changed = (step.before.state(), step.after.state());
            prop_assert_eq!(told, if changed.0 == changed.1 { vec![] } else { vec![changed] });
        }
    }

    #[test]
    fn addresses_come_with_active_and_go_with_it(parameters in parameters(), steps in steps()) {
        for step in run(parameters, steps) {
            let was = step.before.state() == StateName::Active;
            let is = step.after.state() == StateName::Active;
            let adds = count(&step.actions, |action| *action == Action::AddAddresses);
            let removes = count(&step.actions, |action| *action == Action::RemoveAddresses);
            let changed = usize::from(was && step.event == Event::AddressesChanged);
            prop_assert_eq!(adds, usize::from(!was && is) + changed);
            prop_assert_eq!(removes, usize::from(was && !is));
            prop_assert_eq!(count(&step.actions, |action| *action == Action::CancelAnnouncements), removes);
        }
    }

    #[test]
    fn only_an_active_router_announces(parameters in parameters(), steps in steps()) {
        for step in run(parameters, steps) {
            let announces = count(&step.actions, |action| matches!(action, Action::Announce { .. }));
            prop_assert!(announces <= 1);
            prop_assert!(announces == 0 || step.after.state() == StateName::Active);
            prop_assert_eq!(count(&step.actions, |action| *action == Action::Announce { repeat: 0 }), 0);
        }
    }

    #[test]
    fn only_a_router_that_is_or_was_active_advertises(parameters in parameters(), steps in steps()) {
        for step in run(parameters, steps) {
            let was = step.before.state() == StateName::Active;
            let is = step.after.state() == StateName::Active;
            for action in &step.actions {
                match action {
                    Action::SendAdvert(Priority::Resigning) => {
                        prop_assert!(was && !is && step.after.state() != StateName::Backup);
                    }
                    Action::SendAdvert(priority) => {
                        prop_assert!(was || is);
                        prop_assert_eq!(*priority, Priority::from(step.after.effective_priority()));
                    }
                    Action::Transition(_)
                    | Action::AddAddresses
                    | Action::RemoveAddresses
                    | Action::Announce { .. }
                    | Action::CancelAnnouncements
                    | Action::ActiveSource(_) => {}
                }
            }
            prop_assert!(count(&step.actions, |action| matches!(action, Action::SendAdvert(_))) <= 1);
        }
    }

    #[test]
    fn in_doubt_nothing_is_said_before_it_was_listened_for_an_interval_and_a_half(
        parameters in parameters(),
        steps in steps(),
    ) {
        let (mut listens_since, mut reloaded) = (None, false);
        for step in run(parameters, steps) {
            if !step.before.is_in_doubt(step.now) {
                (listens_since, reloaded) = (None, false);
                continue;
            }
            // Who became the owner need not listen; another interval is another length.
            reloaded |= matches!(step.event, Event::Reload(_));
            if reloaded {
                continue;
            }
            let says = count(&step.actions, |action| match action {
                Action::SendAdvert(priority) => *priority != Priority::Resigning,
                Action::Announce { .. } => true,
                Action::Transition(_)
                | Action::AddAddresses
                | Action::RemoveAddresses
                | Action::CancelAnnouncements
                | Action::ActiveSource(_) => false,
            });
            if says > 0 {
                prop_assert_eq!(step.event, Event::Deadline);
                let least = step.before.parameters().interval.duration() * 3 / 2;
                prop_assert!(listens_since.is_some_and(|since: Instant| step.now.since(since) >= least));
                prop_assert!(!step.after.is_in_doubt(step.now));
            } else if step.event == Event::Deadline {
                listens_since = listens_since.or(Some(step.now));
            }
        }
    }

    #[test]
    fn whoever_takes_over_from_one_that_stands_still_is_obeyed(
        parameters in parameters(),
        priority in 1..=255_u8,
        slept in 1..=100_u64,
        lateness in 0..=100_u64,
    ) {
        let parameters = Parameters { source: OURS, ..parameters };
        let mut router = crate::scene::active(parameters);
        let safe = parameters.interval.duration() * u32::from(parameters.down_timer_adverts.max(2));
        let arrived = crate::scene::BEGINNING + safe + Duration::from_millis(slept);
        let now = arrived + Duration::from_millis(lateness);
        let advert = Advert { arrived, ..crate::scene::advert(priority, LOWER, arrived) };

        let actions = router.handle(now, Event::Advert(advert));

        if parameters.priority == LocalPriority::Owner {
            prop_assert_eq!(router.state(), StateName::Active);
        } else {
            prop_assert_eq!(router.state(), StateName::Backup);
            prop_assert_eq!(count(&actions, |action| matches!(action, Action::SendAdvert(_))), 0);
            prop_assert!(router.deadline() >= Some(now));
        }
    }

    #[test]
    fn a_router_that_was_set_back_does_the_same_so_much_earlier(
        parameters in parameters(),
        steps in steps(),
        by in durations(),
    ) {
        for step in run(parameters, steps) {
            let mut earlier = step.before.set_back(by);
            let event = match step.event {
                Event::Advert(advert) => Event::Advert(Advert { arrived: advert.arrived - by, ..advert }),
                Event::Startup
                | Event::Shutdown
                | Event::Deadline
                | Event::Fault(_)
                | Event::FaultCleared
                | Event::Priority(_)
                | Event::Source(_)
                | Event::Deaf
                | Event::Reload(_)
                | Event::AddressesChanged
                | Event::AdvertChanged => step.event,
            };
            prop_assert_eq!(earlier.handle(step.now - by, event), step.actions);
            prop_assert_eq!(earlier, step.after.set_back(by));
        }
    }

    #[test]
    fn a_router_that_was_resumed_does_what_the_original_would(parameters in parameters(), steps in steps()) {
        for step in run(parameters, steps) {
            let Some(snapshot) = step.before.snapshot() else {
                prop_assert_eq!(step.before.state(), StateName::Initialize);
                continue;
            };
            let mut resumed = Router::resume(*step.before.parameters(), &snapshot);
            prop_assert_eq!(&resumed, &step.before);
            prop_assert_eq!(resumed.handle(step.now, step.event), step.actions);
            prop_assert_eq!(resumed, step.after);
        }
    }

    #[test]
    fn ownership_is_a_matter_of_the_parameters(parameters in parameters(), steps in steps()) {
        for step in run(parameters, steps) {
            prop_assert_eq!(
                step.after.effective_priority() == LocalPriority::Owner,
                step.after.parameters().priority == LocalPriority::Owner
            );
        }
    }

    #[test]
    fn the_kept_source_is_the_one_that_is_followed(parameters in parameters(), steps in steps()) {
        let mut kept = None;
        for step in run(parameters, steps) {
            for action in &step.actions {
                if let Action::ActiveSource(source) = action {
                    kept = *source;
                }
            }
            let followed = match step.after.state() {
                StateName::Backup => step.after.active().map(|(source, _)| source),
                StateName::Active | StateName::Initialize | StateName::Fault => None,
            };
            prop_assert_eq!(kept, followed);
        }
    }

    #[test]
    fn an_advert_that_is_handled_twice_counts_once_in_backup(parameters in parameters(), steps in steps()) {
        for step in run(parameters, steps) {
            if let Event::Advert(_) = step.event && step.before.state() == StateName::Backup {
                let mut again = step.after.clone();
                prop_assert_eq!(again.handle(step.now, step.event).len(), 0);
                prop_assert_eq!(again, step.after);
            }
        }
    }

    #[test]
    fn an_advert_moves_the_down_timer_of_a_backup_only_if_it_counts(
        parameters in parameters(),
        steps in steps(),
    ) {
        for step in run(parameters, steps) {
            let Event::Advert(advert) = step.event else { continue };
            if step.before.state() != StateName::Backup {
                continue;
            }
            let preempts = match step.before.parameters().preemption {
                Preemption::After(delay) => delay.is_zero(),
                Preemption::Never => false,
            };
            let lower = advert.priority < Priority::from(step.before.effective_priority());
            let discarded = preempts && lower && advert.priority != Priority::Resigning;
            if discarded {
                prop_assert_eq!(step.before.deadline(), step.after.deadline());
                prop_assert_eq!(step.before.active(), step.after.active());
            }
        }
    }

    #[test]
    fn a_backup_that_hears_an_active_router_in_time_never_takes_over(
        parameters in parameters(),
        gaps in vec(1..=100_u64, 1..100),
        lateness in 0..=100_u64,
    ) {
        // One that is not below it, or any one without Preempt_Mode.
        let priority = match parameters.preemption {
            Preemption::Never if parameters.priority != LocalPriority::Owner => 1,
            Preemption::Never | Preemption::After(_) => 255,
        };
        let parameters = Parameters {
            version: Version::V2,
            down_timer_adverts: parameters.down_timer_adverts.max(1),
            interval: crate::scene::centiseconds(100),
            ..parameters
        };
        let mut router = Router::new(parameters);
        let mut now = Instant::from_nanoseconds(0);
        let _began = router.handle(now, Event::Startup);
        if router.state() == StateName::Active {
            // The owner: it listens only once it has lost.
            let _lost = router.handle(now, Event::Advert(crate::scene::advert(255, [0xff; 16], now)));
        }
        for gap in gaps {
            // Up to one interval apart, handled up to a tenth of it late, the deadline fired wherever it may lie.
            now = now + Duration::from_millis(gap * 10);
            let heard = crate::scene::advert(priority, [0xff; 16], now);
            let _heard = router.handle(now + Duration::from_millis(lateness), Event::Advert(heard));
            let _fired = router.handle(now + Duration::from_millis(lateness), Event::Deadline);
            prop_assert_eq!(router.state(), StateName::Backup);
        }
    }

    #[test]
    fn adverts_of_an_undisturbed_active_router_are_never_closer_than_an_interval(
        parameters in parameters(),
        sleeps in vec(0..=5_000_u64, 1..100),
    ) {
        let mut router = crate::scene::active(Parameters { source: OURS, ..parameters });
        let mut now = crate::scene::BEGINNING;
        let interval = parameters.interval.duration();
        let mut sent = 0_u32;
        let began = now;
        for sleep in sleeps {
            now = router.deadline().unwrap_or(now).max(now) + Duration::from_millis(sleep);
            let actions = router.handle(now, Event::Deadline);
            sent += u32::from(actions.contains(&Action::SendAdvert(parameters.priority.into())));
            prop_assert!(interval * sent <= now.since(began), "{sent} adverts in {:?}", now.since(began));
        }
    }

    #[test]
    fn of_two_active_routers_exactly_one_goes_on(ours in priorities(), theirs in priorities()) {
        let parameters = |priority, source| Parameters { priority, source, ..crate::scene::v3() };
        let mut left = crate::scene::active(parameters(ours, LOWER));
        let mut right = crate::scene::active(parameters(theirs, OURS));
        let now = crate::scene::at(1_000);
        let from_left = crate::scene::advert(ours.get(), LOWER, now);
        let from_right = crate::scene::advert(theirs.get(), OURS, now);

        let _heard = left.handle(now, Event::Advert(from_right));
        let _heard = right.handle(now, Event::Advert(from_left));

        prop_assert!((left.state() == StateName::Active) != (right.state() == StateName::Active));
        prop_assert_eq!(left.state() == StateName::Active, ours > theirs);
    }
}
