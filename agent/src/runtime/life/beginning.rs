//! The beginning: from what the daemon is started with to one that runs, or to nothing touched.

use std::{collections::BTreeMap, os::fd::OwnedFd, path::Path, sync::Arc};

use tokio::sync::{mpsc, oneshot, watch};

use super::{
    Life,
    alive::{Alive, Doors, Tasks},
    clearing::cleaned_up,
    reading,
    signals::Signals,
    thread::{self, Before, ThreadError},
};
use crate::{
    config::plan::Plan,
    net::{
        clock,
        inventory::{self, Inventory},
        monitor::Monitor,
        vrid_claim::VridClaim,
        xdp::{NoPins, Pins},
    },
    observe::{
        events::Events,
        handover::HandoverWay,
        observer::{Clocks, Observer},
        reload::{ReloadWay, Reloads},
        server::Offer,
        source::SnapshotSource,
    },
    runtime::{
        assigner,
        build::{self, Blueprint},
        checker,
        engine::{Settings, XdpChoice},
        front::{self, DumpSignals, Dumper, Front},
        inbox::{self, Inbox, Order},
        journal::{Entry, RunDir},
        leftovers,
        reload::{Course, Household},
        succession::{Cancelled, Estate, Predecessor, tell_service_manager},
        surroundings::{Notifiers, Refusal, Scripts},
        tell,
    },
};

/// Starts everything, in the order that `life` names; with the one way to give the VRRP thread orders.
///
/// # Errors
/// What was attempted, on what. Of a successor: the agent before it goes on.
pub(super) async fn begin(life: Life, signals: &mut Signals) -> anyhow::Result<(Alive, mpsc::Sender<Order>)> {
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
    let dump_signals = front.as_ref().map(|_| DumpSignals::new()).transpose()?;
    let Ground { inventory, pins, pins_lock, intentions, estate } =
        ground(&plan, &settings, &run_dir, &bpffs, pins, predecessor.is_some()).await?;
    let (netlink_sender, netlink) = mpsc::channel(inbox::NETLINK_DEPTH);
    let (answer_sender, answers) = mpsc::channel(assigner::ANSWERS_DEPTH);
    let (finding_sender, findings) = mpsc::channel(checker::CHECKED_DEPTH);
    let (verdict_sender, verdicts) = mpsc::channel(inbox::VERDICT_DEPTH);
    let (orders, order_receiver) = mpsc::channel(inbox::ORDER_DEPTH);
    let (gather_sender, gathers) = mpsc::channel(inbox::GATHER_DEPTH);
    let (observation_sender, observations) = mpsc::channel(tell::DEPTH);
    let (source, snapshots) = SnapshotSource::new();
    let events = Events::default();
    let notifiers = Notifiers::start(&plan);
    let observer =
        Observer::new(Clocks { monotonic: clock::now, unix_ms: clock::unix_milliseconds }, events.clone());
    let told = notifiers.clone();
    let observer = tokio::spawn(observer.run(observations, move |observation| told.observe(observation)));
    // Before the first address can appear. An agent before this one refuses the same until it ends.
    let mut refusal = Refusal::default();
    let unrefused = refusal.set(&[&plan]).err();
    let room = (settings.xdp != XdpChoice::Off && !settings.observing).then(|| build::room(&plan));
    let blueprint = Blueprint {
        plan: plan.clone(),
        observed: observed_ports(observed, &settings, &inventory),
        settings: settings.clone(),
        inventory,
        unrefused,
        succeeding: predecessor.is_some() || estate.is_some(),
        pins,
        answers: answer_sender,
        findings: finding_sender,
    };
    let inbox = Inbox { netlink, answers, findings, verdicts, gathers, orders: order_receiver };
    let (readings_sender, readings) = oneshot::channel();
    let (begun_sender, begun) = oneshot::channel();
    let is_successor = predecessor.is_some();
    let before = match (predecessor, estate) {
        (Some((channel, pid)), _) => Before::Living(Predecessor { channel, pid, succeeded: begun_sender }),
        (None, Some(estate)) => Before::Dead(estate),
        (None, None) => Before::Nobody,
    };
    let ended = thread::spawn(blueprint, inbox, observation_sender, readings_sender, before)?;
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
    let showing = settings.observing.then(|| tokio::spawn(reading::show(source.clone())));
    let served = listeners.again()?;
    let ((handover_way, handovers), (end, ended_serving)) = (HandoverWay::new(), watch::channel(false));
    let (reload_way, reloads_wished) = ReloadWay::new();
    let offer = Offer { source, events, handovers: handover_way, reloads: reload_way, end: ended_serving };
    let server = tokio::spawn(listeners.serve(offer));
    let reloads = Reloads::started(clock::unix_milliseconds());
    let (picture_sender, pictures) = mpsc::channel(front::DEPTH);
    let readers = reading::read(readings, gather_sender, running, reloads.clone(), snapshots, pictures);
    let readers = tokio::spawn(readers);
    let plan = Arc::new(plan);
    let (shown, plan_now) = watch::channel(Arc::clone(&plan));
    let dumping = front.zip(dump_signals).map(|(front, signals)| {
        (front.ready.0)();
        let Front { namespace, dumps_at_start, .. } = front;
        let dumper = Dumper { pictures: picture_sender, plan: plan_now, namespace, cleared: BTreeMap::new() };
        tokio::spawn(dumper.run(signals, dumps_at_start))
    });
    tell_service_manager(&format!("READY=1\nMAINPID={}", std::process::id()));
    let alive = Alive {
        ended,
        run_dir,
        household: Household { plan, shown, room, claims, intentions, scripts, notifiers, refusal },
        course: Course::new(config, reloads),
        doors: Doors { server, end, served, handovers, reloads: reloads_wished },
        tasks: Tasks { monitor, readers, showing, dumping, observer },
        command_line,
        pins_lock,
        cancelled: Cancelled::default(),
        under_way: None,
    };
    Ok((alive, orders))
}

/// What is there when the daemon begins.
struct Ground {
    inventory: Inventory,
    pins: Result<Pins, NoPins>,
    pins_lock: Option<OwnedFd>,
    /// What the journal names.
    intentions: Vec<Entry>,
    /// What a dead agent left that this one goes on with.
    estate: Option<Estate>,
}

/// Looks at the host, clears away what no agent goes on with, and writes the journal.
async fn ground(
    plan: &Plan,
    settings: &Settings,
    run_dir: &RunDir,
    bpffs: &Path,
    given: Option<OwnedFd>,
    is_successor: bool,
) -> anyhow::Result<Ground> {
    let mut inventory = inventory::inventory().await?;
    let pins = match (settings.observing, given) {
        (true, _) => Err(NoPins::because("observe mode leaves nothing behind")),
        (false, Some(lock)) => Pins::succeed(bpffs, run_dir.path(), lock),
        (false, None) => Pins::open(bpffs, run_dir.path()),
    };
    let pins_lock = pins.as_ref().ok().and_then(|pins| pins.lock().try_clone_to_owned().ok());
    let (intentions, estate) = if is_successor {
        (leftovers::intentions_beside(plan, run_dir.leftovers(), &mut inventory), None)
    } else {
        cleaned_up(plan, settings, run_dir, pins.as_ref().ok(), &mut inventory)?
    };
    run_dir.write(intentions.clone()).map_err(|error| {
        anyhow::anyhow!("cannot write the journal in {}: {error}", run_dir.path().display())
    })?;
    Ok(Ground { inventory, pins, pins_lock, intentions, estate })
}

/// In observe mode with no interface named: all that are up.
fn observed_ports(named: Vec<String>, settings: &Settings, inventory: &Inventory) -> Vec<String> {
    if !settings.observing || !named.is_empty() {
        return named;
    }
    let up = inventory.links.iter().filter(|link| link.up && !link.loopback);
    up.map(|link| link.name.clone()).collect()
}
