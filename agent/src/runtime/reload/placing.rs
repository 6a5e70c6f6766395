//! On the VRRP thread: where new instances and ports go, and which address is whose, before anything else is changed.

use std::{net::IpAddr, sync::Arc};

use regent_common::LocalPriority;
use regent_vrrp::StateName;

use super::{Gathering, STEP, Task};
use crate::{
    config::plan::{InstancePlan, Transport},
    net::{addresses::VRRP_ADDRESS_PROTOCOL, clock},
    runtime::{
        addressing::{Origin, Placed, Wish},
        engine::Engine,
        instance::{Instance, Standing},
    },
};

impl Engine {
    /// A place for an instance that is new, which takes part in nothing yet. No place before `from` is free: a thousand that
    /// come look at each place once.
    pub(super) fn make_room(&mut self, plan: &Arc<InstancePlan>, from: &mut usize) -> usize {
        let port = self.port_for(&plan.interface);
        let mut places = self.instances.iter().enumerate().skip(*from);
        let vacant = places.find(|(_, instance)| instance.standing == Standing::Vacant).map(|(at, _)| at);
        let at = vacant.unwrap_or(self.instances.len());
        *from = at + 1;
        let now = clock::unix_milliseconds();
        let mut instance = Instance::new(Arc::clone(plan), port, at as u32, self.now, now);
        match self.instances.get_mut(at) {
            Some(place) => {
                instance.generation = place.generation.wrapping_add(1);
                *place = instance;
            }
            None => self.instances.push(instance),
        }
        at
    }

    /// The port of that name; one that is new, or was not used any more, is opened in a turn of its own.
    fn port_for(&mut self, name: &str) -> usize {
        let known = self.ports.len();
        let at = self.port(name);
        if at < known && !self.ports[at].is_idle {
            return at;
        }
        self.ports[at].is_idle = false;
        if let Some(link) = self.links.values().find(|link| link.name == name).cloned() {
            self.take_link(at, link);
            self.next_task(Task::Open(at));
        }
        at
    }

    /// An instance with that plan is to speak on a port.
    pub(super) fn use_way(&mut self, at: usize, plan: &InstancePlan) {
        let way = self.ports[at].way_mut(plan.family);
        let mut opens = !std::mem::replace(&mut way.used, true);
        if let Transport::Multicast { group } = plan.transport {
            opens |= way.groups.insert(group);
        }
        if opens && self.ports[at].link.is_some() {
            self.next_task(Task::Open(at));
        }
    }

    pub(super) fn gather_some(&mut self, mut gathering: Gathering) {
        let plan = Arc::clone(&gathering.plan);
        let (at, from) = (gathering.at, gathering.positions.len());
        let all = plan.addresses.iter().chain(&plan.excluded);
        for address in all.skip(from).take(STEP) {
            let device = address.device.as_deref().unwrap_or(&plan.interface);
            let port = self.port_for(device);
            let is_active = self.instances[at].state() == StateName::Active;
            let wish = Wish {
                plan: address,
                device,
                ifindex: self.ports[port].ifindex(),
                owned: plan.priority == LocalPriority::Owner,
                wanted: is_active,
            };
            let Placed { at: position, origin } = self.addressing.place(at, wish);
            gathering.positions.push(position);
            match origin {
                Origin::Own => {}
                // From one Active to another nothing changes for anybody.
                Origin::Other(owner) if is_active && owner != at && self.is_alike(owner, at) => {}
                Origin::Other(_) | Origin::New => gathering.new.push(position),
            }
            if origin != Origin::Own && !is_active && self.addressing.is_held(at) {
                // It is on its way out, and nobody here speaks for it.
                self.mute(at);
            }
            if origin != Origin::Own {
                self.publish_address(port, position);
            }
            if !wish.owned {
                self.becomes_virtual(address.address);
            }
        }
        if gathering.positions.len() < plan.address_count() {
            self.next_task(Task::Gather(gathering));
        } else if let Some(application) = self.application.as_mut() {
            // After every address has its owner, and those that go have given up.
            let place = application.tasks.iter().position(|task| matches!(task, Task::Ports));
            let place = place.unwrap_or(application.tasks.len());
            application.tasks.insert(place, Task::Become(gathering));
        }
    }

    /// Whether two instances are Active and speak from one MAC.
    fn is_alike(&self, one: usize, other: usize) -> bool {
        let (one, other) = (&self.instances[one], &self.instances[other]);
        let mac = |instance: &Instance| Some(instance.mac(self.ports[instance.port].link.as_ref()?.mac));
        let active = |instance: &Instance| instance.state() == StateName::Active;
        active(one) && active(other) && mac(one) == mac(other)
    }

    /// An address of the host that comes and goes with an election from now on: no advert is sent from it, and who put it
    /// there should take it away.
    fn becomes_virtual(&mut self, address: IpAddr) {
        let here: Vec<u32> =
            self.assigned.iter().filter(|(other, _)| *other == address).map(|(_, index)| *index).collect();
        for index in here {
            self.assigned.remove(&(address, index));
            let port = self.ports.iter_mut().find(|port| port.ifindex() == Some(index));
            let list = port.map_or(&mut self.elsewhere, |port| &mut port.addresses);
            let gone: Vec<_> =
                list.extract_if(.., |other| other.address == address && other.index == index).collect();
            for other in gone {
                let ours = other.protocol == Some(VRRP_ADDRESS_PROTOCOL);
                let notices = self.addressing.appeared(index, address, other.prefix_length, ours);
                self.address_notices(notices);
            }
            self.choose_sources(index);
        }
    }
}

/// Whether the addresses of an instance are to be gathered anew.
pub(super) fn relists(old: &InstancePlan, new: &InstancePlan) -> bool {
    let owner = |plan: &InstancePlan| plan.priority == LocalPriority::Owner;
    old.addresses != new.addresses || old.excluded != new.excluded || owner(old) != owner(new)
}
