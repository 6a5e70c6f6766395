//! On the VRRP thread: ports have what their instances need, and what the new plan does not have any more leaves, as the
//! kernel lets go of it.

use std::{collections::BTreeSet, net::IpAddr, sync::Arc};

use regent_common::Family;

use super::Task;
use crate::{
    config::plan::Transport,
    runtime::{engine::Engine, instance::Standing, ladder::vip_key, port::Way},
};

/// Addresses forgotten in one turn at most.
const FORGOTTEN_PER_TURN: usize = 64;

impl Engine {
    /// Leaves groups that nobody listens to any more, and joins those of new IPv6 addresses, on one port after the other; then
    /// says what is wrong with all.
    pub(super) fn fit_ports(&mut self) {
        let Some(application) = self.application.as_mut() else { return };
        if let Some(at) = application.ports.pop_first() {
            self.next_task(Task::Ports);
            for family in Family::ALL {
                let needed = self.groups_needed(at, family);
                let before = std::mem::replace(&mut self.ports[at].way_mut(family).groups, needed);
                let groups = &self.ports[at].way(family).groups;
                let gone = before.into_iter().filter(|group| !groups.contains(group)).collect();
                self.leave_groups(at, family, gone);
            }
            if self.ports[at].is_xdp() {
                self.join_solicited_again(at);
            } else {
                self.watch_claims(at);
            }
            return;
        }
        let unrefused = application.unrefused.take();
        for at in self.order.clone() {
            self.instances[at].troubles.remove("no_accept");
        }
        let tracked: BTreeSet<Arc<str>> = self
            .instances
            .iter()
            .flat_map(|instance| instance.trackers.iter().map(|tracker| Arc::clone(&tracker.name)))
            .collect();
        self.verdicts.retain(|script, _| tracked.contains(script));
        if let Some(trouble) = unrefused {
            self.unrefused(&trouble);
        }
    }

    fn groups_needed(&self, at: usize, family: Family) -> BTreeSet<IpAddr> {
        let here = self.order.iter().map(|at| &self.instances[*at].plan).zip(&self.order);
        here.filter(|(plan, instance)| self.instances[**instance].port == at && plan.family == family)
            .filter_map(|(plan, _)| match plan.transport {
                Transport::Multicast { group } => Some(group),
                Transport::Unicast(_) => None,
            })
            .collect()
    }

    /// Forgets what went and is gone.
    pub(in crate::runtime) fn tidy(&mut self) {
        if self.addressing.is_letting_go() {
            for position in self.addressing.forget_gone(FORGOTTEN_PER_TURN) {
                self.unpublish(position);
            }
        }
        if self.leaving > 0 {
            for at in 0..self.instances.len() {
                self.vacate(at);
            }
        }
    }

    fn unpublish(&mut self, position: usize) {
        let (Some(program), Some(address)) = (self.program.as_mut(), self.addressing.get(position)) else {
            return;
        };
        let (ip, index) = (address.plan.address, address.ifindex);
        if let Some(index) = index.filter(|_| !self.addressing.is_shared(position, ip, index)) {
            let key = vip_key(index, ip);
            self.claims.remove(&key);
            // What stays there is the address of an instance that is off.
            drop(program.remove_vip(key));
        }
        drop(program.clear_vip_counts(position as u32));
    }

    /// The place of an instance that gave up is free when nothing of it is on the host any more.
    fn vacate(&mut self, at: usize) {
        let instance = &self.instances[at];
        if instance.standing != Standing::Leaving || self.addressing.is_held(at) || self.muted.contains(&at) {
            return;
        }
        let row = instance.row;
        if let Some(program) = self.program.as_mut() {
            drop(program.clear_row(row));
        }
        self.instances[at].standing = Standing::Vacant;
        self.leaving -= 1;
    }

    /// A port that nothing is on any more.
    pub(super) fn unused_port(&self) -> Option<usize> {
        let used: BTreeSet<usize> = self.order.iter().map(|at| self.instances[*at].port).collect();
        let is_unused = |at: &usize| {
            let port = &self.ports[*at];
            !port.is_idle && !used.contains(at) && !self.addressing.has_on(&port.name)
        };
        (0..self.ports.len()).find(is_unused)
    }

    /// Takes everything of ours off a port.
    pub(super) fn retire_port(&mut self, at: usize) {
        self.unfilter_virtual_macs(at);
        self.close_ways(at);
        self.withdraw(at);
        self.give_link(at);
        let port = &mut self.ports[at];
        (port.ipv4, port.ipv6) = (Way::default(), Way::default());
        port.is_idle = true;
        let name = Arc::clone(&port.name);
        self.teller.note(&name, "nothing of the config is on this interface any more".to_owned());
    }
}
