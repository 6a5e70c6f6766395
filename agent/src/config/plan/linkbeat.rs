//! How links are watched.

use std::time::Duration;

use serde::Serialize;

use super::json;

/// Links that are asked, and changes that are waited out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LinkbeatPlan {
    /// `linkbeat_use_polling`: all are asked.
    pub all: bool,
    /// `linkbeat_interfaces`.
    pub interfaces: Vec<LinkbeatInterface>,
    /// `interface_up_down_delays`.
    pub delays: Vec<InterfaceDelays>,
}

/// An interface that is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LinkbeatInterface {
    /// Its name.
    pub name: String,
    /// How; absent: MII, else ethtool, else its flags.
    pub method: Option<LinkbeatMethod>,
}

/// How a link is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkbeatMethod {
    /// `MII`.
    Mii,
    /// `ETHTOOL`.
    Ethtool,
    /// `IOCTL`.
    Ioctl,
}

/// How long a change of an interface is waited out: at most 255 s.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InterfaceDelays {
    /// Its name.
    pub name: String,
    /// Until it counts as down.
    #[serde(rename = "down_us", serialize_with = "json::us")]
    pub down: Duration,
    /// Until it counts as up.
    #[serde(rename = "up_us", serialize_with = "json::us")]
    pub up: Duration,
}
