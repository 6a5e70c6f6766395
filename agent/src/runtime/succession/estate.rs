//! What an agent left that died a moment ago, as the will that it could not write.
//!
//! Its program still answers as long as its gates are open, and its addresses are still there: nobody has noticed yet.
//! An instance whose gate is open is gone on with, as if its agent had handed over; the last advert that was attempted says
//! since when it is silent, and the election decides what that means. An instance whose gate has shut is given up: others
//! may have taken over, or are about to.

use std::{collections::BTreeMap, os::fd::OwnedFd};

use regent_common::map::{GroupKey, gate_flag, mode, way};
use regent_vrrp::{Instant, Snapshot};

use super::{
    adoption::Inheritance,
    letter::{Address, Group, Instance, Link, Port, Tracker, Will},
    memory::{self, Gate, Machine, Meaningless, Parameters},
};
use crate::{
    config::plan::{self, InstancePlan, Plan},
    net::{
        clock,
        inventory::Inventory,
        xdp::{InheritedLink, Leftovers},
    },
    runtime::{
        engine::Engine,
        journal::Entry,
        leftovers,
        trackers::{Kind, Tracker as Known},
    },
    words,
};

/// What can be gone on with.
#[derive(Debug)]
pub struct Estate {
    /// Instances whose gate is open.
    gates: BTreeMap<Group, Gate>,
    /// Their addresses that are on the host.
    pub entries: Vec<Entry>,
    links: Vec<InheritedLink>,
}

impl Estate {
    /// What there is of a plan, by the pins and the journal that were left; `None` when it is too late for all of it.
    pub fn find(plan: &Plan, left: Leftovers, journal: &[Entry], inventory: &Inventory) -> Option<Self> {
        // Whoever waits before it takes part cannot go on at once.
        if left.links.is_empty() || !plan.startup_delay.is_zero() || !plan.delay_after_boot.is_zero() {
            return None;
        }
        let now = clock::now();
        let mut estate = Self { gates: BTreeMap::new(), entries: Vec::new(), links: left.links };
        for instance in &plan.instances {
            let Some(link) = inventory.link_named(&instance.interface) else { continue };
            let key = GroupKey::new(link.index, 0, instance.family as u8, instance.vrid.get());
            let found = left.groups.iter().find(|(group, _, _)| *group == key);
            let Some((_, _, gate)) = found.filter(|(_, _, gate)| is_open(gate, instance, now)) else {
                continue;
            };
            let (attempted, patience) = (gate.attempted.min(now.nanoseconds()), gate.patience);
            estate
                .gates
                .insert(group(instance), Gate { attempted, patience, mode: gate.mode, flags: gate.flags });
            estate.entries.extend(leftovers::held(instance, journal, inventory));
        }
        (!estate.gates.is_empty()).then_some(estate)
    }
}

/// Whether an instance is still answered for. A gate that never shuts is open for as long as one that was not configured.
fn is_open(gate: &regent_common::map::Gate, instance: &InstancePlan, now: Instant) -> bool {
    let patience = match gate.patience {
        0 => plan::Gate::default().patience(instance.interval, instance.down_timer_adverts),
        patience => std::time::Duration::from_nanos(patience),
    };
    gate.mode == mode::ANSWER && now.since(Instant::from_nanoseconds(gate.attempted)) <= patience
}

fn group(plan: &InstancePlan) -> Group {
    Group { interface: plan.interface.clone(), family: plan.family as u8, vrid: plan.vrid.get() }
}

impl Engine {
    /// Takes in what a dead agent left.
    ///
    /// # Errors
    /// None: what is read here was written here.
    pub fn take_in_estate(&mut self, estate: Estate) -> Result<Inheritance, Meaningless> {
        let Estate { gates, entries, links } = estate;
        self.now = clock::now();
        let will = Will {
            frozen: 0,
            start_at: None,
            ports: self.ports.iter().map(|port| self.port_left(&port.name, &gates)).collect(),
            links: links
                .iter()
                .map(|link| Link { hook: link.hook.word().to_owned(), ifindex: link.ifindex })
                .collect(),
            instances: (0..self.instances.len())
                .filter_map(|at| {
                    let gate = gates.get(&self.instances[at].group())?;
                    Some(self.instance_left(at, *gate, &entries))
                })
                .collect(),
        };
        let descriptors: Vec<OwnedFd> = links.into_iter().map(|link| link.fd).collect();
        let mut inheritance = self.take_in(&will, descriptors)?;
        inheritance.is_estate();
        self.heard_before = None;
        Ok(inheritance)
    }

    fn port_left(&self, name: &str, gates: &BTreeMap<Group, Gate>) -> Port {
        let speaks_virtually =
            |group: &Group| gates.get(group).is_some_and(|gate| gate.flags & gate_flag::VIRTUAL_MAC != 0);
        let macs = self
            .instances
            .iter()
            .filter(|instance| instance.plan.interface == name && speaks_virtually(&instance.group()));
        Port {
            name: name.to_owned(),
            reason: String::new(),
            losses: 0,
            way: way::KERNEL,
            virtual_macs: macs.map(|instance| instance.plan.vrid.virtual_mac(instance.plan.family)).collect(),
            promiscuous: false,
        }
    }

    fn instance_left(&mut self, at: usize, gate: Gate, entries: &[Entry]) -> Instance {
        let now = self.now;
        let instance = &self.instances[at];
        let parameters = *instance.router.parameters();
        let spoke = Instant::from_nanoseconds(gate.attempted);
        let snapshot = Snapshot::of_active(&parameters, spoke, now);
        let silent = words::lapse(now.since(spoke));
        let why = format!("goes on for an agent that died; nothing was sent for {silent}");
        self.teller.note(&instance.name, why.clone());
        let here = |entry: &&Entry| {
            let mut own = self.addressing.of(at);
            own.any(|address| address.plan.address == entry.address && address.device == entry.device)
        };
        Instance {
            group: instance.group(),
            started: true,
            machine: Some(Machine::of(&snapshot)),
            parameters: Parameters::of(&parameters),
            addresses: entries
                .iter()
                .filter(here)
                .map(|entry| Address {
                    device: entry.device.clone(),
                    address: entry.address,
                    prefix_length: entry.prefix_length,
                })
                .collect(),
            announcing: 0,
            why,
            since: now.nanoseconds(),
            since_unix_ms: clock::unix_milliseconds(),
            probe_at: None,
            gate: Some(memory::Gate { ..gate }),
            statistics: BTreeMap::new(),
            counters: BTreeMap::new(),
            sources: Vec::new(),
            trackers: instance.trackers.iter().filter_map(was_good).collect(),
        }
    }
}

/// An instance that was Active had no tracker without weight against it.
fn was_good(tracker: &Known) -> Option<Tracker> {
    (tracker.kind == Kind::Script && tracker.weight == 0).then(|| Tracker {
        kind: tracker.kind.word().to_owned(),
        name: tracker.name.to_string(),
        good: !tracker.reverse,
        detail: Some("as before the agent died".to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn gate(attempted: u64, patience: u64, mode: u32) -> regent_common::map::Gate {
        regent_common::map::Gate { attempted, patience, mode, flags: 0 }
    }

    #[test]
    fn an_instance_is_gone_on_with_while_its_gate_is_open_and_one_that_never_shuts_as_long_as_the_usual_one()
    {
        const SECOND: u64 = 1_000_000_000;
        let directory = tempfile::tempdir().unwrap();
        let config = directory.path().join("regent.conf");
        let text = "vrrp_instance VI_1 {\n interface ens33\n virtual_router_id 50\n priority 100\n advert_int 1\n \
                    virtual_ipaddress {\n 10.0.0.3\n }\n}\n";
        std::fs::write(&config, text).unwrap();
        let loaded = crate::config::load(&config).unwrap();
        let instance = loaded.plan.instances.first().unwrap();
        let now = Instant::from_nanoseconds(100 * SECOND);
        let open = |gate| is_open(&gate, instance, now);
        assert!(open(gate(99 * SECOND, SECOND, mode::ANSWER)));
        assert!(!open(gate(99 * SECOND - 1, SECOND, mode::ANSWER)));
        assert!(!open(gate(99 * SECOND, SECOND, mode::MUTE)));
        assert!(!open(gate(99 * SECOND, SECOND, mode::OFF)));
        // Three intervals less a sixteenth.
        let usual = Duration::from_micros(2_937_500);
        let attempted = |ago: Duration| (now - ago).nanoseconds();
        assert!(open(gate(attempted(usual), 0, mode::ANSWER)));
        assert!(!open(gate(attempted(usual + Duration::from_nanos(1)), 0, mode::ANSWER)));
        // Prolonged by an agent that handed over to one that died.
        assert!(open(gate(101 * SECOND, SECOND, mode::ANSWER)));
    }
}
