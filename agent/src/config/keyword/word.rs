//! How the tables of words are written: a row for each, and what is unusual about it after that.

use super::{Effect, Keyword, Kind, Term, Tier};

/// A word of a block. `T` is what the reader of that block matches on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word<T> {
    name: &'static str,
    kind: Kind,
    default: &'static str,
    help: &'static str,
    example: &'static str,
    tier: Tier,
    since: &'static str,
    same_as: &'static str,
    repeats: bool,
    effect: Effect,
    term: T,
}

/// A word that acts, and that many configs say.
pub(super) const fn word<T: Copy>(
    name: &'static str,
    kind: Kind,
    help: &'static str,
    example: &'static str,
    term: T,
) -> Word<T> {
    Word {
        name,
        kind,
        default: "",
        help,
        example,
        tier: Tier::Common,
        since: "",
        same_as: "",
        repeats: false,
        effect: Effect::Acts,
        term,
    }
}

impl<T: Copy> Word<T> {
    /// What holds when it is not said.
    pub(super) const fn default(mut self, default: &'static str) -> Self {
        self.default = default;
        self
    }

    /// Nearly all configs say it.
    pub(super) const fn everyday(mut self) -> Self {
        self.tier = Tier::Everyday;
        self
    }

    /// Few configs say it.
    pub(super) const fn rare(mut self) -> Self {
        self.tier = Tier::Rare;
        self
    }

    /// It is the agent's own.
    pub(super) const fn own(mut self) -> Self {
        self.tier = Tier::Own;
        self
    }

    /// The version of keepalived that it came with.
    pub(super) const fn since(mut self, version: &'static str) -> Self {
        self.since = version;
        self
    }

    /// Another name for that word of the same block.
    pub(super) const fn same_as(mut self, name: &'static str) -> Self {
        self.same_as = name;
        self
    }

    /// It may be said more than once in a block: nothing is said about that unless its reader does.
    pub(super) const fn repeats(mut self) -> Self {
        self.repeats = true;
        self
    }

    /// It does nothing, and nothing is missing: because …
    pub(super) const fn without_effect(mut self, because: &'static str) -> Self {
        self.effect = Effect::WithoutEffect(because);
        self
    }

    /// It does nothing yet; what follows from that.
    pub(super) const fn not_yet(mut self, consequence: &'static str) -> Self {
        self.effect = Effect::NotYet(consequence);
        self
    }

    /// It is an error: because …
    pub(super) const fn refused(mut self, because: &'static str) -> Self {
        self.effect = Effect::Refused(because);
        self
    }
}

/// The words of a block, as the table has them.
pub(super) fn in_block<T: Copy + Into<Term>>(
    parent: &'static str,
    words: &'static [Word<T>],
) -> impl Iterator<Item = Keyword> {
    words.iter().map(move |word| Keyword {
        name: word.name,
        parent,
        kind: word.kind,
        default: word.default,
        help: word.help,
        example: word.example,
        tier: word.tier,
        since: word.since,
        same_as: word.same_as,
        repeats: word.repeats,
        effect: word.effect,
        term: Some(word.term.into()),
    })
}
