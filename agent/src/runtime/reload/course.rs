//! A reload from the order to its report, on the control runtime: read, compare, make ready, order, tidy up.
//!
//! One at a time: orders wait for their turn, and signals that come meanwhile become one. Until [`Order::Change`] is on
//! its way everything can be left as it was, and is, when something is wrong.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use super::{
    Applied, Change,
    reading::{self, limited_to},
};
use crate::{
    config::plan::{
        InstancePlan, Plan,
        diff::{Diff, Line},
    },
    net::{clock, inventory, scheduling, vrid_claim::VridClaim, xdp::Capacity},
    observe::reload::{Outcome, Reloads, Report, Wish},
    runtime::{
        contenders,
        inbox::Order,
        journal::{Entry, RunDir},
        leftovers,
        succession::tell_service_manager,
        surroundings::{Notifiers, Refusal, Scripts},
    },
    words,
};

/// Where the config is that can be read again.
#[derive(Clone, Debug)]
pub enum Source {
    /// The file that the agent was started with.
    File {
        /// The file.
        path: PathBuf,
        /// `--iface`: only these interfaces.
        interfaces: Vec<String>,
        /// `--xdp` was said: the config's word does not count.
        is_xdp_fixed: bool,
    },
    /// There is none: why.
    Nowhere(&'static str),
}

/// What belongs to the plan outside of the VRRP thread, and changes with it.
#[derive(Debug)]
pub struct Household {
    /// The plan that runs.
    pub plan: Arc<Plan>,
    /// What the program has room for; `None` without XDP.
    pub room: Option<Capacity>,
    /// The groups, for this agent alone.
    pub claims: Vec<VridClaim>,
    /// What the journal names.
    pub intentions: Vec<Entry>,
    /// Scripts that are watched.
    pub scripts: Scripts,
    /// Notify programs.
    pub notifiers: Notifiers,
    /// Addresses that take no packets.
    pub refusal: Refusal,
}

/// Who wants to know how it ends; `None`: a signal, nobody but the log.
type Asker = Option<oneshot::Sender<Report>>;

/// The reload under way, if there is one.
#[derive(Debug)]
pub struct Course {
    source: Source,
    reloads: Reloads,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Idle,
    Reading { asker: Asker, dry_run: bool, reading: JoinHandle<Result<Prepared, Report>> },
    Applying { asker: Asker, prepared: Box<Prepared>, applied: oneshot::Receiver<Applied> },
}

/// A config that could be applied.
#[derive(Debug)]
struct Prepared {
    plan: Arc<Plan>,
    diff: Diff,
    report: Report,
}

/// Something is over.
#[derive(Debug)]
pub enum Step {
    /// The config was read and compared, or is none to run.
    Read(ReadStep),
    /// The VRRP thread has done what was ordered, or has ended.
    Applied(AppliedStep),
}

/// See [`Step::Read`].
#[derive(Debug)]
pub struct ReadStep {
    asker: Asker,
    dry_run: bool,
    result: Result<Prepared, Report>,
}

/// See [`Step::Applied`].
#[derive(Debug)]
pub struct AppliedStep {
    asker: Asker,
    prepared: Box<Prepared>,
    applied: Option<Applied>,
}

impl Course {
    /// Nothing is under way.
    pub const fn new(source: Source, reloads: Reloads) -> Self {
        Self { source, reloads, stage: Stage::Idle }
    }

    /// Whether a reload can begin.
    pub const fn is_idle(&self) -> bool {
        matches!(self.stage, Stage::Idle)
    }

    /// Begins: the config is read and compared on another thread.
    pub fn begin(&mut self, wish: Wish, asker: Asker, household: &Household) {
        if !wish.dry_run {
            let now = clock::now().nanoseconds() / 1000;
            tell_service_manager(&format!("RELOADING=1\nMONOTONIC_USEC={now}"));
        }
        let (source, old, room) = (self.source.clone(), Arc::clone(&household.plan), household.room);
        let reading = tokio::task::spawn_blocking(move || prepare(&source, &old, room));
        self.stage = Stage::Reading { asker, dry_run: wish.dry_run, reading };
    }

    /// Waits for what is under way; for ever when nothing is. Cancel-safe.
    pub async fn step(&mut self) -> Step {
        match &mut self.stage {
            Stage::Idle => std::future::pending().await,
            Stage::Reading { reading, .. } => {
                let result = reading.await.unwrap_or_else(|error| {
                    Err(refused(None, Outcome::Refused, format!("reading it failed: {error}")))
                });
                match std::mem::replace(&mut self.stage, Stage::Idle) {
                    Stage::Reading { asker, dry_run, reading: _ } => {
                        Step::Read(ReadStep { asker, dry_run, result })
                    }
                    Stage::Idle | Stage::Applying { .. } => std::future::pending().await,
                }
            }
            Stage::Applying { applied, .. } => {
                let applied = applied.await.ok();
                match std::mem::replace(&mut self.stage, Stage::Idle) {
                    Stage::Applying { asker, prepared, .. } => {
                        Step::Applied(AppliedStep { asker, prepared, applied })
                    }
                    Stage::Idle | Stage::Reading { .. } => std::future::pending().await,
                }
            }
        }
    }

    /// Goes on with what is over.
    pub async fn go_on(
        &mut self,
        step: Step,
        household: &mut Household,
        run_dir: &RunDir,
        orders: &mpsc::Sender<Order>,
    ) {
        match step {
            Step::Read(ReadStep { asker, dry_run, result }) => {
                scheduling::return_free_memory();
                match result {
                    Err(report) => self.end(asker, dry_run, report),
                    Ok(prepared) if dry_run || prepared.diff.is_empty() => {
                        let outcome =
                            if prepared.diff.is_empty() { Outcome::Unchanged } else { Outcome::WouldApply };
                        self.end(asker, dry_run, Report { outcome, ..prepared.report });
                    }
                    Ok(prepared) => self.commit(asker, prepared, household, run_dir, orders).await,
                }
            }
            Step::Applied(AppliedStep { asker, prepared, applied }) => {
                let Prepared { plan, report, .. } = *prepared;
                let Some(applied) = applied else {
                    let problem = "the agent ended in the middle of it".to_owned();
                    self.end(asker, false, refused(Some(report), Outcome::Refused, problem));
                    return;
                };
                household.settle(plan, applied.is_settled, run_dir);
                let took_us = u64::try_from(applied.took.as_micros()).unwrap_or(u64::MAX);
                self.end(asker, false, Report { outcome: Outcome::Applied, took_us, ..report });
            }
        }
    }

    /// What can fail is done before anything is changed; then the VRRP thread is told.
    async fn commit(
        &mut self,
        asker: Asker,
        mut prepared: Prepared,
        household: &mut Household,
        run_dir: &RunDir,
        orders: &mpsc::Sender<Order>,
    ) {
        let unrefused = match household.make_ready(&prepared, run_dir).await {
            Ok(unrefused) => unrefused,
            Err(error) => {
                let problem = format!("{error:#}");
                self.end(asker, false, refused(Some(prepared.report), Outcome::Refused, problem));
                return;
            }
        };
        let (answer, applied) = oneshot::channel();
        let (plan, diff) = (&prepared.plan, &mut prepared.diff);
        let change = Change {
            instances: std::mem::take(&mut diff.instances),
            removed: std::mem::take(&mut diff.removed),
            pace: plan.pace,
            pace_groups: plan.pace_groups.clone(),
            router_id: plan.router_id.clone(),
            unrefused,
            answer,
        };
        // A thread that has ended drops the way to answer as well.
        drop(orders.send(Order::Change(change)).await);
        self.stage = Stage::Applying { asker, prepared: Box::new(prepared), applied };
    }

    /// Says how it ended, to everybody.
    fn end(&self, asker: Asker, dry_run: bool, report: Report) {
        if !dry_run {
            self.reloads.note(&report, clock::unix_milliseconds());
            tell(&report);
            let status = report.problem.as_deref().map_or_else(
                || "running".to_owned(),
                |problem| format!("running with the config of before: {}", first_line(problem)),
            );
            tell_service_manager(&format!("READY=1\nSTATUS={status}"));
        }
        if let Some(asker) = asker {
            // Whoever asked may have gone.
            drop(asker.send(report));
        }
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// Says in the log what became of a reload.
fn tell(report: &Report) {
    let config = report.config.as_deref().unwrap_or("the config");
    report.changes.iter().for_each(|line| tracing::info!("reload: {line}"));
    report.notes.iter().for_each(|note| tracing::warn!("reload: {note}"));
    match (&report.problem, report.outcome) {
        (Some(problem), _) => tracing::error!("{config} is not applied, everything is as it was: {problem}"),
        (None, Outcome::Unchanged) => tracing::info!("{config} was read again: nothing has changed"),
        (None, _) => tracing::info!(
            "{config} is applied in {}: {} changes, {} instances go on as they are",
            words::lapse(Duration::from_micros(report.took_us)),
            report.changes.len(),
            report.unchanged
        ),
    }
}

/// Reads and compares. Blocks.
fn prepare(source: &Source, old: &Arc<Plan>, room: Option<Capacity>) -> Result<Prepared, Report> {
    let (path, interfaces, is_xdp_fixed) = match source {
        Source::File { path, interfaces, is_xdp_fixed } => (path, interfaces, *is_xdp_fixed),
        Source::Nowhere(why) => return Err(refused(None, Outcome::Refused, (*why).to_owned())),
    };
    let mut report = Report {
        outcome: Outcome::WouldApply,
        config: Some(path.display().to_string()),
        problem: None,
        diagnostics: String::new(),
        changes: Vec::new(),
        unchanged: 0,
        notes: Vec::new(),
        took_us: 0,
    };
    let read = match reading::read_apart(path) {
        Ok(read) => read,
        Err(error) => return Err(refused(Some(report), Outcome::BadConfig, error.to_string())),
    };
    read.tell();
    report.diagnostics.clone_from(&read.rendered);
    let bad = |report, problem: String| Err(refused(Some(report), Outcome::BadConfig, problem));
    if !read.left_out.is_empty() {
        let problem = read.who_cannot_run();
        return bad(report, problem);
    }
    if read.has_errors {
        return bad(report, "it has errors".to_owned());
    }
    let new = limited_to(read.plan, interfaces);
    if new.instances.is_empty() {
        let problem = "it has no vrrp_instance to run; an agent that is to give up everything is stopped";
        return bad(report, problem.to_owned());
    }
    let diff = Diff::between(old, &new);
    report.changes = diff.lines(old).iter().map(Line::text).collect();
    report.unchanged = diff.unchanged();
    report.notes = notes(old, &new, is_xdp_fixed);
    if let Some(problem) = room.and_then(|room| without_room(&room, old, &diff)) {
        return Err(refused(Some(report), Outcome::Refused, problem));
    }
    Ok(Prepared { plan: Arc::new(new), diff, report })
}

fn refused(report: Option<Report>, outcome: Outcome, problem: String) -> Report {
    let problem = Some(problem);
    match report {
        Some(report) => Report { outcome, problem, ..report },
        None => Report {
            outcome,
            config: None,
            problem,
            diagnostics: String::new(),
            changes: Vec::new(),
            unchanged: 0,
            notes: Vec::new(),
            took_us: 0,
        },
    }
}

/// What a running agent cannot be: it is said, and the rest is applied.
fn notes(old: &Plan, new: &Plan, is_xdp_fixed: bool) -> Vec<String> {
    let mut notes = Vec::new();
    if old.xdp != new.xdp && !is_xdp_fixed {
        notes.push("`xdp` is not changed in a running agent: `agent handover` takes it over".to_owned());
    }
    let delays = |plan: &Plan| (plan.startup_delay, plan.delay_after_boot);
    if delays(old) != delays(new) {
        notes.push("`vrrp_startup_delay` and `vrrp_delay_after_boot` count from the next start".to_owned());
    }
    notes
}

/// The maps of a program cannot grow.
fn without_room(room: &Capacity, old: &Plan, diff: &Diff) -> Option<String> {
    let added = || diff.added().map(|plan| &**plan);
    let addresses = |plan: &InstancePlan| plan.address_count();
    let peers = |plan: &InstancePlan| plan.transport.peers().len();
    // All that is there, and all that may be new: what goes has its place until it is gone.
    let changed = || diff.changed().map(|plan| &**plan).chain(added());
    let sum = |of: fn(&InstancePlan) -> usize| {
        old.instances.iter().map(of).sum::<usize>() + changed().map(of).sum::<usize>()
    };
    let wants = [
        ("instances", old.instances.len() + added().count(), room.instances),
        ("virtual addresses", sum(addresses).min(union(old, changed())), room.vips),
        ("unicast peers", sum(peers), room.peers),
    ];
    wants.into_iter().find(|(_, wanted, room)| u32::try_from(*wanted).unwrap_or(u32::MAX) > *room).map(
        |(what, wanted, room)| {
            format!(
                "the XDP program of this agent was loaded with room for {room} {what}, and this change needs {wanted}: \
                 `agent handover` takes the new config over, with as much room as that needs"
            )
        },
    )
}

/// How many addresses there are before and after, each counted once.
fn union<'a>(old: &'a Plan, changed: impl Iterator<Item = &'a InstancePlan>) -> usize {
    let all = old.instances.iter().chain(changed).flat_map(|plan| {
        let own = plan.addresses.iter().chain(&plan.excluded);
        own.map(|address| {
            let device = address.device.as_deref().unwrap_or(&plan.interface);
            (address.address, address.prefix_length, device)
        })
    });
    all.collect::<BTreeSet<_>>().len()
}

impl Household {
    /// Does what can fail, and undoes it then: claims what is new, writes into the journal what may become ours. Then what
    /// cannot: scripts and programs of the new plan, beside those of the old. Returns why addresses that are to be refused
    /// are not.
    async fn make_ready(&mut self, prepared: &Prepared, run_dir: &RunDir) -> anyhow::Result<Option<String>> {
        let (plan, diff) = (&prepared.plan, &prepared.diff);
        let held: BTreeSet<String> = self.plan.instances.iter().map(contenders::name_of).collect();
        let new: Vec<&InstancePlan> = diff
            .added()
            .map(|plan| &**plan)
            .filter(|plan| !held.contains(&contenders::name_of(plan)))
            .collect();
        if !new.is_empty() {
            contenders::nobody_else(&new)?;
        }
        let claims = contenders::claimed(new, &mut BTreeMap::new())?;
        let mut inventory = inventory::inventory().await?;
        let intentions = leftovers::intentions_beside(plan, self.intentions.clone(), &mut inventory);
        run_dir.write(intentions.clone()).map_err(|error| {
            anyhow::anyhow!("cannot write the journal in {}: {error}", run_dir.path().display())
        })?;
        self.intentions = intentions;
        self.claims.extend(claims);
        // Before the first address can appear.
        let unrefused = self.refusal.set(&[&self.plan, plan]).err();
        self.scripts.reload(plan);
        self.notifiers.reload(plan);
        Ok(unrefused)
    }

    /// The plan is this one: what only the old one needed is let go of.
    fn settle(&mut self, plan: Arc<Plan>, is_settled: bool, run_dir: &RunDir) {
        self.plan = plan;
        let wanted: BTreeSet<String> = self.plan.instances.iter().map(contenders::name_of).collect();
        self.claims.retain(|claim| wanted.contains(claim.name()));
        // What refuses more than it should, until the next reload, was said when it could not refuse at all.
        drop(self.refusal.set(&[&self.plan]));
        tokio::spawn(self.notifiers.clone().forget());
        if is_settled {
            leftovers::retain_named(&self.plan, &mut self.intentions);
            if let Err(error) = run_dir.write(self.intentions.clone()) {
                tracing::warn!("the journal names addresses that are not ours any more: {error}");
            }
        }
    }
}
