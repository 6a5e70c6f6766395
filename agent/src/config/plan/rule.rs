//! A rule of policy routing: which packets, and what is done with them.

use regent_common::Family;
use serde::Serialize;

use super::{Prefix, Realms, json};

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RulePlan {
    /// Family of the packets.
    #[serde(serialize_with = "json::family")]
    pub family: Family,
    /// `preference`: rules are asked in this order.
    pub preference: u32,
    /// `not`: packets that do not match are meant.
    pub inverted: bool,
    /// Which packets.
    pub matches: RuleMatch,
    /// What is done with them.
    pub action: RuleAction,
    /// `suppress_prefixlength`: a route found with a prefix of this length or a shorter one does not count.
    pub suppressed_length: Option<u8>,
    /// `suppress_ifgroup`: a route found through an interface of this group does not count.
    pub suppressed_group: Option<u32>,
    /// `realms` given to the packets.
    pub realms: Option<Realms>,
    /// `protocol`: who set the rule, as rtnetlink's number; `None`: the agent's own.
    pub protocol: Option<u8>,
    /// Somebody who removes it is noticed; `no_track` says no.
    pub tracks: bool,
}

/// Which packets a rule is about: all that is said must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RuleMatch {
    /// `from`; `None`: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Prefix>,
    /// `to`; `None`: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Prefix>,
    /// `iif`: they came in here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    /// `oif`: their socket is bound to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// `tos`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tos: Option<u8>,
    /// `fwmark`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mark: Option<Mark>,
    /// `tunnel-id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tunnel: Option<u64>,
    /// `uidrange`: users whose sockets they come from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub users: Option<Between<u32>>,
    /// `ipproto`: the protocol over IP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_protocol: Option<u8>,
    /// `sport`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_port: Option<Between<u16>>,
    /// `dport`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination_port: Option<Between<u16>>,
}

/// `fwmark`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Mark {
    /// What the bits of the mask must be.
    pub value: u32,
    /// Bits that count.
    pub mask: u32,
}

/// From one number to another, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Between<T> {
    /// The smallest.
    pub least: T,
    /// The largest.
    pub most: T,
}

/// What a rule does with its packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleAction {
    /// `table`: their route is looked up there.
    Lookup(u32),
    /// `l3mdev`: in the table of the VRF of their interface.
    LookupVrf,
    /// `goto`: the rules go on at this preference.
    Goto(u32),
    /// Nothing: the next rule is asked.
    Nop,
    /// They are dropped.
    Blackhole,
    /// They are dropped, and the sender is told that the host is unreachable.
    Unreachable,
    /// They are dropped, and the sender is told that this is forbidden.
    Prohibit,
}
