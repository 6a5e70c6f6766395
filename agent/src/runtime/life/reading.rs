//! What is read and shown away from the VRRP thread: the state of the agent, and the XDP program's own messages.

use std::{
    io::{self, IsTerminal},
    time::Duration,
};

use tokio::sync::{mpsc, oneshot};

use crate::{
    net::xdp::{Diagnostics, View},
    observe::{
        heard,
        reload::Reloads,
        snapshot::FeatureStatus,
        source::{SnapshotRequests, SnapshotSource},
        table::Look,
    },
    runtime::{
        gathered::Gathered,
        status::{Answerer, PictureRequests},
        surroundings::Running,
    },
};

/// How often the XDP program's messages are looked for.
const SAY_DIAGNOSTICS: Duration = Duration::from_secs(1);

/// What of the XDP program is read away from the VRRP thread.
pub(super) struct Readings {
    pub diagnostics: Option<Diagnostics>,
    pub view: Option<View>,
    pub features: Vec<FeatureStatus>,
}

/// Answers for the state of the agent, and says the XDP program's own rare messages, until aborted.
pub(super) async fn read(
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
pub(super) async fn show(source: SnapshotSource) {
    let view = heard::View::new(io::stdout().is_terminal().then(Look::of_stdout));
    if let Err(error) = heard::watch(&source, view, &mut io::stdout()).await {
        tracing::debug!("nobody reads what is heard: {error}");
    }
}
