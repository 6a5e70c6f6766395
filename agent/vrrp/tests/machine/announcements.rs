//! When an Active Router announces its addresses: keepalived's schedule, and what a contest adds.

use core::time::Duration;

use regent_vrrp::{
    Action::{self, AddAddresses, Announce, SendAdvert},
    Announcements, Event, Parameters, Router,
    departures::CONTEST_SPACING,
};

use crate::scene::{BATCH, HIGHER, LOWER, active, at, centiseconds, hear, list, milliseconds, v3, wire};

/// The defaults but for the announcements.
fn announcing(announcements: Announcements) -> Parameters {
    Parameters { announcements, ..v3() }
}

fn once() -> Announcements {
    Announcements { delay: Duration::ZERO, lower_priority_delay: Duration::ZERO, ..Announcements::default() }
}

/// Fires every deadline up to `end` milliseconds and returns the announcements with their times in milliseconds.
fn announced_until(router: &mut Router, end: u64) -> Vec<(u64, u8)> {
    let mut announced = Vec::new();
    while let Some(deadline) = router.deadline()
        && deadline <= at(end)
    {
        for action in router.handle(deadline, Event::Deadline) {
            if let Announce { repeat } = action {
                announced.push((deadline.since(at(0)).as_millis().try_into().unwrap_or(u64::MAX), repeat));
            }
        }
    }
    announced
}

#[test]
fn five_at_once_and_five_more_after_five_seconds_by_default() {
    let mut router = active(v3());
    assert_eq!(announced_until(&mut router, 60_000), [(5000, 5)]);
}

#[test]
fn no_delay_means_no_second_batch() {
    let mut router = active(announcing(once()));
    assert_eq!(announced_until(&mut router, 60_000), []);
}

#[test]
fn no_repeat_means_no_announcement_at_all() {
    let silent = Announcements { repeat: 0, lower_priority_repeat: 0, ..Announcements::default() };
    let mut router = Router::new(announcing(silent));
    let _began = router.handle(milliseconds(0), Event::Startup);
    let actions = list(router.handle(at(0), Event::Deadline));
    assert!(!actions.iter().any(|action| matches!(action, Announce { .. })), "{actions:?}");
    assert_eq!(announced_until(&mut router, 60_000), []);
    assert_eq!(hear(&mut router, 50, LOWER, at(60_100)), [SendAdvert(wire(100))]);
}

#[test]
fn while_active_addresses_are_announced_again_every_refresh() {
    let refreshing = Announcements { refresh: Duration::from_secs(20), refresh_repeat: 2, ..once() };
    let mut router = active(announcing(refreshing));
    assert_eq!(announced_until(&mut router, 65_000), [(20_000, 2), (40_000, 2), (60_000, 2)]);
}

#[test]
fn batches_that_fall_together_become_one_and_the_larger_one() {
    let together = Announcements { refresh: Duration::from_secs(5), ..Announcements::default() };
    let mut router = active(announcing(together));
    assert_eq!(announced_until(&mut router, 10_000), [(5000, 5), (10_000, 1)]);
}

#[test]
fn an_advert_that_is_due_goes_before_an_announcement_that_is_due() {
    let mut router = active(v3());
    let _earlier = announced_until(&mut router, 4000);
    let actions = router.handle(at(5000), Event::Deadline);
    assert_eq!(list(actions), [SendAdvert(wire(100)), BATCH]);
}

#[test]
fn a_losing_advert_is_followed_by_two_batches_of_its_own() {
    let contested = Announcements {
        lower_priority_repeat: 3,
        lower_priority_delay: Duration::from_secs(7),
        ..Announcements::default()
    };
    let mut router = active(announcing(contested));
    let _settled = announced_until(&mut router, 20_000);

    assert_eq!(hear(&mut router, 50, HIGHER, at(20_500)), [SendAdvert(wire(100)), Announce { repeat: 3 }]);

    assert_eq!(announced_until(&mut router, 60_000), [(27_500, 3)]);
}

#[test]
fn the_winner_of_a_healed_split_announces_at_once() {
    // The winner has been Active for a minute; the loser's last advert reaches it.
    let mut winner = active(v3());
    let _alone = announced_until(&mut winner, 60_000);
    let mut loser = active(Parameters { source: LOWER, ..v3() });
    let _alone = announced_until(&mut loser, 60_000);

    let parting = hear(&mut loser, 100, crate::scene::OURS, at(60_200));
    assert_eq!(parting.first(), Some(&SendAdvert(wire(100))));

    assert_eq!(hear(&mut winner, 100, LOWER, at(60_201)), [SendAdvert(wire(100)), BATCH]);
}

#[test]
fn a_contest_right_after_a_takeover_is_announced_a_second_later_and_shares_its_second_batch() {
    let mut router = active(v3());
    assert_eq!(hear(&mut router, 50, LOWER, at(1)), [SendAdvert(wire(100))]);
    assert_eq!(announced_until(&mut router, 60_000), [(1000, 5), (5000, 5)]);
}

#[test]
fn a_contest_that_ends_without_a_word_is_announced_once_more_when_the_loser_falls_silent() {
    let parameters = Parameters { interval: centiseconds(10), ..announcing(once()) };
    let mut router = active(parameters);
    let _settled = announced_until(&mut router, 20_000);
    let mut batches = Vec::new();
    // The split heals 700 ms later: the loser hears us and gives in, and nothing says so.
    for step in 0..7 {
        let heard = 20_000 + step * 100;
        let actions = hear(&mut router, 50, LOWER, at(heard));
        batches
            .extend(actions.iter().any(|action| matches!(action, Action::Announce { .. })).then_some(heard));
        batches.extend(announced_until(&mut router, heard).into_iter().map(|(moment, _)| moment));
    }
    batches.extend(announced_until(&mut router, 60_000).into_iter().map(|(moment, _)| moment));
    assert_eq!(batches, [20_000, 20_750]);
}

#[test]
fn a_contest_that_goes_on_is_announced_once_a_second() {
    let parameters = Parameters { interval: centiseconds(10), ..announcing(once()) };
    let mut router = active(parameters);
    let _settled = announced_until(&mut router, 20_000);
    let mut batches = Vec::new();
    for step in 0..35 {
        let heard = 20_000 + step * 100;
        let actions = hear(&mut router, 50, LOWER, at(heard));
        batches
            .extend(actions.iter().any(|action| matches!(action, Action::Announce { .. })).then_some(heard));
        batches.extend(announced_until(&mut router, heard).into_iter().map(|(moment, _)| moment));
    }
    assert_eq!(batches, [20_000, 21_000, 22_000, 23_000]);
}

#[test]
fn without_a_second_batch_a_contest_right_after_a_takeover_is_announced_a_little_later() {
    let mut router = active(announcing(once()));
    assert_eq!(hear(&mut router, 50, LOWER, at(1)), [SendAdvert(wire(100))]);
    assert_eq!(announced_until(&mut router, 60_000), [(1000, 5)]);
}

#[test]
fn a_loser_that_is_deaf_does_not_make_a_storm() {
    let mut router = active(announcing(once()));
    let mut batches = 0;
    // An advert every 10 ms for 100 s, each lost against us.
    for step in 0..10_000 {
        let actions = hear(&mut router, 50, LOWER, at(step * 10));
        batches += actions.iter().filter(|action| matches!(action, Action::Announce { .. })).count();
        batches += announced_until(&mut router, step * 10).len();
    }
    let most = 100 / usize::try_from(CONTEST_SPACING.as_secs()).unwrap_or(1);
    assert!((most / 2..=most).contains(&batches), "{batches} batches");
}

#[test]
fn new_addresses_are_advertised_added_and_announced_twice() {
    let mut router = active(v3());
    let _settled = announced_until(&mut router, 20_000);

    let actions = router.handle(at(20_300), Event::AddressesChanged);

    assert_eq!(list(actions), [SendAdvert(wire(100)), AddAddresses, BATCH]);
    assert_eq!(router.deadline(), Some(at(21_300)));
    assert_eq!(announced_until(&mut router, 60_000), [(25_300, 5)]);
}

#[test]
fn a_new_refresh_starts_with_the_reload_and_no_advert_is_sent_for_it() {
    let mut router = active(announcing(once()));
    let _settled = announced_until(&mut router, 20_000);
    let refreshing = Announcements { refresh: Duration::from_secs(10), ..once() };

    assert_eq!(list(router.handle(at(20_500), Event::Reload(announcing(refreshing)))), []);

    assert_eq!(announced_until(&mut router, 45_000), [(30_500, 1), (40_500, 1)]);
    assert_eq!(list(router.handle(at(45_001), Event::Reload(announcing(once())))), []);
    assert_eq!(announced_until(&mut router, 90_000), []);
}

#[test]
fn a_refresh_that_was_slept_through_is_made_up_for_once() {
    let refreshing = Announcements { refresh: Duration::from_secs(1), ..once() };
    let mut router = active(announcing(refreshing));
    let actions = router.handle(at(2750), Event::Deadline);
    assert_eq!(list(actions), [SendAdvert(wire(100)), Announce { repeat: 1 }]);
    assert_eq!(announced_until(&mut router, 4800), [(3750, 1), (4750, 1)]);
}
