//! Asking the neighbours of a port whether what the XDP program sends arrives: the frames, and the program's part.
//!
//! What is asked when, and what follows from the answers, is decided in [`super::answering`].

use std::{net::IpAddr, sync::Arc};

use regent_common::{
    arp::{Arp, Operation},
    ipv6,
    map::{PROBE_FRAME, Port as PortEntry, Probe},
    ndp::{self, Neighbor},
};

use super::{
    answering::{Answering, Means, Question, Verdict},
    engine::{Engine, Owner},
    ladder::family_of,
    port::Port,
};
use crate::observe::{observation::Carrier, sentence};

impl Engine {
    /// The carrier of a port is another one: whether its answers arrive must be shown anew.
    pub(super) fn doubt_answers(&mut self, at: usize) {
        let answering = match self.ports[at].carrier {
            Carrier::Native => Answering::unproven(true),
            Carrier::Generic => Answering::unproven(false),
            Carrier::Socket => Answering::not("no XDP program is on the port"),
            Carrier::None => Answering::not("the interface is absent"),
        };
        self.ports[at].answering = answering;
        self.set_way(at);
        self.reschedule_probing();
    }

    /// Who is on the link of a port, by the kernel's table.
    pub(super) fn neighbors(&mut self, at: usize, neighbors: Vec<IpAddr>) {
        if at < self.ports.len() {
            neighbors.into_iter().rev().for_each(|address| self.neighbor(at, address));
        }
    }

    /// Looks for somebody to ask where nobody is known.
    pub(super) fn look_for_neighbors(&self) {
        let Some(checker) = self.checker.as_ref() else { return };
        for (at, port) in self.ports.iter().enumerate() {
            if let (true, Some(ifindex)) = (port.answering.wants_candidates(), port.ifindex()) {
                checker.ask_neighbors(at, ifindex);
            }
        }
    }

    /// A neighbour of a port was heard of.
    pub(super) fn neighbor(&mut self, at: usize, address: IpAddr) {
        let port = &mut self.ports[at];
        let asks_from = port.way(family_of(address)).source;
        // One of our own would not answer by the wire.
        if asks_from.is_some_and(|source| source != address)
            && self.addressing.named(address).next().is_none()
        {
            port.answering.candidate(address, self.now);
        }
        self.reschedule_probing();
    }

    /// Asks and looks wherever that is due.
    pub(super) fn probe_ports(&mut self) {
        for at in 0..self.ports.len() {
            if self.ports[at].answering.due().is_none_or(|due| due > self.now) {
                continue;
            }
            let probe = self.ports[at].ifindex().and_then(|index| self.program.as_ref()?.probe(index));
            match self.ports[at].answering.look(self.now, probe.as_ref()) {
                Verdict::Changed => self.way_changed(at),
                Verdict::Open | Verdict::Confirmed => {}
            }
            if let Some(question) = self.ports[at].answering.ask(self.now) {
                self.ask_neighbor(at, question);
            }
        }
        self.reschedule_probing();
    }

    pub(super) fn reschedule_probing(&mut self) {
        let next = self.ports.iter().filter_map(|port| port.answering.due()).min();
        self.deadlines.replace(Owner::Probing, self.probing_at, next);
        self.probing_at = next;
    }

    fn way_changed(&mut self, at: usize) {
        self.set_way(at);
        let port = &self.ports[at];
        let text = match port.answering.way() {
            Means::Kernel => format!("the kernel answers ARP and ND: {}", port.answering.why()),
            Means::Transmit => "answers ARP and ND for virtual addresses in XDP, by XDP_TX".to_owned(),
            Means::Redirect => "answers ARP and ND for virtual addresses in XDP, by redirection".to_owned(),
        };
        let name = Arc::clone(&port.name);
        self.teller.note(&name, text);
    }

    /// Tells the program how answers leave a port.
    pub(super) fn set_way(&mut self, at: usize) {
        let (Some(program), Some(row)) = (self.program.as_mut(), port_row(at)) else { return };
        let entry = PortEntry { way: self.ports[at].answering.way().number(), ..PortEntry::default() };
        if let Err(error) = program.set_port(row, entry) {
            let name = Arc::clone(&self.ports[at].name);
            self.teller.trouble(self.now, &name, error.to_string());
        }
    }

    /// Asks a neighbour for its address, in the ordinary way, and tells the program to bounce the answer.
    fn ask_neighbor(&mut self, at: usize, question: Question) {
        let port = &self.ports[at];
        let (Some(link), Some(program)) = (port.link.as_ref(), self.program.as_mut()) else { return };
        let Some(first) = first_question(port, link.mac, question.target) else { return };
        let told = program.set_probe(link.index, &bounce(link.mac, question));
        let sent = self.frames.as_ref().map(|frames| frames.send(link.index, &[first]));
        // A question that did not leave is one that is not answered. It is asked again.
        if let Err(error) = told.and(sent.unwrap_or(Ok(0)).map(drop)) {
            tracing_quietly(&error);
        }
    }
}

/// A failed question shows in its lack of an answer; the rest is for whoever debugs.
fn tracing_quietly(error: &std::io::Error) {
    tracing::debug!("cannot ask a neighbour: {error}");
}

/// The row of a port in the program's maps; `None` beyond what they hold: the kernel answers there. 0 is nobody's.
pub(super) fn port_row(at: usize) -> Option<u32> {
    u32::try_from(at + 1).ok().filter(|row| *row < regent_common::map::PORT_CAPACITY)
}

fn first_question(port: &Port, mac: [u8; 6], target: IpAddr) -> Option<Vec<u8>> {
    let source = sentence::bytes(port.way(family_of(target)).source?);
    match target {
        IpAddr::V4(target) => {
            let [a, b, c, d, ..] = source;
            let request = Arp {
                operation: Operation::Request,
                sender_mac: mac,
                sender: [a, b, c, d],
                target_mac: [0; 6],
                target: target.octets(),
            };
            Some(request.broadcast_frame().to_vec())
        }
        IpAddr::V6(target) => {
            let group = ipv6::solicited_node(target.octets());
            let solicitation = Neighbor {
                operation: ndp::Operation::Solicitation,
                source,
                destination: group,
                target: target.octets(),
                flags: 0,
                link_layer: Some(mac),
            };
            let mut frame = [0; ndp::ANNOUNCEMENT_LENGTH];
            let length = solicitation.write(mac, ipv6::multicast_mac(group), &mut frame)?;
            Some(frame.get(..length)?.to_vec())
        }
    }
}

/// The second question, which changes nobody's cache.
fn bounce(mac: [u8; 6], question: Question) -> Probe {
    let mut probe = Probe {
        bounced: 0,
        arrived: 0,
        target: sentence::bytes(question.target),
        way: question.way.number(),
        length: 0,
        frame: [0; PROBE_FRAME],
    };
    let mut write = |frame: &[u8]| {
        if let Some(space) = probe.frame.get_mut(..frame.len()) {
            space.copy_from_slice(frame);
            probe.length = frame.len() as u32;
        }
    };
    match question.target {
        IpAddr::V4(target) => write(&Arp::probe(mac, target.octets()).broadcast_frame()),
        IpAddr::V6(target) => write(&ndp::probe(mac, target.octets())),
    }
    probe
}

const _: () = assert!(
    PROBE_FRAME >= ndp::PROBE_LENGTH && PROBE_FRAME >= regent_common::arp::FRAME_LENGTH,
    "the longest second question fits"
);
