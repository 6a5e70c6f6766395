//! The VRRP thread's world: ports, instances, their deadlines, and how an event becomes actions.
//!
//! The order of a turn is in `turn`, what becomes of adverts in `receiving` and of verdicts in `faults`, carrying out
//! actions in `carry`, ports and the ladder in `ladder`.

use std::{
    collections::{BTreeSet, HashMap},
    io,
    net::IpAddr,
    sync::Arc,
    time::Duration,
};

use regent_common::{
    Counter, Family, Vrid,
    map::{GroupKey, VipKey},
};
use regent_vrrp::{Event, Instant, StateName};

use super::{
    addressing::{Addressing, Notice},
    announce::{Outgoing, Paces},
    announcing::Announcing,
    assigner::Assigner,
    checker::Checker,
    deadlines::Deadlines,
    instance::Instance,
    port::Port,
    reload::Application,
    strangers::Strangers,
    succession::Group,
    tell::Teller,
};
use crate::{
    net::{
        features::{Features, PortFeatures, Row},
        frame_socket::FrameSocket,
        link::{AssignedAddress, Link},
        xdp::{Diagnostics, NoPins, Pins, Program, View},
    },
    observe::snapshot::{FeatureStatus, TurnStatus},
    track::Verdict,
    words,
};

pub use crate::config::plan::XdpChoice;

/// Whose deadline it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owner {
    /// An instance's machine.
    Instance(usize),
    /// The moment before a Backup's machine may take over: whether it can still hear is asked then.
    Suspicion(usize),
    /// The once-a-second housekeeping.
    Tick,
    /// Questions whether answers of ports arrive.
    Probing,
    /// Announcements that keep a pace.
    Announcements,
    /// Addresses that a reload brought to an instance are announced a second time.
    Again(usize),
    /// The end of the delay before instances take part.
    Start,
}

/// What does not change while the loop runs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Nothing is sent, assigned or dropped.
    pub observing: bool,
    /// Which rungs of the ladder may be used.
    pub xdp: XdpChoice,
    /// `router_id`.
    pub router_id: Option<String>,
    /// The config file.
    pub config: Option<String>,
    /// When the agent started.
    pub started: Instant,
}

/// Everything the loop owns.
pub struct Engine {
    pub(super) settings: Arc<Settings>,
    pub(super) ports: Vec<Port>,
    /// Each keeps its place as long as the agent runs; see [`super::instance::Standing`].
    pub(super) instances: Vec<Instance>,
    /// Those that the config asks for, in its order.
    pub(super) order: Vec<usize>,
    /// Instances that gave up for a reload, and are not gone yet.
    pub(super) leaving: usize,
    /// The last verdict of each script, for instances that begin to track it.
    pub(super) verdicts: HashMap<Arc<str>, Verdict>,
    /// Another config that is being applied.
    pub(super) application: Option<Application>,
    /// Instances by port, family and VRID: what the socket carrier looks up.
    pub(super) groups: HashMap<(usize, Family, Vrid), usize>,
    pub(super) links: HashMap<u32, Link>,
    /// Addresses of this host that are not ours, with their interfaces.
    pub(super) assigned: BTreeSet<(IpAddr, u32)>,
    /// Those of them that are on none of our ports.
    pub(super) elsewhere: Vec<AssignedAddress>,
    /// Counts the sockets that ports opened: when it moved, what is watched must be looked at again.
    pub(super) sockets_opened: u64,
    pub(super) deadlines: Deadlines<Owner>,
    pub(super) tick_at: Option<Instant>,
    /// Ticks so far.
    pub(super) ticks: usize,
    /// When announcements that keep a pace go on.
    pub(super) announce_at: Option<Instant>,
    /// When ports are asked next whether their answers arrive.
    pub(super) probing_at: Option<Instant>,
    /// When instances take part; until then nothing is sent and nothing that is heard counts.
    pub(super) start_at: Option<Instant>,
    pub(super) addressing: Addressing,
    /// Instances that gave up and whose addresses are not all gone yet.
    pub(super) muted: BTreeSet<usize>,
    pub(super) announcing: Announcing,
    /// Announcements that found the queue full.
    pub(super) unsent: Vec<Outgoing>,
    pub(super) paces: Paces,
    pub(super) program: Option<Program>,
    /// Why there is no program.
    pub(super) program_trouble: String,
    /// Why nothing of it outlives this process, where that is so.
    pub(super) unpinned: Option<NoPins>,
    /// Where it will be pinned once it is nobody else's.
    pub(super) unkept: Option<Pins>,
    /// Ports whose links are being taken over.
    pub(super) taking: usize,
    pub(super) frames: Option<FrameSocket>,
    /// Changes addresses; `None` in observe mode.
    pub(super) assigner: Option<Assigner>,
    /// Looks after XDP links, where there are any.
    pub(super) checker: Option<Checker>,
    /// Questions put to it so far.
    pub(super) checks: u64,
    pub(super) strangers: Strangers,
    pub(super) teller: Teller,
    pub(super) turn: TurnStatus,
    /// Sampled once a turn.
    pub(super) now: Instant,
    /// Claims already told of, by address.
    pub(super) claims: HashMap<VipKey, u32>,
    /// How late the event being handled is, for its observation.
    pub(super) late: u64,
    /// A drain stopped at its bound: go on without waiting.
    pub(super) more: bool,
    /// The ports are still those of an agent before this one, living or dead.
    pub(super) succeeding: bool,
    /// What arrived before was heard by the agent before this one.
    pub(super) heard_before: Option<Instant>,
}

impl Engine {
    /// Takes part, now or after the delay of the config. Until then nothing is sent, and what is heard is only counted.
    pub fn start_or_wait(&mut self) {
        let Some(start_at) = self.start_at else {
            self.start();
            return;
        };
        self.deadlines.replace(Owner::Start, None, Some(start_at));
        let text = format!(
            "takes no part for {} yet (vrrp_startup_delay or vrrp_delay_after_boot)",
            words::lapse(start_at.since(self.now))
        );
        for instance in &mut self.instances {
            instance.why = text.as_str().into();
            self.teller.note(&instance.name, text.clone());
        }
    }

    /// Takes part: every instance leaves Initialize, or goes to Fault with the reason.
    pub fn start(&mut self) {
        self.deadlines.replace(Owner::Start, self.start_at.take(), None);
        for at in self.order.clone() {
            self.start_instance(at);
        }
    }

    /// Lets one instance take part.
    pub(super) fn start_instance(&mut self, at: usize) {
        self.refresh_faults(at);
        self.instances[at].started = true;
        let event = match self.instances[at].fault() {
            Some(cause) => Event::Fault(cause),
            None => Event::Startup,
        };
        self.handle(at, event);
    }

    /// The XDP program's messages, for a thread that has time to format them.
    pub fn take_diagnostics(&mut self) -> Option<Diagnostics> {
        self.program.as_mut().and_then(Program::take_diagnostics)
    }

    /// Another handle to what the program counted, for whoever makes the status.
    pub fn view(&self) -> Option<View> {
        self.program.as_ref().and_then(|program| program.view().again().ok())
    }

    /// What the kernel and the ports can, and what is lost where they cannot. Asks the system; for the start.
    pub fn features(&self) -> Vec<FeatureStatus> {
        let program = self.program.as_ref().ok_or(self.program_trouble.as_str());
        let none = self.unpinned.clone().unwrap_or_else(|| NoPins::because("there is no program to pin"));
        let pins = self.program.as_ref().and_then(Program::pins).or(self.unkept.as_ref()).ok_or(&none);
        let host = Features::of_host(program, pins).rows().into_iter();
        let mut features: Vec<FeatureStatus> = host.map(|row| feature(None, row)).collect();
        for port in &self.ports {
            let rows = port.ifindex().map(|index| PortFeatures::of(index).rows());
            features.extend(rows.into_iter().flatten().map(|row| feature(Some(&port.name), row)));
        }
        features
    }

    /// What both carriers counted about an instance.
    pub(super) fn counted(&self, at: usize) -> [u64; Counter::COUNT] {
        let instance = &self.instances[at];
        let mut counted = *instance.hearing.counters();
        if let Some(program) = self.program.as_ref() {
            for (sum, kernel) in counted.iter_mut().zip(program.view().counters(instance.row)) {
                *sum = sum.wrapping_add(kernel);
            }
        }
        counted
    }

    /// Notes what the kernel granted to this thread, and says what it means when it did not.
    pub fn privileges(&mut self, realtime: io::Result<()>, memory: io::Result<()>) {
        let subject: Arc<str> = "scheduling".into();
        if let Err(error) = &realtime {
            self.teller.note(&subject, error.to_string());
        }
        if let Err(error) = &memory {
            self.teller.note(&subject, error.to_string());
        }
        self.turn.realtime = realtime.is_ok();
        self.turn.memory_locked = memory.is_ok();
    }

    /// Tells of something about the agent as a whole that an operator should act on.
    pub(super) fn trouble(&mut self, subject: &str, text: String) {
        self.teller.trouble(self.now, &subject.into(), text);
    }

    /// Tells of something about the agent as a whole.
    pub(super) fn note(&mut self, subject: &str, text: String) {
        self.teller.note(&subject.into(), text);
    }

    /// The groups of all instances.
    pub(super) fn groups_spoken_for(&self) -> Vec<Group> {
        self.order.iter().map(|at| self.instances[*at].group()).collect()
    }

    /// Gives up everything: priority 0, then the addresses.
    pub fn stop(&mut self) {
        self.apply_the_rest();
        self.deadlines.replace(Owner::Start, self.start_at.take(), None);
        for at in 0..self.instances.len() {
            self.instances[at].started = false;
            self.handle(at, Event::Shutdown);
        }
    }

    /// Hands an event to the machine of an instance and carries out what it asks for. Adverts that arrived before this
    /// moment come first: they are judged by the state that they arrived in.
    pub(super) fn handle(&mut self, at: usize, event: Event) {
        self.read_slots(at);
        self.step(at, event);
    }

    /// Like [`Self::handle`], when the slots have just been read.
    pub(super) fn step(&mut self, at: usize, event: Event) {
        let was_active = self.instances[at].state() == StateName::Active;
        let actions = self.instances[at].router.handle(self.now, event);
        // Before a word leaves that makes another router Active.
        if was_active && self.instances[at].state() != StateName::Active {
            self.mute(at);
        }
        self.carry_out(at, actions);
        if was_active {
            self.keep_gate_open(at);
        }
        self.reschedule(at);
        // An advert that came while the kernel still thought that it need not ring.
        if !was_active && self.instances[at].state() == StateName::Active {
            self.read_slots(at);
        }
    }

    pub(super) fn reschedule(&mut self, at: usize) {
        let instance = &mut self.instances[at];
        let after = instance.router.deadline();
        if after == instance.deadline {
            return;
        }
        self.deadlines.replace(Owner::Instance(at), instance.deadline, after);
        instance.deadline = after;
        let hears_by_xdp = instance.state() == StateName::Backup && self.ports[instance.port].is_xdp();
        let router = &instance.router;
        let suspicion = after.filter(|_| hears_by_xdp).and_then(|deadline| {
            suspicion(deadline, router.active_interval().duration(), router.active_down_interval(), self.now)
        });
        self.deadlines.replace(Owner::Suspicion(at), instance.suspicion, suspicion);
        instance.suspicion = suspicion;
    }

    /// Tells the kernel what to expect of an instance's group now; `false` when it does not take that, so that XDP must not
    /// be relied on.
    pub(super) fn sync_expected(&mut self, at: usize) -> bool {
        let instance = &self.instances[at];
        let port = &self.ports[instance.port];
        let (Some(program), Some(link)) = (self.program.as_mut(), port.link.as_ref()) else { return true };
        let key = group_key(link.index, instance);
        let Err(error) = program.set_instance(key, &instance.expected(link.mac)) else { return true };
        let text =
            format!("cannot tell the XDP program what to expect of VRID {}: {error}", instance.plan.vrid);
        let name = Arc::clone(&instance.name);
        self.teller.trouble(self.now, &name, text);
        false
    }

    /// Says what became of an address.
    pub(super) fn address_notice(&mut self, position: usize, notice: Notice) {
        let Some(address) = self.addressing.get(position) else { return };
        let (ip, prefix, device, at) =
            (address.plan.address, address.plan.prefix_length, address.device.clone(), address.instance);
        let Some(instance) = self.instances.get_mut(at) else { return };
        let name = Arc::clone(&instance.name);
        let (kind, text) = match notice {
            Notice::Foreign => (
                "foreign address",
                format!(
                    "{ip} is on this host already, and not by this agent: the host answers for it whatever the \
                     election says; remove it with `ip addr del {ip}/{prefix} dev {device}`, or configure priority 255 \
                     if this host owns it"
                ),
            ),
            Notice::Refused(error) => (
                "address refused",
                format!("cannot assign {ip}/{prefix} to {device}: {error}; tried again every second"),
            ),
            Notice::RemovedByOthers => {
                let text = format!(
                    "{ip}/{prefix} was removed from {device} by somebody else and is put back; look for a network manager \
                     that owns {device}"
                );
                instance.statistics.addresses_restored += 1;
                self.teller.trouble(self.now, &name, text);
                return;
            }
            Notice::ForeignGone => {
                if instance.troubles.remove("foreign address").is_some() {
                    self.teller.note(&name, format!("{ip} is no longer held by somebody else on this host"));
                }
                return;
            }
        };
        instance.troubles.insert(kind, text.clone());
        self.teller.trouble(self.now, &name, text);
    }
}

/// When to begin to doubt the silence of an Active whose down timer fires at `deadline`; `None` when it is too late to.
///
/// An interval before: an advert that should have come has not, so that a program that was lost is lost by then, and the
/// answer may take that long. Where the timer allows one advert only, or less, halfway between that advert and the timer.
fn suspicion(deadline: Instant, interval: Duration, down: Duration, now: Instant) -> Option<Instant> {
    let lead = interval.min(down.saturating_sub(interval) / 2).min(deadline.since(now) / 2);
    let lead = u64::try_from(lead.as_nanos()).unwrap_or(u64::MAX);
    let suspicion = Instant::from_nanoseconds(deadline.nanoseconds().saturating_sub(lead));
    (suspicion > now).then_some(suspicion)
}

fn feature(port: Option<&str>, row: Row) -> FeatureStatus {
    let Row { name, state, consequence } = row;
    let name = port.map_or_else(|| name.to_owned(), |port| format!("{port}: {name}"));
    FeatureStatus { name, state, consequence: consequence.to_owned() }
}

/// What names an instance's group in the kernel.
pub(super) fn group_key(ifindex: u32, instance: &Instance) -> GroupKey {
    GroupKey::new(ifindex, 0, instance.plan.family as u8, instance.plan.vrid.get())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLISECOND: u64 = 1_000_000;

    fn at(milliseconds: u64) -> Instant {
        Instant::from_nanoseconds(milliseconds * MILLISECOND)
    }

    #[test]
    fn a_silence_is_doubted_an_interval_before_the_down_timer_so_that_the_answer_may_take_one() {
        let (interval, down) = (Duration::from_secs(1), Duration::from_millis(3_600));
        assert_eq!(suspicion(at(3_600), interval, down, at(0)), Some(at(2_600)));
    }

    #[test]
    fn a_timer_that_allows_one_advert_is_doubted_halfway_after_that_advert() {
        let (interval, down) = (Duration::from_secs(1), Duration::from_millis(1_600));
        assert_eq!(suspicion(at(1_600), interval, down, at(0)), Some(at(1_300)));
    }

    #[test]
    fn a_timer_that_is_near_is_doubted_halfway_and_one_that_has_come_is_not_doubted_any_more() {
        let (interval, down) = (Duration::from_secs(1), Duration::from_millis(3_600));
        assert_eq!(suspicion(at(600), interval, down, at(0)), Some(at(300)));
        assert_eq!(suspicion(at(40), interval, down, at(40)), None);
        assert_eq!(suspicion(at(40), interval, down, at(90)), None);
    }
}
