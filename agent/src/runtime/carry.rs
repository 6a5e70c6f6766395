//! Carrying out what a machine asks for, in its order.

use std::{io, sync::Arc, time::Duration};

use regent_common::Priority;
use regent_vrrp::{Action, Actions, StateName, Transition};

use super::{
    addressing::{Operation, REQUESTS_PER_TURN},
    engine::Engine,
    wire::{self, PACKET_MAX},
};
use crate::{
    config::plan::{AddressPlan, Transport},
    net::{
        addresses::{self, AddressRequest},
        clock,
    },
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
        for action in actions {
            match action {
                Action::SendAdvert(priority) => self.send_advert(at, priority),
                Action::Transition(transition) => {
                    entered = Some(Entered { transition, silence: self.silence(at) });
                    expects_anew = true;
                }
                Action::AddAddresses => {
                    self.addressing.want(at, true);
                    self.request_addresses();
                }
                Action::RemoveAddresses => {
                    self.addressing.want(at, false);
                    self.request_addresses();
                }
                Action::Announce { repeat } => {
                    let addresses = self.addressing.of(at).len();
                    self.announcing.begin(at, addresses, repeat);
                    self.announce();
                }
                Action::CancelAnnouncements => self.announcing.cancel(at),
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

    /// Sends address requests that are due, at most a turn's worth.
    pub(super) fn request_addresses(&mut self) {
        let Some(socket) = self.address_socket.as_mut() else { return };
        let mut notices = Vec::new();
        for _ in 0..REQUESTS_PER_TURN {
            let Some((position, operation)) = self.addressing.next() else { break };
            let Some(address) = self.addressing.get(position) else { break };
            let operation_there = match operation {
                Operation::Add => addresses::Operation::Add,
                Operation::Remove => addresses::Operation::Remove,
            };
            let request = request(&address.plan, operation_there, address.ifindex.unwrap_or(0));
            match socket.request(&request) {
                Ok(sequence) => self.addressing.sent(position, operation, sequence),
                // As many answers as the socket can hold are on their way: take them first.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.addressing.postpone(position, operation);
                    break;
                }
                Err(error) => {
                    let notice = self.addressing.answered(position, operation, Err(error));
                    notices.extend(notice.map(|notice| (position, notice)));
                }
            }
        }
        for (position, notice) in notices {
            self.address_notice(position, notice);
        }
    }

    /// Takes the kernel's answers.
    pub(super) fn take_acknowledgements(&mut self) {
        if !self.addressing.awaits_answers() {
            return;
        }
        let Some(socket) = self.address_socket.as_mut() else { return };
        let mut answers = Vec::new();
        let received = socket.acknowledgements(|sequence, result| answers.push((sequence, result)));
        if let Err(error) = received {
            let subject: Arc<str> = "netlink".into();
            self.teller.trouble(self.now, &subject, format!("cannot read answers about addresses: {error}"));
        }
        for (sequence, result) in answers {
            if let Some((position, notice)) = self.addressing.acknowledged(sequence, result) {
                self.address_notice(position, notice);
            }
        }
    }

    /// Removes what is ours from an interface that goes on under another name. Nobody waits for the answers.
    pub(super) fn take_back(&mut self, ifindex: u32) {
        let Some(socket) = self.address_socket.as_mut() else { return };
        for address in self.addressing.left_on(ifindex) {
            let request = request(&address.plan, addresses::Operation::Remove, ifindex);
            if let Err(error) = socket.request(&request) {
                let text =
                    format!("cannot remove {} from a renamed interface: {error}", address.plan.address);
                let name = Arc::clone(&self.instances[address.instance].name);
                self.teller.trouble(self.now, &name, text);
            }
        }
    }
}

fn request(plan: &AddressPlan, operation: addresses::Operation, ifindex: u32) -> AddressRequest<'_> {
    AddressRequest {
        operation,
        ifindex,
        address: plan.address,
        prefix_length: plan.prefix_length,
        broadcast: plan.broadcast,
        scope: plan.scope,
        label: plan.label.as_deref(),
        detects_duplicates: plan.detects_duplicates,
        preferred_lifetime: plan.preferred_lifetime,
        no_prefix_route: plan.no_prefix_route,
    }
}
