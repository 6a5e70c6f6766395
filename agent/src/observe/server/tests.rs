//! Clients, kind and unkind.

use std::{
    fs,
    os::{fd::OwnedFd, unix::fs::PermissionsExt},
    path::Path,
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UnixStream},
    sync::{mpsc, watch},
    task::{AbortHandle, JoinHandle},
    time::timeout,
};

use super::{LIMITS, Limits, ListenError, Listeners, Offer};
use crate::observe::{
    events::{Event, EventKind, Events},
    handover::{Handover, HandoverRequest, HandoverWay},
    reload::ReloadWay,
    sample,
    snapshot::Snapshot,
    source::SnapshotSource,
};

/// A server on a fake loop; ends with the test.
struct Lab {
    directory: tempfile::TempDir,
    metrics: std::net::SocketAddr,
    events: Events,
    tasks: Vec<AbortHandle>,
    orders: mpsc::Receiver<HandoverRequest>,
    end: watch::Sender<bool>,
    server: Option<JoinHandle<()>>,
    handle: OwnedFd,
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

fn lab() -> Lab {
    lab_with(sample::snapshot(), LIMITS)
}

fn lab_with(snapshot: Snapshot, limits: Limits) -> Lab {
    let directory = tempfile::tempdir().unwrap();
    let listeners = Listeners::bind(directory.path(), Some("127.0.0.1:0".parse().unwrap())).unwrap();
    let metrics = listeners.metrics_address().unwrap();
    let handle = listeners.again().unwrap().0;
    let (source, mut requests) = SnapshotSource::new();
    let events = Events::default();
    let answers = tokio::spawn(async move {
        while let Some(answer) = requests.recv().await {
            drop(answer.send(snapshot.clone()));
        }
    });
    let served = events.clone();
    let ((handovers, orders), (end, ended)) = (HandoverWay::new(), watch::channel(false));
    let server = tokio::spawn(async move {
        listeners
            .serve_within(
                limits,
                Offer { source, events: served, handovers, reloads: ReloadWay::new().0, end: ended },
            )
            .await;
    });
    let tasks = vec![answers.abort_handle(), server.abort_handle()];
    Lab { directory, metrics, events, tasks, orders, end, server: Some(server), handle }
}

async fn get(stream: impl AsyncReadExt + AsyncWriteExt, path: &str) -> (String, String) {
    let mut stream = std::pin::pin!(stream);
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: agent\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    timeout(Duration::from_secs(20), stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

async fn ask(directory: &Path, path: &str) -> (String, String) {
    get(UnixStream::connect(directory.join("api.sock")).await.unwrap(), path).await
}

#[tokio::test]
async fn the_control_socket_tells_the_state() {
    let lab = lab();
    let (head, body) = ask(lab.directory.path(), "/v1/status").await;
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    let status: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(status["schema"], "v1");
    assert_eq!(status["instances"][0]["state"], "MASTER");
    assert_eq!(status["ports"][0]["carrier"], "native");
    assert!(ask(lab.directory.path(), "/v1/anything").await.0.starts_with("HTTP/1.1 404"));
}

#[tokio::test]
async fn events_are_told_from_where_the_client_left_off() {
    let lab = lab();
    for number in 1..=3 {
        let (subject, text) = ("VI_1".to_owned(), format!("event {number}"));
        let event = Event {
            sequence: 0,
            unix_ms: 0,
            kind: EventKind::Note,
            subject,
            text,
            repeated: 0,
            transition: None,
        };
        lab.events.push(event);
    }
    let (_, body) = ask(lab.directory.path(), "/v1/events").await;
    assert_eq!(serde_json::from_str::<Vec<Event>>(&body).unwrap().len(), 3);
    let (_, body) = ask(lab.directory.path(), "/v1/events?after=2").await;
    let rest: Vec<Event> = serde_json::from_str(&body).unwrap();
    assert_eq!(rest.iter().map(|event| event.text.as_str()).collect::<Vec<_>>(), ["event 3"]);
}

#[tokio::test]
async fn only_the_owner_may_open_the_control_socket_and_it_goes_with_the_server() {
    let directory = tempfile::tempdir().unwrap();
    let listeners = Listeners::bind(directory.path(), None).unwrap();
    let socket = directory.path().join("api.sock");
    assert_eq!(fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
    drop(listeners);
    assert!(!socket.exists());
}

#[tokio::test]
async fn a_leftover_socket_is_replaced_and_a_live_one_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("api.sock");
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    assert!(socket.exists(), "the leftover of a crash");
    let first = Listeners::bind(directory.path(), None).unwrap();
    let error = Listeners::bind(directory.path(), None).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("another agent answers on {}: end it, or give this one another --run-dir", socket.display())
    );
    assert!(socket.exists(), "the first one's socket was taken away");
    drop(first);
}

#[tokio::test]
async fn a_run_directory_that_is_missing_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let error = Listeners::bind(&directory.path().join("missing"), None).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "cannot listen on the control socket {}/missing/api.sock: No such file or directory (os error 2); is the \
             directory there, and ours to write?",
            directory.path().display()
        )
    );
}

#[tokio::test]
async fn a_metrics_port_that_is_taken_is_an_error_before_anything_is_made() {
    let directory = tempfile::tempdir().unwrap();
    let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = holder.local_addr().unwrap();
    let error = Listeners::bind(directory.path(), Some(address)).unwrap_err();
    assert!(matches!(error, ListenError::Metrics { .. }));
    assert_eq!(
        error.to_string(),
        format!(
            "cannot serve metrics on {address} (--metrics): Address already in use (os error 98); another program \
             listens there: choose another port"
        )
    );
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn metrics_are_served_by_tcp_and_nothing_else_is() {
    let lab = lab();
    let (head, body) = get(TcpStream::connect(lab.metrics).await.unwrap(), "/metrics").await;
    assert!(head.contains("content-type: application/openmetrics-text; version=1.0.0"), "{head}");
    assert!(body.contains(
        "keepalived_vrrp_state{iname=\"VI_1\",intf=\"ens33\",vrid=\"50\",ip_address=\"10.0.0.3\"} 2"
    ));
    assert!(body.ends_with("# EOF\n"));
    assert!(
        get(TcpStream::connect(lab.metrics).await.unwrap(), "/v1/status").await.0.starts_with("HTTP/1.1 404")
    );
}

async fn order(directory: &Path) -> (String, String) {
    let body = r#"{"binary":"/usr/bin/agent","patience_ms":1000}"#;
    let request = format!(
        "POST /v1/handover HTTP/1.1\r\nHost: agent\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = UnixStream::connect(directory.join("api.sock")).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    timeout(Duration::from_secs(20), stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

#[tokio::test]
async fn a_handover_is_answered_when_it_is_over_however_long_it_takes() {
    let mut lab = lab_with(sample::snapshot(), NARROW);
    let directory = lab.directory.path().to_owned();
    let asked = tokio::spawn(async move { order(&directory).await });
    let (wish, outcome) = lab.orders.recv().await.unwrap();
    assert_eq!((wish.binary.to_str(), wish.patience_ms), (Some("/usr/bin/agent"), 1000));
    // Longer than a client has.
    tokio::time::sleep(NARROW.life + Duration::from_millis(200)).await;
    let handover = Handover { old_pid: 1, new_pid: 2, standstill_us: 3 };
    outcome.send(Ok(handover.clone())).unwrap();
    let (head, body) = asked.await.unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    assert_eq!(serde_json::from_str::<Handover>(&body).unwrap(), handover);
}

#[tokio::test]
async fn a_handover_that_failed_is_answered_with_the_sentence() {
    let mut lab = lab();
    let directory = lab.directory.path().to_owned();
    let asked = tokio::spawn(async move { order(&directory).await });
    let (_, outcome) = lab.orders.recv().await.unwrap();
    outcome.send(Err("the new one does not like it".into())).unwrap();
    let (head, body) = asked.await.unwrap();
    assert!(head.starts_with("HTTP/1.1 409"), "{head}");
    assert_eq!(body, "the new one does not like it\n");
}

#[tokio::test]
async fn a_successor_is_served_from_the_moment_that_the_old_one_ends_and_nobody_is_turned_away() {
    let mut lab = lab();
    let old = Listeners::inherit(lab.directory.path(), lab.handle.try_clone().unwrap(), None);
    // Nobody accepts on it yet, and it goes without taking the socket along.
    drop(old.unwrap());
    let inherited = Listeners::inherit(lab.directory.path(), lab.handle.try_clone().unwrap(), None).unwrap();
    lab.end.send(true).unwrap();
    timeout(Duration::from_secs(5), lab.server.take().unwrap()).await.unwrap().unwrap();

    let directory = lab.directory.path().to_owned();
    let waiting = tokio::spawn(async move { ask(&directory, "/v1/events").await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let (source, _nobody) = SnapshotSource::new();
    let new = tokio::spawn(inherited.serve(Offer::of(source, Events::default())));
    assert!(waiting.await.unwrap().0.starts_with("HTTP/1.1 200 OK"));
    new.abort();
}

#[tokio::test]
async fn a_stuck_loop_is_an_answer_not_a_wait() {
    let directory = tempfile::tempdir().unwrap();
    let listeners = Listeners::bind(directory.path(), None).unwrap();
    let (source, _nobody_answers) = SnapshotSource::new();
    let server = tokio::spawn(async move { listeners.serve(Offer::of(source, Events::default())).await });
    let (head, body) = timeout(Duration::from_secs(4), ask(directory.path(), "/v1/status")).await.unwrap();
    assert!(head.starts_with("HTTP/1.1 503"), "{head}");
    assert_eq!(body, "the agent did not answer in time: it is starting, ending, or asked too often\n");
    server.abort();
}

/// Two places, and time to see that they are taken.
const NARROW: Limits = Limits { places: 2, head: Duration::from_secs(1), life: Duration::from_secs(3) };

/// Asserts that the next scraper waits for a place, and gets it before `limit` is over.
async fn waits_and_is_served_within(metrics: std::net::SocketAddr, limit: Duration) {
    let mut next = Box::pin(get(TcpStream::connect(metrics).await.unwrap(), "/metrics"));
    assert!(timeout(Duration::from_millis(500), &mut next).await.is_err(), "more clients than places");
    let (head, _) = timeout(limit, next).await.unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
}

#[tokio::test]
async fn clients_that_say_nothing_are_sent_away_and_keep_others_waiting_until_then() {
    let lab = lab_with(sample::snapshot(), NARROW);
    let _silent =
        [TcpStream::connect(lab.metrics).await.unwrap(), TcpStream::connect(lab.metrics).await.unwrap()];
    waits_and_is_served_within(lab.metrics, NARROW.head * 2).await;
    // The control socket has places of its own.
    assert!(ask(lab.directory.path(), "/v1/status").await.0.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_client_that_sends_its_request_in_drops_is_cut_off() {
    let lab = lab_with(sample::snapshot(), NARROW);
    let mut stream = TcpStream::connect(lab.metrics).await.unwrap();
    let cut = async {
        // A header that never ends.
        while stream.write_all(b"X").await.is_ok() {
            let mut answer = [0; 64];
            if let Ok(Ok(0) | Err(_)) = timeout(Duration::from_millis(100), stream.read(&mut answer)).await {
                return;
            }
        }
    };
    timeout(NARROW.head * 2, cut).await.unwrap();
}

#[tokio::test]
async fn clients_that_never_read_their_answer_are_cut_off() {
    // Megabytes, so that no buffer of the kernel takes them in.
    let mut snapshot = sample::snapshot();
    let address = snapshot.instances[0].addresses[0].clone();
    snapshot.instances[0].addresses = vec![address; 50_000];
    let lab = lab_with(snapshot, NARROW);
    let mut deaf = Vec::new();
    for _ in 0..NARROW.places {
        let mut stream = TcpStream::connect(lab.metrics).await.unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: agent\r\n\r\n").await.unwrap();
        deaf.push(stream);
    }
    waits_and_is_served_within(lab.metrics, NARROW.life * 4).await;
}
