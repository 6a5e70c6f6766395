//! What the kernel side and the user side must agree on.
//!
//! Owns the names of the protocol ([`Vrid`], [`Priority`], [`AdvertInterval`]), the wire formats, **every**
//! receive check of RFC 9568 §7.1 and RFC 3768 §7.1 ([`check`]), the one list of discard reasons ([`Reason`]),
//! and the layout of what crosses the maps ([`map`], [`record`]).
//!
//! The XDP program and the socket carrier run the same functions over the same bytes, so they cannot reach
//! different verdicts. Nothing here allocates, reads a clock or can panic: all reads of foreign bytes go
//! through [`bytes::Bytes`], which answers `None` past the end.

#![no_std]
#![deny(unsafe_code)]

pub mod advert;
pub mod arp;
pub mod arrival;
pub mod bytes;
pub mod check;
pub mod checksum;
pub mod ethernet;
pub mod flood;
pub mod ipv4;
pub mod ipv6;
pub mod map;
pub mod ndp;
pub mod reason;
pub mod record;

mod group;
mod interval;
mod priority;
mod vrid;

pub use group::{Family, Version};
pub use interval::AdvertInterval;
pub use priority::{BackupPriority, LocalPriority, Priority};
pub use reason::{Counter, Reason};
pub use vrid::Vrid;

/// IP protocol number of VRRP (RFC 9568 §5.1.1.4).
pub const PROTOCOL: u8 = 112;
