//! Weights of trackers: keepalived's arithmetic.

use regent_common::LocalPriority;
use regent_vrrp::{Tracker, effective};

use crate::scene::local;

const fn tracker(weight: i16, good: bool) -> Tracker {
    Tracker { weight, reverse: false, good }
}

const fn reversed(weight: i16, good: bool) -> Tracker {
    Tracker { weight, reverse: true, good }
}

fn priority<const N: usize>(base: u8, trackers: [Tracker; N]) -> u8 {
    effective(local(base), trackers.into_iter()).0.get()
}

#[test]
fn without_trackers_the_base_counts() {
    assert_eq!(effective(local(100), [].into_iter()), (local(100), None));
}

#[test]
fn a_positive_weight_counts_while_good() {
    assert_eq!(priority(100, [tracker(20, true)]), 120);
    assert_eq!(priority(100, [tracker(20, false)]), 100);
}

#[test]
fn a_negative_weight_counts_while_bad() {
    assert_eq!(priority(100, [tracker(-11, false)]), 89);
    assert_eq!(priority(100, [tracker(-11, true)]), 100);
}

#[test]
fn reverse_flips_the_sign() {
    assert_eq!(priority(100, [reversed(20, true)]), 80);
    assert_eq!(priority(100, [reversed(20, false)]), 100);
    assert_eq!(priority(100, [reversed(-11, false)]), 111);
    assert_eq!(priority(100, [reversed(-11, true)]), 100);
}

#[test]
fn weights_are_summed_before_the_sum_is_held_in_range() {
    assert_eq!(priority(100, [tracker(-253, false), tracker(253, true)]), 100);
    assert_eq!(priority(100, [tracker(-60, false), tracker(-60, false)]), 1);
    assert_eq!(priority(100, [tracker(100, true), tracker(100, true)]), 254);
    assert_eq!(priority(100, [tracker(i16::MIN, false)]), 1);
    assert_eq!(priority(100, [reversed(i16::MIN, false)]), 254);
}

#[test]
fn the_owners_priority_never_changes() {
    let trackers = [tracker(-100, false), tracker(100, true)];
    assert_eq!(effective(LocalPriority::Owner, trackers.into_iter()), (LocalPriority::Owner, None));
}

#[test]
fn the_first_bad_tracker_without_weight_forbids_to_take_part() {
    let trackers = [tracker(-11, false), tracker(0, true), tracker(0, false), tracker(0, false)];
    assert_eq!(effective(local(100), trackers.into_iter()), (local(89), Some(2)));
    assert_eq!(effective(LocalPriority::Owner, trackers.into_iter()), (LocalPriority::Owner, Some(2)));
}

#[test]
fn good_trackers_without_weight_change_nothing() {
    assert_eq!(effective(local(100), [tracker(0, true)].into_iter()), (local(100), None));
}

#[test]
fn reverse_without_weight_forbids_while_good() {
    assert_eq!(effective(local(100), [reversed(0, true)].into_iter()).1, Some(0));
    assert_eq!(effective(local(100), [reversed(0, false)].into_iter()).1, None);
}

#[test]
fn the_classic_example_moves_the_address() {
    // Priorities 100 and 90, weight -11.
    assert!(priority(100, [tracker(-11, false)]) < priority(90, [tracker(-11, true)]));
    assert!(priority(100, [tracker(-11, true)]) > priority(90, [tracker(-11, true)]));
}
