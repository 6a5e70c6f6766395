//! The agent's hands in the network: sockets, netlink, timers, and the XDP program.
//!
//! Owns every system call about packets, links, addresses and time. Decides nothing: what a packet or an event means
//! is `regent_common`'s and `runtime`'s business, so nothing here imports `config`, `track`, `notify` or `observe`.

pub mod acceptance;
pub mod addresses;
pub mod advert_socket;
pub mod claim_watch;
pub mod clock;
pub mod cookie;
pub mod deadline;
pub mod device;
pub mod features;
pub mod firewall;
pub mod frame_socket;
pub mod inventory;
pub mod link;
pub mod listen_socket;
pub mod monitor;
pub mod namespace;
pub mod neighbors;
pub mod nic_filter;
pub mod other_vrrp;
pub mod readiness;
pub mod routes;
pub mod running;
pub mod scheduling;
pub mod solicited;
pub mod vrid_claim;
pub mod xdp;

mod answer;
mod failure;
mod filter;
mod nftables;
mod packet_socket;
mod reception;
mod request_pipe;

#[cfg(test)]
pub(crate) mod tests;
