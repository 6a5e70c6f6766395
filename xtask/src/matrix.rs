//! `cargo xtask matrix`: the matrix of the agent and its peers for as long as one likes, at every interval, with the times
//! behind the verdicts.
//!
//! The tests run it once, at 100 ms. Here each round is every cell at each interval; version 2, which knows whole seconds
//! only, takes part in the rounds of one second.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Write, stdout},
    path::Path,
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use lab::{agent, bpf_probe, clock::Span, skip};
use serde_json::Value;

use crate::{build_ebpf, process, setup};

/// What the scenarios read: the interval in centiseconds, and where to note times.
const INTERVAL: &str = "REGENT_MATRIX_INTERVAL";
const FIGURES: &str = "REGENT_MATRIX_FIGURES";

/// Options of the verb.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// How many times everything is done
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Intervals in milliseconds, multiples of ten
    #[arg(long, value_delimiter = ',', default_values_t = [10, 100, 1000])]
    intervals: Vec<u32>,
    /// Only cells whose name begins like this: `keepalived`, `frr::v3_ipv6`, `agent::v3_ipv4::they_die`
    #[arg(default_value = "")]
    cells: String,
    /// Cells at a time; at 10 ms at most two, since they measure each other otherwise
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..))]
    at_once: u32,
}

/// The worst that was seen of one time in one cell.
#[derive(Clone, Copy, Debug, Default)]
struct Worst {
    seen: u32,
    took: Duration,
    bound: Duration,
}

/// What one run of the scenarios said.
#[derive(Debug, Default)]
struct Outcome {
    passed: u32,
    failed: Vec<String>,
}

/// Runs it.
///
/// # Errors
/// When something cannot be built or run, or a cell failed.
pub fn run(arguments: &Arguments) -> Result<()> {
    for interval in &arguments.intervals {
        ensure!((10..=40_950).contains(interval) && interval % 10 == 0, "{interval} ms is no interval");
    }
    if let Some(reason) = skip::lab_reason() {
        bail!("{reason}");
    }
    setup::run_all(None)?;
    build_ebpf::run(&build_ebpf::Arguments { route: None, object_only: false })?;
    let directory = tempfile::tempdir().context("make a directory for the figures")?;
    let figures = directory.path().join("figures");
    let mut worst = BTreeMap::new();
    let mut failed: BTreeMap<String, u32> = BTreeMap::new();
    let mut passed = 0;
    for round in 1..=arguments.rounds {
        for &interval in &arguments.intervals {
            println!("round {round} of {}, at {interval} ms", arguments.rounds);
            let outcome = cells(arguments, interval, &figures)?;
            passed += outcome.passed;
            for cell in outcome.failed {
                *failed.entry(format!("{cell} at {interval} ms")).or_default() += 1;
            }
            gather(&figures, interval, &mut worst)?;
        }
    }
    print(&worst);
    for (cell, times) in &failed {
        println!("FAILED {times} of {} times: {cell}", arguments.rounds);
    }
    println!("{passed} cells passed, {} failed", failed.values().sum::<u32>());
    ensure!(failed.is_empty(), "not every cell passed: see above");
    ensure!(passed > 0, "no cell begins with {:?}", arguments.cells);
    Ok(())
}

/// Every cell once, at one interval.
fn cells(arguments: &Arguments, interval: u32, figures: &Path) -> Result<Outcome> {
    let at_once = if interval < 100 { arguments.at_once.min(2) } else { arguments.at_once };
    let mut command = process::cargo();
    command.args(["test", "--package", "regent-tests", "--test", "scenarios", "--"]);
    command.args([&format!("matrix::{}", arguments.cells), "--test-threads", &at_once.to_string()]);
    if interval != 1000 {
        command.args(["--skip", "::v2_"]);
    }
    command.env(INTERVAL, (interval / 10).to_string()).env(FIGURES, figures);
    command.env(bpf_probe::VARIABLE, bpf_probe::reason().unwrap_or_default());
    command.env(agent::VARIABLE, process::workspace().join("target/release/agent"));
    let mut child = command.stdout(Stdio::piped()).spawn().context("start cargo test")?;
    let Some(output) = child.stdout.take() else { bail!("cargo test has no output") };
    let mut outcome = Outcome::default();
    for line in BufReader::new(output).lines() {
        let line = line.context("read what cargo test says")?;
        outcome.read(&line);
        // A closed pipe must not end the cells half way.
        writeln!(stdout(), "{line}").ok();
    }
    let status = child.wait().context("wait for cargo test")?;
    ensure!(status.success() || !outcome.failed.is_empty(), "the scenarios did not run: {status}");
    Ok(outcome)
}

impl Outcome {
    /// `test matrix::frr::v3_ipv4::they_die ... ok`, with spaces as the columns need them.
    fn read(&mut self, line: &str) {
        let Some((name, verdict)) = line.split_once(" ... ") else { return };
        let Some(cell) = name.split_whitespace().find(|word| word.contains("::")) else { return };
        match verdict.trim() {
            "ok" => self.passed += 1,
            "FAILED" => self.failed.push(cell.to_owned()),
            _ => {}
        }
    }
}

/// Takes the figures of a run into account, and the file away.
fn gather(figures: &Path, interval: u32, worst: &mut BTreeMap<(u32, String), Worst>) -> Result<()> {
    let text = match fs::read_to_string(figures) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).context("read the figures"),
    };
    fs::remove_file(figures).context("remove the figures")?;
    for line in text.lines() {
        let figure: Value = serde_json::from_str(line).context("read a figure")?;
        let word = |name: &str| figure[name].as_str().unwrap_or_default().to_owned();
        let time = |name: &str| Duration::from_micros(figure[name].as_u64().unwrap_or_default());
        let cell = format!("{} {}", word("cell").trim_start_matches("matrix::"), word("what"));
        let entry: &mut Worst = worst.entry((interval, cell)).or_default();
        entry.seen += 1;
        if time("took_us") >= entry.took {
            (entry.took, entry.bound) = (time("took_us"), time("bound_us"));
        }
    }
    Ok(())
}

fn print(worst: &BTreeMap<(u32, String), Worst>) {
    println!();
    println!("{:>8}  {:<58}{:>5}  {:>10}  {:>10}", "interval", "cell", "times", "longest", "right");
    for ((interval, cell), Worst { seen, took, bound }) in worst {
        let (took, bound) = (Span(*took).to_string(), Span(*bound).to_string());
        println!("{:>8}  {cell:<58}{seen:>5}  {took:>10}  {bound:>10}", format!("{interval} ms"));
    }
    println!();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_are_read_and_reasons_are_not_cells() {
        let mut outcome = Outcome::default();
        outcome.read("test                             matrix::frr::v3_ipv4::they_die ... ok");
        outcome.read("test [FRR has no authentication] matrix::frr::v2_pass::they_die ... ignored");
        outcome.read("test matrix::agent::v3_ipv4::we_die   ... FAILED");
        outcome.read("running 8 tests");
        assert_eq!((outcome.passed, outcome.failed), (1, vec!["matrix::agent::v3_ipv4::we_die".to_owned()]));
    }
}
