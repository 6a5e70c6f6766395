//! What the agent shows of itself: log, status, metrics. Never imports config, net, track or notify.
//!
//! The VRRP thread tells [`observation::Observation`]s, which [`observer::Observer`] turns into log lines and
//! [`events::Events`], and answers [`source::SnapshotSource`] with a [`snapshot::Snapshot`], which is what status,
//! metrics and the observe mode's table are drawn from.

pub mod data_plane;
pub mod dump;
pub mod events;
pub mod handover;
pub mod heard;
pub mod log;
pub mod metrics;
pub mod observation;
pub mod observer;
pub mod reload;
pub mod sentence;
pub mod server;
pub mod snapshot;
pub mod source;
pub mod table;
pub mod tally;

#[cfg(test)]
pub(crate) mod sample;
