//! What the VRRP thread tells everybody else, one record at a time, without waiting for anybody.

use std::sync::Arc;

use regent_vrrp::{Instant, Transition};

/// Where adverts of a port come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Carrier {
    /// The XDP program in the driver.
    Native,
    /// The XDP program in the generic hook.
    Generic,
    /// The raw socket.
    Socket,
    /// The interface is absent.
    None,
}

/// Something happened.
#[derive(Clone, Debug)]
pub enum Observation {
    /// An instance changed state.
    Transition {
        /// Which.
        instance: Arc<str>,
        /// When.
        at: Instant,
        /// From where to where, and why.
        transition: Transition,
        /// Effective priority.
        priority: u8,
        /// How late the loop was when it handled the event that caused it, in nanoseconds.
        late: u64,
    },
    /// A port changed its carrier.
    Carrier {
        /// Interface name.
        port: Arc<str>,
        /// The new one.
        carrier: Carrier,
        /// Why it is not the one above it on the ladder.
        why: String,
    },
    /// Something an operator should act on: what, on what, what to do. Rate-limited at the source.
    Trouble {
        /// The instance or port it is about.
        subject: Arc<str>,
        /// The sentence.
        text: String,
    },
    /// Something an operator may want to know.
    Note {
        /// The instance or port it is about.
        subject: Arc<str>,
        /// The sentence.
        text: String,
    },
}
