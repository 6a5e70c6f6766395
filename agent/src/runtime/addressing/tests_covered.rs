//! Many addresses: what goes ahead of them, and when it is taken away again.

use std::{io, ops::Range};

use proptest::prelude::*;
use regent_common::Family;

use super::{delivery::COVERED_FROM, *};

/// Addresses of each instance here: enough to be covered.
const MANY: usize = COVERED_FROM;

/// Instances with so many addresses each, instance n from 10.0.n.0 on, all on ens33.
fn instances(counts: &[usize]) -> Addressing {
    let mut addressing = Addressing::default();
    for (instance, count) in counts.iter().enumerate() {
        for last in 0..*count {
            addressing.insert(instance, plan(instance, last), "ens33".into(), false);
        }
    }
    addressing.device("ens33", Some(2));
    addressing
}

fn plan(instance: usize, last: usize) -> AddressPlan {
    AddressPlan::plain(std::net::Ipv4Addr::new(10, 0, instance as u8, last as u8).into(), 32)
}

/// A request in a word: `+0.1` and `-0.1` for instance 0's address 1, `cover 1: 16`, `uncover 1`.
fn word(request: &Request) -> String {
    match request {
        Request::Cover { id, addresses, .. } => format!("cover {}: {}", id.0, addresses.len()),
        Request::Uncover(id) => format!("uncover {}", id.0),
        Request::Address(change) => {
            let sign = match change.operation {
                Operation::Add => '+',
                Operation::Remove => '-',
            };
            let text = change.plan.address.to_string();
            format!("{sign}{}", text.trim_start_matches("10.0."))
        }
    }
}

/// All requests that are due now.
fn due_now(addressing: &mut Addressing) -> Vec<Request> {
    std::iter::from_fn(|| addressing.next()).collect()
}

fn words(requests: &[Request]) -> Vec<String> {
    requests.iter().map(word).collect()
}

/// The kernel does as it is told.
fn grant(addressing: &mut Addressing, requests: impl IntoIterator<Item = Request>) {
    for request in requests {
        match request {
            Request::Address(change) => drop(addressing.answered(&change, Ok(()))),
            Request::Cover { id, .. } => assert_eq!(addressing.covered(id, Ok(())), None),
            Request::Uncover(id) => assert_eq!(addressing.uncovered(id, Ok(())), None),
        }
    }
}

/// `+INSTANCE.0`, `+INSTANCE.1`, and so on.
fn additions(instance: usize) -> Vec<String> {
    (0..MANY).map(|last| format!("+{instance}.{last}")).collect()
}

#[test]
fn routes_go_ahead_of_many_addresses_and_away_when_the_last_is_there() {
    let mut addressing = instances(&[MANY]);
    addressing.want(0, true);
    let mut requests = due_now(&mut addressing);
    assert_eq!(words(&requests), [vec!["cover 1: 16".to_owned()], additions(0)].concat());
    assert!(!addressing.is_deliverable(0));
    grant(&mut addressing, requests.drain(..1));
    assert!(addressing.is_deliverable(0), "none of the addresses is there");
    let last = requests.pop();
    grant(&mut addressing, requests);
    assert!(addressing.is_deliverable(0));
    assert_eq!(words(&due_now(&mut addressing)), [""; 0]);
    grant(&mut addressing, last);
    let requests = due_now(&mut addressing);
    assert_eq!(words(&requests), ["uncover 1"]);
    assert!(!addressing.is_settled());
    grant(&mut addressing, requests);
    assert!(addressing.is_settled() && addressing.is_deliverable(0));
}

#[test]
fn few_addresses_go_without_unless_many_others_wait_before_them() {
    let mut addressing = instances(&[MANY - 1, 2]);
    addressing.want(0, true);
    addressing.want(1, true);
    let requests = words(&due_now(&mut addressing));
    assert_eq!(requests[..2], ["cover 1: 2", "+0.0"]);
    assert_eq!(requests.len(), 1 + MANY + 1);
}

#[test]
fn routes_of_every_instance_go_ahead_of_the_addresses_of_any() {
    let mut addressing = instances(&[MANY, MANY]);
    addressing.want(0, true);
    addressing.want(1, true);
    let first = vec!["cover 1: 16".to_owned(), "cover 2: 16".to_owned()];
    assert_eq!(words(&due_now(&mut addressing)), [first, additions(0), additions(1)].concat());
}

#[test]
fn giving_up_takes_the_routes_away_first_and_then_the_addresses_from_the_newest_on() {
    let mut addressing = instances(&[MANY]);
    addressing.want(0, true);
    let requests = due_now(&mut addressing);
    // The cover, and half of the addresses.
    grant(&mut addressing, requests.into_iter().take(1 + MANY / 2));
    addressing.want(0, false);
    let mut expected = vec!["uncover 1".to_owned()];
    expected.extend((0..MANY / 2).rev().map(|last| format!("-0.{last}")));
    assert_eq!(words(&due_now(&mut addressing)), expected);
}

#[test]
fn a_takeover_that_ends_before_it_was_asked_for_asks_for_nothing() {
    let mut addressing = instances(&[MANY]);
    addressing.want(0, true);
    addressing.want(0, false);
    assert_eq!(words(&due_now(&mut addressing)), [""; 0]);
    assert!(addressing.is_settled());
}

#[test]
fn a_mind_that_changes_twice_covers_what_is_not_there_after_the_old_cover_is_away() {
    let mut addressing = instances(&[MANY]);
    addressing.want(0, true);
    let cover = addressing.next();
    addressing.want(0, false);
    addressing.want(0, true);
    let requests = due_now(&mut addressing);
    let first = vec!["uncover 1".to_owned(), "cover 2: 16".to_owned()];
    assert_eq!(words(&requests), [first, additions(0)].concat());
    grant(&mut addressing, cover);
    assert!(!addressing.is_deliverable(0), "the first cover is on its way out");
    grant(&mut addressing, requests);
    let requests = due_now(&mut addressing);
    assert_eq!(words(&requests), ["uncover 2"]);
    grant(&mut addressing, requests);
    assert!(addressing.is_settled());
}

#[test]
fn an_instance_that_changes_its_mind_faster_than_the_kernel_follows_goes_without_routes() {
    let mut addressing = instances(&[MANY]);
    let mut under_way = Vec::new();
    for _ in 0..10 {
        addressing.want(0, true);
        under_way.extend(addressing.next_cover());
        addressing.want(0, false);
        under_way.extend(addressing.next_cover());
    }
    assert_eq!(under_way.len(), 8);
    grant(&mut addressing, under_way);
    addressing.want(0, true);
    assert_eq!(words(&due_now(&mut addressing))[0], "cover 5: 16");
}

#[test]
fn refused_routes_are_told_of_and_their_addresses_are_delivered_one_by_one() {
    let mut addressing = instances(&[MANY]);
    addressing.want(0, true);
    let mut requests = due_now(&mut addressing);
    let error = io::Error::from_raw_os_error(libc::ENETDOWN);
    let told = addressing.covered(CoverId(1), Err(error));
    assert!(matches!(&told, Some((0, text)) if text.contains("cannot add local routes")), "{told:?}");
    let last = requests.pop();
    grant(&mut addressing, requests.split_off(1));
    assert!(!addressing.is_deliverable(0));
    grant(&mut addressing, last);
    assert!(addressing.is_deliverable(0));
    assert_eq!(words(&due_now(&mut addressing)), ["uncover 1"], "some of it may be there");
}

#[test]
fn routes_that_the_kernel_does_not_remove_are_told_of_and_tried_again() {
    let mut addressing = instances(&[MANY]);
    addressing.want(0, true);
    let requests = due_now(&mut addressing);
    grant(&mut addressing, requests);
    assert_eq!(words(&due_now(&mut addressing)), ["uncover 1"]);
    let told = addressing.uncovered(CoverId(1), Err(io::Error::from_raw_os_error(libc::ENOBUFS)));
    assert!(matches!(&told, Some((0, text)) if text.contains("proto 112")), "{told:?}");
    assert_eq!((words(&due_now(&mut addressing)), addressing.is_settled()), (vec![], false));
    addressing.retry();
    let requests = due_now(&mut addressing);
    assert_eq!(words(&requests), ["uncover 1"]);
    grant(&mut addressing, requests);
    assert!(addressing.is_settled());
}

#[test]
fn routes_do_not_outlive_a_batch_in_which_addresses_are_refused_or_somebody_elses() {
    let mut addressing = instances(&[MANY]);
    addressing.want(0, true);
    let mut requests = due_now(&mut addressing).into_iter();
    grant(&mut addressing, requests.next());
    for (request, errno) in requests.by_ref().take(2).zip([libc::EEXIST, libc::EACCES]) {
        let Request::Address(change) = request else { panic!("a request about an address") };
        addressing.answered(&change, Err(io::Error::from_raw_os_error(errno)));
    }
    grant(&mut addressing, requests);
    assert_eq!(words(&due_now(&mut addressing)), ["uncover 1"]);
    assert!(addressing.is_deliverable(0), "nobody waits for those");
    assert_eq!(addressing.refused(0), 1);
}

#[test]
fn an_address_whose_duplicates_are_looked_for_is_not_covered_and_waited_for() {
    let mut addressing = Addressing::default();
    for last in 0..=MANY {
        let plan = AddressPlan { detects_duplicates: last == 0, ..plan(0, last) };
        addressing.insert(0, plan, "ens33".into(), false);
    }
    addressing.device("ens33", Some(2));
    addressing.want(0, true);
    let mut requests = due_now(&mut addressing).into_iter();
    let Some(Request::Cover { addresses, .. }) = requests.as_slice().first() else { panic!("a cover") };
    assert!(!addresses.contains(&plan(0, 0).address) && addresses.len() == MANY);
    grant(&mut addressing, requests.next());
    assert!(!addressing.is_deliverable(0));
    grant(&mut addressing, requests.next());
    assert!(addressing.is_deliverable(0));
}

#[test]
fn each_device_and_each_family_has_a_cover_of_its_own() {
    let mut addressing = instances(&[MANY]);
    for last in 0..3 {
        addressing.insert(0, plan(9, last), "eth1".into(), false);
        let ipv6 = std::net::Ipv6Addr::from(u128::from(last as u8));
        addressing.insert(0, AddressPlan::plain(ipv6.into(), 128), "ens33".into(), false);
    }
    addressing.device("eth1", Some(3));
    addressing.device("ens33", Some(2));
    addressing.want(0, true);
    let covers = std::iter::from_fn(|| addressing.next_cover()).map(|request| match request {
        Request::Cover { ifindex, family, addresses, .. } => (ifindex, family, addresses.len()),
        Request::Uncover(_) | Request::Address(_) => panic!("a cover"),
    });
    let expected = [(2, Family::Ipv4, MANY), (3, Family::Ipv4, 3), (2, Family::Ipv6, 3)];
    assert_eq!(covers.collect::<Vec<_>>(), expected);
}

#[test]
fn a_device_that_goes_takes_its_cover_along() {
    let mut addressing = instances(&[MANY]);
    addressing.want(0, true);
    let cover = addressing.next();
    grant(&mut addressing, cover);
    addressing.device("ens33", None);
    assert_eq!(words(&due_now(&mut addressing)), ["uncover 1"]);
    assert!(addressing.is_deliverable(0), "nobody waits for a device that is absent");
}

/// What the kernel of a test has: it carries out what it is asked for in the order of the thread, routes first.
#[derive(Default)]
struct Kernel {
    covers: Vec<CoverId>,
    addresses: Vec<usize>,
    waiting: VecDeque<Request>,
}

impl Kernel {
    /// Carries out one request; `false` when none waits.
    fn work(&mut self, addressing: &mut Addressing) -> bool {
        let about_cover = self.waiting.iter().position(|request| !matches!(request, Request::Address(_)));
        let Some(request) = self.waiting.remove(about_cover.unwrap_or(0)) else { return false };
        match request {
            Request::Cover { id, .. } => {
                self.covers.push(id);
                addressing.covered(id, Ok(()));
            }
            Request::Uncover(id) => {
                self.covers.retain(|other| *other != id);
                addressing.uncovered(id, Ok(()));
            }
            Request::Address(change) => {
                let at = change.position.unwrap();
                match change.operation {
                    Operation::Add => self.addresses.push(at),
                    Operation::Remove => self.addresses.retain(|other| *other != at),
                }
                addressing.answered(&change, Ok(()));
            }
        }
        true
    }
}

proptest! {
    /// Whatever the minds and the kernel's pace: in the end there is what is wanted, and no route.
    #[test]
    fn every_change_of_mind_ends_in_the_state_of_the_plan(
        steps in proptest::collection::vec((0..2_usize, any::<bool>(), 0..30_usize, 0..30_usize), 1..12),
    ) {
        let mut addressing = instances(&[MANY, 3]);
        let mut kernel = Kernel::default();
        let mut wanted = [false, false];
        for (instance, wish, asked, carried_out) in steps {
            addressing.want(instance, wish);
            wanted[instance] = wish;
            for _ in 0..asked {
                kernel.waiting.extend(addressing.next());
            }
            for _ in 0..carried_out {
                kernel.work(&mut addressing);
            }
        }
        while !addressing.is_settled() {
            kernel.waiting.extend(addressing.next());
            kernel.work(&mut addressing);
        }
        prop_assert!(kernel.covers.is_empty() && kernel.waiting.is_empty());
        kernel.addresses.sort_unstable();
        let of = |instance: usize, range: Range<usize>| range.filter(move |_| wanted[instance]);
        let expected: Vec<usize> = of(0, 0..MANY).chain(of(1, MANY..MANY + 3)).collect();
        prop_assert_eq!(&kernel.addresses, &expected);
        prop_assert!(addressing.is_deliverable(0) && addressing.is_deliverable(1));
    }
}
