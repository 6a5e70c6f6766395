//! The life of the daemon: start, run, end. Everything here happens on the control runtime, never on the VRRP thread.
//!
//! Order of the start, so that nothing is half done when something is in the way: run directory and lock (taken by the
//! caller), leftovers of a crash, the journal of what may become ours, the VRRP thread, scripts and the control socket. Who
//! succeeds another agent touches nothing but the journal until the VRRP thread says that it has.
//! Order of the end: the VRRP thread gives everything up, the observer drains, notify programs get their last word, the run
//! directory is cleared. Who is succeeded by another agent leaves all that as it is.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    io::{self, IsTerminal},
    os::fd::OwnedFd,
    path::PathBuf,
    sync::Arc,
    thread,
    time::Duration,
};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::{mpsc, oneshot, watch},
    task::JoinHandle,
    time::timeout,
};

use super::{
    assigner,
    build::{self, Blueprint},
    checker,
    engine::{Engine, Settings, XdpChoice},
    front::{self, DumpSignals, Dumper, Front},
    gathered::Gathered,
    inbox::{self, Inbox, Order},
    journal::{self, Entry, RunDir},
    leftovers::{self, Removed},
    reload::{Course, Household, Source},
    status::{Answerer, PictureRequests},
    succession::{
        Belongings, Cancelled, Channel, Estate, HandOver, Heir, Meaningless, Predecessor, SuccessionError,
        tell_service_manager,
    },
    surroundings::{Notifiers, Refusal, Running, Scripts},
    tell,
    turn::{self, Farewell},
};
use crate::{
    config::plan::Plan,
    net::{
        clock,
        inventory::{self, Inventory},
        monitor::Monitor,
        routes::Prefix,
        scheduling,
        vrid_claim::VridClaim,
        xdp::{Diagnostics, NoPins, Pins, View},
    },
    observe::{
        events::Events,
        handover::{Handover, HandoverWay, Wish},
        heard,
        observation::Observation,
        observer::{Clocks, Observer},
        reload::{self, ReloadWay, Reloads},
        server::{Listeners, Offer},
        snapshot::FeatureStatus,
        source::{SnapshotRequests, SnapshotSource},
        table::Look,
    },
};

/// How long the observer may take to log the end.
const DRAIN: Duration = Duration::from_secs(2);
/// How long clients may take to get their answers when another agent serves already.
const ANSWERS: Duration = Duration::from_secs(2);
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
    /// The groups, for this agent alone.
    pub claims: Vec<VridClaim>,
    /// How this agent was started, and its successor will be.
    pub command_line: Vec<OsString>,
    /// The way to the agent that this one succeeds, and its process.
    pub predecessor: Option<(Channel, u32)>,
    /// The lock of its pins.
    pub pins: Option<OwnedFd>,
    /// Where the config is, to be read again.
    pub source: Source,
    /// How it stands in for keepalived, if it does.
    pub front: Option<Front>,
}

/// Why the daemon has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It was told to.
    Told,
    /// Another one goes on in its place.
    Succeeded,
}

/// How the VRRP thread ended.
#[derive(Debug, thiserror::Error)]
enum ThreadError {
    #[error("{0}")]
    Build(#[from] super::build::BuildError),
    #[error("the VRRP thread cannot wait for events: {0}")]
    Wait(#[from] io::Error),
    #[error("{0}")]
    Succession(#[from] SuccessionError),
    #[error("cannot go on with what a dead agent left: {0}")]
    Estate(#[from] Meaningless),
    #[error("the VRRP thread ended unexpectedly; its report is above")]
    Panicked,
}

/// Runs the daemon until it is told to stop, or another one has succeeded it.
///
/// # Errors
/// When it cannot start, or the VRRP thread fails; addresses are removed in any case. When the agent that it was to succeed
/// goes on: nothing was touched then.
pub async fn run(life: Life) -> anyhow::Result<Ended> {
    let Life {
        plan,
        observed,
        settings,
        mut run_dir,
        bpffs,
        mut listeners,
        claims,
        command_line,
        predecessor,
        pins,
        source: config,
        front,
    } = life;
    // From here on a signal is an order, not an end without clean-up.
    let mut signals = Signals::new()?;
    // Those that come while one is answered become one.
    let mut hangups = signal(SignalKind::hangup())?;
    let dump_signals = front.as_ref().map(|_| DumpSignals::new()).transpose()?;
    let mut inventory = inventory::inventory().await?;
    let pins = match (settings.observing, pins) {
        (true, _) => Err(NoPins::because("observe mode leaves nothing behind")),
        (false, Some(lock)) => Pins::succeed(&bpffs, run_dir.path(), lock),
        (false, None) => Pins::open(&bpffs, run_dir.path()),
    };
    let pins_lock = pins.as_ref().ok().and_then(|pins| pins.lock().try_clone_to_owned().ok());
    let (intentions, estate) = match predecessor {
        None => cleaned_up(&plan, &settings, &run_dir, pins.as_ref().ok(), &mut inventory)?,
        Some(_) => (leftovers::intentions_beside(&plan, run_dir.leftovers(), &mut inventory), None),
    };
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
    let notifiers = Notifiers::start(&plan);
    let observer =
        Observer::new(Clocks { monotonic: clock::now, unix_ms: clock::unix_milliseconds }, events.clone());
    let told = notifiers.clone();
    let observer = tokio::spawn(observer.run(observations, move |observation| told.observe(observation)));
    // Before the first address can appear. An agent before this one refuses the same until it ends.
    let mut refusal = Refusal::default();
    let unrefused = refusal.set(&[&plan]).err();
    let reloads = Reloads::started(clock::unix_milliseconds());
    let room = (settings.xdp != XdpChoice::Off && !settings.observing).then(|| build::room(&plan));
    let blueprint = Blueprint {
        plan: plan.clone(),
        observed,
        settings: settings.clone(),
        inventory,
        unrefused,
        succeeding: predecessor.is_some() || estate.is_some(),
        pins,
        answers: answer_sender,
        findings: finding_sender,
    };
    let (gather_sender, gathers) = mpsc::channel(inbox::GATHER_DEPTH);
    let inbox = Inbox { netlink, answers, findings, verdicts, gathers, orders };
    let (readings_sender, readings) = oneshot::channel();
    let (begun_sender, begun) = oneshot::channel();
    let is_successor = predecessor.is_some();
    let before = match (predecessor, estate) {
        (Some((channel, pid)), _) => Before::Living(Predecessor { channel, pid, succeeded: begun_sender }),
        (None, Some(estate)) => Before::Dead(estate),
        (None, None) => Before::Nobody,
    };
    let mut ended = spawn_thread(blueprint, inbox, observation_sender, readings_sender, before)?;
    if is_successor {
        tokio::select! {
            begun = begun => if begun.is_err() {
                return match ended.await.unwrap_or(Err(ThreadError::Panicked)) {
                    Ok(_) => Err(ThreadError::Panicked.into()),
                    Err(error) => Err(error.into()),
                };
            },
            told = signals.told_to_stop() => {
                anyhow::bail!("{told} before anything was taken over");
            }
        }
        run_dir.succeed();
        listeners.succeed();
        claims.iter().for_each(VridClaim::sign);
    }

    let monitor = tokio::spawn(Monitor::open(netlink_sender)?.run());
    let scripts = Scripts::watch(&plan, verdict_sender);
    let running = scripts.running();
    let shown = source.clone();
    let served = listeners.again()?;
    let ((handovers, mut wishes), (end, ended_serving)) = (HandoverWay::new(), watch::channel(false));
    let (reload_way, mut reload_wishes) = ReloadWay::new();
    let offer = Offer { source, events, handovers, reloads: reload_way, end: ended_serving };
    let mut server = tokio::spawn(listeners.serve(offer));
    let showing = settings.observing.then(|| tokio::spawn(show(shown)));
    let (picture_sender, pictures) = mpsc::channel(front::DEPTH);
    let readers = tokio::spawn(read(readings, gather_sender, running, reloads.clone(), snapshots, pictures));
    let plan = Arc::new(plan);
    let (plan_sender, plan_now) = watch::channel(Arc::clone(&plan));
    let dumping = front.zip(dump_signals).map(|(front, signals)| {
        (front.ready.0)();
        let Front { namespace, dumps_at_start, .. } = front;
        let dumper = Dumper { pictures: picture_sender, plan: plan_now, namespace, cleared: BTreeMap::new() };
        tokio::spawn(dumper.run(signals, dumps_at_start))
    });
    tell_service_manager(&format!("READY=1\nMAINPID={}", std::process::id()));

    let cancelled = Cancelled::default();
    let mut under_way = None;
    let mut household =
        Household { plan, shown: plan_sender, room, claims, intentions, scripts, notifiers, refusal };
    let mut course = Course::new(config, reloads);
    let result = loop {
        tokio::select! {
            result = &mut ended => break result,
            told = signals.told_to_stop() => {
                tracing::info!("{told}: giving up every address");
                cancelled.set();
                // Closed when the thread has ended.
                if order_sender.send(Order::Stop).await.is_err() {
                    tracing::debug!("the VRRP thread has ended already");
                }
                break ended.await;
            }
            _ = hangups.recv(), if under_way.is_none() && course.is_idle() => {
                tracing::info!("SIGHUP: reading the config again");
                course.begin(reload::Wish::default(), None, &household);
            }
            Some((wish, answer)) = reload_wishes.recv(), if under_way.is_none() && course.is_idle() => {
                course.begin(wish, Some(answer), &household);
            }
            step = course.step(), if !course.is_idle() => {
                course.go_on(step, &mut household, &run_dir, &order_sender).await;
            }
            Some((wish, answer)) = wishes.recv(), if under_way.is_none() && course.is_idle() => {
                tracing::info!("{} is to take over", wish.binary.display());
                let belongings = belongings(&run_dir, &served, pins_lock.as_ref(), &household.claims);
                let handing = hand_over(
                    wish,
                    command_line.clone(),
                    belongings,
                    order_sender.clone(),
                    cancelled.clone(),
                );
                under_way = Some((tokio::spawn(handing), answer));
            }
            (outcome, answer) = outcome(&mut under_way) => {
                under_way = None;
                let handed = outcome.is_ok();
                match &outcome {
                    Ok(handover) => {
                        tell_service_manager(&format!("MAINPID={}", handover.new_pid));
                        tracing::info!("pid {} has taken over; this one ends", handover.new_pid);
                    }
                    Err(sentence) => tracing::warn!("nothing is handed over: {sentence}"),
                }
                // Whoever asked may have gone.
                drop(answer.send(outcome));
                if handed {
                    // Those who asked this agent are answered by it: the loop ends after them.
                    end.send_replace(true);
                    if timeout(ANSWERS, &mut server).await.is_err() {
                        tracing::debug!("some clients did not get their answer");
                    }
                    drop(order_sender);
                    break ended.await;
                }
            }
        }
    };
    let result = result.unwrap_or(Err(ThreadError::Panicked));
    // A signal came in between.
    if let (Ok(Farewell::HandedOver), Some((handing, answer))) = (&result, under_way.take()) {
        drop(answer.send(handing.await.unwrap_or_else(|error| Err(error.to_string()))));
    }
    // Whoever waits for a reload hears that there is none.
    drop(course);
    let Household { intentions, scripts, notifiers, refusal, .. } = household;
    drop(refusal);
    monitor.abort();
    if matches!(result, Ok(Farewell::HandedOver)) {
        end.send_replace(true);
        if !server.is_finished() {
            drop(timeout(ANSWERS, &mut server).await);
        }
    }
    server.abort();
    readers.abort();
    if let Some(showing) = showing {
        showing.abort();
    }
    if let Some(dumping) = dumping {
        dumping.abort();
    }
    drop(scripts);
    if timeout(DRAIN, observer).await.is_err() {
        tracing::warn!("some observations were not logged in time");
    }
    notifiers.finish().await;
    match result {
        Ok(Farewell::HandedOver) => {
            run_dir.leave();
            Ok(Ended::Succeeded)
        }
        Ok(Farewell::Settled) => {
            run_dir.clear();
            Ok(Ended::Told)
        }
        Ok(Farewell::Unsettled) => {
            give_back(&intentions).await?;
            run_dir.clear();
            Ok(Ended::Told)
        }
        Err(error) => {
            if let Err(error) = give_back(&intentions).await {
                tracing::error!("{error}");
            }
            Err(error.into())
        }
    }
}

/// Who speaks for the groups, or did until a moment ago.
enum Before {
    Nobody,
    Living(Predecessor),
    Dead(Estate),
}

/// Removes what a crashed agent left, but for what is gone on with, and returns what the journal must name.
fn cleaned_up(
    plan: &Plan,
    settings: &Settings,
    run_dir: &RunDir,
    pins: Option<&Pins>,
    inventory: &mut Inventory,
) -> io::Result<(Vec<Entry>, Option<Estate>)> {
    let journal = run_dir.leftovers();
    let pins = pins.filter(|_| settings.xdp != XdpChoice::Off);
    let estate = pins.and_then(|pins| Estate::find(plan, pins.leftovers(), &journal, inventory));
    let kept = estate.as_ref().map_or(&[][..], |estate| &estate.entries);
    // While the dead agents' programs still keep the host silent.
    let mut left = journal;
    let ports = build::indexes(plan, inventory);
    let others = pins.map(|pins| pins.dead_run_dirs(&ports)).unwrap_or_default();
    left.extend(others.iter().flat_map(|other| journal::left_in(other)));
    let removed = leftovers::remove(&left, kept, inventory)?;
    tell_removed(&removed);
    if let (Some(pins), Some(_)) = (pins, &estate) {
        pins.sweep_dead(&ports).swept.iter().for_each(|swept| tracing::warn!("removed {swept}"));
    }
    let intentions = leftovers::intentions_beside(plan, kept.to_vec(), inventory);
    Ok((intentions, estate))
}

/// What a successor is given.
fn belongings(
    run_dir: &RunDir,
    (control, metrics): &(OwnedFd, Option<OwnedFd>),
    pins: Option<&OwnedFd>,
    claims: &[VridClaim],
) -> io::Result<Belongings> {
    Ok(Belongings {
        lock: run_dir.lock()?,
        control: control.try_clone()?,
        metrics: metrics.as_ref().map(OwnedFd::try_clone).transpose()?,
        pins: pins.map(OwnedFd::try_clone).transpose()?,
        claims: claims.iter().map(VridClaim::again).collect::<io::Result<_>>()?,
    })
}

/// Starts a successor and lets it take over.
async fn hand_over(
    wish: Wish,
    command_line: Vec<OsString>,
    belongings: io::Result<Belongings>,
    orders: mpsc::Sender<Order>,
    cancelled: Cancelled,
) -> Result<Handover, String> {
    let started = tokio::task::spawn_blocking(move || {
        let belongings = belongings.map_err(|error| format!("no descriptors are left: {error}"))?;
        let mut heir = Heir::start(&wish.binary, &command_line, &belongings)?;
        let groups = heir.wait_ready(Duration::from_millis(wish.patience_ms), &cancelled)?;
        Ok::<_, String>((heir, groups))
    });
    let (heir, groups) = started.await.map_err(|error| error.to_string())??;
    let channel = heir.channel().map_err(|error| format!("no descriptors are left: {error}"))?;
    let (answer, outcome) = oneshot::channel();
    let order = HandOver { channel, groups, ordered: clock::now(), answer };
    if orders.send(Order::HandOver(order)).await.is_err() {
        return Err("the VRRP thread has ended".into());
    }
    let handed = outcome.await.unwrap_or_else(|_| Err("the VRRP thread has ended".into()))?;
    let handover = Handover {
        old_pid: std::process::id(),
        new_pid: heir.pid(),
        standstill_us: u64::try_from(handed.standstill.as_micros()).unwrap_or(u64::MAX),
    };
    heir.let_go();
    Ok(handover)
}

/// A handover that is under way, and who asked for it.
type UnderWay = (JoinHandle<Result<Handover, String>>, oneshot::Sender<Result<Handover, String>>);

/// Waits for the handover that is under way; for ever when there is none. Cancel-safe.
async fn outcome(
    under_way: &mut Option<UnderWay>,
) -> (Result<Handover, String>, oneshot::Sender<Result<Handover, String>>) {
    let result = match under_way.as_mut() {
        Some((handing, _)) => handing.await.unwrap_or_else(|error| Err(error.to_string())),
        None => std::future::pending().await,
    };
    match under_way.take() {
        Some((_, answer)) => (result, answer),
        None => std::future::pending().await,
    }
}

fn spawn_thread(
    blueprint: Blueprint,
    mut inbox: Inbox,
    sender: mpsc::Sender<Observation>,
    readings: oneshot::Sender<Readings>,
    before: Before,
) -> io::Result<oneshot::Receiver<Result<Farewell, ThreadError>>> {
    let (ending, ended) = oneshot::channel();
    thread::Builder::new().name("vrrp".into()).spawn(move || {
        let result = vrrp_thread(blueprint, &mut inbox, sender, readings, before);
        drop(ending.send(result));
    })?;
    Ok(ended)
}

fn vrrp_thread(
    blueprint: Blueprint,
    inbox: &mut Inbox,
    sender: mpsc::Sender<Observation>,
    readings: oneshot::Sender<Readings>,
    before: Before,
) -> Result<Farewell, ThreadError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    let _entered = runtime.enter();
    let mut engine = Engine::build(blueprint, sender)?;
    let (diagnostics, view, features) = (engine.take_diagnostics(), engine.view(), engine.features());
    drop(readings.send(Readings { diagnostics, view, features }));
    // What loading the program took is some 2 MiB, and the last chance to give it back is now.
    scheduling::return_free_memory();
    engine.privileges(scheduling::become_real_time(), scheduling::lock_memory());
    let inheritance = match before {
        Before::Nobody => None,
        Before::Living(predecessor) => Some(predecessor.succeed(&mut engine)?),
        Before::Dead(estate) => Some(engine.take_in_estate(estate)?),
    };
    let result = runtime.block_on(turn::run(&mut engine, inbox, inheritance));
    if !matches!(result, Ok(Farewell::HandedOver)) {
        engine.leave_ports();
    }
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
    running: Running,
    reloads: Reloads,
    requests: SnapshotRequests,
    pictures: PictureRequests,
) {
    let Ok(Readings { diagnostics, view, features }) = readings.await else { return };
    for FeatureStatus { name, state, consequence } in
        features.iter().filter(|feature| !feature.consequence.is_empty())
    {
        tracing::info!("{name}: {state}; {consequence}");
    }
    let answerer = Answerer { loop_requests, view, running, reloads, kernel: features };
    let answering = answerer.run(requests, pictures);
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

/// The signals that end the daemon.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Returns the name of the signal that ends the daemon. Cancel-safe.
    async fn told_to_stop(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
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

/// Removes what a crashed agent left, with no agent to follow, and says what.
///
/// # Errors
/// When something cannot be removed: what on what, and how to do it by hand.
pub fn clear_leftovers(run_dir: &RunDir, inventory: &mut Inventory) -> io::Result<Vec<String>> {
    let Removed { addresses, routes } = leftovers::remove(&run_dir.leftovers(), &[], inventory)?;
    let addresses = addresses.iter().map(|Entry { device, address, prefix_length }| {
        format!("address {address}/{prefix_length} from {device}")
    });
    let routes = routes
        .iter()
        .map(|(device, Prefix { address, length })| format!("local route to {address}/{length} on {device}"));
    Ok(addresses.chain(routes).collect())
}

/// When the VRRP thread failed, or could not wait for the kernel: nothing of ours stays on the host.
async fn give_back(intentions: &[Entry]) -> io::Result<()> {
    let mut inventory = inventory::inventory().await.map_err(io::Error::other)?;
    leftovers::remove(intentions, &[], &mut inventory).map(drop)
}
