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
}

pub(super) const WORDS: &[Word<RootTerm>] = &[
    word(
        "global_defs",
        Kind::Block,
        "defaults for all blocks, whatever their order",
        "global_defs { }",
        RootTerm::GlobalDefs,
    ),
    word(
        "vrrp_script",
        Kind::NamedBlock,
        "a command that is run again and again, for instances to track",
        "vrrp_script check { script /bin/true }",
        RootTerm::Script,
    ),
    word(
        "vrrp_instance",
        Kind::NamedBlock,
        "a virtual router",
        "vrrp_instance VI_1 { interface eth0\n virtual_router_id 1\n virtual_ipaddress { 192.0.2.1 }\n }",
        RootTerm::Instance,
    ),
    word(
        "garp_group",
        Kind::Block,
        "interfaces behind one switch, whose announcements follow each other at one pace",
        "garp_group { garp_interval 0.01\n interface eth0\n }",
        RootTerm::GarpGroup,
    ),
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
];
