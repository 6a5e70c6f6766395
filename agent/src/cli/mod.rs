//! The command line: the edge of the agent, where errors become sentences on stderr and an exit status.

pub mod check;
pub mod client;
pub mod completion;
pub mod convert;
pub mod daemon;
pub mod detach;
pub mod exit;
pub mod explain;
pub mod front;
pub mod handover;
pub mod instance;
pub mod man;
pub mod options;
pub mod reload;
pub mod status;

use std::{
    ffi::OsString,
    io::{self, IsTerminal, Write},
    process::ExitCode,
};

use self::{
    exit::Status,
    options::{Refusal, Request},
};
use crate::observe::table::Look;

/// Runs the program with these words, the first of which is its name.
pub fn main(words: impl IntoIterator<Item = OsString>) -> ExitCode {
    let words: Vec<OsString> = words.into_iter().collect();
    if front::is_called(words.first()) {
        return front::main(words);
    }
    match options::parse(words.clone()) {
        Ok(Request::Daemon(options)) => finish(daemon::run(*options, words)),
        Ok(Request::Check(options)) => {
            finish(check::run(&options, Look::of_stdout().colour, &mut io::stdout()))
        }
        Ok(Request::Convert(options)) => {
            finish(convert::run(&options, colour_on_stderr(), &mut io::stdout(), &mut io::stderr()))
        }
        Ok(Request::Detach(options)) => finish(detach::run(&options, &mut io::stdout())),
        Ok(Request::Handover(options)) => {
            finish(handover::run(&options, &mut io::stdout(), &mut io::stderr()))
        }
        Ok(Request::Reload(options)) => finish(reload::run(&options, &mut io::stdout(), &mut io::stderr())),
        Ok(Request::Status(options)) => {
            finish(status::run(&options, Look::of_stdout(), &mut io::stdout(), &mut io::stderr()))
        }
        Ok(Request::Explain(options)) => finish(explain::run(&options, &mut io::stdout())),
        Ok(Request::Completion(options)) => finish(completion::run(options, &mut io::stdout())),
        Ok(Request::Man(options)) => finish(man::run(&options, &mut io::stdout())),
        Err(refusal) => refuse(&refusal),
    }
}

fn finish(result: anyhow::Result<Status>) -> ExitCode {
    match result {
        Ok(status) => status.into(),
        Err(error) => {
            print(&mut io::stderr(), &format!("error: {error:#}\n"));
            Status::Failed.into()
        }
    }
}

fn refuse(refusal: &Refusal) -> ExitCode {
    match refusal.status {
        Status::Good => print(&mut io::stdout(), &refusal.text),
        Status::Failed | Status::Usage | Status::NotReached | Status::Config | Status::Warnings => {
            print(&mut io::stderr(), &refusal.text);
        }
    }
    refusal.status.into()
}

/// Whether what goes to stderr may be coloured: a terminal reads it, and NO_COLOR does not forbid it.
fn colour_on_stderr() -> bool {
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Prints; a reader that went away (`agent status | head`) is no reason to fail.
fn print(stream: &mut dyn Write, text: &str) {
    drop(stream.write_all(text.as_bytes()).and_then(|()| stream.flush()));
}
