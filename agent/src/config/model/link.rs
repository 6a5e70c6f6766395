//! `use_vmac` and `use_ipvlan`: words in any order.

use std::net::IpAddr;

use super::{Reader, Spanned, line::unknown_name, reader::Entry};
use crate::config::{
    diagnostic::{Diagnostic, code},
    expand::Word,
    keyword::{Book, InstanceTerm},
    plan::IpvlanMode,
    source::Span,
};

const UNNAMED: &str = "it is named `vrrp.` and the VRID";

/// What an instance asks of interfaces.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Link {
    /// `use_vmac`.
    pub vmac: Option<Spanned<Vmac>>,
    /// `use_ipvlan`.
    pub ipvlan: Option<Spanned<Ipvlan>>,
    pub own_for_addresses: Option<Span>,
    /// `vmac_xmit_base`.
    pub adverts_below: Option<Span>,
    pub vrf: Option<Spanned<String>>,
    pub promotes_secondaries: bool,
    pub polls: bool,
    pub sync_interface: Option<Spanned<String>>,
}

/// `use_vmac`.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Vmac {
    pub name: Option<Spanned<String>>,
    pub mac: Option<Spanned<MacSaid>>,
    pub notifies: bool,
    pub group: Option<u32>,
}

/// A MAC address, of which the last octet may be the VRID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct MacSaid {
    pub begin: [u8; 5],
    pub end: Option<u8>,
}

/// `use_ipvlan`.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Ipvlan {
    pub name: Option<Spanned<String>>,
    pub address: Option<Spanned<IpAddr>>,
    pub mode: IpvlanMode,
    pub group: Option<u32>,
}

/// `use_vmac [[name] NAME] [MAC] [netlink_notify_msg] [group GROUP]`.
pub(super) fn vmac(reader: &mut Reader<'_>, entry: &Entry<'_, InstanceTerm>) -> Spanned<Vmac> {
    let mut vmac = Vmac::default();
    let mut words = entry.values().iter();
    while let Some(word) = words.next() {
        match word.value.as_str() {
            "netlink_notify_msg" => vmac.notifies = true,
            "group" => vmac.group = group(reader, word, words.next()),
            "name" => vmac.name = words.next().and_then(|word| name(reader, &vmac.name, word)),
            other if other.contains(':') && !other.contains('.') => vmac.mac = mac(reader, word).or(vmac.mac),
            _ => vmac.name = name(reader, &vmac.name, word).or(vmac.name),
        }
    }
    Spanned { value: vmac, span: entry.head }
}

/// `use_ipvlan [[name] NAME] [ADDRESS] [bridge|private|vepa] [group GROUP]`.
pub(super) fn ipvlan(reader: &mut Reader<'_>, entry: &Entry<'_, InstanceTerm>) -> Spanned<Ipvlan> {
    let mut ipvlan = Ipvlan::default();
    let mut words = entry.values().iter();
    while let Some(word) = words.next() {
        match word.value.as_str() {
            "bridge" => ipvlan.mode = IpvlanMode::Bridge,
            "private" => ipvlan.mode = IpvlanMode::Private,
            "vepa" => ipvlan.mode = IpvlanMode::Vepa,
            "group" => ipvlan.group = group(reader, word, words.next()),
            "name" => ipvlan.name = words.next().and_then(|word| name(reader, &ipvlan.name, word)),
            other => match other.split('/').next().and_then(|text| text.parse::<IpAddr>().ok()) {
                Some(_) => {
                    ipvlan.address =
                        reader.host(word, "that adverts come from", "it is skipped").or(ipvlan.address);
                }
                None => ipvlan.name = name(reader, &ipvlan.name, word).or(ipvlan.name),
            },
        }
    }
    Spanned { value: ipvlan, span: entry.head }
}

fn name(reader: &mut Reader<'_>, earlier: &Option<Spanned<String>>, word: &Word) -> Option<Spanned<String>> {
    if let Some(earlier) = earlier {
        reader.report(
            Diagnostic::warning(code::EXTRA_WORDS, "an interface has one name")
                .primary(word.span, "ignored")
                .secondary(earlier.span, "named here first"),
        );
        return Some(earlier.clone());
    }
    reader.interface_name(word, UNNAMED)
}

fn group(reader: &mut Reader<'_>, head: &Word, word: Option<&Word>) -> Option<u32> {
    let Some(word) = word else {
        reader.report(
            Diagnostic::error(code::MISSING_VALUE, "`group` lacks its value")
                .primary(head.span, "expected a name, or a number after this")
                .help("it is skipped"),
        );
        return None;
    };
    let look = reader.look;
    let number = reader.names.number(Book::Groups, &word.value, look);
    if number.is_none() {
        reader.report(unknown_name(Book::Groups, &word.value, word.span, look).help("it is skipped"));
    }
    number
}

/// Six octets, or five before the VRID.
fn mac(reader: &mut Reader<'_>, word: &Word) -> Option<Spanned<MacSaid>> {
    let octet = |text: &str| {
        let digits = (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        digits.then(|| u8::from_str_radix(text, 16).ok()).flatten()
    };
    let octets: Option<Vec<u8>> = word.value.split(':').map(octet).collect();
    let said = match octets.as_deref() {
        Some(&[a, b, c, d, e]) => Some(MacSaid { begin: [a, b, c, d, e], end: None }),
        Some(&[a, b, c, d, e, end]) => Some(MacSaid { begin: [a, b, c, d, e], end: Some(end) }),
        Some(_) | None => None,
    };
    // IEEE 802: the lowest bit of the first octet says that it is a group's.
    let said = said.filter(|said| said.begin.first().is_some_and(|first| first & 1 == 0));
    if said.is_none() {
        reader.report(
            Diagnostic::error(code::NOT_A_MAC, format!("`{}` is not the MAC address of a host", word.value))
                .primary(word.span, "expected six octets as 00:00:5e:00:01:33, or five before the VRID")
                .help("the MAC address of the VRID is used"),
        );
    }
    said.map(|value| Spanned { value, span: word.span })
}
