//! What the packets of a route are wrapped in: `encap mpls`, `ila`, `ip`, `ip6`.

use regent_common::Family;

use super::{Line, Said, family, service};
use crate::config::{
    diagnostic::{Diagnostic, code},
    expand::Word,
    keyword::{self, EncapsulationTerm, RouteTerm},
    plan::{Encapsulation, Tunnel},
};

/// RFC 3032 §2.1: a label has 20 bits.
const MAX_LABEL: u32 = (1 << 20) - 1;
/// Linux: MAX_NEW_LABELS.
const MAX_LABELS: usize = 30;
const KINDS: [&str; 4] = ["mpls", "ila", "ip", "ip6"];

pub(super) fn read<'d>(line: &mut Line<'_, '_, 'd>, said: &Said<'d, RouteTerm>) -> Option<Encapsulation> {
    let kind = line.value(said)?;
    match kind.value.as_str() {
        "mpls" => {
            let value = line.value(said)?;
            let label =
                |text: &str| text.parse().ok().filter(|label| *label <= MAX_LABEL && !text.starts_with('+'));
            let labels: Option<Vec<u32>> = value.value.split('/').map(label).collect();
            let labels = labels.filter(|labels| labels.len() <= MAX_LABELS);
            if labels.is_none() {
                unreadable(line, value, "labels from 0 to 1048575, as 16/17");
            }
            Some(Encapsulation::Mpls { labels: labels? })
        }
        "ila" => {
            let value = line.value(said)?;
            let locator = locator(&value.value);
            if locator.is_none() {
                unreadable(line, value, "four groups of hexadecimal digits, as 2001:db8:0:1");
            }
            Some(Encapsulation::Ila { locator: locator? })
        }
        "ip" => tunnel(line, said, Family::Ipv4).map(Encapsulation::Tunnel),
        "ip6" => tunnel(line, said, Family::Ipv6).map(Encapsulation::Tunnel),
        other => {
            let otherwise = line.otherwise();
            line.fault(
                Diagnostic::error(code::NOT_A_CHOICE, format!("packets cannot be wrapped in `{other}`"))
                    .primary(kind.span, "expected mpls, ila, ip or ip6")
                    .help(keyword::quoted_nearest(other, KINDS.into_iter()))
                    .help(otherwise),
            );
            None
        }
    }
}

fn unreadable(line: &mut Line<'_, '_, '_>, value: &Word, expected: &str) {
    let otherwise = line.otherwise();
    line.fault(
        Diagnostic::error(code::OUT_OF_RANGE, format!("`{}` wraps no packet", value.value))
            .primary(value.span, format!("expected {expected}"))
            .help(otherwise),
    );
}

/// Four groups of hexadecimal digits.
fn locator(text: &str) -> Option<u64> {
    let group = |group: &str| {
        let digits = !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_hexdigit());
        digits.then(|| u16::from_str_radix(group, 16).ok()).flatten()
    };
    let groups: Vec<u16> = text.split(':').map(group).collect::<Option<_>>()?;
    (groups.len() == 4)
        .then(|| groups.iter().fold(0, |locator, group| locator << u16::BITS | u64::from(*group)))
}

fn tunnel<'d>(line: &mut Line<'_, '_, 'd>, encap: &Said<'d, RouteTerm>, of: Family) -> Option<Tunnel> {
    let mut tunnel =
        Tunnel { family: of, id: None, destination: None, source: None, tos: None, ttl: None, flags: None };
    while let Some(said) = line.next_of::<EncapsulationTerm>(keyword::Line::Encapsulation, |_| true) {
        match said.term {
            EncapsulationTerm::Id => tunnel.id = line.number(&said),
            EncapsulationTerm::Destination => tunnel.destination = end(line, &said, of),
            EncapsulationTerm::Source => tunnel.source = end(line, &said, of),
            EncapsulationTerm::Service => tunnel.tos = service(line, &said),
            EncapsulationTerm::TimeToLive => tunnel.ttl = line.small(&said),
            EncapsulationTerm::Flags => tunnel.flags = line.small(&said),
        }
    }
    if tunnel.id.is_none() && tunnel.destination.is_none() {
        let otherwise = line.otherwise();
        line.fault(
            Diagnostic::error(code::MISSING_VALUE, "a tunnel has neither a far end nor a number")
                .primary(encap.word.span, "expected `dst ADDRESS` or `id N`")
                .help(otherwise),
        );
    }
    Some(tunnel)
}

/// An end of a tunnel.
fn end<'d>(
    line: &mut Line<'_, '_, 'd>,
    said: &Said<'d, EncapsulationTerm>,
    of: Family,
) -> Option<std::net::IpAddr> {
    let (address, span) = line.address(said)?;
    if family(address) != of {
        line.other_family(span, format!("`{address}` is no end of a tunnel over {of}"));
    }
    Some(address)
}
