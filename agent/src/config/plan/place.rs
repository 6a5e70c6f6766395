//! Where the agent works, and what tells it from others on its host.

use serde::Serialize;

/// Words of the root that say where.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PlacePlan {
    /// `net_namespace`: the network namespace to work in.
    pub net_namespace: Option<String>,
    /// `net_namespace_ipvs`: the one to balance in.
    pub ipvs_namespace: Option<IpvsNamespace>,
    /// `namespace_with_ipsets`.
    pub namespace_with_ipsets: bool,
    /// `instance`: the name among several daemons.
    pub instance: Option<String>,
    /// `use_pid_dir`: pid files lie in a directory of their own.
    pub use_pid_directory: bool,
    /// `child_wait_time`: seconds that processes have to end; absent: 5.
    pub child_wait_seconds: Option<u32>,
}

/// Where to balance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum IpvsNamespace {
    /// The host's own.
    Default,
    /// That one.
    Named(String),
}
