//! Whether two worlds went through the same: after each thing that was done, who entered which state, in which order,
//! and when.
//!
//! Two transitions of different routers with less than an interval between them are one matter: one router wins, and the
//! other hears of it and loses; one resigns, and its heir waits for the skew. Their order is not compared: it depends on
//! who is first to write it down. What belongs together is read off the simulator's moments, which are exact, and in
//! both worlds it is then written by router, each router's own transitions in their order. So a router that is late by
//! less than an interval changes nothing, and one that acts before or after another matter does.

use std::{
    fmt::{self, Write},
    time::Duration,
};

use anyhow::{Result, bail, ensure};
use lab::clock::Span;
use regent_simulation::script::{Entered, Fault, Script};
use regent_vrrp::StateName;

use super::screenplay;

/// How often a script is played, each time with its faults at other moments between two adverts.
const REHEARSALS: u64 = 32;

/// Something that was done, and its time since the beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deed {
    /// What.
    pub fault: Fault,
    /// It had no effect before.
    pub begun: Duration,
    /// It had its effect.
    pub done: Duration,
}

/// What happened in one world, by time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// What was done.
    pub deeds: Vec<Deed>,
    /// Who entered which state.
    pub entered: Vec<Entered>,
}

impl Record {
    /// In virtual time.
    pub fn simulated(script: &Script) -> Self {
        let deeds = script.steps.iter().map(|step| Deed { fault: step.fault, begun: step.at, done: step.at });
        Self { deeds: deeds.collect(), entered: script.play() }
    }

    /// What was entered since a deed began, and before the next one; before the first one nothing was.
    fn after(&self, deed: usize) -> &[Entered] {
        let first = |deed: &Deed| self.entered.partition_point(|entered| entered.at < deed.begun);
        let from = if deed == 0 { 0 } else { self.deeds.get(deed).map_or(self.entered.len(), first) };
        let to = self.deeds.get(deed + 1).map_or(self.entered.len(), first);
        self.entered.get(from..to).unwrap_or_default()
    }
}

/// A router is to enter a state, that long after something was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Due {
    router: usize,
    state: StateName,
    earliest: Duration,
    latest: Duration,
}

impl fmt::Display for Due {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { router, state, earliest, latest } = *self;
        write!(f, "#{router} {state:?} after {}", Span(earliest))?;
        if latest == earliest { Ok(()) } else { write!(f, " to {}", Span(latest)) }
    }
}

/// What is to come of one deed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Consequences {
    fault: Fault,
    dues: Vec<Due>,
    /// How many of them belong to each matter.
    matters: Vec<usize>,
}

/// What is to come of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forecast {
    interval: Duration,
    consequences: Vec<Consequences>,
}

impl Forecast {
    /// By the simulator: what does not depend on when between two adverts a fault falls, and from when to when.
    ///
    /// # Errors
    /// When the states do depend on it: such a script proves nothing.
    pub fn of(script: &Script, interval: Duration) -> Result<Self> {
        let mut forecast = Self::rehearsed(&Record::simulated(script), interval);
        for rehearsal in 0..REHEARSALS {
            let moved = screenplay::moved(script, rehearsal);
            forecast.widen(&Self::rehearsed(&Record::simulated(&moved), interval))?;
        }
        Ok(forecast)
    }

    fn rehearsed(record: &Record, interval: Duration) -> Self {
        let consequences = record.deeds.iter().enumerate().map(|(number, deed)| {
            let entered = record.after(number);
            let matters: Vec<usize> = entered
                .chunk_by(|before, after| after.at.saturating_sub(before.at) < interval)
                .map(<[Entered]>::len)
                .collect();
            let dues = in_order(entered, &matters).into_iter().map(|entered| {
                let after = entered.at.saturating_sub(deed.begun);
                Due { router: entered.router, state: entered.state, earliest: after, latest: after }
            });
            Consequences { fault: deed.fault, dues: dues.collect(), matters }
        });
        Self { interval, consequences: consequences.collect() }
    }

    fn widen(&mut self, other: &Self) -> Result<()> {
        for (ours, theirs) in self.consequences.iter_mut().zip(&other.consequences) {
            ensure!(
                states_due(&ours.dues) == states_due(&theirs.dues) && ours.matters == theirs.matters,
                "{}: chance decides between\n  {}\n  {}",
                ours.fault,
                listed(&ours.dues),
                listed(&theirs.dues),
            );
            for (ours, theirs) in ours.dues.iter_mut().zip(&theirs.dues) {
                ours.earliest = ours.earliest.min(theirs.earliest);
                ours.latest = ours.latest.max(theirs.latest);
            }
        }
        Ok(())
    }

    /// From the last transition after a deed to the next deed or the end, at least.
    pub fn shortest_rest(&self, script: &Script) -> Duration {
        let ends = script.steps.iter().skip(1).map(|step| step.at).chain([script.length]);
        let rests =
            script.steps.iter().zip(ends).zip(&self.consequences).filter_map(|((step, end), come)| {
                let last = come.dues.iter().map(|due| due.latest).max()?;
                Some(end.saturating_sub(step.at + last))
            });
        rests.min().unwrap_or_default()
    }

    /// It came as forecast.
    ///
    /// # Errors
    /// With both, deed by deed, and where they differ.
    pub fn holds(&self, real: &Record) -> Result<()> {
        ensure!(
            self.consequences.len() == real.deeds.len(),
            "{} things were to be done, {} were",
            self.consequences.len(),
            real.deeds.len()
        );
        let mut text = String::new();
        let mut differences = 0;
        for (number, (come, deed)) in self.consequences.iter().zip(&real.deeds).enumerate() {
            let seen = in_order(real.after(number), &come.matters);
            let difference = self.difference(come, deed, &seen);
            let told = seen.iter().map(|entered| {
                let after = Span(entered.at.saturating_sub(deed.begun));
                format!("#{} {:?} after {after}", entered.router, entered.state)
            });
            let told: Vec<String> = told.collect();
            // Writing to a string cannot fail.
            writeln!(text, "  {}\n    simulator:  {}", come.fault, listed(&come.dues)).ok();
            writeln!(text, "    namespaces: {}", listed(&told)).ok();
            if let Some(difference) = difference {
                differences += 1;
                writeln!(text, "    ^^^ {difference}").ok();
            }
        }
        if differences > 0 {
            bail!("the simulator and the namespaces differ {differences} times:\n{text}");
        }
        Ok(())
    }

    /// What differs after one deed.
    fn difference(&self, come: &Consequences, deed: &Deed, seen: &[Entered]) -> Option<String> {
        if come.fault != deed.fault {
            return Some(format!("there it was: {}", deed.fault));
        }
        let states: Vec<_> = seen.iter().map(|entered| (entered.router, entered.state)).collect();
        if states_due(&come.dues) != states {
            return Some("not the same states in the same order".to_owned());
        }
        // An interval for who is late: the router, or whoever writes down when a deed was done.
        come.dues.iter().zip(seen).find_map(|(due, seen)| {
            let early = seen.at.saturating_sub(deed.begun) + self.interval < due.earliest;
            let late = seen.at.saturating_sub(deed.done) > due.latest + self.interval;
            let word = match (early, late) {
                (false, false) => return None,
                (true, _) => "too early",
                (false, true) => "too late",
            };
            Some(format!("#{} is {:?} {word}", seen.router, seen.state))
        })
    }
}

/// The transitions, those of one matter by router; what is beyond the last matter is a matter too.
fn in_order(entered: &[Entered], matters: &[usize]) -> Vec<Entered> {
    let mut ordered = entered.to_vec();
    let mut rest = &mut ordered[..];
    for &length in matters.iter().chain(&[usize::MAX]) {
        let (matter, others) = rest.split_at_mut(length.min(rest.len()));
        // Stable: each router's own stay in their order.
        matter.sort_by_key(|entered| entered.router);
        rest = others;
    }
    ordered
}

fn states_due(dues: &[Due]) -> Vec<(usize, StateName)> {
    dues.iter().map(|due| (due.router, due.state)).collect()
}

fn listed(each: &[impl fmt::Display]) -> String {
    let each: Vec<String> = each.iter().map(ToString::to_string).collect();
    if each.is_empty() { "nothing".to_owned() } else { each.join(", ") }
}
