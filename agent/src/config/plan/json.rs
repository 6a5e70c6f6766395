//! How the plan is written as JSON: durations in microseconds, numbers as numbers, the rest as it is read.

use std::{fmt::Display, time::Duration};

use regent_common::{AdvertInterval, Family, LocalPriority, Version, Vrid, advert};
use regent_vrrp::{Announcements, Preemption};
use serde::{Serialize, Serializer, ser::SerializeStruct};

/// Microseconds. The field's name ends in `_us`.
pub(super) fn us<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX).serialize(to)
}

/// As [`us`], or null.
pub(super) fn maybe_us<S: Serializer>(duration: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
    duration.map(|duration| u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)).serialize(to)
}

/// As people read it.
pub(super) fn text<S: Serializer>(value: &impl Display, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(value)
}

pub(super) fn vrid<S: Serializer>(vrid: &Vrid, to: S) -> Result<S::Ok, S::Error> {
    vrid.get().serialize(to)
}

pub(super) fn family<S: Serializer>(family: &Family, to: S) -> Result<S::Ok, S::Error> {
    (*family as u8).serialize(to)
}

pub(super) fn maybe_family<S: Serializer>(family: &Option<Family>, to: S) -> Result<S::Ok, S::Error> {
    family.map(|family| family as u8).serialize(to)
}

/// Two digits for each byte, or null.
pub(super) fn maybe_hex<S: Serializer>(bytes: &Option<impl AsRef<[u8]>>, to: S) -> Result<S::Ok, S::Error> {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    bytes.as_ref().map(|bytes| hex(bytes.as_ref())).serialize(to)
}

pub(super) fn version<S: Serializer>(version: &Version, to: S) -> Result<S::Ok, S::Error> {
    (*version as u8).serialize(to)
}

pub(super) fn priority<S: Serializer>(priority: &LocalPriority, to: S) -> Result<S::Ok, S::Error> {
    priority.get().serialize(to)
}

pub(super) fn interval_us<S: Serializer>(interval: &AdvertInterval, to: S) -> Result<S::Ok, S::Error> {
    us(&interval.duration(), to)
}

pub(super) fn preemption<S: Serializer>(preemption: &Preemption, to: S) -> Result<S::Ok, S::Error> {
    let (preempts, delay) = match preemption {
        Preemption::After(delay) => (true, *delay),
        Preemption::Never => (false, Duration::ZERO),
    };
    let mut object = to.serialize_struct("preemption", 2)?;
    object.serialize_field("preempts", &preempts)?;
    object.serialize_field("delay_us", &u64::try_from(delay.as_micros()).unwrap_or(u64::MAX))?;
    object.end()
}

pub(super) fn announcements<S: Serializer>(plan: &Announcements, to: S) -> Result<S::Ok, S::Error> {
    let us = |duration: Duration| u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
    let mut object = to.serialize_struct("announcements", 6)?;
    object.serialize_field("repeat", &plan.repeat)?;
    object.serialize_field("delay_us", &us(plan.delay))?;
    object.serialize_field("refresh_us", &us(plan.refresh))?;
    object.serialize_field("refresh_repeat", &plan.refresh_repeat)?;
    object.serialize_field("lower_priority_repeat", &plan.lower_priority_repeat)?;
    object.serialize_field("lower_priority_delay_us", &us(plan.lower_priority_delay))?;
    object.end()
}

/// The password as text: whoever converts a config is the one who wrote it. `none` where there is none.
pub(super) fn authentication<S: Serializer>(
    authentication: &advert::Authentication,
    to: S,
) -> Result<S::Ok, S::Error> {
    match authentication {
        advert::Authentication::None => None::<String>.serialize(to),
        advert::Authentication::Password(bytes) => {
            Some(String::from_utf8_lossy(bytes).trim_end_matches('\0')).serialize(to)
        }
    }
}

pub(super) fn checksum<S: Serializer>(form: &advert::ChecksumForm, to: S) -> Result<S::Ok, S::Error> {
    match form {
        advert::ChecksumForm::PseudoHeader => "pseudo_header",
        advert::ChecksumForm::MessageOnly => "message_only",
        advert::ChecksumForm::OldUnicast => "old_unicast",
    }
    .serialize(to)
}
