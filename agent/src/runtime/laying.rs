//! Covers as the kernel has them: laid, lifted, and when it is time for that. Belongs to the thread that changes addresses.
//!
//! An IPv4 address is delivered when the kernel acknowledges it. For an IPv6 address the kernel makes its own route later,
//! from a queue of its own that wants the same lock: a cover lifted on acknowledgement alone loses packets (measured). So one
//! of IPv6 stays until the kernel's routes are there; but never longer than an address under it is wanted.

use std::{
    collections::{HashMap, HashSet},
    io,
    net::IpAddr,
    time::Duration,
};

use regent_common::Family;
use regent_vrrp::Instant;

use super::{
    addressing::Operation,
    assigner::{Answer, Change},
    cover::{cover, holds},
    covering::CoverId,
    ladder::family_of,
};
use crate::{
    crash::{self, Point},
    net::{
        clock,
        routes::{self, LocalRoute, Prefix, RouteSocket},
    },
};

/// How often the kernel's routes are looked at while a cover waits for them, or at a quarter of what looking takes.
pub const LOOK_AGAIN: Duration = Duration::from_millis(2);
/// A cover waits no longer when nothing has changed for so long: somebody removed the address, or the interface is down.
const PATIENCE: Duration = Duration::from_secs(1);

/// One cover, as far as the kernel took it.
#[derive(Debug)]
struct Laid {
    ifindex: u32,
    family: Family,
    /// In order.
    prefixes: Vec<Prefix>,
}

impl Laid {
    fn routes(&self) -> impl Iterator<Item = LocalRoute> {
        let ifindex = self.ifindex;
        self.prefixes.iter().map(move |prefix| LocalRoute { ifindex, prefix: *prefix })
    }

    fn holds(&self, ifindex: u32, address: IpAddr) -> bool {
        let length = match address {
            IpAddr::V4(_) => 32,
            IpAddr::V6(_) => 128,
        };
        ifindex == self.ifindex && holds(&self.prefixes, Prefix { address, length })
    }
}

/// A cover that is asked for.
#[derive(Debug)]
pub struct Asked {
    /// Names it.
    pub id: CoverId,
    /// Where its addresses belong.
    pub ifindex: u32,
    /// Their family.
    pub family: Family,
    /// The addresses.
    pub addresses: Vec<IpAddr>,
}

/// All covers that the kernel has.
#[derive(Debug)]
pub struct Laying {
    socket: RouteSocket,
    laid: HashMap<CoverId, Laid>,
    /// IPv6 addresses that are acknowledged, and not known to be delivered by themselves. Only while covers of IPv6 are there.
    unsettled: HashSet<(u32, IpAddr)>,
    /// Covers that are to be lifted when their addresses are delivered by themselves.
    waiting: Vec<CoverId>,
    /// When to look, while covers wait.
    look_at: Instant,
    /// When fewer addresses than before were unsettled, or a cover began to wait.
    progressed: Instant,
}

impl Laying {
    /// With no cover.
    ///
    /// # Errors
    /// When the system has no netlink socket left.
    pub fn open() -> io::Result<Self> {
        let now = clock::now();
        Ok(Self {
            socket: RouteSocket::open()?,
            laid: HashMap::new(),
            unsettled: HashSet::new(),
            waiting: Vec::new(),
            look_at: now,
            progressed: now,
        })
    }

    /// Lays covers, in one go.
    pub fn lay(&mut self, covers: Vec<Asked>) -> Vec<Answer> {
        crash::point(Point::RoutesAsked);
        let covers: Vec<(CoverId, Laid)> = covers
            .into_iter()
            .map(|Asked { id, ifindex, family, addresses }| {
                (id, Laid { ifindex, family, prefixes: cover(family, addresses) })
            })
            .collect();
        let all: Vec<LocalRoute> = covers.iter().flat_map(|(_, cover)| cover.routes()).collect();
        let mut results = self.socket.carry_out(routes::Operation::Add, &all).into_iter();
        crash::point(Point::RoutesThere);
        let answers = covers.into_iter().map(|(id, mut cover)| {
            let mut refusal = None;
            cover.prefixes.retain(|_| match results.next() {
                Some(Ok(())) => true,
                // Another agent's: delivered as well, and not ours to remove.
                Some(Err(error)) if error.kind() == io::ErrorKind::AlreadyExists => false,
                Some(Err(error)) => {
                    refusal.get_or_insert(error);
                    false
                }
                None => false,
            });
            self.laid.insert(id, cover);
            Answer::Covered { id, result: refusal.map_or(Ok(()), Err) }
        });
        answers.collect()
    }

    /// Lifts covers, in one go, as soon as it is time for that.
    pub fn lift(&mut self, covers: Vec<CoverId>) -> Vec<Answer> {
        let now = clock::now();
        if self.waiting.is_empty() {
            self.look_at = now + LOOK_AGAIN;
        }
        self.progressed = now;
        self.waiting.extend(covers);
        self.lift_settled()
    }

    fn lift_settled(&mut self) -> Vec<Answer> {
        let all = std::mem::take(&mut self.waiting);
        let (settled, waiting) = all.into_iter().partition(|id| self.is_settled(*id));
        self.waiting = waiting;
        self.lift_now(settled)
    }

    /// Whether the addresses of a cover are delivered without it, as far as they are there.
    fn is_settled(&self, id: CoverId) -> bool {
        let Some(cover) = self.laid.get(&id) else { return true };
        !self.unsettled.iter().any(|(ifindex, address)| cover.holds(*ifindex, *address))
    }

    fn lift_now(&mut self, ids: Vec<CoverId>) -> Vec<Answer> {
        if ids.is_empty() {
            return Vec::new();
        }
        crash::point(Point::RoutesDone);
        let covers: Vec<(CoverId, Option<Laid>)> =
            ids.into_iter().map(|id| (id, self.laid.remove(&id))).collect();
        let routes = covers.iter().filter_map(|(_, cover)| cover.as_ref()).flat_map(Laid::routes);
        let mut results =
            self.socket.carry_out(routes::Operation::Remove, &routes.collect::<Vec<_>>()).into_iter();
        crash::point(Point::RoutesGone);
        let mut answers = Vec::new();
        for (id, cover) in covers {
            let mut refusal = None;
            if let Some(mut cover) = cover {
                cover.prefixes.retain(|_| match results.next() {
                    Some(Err(error)) if !routes::is_gone(&error) => {
                        refusal.get_or_insert(error);
                        true
                    }
                    Some(Ok(()) | Err(_)) | None => false,
                });
                if !cover.prefixes.is_empty() {
                    self.laid.insert(id, cover);
                }
            }
            answers.push(Answer::Uncovered { id, result: refusal.map_or(Ok(()), Err) });
        }
        if !self.laid.values().any(|cover| cover.family == Family::Ipv6) {
            self.unsettled.clear();
        }
        answers
    }

    /// Addresses are about to change. A cover must not outlive one that it covers.
    pub fn before(&mut self, changes: &[Change]) -> Vec<Answer> {
        let removed = || changes.iter().filter(|change| change.operation == Operation::Remove);
        for change in removed() {
            self.unsettled.remove(&(change.ifindex, change.plan.address));
        }
        let is_over = |id: &CoverId| {
            let cover = self.laid.get(id);
            cover.is_none_or(|cover| removed().any(|change| cover.holds(change.ifindex, change.plan.address)))
        };
        let (over, waiting) = std::mem::take(&mut self.waiting).into_iter().partition(is_over);
        self.waiting = waiting;
        self.lift_now(over)
    }

    /// Addresses have changed.
    pub fn after<'a>(&mut self, changes: impl Iterator<Item = (&'a Change, &'a io::Result<()>)>) {
        if !self.laid.values().any(|cover| cover.family == Family::Ipv6) {
            return;
        }
        let added = changes.filter(|(change, result)| {
            result.is_ok()
                && change.operation == Operation::Add
                && family_of(change.plan.address) == Family::Ipv6
        });
        self.unsettled.extend(added.map(|(change, _)| (change.ifindex, change.plan.address)));
    }

    /// Whether covers wait.
    pub fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Lifts covers that have waited long enough, if it is time to look.
    pub fn look(&mut self) -> Vec<Answer> {
        let began = clock::now();
        if self.waiting.is_empty() || began < self.look_at {
            return Vec::new();
        }
        let before = self.unsettled.len();
        if let Ok(assigned) = self.socket.assigned(Family::Ipv6) {
            self.unsettled.retain(|address| !assigned.contains(address));
        }
        let now = clock::now();
        if self.unsettled.len() < before {
            self.progressed = now;
        } else if now.since(self.progressed) > PATIENCE {
            self.unsettled.clear();
        }
        self.look_at = now + LOOK_AGAIN.max(now.since(began) * 4);
        self.lift_settled()
    }
}

#[cfg(test)]
mod tests;
