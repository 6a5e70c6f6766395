//! What follows a word: how many words, of what sort, in which range, and whether a block does.

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
    /// A weight from −`most` to `most`, maybe with `reverse`.
    WideWeight {
        /// Largest, either way.
        most: i64,
    },
    /// Nothing, or one word.
    MaybeText,
    /// Nothing, or a whole number.
    MaybeNumber {
        /// Smallest.
        least: i64,
        /// Largest.
        most: i64,
    },
    /// Whole numbers, one at least.
    Numbers {
        /// Smallest.
        least: i64,
        /// Largest.
        most: i64,
    },
    /// A path from the root directory.
    Path,
    /// Nothing, or a path from the root directory.
    MaybePath,
    /// Words of a form of its own.
    Form {
        /// The form, as a person writes it down.
        form: &'static str,
        /// Words at least.
        least: usize,
        /// Words at most; absent: no limit.
        most: Option<usize>,
    },
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
    /// Names of instances.
    Members,
    /// Mail addresses.
    Mail,
    /// `INTERFACE [MII|ETHTOOL|IOCTL]`.
    Linkbeat,
    /// `INTERFACE DOWN_SECONDS [UP_SECONDS]`.
    Delays,
}

impl Kind {
    /// Words after the keyword: at least, and at most when there is a limit.
    pub const fn arity(self) -> (usize, Option<usize>) {
        match self {
            Self::Flag | Self::Block | Self::Lines(_) => (0, Some(0)),
            Self::Switch | Self::Maybe(_) | Self::MaybeText | Self::MaybeNumber { .. } | Self::MaybePath => {
                (0, Some(1))
            }
            Self::Text
            | Self::Interface
            | Self::Address
            | Self::Number { .. }
            | Self::OffOrNumber { .. }
            | Self::Seconds { .. }
            | Self::Path
            | Self::Choice(_) => (1, Some(1)),
            Self::NamedBlock => (1, Some(1)),
            Self::Weight | Self::WideWeight { .. } | Self::User => (1, Some(2)),
            Self::Command | Self::CommandLine | Self::Numbers { .. } => (1, None),
            Self::Form { least, most, .. } => (least, most),
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
            | Self::WideWeight { .. }
            | Self::MaybeText
            | Self::MaybeNumber { .. }
            | Self::Numbers { .. }
            | Self::Path
            | Self::MaybePath
            | Self::Form { .. }
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
            Self::WideWeight { most } => {
                format!("a whole number from -{most} to {most}, and maybe `reverse`")
            }
            Self::MaybeText => "nothing or one word".into(),
            Self::MaybeNumber { least, most } => {
                format!("nothing or a whole number from {least} to {most}")
            }
            Self::Numbers { least, most } => format!("whole numbers from {least} to {most}"),
            Self::Path => "a path from the root directory".into(),
            Self::MaybePath => "nothing or a path from the root directory".into(),
            Self::Form { form, .. } => format!("`{form}`"),
            Self::Command => "a command, in quotes when it has arguments".into(),
            Self::CommandLine => "a command".into(),
            Self::User => "a user, and maybe a group".into(),
            Self::Block => "a block in braces".into(),
            Self::NamedBlock => "a name and a block in braces".into(),
            Self::Lines(Line::Address | Line::Peer) => "a block with one address per line".into(),
            Self::Lines(Line::Tracker | Line::Interface | Line::Linkbeat) => {
                "a block with one name per line".into()
            }
            Self::Lines(Line::Members) => "a block with names of instances".into(),
            Self::Lines(Line::Mail) => "a block with mail addresses".into(),
            Self::Lines(Line::Delays) => "a block with an interface and its delays per line".into(),
            Self::Anything => "something".into(),
        }
    }
}

/// Microseconds, printed as seconds.
pub(in crate::config) struct Seconds(pub u64);

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
