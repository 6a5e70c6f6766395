//! What must hold. Judged from outside: by states, parameters and what reached whom, never by what a router thinks.

use std::{fmt, time::Duration};

use regent_common::{LocalPriority, Priority, Version};
use regent_vrrp::{Preemption, StateName, departures::CONTEST_SPACING};

use crate::{
    host::Record,
    lan::{Lan, Sight, What},
};

/// What was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invariant {
    /// Once calm for [`bound`], each segment with a running router has exactly one Active.
    ExactlyOneActive,
    /// Once calm for [`bound`], no router that preempts is Backup under an Active of lower priority.
    TheHighestIsActive,
    /// A router with `nopreempt` takes over only after it heard nothing for the whole Active_Down_Interval, or a
    /// resignation.
    ALiveActiveIsLeftAlone,
    /// Once calm for [`bound`], no state changes, and the Active advertises once an interval.
    Quiet,
    /// A rejected packet changes no state and moves no timer.
    RejectionsTouchNothing,
    /// However bad it is, nobody advertises or announces more often than the intervals and what happened to it allow.
    NothingGrows,
    /// Who stood still for longer than others wait listens before it speaks, and does not speak once it has heard that
    /// another one took over.
    TheOversleptAsk,
}

/// A broken invariant.
#[derive(Clone, Debug)]
pub struct Violation {
    /// Which.
    pub invariant: Invariant,
    /// By what.
    pub text: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is broken: {}", self.invariant, self.text)
    }
}

/// The longest and the shortest interval that any router of the LAN ever has.
#[derive(Clone, Copy, Debug)]
pub struct Intervals {
    /// The shortest.
    pub shortest: Duration,
    /// The longest.
    pub longest: Duration,
}

/// How long a LAN may take to settle once nothing is lost any more and nothing changes:
///
/// `(2n + 4) * I + P + 4D`, and a fiftieth of it for clocks that differ, where n is `down_timer_adverts`, I the longest
/// interval, P the longest `preempt_delay`, and D the longest delay of the wire and the loop together. It adds up from:
/// - `(n + 1) * I + D`: the last advert of the storm arrives, and after it a whole Active_Down_Interval passes, whose
///   skew is shorter than one interval: somebody is Active. Who stood still and listens instead does so for two
///   intervals at most;
/// - `I + D`: everybody has heard it;
/// - `P`: those who wait have waited;
/// - `(n + 1) * I`: another Active_Down_Interval, in which lower adverts are discarded: the highest is Active;
/// - `I + 2D`: the others have heard it, and it has heard them.
pub fn bound(lan: &Lan, intervals: Intervals) -> Duration {
    let adverts =
        lan.hosts.iter().map(|host| u32::from(host.parameters.down_timer_adverts)).max().unwrap_or(0);
    let patience = lan.hosts.iter().map(|host| patience(host.parameters.preemption)).max();
    let delay = lan.weather.delay + lan.weather.lateness;
    let bound = intervals.longest * (2 * adverts + 4) + patience.unwrap_or(Duration::ZERO) + delay * 4;
    bound + bound / 50
}

const fn patience(preemption: Preemption) -> Duration {
    match preemption {
        Preemption::After(delay) => delay,
        Preemption::Never => Duration::ZERO,
    }
}

/// Each segment has exactly one Active, and nobody who preempts is higher.
///
/// # Errors
/// When that is not so.
pub fn settled(lan: &Lan) -> Result<(), Violation> {
    let mut segments: Vec<u8> = lan.hosts.iter().map(|host| host.segment).collect();
    segments.sort_unstable();
    segments.dedup();
    for segment in segments {
        let members = (0..lan.hosts.len()).filter(|host| lan.hosts[*host].segment == segment);
        let taking_part: Vec<usize> = members.filter(|host| takes_part(lan.hosts[*host].state())).collect();
        let active: Vec<usize> = taking_part
            .iter()
            .copied()
            .filter(|host| lan.hosts[*host].state() == StateName::Active)
            .collect();
        match active[..] {
            [] if taking_part.is_empty() => {}
            [active] => highest(lan, active, &taking_part)?,
            [] | [_, _, ..] => {
                let text = format!("segment {segment}: of {taking_part:?} these are Active: {active:?}");
                return Err(Violation { invariant: Invariant::ExactlyOneActive, text });
            }
        }
    }
    Ok(())
}

fn highest(lan: &Lan, active: usize, taking_part: &[usize]) -> Result<(), Violation> {
    let priority = lan.hosts[active].effective_priority();
    for host in taking_part {
        let other = lan.hosts[*host].effective_priority();
        if preempts(lan, *host) && other > priority {
            let text = format!("#{active} is Active with {priority}, #{host} is Backup with {other}");
            return Err(Violation { invariant: Invariant::TheHighestIsActive, text });
        }
    }
    Ok(())
}

const fn takes_part(state: StateName) -> bool {
    match state {
        StateName::Backup | StateName::Active => true,
        StateName::Initialize | StateName::Fault => false,
    }
}

fn owns(lan: &Lan, host: usize) -> bool {
    lan.hosts[host].parameters.priority == LocalPriority::Owner
}

fn preempts(lan: &Lan, host: usize) -> bool {
    owns(lan, host) || lan.hosts[host].parameters.preemption != Preemption::Never
}

/// What can be judged the moment it is seen.
///
/// # Errors
/// When it must not have been seen.
pub fn seen(lan: &Lan, sight: &Sight, intervals: Intervals) -> Result<(), Violation> {
    match sight.what {
        What::Entered { from: StateName::Backup, to: StateName::Active, .. } => {
            left_alone(lan, sight)?;
            hesitated(lan, sight, intervals)
        }
        What::Entered { .. } => Ok(()),
        What::Spoke { from: StateName::Active, priority: Priority::Backup(_) } => asked(lan, sight),
        What::Spoke { .. } => Ok(()),
        What::Rejected { moved: false, .. } => Ok(()),
        What::Rejected { moved: true, reason } => Err(Violation {
            invariant: Invariant::RejectionsTouchNothing,
            text: format!("#{} was moved by a packet with {reason}", sight.host),
        }),
    }
}

/// A takeover by a router that does not preempt, and did not since the last advert could have been discarded.
fn left_alone(lan: &Lan, sight: &Sight) -> Result<(), Violation> {
    let (host, record) = (&lan.hosts[sight.host], &sight.before);
    let adverts = u32::from(host.parameters.down_timer_adverts);
    let own = host.parameters.interval;
    let (since, interval) = match (record.heard, host.parameters.version) {
        (Some(advert), _) if advert.priority == Priority::Resigning => return Ok(()),
        (Some(advert), Version::V2) => (advert.arrived, own),
        (Some(advert), Version::V3) => (advert.arrived, advert.interval),
        (None, Version::V2 | Version::V3) => (record.listening_since, own),
    };
    let least = interval.duration() * adverts;
    let waited = sight.local.since(since);
    if preempts(lan, sight.host) || record.preemption_since > since || waited > least {
        return Ok(());
    }
    let text = format!("#{} took over {waited:?} after it heard {:?}", sight.host, record.heard);
    Err(Violation { invariant: Invariant::ALiveActiveIsLeftAlone, text })
}

/// A takeover by a router that stood still, and heard nothing, for longer than any timer runs and an interval more: it
/// has listened for at least an interval since, unless it stood still before it had begun to. The last word of one that
/// resigned is heeded however old it is.
fn hesitated(lan: &Lan, sight: &Sight, intervals: Intervals) -> Result<(), Violation> {
    let (host, record) = (&lan.hosts[sight.host], &sight.before);
    let longest = intervals.longest * (u32::from(host.parameters.down_timer_adverts) + 2);
    let awake = sight.local.since(record.awake_since);
    let awake_before = record.awake_since.since(record.awoke_before).saturating_sub(record.slept);
    let silent = record.heard.is_none_or(|advert| {
        advert.priority != Priority::Resigning && sight.local.since(advert.arrived) > longest
    });
    if !silent || record.slept <= longest || awake_before <= longest || awake >= intervals.shortest {
        return Ok(());
    }
    let text = format!("#{} slept for {:?} and took over {awake:?} later", sight.host, record.slept);
    Err(Violation { invariant: Invariant::TheOversleptAsk, text })
}

/// An advert of a router that believes to be Active still: after a long silence it has listened for an interval and a
/// half, unless it stood still for a moment even then.
fn asked(lan: &Lan, sight: &Sight) -> Result<(), Violation> {
    let record = &sight.before;
    let Some((spoke, interval)) = record.spoke else { return Ok(()) };
    if owns(lan, sight.host) || record.reloaded_since {
        return Ok(());
    }
    let adverts = u32::from(lan.hosts[sight.host].parameters.down_timer_adverts.max(2));
    let safe = spoke + interval.duration() * adverts;
    let successor =
        record.heard.filter(|advert| advert.arrived > safe && advert.priority != Priority::Resigning);
    let awake = sight.local.since(record.awake_since);
    let broken = match successor {
        _ if sight.local <= safe => return Ok(()),
        Some(successor) => format!("after it heard {successor:?}"),
        None if record.awoke_before <= spoke && awake < interval.duration() * 3 / 2 => {
            format!("{awake:?} after it woke")
        }
        None => return Ok(()),
    };
    let silence = sight.local.since(spoke);
    let text = format!("#{} had said nothing for {silence:?} and spoke {broken}", sight.host);
    Err(Violation { invariant: Invariant::TheOversleptAsk, text })
}

/// How often a host may have spoken since it was `before`, `elapsed` ago: the regular adverts and two answers each
/// interval, and a word for each time that something happened to it.
///
/// # Errors
/// When it spoke more often.
pub fn bounded(
    host: usize,
    before: &Record,
    now: &Record,
    elapsed: Duration,
    intervals: Intervals,
) -> Result<(), Violation> {
    let times = |length: Duration| {
        let elapsed = elapsed + elapsed / 50;
        u64::try_from(elapsed.as_nanos() / length.as_nanos().max(1)).unwrap_or(u64::MAX) + 2
    };
    let occasions = now.occasions - before.occasions;
    for (said, most, what) in [
        (now.sent - before.sent, 3 * times(intervals.shortest) + 2 * occasions, "adverts"),
        (now.announced - before.announced, 2 * times(CONTEST_SPACING) + 2 * occasions, "announcements"),
    ] {
        if said > most {
            let text = format!("#{host}: {said} {what} in {elapsed:?} with {occasions} occasions");
            return Err(Violation { invariant: Invariant::NothingGrows, text });
        }
    }
    Ok(())
}
