//! keepalived's processes and their resources: kept, so that nothing of a config is lost.

use serde::Serialize;

/// What is said about processes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProcessesPlan {
    /// `process_names`: by what they do.
    pub default_names: bool,
    /// `process_name`.
    pub main: ProcessPlan,
    /// `vrrp_*`.
    pub vrrp: ProcessPlan,
    /// `checker_*`.
    pub checker: ProcessPlan,
    /// `bfd_*`.
    pub bfd: ProcessPlan,
    /// `max_auto_priority`: raised up to this real-time priority when late; 0: not, −1: not, and without a word about it.
    pub max_auto_priority: i8,
    /// `min_auto_priority_delay`: late by so many microseconds; 1 to 10,000,000.
    pub min_auto_priority_delay_us: u32,
    /// `*_rcv_bufs`.
    pub buffers: BuffersPlan,
}

/// What is said about one process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ProcessPlan {
    /// `*_process_name`: at most 15 bytes.
    pub name: Option<String>,
    /// `*_priority`: −20 to 19.
    pub nice: Option<i8>,
    /// `*_rt_priority`: 1 to 99.
    pub real_time: Option<u8>,
    /// `*_no_swap`.
    pub no_swap: bool,
    /// `*_cpu_affinity`: CPUs, each once; empty: all.
    pub cpus: Vec<u16>,
    /// `*_rlimit_rttime`, in microseconds.
    pub time_limit_us: Option<u32>,
}

/// Buffers between the kernel and the agent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BuffersPlan {
    /// `vrrp_netlink_cmd_rcv_bufs`.
    pub vrrp_command: BufferPlan,
    /// `vrrp_netlink_monitor_rcv_bufs`.
    pub vrrp_monitor: BufferPlan,
    /// `process_monitor_rcv_bufs`.
    pub processes: BufferPlan,
    /// `lvs_netlink_cmd_rcv_bufs`.
    pub ipvs_command: BufferPlan,
    /// `lvs_netlink_monitor_rcv_bufs`.
    pub ipvs_monitor: BufferPlan,
    /// `vrrp_rx_bufs_policy`.
    pub adverts: Option<ReceivePolicy>,
    /// `vrrp_rx_bufs_multiplier`; absent: 3.
    pub multiplier: Option<u32>,
}

/// One buffer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BufferPlan {
    /// Bytes.
    pub bytes: Option<u32>,
    /// Beyond the limit of the host.
    pub force: bool,
}

/// How many bytes are kept for adverts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReceivePolicy {
    /// The MTU, times the multiplier.
    Mtu,
    /// The length of an advert, times the multiplier.
    Advert,
    /// So many.
    Bytes(u32),
}

impl Default for ProcessesPlan {
    fn default() -> Self {
        Self {
            default_names: false,
            main: ProcessPlan::default(),
            vrrp: ProcessPlan::default(),
            checker: ProcessPlan::default(),
            bfd: ProcessPlan::default(),
            max_auto_priority: 0,
            min_auto_priority_delay_us: 1_000_000,
            buffers: BuffersPlan::default(),
        }
    }
}
