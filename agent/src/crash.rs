//! Points at which a test lets the agent die, as if by SIGKILL: what the next start makes of it is the test's question.
//!
//! The environment variable names the point; without it nothing happens. A release build has no such points.

/// Where the agent can be made to die.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// The first advert of a new master has left, and nothing else has happened.
    AdvertSent,
    /// The gate is open, and no address was asked for.
    GateOpen,
    /// The local routes of a takeover are about to be asked for.
    RoutesAsked,
    /// They are there, and no address is.
    RoutesThere,
    /// The first addresses are there, or a few were asked for without routes.
    AddressesBegun,
    /// The routes are about to be removed: the addresses are there, or not wanted any more.
    RoutesDone,
    /// The routes are gone.
    RoutesGone,
    /// A master that gives up is mute, and has not said so.
    Muted,
    /// It has said so, and its addresses are there.
    Resigned,
    /// The first addresses are about to be removed.
    RemovalBegun,
    /// Some are removed.
    RemovalUnderWay,
    /// All are.
    RemovalDone,
    /// Hands are off the addresses, and programs are still on the ports.
    Released,
    /// A successor is about to say that it is ready.
    SuccessorReady,
    /// It has been told what its predecessor knows.
    SuccessorTold,
    /// It has said that it knows it.
    SuccessorAccepted,
    /// A predecessor has told what it knows.
    PredecessorTold,
    /// It has heard that its successor knows it, and has not said farewell.
    PredecessorHeard,
}

impl Point {
    /// All of them, in the order in which they are come by.
    pub const ALL: [Self; 18] = [
        Self::AdvertSent,
        Self::GateOpen,
        Self::RoutesAsked,
        Self::RoutesThere,
        Self::AddressesBegun,
        Self::RoutesDone,
        Self::RoutesGone,
        Self::Muted,
        Self::Resigned,
        Self::RemovalBegun,
        Self::RemovalUnderWay,
        Self::RemovalDone,
        Self::Released,
        Self::SuccessorReady,
        Self::PredecessorTold,
        Self::SuccessorTold,
        Self::SuccessorAccepted,
        Self::PredecessorHeard,
    ];

    /// Whether it is a point of a handover, and not of a takeover or of giving up.
    pub const fn is_of_succession(self) -> bool {
        match self {
            Self::SuccessorReady
            | Self::SuccessorTold
            | Self::SuccessorAccepted
            | Self::PredecessorTold
            | Self::PredecessorHeard => true,
            Self::AdvertSent
            | Self::GateOpen
            | Self::RoutesAsked
            | Self::RoutesThere
            | Self::AddressesBegun
            | Self::RoutesDone
            | Self::RoutesGone
            | Self::Muted
            | Self::Resigned
            | Self::RemovalBegun
            | Self::RemovalUnderWay
            | Self::RemovalDone
            | Self::Released => false,
        }
    }

    /// Its name in the environment variable.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AdvertSent => "advert-sent",
            Self::GateOpen => "gate-open",
            Self::RoutesAsked => "routes-asked",
            Self::RoutesThere => "routes-there",
            Self::AddressesBegun => "addresses-begun",
            Self::RoutesDone => "routes-done",
            Self::RoutesGone => "routes-gone",
            Self::Muted => "muted",
            Self::Resigned => "resigned",
            Self::RemovalBegun => "removal-begun",
            Self::RemovalUnderWay => "removal-under-way",
            Self::RemovalDone => "removal-done",
            Self::Released => "released",
            Self::SuccessorReady => "successor-ready",
            Self::SuccessorTold => "successor-told",
            Self::SuccessorAccepted => "successor-accepted",
            Self::PredecessorTold => "predecessor-told",
            Self::PredecessorHeard => "predecessor-heard",
        }
    }
}

/// The environment variable that names a point.
pub const VARIABLE: &str = "REGENT_CRASH_AT";

/// Dies here if that is what the environment asks for.
#[cfg(debug_assertions)]
pub fn point(point: Point) {
    use std::sync::LazyLock;

    static CHOSEN: LazyLock<Option<String>> = LazyLock::new(|| std::env::var(VARIABLE).ok());
    if CHOSEN.as_deref() == Some(point.name()) {
        // It cannot fail: the process is our own. Should it, going on is what happens without the variable.
        nix::sys::signal::kill(nix::unistd::Pid::this(), nix::sys::signal::Signal::SIGKILL).ok();
    }
}

/// Nothing, in a release build.
#[cfg(not(debug_assertions))]
#[inline]
pub const fn point(_point: Point) {}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_point_is_listed_once_and_has_a_name_of_its_own() {
        let names: BTreeSet<&str> = Point::ALL.iter().map(|point| point.name()).collect();
        assert_eq!(names.len(), Point::ALL.len());
    }
}
