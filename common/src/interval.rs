//! The advertisement interval: the one file that turns wire units into time.

use core::{fmt, num::NonZeroU16, time::Duration};

/// How often an Active Router advertises, in centiseconds.
///
/// 1..=4095 cs fit a version 3 advert (RFC 9568 §5.2.7; 0 is illegal, erratum 8301), whole seconds
/// 1..=255 s fit a version 2 advert (RFC 3768 §5.3.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AdvertInterval(NonZeroU16);

impl AdvertInterval {
    /// The default of both RFCs: one second.
    pub const DEFAULT: Self = match Self::from_centiseconds(100) {
        Some(interval) => interval,
        None => unreachable!(),
    };
    /// The longest interval that version 3 can say, in centiseconds.
    pub const MAX_V3_CENTISECONDS: u16 = 4095;

    /// 1..=25500 cs; `None` outside.
    pub const fn from_centiseconds(centiseconds: u16) -> Option<Self> {
        match NonZeroU16::new(centiseconds) {
            Some(value) if centiseconds <= 25_500 => Some(Self(value)),
            Some(_) | None => None,
        }
    }

    /// The Adver Int byte of a version 2 advert, in seconds; `None` for 0.
    pub const fn from_v2_wire(seconds: u8) -> Option<Self> {
        Self::from_centiseconds(seconds as u16 * 100)
    }

    /// The Max Adver Int field of a version 3 advert; the four reserved bits are ignored. `None` for 0.
    pub const fn from_v3_wire(field: u16) -> Option<Self> {
        Self::from_centiseconds(field & 0x0fff)
    }

    /// Centiseconds, 1..=25500.
    pub const fn centiseconds(self) -> u16 {
        self.0.get()
    }

    /// As time, exact.
    pub const fn duration(self) -> Duration {
        Duration::from_millis(self.0.get() as u64 * 10)
    }

    /// Nanoseconds, exact.
    pub const fn nanoseconds(self) -> u64 {
        self.0.get() as u64 * 10_000_000
    }

    /// The byte of a version 2 advert; `None` when it is not whole seconds.
    pub const fn v2_wire(self) -> Option<u8> {
        let value = self.0.get();
        if value.is_multiple_of(100) { Some((value / 100) as u8) } else { None }
    }

    /// The field of a version 3 advert; `None` above 4095 cs.
    pub const fn v3_wire(self) -> Option<u16> {
        let value = self.0.get();
        if value <= Self::MAX_V3_CENTISECONDS { Some(value) } else { None }
    }
}

impl fmt::Display for AdvertInterval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, rest) = (self.0.get() / 100, self.0.get() % 100);
        if rest == 0 { write!(f, "{seconds} s") } else { write!(f, "{} ms", u32::from(self.0.get()) * 10) }
    }
}
