//! `agent check`: everything that is wrong with a config, at once; with `--here` also what only this host can know; with two
//! files, whether they are the two sides of a pair.
//!
//! What is found is the answer of this verb and goes to stdout, in each format; stderr is for what keeps it from looking.
//! Exit status: 4 with errors, 5 with warnings under `--strict`, else 0; notes never count.

pub(super) mod host;
mod verdict;

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};

use super::{
    exit::Status,
    options::{DEFAULT_CONFIGS, Refusal, Request, is_present},
    print,
};
use crate::config::{self, Given, Loaded, Outcome, Report, diagnostic::Severity};

/// What is checked, and how it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckOptions {
    /// None: the default config; two: the sides of a pair. `-` is standard input.
    pub files: Vec<PathBuf>,
    /// Which `@id` lines are meant.
    pub config_id: Option<String>,
    /// Warnings count.
    pub strict: bool,
    /// Look at this host as well.
    pub here: bool,
    /// How it is told.
    pub output: ReportFormat,
}

/// How a report is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// For people
    #[default]
    Human,
    /// For programs
    Json,
    /// SARIF 2.1.0: for code hosts and editors
    Sarif,
}

#[derive(Debug, Args)]
#[command(
    after_long_help = "Needs no root, no interface and no network, unless --here is given; then it looks at this \
    host: interfaces, addresses and MTU, users, programs and their permissions, those of the config, and the firewall \
    (by nft, which needs root). What could not be looked at is said in a note.\n\n\
    -o json: {format, errors, warnings, notes, configs: [{file, read, instances, left_out}], diagnostics: [{code, severity, \
    message, file, line, column, end: {line, column}, labels: [{message, file, line, column, end}], included_from: [...], \
    help: [...]}]}. Lines and columns count from 1, columns in characters; the end is just behind the last one.\n\n\
    Exit status: 0 clean (notes never count), 4 errors, 5 warnings with --strict."
)]
pub(super) struct CheckArguments {
    /// The config, - for standard input; with two files also whether they agree as the two sides of a pair
    /// [default: /etc/regent/regent.conf, else /etc/keepalived/keepalived.conf]
    #[arg(value_name = "FILE", num_args = 0..=2)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    given: GivenArguments,
    /// Fail on warnings as well, with exit status 5
    #[arg(long)]
    strict: bool,
    /// Look also at what only this host can know: interfaces, users, programs, permissions, firewall
    #[arg(long)]
    here: bool,
    /// How to tell it
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    output: ReportFormat,
}

/// What the reading of a config depends on besides its text.
#[derive(Debug, Args)]
pub(super) struct GivenArguments {
    /// Read the `@ID` lines of this id [default: this host's name up to its first dot]
    #[arg(short = 'i', long, value_name = "ID")]
    pub config_id: Option<String>,
}

impl CheckArguments {
    pub(super) fn request(self) -> Result<Request, Refusal> {
        let from_stdin = self.files.iter().filter(|file| is_standard_input(file)).count();
        if from_stdin > 1 {
            return Err(Refusal::usage("standard input holds one config: name the other file"));
        }
        if self.here && self.files.len() > 1 {
            return Err(Refusal::usage("--here is about one config: check that of this host by itself"));
        }
        Ok(Request::Check(CheckOptions {
            files: self.files,
            config_id: self.given.config_id,
            strict: self.strict,
            here: self.here,
            output: self.output,
        }))
    }
}

fn is_standard_input(file: &Path) -> bool {
    file == Path::new("-")
}

/// Checks, and tells.
///
/// # Errors
/// What `--here` looks with cannot be set up.
pub fn run(options: &CheckOptions, colour: bool, output: &mut dyn Write) -> anyhow::Result<Status> {
    let (report, outcomes) = check(options)?;
    let text = match options.output {
        ReportFormat::Human => {
            let mut text = report.render(colour);
            text.push_str(&verdict::lines(&report, &outcomes));
            text
        }
        ReportFormat::Json => report.json(&outcomes),
        ReportFormat::Sarif => report.sarif(),
    };
    print(output, &text);
    Ok(if report.count(Severity::Error) > 0 {
        Status::Config
    } else if options.strict && report.count(Severity::Warning) > 0 {
        Status::Warnings
    } else {
        Status::Good
    })
}

fn check(options: &CheckOptions) -> anyhow::Result<(Report, Vec<Outcome>)> {
    let given = Given { config_id: options.config_id.clone(), elsewhere: true };
    let mut files = options.files.iter();
    let one = match files.next() {
        Some(file) => Side::read(file, &given),
        None => Side::default_config(&given),
    };
    let Some(other) = files.next().map(|file| Side::read(file, &given)) else {
        let mut report = one.report();
        if let Ok(loaded) = one.loaded.as_ref().map_err(drop)
            && options.here
        {
            report.add(loaded.here(&host::ThisHost::ask(&loaded.plan)?));
        }
        return Ok((report, vec![one.outcome()]));
    };
    let report = match (&one.loaded, &other.loaded) {
        (Ok(one), Ok(other)) => Report::of_pair(one, other),
        (Ok(_), Err(_)) | (Err(_), Ok(_) | Err(_)) => {
            let mut report = one.report();
            report.append(other.report());
            report
        }
    };
    Ok((report, vec![one.outcome(), other.outcome()]))
}

/// A config that was read, or why it was not.
pub(super) struct Side {
    name: String,
    pub(super) loaded: Result<Box<Loaded>, String>,
}

impl Side {
    pub(super) fn read(file: &Path, given: &Given) -> Self {
        if is_standard_input(file) {
            let name = config::STANDARD_INPUT.to_owned();
            return Self { name, loaded: boxed(config::load_standard_input(given)) };
        }
        Self { name: file.display().to_string(), loaded: boxed(config::load_with(file, given)) }
    }

    /// The one that the daemon would take.
    pub(super) fn default_config(given: &Given) -> Self {
        let [first, second] = DEFAULT_CONFIGS;
        match DEFAULT_CONFIGS.iter().map(Path::new).find(|path| is_present(path)) {
            Some(path) => Self::read(path, given),
            None => Self {
                name: first.to_owned(),
                loaded: Err(format!(
                    "there is no config: none was named, and neither {first} nor {second} exists"
                )),
            },
        }
    }

    pub(super) fn report(&self) -> Report {
        match &self.loaded {
            Ok(loaded) => Report::of(loaded),
            Err(message) => Report::failure(self.name.clone(), message.clone()),
        }
    }

    fn outcome(&self) -> Outcome {
        match &self.loaded {
            Ok(loaded) => Outcome::of(self.name.clone(), loaded),
            Err(_) => Outcome::unread(self.name.clone()),
        }
    }
}

fn boxed(loaded: Result<Loaded, config::LoadError>) -> Result<Box<Loaded>, String> {
    loaded.map(Box::new).map_err(|error| error.to_string())
}
