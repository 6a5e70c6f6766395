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

    /// The virtual router MAC: 00-00-5E-00-01-{VRID} for IPv4, 00-00-5E-00-02-{VRID} for IPv6 (RFC 9568 §7.3).
    #[inline(always)]
    pub const fn virtual_mac(self, family: Family) -> [u8; 6] {
        let block = match family {
            Family::Ipv4 => 0x01,
            Family::Ipv6 => 0x02,
        };
        [0x00, 0x00, 0x5e, 0x00, block, self.get()]
    }

    /// The virtual router that a MAC is reserved for, if any.
    #[inline(always)]
    pub const fn of_virtual_mac(mac: [u8; 6]) -> Option<(Family, Self)> {
        let family = match mac {
            [0x00, 0x00, 0x5e, 0x00, 0x01, _] => Family::Ipv4,
            [0x00, 0x00, 0x5e, 0x00, 0x02, _] => Family::Ipv6,
            _ => return None,
        };
        match Self::new(mac[5]) {
            Some(vrid) => Some((family, vrid)),
            None => None,
        }
    }
}

impl fmt::Display for Vrid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
