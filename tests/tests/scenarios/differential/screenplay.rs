//! What is played in both worlds: the simulator's made-up script, told so that hosts can play it too.
//!
//! Refuses what a host cannot do at once: an agent takes its time to start, so no start overlaps what another one
//! causes, and a priority changes by a stop, another config and a start.

use std::time::Duration;

use lab::{agent::Rung, group::Group};
use regent_common::{AdvertInterval, Version};
use regent_simulation::{
    random::Random,
    script::{Fault, Script, Step},
};
use regent_vrrp::{Parameters, Preemption};

use crate::scenarios::rig::TENTH;

/// From the last thing done until everything that comes of it is over: the longest Active_Down_Interval is less than four
/// intervals, in a fifth everybody hears of it, and the sixth is for those who are late.
const SETTLED: u32 = 6;
/// For those who are late however short the interval: a host that starts, a tool that sets a link.
const ROOM: Duration = Duration::from_millis(250);

/// What is spoken, and how it is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// Version 3 over IPv4, ten adverts in a second.
    V3Ipv4,
    /// Version 3 over IPv6, ten adverts in a second.
    V3Ipv6,
    /// Version 3 over IPv4, ten adverts in a second, heard by the socket.
    V3Socket,
    /// Version 2, one advert in a second.
    V2,
}

impl Setting {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::V3Ipv4, Self::V3Ipv6, Self::V3Socket, Self::V2];

    /// As it stands in the name of a trial.
    pub const fn word(self) -> &'static str {
        match self {
            Self::V3Ipv4 => "v3_ipv4",
            Self::V3Ipv6 => "v3_ipv6",
            Self::V3Socket => "v3_socket",
            Self::V2 => "v2",
        }
    }

    const fn version(self) -> Version {
        match self {
            Self::V3Ipv4 | Self::V3Ipv6 | Self::V3Socket => Version::V3,
            Self::V2 => Version::V2,
        }
    }

    /// Of the adverts.
    pub fn interval(self) -> AdvertInterval {
        match self {
            Self::V3Ipv4 | Self::V3Ipv6 | Self::V3Socket => AdvertInterval::from_centiseconds(10),
            Self::V2 => AdvertInterval::from_centiseconds(100),
        }
        .unwrap_or(AdvertInterval::DEFAULT)
    }

    /// Where agents are to take adverts from.
    pub const fn rung(self) -> Rung {
        match self {
            Self::V3Ipv4 | Self::V3Ipv6 | Self::V2 => Rung::Auto,
            Self::V3Socket => Rung::Off,
        }
    }

    /// How many faults are made up: in version 2 each of them takes a while.
    const fn faults(self) -> u32 {
        match self {
            Self::V3Ipv4 | Self::V3Ipv6 | Self::V3Socket => 6,
            Self::V2 => 2,
        }
    }

    /// The config of a router.
    pub fn group(self, router: &Parameters) -> Group {
        let priority = router.priority.get();
        let group = match self {
            Self::V3Ipv4 | Self::V3Socket => Group::fast(priority, TENTH),
            Self::V3Ipv6 => Group::ipv6(priority, TENTH),
            Self::V2 => Group { password: None, ..Group::classic(priority) },
        };
        match router.preemption {
            Preemption::Never => group.without_preemption(),
            Preemption::After(_) => group,
        }
    }
}

/// The script of a seed.
pub fn write(seed: u64, setting: Setting) -> Script {
    let interval = setting.interval();
    let mut script = Script::seeded(seed, interval, setting.faults());
    script.routers.iter_mut().for_each(|router| router.version = setting.version());
    let made_up = std::mem::take(&mut script.steps);
    script.length = Duration::ZERO;
    for fault in made_up.into_iter().map(|step| step.fault) {
        match fault {
            Fault::Priority(router, _) => {
                then(&mut script, Fault::Stop(router), interval);
                // While nothing runs there: at the same time as the start, so that it is no event of its own.
                script.steps.push(Step { at: script.length, fault });
                then(&mut script, Fault::Start(router), interval);
            }
            Fault::Start(_)
            | Fault::Stop(_)
            | Fault::Kill(_)
            | Fault::Freeze(..)
            | Fault::Isolate(_)
            | Fault::Deafen(_)
            | Fault::Mute(_)
            | Fault::Restore(_)
            | Fault::LinkDown(_)
            | Fault::LinkUp(_) => then(&mut script, fault, interval),
        }
    }
    script
}

/// Does that next, and gives it its time.
fn then(script: &mut Script, fault: Fault, interval: AdvertInterval) {
    script.steps.push(Step { at: script.length, fault });
    script.length += interval.duration() * SETTLED + ROOM;
    if let Fault::Freeze(_, frozen) = fault {
        script.length += frozen;
    }
}

/// The same with each pause longer by less than an interval: the faults fall at other moments between two adverts.
pub fn moved(script: &Script, seed: u64) -> Script {
    let mut random = Random::new(seed);
    let mut moved = script.clone();
    let mut by = Duration::ZERO;
    let mut before = Duration::ZERO;
    for step in &mut moved.steps {
        // What is done at once stays so.
        if step.at > before {
            before = step.at;
            let interval = script.routers.first().map_or(AdvertInterval::DEFAULT, |router| router.interval);
            let interval = u64::try_from(interval.duration().as_nanos()).unwrap_or(u64::MAX);
            by += Duration::from_nanos(random.below(interval));
        }
        step.at += by;
    }
    moved.length += by;
    moved
}
