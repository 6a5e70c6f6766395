//! How a scenario becomes a trial: with what it needs, and the reason when that is not there.

use anyhow::Result;
use lab::skip;
use libtest_mimic::{Failed, Trial};

/// What a scenario needs besides a lab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// The agent.
    Agent,
    /// The XDP program, inside the agent.
    Object,
    /// The real keepalived.
    Keepalived,
}

/// Why scenarios cannot run here.
#[derive(Clone, Debug)]
pub struct Reasons {
    lab: Option<String>,
    agent: Option<String>,
    object: Option<String>,
    keepalived: Option<String>,
}

impl Reasons {
    /// Looks around.
    pub fn find() -> Self {
        let lab = skip::lab_reason();
        let agent = skip::agent_reason();
        let object = if agent.is_some() { None } else { skip::object_reason() };
        Self { lab, agent, object, keepalived: skip::keepalived_reason() }
    }

    /// Says each reason once.
    pub fn announce(&self) {
        for reason in [&self.lab, &self.agent, &self.object, &self.keepalived].into_iter().flatten() {
            eprintln!("some scenarios are ignored: {reason}");
        }
    }

    fn of(&self, needs: &[Need]) -> Option<&str> {
        let each = needs.iter().map(|need| match need {
            Need::Agent => &self.agent,
            Need::Object => &self.object,
            Need::Keepalived => &self.keepalived,
        });
        std::iter::once(&self.lab).chain(each).find_map(Option::as_deref)
    }

    /// A trial of that name, ignored when something it needs is missing.
    pub fn trial(
        &self,
        name: impl Into<String>,
        needs: &[Need],
        scenario: impl FnOnce() -> Result<()> + Send + 'static,
    ) -> Trial {
        let trial = Trial::test(name, move || scenario().map_err(|error| Failed::from(format!("{error:#}"))));
        match self.of(needs) {
            Some(reason) => {
                trial.with_ignored_flag(true).with_kind(reason.split(':').next().unwrap_or(reason))
            }
            None => trial,
        }
    }
}
