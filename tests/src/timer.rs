//! The RFC's timers, worked out apart from the agent: what the scenarios hold the daemons to.

use std::time::Duration;

use regent_common::Version;

/// What an election's timing depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Protocol version.
    pub version: Version,
    /// Interval of the router that is Active.
    pub interval: Duration,
}

impl Timing {
    /// Skew_Time of a router of this priority: RFC 9568 §6.1 `((256 - priority) * Active_Adver_Interval) / 256`,
    /// RFC 3768 §6.1 `(256 - priority) / 256` seconds.
    pub fn skew(self, priority: u8) -> Duration {
        let unit = match self.version {
            Version::V2 => Duration::from_secs(1),
            Version::V3 => self.interval,
        };
        unit * (256 - u32::from(priority)) / 256
    }

    /// Active_Down_Interval: `3 * interval + skew`.
    pub fn down(self, priority: u8) -> Duration {
        self.interval * 3 + self.skew(priority)
    }

    /// The latest that a takeover may be seen after the last advert of the old Active: the formula plus one interval.
    pub fn down_bound(self, priority: u8) -> Duration {
        self.down(priority) + self.interval
    }

    /// The latest that a takeover may be seen after a priority 0: skew plus one interval.
    pub fn skew_bound(self, priority: u8) -> Duration {
        self.skew(priority) + self.interval
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_worked_out_by_hand() {
        let second = Timing { version: Version::V2, interval: Duration::from_secs(1) };
        assert_eq!(second.skew(100), Duration::from_nanos(609_375_000));
        assert_eq!(second.down(100), Duration::from_nanos(3_609_375_000));
        // Version 2's skew does not scale with the interval.
        let slow = Timing { version: Version::V2, interval: Duration::from_secs(10) };
        assert_eq!(slow.skew(100), Duration::from_nanos(609_375_000));
        let fast = Timing { version: Version::V3, interval: Duration::from_millis(10) };
        assert_eq!(fast.skew(254), Duration::from_nanos(78_125));
    }
}
