//! The words of `global_defs` about the packet filter.

use super::GlobalTerm;
use crate::config::keyword::{
    Kind, Word,
    words::{NOTHING_BALANCED, word},
};

/// About the packet filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum FirewallTerm {
    Iptables,
    Ipsets,
    Table,
    Priority,
    Counters,
    Ifindex,
    IpvsTable,
    IpvsPriority,
    IpvsFirstMark,
}

const CHAINS: Kind = Kind::Form { what: "[IN [OUT]]", least: 0, most: Some(2) };
const SETS: Kind =
    Kind::Form { what: "[ADDRESSES [ADDRESSES6 [INTERFACES6 [IGMP [MLD [ND]]]]]]", least: 0, most: Some(6) };
const PRIORITY: Kind = Kind::Number { least: i32::MIN as i64, most: i32::MAX as i64 };
const MARK: Kind = Kind::Number { least: 1, most: u32::MAX as i64 };

const OWN_TABLE: &str =
    "`no_accept` is kept by nftables, in a table of the agent's own, for each instance that says it";

const fn filter(
    name: &'static str,
    kind: Kind,
    help: &'static str,
    example: &'static str,
    term: FirewallTerm,
) -> Word<GlobalTerm> {
    word(name, kind, help, example, GlobalTerm::Firewall(term))
}

pub(super) const WORDS: &[Word<GlobalTerm>] = &[
    filter(
        "vrrp_iptables",
        CHAINS,
        "chains of iptables in which packets to the addresses are dropped",
        "vrrp_iptables in out",
        FirewallTerm::Iptables,
    )
    .default("INPUT")
    .without_effect(OWN_TABLE),
    filter(
        "vrrp_ipsets",
        SETS,
        "sets that these chains look up",
        "vrrp_ipsets keepalived",
        FirewallTerm::Ipsets,
    )
    .without_effect(OWN_TABLE),
    filter(
        "nftables",
        Kind::MaybeText,
        "table of nftables in which packets to the addresses are dropped",
        "nftables keepalived",
        FirewallTerm::Table,
    )
    .default("keepalived")
    .without_effect(OWN_TABLE),
    filter(
        "nftables_priority",
        PRIORITY,
        "priority of the chains of that table",
        "nftables_priority -1",
        FirewallTerm::Priority,
    )
    .default("-1")
    .without_effect(OWN_TABLE),
    filter(
        "nftables_counters",
        Kind::Flag,
        "the rules of that table count packets",
        "nftables_counters",
        FirewallTerm::Counters,
    )
    .not_yet("packets that `no_accept` drops are not counted"),
    filter(
        "nftables_ifindex",
        Kind::Flag,
        "sets of that table hold numbers of interfaces, not names",
        "nftables_ifindex",
        FirewallTerm::Ifindex,
    )
    .without_effect(OWN_TABLE),
    filter(
        "nftables_ipvs",
        Kind::MaybeText,
        "table of nftables that marks packets for groups of virtual servers",
        "nftables_ipvs keepalived_ipvs",
        FirewallTerm::IpvsTable,
    )
    .default("keepalived_ipvs")
    .rare()
    .not_yet(NOTHING_BALANCED),
    filter(
        "nftables_ipvs_priority",
        PRIORITY,
        "priority of the chains of that table",
        "nftables_ipvs_priority -1",
        FirewallTerm::IpvsPriority,
    )
    .rare()
    .not_yet(NOTHING_BALANCED),
    filter(
        "nftables_ipvs_start_fwmark",
        MARK,
        "the first mark of that table",
        "nftables_ipvs_start_fwmark 1000",
        FirewallTerm::IpvsFirstMark,
    )
    .default("1000")
    .rare()
    .not_yet(NOTHING_BALANCED),
];
