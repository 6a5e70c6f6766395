//! Where the VRRP thread hears from the rest of the agent. Every queue is bounded; whoever finds one full waits or is
//! refused, never the loop.

use tokio::sync::mpsc;

use super::{
    assigner::Answer, checker::Finding, reload::Change, status::GatherRequests, succession::HandOver,
};
use crate::{net::monitor::NetlinkEvent, track::Verdict};

/// Reports of links and addresses that may wait. When it is full the monitor sends a whole dump later instead.
pub const NETLINK_DEPTH: usize = 1024;
/// Verdicts that may wait.
pub const VERDICT_DEPTH: usize = 256;
/// Requests to gather that may wait: one at a time is made.
pub const GATHER_DEPTH: usize = 1;
/// Orders that may wait.
pub const ORDER_DEPTH: usize = 16;

/// What the rest of the agent orders.
#[derive(Debug)]
pub enum Order {
    /// Give up every address and end.
    Stop,
    /// Hand everything over to another agent; then nothing is given up.
    HandOver(HandOver),
    /// Be what another config says.
    Change(Change),
}

/// The loop's ends.
#[derive(Debug)]
pub struct Inbox {
    /// Links and addresses.
    pub netlink: mpsc::Receiver<NetlinkEvent>,
    /// What became of address requests, in batches.
    pub answers: mpsc::Receiver<Vec<Answer>>,
    /// Whether XDP links are still on their ports, or ours now.
    pub findings: mpsc::Receiver<Finding>,
    /// Scripts.
    pub verdicts: mpsc::Receiver<Verdict>,
    /// Status and metrics.
    pub gathers: GatherRequests,
    /// Stop, hand over, or be another.
    pub orders: mpsc::Receiver<Order>,
}
