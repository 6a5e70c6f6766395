//! The virtual addresses: desired × observed → requests.
//!
//! Each address has a wish (its instance is Active) and a presence (what the kernel acknowledged or reported). Requests
//! follow from the two and nothing else, so the same wish twice does nothing, and an address that somebody removed is
//! put back. An address that somebody else put there is never ours: it is not removed, and said loudly.
//!
//! Requests are carried out by another thread (`assigner`), in their order, and each is answered once. An address has at
//! most one under way.

use std::{
    collections::{HashMap, VecDeque},
    net::IpAddr,
    ops::Range,
    sync::Arc,
};

use super::assigner::{Answer, Request};
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
    /// It was reported gone while a request was under way.
    reported_gone: bool,
}

/// All of them.
#[derive(Debug, Default)]
pub struct Addressing {
    addresses: Vec<Address>,
    /// Where each instance's are: they stand together.
    ranges: Vec<Range<usize>>,
    by_address: HashMap<IpAddr, Vec<usize>>,
    queue: VecDeque<usize>,
    /// To be removed where `addresses` knows nothing of them any more.
    left: VecDeque<Request>,
    /// Requests handed over and not answered.
    under_way: usize,
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
            plan: Arc::new(plan),
            device,
            owned,
            ifindex: None,
            presence: Presence::Absent,
            wanted: false,
            queued: false,
            echoes: 0,
            reported_gone: false,
        });
    }

    /// All addresses.
    pub fn iter(&self) -> impl Iterator<Item = &Address> {
        self.addresses.iter()
    }

    /// The address at the position that a notice names.
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

    /// A device goes on under another name: what is ours there is to be removed before it is forgotten. To be told before
    /// [`Self::device`].
    pub fn take_back(&mut self, ifindex: u32) {
        let left = self.addresses.iter().filter(|address| {
            address.ifindex == Some(ifindex)
                && matches!(address.presence, Presence::Ours | Presence::Adding | Presence::Removing)
        });
        self.left.extend(left.map(|address| Request {
            position: None,
            operation: Operation::Remove,
            ifindex,
            plan: Arc::clone(&address.plan),
        }));
    }

    /// An address that another agent put there for `instance` is ours now; `false` when the instance has no such address.
    pub fn inherit(&mut self, instance: usize, device: &str, ip: IpAddr, prefix_length: u8) -> bool {
        let range = self.ranges.get(instance).cloned().unwrap_or_default();
        let found = self.addresses.get_mut(range).into_iter().flatten().find(|address| {
            address.device == device
                && address.plan.address == ip
                && address.plan.prefix_length == prefix_length
        });
        let Some(address) = found else { return false };
        // With a device that is gone so is the address.
        if address.ifindex.is_some() {
            address.presence = Presence::Ours;
        }
        true
    }

    /// Removes an address that nothing is configured for any more.
    pub fn remove_left(&mut self, ifindex: u32, plan: AddressPlan) {
        let (position, operation, plan) = (None, Operation::Remove, Arc::new(plan));
        self.left.push_back(Request { position, operation, ifindex, plan });
    }

    /// The next request that is due, while not too many are under way. It must be answered by
    /// [`Self::answered`].
    pub fn next(&mut self) -> Option<Request> {
        if self.under_way >= REQUESTS_UNDER_WAY {
            return None;
        }
        let request = self.left.pop_front().or_else(|| self.next_due());
        self.under_way += usize::from(request.is_some());
        request
    }

    fn next_due(&mut self) -> Option<Request> {
        while let Some(at) = self.queue.pop_front() {
            let address = self.addresses.get_mut(at)?;
            address.queued = false;
            address.reported_gone = false;
            let (Some(operation), Some(ifindex)) = (due(address), address.ifindex) else { continue };
            address.presence = match operation {
                Operation::Add => Presence::Adding,
                Operation::Remove => Presence::Removing,
            };
            return Some(Request { position: Some(at), operation, ifindex, plan: Arc::clone(&address.plan) });
        }
        None
    }

    /// Whether neither requests nor answers are due.
    pub fn is_settled(&self) -> bool {
        self.queue.is_empty() && self.left.is_empty() && self.under_way == 0
    }

    /// Whether requests are due that may be handed over now.
    pub fn has_requests(&self) -> bool {
        self.under_way < REQUESTS_UNDER_WAY && !(self.queue.is_empty() && self.left.is_empty())
    }

    /// Whether the kernel has yet to say of an address of `instance` that it is there.
    pub fn is_adding(&self, instance: usize) -> bool {
        self.of(instance).iter().any(|address| {
            address.wanted
                && address.ifindex.is_some()
                && matches!(address.presence, Presence::Absent | Presence::Adding)
        })
    }

    /// A request ended, whether or not it reached the kernel.
    pub fn answered(&mut self, answer: Answer) -> Option<(usize, Notice)> {
        let Answer { request: Request { position, operation, ifindex, plan: _ }, result } = answer;
        self.under_way = self.under_way.saturating_sub(1);
        let at = position?;
        let address = self.addresses.get_mut(at)?;
        // The device went, and maybe came, while the request was under way: the answer is about another world.
        let current = match operation {
            Operation::Add => address.presence == Presence::Adding,
            Operation::Remove => address.presence == Presence::Removing,
        };
        if !current || address.ifindex != Some(ifindex) {
            return None;
        }
        let gone = std::mem::take(&mut address.reported_gone);
        let mut notice = None;
        match (operation, result) {
            (Operation::Add, Ok(())) => address.presence = Presence::Ours,
            (Operation::Add, Err(error)) if error.raw_os_error() == Some(libc::EEXIST) && gone => {
                // Somebody else's, and gone by now: ours can take its place.
                address.presence = Presence::Absent;
            }
            (Operation::Add, Err(error)) if error.raw_os_error() == Some(libc::EEXIST) => {
                address.presence = Presence::Foreign;
                notice = (!address.owned).then_some(Notice::Foreign);
            }
            (Operation::Add, Err(error)) => {
                address.presence = Presence::Refused;
                notice = Some(Notice::Refused(error.to_string()));
            }
            (Operation::Remove, result) => {
                // Its report may have been faster than the answer.
                if result.is_ok() && !gone {
                    address.echoes += 1;
                }
                // Gone by itself is as good as removed.
                address.presence = Presence::Absent;
            }
        }
        self.reconcile(at);
        notice.map(|notice| (at, notice))
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
                // What it means is known when the answer is there.
                Presence::Adding | Presence::Removing => address.reported_gone = true,
                Presence::Absent | Presence::Refused => {}
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
    use std::io;

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
        let request = next(&mut addressing, Operation::Add);
        assert_eq!(addressing.answered(Answer { request, result: Ok(()) }), None);
        addressing
    }

    /// The next request, which must be that.
    fn next(addressing: &mut Addressing, operation: Operation) -> Request {
        let request = addressing.next().unwrap();
        assert_eq!((request.position, request.operation), (Some(0), operation));
        request
    }

    #[test]
    fn the_same_wish_twice_asks_once() {
        let mut addressing = one();
        addressing.want(0, true);
        addressing.want(0, true);
        next(&mut addressing, Operation::Add);
        assert_eq!(addressing.next(), None);
    }

    #[test]
    fn a_wish_that_changes_while_the_kernel_works_is_carried_out_afterwards() {
        let mut addressing = one();
        addressing.want(0, true);
        let request = next(&mut addressing, Operation::Add);
        addressing.want(0, false);
        assert_eq!(addressing.next(), None);
        addressing.answered(Answer { request, result: Ok(()) });
        next(&mut addressing, Operation::Remove);
    }

    #[test]
    fn an_address_removed_by_others_is_put_back() {
        let mut addressing = active();
        assert_eq!(addressing.disappeared(2, VIP, 32), [(0, Notice::RemovedByOthers)]);
        next(&mut addressing, Operation::Add);
    }

    #[test]
    fn the_late_report_of_our_own_removal_is_not_taken_for_somebody_elses() {
        let mut addressing = active();
        addressing.want(0, false);
        let request = next(&mut addressing, Operation::Remove);
        addressing.answered(Answer { request, result: Ok(()) });
        addressing.want(0, true);
        let request = next(&mut addressing, Operation::Add);
        addressing.answered(Answer { request, result: Ok(()) });
        assert_eq!(addressing.disappeared(2, VIP, 32), []);
        assert_eq!(addressing.next(), None);
    }

    #[test]
    fn a_report_of_our_own_removal_that_is_faster_than_the_answer_hides_no_later_one() {
        let mut addressing = active();
        addressing.want(0, false);
        let request = next(&mut addressing, Operation::Remove);
        assert_eq!(addressing.disappeared(2, VIP, 32), []);
        addressing.answered(Answer { request, result: Ok(()) });
        addressing.want(0, true);
        let request = next(&mut addressing, Operation::Add);
        addressing.answered(Answer { request, result: Ok(()) });
        assert_eq!(addressing.disappeared(2, VIP, 32), [(0, Notice::RemovedByOthers)]);
    }

    #[test]
    fn a_foreign_address_that_goes_before_the_kernels_refusal_arrives_makes_room_for_ours() {
        let mut addressing = one();
        addressing.want(0, true);
        let request = next(&mut addressing, Operation::Add);
        assert_eq!(addressing.disappeared(2, VIP, 32), []);
        let result = Err(io::Error::from_raw_os_error(libc::EEXIST));
        assert_eq!(addressing.answered(Answer { request, result }), None);
        next(&mut addressing, Operation::Add);
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
        next(&mut addressing, Operation::Add);
    }

    #[test]
    fn a_device_that_comes_back_gets_its_addresses_again() {
        let mut addressing = active();
        addressing.device("ens33", None);
        assert_eq!(addressing.next(), None);
        addressing.device("ens33", Some(9));
        next(&mut addressing, Operation::Add);
    }

    #[test]
    fn what_the_kernel_refuses_is_said_and_tried_again() {
        let mut addressing = one();
        addressing.want(0, true);
        let request = next(&mut addressing, Operation::Add);
        let result = Err(io::Error::from_raw_os_error(libc::EACCES));
        let notice = addressing.answered(Answer { request, result });
        assert!(matches!(notice, Some((0, Notice::Refused(_)))));
        assert!(!addressing.is_adding(0), "nobody waits for what is refused");
        assert_eq!(addressing.next(), None);
        addressing.retry();
        next(&mut addressing, Operation::Add);
    }

    #[test]
    fn a_dump_that_lacks_our_address_counts_as_removed() {
        let mut addressing = active();
        assert_eq!(addressing.compare(|_, _, _| true), []);
        assert_eq!(addressing.compare(|_, _, _| false), [(0, Notice::RemovedByOthers)]);
    }

    #[test]
    fn an_instance_adds_until_the_kernel_has_answered_for_each_of_its_addresses() {
        let mut addressing = one();
        addressing.insert(1, AddressPlan::plain("10.0.0.4".parse().unwrap(), 32), "ens33".into(), false);
        addressing.insert(1, AddressPlan::plain("10.0.0.5".parse().unwrap(), 32), "absent".into(), false);
        addressing.device("ens33", Some(2));
        addressing.want(0, true);
        assert_eq!((addressing.is_adding(0), addressing.is_adding(1)), (true, false));
        let request = next(&mut addressing, Operation::Add);
        assert!(addressing.is_adding(0), "it is under way");
        addressing.want(1, true);
        addressing.answered(Answer { request, result: Ok(()) });
        assert_eq!((addressing.is_adding(0), addressing.is_adding(1)), (false, true));
        let request = addressing.next().unwrap();
        addressing.answered(Answer { request, result: Ok(()) });
        assert!(!addressing.is_adding(1), "nobody waits for a device that is absent");
    }

    #[test]
    fn it_is_settled_when_every_request_is_answered() {
        let mut addressing = one();
        assert!(addressing.is_settled());
        addressing.want(0, true);
        assert_eq!((addressing.is_settled(), addressing.has_requests()), (false, true));
        let request = next(&mut addressing, Operation::Add);
        assert_eq!((addressing.is_settled(), addressing.has_requests()), (false, false));
        addressing.answered(Answer { request, result: Ok(()) });
        assert!(addressing.is_settled());
    }

    #[test]
    fn no_more_requests_are_under_way_than_there_is_room_for() {
        let mut addressing = Addressing::default();
        for number in 0..=REQUESTS_UNDER_WAY {
            let ip = std::net::Ipv4Addr::from(0x0a00_0000 + number as u32).into();
            addressing.insert(0, AddressPlan::plain(ip, 32), "ens33".into(), false);
        }
        addressing.device("ens33", Some(2));
        addressing.want(0, true);
        let mut requests: Vec<_> = std::iter::from_fn(|| addressing.next()).collect();
        assert_eq!((requests.len(), addressing.has_requests()), (REQUESTS_UNDER_WAY, false));
        let answer = Answer { request: requests.remove(0), result: Ok(()) };
        addressing.answered(answer);
        assert!(addressing.has_requests());
        assert_eq!(addressing.next().unwrap().position, Some(REQUESTS_UNDER_WAY));
    }

    #[test]
    fn the_answer_about_a_device_that_went_and_came_is_not_taken_for_the_new_ones() {
        let mut addressing = one();
        addressing.want(0, true);
        let old = next(&mut addressing, Operation::Add);
        addressing.device("ens33", None);
        addressing.device("ens33", Some(9));
        let new = next(&mut addressing, Operation::Add);
        addressing.answered(Answer { request: old, result: Ok(()) });
        assert!(addressing.is_adding(0));
        addressing.answered(Answer { request: new, result: Ok(()) });
        assert_eq!((addressing.is_adding(0), addressing.is_settled()), (false, true));
    }

    #[test]
    fn what_is_left_on_a_renamed_device_is_removed_there() {
        let mut addressing = active();
        addressing.take_back(2);
        addressing.device("ens33", None);
        let request = addressing.next().unwrap();
        assert_eq!((request.position, request.operation, request.ifindex), (None, Operation::Remove, 2));
        assert!(!addressing.is_settled());
        assert_eq!(addressing.answered(Answer { request, result: Ok(()) }), None);
        assert!(addressing.is_settled());
    }
}
