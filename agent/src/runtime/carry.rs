//! Carrying out what a machine asks for, in its order.
//!
//! Nothing here waits for the kernel's lock for interfaces: the advert goes out first and at once; requests about addresses
//! are handed to another thread (`assigner`), routes that deliver to many of them first; announcements go when its answers
//! are in, so that caches do not move to this host before it takes packets for the addresses, or after a tenth of a second.

use std::{io, sync::Arc, time::Duration};

use regent_common::Priority;
use regent_vrrp::{Action, Actions, StateName, Transition};

use super::{
    addressing::{Operation, REQUESTS_PER_TURN},
    assigner::{Answer, Change as AddressChange, Request},
    engine::Engine,
    wire::{self, PACKET_MAX},
};
use crate::{
    config::plan::Transport,
    crash::{self, Point},
    net::clock,
    observe::{
        observation::{Change, Observation, Silence},
        sentence,
    },
    words,
};

/// How long after becoming Active to ask whether anybody else still has the addresses: a router that was preempted has let
/// go of them by then.
pub(super) const PROBE_AFTER: Duration = Duration::from_secs(1);

/// A transition, with what is known only at its moment.
struct Entered {
    transition: Transition,
    silence: Option<Silence>,
}

impl Engine {
    /// Carries out the actions of one event. What the network waits for goes first; the kernel's expectation and the
    /// sentence for people follow.
    pub(super) fn carry_out(&mut self, at: usize, actions: Actions) {
        let (mut expects_anew, mut entered) = (false, None);
        if actions.contains(&Action::AddAddresses) {
            self.prepare_gate(at);
        }
        for action in actions {
            match action {
                Action::SendAdvert(priority) => self.send_advert(at, priority),
                Action::Transition(transition) => {
                    entered = Some(Entered { transition, silence: self.silence(at) });
                    expects_anew = true;
                }
                Action::AddAddresses => {
                    crash::point(Point::AdvertSent);
                    self.open_gate(at);
                    crash::point(Point::GateOpen);
                    self.addressing.want(at, true);
                    self.request_first();
                }
                Action::RemoveAddresses => {
                    crash::point(Point::Resigned);
                    self.addressing.want(at, false);
                    self.request_first();
                    self.release_gates();
                }
                Action::Announce { repeat } => {
                    self.begin_announcing(at, repeat);
                }
                Action::CancelAnnouncements => {
                    self.announcing.cancel(at);
                    self.plan_again(at, None);
                }
                Action::ActiveSource(source) => {
                    self.instances[at].active_source = source;
                    expects_anew = true;
                }
            }
        }
        if expects_anew {
            self.sync_expected(at);
        }
        if let Some(entered) = entered {
            self.entered(at, entered);
        }
    }

    /// Who was Active until now, and for how long that router has been silent.
    fn silence(&self, at: usize) -> Option<Silence> {
        let instance = &self.instances[at];
        let source = instance.hearing.newest_of(&instance.active_source?)?;
        Some(Silence {
            source: sentence::address(instance.plan.family, source.heard.source),
            lasted: self.now.since(source.arrived),
        })
    }

    /// Sends an advert to the group, or to each peer.
    fn send_advert(&mut self, at: usize, priority: Priority) {
        if !self.attempt(at) {
            return;
        }
        let mut packet = [0; PACKET_MAX];
        let instance = &mut self.instances[at];
        let plan = Arc::clone(&instance.plan);
        let port = &self.ports[instance.port];
        let Some(socket) = port.way(plan.family).socket.as_ref() else { return };
        let mut failure = None;
        let mut sent = false;
        for destination in wire::destinations(&plan.transport) {
            let Some(length) = wire::write(instance, priority, destination, &mut packet) else { return };
            match socket.send(packet.get(..length).unwrap_or_default(), destination) {
                Ok(()) => sent = true,
                Err(error) => failure = Some((destination, error)),
            }
        }
        if sent {
            instance.statistics.adverts_sent += 1;
            instance.statistics.priority_zero_sent += u64::from(priority == Priority::Resigning);
        }
        let Some((destination, error)) = failure else {
            instance.troubles.remove("send");
            return;
        };
        instance.statistics.send_errors += 1;
        // A resignation because the interface is gone cannot leave by it.
        if priority != Priority::Resigning {
            let text = match &plan.transport {
                Transport::Multicast { .. } => format!("cannot send adverts on {}: {error}", port.name),
                Transport::Unicast(_) => {
                    format!("cannot send adverts to {destination} on {}: {error}", port.name)
                }
            };
            instance.troubles.insert("send", text.clone());
            let name = Arc::clone(&instance.name);
            self.teller.trouble(self.now, &name, text);
        }
    }

    fn entered(&mut self, at: usize, entered: Entered) {
        let Entered { transition, silence } = entered;
        let now = self.now;
        let instance = &mut self.instances[at];
        let statistics = &mut instance.statistics;
        statistics.transitions[usize::from(words::state_number(transition.to))] += 1;
        if transition.to == StateName::Active {
            statistics.became_master += 1;
            instance.probe_at = Some(now + PROBE_AFTER);
        }
        if transition.from == StateName::Active {
            statistics.released_master += 1;
            instance.probe_at = None;
            instance.troubles.remove("claimed");
        }
        let family = instance.plan.family;
        let change = Change {
            instance: Arc::clone(&instance.name),
            vrid: instance.plan.vrid,
            family,
            at: now,
            transition,
            priority: instance.priority().get(),
            late: self.late,
            silence,
            detail: instance.detail(transition.cause, &self.ports[instance.port]),
        };
        instance.why = sentence::why(&change).into();
        instance.since = now;
        instance.since_unix_ms = clock::unix_milliseconds();
        self.teller.tell(Observation::Transition(change));
    }

    /// Hands over what the network waits for: routes, or the few addresses that go without. Many addresses follow at the end
    /// of the turn, when the routes of every instance that it made Active are on their way.
    pub(super) fn request_first(&mut self) {
        if !self.addressing.is_covering() {
            self.request_addresses();
        }
        while self.assigner.is_some()
            && let Some(request) = self.addressing.next_cover()
        {
            self.request(request);
        }
    }

    /// Hands requests that are due to the thread that carries them out, at most a turn's worth.
    pub(super) fn request_addresses(&mut self) {
        for _ in 0..REQUESTS_PER_TURN {
            if self.assigner.is_none() {
                return;
            }
            let Some(request) = self.addressing.next() else { return };
            self.request(request);
        }
    }

    fn request(&mut self, request: Request) {
        let asked = self.assigner.as_ref().map_or(Ok(()), |assigner| assigner.ask(request));
        if let Err(request) = asked {
            let error = io::Error::other("the thread that changes addresses has ended");
            self.take_answers(vec![Answer::refused(request, error)]);
        }
    }

    /// Takes what the kernel answered, and lets announcements go that waited for it.
    pub(super) fn take_answers(&mut self, answers: Vec<Answer>) {
        let mut removed = false;
        for answer in answers {
            match answer {
                Answer::Address { change, result } => {
                    removed |= change.operation == Operation::Remove;
                    self.left_there(&change, &result);
                    if let Some((position, notice)) = self.addressing.answered(&change, result) {
                        self.address_notice(position, notice);
                    }
                }
                Answer::Covered { id, result } => {
                    let told = self.addressing.covered(id, result);
                    self.cover_notice(told);
                }
                Answer::Uncovered { id, result } => {
                    let told = self.addressing.uncovered(id, result);
                    self.cover_notice(told);
                }
            }
        }
        if removed && self.addressing.is_settled() {
            crash::point(Point::RemovalDone);
        }
        self.release_announcements();
        self.release_gates();
    }

    fn cover_notice(&mut self, told: Option<(usize, String)>) {
        if let Some((at, text)) = told {
            let name = Arc::clone(&self.instances[at].name);
            self.teller.trouble(self.now, &name, text);
        }
    }

    /// Says that an address of ours stays on an interface that goes on under another name.
    fn left_there(&mut self, change: &AddressChange, result: &io::Result<()>) {
        let (AddressChange { position: None, plan, .. }, Err(error)) = (change, result) else { return };
        // Gone by itself, or with its interface, is as good as removed.
        if matches!(error.raw_os_error(), Some(libc::EADDRNOTAVAIL | libc::ENODEV)) {
            return;
        }
        let subject: Arc<str> = "netlink".into();
        let text = format!("cannot remove {} from a renamed interface: {error}", plan.address);
        self.teller.trouble(self.now, &subject, text);
    }
}
