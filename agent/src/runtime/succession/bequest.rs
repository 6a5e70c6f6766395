//! The old agent's side, on the VRRP thread: to stop where it stands, to say all it knows, and to go on or to be silent.

use std::{
    os::fd::{AsFd, BorrowedFd},
    time::Duration,
};

use regent_common::map::mode;
use regent_vrrp::{Event, Instant};
use tokio::sync::oneshot;

use super::{
    GRACE, STANDSTILL,
    channel::{Channel, ChannelError, enclosure},
    letter::{Address, Group, Instance, Letter, Link, Port, Tracker, Will},
    memory::{Gate, Machine, Parameters},
    tally,
};
use crate::{
    crash::{self, Point},
    net::{clock, xdp::Hook},
    runtime::{addressing::Presence, engine::Engine},
};

/// How long the loop waits for a moment at which nothing is under way and no advert is about to leave.
const CALM_WITHIN: Duration = Duration::from_secs(3);
/// How far off the next deadline must be. At intervals too short for that any moment is as good as another.
const CALM: Duration = Duration::from_millis(5);
/// After this long a moment counts as calm whatever the next deadline is.
const CALM_ENOUGH: Duration = Duration::from_millis(250);

/// The order to hand everything over.
#[derive(Debug)]
pub struct HandOver {
    /// The way to the successor, which is ready.
    pub channel: Channel,
    /// Which groups it will speak for.
    pub groups: Vec<Group>,
    /// When this was ordered.
    pub ordered: Instant,
    /// Where to say what became of it.
    pub answer: oneshot::Sender<Result<Handed, String>>,
}

/// Handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handed {
    /// For how long nothing was done.
    pub standstill: Duration,
}

/// What became of an order.
pub enum Outcome {
    /// It is not the moment.
    NotYet(HandOver),
    /// Not possible; said to whoever ordered it.
    Refused,
    /// It is the successor's now. The groups that are not among these are still ours.
    Done(Vec<Group>),
}

impl Engine {
    /// Hands everything over, if this is the moment.
    pub fn hand_over(&mut self, order: HandOver) -> Outcome {
        let waited = clock::now().since(order.ordered);
        if !self.addressing.is_settled() || self.is_reloading() {
            if waited < CALM_WITHIN {
                return Outcome::NotYet(order);
            }
            drop(order.answer.send(Err("addresses are being assigned or removed; try again".into())));
            return Outcome::Refused;
        }
        let calm = self.deadlines.next().is_none_or(|next| next.since(clock::now()) >= CALM);
        if !calm && waited < CALM_ENOUGH {
            return Outcome::NotYet(order);
        }
        let HandOver { channel, groups, ordered: _, answer } = order;
        let stopped = clock::now();
        match self.exchange(&channel) {
            Ok(()) => {
                let standstill = clock::now().since(stopped);
                drop(answer.send(Ok(Handed { standstill })));
                Outcome::Done(groups)
            }
            Err(error) => {
                let sentence = format!("it was ready and did not take over: {error}");
                // It is gone, or hears it and ends.
                drop(channel.send(&Letter::Abandoned { sentence: sentence.clone() }, &[]));
                drop(answer.send(Err(sentence)));
                Outcome::Refused
            }
        }
    }

    fn exchange(&mut self, channel: &Channel) -> Result<(), ChannelError> {
        let links = self.program.as_ref().map(|program| program.links()).unwrap_or_default();
        let will = serde_json::to_vec(&self.will(&links))?;
        let file = enclosure(&will)?;
        let descriptors: Vec<_> =
            std::iter::once(file.as_fd()).chain(links.iter().map(|(_, _, link)| *link)).collect();
        channel.send(&Letter::Will, &descriptors)?;
        crash::point(Point::PredecessorTold);
        loop {
            match channel.receive(STANDSTILL)? {
                (Letter::Accepted, _) => break,
                (Letter::Failed { sentence }, _) => {
                    return Err(std::io::Error::other(sentence).into());
                }
                (
                    Letter::Belongings { .. }
                    | Letter::Claims { .. }
                    | Letter::Ready { .. }
                    | Letter::Will
                    | Letter::Farewell
                    | Letter::Abandoned { .. }
                    | Letter::Unknown,
                    _,
                ) => {}
            }
        }
        crash::point(Point::PredecessorHeard);
        self.prolong_gates();
        channel.send(&Letter::Farewell, &[])
    }

    /// The program goes on to answer while its successor takes its place, which may have to wait for the kernel.
    fn prolong_gates(&self) {
        let Some(gates) = self.program.as_ref().map(|program| program.gates()) else { return };
        let until = clock::now() + GRACE;
        for instance in &self.instances {
            if gates.read(instance.row).is_some_and(|gate| gate.mode == mode::ANSWER) {
                gates.attempt(instance.row, until.nanoseconds());
            }
        }
    }

    fn will(&self, links: &[(Hook, u32, BorrowedFd<'_>)]) -> Will {
        let ports = self.ports.iter().map(|port| Port {
            name: port.name.to_string(),
            reason: port.reason.clone(),
            losses: port.losses,
            way: port.answering.way().number(),
            virtual_macs: port.virtual_macs.iter().copied().collect(),
            promiscuous: port.promiscuous,
        });
        let links =
            links.iter().map(|(hook, ifindex, _)| Link { hook: hook.word().to_owned(), ifindex: *ifindex });
        Will {
            frozen: self.now.nanoseconds(),
            start_at: self.start_at.map(Instant::nanoseconds),
            ports: ports.collect(),
            links: links.collect(),
            instances: self.order.iter().map(|at| self.bequest(*at)).collect(),
        }
    }

    fn bequest(&self, at: usize) -> Instance {
        let instance = &self.instances[at];
        let program = self.program.as_ref();
        let ours = self.addressing.of(at).filter(|address| address.presence == Presence::Ours);
        let known = instance.trackers.iter().filter_map(|tracker| {
            Some(Tracker {
                kind: tracker.kind.word().to_owned(),
                name: tracker.name.to_string(),
                good: tracker.good?,
                detail: tracker.detail.clone(),
            })
        });
        let gate = program.and_then(|program| program.gates().read(instance.row));
        let slots = program.and_then(|program| program.view().slots(instance.row));
        Instance {
            group: instance.group(),
            started: instance.started,
            machine: instance.router.snapshot().as_ref().map(Machine::of),
            parameters: Parameters::of(instance.router.parameters()),
            addresses: ours
                .map(|address| Address {
                    device: address.device.clone(),
                    address: address.plan.address,
                    prefix_length: address.plan.prefix_length,
                })
                .collect(),
            announcing: self.announcing.left_of(at),
            why: instance.why.to_string(),
            since: instance.since.nanoseconds(),
            since_unix_ms: instance.since_unix_ms,
            probe_at: instance.probe_at.map(Instant::nanoseconds),
            gate: gate.map(|gate| Gate {
                attempted: gate.attempted,
                patience: gate.patience,
                mode: gate.mode,
                flags: gate.flags,
            }),
            statistics: tally::statistics(&instance.statistics),
            counters: tally::counters(&self.counted(at)),
            sources: tally::sources(instance.hearing.sources(), slots.as_ref()),
            trackers: known.collect(),
        }
    }

    /// Gives up what the successor does not speak for.
    pub fn give_up_all_but(&mut self, groups: &[Group]) {
        for at in 0..self.instances.len() {
            if self.instances[at].is_present() && !groups.contains(&self.instances[at].group()) {
                self.instances[at].started = false;
                self.handle(at, Event::Shutdown);
                self.unfilter_virtual_mac(at);
            }
        }
    }
}
