//! The program `agent`: see `regent_agent::cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    regent_agent::cli::main(std::env::args_os())
}
