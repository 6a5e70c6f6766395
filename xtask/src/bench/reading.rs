//! How long it takes to read and check a config of many instances, as a person waits for it: `agent check`, beside
//! `keepalived -t` of the same file; and how much memory that takes at most.
//!
//! The sizes show that time grows as the file does. Both judge the file without root and without its interfaces.

use std::{
    fmt::Write,
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use lab::{agent, clock::Moment, keepalived};

use super::{
    Contestant, Effort,
    table::{Cell, Goal, Table, Unit},
};

/// Instances in each file.
const SIZES: [u32; 3] = [1_000, 5_000, 20_000];
/// The file that the goals are set for.
const JUDGED: u32 = 5_000;
/// What it may take.
const TIME: Duration = Duration::from_millis(500);
const MEMORY: u64 = 100_000_000;
/// From one look at the memory to the next.
const LOOK: Duration = Duration::from_millis(1);
/// VRIDs of one interface.
const VRIDS: u32 = 250;

/// Measures all sizes.
///
/// # Errors
/// When a file is not accepted.
pub fn measure(contestants: &[Contestant], effort: &Effort, table: &mut Table) -> Result<()> {
    let directory = tempfile::tempdir().context("make a directory")?;
    for instances in SIZES {
        eprintln!("bench: a config of {instances} instances is read");
        let path = directory.path().join(format!("{instances}.conf"));
        fs::write(&path, text(instances)).with_context(|| format!("write {}", path.display()))?;
        let (mut times, mut peaks) = (Vec::new(), Vec::new());
        for (name, _) in contestants {
            let runs = (0..effort.readings).map(|_| read(name, &path)).collect::<Result<Vec<_>>>()?;
            times.push(Cell::times(&runs));
            peaks.push(Cell::of([peak(name, &path)?]));
        }
        let judged = instances == JUDGED;
        let nanoseconds = u64::try_from(TIME.as_nanos()).unwrap_or(u64::MAX);
        let goal = |most| if judged { Goal::Median(most) } else { Goal::Shown };
        let figure = format!("a config of {instances} instances is read and checked");
        table.row(figure, effort.readings, Unit::Time, goal(nanoseconds), times);
        table.row("  its peak of memory", 1, Unit::Memory, goal(MEMORY), peaks);
    }
    Ok(())
}

/// Instances as they stand in files: each with a password and two addresses.
fn text(instances: u32) -> String {
    let mut text = String::from("global_defs {\n    router_id lb1\n}\n");
    for n in 0..instances {
        let (interface, vrid) = (n / VRIDS, n % VRIDS + 1);
        // Writing to a text cannot fail.
        let _written = write!(
            text,
            "vrrp_instance VI_{n} {{\n    state BACKUP\n    interface eth{interface}\n    \
             virtual_router_id {vrid}\n    priority 150\n    advert_int 1\n    authentication {{\n        \
             auth_type PASS\n        auth_pass s{n}\n    }}\n    virtual_ipaddress {{\n        \
             10.{interface}.{vrid}.1/24\n        10.{interface}.{vrid}.2/24\n    }}\n}}\n"
        );
    }
    text
}

fn command(contestant: &str, path: &Path) -> Result<Command> {
    let mut command = if contestant == "keepalived" {
        let mut command = Command::new(keepalived::program().context("keepalived is not installed")?);
        command.args(["-t", "-f"]);
        command
    } else {
        let mut command = Command::new(agent::program()?);
        command.arg("check");
        command
    };
    command.arg(path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Ok(command)
}

/// Ours finds nothing wrong; the peer misses the interfaces.
fn judge(contestant: &str, mut child: Child) -> Result<()> {
    let status = child.wait().context("wait for the verdict")?;
    ensure!(status.code().is_some(), "{contestant}: {status}");
    ensure!(contestant == "keepalived" || status.success(), "{contestant}: {status}");
    Ok(())
}

/// How long it takes.
fn read(contestant: &str, path: &Path) -> Result<Duration> {
    let mut command = command(contestant, path)?;
    let start = Moment::now();
    let child = command.spawn().with_context(|| format!("start {contestant}"))?;
    judge(contestant, child)?;
    Ok(start.elapsed())
}

/// The most memory that was seen in use.
fn peak(contestant: &str, path: &Path) -> Result<u64> {
    let mut child = command(contestant, path)?.spawn().with_context(|| format!("start {contestant}"))?;
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    while child.try_wait().context("wait for the verdict")?.is_none() {
        most = most.max(high_water(&fs::read_to_string(&status).unwrap_or_default()).unwrap_or(0));
        std::thread::sleep(LOOK);
    }
    judge(contestant, child)?;
    Ok(most)
}

/// Bytes, of what the kernel says of a process.
fn high_water(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kibibytes| kibibytes * 1024)
}
