//! Lines of `virtual_ipaddress` and `static_ipaddress`: an address and what goes with it.

use std::net::{IpAddr, Ipv4Addr};

use super::{
    Grouped, Reader, Spanned,
    line::{Line, Next, SKIPPED, Said, Sort},
    reader::Damage,
};
use crate::config::{
    diagnostic::{Diagnostic, code},
    expand::{Statement, Word},
    keyword::{self, AddressTerm},
    plan::AddressPlan,
    source::Span,
};

/// Linux: IFNAMSIZ − 1.
const MAX_LABEL: usize = 15;

const VIRTUAL: Sort = Sort { words: keyword::Line::Address, place: "after an address", otherwise: SKIPPED };
const STATIC: Sort =
    Sort { words: keyword::Line::StaticAddress, place: "after an address", otherwise: SKIPPED };

/// The addresses of a block of an instance. Lines that hold none are diagnosed and skipped.
pub(super) fn read(
    reader: &mut Reader<'_>,
    statements: &[Statement],
    damage: &mut Damage,
    addresses: &mut Vec<Spanned<AddressPlan>>,
) {
    for statement in reader.lines(statements, damage) {
        if let Some((word, options)) = statement.words.split_first() {
            let address = line(reader, VIRTUAL, word, options);
            addresses.extend(address.map(|address| address.what));
        }
    }
}

/// The addresses of `static_ipaddress`.
pub(super) fn read_static(
    reader: &mut Reader<'_>,
    statements: &[Statement],
    addresses: &mut Vec<Grouped<AddressPlan>>,
) {
    for statement in reader.lines(statements, &mut Damage::default()) {
        if let Some((word, options)) = statement.words.split_first() {
            addresses.extend(line(reader, STATIC, word, options));
        }
    }
}

/// One line: an address and its options.
fn line(reader: &mut Reader<'_>, sort: Sort, word: &Word, options: &[Word]) -> Option<Grouped<AddressPlan>> {
    let (address, prefix_length) = prefixed(reader, word)?;
    let mut plan = AddressPlan::plain(address, prefix_length);
    let (mut group, mut peer) = (None, None);
    let mut line = Line::new(reader, sort, options);
    while let Some(next) = line.next::<AddressTerm>() {
        let said = match next {
            Next::Said(said) => said,
            Next::Other(word) => {
                line.unknown(word, "one address per line");
                continue;
            }
        };
        match said.term {
            AddressTerm::Device => plan.device = line.interface(&said).or(plan.device),
            AddressTerm::Broadcast => {
                let broadcast = line.value(&said).and_then(|word| broadcast(line.reader, word, &plan));
                plan.broadcast = broadcast.or(plan.broadcast);
            }
            AddressTerm::Scope => {
                let scope = line.named(&said).and_then(|scope| u8::try_from(scope).ok());
                plan.scope = scope.unwrap_or(plan.scope);
            }
            AddressTerm::Label => {
                plan.label = line.value(&said).and_then(|word| label(line.reader, word, &plan));
            }
            AddressTerm::Peer => peer = line.address(&said),
            AddressTerm::Home => plan.home = ipv6_alone(&mut line, &said, &plan),
            AddressTerm::DetectDuplicates => {
                plan.detects_duplicates = ipv6_alone(&mut line, &said, &plan);
            }
            AddressTerm::ManageTemporary => {
                plan.manages_temporary = ipv6_alone(&mut line, &said, &plan);
            }
            AddressTerm::NoPrefixRoute => plan.no_prefix_route = true,
            AddressTerm::AutoJoin => plan.joins = true,
            AddressTerm::NoTrack => plan.tracks_device = false,
            AddressTerm::PreferredLifetime => {
                let word = line.value(&said);
                if let Some(word) = word.filter(|_| ipv6_alone(&mut line, &said, &plan)) {
                    plan.preferred_lifetime = preferred_lifetime(&mut line, &said, word);
                }
            }
            AddressTerm::UseVmac => plan.own_interface = true,
            AddressTerm::TrackGroup => {
                let name = line.value(&said);
                group = name.map(|word| Spanned { value: word.value.clone(), span: word.span });
            }
        }
    }
    if let Some((peer, span)) = peer {
        set_peer(&mut line, &mut plan, word, peer, span);
    }
    Some(Grouped { what: Spanned { value: plan, span: word.span }, group })
}

/// The other end of a link says what is on it: the prefix length is that of one address.
fn set_peer(line: &mut Line<'_, '_, '_>, plan: &mut AddressPlan, word: &Word, peer: IpAddr, span: Span) {
    if peer.is_ipv4() != plan.address.is_ipv4() {
        let message = format!("peer `{peer}` is of another family than `{}`", plan.address);
        line.reader.report(Diagnostic::error(code::WRONG_FAMILY, message).primary(span, "skipped"));
        return;
    }
    let alone = if peer.is_ipv4() { 32 } else { 128 };
    if word.value.contains('/') && plan.prefix_length != alone {
        line.reader.report(
            Diagnostic::warning(code::PEER, "an address with a peer has no prefix length of its own")
                .primary(word.span, format!("/{alone} is used, as in keepalived"))
                .secondary(span, "the peer"),
        );
        plan.prefix_length = alone;
    }
    plan.peer = Some(peer);
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

/// Whether a word that only IPv6 knows has an effect.
fn ipv6_alone(line: &mut Line<'_, '_, '_>, said: &Said<'_, AddressTerm>, plan: &AddressPlan) -> bool {
    if plan.address.is_ipv4() {
        line.reader.report(
            Diagnostic::warning(
                code::WRONG_FAMILY,
                format!("`{}` means nothing for an IPv4 address", said.keyword.name),
            )
            .primary(said.word.span, "skipped"),
        );
    }
    plan.address.is_ipv6()
}

/// Seconds, or `forever`.
fn preferred_lifetime<'d>(
    line: &mut Line<'_, '_, 'd>,
    said: &Said<'d, AddressTerm>,
    word: &Word,
) -> Option<u32> {
    let lifetime = match word.value.as_str() {
        "forever" => Some(u32::MAX),
        seconds => seconds.parse().ok().filter(|_| !seconds.starts_with('+')),
    };
    if lifetime.is_none() {
        line.wrong(code::NOT_A_NUMBER, said, word);
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
