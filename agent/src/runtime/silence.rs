//! What stands beside XDP on a port: the tc programs, the virtual MACs in the card's filter, and so what happens when the
//! agent stops without a word.
//!
//! Owns when they come and go: with the port's link, and with nothing else. A Backup has them too, so that a takeover waits for
//! none of them; the gates decide what they do.

use std::{
    net::{IpAddr, Ipv6Addr},
    sync::Arc,
};

use super::engine::Engine;
use crate::{
    net::{nic_filter::NicFilter, solicited::SolicitedGroups, xdp::Hook as Place},
    observe::data_plane::{DeadMan, Hook, Mac},
};

impl Engine {
    /// Puts the tc programs on a port whose link is new, or that is on another rung, and says what that is good for.
    pub(super) fn stand_by(&mut self, at: usize) {
        if self.settings.observing {
            self.ports[at].dead_man = DeadMan::off("observe mode answers for nothing");
            return;
        }
        let Some(index) = self.ports[at].ifindex() else { return };
        let Some(program) = self.program.as_mut() else {
            self.ports[at].dead_man = DeadMan::off(self.program_trouble.clone());
            return;
        };
        if !self.succeeding {
            let refused = program.attach_tc(index).err().map(|error| error.to_string());
            self.stands_by(at, refused);
        }
        self.join_solicited(at, index);
    }

    /// The tc programs are on a port, as far as they were not refused: says what that is good for.
    pub(super) fn stands_by(&mut self, at: usize, refused: Option<String>) {
        let (Some(index), Some(program)) = (self.ports[at].ifindex(), self.program.as_ref()) else { return };
        let is_there = |place: Place| program.hooks(index).any(|hook| hook == place);
        let hook = |place: Place| match (is_there(place), &refused) {
            (true, _) => Hook::Attached,
            (false, Some(reason)) => Hook::missing(reason.clone()),
            (false, None) => Hook::Unused,
        };
        let (egress, ingress) = (hook(Place::Egress), hook(Place::Ingress));
        let dead_man = match (&egress, program.pins(), program.pin_trouble()) {
            (Hook::Attached, Some(_), None) => DeadMan::On,
            (Hook::Attached, _, Some(trouble)) => DeadMan::stuck(trouble),
            (Hook::Attached, None, None) => {
                DeadMan::stuck(self.unpinned.as_ref().map_or_else(String::new, ToString::to_string))
            }
            (Hook::Missing { reason }, _, _) => DeadMan::off(reason.clone()),
            (Hook::Unused, _, _) => DeadMan::default(),
        };
        let works = (&egress, &ingress) == (&Hook::Attached, &Hook::Attached);
        let port = &mut self.ports[at];
        port.egress = egress;
        port.ingress = ingress;
        port.dead_man = dead_man;
        self.filter_virtual_macs(at, index, works);
    }

    /// Lets the questions for IPv6 addresses in, also while the kernel does not have the addresses.
    fn join_solicited(&mut self, at: usize, index: u32) {
        let addresses = self.solicited_for(index);
        self.ports[at].solicited = None;
        if addresses.is_empty() {
            return;
        }
        match SolicitedGroups::join(index, &addresses) {
            Ok(groups) => self.ports[at].solicited = Some(groups),
            Err(error) => {
                let name = Arc::clone(&self.ports[at].name);
                self.teller.trouble(self.now, &name, error.to_string());
            }
        }
    }

    /// The same when the addresses are others, by a thread that may wait for the kernel: those of before are let in until
    /// then.
    pub(super) fn join_solicited_again(&mut self, at: usize) {
        let (Some(index), Some(checker)) = (self.ports[at].ifindex(), self.checker.as_ref()) else { return };
        let addresses = self.solicited_for(index);
        if !addresses.is_empty() {
            checker.join(at, index, addresses);
        } else if let Some(groups) = self.ports[at].solicited.take() {
            checker.leave(groups);
        }
    }

    /// The groups of a port were joined, or could not be.
    pub(super) fn joined_solicited(
        &mut self,
        at: usize,
        index: u32,
        groups: std::io::Result<SolicitedGroups>,
    ) {
        let Some(port) = self.ports.get_mut(at).filter(|port| port.ifindex() == Some(index)) else { return };
        match groups {
            Ok(groups) => {
                let before = port.solicited.replace(groups);
                if let (Some(before), Some(checker)) = (before, self.checker.as_ref()) {
                    checker.leave(before);
                }
            }
            Err(error) => {
                let name = Arc::clone(&port.name);
                self.teller.trouble(self.now, &name, error.to_string());
            }
        }
    }

    /// The IPv6 addresses that belong on a link.
    fn solicited_for(&self, index: u32) -> Vec<Ipv6Addr> {
        let here = self.addressing.iter().filter(|(_, address)| address.ifindex == Some(index));
        here.filter_map(|(_, address)| match address.plan.address {
            IpAddr::V6(address) => Some(address),
            IpAddr::V4(_) => None,
        })
        .collect()
    }

    /// Makes the card of a port take frames to the virtual MACs of its instances, which then speak from them.
    fn filter_virtual_macs(&mut self, at: usize, index: u32, works: bool) {
        let mut filter = None;
        for instance in self.instances_on(at) {
            let plan = Arc::clone(&self.instances[instance].plan);
            let mac = plan.vrid.virtual_mac(plan.family);
            self.instances[instance].virtual_mac_works = false;
            self.instances[instance].troubles.remove("virtual_mac");
            if !plan.virtual_mac {
                continue;
            }
            if works && self.ports[at].virtual_macs.contains(&mac) {
                self.instances[instance].virtual_mac_works = true;
                continue;
            }
            let added = match works {
                true => opened(&mut filter)
                    .and_then(|filter| filter.add(index, mac))
                    .map_err(|error| error.to_string()),
                false => Err("the tc programs that it needs are not on the port".to_owned()),
            };
            match added {
                Ok(added) => {
                    let port = &mut self.ports[at];
                    port.promiscuous |= added.promiscuous;
                    port.virtual_macs.insert(mac);
                    self.instances[instance].virtual_mac_works = true;
                }
                Err(error) => {
                    let text =
                        format!("speaks from the interface's own MAC and not from {}: {error}", Mac(mac));
                    let name = Arc::clone(&self.instances[instance].name);
                    self.instances[instance].troubles.insert("virtual_mac", text.clone());
                    self.teller.trouble(self.now, &name, text);
                }
            }
        }
    }

    /// As [`Self::filter_virtual_macs`], on a port that has its programs or does not get them.
    pub(super) fn filter_again(&mut self, at: usize) {
        let port = &self.ports[at];
        let works = (&port.egress, &port.ingress) == (&Hook::Attached, &Hook::Attached);
        if let Some(index) = port.ifindex() {
            self.filter_virtual_macs(at, index, works);
        }
    }

    /// Takes the virtual MACs of a port out of its card's filter again: its link goes on without us.
    pub(super) fn unfilter_virtual_macs(&mut self, at: usize) {
        let Some(index) = self.ports[at].ifindex() else { return };
        let mut filter = None;
        for mac in std::mem::take(&mut self.ports[at].virtual_macs) {
            let removed = opened(&mut filter).and_then(|filter| filter.remove(index, mac));
            if let Err(error) = removed {
                let name = Arc::clone(&self.ports[at].name);
                let text = format!("cannot take {} out of the card's filter: {error}", Mac(mac));
                self.teller.trouble(self.now, &name, text);
            }
        }
        self.ports[at].promiscuous = false;
    }

    /// Takes the virtual MAC of one instance out of its port's card again.
    pub(super) fn unfilter_virtual_mac(&mut self, instance: usize) {
        let (plan, at) = (Arc::clone(&self.instances[instance].plan), self.instances[instance].port);
        let mac = plan.vrid.virtual_mac(plan.family);
        let Some(index) = self.ports[at].ifindex() else { return };
        if self.ports[at].virtual_macs.remove(&mac)
            && let Err(error) = NicFilter::open().and_then(|mut filter| filter.remove(index, mac))
        {
            let text = format!("cannot take {} out of the card's filter: {error}", Mac(mac));
            self.teller.trouble(self.now, &self.instances[instance].name, text);
        }
    }

    /// The end of an agent that has given up: nothing of ours stays on a port.
    pub(super) fn leave_ports(&mut self) {
        for at in 0..self.ports.len() {
            self.unfilter_virtual_macs(at);
        }
        if let Some(program) = self.program.as_mut() {
            program.detach_all();
        }
    }
}

fn opened(filter: &mut Option<NicFilter>) -> std::io::Result<&mut NicFilter> {
    match filter {
        Some(filter) => Ok(filter),
        None => Ok(filter.insert(NicFilter::open()?)),
    }
}
