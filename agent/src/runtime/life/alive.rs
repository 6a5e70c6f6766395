//! The daemon while it runs: what is asked of it, one thing after the other, and the end.

use std::{ffi::OsString, io, os::fd::OwnedFd, time::Duration};

use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinHandle,
    time::timeout,
};

use super::{
    Ended,
    clearing::give_back,
    handing::{UnderWay, belongings, hand_over, outcome},
    signals::{Signals, Told},
    thread::ThreadError,
};
use crate::{
    observe::{
        handover::{Handover, HandoverRequest},
        reload::{self, ReloadRequest},
    },
    runtime::{
        inbox::Order,
        journal::RunDir,
        reload::{Course, Household},
        succession::{Cancelled, tell_service_manager},
        turn::Farewell,
    },
};

/// How long the observer may take to log the end.
const DRAIN: Duration = Duration::from_secs(2);
/// How long clients may take to get their answers when another agent serves already.
const ANSWERS: Duration = Duration::from_secs(2);

/// Everything of a daemon that runs.
pub(super) struct Alive {
    /// How the VRRP thread ended.
    pub ended: oneshot::Receiver<Result<Farewell, ThreadError>>,
    pub run_dir: RunDir,
    pub household: Household,
    pub course: Course,
    pub doors: Doors,
    pub tasks: Tasks,
    pub command_line: Vec<OsString>,
    pub pins_lock: Option<OwnedFd>,
    /// Whoever starts a successor must stop.
    pub cancelled: Cancelled,
    pub under_way: Option<UnderWay>,
}

/// Where it is asked for something.
pub(super) struct Doors {
    pub server: JoinHandle<()>,
    /// Those who ask are told that another agent answers from now on.
    pub end: watch::Sender<bool>,
    /// The sockets, for a successor.
    pub served: (OwnedFd, Option<OwnedFd>),
    pub handovers: mpsc::Receiver<HandoverRequest>,
    pub reloads: mpsc::Receiver<ReloadRequest>,
}

/// What runs beside it.
pub(super) struct Tasks {
    pub monitor: JoinHandle<io::Result<()>>,
    pub readers: JoinHandle<()>,
    pub showing: Option<JoinHandle<()>>,
    pub dumping: Option<JoinHandle<()>>,
    pub observer: JoinHandle<()>,
}

impl Alive {
    /// Answers until the VRRP thread has ended. One thing at a time: a reload and a hand-over exclude each other. A thread that
    /// has handed over ends when nobody can give it `orders` any more.
    pub async fn attend(
        &mut self,
        signals: &mut Signals,
        orders: mpsc::Sender<Order>,
    ) -> Result<Farewell, ThreadError> {
        let result = loop {
            let is_idle = self.under_way.is_none() && self.course.is_idle();
            tokio::select! {
                result = &mut self.ended => break result,
                told = signals.order(is_idle) => match told {
                    Told::ToStop(signal) => break self.give_up(signal, &orders).await,
                    Told::ToReload => {
                        tracing::info!("SIGHUP: reading the config again");
                        self.course.begin(reload::Wish::default(), None, &self.household);
                    }
                },
                Some((wish, answer)) = self.doors.reloads.recv(), if is_idle => {
                    self.course.begin(wish, Some(answer), &self.household);
                }
                step = self.course.step(), if !self.course.is_idle() => {
                    self.course.go_on(step, &mut self.household, &self.run_dir, &orders).await;
                }
                Some((wish, answer)) = self.doors.handovers.recv(), if is_idle => {
                    tracing::info!("{} is to take over", wish.binary.display());
                    let handing = hand_over(
                        wish,
                        self.command_line.clone(),
                        belongings(&self.run_dir, &self.doors.served, self.pins_lock.as_ref(), &self.household.claims),
                        orders.clone(),
                        self.cancelled.clone(),
                    );
                    self.under_way = Some((tokio::spawn(handing), answer));
                }
                (outcome, answer) = outcome(&mut self.under_way) => {
                    if self.handed(outcome, answer).await {
                        drop(orders);
                        break (&mut self.ended).await;
                    }
                }
            }
        };
        result.unwrap_or(Err(ThreadError::Panicked))
    }

    async fn give_up(
        &mut self,
        signal: &str,
        orders: &mpsc::Sender<Order>,
    ) -> Result<Result<Farewell, ThreadError>, oneshot::error::RecvError> {
        tracing::info!("{signal}: giving up every address");
        self.cancelled.set();
        // Closed when the thread has ended.
        if orders.send(Order::Stop).await.is_err() {
            tracing::debug!("the VRRP thread has ended already");
        }
        (&mut self.ended).await
    }

    /// A hand-over came to its end; whether another agent goes on.
    async fn handed(
        &mut self,
        outcome: Result<Handover, String>,
        answer: oneshot::Sender<Result<Handover, String>>,
    ) -> bool {
        self.under_way = None;
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
            self.doors.end.send_replace(true);
            if timeout(ANSWERS, &mut self.doors.server).await.is_err() {
                tracing::debug!("some clients did not get their answer");
            }
        }
        handed
    }

    /// Everything ends that runs beside the VRRP thread, which ended like this.
    ///
    /// # Errors
    /// It failed, or its addresses cannot be given back.
    pub async fn end(self, result: Result<Farewell, ThreadError>) -> anyhow::Result<Ended> {
        let Self { run_dir, household, course, doors, tasks, under_way, .. } = self;
        let mut server = doors.server;
        // A signal came in between.
        if let (Ok(Farewell::HandedOver), Some((handing, answer))) = (&result, under_way) {
            drop(answer.send(handing.await.unwrap_or_else(|error| Err(error.to_string()))));
        }
        // Whoever waits for a reload hears that there is none.
        drop(course);
        let Household { intentions, scripts, notifiers, refusal, .. } = household;
        drop(refusal);
        tasks.monitor.abort();
        if matches!(result, Ok(Farewell::HandedOver)) {
            doors.end.send_replace(true);
            if !server.is_finished() {
                drop(timeout(ANSWERS, &mut server).await);
            }
        }
        server.abort();
        tasks.readers.abort();
        [tasks.showing, tasks.dumping].into_iter().flatten().for_each(|task| task.abort());
        drop(scripts);
        if timeout(DRAIN, tasks.observer).await.is_err() {
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
}
