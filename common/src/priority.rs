//! Priorities (RFC 9568 §5.2.4): what an advert says, and what a router may be configured with.

use core::{cmp::Ordering, fmt};

/// A priority that a router which does not own the addresses may hold: 1..=254.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BackupPriority(u8);

impl BackupPriority {
    /// The default of RFC 9568 §6.1.
    pub const DEFAULT: Self = Self(100);

    /// That priority, or `None` outside 1..=254.
    pub const fn new(value: u8) -> Option<Self> {
        match value {
            1..=254 => Some(Self(value)),
            0 | 255 => None,
        }
    }

    /// The nearest priority to `value`: what weights add up to, held inside 1..=254.
    pub const fn clamped(value: i32) -> Self {
        if value < 1 {
            Self(1)
        } else if value > 254 {
            Self(254)
        } else {
            Self(value as u8)
        }
    }

    /// The number.
    pub const fn get(self) -> u8 {
        self.0
    }
}

/// What a router is configured with. It cannot be 0: that is said only when giving up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LocalPriority {
    /// Does not own the addresses.
    Backup(BackupPriority),
    /// Owns the addresses: 255 (RFC 9568 §6.1 "MUST be 255 for the owner").
    Owner,
}

impl LocalPriority {
    /// That priority, or `None` for 0.
    pub const fn new(value: u8) -> Option<Self> {
        match value {
            255 => Some(Self::Owner),
            other => match BackupPriority::new(other) {
                Some(backup) => Some(Self::Backup(backup)),
                None => None,
            },
        }
    }

    /// The number as it stands on the wire, 1..=255.
    pub const fn get(self) -> u8 {
        match self {
            Self::Backup(backup) => backup.get(),
            Self::Owner => 255,
        }
    }
}

impl fmt::Display for LocalPriority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

/// What an advert says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Priority {
    /// 0: the Active Router stops taking part (RFC 9568 §5.2.4).
    Resigning,
    /// 1..=254.
    Backup(BackupPriority),
    /// 255: the sender owns the addresses.
    Owner,
}

impl Priority {
    /// Every byte is a priority.
    pub const fn from_wire(value: u8) -> Self {
        match value {
            0 => Self::Resigning,
            255 => Self::Owner,
            other => Self::Backup(BackupPriority(other)),
        }
    }

    /// The byte on the wire.
    pub const fn to_wire(self) -> u8 {
        match self {
            Self::Resigning => 0,
            Self::Backup(backup) => backup.get(),
            Self::Owner => 255,
        }
    }
}

impl From<LocalPriority> for Priority {
    fn from(local: LocalPriority) -> Self {
        match local {
            LocalPriority::Backup(backup) => Self::Backup(backup),
            LocalPriority::Owner => Self::Owner,
        }
    }
}

impl Ord for Priority {
    fn cmp(&self, other: &Self) -> Ordering {
        self.to_wire().cmp(&other.to_wire())
    }
}

impl PartialOrd for Priority {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_wire().fmt(f)
    }
}
