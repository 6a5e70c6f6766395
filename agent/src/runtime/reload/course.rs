//! A reload from the order to its report, on the control runtime: read, compare, make ready, order, tidy up.
//!
//! One at a time: orders wait for their turn, and signals that come meanwhile become one. Until [`Order::Change`] is on
//! its way everything can be left as it was, and is, when something is wrong.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use super::{
    Applied, Change,
    household::Household,
    preparing::{Prepared, Source, prepare, refused},
};
use crate::{
    net::{clock, scheduling},
    observe::reload::{Outcome, Reloads, Report, Wish},
    runtime::{inbox::Order, journal::RunDir, succession::tell_service_manager},
    words,
};

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
    Reading { asker: Asker, dry_run: bool, reading: JoinHandle<Result<Box<Prepared>, Box<Report>>> },
    Applying { asker: Asker, prepared: Box<Prepared>, applied: oneshot::Receiver<Applied> },
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
    result: Result<Box<Prepared>, Box<Report>>,
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
                    Err(report) => self.end(asker, dry_run, *report),
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
                    self.end(asker, false, *refused(Some(report), Outcome::Refused, problem));
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
        mut prepared: Box<Prepared>,
        household: &mut Household,
        run_dir: &RunDir,
        orders: &mpsc::Sender<Order>,
    ) {
        let unrefused = match household.make_ready(&prepared, run_dir).await {
            Ok(unrefused) => unrefused,
            Err(error) => {
                let problem = format!("{error:#}");
                self.end(asker, false, *refused(Some(prepared.report), Outcome::Refused, problem));
                return;
            }
        };
        let (answer, applied) = oneshot::channel();
        let Prepared { plan, diff, .. } = &mut *prepared;
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
        self.stage = Stage::Applying { asker, prepared, applied };
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
