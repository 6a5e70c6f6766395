//! What a crashed agent left behind: addresses and local routes that its journal names and that carry our tag, and nothing
//! else.
//!
//! A route may hold many addresses: it is ours when the journal names each of them, so that two agents on one host never
//! sweep each other's.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    io,
    net::IpAddr,
};

use regent_common::Family;

use super::{
    cover::{cover, holds},
    journal::Entry,
    ladder::family_of,
};
use crate::{
    config::plan::{AddressPlan, InstancePlan, Plan},
    net::{
        addresses::{AddressRequest, AddressSocket, Operation, VRRP_ADDRESS_PROTOCOL},
        inventory::Inventory,
        link::{AssignedAddress, Assignment, Link},
        routes::{self, LocalRoute, Prefix, RouteSocket},
    },
};

/// What was removed.
#[derive(Debug, Default)]
pub struct Removed {
    /// Addresses, in the order of the journal.
    pub addresses: Vec<Entry>,
    /// Local routes, with the names of their interfaces.
    pub routes: Vec<(String, Prefix)>,
}

/// Removes what is left of `entries` from the host and from `inventory`, but for the addresses that are `kept`. Routes go
/// first, as when an agent gives up.
///
/// Waits for the kernel: thousands of addresses take it up to a second.
///
/// # Errors
/// When an address or a route cannot be removed: what on what, and how to do it by hand.
pub fn remove(entries: &[Entry], kept: &[Entry], inventory: &mut Inventory) -> io::Result<Removed> {
    let named: Vec<(u32, &Entry)> = indexed(entries, inventory);
    if named.is_empty() {
        return Ok(Removed::default());
    }
    let kept: BTreeSet<&Entry> = kept.iter().collect();
    let unkept: Vec<(u32, &Entry)> =
        named.iter().filter(|(_, entry)| !kept.contains(entry)).copied().collect();
    Ok(Removed { routes: remove_routes(&named)?, addresses: remove_addresses(&unkept, inventory)? })
}

/// The addresses of an instance that the journal names and that are on the host by us.
pub fn held(instance: &InstancePlan, journal: &[Entry], inventory: &Inventory) -> Vec<Entry> {
    let ours: BTreeSet<Assignment> = inventory
        .addresses
        .iter()
        .filter(|address| is_ours(address))
        .map(AssignedAddress::assignment)
        .collect();
    let named: BTreeSet<&Entry> = journal.iter().collect();
    let own = entries_of(instance);
    let there = indexed(&own, inventory)
        .into_iter()
        .filter(|(index, entry)| {
            named.contains(entry) && ours.contains(&(*index, entry.address, entry.prefix_length))
        })
        .map(|(_, entry)| entry.clone());
    there.collect()
}

/// What the journal calls the addresses of an instance.
fn entries_of(instance: &InstancePlan) -> Vec<Entry> {
    let all = instance.addresses.iter().chain(&instance.excluded);
    let entry = |address: &AddressPlan| Entry {
        device: address.device.clone().unwrap_or_else(|| instance.interface.clone()),
        address: address.address,
        prefix_length: address.prefix_length,
    };
    all.map(entry).collect()
}

/// The entries whose interface is there, with its index.
fn indexed<'a>(entries: &'a [Entry], inventory: &Inventory) -> Vec<(u32, &'a Entry)> {
    let indexes: HashMap<&str, u32> =
        inventory.links.iter().map(|link| (link.name.as_str(), link.index)).collect();
    let index = |entry: &Entry| indexes.get(entry.device.as_str()).copied();
    entries.iter().filter_map(|entry| Some((index(entry)?, entry))).collect()
}

fn remove_routes(named: &[(u32, &Entry)]) -> io::Result<Vec<(String, Prefix)>> {
    let mut devices: BTreeMap<u32, (&str, Vec<IpAddr>)> = BTreeMap::new();
    for (index, entry) in named {
        devices.entry(*index).or_insert((&entry.device, Vec::new())).1.push(entry.address);
    }
    let covers: BTreeMap<(u32, Family), Vec<Prefix>> = devices
        .iter()
        .flat_map(|(index, (_, addresses))| {
            Family::ALL.map(|family| ((*index, family), cover(family, addresses.iter().copied())))
        })
        .collect();
    let is_ours = |route: &LocalRoute| {
        let cover = covers.get(&(route.ifindex, family_of(route.prefix.address)));
        cover.is_some_and(|cover| holds(cover, route.prefix))
    };
    let mut socket = RouteSocket::open()?;
    let mut ours = socket.ours()?;
    ours.retain(is_ours);
    let results = socket.carry_out(routes::Operation::Remove, &ours);
    let mut removed = Vec::new();
    for (route, result) in ours.iter().zip(results) {
        let Some((device, _)) = devices.get(&route.ifindex) else { continue };
        let Prefix { address, length } = route.prefix;
        match result {
            Ok(()) => removed.push(((*device).to_owned(), route.prefix)),
            Err(error) if routes::is_gone(&error) => {}
            Err(error) => {
                let text = format!(
                    "cannot remove the local route to {address}/{length} on {device}, which a crashed agent left there: \
                     {error}; remove it with `ip route del local {address}/{length} dev {device} table local proto 112`"
                );
                return Err(io::Error::new(error.kind(), text));
            }
        }
    }
    Ok(removed)
}

fn remove_addresses(named: &[(u32, &Entry)], inventory: &mut Inventory) -> io::Result<Vec<Entry>> {
    let entries: HashMap<Assignment, &Entry> =
        named.iter().map(|(index, entry)| ((*index, entry.address, entry.prefix_length), *entry)).collect();
    let ours = |address: &AssignedAddress| is_ours(address) && entries.contains_key(&address.assignment());
    let mut left: Vec<Assignment> =
        inventory.addresses.iter().filter(|address| ours(address)).map(AssignedAddress::assignment).collect();
    // Newest first, as when an agent gives up.
    left.reverse();
    let requests: Vec<AddressRequest<'_>> = left.iter().map(removal).collect();
    let results = AddressSocket::open()?.carry_out(&requests);
    let mut removed: Vec<Entry> = Vec::new();
    for (assignment, result) in left.iter().zip(results) {
        let Some(entry) = entries.get(assignment) else { continue };
        match result {
            Ok(()) => removed.push((*entry).clone()),
            Err(error) if error.raw_os_error() == Some(libc::EADDRNOTAVAIL) => {}
            Err(error) => {
                let Entry { device, address, prefix_length } = entry;
                let text = format!(
                    "cannot remove {address}/{prefix_length} from {device}, which a crashed agent left there: {error}; \
                     remove it with `ip addr del {address}/{prefix_length} dev {device}`"
                );
                return Err(io::Error::new(error.kind(), text));
            }
        }
    }
    let gone: BTreeSet<Assignment> = left.into_iter().collect();
    inventory.addresses.retain(|address| !gone.contains(&address.assignment()));
    removed.sort();
    Ok(removed)
}

const fn removal(&(ifindex, address, prefix_length): &Assignment) -> AddressRequest<'static> {
    AddressRequest {
        operation: Operation::Remove,
        ifindex,
        address,
        prefix_length,
        broadcast: None,
        scope: 0,
        label: None,
        detects_duplicates: false,
        preferred_lifetime: None,
        no_prefix_route: false,
    }
}

/// What the journal of an agent with this plan must name: each of its addresses, unless one that would be taken for ours is
/// on the host already.
pub fn intentions(plan: &Plan, inventory: &Inventory) -> Vec<Entry> {
    let entries: Vec<Entry> = plan.instances.iter().flat_map(entries_of).collect();
    // One that does not look like ours is never taken for it, and may make room for ours later.
    let alike = inventory.addresses.iter().filter(|address| is_ours(address));
    let present: BTreeSet<Assignment> = alike.map(AssignedAddress::assignment).collect();
    let foreign: BTreeSet<&Entry> = indexed(&entries, inventory)
        .into_iter()
        .filter(|(index, entry)| present.contains(&(*index, entry.address, entry.prefix_length)))
        .map(|(_, entry)| entry)
        .collect();
    entries.iter().filter(|entry| !foreign.contains(entry)).cloned().collect()
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

/// Leaves of these entries those that a plan has.
pub fn retain_named(plan: &Plan, entries: &mut Vec<Entry>) {
    let named: BTreeSet<Entry> = plan.instances.iter().flat_map(entries_of).collect();
    entries.retain(|entry| named.contains(entry));
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
