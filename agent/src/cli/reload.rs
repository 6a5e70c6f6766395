//! `agent reload`: the running agent reads its config again and becomes what it says, or says why it does not.

use std::{io::Write, time::Duration};

use anyhow::Context;

use super::{
    client,
    exit::Status,
    options::{OutputFormat, ReloadOptions},
    print,
};
use crate::{
    observe::reload::{Outcome, Report, Wish},
    words,
};

/// How long it may take: those before it, reading, and until what goes is gone.
const PATIENCE: Duration = Duration::from_secs(60);

/// Asks the running agent and waits until it is over.
///
/// # Errors
/// When the answer means nothing.
pub fn run(
    options: &ReloadOptions,
    output: &mut dyn Write,
    errors: &mut dyn Write,
) -> anyhow::Result<Status> {
    let wish = Wish { dry_run: options.dry_run };
    let json = serde_json::to_vec(&wish).context("cannot write the order as JSON")?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot set up a runtime to ask the agent")?;
    match runtime.block_on(client::post(&options.run_directory, "/v1/reload", json, PATIENCE)) {
        Ok(body) => {
            let report: Report = serde_json::from_slice(&body)
                .context("the agent's answer is none that this version knows")?;
            match options.output {
                OutputFormat::Json => {
                    let text = serde_json::to_string_pretty(&report).context("cannot write JSON")?;
                    print(output, &(text + "\n"));
                }
                OutputFormat::Table => {
                    print(errors, &report.diagnostics);
                    print(output, &changes(&report));
                    if let Some(problem) = said(&report) {
                        print(errors, &problem);
                    }
                }
            }
            Ok(of(report.outcome))
        }
        Err(error) => {
            print(errors, &format!("error: {error}\n"));
            Ok(if error.is_not_reached() { Status::NotReached } else { Status::Failed })
        }
    }
}

const fn of(outcome: Outcome) -> Status {
    match outcome {
        Outcome::Applied | Outcome::Unchanged | Outcome::WouldApply => Status::Good,
        Outcome::BadConfig => Status::Config,
        Outcome::Refused => Status::Failed,
    }
}

fn changes(report: &Report) -> String {
    let config = report.config.as_deref().unwrap_or("the config");
    let mut text: String = report.changes.iter().map(|line| format!("{line}\n")).collect();
    text.extend(report.notes.iter().map(|note| format!("note: {note}\n")));
    let going_on = match report.unchanged {
        1 => "1 instance goes on as it is".to_owned(),
        count => format!("{count} instances go on as they are"),
    };
    match report.outcome {
        Outcome::Applied => {
            let took = words::lapse(Duration::from_micros(report.took_us));
            text.push_str(&format!("{config} is applied in {took}; {going_on}\n"));
        }
        Outcome::Unchanged => text.push_str(&format!("{config} says what the agent is already\n")),
        Outcome::WouldApply => {
            text.push_str(&format!("{config} would be applied; {going_on}; nothing has changed\n"));
        }
        Outcome::BadConfig | Outcome::Refused => {}
    }
    text
}

fn said(report: &Report) -> Option<String> {
    let problem = report.problem.as_deref()?;
    let config = report.config.as_deref().map_or_else(String::new, |config| format!("{config}: "));
    Some(format!("error: {config}not applied, everything is as it was: {problem}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(outcome: Outcome) -> Report {
        Report {
            outcome,
            config: Some("/etc/regent/regent.conf".into()),
            problem: None,
            diagnostics: String::new(),
            changes: vec!["~ vrrp_instance VI_1: priority 100 -> 150".into()],
            unchanged: 11,
            notes: vec!["`xdp` is not changed".into()],
            took_us: 1_234,
        }
    }

    #[test]
    fn what_changes_is_said_and_how_it_ended() {
        assert_eq!(
            changes(&report(Outcome::Applied)),
            "~ vrrp_instance VI_1: priority 100 -> 150\nnote: `xdp` is not changed\n/etc/regent/regent.conf is applied in \
             1.234 ms; 11 instances go on as they are\n"
        );
        let dry = changes(&report(Outcome::WouldApply));
        assert!(
            dry.ends_with("would be applied; 11 instances go on as they are; nothing has changed\n"),
            "{dry}"
        );
    }

    #[test]
    fn a_config_that_is_not_applied_is_said_with_the_reason_and_has_a_status_of_its_own() {
        let bad = Report { problem: Some("it has errors".into()), ..report(Outcome::BadConfig) };
        assert_eq!(
            said(&bad).unwrap(),
            "error: /etc/regent/regent.conf: not applied, everything is as it was: it has errors\n"
        );
        let numbers = [Outcome::Applied, Outcome::WouldApply, Outcome::BadConfig, Outcome::Refused];
        assert_eq!(numbers.map(|outcome| of(outcome).number()), [0, 0, 4, 1]);
    }
}
