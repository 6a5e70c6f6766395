//! The life of the daemon: start, run, end. Everything here happens on the control runtime, never on the VRRP thread.
//!
//! Order of the start, so that nothing is half done when something is in the way: run directory and lock (taken by the
//! caller), leftovers of a crash, the journal of what may become ours, the control socket, then the VRRP thread.
//! Order of the end: the VRRP thread gives everything up, the observer drains, notify programs get their last word, the run
//! directory is cleared.

use std::{
    collections::BTreeMap,
    io::{self, IsTerminal},
    path::PathBuf,
    sync::{Arc, atomic::AtomicBool},
    thread,
    time::Duration,
};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::{mpsc, oneshot},
    time::timeout,
};

use super::{
    assigner,
    build::Blueprint,
    checker,
    engine::{Engine, Settings},
    gathered::Gathered,
    inbox::{self, Inbox, Order},
    journal::{Entry, RunDir},
    leftovers::{self, Removed},
    status::Answerer,
    surroundings::{self, Notifiers},
    tell,
    turn::{self, Farewell},
};
use crate::{
    config::plan::Plan,
    net::{
        clock, inventory,
        monitor::Monitor,
        routes::Prefix,
        scheduling,
        xdp::{Diagnostics, NoPins, Pins, View},
    },
    observe::{
        events::Events,
        heard,
        observation::Observation,
        observer::{Clocks, Observer},
        server::Listeners,
        snapshot::FeatureStatus,
        source::{SnapshotRequests, SnapshotSource},
        table::Look,
    },
};

/// How long the observer may take to log the end.
const DRAIN: Duration = Duration::from_secs(2);
/// How often the XDP program's messages are looked for.
const SAY_DIAGNOSTICS: Duration = Duration::from_secs(1);

/// What the daemon is started with. Everything that can fail before the network is touched has been tried by then.
#[derive(Debug)]
pub struct Life {
    /// The instances.
    pub plan: Plan,
    /// Ports to listen on in observe mode; empty means all that are up.
    pub observed: Vec<String>,
    /// What does not change.
    pub settings: Settings,
    /// The run directory, locked.
    pub run_dir: RunDir,
    /// Where pinned maps and links live.
    pub bpffs: PathBuf,
    /// The control socket and, when asked for, the listener for metrics.
    pub listeners: Listeners,
}

/// How the VRRP thread ended.
#[derive(Debug, thiserror::Error)]
enum ThreadError {
    #[error("{0}")]
    Build(#[from] super::build::BuildError),
    #[error("the VRRP thread cannot wait for events: {0}")]
    Wait(#[from] io::Error),
    #[error("the VRRP thread ended unexpectedly; its report is above")]
    Panicked,
}

/// Runs the daemon until it is told to stop.
///
/// # Errors
/// When it cannot start, or the VRRP thread fails; addresses are removed in any case.
pub async fn run(life: Life) -> anyhow::Result<()> {
    let Life { plan, observed, settings, run_dir, bpffs, listeners } = life;
    // From here on a signal is an order, not an end without clean-up.
    let signals = Signals::new()?;
    let mut inventory = inventory::inventory().await?;
    let removed = leftovers::remove(&run_dir.leftovers(), &mut inventory)?;
    tell_removed(&removed);
    let intentions = leftovers::intentions(&plan, &inventory);
    run_dir.write(intentions.clone()).map_err(|error| {
        anyhow::anyhow!("cannot write the journal in {}: {error}", run_dir.path().display())
    })?;

    let (netlink_sender, netlink) = mpsc::channel(inbox::NETLINK_DEPTH);
    let (answer_sender, answers) = mpsc::channel(assigner::ANSWERS_DEPTH);
    let (finding_sender, findings) = mpsc::channel(checker::CHECKED_DEPTH);
    let (verdict_sender, verdicts) = mpsc::channel(inbox::VERDICT_DEPTH);
    let (order_sender, orders) = mpsc::channel(inbox::ORDER_DEPTH);
    let (observation_sender, observations) = mpsc::channel(tell::DEPTH);
    let (source, snapshots) = SnapshotSource::new();
    let monitor = tokio::spawn(Monitor::open(netlink_sender)?.run());
    let observed = if settings.observing && observed.is_empty() {
        inventory
            .links
            .iter()
            .filter(|link| link.up && !link.loopback)
            .map(|link| link.name.clone())
            .collect()
    } else {
        observed
    };
    let events = Events::default();
    let shown = source.clone();
    let server = tokio::spawn(listeners.serve(source, events.clone()));
    let scripts = surroundings::watch_scripts(&plan, &verdict_sender);
    let notifiers = Notifiers::start(&plan);
    let observer = Observer::new(Clocks { monotonic: clock::now, unix_ms: clock::unix_milliseconds }, events);
    let told = notifiers.clone();
    let observer = tokio::spawn(observer.run(observations, move |observation| told.observe(observation)));

    let showing = settings.observing.then(|| tokio::spawn(show(shown)));
    let running =
        plan.scripts.iter().zip(&scripts).map(|(plan, script)| (plan.name.clone(), script.running()));
    let running = running.collect();
    // Before the first address can appear.
    let refusal = surroundings::refuse(&plan);
    let unrefused = refusal.as_ref().err().cloned();
    let pins = match settings.observing {
        true => Err(NoPins::because("observe mode leaves nothing behind")),
        false => Pins::open(&bpffs, run_dir.path()),
    };
    let blueprint = Blueprint {
        plan,
        observed,
        settings,
        inventory,
        unrefused,
        pins,
        answers: answer_sender,
        findings: finding_sender,
    };
    let (gather_sender, gathers) = mpsc::channel(inbox::GATHER_DEPTH);
    let inbox = Inbox { netlink, answers, findings, verdicts, gathers, orders };
    let (readings_sender, readings) = oneshot::channel();
    let readers = tokio::spawn(read(readings, gather_sender, running, snapshots));
    let mut ended = spawn_thread(blueprint, inbox, observation_sender, readings_sender)?;
    let result = tokio::select! {
        result = &mut ended => result,
        told = signals.told_to_stop() => {
            tracing::info!("{told}: giving up every address");
            // The queue is never full, since this is the only order; it is closed when the thread has ended.
            if order_sender.send(Order::Stop).await.is_err() {
                tracing::debug!("the VRRP thread has ended already");
            }
            ended.await
        }
    };
    let result = result.unwrap_or(Err(ThreadError::Panicked));
    drop(refusal);
    monitor.abort();
    readers.abort();
    server.abort();
    if let Some(showing) = showing {
        showing.abort();
    }
    drop(scripts);
    if timeout(DRAIN, observer).await.is_err() {
        tracing::warn!("some observations were not logged in time");
    }
    notifiers.finish().await;
    match result {
        Ok(Farewell::Settled) => {
            run_dir.clear();
            Ok(())
        }
        Ok(Farewell::Unsettled) => {
            give_back(&intentions).await?;
            run_dir.clear();
            Ok(())
        }
        Err(error) => {
            if let Err(error) = give_back(&intentions).await {
                tracing::error!("{error}");
            }
            Err(error.into())
        }
    }
}

fn spawn_thread(
    blueprint: Blueprint,
    mut inbox: Inbox,
    sender: mpsc::Sender<Observation>,
    readings: oneshot::Sender<Readings>,
) -> io::Result<oneshot::Receiver<Result<Farewell, ThreadError>>> {
    let (ending, ended) = oneshot::channel();
    thread::Builder::new().name("vrrp".into()).spawn(move || {
        let result = vrrp_thread(blueprint, &mut inbox, sender, readings);
        drop(ending.send(result));
    })?;
    Ok(ended)
}

fn vrrp_thread(
    blueprint: Blueprint,
    inbox: &mut Inbox,
    sender: mpsc::Sender<Observation>,
    readings: oneshot::Sender<Readings>,
) -> Result<Farewell, ThreadError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let _entered = runtime.enter();
    let mut engine = Engine::build(blueprint, sender)?;
    let (diagnostics, view, features) = (engine.take_diagnostics(), engine.view(), engine.features());
    drop(readings.send(Readings { diagnostics, view, features }));
    // What loading the program took is some 2 MiB, and the last chance to give it back is now.
    scheduling::return_free_memory();
    engine.privileges(scheduling::become_real_time(), scheduling::lock_memory());
    let result = runtime.block_on(turn::run(&mut engine, inbox));
    engine.leave_ports();
    Ok(result?)
}

/// What of the XDP program is read away from the VRRP thread.
struct Readings {
    diagnostics: Option<Diagnostics>,
    view: Option<View>,
    features: Vec<FeatureStatus>,
}

/// Answers for the state of the agent, and says the XDP program's own rare messages, until aborted.
async fn read(
    readings: oneshot::Receiver<Readings>,
    loop_requests: mpsc::Sender<oneshot::Sender<Gathered>>,
    running: BTreeMap<String, Arc<AtomicBool>>,
    requests: SnapshotRequests,
) {
    let Ok(Readings { diagnostics, view, features }) = readings.await else { return };
    for FeatureStatus { name, state, consequence } in
        features.iter().filter(|feature| !feature.consequence.is_empty())
    {
        tracing::info!("{name}: {state}; {consequence}");
    }
    let answerer = Answerer { loop_requests, view, running, kernel: features };
    let answering = answerer.run(requests);
    match diagnostics {
        Some(diagnostics) => {
            tokio::join!(answering, say_diagnostics(diagnostics));
        }
        None => answering.await,
    }
}

/// Formatted here and not on the VRRP thread.
async fn say_diagnostics(mut diagnostics: Diagnostics) {
    let mut ticks = tokio::time::interval(SAY_DIAGNOSTICS);
    loop {
        ticks.tick().await;
        diagnostics.flush();
    }
}

/// Observe mode: what is heard, on stdout.
async fn show(source: SnapshotSource) {
    let view = heard::View::new(io::stdout().is_terminal().then(Look::of_stdout));
    if let Err(error) = heard::watch(&source, view, &mut io::stdout()).await {
        tracing::debug!("nobody reads what is heard: {error}");
    }
}

/// The signals that the daemon answers.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Returns the name of the signal that ends the daemon.
    async fn told_to_stop(mut self) -> &'static str {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return "SIGTERM",
                _ = self.interrupt.recv() => return "SIGINT",
                _ = self.hangup.recv() => {
                    tracing::warn!("SIGHUP: reload is not supported yet; restart the agent to take a new config");
                }
            }
        }
    }
}

/// Says what was cleared away: each, where they are few.
fn tell_removed(removed: &Removed) {
    const EACH: usize = 20;
    if removed.addresses.len() + removed.routes.len() > EACH {
        tracing::warn!(
            "removed {} addresses and {} local routes: an agent that crashed had left them there",
            removed.addresses.len(),
            removed.routes.len()
        );
        return;
    }
    for Entry { device, address, prefix_length } in &removed.addresses {
        tracing::warn!(
            "removed {address}/{prefix_length} from {device}: an agent that crashed had left it there"
        );
    }
    for (device, Prefix { address, length }) in &removed.routes {
        tracing::warn!(
            "removed the local route to {address}/{length} on {device}: an agent that crashed had left it there"
        );
    }
}

/// When the VRRP thread failed, or could not wait for the kernel: nothing of ours stays on the host.
async fn give_back(intentions: &[Entry]) -> io::Result<()> {
    let mut inventory = inventory::inventory().await.map_err(io::Error::other)?;
    leftovers::remove(intentions, &mut inventory).map(drop)
}
