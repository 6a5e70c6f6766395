//! Numbers that have names: those that everybody knows, and where a host keeps its own.

/// A kind of number that iproute2 has names for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Book {
    /// Tables of routes.
    Tables,
    /// How far a destination is.
    Scopes,
    /// Who set a route.
    Protocols,
    /// Realms of traffic.
    Realms,
    /// Types of service.
    Services,
    /// Groups of interfaces.
    Groups,
}

impl Book {
    /// What one of its numbers is, with its article.
    pub const fn what(self) -> &'static str {
        match self {
            Self::Tables => "a routing table",
            Self::Scopes => "a scope",
            Self::Protocols => "a routing protocol",
            Self::Realms => "a realm",
            Self::Services => "a type of service",
            Self::Groups => "a group of interfaces",
        }
    }

    /// The largest number.
    pub const fn most(self) -> u32 {
        match self {
            Self::Tables | Self::Groups => u32::MAX,
            Self::Scopes | Self::Protocols | Self::Realms | Self::Services => u8::MAX as u32,
        }
    }

    /// The file of iproute2 that holds a host's own names; a directory of the same name and `.d` holds more.
    pub const fn file(self) -> &'static str {
        match self {
            Self::Tables => "rt_tables",
            Self::Scopes => "rt_scopes",
            Self::Protocols => "rt_protos",
            Self::Realms => "rt_realms",
            Self::Services => "rt_dsfield",
            Self::Groups => "group",
        }
    }

    /// Names that need no file: the kernel's own numbers (`linux/rtnetlink.h`), and of types of service those of RFC
    /// 2474, RFC 2597 and RFC 3246 with their two low bits zero.
    pub const fn well_known(self) -> &'static [(&'static str, u32)] {
        match self {
            Self::Tables => &[("unspec", 0), ("default", 253), ("main", 254), ("local", 255)],
            Self::Scopes => &[("global", 0), ("site", 200), ("link", 253), ("host", 254), ("nowhere", 255)],
            Self::Protocols => &[
                ("unspec", 0),
                ("redirect", 1),
                ("kernel", 2),
                ("boot", 3),
                ("static", 4),
                ("gated", 8),
                ("ra", 9),
                ("mrt", 10),
                ("zebra", 11),
                ("bird", 12),
                ("dnrouted", 13),
                ("xorp", 14),
                ("ntk", 15),
                ("dhcp", 16),
                ("keepalived", 18),
                ("babel", 42),
                ("openr", 99),
                ("bgp", 186),
                ("isis", 187),
                ("ospf", 188),
                ("rip", 189),
                ("eigrp", 192),
            ],
            Self::Realms => &[("cosmos", 0)],
            Self::Services => &[
                ("default", 0x00),
                ("AF11", 0x28),
                ("AF12", 0x30),
                ("AF13", 0x38),
                ("AF21", 0x48),
                ("AF22", 0x50),
                ("AF23", 0x58),
                ("AF31", 0x68),
                ("AF32", 0x70),
                ("AF33", 0x78),
                ("AF41", 0x88),
                ("AF42", 0x90),
                ("AF43", 0x98),
                ("CS1", 0x20),
                ("CS2", 0x40),
                ("CS3", 0x60),
                ("CS4", 0x80),
                ("CS5", 0xa0),
                ("CS6", 0xc0),
                ("CS7", 0xe0),
                ("EF", 0xb8),
            ],
            Self::Groups => &[("default", 0)],
        }
    }
}
