//! The one table of the language: every word, where it stands, what it takes, what it does.
//!
//! The model reads configs by it; `check`, `explain`, completion and the man page are made from it. `words` holds the
//! words block by block. Knows nothing of the model: a word that is read names a term
//! of its block, and the model matches on terms.

mod book;
mod describe;
mod kind;
mod line;
mod suggest;
mod tally;
mod word;
mod words;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

pub use book::Book;
pub use describe::{all_words, blocks};
pub use kind::{Kind, Line};
pub(super) use kind::{Milliseconds, Seconds};
pub(super) use line::{AddressTerm, EncapsulationTerm, PeerTerm, RouteTerm, RuleTerm};
pub use line::{all_line_words, line_word, line_words};
pub(super) use suggest::nearest;
pub use suggest::quoted_nearest;
pub use tally::Tally;
use word::Word;
pub(super) use words::{
    AuthenticationTerm, BfdCheckTerm, BfdTerm, BufferOf, CheckTerm, ConnectionTerm, DbusTerm, DnsCheckTerm,
    FifoOf, FifoTerm, FileCheckTerm, FilesTerm, FirewallTerm, GarpGroupTerm, GlobalTerm, HmacTerm,
    HttpCheckTerm, InstanceTerm, IpvsTerm, MailTerm, MiscCheckTerm, Part, ProcessTerm, RealServerTerm,
    ReloadTerm, RootTerm, RunTerm, ScriptTerm, ServerTerm, SmtpCheckTerm, SnmpTerm, SslTerm, SyncGroupTerm,
    TrackFileTerm, TrackGroupTerm, TrackProcessTerm, UdpCheckTerm, UrlTerm, VirtualServerTerm,
};

/// One word in one block.
#[derive(Clone, Copy, Debug)]
pub struct Keyword {
    /// The word.
    pub name: &'static str,
    /// The block it stands in, outer blocks first, as `virtual_server/real_server`; empty at the root.
    pub parent: &'static str,
    /// What follows it.
    pub kind: Kind,
    /// What holds when it is not said; empty when nothing does or it must be said.
    pub default: &'static str,
    /// What it does, in one line.
    pub help: &'static str,
    /// A line that uses it.
    pub example: &'static str,
    /// How many configs say it.
    pub tier: Tier,
    /// The version of keepalived that it came with, where that is newer than the oldest in use; empty: older, or ours.
    pub since: &'static str,
    /// Another name for this word of the same block; empty for most.
    pub same_as: &'static str,
    /// It may be said more than once in a block, and all of them count or its reader says which.
    pub repeats: bool,
    /// What the agent does with it.
    pub effect: Effect,
    /// What the model reads it as; `None`: by name only.
    pub term: Option<Term>,
}

/// How many configs say a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// Nearly all.
    Everyday,
    /// Many.
    Common,
    /// Few.
    Rare,
    /// None of keepalived's: the word is the agent's own.
    Own,
}

/// What the agent does with a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// What it says.
    Acts,
    /// Nothing, and nothing is missing: because …
    WithoutEffect(&'static str),
    /// Nothing yet. The text says what follows from that; may be empty.
    NotYet(&'static str),
    /// It is an error: because …
    Refused(&'static str),
}

/// What a word that is read stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term(TermOf);

/// The terms of one block.
pub(super) trait Terms: Copy {
    /// The term, when it is one of this block.
    fn of(term: Term) -> Option<Self>;
}

/// The terms of a block whose words stand in two tables: one that it shares with other blocks, and its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Either<A, B> {
    Shared(A),
    Own(B),
}

impl<A: Terms, B: Terms> Terms for Either<A, B> {
    fn of(term: Term) -> Option<Self> {
        A::of(term).map(Self::Shared).or_else(|| B::of(term).map(Self::Own))
    }
}

macro_rules! terms {
    ($($variant:ident($terms:ident);)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        enum TermOf {
            $($variant($terms),)*
        }

        $(
            impl Terms for $terms {
                fn of(term: Term) -> Option<Self> {
                    if let TermOf::$variant(term) = term.0 { Some(term) } else { None }
                }
            }

            impl From<$terms> for Term {
                fn from(term: $terms) -> Self {
                    Self(TermOf::$variant(term))
                }
            }
        )*
    };
}

terms! {
    Root(RootTerm);
    Global(GlobalTerm);
    Script(ScriptTerm);
    Instance(InstanceTerm);
    Authentication(AuthenticationTerm);
    GarpGroup(GarpGroupTerm);
    SyncGroup(SyncGroupTerm);
    TrackFile(TrackFileTerm);
    TrackProcess(TrackProcessTerm);
    VirtualServer(VirtualServerTerm);
    Server(ServerTerm);
    RealServer(RealServerTerm);
    Check(CheckTerm);
    Connection(ConnectionTerm);
    HttpCheck(HttpCheckTerm);
    Url(UrlTerm);
    MiscCheck(MiscCheckTerm);
    SmtpCheck(SmtpCheckTerm);
    DnsCheck(DnsCheckTerm);
    UdpCheck(UdpCheckTerm);
    BfdCheck(BfdCheckTerm);
    FileCheck(FileCheckTerm);
    Ssl(SslTerm);
    Bfd(BfdTerm);
    Hmac(HmacTerm);
    TrackGroup(TrackGroupTerm);
    Address(AddressTerm);
    Peer(PeerTerm);
    Route(RouteTerm);
    Encapsulation(EncapsulationTerm);
    Rule(RuleTerm);
}

struct Table {
    keywords: Vec<Keyword>,
    by_place: BTreeMap<(&'static str, &'static str), usize>,
    parents_of: BTreeMap<&'static str, BTreeSet<&'static str>>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut table = Table { keywords: Vec::new(), by_place: BTreeMap::new(), parents_of: BTreeMap::new() };
    for keyword in words::keywords() {
        let index = table.keywords.len();
        table.by_place.insert((keyword.parent, keyword.name), index);
        table.parents_of.entry(keyword.name).or_default().insert(keyword.parent);
        table.keywords.push(keyword);
    }
    table
});

/// Every keyword: those that are read first.
pub fn keywords() -> &'static [Keyword] {
    &TABLE.keywords
}

/// The keyword of that name in that block ([`Keyword::parent`]).
pub fn keyword(parent: &str, name: &str) -> Option<&'static Keyword> {
    // The map's keys are 'static; a lookup by shorter ones needs the same type of key.
    let parent = TABLE.parents_of.get(name)?.get(parent)?;
    let (name, _) = TABLE.parents_of.get_key_value(name)?;
    TABLE.by_place.get(&(*parent, *name)).and_then(|index| TABLE.keywords.get(*index))
}

/// The blocks in which a word means something.
pub fn parents(name: &str) -> impl Iterator<Item = &'static str> {
    TABLE.parents_of.get(name).into_iter().flatten().copied()
}

/// The words of a block.
pub fn words_of(parent: &str) -> impl Iterator<Item = &'static str> {
    TABLE.keywords.iter().filter(move |keyword| keyword.parent == parent).map(|keyword| keyword.name)
}

/// A word that opens a block at the root and means nothing anywhere else.
pub(super) fn opens_root_block(word: &str) -> bool {
    words::ROOT_BLOCKS.contains(&word)
}

#[cfg(test)]
mod tests;
