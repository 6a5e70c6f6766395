//! The one translation between the RFC's words inside and keepalived's words at the rim.

use regent_vrrp::StateName;

/// INIT, BACKUP, MASTER, FAULT: what keepalived, its exporters and its users say.
pub const fn state(state: StateName) -> &'static str {
    match state {
        StateName::Initialize => "INIT",
        StateName::Backup => "BACKUP",
        StateName::Active => "MASTER",
        StateName::Fault => "FAULT",
    }
}

/// keepalived's number of a state, as its JSON and its exporters have it.
pub const fn state_number(state: StateName) -> u8 {
    match state {
        StateName::Initialize => 0,
        StateName::Backup => 1,
        StateName::Active => 2,
        StateName::Fault => 3,
    }
}
