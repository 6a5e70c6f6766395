//! The new agent's side of the exchange, on the VRRP thread: to say that it is ready, to wait, and to take over.

use std::time::Duration;

use regent_vrrp::Instant;
use tokio::sync::oneshot;

use super::{
    STANDSTILL,
    adoption::Inheritance,
    channel::{Channel, ChannelError, opened},
    letter::{Letter, Will},
};
use crate::{
    crash::{self, Point},
    net::clock,
    runtime::engine::Engine,
    words,
};

/// How often what the sockets hear is forgotten while the old agent still speaks: their buffers are to have room for what
/// comes when it has stopped.
const FORGET: Duration = Duration::from_millis(10);
/// How long the old one may take for its last word once it has heard ours.
const LAST_WORD: Duration = STANDSTILL;

/// The old agent, as the VRRP thread of the new one knows it.
#[derive(Debug)]
pub struct Predecessor {
    /// The way to it.
    pub channel: Channel,
    /// Its process.
    pub pid: u32,
    /// Where to say that it is over.
    pub succeeded: oneshot::Sender<()>,
}

/// Why the old agent is not succeeded.
#[derive(Debug, thiserror::Error)]
pub enum SuccessionError {
    /// It goes on.
    #[error("the agent that is to be succeeded (pid {pid}) goes on: {sentence}")]
    Abandoned {
        /// It.
        pid: u32,
        /// What it said.
        sentence: String,
    },
    /// It is gone, and what it knew with it.
    #[error("the agent that is to be succeeded (pid {pid}) is gone: {source}")]
    Gone {
        /// It.
        pid: u32,
        /// How that was found.
        source: ChannelError,
    },
    /// What it knew cannot be used.
    #[error("the state of the agent that is to be succeeded (pid {pid}) cannot be taken over: {reason}")]
    Unusable {
        /// It.
        pid: u32,
        /// Why.
        reason: String,
    },
}

impl Predecessor {
    /// Says that all is ready, waits for the old agent to stop, and takes in what it knew. When this returns the old one
    /// speaks no more.
    ///
    /// # Errors
    /// When it goes on, or has gone without a word.
    pub fn succeed(self, engine: &mut Engine) -> Result<Inheritance, SuccessionError> {
        let Self { channel, pid, succeeded } = self;
        let gone = |source| SuccessionError::Gone { pid, source };
        crash::point(Point::SuccessorReady);
        channel.send(&Letter::Ready { groups: engine.groups_spoken_for() }, &[]).map_err(gone)?;
        let mut descriptors = loop {
            engine.forget_heard();
            match channel.receive(FORGET) {
                Ok((Letter::Will, descriptors)) => break descriptors,
                Ok((Letter::Abandoned { sentence }, _)) => {
                    return Err(SuccessionError::Abandoned { pid, sentence });
                }
                Ok((
                    Letter::Belongings { .. }
                    | Letter::Claims { .. }
                    | Letter::Ready { .. }
                    | Letter::Failed { .. }
                    | Letter::Accepted
                    | Letter::Farewell
                    | Letter::Unknown,
                    _,
                ))
                | Err(ChannelError::Late(_)) => {}
                Err(error) => return Err(gone(error)),
            }
        };
        crash::point(Point::SuccessorTold);
        let unusable = |reason: String| SuccessionError::Unusable { pid, reason };
        if descriptors.is_empty() {
            return Err(unusable("it came without a file".into()));
        }
        let will = opened(descriptors.remove(0)).map_err(|error| unusable(error.to_string()))?;
        let will: Will = serde_json::from_slice(&will).map_err(|error| unusable(error.to_string()))?;
        let inheritance = engine.take_in(&will, descriptors).map_err(|error| unusable(error.to_string()))?;
        channel.send(&Letter::Accepted, &[]).map_err(gone)?;
        crash::point(Point::SuccessorAccepted);
        match channel.receive(LAST_WORD) {
            Ok((Letter::Abandoned { sentence }, _)) => {
                return Err(SuccessionError::Abandoned { pid, sentence });
            }
            Ok((Letter::Farewell, _)) => {}
            // It died with the word on its lips, or stands still: we know all that it knew, and it will hear us.
            Ok(_) | Err(_) => {
                let text = format!("the agent before this one (pid {pid}) ended without a farewell");
                engine.trouble("succession", text);
            }
        }
        let standstill = clock::now().since(Instant::from_nanoseconds(will.frozen));
        let text = format!(
            "took over from pid {pid} after {} of standstill: {} instances",
            words::lapse(standstill),
            will.instances.len()
        );
        engine.note("succession", text);
        // Nobody waits for it any more: this agent is told to end.
        succeeded.send(()).ok();
        Ok(inheritance)
    }
}
