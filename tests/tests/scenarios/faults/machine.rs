//! A machine that has no time, or whose kernel has none: nobody else is to live through that, so these run alone.

use std::time::Duration;

use anyhow::{Result, ensure};
use lab::{
    clock::{Moment, Span},
    process::Process,
};

use super::{Fault, STRONG, WEAK};
use crate::scenarios::pair::{
    Pair,
    Side::{They, We},
};

pub const FAULTS: &[Fault] = &[
    ("a_busy_processor_costs_no_false_takeover", &[], busy_processor),
    ("a_kernel_busy_with_other_interfaces_delays_no_advert", &[], busy_with_interfaces),
];

/// Both routers share one processor with many others; what else runs here has the rest.
fn busy_processor(pair: &mut Pair) -> Result<()> {
    const HOGS: usize = 4;
    pair.master(We, STRONG)?;
    let began = Moment::now();
    pair.backup(They, WEAK)?;
    for side in [We, They] {
        let pid = pair.pid(side)?.to_string();
        pair.node(side).run("taskset", &["--all-tasks", "--cpu-list", "--pid", "0", &pid])?;
    }
    let mut hogs = Vec::new();
    for _ in 0..HOGS {
        let mut command = pair.node(They).command("taskset");
        command.args(["--cpu-list", "0", "timeout", "10", "sh", "-c", "while :; do :; done"]);
        hogs.push(Process::spawn("hog", pair.node(They), &mut command, Duration::ZERO)?);
    }
    for _ in 0..4 {
        pair.reigns(We)?;
    }
    drop(hogs);
    pair.silent(They, began, Moment::now())
}

/// Bridges of a namespace that goes: the kernel holds its one lock for interfaces for as long as it waits for the last
/// reader of each, which was 16 ms a bridge on a machine of two processors. Hosts of containers do that all day.
fn busy_with_interfaces(pair: &mut Pair) -> Result<()> {
    const BRIDGES: usize = 40;
    let timing = pair.timing();
    pair.master(We, STRONG)?;
    let began = Moment::now();
    pair.backup(They, WEAK)?;
    let other = pair.another("containers", 77)?;
    let mut text = String::new();
    for number in 0..BRIDGES {
        text.push_str(&format!("link add name bridge{number} type bridge\n"));
    }
    let batch = other.write("batch", &text)?;
    other.ip(&["-batch", &batch.display().to_string()])?;
    let going = Moment::now();
    drop(other);
    std::thread::sleep(Duration::from_secs(2));
    pair.silent(They, began, Moment::now())?;
    let pause = pair.longest_pause(We, going)?;
    ensure!(pause <= timing.interval * 2, "paused for {}", Span(pause));
    Ok(())
}
