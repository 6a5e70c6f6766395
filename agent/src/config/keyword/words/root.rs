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
    word("vrrp_sync_group", Kind::NamedBlock, "instances that change state together", "vrrp_sync_group VG_1 { group { VI_1 VI_2 } }", RootTerm::SyncGroup).not_yet("its instances change state each by itself; interfaces and scripts that it tracks count for each of them"),
    word("track_file", Kind::NamedBlock, "a file whose number priorities depend on", "track_file load { file /run/regent/load }", RootTerm::TrackFile).not_yet(NO_TRACK_FILE),
    word("vrrp_track_file", Kind::NamedBlock, "the old name of `track_file`", "vrrp_track_file load { file /run/regent/load }", RootTerm::TrackFile).same_as("track_file").not_yet(NO_TRACK_FILE),
    word("vrrp_track_process", Kind::NamedBlock, "processes that priorities depend on", "vrrp_track_process haproxy { process haproxy }", RootTerm::TrackProcess).not_yet("no instance depends on it yet; a `vrrp_script` with `/usr/bin/pgrep -x NAME` does the same"),
    word("linkbeat_interfaces", Kind::Lines(Line::Linkbeat), "interfaces that are asked again and again whether they have a link", "linkbeat_interfaces { eth0 ETHTOOL }", RootTerm::LinkbeatInterfaces).rare().not_yet(BY_NETLINK),
    word("linkbeat_use_polling", Kind::Flag, "all interfaces are asked again and again whether they have a link", "linkbeat_use_polling", RootTerm::LinkbeatPolling).rare().not_yet(BY_NETLINK),
    word("interface_up_down_delays", Kind::Lines(Line::Delays), "seconds until an interface that goes down, or comes up, counts as such", "interface_up_down_delays { eth0 2 5 }", RootTerm::InterfaceDelays).rare().not_yet("interfaces count as up or down at once"),
    word("net_namespace", Kind::Text, "the network namespace to work in", "net_namespace blue", RootTerm::NetNamespace).refused("the agent works in the namespace that it is started in, where these addresses may not belong"),
    word("net_namespace_ipvs", Kind::MaybeText, "the network namespace to balance in", "net_namespace_ipvs blue", RootTerm::IpvsNamespace).rare().not_yet(NOTHING_BALANCED),
    word("namespace_with_ipsets", Kind::Flag, "ipsets are used in a namespace although the kernel is older than 3.13", "namespace_with_ipsets", RootTerm::NamespaceWithIpsets).rare().without_effect("the agent uses no ipsets"),
    word("instance", Kind::Text, "tells several daemons of a host apart, by the names of their files", "instance blue", RootTerm::InstanceName).not_yet("agents of one host are told apart by --run-dir"),
    word("use_pid_dir", Kind::Flag, "pid files lie in a directory of their own", "use_pid_dir", RootTerm::UsePidDirectory).rare().without_effect("all files of the agent lie in its run directory"),
    word("child_wait_time", WAIT, "seconds that processes have to end", "child_wait_time 5", RootTerm::ChildWaitTime).default("5").rare().without_effect("the agent is one process"),
];
