//! What agents leave on a host is cleared away: at the start, at the end, and by `agent detach`.

use std::io;

use crate::{
    config::plan::Plan,
    net::{
        inventory::{self, Inventory},
        routes::Prefix,
        xdp::Pins,
    },
    runtime::{
        build,
        engine::{Settings, XdpChoice},
        journal::{self, Entry, RunDir},
        leftovers::{self, Removed},
        succession::Estate,
    },
};

/// Removes what a crashed agent left, but for what is gone on with, and returns what the journal must name.
pub(super) fn cleaned_up(
    plan: &Plan,
    settings: &Settings,
    run_dir: &RunDir,
    pins: Option<&Pins>,
    inventory: &mut Inventory,
) -> io::Result<(Vec<Entry>, Option<Estate>)> {
    let journal = run_dir.leftovers();
    let pins = pins.filter(|_| settings.xdp != XdpChoice::Off);
    let estate = pins.and_then(|pins| Estate::find(plan, pins.leftovers(), &journal, inventory));
    let kept = estate.as_ref().map_or(&[][..], |estate| &estate.entries);
    // While the dead agents' programs still keep the host silent.
    let mut left = journal;
    let ports = build::indexes(plan, inventory);
    let others = pins.map(|pins| pins.dead_run_dirs(&ports)).unwrap_or_default();
    left.extend(others.iter().flat_map(|other| journal::left_in(other)));
    let removed = leftovers::remove(&left, kept, inventory)?;
    tell_removed(&removed);
    if let (Some(pins), Some(_)) = (pins, &estate) {
        pins.sweep_dead(&ports).swept.iter().for_each(|swept| tracing::warn!("removed {swept}"));
    }
    let intentions = leftovers::intentions_beside(plan, kept.to_vec(), inventory);
    Ok((intentions, estate))
}

/// Says what was cleared away: each, where they are few.
fn tell_removed(removed: &Removed) {
    const EACH: usize = 20;
    if removed.addresses.len() + removed.routes.len() > EACH {
        tracing::warn!(
            "removed {} addresses and {} local routes: an agent that crashed had left them there",
            removed.addresses.len(),
            removed.routes.len()
        );
        return;
    }
    for Entry { device, address, prefix_length } in &removed.addresses {
        tracing::warn!(
            "removed {address}/{prefix_length} from {device}: an agent that crashed had left it there"
        );
    }
    for (device, Prefix { address, length }) in &removed.routes {
        tracing::warn!(
            "removed the local route to {address}/{length} on {device}: an agent that crashed had left it there"
        );
    }
}

/// Removes what a crashed agent left, with no agent to follow, and says what.
///
/// # Errors
/// When something cannot be removed: what on what, and how to do it by hand.
pub fn clear_leftovers(run_dir: &RunDir, inventory: &mut Inventory) -> io::Result<Vec<String>> {
    let Removed { addresses, routes } = leftovers::remove(&run_dir.leftovers(), &[], inventory)?;
    let addresses = addresses.iter().map(|Entry { device, address, prefix_length }| {
        format!("address {address}/{prefix_length} from {device}")
    });
    let routes = routes
        .iter()
        .map(|(device, Prefix { address, length })| format!("local route to {address}/{length} on {device}"));
    Ok(addresses.chain(routes).collect())
}

/// When the VRRP thread failed, or could not wait for the kernel: nothing of ours stays on the host.
pub(super) async fn give_back(intentions: &[Entry]) -> io::Result<()> {
    let mut inventory = inventory::inventory().await.map_err(io::Error::other)?;
    leftovers::remove(intentions, &[], &mut inventory).map(drop)
}
