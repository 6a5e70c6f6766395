//! The words that may follow an address.

use super::{in_block, word};
use crate::config::keyword::{Book, Keyword, Kind, Word};

/// After an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum AddressTerm {
    Device,
    Broadcast,
    Scope,
    Label,
    Peer,
    Home,
    DetectDuplicates,
    ManageTemporary,
    NoPrefixRoute,
    AutoJoin,
    NoTrack,
    PreferredLifetime,
    UseVmac,
    TrackGroup,
}

const BROADCAST: Kind = Kind::Form { what: "an IPv4 address, `+` or `-`", least: 1, most: Some(1) };
const LIFETIME: Kind = Kind::Form { what: "whole seconds or `forever`", least: 1, most: Some(1) };
/// What follows where the agent assigns an address without the word.
const ASSIGNED_WITHOUT: &str = "the address is assigned without it";

const WORDS: &[Word<AddressTerm>] = &[
    word("dev", Kind::Interface, "the interface that bears it", "dev eth1", AddressTerm::Device)
        .default("interface")
        .everyday(),
    word(
        "brd",
        BROADCAST,
        "its broadcast address; +: all host bits one, -: all zero",
        "brd +",
        AddressTerm::Broadcast,
    )
    .everyday(),
    word(
        "broadcast",
        BROADCAST,
        "its broadcast address; +: all host bits one, -: all zero",
        "broadcast 192.0.2.255",
        AddressTerm::Broadcast,
    )
    .same_as("brd"),
    word("scope", Kind::Named(Book::Scopes), "how far it is known", "scope link", AddressTerm::Scope)
        .default("global")
        .everyday(),
    word(
        "label",
        Kind::Text,
        "a name for it, 15 bytes at most; old tools want it to begin with its interface",
        "label eth0:1",
        AddressTerm::Label,
    )
    .everyday(),
    word(
        "peer",
        Kind::Address,
        "the other end of a link between two hosts",
        "peer 192.0.2.254",
        AddressTerm::Peer,
    )
    .rare()
    .not_yet(ASSIGNED_WITHOUT),
    word("home", Kind::Flag, "the home address of a mobile host (IPv6)", "home", AddressTerm::Home)
        .rare()
        .not_yet(ASSIGNED_WITHOUT),
    word(
        "-nodad",
        Kind::Flag,
        "the kernel looks for duplicates of it first, for which it is unusable for a second (IPv6)",
        "-nodad",
        AddressTerm::DetectDuplicates,
    ),
    word(
        "mngtmpaddr",
        Kind::Flag,
        "the kernel makes temporary addresses from it (IPv6)",
        "mngtmpaddr",
        AddressTerm::ManageTemporary,
    )
    .rare()
    .not_yet(ASSIGNED_WITHOUT),
    word(
        "noprefixroute",
        Kind::Flag,
        "no route to its network comes with it",
        "noprefixroute",
        AddressTerm::NoPrefixRoute,
    ),
    word("autojoin", Kind::Flag, "the kernel joins the group that it is", "autojoin", AddressTerm::AutoJoin)
        .rare()
        .not_yet(ASSIGNED_WITHOUT),
    word(
        "no_track",
        Kind::Flag,
        "the loss of its interface does not mean FAULT",
        "no_track",
        AddressTerm::NoTrack,
    ),
    word(
        "preferred_lft",
        LIFETIME,
        "how long this host's own connections come from it (IPv6)",
        "preferred_lft forever",
        AddressTerm::PreferredLifetime,
    )
    .default("forever, and 0 with /128"),
];

/// Of an instance alone.
const VIRTUAL: &[Word<AddressTerm>] = &[word(
    "use_vmac",
    Kind::Flag,
    "its interface gets one with the virtual MAC, which bears it",
    "use_vmac",
    AddressTerm::UseVmac,
)
.rare()
.not_yet("its own interface bears it; say `virtual_mac` in the instance to have that MAC there")];

/// Of no instance alone.
const STATIC: &[Word<AddressTerm>] = &[word(
    "track_group",
    Kind::Text,
    "instances of this group are in FAULT while it is gone",
    "track_group G",
    AddressTerm::TrackGroup,
)
.rare()
.not_yet("no instance notices that it is gone")];

pub(super) fn words(parent: &'static str, fixed: bool) -> Vec<Keyword> {
    in_block(parent, WORDS).chain(in_block(parent, if fixed { STATIC } else { VIRTUAL })).collect()
}
