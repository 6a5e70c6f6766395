//! Requests that stay without an answer while the program on a port gives way to another, and while one agent hands over
//! to the next, under a flood of ARP requests.
//!
//! The first is the example `flood` of the tests. For the second an agent is master on a cable of its own; the flood
//! takes one processor for itself, and each request is answered on that processor or never.

use std::{
    process::Stdio,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use anyhow::{Context, Result, anyhow, bail, ensure};
use lab::{
    agent::{self, Agent, Options},
    cable::{Cable, FAR, NEAR},
    flood::Tally,
    group::Group,
};
use serde_json::Value;

use super::{
    Effort,
    table::{Cell, Goal, Table, Unit},
};
use crate::process;

/// From one request to the next: a million in a second.
const GAP: Duration = Duration::from_micros(1);
/// Where the flood is.
const PROCESSOR: usize = 0;
const CENTISECONDS: u32 = 10;
const PRIORITY: u8 = 150;
/// What the agent may take to become master.
const START: Duration = Duration::from_secs(10);
/// Between two hand-overs, and before the first.
const PAUSE: Duration = Duration::from_millis(200);

/// Measures both.
///
/// # Errors
/// When an exchange fails.
pub fn measure(effort: &Effort, table: &mut Table) -> Result<()> {
    let times = effort.swaps;
    eprintln!("bench: {times} swaps of the program under a flood");
    let (sent, lost) = programs(times)?;
    let rate = |sent: u64| format!("{}.{} million requests", sent / 1_000_000, sent / 100_000 % 10);
    let figure = format!("requests lost in {times} swaps of the program, {}", rate(sent));
    table.row(figure, 1, Unit::Count, Goal::Worst(0), vec![Cell::of([lost])]);
    eprintln!("bench: {times} hand-overs of the agent under a flood");
    let (tally, dropped) = agents(times).context("hand-overs of the agent under a flood")?;
    let lost = tally.lost().saturating_sub(dropped);
    let figure = format!("requests lost in {times} hand-overs of the agent, {}", rate(tally.sent));
    table.row(figure, 1, Unit::Count, Goal::Worst(0), vec![Cell::of([lost])]);
    let figure = "requests that the cable's full queue dropped meanwhile, before anybody saw them".to_owned();
    table.row(figure, 1, Unit::Count, Goal::Shown, vec![Cell::of([dropped])]);
    Ok(())
}

/// Requests sent and lost.
fn programs(times: u32) -> Result<(u64, u64)> {
    let mut command = process::cargo();
    command.args(["run", "--quiet", "--release", "--package", "regent-tests", "--example", "flood"]);
    command.args(["--", "swap", &times.to_string(), &GAP.as_nanos().to_string()]);
    let output = command.stderr(Stdio::inherit()).output().context("start flood")?;
    ensure!(output.status.success(), "flood: {}", output.status);
    let said: Value = serde_json::from_slice(&output.stdout).context("read what flood says")?;
    let number = |name: &str| said[name].as_u64().with_context(|| format!("flood says nothing of {name}"));
    Ok((number("sent")?, number("lost")?))
}

/// What was asked and answered, and how many requests never arrived: the two ends of a cable share the flood's processor
/// with the agents that start, and while the kernel's thread for the far end waits its turn the queue to it fills up.
fn agents(times: u32) -> Result<(Tally, u64)> {
    let cable = Cable::lay()?;
    let group = Group {
        addresses: vec![Cable::VIP.into()],
        interface: FAR.to_owned(),
        ..Group::fast(PRIORITY, CENTISECONDS)
    };
    // From now on the other end takes what an XDP program sends, and the host knows somebody to try that on.
    let mut flood = cable.flood(1, GAP)?;
    cable.host.run("ping", &["-c1", "-W2", &Cable::ASKER.to_string()])?;
    let options = Options { interfaces: vec![FAR.to_owned()], ..Options::config(group.text()) };
    let first = Agent::start(&cable.host, &options)?;
    first.wait_status("the agent is master and its program answers", START, |status| {
        status.state(&group.name) == "MASTER" && status.responder(FAR) == "xdp"
    })?;
    let is_over = AtomicBool::new(false);
    let before = dropped(&cable)?;
    let tally = std::thread::scope(|scope| {
        let flooding = scope.spawn(|| flood.run(PROCESSOR, || is_over.load(Ordering::Relaxed)));
        let handed = (1..=times).try_for_each(|time| {
            std::thread::sleep(PAUSE);
            hand_over(&first).with_context(|| format!("hand-over {time} of {times}"))
        });
        is_over.store(true, Ordering::Relaxed);
        let tally = flooding.join().map_err(|_| anyhow!("the flood panicked"));
        handed?;
        tally?
    })?;
    Ok((tally, dropped(&cable)?.saturating_sub(before)))
}

/// Frames that the asking end could not give to the other.
fn dropped(cable: &Cable) -> Result<u64> {
    let said: Value = serde_json::from_str(&cable.asker.ip(&["-j", "-s", "link", "show", "dev", NEAR])?)?;
    said.pointer("/0/stats64/tx/dropped").and_then(Value::as_u64).context("ip tells of no dropped frames")
}

/// Whoever runs now gives way to a successor in the same host.
fn hand_over(first: &Agent) -> Result<()> {
    let directory = first.run_directory().to_string_lossy().into_owned();
    let output = agent::verb(&["handover", "--run-dir", &directory])?;
    if !output.status.success() {
        bail!("agent handover: {}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
