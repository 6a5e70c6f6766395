//! Reading a config, for a start and for a reload: on a thread of its own, with all that is to be said of it.

use std::{
    io::IsTerminal,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use crate::{
    config::{self, Given, LoadError, plan::Plan},
    observe::log,
};

/// How often files are looked at that somebody is writing.
const LOOKS: usize = 40;
/// The time between two looks.
const PAUSE: Duration = Duration::from_millis(50);

/// A config that was read.
#[derive(Debug)]
pub struct Read {
    /// What it asks for.
    pub plan: Plan,
    /// Names of the instances that cannot be run.
    pub left_out: Vec<String>,
    /// Something in it is wrong.
    pub has_errors: bool,
    /// A file that is still being written: what was read may be half of it.
    pub unfinished: Option<PathBuf>,
    /// A file that it names is not there.
    pub misses_an_include: bool,
    /// What is wrong with it, for people: with its lines, without colours.
    pub rendered: String,
    /// The same in colours.
    coloured: String,
    /// The same in one line each.
    lines: Vec<String>,
}

/// Reads a config on a thread of its own and copies the plan out: what lasts then does not lie scattered among what
/// reading took, and all of that can be given back.
///
/// # Errors
/// When the file itself cannot be read.
pub fn read_apart(path: &Path, given: &Given) -> Result<Read, LoadError> {
    // The words of the language outlast the reading, so they are not to lie there.
    config::keyword::keywords();
    match thread::scope(|scope| scope.spawn(|| read(path, given)).join()) {
        Ok(read) => read.map(|read| Read { plan: Plan::clone(&read.plan), ..read }),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// As [`read_apart`], of files that nobody is writing: whoever is, is waited for, for two seconds.
///
/// # Errors
/// As there.
pub fn read_whole(path: &Path, given: &Given) -> Result<Read, LoadError> {
    for _ in 1..LOOKS {
        let read = read_apart(path, given)?;
        if read.unfinished.is_none() {
            return Ok(read);
        }
        thread::sleep(PAUSE);
    }
    read_apart(path, given)
}

fn read(path: &Path, given: &Given) -> Result<Read, LoadError> {
    let loaded = config::load_with(path, given)?;
    Ok(Read {
        has_errors: loaded.has_errors(),
        unfinished: loaded.unfinished(),
        misses_an_include: loaded.misses_an_include(),
        rendered: loaded.render(false),
        coloured: loaded.render(true),
        lines: loaded.lines().collect(),
        plan: loaded.plan,
        left_out: loaded.left_out,
    })
}

impl Read {
    /// Says everything that is wrong with it, where the log goes; for people, unless it goes `line_by_line` anyway.
    pub fn tell(&self, line_by_line: bool) {
        if line_by_line || log::stderr_is_journal() {
            self.lines.iter().for_each(|line| tracing::warn!("{line}"));
            return;
        }
        let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        eprint!("{}", if colour { &self.coloured } else { &self.rendered });
    }

    /// The instances that cannot be run, in half a sentence.
    pub fn who_cannot_run(&self) -> String {
        let whose = if self.left_out.len() == 1 { "an instance" } else { "some instances" };
        format!("{whose} cannot be run as configured: {}", self.left_out.join(", "))
    }
}

/// `--iface` limits the agent to those interfaces.
pub fn limited_to(mut plan: Plan, interfaces: &[String]) -> Plan {
    if interfaces.is_empty() {
        return plan;
    }
    plan.instances.retain(|instance| {
        let kept = interfaces.contains(&instance.interface);
        if !kept {
            tracing::info!(
                "vrrp_instance {} is left out: it is on {}, and --iface limits the agent to {}",
                instance.name,
                instance.interface,
                interfaces.join(", ")
            );
        }
        kept
    });
    plan
}
