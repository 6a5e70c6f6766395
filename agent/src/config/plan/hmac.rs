//! Signed adverts: the keys and what is made of them.

use std::{fmt, path::PathBuf, time::Duration};

use serde::{Serialize, Serializer};

use super::json;

/// `auth_hmac`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HmacPlan {
    /// At least one, each ID once, in the order of the config.
    pub keys: Vec<HmacKey>,
    /// `active_key`: ID of the key that signs; one of `keys`.
    pub active_key: u8,
    /// `anti_replay`: how an advert that is sent a second time is known.
    pub anti_replay: AntiReplay,
    /// `time_window`: how old an advert may be.
    #[serde(rename = "window_us", serialize_with = "json::us")]
    pub window: Duration,
    /// `mode`.
    pub mode: HmacMode,
}

/// A key and its name on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HmacKey {
    /// Its name on the wire.
    pub id: u8,
    /// The key.
    pub secret: HmacSecret,
}

/// Where a key is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HmacSecret {
    /// In the config.
    Bytes(Secret),
    /// In this file, which is read when the instance starts.
    File(PathBuf),
}

/// Bytes that are not shown; as JSON they are hexadecimal digits, unless they are gone: see [`Plan::without_secrets`].
///
/// [`Plan::without_secrets`]: super::Plan::without_secrets
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Option<Box<[u8]>>);

impl Secret {
    /// Keeps these bytes.
    pub fn new(bytes: impl Into<Box<[u8]>>) -> Self {
        Self(Some(bytes.into()))
    }

    /// One of which nothing is left.
    pub const fn gone() -> Self {
        Self(None)
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        self.0.as_deref().unwrap_or_default()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} bytes>", self.bytes().len())
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Some(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>().serialize(to),
            None => super::HIDDEN.serialize(to),
        }
    }
}

/// `anti_replay`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AntiReplay {
    /// By the time of day, which the routers must agree on.
    #[default]
    Time,
    /// By a counter that only grows.
    Monotonic,
}

/// What becomes of adverts that are not signed as they should be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum HmacMode {
    /// They are rejected.
    #[default]
    Enforce,
    /// They are accepted, and counted.
    Permissive,
    /// They are accepted, and this router signs nothing yet.
    ReceiveOnly,
}
