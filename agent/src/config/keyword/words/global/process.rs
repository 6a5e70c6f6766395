//! The words of `global_defs` about processes: names, priorities, memory, buffers.

use super::GlobalTerm;
use crate::config::keyword::{Kind, Word, words::word};

/// keepalived's processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum Part {
    Main,
    Vrrp,
    Checker,
    Bfd,
}

/// About one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum ProcessTerm {
    Name,
    Nice,
    RealTime,
    NoSwap,
    Affinity,
    TimeLimit,
}

/// What a buffer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum BufferOf {
    VrrpCommand,
    VrrpMonitor,
    Processes,
    IpvsCommand,
    IpvsMonitor,
}

const NICE: Kind = Kind::Number { least: -20, most: 19 };
const REAL_TIME_PRIORITY: Kind = Kind::Number { least: 1, most: 99 };
const AUTO_PRIORITY: Kind = Kind::MaybeNumber { least: -1, most: 99 };
/// Microseconds, ten seconds at most.
const AUTO_DELAY: Kind = Kind::Number { least: 1, most: 10_000_000 };
/// As many as a kernel can be built for.
const CPUS: Kind = Kind::Numbers { least: 0, most: 8191 };
const TIME_LIMIT: Kind = Kind::Number { least: 1, most: u32::MAX as i64 };
const BYTES: Kind = Kind::Number { least: 0, most: u32::MAX as i64 };
const MULTIPLIER: Kind = Kind::Number { least: 1, most: u32::MAX as i64 };
const POLICY: Kind = Kind::Form { what: "MTU|ADVERT|BYTES", least: 1, most: Some(1) };

const ONE_PROCESS: &str = "the agent is one process";
const REAL_TIME: &str = "the thread of the instances always runs in real time (SCHED_RR), where it may";
const LOCKED: &str = "the agent is always locked in memory, where it may be";
const NO_LIMIT: &str = "no thread of the agent has such a limit";
const ALL_CPUS: &str = "the agent runs on all CPUs; `CPUAffinity=` in the unit file has the same effect";
const OWN_SIZES: &str = "the agent knows how much it needs, and reads all anew should anything be lost";

const fn process(
    name: &'static str,
    kind: Kind,
    help: &'static str,
    example: &'static str,
    part: Part,
    term: ProcessTerm,
) -> Word<GlobalTerm> {
    word(name, kind, help, example, GlobalTerm::Process(part, term))
}

pub(super) const WORDS: &[Word<GlobalTerm>] = &[
    word(
        "process_names",
        Kind::Flag,
        "processes are named after what they do",
        "process_names",
        GlobalTerm::ProcessNames,
    )
    .rare()
    .without_effect(ONE_PROCESS),
    process(
        "process_name",
        Kind::Text,
        "name of the first process",
        "process_name regent",
        Part::Main,
        ProcessTerm::Name,
    )
    .rare()
    .without_effect(ONE_PROCESS),
    process(
        "vrrp_process_name",
        Kind::Text,
        "name of the process of the instances",
        "vrrp_process_name regent_vrrp",
        Part::Vrrp,
        ProcessTerm::Name,
    )
    .rare()
    .without_effect(ONE_PROCESS),
    process(
        "checker_process_name",
        Kind::Text,
        "name of the process that checks servers",
        "checker_process_name regent_check",
        Part::Checker,
        ProcessTerm::Name,
    )
    .rare()
    .without_effect(ONE_PROCESS),
    process(
        "lvs_process_name",
        Kind::Text,
        "the old name of `checker_process_name`",
        "lvs_process_name regent_check",
        Part::Checker,
        ProcessTerm::Name,
    )
    .rare()
    .same_as("checker_process_name")
    .without_effect(ONE_PROCESS),
    process(
        "bfd_process_name",
        Kind::Text,
        "name of the process of BFD",
        "bfd_process_name regent_bfd",
        Part::Bfd,
        ProcessTerm::Name,
    )
    .rare()
    .without_effect(ONE_PROCESS),
    process(
        "vrrp_priority",
        NICE,
        "nice value of the process of the instances",
        "vrrp_priority -10",
        Part::Vrrp,
        ProcessTerm::Nice,
    )
    .without_effect(REAL_TIME),
    process(
        "vrrp_rt_priority",
        REAL_TIME_PRIORITY,
        "real-time priority of the process of the instances",
        "vrrp_rt_priority 10",
        Part::Vrrp,
        ProcessTerm::RealTime,
    )
    .without_effect(REAL_TIME),
    process(
        "vrrp_no_swap",
        Kind::Flag,
        "the process of the instances is locked in memory",
        "vrrp_no_swap",
        Part::Vrrp,
        ProcessTerm::NoSwap,
    )
    .without_effect(LOCKED),
    process(
        "vrrp_cpu_affinity",
        CPUS,
        "CPUs that the process of the instances may run on",
        "vrrp_cpu_affinity 0 1",
        Part::Vrrp,
        ProcessTerm::Affinity,
    )
    .not_yet(ALL_CPUS),
    process(
        "vrrp_rlimit_rttime",
        TIME_LIMIT,
        "microseconds that the process of the instances may run without a pause, in real time",
        "vrrp_rlimit_rttime 10000",
        Part::Vrrp,
        ProcessTerm::TimeLimit,
    )
    .default("10000")
    .without_effect(NO_LIMIT),
    process(
        "vrrp_rlimit_rtime",
        TIME_LIMIT,
        "the old name of `vrrp_rlimit_rttime`",
        "vrrp_rlimit_rtime 10000",
        Part::Vrrp,
        ProcessTerm::TimeLimit,
    )
    .rare()
    .same_as("vrrp_rlimit_rttime")
    .without_effect(NO_LIMIT),
    process(
        "checker_priority",
        NICE,
        "nice value of the process of the checks of servers",
        "checker_priority -10",
        Part::Checker,
        ProcessTerm::Nice,
    )
    .without_effect(ONE_PROCESS),
    process(
        "checker_rt_priority",
        REAL_TIME_PRIORITY,
        "real-time priority of the process of the checks of servers",
        "checker_rt_priority 10",
        Part::Checker,
        ProcessTerm::RealTime,
    )
    .without_effect(ONE_PROCESS),
    process(
        "checker_no_swap",
        Kind::Flag,
        "the process of the checks of servers is locked in memory",
        "checker_no_swap",
        Part::Checker,
        ProcessTerm::NoSwap,
    )
    .without_effect(LOCKED),
    process(
        "checker_cpu_affinity",
        CPUS,
        "CPUs that the process of the checks of servers may run on",
        "checker_cpu_affinity 0 1",
        Part::Checker,
        ProcessTerm::Affinity,
    )
    .not_yet(ALL_CPUS),
    process(
        "checker_rlimit_rttime",
        TIME_LIMIT,
        "microseconds that the process of the checks of servers may run without a pause, in real time",
        "checker_rlimit_rttime 10000",
        Part::Checker,
        ProcessTerm::TimeLimit,
    )
    .default("10000")
    .without_effect(NO_LIMIT),
    process(
        "checker_rlimit_rtime",
        TIME_LIMIT,
        "the old name of `checker_rlimit_rttime`",
        "checker_rlimit_rtime 10000",
        Part::Checker,
        ProcessTerm::TimeLimit,
    )
    .rare()
    .same_as("checker_rlimit_rttime")
    .without_effect(NO_LIMIT),
    process(
        "bfd_priority",
        NICE,
        "nice value of the process of BFD",
        "bfd_priority -10",
        Part::Bfd,
        ProcessTerm::Nice,
    )
    .without_effect(ONE_PROCESS),
    process(
        "bfd_rt_priority",
        REAL_TIME_PRIORITY,
        "real-time priority of the process of BFD",
        "bfd_rt_priority 10",
        Part::Bfd,
        ProcessTerm::RealTime,
    )
    .without_effect(ONE_PROCESS),
    process(
        "bfd_no_swap",
        Kind::Flag,
        "the process of BFD is locked in memory",
        "bfd_no_swap",
        Part::Bfd,
        ProcessTerm::NoSwap,
    )
    .without_effect(LOCKED),
    process(
        "bfd_cpu_affinity",
        CPUS,
        "CPUs that the process of BFD may run on",
        "bfd_cpu_affinity 0 1",
        Part::Bfd,
        ProcessTerm::Affinity,
    )
    .not_yet(ALL_CPUS),
    process(
        "bfd_rlimit_rttime",
        TIME_LIMIT,
        "microseconds that the process of BFD may run without a pause, in real time",
        "bfd_rlimit_rttime 10000",
        Part::Bfd,
        ProcessTerm::TimeLimit,
    )
    .default("10000")
    .without_effect(NO_LIMIT),
    process(
        "bfd_rlimit_rtime",
        TIME_LIMIT,
        "the old name of `bfd_rlimit_rttime`",
        "bfd_rlimit_rtime 10000",
        Part::Bfd,
        ProcessTerm::TimeLimit,
    )
    .rare()
    .same_as("bfd_rlimit_rttime")
    .without_effect(NO_LIMIT),
    word(
        "max_auto_priority",
        AUTO_PRIORITY,
        "real-time priority up to which a process that is late is raised; 0 or -1: none is",
        "max_auto_priority 50",
        GlobalTerm::MaxAutoPriority,
    )
    .default("0")
    .without_effect(REAL_TIME),
    word(
        "min_auto_priority_delay",
        AUTO_DELAY,
        "microseconds by which it must be late",
        "min_auto_priority_delay 1000000",
        GlobalTerm::MinAutoPriorityDelay,
    )
    .default("1000000")
    .without_effect(REAL_TIME),
];

pub(super) const BUFFERS: &[Word<GlobalTerm>] = &[
    word(
        "vrrp_netlink_cmd_rcv_bufs",
        BYTES,
        "bytes kept for requests to the kernel",
        "vrrp_netlink_cmd_rcv_bufs 1048576",
        GlobalTerm::BufferSize(BufferOf::VrrpCommand),
    )
    .rare()
    .without_effect(OWN_SIZES),
    word(
        "vrrp_netlink_cmd_rcv_bufs_force",
        Kind::Switch,
        "those bytes go beyond the limit of the host",
        "vrrp_netlink_cmd_rcv_bufs_force",
        GlobalTerm::BufferForce(BufferOf::VrrpCommand),
    )
    .default("off")
    .rare()
    .without_effect(OWN_SIZES),
    word(
        "vrrp_netlink_monitor_rcv_bufs",
        BYTES,
        "bytes kept for what the kernel reports of interfaces",
        "vrrp_netlink_monitor_rcv_bufs 1048576",
        GlobalTerm::BufferSize(BufferOf::VrrpMonitor),
    )
    .rare()
    .without_effect(OWN_SIZES),
    word(
        "vrrp_netlink_monitor_rcv_bufs_force",
        Kind::Switch,
        "those bytes go beyond the limit of the host",
        "vrrp_netlink_monitor_rcv_bufs_force",
        GlobalTerm::BufferForce(BufferOf::VrrpMonitor),
    )
    .default("off")
    .rare()
    .without_effect(OWN_SIZES),
    word(
        "process_monitor_rcv_bufs",
        BYTES,
        "bytes kept for what the kernel reports of processes",
        "process_monitor_rcv_bufs 1048576",
        GlobalTerm::BufferSize(BufferOf::Processes),
    )
    .rare()
    .without_effect(OWN_SIZES),
    word(
        "process_monitor_rcv_bufs_force",
        Kind::Switch,
        "those bytes go beyond the limit of the host",
        "process_monitor_rcv_bufs_force",
        GlobalTerm::BufferForce(BufferOf::Processes),
    )
    .default("off")
    .rare()
    .without_effect(OWN_SIZES),
    word(
        "lvs_netlink_cmd_rcv_bufs",
        BYTES,
        "bytes kept for requests to the kernel about servers",
        "lvs_netlink_cmd_rcv_bufs 1048576",
        GlobalTerm::BufferSize(BufferOf::IpvsCommand),
    )
    .rare()
    .without_effect(OWN_SIZES),
    word(
        "lvs_netlink_cmd_rcv_bufs_force",
        Kind::Switch,
        "those bytes go beyond the limit of the host",
        "lvs_netlink_cmd_rcv_bufs_force",
        GlobalTerm::BufferForce(BufferOf::IpvsCommand),
    )
    .default("off")
    .rare()
    .without_effect(OWN_SIZES),
    word(
        "lvs_netlink_monitor_rcv_bufs",
        BYTES,
        "bytes kept for what the kernel reports of interfaces to checks",
        "lvs_netlink_monitor_rcv_bufs 1048576",
        GlobalTerm::BufferSize(BufferOf::IpvsMonitor),
    )
    .rare()
    .without_effect(OWN_SIZES),
    word(
        "lvs_netlink_monitor_rcv_bufs_force",
        Kind::Switch,
        "those bytes go beyond the limit of the host",
        "lvs_netlink_monitor_rcv_bufs_force",
        GlobalTerm::BufferForce(BufferOf::IpvsMonitor),
    )
    .default("off")
    .rare()
    .without_effect(OWN_SIZES),
    word(
        "vrrp_rx_bufs_policy",
        POLICY,
        "bytes kept for adverts: by the MTU, by the length of an advert, or so many",
        "vrrp_rx_bufs_policy ADVERT",
        GlobalTerm::ReceivePolicy,
    )
    .rare()
    .without_effect(OWN_SIZES),
    word(
        "vrrp_rx_bufs_multiplier",
        MULTIPLIER,
        "adverts, or packets of the MTU, that are kept",
        "vrrp_rx_bufs_multiplier 3",
        GlobalTerm::ReceiveMultiplier,
    )
    .default("3")
    .rare()
    .without_effect(OWN_SIZES),
];
