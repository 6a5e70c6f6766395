//! The project's own commands: one verb, one file.

mod bench;
mod build_ebpf;
mod chart;
mod ci;
mod demo;
mod fuzz;
mod man;
mod matrix;
mod process;
mod setup;
mod test;
mod toolchain;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The project's own commands")]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Find what building and testing need, and add what is missing
    Setup(setup::Arguments),
    /// Build the BPF object, and the release agent that embeds it
    BuildEbpf(build_ebpf::Arguments),
    /// Set up, build, and run every test
    Test(test::Arguments),
    /// Run the matrix of the agent and its peers, round by round, at every interval
    Matrix(matrix::Arguments),
    /// Read texts that nobody would write as configs, for some minutes
    Fuzz(fuzz::Arguments),
    /// Show a failover: two routers, a client and one virtual address, in network namespaces
    Demo(demo::Arguments),
    /// Measure takeovers, hand-overs, failing scripts, steadiness, packets and load, beside keepalived
    Bench(bench::Arguments),
    /// Measure takeovers of up to 10,000 addresses and draw the README's chart of them
    Chart(chart::Arguments),
    /// Wake at a steady beat and say how late: what the bench holds adverts against
    #[command(name = bench::bare_loop::VERB, hide = true)]
    BareLoop(bench::bare_loop::Arguments),
    /// Write the manual pages and the shells' completions into target/man and target/completion, for packages
    Man,
    /// Run what every change must pass: tests, formatting, lints, docs
    Ci,
}

fn main() -> ExitCode {
    match run(Arguments::parse().verb) {
        Ok(()) => ExitCode::SUCCESS,
        // Display and not Debug: a backtrace tells the user nothing.
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(verb: Verb) -> anyhow::Result<()> {
    match verb {
        Verb::Setup(arguments) => setup::run(&arguments),
        Verb::BuildEbpf(arguments) => build_ebpf::run(&arguments),
        Verb::Test(arguments) => test::run(&arguments),
        Verb::Matrix(arguments) => matrix::run(&arguments),
        Verb::Fuzz(arguments) => fuzz::run(&arguments),
        Verb::Demo(arguments) => demo::run(&arguments),
        Verb::Bench(arguments) => bench::run(&arguments),
        Verb::Chart(arguments) => chart::run(&arguments),
        Verb::BareLoop(arguments) => bench::bare_loop::run(&arguments),
        Verb::Man => man::run(),
        Verb::Ci => ci::run(),
    }
}
