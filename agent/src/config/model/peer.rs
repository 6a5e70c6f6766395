//! Lines of `unicast_peer`: `ADDRESS [min_ttl N] [max_ttl N]`.

use super::{
    Reader, Spanned, Travel,
    line::{Line, Next, Sort},
    reader::Damage,
};
use crate::config::{
    expand::{Statement, Word},
    keyword::{self, PeerTerm},
    plan::PeerPlan,
};

const SORT: Sort =
    Sort { words: keyword::Line::Peer, place: "after a peer", otherwise: "the peer cannot be used" };

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
    let mut line = Line::new(reader, SORT, options);
    while let Some(next) = line.next::<PeerTerm>() {
        match next {
            Next::Said(said) => match said.term {
                PeerTerm::LeastTtl => peer.ttl_min = line.small(&said).unwrap_or(peer.ttl_min),
                PeerTerm::MostTtl => peer.ttl_max = line.small(&said).unwrap_or(peer.ttl_max),
            },
            Next::Other(word) => line.unknown(word, "one peer per line"),
        }
    }
    (!line.bad).then_some(Spanned { value: peer, span: word.span })
}
