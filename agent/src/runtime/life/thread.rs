//! The VRRP thread: how it begins, what it needs of its agent, how it ends.

use std::{io, thread};

use tokio::sync::{mpsc, oneshot};

use super::reading::Readings;
use crate::{
    net::scheduling,
    observe::observation::Observation,
    runtime::{
        build::{Blueprint, BuildError},
        engine::Engine,
        inbox::Inbox,
        succession::{Estate, Meaningless, Predecessor, SuccessionError},
        turn::{self, Farewell},
    },
};

/// How the VRRP thread ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum ThreadError {
    #[error("{0}")]
    Build(#[from] BuildError),
    #[error("the VRRP thread cannot wait for events: {0}")]
    Wait(#[from] io::Error),
    #[error("{0}")]
    Succession(#[from] SuccessionError),
    #[error("cannot go on with what a dead agent left: {0}")]
    Estate(#[from] Meaningless),
    #[error("the VRRP thread ended unexpectedly; its report is above")]
    Panicked,
}

/// Who speaks for the groups, or did until a moment ago.
pub(super) enum Before {
    Nobody,
    Living(Predecessor),
    Dead(Estate),
}

/// Starts it; what comes says how it ended.
pub(super) fn spawn(
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
