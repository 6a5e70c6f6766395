//! What the plan asks for around the loop: scripts that are watched, programs that are told of transitions, addresses that
//! take no traffic.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc, time::Duration};

use regent_common::LocalPriority;
use tokio::{runtime::Handle, sync::mpsc, task::JoinSet};

use crate::{
    child::{Program, RunAs},
    config::plan::{Command, InstancePlan, NotifyPlan, Plan, ScriptPlan},
    net::acceptance::Acceptance,
    notify::{Notification, Notifier, NotifyState, Programs},
    observe::observation::Observation,
    track::{ScriptSpec, ScriptTracker, Verdict},
};

/// How long notify programs may take to hear the last word.
const LAST_WORD: Duration = Duration::from_secs(2);

/// Watches every script of the plan; dropping the list ends the watch.
pub fn watch_scripts(plan: &Plan, verdicts: &mpsc::Sender<Verdict>) -> Vec<ScriptTracker> {
    let runtime = Handle::current();
    plan.scripts.iter().map(|script| ScriptTracker::start(&runtime, spec(script), verdicts.clone())).collect()
}

/// Refuses packets to the addresses of instances with `no_accept`, for as long as the result lives. The owner of addresses
/// always accepts (RFC 9568 §6.1, Accept_Mode). `None` when there are none.
///
/// They are refused whatever the state: where an address is not assigned nothing is delivered anyway.
///
/// # Errors
/// When the kernel cannot refuse: what it means and what to do.
pub fn refuse(plan: &Plan) -> Result<Option<Acceptance>, String> {
    let refusing = |instance: &&InstancePlan| !instance.accepts && instance.priority != LocalPriority::Owner;
    let refused: Vec<IpAddr> = plan
        .instances
        .iter()
        .filter(refusing)
        .flat_map(|instance| instance.addresses.iter().chain(&instance.excluded))
        .map(|address| address.address)
        .collect();
    if refused.is_empty() {
        return Ok(None);
    }
    let opened = Acceptance::open().and_then(|mut acceptance| {
        acceptance.set_refused(&refused)?;
        Ok(acceptance)
    });
    opened.map(Some).map_err(|error| {
        format!("no_accept has no effect, the virtual addresses take traffic: {error}; leave the word out, or filter them")
    })
}

/// The notify programs of all instances.
#[derive(Clone, Debug, Default)]
pub struct Notifiers {
    by_instance: Arc<BTreeMap<Arc<str>, Notifier>>,
}

impl Notifiers {
    /// Starts a queue for each instance that has programs.
    pub fn start(plan: &Plan) -> Self {
        let runtime = Handle::current();
        let report = Arc::new(|instance: &Arc<str>, text: String| {
            tracing::warn!(instance = &**instance, "({instance}) {text}")
        });
        let notifiers = plan.instances.iter().filter_map(|instance| {
            let programs = programs(&instance.notify);
            let name: Arc<str> = instance.name.as_str().into();
            (!programs.is_empty())
                .then(|| (Arc::clone(&name), Notifier::start(&runtime, name, programs, report.clone())))
        });
        Self { by_instance: Arc::new(notifiers.collect()) }
    }

    /// Tells the programs of a transition; never waits.
    pub fn observe(&self, observation: &Observation) {
        let Observation::Transition(change) = observation else { return };
        if let (Some(notifier), Some(state)) =
            (self.by_instance.get(&change.instance), NotifyState::of(&change.transition))
        {
            notifier.notify(Notification { state, priority: change.priority });
        }
    }

    /// Waits, bounded, until the last word was told. To be called when nobody observes any more.
    pub async fn finish(self) {
        let Some(notifiers) = Arc::into_inner(self.by_instance) else { return };
        let mut all: JoinSet<bool> =
            notifiers.into_values().map(|notifier| notifier.finish(LAST_WORD)).collect();
        while all.join_next().await.is_some() {}
    }
}

fn spec(script: &ScriptPlan) -> ScriptSpec {
    ScriptSpec {
        name: script.name.as_str().into(),
        program: program(&script.command),
        interval: script.interval,
        timeout: script.timeout,
        rise: script.rise,
        fall: script.fall,
        starts_failed: script.starts_failed,
    }
}

fn programs(notify: &NotifyPlan) -> Programs {
    let program = |command: &Option<Box<Command>>| command.as_deref().map(program);
    Programs {
        master: program(&notify.master),
        backup: program(&notify.backup),
        fault: program(&notify.fault),
        stop: program(&notify.stop),
        any: program(&notify.any),
    }
}

fn program(command: &Command) -> Program {
    Program {
        path: command.program.clone(),
        arguments: command.arguments.clone(),
        user: command
            .user
            .as_ref()
            .map(|run_as| RunAs { user: run_as.user.clone(), group: run_as.group.clone() }),
    }
}
