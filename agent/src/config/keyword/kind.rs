//! What follows a word: how many words, of what sort, in which range, and whether a block does.

use super::Book;

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
    /// Nothing, or a whole number.
    MaybeNumber {
        /// Smallest.
        least: i64,
        /// Largest.
        most: i64,
    },
    /// Nothing, or one word.
    MaybeText,
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
    /// A whole number, maybe after `lock`.
    Lockable {
        /// Smallest.
        least: i64,
        /// Largest.
        most: i64,
    },
    /// Two whole numbers as `N-M`.
    Between {
        /// Smallest.
        least: i64,
        /// Largest.
        most: i64,
    },
    /// A number, or a name for it.
    Named(Book),
    /// `ADDRESS[/LENGTH]`, or `default`.
    Prefix,
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
    /// Milliseconds, maybe with decimals, no finer than a microsecond.
    Milliseconds {
        /// Shortest, in microseconds.
        least_us: u64,
        /// Longest, in microseconds.
        most_us: u64,
    },
    /// Two whole numbers.
    TwoNumbers {
        /// Smallest.
        least: i64,
        /// Largest.
        most: i64,
    },
    /// Whole numbers, and ranges `FIRST-LAST` of them.
    Ranges {
        /// Smallest.
        least: i64,
        /// Largest.
        most: i64,
    },
    /// Some of these words.
    Words(&'static [&'static str]),
    /// Bytes in hexadecimal digits.
    Bytes,
    /// Nothing, or bytes in hexadecimal digits, where `x` stands for any digit.
    MaybeBytePattern,
    /// 32 hexadecimal digits.
    Digest,
    /// An address, then maybe a port.
    Endpoint,
    /// `NAT`, `DR` or `TUN [type ipip|gue port N|gre] [nocsum|csum|remcsum]`.
    Forwarding,
    /// An IPv4 netmask, or the length of an IPv6 prefix.
    Granularity,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Nothing, or one of these words.
    Maybe(&'static [&'static str]),
    /// −253..=253, maybe with `reverse`.
    Weight,
    /// −`most`..=`most`, maybe with `reverse`.
    Multiplier {
        /// Largest.
        most: i64,
    },
    /// A command; then maybe the user and group that run it.
    Command,
    /// Nothing, or a command as in [`Self::Command`].
    MaybeCommand,
    /// A command and nothing else: all words are its arguments.
    CommandLine,
    /// A user and maybe a group.
    User,
    /// A block of keywords.
    Block,
    /// A name, then a block of keywords.
    NamedBlock,
    /// An address, maybe a port, then a block of keywords.
    EndpointBlock,
    /// `ADDRESS [PORT]`, `fwmark N` or `group NAME`, then a block of keywords.
    Service,
    /// A block of lines that are no keywords.
    Lines(Line),
    /// A name, then a block of lines that are no keywords.
    NamedLines(Line),
    /// Words of a form of their own.
    Form {
        /// What they are.
        what: &'static str,
        /// How many at least.
        least: usize,
        /// How many at most, when there is a limit.
        most: Option<usize>,
    },
    /// Not looked at: the word has no effect yet.
    Anything,
}

/// What the lines of a block hold. [`super::line_words`] has the words of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Line {
    /// `ADDRESS[/LENGTH]` and its words.
    Address,
    /// As [`Self::Address`], outside of an instance.
    StaticAddress,
    /// `[TYPE] DESTINATION` and its words.
    Route,
    /// As [`Self::Route`], outside of an instance.
    StaticRoute,
    /// What follows `encap ip` in a route.
    Encapsulation,
    /// Which packets, and what is done with them.
    Rule,
    /// As [`Self::Rule`], outside of an instance.
    StaticRule,
    /// `ADDRESS [min_ttl N] [max_ttl N]`.
    Peer,
    /// The name of an interface.
    Interface,
    /// The names of instances.
    Instance,
    /// `NAME [weight N [reverse]]`.
    Tracker,
    /// `ADDRESS[-LAST|/LENGTH] [PORT]` or `fwmark N [inet|inet6]`.
    Service,
    /// Mail addresses.
    Mail,
    /// `INTERFACE [MII|ETHTOOL|IOCTL]`.
    Linkbeat,
    /// `INTERFACE DOWN_SECONDS [UP_SECONDS]`.
    Delays,
}

impl Line {
    /// How such a line is written.
    pub const fn form(self) -> &'static str {
        match self {
            Self::Address | Self::StaticAddress => "ADDRESS[/LENGTH], then words about it",
            Self::Route | Self::StaticRoute => "[TYPE] DESTINATION, then words about it",
            Self::Encapsulation => "words about the outer packet",
            Self::Rule | Self::StaticRule => "words that say which packets, and what is done with them",
            Self::Peer => "ADDRESS [min_ttl N] [max_ttl N]",
            Self::Interface => "INTERFACE",
            Self::Instance => "names of instances",
            Self::Tracker => "NAME [weight N [reverse]]",
            Self::Service => "ADDRESS[-LAST|/LENGTH] [PORT] or fwmark N [inet|inet6]",
            Self::Mail => "mail addresses",
            Self::Linkbeat => "INTERFACE [MII|ETHTOOL|IOCTL]",
            Self::Delays => "INTERFACE DOWN_SECONDS [UP_SECONDS]",
        }
    }
}

impl Kind {
    /// Words after the keyword: at least, and at most when there is a limit.
    pub const fn arity(self) -> (usize, Option<usize>) {
        match self {
            Self::Flag | Self::Block | Self::Lines(_) => (0, Some(0)),
            Self::Switch | Self::Maybe(_) | Self::MaybeNumber { .. } | Self::MaybeText | Self::MaybePath => {
                (0, Some(1))
            }
            Self::Lockable { .. } => (1, Some(2)),
            Self::Between { .. } | Self::Named(_) | Self::Prefix | Self::Path => (1, Some(1)),
            Self::Form { least, most, .. } => (least, most),
            Self::MaybeCommand => (0, None),
            Self::Text
            | Self::Interface
            | Self::Address
            | Self::Number { .. }
            | Self::OffOrNumber { .. }
            | Self::Seconds { .. }
            | Self::Milliseconds { .. }
            | Self::Digest
            | Self::Granularity
            | Self::Choice(_) => (1, Some(1)),
            Self::NamedBlock | Self::NamedLines(_) => (1, Some(1)),
            Self::TwoNumbers { .. } => (2, Some(2)),
            Self::Weight
            | Self::Multiplier { .. }
            | Self::User
            | Self::Endpoint
            | Self::EndpointBlock
            | Self::Service => (1, Some(2)),
            Self::Command
            | Self::CommandLine
            | Self::Forwarding
            | Self::Ranges { .. }
            | Self::Numbers { .. }
            | Self::Words(_)
            | Self::Bytes => (1, None),
            Self::Anything | Self::MaybeBytePattern => (0, None),
        }
    }

    /// A block follows: always, never, or nobody minds.
    pub const fn takes_block(self) -> Option<bool> {
        match self {
            Self::Block
            | Self::NamedBlock
            | Self::EndpointBlock
            | Self::Service
            | Self::Lines(_)
            | Self::NamedLines(_) => Some(true),
            Self::Anything => None,
            Self::Flag
            | Self::Switch
            | Self::MaybeNumber { .. }
            | Self::MaybeText
            | Self::Numbers { .. }
            | Self::Path
            | Self::MaybePath
            | Self::Lockable { .. }
            | Self::Between { .. }
            | Self::Named(_)
            | Self::Prefix
            | Self::Form { .. }
            | Self::MaybeCommand
            | Self::Text
            | Self::Interface
            | Self::Address
            | Self::Number { .. }
            | Self::OffOrNumber { .. }
            | Self::Seconds { .. }
            | Self::Milliseconds { .. }
            | Self::TwoNumbers { .. }
            | Self::Ranges { .. }
            | Self::Words(_)
            | Self::Bytes
            | Self::MaybeBytePattern
            | Self::Digest
            | Self::Endpoint
            | Self::Forwarding
            | Self::Granularity
            | Self::Choice(_)
            | Self::Maybe(_)
            | Self::Weight
            | Self::Multiplier { .. }
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
            Self::MaybeNumber { least, most } => format!("nothing or a whole number from {least} to {most}"),
            Self::MaybeText => "nothing or one word".into(),
            Self::Numbers { least, most } => format!("whole numbers from {least} to {most}"),
            Self::Path => "a path from the root directory".into(),
            Self::MaybePath => "nothing or a path from the root directory".into(),
            Self::Lockable { least, most } => {
                format!("a whole number from {least} to {most}, maybe after `lock`")
            }
            Self::Between { least, most } => format!("two whole numbers N-M from {least} to {most}"),
            Self::Named(book) => format!("{}: a name, or a number up to {}", book.what(), book.most()),
            Self::Prefix => "an address and maybe /LENGTH, or `default`".into(),
            Self::Form { what, .. } => what.into(),
            Self::MaybeCommand => "nothing or a command, in quotes when it has arguments".into(),
            Self::OffOrNumber { least, most } => format!("`off` or a whole number from {least} to {most}"),
            Self::Seconds { least_us, most_us } => {
                format!("seconds from {} to {}", Seconds(least_us), Seconds(most_us))
            }
            Self::Milliseconds { least_us, most_us } => {
                format!("milliseconds from {} to {}", Milliseconds(least_us), Milliseconds(most_us))
            }
            Self::TwoNumbers { least, most } => format!("two whole numbers from {least} to {most}"),
            Self::Ranges { least, most } => {
                format!("whole numbers from {least} to {most}, or ranges of them as {least}-{most}")
            }
            Self::Words(words) => format!("some of {}", words.join(" ")),
            Self::Bytes => "bytes in hexadecimal digits".into(),
            Self::MaybeBytePattern => "nothing or bytes in hexadecimal digits, `x` for any digit".into(),
            Self::Digest => "an MD5 digest of 32 hexadecimal digits".into(),
            Self::Endpoint => "an address, and maybe a port".into(),
            Self::Forwarding => "NAT, DR or TUN [type ipip|gue port N|gre] [nocsum|csum|remcsum]".into(),
            Self::Granularity => "a netmask, or the length of an IPv6 prefix".into(),
            Self::Choice(words) => words.join(" or "),
            Self::Maybe(words) => format!("nothing or {}", words.join(" or ")),
            Self::Weight => "a whole number from -253 to 253, and maybe `reverse`".into(),
            Self::Multiplier { most } => {
                format!("a whole number from -{most} to {most}, and maybe `reverse`")
            }
            Self::Command => "a command, in quotes when it has arguments".into(),
            Self::CommandLine => "a command".into(),
            Self::User => "a user, and maybe a group".into(),
            Self::Block => "a block in braces".into(),
            Self::NamedBlock => "a name and a block in braces".into(),
            Self::EndpointBlock => "an address, maybe a port, and a block in braces".into(),
            Self::Service => "an address and maybe a port, `fwmark N` or `group NAME`, and a block".into(),
            Self::Lines(Line::Service) => "a block with one address or range per line".into(),
            Self::NamedLines(_) => "a name and a block in braces".into(),
            Self::Lines(Line::Address | Line::StaticAddress | Line::Peer) => {
                "a block with one address per line".into()
            }
            Self::Lines(Line::Route | Line::StaticRoute) => "a block with one route per line".into(),
            Self::Lines(Line::Rule | Line::StaticRule) => "a block with one rule per line".into(),
            Self::Lines(
                Line::Tracker | Line::Interface | Line::Instance | Line::Encapsulation | Line::Linkbeat,
            ) => "a block with one name per line".into(),
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

/// Microseconds, printed as milliseconds.
pub(in crate::config) struct Milliseconds(pub u64);

impl std::fmt::Display for Milliseconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A thousand times as many microseconds, printed as seconds.
        write!(f, "{}", Seconds(self.0.saturating_mul(1_000)))
    }
}
