//! The virtual addresses: desired × observed → requests.
//!
//! Each address has a wish (its instance is Active) and a presence (what the kernel acknowledged or reported). Requests
//! follow from the two and nothing else, so the same wish twice does nothing, and an address that somebody removed is
//! put back. An address that somebody else put there is never ours: it is not removed, and said loudly.

use std::{
    collections::{HashMap, VecDeque},
    io,
    net::IpAddr,
    ops::Range,
};

use crate::config::plan::AddressPlan;

/// Requests sent in one turn at most, so that thousands of addresses do not make an advert late.
pub const REQUESTS_PER_TURN: usize = 64;

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
    pub plan: AddressPlan,
    /// Interface it belongs on.
    pub device: String,
    /// The instance owns it (priority 255): that it is there without us is as it should be.
    pub owned: bool,
    /// Kernel index of the device, while it exists.
    pub ifindex: Option<u32>,
    /// What the kernel has.
    pub presence: Presence,
    wanted: bool,
    queued: bool,
    /// Removals of ours whose report is still to come.
    echoes: u32,
}

/// All of them.
#[derive(Debug, Default)]
pub struct Addressing {
    addresses: Vec<Address>,
    /// Where each instance's are: they stand together.
    ranges: Vec<Range<usize>>,
    by_address: HashMap<IpAddr, Vec<usize>>,
    queue: VecDeque<usize>,
    outstanding: HashMap<u32, (usize, Operation)>,
}

impl Addressing {
    /// Adds an address of `instance`. Those of one instance are added in a row, instances in their order.
    pub fn insert(&mut self, instance: usize, plan: AddressPlan, device: String, owned: bool) {
        let at = self.addresses.len();
        self.ranges.resize(instance + 1, at..at);
        if let Some(range) = self.ranges.get_mut(instance) {
            range.end = at + 1;
        }
        self.by_address.entry(plan.address).or_default().push(at);
        self.addresses.push(Address {
            instance,
            plan,
            device,
            owned,
            ifindex: None,
            presence: Presence::Absent,
            wanted: false,
            queued: false,
            echoes: 0,
        });
    }

    /// All addresses.
    pub fn iter(&self) -> impl Iterator<Item = &Address> {
        self.addresses.iter()
    }

    /// The address at a position that [`Self::next`] gave.
    pub fn get(&self, at: usize) -> Option<&Address> {
        self.addresses.get(at)
    }

    /// Those of one instance, in the order of the config.
    pub fn of(&self, instance: usize) -> &[Address] {
        let range = self.ranges.get(instance).cloned().unwrap_or_default();
        self.addresses.get(range).unwrap_or_default()
    }

    /// Those with that address, on whatever device.
    pub fn named(&self, address: IpAddr) -> impl Iterator<Item = &Address> {
        let positions = self.by_address.get(&address).into_iter().flatten();
        positions.filter_map(|at| self.addresses.get(*at))
    }

    /// The instance became, or ceased to be, Active.
    pub fn want(&mut self, instance: usize, wanted: bool) {
        for at in self.ranges.get(instance).cloned().unwrap_or_default() {
            self.addresses[at].wanted = wanted;
            self.reconcile(at);
        }
    }

    /// A device appeared or disappeared; with it go its addresses.
    pub fn device(&mut self, name: &str, ifindex: Option<u32>) {
        for at in 0..self.addresses.len() {
            let address = &mut self.addresses[at];
            if address.device == name && address.ifindex != ifindex {
                address.ifindex = ifindex;
                address.presence = Presence::Absent;
                address.echoes = 0;
                self.reconcile(at);
            }
        }
    }

    /// Addresses of ours on a device that goes on under another name: to be removed there before they are forgotten.
    pub fn left_on(&self, ifindex: u32) -> impl Iterator<Item = &Address> {
        self.addresses.iter().filter(move |address| {
            address.ifindex == Some(ifindex)
                && matches!(address.presence, Presence::Ours | Presence::Adding | Presence::Removing)
        })
    }

    /// Requests that are due, at most `limit`: position and operation. Each must be answered by [`Self::sent`] or
    /// [`Self::answered`].
    pub fn next(&mut self) -> Option<(usize, Operation)> {
        while let Some(at) = self.queue.pop_front() {
            self.addresses[at].queued = false;
            if let Some(operation) = due(&self.addresses[at]) {
                self.addresses[at].presence = match operation {
                    Operation::Add => Presence::Adding,
                    Operation::Remove => Presence::Removing,
                };
                return Some((at, operation));
            }
        }
        None
    }

    /// Whether requests or answers are due.
    pub fn is_settled(&self) -> bool {
        self.queue.is_empty() && self.outstanding.is_empty()
    }

    /// Whether answers are due.
    pub fn awaits_answers(&self) -> bool {
        !self.outstanding.is_empty()
    }

    /// Whether requests are due.
    pub fn has_requests(&self) -> bool {
        !self.queue.is_empty()
    }

    /// A request went out under this sequence number.
    pub fn sent(&mut self, at: usize, operation: Operation, sequence: u32) {
        self.outstanding.insert(sequence, (at, operation));
    }

    /// The kernel answered the request of that number.
    pub fn acknowledged(&mut self, sequence: u32, result: io::Result<()>) -> Option<(usize, Notice)> {
        let (at, operation) = self.outstanding.remove(&sequence)?;
        self.answered(at, operation, result).map(|notice| (at, notice))
    }

    /// A request ended, whether or not it reached the kernel.
    pub fn answered(&mut self, at: usize, operation: Operation, result: io::Result<()>) -> Option<Notice> {
        let address = self.addresses.get_mut(at)?;
        // The device went and came while the request was under way: the answer is about another world.
        let stale = !matches!(address.presence, Presence::Adding | Presence::Removing);
        if stale {
            return None;
        }
        let mut notice = None;
        match (operation, result) {
            (Operation::Add, Ok(())) => address.presence = Presence::Ours,
            (Operation::Add, Err(error)) if error.raw_os_error() == Some(libc::EEXIST) => {
                address.presence = Presence::Foreign;
                notice = (!address.owned).then_some(Notice::Foreign);
            }
            (Operation::Add, Err(error)) => {
                address.presence = Presence::Refused;
                notice = Some(Notice::Refused(error.to_string()));
            }
            (Operation::Remove, result) => {
                if result.is_ok() {
                    address.echoes += 1;
                }
                // Gone by itself is as good as removed.
                address.presence = Presence::Absent;
            }
        }
        self.reconcile(at);
        notice
    }

    /// The request could not be sent now; it stays due.
    pub fn postpone(&mut self, at: usize, operation: Operation) {
        if let Some(address) = self.addresses.get_mut(at) {
            address.presence = match operation {
                Operation::Add => Presence::Absent,
                Operation::Remove => Presence::Ours,
            };
            self.reconcile(at);
        }
    }

    /// Tries again what the kernel refused.
    pub fn retry(&mut self) {
        for at in 0..self.addresses.len() {
            if self.addresses[at].presence == Presence::Refused {
                self.addresses[at].presence = Presence::Absent;
                self.reconcile(at);
            }
        }
    }

    /// The kernel reports that an address is there; `ours` by its tag or the journal.
    pub fn appeared(
        &mut self,
        ifindex: u32,
        ip: IpAddr,
        prefix_length: u8,
        ours: bool,
    ) -> Vec<(usize, Notice)> {
        let mut notices = Vec::new();
        for at in self.by_address.get(&ip).cloned().unwrap_or_default() {
            let address = &mut self.addresses[at];
            let same = !ours && !address.owned;
            let exact = address.ifindex == Some(ifindex) && address.plan.prefix_length == prefix_length;
            // Reports of our own additions come after their acknowledgement, tagged.
            if same && (!exact || address.presence == Presence::Absent) {
                if exact {
                    address.presence = Presence::Foreign;
                }
                notices.push((at, Notice::Foreign));
            }
        }
        notices
    }

    /// The kernel reports that an address is gone.
    pub fn disappeared(&mut self, ifindex: u32, ip: IpAddr, prefix_length: u8) -> Vec<(usize, Notice)> {
        let mut notices = Vec::new();
        for at in self.by_address.get(&ip).cloned().unwrap_or_default() {
            let address = &mut self.addresses[at];
            let exact = address.ifindex == Some(ifindex) && address.plan.prefix_length == prefix_length;
            if !exact {
                notices.push((at, Notice::ForeignGone));
                continue;
            }
            if address.echoes > 0 {
                address.echoes -= 1;
                continue;
            }
            match address.presence {
                Presence::Ours => {
                    address.presence = Presence::Absent;
                    if address.wanted {
                        notices.push((at, Notice::RemovedByOthers));
                    }
                    self.reconcile(at);
                }
                Presence::Foreign => {
                    address.presence = Presence::Absent;
                    notices.push((at, Notice::ForeignGone));
                    self.reconcile(at);
                }
                Presence::Absent | Presence::Adding | Presence::Removing | Presence::Refused => {}
            }
        }
        notices
    }

    /// Compares with a whole dump: `present` says whether (ifindex, address, prefix length) is there.
    pub fn compare(&mut self, present: impl Fn(u32, IpAddr, u8) -> bool) -> Vec<(usize, Notice)> {
        let mut gone = Vec::new();
        for address in &mut self.addresses {
            address.echoes = 0;
            if let Some(ifindex) = address.ifindex
                && matches!(address.presence, Presence::Ours | Presence::Foreign)
                && !present(ifindex, address.plan.address, address.plan.prefix_length)
            {
                gone.push((ifindex, address.plan.address, address.plan.prefix_length));
            }
        }
        gone.into_iter().flat_map(|(ifindex, ip, prefix)| self.disappeared(ifindex, ip, prefix)).collect()
    }

    fn reconcile(&mut self, at: usize) {
        let address = &mut self.addresses[at];
        if !address.queued && due(address).is_some() {
            address.queued = true;
            self.queue.push_back(at);
        }
    }
}

/// What one address needs.
const fn due(address: &Address) -> Option<Operation> {
    match (address.wanted, address.presence) {
        (true, Presence::Absent) if address.ifindex.is_some() => Some(Operation::Add),
        (false, Presence::Ours) => Some(Operation::Remove),
        (true, Presence::Absent | Presence::Ours)
        | (false, Presence::Absent)
        | (_, Presence::Foreign | Presence::Adding | Presence::Removing | Presence::Refused) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VIP: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 3));

    fn one() -> Addressing {
        let mut addressing = Addressing::default();
        let plan = AddressPlan::plain(VIP, 32);
        addressing.insert(0, plan, "ens33".into(), false);
        addressing.device("ens33", Some(2));
        addressing
    }

    fn active() -> Addressing {
        let mut addressing = one();
        addressing.want(0, true);
        assert_eq!(addressing.next(), Some((0, Operation::Add)));
        addressing.sent(0, Operation::Add, 1);
        assert_eq!(addressing.acknowledged(1, Ok(())), None);
        addressing
    }

    #[test]
    fn the_same_wish_twice_asks_once() {
        let mut addressing = one();
        addressing.want(0, true);
        addressing.want(0, true);
        assert_eq!(addressing.next(), Some((0, Operation::Add)));
        assert_eq!(addressing.next(), None);
    }

    #[test]
    fn a_wish_that_changes_while_the_kernel_works_is_carried_out_afterwards() {
        let mut addressing = one();
        addressing.want(0, true);
        assert_eq!(addressing.next(), Some((0, Operation::Add)));
        addressing.want(0, false);
        assert_eq!(addressing.next(), None);
        addressing.answered(0, Operation::Add, Ok(()));
        assert_eq!(addressing.next(), Some((0, Operation::Remove)));
    }

    #[test]
    fn an_address_removed_by_others_is_put_back() {
        let mut addressing = active();
        assert_eq!(addressing.disappeared(2, VIP, 32), [(0, Notice::RemovedByOthers)]);
        assert_eq!(addressing.next(), Some((0, Operation::Add)));
    }

    #[test]
    fn the_late_report_of_our_own_removal_is_not_taken_for_somebody_elses() {
        let mut addressing = active();
        addressing.want(0, false);
        assert_eq!(addressing.next(), Some((0, Operation::Remove)));
        addressing.answered(0, Operation::Remove, Ok(()));
        addressing.want(0, true);
        assert_eq!(addressing.next(), Some((0, Operation::Add)));
        addressing.answered(0, Operation::Add, Ok(()));
        assert_eq!(addressing.disappeared(2, VIP, 32), []);
        assert_eq!(addressing.next(), None);
    }

    #[test]
    fn a_foreign_address_is_told_of_and_never_removed() {
        let mut addressing = one();
        assert_eq!(addressing.appeared(2, VIP, 32, false), [(0, Notice::Foreign)]);
        addressing.want(0, true);
        addressing.want(0, false);
        assert_eq!(addressing.next(), None);
        assert_eq!(addressing.disappeared(2, VIP, 32), [(0, Notice::ForeignGone)]);
        addressing.want(0, true);
        assert_eq!(addressing.next(), Some((0, Operation::Add)));
    }

    #[test]
    fn a_device_that_comes_back_gets_its_addresses_again() {
        let mut addressing = active();
        addressing.device("ens33", None);
        assert_eq!(addressing.next(), None);
        addressing.device("ens33", Some(9));
        assert_eq!(addressing.next(), Some((0, Operation::Add)));
    }

    #[test]
    fn what_the_kernel_refuses_is_said_and_tried_again() {
        let mut addressing = one();
        addressing.want(0, true);
        assert_eq!(addressing.next(), Some((0, Operation::Add)));
        let error = io::Error::from_raw_os_error(libc::EACCES);
        assert!(matches!(addressing.answered(0, Operation::Add, Err(error)), Some(Notice::Refused(_))));
        assert_eq!(addressing.next(), None);
        addressing.retry();
        assert_eq!(addressing.next(), Some((0, Operation::Add)));
    }

    #[test]
    fn a_dump_that_lacks_our_address_counts_as_removed() {
        let mut addressing = active();
        assert_eq!(addressing.compare(|_, _, _| true), []);
        assert_eq!(addressing.compare(|_, _, _| false), [(0, Notice::RemovedByOthers)]);
    }
}
