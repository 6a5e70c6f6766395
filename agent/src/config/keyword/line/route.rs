//! The words of a route.

use super::{in_block, word};
use crate::config::keyword::{Book, Keyword, Kind, Word};

/// In a route, and in each of its next hops those that say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum RouteTerm {
    Kind,
    To,
    From,
    Source,
    Via,
    Or,
    Device,
    NextHop,
    Weight,
    OnLink,
    Encapsulation,
    NewDestination,
    Family,
    Table,
    Vrf,
    Scope,
    Protocol,
    Service,
    Metric,
    Mtu,
    HopLimit,
    AdvertisedMss,
    RoundTrip,
    RoundTripVariance,
    LeastTimeout,
    Reordering,
    Window,
    CongestionWindow,
    FirstCongestionWindow,
    FirstReceiveWindow,
    SlowStartThreshold,
    QuickAck,
    FastOpenWithoutCookie,
    CongestionControl,
    Features,
    Realms,
    Preference,
    Expires,
    PropagateTtl,
    Place,
    NoTrack,
    TrackGroup,
}

/// After `encap ip` and `encap ip6`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum EncapsulationTerm {
    Id,
    Destination,
    Source,
    Service,
    TimeToLive,
    Flags,
}

const ANY: i64 = u32::MAX as i64;
const NUMBER: Kind = Kind::Number { least: 0, most: ANY };
const BYTE: Kind = Kind::Number { least: 0, most: 255 };
const BIT: Kind = Kind::Number { least: 0, most: 1 };
const LOCKED: Kind = Kind::Lockable { least: 0, most: ANY };
const TIME: Kind = Kind::Form { what: "maybe `lock`, then a time as 100ms or 1.5s", least: 1, most: Some(2) };
const NAME_OR_LOCK: Kind = Kind::Form { what: "maybe `lock`, then a name", least: 1, most: Some(2) };
const REALMS: Kind = Kind::Form { what: "a realm, or two as FROM/TO", least: 1, most: Some(1) };
const VIA: Kind = Kind::Form { what: "an address, maybe after `inet` or `inet6`", least: 1, most: Some(2) };
const HOP: Kind = Kind::Form {
    what: "`via`, `dev`, `weight`, `onlink`, `encap` and `realms` of one next hop",
    least: 0,
    most: None,
};
const ENCAP: Kind = Kind::Form {
    what: "`mpls LABELS`, `ila LOCATOR`, or `ip` or `ip6` and the words of the tunnel",
    least: 2,
    most: None,
};
const AS: Kind = Kind::Form { what: "maybe `to`, then an address", least: 1, most: Some(2) };

const WORDS: &[Word<RouteTerm>] = &[
    word(
        "to",
        Kind::Prefix,
        "the destination; the word itself may be left out",
        "to 198.51.100.0/24",
        RouteTerm::To,
    ),
    word("src", Kind::Address, "where this host's own packets come from", "src 192.0.2.1", RouteTerm::Source),
    word("via", VIA, "the next router", "via 192.0.2.254", RouteTerm::Via).everyday(),
    word("gw", VIA, "the next router", "gw 192.0.2.254", RouteTerm::Via).same_as("via"),
    word("or", Kind::Address, "one more router, which gets as many packets", "or 192.0.2.253", RouteTerm::Or)
        .rare(),
    word("dev", Kind::Interface, "the interface", "dev eth1", RouteTerm::Device).everyday(),
    word("oif", Kind::Interface, "the interface", "oif eth1", RouteTerm::Device).same_as("dev"),
    word("table", Kind::Named(Book::Tables), "the table that it stands in", "table 100", RouteTerm::Table)
        .default("main"),
    word("vrf", Kind::Interface, "in the table of this VRF", "vrf blue", RouteTerm::Vrf).rare(),
    word("scope", Kind::Named(Book::Scopes), "how far the destination is", "scope link", RouteTerm::Scope),
    word(
        "metric",
        NUMBER,
        "of two routes to one destination the lower one is taken",
        "metric 100",
        RouteTerm::Metric,
    ),
    word(
        "priority",
        NUMBER,
        "of two routes to one destination the lower one is taken",
        "priority 100",
        RouteTerm::Metric,
    )
    .same_as("metric"),
    word(
        "preference",
        NUMBER,
        "of two routes to one destination the lower one is taken",
        "preference 100",
        RouteTerm::Metric,
    )
    .same_as("metric"),
    word(
        "protocol",
        Kind::Named(Book::Protocols),
        "who counts as having set it",
        "protocol static",
        RouteTerm::Protocol,
    )
    .default("the agent's own"),
    word(
        "tos",
        Kind::Named(Book::Services),
        "packets of this type of service alone",
        "tos 0x10",
        RouteTerm::Service,
    )
    .rare(),
    word(
        "dsfield",
        Kind::Named(Book::Services),
        "packets of this type of service alone",
        "dsfield AF11",
        RouteTerm::Service,
    )
    .same_as("tos")
    .rare(),
    word(
        "from",
        Kind::Prefix,
        "packets from these addresses alone (IPv6)",
        "from 2001:db8::/32",
        RouteTerm::From,
    )
    .rare(),
    word("inet", Kind::Flag, "an IPv4 route", "inet", RouteTerm::Family).rare(),
    word("inet6", Kind::Flag, "an IPv6 route", "inet6", RouteTerm::Family).rare(),
    word(
        "nexthop",
        HOP,
        "one of several next hops, which share the packets out",
        "nexthop via 192.0.2.254 weight 2",
        RouteTerm::NextHop,
    ),
    word(
        "weight",
        Kind::Number { least: 1, most: 256 },
        "the share of a next hop",
        "weight 2",
        RouteTerm::Weight,
    )
    .default("1"),
    word(
        "onlink",
        Kind::Flag,
        "the router is on the link although no address says so",
        "onlink",
        RouteTerm::OnLink,
    ),
    word("encap", ENCAP, "what packets are wrapped in", "encap mpls 16/17", RouteTerm::Encapsulation).rare(),
    word("as", AS, "another destination, of MPLS routes alone", "as to 192.0.2.1", RouteTerm::NewDestination)
        .rare()
        .without_effect("it is about MPLS routes, of which there are none here"),
    word("mtu", LOCKED, "bytes of the largest packet", "mtu lock 1400", RouteTerm::Mtu),
    word(
        "hoplimit",
        BYTE,
        "hop limit of packets; 0: that of the interface",
        "hoplimit 64",
        RouteTerm::HopLimit,
    )
    .rare(),
    word(
        "advmss",
        LOCKED,
        "bytes of the largest TCP segment that is asked for",
        "advmss 1360",
        RouteTerm::AdvertisedMss,
    )
    .rare(),
    word("rtt", TIME, "time to the destination and back", "rtt 100ms", RouteTerm::RoundTrip).rare(),
    word("rttvar", TIME, "how much that time varies", "rttvar 10ms", RouteTerm::RoundTripVariance).rare(),
    word("rto_min", TIME, "shortest time until TCP sends again", "rto_min lock 5ms", RouteTerm::LeastTimeout)
        .rare(),
    word(
        "reordering",
        LOCKED,
        "segments that may arrive out of order",
        "reordering 5",
        RouteTerm::Reordering,
    )
    .rare(),
    word("window", NUMBER, "bytes of the largest TCP window", "window 65535", RouteTerm::Window).rare(),
    word("cwnd", LOCKED, "segments of the congestion window", "cwnd lock 10", RouteTerm::CongestionWindow)
        .rare(),
    word(
        "ssthresh",
        LOCKED,
        "segments at which slow start ends",
        "ssthresh lock 107",
        RouteTerm::SlowStartThreshold,
    )
    .rare(),
    word(
        "initcwnd",
        NUMBER,
        "segments of the first congestion window",
        "initcwnd 10",
        RouteTerm::FirstCongestionWindow,
    )
    .rare(),
    word(
        "initrwnd",
        NUMBER,
        "segments of the first receive window",
        "initrwnd 10",
        RouteTerm::FirstReceiveWindow,
    )
    .rare(),
    word("quickack", BIT, "1: TCP acknowledges at once", "quickack 1", RouteTerm::QuickAck).rare(),
    word(
        "fastopen_no_cookie",
        BIT,
        "1: TCP Fast Open without a cookie",
        "fastopen_no_cookie 1",
        RouteTerm::FastOpenWithoutCookie,
    )
    .rare(),
    word(
        "congctl",
        NAME_OR_LOCK,
        "TCP's congestion control",
        "congctl lock cubic",
        RouteTerm::CongestionControl,
    )
    .rare(),
    word(
        "features",
        Kind::Choice(&["ecn"]),
        "ecn: congestion is notified",
        "features ecn",
        RouteTerm::Features,
    )
    .rare(),
    word("realms", REALMS, "realms by which its traffic is counted (IPv4)", "realms 1/2", RouteTerm::Realms)
        .rare(),
    word(
        "pref",
        Kind::Choice(&["low", "medium", "high"]),
        "before or after other routers (IPv6)",
        "pref high",
        RouteTerm::Preference,
    )
    .rare(),
    word(
        "expires",
        NUMBER,
        "seconds after which the kernel forgets it (IPv6)",
        "expires 600",
        RouteTerm::Expires,
    )
    .rare(),
    word(
        "ttl-propagate",
        Kind::Choice(&["enabled", "disabled"]),
        "whether MPLS takes the TTL over",
        "ttl-propagate disabled",
        RouteTerm::PropagateTtl,
    )
    .rare(),
    word("add", Kind::Flag, "only where there is no route like it", "add", RouteTerm::Place).rare(),
    word("append", Kind::Flag, "after routes like it", "append", RouteTerm::Place).rare(),
    word("prepend", Kind::Flag, "before routes like it", "prepend", RouteTerm::Place)
        .default("always")
        .rare(),
    word("unicast", Kind::Flag, "packets go to the next hop", "unicast", RouteTerm::Kind)
        .default("always")
        .rare(),
    word("local", Kind::Flag, "packets are for this host", "local", RouteTerm::Kind).rare(),
    word("broadcast", Kind::Flag, "packets are for all hosts of the link", "broadcast", RouteTerm::Kind)
        .rare(),
    word("anycast", Kind::Flag, "packets are for this host, as one of several", "anycast", RouteTerm::Kind)
        .rare(),
    word("multicast", Kind::Flag, "packets are for a group", "multicast", RouteTerm::Kind).rare(),
    word("blackhole", Kind::Flag, "packets are dropped", "blackhole", RouteTerm::Kind),
    word(
        "unreachable",
        Kind::Flag,
        "packets are dropped, and the sender is told that the host is unreachable",
        "unreachable",
        RouteTerm::Kind,
    ),
    word(
        "prohibit",
        Kind::Flag,
        "packets are dropped, and the sender is told that this is forbidden",
        "prohibit",
        RouteTerm::Kind,
    ),
    word("throw", Kind::Flag, "the search goes on in the next table", "throw", RouteTerm::Kind),
    word("nat", Kind::Flag, "no kernel has such routes any more", "nat", RouteTerm::Kind)
        .rare()
        .refused("Linux has no such routes since 2.6"),
    word("xresolve", Kind::Flag, "no kernel has such routes", "xresolve", RouteTerm::Kind)
        .rare()
        .refused("Linux never had such routes"),
    word("no_track", Kind::Flag, "nobody minds when it is gone", "no_track", RouteTerm::NoTrack),
];

/// Of no instance alone.
const STATIC: &[Word<RouteTerm>] = &[word(
    "track_group",
    Kind::Text,
    "instances of this group are in FAULT while it is gone",
    "track_group G",
    RouteTerm::TrackGroup,
)
.rare()];

const ENCAPSULATION: &[Word<EncapsulationTerm>] = &[
    word("id", NUMBER, "the number of the tunnel", "id 5", EncapsulationTerm::Id).rare(),
    word("dst", Kind::Address, "the far end of the tunnel", "dst 192.0.2.2", EncapsulationTerm::Destination)
        .rare(),
    word("src", Kind::Address, "the near end of the tunnel", "src 192.0.2.1", EncapsulationTerm::Source)
        .rare(),
    word(
        "tos",
        Kind::Named(Book::Services),
        "type of service of what is wrapped",
        "tos 0x10",
        EncapsulationTerm::Service,
    )
    .rare(),
    word(
        "tc",
        Kind::Named(Book::Services),
        "traffic class of what is wrapped",
        "tc 0x10",
        EncapsulationTerm::Service,
    )
    .same_as("tos")
    .rare(),
    word("ttl", BYTE, "TTL of what is wrapped", "ttl 64", EncapsulationTerm::TimeToLive).rare(),
    word("hoplimit", BYTE, "hop limit of what is wrapped", "hoplimit 64", EncapsulationTerm::TimeToLive)
        .same_as("ttl")
        .rare(),
    word(
        "flags",
        Kind::Number { least: 0, most: 65_535 },
        "flags of the tunnel, as rtnetlink's bits",
        "flags 4",
        EncapsulationTerm::Flags,
    )
    .rare(),
];

pub(super) fn words(parent: &'static str, fixed: bool) -> Vec<Keyword> {
    in_block(parent, WORDS).chain(in_block(parent, if fixed { STATIC } else { &[] })).collect()
}

pub(super) fn encapsulation(parent: &'static str) -> Vec<Keyword> {
    in_block(parent, ENCAPSULATION).collect()
}
