//! The Virtual Router Identifier.

use core::{fmt, num::NonZeroU8};

use crate::Family;

/// A VRID, 1..=255 (RFC 9568 §5.2.3): zero cannot be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Vrid(NonZeroU8);

impl Vrid {
    /// The VRID of that number, or `None` for 0.
    pub const fn new(number: u8) -> Option<Self> {
        match NonZeroU8::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// The number as it stands on the wire.
    pub const fn get(self) -> u8 {
        self.0.get()
    }

    /// The virtual router MAC (RFC 9568 §7.3): 00-00-5E-00-01-{VRID} for IPv4, 00-00-5E-00-02-{VRID} for IPv6.
    pub const fn virtual_mac(self, family: Family) -> [u8; 6] {
        let family = match family {
            Family::Ipv4 => 0x01,
            Family::Ipv6 => 0x02,
        };
        [0x00, 0x00, 0x5e, 0x00, family, self.get()]
    }
}

impl fmt::Display for Vrid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
