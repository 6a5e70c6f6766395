//! Another config: which address is whose from now on, and which is nobody's any more.
//!
//! An address that goes from one instance to another stays where it is, on the host and in this list, as long as both are
//! Active: nothing is asked of the kernel. So all lists are made anew first ([`Addressing::place`],
//! [`Addressing::relist`]), and only then is it settled what is on none of them ([`Addressing::let_go`]).

use std::{net::IpAddr, sync::Arc};

use super::{Address, Addressing, Positions, Presence, Standing, is_awaited, is_held};
use crate::config::plan::AddressPlan;

/// Where an address is to be, and what was there before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Its position.
    pub at: usize,
    /// Where it comes from.
    pub origin: Origin,
}

/// Where an address comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It was the instance's already.
    Own,
    /// It was another instance's, or was on its way out.
    Other(usize),
    /// It was not known.
    New,
}

/// What an instance asks for.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// The address.
    pub plan: &'a AddressPlan,
    /// The interface.
    pub device: &'a str,
    /// That interface's index, while it exists.
    pub ifindex: Option<u32>,
    /// The instance owns it.
    pub owned: bool,
    /// The instance is Active: where it is on the host it is to stay there. One that is new is wanted by [`Addressing::want`].
    pub wanted: bool,
}

impl Addressing {
    /// Gives an address to `instance`: the one that is known by that name on that interface, whoever's it was, or a new one.
    /// It is not on the instance's list before [`Self::relist`].
    pub fn place(&mut self, instance: usize, wish: Wish<'_>) -> Placed {
        let Wish { plan, device, ifindex, owned, wanted } = wish;
        let known = self.positions(plan.address).iter().copied().find(|at| {
            self.get(*at).is_some_and(|address| {
                address.device == device && address.plan.prefix_length == plan.prefix_length
            })
        });
        let Some(at) = known else {
            let at = self.make(instance, plan.clone(), device.to_owned(), owned);
            self.change(at, |address| address.ifindex = ifindex);
            return Placed { at, origin: Origin::New };
        };
        let before = self.get(at).map(|address| (address.instance, address.standing));
        let origin = match before {
            Some((owner, Standing::Listed)) if owner == instance => Origin::Own,
            Some((owner, Standing::Listed | Standing::Leaving | Standing::Vacant)) => Origin::Other(owner),
            None => Origin::New,
        };
        self.leaving.retain(|other| *other != at);
        self.rehome(at, instance);
        self.change(at, |address| {
            address.standing = Standing::Listed;
            address.owned = owned;
            reshape(address, plan);
            address.wanted = wanted;
        });
        Placed { at, origin }
    }

    /// The addresses of `instance` are these from now on. Returns those that it had and that are not its own any more; they
    /// may be another's by now, or soon.
    pub fn relist(&mut self, instance: usize, positions: Vec<usize>) -> Vec<usize> {
        let Some(own) = self.own.get_mut(instance) else { return Vec::new() };
        let before = std::mem::replace(&mut own.positions, Positions::new(positions));
        let now: std::collections::HashSet<usize> = self.list(instance).iter().copied().collect();
        before.iter().copied().filter(|at| !now.contains(at)).collect()
    }

    /// Lets go of an address that `instance` had, unless another one has it now. It is forgotten when the kernel has let go
    /// of it too.
    pub fn let_go(&mut self, instance: usize, at: usize) {
        let Some(address) = self.get(at) else { return };
        if address.instance != instance || address.standing != Standing::Listed {
            return;
        }
        self.change(at, |address| {
            address.standing = Standing::Leaving;
            address.wanted = false;
            address.remake = None;
        });
        self.leaving.push(at);
    }

    /// Whether addresses are on their way out that nobody has any more.
    pub fn is_letting_go(&self) -> bool {
        !self.leaving.is_empty()
    }

    /// Forgets those on their way out that the kernel does not have any more, at most `most`, and returns where they were.
    /// What they were is still to be read there, until the next [`Self::place`].
    pub fn forget_gone(&mut self, most: usize) -> Vec<usize> {
        let gone: Vec<usize> =
            self.leaving.iter().copied().filter(|at| self.is_gone(*at)).take(most).collect();
        if gone.is_empty() {
            return gone;
        }
        self.leaving.retain(|at| !gone.contains(at));
        for at in gone.iter().copied() {
            self.change(at, |address| {
                address.standing = Standing::Vacant;
                address.presence = Presence::Absent;
            });
            let Some(address) = self.addresses.get(at) else { continue };
            let (ip, device) = (address.plan.address, address.device.clone());
            forget(self.by_address.get_mut(&ip), at);
            if self.by_address.get(&ip).is_some_and(|positions| positions.is_empty()) {
                self.by_address.remove(&ip);
            }
            forget(self.by_device.get_mut(&device), at);
            if self.by_device.get(&device).is_some_and(|positions| positions.is_empty()) {
                self.by_device.remove(&device);
            }
            self.vacant.push(at);
        }
        gone
    }

    /// Whether anybody else than the one at `at` is that address on that interface.
    pub fn is_shared(&self, at: usize, ip: IpAddr, ifindex: Option<u32>) -> bool {
        self.positions(ip)
            .iter()
            .any(|other| *other != at && self.get(*other).is_some_and(|address| address.ifindex == ifindex))
    }

    /// Whether an address belongs on that interface.
    pub fn has_on(&self, device: &str) -> bool {
        self.by_device.contains_key(device)
    }

    fn is_gone(&self, at: usize) -> bool {
        let Some(address) = self.get(at) else { return true };
        let released = match address.presence {
            Presence::Absent | Presence::Foreign | Presence::Refused => true,
            Presence::Ours | Presence::Adding | Presence::Removing => false,
        };
        // The report of our own removal is not to be taken for one of another address in its place.
        released && !address.queued && (address.echoes == 0 || address.ifindex.is_none())
    }

    /// Counts an address to another instance. What delivered it on the way is that of the old one.
    fn rehome(&mut self, at: usize, instance: usize) {
        if self.own.len() <= instance {
            self.own.resize(instance + 1, super::Own::default());
        }
        let Some(address) = self.addresses.get_mut(at).filter(|address| address.instance != instance) else {
            return;
        };
        let (awaited, held, refused) =
            (is_awaited(address), is_held(address.presence), address.presence == Presence::Refused);
        let cover = address.cover.take();
        let before = std::mem::replace(&mut address.instance, instance);
        if let Some(own) = self.own.get_mut(before) {
            own.awaited -= usize::from(awaited);
            own.held -= usize::from(held);
            own.refused -= usize::from(refused);
        }
        if let Some(own) = self.own.get_mut(instance) {
            own.awaited += usize::from(awaited);
            own.held += usize::from(held);
            own.refused += usize::from(refused);
        }
        if let Some(cover) = cover {
            self.covering.leave(cover);
        }
    }
}

/// Makes an address what `plan` says: at once, or as soon as the kernel has let go of the form that it has there.
fn reshape(address: &mut Address, plan: &AddressPlan) {
    let there = is_held(address.presence);
    if there && !is_same_to_the_kernel(&address.plan, plan) {
        address.remake = Some(Arc::new(plan.clone()));
    } else {
        address.remake = None;
        if *address.plan != *plan {
            address.plan = Arc::new(plan.clone());
        }
    }
}

fn is_same_to_the_kernel(one: &AddressPlan, other: &AddressPlan) -> bool {
    let tracked = |plan: &AddressPlan| AddressPlan { tracks_device: true, device: None, ..plan.clone() };
    tracked(one) == tracked(other)
}

fn forget(positions: Option<&mut Positions>, at: usize) {
    let Some(positions) = positions else { return };
    let positions = Arc::make_mut(positions);
    if let Some(found) = positions.iter().position(|other| *other == at) {
        positions.swap_remove(found);
    }
}

#[cfg(test)]
mod tests;
