//! What the data plane does on a port and for an instance, in words: who answers, what happens when the agent dies, which
//! programs are where.
//!
//! Only the words. Whoever makes it so sets them; whoever shows them prints [`fmt::Display`] or the JSON.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How the XDP program sends from a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// XDP_TX.
    Transmit,
    /// A redirection to the port itself.
    Redirect,
}

impl Way {
    /// One word, as in JSON and metric labels.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Transmit => "transmit",
            Self::Redirect => "redirect",
        }
    }
}

/// Who answers ARP requests and Neighbor Solicitations for virtual addresses on a port.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "lowercase")]
pub enum Responder {
    /// The XDP program, since what it sends was seen to arrive.
    Xdp {
        /// How it sends.
        way: Way,
    },
    /// The kernel.
    Kernel {
        /// Why not the program.
        reason: String,
    },
}

impl Responder {
    /// The kernel answers, because of this.
    pub fn kernel(reason: impl Into<String>) -> Self {
        Self::Kernel { reason: reason.into() }
    }

    /// One word, as in JSON and metric labels.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Xdp { .. } => "xdp",
            Self::Kernel { .. } => "kernel",
        }
    }
}

impl Default for Responder {
    fn default() -> Self {
        Self::kernel("no answer of the XDP program was seen to arrive yet")
    }
}

impl fmt::Display for Responder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Xdp { way } => write!(f, "xdp ({})", way.word()),
            Self::Kernel { reason } => write!(f, "kernel: {reason}"),
        }
    }
}

/// What happens on a port when the agent stops without a word.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum DeadMan {
    /// The host falls silent for its virtual addresses, whether the agent is stuck or was killed: all that this needs is
    /// pinned.
    On,
    /// It does while the agent is stuck; when the agent is killed the kernel goes on answering.
    Stuck {
        /// Why not then.
        reason: String,
    },
    /// The kernel goes on answering.
    Off {
        /// Why.
        reason: String,
    },
}

impl DeadMan {
    /// Off, because of this.
    pub fn off(reason: impl Into<String>) -> Self {
        Self::Off { reason: reason.into() }
    }

    /// On while the agent lives, however stuck it is, and off when it was killed, because of this.
    pub fn stuck(reason: impl Into<String>) -> Self {
        Self::Stuck { reason: reason.into() }
    }

    /// One word, as in JSON and metric labels.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Stuck { .. } => "stuck",
            Self::Off { .. } => "off",
        }
    }
}

impl Default for DeadMan {
    fn default() -> Self {
        Self::off("no program is on the port")
    }
}

impl fmt::Display for DeadMan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::On => f.write_str("on"),
            Self::Stuck { reason } => {
                write!(f, "on while the agent is stuck, off when it is killed: {reason}")
            }
            Self::Off { reason } => write!(f, "off: {reason}"),
        }
    }
}

/// A tc program of ours on a port.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum Hook {
    /// Nothing here needs it.
    #[default]
    Unused,
    /// It is there.
    Attached,
    /// It is needed and not there.
    Missing {
        /// Why.
        reason: String,
    },
}

impl Hook {
    /// Needed and not there, because of this.
    pub fn missing(reason: impl Into<String>) -> Self {
        Self::Missing { reason: reason.into() }
    }
}

impl fmt::Display for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unused => f.write_str("not needed"),
            Self::Attached => f.write_str("attached"),
            Self::Missing { reason } => write!(f, "missing: {reason}"),
        }
    }
}

/// Whether the data plane speaks for an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Packets about its addresses pass as if the programs were not there.
    Off,
    /// Nobody answers for its addresses, and nothing leaves in their name.
    Mute,
    /// It should be answered for, but its adverts have stopped for longer than its gate allows: as mute.
    Expired,
    /// Its addresses are answered for.
    Answer,
}

impl Mode {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Off, Self::Mute, Self::Expired, Self::Answer];

    /// One word, as in JSON and metric labels.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Mute => "mute",
            Self::Expired => "expired",
            Self::Answer => "answer",
        }
    }
}

/// A MAC as people write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mac(pub [u8; 6]);

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}
