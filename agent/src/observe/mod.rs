//! What the agent shows of itself: log, status, metrics. Never imports config, net, track or notify.

pub mod observation;
pub mod snapshot;
