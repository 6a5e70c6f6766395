//! `agent status`: asks a running agent and shows what it says.

use std::io::Write;

use anyhow::Context;

use super::{
    client::{self, AskError},
    exit::Status,
    options::{OutputFormat, StatusOptions},
    print,
};
use crate::observe::{
    snapshot::Snapshot,
    table::{self, Heard, Look},
};

/// Prints the status on `output`, or the reason why there is none on `errors`.
///
/// # Errors
/// The runtime cannot be set up, or the answer is not a status.
pub fn run(
    options: &StatusOptions,
    look: Look,
    output: &mut dyn Write,
    errors: &mut dyn Write,
) -> anyhow::Result<Status> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot set up a runtime to ask the agent")?;
    match runtime.block_on(client::get(&options.run_directory, "/v1/status")) {
        Ok(body) => {
            print(output, &shown(&body, options, look)?);
            Ok(Status::Good)
        }
        Err(error) => {
            print(errors, &format!("error: {error}\n"));
            Ok(of(&error))
        }
    }
}

const fn of(error: &AskError) -> Status {
    if error.is_not_reached() { Status::NotReached } else { Status::Failed }
}

fn shown(body: &[u8], options: &StatusOptions, look: Look) -> anyhow::Result<String> {
    let not_a_status =
        "the agent's answer is not a status that this version understands; are both of one version?";
    let snapshot: Snapshot = serde_json::from_slice(body).context(not_a_status)?;
    match (options.output, options.heard) {
        (OutputFormat::Json, false) => json(&snapshot),
        (OutputFormat::Json, true) => json(&snapshot.heard),
        (OutputFormat::Table, false) => Ok(table::status(&snapshot, Heard::Counted, look)),
        (OutputFormat::Table, true) => Ok(table::groups(&snapshot.heard, look)),
    }
}

fn json(value: &impl serde::Serialize) -> anyhow::Result<String> {
    let text = serde_json::to_string_pretty(value).context("cannot write the status as JSON")?;
    Ok(text + "\n")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use tokio::runtime::Runtime;

    use super::*;
    use crate::observe::{
        events::Events,
        sample,
        server::{Listeners, Offer},
        source::SnapshotSource,
    };

    fn status(directory: &Path, output: OutputFormat, heard: bool) -> (Status, String, String) {
        let options = StatusOptions { run_directory: directory.to_owned(), output, heard };
        let (mut out, mut errors) = (Vec::new(), Vec::new());
        let status = run(&options, Look::PLAIN, &mut out, &mut errors).unwrap();
        (status, String::from_utf8(out).unwrap(), String::from_utf8(errors).unwrap())
    }

    /// An agent with the sample's status, in another thread.
    fn agent(directory: &Path) -> Runtime {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (source, mut requests) = SnapshotSource::new();
        runtime.spawn(async move {
            while let Some(answer) = requests.recv().await {
                drop(answer.send(sample::snapshot()));
            }
        });
        let listeners = {
            let _inside = runtime.enter();
            Listeners::bind(directory, None).unwrap()
        };
        runtime.spawn(async move { listeners.serve(Offer::of(source, Events::default())).await });
        runtime
    }

    #[test]
    fn the_table_and_the_json_come_over_the_socket() {
        let directory = tempfile::tempdir().unwrap();
        let _agent = agent(directory.path());
        let (good, out, errors) = status(directory.path(), OutputFormat::Table, false);
        assert_eq!((good, errors.as_str()), (Status::Good, ""));
        assert_eq!(out, table::status(&sample::snapshot(), Heard::Counted, Look::PLAIN));

        let (_, out, _) = status(directory.path(), OutputFormat::Json, false);
        let json: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(json, serde_json::to_value(sample::snapshot()).unwrap());

        let (_, out, _) = status(directory.path(), OutputFormat::Json, true);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&out).unwrap()[0]["vrid"], 51);
        let (_, out, _) = status(directory.path(), OutputFormat::Table, true);
        assert!(out.starts_with("HEARD"), "{out}");
    }

    #[test]
    fn no_agent_is_said_with_the_way_out_and_exit_status_3() {
        let directory = tempfile::tempdir().unwrap();
        let (status, out, errors) = status(directory.path(), OutputFormat::Table, false);
        assert_eq!((status.number(), out.as_str()), (3, ""));
        assert_eq!(
            errors,
            format!(
                "error: no agent answers on {}/api.sock: No such file or directory (os error 2); start it with: agent \
                 --iface INTERFACE [--config FILE], or name its --run-dir\n",
                directory.path().display()
            )
        );
    }

    #[test]
    fn an_agent_that_hangs_up_is_a_failure_of_its_own() {
        let directory = tempfile::tempdir().unwrap();
        let listener = std::os::unix::net::UnixListener::bind(directory.path().join("api.sock")).unwrap();
        let thread = std::thread::spawn(move || drop(listener.accept()));
        let (status, _, errors) = status(directory.path(), OutputFormat::Json, false);
        assert_eq!(status.number(), 1);
        assert!(errors.starts_with("error: the answer of the agent on "), "{errors}");
        thread.join().unwrap();
    }
}
