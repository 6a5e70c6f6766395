//! Every receive check (RFC 9568 §7.1 with its errata, RFC 3768 §7.1), once, for both carriers.
//!
//! A packet is read in two steps, because the group it belongs to is known only after its first eight bytes:
//! [`Preamble`] finds the group and adds up the message, [`judge`] passes the verdict. Bytes are read only through [`Bytes`], lengths come
//! from the IP header and never from the end of the frame (which may be padded).
//!
//! The order is the RFC's but for what is cheap: TTL, version, type, length, checksum, count, interval,
//! authentication, destination, source. The first check that fails names the reason.

mod preamble;

pub use preamble::{Header, NotJudged, Preamble};

use crate::{
    Counter, Family, Reason, Version,
    advert::{self, Heard, note},
    bytes::Bytes,
    checksum::Sum,
    ipv4, ipv6,
    map::{Expected, Peer},
};

/// Bytes of a CARP packet, which shares protocol, group and first byte with version 2.
const CARP_LENGTH: u16 = 36;
/// What CARP has where VRRP has its address count.
const CARP_AUTHENTICATION_WORDS: u8 = 7;

/// The verdict on one packet. Without an expectation (a group that is not configured here) it is judged on its own
/// merits: everything but version, password, interval and addresses "of ours". `peer` is what is known of the source,
/// and is looked at only when the group speaks unicast.
///
/// # Errors
/// The first check that failed.
#[inline(always)]
pub fn judge<B: Bytes>(
    bytes: &B,
    preamble: &Preamble,
    expected: Option<&Expected>,
    peer: Option<&Peer>,
) -> Result<Heard, Reason> {
    let (version_type, count) = (preamble.version_type(), preamble.count());
    let unicast = expected.is_some_and(Expected::is_unicast);
    let (ttl_min, ttl_max) = ttl_bounds(unicast, peer);
    if preamble.ttl < ttl_min || preamble.ttl > ttl_max {
        return Err(Reason::Ttl);
    }
    if (preamble.length as usize) < advert::FIXED_LENGTH {
        return Err(Reason::Length);
    }
    // RFC 9568 §7.1: "MUST verify that the VRRP version is 3."; RFC 3768 §7.1: "is 2".
    let Some(version) = Version::from_wire(version_type >> 4) else {
        return Err(Reason::Version);
    };
    if expected.is_some_and(|expected| expected.version != version as u8) {
        return Err(Reason::Version);
    }
    // RFC 9568 §7.1: "MUST verify that the VRRP packet type is 1 (ADVERTISEMENT)."
    if version_type & 0x0f != advert::TYPE_ADVERTISEMENT {
        return Err(Reason::Type);
    }
    length_fits(preamble, version, count)?;
    let (addresses, form) = checksum_holds(bytes, preamble, version, count, unicast)?;
    // RFC 9568 §5.2.5, erratum 8299: "MUST be ignored" when zero.
    if count == 0 {
        return Err(Reason::CountZero);
    }
    // RFC 9568 §5.2.7, erratum 8301: 1..=4095. One such advert makes keepalived and FRR flap.
    let Some(interval) = preamble.interval(version) else {
        return Err(Reason::IntervalZero);
    };
    let mut heard = Heard {
        source: preamble.source,
        addresses: addresses.fingerprint(),
        interval: interval.centiseconds(),
        notes: form,
        priority: preamble.priority(),
        version: version as u8,
        count,
        family: preamble.family as u8,
    };
    if let Family::Ipv6 = preamble.family
        && bytes
            .array::<16>(preamble.message + advert::FIXED_LENGTH)
            .is_some_and(|first| !ipv6::is_link_local(&first))
    {
        heard.notes |= note::FIRST_NOT_LINK_LOCAL;
    }
    if let Some(expected) = expected {
        is_ours(bytes, preamble, version, &mut heard, expected, peer)?;
    }
    Ok(heard)
}

/// RFC 9568 §7.1: "MUST verify that the IPv4 TTL/IPv6 Hop Limit is 255." Unicast is keepalived's extension, and so are
/// the bounds of its peers: a packet that crosses routers arrives with less. It checks nothing for a source that is no
/// peer, and neither do we, unless such a source is rejected anyway.
#[inline(always)]
const fn ttl_bounds(unicast: bool, peer: Option<&Peer>) -> (u8, u8) {
    match (unicast, peer) {
        (false, _) => (255, 255),
        (true, Some(peer)) => (peer.ttl_min, peer.ttl_max),
        (true, None) => (0, 255),
    }
}

/// RFC 9568 §7.1: "MUST verify that the received packet contains the complete VRRP packet (including fixed fields, and
/// IPvX address(es))." Exact, so that no trailer goes unchecked.
#[inline(always)]
fn length_fits(preamble: &Preamble, version: Version, count: u8) -> Result<(), Reason> {
    let expected = advert::length(version, preamble.family, count as usize);
    let length = preamble.length as usize;
    if length == expected {
        return Ok(());
    }
    if let Version::V2 = version
        && count == CARP_AUTHENTICATION_WORDS
        && preamble.length == CARP_LENGTH
    {
        return Err(Reason::Carp);
    }
    if length == expected + advert::HMAC_TRAILER_LENGTH {
        return Err(Reason::AuthTrailer);
    }
    Err(Reason::Length)
}

/// RFC 9568 §7.1: "MUST verify the VRRP checksum." Returns the sum over the addresses and the form as a note.
#[inline(always)]
fn checksum_holds<B: Bytes>(
    bytes: &B,
    preamble: &Preamble,
    version: Version,
    count: u8,
    unicast: bool,
) -> Result<(Sum, u16), Reason> {
    // Past the end although the IP header promised it: the frame is cut off.
    let rest = preamble.content.rest.ok_or(Reason::Length)?;
    let message = rest.pair(u64::from_ne_bytes(preamble.content.fixed.to_le_bytes()));
    let mut addresses = rest;
    if let (Version::V2, Family::Ipv4) = (version, preamble.family) {
        let data = bytes.array(preamble.authentication(count)).ok_or(Reason::Length)?;
        addresses = addresses.without(Sum::ZERO.pair(u64::from_ne_bytes(data)));
    }
    let form = match (preamble.family, version) {
        (Family::Ipv4, Version::V2) if message.holds() => 0,
        (Family::Ipv4, Version::V3) if message.holds() => note::CHECKSUM_MESSAGE_ONLY,
        (Family::Ipv4, Version::V2) => return Err(Reason::Checksum),
        (Family::Ipv4, Version::V3) | (Family::Ipv6, _) => {
            let with = |destination| message.pseudo_header(&preamble.source, destination, preamble.length);
            match (with(&preamble.destination).holds(), preamble.family) {
                (true, Family::Ipv4) => note::CHECKSUM_PSEUDO_HEADER,
                (true, Family::Ipv6) => 0,
                (false, Family::Ipv4) if unicast && with(&ipv4::widened(ipv4::VRRP_GROUP)).holds() => {
                    note::CHECKSUM_OLD_UNICAST
                }
                (false, _) => return Err(Reason::Checksum),
            }
        }
    };
    Ok((addresses, form))
}

/// The checks that compare with what is configured.
#[inline(always)]
fn is_ours<B: Bytes>(
    bytes: &B,
    preamble: &Preamble,
    version: Version,
    heard: &mut Heard,
    expected: &Expected,
    peer: Option<&Peer>,
) -> Result<(), Reason> {
    if let Version::V2 = version {
        authentic(bytes, preamble, heard, expected)?;
        // RFC 3768 §7.1: "MUST verify that the Adver Interval in the packet is the same as the locally configured".
        if heard.interval != expected.interval {
            return Err(Reason::Interval);
        }
    }
    // RFC 9568 §5.1.1.2, §5.1.2.2: the group's address. Unicast is not for whoever floods it: it must be addressed to us.
    if preamble.destination != expected.destination {
        return Err(Reason::Destination);
    }
    // RFC 1122 §3.2.1.3: nobody else may send from our address; the kernel drops it likewise. IPv4 only: FRR's IPv6
    // routers may all send from the virtual link-local address.
    if let Family::Ipv4 = preamble.family
        && preamble.source == expected.own_source
    {
        return Err(Reason::OwnSource);
    }
    if expected.is_unicast() && expected.checks_source() && peer.is_none() {
        return Err(Reason::UnknownPeer);
    }
    // RFC 9568 §6.4.2 (345): version 3 learns the interval.
    if heard.interval != expected.interval {
        heard.notes |= note::INTERVAL_LEARNED;
    }
    // RFC 9568 §7.1: "MAY verify that ... the IPvX address(es) ... If not, SHOULD log" and go on.
    if heard.count != expected.count || heard.addresses != expected.addresses {
        heard.notes |= note::ADDRESS_LIST_MISMATCH;
    }
    // RFC 9568 §7.1, erratum 8298: log and process.
    if expected.is_owner() {
        heard.notes |= note::OWNER_CONFLICT;
    }
    Ok(())
}

/// RFC 2338 §7.1 and keepalived: the type must be ours, and for a password all eight bytes.
#[inline(always)]
fn authentic<B: Bytes>(
    bytes: &B,
    preamble: &Preamble,
    heard: &Heard,
    expected: &Expected,
) -> Result<(), Reason> {
    let wire_type = preamble.auth_type();
    if wire_type > 2 {
        return Err(Reason::AuthTypeInvalid);
    }
    if wire_type != expected.auth_type {
        return Err(Reason::AuthTypeMismatch);
    }
    // Over IPv6 no password is sent.
    if let (1, Family::Ipv4) = (wire_type, preamble.family) {
        let data = bytes.array::<8>(preamble.authentication(heard.count)).ok_or(Reason::Length)?;
        // Compared as one number: no early exit that would time the password.
        if u64::from_ne_bytes(data) != u64::from_ne_bytes(expected.auth_data) {
            return Err(Reason::AuthFailure);
        }
    }
    Ok(())
}

/// Calls `count` for every counter that an accepted advert moves.
#[inline(always)]
pub fn count_accepted(heard: &Heard, mut count: impl FnMut(Counter)) {
    count(Counter::Accepted);
    if heard.priority == 0 {
        count(Counter::PriorityZero);
    }
    if heard.notes == 0 {
        return;
    }
    if heard.notes & note::CHECKSUM_PSEUDO_HEADER != 0 {
        count(Counter::ChecksumPseudoHeader);
    }
    if heard.notes & note::CHECKSUM_MESSAGE_ONLY != 0 {
        count(Counter::ChecksumMessageOnly);
    }
    if heard.notes & note::CHECKSUM_OLD_UNICAST != 0 {
        count(Counter::ChecksumOldUnicast);
    }
    if heard.notes & note::INTERVAL_LEARNED != 0 {
        count(Counter::IntervalLearned);
    }
    if heard.notes & note::ADDRESS_LIST_MISMATCH != 0 {
        count(Counter::AddressListMismatch);
    }
    if heard.notes & note::OWNER_CONFLICT != 0 {
        count(Counter::OwnerConflict);
    }
    if heard.notes & note::FIRST_NOT_LINK_LOCAL != 0 {
        count(Counter::FirstNotLinkLocal);
    }
}
