//! Asks a running agent over its control socket.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use http_body_util::{BodyExt, Full, Limited};
use hyper::{Method, Request, StatusCode, body::Bytes, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use tokio::{net::UnixStream, time::timeout};

use crate::observe::server::SOCKET;

/// How long an answer may take, from connecting to its last byte.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest answer that is read: some 100,000 addresses.
const LONGEST_ANSWER: usize = 16 * 1024 * 1024;

/// An agent could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Nobody is there.
    #[error("no agent answers on {}: {source}; {}", socket.display(), advice(.source))]
    NotReached {
        /// The socket.
        socket: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Somebody is there, and silent.
    #[error("the agent on {} did not answer within {} s; is the host overloaded?", socket.display(), patience.as_secs())]
    Silent {
        /// The socket.
        socket: PathBuf,
        /// How long it was waited for.
        patience: Duration,
    },
    /// The connection broke, or it was no HTTP.
    #[error("the answer of the agent on {} could not be read: {source}", socket.display())]
    Broken {
        /// The socket.
        socket: PathBuf,
        /// What broke.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It refused.
    #[error("the agent on {} refused: {status}: {text}", socket.display())]
    Refused {
        /// The socket.
        socket: PathBuf,
        /// The HTTP status.
        status: StatusCode,
        /// What it said.
        text: String,
    },
}

impl AskError {
    /// Whether no agent was reached at all.
    pub const fn is_not_reached(&self) -> bool {
        match self {
            Self::NotReached { .. } => true,
            Self::Silent { .. } | Self::Broken { .. } | Self::Refused { .. } => false,
        }
    }
}

fn advice(error: &io::Error) -> &'static str {
    if error.kind() == io::ErrorKind::PermissionDenied {
        "ask as the user that it runs as (root)"
    } else {
        "start it with: agent --iface INTERFACE [--config FILE], or name its --run-dir"
    }
}

/// The body of the answer to `GET path` of the agent with this run directory.
///
/// # Errors
/// Nobody is there, or the answer is none.
pub async fn get(run_directory: &Path, path: &str) -> Result<Bytes, AskError> {
    let request = Request::get(path).body(Bytes::new());
    ask_within(run_directory, PATIENCE, request).await
}

/// The body of the answer to `POST path` with that JSON, which may take as long as `patience`.
///
/// # Errors
/// Nobody is there, it refuses, or the answer is none.
pub async fn post(
    run_directory: &Path,
    path: &str,
    json: Vec<u8>,
    patience: Duration,
) -> Result<Bytes, AskError> {
    let request = Request::builder()
        .method(Method::POST)
        .uri(path)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Bytes::from(json));
    ask_within(run_directory, patience, request).await
}

async fn ask_within(
    run_directory: &Path,
    patience: Duration,
    request: Result<Request<Bytes>, hyper::http::Error>,
) -> Result<Bytes, AskError> {
    let socket = run_directory.join(SOCKET);
    match timeout(patience, ask(&socket, request)).await {
        Ok(answer) => answer,
        Err(_) => Err(AskError::Silent { socket, patience }),
    }
}

async fn ask(socket: &Path, request: Result<Request<Bytes>, hyper::http::Error>) -> Result<Bytes, AskError> {
    let broken =
        |source: Box<dyn std::error::Error + Send + Sync>| AskError::Broken { socket: socket.into(), source };
    let stream = UnixStream::connect(socket)
        .await
        .map_err(|source| AskError::NotReached { socket: socket.into(), source })?;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| broken(error.into()))?;
    let mut request = request.map_err(|error| broken(error.into()))?.map(Full::new);
    request.headers_mut().insert(header::HOST, header::HeaderValue::from_static("agent"));
    // It owns the sender, so the connection ends with it.
    let exchange = async move {
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), LONGEST_ANSWER).collect().await?;
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>((status, body.to_bytes()))
    };
    // What breaks the connection breaks the exchange too, and is told there.
    let (answer, _) = tokio::join!(exchange, connection);
    let (status, body) = answer.map_err(broken)?;
    if status == StatusCode::OK {
        Ok(body)
    } else {
        let text = String::from_utf8_lossy(&body).trim().to_owned();
        Err(AskError::Refused { socket: socket.into(), status, text })
    }
}
