//! Status by HTTP: JSON on the control socket for whoever may open it, metrics by TCP for whoever asks.
//!
//! A client can cost no more than its share: connections are counted, each has a time to live, a request gets one
//! snapshot, and when all places are taken the next client waits in the kernel's backlog. The VRRP thread only ever
//! sees [`super::source`]'s short queue.

use std::{
    io,
    net::SocketAddr,
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    Extension, Json, Router,
    extract::{Query, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use socket2::{Domain, SockAddr, Socket, Type};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, UnixListener},
    sync::{Semaphore, watch},
    task::JoinSet,
    time::sleep,
};

use super::{
    events::Events,
    handover::{HandoverWay, Wish},
    metrics,
    reload::{self, ReloadWay},
    snapshot::Snapshot,
    source::SnapshotSource,
};

/// The control socket's name inside the run directory.
pub const SOCKET: &str = "api.sock";
/// After an error of accept that will not go away by itself at once (no descriptors left).
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);
/// Clients that wait in the kernel.
const BACKLOG: i32 = 32;

/// Bytes of JSON that an instance, and all that is no instance, is given room for: it takes more only when it has much to say.
const ROOM: usize = 2048;

/// What clients may cost.
#[derive(Clone, Copy, Debug)]
struct Limits {
    /// Clients served at one time, on each listener.
    places: usize,
    /// From connecting to the end of the request's head.
    head: Duration,
    /// From connecting to the last byte of the answer.
    life: Duration,
}

const LIMITS: Limits = Limits { places: 16, head: Duration::from_secs(3), life: Duration::from_secs(10) };

/// A listener could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Another agent has this run directory.
    #[error("another agent answers on {}: end it, or give this one another --run-dir", .0.display())]
    Taken(PathBuf),
    /// The control socket.
    #[error("cannot listen on the control socket {}: {source}; is the directory there, and ours to write?", path.display())]
    Control {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The metrics address.
    #[error("cannot serve metrics on {address} (--metrics): {source}{}", metrics_advice(.source))]
    Metrics {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

fn metrics_advice(error: &io::Error) -> &'static str {
    match error.raw_os_error() {
        Some(libc::EADDRINUSE) => "; another program listens there: choose another port",
        Some(libc::EADDRNOTAVAIL) => "; this host does not have that address",
        Some(libc::EACCES) => "; ports below 1024 need CAP_NET_BIND_SERVICE",
        Some(_) | None => "",
    }
}

/// What clients can have.
#[derive(Debug)]
pub struct Offer {
    /// The state.
    pub source: SnapshotSource,
    /// What happened.
    pub events: Events,
    /// That another agent takes over.
    pub handovers: HandoverWay,
    /// That the agent becomes what the config says now.
    pub reloads: ReloadWay,
    /// True once a successor serves.
    pub end: watch::Receiver<bool>,
}

#[cfg(test)]
impl Offer {
    /// The state and what happened, for ever.
    pub(crate) fn of(source: SnapshotSource, events: Events) -> Self {
        Self {
            source,
            events,
            handovers: HandoverWay::new().0,
            reloads: ReloadWay::new().0,
            end: watch::channel(false).1,
        }
    }
}

/// The listening sockets, bound before anything else starts, so that a port that is taken ends the start and nothing
/// is half done. Dropping it removes the control socket.
#[derive(Debug)]
pub struct Listeners {
    control: UnixListener,
    metrics: Option<TcpListener>,
    path: PathBuf,
    /// The control socket goes with this.
    ours: bool,
}

impl Listeners {
    /// Binds the control socket in `run_directory`, and `metrics` if asked for. Call it inside the control runtime,
    /// holding the run directory's lock: a socket that nobody answers on is taken for a leftover and replaced.
    ///
    /// # Errors
    /// Either cannot be bound.
    pub fn bind(run_directory: &Path, metrics: Option<SocketAddr>) -> Result<Self, ListenError> {
        let metrics = metrics
            .map(|address| bind_tcp(address).map_err(|source| ListenError::Metrics { address, source }))
            .transpose()?;
        let path = run_directory.join(SOCKET);
        if std::os::unix::net::UnixStream::connect(&path).is_ok() {
            return Err(ListenError::Taken(path));
        }
        match bind_unix(&path) {
            Ok(control) => Ok(Self { control, metrics, path, ours: true }),
            Err(source) => Err(ListenError::Control { path, source }),
        }
    }

    /// The listening sockets of an agent that hands over: it serves on them too, until it is done. They stay that agent's
    /// until [`Self::succeed`]. Call it inside the control runtime.
    ///
    /// # Errors
    /// When a socket is none.
    pub fn inherit(
        run_directory: &Path,
        control: OwnedFd,
        metrics: Option<OwnedFd>,
    ) -> Result<Self, ListenError> {
        let path = run_directory.join(SOCKET);
        let control = UnixListener::from_std(control.into());
        let metrics = metrics.map(|metrics| TcpListener::from_std(metrics.into())).transpose();
        match (control, metrics) {
            (Ok(control), Ok(metrics)) => Ok(Self { control, metrics, path, ours: false }),
            (Err(source), _) | (_, Err(source)) => Err(ListenError::Control { path, source }),
        }
    }

    /// The agent that handed them over is done with them.
    pub const fn succeed(&mut self) {
        self.ours = true;
    }

    /// Other handles to the sockets, for a successor: the control socket and, if there is one, that for metrics.
    ///
    /// # Errors
    /// When no descriptor is left.
    pub fn again(&self) -> io::Result<(OwnedFd, Option<OwnedFd>)> {
        let control = self.control.as_fd().try_clone_to_owned()?;
        Ok((control, self.metrics.as_ref().map(|metrics| metrics.as_fd().try_clone_to_owned()).transpose()?))
    }

    /// Where metrics are served, with the port that the system chose for port 0.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().and_then(|listener| listener.local_addr().ok())
    }

    /// Serves until it is dropped, or [`Offer::end`] says that a successor does: then nobody is accepted any more, and this returns
    /// when those who were have their answers.
    pub async fn serve(self, offer: Offer) {
        self.serve_within(LIMITS, offer).await;
    }

    async fn serve_within(mut self, limits: Limits, offer: Offer) {
        let Offer { source, events, handovers, reloads, end } = offer;
        let served = Served { source, events, handovers, reloads, turn: Arc::new(Semaphore::new(1)) };
        let control = accept(
            || async { Ok(self.control.accept().await?.0) },
            control_routes(served.clone()),
            limits,
            end.clone(),
        );
        let metrics = async {
            let Some(listener) = &self.metrics else { return JoinSet::new() };
            let next = || async { Ok(listener.accept().await?.0) };
            accept(next, metrics_routes(served), limits, end).await
        };
        let (mut control, mut metrics) = tokio::join!(control, metrics);
        // It is the successor's.
        self.ours = false;
        while control.join_next().await.is_some() {}
        while metrics.join_next().await.is_some() {}
    }
}

impl Drop for Listeners {
    fn drop(&mut self) {
        if self.ours {
            // Gone already when somebody cleaned up before us.
            drop(std::fs::remove_file(&self.path));
        }
    }
}

fn bind_tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM.nonblocking(), None)?;
    // A restart must not wait for the last scrapes to time out.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Only the owner may connect from the first moment on: the mode is set before the name exists (unix_bind takes it
/// from the socket, less the umask), so that nobody slips in between.
fn bind_unix(path: &Path) -> io::Result<UnixListener> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let socket = Socket::new(Domain::UNIX, Type::STREAM.nonblocking(), None)?;
    rustix::fs::fchmod(socket.as_fd(), rustix::fs::Mode::from_raw_mode(0o600))?;
    socket.bind(&SockAddr::unix(path)?)?;
    socket.listen(BACKLOG)?;
    UnixListener::from_std(socket.into())
}

/// Accepts while there is a place, until the end; serves each client in a task of its own with a time to live. Returns those
/// that are not done.
async fn accept<S, F>(
    next: impl Fn() -> F,
    routes: Router,
    limits: Limits,
    mut end: watch::Receiver<bool>,
) -> JoinSet<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    F: Future<Output = io::Result<S>>,
{
    let places = Arc::new(Semaphore::new(limits.places));
    let mut clients = JoinSet::new();
    let mut ended = std::pin::pin!(async move {
        // Nobody is there any more who could say so.
        if end.wait_for(|end| *end).await.is_err() {
            std::future::pending::<()>().await;
        }
    });
    loop {
        let accepted = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, next().await)
        };
        let (place, accepted) = tokio::select! {
            biased;
            () = &mut ended => return clients,
            accepted = accepted => accepted,
        };
        while clients.try_join_next().is_some() {}
        match accepted {
            Ok(stream) => {
                let life = Life::default();
                let service = TowerToHyperService::new(routes.clone().layer(Extension(life.clone())));
                clients.spawn(async move {
                    let connection = http1::Builder::new()
                        .timer(TokioTimer::new())
                        .header_read_timeout(limits.head)
                        .keep_alive(false)
                        .serve_connection(TokioIo::new(stream), service);
                    tokio::select! {
                        // What a client did wrong is its own business: it has the answer, or went away.
                        served = connection => drop(served),
                        () = life.end(limits.life) => {}
                    }
                    drop(place);
                });
            }
            Err(error) => {
                tracing::debug!(%error, "accept failed");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// How long a client has, unless what it ordered takes longer.
#[derive(Clone, Debug, Default)]
struct Life {
    extended: Arc<AtomicBool>,
}

impl Life {
    async fn end(&self, life: Duration) {
        loop {
            sleep(life).await;
            if !self.extended.load(Ordering::Relaxed) {
                return;
            }
        }
    }
}

#[derive(Clone, Debug)]
struct Served {
    source: SnapshotSource,
    events: Events,
    handovers: HandoverWay,
    reloads: ReloadWay,
    /// A snapshot of a thousand instances takes megabytes, and locked memory is not given back: one at a time.
    turn: Arc<Semaphore>,
}

/// What the control socket answers. Verbs that change something (drain, ...) get their place here.
fn control_routes(served: Served) -> Router {
    Router::new()
        .route("/v1/status", get(status))
        .route("/v1/events", get(recent_events))
        .route("/v1/handover", post(hand_over))
        .route("/v1/reload", post(reload))
        .route("/metrics", get(scrape))
        .with_state(served)
}

/// What TCP answers: nothing but metrics.
fn metrics_routes(served: Served) -> Router {
    Router::new().route("/metrics", get(scrape)).with_state(served)
}

async fn status(State(served): State<Served>) -> Response {
    let Ok(_turn) = served.turn.acquire().await else { return busy() };
    match served.source.snapshot().await {
        Some(snapshot) => written(&snapshot),
        None => busy(),
    }
}

/// The JSON in one block from the start: grown by and by it would leave a trail of itself in memory that is locked.
fn written(snapshot: &Snapshot) -> Response {
    let mut text = Vec::with_capacity(ROOM + snapshot.instances.len() * ROOM);
    match serde_json::to_writer(&mut text, snapshot) {
        Ok(()) => ([(header::CONTENT_TYPE, "application/json")], text).into_response(),
        Err(error) => {
            (StatusCode::INTERNAL_SERVER_ERROR, format!("cannot write status: {error}\n")).into_response()
        }
    }
}

#[derive(Debug, serde::Deserialize)]
struct After {
    #[serde(default)]
    after: u64,
}

async fn recent_events(State(served): State<Served>, Query(query): Query<After>) -> Response {
    Json(served.events.after(query.after)).into_response()
}

/// Answers when it is over, whichever way.
async fn hand_over(
    State(served): State<Served>,
    Extension(life): Extension<Life>,
    Json(wish): Json<Wish>,
) -> Response {
    life.extended.store(true, Ordering::Relaxed);
    let answer = match served.handovers.ask(wish).await {
        Ok(handover) => Json(handover).into_response(),
        Err(sentence) => (StatusCode::CONFLICT, sentence + "\n").into_response(),
    };
    life.extended.store(false, Ordering::Relaxed);
    answer
}

/// Answers when it is over, whichever way: a config that is refused is an answer like another.
async fn reload(
    State(served): State<Served>,
    Extension(life): Extension<Life>,
    Json(wish): Json<reload::Wish>,
) -> Response {
    life.extended.store(true, Ordering::Relaxed);
    let answer = match served.reloads.ask(wish).await {
        Ok(report) => Json(report).into_response(),
        Err(sentence) => (StatusCode::CONFLICT, sentence + "\n").into_response(),
    };
    life.extended.store(false, Ordering::Relaxed);
    answer
}

async fn scrape(State(served): State<Served>) -> Response {
    let Ok(_turn) = served.turn.acquire().await else { return busy() };
    let Some(snapshot) = served.source.snapshot().await else { return busy() };
    match metrics::encode(snapshot) {
        Ok(text) => ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response(),
        Err(error) => {
            (StatusCode::INTERNAL_SERVER_ERROR, format!("cannot write metrics: {error}\n")).into_response()
        }
    }
}

fn busy() -> Response {
    let text = "the agent did not answer in time: it is starting, ending, or asked too often\n";
    (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
}

#[cfg(test)]
mod tests;
