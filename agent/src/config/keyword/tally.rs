//! How much of the language acts.

use super::{Effect, Keyword, Tier};

/// Words by what the agent does with them. Each word is counted once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// keepalived's, and they act.
    pub acts: usize,
    /// keepalived's, accepted without effect.
    pub without_effect: usize,
    /// keepalived's, without effect yet.
    pub not_yet: usize,
    /// keepalived's, and refused.
    pub refused: usize,
    /// The agent's own.
    pub own: usize,
}

impl Tally {
    /// Counts words.
    pub fn of<'k>(words: impl Iterator<Item = &'k Keyword>) -> Self {
        let mut tally = Self::default();
        for word in words {
            let count = match (word.tier, word.effect) {
                (Tier::Own, _) => &mut tally.own,
                (Tier::Everyday | Tier::Common | Tier::Rare, effect) => match effect {
                    Effect::Acts => &mut tally.acts,
                    Effect::WithoutEffect(_) => &mut tally.without_effect,
                    Effect::NotYet(_) => &mut tally.not_yet,
                    Effect::Refused(_) => &mut tally.refused,
                },
            };
            *count += 1;
        }
        tally
    }

    /// All of keepalived's: without [`Tally::own`].
    pub const fn of_keepalived(&self) -> usize {
        self.acts + self.without_effect + self.not_yet + self.refused
    }
}
