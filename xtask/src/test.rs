//! `cargo xtask test`: set-up, build, and every test there is; what could not run is named, with the reason.
//!
//! Ends with one line in libtest's manner that adds up all suites. A suite that was ignored is not a suite that
//! passed: without root, or without the set-up, the last lines say what was left out.

use std::{
    ffi::OsStr,
    io::{BufRead, BufReader, IsTerminal, Write, stdout},
    process::Stdio,
};

use anyhow::{Context, Result, bail, ensure};
use lab::{
    agent, bpf_probe,
    clock::{Moment, Span},
    skip,
};

use crate::{build_ebpf, process, setup};

/// Options of the tests.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Leave out set-up and the XDP program: its tests are then ignored.
    #[arg(long)]
    without_xdp: bool,
    /// For the test binaries: a filter, `--test-threads N` …
    #[arg(last = true)]
    rest: Vec<String>,
}

/// What all suites add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum {
    suites: u64,
    passed: u64,
    failed: u64,
    ignored: u64,
    filtered: u64,
}

/// Sets up, builds and tests.
///
/// # Errors
/// When something cannot be built, or a test failed.
pub fn run(arguments: &Arguments) -> Result<()> {
    let start = Moment::now();
    if arguments.without_xdp {
        build_ebpf::agent_only()?;
    } else {
        setup::run_all(None)?;
        build_ebpf::run(&build_ebpf::Arguments { route: None, object_only: false })?;
    }
    let mut sum = Sum::default();
    let passed = tests(&arguments.rest, &mut sum)?;
    println!();
    for reason in reasons() {
        println!("note: {reason}");
    }
    let verdict = if passed && sum.failed == 0 { "ok" } else { "FAILED" };
    println!(
        "test result: {verdict}. {} passed; {} failed; {} ignored; 0 measured; {} filtered out; finished in {} \
         (all {} suites)",
        sum.passed,
        sum.failed,
        sum.ignored,
        sum.filtered,
        Span(start.elapsed()),
        sum.suites,
    );
    ensure!(passed, "not every test passed: see above");
    Ok(())
}

/// Why tests were left out.
fn reasons() -> Vec<String> {
    let lab = skip::lab_reason()
        .map(|reason| format!("all scenarios and verdicts in namespaces were ignored: {reason}"));
    // libtest has no way to ignore at run time: these return at once and count as passed.
    let network = lab.as_ref().map(|_| {
        "the agent's own tests in namespaces (net::tests) did not run either, although they count as passed".to_owned()
    });
    let ignored = |what: &str, reason: Option<String>| {
        reason.map(|reason| format!("scenarios {what} were ignored: {reason}"))
    };
    let keepalived = ignored("with keepalived", skip::keepalived_reason());
    let frr = ignored("with FRR", skip::frr_reason());
    let nft = ignored("that lose frames", skip::nft_reason());
    let mortal = ignored("in which the agent dies half way", skip::mortal_agent_reason());
    let object = ignored("of the XDP rungs", skip::object_reason());
    [lab, network, keepalived, frr, nft, mortal, object].into_iter().flatten().collect()
}

/// Runs all suites, one after the other, with the release agent under test.
fn tests(rest: &[String], sum: &mut Sum) -> Result<bool> {
    let mut command = process::cargo();
    command.args(["test", "--workspace", "--no-fail-fast", "--"]).args(rest);
    command.env(bpf_probe::VARIABLE, bpf_probe::reason().unwrap_or_default());
    command.env(agent::VARIABLE, process::workspace().join("target/release/agent"));
    if stdout().is_terminal() {
        command.env("CARGO_TERM_COLOR", OsStr::new("always"));
    }
    let mut child = command.stdout(Stdio::piped()).spawn().context("start cargo test")?;
    let Some(output) = child.stdout.take() else { bail!("cargo test has no output") };
    for line in BufReader::new(output).lines() {
        let line = line.context("read what cargo test says")?;
        sum.add(&line);
        // A closed pipe must not end the tests half way.
        writeln!(stdout(), "{line}").ok();
    }
    Ok(child.wait().context("wait for cargo test")?.success())
}

impl Sum {
    /// Adds a suite's last line, if this is one: `test result: ok. 3 passed; 0 failed; …`.
    fn add(&mut self, line: &str) {
        let Some((_, counts)) = line.split_once("test result: ").and_then(|(_, rest)| rest.split_once(". "))
        else {
            return;
        };
        self.suites += 1;
        for count in counts.split("; ") {
            let mut words = count.split_whitespace();
            let number = words.next().and_then(|word| word.parse::<u64>().ok()).unwrap_or(0);
            match words.next() {
                Some("passed") => self.passed += number,
                Some("failed") => self.failed += number,
                Some("ignored") => self.ignored += number,
                Some("filtered") => self.filtered += number,
                Some(_) | None => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suites_add_up() {
        let mut sum = Sum::default();
        sum.add(
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.00s",
        );
        sum.add("test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s");
        sum.add("test clock::tests::spans ... ok");
        assert_eq!(sum, Sum { suites: 2, passed: 4, failed: 2, ignored: 1, filtered: 2 });
    }
}
