//! What the plan asks for around the loop: scripts that are watched, programs that are told of transitions, addresses that
//! take no traffic.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicBool},
    time::Duration,
};

use regent_common::LocalPriority;
use tokio::{runtime::Handle, sync::mpsc, task::JoinSet, time::sleep};

use crate::{
    child::{Program, RunAs},
    config::plan::{Command, InstancePlan, NotifyPlan, Plan, ScriptPlan},
    net::acceptance::Acceptance,
    notify::{Notification, Notifier, NotifyState, PATIENCE, Programs},
    observe::observation::Observation,
    track::{ScriptSpec, ScriptTracker, Verdict},
};

/// How long notify programs may take to hear the last word.
const LAST_WORD: Duration = Duration::from_secs(2);

/// Whether each script runs at this moment, by name; for whoever shows it.
pub type Running = Arc<Mutex<BTreeMap<String, Arc<AtomicBool>>>>;

/// The scripts of the plan, which are watched for as long as this lives.
#[derive(Debug)]
pub struct Scripts {
    verdicts: mpsc::Sender<Verdict>,
    watched: BTreeMap<String, (ScriptPlan, ScriptTracker)>,
    running: Running,
}

impl Scripts {
    /// Watches every script of the plan.
    pub fn watch(plan: &Plan, verdicts: mpsc::Sender<Verdict>) -> Self {
        let mut scripts = Self { verdicts, watched: BTreeMap::new(), running: Running::default() };
        scripts.reload(plan);
        scripts
    }

    /// Watches those of another plan. One that is the same goes on, and what it runs is not disturbed.
    pub fn reload(&mut self, plan: &Plan) {
        let runtime = Handle::current();
        let mut before = std::mem::take(&mut self.watched);
        for script in &plan.scripts {
            let kept = before.remove(&script.name).filter(|(known, _)| known == script);
            let (_, tracker) = kept.unwrap_or_else(|| {
                let tracker = ScriptTracker::start(&runtime, spec(script), self.verdicts.clone());
                (script.clone(), tracker)
            });
            self.watched.insert(script.name.clone(), (script.clone(), tracker));
        }
        let running = self.watched.iter().map(|(name, (_, tracker))| (name.clone(), tracker.running()));
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = running.collect();
    }

    /// Which of them run at this moment.
    pub fn running(&self) -> Running {
        Arc::clone(&self.running)
    }
}

/// Packets to the addresses of instances with `no_accept` are refused for as long as this lives. The owner of addresses
/// always accepts (RFC 9568 §6.1, Accept_Mode).
///
/// They are refused whatever the state: where an address is not assigned nothing is delivered anyway.
#[derive(Debug, Default)]
pub struct Refusal {
    /// Absent while nothing was ever refused.
    acceptance: Option<Acceptance>,
}

impl Refusal {
    /// Refuses what these plans together refuse, and nothing else.
    ///
    /// # Errors
    /// When the kernel cannot refuse: what it means and what to do.
    pub fn set(&mut self, plans: &[&Plan]) -> Result<(), String> {
        let refusing =
            |instance: &&InstancePlan| !instance.accepts && instance.priority != LocalPriority::Owner;
        let refused: Vec<IpAddr> = plans
            .iter()
            .flat_map(|plan| &plan.instances)
            .filter(refusing)
            .flat_map(|instance| instance.addresses.iter().chain(&instance.excluded))
            .map(|address| address.address)
            .collect();
        if refused.is_empty() && self.acceptance.is_none() {
            return Ok(());
        }
        self.try_set(&refused).map_err(|error| {
            format!(
                "no_accept has no effect, the virtual addresses take traffic: {error}; leave the word out, or filter them"
            )
        })
    }

    fn try_set(&mut self, refused: &[IpAddr]) -> io::Result<()> {
        let acceptance = match self.acceptance.as_mut() {
            Some(acceptance) => acceptance,
            None => self.acceptance.insert(Acceptance::open()?),
        };
        acceptance.set_refused(refused)
    }
}

/// The notify programs of all instances.
#[derive(Clone, Debug, Default)]
pub struct Notifiers {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    by_instance: BTreeMap<Arc<str>, (Programs, Notifier)>,
    /// The instances of the plan; others have their last word, and are forgotten then.
    wanted: BTreeSet<Arc<str>>,
}

impl Notifiers {
    /// Starts a queue for each instance that has programs.
    pub fn start(plan: &Plan) -> Self {
        let notifiers = Self::default();
        notifiers.reload(plan);
        notifiers
    }

    /// Those of another plan. An instance whose programs are the same keeps its queue. One that is not in the plan any more is
    /// told of until [`Self::forget`].
    pub fn reload(&self, plan: &Plan) {
        let runtime = Handle::current();
        let report = Arc::new(|instance: &Arc<str>, text: String| {
            tracing::warn!(instance = &**instance, "({instance}) {text}")
        });
        let mut replaced = Vec::new();
        let mut state = self.lock();
        state.wanted.clear();
        for instance in &plan.instances {
            let (programs, name) = (programs(&instance.notify), Arc::<str>::from(instance.name.as_str()));
            if programs.is_empty() {
                continue;
            }
            state.wanted.insert(Arc::clone(&name));
            if state.by_instance.get(&name).is_some_and(|(known, _)| *known == programs) {
                continue;
            }
            let notifier = Notifier::start(&runtime, Arc::clone(&name), programs.clone(), report.clone());
            replaced.extend(state.by_instance.insert(name, (programs, notifier)));
        }
        drop(state);
        end(replaced.into_iter().map(|(_, notifier)| notifier).collect());
    }

    /// Ends the queues of instances that are not in the plan any more, when they have told what they know by then.
    pub async fn forget(self) {
        sleep(LAST_WORD).await;
        let mut state = self.lock();
        let State { by_instance, wanted } = &mut *state;
        let gone: Vec<Arc<str>> =
            by_instance.keys().filter(|name| !wanted.contains(*name)).cloned().collect();
        let gone = gone.iter().filter_map(|name| by_instance.remove(name));
        let gone: Vec<Notifier> = gone.map(|(_, notifier)| notifier).collect();
        drop(state);
        end(gone);
    }

    /// Tells the programs of a transition; never waits.
    pub fn observe(&self, observation: &Observation) {
        let Observation::Transition(change) = observation else { return };
        let state = self.lock();
        if let (Some((_, notifier)), Some(entered)) =
            (state.by_instance.get(&change.instance), NotifyState::of(&change.transition))
        {
            notifier.notify(Notification { state: entered, priority: change.priority });
        }
    }

    /// Waits, bounded, until the last word was told. To be called when nobody observes any more.
    pub async fn finish(self) {
        let notifiers = std::mem::take(&mut self.lock().by_instance);
        let mut all: JoinSet<bool> =
            notifiers.into_values().map(|(_, notifier)| notifier.finish(LAST_WORD)).collect();
        while all.join_next().await.is_some() {}
    }

    /// A poisoned lock is taken all the same: the map is whole after every statement.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets queues tell what waits in them, beside everything else.
fn end(notifiers: Vec<Notifier>) {
    for notifier in notifiers {
        tokio::spawn(notifier.finish(PATIENCE));
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
