//! Whether a condition of a rule is true of an advert: yes, no, or it depends on what is not known of it.

use std::net::IpAddr;

use regent_common::Family;
use serde_json::Value;

use super::Packet;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Truth {
    Yes,
    No,
    Maybe,
}

impl Truth {
    pub(super) const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Yes, Self::Yes) => Self::Yes,
            (Self::Maybe, _) | (_, Self::Maybe) => Self::Maybe,
        }
    }

    const fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Yes, _) | (_, Self::Yes) => Self::Yes,
            (Self::No, Self::No) => Self::No,
            (Self::Maybe, _) | (_, Self::Maybe) => Self::Maybe,
        }
    }

    const fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::Maybe => Self::Maybe,
        }
    }

    const fn of(is: bool) -> Self {
        if is { Self::Yes } else { Self::No }
    }
}

/// What the left side of a condition is for an advert.
enum Left<'a> {
    /// One of these words, which mean the same.
    Words(&'a [&'a str]),
    /// The name of an interface.
    Name(&'a str),
    Address(IpAddr),
    Number(u64),
    /// It belongs to packets of other protocols: no condition on it is true, whatever it says.
    Foreign,
    Unknown,
}

/// A `match` of a rule. `set` finds the elements of a named set.
pub(super) fn matches<'v>(
    value: &'v Value,
    packet: &Packet<'_>,
    set: impl Fn(&str) -> Option<&'v Vec<Value>>,
) -> Truth {
    let (Some(left), Some(right)) = (value.get("left"), value.get("right")) else { return Truth::Maybe };
    let left = left_side(left, packet);
    if matches!(left, Left::Foreign) {
        return Truth::No;
    }
    let named = right.as_str().and_then(|text| text.strip_prefix('@'));
    let is = match named {
        Some(name) => set(name).map_or(Truth::Maybe, |elements| any(&left, elements)),
        None => equals(&left, right),
    };
    match value.get("op").and_then(Value::as_str) {
        Some("==" | "in") => is,
        Some("!=") => is.not(),
        _ => Truth::Maybe,
    }
}

/// Whether what a verdict map looks up is the key of one of its entries.
pub(super) fn is_one_of(key: &Value, entry: &Value, packet: &Packet<'_>) -> Truth {
    equals(&left_side(key, packet), entry)
}

fn left_side<'a>(value: &Value, packet: &Packet<'a>) -> Left<'a> {
    let Some((word, value)) = value.as_object().and_then(|object| object.iter().next()) else {
        return Left::Unknown;
    };
    let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
    match word.as_str() {
        "meta" => meta(text("key"), packet),
        "payload" => payload(text("protocol"), text("field"), packet),
        // A router that only listens never answers, so a connection never comes about.
        "ct" if text("key") == "state" => Left::Words(&["new"]),
        "fib" if text("result") == "type" => {
            let of_destination = value
                .get("flags")
                .and_then(Value::as_array)
                .is_some_and(|flags| flags.iter().any(|flag| flag.as_str() == Some("daddr")));
            match (of_destination, packet.group, packet.incoming) {
                (false, _, _) => Left::Unknown,
                (true, Some(_), _) => Left::Words(&["multicast"]),
                (true, None, true) => Left::Words(&["local"]),
                (true, None, false) => Left::Words(&["unicast"]),
            }
        }
        _ => Left::Unknown,
    }
}

fn meta<'a>(key: &str, packet: &Packet<'a>) -> Left<'a> {
    match (key, packet.family) {
        ("l4proto", _) => Left::Number(PROTOCOL),
        ("nfproto", Family::Ipv4) => Left::Words(&["ipv4"]),
        ("nfproto", Family::Ipv6) => Left::Words(&["ipv6"]),
        ("protocol", Family::Ipv4) => Left::Words(&["ip"]),
        ("protocol", Family::Ipv6) => Left::Words(&["ip6"]),
        ("iifname" | "iif", _) => Left::Name(if packet.incoming { packet.interface } else { "" }),
        ("oifname" | "oif", _) => Left::Name(if packet.incoming { "" } else { packet.interface }),
        ("pkttype", _) => match (packet.incoming, packet.group) {
            (true, Some(_)) => Left::Words(&["multicast"]),
            (true, None) => Left::Words(&["host", "unicast"]),
            (false, _) => Left::Unknown,
        },
        (_, _) => Left::Unknown,
    }
}

/// VRRP's protocol number: RFC 9568 §5.1.1.4.
const PROTOCOL: u64 = 112;

fn payload<'a>(protocol: &str, field: &str, packet: &Packet<'a>) -> Left<'a> {
    match (protocol, packet.family) {
        ("ip", Family::Ipv6) | ("ip6", Family::Ipv4) => Left::Foreign,
        ("ip", Family::Ipv4) | ("ip6", Family::Ipv6) => match (field, packet.group) {
            ("protocol" | "nexthdr", _) => Left::Number(PROTOCOL),
            ("daddr", Some(group)) => Left::Address(group),
            // RFC 9568 §5.1.1.3: to a group always.
            ("ttl" | "hoplimit", Some(_)) => Left::Number(255),
            (_, _) => Left::Unknown,
        },
        (
            "tcp" | "udp" | "udplite" | "icmp" | "icmpv6" | "igmp" | "sctp" | "dccp" | "ah" | "esp" | "comp"
            | "gre" | "arp",
            _,
        ) => Left::Foreign,
        (_, _) => Left::Unknown,
    }
}

fn any(left: &Left<'_>, elements: &[Value]) -> Truth {
    elements.iter().fold(Truth::No, |truth, element| truth.or(equals(left, element)))
}

fn equals(left: &Left<'_>, right: &Value) -> Truth {
    match right {
        Value::Array(elements) => return any(left, elements),
        Value::Object(object) => {
            let Some((word, value)) = object.iter().next() else { return Truth::Maybe };
            return match word.as_str() {
                "set" => value.as_array().map_or(Truth::Maybe, |elements| any(left, elements)),
                "elem" => value.get("val").map_or(Truth::Maybe, |value| equals(left, value)),
                "prefix" => prefix(left, value),
                "range" => range(left, value),
                _ => Truth::Maybe,
            };
        }
        Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Null => {}
    }
    match (left, right) {
        (Left::Words(words), Value::String(text)) => Truth::of(words.contains(&text.as_str())),
        (Left::Name(name), Value::String(text)) => Truth::of(match text.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => name == text,
        }),
        (Left::Address(address), Value::String(text)) => match text.parse::<IpAddr>() {
            Ok(other) => Truth::of(*address == other),
            Err(_) => Truth::Maybe,
        },
        (Left::Number(number), Value::Number(other)) => Truth::of(other.as_u64() == Some(*number)),
        // Every other protocol has another name.
        (Left::Number(PROTOCOL), Value::String(text)) => Truth::of(text == "vrrp" || text == "carp"),
        (Left::Foreign, _) => Truth::No,
        (_, _) => Truth::Maybe,
    }
}

fn prefix(left: &Left<'_>, value: &Value) -> Truth {
    let network = value.get("addr").and_then(Value::as_str).and_then(|text| text.parse::<IpAddr>().ok());
    let length = value.get("len").and_then(Value::as_u64).and_then(|length| u32::try_from(length).ok());
    let (Left::Address(address), Some(network), Some(length)) = (left, network, length) else {
        return Truth::Maybe;
    };
    let number = |address: IpAddr| match address {
        IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
        IpAddr::V6(address) => address.to_bits(),
    };
    let same = (number(*address) ^ number(network)).leading_zeros() >= length;
    Truth::of(address.is_ipv4() == network.is_ipv4() && same)
}

fn range(left: &Left<'_>, value: &Value) -> Truth {
    let (Some(first), Some(last)) = (value.get(0), value.get(1)) else { return Truth::Maybe };
    let address = |value: &Value| value.as_str().and_then(|text| text.parse::<IpAddr>().ok());
    match left {
        Left::Address(own) => match (address(first), address(last)) {
            (Some(first), Some(last)) => Truth::of((first..=last).contains(own)),
            (_, _) => Truth::Maybe,
        },
        Left::Number(own) => match (first.as_u64(), last.as_u64()) {
            (Some(first), Some(last)) => Truth::of((first..=last).contains(own)),
            (_, _) => Truth::Maybe,
        },
        Left::Foreign => Truth::No,
        Left::Words(_) | Left::Name(_) | Left::Unknown => Truth::Maybe,
    }
}
