//! What must hold. Judged from outside: by states, parameters and what reached whom, never by what a router thinks.

use std::{fmt, time::Duration};

use regent_common::{LocalPriority, Priority};
use regent_vrrp::{Preemption, StateName};

use crate::lan::{Lan, Seen};

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
}

/// A broken invariant.
#[derive(Clone, Debug)]
pub struct Violation {
    pub invariant: Invariant,
    pub text: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is broken: {}", self.invariant, self.text)
    }
}

/// How long a LAN may take to settle once nothing is lost any more and nothing changes:
///
/// `(2n + 4) * I + P + 4D` where n is `down_timer_adverts`, I the longest interval, P the longest `preempt_delay`, and
/// D the longest delay of the wire and the loop together. It adds up from:
/// - `(n + 1) * I + D`: the last advert of the storm arrives, and after it a whole Active_Down_Interval passes, whose
///   skew is shorter than one interval: somebody is Active;
/// - `I + D`: everybody has heard it;
/// - `P`: those who wait have waited;
/// - `(n + 1) * I`: another Active_Down_Interval, in which lower adverts are discarded: the highest is Active;
/// - `I + 2D`: the others have heard it, and it has heard them.
pub fn bound(lan: &Lan) -> Duration {
    let adverts =
        lan.nodes.iter().map(|node| u32::from(node.parameters.down_timer_adverts)).max().unwrap_or(0);
    let interval =
        lan.nodes.iter().map(|node| node.parameters.interval.duration()).max().unwrap_or(Duration::ZERO);
    let patience = lan.nodes.iter().map(|node| patience(node.parameters.preemption)).max();
    let delay = lan.weather.delay + lan.weather.lateness;
    interval * (2 * adverts + 4) + patience.unwrap_or(Duration::ZERO) + delay * 4
}

const fn patience(preemption: Preemption) -> Duration {
    match preemption {
        Preemption::After(delay) => delay,
        Preemption::Never => Duration::ZERO,
    }
}

/// Each segment has exactly one Active, and nobody who preempts is higher.
pub fn settled(lan: &Lan) -> Result<(), Violation> {
    let mut segments: Vec<u8> = lan.nodes.iter().map(|node| node.segment).collect();
    segments.sort_unstable();
    segments.dedup();
    for segment in segments {
        let members = (0..lan.nodes.len()).filter(|node| lan.nodes[*node].segment == segment);
        let taking_part: Vec<usize> = members.filter(|node| takes_part(lan.state(*node))).collect();
        let active: Vec<usize> =
            taking_part.iter().copied().filter(|node| lan.state(*node) == StateName::Active).collect();
        match active[..] {
            [] if taking_part.is_empty() => {}
            [active] => highest(lan, active, &taking_part)?,
            [] | [_, _, ..] => {
                return Err(Violation {
                    invariant: Invariant::ExactlyOneActive,
                    text: format!("segment {segment}: of {taking_part:?} these are Active: {active:?}"),
                });
            }
        }
    }
    Ok(())
}

fn highest(lan: &Lan, active: usize, taking_part: &[usize]) -> Result<(), Violation> {
    let priority = lan.effective_priority(active);
    for node in taking_part {
        if preempts(lan, *node) && lan.effective_priority(*node) > priority {
            let text = format!(
                "#{active} is Active with {priority}, #{node} is Backup with {}",
                lan.effective_priority(*node)
            );
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

fn preempts(lan: &Lan, node: usize) -> bool {
    let parameters = &lan.nodes[node].parameters;
    parameters.priority == LocalPriority::Owner || parameters.preemption != Preemption::Never
}

/// A takeover by a router that does not preempt.
pub fn left_alone(lan: &Lan, seen: &Seen) -> Result<(), Violation> {
    let took_over = seen.from == StateName::Backup && seen.to == StateName::Active;
    if !took_over || preempts(lan, seen.node) {
        return Ok(());
    }
    let node = &lan.nodes[seen.node];
    let adverts = u32::from(node.parameters.down_timer_adverts);
    let (since, least) = match node.heard {
        Some(advert) if advert.priority == Priority::Resigning => return Ok(()),
        Some(advert) => (advert.arrived, advert.interval.duration() * adverts),
        None => (node.listening_since, node.parameters.interval.duration() * adverts),
    };
    let waited = lan.now.since(since);
    if waited > least {
        return Ok(());
    }
    Err(Violation {
        invariant: Invariant::ALiveActiveIsLeftAlone,
        text: format!("#{} took over {waited:?} after it heard {:?}", seen.node, node.heard),
    })
}
