//! The words that stand outside all blocks.

use super::word;
use crate::config::keyword::{Kind, Line, Word};

/// At the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum RootTerm {
    GlobalDefs,
    Script,
    Instance,
    GarpGroup,
    VirtualServer,
    VirtualServerGroup,
    Ssl,
    Bfd,
    StaticAddresses,
    StaticRoutes,
    StaticRules,
    TrackGroup,
}

pub(super) const WORDS: &[Word<RootTerm>] = &[
    word(
        "global_defs",
        Kind::Block,
        "defaults for all blocks, whatever their order",
        "global_defs { }",
        RootTerm::GlobalDefs,
    )
    .everyday(),
    word(
        "vrrp_script",
        Kind::NamedBlock,
        "a command that is run again and again, for instances to track",
        "vrrp_script check { script /bin/true }",
        RootTerm::Script,
    )
    .everyday(),
    word(
        "vrrp_instance",
        Kind::NamedBlock,
        "a virtual router",
        "vrrp_instance VI_1 { interface eth0\n virtual_router_id 1\n virtual_ipaddress { 192.0.2.1 }\n }",
        RootTerm::Instance,
    )
    .everyday(),
    word(
        "garp_group",
        Kind::Block,
        "interfaces behind one switch, whose announcements follow each other at one pace",
        "garp_group { garp_interval 0.01\n interface eth0\n }",
        RootTerm::GarpGroup,
    )
    .rare(),
    word(
        "virtual_server",
        Kind::Service,
        "a service and the real servers that it is balanced to",
        "virtual_server 192.0.2.1 80 {\n protocol TCP\n lb_algo rr\n lb_kind NAT\n real_server 192.0.2.20 80 { }\n }",
        RootTerm::VirtualServer,
    )
    .not_yet("nothing is balanced; addresses move all the same"),
    word(
        "virtual_server_group",
        Kind::NamedLines(Line::Service),
        "addresses, ranges and fwmarks that are one service together",
        "virtual_server_group web { 192.0.2.1-9 80\n fwmark 7\n }",
        RootTerm::VirtualServerGroup,
    )
    .not_yet("virtual servers do not act yet"),
    word(
        "SSL",
        Kind::Block,
        "what SSL_GET shows to the servers and trusts",
        "SSL { ca /etc/ssl/ca.pem }",
        RootTerm::Ssl,
    )
    .rare()
    .not_yet("real servers are not checked yet"),
    word(
        "bfd_instance",
        Kind::NamedBlock,
        "a session of Bidirectional Forwarding Detection with a neighbour (RFC 5880)",
        "bfd_instance gateway { neighbor_ip 192.0.2.254 }",
        RootTerm::Bfd,
    )
    .rare()
    .not_yet("the neighbour is not watched"),
    word(
        "static_ipaddress",
        Kind::Lines(Line::StaticAddress),
        "addresses that stay, whoever is master",
        "static_ipaddress { 192.0.2.7/24 dev eth0 }",
        RootTerm::StaticAddresses,
    )
    .not_yet("these addresses are not assigned"),
    word(
        "static_routes",
        Kind::Lines(Line::StaticRoute),
        "routes that stay, whoever is master",
        "static_routes { 198.51.100.0/24 via 192.0.2.254 dev eth0 }",
        RootTerm::StaticRoutes,
    )
    .not_yet("these routes are not set"),
    word(
        "static_rules",
        Kind::Lines(Line::StaticRule),
        "rules of policy routing that stay, whoever is master",
        "static_rules { from 198.51.100.0/24 table 100 preference 100 }",
        RootTerm::StaticRules,
    )
    .rare()
    .not_yet("these rules are not set"),
    word(
        "track_group",
        Kind::NamedBlock,
        "instances that are in FAULT while a static address, route or rule of this group is gone",
        "track_group G {\n group { VI_1 }\n }",
        RootTerm::TrackGroup,
    )
    .rare()
    .not_yet("no instance notices that they are gone"),
];
