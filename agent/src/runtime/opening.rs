//! Ports that a reload brings and takes away: opened and closed by a thread that may wait for the kernel's lock for
//! interfaces, so that no advert of the others waits for it.
//!
//! Owns what that thread is asked for and what it hands over. Until a port is open nothing of it is used: the change under
//! way waits ([`Engine::opened_port`] ends that), and everything else goes on. Which rung is tried is `ladder`'s.

use std::{collections::BTreeSet, io, net::IpAddr, sync::Arc};

use regent_common::Family;

use super::{engine::Engine, ladder::Rungs, port::Way};
use crate::{
    net::{
        advert_socket::{AdvertSocket, Memberships},
        xdp::{Handle, Hook, Link, Mode, Program, Substitutes},
    },
    observe::{data_plane::DeadMan, observation::Carrier},
};

/// What a port needs and does not have.
#[derive(Debug)]
pub struct Opening {
    /// Where in the loop's list of ports it is.
    pub port: usize,
    /// Which opening it is: the link may be another one when it is done.
    pub number: u64,
    ifindex: u32,
    name: Arc<str>,
    /// Sockets to open, with the groups to join.
    sockets: Vec<(Family, BTreeSet<IpAddr>)>,
    /// Sockets that are open, with the groups to join.
    joins: Vec<(Memberships, BTreeSet<IpAddr>)>,
    /// What to put on a port that is new.
    programs: Option<Programs>,
}

/// What to put on a port.
#[derive(Debug)]
struct Programs {
    /// The programs; `None` without.
    substitutes: Option<Substitutes>,
    rungs: Rungs,
}

/// What a port has now.
#[derive(Debug)]
pub struct Opened {
    /// See [`Opening::port`].
    port: usize,
    /// See [`Opening::number`].
    number: u64,
    ifindex: u32,
    sockets: Vec<(Family, io::Result<AdvertSocket>)>,
    /// Groups that could not be joined.
    troubles: Vec<io::Error>,
    /// Of a port that is new.
    climbed: Option<Climbed>,
}

#[derive(Debug)]
struct Climbed {
    links: Vec<(Hook, Link)>,
    /// Why the tc programs are not all there.
    refused: Option<String>,
    carrier: Carrier,
    reason: String,
}

impl Opening {
    /// Opens. Waits for the kernel's lock for interfaces.
    pub fn carry_out(self) -> Opened {
        let Self { port, number, ifindex, name, sockets, joins, programs } = self;
        let mut troubles = Vec::new();
        let open = |(family, groups): (Family, BTreeSet<IpAddr>)| {
            let socket = AdvertSocket::open(ifindex, &name, family);
            // Even without the group it can send, and hear unicast.
            if let Ok(socket) = &socket {
                troubles.extend(groups.iter().filter_map(|group| socket.join(*group).err()));
            }
            (family, socket)
        };
        let sockets = sockets.into_iter().map(open).collect();
        for (memberships, groups) in joins {
            troubles.extend(groups.iter().filter_map(|group| memberships.join(*group).err()));
        }
        let climbed = programs.map(|programs| programs.put_on(ifindex));
        Opened { port, number, ifindex, sockets, troubles, climbed }
    }
}

impl Programs {
    /// In the order in which the port may rely on them: what keeps us silent is there before what judges adverts.
    fn put_on(self, ifindex: u32) -> Climbed {
        let (mut links, mut refused) = (Vec::new(), None);
        if let Some(substitutes) = &self.substitutes {
            let (there, error) = substitutes.attach_tc(ifindex);
            links = there;
            refused = error.map(|error| error.to_string());
        }
        let substitutes = self.substitutes.as_ref();
        let mut attach = |mode: Mode| {
            let Some(substitutes) = substitutes else { return Err("there is no program".to_owned()) };
            let link = substitutes.attach(ifindex, mode).map_err(|error| error.to_string())?;
            links.push((Hook::Xdp(mode), link));
            Ok(())
        };
        let (carrier, reason) = self.rungs.climb(&mut attach);
        Climbed { links, refused, carrier, reason }
    }
}

impl Engine {
    /// Has opened what a port needs and does not have: all of it, or a socket of one family, or a group. `false`: by nobody
    /// yet, since too much is asked for already.
    pub(super) fn ask_to_open(&mut self, at: usize) -> bool {
        let port = &self.ports[at];
        let Some(link) = port.link.as_ref().filter(|_| port.opening.is_none()) else { return true };
        let (ifindex, name) = (link.index, Arc::clone(&port.name));
        let is_new = Family::ALL.iter().all(|family| port.way(*family).socket.is_none());
        let (mut sockets, mut joins) = (Vec::new(), Vec::new());
        for family in Family::ALL {
            let way = port.way(family);
            match way.socket.as_ref().map(AdvertSocket::memberships) {
                Some(Ok(memberships)) => joins.push((memberships, way.groups.clone())),
                Some(Err(_)) | None if way.used => sockets.push((family, way.groups.clone())),
                Some(Err(_)) | None => {}
            }
        }
        let programs = is_new.then(|| Programs {
            substitutes: self.program.as_ref().filter(|_| !self.succeeding).map(Program::substitutes),
            rungs: self.rungs(at),
        });
        self.checks += 1;
        let number = self.checks;
        let opening = Box::new(Opening { port: at, number, ifindex, name, sockets, joins, programs });
        let asked = match self.checker.as_ref() {
            Some(checker) => checker.open(opening),
            None => Err(opening),
        };
        match asked {
            Ok(()) => {
                self.ports[at].opening = Some(number);
                self.begin_opening(number);
                true
            }
            Err(_) if self.is_opening() => false,
            // Nobody else can.
            Err(opening) => {
                self.ports[at].opening = Some(number);
                self.opened_port(opening.carry_out());
                true
            }
        }
    }

    /// A port is open, or what could be opened of it.
    pub(super) fn opened_port(&mut self, opened: Opened) {
        let Opened { port: at, number, ifindex, sockets, troubles, climbed } = opened;
        self.end_opening(number);
        let current = self.ports.get_mut(at).is_some_and(|port| {
            port.opening.take_if(|opening| *opening == number).is_some() && port.ifindex() == Some(ifindex)
        });
        if !current {
            // The port went meanwhile; what was opened anew is none of this.
            if let (Some(Climbed { links, .. }), Some(checker)) = (climbed, self.checker.as_ref()) {
                checker.detach(links.into_iter().map(|(_, link)| Handle::new(link)).collect());
            }
            return;
        }
        self.sockets_opened += 1;
        if climbed.is_some() {
            self.ports[at].trouble = None;
        }
        for (family, socket) in sockets {
            let opened = socket.map(|socket| self.ports[at].way_mut(family).socket = Some(socket));
            self.opened(at, opened);
        }
        for trouble in troubles {
            self.opened(at, Err(trouble));
        }
        if let Some(Climbed { links, refused, carrier, reason }) = climbed {
            let before = self.ports[at].carrier;
            if let Some(program) = self.program.as_mut() {
                links.into_iter().for_each(|(hook, link)| program.keep(ifindex, hook, link));
                self.stands_by(at, refused);
                self.join_solicited_again(at);
            } else {
                self.ports[at].dead_man = DeadMan::off(self.program_trouble.clone());
            }
            self.climbed(at, before, carrier, reason);
        } else {
            self.set_filter(at);
        }
        self.choose_port_sources(at);
    }

    /// Closes what a port had, by a thread that may wait.
    pub(super) fn close_ways(&mut self, at: usize) {
        let port = &mut self.ports[at];
        let ways = [std::mem::take(&mut port.ipv4), std::mem::take(&mut port.ipv6)];
        let solicited = port.solicited.take();
        let links = port.link.as_ref().map(|link| link.index);
        let links = links.and_then(|index| Some(self.program.as_mut()?.give_away(index)));
        let Some(checker) = self.checker.as_ref() else { return };
        checker.detach(links.unwrap_or_default());
        solicited.into_iter().for_each(|groups| checker.leave(groups));
        checker.drop_ways(Box::new(ways));
    }

    /// Leaves groups that nobody on a port listens to any more, by a thread that may wait.
    pub(super) fn leave_groups(&mut self, at: usize, family: Family, groups: Vec<IpAddr>) {
        let Some(socket) = self.ports[at].way(family).socket.as_ref().filter(|_| !groups.is_empty()) else {
            return;
        };
        match (socket.memberships(), self.checker.as_ref()) {
            (Ok(memberships), Some(checker)) => checker.leave_groups(memberships, groups),
            (Err(_), _) | (_, None) => groups.into_iter().for_each(|group| socket.leave(group)),
        }
    }
}

/// What a port had.
pub type Ways = Box<[Way; 2]>;
