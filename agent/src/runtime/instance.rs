//! One virtual router as the loop has it: its plan, its machine, what it heard and what it counts.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc, time::Duration};

use regent_common::{
    Counter, Family, LocalPriority, Version,
    map::{Expected, Peer, flag, gate_flag},
};
use regent_vrrp::{Cause, FaultCause, Instant, Parameters, Router, StateName};

use super::{
    hearing::Hearing,
    port::Port,
    succession::Group,
    trackers::{Kind, Trackers},
    wire::Advertised,
};
use crate::{
    config::plan::{InstancePlan, Transport},
    observe::sentence,
    words,
};

/// What an instance counts beside what it hears.
#[derive(Clone, Debug, Default)]
pub struct Statistics {
    /// Adverts sent.
    pub adverts_sent: u64,
    /// Of those, with priority 0.
    pub priority_zero_sent: u64,
    /// Adverts that could not be sent.
    pub send_errors: u64,
    /// Announcements sent.
    pub announcements_sent: u64,
    /// Transitions by state entered, in the order of [`words::STATES`].
    pub transitions: [u64; words::STATES.len()],
    /// Times it became Active.
    pub became_master: u64,
    /// Times it ceased to be Active.
    pub released_master: u64,
    /// Addresses that somebody else removed and that were put back.
    pub addresses_restored: u64,
}

/// Whether the config asks for an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It does.
    Present,
    /// Not any more: it has given up, and what it had is on its way out.
    Leaving,
    /// Nothing is left of it: its place is free.
    Vacant,
}

/// One virtual router.
#[derive(Debug)]
pub struct Instance {
    /// Whether the config asks for it.
    pub standing: Standing,
    /// What it is configured to be.
    pub plan: Arc<InstancePlan>,
    /// Its name.
    pub name: Arc<str>,
    /// Where in the loop's list of ports its port is.
    pub port: usize,
    /// Row of counters and slots, and which use of that row.
    pub row: u32,
    /// See [`Expected::generation`].
    pub generation: u32,
    /// The election.
    pub router: Router,
    /// The machine's deadline as it stands in the queue.
    pub deadline: Option<Instant>,
    /// When to doubt the silence of its Active, as it stands in the queue.
    pub suspicion: Option<Instant>,
    /// What was heard.
    pub hearing: Hearing,
    /// What it depends on.
    pub trackers: Trackers,
    /// What keeps it from taking part.
    faults: Vec<FaultCause>,
    /// Told to take part.
    pub started: bool,
    /// What its adverts are sent from, while there is an address for it.
    pub source: Option<IpAddr>,
    /// Who is Active, as the machine last said.
    pub active_source: Option<[u8; 16]>,
    /// What it counts.
    pub statistics: Statistics,
    /// Why the state was entered, as a sentence.
    pub why: Arc<str>,
    /// When the state was entered.
    pub since: Instant,
    /// The same by the wall clock.
    pub since_unix_ms: u64,
    /// What is wrong now, by kind, as sentences that say what to do.
    pub troubles: BTreeMap<&'static str, String>,
    /// What was counted when that was last looked at.
    pub counted_before: [u64; Counter::COUNT],
    /// When to ask whether anybody else has its addresses.
    pub probe_at: Option<Instant>,
    /// Addresses that a reload brought are announced a second time then.
    pub again: Option<(Instant, Vec<usize>)>,
    /// The addresses as adverts name them.
    pub advertised: Advertised,
    /// The programs are on its port that a virtual MAC needs there.
    pub virtual_mac_works: bool,
}

impl Instance {
    /// An instance in Initialize. Its faults are what the port and the trackers will say.
    pub fn new(
        plan: impl Into<Arc<InstancePlan>>,
        port: usize,
        row: u32,
        now: Instant,
        now_unix_ms: u64,
    ) -> Self {
        let plan = plan.into();
        Self {
            standing: Standing::Present,
            name: plan.name.as_str().into(),
            port,
            row,
            generation: 1,
            router: Router::new(parameters(&plan, [0; 16])),
            deadline: None,
            suspicion: None,
            hearing: Hearing::new(),
            trackers: Trackers::new(&plan),
            faults: Vec::new(),
            started: false,
            source: None,
            active_source: None,
            statistics: Statistics::default(),
            why: "not started yet".into(),
            since: now,
            since_unix_ms: now_unix_ms,
            troubles: BTreeMap::new(),
            counted_before: [0; Counter::COUNT],
            probe_at: None,
            again: None,
            advertised: Advertised::of(&plan),
            virtual_mac_works: false,
            plan,
        }
    }

    /// Whether the config asks for it.
    pub fn is_present(&self) -> bool {
        self.standing == Standing::Present
    }

    /// What names it on the wire.
    pub fn group(&self) -> Group {
        let plan = &self.plan;
        Group { interface: plan.interface.clone(), family: plan.family as u8, vrid: plan.vrid.get() }
    }

    /// The state.
    pub const fn state(&self) -> StateName {
        self.router.state()
    }

    /// The priority after trackers.
    pub const fn priority(&self) -> LocalPriority {
        self.router.effective_priority()
    }

    /// The MAC that answers and announcements for its addresses carry, on a port whose own is `link_mac`.
    ///
    /// RFC 9568 §7.3: the virtual router's. Without the word `virtual_mac`, or where the programs are not there that make
    /// it work, the port's own, as in keepalived without `use_vmac`.
    pub fn mac(&self, link_mac: [u8; 6]) -> [u8; 6] {
        match self.plan.virtual_mac && self.virtual_mac_works {
            true => self.plan.vrid.virtual_mac(self.plan.family),
            false => link_mac,
        }
    }

    /// The worst thing that keeps it from taking part.
    pub fn fault(&self) -> Option<FaultCause> {
        self.faults.first().copied()
    }

    /// What a cause does not say: which interface, which script.
    pub fn detail(&self, cause: Cause, port: &Port) -> Option<String> {
        let Cause::Fault(fault) = cause else { return None };
        match fault {
            FaultCause::Interface => Some(match (&port.link, &port.trouble) {
                (None, _) => format!("interface {} is absent", port.name),
                (Some(_), Some(trouble)) => trouble.clone(),
                (Some(_), None) => format!("interface {} is down or without carrier", port.name),
            }),
            FaultCause::NoSourceAddress => Some(self.missing_source(port)),
            FaultCause::TrackedInterface => self.trackers.worst(Kind::Interface),
            FaultCause::TrackedScript => self.trackers.worst(Kind::Script),
            FaultCause::Config => None,
        }
    }

    fn missing_source(&self, port: &Port) -> String {
        match (self.plan.source, self.plan.family, &self.plan.transport) {
            (Some(source), _, Transport::Unicast(_)) => {
                format!("no interface of this host has {source}, the source of its adverts")
            }
            (Some(source), _, Transport::Multicast { .. }) => {
                format!("interface {} does not have {source}, the source of its adverts", port.name)
            }
            (None, Family::Ipv4, _) => format!("interface {} has no IPv4 address to send from", port.name),
            (None, Family::Ipv6, _) => format!(
                "interface {} has no usable link-local IPv6 address to send from (still being checked, or IPv6 is switched \
                 off there)",
                port.name
            ),
        }
    }

    /// Sets or clears one fault and returns whether that changed anything.
    pub fn set_fault(&mut self, cause: FaultCause, present: bool) -> bool {
        let at = self.faults.iter().position(|fault| *fault == cause);
        match (at, present) {
            (None, true) => {
                self.faults.push(cause);
                self.faults.sort_by_key(|fault| order(*fault));
                true
            }
            (Some(at), false) => {
                self.faults.remove(at);
                true
            }
            (None, false) | (Some(_), true) => false,
        }
    }

    /// What the kernel is told to expect of its group.
    pub fn expected(&self, own_mac: [u8; 6]) -> Expected {
        let plan = &self.plan;
        let owner = match plan.priority {
            LocalPriority::Owner => flag::OWNER,
            LocalPriority::Backup(_) => 0,
        };
        // A Backup that hears its Active as before need not wake up: no deadline fires before the slots are read. An
        // Active wants every word, since any of them contends with it.
        let rings = match self.state() {
            StateName::Active => flag::RING_ALWAYS,
            StateName::Initialize | StateName::Backup | StateName::Fault => 0,
        };
        let source = self.router.parameters().source;
        let (destination, transport) = match &plan.transport {
            Transport::Multicast { group } => (sentence::bytes(*group), 0),
            Transport::Unicast(unicast) if unicast.checks_source => {
                (source, flag::UNICAST | flag::CHECK_SOURCE)
            }
            Transport::Unicast(_) => (source, flag::UNICAST),
        };
        Expected {
            index: self.row,
            generation: self.generation,
            own_source: source,
            active_source: self.active_source.unwrap_or([0; 16]),
            destination,
            auth_data: plan.authentication.data(),
            addresses: self.advertised.list().fingerprint(),
            interval: plan.interval.centiseconds(),
            count: u8::try_from(self.advertised.list().count()).unwrap_or(u8::MAX),
            version: plan.version as u8,
            auth_type: match plan.version {
                Version::V2 => plan.authentication.wire_type(),
                Version::V3 => 0,
            },
            flags: owner | rings | transport,
            own_mac,
        }
    }

    /// How long after its last advert no Backup takes over.
    pub fn earliest_takeover(&self) -> Duration {
        regent_vrrp::earliest_takeover(self.plan.interval, self.plan.down_timer_adverts)
    }

    /// Bits of [`gate_flag`].
    pub fn gate_flags(&self) -> u32 {
        match self.plan.virtual_mac && self.virtual_mac_works {
            true => gate_flag::VIRTUAL_MAC,
            false => 0,
        }
    }

    /// What is demanded of a unicast peer.
    pub fn peer(&self, source: &[u8; 16]) -> Option<Peer> {
        self.peers().find(|(address, _)| address == source).map(|(_, peer)| peer)
    }

    /// Its unicast peers.
    pub fn peers(&self) -> impl Iterator<Item = ([u8; 16], Peer)> {
        self.plan
            .transport
            .peers()
            .iter()
            .map(|peer| (sentence::bytes(peer.address), Peer::new(peer.ttl_min, peer.ttl_max)))
    }
}

/// The machine's parameters for a plan, sending from `source`.
pub const fn parameters(plan: &InstancePlan, source: [u8; 16]) -> Parameters {
    Parameters {
        version: plan.version,
        priority: plan.priority,
        interval: plan.interval,
        preemption: plan.preemption,
        source,
        announcements: plan.announcements,
        down_timer_adverts: plan.down_timer_adverts,
        asserts: plan.asserts,
        concedes: plan.concedes,
    }
}

/// Which fault is named first when there are several: the one that explains the others.
const fn order(cause: FaultCause) -> u8 {
    match cause {
        FaultCause::Config => 0,
        FaultCause::Interface => 1,
        FaultCause::NoSourceAddress => 2,
        FaultCause::TrackedInterface => 3,
        FaultCause::TrackedScript => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    const LINK_MAC: [u8; 6] = [2, 0, 0, 0, 0, 7];

    fn instance(address: &str, lines: &str) -> Instance {
        let base = "interface eth0\nvirtual_router_id 50";
        let text = format!("vrrp_instance A {{\n{base}\nvirtual_ipaddress {{ {address} }}\n{lines}\n}}\n");
        let plan = config::parse("c", &text).plan.instances.remove(0);
        Instance::new(plan, 0, 0, Instant::from_nanoseconds(0), 0)
    }

    /// RFC 9568 §7.3.
    #[test]
    fn an_instance_speaks_from_the_mac_of_its_vrid_when_told_and_able_to() {
        for (address, lines, works, mac) in [
            ("192.0.2.1", "virtual_mac", true, [0, 0, 0x5e, 0, 1, 50]),
            ("fe80::1", "virtual_mac", true, [0, 0, 0x5e, 0, 2, 50]),
            ("192.0.2.1", "virtual_mac", false, LINK_MAC),
            ("192.0.2.1", "", true, LINK_MAC),
        ] {
            let mut instance = instance(address, lines);
            instance.virtual_mac_works = works;
            assert_eq!(instance.mac(LINK_MAC), mac, "{address} {lines} {works}");
            assert_eq!(instance.gate_flags() != 0, mac != LINK_MAC, "{address} {lines} {works}");
        }
    }
}
