//! What `global_defs` says for instances that say nothing themselves. Instances of the plan have it already: this is for
//! those who ask what the config says.

use std::net::{Ipv4Addr, Ipv6Addr};

use regent_vrrp::Announcements;
use serde::Serialize;

use super::json;

/// Defaults of instances.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DefaultsPlan {
    /// `vrrp_version`.
    pub version: Option<u8>,
    /// `vrrp_garp_*`, `vrrp_min_garp`.
    #[serde(serialize_with = "json::announcements")]
    pub announcements: Announcements,
    /// `vrrp_down_timer_adverts`; absent: 3.
    pub down_timer_adverts: Option<u8>,
    /// `vrrp_mcast_group4`; absent: 224.0.0.18.
    pub multicast_group4: Option<Ipv4Addr>,
    /// `vrrp_mcast_group6`; absent: ff02::12.
    pub multicast_group6: Option<Ipv6Addr>,
    /// Not `vrrp_lower_prio_no_advert`.
    pub asserts: Option<bool>,
    /// `vrrp_higher_prio_send_advert`.
    pub concedes: Option<bool>,
    /// `vrrp_check_unicast_src`.
    pub checks_source: Option<bool>,
    /// `vrrp_skip_check_adv_addr`.
    pub skips_address_check: Option<bool>,
    /// `vrrp_strict`.
    pub strict: Option<bool>,
    /// `default_interface`: of static addresses that name none.
    pub interface: Option<String>,
    /// `dynamic_interfaces`; whether they may change in kind.
    pub dynamic_interfaces: Option<bool>,
}

impl DefaultsPlan {
    /// Nothing is said.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
