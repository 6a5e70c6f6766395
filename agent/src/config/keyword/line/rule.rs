//! The words of a rule.

use super::{in_block, word};
use crate::config::keyword::{Book, Keyword, Kind, Word};

/// In a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum RuleTerm {
    Not,
    From,
    To,
    Input,
    Output,
    Service,
    Mark,
    TunnelId,
    Users,
    IpProtocol,
    SourcePort,
    DestinationPort,
    Preference,
    Table,
    LookupVrf,
    Goto,
    Type,
    Action,
    SuppressLength,
    SuppressGroup,
    Realms,
    Protocol,
    Family,
    NoTrack,
    TrackGroup,
}

const ANY: i64 = u32::MAX as i64;
const NUMBER: Kind = Kind::Number { least: 0, most: ANY };
const MARK: Kind = Kind::Form { what: "a whole number, maybe /MASK", least: 1, most: Some(1) };
const IP_PROTOCOL: Kind =
    Kind::Form { what: "the name of a protocol over IP, or its number up to 255", least: 1, most: Some(1) };
const REALMS: Kind = Kind::Form { what: "a realm, or two as FROM/TO", least: 1, most: Some(1) };
const PORTS: Kind = Kind::Between { least: 1, most: 65_535 };

const WORDS: &[Word<RuleTerm>] = &[
    word("not", Kind::Flag, "packets that do not match are meant", "not", RuleTerm::Not).rare(),
    word("from", Kind::Prefix, "packets from these addresses", "from 192.0.2.0/24", RuleTerm::From)
        .everyday(),
    word("to", Kind::Prefix, "packets to these addresses", "to 198.51.100.0/24", RuleTerm::To).everyday(),
    word("iif", Kind::Interface, "packets that came in here", "iif eth1", RuleTerm::Input),
    word("dev", Kind::Interface, "packets that came in here", "dev eth1", RuleTerm::Input).same_as("iif"),
    word(
        "oif",
        Kind::Interface,
        "packets of sockets that are bound to this interface",
        "oif eth1",
        RuleTerm::Output,
    )
    .rare(),
    word(
        "tos",
        Kind::Named(Book::Services),
        "packets of this type of service",
        "tos 0x10",
        RuleTerm::Service,
    )
    .rare(),
    word(
        "dsfield",
        Kind::Named(Book::Services),
        "packets of this type of service",
        "dsfield AF11",
        RuleTerm::Service,
    )
    .same_as("tos")
    .rare(),
    word("fwmark", MARK, "packets with this mark of the firewall", "fwmark 0x10/0xff", RuleTerm::Mark),
    word(
        "tunnel-id",
        Kind::Number { least: 0, most: i64::MAX },
        "packets of this tunnel",
        "tunnel-id 5",
        RuleTerm::TunnelId,
    )
    .rare(),
    word(
        "uidrange",
        Kind::Between { least: 0, most: ANY },
        "packets of sockets of these users",
        "uidrange 1000-1999",
        RuleTerm::Users,
    )
    .rare(),
    word("ipproto", IP_PROTOCOL, "packets of this protocol over IP", "ipproto tcp", RuleTerm::IpProtocol)
        .rare(),
    word("sport", PORTS, "packets from these ports", "sport 1024-65535", RuleTerm::SourcePort).rare(),
    word("dport", PORTS, "packets to these ports", "dport 80-81", RuleTerm::DestinationPort).rare(),
    word("preference", NUMBER, "rules are asked in this order", "preference 100", RuleTerm::Preference)
        .everyday(),
    word("priority", NUMBER, "rules are asked in this order", "priority 100", RuleTerm::Preference)
        .same_as("preference"),
    word("order", NUMBER, "rules are asked in this order", "order 100", RuleTerm::Preference)
        .same_as("preference"),
    word(
        "table",
        Kind::Named(Book::Tables),
        "their route is looked up in this table",
        "table 100",
        RuleTerm::Table,
    )
    .everyday(),
    word(
        "lookup",
        Kind::Named(Book::Tables),
        "their route is looked up in this table",
        "lookup 100",
        RuleTerm::Table,
    )
    .same_as("table"),
    word(
        "l3mdev",
        Kind::Flag,
        "their route is looked up in the table of the VRF of their interface",
        "l3mdev",
        RuleTerm::LookupVrf,
    )
    .rare(),
    word("goto", NUMBER, "the rules go on at this preference", "goto 200", RuleTerm::Goto).rare(),
    word("nop", Kind::Flag, "the next rule is asked", "nop", RuleTerm::Action).rare(),
    word("blackhole", Kind::Flag, "they are dropped", "blackhole", RuleTerm::Action),
    word(
        "unreachable",
        Kind::Flag,
        "they are dropped, and the sender is told that the host is unreachable",
        "unreachable",
        RuleTerm::Action,
    ),
    word(
        "prohibit",
        Kind::Flag,
        "they are dropped, and the sender is told that this is forbidden",
        "prohibit",
        RuleTerm::Action,
    ),
    word(
        "type",
        Kind::Choice(&["blackhole", "unreachable", "prohibit"]),
        "what is done with them",
        "type blackhole",
        RuleTerm::Type,
    )
    .rare(),
    word(
        "suppress_prefixlength",
        Kind::Number { least: 0, most: 128 },
        "a route found with a prefix of this length or a shorter one does not count",
        "suppress_prefixlength 0",
        RuleTerm::SuppressLength,
    )
    .rare(),
    word(
        "suppress_ifgroup",
        Kind::Named(Book::Groups),
        "a route found through an interface of this group does not count",
        "suppress_ifgroup 3",
        RuleTerm::SuppressGroup,
    )
    .rare(),
    word("realms", REALMS, "realms by which their traffic is counted (IPv4)", "realms 1/2", RuleTerm::Realms)
        .rare(),
    word(
        "protocol",
        Kind::Named(Book::Protocols),
        "who counts as having set the rule",
        "protocol static",
        RuleTerm::Protocol,
    )
    .default("the agent's own")
    .rare(),
    word("inet", Kind::Flag, "a rule for IPv4", "inet", RuleTerm::Family).rare(),
    word("inet6", Kind::Flag, "a rule for IPv6", "inet6", RuleTerm::Family).rare(),
    word("no_track", Kind::Flag, "nobody minds when it is gone", "no_track", RuleTerm::NoTrack),
];

/// Of no instance alone.
const STATIC: &[Word<RuleTerm>] = &[word(
    "track_group",
    Kind::Text,
    "instances of this group are in FAULT while it is gone",
    "track_group G",
    RuleTerm::TrackGroup,
)
.rare()];

pub(super) fn words(parent: &'static str, fixed: bool) -> Vec<Keyword> {
    in_block(parent, WORDS).chain(in_block(parent, if fixed { STATIC } else { &[] })).collect()
}
