//! What goes wrong in life, with an agent or keepalived as the other side: processes killed and frozen, cables cut,
//! adverts lost, addresses taken away, processors busy. Each ends as the protocol says, within its formula.

mod interface;
mod machine;
mod process;
mod wire;

use anyhow::Result;
use lab::{agent::Rung, group::Group, speaker::Make};
use libtest_mimic::Trial;
use regent_common::Family;

use super::{
    pair::Pair,
    rig::TENTH,
    trial::{Need, Reasons},
};

/// Priority of who should be master.
const STRONG: u8 = 150;
/// Priority of the other.
const WEAK: u8 = 100;

/// What happens to a pair, and what it needs besides the daemons.
type Fault = (&'static str, &'static [Need], fn(&mut Pair) -> Result<()>);
type Scenario = Box<dyn Fn() -> Result<()> + Send>;

/// Each fault, with each other side, over each family.
pub fn trials(reasons: &Reasons) -> Vec<Trial> {
    let faults = [process::FAULTS, wire::FAULTS, interface::FAULTS].concat();
    let mut trials = each(&faults, |name, needs, scenario| reasons.trial(name, needs, scenario));
    trials.push(reasons.trial(
        "faults::no_timer_runs_on_the_wall_clock",
        &[Need::Agent],
        process::no_timer_runs_on_the_wall_clock,
    ));
    trials
}

/// Faults of the whole machine, which nobody else should have to live with.
pub fn trials_alone(reasons: &Reasons) -> Vec<Trial> {
    each(machine::FAULTS, |name, needs, scenario| reasons.alone(name, needs, scenario))
}

fn each(faults: &[Fault], trial: impl Fn(String, &[Need], Scenario) -> Trial) -> Vec<Trial> {
    let mut trials = Vec::new();
    for family in [Family::Ipv4, Family::Ipv6] {
        for they in [Make::Agent(Rung::Auto), Make::Keepalived] {
            for &(name, needs, fault) in faults {
                let (word, group) = match family {
                    Family::Ipv4 => ("ipv4", Group::fast(0, TENTH)),
                    Family::Ipv6 => ("ipv6", Group::ipv6(0, TENTH)),
                };
                let peer = if they == Make::Keepalived { "keepalived" } else { "agent" };
                let name = format!("faults::{peer}::{word}::{name}");
                let cell = name.clone();
                let scenario = move || {
                    let mut pair = Pair::new(&cell, Make::Agent(Rung::Auto), they, group.clone())?;
                    let result = fault(&mut pair);
                    pair.explain(result)
                };
                trials.push(trial(name, &all_needs(needs, they), Box::new(scenario)));
            }
        }
    }
    trials
}

fn all_needs(own: &[Need], they: Make) -> Vec<Need> {
    let mut needs = own.to_vec();
    needs.push(Need::Agent);
    if they == Make::Keepalived {
        needs.push(Need::Keepalived);
    }
    needs
}
