//! The table in words: what `agent explain` and the manual page say of a word.

use super::{Effect, Keyword, Kind, Tier, all_line_words, keyword, keywords, words_of};

impl Keyword {
    /// The word as a block: what its own words have as [`Keyword::parent`].
    pub fn path(&self) -> String {
        if self.parent.is_empty() { self.name.to_owned() } else { format!("{}/{}", self.parent, self.name) }
    }

    /// Where it stands.
    pub fn place(&self) -> String {
        let parent = self.parent;
        match (parent, self.is_of_lines()) {
            ("", _) => "outside all blocks".to_owned(),
            (_, true) => format!("in the lines of {parent}"),
            (_, false) => format!("in {parent}"),
        }
    }

    /// It stands within the lines of a block, after an address or the like.
    pub fn is_of_lines(&self) -> bool {
        keyword(self.parent, self.name).is_none()
    }

    /// What follows it; `None` where nobody has looked yet.
    pub fn takes(&self) -> Option<String> {
        (self.kind != Kind::Anything).then(|| self.kind.expects())
    }

    /// Other names for it in the same block.
    pub fn synonyms(&self) -> Vec<&'static str> {
        let name = if self.same_as.is_empty() { self.name } else { self.same_as };
        let same =
            |other: &&Keyword| other.parent == self.parent && (other.name == name || other.same_as == name);
        all_words().filter(same).map(|other| other.name).filter(|other| *other != self.name).collect()
    }

    /// The example as one would write it: blocks of several lines are broken and indented.
    pub fn written_example(&self) -> String {
        if !self.example.contains('\n') {
            return self.example.to_owned();
        }
        // No value of an example holds a brace.
        let broken = self.example.replace(" { ", " {\n").replace(" }", "\n}");
        let mut written = String::new();
        let mut depth = 0usize;
        for line in broken.lines().map(str::trim).filter(|line| !line.is_empty()) {
            depth = depth.saturating_sub(usize::from(line.starts_with('}')));
            written.push_str(&"    ".repeat(depth));
            written.push_str(line);
            written.push('\n');
            depth += usize::from(line.ends_with('{'));
        }
        written
    }

    /// Whether it opens a block with words of its own.
    pub fn opens_block(&self) -> bool {
        words_of(&self.path()).next().is_some()
    }
}

/// Every word: the keywords, then those within lines.
pub fn all_words() -> impl Iterator<Item = &'static Keyword> {
    keywords().iter().chain(all_line_words())
}

/// The blocks that have words, in the order of the table, then those whose lines have: [`Keyword::parent`] of each.
pub fn blocks() -> Vec<&'static str> {
    let mut blocks: Vec<&'static str> = Vec::new();
    for keyword in all_words() {
        if !blocks.contains(&keyword.parent) {
            blocks.push(keyword.parent);
        }
    }
    blocks
}

impl Tier {
    /// Who says the word.
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::Everyday => "nearly all configs say it",
            Self::Common => "many configs say it",
            Self::Rare => "few configs say it",
            Self::Own => "the agent's own word: keepalived skips it with a warning",
        }
    }
}

impl Effect {
    /// `acts`, `accepted without effect`, `not yet`, `refused`.
    pub const fn verdict(self) -> &'static str {
        match self {
            Self::Acts => "acts",
            Self::WithoutEffect(_) => "accepted without effect",
            Self::NotYet(_) => "not yet",
            Self::Refused(_) => "refused",
        }
    }

    /// The verdict with its reason, or with what follows from it.
    pub fn in_words(self) -> String {
        match self {
            Self::Acts => self.verdict().to_owned(),
            Self::WithoutEffect(because) | Self::Refused(because) => {
                format!("{}, because {}", self.verdict(), because.strip_prefix("because ").unwrap_or(because))
            }
            Self::NotYet("") => self.verdict().to_owned(),
            Self::NotYet(consequence) => format!("{}: {consequence}", self.verdict()),
        }
    }
}
