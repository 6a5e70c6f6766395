//! `vrrp_track_process`.

use std::time::Duration;

use serde::Serialize;

use super::json;

/// Processes that priorities depend on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TrackProcessPlan {
    /// Name of the block.
    pub name: String,
    /// Name of the program.
    pub program: String,
    /// Its parameters.
    pub parameters: Vec<String>,
    /// How they are compared.
    pub matching: ParameterMatch,
    /// `full_command`: the command line is compared, not the name alone. Parameters imply it.
    pub full_command: bool,
    /// Added to the priority where a tracker has no weight of its own; 0: Fault without enough of them. −254 to 254.
    pub weight: i16,
    /// The sign applies to the other case.
    pub reverse: bool,
    /// So many at least.
    pub quorum: u16,
    /// So many at most; absent: any number. 0: there must be none.
    pub quorum_max: Option<u16>,
    /// Until enough of them count.
    #[serde(rename = "fork_delay_us", serialize_with = "json::us")]
    pub fork_delay: Duration,
    /// Until too few of them count.
    #[serde(rename = "terminate_delay_us", serialize_with = "json::us")]
    pub terminate_delay: Duration,
}

/// How the parameters of a process are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ParameterMatch {
    /// Not at all: none are said.
    #[default]
    Any,
    /// All are the same.
    Exact,
    /// The last one may be longer.
    Initial,
    /// There may be more.
    Partial,
}
