//! Why an advert was turned away, and what was odd about one that was not: one list for the kernel's counters, the
//! metric labels, the log and the RFC.

use core::fmt;

macro_rules! counters {
    ($( $(#[$doc:meta])* $name:ident = $label:literal, $text:literal; )+ @rejections
     $( $(#[$rdoc:meta])* $rname:ident = $rlabel:literal, $section:literal, $rtext:literal; )+) => {
        /// Why an advert was rejected. A rejected advert touches no timer.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Reason { $( $(#[$rdoc])* $rname, )+ }

        impl Reason {
            /// Every reason, in the order of its counter.
            pub const ALL: &'static [Self] = &[ $( Self::$rname, )+ ];
            /// How many there are.
            pub const COUNT: usize = Self::ALL.len();

            /// The label in metrics and JSON.
            pub const fn label(self) -> &'static str { match self { $( Self::$rname => $rlabel, )+ } }
            /// The rule that was broken.
            pub const fn section(self) -> &'static str { match self { $( Self::$rname => $section, )+ } }
            /// A sentence for a person.
            pub const fn text(self) -> &'static str { match self { $( Self::$rname => $rtext, )+ } }
            /// From the number in a map; `None` for a number that is no reason.
            pub const fn from_index(index: u8) -> Option<Self> {
                let mut at = 0;
                while at < Self::COUNT {
                    if Self::ALL[at] as u8 == index { return Some(Self::ALL[at]); }
                    at += 1;
                }
                None
            }
        }

        /// One slot of an instance's row of counters.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Counter { $( $(#[$doc])* $name, )+ /** An advert was rejected for this reason. */ Rejected(Reason) }

        /// The counters that are not rejections, in order.
        const PLAIN: &[Counter] = &[ $( Counter::$name, )+ ];

        impl Counter {
            /// Slots in a row.
            pub const COUNT: usize = PLAIN.len() + Reason::COUNT;

            /// The label in metrics and JSON.
            pub const fn label(self) -> &'static str {
                match self { $( Self::$name => $label, )+ Self::Rejected(reason) => reason.label() }
            }
            /// A sentence for a person.
            pub const fn text(self) -> &'static str {
                match self { $( Self::$name => $text, )+ Self::Rejected(reason) => reason.text() }
            }
        }
    };
}

counters! {
    /// Adverts accepted.
    Accepted = "accepted", "adverts accepted";
    /// Of those, with priority 0.
    PriorityZero = "priority_zero", "accepted adverts with priority 0";
    /// Of those, version 3 over IPv4 whose checksum has no pseudo-header (RFC 9568 §5.2.8).
    ChecksumMessageOnly = "checksum_rfc9568", "accepted adverts whose IPv4 checksum is RFC 9568's (no pseudo-header)";
    /// Of those, version 3 over IPv4 whose checksum has a pseudo-header (RFC 5798 as most peers read it).
    ChecksumPseudoHeader = "checksum_rfc5798", "accepted adverts whose IPv4 checksum is RFC 5798's (pseudo-header)";
    /// Of those, version 3 unicast over IPv4 whose pseudo-header names the group 224.0.0.18 (keepalived up to 1.3.6).
    ChecksumOldUnicast = "checksum_old_unicast", "accepted unicast adverts whose IPv4 checksum names the group";
    /// Of those, with an interval that is not ours (version 3: learned, RFC 9568 §6.4.2).
    IntervalLearned = "interval_learned", "accepted adverts whose interval differs from ours";
    /// Of those, with an address list that is not ours (RFC 9568 §7.1: MAY check, and log).
    AddressListMismatch = "address_list_mismatch", "accepted adverts whose addresses differ from ours";
    /// Of those, heard although we own the addresses (RFC 9568 §7.1, erratum 8298).
    OwnerConflict = "owner_conflict", "accepted adverts for addresses that we own";
    /// Of those, IPv6 whose first address is not link-local (RFC 9568 §5.2.9, erratum 8300).
    FirstNotLinkLocal = "first_not_link_local", "accepted IPv6 adverts whose first address is not link-local";
    /// Of those, stored in their slot without a ring record because the instance's budget was spent.
    RingBudget = "ring_budget", "accepted adverts that did not ring: budget spent";
    /// Of those, stored in their slot without a ring record because the ring was full.
    RingFull = "ring_full", "accepted adverts that did not ring: ring full";
    /// Of those, that took the slot of another source, since all were in use.
    SlotEvicted = "slot_evicted", "sources forgotten because too many speak for one group";
    /// ARP requests for one of the instance's addresses.
    ArpRequest = "arp_request", "ARP requests for our virtual addresses";
    /// ARP packets of other stations that claim one of the instance's addresses.
    ArpClaim = "arp_claim", "ARP packets of others that claim our virtual addresses";
    /// IPv6 Neighbor Solicitations for one of the instance's addresses.
    NeighborSolicitation = "neighbor_solicitation", "IPv6 neighbor solicitations for our virtual addresses";
    /// IPv6 Neighbor Advertisements of other stations that claim one of the instance's addresses.
    NeighborClaim = "neighbor_claim", "IPv6 neighbor packets of others that claim our virtual addresses";
    /// ARP requests that the data plane answered.
    ArpAnswered = "arp_answered", "ARP requests for our virtual addresses that the data plane answered";
    /// IPv6 Neighbor Solicitations that the data plane answered.
    NeighborAnswered = "neighbor_answered", "IPv6 neighbor solicitations that the data plane answered";
    /// ARP requests and Neighbor Solicitations that were dropped, for the instance is mute.
    MutedInbound = "muted_inbound", "questions for our virtual addresses dropped while mute";
    /// ARP and Neighbor Discovery in the name of one of the instance's addresses that were not let out, for it is mute.
    MutedOutbound = "muted_outbound", "packets in the name of our virtual addresses held back while mute";
    /// Times that the data plane let go of the instance, for an advert of the group left although ours were overdue.
    Yielded = "yielded", "times that another VRRP daemon of this host took the group over";
    @rejections
    /// TTL or hop limit is not 255; unicast: not within the peer's bounds.
    Ttl = "ttl", "RFC 9568 7.1", "TTL or hop limit is not 255, or not within the peer's bounds";
    /// The version is not the one configured.
    Version = "version", "RFC 9568 7.1", "version differs from ours";
    /// Not an ADVERTISEMENT.
    Type = "type", "RFC 9568 7.1", "type is not ADVERTISEMENT";
    /// Shorter or longer than its own address count says.
    Length = "length", "RFC 9568 7.1", "length does not match the address count";
    /// A CARP packet: it shares VRRP's protocol number and group.
    Carp = "carp", "RFC 9568 7.1", "a CARP packet, not VRRP";
    /// Carries keepalived's HMAC trailer, which this group is not configured for.
    AuthTrailer = "auth_trailer", "RFC 9568 7.1", "carries an authentication trailer that is not configured here";
    /// The checksum is wrong in every accepted form.
    Checksum = "checksum", "RFC 9568 7.1", "bad checksum";
    /// No group of this VRID on this interface and in this family.
    UnknownGroup = "unknown_group", "RFC 9568 7.1", "VRID is not configured on the receiving interface";
    /// No address at all (erratum 8299).
    CountZero = "count_zero", "RFC 9568 5.2.5, erratum 8299", "address count is 0";
    /// Advertisement interval 0 (erratum 8301).
    IntervalZero = "interval_zero", "RFC 9568 5.2.7, erratum 8301", "advertisement interval is 0";
    /// Version 2: an authentication type that does not exist.
    AuthTypeInvalid = "auth_type_invalid", "RFC 3768 7.1", "unknown authentication type";
    /// Version 2: not the authentication type configured.
    AuthTypeMismatch = "auth_type_mismatch", "RFC 2338 7.1", "authentication type differs from ours";
    /// Version 2: wrong password.
    AuthFailure = "auth_failure", "RFC 2338 7.1", "wrong password";
    /// Version 2: the interval is not ours.
    Interval = "interval", "RFC 3768 7.1", "advertisement interval differs from ours (version 2 does not learn it)";
    /// Not sent to the group or, for unicast, not to our own address.
    Destination = "destination", "RFC 9568 5.1.1.2", "not sent to the group's address";
    /// The source is our own address: a loop in the network, or a forgery.
    OwnSource = "own_source", "RFC 1122 3.2.1.3", "sent from our own address";
    /// The source is not a configured unicast peer.
    UnknownPeer = "unknown_peer", "unicast", "source is not a configured peer";
}

impl Counter {
    /// Every counter, in order of its slot.
    pub fn all() -> impl Iterator<Item = Self> {
        PLAIN.iter().copied().chain(Reason::ALL.iter().map(|reason| Self::Rejected(*reason)))
    }

    /// The slot of the first reason: the others follow in their order.
    pub const FIRST_REJECTION: usize = PLAIN.len();

    /// The slot in an instance's row, below [`Counter::COUNT`].
    #[inline(always)]
    pub const fn slot(self) -> u32 {
        match self {
            Self::Accepted => 0,
            Self::PriorityZero => 1,
            Self::ChecksumMessageOnly => 2,
            Self::ChecksumPseudoHeader => 3,
            Self::ChecksumOldUnicast => 4,
            Self::IntervalLearned => 5,
            Self::AddressListMismatch => 6,
            Self::OwnerConflict => 7,
            Self::FirstNotLinkLocal => 8,
            Self::RingBudget => 9,
            Self::RingFull => 10,
            Self::SlotEvicted => 11,
            Self::ArpRequest => 12,
            Self::ArpClaim => 13,
            Self::NeighborSolicitation => 14,
            Self::NeighborClaim => 15,
            Self::ArpAnswered => 16,
            Self::NeighborAnswered => 17,
            Self::MutedInbound => 18,
            Self::MutedOutbound => 19,
            Self::Yielded => 20,
            Self::Rejected(reason) => Self::FIRST_REJECTION as u32 + reason as u32,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_has_its_own_slot_in_order() {
        for (slot, counter) in Counter::all().enumerate() {
            assert_eq!(counter.slot() as usize, slot, "{counter:?}");
        }
        assert_eq!(Counter::all().count(), Counter::COUNT);
    }

    #[test]
    fn reasons_survive_the_way_through_a_map() {
        for reason in Reason::ALL {
            assert_eq!(Reason::from_index(*reason as u8), Some(*reason));
        }
        assert_eq!(Reason::from_index(Reason::COUNT as u8), None);
    }
}
