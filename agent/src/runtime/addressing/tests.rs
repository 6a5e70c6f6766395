//! What is asked of the kernel, in which order.

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
    let change = next(&mut addressing, Operation::Add);
    assert_eq!(addressing.answered(&change, Ok(())), None);
    addressing
}

/// The next request, which must be that.
fn next(addressing: &mut Addressing, operation: Operation) -> Change {
    let change = next_change(addressing);
    assert_eq!((change.position, change.operation), (Some(0), operation));
    change
}

/// The next request, which must be about an address.
fn next_change(addressing: &mut Addressing) -> Change {
    let Some(Request::Address(change)) = addressing.next() else { panic!("a request about an address") };
    change
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
    let change = next(&mut addressing, Operation::Add);
    addressing.want(0, false);
    assert_eq!(addressing.next(), None);
    addressing.answered(&change, Ok(()));
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
    let change = next(&mut addressing, Operation::Remove);
    addressing.answered(&change, Ok(()));
    addressing.want(0, true);
    let change = next(&mut addressing, Operation::Add);
    addressing.answered(&change, Ok(()));
    assert_eq!(addressing.disappeared(2, VIP, 32), []);
    assert_eq!(addressing.next(), None);
}

#[test]
fn a_report_of_our_own_removal_that_is_faster_than_the_answer_hides_no_later_one() {
    let mut addressing = active();
    addressing.want(0, false);
    let change = next(&mut addressing, Operation::Remove);
    assert_eq!(addressing.disappeared(2, VIP, 32), []);
    addressing.answered(&change, Ok(()));
    addressing.want(0, true);
    let change = next(&mut addressing, Operation::Add);
    addressing.answered(&change, Ok(()));
    assert_eq!(addressing.disappeared(2, VIP, 32), [(0, Notice::RemovedByOthers)]);
}

#[test]
fn a_foreign_address_that_goes_before_the_kernels_refusal_arrives_makes_room_for_ours() {
    let mut addressing = one();
    addressing.want(0, true);
    let change = next(&mut addressing, Operation::Add);
    assert_eq!(addressing.disappeared(2, VIP, 32), []);
    let result = Err(io::Error::from_raw_os_error(libc::EEXIST));
    assert_eq!(addressing.answered(&change, result), None);
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
    let change = next(&mut addressing, Operation::Add);
    let result = Err(io::Error::from_raw_os_error(libc::EACCES));
    let notice = addressing.answered(&change, result);
    assert!(matches!(notice, Some((0, Notice::Refused(_)))));
    assert!(addressing.is_deliverable(0), "nobody waits for what is refused");
    assert_eq!(addressing.next(), None);
    addressing.retry();
    next(&mut addressing, Operation::Add);
}

#[test]
fn a_dump_that_lacks_our_address_counts_as_removed() {
    let mut addressing = active();
    assert_eq!(addressing.compare(|_| true), []);
    assert_eq!(addressing.compare(|_| false), [(0, Notice::RemovedByOthers)]);
}

#[test]
fn an_instance_is_deliverable_when_the_kernel_has_answered_for_each_of_its_addresses() {
    let mut addressing = one();
    addressing.insert(1, AddressPlan::plain("10.0.0.4".parse().unwrap(), 32), "ens33".into(), false);
    addressing.insert(1, AddressPlan::plain("10.0.0.5".parse().unwrap(), 32), "absent".into(), false);
    addressing.device("ens33", Some(2));
    addressing.want(0, true);
    assert_eq!((addressing.is_deliverable(0), addressing.is_deliverable(1)), (false, true));
    let change = next(&mut addressing, Operation::Add);
    assert!(!addressing.is_deliverable(0), "it is under way");
    addressing.want(1, true);
    addressing.answered(&change, Ok(()));
    assert_eq!((addressing.is_deliverable(0), addressing.is_deliverable(1)), (true, false));
    let change = next_change(&mut addressing);
    addressing.answered(&change, Ok(()));
    assert!(addressing.is_deliverable(1), "nobody waits for a device that is absent");
}

#[test]
fn it_is_settled_when_every_request_is_answered() {
    let mut addressing = one();
    assert!(addressing.is_settled());
    addressing.want(0, true);
    assert_eq!((addressing.is_settled(), addressing.has_requests()), (false, true));
    let change = next(&mut addressing, Operation::Add);
    assert_eq!((addressing.is_settled(), addressing.has_requests()), (false, false));
    addressing.answered(&change, Ok(()));
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
    assert!(matches!(addressing.next(), Some(Request::Cover { .. })), "not counted");
    let requests: Vec<_> = std::iter::from_fn(|| addressing.next()).collect();
    assert_eq!((requests.len(), addressing.has_requests()), (REQUESTS_UNDER_WAY, false));
    let Request::Address(first) = &requests[0] else { panic!("a request about an address") };
    addressing.answered(first, Ok(()));
    assert!(addressing.has_requests());
    assert_eq!(next_change(&mut addressing).position, Some(REQUESTS_UNDER_WAY));
}

#[test]
fn the_answer_about_a_device_that_went_and_came_is_not_taken_for_the_new_ones() {
    let mut addressing = one();
    addressing.want(0, true);
    let old = next(&mut addressing, Operation::Add);
    addressing.device("ens33", None);
    addressing.device("ens33", Some(9));
    let new = next(&mut addressing, Operation::Add);
    addressing.answered(&old, Ok(()));
    assert!(!addressing.is_deliverable(0));
    addressing.answered(&new, Ok(()));
    assert_eq!((addressing.is_deliverable(0), addressing.is_settled()), (true, true));
}

#[test]
fn what_is_left_on_a_renamed_device_is_removed_there() {
    let mut addressing = active();
    addressing.take_back(2);
    addressing.device("ens33", None);
    let change = next_change(&mut addressing);
    assert_eq!((change.position, change.operation, change.ifindex), (None, Operation::Remove, 2));
    assert!(!addressing.is_settled());
    assert_eq!(addressing.answered(&change, Ok(())), None);
    assert!(addressing.is_settled());
}
