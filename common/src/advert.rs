//! The VRRP message: RFC 9568 §5.2 (version 3) and RFC 3768 §5.3 (version 2).
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |Version| Type  | Virtual Rtr ID|   Priority    | Address count |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! | v2: Auth Type |   v2: Adver Int (s)           |   Checksum    |
//! | v3: rsvd and Max Adver Int (12 bits, cs)      |               |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |  addresses, 4 or 16 bytes each                                |
//! |  v2 over IPv4: then 8 bytes of authentication data            |
//! ```
//!
//! RFC 3768 knows no IPv6. Version 2 over IPv6 is keepalived's (2.2.7, `version 2` in an instance of IPv6 addresses):
//! the eight bytes of version 2, the addresses, **no** authentication data, and the checksum with the pseudo-header,
//! which the kernel computes for IPv6. The authentication type is sent and compared; there is no password to compare.

use core::fmt;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{AdvertInterval, Family, Priority, Version, Vrid, checksum, ipv4};

/// Bytes before the addresses.
pub const FIXED_LENGTH: usize = 8;
/// Bytes of authentication data that end every version 2 advert over IPv4, used or not.
pub const AUTHENTICATION_LENGTH: usize = 8;
/// Bytes that keepalived's `auth_hmac` appends.
pub const HMAC_TRAILER_LENGTH: usize = 28;
/// The only type there is.
pub const TYPE_ADVERTISEMENT: u8 = 1;
/// Most addresses that the count byte can say.
pub const MAX_ADDRESSES: usize = 255;

/// Version 2 authentication (RFC 2338 §5.3.6; RFC 3768 keeps the field and reserves its values).
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Authentication {
    /// Type 0: the eight bytes are sent as zeros and not looked at.
    None,
    /// Type 1: a password in clear, padded with zeros to eight bytes.
    Password([u8; AUTHENTICATION_LENGTH]),
}

impl fmt::Debug for Authentication {
    /// Never the password: plans are printed and logged.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Password(_) => "Password(hidden)",
        })
    }
}

impl Authentication {
    /// The byte on the wire.
    pub const fn wire_type(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Password(_) => 1,
        }
    }

    /// The eight bytes on the wire.
    pub const fn data(self) -> [u8; AUTHENTICATION_LENGTH] {
        match self {
            Self::None => [0; AUTHENTICATION_LENGTH],
            Self::Password(password) => password,
        }
    }
}

/// Which bytes the checksum of a version 3 advert over IPv4 covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ChecksumForm {
    /// With a pseudo-header, as RFC 5798 is commonly read. Every Linux peer demands it, so it is sent by default.
    #[default]
    PseudoHeader,
    /// The message alone (RFC 9568 §5.2.8).
    MessageOnly,
    /// Unicast: with a pseudo-header whose destination is the group 224.0.0.18 although the packet goes to a peer, as
    /// keepalived up to 1.3.6 did (`old_unicast_checksum`).
    OldUnicast,
}

/// Bytes of a message with `count` addresses.
#[inline(always)]
pub const fn length(version: Version, family: Family, count: usize) -> usize {
    FIXED_LENGTH + count * family.address_length() + authentication_length(version, family)
}

/// Bytes of authentication data behind the addresses.
#[inline(always)]
pub const fn authentication_length(version: Version, family: Family) -> usize {
    match (version, family) {
        (Version::V2, Family::Ipv4) => AUTHENTICATION_LENGTH,
        (Version::V2, Family::Ipv6) | (Version::V3, _) => 0,
    }
}

/// What an accepted advert said: the part of it that leaves the carrier.
///
/// Crosses the ring buffer and the slots, so it is laid out for both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Heard {
    /// The sender's address; IPv4 in the first four bytes.
    pub source: [u8; 16],
    /// Order-free fingerprint of the address list.
    pub addresses: u32,
    /// The advertised interval in centiseconds, never 0.
    pub interval: u16,
    /// What was odd: bits of [`note`].
    pub notes: u16,
    /// Priority on the wire.
    pub priority: u8,
    /// Version, 2 or 3.
    pub version: u8,
    /// Number of addresses.
    pub count: u8,
    /// Family, 4 or 6.
    pub family: u8,
}

impl Heard {
    /// The priority.
    #[inline(always)]
    pub const fn priority(&self) -> Priority {
        Priority::from_wire(self.priority)
    }

    /// The interval; `None` only for a record that no check produced.
    #[inline(always)]
    pub const fn interval(&self) -> Option<AdvertInterval> {
        AdvertInterval::from_centiseconds(self.interval)
    }
}

/// Bits of [`Heard::notes`]: accepted, yet worth a counter.
pub mod note {
    /// Version 3, IPv4: checksum without pseudo-header.
    pub const CHECKSUM_MESSAGE_ONLY: u16 = 1;
    /// Version 3, IPv4: checksum with pseudo-header.
    pub const CHECKSUM_PSEUDO_HEADER: u16 = 1 << 1;
    /// The interval is not ours.
    pub const INTERVAL_LEARNED: u16 = 1 << 2;
    /// The address list is not ours.
    pub const ADDRESS_LIST_MISMATCH: u16 = 1 << 3;
    /// We own the addresses.
    pub const OWNER_CONFLICT: u16 = 1 << 4;
    /// IPv6: the first address is not link-local.
    pub const FIRST_NOT_LINK_LOCAL: u16 = 1 << 5;
    /// Version 3, IPv4, unicast: checksum with a pseudo-header that names the group.
    pub const CHECKSUM_OLD_UNICAST: u16 = 1 << 6;
}

/// An advert to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advert<'a> {
    /// Protocol version.
    pub version: Version,
    /// The virtual router.
    pub vrid: Vrid,
    /// What is claimed; 0 resigns.
    pub priority: Priority,
    /// How often.
    pub interval: AdvertInterval,
    /// Version 2 only; not sent in version 3, and over IPv6 without the password.
    pub authentication: Authentication,
    /// Version 3 over IPv4 only; IPv6 always has the pseudo-header, version 2 over IPv4 never.
    pub checksum: ChecksumForm,
    /// The sender's address; IPv4 in the first four bytes.
    pub source: [u8; 16],
    /// Where it goes; IPv4 in the first four bytes.
    pub destination: [u8; 16],
    /// The addresses, in the order of the config.
    pub addresses: Addresses<'a>,
}

/// A list of virtual addresses of one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addresses<'a> {
    /// IPv4.
    Ipv4(&'a [[u8; 4]]),
    /// IPv6, link-local first (RFC 9568 §5.2.9).
    Ipv6(&'a [[u8; 16]]),
}

impl Addresses<'_> {
    /// The family.
    pub const fn family(&self) -> Family {
        match self {
            Self::Ipv4(_) => Family::Ipv4,
            Self::Ipv6(_) => Family::Ipv6,
        }
    }

    /// How many.
    pub const fn count(&self) -> usize {
        match self {
            Self::Ipv4(list) => list.len(),
            Self::Ipv6(list) => list.len(),
        }
    }

    /// The fingerprint that a receiver of this list computes.
    pub fn fingerprint(&self) -> u32 {
        let sum = match self {
            Self::Ipv4(list) => list.iter().fold(checksum::Sum::default(), |sum, address| sum.word(*address)),
            Self::Ipv6(list) => {
                list.iter().fold(checksum::Sum::default(), |sum, address| sum.address(address))
            }
        };
        sum.fingerprint()
    }
}

/// Why an advert cannot be put on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncodeError {
    /// More than 255 addresses.
    TooManyAddresses,
    /// The interval has no form in this version: version 2 takes whole seconds, version 3 at most 40.95 s.
    Interval,
    /// The buffer is too short.
    Buffer,
}

impl Advert<'_> {
    /// Bytes of the message.
    pub const fn length(&self) -> usize {
        length(self.version, self.addresses.family(), self.addresses.count())
    }

    /// Writes the message to the front of `buffer` and returns its length.
    ///
    /// # Errors
    /// When the message has no form on the wire or `buffer` is too short; `buffer` may then be partly written.
    pub fn encode(&self, buffer: &mut [u8]) -> Result<usize, EncodeError> {
        let length = self.length();
        let count = u8::try_from(self.addresses.count()).map_err(|_| EncodeError::TooManyAddresses)?;
        let out = buffer.get_mut(..length).ok_or(EncodeError::Buffer)?;
        let (fixed, rest) = out.split_at_mut(FIXED_LENGTH);
        let [b4, b5] = match self.version {
            Version::V2 => {
                [self.authentication.wire_type(), self.interval.v2_wire().ok_or(EncodeError::Interval)?]
            }
            Version::V3 => self.interval.v3_wire().ok_or(EncodeError::Interval)?.to_be_bytes(),
        };
        fixed.copy_from_slice(&[
            (self.version as u8) << 4 | TYPE_ADVERTISEMENT,
            self.vrid.get(),
            self.priority.to_wire(),
            count,
            b4,
            b5,
            0,
            0,
        ]);
        let family = self.addresses.family();
        let (addresses, trailer) = rest.split_at_mut(self.addresses.count() * family.address_length());
        match self.addresses {
            Addresses::Ipv4(list) => copy_all(addresses, list),
            Addresses::Ipv6(list) => copy_all(addresses, list),
        }
        trailer.copy_from_slice(&self.authentication.data()[..trailer.len()]);
        let mut sum = checksum::sum(&&out[..], 0, length / 4).ok_or(EncodeError::TooManyAddresses)?;
        if let Some(destination) = self.pseudo_header_destination() {
            sum = sum.pseudo_header(&self.source, &destination, length as u16);
        }
        out[6..8].copy_from_slice(&sum.checksum());
        Ok(length)
    }

    /// The destination that the checksum's pseudo-header names; `None` when it has none.
    const fn pseudo_header_destination(&self) -> Option<[u8; 16]> {
        match (self.addresses.family(), self.version, self.checksum) {
            (Family::Ipv6, _, _) | (Family::Ipv4, Version::V3, ChecksumForm::PseudoHeader) => {
                Some(self.destination)
            }
            (Family::Ipv4, Version::V3, ChecksumForm::OldUnicast) => Some(ipv4::widened(ipv4::VRRP_GROUP)),
            (Family::Ipv4, Version::V3, ChecksumForm::MessageOnly) | (Family::Ipv4, Version::V2, _) => None,
        }
    }
}

fn copy_all<const N: usize>(out: &mut [u8], list: &[[u8; N]]) {
    for (out, address) in out.chunks_exact_mut(N).zip(list) {
        out.copy_from_slice(address);
    }
}
