//! The words within the lines of a block that holds no keywords: what may follow an address, a route, a rule.
//!
//! Written and looked up as the keywords are, by the sort of line in place of the block.

mod address;
mod peer;
mod route;
mod rule;

use std::{collections::BTreeMap, sync::LazyLock};

use super::{
    Keyword, Line,
    word::{in_block, word},
};

pub(in crate::config) use address::AddressTerm;
pub(in crate::config) use peer::PeerTerm;
pub(in crate::config) use route::{EncapsulationTerm, RouteTerm};
pub(in crate::config) use rule::RuleTerm;

static WORDS: LazyLock<BTreeMap<Line, BTreeMap<&'static str, Keyword>>> = LazyLock::new(|| {
    let words = [
        (Line::Address, address::words("vrrp_instance/virtual_ipaddress", false)),
        (Line::StaticAddress, address::words("static_ipaddress", true)),
        (Line::Route, route::words("vrrp_instance/virtual_routes", false)),
        (Line::StaticRoute, route::words("static_routes", true)),
        (Line::Encapsulation, route::encapsulation("encap")),
        (Line::Rule, rule::words("vrrp_instance/virtual_rules", false)),
        (Line::StaticRule, rule::words("static_rules", true)),
        (Line::Peer, in_block("vrrp_instance/unicast_peer", peer::WORDS).collect()),
    ];
    let named = |words: Vec<Keyword>| words.into_iter().map(|keyword| (keyword.name, keyword)).collect();
    words.into_iter().map(|(line, words)| (line, named(words))).collect()
});

/// The words of a sort of line, in the order of the alphabet.
pub fn line_words(line: Line) -> impl Iterator<Item = &'static Keyword> {
    WORDS.get(&line).into_iter().flat_map(BTreeMap::values)
}

/// The words of all sorts of lines. Their [`Keyword::parent`] is a block of such lines.
pub fn all_line_words() -> impl Iterator<Item = &'static Keyword> {
    WORDS.values().flat_map(BTreeMap::values)
}

/// The word of that name in that sort of line.
pub fn line_word(line: Line, name: &str) -> Option<&'static Keyword> {
    WORDS.get(&line)?.get(name)
}
