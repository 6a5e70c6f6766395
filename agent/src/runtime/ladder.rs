//! The ladder native XDP → generic XDP → socket, and what the kernel is told on its rungs.
//!
//! The raw sockets of a port stay open and joined whatever the rung is. Their filters pass what XDP does not carry, and
//! everything once XDP is gone, so a lost rung costs at most the adverts between the loss and its discovery; whoever
//! waited for them waits one whole down interval more ([`Event::Deaf`]).
//!
//! Whether a program is still on its port is asked away from this thread (`checker`): each second, and an interval
//! before a down timer fires. An answer that does not come, because the kernel is busy, decides nothing: a loss is then discovered
//! late, but no election waits for a lock.

use std::{io, net::IpAddr, sync::Arc, time::Duration};

use regent_common::{
    Family,
    map::{PeerKey, Vip, VipKey},
};
use regent_vrrp::{Event, Instant};

use super::{
    addressing::Address,
    checker::{Check, Checked, Finding},
    engine::{Engine, XdpChoice, group_key},
    port::{Settling, Way},
    probing::port_row,
};
use crate::{
    net::{
        advert_socket::{AdvertSocket, Filter},
        claim_watch::ClaimWatch,
        clock,
        link::{Link, LinkKind},
        listen_socket::ListenSocket,
        xdp::Mode,
    },
    observe::{
        observation::{Carrier, Observation},
        sentence,
    },
};

/// How long after an attachment a flap may begin that is our own.
const FLAP_BEGINS: Duration = Duration::from_millis(500);
/// After a rung was lost, a better one is tried again this often.
pub(super) const CLIMB_AGAIN: Duration = Duration::from_secs(10);

impl Engine {
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
    pub(super) fn open_port(&mut self, at: usize) {
        let Some(link) = self.ports[at].link.clone() else { return };
        self.sockets_opened += 1;
        self.ports[at].trouble = None;
        if self.settings.observing {
            self.listen(at);
        } else {
            for family in Family::ALL {
                if self.ports[at].way(family).used {
                    let opened = self.open_socket(at, &link, family);
                    self.opened(at, opened);
                }
            }
        }
        self.climb(at);
    }

    pub(super) fn open_socket(&mut self, at: usize, link: &Link, family: Family) -> io::Result<()> {
        let socket = AdvertSocket::open(link.index, &link.name, family)?;
        let way = self.ports[at].way_mut(family);
        let joined = way.groups.iter().try_for_each(|group| socket.join(*group));
        // Even without the group it can send, and hear unicast.
        way.socket = Some(socket);
        joined
    }

    /// Observe mode: listens anew, with nothing heard yet.
    fn listen(&mut self, at: usize) {
        let Some((index, name)) = self.ports[at].link.as_ref().map(|link| (link.index, link.name.clone()))
        else {
            return;
        };
        for family in Family::ALL {
            let opened = ListenSocket::open(index, &name, family);
            let opened = opened.map(|socket| self.ports[at].way_mut(family).listen = Some(socket));
            self.opened(at, opened);
        }
    }

    pub(super) fn opened(&mut self, at: usize, opened: io::Result<()>) {
        if let Err(error) = opened {
            let (name, text) = (Arc::clone(&self.ports[at].name), error.to_string());
            self.ports[at].trouble = Some(text.clone());
            self.teller.trouble(self.now, &name, text);
        }
    }

    /// Takes the best rung there is, and tells which and why.
    pub(super) fn climb(&mut self, at: usize) {
        let before = self.ports[at].carrier;
        // It waits for the kernel, so it comes before the program that judges adverts.
        self.stand_by(at);
        let (carrier, reason) = self.best_rung(at);
        self.climbed(at, before, carrier, reason);
    }

    /// A port stands on a rung, and stood on `before`: what follows from that.
    pub(super) fn climbed(&mut self, at: usize, before: Carrier, carrier: Carrier, reason: String) {
        let port = &mut self.ports[at];
        // What was asked before was about another link.
        port.check = None;
        port.carrier = carrier;
        port.reason = reason;
        port.climb_at = None;
        self.sockets_opened += 1;
        if port.is_xdp() {
            // Only a link that was up can be down because of us: one that is not up yet is simply down.
            port.settling =
                if port.is_up() { Settling::Awaited(self.now + FLAP_BEGINS) } else { Settling::Over };
        }
        self.watch_claims(at);
        // Attaching may have taken longer than an interval: timers that start now must not start in the past.
        self.now = clock::now();
        // The kernel must know the groups before the socket stops carrying them.
        if !self.publish_groups(at) {
            self.withdraw(at);
            self.ports[at].carrier = Carrier::Socket;
            self.ports[at].reason = "the XDP program does not take the groups of this port".into();
        }
        self.publish_addresses(at);
        self.doubt_answers(at);
        self.set_filter(at);
        if before != self.ports[at].carrier && !self.succeeding {
            self.tell_carrier(at);
        }
    }

    /// Where no XDP program reads ARP and ND, sockets look for claims of our addresses.
    pub(super) fn watch_claims(&mut self, at: usize) {
        let port = &mut self.ports[at];
        let wanted = !port.is_xdp() && !self.settings.observing;
        let index = port.ifindex().filter(|_| wanted);
        for family in Family::ALL {
            let here = |address: &Address| address.ifindex.is_some() && address.ifindex == index;
            let of_family = |address: &Address| family_of(address.plan.address) == family;
            let used = self.addressing.on(&port.name).any(|address| here(address) && of_family(address));
            let name = Arc::clone(&port.name);
            let way = port.way_mut(family);
            let before = way.claim_watch.take();
            way.claim_watch = match (index, before) {
                (Some(index), Some(watch)) if used && watch.ifindex() == index => Some(watch),
                (index, before) => {
                    // Closing it waits for all processors.
                    if let (Some(claim_watch), Some(checker)) = (before, self.checker.as_ref()) {
                        let way = Way { claim_watch: Some(claim_watch), ..Way::default() };
                        checker.drop_ways(Box::new([way, Way::default()]));
                    }
                    index.filter(|_| used).and_then(|index| ClaimWatch::open(index, &name, family).ok())
                }
            };
        }
    }

    /// The rungs that a port may be on.
    pub(super) fn rungs(&self, at: usize) -> Rungs {
        let Some(link) = self.ports[at].link.as_ref() else {
            return Rungs::only(Carrier::None, "the interface is absent");
        };
        let modes: &[(Mode, Carrier)] = match self.settings.xdp {
            XdpChoice::Auto => &[(Mode::Native, Carrier::Native), (Mode::Generic, Carrier::Generic)],
            XdpChoice::Native => &[(Mode::Native, Carrier::Native)],
            XdpChoice::Generic => &[(Mode::Generic, Carrier::Generic)],
            XdpChoice::Off => return Rungs::only(Carrier::Socket, "XDP is off by choice"),
        };
        match link.kind {
            // Its tag may be stripped before the parent's program sees it, and it has no native hook of its own.
            LinkKind::Vlan { .. } => {
                return Rungs::only(Carrier::Socket, "a VLAN device: adverts come by the socket");
            }
            LinkKind::Plain
            | LinkKind::Bridge
            | LinkKind::Bond
            | LinkKind::Macvlan { .. }
            | LinkKind::Ipvlan { .. } => {}
        }
        if self.program.is_none() {
            return Rungs::only(Carrier::Socket, &self.program_trouble);
        }
        if self.succeeding {
            return Rungs::only(Carrier::Socket, "the agent before this one still has its program there");
        }
        let reason = match self.settings.xdp {
            XdpChoice::Generic => "native XDP is off by choice",
            XdpChoice::Auto | XdpChoice::Native | XdpChoice::Off => "",
        };
        Rungs { modes, otherwise: Carrier::Socket, reason: reason.to_owned() }
    }

    fn best_rung(&mut self, at: usize) -> (Carrier, String) {
        let (rungs, index) = (self.rungs(at), self.ports[at].ifindex());
        let (Some(program), Some(index), false) = (self.program.as_mut(), index, rungs.modes.is_empty())
        else {
            return (rungs.otherwise, rungs.reason);
        };
        if program.is_attached(index) {
            let carrier = match program.mode(index) {
                Some(Mode::Native) => Carrier::Native,
                Some(Mode::Generic) => Carrier::Generic,
                None => Carrier::Socket,
            };
            return (carrier, self.ports[at].reason.clone());
        }
        rungs.climb(&mut |mode| program.attach(index, mode).map_err(|error| error.to_string()))
    }

    pub(super) fn set_filter(&mut self, at: usize) {
        let port = &self.ports[at];
        let Some(link) = port.link.as_ref() else { return };
        let filter =
            if port.is_xdp() { Filter::NotCarriedByXdp { mtu: link.mtu } } else { Filter::Everything };
        for family in Family::ALL {
            let Some(socket) = port.way(family).socket.as_ref() else { continue };
            if let Err(error) = socket.set_filter(filter) {
                let text = format!("cannot set the filter of the {family} advert socket: {error}");
                self.teller.trouble(self.now, &port.name, text);
            }
        }
    }

    /// Tells the kernel of every group of a port; `false` when it does not take all of them.
    pub(super) fn publish_groups(&mut self, at: usize) -> bool {
        let mut taken = true;
        for instance in self.instances_on(at) {
            taken &= self.sync_expected(instance) && self.publish_peers(instance);
        }
        taken
    }

    /// Tells the kernel of an instance's unicast peers; `false` when it does not take all of them.
    pub(super) fn publish_peers(&mut self, at: usize) -> bool {
        let instance = &self.instances[at];
        let Some(program) = self.program.as_mut() else { return true };
        for (source, peer) in instance.peers() {
            if let Err(error) = program.set_peer(PeerKey::new(source, instance.row), peer) {
                let text = format!("cannot tell the XDP program of a unicast peer: {error}");
                self.teller.trouble(self.now, &instance.name, text);
                return false;
            }
        }
        true
    }

    /// Takes the program off a port and what was told of the port out of its maps.
    pub(super) fn withdraw(&mut self, at: usize) {
        let (Some(program), Some(index)) = (self.program.as_mut(), self.ports[at].ifindex()) else { return };
        program.detach(index);
        let groups = self.instances.iter().filter(|instance| instance.is_present() && instance.port == at);
        let mut failed = groups.filter_map(|i| program.remove_instance(group_key(index, i)).err()).count();
        let addresses = self.addressing.iter().filter(|(_, address)| address.ifindex == Some(index));
        let keys = addresses.map(|(_, address)| vip_key(index, address.plan.address));
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
    pub(super) fn publish_addresses(&mut self, at: usize) {
        let Some(index) = self.ports[at].ifindex() else { return };
        let here = self.addressing.iter().filter(|(_, address)| address.ifindex == Some(index));
        let positions: Vec<usize> = here.map(|(position, _)| position).collect();
        for position in positions {
            if !self.publish_address(at, position) {
                return;
            }
        }
    }

    /// Tells the kernel of one virtual address, which is on that port; `false` when it does not take it.
    pub(super) fn publish_address(&mut self, at: usize, position: usize) -> bool {
        let port = &self.ports[at];
        let (Some(program), Some(link)) = (self.program.as_mut(), port.link.as_ref()) else { return true };
        let Some(address) = self.addressing.get(position) else { return true };
        let instance = &self.instances[address.instance];
        let vip = Vip {
            instance: instance.row,
            claims: 0,
            port: if instance.plan.responder { port_row(at).unwrap_or(0) } else { 0 },
            counts: position as u32,
            claimed: 0,
            claimant: [0; 6],
            own_mac: if instance.port == at { instance.mac(link.mac) } else { link.mac },
            padding: [0; 4],
        };
        let Err(error) = program.set_vip(vip_key(link.index, address.plan.address), &vip) else {
            return true;
        };
        let name = Arc::clone(&port.name);
        let text = format!("cannot tell the XDP program of {}: {error}", address.plan.address);
        self.teller.trouble(self.now, &name, text);
        false
    }

    /// Whether silence means anything to an instance: the link is up at this moment. If not, it waits one whole down
    /// interval more. What is known of a carrier that does not carry has been told to the machine already.
    pub(super) fn hears(&mut self, instance: usize) -> bool {
        let port = self.instances[instance].port;
        let running = self.ports[port].ifindex().is_some_and(|index| self.is_running(index));
        if running || !self.instances[instance].plan.tracks_interface {
            return true;
        }
        self.handle(instance, Event::Deaf);
        false
    }

    /// Asks whether the carrier of a port still carries, unless that is being asked.
    pub(super) fn check_carrier(&mut self, at: usize) {
        let port = &self.ports[at];
        let (Some(ifindex), Some(program), None) = (port.ifindex(), self.program.as_ref(), port.check) else {
            return;
        };
        let (link, beside) = (program.handle(ifindex), program.tc_handles(ifindex));
        if port.is_xdp() && link.is_none() {
            self.lose_carrier(at);
            return;
        }
        let Some(checker) = self.checker.as_ref().filter(|_| link.is_some() || !beside.is_empty()) else {
            return;
        };
        self.checks += 1;
        if checker.ask(Check { port: at, number: self.checks, ifindex, link, beside }) {
            self.ports[at].check = Some(self.checks);
        }
    }

    /// Takes what the thread that looks after ports found out.
    pub(super) fn found(&mut self, finding: Finding) {
        match finding {
            Finding::Checked(checked) => self.carrier_checked(checked),
            Finding::Neighbors { port, neighbors } => self.neighbors(port, neighbors),
            Finding::Taken(taken) => self.links_taken(taken),
            Finding::Joined { port, ifindex, groups } => self.joined_solicited(port, ifindex, groups),
            Finding::Opened(opened) => self.opened_port(*opened),
        }
    }

    /// Takes an answer about a carrier.
    fn carrier_checked(&mut self, checked: Checked) {
        let Some(port) = self.ports.get_mut(checked.port) else { return };
        // Otherwise the links that were asked about are another one's.
        if port.check.take_if(|number| *number == checked.number).is_none() {
            return;
        }
        if !checked.beside {
            let name = Arc::clone(&port.name);
            let text = "a tc program of ours was detached by somebody else, and is put back".to_owned();
            self.teller.trouble(self.now, &name, text);
            self.stand_by(checked.port);
        }
        if !checked.attached {
            self.lose_carrier(checked.port);
        }
    }

    pub(super) fn lose_carrier(&mut self, at: usize) {
        let port = &mut self.ports[at];
        port.carrier = Carrier::Socket;
        port.reason = "the XDP program was detached by somebody else".into();
        port.losses += 1;
        port.climb_at = Some(self.now + CLIMB_AGAIN);
        port.check = None;
        let lost = port.ifindex().and_then(|ifindex| self.program.as_mut()?.forget(ifindex));
        if let (Some(link), Some(checker)) = (lost, self.checker.as_ref()) {
            checker.close(link);
        }
        self.set_filter(at);
        self.doubt_answers(at);
        if self.settings.observing {
            self.listen(at);
        }
        self.sockets_opened += 1;
        self.tell_carrier(at);
        for instance in self.instances_on(at) {
            self.handle(instance, Event::Deaf);
        }
    }

    pub(super) fn tell_carrier(&mut self, at: usize) {
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

/// The rungs that a port may be on, best first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rungs {
    modes: &'static [(Mode, Carrier)],
    otherwise: Carrier,
    /// Why there is no better one.
    reason: String,
}

impl Rungs {
    fn only(carrier: Carrier, reason: &str) -> Self {
        Self { modes: &[], otherwise: carrier, reason: reason.to_owned() }
    }

    /// Tries one after the other; which it is, and why not a better one.
    pub fn climb(self, attach: &mut impl FnMut(Mode) -> Result<(), String>) -> (Carrier, String) {
        let Self { modes, otherwise, mut reason } = self;
        for (mode, carrier) in modes {
            let Err(why) = attach(*mode) else { return (*carrier, reason) };
            if !reason.is_empty() && reason != why {
                reason.push_str("; ");
            }
            if reason != why {
                reason.push_str(&why);
            }
        }
        (otherwise, reason)
    }
}

/// The key of an address on a port.
pub(super) fn vip_key(ifindex: u32, address: IpAddr) -> VipKey {
    VipKey { address: sentence::bytes(address), ifindex, vlans: 0, family: family_of(address) as u32 }
}

/// The family of an address.
pub(super) const fn family_of(address: IpAddr) -> Family {
    match address {
        IpAddr::V4(_) => Family::Ipv4,
        IpAddr::V6(_) => Family::Ipv6,
    }
}
