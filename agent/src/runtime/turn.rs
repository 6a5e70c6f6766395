//! The event loop: one turn, its duties in order.
//!
//! 1. Sample the time, once.
//! 2. Drain ring and sockets, bounded.
//! 3. Answers of the threads that wait for the kernel in this one's place: about addresses, about carriers. Then reports
//!    of netlink.
//! 4. Verdicts of trackers.
//! 5. What the rest of the agent asks and orders; and of a new config as much as there is time for.
//! 6. Only then fire deadlines that have come, as many as there is time for, the most urgent first, each after its
//!    instance's slots were read: an advert that arrived in time never loses to our own late wake-up. An interval before
//!    a Backup's down timer it is asked whether the carrier still carries; the timer itself waits for no answer.
//! 7. Carry out what is left of long lists: address requests, announcements. Both are handed on; neither is waited for.

use std::{io, time::Duration};

use regent_common::Family;
use regent_vrrp::{Event, Instant, StateName};
use tokio::sync::oneshot;

use super::{
    assigner::Answer,
    checker::Finding,
    doorbells::Doorbells,
    engine::{Engine, Owner},
    gathered::Gathered,
    inbox::{Inbox, Order},
    succession::{Group, HandOver, Inheritance, Outcome},
    wire::PACKET_MAX,
};
use crate::{
    net::{clock, deadline::DeadlineTimer, monitor::NetlinkEvent},
    track::Verdict,
};

/// Ring records taken in one turn.
const RECORDS_PER_TURN: usize = 512;
/// Packets taken from each socket in one turn.
const PACKETS_PER_TURN: usize = 64;
/// The same when a deadline is so late that the thread must have been stopped: more than a socket holds.
const PACKETS_AFTER_A_SLEEP: usize = 2048;
/// A deadline that is later than this was not missed by a busy machine.
const SLEEP: Duration = Duration::from_millis(20);
/// Batches of answers about addresses taken in one turn.
const ANSWERS_PER_TURN: usize = 4;
/// Reports, verdicts and answers about carriers taken in one turn, of each kind.
const MESSAGES_PER_TURN: usize = 128;
/// How long deadlines are fired in one turn. When a thousand groups lose their Active at once, each takeover is work, and
/// what the other groups hear and send meanwhile does not wait for all of it.
const FIRING: Duration = Duration::from_millis(1);
/// Housekeeping.
const TICK: Duration = Duration::from_secs(1);
/// How long giving up may take until the thread ends regardless.
const FAREWELL: Duration = Duration::from_secs(2);

/// What ended a wait.
enum Woken {
    Doorbell,
    Answers(Vec<Answer>),
    Found(Finding),
    Netlink(NetlinkEvent),
    Verdict(Verdict),
    Gather(oneshot::Sender<Gathered>),
    Order(Order),
}

/// How the end went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Farewell {
    /// The kernel has answered about every address.
    Settled,
    /// It was too busy to: addresses may be left on the host.
    Unsettled,
    /// Another agent goes on: nothing was given up.
    HandedOver,
}

/// Runs until told to stop, and gives everything up before it returns; or until another agent goes on. What an agent
/// before this one left, if there was one, is gone on with.
///
/// # Errors
/// When the timer or the doorbells fail, which leaves nothing to wait on.
pub async fn run(
    engine: &mut Engine,
    inbox: &mut Inbox,
    inheritance: Option<Inheritance>,
) -> io::Result<Farewell> {
    let mut timer = DeadlineTimer::new()?;
    let mut doorbells = Doorbells::new()?;
    engine.now = clock::now();
    match inheritance {
        None => engine.start_or_wait(),
        Some(inheritance) => engine.go_on(inheritance),
    }
    engine.set_tick();
    let (mut stopping, mut handing_over) = (None, None);
    loop {
        doorbells.watch(engine)?;
        timer.set(engine.deadlines.next())?;
        let woken = if engine.has_work_left() {
            tokio::task::yield_now().await;
            Woken::Doorbell
        } else {
            tokio::select! {
                biased;
                fired = timer.expired() => { fired?; Woken::Doorbell }
                rang = doorbells.rung() => { rang?; Woken::Doorbell }
                Some(answers) = inbox.answers.recv() => Woken::Answers(answers),
                Some(finding) = inbox.findings.recv() => Woken::Found(finding),
                Some(event) = inbox.netlink.recv() => Woken::Netlink(event),
                Some(verdict) = inbox.verdicts.recv() => Woken::Verdict(verdict),
                Some(answer) = inbox.gathers.recv() => Woken::Gather(answer),
                Some(order) = inbox.orders.recv() => Woken::Order(order),
            }
        };
        engine.now = clock::now();
        engine.turn.turns += 1;
        engine.drain_ring();
        engine.drain_sockets();
        let mut first = Some(woken);
        engine.take_all_answers(inbox, &mut first);
        engine.take_findings(inbox, &mut first);
        engine.take_reports(inbox, &mut first);
        engine.take_verdicts(inbox, &mut first);
        engine.take_gathers(inbox, &mut first);
        match engine.take_orders(inbox, &mut first) {
            Some(Order::Stop) if stopping.is_none() => {
                engine.stop();
                stopping = Some(engine.now + FAREWELL);
                // The farewell ends by itself even if the kernel never answers.
                engine.set_tick();
                refuse(handing_over.take());
            }
            Some(Order::HandOver(order)) if stopping.is_some() => refuse(Some(order)),
            Some(Order::HandOver(order)) => refuse(handing_over.replace(order)),
            // Whoever waits for an answer to it hears that there is none.
            Some(Order::Change(change)) if stopping.is_some() => drop(change),
            Some(Order::Change(change)) => engine.begin_change(change),
            Some(Order::Stop) | None => {}
        }
        if let Some(until) = stopping {
            engine.request_addresses();
            if engine.addressing.is_settled() {
                return Ok(Farewell::Settled);
            }
            if engine.now >= until {
                return Ok(Farewell::Unsettled);
            }
            engine.hurry_tick();
        }
        engine.change_some();
        engine.fire_deadlines();
        engine.request_addresses();
        engine.announce();
        engine.tidy();
        if let Some(order) = handing_over.take() {
            match engine.hand_over(order) {
                Outcome::NotYet(order) => {
                    handing_over = Some(order);
                    engine.hurry_tick();
                }
                Outcome::Refused => {}
                Outcome::Done(groups) => return Ok(leave(engine, inbox, &groups).await),
            }
        }
    }
}

/// Another agent speaks for these groups now. Gives up the others, says nothing more of these, and answers for the state
/// of the agent as it was, until nobody can ask any more.
async fn leave(engine: &mut Engine, inbox: &mut Inbox, groups: &[Group]) -> Farewell {
    engine.give_up_all_but(groups);
    let until = engine.now + FAREWELL;
    loop {
        engine.request_addresses();
        let settled = engine.addressing.is_settled() || clock::now() >= until;
        tokio::select! {
            biased;
            Some(answers) = inbox.answers.recv() => engine.take_answers(answers),
            Some(answer) = inbox.gathers.recv() => drop(answer.send(engine.gather())),
            order = inbox.orders.recv(), if settled => {
                match order {
                    Some(Order::HandOver(order)) => refuse(Some(order)),
                    Some(Order::Change(change)) => drop(change),
                    Some(Order::Stop) | None => return Farewell::HandedOver,
                }
            }
            () = tokio::time::sleep(FAREWELL / 20), if !settled => {}
        }
    }
}

/// Says of an order that it is not carried out.
fn refuse(order: Option<HandOver>) {
    if let Some(order) = order {
        drop(order.answer.send(Err("the agent is ending, or hands over already".into())));
    }
}

impl Engine {
    fn has_work_left(&self) -> bool {
        self.more
            || self.has_changes_left()
            || self.addressing.has_requests()
            || (self.announcing.has_work() && self.unsent.is_empty())
    }

    pub(super) fn drain_ring(&mut self) {
        self.more = false;
        let Some(program) = self.program.as_mut() else { return };
        let mut records = Vec::new();
        self.more = program.drain(RECORDS_PER_TURN, |record| records.push(record)) == RECORDS_PER_TURN;
        for record in &records {
            self.rang(record);
        }
    }

    fn drain_sockets(&mut self) {
        let mut buffer = [0; 2 * PACKET_MAX];
        // After a long sleep (the host was stopped) the queue tells who spoke meanwhile: all of it is read before any
        // deadline fires.
        let most = if self.overslept() { PACKETS_AFTER_A_SLEEP } else { PACKETS_PER_TURN };
        for (at, family) in (0..self.ports.len()).flat_map(|at| Family::ALL.map(|family| (at, family))) {
            for taken in 1..=most {
                self.more |= taken == most;
                let port = &self.ports[at];
                let received = match (&port.way(family).socket, port.audible_listener(family)) {
                    (Some(socket), _) => socket.receive(&mut buffer),
                    (None, Some(listen)) => listen.receive(&mut buffer),
                    (None, None) => break,
                };
                match received {
                    Ok(Some((length, age))) => {
                        let age = u64::try_from(age.as_nanos()).unwrap_or(u64::MAX);
                        let arrived = self.now.nanoseconds().saturating_sub(age);
                        let packet = &buffer[..length.min(2 * PACKET_MAX)];
                        self.received(at, family, packet, Instant::from_nanoseconds(arrived));
                    }
                    Ok(None) => break,
                    // ENETDOWN and the like: netlink tells the same with more words.
                    Err(_) => break,
                }
            }
        }
    }

    /// Whether a deadline passed long ago that no turn has seen: those that were seen wait for their turn, not for us.
    fn overslept(&self) -> bool {
        self.deadlines.unseen().is_some_and(|due| due + SLEEP <= self.now)
    }

    fn take_all_answers(&mut self, inbox: &mut Inbox, first: &mut Option<Woken>) {
        if let Some(Woken::Answers(answers)) = first.take_if(|woken| matches!(woken, Woken::Answers(_))) {
            self.take_answers(answers);
        }
        for _ in 0..ANSWERS_PER_TURN {
            let Ok(answers) = inbox.answers.try_recv() else { break };
            self.take_answers(answers);
        }
    }

    fn take_findings(&mut self, inbox: &mut Inbox, first: &mut Option<Woken>) {
        if let Some(Woken::Found(finding)) = first.take_if(|woken| matches!(woken, Woken::Found(_))) {
            self.found(finding);
        }
        for _ in 0..MESSAGES_PER_TURN {
            let Ok(finding) = inbox.findings.try_recv() else { break };
            self.found(finding);
        }
    }

    fn take_reports(&mut self, inbox: &mut Inbox, first: &mut Option<Woken>) {
        if let Some(Woken::Netlink(event)) = first.take_if(|woken| matches!(woken, Woken::Netlink(_))) {
            self.netlink(event);
        }
        for _ in 0..MESSAGES_PER_TURN {
            let Ok(event) = inbox.netlink.try_recv() else { break };
            self.netlink(event);
        }
    }

    fn take_verdicts(&mut self, inbox: &mut Inbox, first: &mut Option<Woken>) {
        if let Some(Woken::Verdict(verdict)) = first.take_if(|woken| matches!(woken, Woken::Verdict(_))) {
            self.judge_script(&verdict);
        }
        for _ in 0..MESSAGES_PER_TURN {
            let Ok(verdict) = inbox.verdicts.try_recv() else { break };
            self.judge_script(&verdict);
        }
    }

    fn take_gathers(&self, inbox: &mut Inbox, first: &mut Option<Woken>) {
        if let Some(Woken::Gather(answer)) = first.take_if(|woken| matches!(woken, Woken::Gather(_))) {
            drop(answer.send(self.gather()));
        }
        if let Ok(answer) = inbox.gathers.try_recv() {
            drop(answer.send(self.gather()));
        }
    }

    /// The next order, if there is one.
    fn take_orders(&self, inbox: &mut Inbox, first: &mut Option<Woken>) -> Option<Order> {
        match first.take() {
            Some(Woken::Order(order)) => Some(order),
            Some(
                Woken::Doorbell
                | Woken::Answers(_)
                | Woken::Found(_)
                | Woken::Netlink(_)
                | Woken::Verdict(_)
                | Woken::Gather(_),
            )
            | None => inbox.orders.try_recv().ok(),
        }
    }

    /// The deadline that has come and can wait least: what an instance has to do can wait until its group expects the next
    /// advert.
    fn due(&mut self) -> Option<(Instant, Owner)> {
        let instances = &self.instances;
        self.deadlines.due(self.now, |owner| match owner {
            Owner::Instance(at) | Owner::Suspicion(at) => {
                instances.get(at).map_or(TICK, |instance| instance.router.active_interval().duration())
            }
            Owner::Tick | Owner::Probing | Owner::Again(_) => TICK,
            Owner::Announcements | Owner::Start => Duration::ZERO,
        })
    }

    /// Fires the deadlines that have come, at most a turn's worth. What is left is fired in the next, which comes at once:
    /// the timer is set for it.
    pub(super) fn fire_deadlines(&mut self) {
        let enough = clock::now() + FIRING;
        while let Some((due, owner)) = self.due() {
            self.fire(due, owner);
            if clock::now() >= enough {
                return;
            }
        }
    }

    fn fire(&mut self, due: Instant, owner: Owner) {
        match owner {
            Owner::Tick => {
                self.set_tick();
                self.housekeeping();
            }
            Owner::Announcements => {
                // The turn ends with them.
                self.deadlines.replace(Owner::Announcements, self.announce_at.take(), None);
            }
            Owner::Again(at) => self.announce_again(at),
            Owner::Start => self.start(),
            Owner::Probing => self.probe_ports(),
            Owner::Suspicion(at) => {
                self.read_slots(at);
                // Mostly the Active has been heard meanwhile.
                if self.instances[at].suspicion == Some(due) {
                    self.deadlines.replace(Owner::Suspicion(at), Some(due), None);
                    self.instances[at].suspicion = None;
                    self.check_carrier(self.instances[at].port);
                }
            }
            Owner::Instance(at) => {
                self.read_slots(at);
                if self.instances[at].deadline != Some(due) {
                    return;
                }
                if self.instances[at].state() == StateName::Backup && !self.hears(at) {
                    return;
                }
                self.late = u64::try_from(self.now.since(due).as_nanos()).unwrap_or(u64::MAX);
                self.turn.worst_lateness_ns = self.turn.worst_lateness_ns.max(self.late);
                self.step(at, Event::Deadline);
                self.late = 0;
            }
        }
    }

    fn set_tick(&mut self) {
        let next = Some(self.now + TICK);
        self.deadlines.replace(Owner::Tick, self.tick_at, next);
        self.tick_at = next;
    }

    fn hurry_tick(&mut self) {
        let next = Some(self.now + TICK / 10);
        self.deadlines.replace(Owner::Tick, self.tick_at, next);
        self.tick_at = next;
    }
}
