//! What a server is named by: `ADDRESS [PORT]`, `fwmark N` or `group NAME`.

use std::net::{IpAddr, Ipv4Addr};

use crate::config::{
    diagnostic::{Diagnostic, code},
    expand::Word,
    keyword,
    model::{Reader, Spanned},
    plan::{Endpoint, ServicePlan},
    source::Span,
};

/// What a virtual server that cannot be read means.
const LEFT_OUT: &str = "this virtual server is left out";

/// The words after `virtual_server`.
pub(super) fn service(reader: &mut Reader<'_>, words: &[Word]) -> Option<Spanned<ServicePlan>> {
    let (first, rest) = words.split_first()?;
    let span = rest.first().map_or(first.span, |last| first.span.to(last.span));
    let value = match first.value.as_str() {
        "fwmark" => ServicePlan::Fwmark(mark(reader, first.span, rest.first(), LEFT_OUT)?),
        "group" => match rest.first() {
            Some(name) => ServicePlan::Group(name.value.clone()),
            None => {
                reader.report(
                    Diagnostic::error(code::MISSING_VALUE, "`group` lacks its name")
                        .primary(first.span, "expected the name of a virtual_server_group after this")
                        .help(LEFT_OUT),
                );
                return None;
            }
        },
        other if keyword::nearest(other, ["fwmark", "group"].into_iter()).is_some() => {
            reader.report(
                Diagnostic::error(code::NOT_A_SERVICE, format!("`{other}` is no service"))
                    .primary(first.span, "expected an address, `fwmark N` or `group NAME`")
                    .help(keyword::quoted_nearest(other, ["fwmark", "group"].into_iter()))
                    .help(LEFT_OUT),
            );
            return None;
        }
        _ => ServicePlan::Endpoint(endpoint(reader, words, "of the service", LEFT_OUT)?.value),
    };
    Some(Spanned { value, span })
}

/// `ADDRESS [PORT]`. `whose` finishes the sentence "expected the address …".
pub(super) fn endpoint(
    reader: &mut Reader<'_>,
    words: &[Word],
    whose: &str,
    otherwise: &str,
) -> Option<Spanned<Endpoint>> {
    let (first, rest) = words.split_first()?;
    let address = address(reader, first, whose, otherwise)?;
    let (port, span) = match rest.first() {
        Some(word) => (reader.port(word, otherwise)?, first.span.to(word.span)),
        None => (None, first.span),
    };
    Some(Spanned { value: Endpoint { address, port }, span })
}

/// The address of a host. A prefix length behind it says nothing, as in keepalived.
fn address(reader: &mut Reader<'_>, word: &Word, whose: &str, otherwise: &str) -> Option<IpAddr> {
    let (text, length) = match word.value.split_once('/') {
        Some((text, length)) => (text, Some(length)),
        None => (word.value.as_str(), None),
    };
    let address = text.parse().ok();
    let Some(address) = address.filter(is_servable) else {
        let message = match address {
            Some(address) => format!("`{address}` is not the address of a host"),
            None => format!("`{}` is not an address", word.value),
        };
        let ranged = text.split_once('-').is_some_and(|(first, _)| first.parse::<IpAddr>().is_ok());
        reader.report(
            Diagnostic::error(code::NOT_AN_ADDRESS, message)
                .primary(word.span, format!("expected the address {whose}"))
                .help(if ranged { "ranges stand in a virtual_server_group" } else { "" })
                .help(otherwise),
        );
        return None;
    };
    if let Some(length) = length {
        reader.report(
            Diagnostic::warning(
                code::EXTRA_WORDS,
                format!("`/{length}` says nothing after the address {whose}"),
            )
            .primary(word.span, format!("{address} is used"))
            .help("networks stand in a virtual_server_group"),
        );
    }
    Some(address)
}

/// Whether a host could answer there.
pub(super) fn is_servable(address: &IpAddr) -> bool {
    !address.is_unspecified() && !address.is_multicast() && *address != IpAddr::V4(Ipv4Addr::BROADCAST)
}

/// A firewall mark; `after` is the word before it.
pub(super) fn mark(
    reader: &mut Reader<'_>,
    after: Span,
    word: Option<&Word>,
    otherwise: &str,
) -> Option<u32> {
    let Some(word) = word else {
        reader.report(
            Diagnostic::error(code::MISSING_VALUE, "`fwmark` lacks its number")
                .primary(after, "expected a number from 1 to 4294967295 after this")
                .help(otherwise),
        );
        return None;
    };
    let digits = !word.value.is_empty() && word.value.bytes().all(|byte| byte.is_ascii_digit());
    let mark = word.value.parse().ok().filter(|mark| digits && *mark > 0);
    if mark.is_none() {
        let (code, message) = match word.value.as_str() {
            "0" => (code::OUT_OF_RANGE, "`fwmark 0` is the mark of packets without one".to_owned()),
            other if digits => (code::OUT_OF_RANGE, format!("`fwmark {other}` is outside 1 to 4294967295")),
            other => (code::NOT_A_NUMBER, format!("`fwmark` takes a number in decimal, not `{other}`")),
        };
        reader.report(
            Diagnostic::error(code, message)
                .primary(word.span, "expected a number from 1 to 4294967295")
                .help(otherwise),
        );
    }
    mark
}
