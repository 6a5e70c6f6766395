//! What a daemon costs: processor time and resident memory of a process and all its descendants, by their clocks and
//! from /proc.

use std::{fs, time::Duration};

use anyhow::{Context, Result};
use nix::{time::ClockId, unistd::Pid};

/// Field after the name of a program in /proc/PID/stat: its parent.
const PARENT: usize = 1;

/// The cost so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Processor time, user and system, of all threads, also of those that have ended.
    pub processor: Duration,
    /// Resident memory in bytes; pages that processes share count in each.
    pub resident: u64,
    /// Of that, what is no page of a file, in bytes: how much of a program is in memory is chance, this is not.
    pub anonymous: u64,
    /// How many processes.
    pub processes: u32,
}

/// The cost of the process and its descendants.
///
/// # Errors
/// When the process is gone.
pub fn of_tree(root: u32) -> Result<Usage> {
    let mut usage = Usage::default();
    for pid in tree(root)? {
        // A short-lived child may be gone by now.
        let Some(processor) = processor(pid) else { continue };
        usage.processor += processor;
        usage.resident += memory(pid, "VmRSS:").unwrap_or(0);
        usage.anonymous += memory(pid, "RssAnon:").unwrap_or(0);
        usage.processes += 1;
    }
    fields(root).with_context(|| format!("process {root} is gone"))?;
    Ok(usage)
}

/// By the clock of the process: /proc knows no more than 10 ms.
fn processor(pid: u32) -> Option<Duration> {
    let clock = ClockId::pid_cpu_clock_id(Pid::from_raw(i32::try_from(pid).ok()?)).ok()?;
    clock.now().ok().map(Duration::from)
}

/// The process and its descendants.
///
/// # Errors
/// Without /proc.
pub fn tree(root: u32) -> Result<Vec<u32>> {
    let mut parents = Vec::new();
    for entry in fs::read_dir("/proc").context("read /proc")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        if let Some(parent) = fields(pid).and_then(|fields| fields.get(PARENT)?.parse::<u32>().ok()) {
            parents.push((pid, parent));
        }
    }
    let mut tree = vec![root];
    let mut read = 0;
    while let Some(&parent) = tree.get(read) {
        tree.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| *pid));
        read += 1;
    }
    Ok(tree)
}

/// The fields after the program's name, which stands in parentheses and may contain anything.
fn fields(pid: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(')')?;
    Some(rest.split_whitespace().map(str::to_owned).collect())
}

fn memory(pid: u32, kind: &str) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let kilobytes = text.lines().find_map(|line| line.strip_prefix(kind))?.split_whitespace().next()?;
    kilobytes.parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_cost_is_found() {
        let usage = of_tree(std::process::id()).unwrap();
        assert!(usage.processes >= 1);
        assert!(usage.resident > 100 * 1024, "{usage:?}");
    }

    #[test]
    fn a_process_that_is_gone_is_an_error() {
        assert!(of_tree(u32::MAX).is_err());
    }
}
