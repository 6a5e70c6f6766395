//! A LAN in virtual time: hosts, and a wire that loses, delays, duplicates and cuts. Nothing here knows how an election
//! is won; it only carries, wakes and writes down.

use std::{
    cmp::{Ordering, Reverse},
    collections::BinaryHeap,
    rc::Rc,
    time::Duration,
};

use regent_common::{Priority, Reason};
use regent_vrrp::{Action, Actions, Advert, Cause, Event, Instant, Parameters, StateName};

use crate::{
    clock::Clock,
    host::{Freeze, Frozen, Host, Record},
    mutation::{Mutation, Planted},
    random::Random,
    wire,
};

const SECOND: u64 = 1_000_000_000;

/// How bad the wire is, and the hosts on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weather {
    /// Of each copy, in percent.
    pub loss: u64,
    /// Adverts that arrive twice, in percent.
    pub duplication: u64,
    /// Adverts that are followed by a copy that no router may heed, in percent.
    pub noise: u64,
    /// Longest delay of each copy. Delays differ, so adverts overtake each other.
    pub delay: Duration,
    /// Longest time that a router's loop is late to fire a deadline.
    pub lateness: Duration,
}

impl Weather {
    /// Nothing is lost, doubled, spoilt or late.
    pub const FAIR: Self =
        Self { loss: 0, duplication: 0, noise: 0, delay: Duration::ZERO, lateness: Duration::ZERO };
}

/// Something that an invariant may have an opinion on, with what was known of the host before it.
#[derive(Clone, Debug)]
pub struct Sight {
    /// Which host.
    pub host: usize,
    /// When, by the LAN's time.
    pub at: Instant,
    /// When, by the host's clock.
    pub local: Instant,
    /// What was seen.
    pub what: What,
    /// What was known before.
    pub before: Record,
}

/// What was seen of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// It changed its state.
    Entered {
        /// Left.
        from: StateName,
        /// Entered.
        to: StateName,
        /// Why.
        cause: Cause,
    },
    /// It advertised, being in that state before.
    Spoke {
        /// Before.
        from: StateName,
        /// What it claimed.
        priority: Priority,
    },
    /// It rejected a packet.
    Rejected {
        /// The check that failed.
        reason: Reason,
        /// Whether its state or its timers are others than before.
        moved: bool,
    },
}

#[derive(Clone, Debug)]
enum Occurrence {
    Arrival { to: usize, from: usize, segment: u8, packet: Rc<[u8]> },
    Alarm { host: usize },
}

/// An occurrence and its place: by time, then in the order of queueing.
struct Queued {
    time: Instant,
    order: u64,
    occurrence: Occurrence,
}

impl PartialEq for Queued {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Queued {}

impl PartialOrd for Queued {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Queued {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.time, self.order).cmp(&(other.time, other.order))
    }
}

/// The LAN.
pub struct Lan {
    /// Its time.
    pub now: Instant,
    /// Its hosts; each is known by its index.
    pub hosts: Vec<Host>,
    /// How bad it is now.
    pub weather: Weather,
    /// What happened, in words, when somebody wants to read it.
    pub trace: Option<Vec<String>>,
    /// A number that any difference between two runs changes.
    pub digest: u64,
    random: Random,
    mutation: Mutation,
    queue: BinaryHeap<Reverse<Queued>>,
    order: u64,
    sights: Vec<Sight>,
}

impl Lan {
    /// A LAN on which nothing runs yet. Each host's clock gains as many millionths as stand beside its parameters.
    pub fn new(hosts: &[(Parameters, i64)], weather: Weather, seed: u64, mutation: Mutation) -> Self {
        let now = Instant::from_nanoseconds(SECOND);
        let host = |(number, (parameters, drift)): (usize, &(Parameters, i64))| {
            let reads = Instant::from_nanoseconds(SECOND * (1 + 1000 * number as u64));
            Host::new(*parameters, Clock::new(now, reads, *drift))
        };
        Self {
            now,
            hosts: hosts.iter().enumerate().map(host).collect(),
            weather,
            trace: None,
            digest: 0,
            random: Random::new(seed ^ 0x5eed),
            mutation,
            queue: BinaryHeap::new(),
            order: 0,
            sights: Vec::new(),
        }
    }

    /// Runs to the next occurrence, or to `end` if there is none before it. Returns whether `end` is reached; then
    /// nothing was handled.
    pub fn step(&mut self, end: Instant) -> bool {
        if self.queue.peek().is_none_or(|Reverse(next)| next.time > end) {
            self.now = end;
            return true;
        }
        if let Some(Reverse(next)) = self.queue.pop() {
            self.now = next.time;
            match next.occurrence {
                Occurrence::Arrival { to, from, segment, packet } => self.arrive(to, from, segment, &packet),
                Occurrence::Alarm { host } => self.ring(host),
            }
        }
        false
    }

    /// What was seen since the last call.
    pub fn take_sights(&mut self) -> Vec<Sight> {
        std::mem::take(&mut self.sights)
    }

    /// A new process on `host`, or none where there was one: a crash says nothing to anybody.
    pub fn start(&mut self, host: usize) {
        self.crash(host);
        let starting = &mut self.hosts[host];
        starting.router = Some(Planted::new(starting.parameters, self.mutation));
        starting.record.awake_since = starting.clock.reads(self.now);
        starting.record.slept = Duration::ZERO;
        self.give(host, Event::Startup);
    }

    /// The process on `host` is gone.
    pub fn crash(&mut self, host: usize) {
        self.thaw(host);
        let crashed = &mut self.hosts[host];
        crashed.router = None;
        crashed.alarm = None;
        crashed.inbox.clear();
        crashed.orders.clear();
        crashed.record.heard = None;
        crashed.record.spoke = None;
    }

    /// `host` stands still for that long, or longer if it already does.
    pub fn freeze(&mut self, host: usize, how: Freeze, duration: Duration) {
        let until = self.now + duration;
        let frozen = &mut self.hosts[host];
        if frozen.router.is_none() || frozen.frozen.is_some_and(|frozen| frozen.until > until) {
            return;
        }
        let (how, since) = frozen.frozen.map_or((how, self.now), |frozen| (frozen.how, frozen.since));
        frozen.frozen = Some(Frozen { how, since, until });
        self.set_alarm(host, until);
    }

    /// Tells `host` something, which it hears once it is awake; nothing if it does not run.
    pub fn give(&mut self, host: usize, event: Event) {
        if self.hosts[host].is_frozen() {
            self.hosts[host].orders.push_back(event);
        } else {
            self.handle(host, event);
        }
    }

    /// Configures `host` anew, running or not.
    pub fn reload(&mut self, host: usize, parameters: Parameters) {
        self.hosts[host].parameters = parameters;
        self.give(host, Event::Reload(parameters));
    }

    fn arrive(&mut self, to: usize, from: usize, segment: u8, packet: &[u8]) {
        let receiver = &mut self.hosts[to];
        let lost = match receiver.frozen.map(|frozen| frozen.how) {
            Some(Freeze::Machine | Freeze::MachineAndClock) => true,
            Some(Freeze::Process) | None => false,
        };
        if lost || receiver.segment != segment || receiver.deaf_to & (1 << from) != 0 {
            return;
        }
        let Some(router) = receiver.router() else { return };
        let arrived = receiver.clock.reads(self.now);
        let heard = match wire::judge(packet, router) {
            Ok(heard) => heard,
            Err(reason) => {
                self.reject(to, arrived, reason);
                return;
            }
        };
        let Some(interval) = heard.interval() else { return };
        let advert = Advert { arrived, source: heard.source, priority: heard.priority(), interval };
        if receiver.is_frozen() {
            receiver.inbox.push_back(advert);
        } else {
            self.handle(to, Event::Advert(advert));
        }
    }

    fn reject(&mut self, host: usize, local: Instant, reason: Reason) {
        let rejecting = &mut self.hosts[host];
        let Some(planted) = &mut rejecting.router else { return };
        let seen = |planted: &Planted| (planted.router().state(), planted.router().deadline());
        let before = seen(planted);
        planted.reject(local);
        let moved = seen(planted) != before;
        self.sight(host, local, What::Rejected { reason, moved });
        self.hosts[host].record.rejected += 1;
    }

    /// The loop of a host wakes: adverts first, then what it was told, deadlines last.
    fn ring(&mut self, host: usize) {
        let ringing = &mut self.hosts[host];
        if ringing.alarm != Some(self.now) {
            return;
        }
        ringing.alarm = None;
        if ringing.frozen.is_some_and(|frozen| frozen.until > self.now) {
            return;
        }
        self.thaw(host);
        while let Some(advert) = self.hosts[host].inbox.pop_front() {
            self.handle(host, Event::Advert(advert));
        }
        while let Some(event) = self.hosts[host].orders.pop_front() {
            self.handle(host, event);
        }
        self.handle(host, Event::Deadline);
    }

    fn thaw(&mut self, host: usize) {
        let host = &mut self.hosts[host];
        let Some(frozen) = host.frozen.take() else { return };
        let since = host.clock.reads(frozen.since);
        match frozen.how {
            Freeze::MachineAndClock => host.clock.stood_still(frozen.since, self.now),
            Freeze::Process | Freeze::Machine => {}
        }
        let now = host.clock.reads(self.now);
        let record = &mut host.record;
        record.awoke_before = record.awake_since;
        record.awake_since = now;
        record.slept = now.since(since);
        record.occasions += 1;
    }

    fn handle(&mut self, host: usize, event: Event) {
        let handling = &mut self.hosts[host];
        let local = handling.clock.reads(self.now);
        let Some(planted) = &mut handling.router else { return };
        let from = planted.router().state();
        let actions = planted.handle(local, event);
        let deadline = planted.router().deadline();
        match event {
            Event::Advert(advert) => handling.record.heard = Some(advert),
            Event::Reload(_) | Event::Source(_) => {
                handling.record.reloaded_since = true;
                handling.record.occasions += 1;
            }
            Event::Startup
            | Event::Shutdown
            | Event::Fault(_)
            | Event::FaultCleared
            | Event::Priority(_)
            | Event::Deaf
            | Event::AddressesChanged
            | Event::AdvertChanged => handling.record.occasions += 1,
            Event::Deadline => {}
        }
        self.write_down(host, &event, &actions);
        self.carry_out(host, local, from, &actions);
        let Some(deadline) = deadline else { return };
        let due = self.hosts[host].clock.when(deadline).max(self.now);
        let alarm = due + self.some_of(self.weather.lateness);
        // An alarm that is set for this deadline already keeps its lateness.
        let set = self.hosts[host].alarm.is_some_and(|set| set >= due && set <= alarm);
        if !self.hosts[host].is_frozen() && !set {
            self.set_alarm(host, alarm);
        }
    }

    fn carry_out(&mut self, host: usize, local: Instant, from: StateName, actions: &Actions) {
        for action in actions {
            match action {
                Action::SendAdvert(priority) => {
                    self.sight(host, local, What::Spoke { from, priority: *priority });
                    self.send(host, local, *priority);
                }
                Action::Transition(transition) => {
                    let (from, to, cause) = (transition.from, transition.to, transition.cause);
                    self.sight(host, local, What::Entered { from, to, cause });
                    let record = &mut self.hosts[host].record;
                    record.occasions += 1;
                    if to == StateName::Backup && from != StateName::Active {
                        record.listening_since = local;
                        record.heard = None;
                    }
                }
                Action::Announce { .. } => self.hosts[host].record.announced += 1,
                Action::AddAddresses
                | Action::RemoveAddresses
                | Action::CancelAnnouncements
                | Action::ActiveSource(_) => {}
            }
        }
    }

    fn send(&mut self, host: usize, local: Instant, priority: Priority) {
        let sender = &mut self.hosts[host];
        let Some(parameters) = sender.router().map(|router| *router.parameters()) else { return };
        sender.record.sent += 1;
        sender.record.spoke = Some((local, parameters.interval));
        sender.record.reloaded_since = false;
        let segment = sender.segment;
        let Some(packet) = wire::write(&parameters, priority) else { return };
        let packet: Rc<[u8]> = packet.into();
        for to in (0..self.hosts.len()).filter(|to| *to != host) {
            let copies = 1 + u64::from(self.random.percent(self.weather.duplication));
            for _ in 0..copies {
                if !self.random.percent(self.weather.loss) {
                    self.dispatch(to, host, segment, &packet);
                }
            }
            if self.random.percent(self.weather.noise) {
                let mut spoilt = packet.to_vec();
                wire::spoil(&mut spoilt, &mut self.random);
                self.dispatch(to, host, segment, &spoilt.into());
            }
        }
    }

    fn dispatch(&mut self, to: usize, from: usize, segment: u8, packet: &Rc<[u8]>) {
        let time = self.now + self.some_of(self.weather.delay);
        self.push(time, Occurrence::Arrival { to, from, segment, packet: Rc::clone(packet) });
    }

    fn sight(&mut self, host: usize, local: Instant, what: What) {
        let before = self.hosts[host].record.clone();
        self.sights.push(Sight { host, at: self.now, local, what, before });
    }

    fn set_alarm(&mut self, host: usize, time: Instant) {
        self.hosts[host].alarm = Some(time);
        self.push(time, Occurrence::Alarm { host });
    }

    fn push(&mut self, time: Instant, occurrence: Occurrence) {
        self.order += 1;
        self.queue.push(Reverse(Queued { time, order: self.order, occurrence }));
    }

    fn some_of(&mut self, most: Duration) -> Duration {
        let most = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX - 1);
        Duration::from_nanos(self.random.within(0, most))
    }

    fn write_down(&mut self, host: usize, event: &Event, actions: &Actions) {
        let mut digest = self.digest ^ self.now.nanoseconds() ^ (host as u64) << 56;
        digest = digest.wrapping_mul(0x0000_0100_0000_01b3).rotate_left(7) ^ actions.len() as u64;
        self.digest = digest;
        let now = self.now.nanoseconds();
        self.remark(|| format!("{}.{:09} #{host} {event:?} -> {actions:?}", now / SECOND, now % SECOND));
    }

    /// A remark in the trace.
    pub fn remark(&mut self, remark: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.push(remark());
        }
    }
}
