//! `vrrp_sync_group`.

use serde::Serialize;

use super::{NotifyPlan, Tracked, TrackedInterface, TrackedScript};

/// Instances that change state together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SyncGroupPlan {
    /// Name of the block.
    pub name: String,
    /// Names of its instances: at least one, each in one group alone.
    pub members: Vec<String>,
    /// `track_interface`: the members have them too.
    pub track_interfaces: Vec<TrackedInterface>,
    /// `track_script`: the members have them too.
    pub track_scripts: Vec<TrackedScript>,
    /// `track_file`.
    pub track_files: Vec<Tracked>,
    /// `track_process`.
    pub track_processes: Vec<Tracked>,
    /// `track_bfd`.
    pub track_bfds: Vec<Tracked>,
    /// `notify*`.
    pub notify: NotifyPlan,
    /// `sync_group_tracking_weight`: the members keep the weights of their own trackers.
    pub keeps_weights: bool,
}
