//! A hand-over, seen from the agent that is succeeded.

use std::{ffi::OsString, io, os::fd::OwnedFd, time::Duration};

use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use crate::{
    net::{clock, vrid_claim::VridClaim},
    observe::handover::{Handover, Wish},
    runtime::{
        inbox::Order,
        journal::RunDir,
        succession::{Belongings, Cancelled, HandOver, Heir},
    },
};

/// What a successor is given.
pub(super) fn belongings(
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
pub(super) async fn hand_over(
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
pub(super) type UnderWay = (JoinHandle<Result<Handover, String>>, oneshot::Sender<Result<Handover, String>>);

/// Waits for the handover that is under way; for ever when there is none. Cancel-safe.
pub(super) async fn outcome(
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
