//! The one translation between the RFC's words inside and keepalived's words at the rim, and how times are written.

use std::time::Duration;

use regent_vrrp::StateName;

/// INIT, BACKUP, MASTER, FAULT: what keepalived, its exporters and its users say.
pub const fn state(state: StateName) -> &'static str {
    match state {
        StateName::Initialize => "INIT",
        StateName::Backup => "BACKUP",
        StateName::Active => "MASTER",
        StateName::Fault => "FAULT",
    }
}

/// keepalived's number of a state, as its JSON and its exporters have it.
pub const fn state_number(state: StateName) -> u8 {
    match state {
        StateName::Initialize => 0,
        StateName::Backup => 1,
        StateName::Active => 2,
        StateName::Fault => 3,
    }
}

/// The states, in the order of their numbers.
pub const STATES: [StateName; 4] =
    [StateName::Initialize, StateName::Backup, StateName::Active, StateName::Fault];

/// keepalived's number of a state by its word at the rim; `None` for no such word.
pub fn state_number_of(word: &str) -> Option<u8> {
    STATES.into_iter().find(|name| state(*name) == word).map(state_number)
}

/// A measured time, to three places, cut: `3.609 s`, `609.375 ms`.
pub fn lapse(time: Duration) -> String {
    let (seconds, nanoseconds) = (time.as_secs(), time.subsec_nanos());
    if seconds > 0 {
        format!("{seconds}.{:03} s", nanoseconds / 1_000_000)
    } else {
        format!("{}.{:03} ms", nanoseconds / 1_000_000, nanoseconds / 1000 % 1000)
    }
}

/// An age for people, in the two largest units: `3 d 4 h`, `12 min 5 s`, `7 s`; `0 s` below one second.
pub fn age(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, _, _) => format!("{hours} h {minutes} min"),
        (_, _, _) => format!("{days} d {hours} h"),
    }
}

/// An interval of adverts, without needless zeros: `1 s`, `1.5 s`, `100 ms`.
pub fn interval(milliseconds: u64) -> String {
    let (seconds, rest) = (milliseconds / 1000, milliseconds % 1000);
    match (seconds, rest) {
        (0, _) => format!("{rest} ms"),
        (_, 0) => format!("{seconds} s"),
        (_, _) => format!("{seconds}.{} s", format!("{rest:03}").trim_end_matches('0')),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_has_one_word_and_one_number() {
        for (number, name) in STATES.into_iter().enumerate() {
            assert_eq!(usize::from(state_number(name)), number);
            assert_eq!(state_number_of(state(name)), Some(state_number(name)));
        }
        assert_eq!(state_number_of("ACTIVE"), None);
    }

    #[test]
    fn lapses_are_cut_to_three_places() {
        assert_eq!(lapse(Duration::from_micros(3_609_375)), "3.609 s");
        assert_eq!(lapse(Duration::from_micros(609_375)), "609.375 ms");
        assert_eq!(lapse(Duration::from_nanos(78_125)), "0.078 ms");
        assert_eq!(lapse(Duration::from_millis(1_999)), "1.999 s");
    }

    #[test]
    fn ages_show_two_units() {
        assert_eq!(age(999), "0 s");
        assert_eq!(age(59_999), "59 s");
        assert_eq!(age(60_000), "1 min 0 s");
        assert_eq!(age(3_600_000 + 120_000), "1 h 2 min");
        assert_eq!(age(86_400_000 * 3 + 3_600_000 * 4), "3 d 4 h");
    }

    #[test]
    fn intervals_have_no_needless_zeros() {
        assert_eq!(interval(1000), "1 s");
        assert_eq!(interval(1500), "1.5 s");
        assert_eq!(interval(40_950), "40.95 s");
        assert_eq!(interval(100), "100 ms");
    }
}
