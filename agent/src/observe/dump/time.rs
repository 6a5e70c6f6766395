//! Moments as keepalived writes them.

use jiff::{Timestamp, tz::TimeZone};

/// `1795279689.319575 (Sat Nov 21 16:48:09.319575 2026)`, by the clock of the host.
pub(super) fn moment(unix_us: u64) -> String {
    format!("{} ({})", seconds(unix_us), local(unix_us, "%a %b %e %H:%M:%S.%6f %Y"))
}

/// Unix time in seconds, to six places.
pub(super) fn seconds(unix_us: u64) -> String {
    format!("{}.{:06}", unix_us / 1_000_000, unix_us % 1_000_000)
}

fn local(unix_us: u64, format: &str) -> String {
    let moment = i64::try_from(unix_us).ok().and_then(|unix_us| Timestamp::from_microsecond(unix_us).ok());
    moment.unwrap_or_default().to_zoned(TimeZone::system()).strftime(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_twice() {
        let text = moment(1_795_279_689_319_575);
        assert!(text.starts_with("1795279689.319575 ("), "{text}");
        assert!(text.ends_with(".319575 2026)"), "{text}");
        assert_eq!(seconds(1_000_007), "1.000007");
    }
}
