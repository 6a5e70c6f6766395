//! Covers: local routes under which addresses are delivered while the kernel still inserts them one by one.
//!
//! The kernel's insertion looks at every address that an interface has: thousands take a second and more. A cover holds
//! exactly the addresses of one instance on one interface that are on their way there, goes ahead of them, and goes away
//! when the kernel has answered for each of them, or none of them is wanted any more. Requests follow each other in their
//! order, ahead of those about addresses (`assigner`), and each is answered once.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    net::IpAddr,
};

use regent_common::Family;

use super::assigner::Request;

/// Names a cover for as long as the agent runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CoverId(pub u64);

/// Covers of one instance that may be on their way out while a new one begins: an instance that changes its mind faster
/// than the kernel follows goes without.
const LIFTING_AT_MOST: usize = 4;

/// What the kernel has of a cover.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Not asked for yet.
    Due,
    /// Asked for.
    Laying,
    /// All of it is there.
    Laid,
    /// The kernel refused some of it.
    Refused,
    /// Its end is due, or was asked for.
    Lifting,
    /// The kernel refused to remove some of it; tried again once a second.
    Stuck,
}

#[derive(Debug)]
struct Cover {
    instance: usize,
    state: State,
    /// Its addresses that the kernel has not answered for.
    waiting: usize,
}

/// What all covers of one instance amount to.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    /// Addresses that wait under a cover that is there.
    delivered: usize,
    /// Covers on their way out.
    lifting: usize,
}

/// All of them.
#[derive(Debug, Default)]
pub struct Covering {
    covers: BTreeMap<CoverId, Cover>,
    begun: u64,
    tallies: Vec<Tally>,
    /// In the order in which they must be carried out.
    requests: VecDeque<Request>,
}

impl Covering {
    /// Begins to cover `addresses` of `instance`, which are of one family and not covered yet. `None` when there are none,
    /// or too many covers of the instance are on their way out.
    pub fn begin(
        &mut self,
        instance: usize,
        ifindex: u32,
        family: Family,
        addresses: Vec<IpAddr>,
    ) -> Option<CoverId> {
        if self.tallies.len() <= instance {
            self.tallies.resize(instance + 1, Tally::default());
        }
        if addresses.is_empty() || self.tallies.get(instance)?.lifting >= LIFTING_AT_MOST {
            return None;
        }
        self.begun += 1;
        let id = CoverId(self.begun);
        self.covers.insert(id, Cover { instance, state: State::Due, waiting: addresses.len() });
        self.requests.push_back(Request::Cover { id, ifindex, family, addresses });
        Some(id)
    }

    /// One address of a cover needs it no more.
    pub fn leave(&mut self, id: CoverId) {
        let Some(cover) = self.covers.get_mut(&id) else { return };
        let Some(tally) = self.tallies.get_mut(cover.instance) else { return };
        cover.waiting = cover.waiting.saturating_sub(1);
        if cover.state == State::Laid {
            tally.delivered = tally.delivered.saturating_sub(1);
        }
        if cover.waiting > 0 {
            return;
        }
        match cover.state {
            // Its request stays in the queue, and is passed over there.
            State::Due => drop(self.covers.remove(&id)),
            State::Laying | State::Laid | State::Refused => {
                cover.state = State::Lifting;
                tally.lifting += 1;
                self.requests.push_back(Request::Uncover(id));
            }
            State::Lifting | State::Stuck => {}
        }
    }

    /// The next request that is due. It must be answered by [`Self::laid`] or [`Self::lifted`].
    pub fn next(&mut self) -> Option<Request> {
        loop {
            let request = self.requests.pop_front()?;
            match &request {
                Request::Cover { id, .. } => {
                    let Some(cover) = self.covers.get_mut(id) else { continue };
                    cover.state = State::Laying;
                }
                Request::Uncover(_) | Request::Address(_) => {}
            }
            return Some(request);
        }
    }

    /// A cover is there, or was refused. Returns whose it is and what is worth telling.
    pub fn laid(&mut self, id: CoverId, result: io::Result<()>) -> Option<(usize, String)> {
        let cover = self.covers.get_mut(&id)?;
        // Otherwise nobody needs it any more.
        if cover.state == State::Laying {
            cover.state = if result.is_ok() { State::Laid } else { State::Refused };
            if let (State::Laid, Some(tally)) = (cover.state, self.tallies.get_mut(cover.instance)) {
                tally.delivered += cover.waiting;
            }
        }
        let error = result.err()?;
        let text = format!(
            "cannot add local routes for the virtual addresses: {error}; each is delivered when it is assigned"
        );
        Some((cover.instance, text))
    }

    /// A cover is gone, or its removal was refused. Returns whose it is and what is worth telling.
    pub fn lifted(&mut self, id: CoverId, result: io::Result<()>) -> Option<(usize, String)> {
        let cover = self.covers.get_mut(&id)?;
        let instance = cover.instance;
        if let Err(error) = result {
            cover.state = State::Stuck;
            let text = format!(
                "cannot remove local routes of virtual addresses: {error}; tried again every second; `ip route show table \
                 local proto 112` shows them"
            );
            return Some((instance, text));
        }
        self.covers.remove(&id);
        if let Some(tally) = self.tallies.get_mut(instance) {
            tally.lifting = tally.lifting.saturating_sub(1);
        }
        None
    }

    /// Tries again what the kernel refused to remove.
    pub fn retry(&mut self) {
        for (id, cover) in self.covers.iter_mut().filter(|(_, cover)| cover.state == State::Stuck) {
            cover.state = State::Lifting;
            self.requests.push_back(Request::Uncover(*id));
        }
    }

    /// Addresses of `instance` that are not there yet and delivered already.
    pub fn delivered(&self, instance: usize) -> usize {
        self.tallies.get(instance).map_or(0, |tally| tally.delivered)
    }

    /// Whether a cover of `instance` is there, or on its way out.
    pub fn is_there(&self, instance: usize) -> bool {
        self.tallies.get(instance).is_some_and(|tally| tally.delivered > 0 || tally.lifting > 0)
    }

    /// Whether a request is due.
    pub fn has_requests(&self) -> bool {
        !self.requests.is_empty()
    }

    /// Whether no cover is there or on its way.
    pub fn is_empty(&self) -> bool {
        self.covers.is_empty()
    }
}
