//! RFC 3768 §6.1: Skew_Time and Master_Down_Interval of version 2, against numbers worked out by hand.

use regent_common::Version;
use regent_vrrp::{Event, active_down_interval, skew_time};

use crate::scene::{HIGHER, advert, at, at_nanoseconds, backup, centiseconds, local, v2};

fn skew(priority: u8, seconds: u16) -> u128 {
    skew_time(Version::V2, local(priority), centiseconds(seconds * 100)).as_nanos()
}

#[test]
fn the_skew_does_not_scale_with_the_interval() {
    for seconds in [1, 2, 10, 255] {
        assert_eq!(skew(100, seconds), 609_375_000);
    }
}

#[test]
fn the_ends_of_the_range_of_priorities_in_version_2() {
    assert_eq!(skew(1, 1), 996_093_750);
    assert_eq!(skew(254, 1), 7_812_500);
    assert_eq!(skew(255, 1), 3_906_250);
}

#[test]
fn master_down_interval_is_three_intervals_and_the_skew() {
    let down = |priority, seconds: u16| {
        active_down_interval(Version::V2, local(priority), centiseconds(seconds * 100), 3).as_nanos()
    };
    assert_eq!(down(100, 1), 3_609_375_000);
    assert_eq!(down(150, 1), 3_414_062_500);
    assert_eq!(down(100, 10), 30_609_375_000);
    assert_eq!(down(1, 255), 765_996_093_750);
}

#[test]
fn the_interval_is_never_learned() {
    let mut router = backup(v2());
    let mut other = advert(150, HIGHER, at(500));
    other.interval = centiseconds(300);

    let _followed = router.handle(at(500), Event::Advert(other));

    assert_eq!(router.active_interval(), centiseconds(100));
    assert_eq!(router.deadline(), Some(at_nanoseconds(500_000_000 + 3_609_375_000)));
}
