//! Lines of `unicast_peer`: `ADDRESS [min_ttl N] [max_ttl N]`.

use super::{Reader, Spanned, Travel, reader::Damage};
use crate::config::{
    diagnostic::{Diagnostic, code},
    expand::{Statement, Word},
    keyword,
    plan::PeerPlan,
};

/// The peers of a block. A line that cannot be read is diagnosed and remembered: without that peer the group splits.
pub(super) fn read(
    reader: &mut Reader<'_>,
    statements: &[Statement],
    damage: &mut Damage,
    travel: &mut Travel,
) {
    for statement in reader.lines(statements, damage) {
        let Some((word, options)) = statement.words.split_first() else { continue };
        match line(reader, word, options) {
            Some(peer) => travel.peers.push(peer),
            None => travel.lost_peer = true,
        }
    }
}

fn line(reader: &mut Reader<'_>, word: &Word, options: &[Word]) -> Option<Spanned<PeerPlan>> {
    let address = reader.host(word, "of a peer", "")?;
    let mut peer = PeerPlan { address: address.value, ttl_min: 0, ttl_max: u8::MAX };
    let mut rest = options.iter();
    while let Some(option) = rest.next() {
        match option.value.as_str() {
            "min_ttl" => peer.ttl_min = bound(reader, option, rest.next())?,
            "max_ttl" => peer.ttl_max = bound(reader, option, rest.next())?,
            other => {
                let is_address = other.parse::<std::net::IpAddr>().is_ok();
                let help = if is_address {
                    "one peer per line".to_owned()
                } else {
                    keyword::quoted_nearest(other, ["min_ttl", "max_ttl"].into_iter())
                };
                reader.report(
                    Diagnostic::error(code::UNKNOWN_WORD, format!("unknown word `{other}` after a peer"))
                        .primary(option.span, "expected `min_ttl N`, `max_ttl N` or the end of the line")
                        .help(help),
                );
                return None;
            }
        }
    }
    Some(Spanned { value: peer, span: word.span })
}

fn bound(reader: &mut Reader<'_>, option: &Word, value: Option<&Word>) -> Option<u8> {
    let bound = value.and_then(|word| word.value.parse().ok());
    if bound.is_none() {
        let span = value.map_or(option.span, |word| word.span);
        reader.report(
            Diagnostic::error(code::OUT_OF_RANGE, format!("`{}` takes a TTL", option.value))
                .primary(span, "expected a whole number from 0 to 255"),
        );
    }
    bound
}
