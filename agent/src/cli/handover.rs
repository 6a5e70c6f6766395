//! `agent handover`: another process takes over from a running agent, and nobody on the network notices.

use std::{io::Write, path::PathBuf, time::Duration};

use anyhow::Context;

use super::{
    client::{self, AskError},
    exit::Status,
    options::HandoverOptions,
    print,
};
use crate::{
    observe::handover::{Handover, Wish},
    words,
};

/// What the exchange itself may take beyond the time that the new agent has to get ready.
const EXCHANGE: Duration = Duration::from_secs(10);

/// Asks the running agent and waits until it is over.
///
/// # Errors
/// When the answer means nothing.
pub fn run(
    options: &HandoverOptions,
    output: &mut dyn Write,
    errors: &mut dyn Write,
) -> anyhow::Result<Status> {
    let wish = Wish {
        binary: binary(options)?,
        patience_ms: u64::try_from(options.patience.as_millis()).unwrap_or(u64::MAX),
    };
    let json = serde_json::to_vec(&wish).context("cannot write the order as JSON")?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot set up a runtime to ask the agent")?;
    let asked = client::post(&options.run_directory, "/v1/handover", json, options.patience + EXCHANGE);
    match runtime.block_on(asked) {
        Ok(body) => {
            let handover: Handover = serde_json::from_slice(&body)
                .context("the agent's answer is none that this version knows")?;
            print(output, &said(&handover));
            Ok(Status::Good)
        }
        Err(error @ AskError::NotReached { .. }) => {
            print(errors, &format!("error: {error}\n"));
            Ok(Status::NotReached)
        }
        Err(AskError::Refused { text, .. }) => {
            print(errors, &format!("error: nothing was handed over, the agent goes on: {text}\n"));
            Ok(Status::Failed)
        }
        Err(error @ (AskError::Silent { .. } | AskError::Broken { .. })) => {
            print(errors, &format!("error: {error}; `agent status` says who runs\n"));
            Ok(Status::Failed)
        }
    }
}

fn said(handover: &Handover) -> String {
    let Handover { old_pid, new_pid, standstill_us } = handover;
    let standstill = words::lapse(Duration::from_micros(*standstill_us));
    format!("pid {old_pid} -> pid {new_pid}, standstill {standstill}\n")
}

/// The running agent may live in another directory, and see another file by the same path: it gets the whole path.
fn binary(options: &HandoverOptions) -> anyhow::Result<PathBuf> {
    match &options.binary {
        Some(path) => path.canonicalize().with_context(|| format!("--binary {}", path.display())),
        None => std::env::current_exe().context("cannot find this program's own file; name it with --binary"),
    }
}
