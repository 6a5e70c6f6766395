//! keepalived's use of the packet filter: kept, so that nothing of a config is lost.

use serde::Serialize;

/// What is said about the packet filter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FirewallPlan {
    /// `vrrp_iptables`.
    pub iptables: Option<IptablesPlan>,
    /// `vrrp_ipsets`: at most six names; empty: said without a name.
    pub ipsets: Option<Vec<String>>,
    /// `nftables`.
    pub nftables: Option<NftablesPlan>,
    /// `nftables_priority`; absent: −1.
    pub priority: Option<i32>,
    /// `nftables_counters`.
    pub counters: bool,
    /// `nftables_ifindex`.
    pub ifindex: bool,
    /// `nftables_ipvs`.
    pub ipvs: Option<NftablesPlan>,
    /// `nftables_ipvs_priority`.
    pub ipvs_priority: Option<i32>,
    /// `nftables_ipvs_start_fwmark`; absent: 1000.
    pub ipvs_first_mark: Option<u32>,
}

/// Chains of iptables.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct IptablesPlan {
    /// For what comes in; absent: INPUT.
    pub input: Option<String>,
    /// For what goes out; absent: with `input` none, else OUTPUT.
    pub output: Option<String>,
}

/// A table of nftables.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct NftablesPlan {
    /// Its name; absent: keepalived's default.
    pub table: Option<String>,
}
