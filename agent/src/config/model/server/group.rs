//! `virtual_server_group`: lines `ADDRESS[-LAST|/LENGTH] [PORT]` and `fwmark N [inet|inet6]`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use regent_common::Family;

use super::{
    ServerGroup,
    service::{is_servable, mark},
};
use crate::config::{
    diagnostic::{Diagnostic, code},
    expand::{Block, Statement, Word},
    keyword::{self, RootTerm},
    model::{
        Reader, Spanned,
        reader::{Damage, Entry},
    },
    plan::GroupEntry,
};

const LEFT_OUT: &str = "the line is left out";

pub(in super::super) fn read(
    reader: &mut Reader<'_>,
    entry: &Entry<'_, RootTerm>,
    block: &Block,
) -> Option<ServerGroup> {
    let name = entry.value()?;
    let name = Spanned { value: name.value.clone(), span: name.span };
    let mut damage = Damage::default();
    let mut entries = Vec::new();
    for statement in reader.lines(&block.statements, &mut damage) {
        match line(reader, statement) {
            Some(entry) => entries.push(entry),
            // A part of the service would be missing.
            None => damage.torn = true,
        }
    }
    Some(ServerGroup { name, entries, damaged: !block.closed || damage.torn })
}

fn line(reader: &mut Reader<'_>, statement: &Statement) -> Option<Spanned<GroupEntry>> {
    let (first, rest) = statement.words.split_first()?;
    let (value, used) = if first.value == "fwmark" {
        let mark = mark(reader, first.span, rest.first(), LEFT_OUT)?;
        let family = match rest.get(1) {
            Some(word) => Some(family(reader, word)?),
            None => None,
        };
        (GroupEntry::Fwmark { mark, family }, 2)
    } else {
        let (first, last) = addresses(reader, first)?;
        let port = match rest.first() {
            Some(word) => reader.port(word, LEFT_OUT)?,
            None => None,
        };
        (GroupEntry::Addresses { first, last, port }, 1)
    };
    let extra = rest.get(used..).unwrap_or_default();
    if let (Some(first), Some(last)) = (extra.first(), extra.last()) {
        reader.report(
            Diagnostic::warning(code::EXTRA_WORDS, "one address, range or fwmark per line")
                .primary(first.span.to(last.span), "ignored"),
        );
    }
    Some(Spanned { value, span: statement.span().unwrap_or(first.span) })
}

fn family(reader: &mut Reader<'_>, word: &Word) -> Option<Family> {
    match word.value.as_str() {
        "inet" => Some(Family::Ipv4),
        "inet6" => Some(Family::Ipv6),
        other => {
            reader.report(
                Diagnostic::error(code::NOT_A_CHOICE, format!("a fwmark is inet or inet6, not `{other}`"))
                    .primary(word.span, "not one of them")
                    .help(keyword::quoted_nearest(other, ["inet", "inet6"].into_iter()))
                    .help(LEFT_OUT),
            );
            None
        }
    }
}

/// First and last of `ADDRESS`, `FIRST-LAST` or `NETWORK/LENGTH`.
fn addresses(reader: &mut Reader<'_>, word: &Word) -> Option<(IpAddr, IpAddr)> {
    let text = word.value.as_str();
    let read = match (text.split_once('-'), text.split_once('/')) {
        (Some((first, last)), _) => range(first, last),
        (None, Some((address, length))) => network(address, length),
        (None, None) => match text.parse() {
            Ok(address) => Ok((address, address)),
            Err(_) => Err((code::NOT_AN_ADDRESS, format!("`{text}` is not an address"))),
        },
    };
    let read = read.and_then(|(first, last)| {
        if is_servable(&first) && is_servable(&last) {
            return Ok((first, last));
        }
        Err((code::NOT_AN_ADDRESS, format!("`{text}` is not the address of a host")))
    });
    match read {
        Ok(addresses) => Some(addresses),
        Err((code, message)) => {
            let help = keyword::quoted_nearest(text, ["fwmark"].into_iter());
            reader.report(
                Diagnostic::error(code, message)
                    .primary(word.span, "expected an address, FIRST-LAST, NETWORK/LENGTH or `fwmark N`")
                    .help(help)
                    .help(LEFT_OUT),
            );
            None
        }
    }
}

/// What is wrong, and its code.
type Refusal = (&'static str, String);

/// `FIRST-LAST`, where LAST is an address or the last part of one: decimal in IPv4, hexadecimal in IPv6.
fn range(first_text: &str, last_text: &str) -> Result<(IpAddr, IpAddr), Refusal> {
    let text = format!("{first_text}-{last_text}");
    let Ok(first) = first_text.parse::<IpAddr>() else {
        return Err((code::NOT_AN_ADDRESS, format!("`{first_text}` is not an address")));
    };
    let last = match (first, last_text.parse::<IpAddr>()) {
        (IpAddr::V4(_), Ok(last @ IpAddr::V4(_))) | (IpAddr::V6(_), Ok(last @ IpAddr::V6(_))) => Some(last),
        (IpAddr::V4(_) | IpAddr::V6(_), Ok(_)) => {
            return Err((code::ADDRESS_RANGE, format!("`{text}` begins and ends in different families")));
        }
        (IpAddr::V4(first), Err(_)) => last_text.parse::<u8>().ok().map(|last| {
            let [a, b, c, _] = first.octets();
            IpAddr::V4(Ipv4Addr::new(a, b, c, last))
        }),
        (IpAddr::V6(first), Err(_)) => u16::from_str_radix(last_text, 16).ok().map(|last| {
            let [a, b, c, d, e, f, g, _] = first.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, e, f, g, last))
        }),
    };
    // `from_str_radix` and `parse` take a plus sign.
    let last = last.filter(|_| !last_text.starts_with('+'));
    let Some(last) = last else {
        let parts = if first.is_ipv4() { "0 to 255" } else { "0 to ffff" };
        return Err((
            code::ADDRESS_RANGE,
            format!("`{last_text}` is not the end of a range: an address, or {parts} for its last part"),
        ));
    };
    if last < first {
        return Err((code::ADDRESS_RANGE, format!("`{text}` ends before it begins")));
    }
    Ok((first, last))
}

/// All addresses of a network.
fn network(address_text: &str, length: &str) -> Result<(IpAddr, IpAddr), Refusal> {
    let text = format!("{address_text}/{length}");
    let Ok(address) = address_text.parse::<IpAddr>() else {
        return Err((code::NOT_AN_ADDRESS, format!("`{address_text}` is not an address")));
    };
    let most = if address.is_ipv4() { 32 } else { 128 };
    let digits = !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit());
    let length = length.parse::<u32>().ok().filter(|length| digits && (1..=most).contains(length));
    let Some(length) = length else {
        return Err((
            code::ADDRESS_RANGE,
            format!("`{text}` is not a network: its length is from 1 to {most}"),
        ));
    };
    let (first, last) = match address {
        IpAddr::V4(address) => {
            let hosts = u32::MAX.checked_shr(length).unwrap_or(0);
            let first = u32::from(address) & !hosts;
            (IpAddr::V4(first.into()), IpAddr::V4((first | hosts).into()))
        }
        IpAddr::V6(address) => {
            let hosts = u128::MAX.checked_shr(length).unwrap_or(0);
            let first = u128::from(address) & !hosts;
            (IpAddr::V6(first.into()), IpAddr::V6((first | hosts).into()))
        }
    };
    if first != address {
        return Err((code::ADDRESS_RANGE, format!("`{text}` is not a network: it would begin at {first}")));
    }
    Ok((first, last))
}
