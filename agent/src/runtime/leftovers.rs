//! Addresses that a crashed agent left behind: what its journal names and what carries our tag, and nothing else.

use std::{collections::BTreeMap, io, time::Duration};

use tokio::time::sleep;

use super::journal::Entry;
use crate::{
    config::plan::{InstancePlan, Plan},
    net::{
        addresses::{AddressRequest, AddressSocket, Operation, VRRP_ADDRESS_PROTOCOL},
        inventory::Inventory,
        link::{AssignedAddress, Link},
    },
};

/// How long the kernel's answers are waited for; they are there when the request returns.
const PATIENCE: Duration = Duration::from_millis(500);

/// Removes what is left of `entries` from the host and from `inventory`, and returns what was removed.
///
/// # Errors
/// When an address cannot be removed: what on what, and how to do it by hand.
pub async fn remove(entries: &[Entry], inventory: &mut Inventory) -> io::Result<Vec<Entry>> {
    let mut removed = Vec::new();
    let mut waiting = BTreeMap::new();
    let mut socket = AddressSocket::open()?;
    for entry in entries {
        let Some(index) = inventory.link_named(&entry.device).map(|link| link.index) else { continue };
        let is_entry = |address: &AssignedAddress| {
            address.index == index
                && address.address == entry.address
                && address.prefix_length == entry.prefix_length
                && is_ours(address)
        };
        if !inventory.addresses.iter().any(is_entry) {
            continue;
        }
        let request = AddressRequest {
            operation: Operation::Remove,
            ifindex: index,
            address: entry.address,
            prefix_length: entry.prefix_length,
            broadcast: None,
            scope: 0,
            label: None,
            detects_duplicates: false,
            preferred_lifetime: None,
            no_prefix_route: false,
        };
        waiting.insert(socket.request(&request)?, entry);
        inventory.addresses.retain(|address| !is_entry(address));
        removed.push(entry.clone());
        collect(&mut socket, &mut waiting)?;
    }
    let step = Duration::from_millis(5);
    let mut waited = Duration::ZERO;
    while !waiting.is_empty() && waited < PATIENCE {
        collect(&mut socket, &mut waiting)?;
        sleep(step).await;
        waited += step;
    }
    Ok(removed)
}

fn collect(socket: &mut AddressSocket, waiting: &mut BTreeMap<u32, &Entry>) -> io::Result<()> {
    let mut failed = None;
    socket.acknowledgements(|sequence, result| {
        let entry = waiting.remove(&sequence);
        if let (Some(entry), Err(error)) = (entry, result)
            && error.kind() != io::ErrorKind::AddrNotAvailable
        {
            failed = Some(io::Error::new(
                error.kind(),
                format!(
                    "cannot remove {}/{} from {}, which a crashed agent left there: {error}; remove it with `ip addr del \
                     {}/{} dev {}`",
                    entry.address, entry.prefix_length, entry.device, entry.address, entry.prefix_length, entry.device
                ),
            ));
        }
    })?;
    failed.map_or(Ok(()), Err)
}

/// What the journal of an agent with this plan must name: each of its addresses that is not on the host already by
/// somebody else.
pub fn intentions(plan: &Plan, inventory: &Inventory) -> Vec<Entry> {
    let of = |instance: &InstancePlan| {
        let interface = instance.interface.clone();
        let all = instance.addresses.iter().chain(&instance.excluded).cloned();
        all.map(move |address| Entry {
            device: address.device.unwrap_or_else(|| interface.clone()),
            address: address.address,
            prefix_length: address.prefix_length,
        })
        .collect::<Vec<_>>()
    };
    let foreign = |entry: &Entry| {
        let index = inventory.link_named(&entry.device).map(|link| link.index);
        inventory.addresses.iter().any(|address| {
            Some(address.index) == index
                && address.address == entry.address
                && address.prefix_length == entry.prefix_length
        })
    };
    plan.instances.iter().flat_map(of).filter(|entry| !foreign(entry)).collect()
}

/// As [`intentions`], for an agent that succeeds another one: what the journal names is the other one's and stays in it, and
/// counts as nobody's.
pub fn intentions_beside(plan: &Plan, journalled: Vec<Entry>, inventory: &mut Inventory) -> Vec<Entry> {
    let named = |address: &AssignedAddress, links: &[Link]| {
        let device = links.iter().find(|link| link.index == address.index).map(|link| &link.name);
        is_ours(address)
            && journalled.iter().any(|entry| {
                Some(&entry.device) == device
                    && entry.address == address.address
                    && entry.prefix_length == address.prefix_length
            })
    };
    let Inventory { links, addresses } = inventory;
    addresses.retain(|address| !named(address, links));
    let mut entries = intentions(plan, inventory);
    entries.extend(journalled);
    entries
}

/// Whether an address that the journal names is the one that we put there. A kernel before 5.18 keeps no tag, and then
/// the journal alone decides.
fn is_ours(address: &AssignedAddress) -> bool {
    match address.protocol {
        Some(protocol) => protocol == VRRP_ADDRESS_PROTOCOL,
        None => !kernel_keeps_tags(),
    }
}

fn kernel_keeps_tags() -> bool {
    let Ok(name) = nix::sys::utsname::uname() else { return true };
    let release = name.release().to_string_lossy().into_owned();
    let mut numbers = release.split(|character: char| !character.is_ascii_digit()).map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) >= (5, 18),
        (_, _) => true,
    }
}
