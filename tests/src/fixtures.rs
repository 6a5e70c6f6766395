//! Recorded and crafted packets with the verdict each must get: `fixtures/adverts.json`.

use anyhow::{Context, Result, bail};
use regent_common::{
    Family, Reason, ipv4, ipv6,
    map::{Expected, flag},
};
use serde_json::Value;

const TEXT: &str = include_str!("../fixtures/adverts.json");

/// A packet and what must come of it.
pub struct Fixture {
    /// Where it comes from and what is special about it.
    pub name: String,
    /// The packet from the IP header on.
    pub packet: Vec<u8>,
    /// What its group is configured for; the row is 0.
    pub expected: Expected,
    /// The reason, or `None` for accepted.
    pub rejected: Option<Reason>,
    /// Labels of the counters that move besides `accepted`.
    pub notes: Vec<String>,
}

impl Fixture {
    /// The packet's family.
    pub fn family(&self) -> Family {
        match self.packet.first().map(|first| first >> 4) {
            Some(6) => Family::Ipv6,
            Some(_) | None => Family::Ipv4,
        }
    }

    /// The VRID that stands in it.
    pub fn vrid(&self) -> u8 {
        let header = match (self.family(), self.packet.first()) {
            (Family::Ipv6, _) => ipv6::HEADER_LENGTH,
            (Family::Ipv4, first) => first.map_or(0, |first| usize::from(first & 0x0f) * 4),
        };
        self.packet.get(header + 1).copied().unwrap_or_default()
    }
}

/// All of them.
///
/// # Errors
/// When the file is not what it should be; says which fixture.
pub fn all() -> Result<Vec<Fixture>> {
    let Value::Array(fixtures) = serde_json::from_str(TEXT)? else { bail!("the fixtures are no list") };
    fixtures
        .iter()
        .map(|fixture| read(fixture).with_context(|| format!("fixture {}", fixture["name"])))
        .collect()
}

fn read(fixture: &Value) -> Result<Fixture> {
    let label = text(fixture, "verdict")?;
    let rejected = match label {
        "accepted" => None,
        label => Some(*Reason::ALL.iter().find(|reason| reason.label() == label).context("no such reason")?),
    };
    let packet = hex(text(fixture, "packet")?)?;
    Ok(Fixture {
        name: text(fixture, "name")?.to_owned(),
        expected: expected(&fixture["group"], &packet)?,
        packet,
        rejected,
        notes: strings(&fixture["notes"]),
    })
}

fn expected(group: &Value, packet: &[u8]) -> Result<Expected> {
    let number = |name: &str| group[name].as_u64().with_context(|| format!("no {name}"));
    let addresses = strings(&group["addresses"]);
    Ok(Expected {
        index: 0,
        generation: 1,
        own_source: ipv4::widened([10, 55, 0, 250]),
        active_source: [0; 16],
        destination: group_address(packet),
        auth_data: hex(text(group, "auth_data")?)?.try_into().ok().context("auth_data is not eight bytes")?,
        addresses: fingerprint(&addresses)?,
        interval: number("interval")?.try_into()?,
        count: addresses.len().try_into()?,
        version: number("version")?.try_into()?,
        auth_type: number("auth_type")?.try_into()?,
        flags: flag::RING_ALWAYS,
        own_mac: [0x02, 0, 0, 0, 0, 0x02],
    })
}

/// The group's address in the packet's family.
fn group_address(packet: &[u8]) -> [u8; 16] {
    match packet.first().map(|first| first >> 4) {
        Some(6) => ipv6::VRRP_GROUP,
        Some(_) | None => ipv4::widened(ipv4::VRRP_GROUP),
    }
}

fn fingerprint(addresses: &[String]) -> Result<u32> {
    let mut sum = regent_common::checksum::Sum::ZERO;
    for address in addresses {
        sum = match address.parse()? {
            std::net::IpAddr::V4(address) => sum.word(address.octets()),
            std::net::IpAddr::V6(address) => sum.address(&address.octets()),
        };
    }
    Ok(sum.fingerprint())
}

fn text<'a>(value: &'a Value, name: &str) -> Result<&'a str> {
    value[name].as_str().with_context(|| format!("no {name}"))
}

fn strings(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

fn hex(text: &str) -> Result<Vec<u8>> {
    let digits: Vec<u8> = text
        .chars()
        .map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok()).context("not hexadecimal"))
        .collect::<Result<_>>()?;
    Ok(digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect())
}
