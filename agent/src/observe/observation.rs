//! What the VRRP thread tells everybody else, one record at a time, without waiting for anybody.

use std::{net::IpAddr, sync::Arc, time::Duration};

use regent_common::{Family, Vrid};
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

impl Carrier {
    /// One word, as in JSON and metric labels.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Generic => "generic",
            Self::Socket => "socket",
            Self::None => "none",
        }
    }
}

/// A change of state, with what is needed to say why.
#[derive(Clone, Debug)]
pub struct Change {
    /// Which instance.
    pub instance: Arc<str>,
    /// Its VRID.
    pub vrid: Vrid,
    /// Its family: how the addresses in the cause are read.
    pub family: Family,
    /// When.
    pub at: Instant,
    /// From where to where, and why.
    pub transition: Transition,
    /// Effective priority.
    pub priority: u8,
    /// How late the loop was when it handled the event that caused it, in nanoseconds.
    pub late: u64,
    /// The router that was Active before, and for how long it had not been heard; absent when none was.
    pub silence: Option<Silence>,
    /// What the cause does not say: which tracker, which interface; a sentence without a full stop.
    pub detail: Option<String>,
}

/// The router that was Active was not heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Silence {
    /// Its address.
    pub source: IpAddr,
    /// Since its newest advert.
    pub lasted: Duration,
}

/// Something happened.
#[derive(Clone, Debug)]
pub enum Observation {
    /// An instance changed state.
    Transition(Change),
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
