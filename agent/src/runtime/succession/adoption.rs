//! The new agent's side, on the VRRP thread: to take in what the old one knew, and to go on from there.
//!
//! Taking in changes nothing but memory, since the old one may yet change its mind. What follows from another config (other
//! parameters, more or fewer addresses and instances) is done when it has said farewell.

use std::{os::fd::OwnedFd, sync::Arc, time::Duration};

use regent_common::Family;
use regent_vrrp::{Event, Instant, Parameters, Router, StateName};

use super::{
    letter::{Address, Instance, Port, Will},
    memory::Meaningless,
    tally,
};
use crate::{
    config::plan::AddressPlan,
    net::{
        clock,
        xdp::{Handle, Hook, InheritedLink, Mode},
    },
    observe::observation::Carrier,
    runtime::{
        addressing::Presence,
        answering::{Answering, Means},
        checker::{TakeOver, Taken},
        engine::Engine,
        ladder::CLIMB_AGAIN,
        trackers::Kind,
        wire::PACKET_MAX,
    },
};

/// What is to be done once the old agent has said farewell.
#[derive(Debug)]
pub struct Inheritance {
    links: Vec<InheritedLink>,
    ports: Vec<Port>,
    start_at: Option<Instant>,
    instances: Vec<Heirloom>,
    /// Addresses that nothing is configured for any more.
    left: Vec<Address>,
    /// How long a port waits whose links were nobody's.
    climbs_after: Duration,
}

impl Inheritance {
    /// Nobody lives who knew more of the ports.
    pub const fn is_estate(&mut self) {
        self.climbs_after = Duration::ZERO;
    }
}

#[derive(Debug)]
struct Heirloom {
    at: usize,
    parameters: Parameters,
    announcing: u8,
    new_addresses: bool,
    /// The stamp of its gate.
    attempted: Option<u64>,
}

impl Engine {
    /// Forgets what the sockets heard: the old agent hears it too, as long as it speaks.
    pub fn forget_heard(&mut self) {
        let mut buffer = [0; PACKET_MAX];
        for (port, family) in self.ports.iter().flat_map(|port| Family::ALL.map(|family| (port, family))) {
            let Some(socket) = port.way(family).socket.as_ref() else { continue };
            while matches!(socket.receive(&mut buffer), Ok(Some(_))) {}
        }
    }

    /// Takes in what the old agent knew.
    ///
    /// # Errors
    /// When a number in it means nothing.
    pub fn take_in(&mut self, will: &Will, descriptors: Vec<OwnedFd>) -> Result<Inheritance, Meaningless> {
        self.now = clock::now();
        self.heard_before = Some(Instant::from_nanoseconds(will.frozen));
        let links = will.links.iter().zip(descriptors).filter_map(|(link, fd)| {
            Some(InheritedLink { hook: Hook::from_word(&link.hook)?, ifindex: link.ifindex, fd })
        });
        let mut inheritance = Inheritance {
            links: links.collect(),
            ports: will.ports.clone(),
            start_at: will.start_at.map(Instant::from_nanoseconds),
            instances: Vec::new(),
            left: Vec::new(),
            // Where there was no program there is none to be had, as far as is known.
            climbs_after: CLIMB_AGAIN,
        };
        for bequest in &will.instances {
            // One that is not configured any more is given up by the old agent.
            let Some(at) = self
                .instances
                .iter()
                .position(|instance| instance.is_present() && instance.group() == bequest.group)
            else {
                continue;
            };
            self.take_in_instance(at, bequest, &mut inheritance)?;
        }
        Ok(inheritance)
    }

    fn take_in_instance(
        &mut self,
        at: usize,
        bequest: &Instance,
        inheritance: &mut Inheritance,
    ) -> Result<(), Meaningless> {
        let instance = &mut self.instances[at];
        let parameters = *instance.router.parameters();
        if let Some(machine) = &bequest.machine {
            instance.router = Router::resume(bequest.parameters.parameters()?, &machine.snapshot()?);
        }
        instance.started = bequest.started;
        instance.active_source = match instance.router.state() {
            StateName::Backup => instance.router.active().map(|(source, _)| source),
            StateName::Initialize | StateName::Active | StateName::Fault => None,
        };
        instance.statistics = tally::read_statistics(&bequest.statistics);
        instance.counted_before = tally::read_counters(&bequest.counters);
        instance.hearing.inherit(
            bequest.sources.iter().map(super::memory::HeardSource::source).collect(),
            instance.counted_before,
        );
        instance.why = bequest.why.as_str().into();
        instance.since = Instant::from_nanoseconds(bequest.since);
        instance.since_unix_ms = bequest.since_unix_ms;
        instance.probe_at = bequest.probe_at.map(Instant::from_nanoseconds);
        for tracker in bequest.trackers.iter().filter(|tracker| tracker.kind == Kind::Script.word()) {
            instance.trackers.judge(Kind::Script, &tracker.name, tracker.good, tracker.detail.as_deref());
        }
        let is_active = instance.router.state() == StateName::Active;
        for address in &bequest.addresses {
            let Address { device, address: ip, prefix_length } = address;
            if !self.addressing.inherit(at, device, *ip, *prefix_length) {
                inheritance.left.push(address.clone());
            }
        }
        self.addressing.want(at, is_active);
        let absent = |address: &crate::runtime::addressing::Address| address.presence == Presence::Absent;
        let new_addresses = is_active && self.addressing.of(at).any(absent);
        let announcing = bequest.announcing;
        let attempted = bequest.gate.map(|gate| gate.attempted);
        inheritance.instances.push(Heirloom { at, parameters, announcing, new_addresses, attempted });
        self.reschedule(at);
        Ok(())
    }

    /// Goes on where the old agent stopped.
    pub fn go_on(&mut self, inheritance: Inheritance) {
        let Inheritance { links, ports, start_at, instances, left, climbs_after } = inheritance;
        self.succeeding = false;
        self.start_at = start_at;
        self.know_ports(&ports);
        for heirloom in &instances {
            let at = heirloom.at;
            if self.instances[at].state() == StateName::Active {
                self.open_gate(at);
            }
            if let (Some(program), Some(attempted)) = (self.program.as_ref(), heirloom.attempted) {
                program.gates().attempt(self.instances[at].row, attempted);
            }
            self.handle(at, Event::Reload(heirloom.parameters));
            let instance = &self.instances[at];
            self.handle(at, Event::Priority(instance.trackers.priority(instance.plan.priority)));
            if heirloom.new_addresses {
                self.handle(at, Event::AddressesChanged);
            } else if heirloom.announcing > 0 {
                self.begin_announcing(at, heirloom.announcing);
            }
        }
        for address in left {
            self.remove_left(&address);
        }
        match self.start_at {
            Some(_) => self.start_or_wait(),
            None => self.start(),
        }
        self.fire_deadlines();
        self.take_over_ports(&ports, links, climbs_after);
    }

    fn remove_left(&mut self, left: &Address) {
        let Some(index) = self.links.values().find(|link| link.name == left.device).map(|link| link.index)
        else {
            return;
        };
        self.addressing.remove_left(index, AddressPlan::plain(left.address, left.prefix_length));
    }

    /// What the old agent knew of the ports.
    fn know_ports(&mut self, known: &[Port]) {
        for at in 0..self.ports.len() {
            let port = &mut self.ports[at];
            let Some(before) = known.iter().find(|before| before.name == *port.name) else { continue };
            port.losses = before.losses;
            port.reason.clone_from(&before.reason);
            port.virtual_macs = before.virtual_macs.iter().copied().collect();
            port.promiscuous = before.promiscuous;
            let mut speaks_virtually = false;
            for instance in self.instances_on(at) {
                let plan = Arc::clone(&self.instances[instance].plan);
                let there = self.ports[at].virtual_macs.contains(&plan.vrid.virtual_mac(plan.family));
                self.instances[instance].virtual_mac_works = plan.virtual_mac && there;
                speaks_virtually |= self.instances[instance].virtual_mac_works;
            }
            if speaks_virtually {
                self.publish_addresses(at);
            }
        }
    }

    /// Has the new program put in the place of the old one, by a thread that may wait for the kernel. Until that is done the
    /// sockets hear everything and the old program answers.
    fn take_over_ports(&mut self, known: &[Port], mut links: Vec<InheritedLink>, climbs_after: Duration) {
        for at in 0..self.ports.len() {
            let Some(index) = self.ports[at].ifindex() else { continue };
            let held: Vec<InheritedLink> = links.extract_if(.., |link| link.ifindex == index).collect();
            if let Some(carrier) = held.iter().find_map(|link| carrier(link.hook)) {
                let port = &mut self.ports[at];
                port.carrier = carrier;
                let before = known.iter().find(|before| before.name == *port.name);
                let way = before.and_then(|port| Means::ALL.into_iter().find(|way| way.number() == port.way));
                let native = carrier == Carrier::Native;
                port.answering = Answering::inherited(native, way.unwrap_or_default(), self.now);
                self.set_way(at);
                self.reschedule_probing();
            } else {
                self.ports[at].climb_at = Some(self.now + climbs_after);
            }
            // The program must know the groups before adverts come to it.
            self.publish_groups(at);
            let (Some(program), Some(checker)) = (self.program.as_ref(), self.checker.as_ref()) else {
                continue;
            };
            self.checks += 1;
            let (number, substitutes) = (self.checks, program.substitutes());
            if !held.is_empty() && checker.take_over(TakeOver { port: at, number, substitutes, links: held })
            {
                self.ports[at].check = Some(number);
                self.taking += 1;
            }
        }
        if self.taking == 0 {
            self.keep_pins();
        }
    }

    /// The programs of a port were exchanged, or could not be.
    pub(in crate::runtime) fn links_taken(&mut self, taken: Taken) {
        let Taken { port: at, number, links, troubles } = taken;
        for trouble in troubles {
            self.teller.trouble(self.now, &"xdp".into(), trouble);
        }
        self.taking = self.taking.saturating_sub(1);
        let current =
            self.ports.get_mut(at).is_some_and(|port| port.check.take_if(|check| *check == number).is_some());
        let index = self.ports.get(at).and_then(crate::runtime::port::Port::ifindex);
        let mut hooks = Vec::new();
        for (hook, ifindex, link) in links {
            if current
                && Some(ifindex) == index
                && let Some(program) = self.program.as_mut()
            {
                program.keep(ifindex, hook, link);
                hooks.push(hook);
            } else if let Some(checker) = self.checker.as_ref() {
                // The port went meanwhile.
                checker.close(Handle::new(link));
            }
        }
        if self.taking == 0 {
            self.keep_pins();
        }
        if !current {
            return;
        }
        if hooks.iter().any(|hook| carrier(*hook).is_some()) {
            self.set_filter(at);
        } else if self.ports[at].is_xdp() {
            self.lose_carrier(at);
            self.ports[at].climb_at = Some(self.now);
        }
        if [Hook::Egress, Hook::Ingress].iter().all(|hook| hooks.contains(hook)) {
            self.stands_by(at, None);
        } else {
            self.stand_by(at);
        }
    }

    /// What is ours now outlives this process by the names that it had.
    fn keep_pins(&mut self) {
        if let (Some(program), Some(pins)) = (self.program.as_mut(), self.unkept.take()) {
            for trouble in pins.remove_other_layouts() {
                self.teller.trouble(self.now, &"pins".into(), trouble);
            }
            program.keep_in(pins);
        }
    }
}

/// What a program on that hook carries.
const fn carrier(hook: Hook) -> Option<Carrier> {
    match hook {
        Hook::Xdp(Mode::Native) => Some(Carrier::Native),
        Hook::Xdp(Mode::Generic) => Some(Carrier::Generic),
        Hook::Ingress | Hook::Egress => None,
    }
}
