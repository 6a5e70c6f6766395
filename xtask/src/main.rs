//! The project's own commands: `cargo xtask VERB`. One verb per file.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

mod build_ebpf;
mod ci;
mod demo;
mod setup;
mod test;

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", about = "The project's own commands", disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Set up, build and run every test.
    Test(test::Arguments),
    /// Run what every change must pass: tests, formatting, lints, docs.
    Ci,
    /// Show a failover: two routers, a client and one virtual address, in network namespaces.
    Demo(demo::Arguments),
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<()> {
    match arguments.verb {
        Verb::Test(arguments) => test::run(&arguments),
        Verb::Ci => ci::run(),
        Verb::Demo(arguments) => demo::run(&arguments),
    }
}
