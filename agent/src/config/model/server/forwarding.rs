//! `NAT`, `DR` or `TUN [type ipip|gue port N|gre] [nocsum|csum|remcsum]`.

use std::num::NonZeroU16;

use crate::config::{
    diagnostic::{Diagnostic, code},
    expand::Word,
    keyword,
    model::{Reader, Spanned, reader::Entry},
    plan::{Forwarding, ServerTunnel, TunnelChecksum},
};

const METHODS: &[&str] = &["NAT", "DR", "TUN"];
const TUNNELS: &[&str] = &["ipip", "gue", "gre"];
const OPTIONS: &[&str] = &["type", "port", "nocsum", "csum", "remcsum"];

/// The whole line; `None` when any of it cannot be used: half a tunnel leads nowhere.
pub(super) fn read<T>(
    reader: &mut Reader<'_>,
    entry: &Entry<'_, T>,
    otherwise: &str,
) -> Option<Spanned<Forwarding>> {
    let (method, options) = entry.values().split_first()?;
    let span = options.last().map_or(method.span, |last| method.span.to(last.span));
    let value = match method.value.as_str() {
        "NAT" => Forwarding::Nat,
        "DR" => Forwarding::Dr,
        "TUN" => Forwarding::Tun(tunnel(reader, options, otherwise)?),
        other => {
            let message = format!("`{}` takes NAT, DR or TUN, not `{other}`", entry.keyword.name);
            reader.report(
                Diagnostic::error(code::FORWARDING, message)
                    .primary(method.span, "not one of them")
                    .help(keyword::quoted_nearest(other, METHODS.iter().copied()))
                    .help(otherwise),
            );
            return None;
        }
    };
    if let (Some(first), Forwarding::Nat | Forwarding::Dr) = (options.first(), value) {
        reader.report(
            Diagnostic::warning(code::EXTRA_WORDS, format!("nothing follows `{}`", method.value))
                .primary(first.span.to(span), "ignored")
                .help("types and checksums are those of tunnels: `TUN`"),
        );
    }
    Some(Spanned { value, span })
}

fn tunnel(reader: &mut Reader<'_>, options: &[Word], otherwise: &str) -> Option<ServerTunnel> {
    let (mut kind, mut port, mut checksum) = (None, None, None);
    let mut rest = options.iter();
    while let Some(option) = rest.next() {
        match option.value.as_str() {
            "type" => kind = Some(tunnel_type(reader, option, rest.next(), otherwise)?),
            "port" => port = Some((option, tunnel_port(reader, option, rest.next(), otherwise)?)),
            "nocsum" => checksum = Some((option, TunnelChecksum::None)),
            "csum" => checksum = Some((option, TunnelChecksum::Full)),
            "remcsum" => checksum = Some((option, TunnelChecksum::Remote)),
            other => {
                let known = OPTIONS.iter().chain(TUNNELS).copied();
                let help = match keyword::nearest(other, known) {
                    Some(nearest) if TUNNELS.contains(&nearest) => format!("did you mean `type {nearest}`?"),
                    Some(nearest) => format!("did you mean `{nearest}`?"),
                    None => String::new(),
                };
                reader.report(
                    Diagnostic::error(code::FORWARDING, format!("unknown word `{other}` about a tunnel"))
                        .primary(option.span, "expected `type`, `port`, `nocsum`, `csum` or `remcsum`")
                        .help(help)
                        .help(otherwise),
                );
                return None;
            }
        }
    }
    let mut refuse = |word: &Word, message: &str| {
        reader.report(
            Diagnostic::error(code::FORWARDING, message).primary(word.span, "cannot be used").help(otherwise),
        );
    };
    let sum = checksum.map_or(TunnelChecksum::None, |(_, checksum)| checksum);
    match (kind, port, checksum) {
        (Some((_, "gue")), Some((_, port)), _) => Some(ServerTunnel::Gue { port, checksum: sum }),
        (Some((word, "gue")), None, _) => {
            refuse(word, "a tunnel of type gue needs its port: `type gue port N`");
            None
        }
        (_, Some((word, _)), _) => {
            refuse(word, "only a tunnel of type gue has a port");
            None
        }
        (Some((_, "gre")), None, Some((word, TunnelChecksum::Remote))) => {
            refuse(word, "a tunnel of type gre has no remote checksum");
            None
        }
        (Some((_, "gre")), None, _) => Some(ServerTunnel::Gre { checksum: sum }),
        (Some(_) | None, None, Some((word, TunnelChecksum::Full | TunnelChecksum::Remote))) => {
            refuse(word, "a tunnel of type ipip has no checksum");
            None
        }
        (Some(_) | None, None, Some((_, TunnelChecksum::None)) | None) => Some(ServerTunnel::Ipip),
    }
}

fn tunnel_type<'w>(
    reader: &mut Reader<'_>,
    option: &'w Word,
    value: Option<&'w Word>,
    otherwise: &str,
) -> Option<(&'w Word, &'static str)> {
    let known =
        value.and_then(|word| Some((word, TUNNELS.iter().copied().find(|known| *known == word.value)?)));
    if known.is_none() {
        let (span, message) = match value {
            Some(word) => (word.span, format!("a tunnel is of type ipip, gue or gre, not `{}`", word.value)),
            None => (option.span, "`type` lacks its value".to_owned()),
        };
        let nearest = value.map(|word| keyword::quoted_nearest(&word.value, TUNNELS.iter().copied()));
        reader.report(
            Diagnostic::error(code::FORWARDING, message)
                .primary(span, "expected ipip, gue or gre")
                .help(nearest.unwrap_or_default())
                .help(otherwise),
        );
    }
    known
}

fn tunnel_port(
    reader: &mut Reader<'_>,
    option: &Word,
    value: Option<&Word>,
    otherwise: &str,
) -> Option<NonZeroU16> {
    let port = value.and_then(|word| word.value.parse::<NonZeroU16>().ok());
    if port.is_none() {
        let (span, message) = match value {
            Some(word) => (word.span, format!("`{}` is not a port", word.value)),
            None => (option.span, "`port` lacks its value".to_owned()),
        };
        reader.report(
            Diagnostic::error(code::FORWARDING, message)
                .primary(span, "expected a number from 1 to 65535")
                .help(otherwise),
        );
    }
    port
}
