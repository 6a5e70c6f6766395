//! Following the host's links and addresses: what the kernel reports, and which address adverts are sent from.

use std::{
    net::{IpAddr, Ipv6Addr},
    sync::Arc,
};

use regent_common::Family;
use regent_vrrp::Event;

use super::{addressing::Notice, engine::Engine, ladder::family_of, port::Port};
use crate::{
    config::plan::{InstancePlan, Transport},
    net::{
        addresses::VRRP_ADDRESS_PROTOCOL,
        inventory::Inventory,
        link::{AssignedAddress, Link, LinkKind},
        monitor::NetlinkEvent,
        running,
    },
    observe::sentence,
};

impl Engine {
    /// What the kernel reports of links and addresses.
    pub(super) fn netlink(&mut self, event: NetlinkEvent) {
        match event {
            NetlinkEvent::Inventory(inventory) => self.take_inventory(inventory),
            NetlinkEvent::Link(link) => self.link_changed(link),
            NetlinkEvent::LinkGone(index) => self.link_gone(index),
            NetlinkEvent::Address(address) => {
                let index = address.index;
                if self.address_appeared(address) {
                    self.choose_sources(index);
                }
            }
            NetlinkEvent::AddressGone(address) => {
                if self.address_disappeared(&address) {
                    self.choose_sources(address.index);
                }
            }
        }
    }

    /// The whole picture: at the start, and after the kernel's reports were lost. Sources are chosen once it is whole.
    pub(super) fn take_inventory(&mut self, inventory: Inventory) {
        let gone: Vec<u32> = self
            .links
            .keys()
            .filter(|index| !inventory.links.iter().any(|link| link.index == **index))
            .copied()
            .collect();
        for index in gone {
            self.link_gone(index);
        }
        for port in &mut self.ports {
            port.addresses.clear();
        }
        self.assigned.clear();
        self.elsewhere.clear();
        let present = inventory.assignments();
        let notices = self.addressing.compare(|assignment| present.contains(assignment));
        self.address_notices(notices);
        for link in inventory.links {
            self.link_changed(link);
        }
        for address in inventory.addresses {
            self.address_appeared(address);
        }
        for at in 0..self.ports.len() {
            self.choose_port_sources(at);
        }
    }

    fn link_changed(&mut self, link: Link) {
        let before = self.links.insert(link.index, link.clone());
        // Renamed: the old name is gone, and what we put on the interface would stay there under the new one.
        if let Some(before) = before.filter(|before| before.name != link.name) {
            self.addressing.take_back(link.index);
            self.request_addresses();
            self.name_gone(&before.name);
        }
        self.addressing.device(&link.name, Some(link.index));
        self.judge_interface(&link.name, link.up);
        self.look_for_a_rival(&link);
        let Some(at) = self.ports.iter().position(|port| !port.is_idle && *port.name == *link.name) else {
            return;
        };
        let is_new = self.ports[at].ifindex() != Some(link.index);
        let mac_changed = self.ports[at].link.as_ref().is_some_and(|before| before.mac != link.mac);
        let mtu_changed = self.ports[at].link.as_ref().is_some_and(|before| before.mtu != link.mtu);
        if is_new {
            self.take_link(at, link);
        } else {
            self.ports[at].link = Some(link);
        }
        if is_new {
            self.open_port(at);
        } else if mac_changed {
            self.publish_groups(at);
            self.publish_addresses(at);
        }
        if mtu_changed && !is_new {
            self.set_filter(at);
            self.join_again(at);
        }
        let was_flapping = self.ports[at].is_flapping();
        self.ports[at].settle(self.now);
        if was_flapping && self.ports[at].is_up() {
            // Nothing was heard meanwhile, and nothing follows from that.
            for instance in self.instances_on(at) {
                self.handle(instance, Event::Deaf);
            }
        }
        self.port_changed(at);
        if mac_changed && !is_new {
            self.announce_new_mac(at);
        }
    }

    /// A port has that link now, with the addresses that are on it.
    pub(super) fn take_link(&mut self, at: usize, link: Link) {
        let port = &mut self.ports[at];
        port.addresses.retain(|address| address.index == link.index);
        port.addresses.extend(self.elsewhere.extract_if(.., |address| address.index == link.index));
        port.link = Some(link);
    }

    /// A port has no link any more; what is on the link, if it goes on under another name, is elsewhere.
    pub(super) fn give_link(&mut self, at: usize) {
        let lost = std::mem::take(&mut self.ports[at].addresses).into_iter();
        self.elsewhere.extend(lost.filter(|address| self.links.contains_key(&address.index)));
        self.sockets_opened += 1;
        self.ports[at] = self.ports[at].without_link();
    }

    /// An MTU below what IPv6 needs costs the memberships without a word.
    fn join_again(&mut self, at: usize) {
        for family in Family::ALL {
            let way = self.ports[at].way(family);
            let Some(socket) = way.socket.as_ref() else { continue };
            for group in &way.groups {
                socket.leave(*group);
                if let Err(error) = socket.join(*group) {
                    self.teller.trouble(self.now, &self.ports[at].name, error.to_string());
                }
            }
        }
    }

    /// A macvlan with the virtual MAC of one of our groups speaks for it on this host (FRR, keepalived with use_vmac), and
    /// what it sends is not heard on the interface below.
    pub(super) fn look_for_a_rival(&mut self, link: &Link) {
        let (Some((family, vrid)), LinkKind::Macvlan { parent }) = (link.virtual_router(), link.kind) else {
            return;
        };
        let Some(port) = self.ports.iter().position(|port| port.ifindex() == Some(parent)) else { return };
        let Some(at) = self.groups.get(&(port, family, vrid)).copied() else { return };
        let text = format!(
            "interface {} of this host has the virtual MAC of VRID {vrid}: another daemon (FRR, or keepalived with use_vmac) \
             speaks for the group here, and neither hears the other; stop one of them",
            link.name
        );
        self.instances[at].troubles.insert("rival", text.clone());
        let name = Arc::clone(&self.instances[at].name);
        self.teller.trouble(self.now, &name, text);
    }

    /// Caches hold the old MAC of the addresses: they are announced with the new one.
    fn announce_new_mac(&mut self, at: usize) {
        for instance in self.instances_on(at) {
            self.handle(instance, Event::AddressesChanged);
        }
    }

    fn link_gone(&mut self, index: u32) {
        let Some(link) = self.links.remove(&index) else { return };
        if let Some(program) = self.program.as_mut() {
            program.detach(index);
        }
        self.assigned.retain(|(_, owner)| *owner != index);
        self.elsewhere.retain(|address| address.index != index);
        if link.virtual_router().is_some() {
            self.instances.iter_mut().for_each(|instance| drop(instance.troubles.remove("rival")));
        }
        self.name_gone(&link.name);
    }

    fn name_gone(&mut self, name: &str) {
        let port = self.ports.iter().position(|port| !port.is_idle && *port.name == *name);
        if let Some(at) = port {
            self.withdraw(at);
        }
        self.addressing.device(name, None);
        self.judge_interface(name, false);
        let Some(at) = port else { return };
        self.give_link(at);
        self.tell_carrier(at);
        self.port_changed(at);
    }

    /// Positions of the instances of a port.
    pub(super) fn instances_on(&self, port: usize) -> Vec<usize> {
        let here = |at: &usize| self.instances[*at].is_present() && self.instances[*at].port == port;
        (0..self.instances.len()).filter(here).collect()
    }

    /// Tells every instance of a port what its state means for them.
    pub(super) fn port_changed(&mut self, at: usize) {
        for instance in self.instances_on(at) {
            self.apply_faults(instance);
        }
    }

    /// Notes an address; `false` for one that comes and goes with an election: adverts are never sent from it, and there
    /// may be thousands.
    fn address_appeared(&mut self, address: AssignedAddress) -> bool {
        let ours = address.protocol == Some(VRRP_ADDRESS_PROTOCOL);
        let notices = self.addressing.appeared(address.index, address.address, address.prefix_length, ours);
        self.address_notices(notices);
        if ours || self.is_virtual(&address) {
            return false;
        }
        self.assigned.insert((address.address, address.index));
        let port = self.ports.iter_mut().find(|port| port.ifindex() == Some(address.index));
        let list = port.map_or(&mut self.elsewhere, |port| &mut port.addresses);
        match list.iter_mut().find(|other| other.is_same_assignment(&address)) {
            // The same address with other flags: no longer tentative, for one.
            Some(other) => *other = address,
            None => list.push(address),
        }
        true
    }

    /// Notes that an address is gone; `false` when no advert was ever sent from it.
    fn address_disappeared(&mut self, gone: &AssignedAddress) -> bool {
        let mut notices = self.addressing.disappeared(gone.index, gone.address, gone.prefix_length);
        // An interface that goes down loses its IPv6 addresses before it is reported down: nobody took them away.
        if gone.address.is_ipv6() && !notices.is_empty() && !self.is_running(gone.index) {
            notices.retain(|(_, notice)| *notice != Notice::RemovedByOthers);
        }
        self.address_notices(notices);
        if !self.assigned.remove(&(gone.address, gone.index)) {
            return false;
        }
        let port = self.ports.iter_mut().find(|port| port.ifindex() == Some(gone.index));
        let list = port.map_or(&mut self.elsewhere, |port| &mut port.addresses);
        list.retain(|other| !other.is_same_assignment(gone));
        true
    }

    pub(super) fn address_notices(&mut self, notices: Vec<(usize, Notice)>) {
        for (position, notice) in notices {
            self.address_notice(position, notice);
        }
    }

    /// Whether the kernel says at this moment that an interface is up and has its carrier; its report may be on the way.
    pub(super) fn is_running(&self, index: u32) -> bool {
        self.links.get(&index).is_some_and(|link| running::is_running(&link.name))
    }

    /// Chooses anew where adverts are sent from: on the interface itself, and wherever an address of any interface decides.
    pub(super) fn choose_sources(&mut self, index: u32) {
        for at in 0..self.ports.len() {
            if self.ports[at].ifindex() == Some(index) {
                self.choose_port_sources(at);
            } else {
                self.choose_instance_sources(at);
            }
        }
    }

    pub(super) fn choose_port_sources(&mut self, at: usize) {
        for family in Family::ALL {
            let source = primary(&self.ports[at], family);
            self.ports[at].way_mut(family).source = source;
        }
        self.choose_instance_sources(at);
        self.port_changed(at);
    }

    /// Whether an address is one that comes and goes with an election: kernels before 5.18 do not say who assigned it.
    fn is_virtual(&self, address: &AssignedAddress) -> bool {
        let mut same = self.addressing.named(address.address).peekable();
        same.peek().is_some() && !same.any(|address| address.owned)
    }

    fn choose_instance_sources(&mut self, at: usize) {
        for instance in self.instances_on(at) {
            if self.choose_source(instance) {
                self.apply_faults(instance);
            }
        }
    }

    /// Chooses anew where the adverts of one instance are sent from; `false` when that is as it was.
    pub(super) fn choose_source(&mut self, instance: usize) -> bool {
        let source = self.source_of(self.instances[instance].port, &self.instances[instance].plan);
        if source == self.instances[instance].source {
            return false;
        }
        self.instances[instance].source = source;
        if let Some(source) = source {
            self.handle(instance, Event::Source(sentence::bytes(source)));
            self.sync_expected(instance);
        }
        true
    }

    /// What an instance sends from; `None` while it has nothing to send from.
    fn source_of(&self, at: usize, plan: &InstancePlan) -> Option<IpAddr> {
        let port = &self.ports[at];
        if let Some(source) = plan.source {
            // A unicast source may be on another interface: routing brings the answers to it.
            let there = match plan.transport {
                Transport::Multicast { .. } => {
                    port.addresses.iter().any(|address| address.address == source && !address.is_tentative())
                }
                Transport::Unicast(_) => self.assigned.iter().any(|(address, _)| *address == source),
            };
            return (there || !plan.tracks_source).then_some(source);
        }
        let primary = port.way(plan.family).source;
        match &plan.transport {
            Transport::Multicast { .. } => primary,
            // Peers beyond the link cannot be reached from a link-local address.
            Transport::Unicast(unicast) if unicast.peers.iter().any(|peer| !is_link_local(&peer.address)) => {
                let usable = |address: &&AssignedAddress| {
                    family_of(address.address) == plan.family
                        && !is_link_local(&address.address)
                        && !address.is_secondary()
                        && !address.is_tentative()
                        && !address.is_duplicate()
                };
                port.addresses.iter().find(usable).map(|address| address.address).or(primary)
            }
            Transport::Unicast(_) => primary,
        }
    }
}

/// The address of a port that stands for this host.
///
/// RFC 9568 §5.1.1.1: adverts come from the primary IPv4 address of the interface, §5.1.2.1: from its link-local
/// address; never from a virtual one unless this router owns it.
fn primary(port: &Port, family: Family) -> Option<IpAddr> {
    let usable = |address: &&AssignedAddress| {
        family_of(address.address) == family
            && !address.is_secondary()
            && !address.is_tentative()
            && !address.is_duplicate()
    };
    let mut candidates = port.addresses.iter().filter(usable).map(|address| address.address);
    match family {
        Family::Ipv4 => candidates.next(),
        Family::Ipv6 => candidates.find(is_link_local),
    }
}

fn is_link_local(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => Ipv6Addr::is_unicast_link_local(address),
    }
}
