//! `agent convert`: the plan that a config becomes, as JSON on stdout; what is wrong with the config on stderr.
//!
//! The plan holds what can be run. Passwords and keys are asterisks in it, unless `--secrets` asks for them: what is
//! converted is often pasted where a password must not go.

use std::{io::Write, path::PathBuf};

use anyhow::Context;
use clap::{Args, ValueEnum};

use super::{
    check::{GivenArguments, Side},
    exit::Status,
    print,
};
use crate::config::{Given, diagnostic::Severity};

/// What is converted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConvertOptions {
    /// None: the default config. `-` is standard input.
    pub file: Option<PathBuf>,
    /// Which `@id` lines are meant.
    pub config_id: Option<String>,
    /// Passwords and keys are written as they are.
    pub secrets: bool,
}

/// What a config can be converted to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum PlanFormat {
    /// The plan, as the agent runs it
    #[default]
    Json,
}

#[derive(Debug, Args)]
#[command(
    after_long_help = "The plan has every default filled in. Names ending in _us are microseconds; family is 4 or 6; \
    an absent value is null. instances: name, interface, vrid, family, transport (multicast {group} or unicast {peers, \
    ttl, checks_source}), version, priority, interval_us, preemption, addresses, excluded, track_*, notify and so on, \
    without those that cannot be run; scripts: those that an instance tracks. Passwords and keys are \"***\", unless --secrets is given.\n\n\
    Exit status: 0 good, 4 errors in the config, which stderr tells."
)]
pub(super) struct ConvertArguments {
    /// The config, - for standard input
    /// [default: /etc/regent/regent.conf, else /etc/keepalived/keepalived.conf]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    given: GivenArguments,
    /// Write passwords and keys as they are
    #[arg(long)]
    secrets: bool,
    /// What to make of it
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    output: PlanFormat,
}

impl ConvertArguments {
    pub(super) fn options(self) -> ConvertOptions {
        match self.output {
            PlanFormat::Json => {
                ConvertOptions { file: self.file, config_id: self.given.config_id, secrets: self.secrets }
            }
        }
    }
}

/// Converts.
///
/// # Errors
/// The plan cannot be written as JSON, which no plan is.
pub fn run(
    options: &ConvertOptions,
    colour: bool,
    output: &mut dyn Write,
    errors: &mut dyn Write,
) -> anyhow::Result<Status> {
    let given = Given { config_id: options.config_id.clone(), elsewhere: true };
    let side = match &options.file {
        Some(file) => Side::read(file, &given),
        None => Side::default_config(&given),
    };
    let report = side.report();
    print(errors, &report.render(colour));
    if let Some(summary) = report.summary() {
        print(errors, &format!("{summary}\n"));
    }
    if let Ok(loaded) = &side.loaded {
        let plan = match options.secrets {
            true => serde_json::to_string_pretty(&loaded.plan),
            false => serde_json::to_string_pretty(&loaded.plan.without_secrets()),
        };
        let plan = plan.context("cannot write the plan as JSON")?;
        print(output, &format!("{plan}\n"));
    }
    Ok(if report.count(Severity::Error) > 0 { Status::Config } else { Status::Good })
}
