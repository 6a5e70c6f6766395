//! `agent detach`: clears away what dead agents left on this host, with none running: programs that were pinned to outlive
//! them, addresses and routes, virtual MACs in the filters of cards. Again: nothing happens.

use std::io::{self, Write};

use anyhow::Context;
use regent_common::{Family, Vrid, map::gate_flag};

use super::{exit::Status, options::DetachOptions, print};
use crate::{
    net::{
        inventory, namespace,
        nic_filter::NicFilter,
        xdp::{self, Pins},
    },
    observe::server::SOCKET,
    runtime::{RunDir, clear_leftovers},
};

/// Clears away, and says what.
///
/// # Errors
/// An agent lives, or something cannot be removed: what, and what to do.
pub fn run(options: &DetachOptions, output: &mut dyn Write) -> anyhow::Result<Status> {
    let run_dir = RunDir::take(&options.run_directory)?;
    if let Some(name) = run_dir.worked_in() {
        enter(&name)?;
    }
    let mut said = Vec::new();
    for (ifindex, mac) in virtual_macs(options) {
        NicFilter::open()?.remove(ifindex, mac)?;
        let [a, b, c, d, e, f] = mac;
        said.push(format!(
            "virtual MAC {a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x} of interface {ifindex}"
        ));
    }
    // Programs before addresses: the program keeps the host silent until there is nothing to be silent about.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot set up a runtime to list interfaces and addresses")?;
    let mut inventory = runtime.block_on(inventory::inventory())?;
    said.extend(clear_leftovers(&run_dir, &mut inventory)?);
    let detached = xdp::detach_all(&options.bpf_directory, None)
        .with_context(|| format!("cannot look for pins in {}", options.bpf_directory.display()))?;
    said.extend(detached.swept.iter().map(ToString::to_string));
    // Nobody listens: the lock is ours.
    drop(std::fs::remove_file(run_dir.path().join(SOCKET)));
    run_dir.clear();
    for line in &said {
        print(output, &format!("removed {line}\n"));
    }
    for directory in &detached.alive {
        print(output, &format!("left {}: its agent is running\n", directory.display()));
    }
    anyhow::ensure!(detached.trouble.is_empty(), "{}", detached.trouble.join("; "));
    if said.is_empty() {
        print(output, "nothing was left by a dead agent\n");
    }
    Ok(Status::Good)
}

/// Goes where the dead agent worked. With a namespace its interfaces and all that was on them have gone.
fn enter(name: &str) -> Result<(), namespace::Error> {
    match namespace::enter(name) {
        Err(namespace::Error::Absent { error, .. }) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// Virtual MACs that the dead agent of this run directory spoke from. Where nothing was pinned nothing is known of them.
fn virtual_macs(options: &DetachOptions) -> Vec<(u32, [u8; 6])> {
    // Not made for this.
    if !options.bpf_directory.is_dir() {
        return Vec::new();
    }
    let Ok(pins) = Pins::open(&options.bpf_directory, &options.run_directory) else { return Vec::new() };
    let groups = pins.leftovers().groups.into_iter();
    let macs =
        groups.filter(|(_, _, gate)| gate.flags & gate_flag::VIRTUAL_MAC != 0).filter_map(|(key, ..)| {
            let family = Family::ALL.into_iter().find(|family| *family as u8 == key.family)?;
            Some((key.ifindex, Vrid::new(key.vrid)?.virtual_mac(family)))
        });
    macs.collect()
}
