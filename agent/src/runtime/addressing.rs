//! The virtual addresses: desired × observed → requests.
//!
//! Each address has a wish (its instance is Active) and a presence (what the kernel acknowledged or reported). Requests
//! follow from the two and nothing else, so the same wish twice does nothing, and an address that somebody removed is
//! put back. An address that somebody else put there is never ours: it is not removed, and said loudly.
//!
//! Requests are carried out by another thread (`assigner`), in their order, and each is answered once. An address has at
//! most one under way. Where many wait, local routes go ahead of them (`covering`), so that packets are delivered before the
//! kernel has inserted the addresses: an instance is deliverable when each of its addresses is there or covered.
//!
//! A takeover and a giving-up look at each address of their instance once; every other turn does work for as many addresses
//! as it handles, however many there are.
//!
//! An address keeps its position as long as it is known, whoever's it is: a reload (`rearranging`) gives it to another
//! instance, or lets go of it, and asks the kernel for nothing that is not different.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
    io,
    net::IpAddr,
    sync::Arc,
};

use super::{
    assigner::{Change, Request},
    covering::{CoverId, Covering},
};
use crate::config::plan::AddressPlan;

/// Requests handed over in one turn at most, so that thousands of addresses do not make an advert late.
pub const REQUESTS_PER_TURN: usize = 64;
/// Requests under way at most; the rest waits here, where a changed mind costs nothing.
pub const REQUESTS_UNDER_WAY: usize = 256;

/// What the kernel has of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Not there.
    Absent,
    /// There, by us.
    Ours,
    /// There, by somebody else.
    Foreign,
    /// An addition was asked for.
    Adding,
    /// A removal was asked for.
    Removing,
    /// The kernel refused it; tried again once a second.
    Refused,
}

/// What to ask of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Assign it.
    Add,
    /// Take it away.
    Remove,
}

/// Something worth telling about an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// It is on this host, and not by us.
    Foreign,
    /// The foreign one is gone.
    ForeignGone,
    /// Somebody removed it; it is put back.
    RemovedByOthers,
    /// The kernel refused it.
    Refused(String),
}

/// One virtual address.
#[derive(Clone, Debug)]
pub struct Address {
    /// Whose it is.
    pub instance: usize,
    /// What it is.
    pub plan: Arc<AddressPlan>,
    /// What it is to be once the kernel has let go of the form that it has there.
    remake: Option<Arc<AddressPlan>>,
    /// Interface it belongs on.
    pub device: String,
    /// The instance owns it (priority 255): that it is there without us is as it should be.
    pub owned: bool,
    /// Kernel index of the device, while it exists.
    pub ifindex: Option<u32>,
    /// What the kernel has.
    pub presence: Presence,
    wanted: bool,
    /// On the list of its instance; otherwise it is on its way out, or gone already.
    standing: Standing,
    queued: bool,
    /// What delivers its packets while it is on its way.
    cover: Option<CoverId>,
    /// Removals of ours whose report is still to come.
    echoes: u32,
    /// It was reported gone while a request was under way.
    reported_gone: bool,
}

impl Address {
    /// Whether it is to be on the host.
    pub const fn is_wanted(&self) -> bool {
        self.wanted
    }
}

/// Whether an address is asked for by the config.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// It is.
    Listed,
    /// Not any more: it is known until the kernel has let go of it.
    Leaving,
    /// Its position is free.
    Vacant,
}

/// Where addresses are among all. Shared, so that they can be gone through while the addresses change.
pub type Positions = Arc<Vec<usize>>;

/// The addresses of one instance.
#[derive(Clone, Debug, Default)]
struct Own {
    /// Where they are, in the order of the config.
    positions: Positions,
    /// How many are wanted, can be there, and are not.
    awaited: usize,
    /// How many the kernel refused.
    refused: usize,
    /// How many are on this host by us, or may be.
    held: usize,
}

/// All of them.
#[derive(Debug, Default)]
pub struct Addressing {
    addresses: Vec<Address>,
    /// By instance.
    own: Vec<Own>,
    by_address: HashMap<IpAddr, Positions>,
    by_device: HashMap<String, Positions>,
    /// Those that no instance has any more, on their way out.
    leaving: Vec<usize>,
    /// Positions that are free.
    vacant: Vec<usize>,
    covering: Covering,
    /// What the kernel refused, to be tried again.
    refused: Vec<usize>,
    queue: VecDeque<usize>,
    /// To be removed where `addresses` knows nothing of them any more.
    left: VecDeque<Change>,
    /// Requests handed over and not answered.
    under_way: usize,
}

impl Addressing {
    /// Adds an address to the list of `instance`.
    pub fn insert(&mut self, instance: usize, plan: AddressPlan, device: String, owned: bool) {
        let at = self.make(instance, plan, device, owned);
        if let Some(own) = self.own.get_mut(instance) {
            Arc::make_mut(&mut own.positions).push(at);
        }
    }

    /// Makes an address of `instance` known, which is on no list yet, and says where it is.
    fn make(&mut self, instance: usize, plan: AddressPlan, device: String, owned: bool) -> usize {
        if self.own.len() <= instance {
            self.own.resize(instance + 1, Own::default());
        }
        let at = self.vacant.pop().unwrap_or(self.addresses.len());
        note(&mut self.by_address, plan.address, at);
        note(&mut self.by_device, device.clone(), at);
        let address = Address {
            instance,
            plan: Arc::new(plan),
            remake: None,
            device,
            owned,
            ifindex: None,
            presence: Presence::Absent,
            wanted: false,
            standing: Standing::Listed,
            queued: false,
            cover: None,
            echoes: 0,
            reported_gone: false,
        };
        match self.addresses.get_mut(at) {
            Some(vacant) => *vacant = address,
            None => self.addresses.push(address),
        }
        at
    }

    /// All addresses, with their positions.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &Address)> {
        let all = self.addresses.iter().enumerate();
        all.filter(|(_, address)| address.standing != Standing::Vacant)
    }

    /// The address at the position that a notice names.
    pub fn get(&self, at: usize) -> Option<&Address> {
        self.addresses.get(at)
    }

    /// Those on the list of one instance, in the order of the config.
    pub fn of(&self, instance: usize) -> impl Iterator<Item = &Address> {
        let positions = self.own.get(instance).map_or(&[][..], |own| &own.positions[..]);
        positions.iter().filter_map(|at| self.addresses.get(*at))
    }

    /// Where those are.
    pub fn list(&self, instance: usize) -> Positions {
        self.own.get(instance).map(|own| Arc::clone(&own.positions)).unwrap_or_default()
    }

    /// Those with that address, on whatever device.
    pub fn named(&self, address: IpAddr) -> impl Iterator<Item = &Address> {
        let positions = self.by_address.get(&address).map_or(&[][..], |positions| &positions[..]);
        positions.iter().filter_map(|at| self.addresses.get(*at))
    }

    /// Those that belong on that interface.
    pub fn on(&self, device: &str) -> impl Iterator<Item = &Address> {
        let positions = self.by_device.get(device).map_or(&[][..], |positions| &positions[..]);
        positions.iter().filter_map(|at| self.addresses.get(*at))
    }

    /// The instance became, or ceased to be, Active.
    pub fn want(&mut self, instance: usize, wanted: bool) {
        let list = self.list(instance);
        // A reload may have given one of them to another instance already.
        let wish = |addressing: &mut Self, at: usize| {
            if addressing.get(at).is_some_and(|address| address.instance == instance) {
                addressing.change(at, |address| address.wanted = wanted);
            }
        };
        if wanted {
            list.iter().for_each(|at| wish(self, *at));
            self.cover(&list);
        } else {
            // Newest first: the kernel finds them sooner, and a primary address goes after its secondaries.
            list.iter().rev().for_each(|at| wish(self, *at));
        }
    }

    /// A device appeared or disappeared; with it go its addresses.
    pub fn device(&mut self, name: &str, ifindex: Option<u32>) {
        let Some(positions) = self.by_device.get(name).cloned() else { return };
        for at in positions.iter().copied() {
            if self.addresses.get(at).is_some_and(|address| address.ifindex != ifindex) {
                self.change(at, |address| {
                    address.ifindex = ifindex;
                    address.presence = Presence::Absent;
                    address.cover = None;
                    address.echoes = 0;
                });
            }
        }
    }

    /// A device goes on under another name: what is ours there is to be removed before it is forgotten. To be told before
    /// [`Self::device`].
    pub fn take_back(&mut self, ifindex: u32) {
        let left = self.iter().map(|(_, address)| address).filter(|address| {
            address.ifindex == Some(ifindex)
                && matches!(address.presence, Presence::Ours | Presence::Adding | Presence::Removing)
        });
        let changes: Vec<Change> = left
            .map(|address| Change {
                position: None,
                operation: Operation::Remove,
                ifindex,
                plan: Arc::clone(&address.plan),
            })
            .collect();
        self.left.extend(changes);
    }

    /// An address that another agent put there for `instance` is ours now; `false` when the instance has no such address.
    pub fn inherit(&mut self, instance: usize, device: &str, ip: IpAddr, prefix_length: u8) -> bool {
        let found = self.positions(ip).iter().copied().find(|at| {
            self.addresses.get(*at).is_some_and(|address| {
                address.instance == instance
                    && address.device == device
                    && address.plan.prefix_length == prefix_length
            })
        });
        let Some(at) = found else { return false };
        // With a device that is gone so is the address.
        if self.addresses.get(at).is_some_and(|address| address.ifindex.is_some()) {
            self.change(at, |address| address.presence = Presence::Ours);
        }
        true
    }

    /// Removes an address that nothing is configured for any more.
    pub fn remove_left(&mut self, ifindex: u32, plan: AddressPlan) {
        let (position, operation, plan) = (None, Operation::Remove, Arc::new(plan));
        self.left.push_back(Change { position, operation, ifindex, plan });
    }

    /// The next request about a cover. It must be answered by [`Self::covered`] or [`Self::uncovered`].
    pub fn next_cover(&mut self) -> Option<Request> {
        self.covering.next()
    }

    /// The next request that is due: about covers first, then about addresses while not too many are under way. It must be
    /// answered by [`Self::covered`], [`Self::uncovered`] or [`Self::answered`].
    pub fn next(&mut self) -> Option<Request> {
        if let Some(request) = self.covering.next() {
            return Some(request);
        }
        if self.under_way >= REQUESTS_UNDER_WAY {
            return None;
        }
        let change = self.left.pop_front().or_else(|| self.next_due());
        self.under_way += usize::from(change.is_some());
        change.map(Request::Address)
    }

    fn next_due(&mut self) -> Option<Change> {
        while let Some(at) = self.queue.pop_front() {
            let address = self.addresses.get_mut(at)?;
            address.queued = false;
            address.reported_gone = false;
            let (Some(operation), Some(ifindex)) = (due(address), address.ifindex) else { continue };
            let plan = Arc::clone(&address.plan);
            self.change(at, |address| {
                address.presence = match operation {
                    Operation::Add => Presence::Adding,
                    Operation::Remove => Presence::Removing,
                };
            });
            return Some(Change { position: Some(at), operation, ifindex, plan });
        }
        None
    }

    /// Whether neither requests nor answers are due.
    pub fn is_settled(&self) -> bool {
        self.queue.is_empty() && self.left.is_empty() && self.under_way == 0 && self.covering.is_empty()
    }

    /// Whether requests are due that may be handed over now.
    pub fn has_requests(&self) -> bool {
        let room = self.under_way < REQUESTS_UNDER_WAY;
        self.covering.has_requests() || room && !(self.queue.is_empty() && self.left.is_empty())
    }

    /// Whether an address of `instance` is on this host by us, or may be: one of its own, or a route ahead of it.
    pub fn is_held(&self, instance: usize) -> bool {
        self.own.get(instance).is_some_and(|own| own.held > 0) || self.covering.is_there(instance)
    }

    /// How many addresses of `instance` the kernel refused.
    pub fn refused(&self, instance: usize) -> usize {
        self.own.get(instance).map_or(0, |own| own.refused)
    }

    /// A change of an address ended, whether or not it reached the kernel.
    pub fn answered(&mut self, change: &Change, result: io::Result<()>) -> Option<(usize, Notice)> {
        let Change { position, operation, ifindex, ref plan } = *change;
        self.under_way = self.under_way.saturating_sub(1);
        let at = position?;
        let address = self.addresses.get_mut(at)?;
        // The device went, and maybe came, while the request was under way: the answer is about another world.
        let current = match operation {
            Operation::Add => address.presence == Presence::Adding,
            Operation::Remove => address.presence == Presence::Removing,
        };
        let same = (plan.address, plan.prefix_length) == (address.plan.address, address.plan.prefix_length);
        if !current || !same || address.ifindex != Some(ifindex) {
            return None;
        }
        let gone = std::mem::take(&mut address.reported_gone);
        let mut notice = None;
        let presence = match (operation, result) {
            (Operation::Add, Ok(())) => Presence::Ours,
            // Somebody else's, and gone by now: ours can take its place.
            (Operation::Add, Err(error)) if error.raw_os_error() == Some(libc::EEXIST) && gone => {
                Presence::Absent
            }
            (Operation::Add, Err(error)) if error.raw_os_error() == Some(libc::EEXIST) => {
                notice = (!address.owned).then_some(Notice::Foreign);
                Presence::Foreign
            }
            (Operation::Add, Err(error)) => {
                notice = Some(Notice::Refused(error.to_string()));
                Presence::Refused
            }
            (Operation::Remove, result) => {
                // Its report may have been faster than the answer.
                if result.is_ok() && !gone {
                    address.echoes += 1;
                }
                // Gone by itself is as good as removed.
                Presence::Absent
            }
        };
        self.change(at, |address| address.presence = presence);
        notice.map(|notice| (at, notice))
    }

    /// Tries again what the kernel refused.
    pub fn retry(&mut self) {
        for at in std::mem::take(&mut self.refused) {
            if self.addresses.get(at).is_some_and(|address| address.presence == Presence::Refused) {
                self.change(at, |address| address.presence = Presence::Absent);
            }
        }
        self.covering.retry();
    }

    fn positions(&self, address: IpAddr) -> Positions {
        self.by_address.get(&address).cloned().unwrap_or_default()
    }

    /// Changes an address, and what follows from it: its request, its instance's counts, its cover. Every change of what
    /// [`is_awaited`] and [`due`] look at goes this way.
    fn change(&mut self, at: usize, change: impl FnOnce(&mut Address)) {
        let Some(address) = self.addresses.get_mut(at) else { return };
        let Some(own) = self.own.get_mut(address.instance) else { return };
        let cover = address.cover;
        let was_refused = address.presence == Presence::Refused;
        own.awaited -= usize::from(is_awaited(address));
        own.held -= usize::from(is_held(address.presence));
        own.refused -= usize::from(was_refused);
        change(address);
        if address.presence == Presence::Absent
            && let Some(plan) = address.remake.take()
        {
            address.plan = plan;
        }
        let is_awaited = is_awaited(address);
        own.awaited += usize::from(is_awaited);
        own.refused += usize::from(address.presence == Presence::Refused);
        own.held += usize::from(is_held(address.presence));
        if !is_awaited {
            address.cover = None;
        }
        if let Some(cover) = cover.filter(|_| address.cover.is_none()) {
            self.covering.leave(cover);
        }
        if address.presence == Presence::Refused && !was_refused {
            self.refused.push(at);
        }
        if !address.queued && due(address).is_some() {
            address.queued = true;
            self.queue.push_back(at);
        }
    }
}

/// Adds a position to those of `key`.
fn note<K: Hash + Eq>(map: &mut HashMap<K, Positions>, key: K, at: usize) {
    Arc::make_mut(map.entry(key).or_default()).push(at);
}

/// Whether an address is on this host by us, or may be.
const fn is_held(presence: Presence) -> bool {
    match presence {
        Presence::Ours | Presence::Adding | Presence::Removing => true,
        Presence::Absent | Presence::Foreign | Presence::Refused => false,
    }
}

/// Whether an address is wanted, can be there, and is not.
const fn is_awaited(address: &Address) -> bool {
    let there = match address.presence {
        Presence::Absent | Presence::Adding | Presence::Removing => false,
        // What is refused comes when it comes.
        Presence::Ours | Presence::Foreign | Presence::Refused => true,
    };
    address.wanted && address.ifindex.is_some() && !there
}

/// What one address needs.
const fn due(address: &Address) -> Option<Operation> {
    match (address.wanted, address.presence) {
        (true, Presence::Absent) if address.ifindex.is_some() => Some(Operation::Add),
        (false, Presence::Ours) => Some(Operation::Remove),
        (true, Presence::Ours) if address.remake.is_some() => Some(Operation::Remove),
        (true, Presence::Absent | Presence::Ours)
        | (false, Presence::Absent)
        | (_, Presence::Foreign | Presence::Adding | Presence::Removing | Presence::Refused) => None,
    }
}

mod delivery;
mod rearranging;
mod reports;

pub use rearranging::{Origin, Placed, Wish};

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_covered;
