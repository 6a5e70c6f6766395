//! Ports: following the link, and the ladder native XDP → generic XDP → socket.
//!
//! The raw socket of a port stays open and joined whatever the rung is. Its filter passes what XDP does not carry, and
//! everything once XDP is gone, so a lost rung costs at most the adverts between the loss and its discovery; whoever
//! waited for them waits one whole down interval more ([`Event::Deaf`]).

use std::{io, net::IpAddr, sync::Arc, time::Duration};

use regent_common::{
    Family, ipv4,
    map::{Vip, VipKey},
};
use regent_vrrp::{Event, Instant};

use super::{
    engine::{Engine, XdpChoice, group_key},
    port::{Port, Settling},
};
use crate::{
    net::{
        addresses::VRRP_ADDRESS_PROTOCOL,
        advert_socket::{AdvertSocket, Filter},
        claim_watch::ClaimWatch,
        clock,
        inventory::Inventory,
        link::{AssignedAddress, Link, LinkKind},
        listen_socket::ListenSocket,
        monitor::NetlinkEvent,
        xdp::Mode,
    },
    observe::observation::{Carrier, Observation},
};

/// How long after an attachment a flap may begin that is our own.
const FLAP_BEGINS: Duration = Duration::from_millis(500);
/// After a rung was lost, a better one is tried again this often.
const CLIMB_AGAIN: Duration = Duration::from_secs(10);

impl Engine {
    /// What the kernel reports of links and addresses.
    pub(super) fn netlink(&mut self, event: NetlinkEvent) {
        match event {
            NetlinkEvent::Inventory(inventory) => self.take_inventory(inventory),
            NetlinkEvent::Link(link) => self.link_changed(link),
            NetlinkEvent::LinkGone(index) => self.link_gone(index),
            NetlinkEvent::Address(address) => self.address_appeared(address),
            NetlinkEvent::AddressGone(address) => self.address_disappeared(&address),
        }
    }

    /// The whole picture: at the start, and after the kernel's reports were lost.
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
        let notices = self.addressing.compare(|ifindex, ip, prefix| {
            inventory.addresses.iter().any(|address| {
                address.index == ifindex && address.address == ip && address.prefix_length == prefix
            })
        });
        for (position, notice) in notices {
            self.address_notice(position, notice);
        }
        for link in inventory.links {
            self.link_changed(link);
        }
        for address in inventory.addresses {
            self.address_appeared(address);
        }
        for at in 0..self.ports.len() {
            self.choose_source(at);
        }
    }

    fn link_changed(&mut self, link: Link) {
        let before = self.links.insert(link.index, link.clone());
        // Renamed: the old name is gone.
        if let Some(before) = before.filter(|before| before.name != link.name) {
            self.name_gone(&before.name);
        }
        self.addressing.device(&link.name, Some(link.index));
        self.judge_interface(&link.name, link.up);
        let Some(at) = self.ports.iter().position(|port| *port.name == *link.name) else { return };
        let is_new = self.ports[at].ifindex() != Some(link.index);
        let mac_changed = self.ports[at].link.as_ref().is_some_and(|before| before.mac != link.mac);
        let mtu_changed = self.ports[at].link.as_ref().is_some_and(|before| before.mtu != link.mtu);
        self.ports[at].link = Some(link);
        if is_new {
            self.open_port(at);
        } else if mac_changed {
            self.publish_groups(at);
            self.publish_addresses(at);
        }
        if mtu_changed && !is_new {
            self.set_filter(at);
        }
        self.ports[at].settle(self.now);
        self.port_changed(at);
    }

    fn link_gone(&mut self, index: u32) {
        let Some(link) = self.links.remove(&index) else { return };
        if let Some(program) = self.program.as_mut() {
            program.detach(index);
        }
        self.name_gone(&link.name);
    }

    fn name_gone(&mut self, name: &str) {
        let port = self.ports.iter().position(|port| *port.name == *name);
        if let Some(at) = port {
            self.withdraw(at);
        }
        self.addressing.device(name, None);
        self.judge_interface(name, false);
        let Some(at) = port else { return };
        let losses = self.ports[at].losses;
        self.sockets_opened += 1;
        self.ports[at] = Port { losses, ..Port::new(Arc::clone(&self.ports[at].name)) };
        self.tell_carrier(at);
        self.port_changed(at);
    }

    /// Tells every instance of a port what its state means for them.
    pub(super) fn port_changed(&mut self, at: usize) {
        for instance in 0..self.instances.len() {
            if self.instances[instance].port == at {
                self.apply_faults(instance);
            }
        }
    }

    fn address_appeared(&mut self, address: AssignedAddress) {
        let ours = address.protocol == Some(VRRP_ADDRESS_PROTOCOL);
        let notices = self.addressing.appeared(address.index, address.address, address.prefix_length, ours);
        for (position, notice) in notices {
            self.address_notice(position, notice);
        }
        let Some(at) = self.ports.iter().position(|port| port.ifindex() == Some(address.index)) else {
            return;
        };
        let known = &mut self.ports[at].addresses;
        if !known
            .iter()
            .any(|other| other.address == address.address && other.prefix_length == address.prefix_length)
        {
            known.push(address);
        }
        self.choose_source(at);
    }

    fn address_disappeared(&mut self, gone: &AssignedAddress) {
        let notices = self.addressing.disappeared(gone.index, gone.address, gone.prefix_length);
        for (position, notice) in notices {
            self.address_notice(position, notice);
        }
        let Some(at) = self.ports.iter().position(|port| port.ifindex() == Some(gone.index)) else { return };
        self.ports[at]
            .addresses
            .retain(|other| other.address != gone.address || other.prefix_length != gone.prefix_length);
        self.choose_source(at);
    }

    /// RFC 9568 §5.1.1.1: adverts come from the primary IPv4 address of the interface, never from a virtual one unless this
    /// router owns it.
    fn choose_source(&mut self, at: usize) {
        let owned =
            |ip: IpAddr| self.addressing.iter().any(|address| address.plan.address == ip && address.owned);
        let virtual_address = |ip: IpAddr| self.addressing.iter().any(|address| address.plan.address == ip);
        let source = self.ports[at].addresses.iter().find_map(|address| match address.address {
            IpAddr::V4(ip) => {
                let ours = address.protocol == Some(VRRP_ADDRESS_PROTOCOL);
                let usable =
                    !address.is_secondary() && !ours && (!virtual_address(ip.into()) || owned(ip.into()));
                usable.then_some(ip)
            }
            IpAddr::V6(_) => None,
        });
        if source == self.ports[at].source {
            return;
        }
        self.ports[at].source = source;
        if let Some(source) = source {
            let mut bytes = [0; 16];
            bytes[..4].copy_from_slice(&source.octets());
            for instance in 0..self.instances.len() {
                if self.instances[instance].port == at {
                    self.handle(instance, Event::Source(bytes));
                    self.sync_expected(instance);
                }
            }
        }
        self.port_changed(at);
    }

    /// Opens again what could not be opened when the link came.
    pub(super) fn reopen_ports(&mut self) {
        for at in 0..self.ports.len() {
            let port = &self.ports[at];
            if port.link.is_some() && port.trouble.is_some() {
                self.open_port(at);
                self.port_changed(at);
            }
        }
    }

    /// Opens the sockets of a port whose link is new, and climbs the ladder.
    fn open_port(&mut self, at: usize) {
        let Some(link) = self.ports[at].link.clone() else { return };
        self.sockets_opened += 1;
        let port = &mut self.ports[at];
        if port.addresses.iter().any(|address| address.index != link.index) {
            port.source = None;
            port.addresses.clear();
        }
        port.trouble = None;
        if self.settings.observing {
            self.listen(at);
        } else {
            let opened = AdvertSocket::open(link.index, &link.name, Family::Ipv4)
                .and_then(|socket| socket.join(ipv4::VRRP_GROUP.into()).map(|()| socket));
            let opened = opened.map(|socket| self.ports[at].socket = Some(socket));
            self.opened(at, opened);
        }
        self.climb(at);
    }

    /// Observe mode: listens anew, with nothing heard yet.
    fn listen(&mut self, at: usize) {
        let Some(link) = self.ports[at].link.as_ref() else { return };
        let opened = ListenSocket::open(link.index, &link.name, Family::Ipv4);
        let opened = opened.map(|socket| self.ports[at].listen = Some(socket));
        self.opened(at, opened);
    }

    fn opened(&mut self, at: usize, opened: io::Result<()>) {
        if let Err(error) = opened {
            let (name, text) = (Arc::clone(&self.ports[at].name), error.to_string());
            self.ports[at].trouble = Some(text.clone());
            self.teller.trouble(self.now, &name, text);
        }
    }

    /// Takes the best rung there is, and tells which and why.
    pub(super) fn climb(&mut self, at: usize) {
        let before = self.ports[at].carrier;
        let (carrier, reason) = self.best_rung(at);
        let port = &mut self.ports[at];
        port.carrier = carrier;
        port.reason = reason;
        port.climb_at = None;
        self.sockets_opened += 1;
        if port.is_xdp() {
            // Only a link that was up can be down because of us: one that is not up yet is simply down.
            port.settling =
                if port.is_up() { Settling::Awaited(self.now + FLAP_BEGINS) } else { Settling::Over };
            port.arp_watch = None;
        } else if !self.settings.observing
            && let Some(ifindex) = port.ifindex()
        {
            port.arp_watch = ClaimWatch::open(ifindex, &port.name, Family::Ipv4).ok();
        }
        // Attaching may have taken longer than an interval: timers that start now must not start in the past.
        self.now = clock::now();
        // The kernel must know the groups before the socket stops carrying them.
        if !self.publish_groups(at) {
            self.withdraw(at);
            self.ports[at].carrier = Carrier::Socket;
            self.ports[at].reason = "the XDP program does not take the groups of this port".into();
        }
        self.publish_addresses(at);
        self.set_filter(at);
        if before != self.ports[at].carrier {
            self.tell_carrier(at);
        }
    }

    fn best_rung(&mut self, at: usize) -> (Carrier, String) {
        let Some(link) = self.ports[at].link.as_ref() else {
            return (Carrier::None, "the interface is absent".into());
        };
        let index = link.index;
        let modes: &[(Mode, Carrier)] = match self.settings.xdp {
            XdpChoice::Auto => &[(Mode::Native, Carrier::Native), (Mode::Generic, Carrier::Generic)],
            XdpChoice::Native => &[(Mode::Native, Carrier::Native)],
            XdpChoice::Generic => &[(Mode::Generic, Carrier::Generic)],
            XdpChoice::Off => return (Carrier::Socket, "XDP is off by choice".into()),
        };
        match link.kind {
            // Its tag may be stripped before the parent's program sees it, and it has no native hook of its own.
            LinkKind::Vlan { .. } => {
                return (Carrier::Socket, "a VLAN device: adverts come by the socket".into());
            }
            LinkKind::Plain
            | LinkKind::Bridge
            | LinkKind::Bond
            | LinkKind::Macvlan { .. }
            | LinkKind::Ipvlan { .. } => {}
        }
        let Some(program) = self.program.as_mut() else {
            return (Carrier::Socket, self.program_trouble.clone());
        };
        if program.is_attached(index) {
            return (self.ports[at].carrier, self.ports[at].reason.clone());
        }
        let mut reason = match self.settings.xdp {
            XdpChoice::Generic => "native XDP is off by choice".to_owned(),
            XdpChoice::Auto | XdpChoice::Native | XdpChoice::Off => String::new(),
        };
        for (mode, carrier) in modes {
            match program.attach(index, *mode) {
                Ok(()) => return (*carrier, reason),
                Err(error) => {
                    let why = error.to_string();
                    if !reason.is_empty() && reason != why {
                        reason.push_str("; ");
                    }
                    if reason != why {
                        reason.push_str(&why);
                    }
                }
            }
        }
        (Carrier::Socket, reason)
    }

    fn set_filter(&mut self, at: usize) {
        let port = &self.ports[at];
        let (Some(socket), Some(link)) = (port.socket.as_ref(), port.link.as_ref()) else { return };
        let filter =
            if port.is_xdp() { Filter::NotCarriedByXdp { mtu: link.mtu } } else { Filter::Everything };
        if let Err(error) = socket.set_filter(filter) {
            let (name, text) =
                (Arc::clone(&port.name), format!("cannot set the filter of the advert socket: {error}"));
            self.teller.trouble(self.now, &name, text);
        }
    }

    /// Tells the kernel of every group of a port; `false` when it does not take all of them.
    fn publish_groups(&mut self, at: usize) -> bool {
        let mut taken = true;
        for instance in 0..self.instances.len() {
            if self.instances[instance].port == at {
                taken &= self.sync_expected(instance);
            }
        }
        taken
    }

    /// Takes the program off a port and what was told of the port out of its maps.
    fn withdraw(&mut self, at: usize) {
        let (Some(program), Some(index)) = (self.program.as_mut(), self.ports[at].ifindex()) else { return };
        program.detach(index);
        let groups = self.instances.iter().filter(|instance| instance.port == at);
        let mut failed = groups.filter_map(|i| program.remove_instance(group_key(index, i)).err()).count();
        let addresses = self.addressing.iter().filter(|address| address.ifindex == Some(index));
        let keys = addresses.filter_map(|address| vip_key(index, address.plan.address));
        failed += keys.filter_map(|key| program.remove_vip(key).err()).count();
        if failed > 0 {
            let name = Arc::clone(&self.ports[at].name);
            self.teller.note(
                &name,
                format!("{failed} entries of an interface that is gone stay in the XDP program's maps"),
            );
        }
    }

    /// Tells the kernel which addresses are virtual here, so that it counts requests and claims.
    fn publish_addresses(&mut self, at: usize) {
        let port = &self.ports[at];
        let (Some(program), Some(link), true) = (self.program.as_mut(), port.link.as_ref(), port.is_xdp())
        else {
            return;
        };
        for address in self.addressing.iter().filter(|address| address.ifindex == Some(link.index)) {
            let vip = Vip {
                instance: address.instance as u32,
                claims: 0,
                claimed: 0,
                claimant: [0; 6],
                own_mac: link.mac,
                padding: [0; 4],
            };
            if let Some(key) = vip_key(link.index, address.plan.address)
                && let Err(error) = program.set_vip(key, &vip)
            {
                let name = Arc::clone(&port.name);
                let text = format!("cannot tell the XDP program of {}: {error}", address.plan.address);
                self.teller.trouble(self.now, &name, text);
                return;
            }
        }
    }

    /// Makes sure that the carrier of a port still carries. Called before a down timer may fire: silence counts only while
    /// we can hear.
    pub(super) fn carrier_holds(&mut self, at: usize) -> bool {
        let port = &self.ports[at];
        if !port.is_xdp() {
            return true;
        }
        let attached = match (self.program.as_ref(), port.ifindex()) {
            (Some(program), Some(ifindex)) => program.is_attached(ifindex),
            (None, _) | (_, None) => false,
        };
        if attached {
            return true;
        }
        self.lose_carrier(at);
        false
    }

    fn lose_carrier(&mut self, at: usize) {
        let port = &mut self.ports[at];
        port.carrier = Carrier::Socket;
        port.reason = "the XDP program was detached by somebody else".into();
        port.losses += 1;
        port.climb_at = Some(self.now + CLIMB_AGAIN);
        if let (Some(program), Some(ifindex)) =
            (self.program.as_mut(), port.link.as_ref().map(|link| link.index))
        {
            program.detach(ifindex);
        }
        self.set_filter(at);
        if self.settings.observing {
            self.listen(at);
        }
        self.sockets_opened += 1;
        self.tell_carrier(at);
        for instance in 0..self.instances.len() {
            if self.instances[instance].port == at {
                self.handle(instance, Event::Deaf);
            }
        }
    }

    fn tell_carrier(&mut self, at: usize) {
        let port = &self.ports[at];
        let observation = Observation::Carrier {
            port: Arc::clone(&port.name),
            carrier: port.carrier,
            why: port.reason.clone(),
        };
        self.teller.tell(observation);
    }

    /// Whether a port's grace for its own flap has just ended.
    pub(super) fn settle_ports(&mut self, now: Instant) {
        for at in 0..self.ports.len() {
            let before = self.ports[at].settling;
            self.ports[at].settle(now);
            if self.ports[at].settling != before {
                self.port_changed(at);
            }
        }
    }
}

/// The key of an address on a port.
pub(super) fn vip_key(ifindex: u32, address: IpAddr) -> Option<VipKey> {
    match address {
        IpAddr::V4(ip) => {
            let mut bytes = [0; 16];
            bytes[..4].copy_from_slice(&ip.octets());
            Some(VipKey { ifindex, vlans: 0, family: 4, address: bytes })
        }
        // Neighbour discovery joins ARP with IPv6 adverts.
        IpAddr::V6(_) => None,
    }
}
