//! One virtual router as the loop has it: its plan, its machine, what it heard and what it counts.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use regent_common::{
    Family, LocalPriority, Priority, Version,
    advert::{Addresses, Advert, MAX_ADDRESSES},
    ipv4,
    map::{Expected, flag},
};
use regent_vrrp::{Cause, FaultCause, Instant, Parameters, Router, StateName};

use super::{
    hearing::Hearing,
    port::Port,
    trackers::{Kind, Trackers},
};
use crate::{config::plan::InstancePlan, words};

/// Most bytes of an advert with its IP header: 255 addresses and a password.
pub const PACKET_MAX: usize = ipv4::HEADER_LENGTH + 8 + 4 * MAX_ADDRESSES + 8;

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
}

/// One virtual router.
#[derive(Debug)]
pub struct Instance {
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
    /// What was heard.
    pub hearing: Hearing,
    /// What it depends on.
    pub trackers: Trackers,
    /// What keeps it from taking part.
    faults: Vec<FaultCause>,
    /// Told to take part.
    pub started: bool,
    /// Who is Active, as the machine last said.
    pub active_source: Option<[u8; 16]>,
    /// What it counts.
    pub statistics: Statistics,
    /// Why the state was entered, as a sentence.
    pub why: String,
    /// When the state was entered.
    pub since: Instant,
    /// The same by the wall clock.
    pub since_unix_ms: u64,
    /// What is wrong now, by kind, as sentences that say what to do.
    pub troubles: BTreeMap<&'static str, String>,
    /// When to ask whether anybody else has its addresses.
    pub probe_at: Option<Instant>,
    advertised: Vec<[u8; 4]>,
}

impl Instance {
    /// An instance in Initialize. Its faults are what the port and the trackers will say.
    pub fn new(plan: InstancePlan, port: usize, row: u32, now: Instant, now_unix_ms: u64) -> Self {
        let plan = Arc::new(plan);
        let advertised = plan
            .addresses
            .iter()
            .filter_map(|address| match address.address {
                IpAddr::V4(address) => Some(address.octets()),
                IpAddr::V6(_) => None,
            })
            .collect();
        Self {
            name: plan.name.as_str().into(),
            port,
            row,
            generation: 1,
            router: Router::new(parameters(&plan, [0; 16])),
            deadline: None,
            hearing: Hearing::new(),
            trackers: Trackers::new(&plan),
            faults: Vec::new(),
            started: false,
            active_source: None,
            statistics: Statistics::default(),
            why: "not started yet".into(),
            since: now,
            since_unix_ms: now_unix_ms,
            troubles: BTreeMap::new(),
            probe_at: None,
            advertised,
            plan,
        }
    }

    /// The state.
    pub const fn state(&self) -> StateName {
        self.router.state()
    }

    /// The priority after trackers.
    pub const fn priority(&self) -> LocalPriority {
        self.router.effective_priority()
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
            FaultCause::NoSourceAddress => {
                Some(format!("interface {} has no {} address to send from", port.name, self.plan.family))
            }
            FaultCause::TrackedInterface => self.trackers.worst(Kind::Interface),
            FaultCause::TrackedScript => self.trackers.worst(Kind::Script),
            FaultCause::Config => None,
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
        Expected {
            index: self.row,
            generation: self.generation,
            own_source: self.router.parameters().source,
            active_source: self.active_source.unwrap_or([0; 16]),
            auth_data: plan.authentication.data(),
            addresses: self.addresses().fingerprint(),
            interval: plan.interval.centiseconds(),
            count: u8::try_from(self.advertised.len()).unwrap_or(u8::MAX),
            version: plan.version as u8,
            auth_type: match plan.version {
                Version::V2 => plan.authentication.wire_type(),
                Version::V3 => 0,
            },
            ttl_min: 255,
            ttl_max: 255,
            flags: owner | rings,
            own_mac,
            padding: [0; 2],
        }
    }

    /// Writes the advert that claims `priority`, with its IP header, and returns its length; `None` when the plan has no
    /// form on the wire, which the config's checks have ruled out.
    pub fn write_advert(&self, priority: Priority, packet: &mut [u8; PACKET_MAX]) -> Option<usize> {
        let source = self.router.parameters().source;
        let [s1, s2, s3, s4, ..] = source;
        let [g1, g2, g3, g4] = ipv4::VRRP_GROUP;
        let mut destination = [0; 16];
        destination[..4].copy_from_slice(&[g1, g2, g3, g4]);
        let advert = Advert {
            version: self.plan.version,
            vrid: self.plan.vrid,
            priority,
            interval: self.plan.interval,
            authentication: self.plan.authentication,
            checksum: self.plan.checksum,
            source,
            destination,
            addresses: self.addresses(),
        };
        let (header, message) = packet.split_at_mut(ipv4::HEADER_LENGTH);
        let length = advert.encode(message).ok()?;
        // Identification 0: the kernel numbers the packets of a raw socket.
        header.copy_from_slice(&ipv4::header(
            [s1, s2, s3, s4],
            ipv4::VRRP_GROUP,
            255,
            0,
            u16::try_from(length).ok()?,
        ));
        Some(ipv4::HEADER_LENGTH + length)
    }

    fn addresses(&self) -> Addresses<'_> {
        match self.plan.family {
            Family::Ipv4 => Addresses::Ipv4(&self.advertised),
            Family::Ipv6 => Addresses::Ipv6(&[]),
        }
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
