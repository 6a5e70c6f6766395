//! The one table of the language: every word, where it stands, what it takes, what it does.
//!
//! The model reads configs by it; `check`, completion and the man page are to read it too. `acting` holds the words
//! that act, `known` the rest of keepalived's. Knows nothing of the model: a word that acts names a term of its
//! block, and the model matches on terms.

mod acting;
mod known;
mod suggest;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

pub(super) use acting::{AuthenticationTerm, GarpGroupTerm, GlobalTerm, InstanceTerm, RootTerm, ScriptTerm};
pub(super) use suggest::{nearest, quoted_nearest};

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
    /// Whether it does anything.
    pub status: Status,
}

/// What follows a word on its line, with its range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing.
    Flag,
    /// Nothing, or one of `on true yes off false no`.
    Switch,
    /// One word.
    Text,
    /// The name of an interface.
    Interface,
    /// An IPv4 or IPv6 address.
    Address,
    /// A whole number.
    Number {
        /// Smallest.
        least: i64,
        /// Largest.
        most: i64,
    },
    /// `off`, or a whole number.
    OffOrNumber {
        /// Smallest.
        least: i64,
        /// Largest.
        most: i64,
    },
    /// Seconds, maybe with decimals, no finer than a microsecond.
    Seconds {
        /// Shortest, in microseconds.
        least_us: u64,
        /// Longest, in microseconds.
        most_us: u64,
    },
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Nothing, or one of these words.
    Maybe(&'static [&'static str]),
    /// −253..=253, maybe with `reverse`.
    Weight,
    /// A command; then maybe the user and group that run it.
    Command,
    /// A command and nothing else: all words are its arguments.
    CommandLine,
    /// A user and maybe a group.
    User,
    /// A block of keywords.
    Block,
    /// A name, then a block of keywords.
    NamedBlock,
    /// A block of lines that are no keywords.
    Lines(Line),
    /// Not looked at: the word has no effect yet.
    Anything,
}

/// What the lines of a block hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// `ADDRESS[/LENGTH] [brd ADDRESS|+|-] [dev INTERFACE] [scope SCOPE] [label LABEL] [-nodad] [preferred_lft SECONDS]
    /// [noprefixroute] [no_track]`.
    Address,
    /// `ADDRESS [min_ttl N] [max_ttl N]`.
    Peer,
    /// The name of an interface.
    Interface,
    /// `NAME [weight N [reverse]]`.
    Tracker,
}

/// Whether a word does anything.
#[derive(Clone, Copy, Debug)]
pub enum Status {
    /// It acts as this term of its block.
    Acts(Term),
    /// keepalived's, without effect here yet. The text says what follows from that; may be empty.
    NotYet(&'static str),
}

/// What a word that acts stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term(TermOf);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TermOf {
    Root(RootTerm),
    Global(GlobalTerm),
    Script(ScriptTerm),
    Instance(InstanceTerm),
    Authentication(AuthenticationTerm),
    GarpGroup(GarpGroupTerm),
}

/// The terms of one block.
pub(super) trait Terms: Copy {
    /// The block, as [`Keyword::parent`] has it.
    const PARENT: &'static str;

    /// The term, when it is one of this block.
    fn of(term: Term) -> Option<Self>;
}

macro_rules! terms {
    ($($terms:ident = $variant:ident in $parent:literal;)*) => {$(
        impl Terms for $terms {
            const PARENT: &'static str = $parent;

            fn of(term: Term) -> Option<Self> {
                if let TermOf::$variant(term) = term.0 { Some(term) } else { None }
            }
        }

        impl From<$terms> for Term {
            fn from(term: $terms) -> Self {
                Self(TermOf::$variant(term))
            }
        }
    )*};
}

terms! {
    RootTerm = Root in "";
    GlobalTerm = Global in "global_defs";
    ScriptTerm = Script in "vrrp_script";
    InstanceTerm = Instance in "vrrp_instance";
    AuthenticationTerm = Authentication in "vrrp_instance/authentication";
    GarpGroupTerm = GarpGroup in "garp_group";
}

impl Kind {
    /// Words after the keyword: at least, and at most when there is a limit.
    pub const fn arity(self) -> (usize, Option<usize>) {
        match self {
            Self::Flag | Self::Block | Self::Lines(_) => (0, Some(0)),
            Self::Switch | Self::Maybe(_) => (0, Some(1)),
            Self::Text
            | Self::Interface
            | Self::Address
            | Self::Number { .. }
            | Self::OffOrNumber { .. }
            | Self::Seconds { .. }
            | Self::Choice(_) => (1, Some(1)),
            Self::NamedBlock => (1, Some(1)),
            Self::Weight | Self::User => (1, Some(2)),
            Self::Command | Self::CommandLine => (1, None),
            Self::Anything => (0, None),
        }
    }

    /// A block follows: always, never, or nobody minds.
    pub const fn takes_block(self) -> Option<bool> {
        match self {
            Self::Block | Self::NamedBlock | Self::Lines(_) => Some(true),
            Self::Anything => None,
            Self::Flag
            | Self::Switch
            | Self::Text
            | Self::Interface
            | Self::Address
            | Self::Number { .. }
            | Self::OffOrNumber { .. }
            | Self::Seconds { .. }
            | Self::Choice(_)
            | Self::Maybe(_)
            | Self::Weight
            | Self::Command
            | Self::CommandLine
            | Self::User => Some(false),
        }
    }

    /// What to write after the keyword, for messages.
    pub fn expects(self) -> String {
        match self {
            Self::Flag => "nothing".into(),
            Self::Switch => "on or off".into(),
            Self::Text => "one word".into(),
            Self::Interface => "the name of an interface".into(),
            Self::Address => "an IPv4 or IPv6 address".into(),
            Self::Number { least, most } => format!("a whole number from {least} to {most}"),
            Self::OffOrNumber { least, most } => format!("`off` or a whole number from {least} to {most}"),
            Self::Seconds { least_us, most_us } => {
                format!("seconds from {} to {}", Seconds(least_us), Seconds(most_us))
            }
            Self::Choice(words) => words.join(" or "),
            Self::Maybe(words) => format!("nothing or {}", words.join(" or ")),
            Self::Weight => "a whole number from -253 to 253, and maybe `reverse`".into(),
            Self::Command => "a command, in quotes when it has arguments".into(),
            Self::CommandLine => "a command".into(),
            Self::User => "a user, and maybe a group".into(),
            Self::Block => "a block in braces".into(),
            Self::NamedBlock => "a name and a block in braces".into(),
            Self::Lines(Line::Address | Line::Peer) => "a block with one address per line".into(),
            Self::Lines(Line::Tracker | Line::Interface) => "a block with one name per line".into(),
            Self::Anything => "something".into(),
        }
    }
}

/// Microseconds, printed as seconds.
pub(super) struct Seconds(pub u64);

impl std::fmt::Display for Seconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (whole, rest) = (self.0 / 1_000_000, self.0 % 1_000_000);
        if rest == 0 {
            write!(f, "{whole}")
        } else {
            f.write_str(format!("{whole}.{rest:06}").trim_end_matches('0'))
        }
    }
}

struct Table {
    keywords: Vec<Keyword>,
    by_place: BTreeMap<(&'static str, &'static str), usize>,
    parents_of: BTreeMap<&'static str, BTreeSet<&'static str>>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut table = Table { keywords: Vec::new(), by_place: BTreeMap::new(), parents_of: BTreeMap::new() };
    for keyword in acting::keywords().chain(known::keywords()) {
        let index = table.keywords.len();
        // A word that acts comes first and wins.
        if table.by_place.contains_key(&(keyword.parent, keyword.name)) {
            continue;
        }
        table.by_place.insert((keyword.parent, keyword.name), index);
        table.parents_of.entry(keyword.name).or_default().insert(keyword.parent);
        table.keywords.push(keyword);
    }
    table
});

/// Every keyword: those that act first.
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
    known::ROOT_BLOCKS.contains(&word)
}

#[cfg(test)]
mod tests;
