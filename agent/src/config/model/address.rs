//! Lines of `virtual_ipaddress`: an address and what goes with it.

use std::net::{IpAddr, Ipv4Addr};

use super::{Reader, Spanned, reader::Damage};
use crate::config::{
    diagnostic::{Diagnostic, code},
    expand::{Statement, Word},
    keyword,
    plan::AddressPlan,
};

/// Linux: IFNAMSIZ − 1.
const MAX_LABEL: usize = 15;
/// Words after an address that are keepalived's and have no effect here yet, with the number of their values.
const NOT_YET: &[(&str, usize)] =
    &[("peer", 1), ("home", 0), ("mngtmpaddr", 0), ("autojoin", 0), ("use_vmac", 0), ("track_group", 1)];
/// Words after an address that act.
const ACTING: &[&str] =
    &["brd", "broadcast", "dev", "scope", "label", "-nodad", "preferred_lft", "noprefixroute", "no_track"];
/// Those of them that a value follows.
const VALUED: &[&str] = &["brd", "broadcast", "dev", "scope", "label", "preferred_lft"];

/// The addresses of a block. Lines that hold none are diagnosed and skipped.
pub(super) fn read(
    reader: &mut Reader<'_>,
    statements: &[Statement],
    damage: &mut Damage,
    addresses: &mut Vec<Spanned<AddressPlan>>,
) {
    for statement in reader.lines(statements, damage) {
        if let Some((word, options)) = statement.words.split_first() {
            addresses.extend(line(reader, word, options));
        }
    }
}

/// One line: an address and its options.
pub(super) fn line(reader: &mut Reader<'_>, word: &Word, options: &[Word]) -> Option<Spanned<AddressPlan>> {
    let (address, prefix_length) = prefixed(reader, word)?;
    let mut plan = AddressPlan::plain(address, prefix_length);
    let mut rest = options.iter();
    while let Some(option) = rest.next() {
        match option.value.as_str() {
            "dev" => plan.device = value(reader, option, &mut rest).and_then(|name| interface(reader, name)),
            "brd" | "broadcast" => {
                let broadcast =
                    value(reader, option, &mut rest).and_then(|word| broadcast(reader, word, &plan));
                plan.broadcast = broadcast.or(plan.broadcast);
            }
            "scope" => {
                let scope = value(reader, option, &mut rest).and_then(|word| scope(reader, word));
                plan.scope = scope.unwrap_or(plan.scope);
            }
            "label" => {
                plan.label = value(reader, option, &mut rest).and_then(|word| label(reader, word, &plan))
            }
            "-nodad" => plan.detects_duplicates = ipv6_alone(reader, option, &plan),
            "preferred_lft" => {
                let word = value(reader, option, &mut rest);
                if let Some(word) = word.filter(|_| ipv6_alone(reader, option, &plan)) {
                    plan.preferred_lifetime = preferred_lifetime(reader, word);
                }
            }
            "noprefixroute" => plan.no_prefix_route = true,
            "no_track" => plan.tracks_device = false,
            other => match NOT_YET.iter().find(|(name, _)| *name == other) {
                Some((name, values)) => {
                    let message =
                        format!("`{name}` is keepalived's and not supported yet: it has no effect here");
                    let last = rest.by_ref().take(*values).last().unwrap_or(option);
                    reader.report(
                        Diagnostic::warning(code::NOT_SUPPORTED_YET, message)
                            .primary(option.span.to(last.span), "skipped"),
                    );
                }
                None => unknown(reader, option, &mut rest),
            },
        }
    }
    Some(Spanned { value: plan, span: word.span })
}

fn unknown(reader: &mut Reader<'_>, option: &Word, rest: &mut std::slice::Iter<'_, Word>) {
    let is_address = option.value.split('/').next().is_some_and(|text| text.parse::<IpAddr>().is_ok());
    let words = ACTING.iter().chain(NOT_YET.iter().map(|(name, _)| name)).copied();
    let nearest = keyword::nearest(&option.value, words).filter(|_| !is_address);
    if nearest.is_some_and(|nearest| VALUED.contains(&nearest)) {
        // Its value goes with it.
        rest.next();
    }
    let help = match nearest {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None if is_address => "one address per line".to_owned(),
        None => String::new(),
    };
    reader.report(
        Diagnostic::error(code::UNKNOWN_WORD, format!("unknown word `{}` after an address", option.value))
            .primary(option.span, "skipped")
            .help(help),
    );
}

fn value<'d>(
    reader: &mut Reader<'_>,
    option: &Word,
    rest: &mut std::slice::Iter<'d, Word>,
) -> Option<&'d Word> {
    let value = rest.next();
    if value.is_none() {
        reader.report(
            Diagnostic::error(code::MISSING_VALUE, format!("`{}` lacks its value", option.value))
                .primary(option.span, "expected a value after this")
                .help("it is skipped"),
        );
    }
    value
}

/// `ADDRESS[/LENGTH]`.
fn prefixed(reader: &mut Reader<'_>, word: &Word) -> Option<(IpAddr, u8)> {
    let (text, length) = match word.value.split_once('/') {
        Some((text, length)) => (text, Some(length)),
        None => (word.value.as_str(), None),
    };
    let Ok(address) = text.parse::<IpAddr>() else {
        reader.report(
            Diagnostic::error(code::NOT_AN_ADDRESS, format!("`{}` is not an address", word.value))
                .primary(word.span, "expected an IPv4 or IPv6 address, and maybe /LENGTH")
                .help("the line is skipped"),
        );
        return None;
    };
    if address.is_unspecified() || address.is_multicast() || address == IpAddr::V4(Ipv4Addr::BROADCAST) {
        reader.report(
            Diagnostic::error(
                code::NOT_AN_ADDRESS,
                format!("`{address}` cannot be assigned to an interface"),
            )
            .primary(word.span, "expected the address of a host")
            .help("the line is skipped"),
        );
        return None;
    }
    let most = if address.is_ipv4() { 32 } else { 128 };
    let digits =
        length.filter(|length| !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit()));
    match (length, digits.and_then(|digits| digits.parse::<u8>().ok()).filter(|length| *length <= most)) {
        (None, _) => Some((address, most)),
        (Some(_), Some(length)) => Some((address, length)),
        (Some(length), None) => {
            reader.report(
                Diagnostic::error(
                    code::OUT_OF_RANGE,
                    format!("`/{length}` is not a prefix length from 0 to {most}"),
                )
                .primary(word.span, format!("/{most} is used")),
            );
            Some((address, most))
        }
    }
}

fn interface(reader: &mut Reader<'_>, word: &Word) -> Option<String> {
    reader.interface(word, "the instance's interface is used").map(|name| name.value)
}

/// An address, or `+` and `-` for all host bits one and zero.
fn broadcast(reader: &mut Reader<'_>, word: &Word, plan: &AddressPlan) -> Option<Ipv4Addr> {
    let IpAddr::V4(address) = plan.address else {
        reader.report(
            Diagnostic::error(code::WRONG_FAMILY, "an IPv6 address has no broadcast address")
                .primary(word.span, "skipped"),
        );
        return None;
    };
    let host_bits = u32::MAX.checked_shr(u32::from(plan.prefix_length)).unwrap_or(0);
    match word.value.as_str() {
        "+" => Some(Ipv4Addr::from_bits(address.to_bits() | host_bits)),
        "-" => Some(Ipv4Addr::from_bits(address.to_bits() & !host_bits)),
        other => {
            let parsed = other.parse().ok();
            if parsed.is_none() {
                reader.report(
                    Diagnostic::error(code::NOT_AN_ADDRESS, format!("`{other}` is not a broadcast address"))
                        .primary(word.span, "expected an IPv4 address, `+` or `-`")
                        .help("no broadcast address is set"),
                );
            }
            parsed
        }
    }
}

/// Names of scopes and rtnetlink's numbers for them; the first is the default.
const SCOPES: [(&str, u8); 5] =
    [("global", 0), ("site", 200), ("link", 253), ("host", 254), ("nowhere", 255)];

fn scope(reader: &mut Reader<'_>, word: &Word) -> Option<u8> {
    let named = SCOPES.iter().find(|(name, _)| *name == word.value).map(|(_, number)| *number);
    let scope = named.or_else(|| word.value.parse().ok());
    if scope.is_none() {
        reader.report(
            Diagnostic::error(code::NOT_A_CHOICE, format!("unknown scope `{}`", word.value))
                .primary(word.span, "expected global, site, link, host, nowhere or a number up to 255")
                .help(keyword::quoted_nearest(&word.value, SCOPES.iter().map(|(name, _)| *name)))
                .help("scope global is used"),
        );
    }
    scope
}

/// Whether a word that only IPv6 knows has an effect.
fn ipv6_alone(reader: &mut Reader<'_>, option: &Word, plan: &AddressPlan) -> bool {
    if plan.address.is_ipv4() {
        reader.report(
            Diagnostic::warning(
                code::WRONG_FAMILY,
                format!("`{}` means nothing for an IPv4 address", option.value),
            )
            .primary(option.span, "skipped"),
        );
    }
    plan.address.is_ipv6()
}

/// Seconds, or `forever`.
fn preferred_lifetime(reader: &mut Reader<'_>, word: &Word) -> Option<u32> {
    let lifetime = match word.value.as_str() {
        "forever" => Some(u32::MAX),
        seconds => seconds.parse().ok().filter(|_| !seconds.starts_with('+')),
    };
    if lifetime.is_none() {
        reader.report(
            Diagnostic::error(code::NOT_A_NUMBER, format!("`preferred_lft {}` is no lifetime", word.value))
                .primary(word.span, "expected whole seconds or `forever`")
                .help("the default is used"),
        );
    }
    lifetime
}

fn label(reader: &mut Reader<'_>, word: &Word, plan: &AddressPlan) -> Option<String> {
    if plan.address.is_ipv6() {
        reader.report(
            Diagnostic::warning(code::WRONG_FAMILY, "an IPv6 address bears no label")
                .primary(word.span, "skipped"),
        );
        return None;
    }
    if word.value.is_empty() || word.value.len() > MAX_LABEL {
        reader.report(
            Diagnostic::error(code::LABEL_TOO_LONG, format!("`{}` does not fit a label", word.value))
                .primary(word.span, format!("expected 1 to {MAX_LABEL} bytes"))
                .help("the address is assigned without a label"),
        );
        return None;
    }
    Some(word.value.clone())
}
