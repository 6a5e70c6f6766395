//! Why an instance changed its state, in words: the one wording for the log, the status and the events.

use std::net::{IpAddr, Ipv6Addr};

use regent_common::{Family, Reason};
use regent_vrrp::{Cause, FaultCause, StateName};

use super::observation::Change;
use crate::words;

/// The line of the log: `(VI_1) Entering MASTER STATE: nothing heard of 10.0.0.1 for 3.609 s`.
///
/// "Entering … STATE" stays as keepalived writes it, since people and their alerts search for it.
pub fn line(change: &Change) -> String {
    let state = words::state(change.transition.to);
    let initial = match (change.transition.from, change.transition.to) {
        // keepalived's own suffix when a router starts out as backup.
        (StateName::Initialize, StateName::Backup) => " (init)",
        (_, _) => "",
    };
    format!("({}) Entering {state} STATE{initial}: {}", change.instance, why(change))
}

/// Why, as a sentence without a full stop.
pub fn why(change: &Change) -> String {
    let priority = change.priority;
    let address = |source: [u8; 16]| address(change.family, source);
    let reason = match change.transition.cause {
        Cause::Startup => format!("started with priority {priority}"),
        Cause::StartupAsOwner => format!("started as the owner of the addresses, priority {priority}"),
        Cause::DownTimer => match change.silence {
            Some(silence) => {
                format!("nothing heard of {} for {}", silence.source, words::lapse(silence.lasted))
            }
            None => "no master heard".to_owned(),
        },
        Cause::Resigned => match change.silence {
            Some(silence) => format!("{} resigned (priority 0)", silence.source),
            None => "the master resigned (priority 0)".to_owned(),
        },
        Cause::LowerPriority { source, priority: theirs } => {
            format!("{} advertises only priority {theirs}, ours is {priority}", address(source))
        }
        Cause::HigherPriority { source, priority: theirs } => {
            format!("{} advertises priority {theirs}, ours is {priority}", address(source))
        }
        Cause::HigherAddress { source } => {
            format!("{} advertises our priority {priority} and has the higher address", address(source))
        }
        Cause::Overslept { source, priority: theirs, silence } => format!(
            "{} took over with priority {theirs} while nothing was sent from here for {}; was this host or the agent \
             stopped?",
            address(source),
            words::lapse(silence)
        ),
        Cause::Fault(fault) => return change.detail.clone().unwrap_or_else(|| fault_text(fault).to_owned()),
        Cause::FaultCleared => format!("can take part again, with priority {priority}"),
        Cause::Shutdown => "told to stop".to_owned(),
    };
    match &change.detail {
        Some(detail) => format!("{reason}; {detail}"),
        None => reason,
    }
}

/// Why, as one word for filters: the `cause` of log fields and events.
pub const fn cause_word(cause: Cause) -> &'static str {
    match cause {
        Cause::Startup => "startup",
        Cause::StartupAsOwner => "startup_as_owner",
        Cause::DownTimer => "down_timer",
        Cause::Resigned => "resigned",
        Cause::LowerPriority { .. } => "lower_priority",
        Cause::HigherPriority { .. } => "higher_priority",
        Cause::HigherAddress { .. } => "higher_address",
        Cause::Overslept { .. } => "overslept",
        Cause::Fault(FaultCause::Interface) => "fault_interface",
        Cause::Fault(FaultCause::NoSourceAddress) => "fault_no_source_address",
        Cause::Fault(FaultCause::TrackedInterface) => "fault_tracked_interface",
        Cause::Fault(FaultCause::TrackedScript) => "fault_tracked_script",
        Cause::Fault(FaultCause::Config) => "fault_config",
        Cause::FaultCleared => "fault_cleared",
        Cause::Shutdown => "shutdown",
    }
}

/// What to do about adverts that are rejected for that reason, without a full stop.
pub const fn advice(reason: Reason) -> &'static str {
    match reason {
        Reason::Ttl => {
            "they came through a router, which multicast must not; for unicast peers see min_ttl and max_ttl"
        }
        Reason::Version => "say the same `version` (or `vrrp_version`) on all routers of the group",
        Reason::Type => "another protocol, or a newer VRRP, uses this VRID",
        Reason::Length => "the sender is broken, or the packets are changed on the way",
        Reason::Carp => "a CARP group uses this number; give one of the two groups another virtual_router_id",
        Reason::AuthTrailer => "the sender has auth_hmac, which is not supported yet; switch it off there",
        Reason::Checksum => {
            "the sender counts it in no form that is known, or the packets are changed on the way"
        }
        Reason::UnknownGroup => "no instance here has this VRID",
        Reason::CountZero => "give the sender virtual addresses",
        Reason::IntervalZero => {
            "the sender is broken: an interval of 0 makes other routers change their state"
        }
        Reason::AuthTypeInvalid | Reason::AuthTypeMismatch => {
            "say the same `authentication` on all routers of the group; until then none hears the other and both may be \
             master"
        }
        Reason::AuthFailure => {
            "compare auth_pass; until it is the same none hears the other and both may be master, or somebody tries to \
             break in"
        }
        Reason::Interval => {
            "say the same advert_int on all routers of the group; until then none hears the other and both may be master"
        }
        Reason::Destination => {
            "compare unicast_peer and the multicast group on all routers of the group; until they agree both may be master"
        }
        Reason::OwnSource => "another host has this router's address, or the network loops its packets back",
        Reason::UnknownPeer => "add the sender to unicast_peer if it is one of the group",
    }
}

/// Why a router cannot take part.
pub const fn fault_text(fault: FaultCause) -> &'static str {
    match fault {
        FaultCause::Interface => "its interface is absent, down or without carrier",
        FaultCause::NoSourceAddress => "its interface has no address to send from",
        FaultCause::TrackedInterface => "a tracked interface is down",
        FaultCause::TrackedScript => "a tracked script failed or has not run yet",
        FaultCause::Config => "its config cannot be carried out here",
    }
}

/// An address as the machine and the maps hold it: IPv4 in the first four bytes.
pub const fn bytes(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => regent_common::ipv4::widened(address.octets()),
        IpAddr::V6(address) => address.octets(),
    }
}

/// An address of the machine, which holds IPv4 in the first four bytes.
pub fn address(family: Family, bytes: [u8; 16]) -> IpAddr {
    let [a, b, c, d, ..] = bytes;
    match family {
        Family::Ipv4 => IpAddr::from([a, b, c, d]),
        Family::Ipv6 => IpAddr::V6(Ipv6Addr::from(bytes)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use regent_common::{Priority, Vrid};
    use regent_vrrp::{Instant, Transition};

    use super::*;
    use crate::observe::observation::Silence;

    fn change(from: StateName, to: StateName, cause: Cause) -> Change {
        Change {
            instance: "VI_1".into(),
            vrid: Vrid::new(50).unwrap(),
            family: Family::Ipv4,
            at: Instant::from_nanoseconds(0),
            transition: Transition { from, to, cause },
            priority: 100,
            late: 0,
            silence: None,
            detail: None,
        }
    }

    const SOURCE: [u8; 16] = [10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

    #[test]
    fn a_takeover_says_who_was_silent_and_for_how_long() {
        let mut takeover = change(StateName::Backup, StateName::Active, Cause::DownTimer);
        let lasted = Duration::from_nanos(3_609_375_000);
        takeover.silence = Some(Silence { source: "10.0.0.1".parse().unwrap(), lasted });
        assert_eq!(line(&takeover), "(VI_1) Entering MASTER STATE: nothing heard of 10.0.0.1 for 3.609 s");
        takeover.silence = None;
        assert_eq!(line(&takeover), "(VI_1) Entering MASTER STATE: no master heard");
    }

    #[test]
    fn every_transition_is_one_line_that_can_be_searched_for() {
        let higher = Cause::HigherPriority { source: SOURCE, priority: Priority::from_wire(150) };
        let overslept = Cause::Overslept {
            source: SOURCE,
            priority: Priority::from_wire(90),
            silence: Duration::from_millis(5250),
        };
        for (change, expected) in [
            (
                change(StateName::Initialize, StateName::Backup, Cause::Startup),
                "(VI_1) Entering BACKUP STATE (init): started with priority 100",
            ),
            (
                change(StateName::Initialize, StateName::Active, Cause::StartupAsOwner),
                "(VI_1) Entering MASTER STATE: started as the owner of the addresses, priority 100",
            ),
            (
                change(StateName::Backup, StateName::Active, Cause::Resigned),
                "(VI_1) Entering MASTER STATE: the master resigned (priority 0)",
            ),
            (
                change(StateName::Active, StateName::Backup, higher),
                "(VI_1) Entering BACKUP STATE: 10.0.0.1 advertises priority 150, ours is 100",
            ),
            (
                change(StateName::Active, StateName::Backup, Cause::HigherAddress { source: SOURCE }),
                "(VI_1) Entering BACKUP STATE: 10.0.0.1 advertises our priority 100 and has the higher address",
            ),
            (
                change(StateName::Active, StateName::Backup, overslept),
                "(VI_1) Entering BACKUP STATE: 10.0.0.1 took over with priority 90 while nothing was sent from here \
                 for 5.250 s; was this host or the agent stopped?",
            ),
            (
                change(StateName::Active, StateName::Fault, Cause::Fault(FaultCause::Interface)),
                "(VI_1) Entering FAULT STATE: its interface is absent, down or without carrier",
            ),
            (
                change(StateName::Fault, StateName::Backup, Cause::FaultCleared),
                "(VI_1) Entering BACKUP STATE: can take part again, with priority 100",
            ),
            (
                change(StateName::Active, StateName::Initialize, Cause::Shutdown),
                "(VI_1) Entering INIT STATE: told to stop",
            ),
        ] {
            assert_eq!(line(&change), expected);
        }
    }

    #[test]
    fn a_detail_replaces_the_general_words_of_a_fault_and_follows_others() {
        let mut fault = change(StateName::Active, StateName::Fault, Cause::Fault(FaultCause::TrackedScript));
        fault.detail = Some("script chk_web failed: exit status 1".to_owned());
        assert_eq!(line(&fault), "(VI_1) Entering FAULT STATE: script chk_web failed: exit status 1");
        let mut stop = change(StateName::Active, StateName::Initialize, Cause::Shutdown);
        stop.detail = Some("SIGTERM".to_owned());
        assert_eq!(why(&stop), "told to stop; SIGTERM");
    }

    #[test]
    fn addresses_are_read_in_the_family_of_the_instance() {
        assert_eq!(address(Family::Ipv4, SOURCE).to_string(), "10.0.0.1");
        let link_local = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1).octets();
        assert_eq!(address(Family::Ipv6, link_local).to_string(), "fe80::1");
    }
}
