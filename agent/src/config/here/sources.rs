//! Addresses: where adverts come from, who the peers are, and whether virtual addresses fit the network.

use std::{collections::BTreeMap, net::IpAddr};

use regent_common::{Family, LocalPriority};

use super::{AssignedHere, Interface, Look, interfaces::place_of_interface};
use crate::config::{
    diagnostic::{Diagnostic, code},
    model::{Instance, Spanned},
    plan::{AddressPlan, InstancePlan},
};

impl Look<'_> {
    pub(super) fn sources(&mut self, there: &[Interface]) {
        let loaded = self.loaded;
        let mut held: BTreeMap<IpAddr, (&Interface, AssignedHere)> = BTreeMap::new();
        for interface in there {
            for assigned in &interface.addresses {
                held.entry(assigned.address).or_insert((interface, *assigned));
            }
        }
        for (plan, written) in loaded.instances() {
            if let Some(interface) = there.iter().find(|interface| interface.name == plan.interface) {
                self.source(plan, written, interface, &held);
            }
            self.peers(plan, written, &held);
            for address in written.addresses.iter().chain(&written.excluded) {
                if plan.priority != LocalPriority::Owner {
                    self.taken(address, &held);
                }
                let device = address.value.device.as_deref().unwrap_or(&plan.interface);
                if let Some(interface) = there.iter().find(|interface| interface.name == device) {
                    self.network(address, interface);
                }
            }
        }
    }

    /// The address that adverts come from.
    fn source(
        &mut self,
        plan: &InstancePlan,
        written: &Instance,
        interface: &Interface,
        held: &BTreeMap<IpAddr, (&Interface, AssignedHere)>,
    ) {
        let fault = format!("instance `{}` is in FAULT until it is there", plan.name);
        let Some(source) = plan.source else {
            let virtual_address = |address: IpAddr| {
                plan.addresses.iter().chain(&plan.excluded).any(|plan| plan.address == address)
            };
            let own = |assigned: &&AssignedHere| match (plan.family, assigned.address) {
                (Family::Ipv4, IpAddr::V4(address)) => !virtual_address(address.into()),
                (Family::Ipv6, IpAddr::V6(address)) => {
                    address.is_unicast_link_local() && !virtual_address(address.into())
                }
                (Family::Ipv4, IpAddr::V6(_)) | (Family::Ipv6, IpAddr::V4(_)) => false,
            };
            // An interface that is down has no link-local address yet: that is said of the interface.
            let expected = plan.family == Family::Ipv4 || interface.up;
            if expected && !interface.addresses.iter().any(|assigned| own(&assigned)) {
                let what = match plan.family {
                    Family::Ipv4 => "no IPv4 address of its own",
                    Family::Ipv6 => "no link-local IPv6 address",
                };
                self.report(
                    Diagnostic::error(code::NO_SOURCE, format!("`{}` has {what}", interface.name))
                        .primary(
                            place_of_interface(written),
                            "adverts have no address to come from: FAULT until there is one",
                        )
                        .help(
                            "give the interface one, or name another by `unicast_src_ip` or `mcast_src_ip`",
                        ),
                );
            }
            return;
        };
        let travel = &written.travel;
        let said = [&travel.unicast_source, &travel.multicast_source];
        let place = said.into_iter().flatten().find(|said| said.value == source);
        let place = place.map_or(written.name.span, |said| said.span);
        let message = match held.get(&source) {
            Some((holder, _)) if holder.name == interface.name => return,
            Some((holder, _)) => {
                format!("`{source}` is an address of `{}`, not of `{}`", holder.name, interface.name)
            }
            None => format!("this host does not have `{source}`"),
        };
        let diagnostic = if plan.tracks_source {
            Diagnostic::error(code::NO_SOURCE, message).primary(place, fault)
        } else {
            Diagnostic::warning(code::NO_SOURCE, message).primary(place, "adverts cannot come from there")
        };
        let swapped = plan.transport.peers().iter().any(|peer| held.contains_key(&peer.address));
        self.report(diagnostic.help(if swapped {
            "this host is one of the peers: is this the config of the other router?"
        } else {
            "name an address that this host always has"
        }));
    }

    /// Two configs that were swapped look like this.
    fn peers(
        &mut self,
        plan: &InstancePlan,
        written: &Instance,
        held: &BTreeMap<IpAddr, (&Interface, AssignedHere)>,
    ) {
        for peer in plan.transport.peers() {
            let Some((holder, _)) = held.get(&peer.address) else { continue };
            let place = written.travel.peers.iter().find(|said| said.value.address == peer.address);
            self.report(
                Diagnostic::error(
                    code::OWN_PEER,
                    format!("peer `{}` is this host: `{}` has that address", peer.address, holder.name),
                )
                .primary(
                    place.map_or(written.name.span, |said| said.span),
                    "adverts to it reach no other router",
                )
                .help("name the other routers here; or is this the config of one of them?"),
            );
        }
    }

    /// A virtual address belongs to whoever is master, so no host has it for good.
    fn taken(&mut self, address: &Spanned<AddressPlan>, held: &BTreeMap<IpAddr, (&Interface, AssignedHere)>) {
        let Some((holder, assigned)) = held.get(&address.value.address) else { return };
        if assigned.maybe_virtual {
            return;
        }
        let message = format!("`{}` is an address of `{}` already", address.value.address, holder.name);
        self.report(
            Diagnostic::warning(code::ADDRESS_TAKEN, message)
                .primary(address.span, "this host answers for it, also while another router is master")
                .help("take it off the interface, or out of this block"),
        );
    }

    fn network(&mut self, address: &Spanned<AddressPlan>, interface: &Interface) {
        let plan = &address.value;
        let mut networks = interface
            .addresses
            .iter()
            .filter(|assigned| !assigned.maybe_virtual && assigned.address != plan.address)
            .filter(|assigned| assigned.address.is_ipv4() == plan.address.is_ipv4())
            .filter(|assigned| assigned.prefix_length < bits(assigned.address))
            .peekable();
        let link_local = match plan.address {
            IpAddr::V4(address) => address.is_link_local(),
            IpAddr::V6(address) => address.is_unicast_link_local(),
        };
        if link_local || networks.peek().is_none() {
            return;
        }
        let within: Vec<&AssignedHere> = networks.filter(|assigned| shares(assigned, plan.address)).collect();
        if within.is_empty() {
            let message = format!("`{}` lies in no network of `{}`", plan.address, interface.name);
            self.report(
                Diagnostic::note(code::FOREIGN_NETWORK, message)
                    .primary(address.span, "hosts reach it only by a route to this network"),
            );
            return;
        }
        // /32 and /128 are how an address without a network of its own is written.
        let alone = plan.prefix_length == bits(plan.address);
        if !alone && !within.iter().any(|assigned| assigned.prefix_length == plan.prefix_length) {
            let lengths: Vec<String> =
                within.iter().map(|assigned| format!("/{}", assigned.prefix_length)).collect();
            let message = format!(
                "`{}/{}` has another prefix length than the network of `{}`",
                plan.address, plan.prefix_length, interface.name
            );
            self.report(
                Diagnostic::note(code::FOREIGN_NETWORK, message)
                    .primary(address.span, format!("{} there", lengths.join(", ")))
                    .help("the master gets one more route to that network"),
            );
        }
    }
}

const fn bits(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

/// Whether an address lies in the network of another, of the same family.
fn shares(assigned: &AssignedHere, address: IpAddr) -> bool {
    let number = |address: IpAddr| match address {
        IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
        IpAddr::V6(address) => address.to_bits(),
    };
    let differing = number(assigned.address) ^ number(address);
    differing.leading_zeros() >= u32::from(assigned.prefix_length)
}
