//! A LAN in virtual time: routers, and a wire that loses, delays, duplicates and splits. Nothing here knows how an
//! election is won; it only carries, wakes and writes down.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
    time::Duration,
};

use regent_common::Priority;
use regent_vrrp::{Action, Actions, Advert, Event, Instant, Parameters, StateName};

use crate::{
    mutation::{Mutation, Planted},
    random::Random,
};

/// How bad the wire is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weather {
    /// Of each copy, in percent.
    pub loss: u64,
    /// Adverts that arrive twice, in percent.
    pub duplication: u64,
    /// Longest delay of each copy. Delays differ, so adverts overtake each other.
    pub delay: Duration,
    /// Longest time that a router's loop is late to fire a deadline.
    pub lateness: Duration,
}

/// One host.
pub struct Node {
    /// What it is configured with, whatever bug is planted.
    pub parameters: Parameters,
    /// Nothing: crashed or not yet started.
    router: Option<Planted>,
    /// Hosts of one segment hear each other.
    pub segment: u8,
    /// Its loop does not run until then.
    asleep_until: Option<Instant>,
    /// What arrived while it slept.
    inbox: VecDeque<Advert>,
    /// The wake-up that is queued.
    alarm: Option<Instant>,
    /// When it last entered Backup by a start.
    pub listening_since: Instant,
    /// The newest advert that reached it.
    pub heard: Option<Advert>,
    /// Adverts sent.
    pub sent: u64,
}

/// A change of state that was seen.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    pub node: usize,
    pub from: StateName,
    pub to: StateName,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Occurrence {
    Arrival { to: usize, segment: u8, advert: usize },
    Alarm { node: usize },
}

/// The LAN.
pub struct Lan {
    pub now: Instant,
    pub nodes: Vec<Node>,
    pub weather: Weather,
    random: Random,
    mutation: Mutation,
    queue: BinaryHeap<Reverse<(Instant, u64, Occurrence)>>,
    /// Breaks ties in the order of queueing.
    order: u64,
    /// Adverts on the wire, by number; arrivals name them.
    wire: Vec<Advert>,
    /// Changes of state since they were last taken.
    seen: Vec<Seen>,
    /// What happened, in words, when somebody wants to read it.
    pub trace: Option<Vec<String>>,
    /// A number that any difference between two runs changes.
    pub digest: u64,
}

impl Lan {
    pub fn new(nodes: Vec<Parameters>, weather: Weather, seed: u64, mutation: Mutation) -> Self {
        let now = Instant::from_nanoseconds(1_000_000_000);
        let nodes = nodes
            .into_iter()
            .map(|parameters| Node {
                parameters,
                router: None,
                segment: 0,
                asleep_until: None,
                inbox: VecDeque::new(),
                alarm: None,
                listening_since: now,
                heard: None,
                sent: 0,
            })
            .collect();
        Self {
            now,
            nodes,
            weather,
            random: Random::new(seed ^ 0x5eed),
            mutation,
            queue: BinaryHeap::new(),
            order: 0,
            wire: Vec::new(),
            seen: Vec::new(),
            trace: None,
            digest: 0,
        }
    }

    /// Runs to the next occurrence, or to `end` if there is none before it. Returns whether `end` is reached; then
    /// nothing was handled.
    pub fn step(&mut self, end: Instant) -> bool {
        match self.queue.peek() {
            Some(Reverse((time, ..))) if *time <= end => {}
            Some(_) | None => {
                self.now = end;
                return true;
            }
        }
        if let Some(Reverse((time, _, occurrence))) = self.queue.pop() {
            self.now = time;
            match occurrence {
                Occurrence::Arrival { to, segment, advert } => self.arrive(to, segment, advert),
                Occurrence::Alarm { node } => self.ring(node),
            }
        }
        false
    }

    /// Changes of state since the last call.
    pub fn take_seen(&mut self) -> Vec<Seen> {
        std::mem::take(&mut self.seen)
    }

    pub fn state(&self, node: usize) -> StateName {
        self.nodes[node].router.as_ref().map_or(StateName::Initialize, |planted| planted.router().state())
    }

    pub fn effective_priority(&self, node: usize) -> u8 {
        let node = &self.nodes[node];
        node.router
            .as_ref()
            .map_or(node.parameters.priority.get(), |planted| planted.router().effective_priority().get())
    }

    pub fn is_running(&self, node: usize) -> bool {
        self.nodes[node].router.is_some()
    }

    /// A new process on `node`, or none where there was one: a crash says nothing to anybody.
    pub fn start(&mut self, node: usize) {
        let planted = Planted::new(self.nodes[node].parameters, self.mutation);
        self.crash(node);
        self.nodes[node].router = Some(planted);
        self.give(node, Event::Startup);
    }

    pub fn crash(&mut self, node: usize) {
        let crashed = &mut self.nodes[node];
        crashed.router = None;
        crashed.asleep_until = None;
        crashed.alarm = None;
        crashed.inbox.clear();
        crashed.heard = None;
    }

    /// The loop of `node` stands still for that long. Adverts reach the host all the same.
    pub fn stall(&mut self, node: usize, duration: Duration) {
        if self.is_running(node) {
            let end = self.now + duration;
            self.nodes[node].asleep_until = Some(end);
            self.set_alarm(node, end);
        }
    }

    /// Hands an event to `node`, unless it sleeps or does not run.
    pub fn give(&mut self, node: usize, event: Event) {
        if self.nodes[node].asleep_until.is_none() {
            self.handle(node, event);
        }
    }

    fn arrive(&mut self, to: usize, segment: u8, advert: usize) {
        let now = self.now;
        let node = &mut self.nodes[to];
        if node.segment != segment || node.router.is_none() {
            return;
        }
        let advert = Advert { arrived: now, ..self.wire[advert] };
        node.heard = Some(advert);
        if node.asleep_until.is_some() {
            node.inbox.push_back(advert);
        } else {
            self.handle(to, Event::Advert(advert));
        }
    }

    /// The loop of a node wakes: adverts first, deadlines after.
    fn ring(&mut self, node: usize) {
        if self.nodes[node].alarm != Some(self.now) {
            return;
        }
        self.nodes[node].alarm = None;
        if self.nodes[node].asleep_until.is_some_and(|end| end > self.now) {
            return;
        }
        self.nodes[node].asleep_until = None;
        while let Some(advert) = self.nodes[node].inbox.pop_front() {
            self.handle(node, Event::Advert(advert));
        }
        self.handle(node, Event::Deadline);
    }

    fn handle(&mut self, node: usize, event: Event) {
        let now = self.now;
        let Some(planted) = &mut self.nodes[node].router else { return };
        let from = planted.router().state();
        let actions = planted.handle(now, event);
        let to = planted.router().state();
        let deadline = planted.router().deadline();
        if from != to {
            self.seen.push(Seen { node, from, to });
            if to == StateName::Backup && from != StateName::Active {
                self.nodes[node].listening_since = now;
                self.nodes[node].heard = None;
            }
        }
        self.write_down(node, &event, &actions);
        self.carry_out(node, &actions);
        if let Some(deadline) = deadline {
            let lateness = self.some_of(self.weather.lateness);
            let alarm = deadline.max(now) + lateness;
            let asleep = self.nodes[node].asleep_until.is_some();
            // An alarm that is set for this deadline already keeps its lateness.
            let set = self.nodes[node].alarm.is_some_and(|set| set >= deadline && set <= alarm);
            if !asleep && !set {
                self.set_alarm(node, alarm);
            }
        }
    }

    fn carry_out(&mut self, node: usize, actions: &Actions) {
        for action in actions {
            match action {
                Action::SendAdvert(priority) => self.send(node, *priority),
                Action::Transition(_)
                | Action::AddAddresses
                | Action::RemoveAddresses
                | Action::Announce { .. }
                | Action::CancelAnnouncements
                | Action::ActiveSource(_) => {}
            }
        }
    }

    fn send(&mut self, node: usize, priority: Priority) {
        let sender = &mut self.nodes[node];
        sender.sent += 1;
        let (source, interval, segment) =
            (sender.parameters.source, sender.parameters.interval, sender.segment);
        let advert = self.wire.len();
        self.wire.push(Advert { arrived: self.now, source, priority, interval });
        for to in (0..self.nodes.len()).filter(|to| *to != node) {
            let copies = 1 + u64::from(self.random.percent(self.weather.duplication));
            for _ in 0..copies {
                if !self.random.percent(self.weather.loss) {
                    let time = self.now + self.some_of(self.weather.delay);
                    self.push(time, Occurrence::Arrival { to, segment, advert });
                }
            }
        }
    }

    fn set_alarm(&mut self, node: usize, time: Instant) {
        self.nodes[node].alarm = Some(time);
        self.push(time, Occurrence::Alarm { node });
    }

    fn push(&mut self, time: Instant, occurrence: Occurrence) {
        self.order += 1;
        self.queue.push(Reverse((time, self.order, occurrence)));
    }

    fn some_of(&mut self, most: Duration) -> Duration {
        let most = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX - 1);
        Duration::from_nanos(self.random.within(0, most))
    }

    fn write_down(&mut self, node: usize, event: &Event, actions: &Actions) {
        let mut digest = self.digest ^ self.now.nanoseconds() ^ (node as u64) << 56;
        digest = digest.wrapping_mul(0x0000_0100_0000_01b3).rotate_left(7) ^ actions.len() as u64;
        self.digest = digest;
        if let Some(trace) = &mut self.trace {
            let now = self.now.nanoseconds();
            let (seconds, rest) = (now / 1_000_000_000, now % 1_000_000_000);
            trace.push(format!("{seconds}.{rest:09} #{node} {event:?} -> {actions:?}"));
        }
    }

    /// A remark in the trace.
    pub fn remark(&mut self, remark: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.push(remark());
        }
    }
}
