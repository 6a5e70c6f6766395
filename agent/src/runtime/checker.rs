//! The thread that asks the kernel whether an XDP link is still where it was, and puts our programs in the places of a
//! predecessor's, so that the VRRP thread does not.
//!
//! It also opens and closes ports that a reload brings and takes away, and joins the groups of its IPv6 addresses.
//!
//! The kernel does all of it under its one lock for interfaces (RTNL), and closing a link takes that lock as well. What waits
//! for it here is a doubt about a carrier, never an advert or an election: an answer that does not come decides nothing.

use std::{
    io,
    net::{IpAddr, Ipv6Addr},
    sync::mpsc as channel,
    thread,
};

use tokio::sync::mpsc;

use super::opening::{Opened, Opening, Ways};
use crate::net::{
    advert_socket::Memberships,
    neighbors,
    solicited::SolicitedGroups,
    xdp::{Handle, Hook, InheritedLink, Link, Substitutes},
};

/// Questions that may wait, one of each port. A port that finds no room is asked about in the next second.
const QUESTIONS: usize = 1024;
/// Neighbours told of one port: one who answers is enough.
const NEIGHBORS: usize = 8;
/// Answers that may wait for the loop; this thread waits when there are more.
pub const CHECKED_DEPTH: usize = 256;

/// Whether a link is still on its port.
#[derive(Debug)]
pub struct Check {
    /// Where in the loop's list of ports it is.
    pub port: usize,
    /// Which question of that port it is: one about an earlier link is about another world.
    pub number: u64,
    /// Where the link was.
    pub ifindex: u32,
    /// The XDP link, where the program is carried.
    pub link: Option<Handle>,
    /// The links of the tc programs.
    pub beside: Vec<Handle>,
}

/// The answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checked {
    /// See [`Check::port`].
    pub port: usize,
    /// See [`Check::number`].
    pub number: u64,
    /// Whether the XDP link was there a moment ago, if one was asked about.
    pub attached: bool,
    /// Whether the others were.
    pub beside: bool,
}

/// A port whose links are another agent's.
#[derive(Debug)]
pub struct TakeOver {
    /// See [`Check::port`].
    pub port: usize,
    /// See [`Check::number`].
    pub number: u64,
    /// Our programs.
    pub substitutes: Substitutes,
    /// The links.
    pub links: Vec<InheritedLink>,
}

/// The links of a port are ours.
#[derive(Debug)]
pub struct Taken {
    /// See [`Check::port`].
    pub port: usize,
    /// See [`Check::number`].
    pub number: u64,
    /// The links, each with its interface.
    pub links: Vec<(Hook, u32, Link)>,
    /// What went wrong, as sentences.
    pub troubles: Vec<String>,
}

/// What this thread found out.
#[derive(Debug)]
pub enum Finding {
    /// Whether a link is still there.
    Checked(Checked),
    /// Who is on the link of a port.
    Neighbors {
        /// Where in the loop's list of ports it is.
        port: usize,
        /// A few of them.
        neighbors: Vec<IpAddr>,
    },
    /// Programs were exchanged.
    Taken(Taken),
    /// The groups of a port's IPv6 addresses were joined, or could not be.
    Joined {
        /// Where in the loop's list of ports it is.
        port: usize,
        /// Its link.
        ifindex: u32,
        /// The memberships.
        groups: io::Result<SolicitedGroups>,
    },
    /// A port is open.
    Opened(Box<Opened>),
}

enum Task {
    Check(Check),
    TakeOver(TakeOver),
    Neighbors { port: usize, ifindex: u32 },
    Close(Handle),
    Join { port: usize, ifindex: u32, addresses: Vec<Ipv6Addr> },
    Leave(SolicitedGroups),
    Open(Box<Opening>),
    Detach(Vec<Handle>),
    Drop(Ways),
    LeaveGroups(Memberships, Vec<IpAddr>),
}

/// The way to the thread. It ends when this is dropped, as soon as the kernel lets it.
#[derive(Debug)]
pub struct Checker {
    tasks: channel::SyncSender<Task>,
}

impl Checker {
    /// Starts the thread. Its answers go into `checked`.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn start(checked: mpsc::Sender<Finding>) -> io::Result<Self> {
        let (tasks, queue) = channel::sync_channel(QUESTIONS);
        thread::Builder::new().name("carrier".into()).spawn(move || work(&queue, &checked))?;
        Ok(Self { tasks })
    }

    /// Asks. Never waits; returns whether an answer will come.
    pub fn ask(&self, check: Check) -> bool {
        self.tasks.try_send(Task::Check(check)).is_ok()
    }

    /// Has the programs of a port exchanged. Never waits; returns whether a report will come.
    pub fn take_over(&self, port: TakeOver) -> bool {
        self.tasks.try_send(Task::TakeOver(port)).is_ok()
    }

    /// Asks who is on the link of a port. Never waits.
    pub fn ask_neighbors(&self, port: usize, ifindex: u32) {
        drop(self.tasks.try_send(Task::Neighbors { port, ifindex }));
    }

    /// Joins the groups of IPv6 addresses of a port. Never waits; returns whether a report will come.
    pub fn join(&self, port: usize, ifindex: u32, addresses: Vec<Ipv6Addr>) -> bool {
        self.tasks.try_send(Task::Join { port, ifindex, addresses }).is_ok()
    }

    /// Leaves groups that others have taken the place of. Without room for that they are left here and now.
    pub fn leave(&self, groups: SolicitedGroups) {
        drop(self.tasks.try_send(Task::Leave(groups)));
    }

    /// Opens a port. Never waits.
    ///
    /// # Errors
    /// The order, when there is no room for it; otherwise a report will come.
    pub fn open(&self, opening: Box<Opening>) -> Result<(), Box<Opening>> {
        match self.tasks.try_send(Task::Open(opening)) {
            Err(channel::TrySendError::Full(Task::Open(opening)))
            | Err(channel::TrySendError::Disconnected(Task::Open(opening))) => Err(opening),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Takes programs off a port. Without room for that it is done here and now.
    pub fn detach(&self, links: Vec<Handle>) {
        if let Err(channel::TrySendError::Full(Task::Detach(links))) =
            self.tasks.try_send(Task::Detach(links))
        {
            links.into_iter().for_each(Handle::detach);
        }
    }

    /// Closes the sockets of a port. Without room for that they are closed here and now.
    pub fn drop_ways(&self, ways: Ways) {
        drop(self.tasks.try_send(Task::Drop(ways)));
    }

    /// Leaves groups of adverts. Without room for that they are left when their socket is closed: what comes by them is
    /// nobody's, and is dropped.
    pub fn leave_groups(&self, memberships: Memberships, groups: Vec<IpAddr>) {
        drop(self.tasks.try_send(Task::LeaveGroups(memberships, groups)));
    }

    /// Closes a link that is not needed any more. Without room for that it is closed here and now.
    pub fn close(&self, link: Handle) {
        drop(self.tasks.try_send(Task::Close(link)));
    }
}

fn work(queue: &channel::Receiver<Task>, answers: &mpsc::Sender<Finding>) {
    while let Ok(task) = queue.recv() {
        let finding = match task {
            Task::Check(Check { port, number, ifindex, link, beside }) => {
                let attached = link.is_none_or(|link| link.is_on(ifindex));
                let beside = beside.iter().all(|link| link.is_on(ifindex));
                Finding::Checked(Checked { port, number, attached, beside })
            }
            Task::TakeOver(port) => Finding::Taken(take_over(port)),
            // Who cannot be listed cannot be asked: the port waits for somebody who is heard.
            Task::Neighbors { port, ifindex } => {
                Finding::Neighbors { port, neighbors: neighbors::of(ifindex, NEIGHBORS).unwrap_or_default() }
            }
            Task::Join { port, ifindex, addresses } => {
                Finding::Joined { port, ifindex, groups: SolicitedGroups::join(ifindex, &addresses) }
            }
            Task::Close(link) => {
                drop(link);
                continue;
            }
            Task::Leave(groups) => {
                drop(groups);
                continue;
            }
            Task::Open(opening) => Finding::Opened(Box::new(opening.carry_out())),
            Task::Detach(links) => {
                links.into_iter().for_each(Handle::detach);
                continue;
            }
            Task::Drop(ways) => {
                drop(ways);
                continue;
            }
            Task::LeaveGroups(memberships, groups) => {
                groups.into_iter().for_each(|group| memberships.leave(group));
                continue;
            }
        };
        // Nobody is there any more to hear it.
        if answers.blocking_send(finding).is_err() {
            return;
        }
    }
}

fn take_over(port: TakeOver) -> Taken {
    let TakeOver { port, number, substitutes, links } = port;
    let mut taken = Taken { port, number, links: Vec::new(), troubles: Vec::new() };
    for link in links {
        let (hook, ifindex) = (link.hook, link.ifindex);
        match substitutes.take_over(link) {
            Ok(Some(link)) => taken.links.push((hook, ifindex, link)),
            Ok(None) => {}
            Err(error) => taken.troubles.push(error.to_string()),
        }
    }
    taken
}
