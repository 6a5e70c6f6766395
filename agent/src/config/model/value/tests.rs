//! Tests of `value`.

use super::{Decimal, microseconds, whole_number};

fn value(text: &str) -> Option<u64> {
    match microseconds(text) {
        Decimal::Value(value) => Some(value),
        Decimal::TooLarge | Decimal::NotANumber => None,
    }
}

#[test]
fn seconds_are_read_digit_by_digit() {
    assert_eq!(value("1"), Some(1_000_000));
    assert_eq!(value("0.01"), Some(10_000));
    assert_eq!(value(".5"), Some(500_000));
    assert_eq!(value("40.95"), Some(40_950_000));
    assert_eq!(value("2."), Some(2_000_000));
    assert_eq!(value("+1.5"), Some(1_500_000));
    assert_eq!(value("0.000001"), Some(1));
}

#[test]
fn digits_finer_than_a_microsecond_are_dropped() {
    assert_eq!(value("0.1234567"), Some(123_456));
}

#[test]
fn what_is_no_decimal_is_no_number_of_seconds() {
    for text in ["", ".", "1s", "-1", "+", "++1", "+-1", "1,5", "1.2.3", "0x10", "१"] {
        assert!(matches!(microseconds(text), Decimal::NotANumber), "{text}");
    }
}

#[test]
fn a_decimal_beyond_all_ranges_is_too_large() {
    for text in ["99999999999999999999", "18446744073710"] {
        assert!(matches!(microseconds(text), Decimal::TooLarge), "{text}");
    }
}

#[test]
fn a_whole_number_beyond_all_ranges_is_still_a_number() {
    assert_eq!(whole_number("-253"), Some(-253));
    assert_eq!(whole_number("+10"), Some(10));
    assert_eq!(whole_number("99999999999999999999"), Some(i64::MAX));
    assert_eq!(whole_number("-99999999999999999999"), Some(i64::MIN));
    for text in ["", "-", "+", "+-1", "-+1", "1.5", "0x10", "1 "] {
        assert_eq!(whole_number(text), None, "{text}");
    }
}
