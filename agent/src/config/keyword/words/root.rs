//! The words that stand outside all blocks.

use super::word;
use crate::config::keyword::{Kind, Word};

/// At the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum RootTerm {
    GlobalDefs,
    Script,
    Instance,
    GarpGroup,
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
];
