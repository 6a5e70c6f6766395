//! The words that stand outside all blocks.

use super::{NOTHING_BALANCED, word};
use crate::config::keyword::{Kind, Line, Word};

/// At the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum RootTerm {
    GlobalDefs,
    Script,
    Instance,
    GarpGroup,
    SyncGroup,
    TrackFile,
    TrackProcess,
    LinkbeatInterfaces,
    InterfaceDelays,
    NetNamespace,
    IpvsNamespace,
    NamespaceWithIpsets,
    InstanceName,
    UsePidDirectory,
    LinkbeatPolling,
    ChildWaitTime,
    VirtualServer,
    VirtualServerGroup,
    Ssl,
    Bfd,
    StaticAddresses,
    StaticRoutes,
    StaticRules,
    TrackGroup,
}

const NO_TRACK_FILE: &str = "no instance depends on it yet";
const BY_NETLINK: &str = "an interface counts as up or down by what the kernel reports, without polling";

/// A day at most.
const WAIT: Kind = Kind::Number { least: 0, most: 86_400 };

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
    word("vrrp_sync_group", Kind::NamedBlock, "instances that change state together", "vrrp_sync_group VG_1 { group { VI_1 VI_2 } }", RootTerm::SyncGroup).not_yet("its instances change state each by itself; interfaces and scripts that it tracks count for each of them"),
    word("track_file", Kind::NamedBlock, "a file whose number priorities depend on", "track_file load { file /run/regent/load }", RootTerm::TrackFile).not_yet(NO_TRACK_FILE),
    word("vrrp_track_file", Kind::NamedBlock, "the old name of `track_file`", "vrrp_track_file load { file /run/regent/load }", RootTerm::TrackFile).same_as("track_file").not_yet(NO_TRACK_FILE),
    word("vrrp_track_process", Kind::NamedBlock, "processes that priorities depend on", "vrrp_track_process haproxy { process haproxy }", RootTerm::TrackProcess).not_yet("no instance depends on it yet; a `vrrp_script` with `/usr/bin/pgrep -x NAME` does the same"),
    word("linkbeat_interfaces", Kind::Lines(Line::Linkbeat), "interfaces that are asked again and again whether they have a link", "linkbeat_interfaces { eth0 ETHTOOL }", RootTerm::LinkbeatInterfaces).rare().not_yet(BY_NETLINK),
    word("linkbeat_use_polling", Kind::Flag, "all interfaces are asked again and again whether they have a link", "linkbeat_use_polling", RootTerm::LinkbeatPolling).rare().not_yet(BY_NETLINK),
    word("interface_up_down_delays", Kind::Lines(Line::Delays), "seconds until an interface that goes down, or comes up, counts as such", "interface_up_down_delays { eth0 2 5 }", RootTerm::InterfaceDelays).rare().not_yet("interfaces count as up or down at once"),
    word("net_namespace", Kind::Text, "the network namespace to work in", "net_namespace blue", RootTerm::NetNamespace),
    word("net_namespace_ipvs", Kind::MaybeText, "the network namespace to balance in", "net_namespace_ipvs blue", RootTerm::IpvsNamespace).rare().not_yet(NOTHING_BALANCED),
    word("namespace_with_ipsets", Kind::Flag, "ipsets are used in a namespace although the kernel is older than 3.13", "namespace_with_ipsets", RootTerm::NamespaceWithIpsets).rare().without_effect("the agent uses no ipsets"),
    word("instance", Kind::Text, "under the name `keepalived`: tells several daemons of a host apart, by the names of their files", "instance blue", RootTerm::InstanceName),
    word("use_pid_dir", Kind::Flag, "under the name `keepalived`: pid files lie in a directory of their own", "use_pid_dir", RootTerm::UsePidDirectory).rare(),
    word("child_wait_time", WAIT, "seconds that processes have to end", "child_wait_time 5", RootTerm::ChildWaitTime).default("5").rare().without_effect("the agent is one process"),
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
