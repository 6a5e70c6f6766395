//! What the plan asks for around the loop: scripts that are watched, programs that are told of transitions.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::{runtime::Handle, sync::mpsc, task::JoinSet};

use crate::{
    child::{Program, RunAs},
    config::plan::{Command, NotifyPlan, Plan, ScriptPlan},
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
