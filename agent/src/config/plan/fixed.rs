//! What is set once and stays, whoever is master: `static_ipaddress`, `static_routes`, `static_rules`, `track_group`.

use serde::Serialize;

use super::{AddressPlan, RoutePlan, RulePlan};

/// Addresses, routes and rules that no instance moves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FixedPlan {
    /// `static_ipaddress`. Each names its interface.
    pub addresses: Vec<Fixed<AddressPlan>>,
    /// `static_routes`.
    pub routes: Vec<Fixed<RoutePlan>>,
    /// `static_rules`.
    pub rules: Vec<Fixed<RulePlan>>,
    /// `track_group`, in the order of the config.
    pub groups: Vec<TrackGroup>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fixed<T> {
    /// What is set.
    #[serde(flatten)]
    pub what: T,
    /// `track_group`: its instances are in Fault while it is gone.
    pub group: Option<String>,
}

/// Instances that depend on what names their group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TrackGroup {
    /// Name of the block.
    pub name: String,
    /// Names of instances of the plan, each once.
    pub instances: Vec<String>,
}
