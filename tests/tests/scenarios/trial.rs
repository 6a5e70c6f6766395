//! How a scenario becomes a trial: with what it needs, and the reason when that is not there.

use std::{
    sync::{PoisonError, RwLock},
    time::Duration,
};

use anyhow::Result;
use lab::{clock::Moment, punctual, skip};
use libtest_mimic::{Failed, Trial};

/// What a scenario needs besides a lab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// The agent.
    Agent,
    /// A debug build of it, which can be told where to die.
    MortalAgent,
    /// The XDP program, inside the agent.
    Object,
    /// The real keepalived.
    Keepalived,
    /// The real FRR.
    Frr,
    /// nft, to lose frames.
    Nft,
    /// The agent can do that.
    Able(Ability),
}

/// What the agent has to be able to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ability {
    /// SIGHUP reads the config again.
    Reload,
}

/// What the agent cannot do yet. Scenarios that need it are whole and wait, as ignored: `--include-ignored` runs them,
/// and whoever teaches the agent takes the word out of this list.
const NOT_YET: &[Ability] = &[];

impl Ability {
    fn reason(self) -> Option<&'static str> {
        NOT_YET.contains(&self).then_some(match self {
            Self::Reload => "needs reload",
        })
    }
}

/// A scenario that failed while the machine stood still for longer than this has measured the machine: half of what the
/// usual interval leaves it. The other scenarios' namespaces that come and go have the kernel's interface lock meanwhile.
const STALL: Duration = Duration::from_millis(50);

/// Scenarios side by side share it; one that disturbs all others has it alone.
static MACHINE: RwLock<()> = RwLock::new(());

/// Runs the scenario; once more if the machine is to blame: then it says so.
fn judge(name: &str, scenario: &impl Fn() -> Result<()>) -> Result<()> {
    let began = Moment::now();
    let error = match scenario() {
        Ok(()) => return Ok(()),
        Err(error) => error,
    };
    match punctual::longest_stall(began) {
        Some(stall) if stall.time() >= STALL => {
            eprintln!("note: {name}: judged anew, for {stall} meanwhile, after: {error:#}");
            scenario()
        }
        Some(_) | None => Err(error),
    }
}

/// Why scenarios cannot run here.
#[derive(Clone, Debug)]
pub struct Reasons {
    lab: Option<String>,
    agent: Option<String>,
    mortal_agent: Option<String>,
    object: Option<String>,
    keepalived: Option<String>,
    frr: Option<String>,
    nft: Option<String>,
}

impl Reasons {
    /// Looks around.
    pub fn find() -> Self {
        let lab = skip::lab_reason();
        let agent = skip::agent_reason();
        let object = if agent.is_some() { None } else { skip::object_reason() };
        Self {
            lab,
            agent,
            mortal_agent: skip::mortal_agent_reason(),
            object,
            keepalived: skip::keepalived_reason(),
            frr: skip::frr_reason(),
            nft: skip::nft_reason(),
        }
    }

    /// Says each reason once.
    pub fn announce(&self) {
        let each = [
            &self.lab,
            &self.agent,
            &self.mortal_agent,
            &self.object,
            &self.keepalived,
            &self.frr,
            &self.nft,
        ];
        for reason in each.into_iter().flatten() {
            eprintln!("some scenarios are ignored: {reason}");
        }
    }

    fn of(&self, needs: &[Need]) -> Option<&str> {
        let each = needs.iter().map(|need| match need {
            Need::Agent => self.agent.as_deref(),
            Need::MortalAgent => self.mortal_agent.as_deref(),
            Need::Object => self.object.as_deref(),
            Need::Keepalived => self.keepalived.as_deref(),
            Need::Frr => self.frr.as_deref(),
            Need::Nft => self.nft.as_deref(),
            Need::Able(ability) => ability.reason(),
        });
        std::iter::once(self.lab.as_deref()).chain(each).flatten().next()
    }

    /// A trial of that name, ignored when something it needs is missing.
    pub fn trial(
        &self,
        name: impl Into<String>,
        needs: &[Need],
        scenario: impl Fn() -> Result<()> + Send + 'static,
    ) -> Trial {
        let name = name.into();
        let trial = Trial::test(name.clone(), move || {
            let _shared = MACHINE.read().unwrap_or_else(PoisonError::into_inner);
            judge(&name, &scenario).map_err(|error| Failed::from(format!("{error:#}")))
        });
        self.ignored_without(trial, needs)
    }

    /// As [`Self::trial`], with nothing beside it. These belong at the end, or all others wait for them to begin.
    pub fn alone(
        &self,
        name: impl Into<String>,
        needs: &[Need],
        scenario: impl Fn() -> Result<()> + Send + 'static,
    ) -> Trial {
        let trial = Trial::test(name, move || {
            let _alone = MACHINE.write().unwrap_or_else(PoisonError::into_inner);
            scenario().map_err(|error| Failed::from(format!("{error:#}")))
        });
        self.ignored_without(trial, needs)
    }

    fn ignored_without(&self, trial: Trial, needs: &[Need]) -> Trial {
        match self.of(needs) {
            Some(reason) => {
                trial.with_ignored_flag(true).with_kind(reason.split(':').next().unwrap_or(reason))
            }
            None => trial,
        }
    }

    /// A trial that can never be, with the reason: it is listed as ignored, so that nobody misses it.
    pub fn impossible(name: impl Into<String>, reason: &str) -> Trial {
        let why = reason.to_owned();
        Trial::test(name, move || Err(Failed::from(why))).with_ignored_flag(true).with_kind(reason)
    }
}
