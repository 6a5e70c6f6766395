//! Carrying out what a machine asks for, in its order.

use std::{io, net::IpAddr, sync::Arc, time::Duration};

use regent_common::{
    Priority,
    arp::{self, Arp},
    ipv4,
};
use regent_vrrp::{Action, Actions, StateName, Transition};

use super::{
    addressing::{Operation, REQUESTS_PER_TURN},
    announcing::FRAMES_PER_TURN,
    engine::Engine,
    instance::PACKET_MAX,
};
use crate::{
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
                    let addresses = self.addressing.of(at).count();
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

    fn send_advert(&mut self, at: usize, priority: Priority) {
        let mut packet = [0; PACKET_MAX];
        let instance = &mut self.instances[at];
        let port = &self.ports[instance.port];
        let Some(socket) = port.socket.as_ref() else { return };
        let Some(length) = instance.write_advert(priority, &mut packet) else { return };
        match socket.send(&packet[..length], ipv4::VRRP_GROUP.into()) {
            Ok(()) => {
                instance.statistics.adverts_sent += 1;
                if priority == Priority::Resigning {
                    instance.statistics.priority_zero_sent += 1;
                }
                instance.troubles.remove("send");
            }
            Err(error) => {
                instance.statistics.send_errors += 1;
                // A resignation because the interface is gone cannot leave by it.
                if priority != Priority::Resigning {
                    let text = format!("cannot send adverts on {}: {error}", port.name);
                    instance.troubles.insert("send", text.clone());
                    let name = Arc::clone(&instance.name);
                    self.teller.trouble(self.now, &name, text);
                }
            }
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
        instance.why = sentence::why(&change);
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
            let request = AddressRequest {
                operation: match operation {
                    Operation::Add => addresses::Operation::Add,
                    Operation::Remove => addresses::Operation::Remove,
                },
                ifindex: address.ifindex.unwrap_or(0),
                address: address.plan.address,
                prefix_length: address.plan.prefix_length,
                broadcast: address.plan.broadcast,
                scope: address.plan.scope,
                label: address.plan.label.as_deref(),
            };
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

    /// Sends announcements that are due, at most a turn's worth.
    pub(super) fn announce(&mut self) {
        let mut budget = FRAMES_PER_TURN;
        while budget > 0 {
            let Some((at, positions)) = self.announcing.next(budget) else { return };
            budget = budget.saturating_sub(positions.len());
            self.announce_addresses(at, &positions);
        }
    }

    fn announce_addresses(&mut self, at: usize, positions: &[usize]) {
        let all: Vec<Option<(u32, [u8; arp::FRAME_LENGTH])>> = self
            .addressing
            .of(at)
            .map(|address| {
                let ifindex = address.ifindex?;
                let mac = self.links.get(&ifindex)?.mac;
                match address.plan.address {
                    IpAddr::V4(ip) => Some((ifindex, Arp::announcement(mac, ip.octets()).broadcast_frame())),
                    IpAddr::V6(_) => None,
                }
            })
            .collect();
        let frames: Vec<(u32, [u8; arp::FRAME_LENGTH])> =
            positions.iter().filter_map(|position| *all.get(*position)?).collect();
        self.send_frames(at, &frames);
    }

    /// Asks whether anybody else has the addresses of an instance.
    pub(super) fn probe_addresses(&mut self, at: usize) {
        let frames: Vec<(u32, [u8; arp::FRAME_LENGTH])> = self
            .addressing
            .of(at)
            .filter_map(|address| {
                let ifindex = address.ifindex?;
                let mac = self.links.get(&ifindex)?.mac;
                match address.plan.address {
                    IpAddr::V4(ip) => Some((ifindex, Arp::probe(mac, ip.octets()).broadcast_frame())),
                    IpAddr::V6(_) => None,
                }
            })
            .take(FRAMES_PER_TURN)
            .collect();
        self.send_frames(at, &frames);
    }

    fn send_frames(&mut self, at: usize, frames: &[(u32, [u8; arp::FRAME_LENGTH])]) {
        let Some(socket) = self.frames.as_ref() else { return };
        let mut rest = frames;
        // Frames for one interface go out together; an instance rarely has more than one.
        while let Some((ifindex, _)) = rest.first() {
            let same = rest.iter().take_while(|(other, _)| other == ifindex).count();
            let (batch, others) = rest.split_at(same);
            let batch: Vec<&[u8]> = batch.iter().map(|(_, frame)| &frame[..]).collect();
            match socket.send(*ifindex, &batch) {
                Ok(sent) => self.instances[at].statistics.announcements_sent += sent as u64,
                Err(error) => {
                    let name = Arc::clone(&self.instances[at].name);
                    self.teller.trouble(self.now, &name, format!("cannot announce addresses: {error}"));
                }
            }
            rest = others;
        }
    }
}
